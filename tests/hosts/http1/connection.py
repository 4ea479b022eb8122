"""A connection in HTTP/1 without sockets, an event loop, or a server: each step is a call."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from typing import Any

from plait.http2 import Config
from plait.server import TimeLimits
from plait.server.host import Cycle
from plait.server.http1 import H1Exchange, HTTP1Protocol
from plait.server.stats import Totals


class FakeTransport:
    """What the connection writes is kept in ``data``; ``full`` makes it ask for a pause."""

    def __init__(self, protocol: Any, secure: bool) -> None:
        self.protocol = protocol
        self.secure = secure
        self.data = bytearray()
        self.writes = 0
        self.reading = True
        self.closed = False
        self.aborted = False
        self.ended = False
        self.full_at: int | None = None

    def get_extra_info(self, name: str) -> Any:
        if name == "peername":
            return ("192.0.2.1", 50_000)
        if name == "sockname":
            return ("192.0.2.2", 80)
        return object() if name == "sslcontext" and self.secure else None

    def set_write_buffer_limits(self, high: int) -> None:
        self.high = high

    def get_write_buffer_size(self) -> int:
        return 0 if self.full_at is None else self.full_at

    def write(self, data: bytes) -> None:
        assert not self.ended
        self.data += data
        self.writes += 1
        if self.full_at is not None and len(self.data) >= self.full_at:
            self.protocol.pause_writing()

    def pause_reading(self) -> None:
        assert self.reading
        self.reading = False

    def resume_reading(self) -> None:
        assert not self.reading
        self.reading = True

    def can_write_eof(self) -> bool:
        return not self.secure

    def write_eof(self) -> None:
        self.ended = True

    def close(self) -> None:
        self.closed = True

    def abort(self) -> None:
        self.aborted = True


class FakeHandle:
    def cancel(self) -> None:
        pass


class FakeLoop:
    """Time stands still until a test moves it; callbacks wait for ``turn``."""

    def __init__(self) -> None:
        self.now = 100.0
        self.calls: deque[tuple[Callable[..., Any], tuple[Any, ...]]] = deque()

    def time(self) -> float:
        return self.now

    def call_soon(self, callback: Callable[..., Any], *arguments: Any) -> FakeHandle:
        self.calls.append((callback, arguments))
        return FakeHandle()

    def call_later(self, delay: float, callback: Any, *arguments: Any) -> FakeHandle:
        return FakeHandle()

    def turn(self) -> None:
        while self.calls:
            callback, arguments = self.calls.popleft()
            callback(*arguments)


class Recorder(Cycle):
    """Keeps what it is told, and does what the test says.

    :ivar heard: the names of what it was told, without ``data``.
    """

    def __init__(self, exchange: H1Exchange, answer: Callable[[Recorder], None] | None) -> None:
        self.exchange = exchange
        self.answer = answer
        self.heard: list[Any] = []
        self.body = b""
        self.takes = True

    def begin(self) -> None:
        self.heard.append("begin")
        if self.exchange.complete:
            self.go()

    def data(self, data: bytes) -> None:
        assert data
        self.body += data
        if self.takes:
            self.exchange.consumed(len(data))

    def end(self, trailers: list[tuple[bytes, bytes]]) -> None:
        self.heard.append(("end", trailers))
        self.go()

    def writable(self) -> None:
        self.heard.append("writable")

    def closed(self, error_code: int) -> None:
        self.heard.append(("closed", error_code))

    def leaving(self) -> None:
        self.heard.append("leaving")

    def go(self) -> None:
        if self.answer is not None:
            self.answer(self)


def hello(cycle: Recorder) -> None:
    cycle.exchange.respond(200, [(b"content-type", b"text/plain")], b"Hello")


class FakeServer:
    """Stands for the server and the host: ``cycles`` are those that were opened."""

    def __init__(self, **config: Any) -> None:
        self.config = Config(**config)
        self.log = logging.getLogger("plait.test.http1")
        self.time_limits = TimeLimits()
        self.close_timeout = 10.0
        self.is_closing = False
        self.h2c_upgrade = False
        self.observer: Any = None
        self.proxies: Any = None
        self.host = self
        self.answer: Callable[[Recorder], None] | None = hello
        self.cycles: list[Recorder] = []
        self.connections: set[Any] = set()
        self.totals = Totals()
        self.upgraded: tuple[Any, ...] | None = None
        self.make: Callable[..., Cycle] | None = None

    def open(self, exchange: Any) -> Cycle:
        if self.make is not None:
            return self.make(exchange)
        cycle = Recorder(exchange, self.answer)
        self.cycles.append(cycle)
        return cycle

    def connection_opened(self, connection: Any) -> None:
        self.connections.add(connection)

    def connection_closed(self, connection: Any) -> None:
        self.connections.discard(connection)
        self.totals.add(connection)

    def upgrade_to_h2c(self, *arguments: Any, **more: Any) -> None:
        self.upgraded = (*arguments, more)


class Connection:
    """A client's connection: ``send`` and ``receive``, each with the turns of the loop it takes."""

    def __init__(self, server: FakeServer | None = None, *, secure: bool = False) -> None:
        self.server = FakeServer() if server is None else server
        self.loop = FakeLoop()
        self.protocol = HTTP1Protocol(self.server, self.loop)  # type: ignore[arg-type]
        self.transport = FakeTransport(self.protocol, secure)
        self.protocol.connection_made(self.transport)  # type: ignore[arg-type]

    def send(self, data: bytes, *, one_by_one: bool = False) -> Connection:
        """Send octets, at once or each by itself."""
        for piece in [bytes((octet,)) for octet in data] if one_by_one else [data]:
            self.protocol.data_received(piece)
            self.loop.turn()
        return self

    def receive(self) -> bytes:
        """Return what came since the last call, but for the date."""
        self.loop.turn()
        data = bytes(self.transport.data)
        self.transport.data.clear()
        lines = [line for line in data.split(b"\r\n") if not line.startswith(b"date: ")]
        return b"\r\n".join(lines)

    def status(self) -> int:
        """Return the status of what came."""
        data = self.receive()
        assert data.startswith(b"HTTP/1.1 "), data
        return int(data[9:12])

    @property
    def cycle(self) -> Recorder:
        """The latest."""
        return self.server.cycles[-1]

    def reads(self) -> bool:
        """Whether the server reads what is sent."""
        return self.transport.reading

    def ended(self) -> bool:
        """Whether the server has closed its side."""
        return self.transport.ended or self.transport.closed or self.transport.aborted
