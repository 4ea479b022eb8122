"""A client that speaks in single frames, to see exactly what a server says and when.

It knows no state machine: a test writes down what it sends, and reads what comes back.
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import struct
from collections.abc import AsyncIterator, Coroutine, Iterable
from typing import Any, NamedTuple, TypeVar

import hpack

from plait.server import BaseRequestHandler, HTTP2Server

T = TypeVar("T")

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS, PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE = range(9)
NAMES = (
    "DATA",
    "HEADERS",
    "PRIORITY",
    "RST_STREAM",
    "SETTINGS",
    "PUSH_PROMISE",
    "PING",
    "GOAWAY",
    "WINDOW_UPDATE",
)
END_STREAM, ACK, END_HEADERS = 1, 1, 4

# Settings
ENABLE_PUSH, MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 2, 3, 4

PATIENCE = 10.0  # seconds: a test that waits this long has failed


class Frame(NamedTuple):
    """One frame as it came; `fields` of header sections, `code` of RST_STREAM and GOAWAY."""

    type: int
    flags: int
    stream_id: int
    payload: bytes
    fields: list[tuple[str, str]] = []  # noqa: RUF012 - never changed
    code: int = -1

    @property
    def brief(self) -> tuple[str, int]:
        """The name of the type, and the stream (for PUSH_PROMISE, the promised one)."""
        if self.type == PUSH_PROMISE:
            return "PUSH_PROMISE", int.from_bytes(self.payload[:4], "big")
        return NAMES[self.type], self.stream_id

    @property
    def ends(self) -> bool:
        """Whether the frame ends its stream."""
        return self.type in (DATA, HEADERS) and bool(self.flags & END_STREAM)


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """The octets of one frame."""
    return (
        struct.pack(">I", len(payload))[1:]
        + bytes([kind, flags])
        + struct.pack(">I", stream_id)
        + payload
    )


def settings(values: dict[int, int] | None = None) -> bytes:
    """The octets of a SETTINGS frame."""
    payload = b"".join(struct.pack(">HI", *item) for item in (values or {}).items())
    return frame(SETTINGS, 0, 0, payload)


class RawClient:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.encoder = hpack.Encoder()
        self.decoder = hpack.Decoder()
        self.seen: list[Frame] = []

    def send(self, *octets: bytes) -> None:
        """Write at once, all in one piece."""
        self.writer.write(b"".join(octets))

    def request(
        self,
        stream_id: int,
        path: str = "/",
        *extra: tuple[str, str],
        method: str = "GET",
        end: bool = True,
    ) -> bytes:
        """The octets of a request's HEADERS."""
        fields = [
            (":method", method),
            (":scheme", "http"),
            (":authority", "example.com"),
            (":path", path),
            *extra,
        ]
        return self.headers(stream_id, fields, end=end)

    def headers(
        self, stream_id: int, fields: Iterable[tuple[str, str]], *, end: bool = True
    ) -> bytes:
        """The octets of HEADERS with these fields."""
        block = self.encoder.encode(list(fields))
        return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream_id, block)

    def data(self, stream_id: int, octets: bytes, *, end: bool = False) -> bytes:
        """The octets of DATA."""
        return frame(DATA, END_STREAM if end else 0, stream_id, octets)

    async def next(self) -> Frame | None:
        """The next frame; `None` at the end of the connection."""
        async with asyncio.timeout(PATIENCE):
            try:
                head = await self.reader.readexactly(9)
            except (asyncio.IncompleteReadError, ConnectionError):
                return None
            payload = await self.reader.readexactly(int.from_bytes(head[:3], "big"))
        kind, flags, stream_id = head[3], head[4], int.from_bytes(head[5:], "big")
        fields: list[tuple[str, str]] = []
        code = -1
        if kind == HEADERS:
            fields = self.decode(payload)
        elif kind == PUSH_PROMISE:
            fields = self.decode(payload[4:])
        elif kind == RST_STREAM:
            code = int.from_bytes(payload, "big")
        elif kind == GOAWAY:
            code = int.from_bytes(payload[4:8], "big")
        got = Frame(kind, flags, stream_id, payload, fields, code)
        self.seen.append(got)
        if kind == SETTINGS and not flags & ACK:
            self.send(frame(SETTINGS, ACK, 0))
        if kind == PING and not flags & ACK:
            self.send(frame(PING, ACK, 0, payload))
        return got

    def decode(self, block: bytes) -> list[tuple[str, str]]:
        """The fields of a block; octets above ASCII come as Latin-1."""
        fields = self.decoder.decode(block, raw=True)
        return [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields]

    async def until(self, kind: int, stream_id: int | None = None) -> Frame:
        """Read on to a frame of this type."""
        while True:
            got = await self.next()
            assert got is not None, f"the connection ended after {self.briefs()}"
            if got.type == kind and stream_id in (None, got.stream_id):
                if kind != SETTINGS or not got.flags & ACK:
                    return got

    async def stream(self, *stream_ids: int) -> list[Frame]:
        """The frames up to the end of all the named streams, those of SETTINGS and the like not
        included."""
        left = set(stream_ids)
        got: list[Frame] = []
        while left:
            each = await self.next()
            assert each is not None, f"the connection ended after {self.briefs()}"
            if each.stream_id:
                got.append(each)
            if each.ends or each.type == RST_STREAM:
                left.discard(each.stream_id)
        return got

    async def response(self, stream_id: int) -> tuple[list[tuple[str, str]], bytes]:
        """The fields and the body of a response."""
        frames = [each for each in await self.stream(stream_id) if each.stream_id == stream_id]
        assert all(each.type in (HEADERS, DATA) for each in frames), frames
        body = b"".join(each.payload for each in frames if each.type == DATA)
        return frames[0].fields, body

    async def settled(self) -> None:
        """Everything sent so far has been handled: a PING has gone there and back."""
        mark = b"settled!"
        self.send(frame(PING, 0, 0, mark))
        while True:
            got = await self.next()
            assert got is not None, "the connection ended"
            if got.type == PING and got.flags & ACK and got.payload == mark:
                return

    async def rest(self) -> list[Frame]:
        """All frames up to the end of the connection."""
        got: list[Frame] = []
        while (each := await self.next()) is not None:
            got.append(each)
        return got

    def briefs(self) -> list[tuple[str, int]]:
        """What has been read, in brief."""
        return [each.brief for each in self.seen]


@contextlib.asynccontextmanager
async def client_of(
    server: HTTP2Server,
    values: dict[int, int] | None = None,
    *,
    tls: ssl.SSLContext | None = None,
    greet: bool = True,
) -> AsyncIterator[RawClient]:
    """A client connected to a server; with `greet`, SETTINGS have gone both ways."""
    address = server.addresses[0]
    if isinstance(address, str):
        reader, writer = await asyncio.open_unix_connection(address)
    else:
        name = "localhost" if tls else None
        reader, writer = await asyncio.open_connection(*address[:2], ssl=tls, server_hostname=name)
    client = RawClient(reader, writer)
    try:
        if greet:
            client.send(PREFACE, settings(values))
            await client.until(SETTINGS)
            await client.settled()
            client.seen.clear()
        yield client
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


class Recorder(BaseRequestHandler):
    """Keeps what is called; answers when the request is complete."""

    calls: list[tuple[Any, ...]]
    handlers: list[Recorder]

    def __init__(self, http2: Any, stream_id: int) -> None:
        super().__init__(http2, stream_id)
        self.calls.append((stream_id, "init"))
        self.handlers.append(self)

    def on_headers(self) -> None:
        self.calls.append((self.stream_id, "headers"))

    def on_data(self, data: bytes) -> None:
        self.calls.append((self.stream_id, "data", data))

    def on_request_done(self) -> None:
        self.calls.append((self.stream_id, "done"))
        self.answer()

    def on_close(self, error_code: int) -> None:
        self.calls.append((self.stream_id, "close", error_code))

    def answer(self) -> None:
        self.send_response(200, [("content-type", "text/plain")], b"hello")


def recorder(**methods: Any) -> type[Recorder]:
    """A new subclass of `Recorder` with records of its own, and other methods."""
    return type("Handler", (Recorder,), {"calls": [], "handlers": [], **methods})


async def eventually(condition: Any) -> None:
    """Let the loop turn until something is true."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(0.002)


LOOPS = ("asyncio", "uvloop")
LOCAL = ("127.0.0.1", 0)


def run(work: Coroutine[Any, Any, T], loop: str = "asyncio") -> T:
    """Run a coroutine in a new loop of asyncio or uvloop."""
    factory = None
    if loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)
