"""A server written for h2: tells each client, in JSON, what it asked for.

python examples/asyncio_h2_echo.py --clear                     # on h2
python -m plait.compat examples/asyncio_h2_echo.py --clear     # the same program on plait
curl --http2-prior-knowledge -d some=data http://127.0.0.1:8000/path

Without --clear it speaks TLS, with localhost.pem and localhost-key.pem.
"""

import argparse
import asyncio
import contextlib
import io
import json
import logging
import ssl
import weakref
from collections import OrderedDict
from typing import NamedTuple

from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    DataReceived,
    RemoteSettingsChanged,
    RequestReceived,
    StreamEnded,
    StreamReset,
    WindowUpdated,
)
from h2.exceptions import ProtocolError
from h2.settings import SettingCodes

log = logging.getLogger("asyncio_h2_echo")


class RequestData(NamedTuple):
    """What has come of a request so far."""

    headers: OrderedDict
    data: io.BytesIO


class H2Protocol(asyncio.Protocol):
    """One connection.

    A fault on one stream never ends the others: what h2 or this program refuses there concerns
    that stream alone. Only when h2 says that the connection cannot go on is it closed.
    """

    def __init__(self):
        # Fields come as octets: a value that is not UTF-8 is one client's mistake, and h2 itself
        # would fail on it, in the midst of what the others have sent.
        self.conn = H2Connection(H2Configuration(client_side=False, header_encoding=None))
        self.transport = None
        self.stream_data = {}
        self.flow_control_futures = {}
        self.senders = {}
        self.can_write = True
        self.over = False

    # --- the transport --------------------------------------------------------------------------

    def connection_made(self, transport):
        self.transport = transport
        self.conn.initiate_connection()
        self.transport.write(self.conn.data_to_send())

    def connection_lost(self, exc):
        self.over = True
        for future in self.flow_control_futures.values():
            future.cancel()
        self.flow_control_futures = {}
        self.stream_data = {}
        for sender in self.senders.values():
            sender.cancel()

    def pause_writing(self):
        # Who does not read is not heard either: there would be no room for what he gets told.
        self.can_write = False
        self.transport.pause_reading()

    def resume_writing(self):
        self.can_write = True
        self.transport.resume_reading()
        self.window_updated(0, 0)

    def data_received(self, data):
        try:
            events = self.conn.receive_data(data)
        except ProtocolError:
            self.finish()
            return
        for event in events:
            try:
                self.handle(event)
            except ProtocolError:
                self.stream_reset(event.stream_id)  # its end came in the same read
            except Exception:
                log.exception("stream %d failed", event.stream_id)
                self.refuse(event.stream_id, ErrorCodes.INTERNAL_ERROR)
        self.flush()

    def flush(self):
        data = self.conn.data_to_send()
        if data and not self.over:
            self.transport.write(data)

    def finish(self):
        """Write what is left to say, and close."""
        self.flush()
        self.over = True
        self.transport.close()

    def close(self):
        """Tell the client that this is the end, and close."""
        with contextlib.suppress(ProtocolError):
            self.conn.close_connection()
        self.flush()
        self.transport.abort()

    # --- events ---------------------------------------------------------------------------------

    def handle(self, event):
        if isinstance(event, RequestReceived):
            self.request_received(event.headers, event.stream_id)
        elif isinstance(event, DataReceived):
            self.receive_data(event.data, event.flow_controlled_length, event.stream_id)
        elif isinstance(event, StreamEnded):
            self.stream_complete(event.stream_id)
        elif isinstance(event, StreamReset):
            self.stream_reset(event.stream_id)
        elif isinstance(event, WindowUpdated):
            self.window_updated(event.stream_id, event.delta)
        elif isinstance(event, RemoteSettingsChanged):
            if SettingCodes.INITIAL_WINDOW_SIZE in event.changed_settings:
                self.window_updated(None, 0)
        elif isinstance(event, ConnectionTerminated):
            self.finish()

    def request_received(self, headers, stream_id):
        fields = OrderedDict((text(name), text(value)) for name, value in headers)
        self.stream_data[stream_id] = RequestData(fields, io.BytesIO())

    def receive_data(self, data, flow_controlled_length, stream_id):
        # The connection's credit comes back for streams that are gone, too, or it would run out.
        self.conn.acknowledge_received_data(flow_controlled_length, stream_id)
        try:
            request = self.stream_data[stream_id]
        except KeyError:
            self.refuse(stream_id, ErrorCodes.PROTOCOL_ERROR)
        else:
            request.data.write(data)

    def stream_complete(self, stream_id):
        request = self.stream_data.pop(stream_id, None)
        if request is None:
            return
        answer = {
            "headers": request.headers,
            "body": text(request.data.getvalue()),
        }
        data = json.dumps(answer, indent=4).encode("utf-8")
        headers = (
            (":status", "200"),
            ("content-type", "application/json"),
            ("content-length", str(len(data))),
            ("server", "asyncio-h2"),
        )
        to_head = request.headers.get(":method") == "HEAD"
        self.conn.send_headers(stream_id, headers, end_stream=to_head)
        if not to_head:
            # It is kept here because the loop does not keep tasks.
            sender = asyncio.ensure_future(self.send_data(data, stream_id))
            self.senders[stream_id] = sender
            sender.add_done_callback(lambda _: self.senders.pop(stream_id))

    def stream_reset(self, stream_id):
        self.stream_data.pop(stream_id, None)
        for waiting in (self.flow_control_futures, self.senders):
            if stream_id in waiting:
                waiting[stream_id].cancel()
        self.flow_control_futures.pop(stream_id, None)

    def refuse(self, stream_id, error_code):
        """End a stream from our side, if it has not ended already."""
        self.stream_reset(stream_id)
        with contextlib.suppress(ProtocolError):
            self.conn.reset_stream(stream_id, error_code)

    # --- sending --------------------------------------------------------------------------------

    async def send_data(self, data, stream_id):
        """Send a body as the client's windows and the transport allow."""
        while data:
            try:
                while not self.can_write or self.conn.local_flow_control_window(stream_id) < 1:
                    await self.wait_for_flow_control(stream_id)
                size = min(
                    self.conn.local_flow_control_window(stream_id),
                    len(data),
                    self.conn.max_outbound_frame_size,
                )
                self.conn.send_data(stream_id, data[:size], end_stream=size == len(data))
            except (asyncio.CancelledError, ProtocolError):
                return  # the stream was reset, or the connection is lost
            self.flush()
            data = data[size:]
            await asyncio.sleep(0)  # the other streams' turn

    async def wait_for_flow_control(self, stream_id):
        future = asyncio.get_running_loop().create_future()
        self.flow_control_futures[stream_id] = future
        await future

    def window_updated(self, stream_id, delta):
        """Wake the sender of a stream, or with 0 or `None` those of all."""
        if stream_id:
            futures = [self.flow_control_futures.pop(stream_id, None)]
        else:
            futures = list(self.flow_control_futures.values())
            self.flow_control_futures = {}
        for future in futures:
            if future is not None and not future.done():
                future.set_result(delta)


def text(value):
    """What a client has sent, as text, which it is already where h2 decodes the fields."""
    return value if isinstance(value, str) else value.decode("utf-8", "replace")


# --- the program ----------------------------------------------------------------------------------


async def main(
    host="127.0.0.1", port=8000, *, cert="localhost.pem", key="localhost-key.pem", clear=False
):
    """Serve until cancelled."""
    context = None if clear else secure_context(cert, key)
    connections = weakref.WeakSet()

    def connected():
        connections.add(protocol := H2Protocol())
        return protocol

    loop = asyncio.get_running_loop()
    server = await loop.create_server(connected, host, port, ssl=context)
    host, port = server.sockets[0].getsockname()[:2]
    name = f"[{host}]" if ":" in host else host
    print(f"{'http' if clear else 'https'}://{name}:{port}/", flush=True)
    try:
        await asyncio.Event().wait()
    finally:
        server.close()
        for protocol in connections:
            if protocol.transport is not None:
                protocol.close()


def secure_context(cert, key):
    """A context for TLS that offers HTTP/2 and nothing else."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key)
    except OSError as problem:
        raise OSError(f"cannot use {cert} with {key}: {problem.strerror or problem}") from problem
    context.set_alpn_protocols(["h2"])
    return context


class Arguments(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"{self.prog}: {message}\n")


if __name__ == "__main__":
    arguments = Arguments(description=__doc__.partition("\n")[0])
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    arguments.add_argument("--cert", default="localhost.pem", help="the certificate, in PEM")
    arguments.add_argument("--key", default="localhost-key.pem", help="its key, in PEM")
    arguments.add_argument("--clear", action="store_true", help="clear text, without TLS")
    try:
        asyncio.run(main(**vars(arguments.parse_args())))
    except KeyboardInterrupt:
        pass
    except (OSError, OverflowError) as problem:
        arguments.error(problem)
