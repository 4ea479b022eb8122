"""A connection of the Kyoukai backend without a socket, and the client at its other end."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine
from typing import Any, TypeVar

from plait.compat.kyoukai import H2KyoukaiProtocol
from plait.http2 import (
    Config,
    Connection,
    ConnectionTerminated,
    DataReceived,
    Event,
    ResponseReceived,
    Role,
    StreamReset,
)
from tests.http2.frames import Frame, FrameReader

T = TypeVar("T")

GET = [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "example.com")]
POST = [(":method", "POST"), *GET[1:]]


class App:
    """An application of section "what the application object must offer", without Werkzeug.

    `answer(request, context)` is a coroutine function that returns the response.
    """

    server_name: str | None = "kyoukai.example"

    def __init__(self, answer: Any = None) -> None:
        self.loop: Any = None
        self.finalized = 0
        self.contexts: list[Any] = []
        if answer is not None:
            self.answer = answer

    def finalize(self) -> None:
        self.finalized += 1

    def request_class(self, environ: Any) -> PlainRequest:
        return PlainRequest(environ)

    async def process_request(self, request: Any, parent_context: Any) -> Any:
        self.contexts.append(parent_context)
        return await self.answer(request)

    async def answer(self, request: Any) -> Any:
        return response(b"hello")


class PlainRequest:
    """As little as a request can be."""

    def __init__(self, environ: Any) -> None:
        self.environ = environ
        self.input = environ["wsgi.input"]


def response(*chunks: bytes, status: str = "200 OK", headers: Any = ()) -> Any:
    """A response as a WSGI callable."""

    def call(environ: Any, start_response: Any) -> Any:
        start_response(status, list(headers))
        return chunks

    return call


class Component:
    """As little as a component can be."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.port = 4444

    def get_server_name(self) -> str:
        return "kyoukai.example"


class TLS:
    """What a handshake has agreed on."""

    def __init__(self, alpn: str | None = "h2", cipher: str | None = None) -> None:
        self.alpn = alpn
        self.name = cipher

    def selected_alpn_protocol(self) -> str | None:
        return self.alpn

    def version(self) -> str:
        return "TLSv1.3" if self.name is None else "TLSv1.2"

    def cipher(self) -> Any:
        return (self.name, "TLSv1.2", 128)


class Wire(asyncio.Transport):
    """A transport that keeps what is written."""

    def __init__(self, tls: TLS | None, peer: Any = ("192.0.2.7", 55_555)) -> None:
        super().__init__()
        self.written = bytearray()
        self.closed = False
        self.known = {
            "peername": peer,
            "sockname": ("192.0.2.1", 4444),
            "sslcontext": tls and ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER),
            "ssl_object": tls,
        }

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        return self.known.get(name, default)

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def get_write_buffer_size(self) -> int:
        return 0

    def can_write_eof(self) -> bool:
        return False

    def write(self, data: Any) -> None:
        if not self.closed:
            self.written += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed


class Peer:
    """A client, and the protocol that it talks to."""

    def __init__(
        self,
        app: Any = None,
        *,
        config: Config | None = None,
        tls: TLS | None = TLS(),  # noqa: B008 - nobody changes it
        component: Any = None,
        context: Any = None,
        address: Any = ("192.0.2.7", 55_555),
    ) -> None:
        self.component = component or Component(app or App())
        self.protocol = H2KyoukaiProtocol(self.component, context)
        self.wire = Wire(tls, address)
        self.client = Connection(Role.CLIENT, config)
        self.events: list[Event] = []
        self.octets = b""
        self.takes = True  # bodies are read, and credit is given
        self.protocol.connection_made(self.wire)
        self.client.initiate_connection()
        self.exchange()

    def exchange(self) -> None:
        """Octets go both ways until nobody has any."""
        while True:
            sent = self.client.data_to_send()
            if sent:
                self.protocol.data_received(sent)
            got = bytes(self.wire.written)
            self.wire.written.clear()
            self.octets += got
            events = self.client.receive_data(got)
            self.events += events
            for event in events:
                if self.takes and isinstance(event, DataReceived):
                    self.give_credit(event)
            if not got and not sent:
                return

    def give_credit(self, event: DataReceived) -> None:
        octets = event.flow_controlled_length
        self.client.acknowledge_received_data(octets, event.stream_id)

    def raw(self, octets: bytes) -> None:
        """Octets that the client's engine knows nothing of."""
        self.exchange()
        self.protocol.data_received(octets)

    def request(self, fields: Any = GET, body: Any = None, **more: Any) -> int:
        stream_id = self.client.send_request(fields, body, **more)
        self.exchange()
        return stream_id

    async def turn(self, times: int = 3) -> None:
        """Let tasks run, and exchange what they cause."""
        for _ in range(times):
            await asyncio.sleep(0)
            self.exchange()

    async def until(self, condition: Any) -> None:
        async with asyncio.timeout(10):
            while not condition():
                await self.turn(1)

    async def ended(self, stream_id: int) -> tuple[int, bytes]:
        """The status and the body of a response."""
        await self.until(lambda: self.is_over(stream_id))
        return self.response(stream_id)

    def is_over(self, stream_id: int) -> bool:
        return any(
            getattr(event, "end_stream", isinstance(event, StreamReset))
            for event in self.events
            if getattr(event, "stream_id", 0) == stream_id
        )

    def response(self, stream_id: int) -> tuple[int, bytes]:
        status = [
            event.status
            for event in self.events
            if isinstance(event, ResponseReceived) and event.stream_id == stream_id
        ]
        return (status or [0])[0], self.body(stream_id)

    def fields(self, stream_id: int) -> dict[bytes, bytes]:
        (found,) = [
            event.headers
            for event in self.events
            if isinstance(event, ResponseReceived) and event.stream_id == stream_id
        ]
        return dict(found)

    def body(self, stream_id: int) -> bytes:
        return b"".join(
            event.data
            for event in self.events
            if isinstance(event, DataReceived) and event.stream_id == stream_id
        )

    def resets(self) -> list[tuple[int, int]]:
        return [(e.stream_id, e.error_code) for e in self.events if isinstance(e, StreamReset)]

    def goaways(self) -> list[int]:
        return [e.error_code for e in self.events if isinstance(e, ConnectionTerminated)]

    def frames(self) -> list[Frame]:
        """Every frame that came."""
        return FrameReader().feed(self.octets)

    def lose(self, error: Exception | None = None) -> None:
        """The connection breaks."""
        self.wire.close()
        self.protocol.connection_lost(error)


def run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)
