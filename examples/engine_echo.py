"""The engine within a plain asyncio.Protocol: every request's body comes back.

What is received is given back to the engine (`acknowledge_received_data`) as it leaves again, so
that a client which does not read its answer cannot send more than one window of it.

python examples/engine_echo.py [PORT]
curl --http2-prior-knowledge --data-binary @FILE http://127.0.0.1:8080/
"""

import asyncio
import sys
from collections import deque

from plait.http2 import (
    DATA_DEFERRED,
    DATA_EOF,
    DATA_OK,
    Connection,
    DataReceived,
    RequestReceived,
    StreamClosed,
    StreamReset,
    TrailersReceived,
)


class Echo:
    """A body source: what has come in on a stream and has not left yet."""

    def __init__(self, engine, stream_id):
        self.engine = engine
        self.stream_id = stream_id
        self.chunks = deque()
        self.complete = False

    def add(self, data, complete):
        if data:
            self.chunks.append(data)
        self.complete = complete
        self.engine.resume(self.stream_id)

    def read(self, most):
        if not self.chunks:
            return b"", DATA_EOF if self.complete else DATA_DEFERRED
        data = self.chunks.popleft()
        if len(data) > most:
            self.chunks.appendleft(data[most:])
            data = data[:most]
        self.engine.acknowledge_received_data(len(data), self.stream_id)
        return data, DATA_EOF if self.complete and not self.chunks else DATA_OK


class EchoProtocol(asyncio.Protocol):
    def __init__(self):
        self.engine = Connection()
        self.echoes = {}
        self.can_write = True

    def connection_made(self, transport):
        self.transport = transport
        self.engine.initiate_connection()
        self.flush()

    def data_received(self, data):
        for event in self.engine.receive_data(data):
            self.handle(event)
        self.flush()

    def handle(self, event):
        if isinstance(event, RequestReceived):
            echo = Echo(self.engine, event.stream_id)
            echo.complete = event.end_stream
            self.echoes[event.stream_id] = echo
            self.engine.send_response(event.stream_id, 200, [], echo)
        elif isinstance(event, DataReceived):
            self.echoes[event.stream_id].add(event.data, event.end_stream)
        elif isinstance(event, TrailersReceived):
            self.echoes[event.stream_id].add(b"", True)
        elif isinstance(event, StreamClosed | StreamReset):
            self.echoes.pop(event.stream_id, None)

    def flush(self):
        while self.can_write and (data := self.engine.data_to_send()):
            self.transport.write(data)
        for event in self.engine.take_events():
            self.handle(event)
        if self.engine.closed or self.engine.drained:
            self.transport.close()

    def pause_writing(self):
        self.can_write = False

    def resume_writing(self):
        self.can_write = True
        self.flush()


async def main(port):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(EchoProtocol, "127.0.0.1", port)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/", flush=True)
    await server.serve_forever()


asyncio.run(main(int(sys.argv[1]) if sys.argv[1:] else 8080))
