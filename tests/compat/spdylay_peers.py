"""Servers of the spdylay API in a thread, and a blocking client over `plait.spdy.Connection`."""

from __future__ import annotations

import socket
import ssl
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Queue
from typing import Any, Self

from plait.compat.spdylay import BaseSPDYRequestHandler, ThreadedSPDYServer
from plait.http2 import Role
from plait.spdy import (
    Config,
    Connection,
    ConnectionTerminated,
    DataFrameReceived,
    DataReceived,
    FrameReceived,
    StreamClosed,
)
from plait.spdy import frames as spdy
from plait.spdy.constants import FLAG_FIN

PATIENCE = 10.0  # seconds
PLAIN = 4  # SPDY/3.1


@contextmanager
def serving(
    handler: Callable[..., BaseSPDYRequestHandler],
    *arguments: Any,
    server: type[ThreadedSPDYServer] = ThreadedSPDYServer,
    attributes: dict[str, Any] | None = None,
    **options: Any,
) -> Iterator[ThreadedSPDYServer]:
    """A server that is started; ended in good order, with no thread left."""
    with server(("127.0.0.1", 0), handler, *arguments, **options) as made:
        made.shutdown_timeout = 5.0
        for name, value in (attributes or {}).items():
            setattr(made, name, value)
        made.start()
        yield made
    assert threads_of(made) == {}


def threads_of(server: ThreadedSPDYServer) -> dict[str, bool]:
    """The threads that there are, and whether they are daemons."""
    port = f":{port_of(server)}"
    threads = [thread for thread in threading.enumerate() if thread.name.endswith(port)]
    return {thread.name.removesuffix(port): thread.daemon for thread in threads}


def port_of(server: ThreadedSPDYServer) -> int:
    port: int = server.server_address[1]
    return port


def connected(server: ThreadedSPDYServer) -> socket.socket:
    """A bare connection."""
    return socket.create_connection(("127.0.0.1", port_of(server)), PATIENCE)


@dataclass
class Answer:
    """What came on one stream."""

    fields: list[tuple[bytes, bytes]] = field(default_factory=list)
    data: bytearray = field(default_factory=bytearray)
    frames: int = 0
    ended: bool = False
    closed: int | None = None

    @property
    def head(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.fields}

    @property
    def status(self) -> str:
        return self.head[":status"]

    @property
    def body(self) -> bytes:
        return bytes(self.data)


class Client:
    """A client on a blocking socket: requests are sent at once, answers read when asked for."""

    def __init__(
        self,
        port: int,
        version: int = PLAIN,
        *,
        tls: ssl.SSLContext | None = None,
        config: Config | None = None,
    ) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls is not None:
            try:
                self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
            except BaseException:
                self.socket.close()
                raise
        self.connection = Connection(Role.CLIENT, version, config)
        self.answers: defaultdict[int, Answer] = defaultdict(Answer)
        self.frames: list[spdy.ControlFrame] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def request(
        self,
        path: str = "/",
        method: str = "GET",
        body: Any = None,
        *headers: tuple[str, str],
        **options: Any,
    ) -> int:
        """Sends a request, as far as the windows let it; the number of its stream."""
        fields = [
            (":method", method),
            (":path", path),
            (":version", "HTTP/1.1"),
            (":host", "localhost"),
            (":scheme", "https"),
            *headers,
        ]
        return self.send_request(fields, body, **options)

    def send_request(self, fields: list[tuple[str, str]], body: Any = None, **options: Any) -> int:
        octets = [(name.encode(), value.encode()) for name, value in fields]
        stream_id = self.connection.send_request(octets, body, **options)
        self.flush()
        return stream_id

    def flush(self) -> None:
        while data := self.connection.data_to_send():
            self.socket.sendall(data)
        self.take(self.connection.take_events())

    def read(self) -> bool:
        """Reads once; `False` at the end."""
        data = self.socket.recv(65536)
        self.take(self.connection.receive_data(data))
        self.flush()
        return bool(data)

    def take(self, events: Any) -> None:
        for event in events:
            match event:
                case FrameReceived(spdy.SynReply(stream_id=number) as frame):
                    self.answers[number].fields += frame.fields
                    self.answers[number].ended |= frame.end_stream
                case FrameReceived(frame):
                    self.frames.append(frame)
                case DataReceived(number, _, data):
                    self.answers[number].data += data
                case DataFrameReceived(number, flags, _):
                    self.answers[number].frames += 1
                    self.answers[number].ended |= bool(flags & FLAG_FIN)
                case StreamClosed(number, status):
                    self.answers[number].closed = int(status)
                case ConnectionTerminated():
                    raise AssertionError(event)

    def until(self, enough: Callable[[], object]) -> None:
        while not enough():
            assert self.read(), f"the end came first: {self.answers}"

    def answer(self, stream_id: int) -> Answer:
        """Reads until a stream is closed."""
        self.flush()
        found = self.answers[stream_id]
        self.until(lambda: found.closed is not None)
        return found

    def get(self, path: str = "/", method: str = "GET", body: Any = None, *headers: Any) -> Answer:
        return self.answer(self.request(path, method, body, *headers))

    def until_end(self) -> None:
        """Reads until the server closes."""
        while self.read():
            pass

    def received(self, kind: type[Any]) -> list[Any]:
        return [frame for frame in self.frames if isinstance(frame, kind)]


class Handler(BaseSPDYRequestHandler):
    """Notes errors and ends of streams; `log` is made afresh by `handling`."""

    log: Queue[tuple[Any, ...]]

    def on_error(self, problem: Exception, stream: Any = None) -> None:
        self.log.put(("error", type(problem), str(problem), stream and stream.stream_id))

    def on_stream_close(self, stream: Any, status_code: int) -> None:
        self.log.put(("close", stream.stream_id, status_code))


def handling(**members: Any) -> type[Handler]:
    """A handler class with these methods, and a log of its own."""
    return type("Handling", (Handler,), {"log": Queue(), **members})


def logged(handler: type[Handler], kind: str) -> tuple[Any, ...]:
    """The next entry of a kind; waits for it."""
    while True:
        entry = handler.log.get(timeout=PATIENCE)
        if entry[0] == kind:
            return entry


def ok(content: bytes = b"fine") -> Callable[[BaseSPDYRequestHandler], None]:
    """A `do_` method."""

    def do(self: BaseSPDYRequestHandler) -> None:
        self.send_response(200)
        self.wfile.write(content)

    return do


def echo(self: BaseSPDYRequestHandler) -> None:
    """A `do_` method that sends the body back."""
    self.send_response(200)
    if self.rfile is not None:
        self.send_file(self.rfile)
