"""The glue between an asyncio transport and the engine in its client role.

Octets go into ``Connection.receive_data``, whose events become calls of the handlers; what the
engine wants to send is pulled from it whenever the transport has room. Requests wait in a queue
while there is no connection, and while the server allows no further stream.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections import deque
from typing import TYPE_CHECKING, Any, cast

from plait.http2 import (
    Config,
    Connection,
    ConnectionClosedError,
    ConnectionTerminated,
    DataReceived,
    ErrorCode,
    InformationalResponseReceived,
    PushedStreamReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    Role,
    StreamClosed,
    StreamReset,
    TrailersReceived,
    UsageError,
)

from .handler import BaseResponseHandler

if TYPE_CHECKING:
    import logging
    from collections.abc import Callable

    from plait.hpack import Field
    from plait.http2 import Event

    from .request import Request

# The transport's buffer beyond which nothing more is pulled from the engine, in octets.
_HIGH_WATER = 65_535
# Octets pulled from the engine at a time.
_PULL = 65_536
# Streams opened before the server has said how many it allows (the figure is nghttp2's).
_STREAMS_BEFORE_SETTINGS = 100
# Seconds that the server has to close the connection when all is said.
_LINGER = 2.0
# Seconds until a body source that had nothing, but did not defer, is asked again.
_STARVED_PAUSE = 0.002


class ClientProtocol(asyncio.Protocol):
    """One HTTP/2 connection of a client.

    :param loop: the loop that it lives in.
    :param config: what is announced to the server.
    :param logger: told what happens to the connection.

    :ivar transport: the asyncio transport; ``None`` before it is connected.
    :ivar failure: why the connection could not be used, if the server does not speak HTTP/2.
    :ivar closed: a future that is done when the connection has ended.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, config: Config, logger: logging.Logger
    ) -> None:
        self.loop = loop
        self.logger = logger
        self.connection = Connection(Role.CLIENT, config)
        self.transport: asyncio.Transport | None = None
        self.failure: ConnectionError | None = None
        self.closed: asyncio.Future[None] = loop.create_future()
        self._handlers: dict[int, BaseResponseHandler] = {}
        # Whom this connection was asked for: the server may push for no other.
        self._authorities: set[bytes] = set()
        self._queue: deque[Request] = deque()
        self._remote_address: Any = None
        self._certificate: Any = None
        self._settings_received = False
        self._closing = False
        self._goodbye_said = False
        self._hanging_up = False
        self._paused = False
        self._working = False
        self._again: asyncio.TimerHandle | None = None

    # --- asyncio.Protocol -----------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the preface and the requests that have waited."""
        self.transport = cast("asyncio.Transport", transport)
        self.transport.set_write_buffer_limits(high=_HIGH_WATER)
        self._remote_address = transport.get_extra_info("peername")
        self._certificate = transport.get_extra_info("peercert")
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            agreed = tls.selected_alpn_protocol()
            self.logger.info("alpn, protocol:%s", agreed)
            # RFC 9113 §3.3: over TLS, HTTP/2 is negotiated by ALPN.
            if agreed != "h2":
                self.failure = ConnectionError(
                    f"the server does not speak HTTP/2: it chose {agreed or 'nothing'} of ALPN h2"
                )
                self.transport.abort()
                return
        self.connection.initiate_connection()
        self._work()

    def data_received(self, data: bytes) -> None:
        """Act upon octets from the server."""
        self._work(self.connection.receive_data(data))

    def pause_writing(self) -> None:
        """The transport has enough to do."""
        self._paused = True

    def resume_writing(self) -> None:
        """The transport can take more."""
        self._paused = False
        self._work()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell every handler that nothing more will come."""
        self.logger.info("connection_lost%s", f": {exc}" if exc else "")
        self.abandon()

    def abandon(self) -> None:
        """End without a connection: what was sent is lost, what has waited was never asked."""
        self._closing = True
        if self._again is not None:
            self._again.cancel()
        handlers, self._handlers = self._handlers, {}
        for handler in handlers.values():
            self._close(handler, ErrorCode.INTERNAL_ERROR)
        self._refuse_queued()
        if not self.closed.done():
            self.closed.set_result(None)

    # --- for the client -------------------------------------------------------------------------

    def send_request(self, request: Request) -> None:
        """Send a request as soon as there is a stream for it.

        :raises ConnectionClosedError: if the connection has ended or is about to.
        :raises UsageError: for fields that do not make a request.
        """
        if self._closing or self.connection.closed:
            raise ConnectionClosedError("the connection has been closed")
        if self._queue or not self._has_room():
            self._queue.append(request)
        else:
            self._open(request)
        self._work()

    def close(self) -> None:
        """End the connection once every request so far has been answered."""
        self._closing = True
        self._work()

    def reset_stream(self, stream_id: int, error_code: int = ErrorCode.CANCEL) -> None:
        """Give up a stream; its handler gets ``on_close(error_code)``."""
        self.connection.reset_stream(stream_id, error_code)
        self._work()

    # --- for handlers ---------------------------------------------------------------------------

    def resume(self, stream_id: int) -> None:
        """Ask the body source of a stream again."""
        self.connection.resume(stream_id)
        self._work()

    def accept_push(self, promise: BaseResponseHandler, handler: BaseResponseHandler) -> None:
        """Let ``handler`` have the response to a promised request."""
        handler.scheme = promise.scheme
        handler.method = promise.method
        handler.host = promise.host
        handler.path = promise.path
        handler.pushed = True
        self._register(promise.stream_id, handler)

    def reject_push(self, promise: BaseResponseHandler) -> None:
        """Refuse the response to a promised request."""
        self._handlers.pop(promise.stream_id, None)
        self.connection.reset_stream(promise.stream_id, ErrorCode.NO_ERROR)
        self._work()

    # --- the work -------------------------------------------------------------------------------

    def _work(self, events: list[Event] | None = None) -> None:
        """Handle events, open streams and write, until there is nothing left to do.

        Handlers call back into this object while it works: what they ask for is done by the
        round that is under way.
        """
        if self._working:
            return
        self._working = True
        try:
            while True:
                for event in events or ():
                    self._handle(event)
                self._open_streams()
                self._say_goodbye()
                self._write()
                events = self.connection.take_events()
                if not events and not (self._queue and self._has_room()):
                    break
        finally:
            self._working = False
        self._finish()

    def _finish(self) -> None:
        """Close the transport when the connection is over, or come back to a starved body."""
        transport = self.transport
        if transport is None or transport.is_closing() or self._paused:
            return
        if self.connection.closed or self.connection.drained:
            self._hang_up(transport)
        elif self.connection.wants_write and self._again is None:
            self._again = self.loop.call_later(_STARVED_PAUSE, self._ask_again)

    def _ask_again(self) -> None:
        """Ask the bodies that had nothing."""
        self._again = None
        self._work()

    def _hang_up(self, transport: asyncio.Transport) -> None:
        """Everything is said: let the server close, which it may do a little later.

        To close at once would answer what it still sends with a reset, and that may destroy our
        last frames before it has read them.
        """
        if self._hanging_up:
            return
        self._hanging_up = True
        if transport.can_write_eof():
            transport.write_eof()
            self.loop.call_later(_LINGER, transport.close)
        else:
            transport.close()

    def _say_goodbye(self) -> None:
        """Send GOAWAY, once, when the end is wanted and every request has been sent."""
        due = self._closing and not self._queue and self.transport is not None
        if due and not self._goodbye_said and not self.connection.closed:
            self._goodbye_said = True
            self.connection.send_goaway(ErrorCode.NO_ERROR)

    def _has_room(self) -> bool:
        """Whether a request may be sent now."""
        if self.transport is None or not self.connection.can_open_stream:
            return False
        return self._settings_received or len(self._handlers) < _STREAMS_BEFORE_SETTINGS

    def _open(self, request: Request) -> None:
        """Send a request."""
        stream_id = self.connection.send_request(request.fields, request.body)
        self._authorities.update(authorities(request.fields))
        self._register(stream_id, request.handler)

    def _open_streams(self) -> None:
        """Send the requests that have waited, as far as the server allows."""
        while self._queue and self._has_room():
            request = self._queue.popleft()
            try:
                self._open(request)
            except (UsageError, TypeError):
                traceback.print_exc()
                self._close(request.handler, ErrorCode.INTERNAL_ERROR)

    def _register(self, stream_id: int, handler: BaseResponseHandler) -> None:
        """Let a handler have what comes on a stream."""
        handler.http2 = self
        handler.stream_id = stream_id
        handler.remote_address = self._remote_address
        handler.client_certificate = self._certificate
        self._handlers[stream_id] = handler

    def _write(self) -> None:
        """Pull from the engine what the transport has room for."""
        transport = self.transport
        if transport is None or transport.is_closing():
            return
        while not self._paused and not self._hanging_up:
            data = self.connection.data_to_send(_PULL)
            if not data:
                break
            transport.write(data)
        for _, error in self.connection.take_source_errors():
            traceback.print_exception(error, file=sys.stderr)

    # --- events ---------------------------------------------------------------------------------

    def _handle(self, event: Event) -> None:
        """Tell the handler that an event concerns."""
        if isinstance(event, DataReceived):
            self._on_data(event)
        elif isinstance(event, ResponseReceived):
            self._on_response(event)
        elif isinstance(event, StreamClosed | StreamReset):
            self._close(self._handlers.pop(event.stream_id, None), event.error_code)
        elif isinstance(event, TrailersReceived):
            handler = self._handlers.get(event.stream_id)
            if handler is not None:
                handler.trailers = event.headers
                self._call(handler, handler.on_response_done)
        elif isinstance(event, InformationalResponseReceived):
            handler = self._handlers.get(event.stream_id)
            if handler is not None:
                self._call(handler, handler.on_informational, event.status, event.headers)
        elif isinstance(event, PushedStreamReceived):
            self._on_promise(event)
        elif isinstance(event, RemoteSettingsChanged):
            self._settings_received = True
        elif isinstance(event, ConnectionTerminated):
            self._on_terminated(event)

    def _on_response(self, event: ResponseReceived) -> None:
        """The final header section of a response arrived."""
        handler = self._handlers.get(event.stream_id)
        if handler is not None:
            handler.take_response(event.headers)
            if self._call(handler, handler.on_headers) and event.end_stream:
                self._call(handler, handler.on_response_done)

    def _on_data(self, event: DataReceived) -> None:
        """A piece of a body arrived; it is credited when its handler has had it."""
        handler = self._handlers.get(event.stream_id)
        alive = handler is not None
        if handler is not None and event.data:
            alive = self._call(handler, handler.on_data, event.data)
        self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        if handler is not None and alive and event.end_stream:
            self._call(handler, handler.on_response_done)

    def _on_promise(self, event: PushedStreamReceived) -> None:
        """Ask the parent's handler whether a push is welcome."""
        # RFC 9113 §8.4.2: a push for which the server is not authoritative is a stream error.
        # It is for whom we asked it; that goes for every certificate, and without one.
        if not self._authorities.issuperset(authorities(event.headers)):
            self.connection.reset_stream(event.pushed_stream_id, ErrorCode.PROTOCOL_ERROR)
            return
        promise = BaseResponseHandler()
        self._register(event.pushed_stream_id, promise)
        promise.take_promise(event.headers)
        promise.pushed = True
        parent = self._handlers.get(event.parent_stream_id)
        code = ErrorCode.NO_ERROR
        if parent is not None:
            try:
                parent.on_push_promise(promise)
            except Exception:  # noqa: BLE001  # whatever a handler raises
                traceback.print_exc()
                code = ErrorCode.INTERNAL_ERROR
        if self._handlers.get(event.pushed_stream_id) is promise:
            del self._handlers[event.pushed_stream_id]
            self.connection.reset_stream(event.pushed_stream_id, code)

    def _on_terminated(self, event: ConnectionTerminated) -> None:
        """The server says goodbye, or broke the rules: no request may follow."""
        self._closing = True
        if event.error_code or not event.remote:
            self.logger.warning(
                "connection terminated, by:%s, error_code:%s, reason:%s %s",
                "server" if event.remote else "client",
                event.error_code,
                event.slug,
                event.additional_data.decode("ascii", "backslashreplace"),
            )
        self._refuse_queued()

    def _refuse_queued(self) -> None:
        """Tell the handlers whose requests were never sent."""
        while self._queue:
            self._close(self._queue.popleft().handler, ErrorCode.REFUSED_STREAM)

    def _close(self, handler: BaseResponseHandler | None, error_code: int) -> None:
        """Tell a handler, which is no longer registered, that its stream has closed."""
        if handler is None:
            return
        try:
            handler.on_close(int(error_code))
        except Exception:  # noqa: BLE001  # whatever a handler raises
            traceback.print_exc()

    def _call(
        self, handler: BaseResponseHandler, callback: Callable[..., object], *arguments: object
    ) -> bool:
        """Call a handler; if it raises, only its stream ends. Return whether it went well."""
        try:
            callback(*arguments)
        except Exception:  # noqa: BLE001  # whatever a handler raises
            traceback.print_exc()
            self.connection.reset_stream(handler.stream_id, ErrorCode.INTERNAL_ERROR)
            return False
        return True


def authorities(fields: list[Field]) -> set[bytes]:
    """Return whom a request is for: one, unless ``:authority`` and ``host`` differ."""
    return {value.lower() for name, value in fields if name in (b":authority", b"host")}
