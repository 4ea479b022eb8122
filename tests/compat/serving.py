"""A server of the nghttp2 API in a thread of its own, and a client that is all frames."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Queue
from typing import Any, Self

from plait.compat.nghttp2 import BaseRequestHandler, HTTP2Server
from tests.http2.frames import (
    ACK,
    DATA,
    GET,
    GOAWAY,
    HEADERS,
    PREFACE,
    RST_STREAM,
    SETTINGS,
    Frame,
    FrameReader,
    error_code,
    headers,
    octets,
    settings,
    settings_ack,
)

PATIENCE = 10.0  # seconds


@contextmanager
def serving(
    handler: Any, address: tuple[str | None, int] = ("127.0.0.1", 0), **options: Any
) -> Iterator[HTTP2Server]:
    """Runs `serve_forever` until the block ends."""
    made: Queue[Any] = Queue()

    def run() -> None:
        try:
            server = HTTP2Server(address, handler, **options)
        except BaseException as problem:  # whatever it is, it belongs to the test
            made.put(problem)
            raise
        server.close_timeout = 0.2
        made.put(server)
        server.serve_forever()

    thread = threading.Thread(target=run)
    thread.start()
    server = made.get(timeout=PATIENCE)
    assert isinstance(server, HTTP2Server), server
    try:
        yield server
    finally:
        server.stop()
        thread.join(PATIENCE)
        assert not thread.is_alive()


def port_of(server: HTTP2Server) -> int:
    assert server.server is not None
    port: int = server.server.sockets[0].getsockname()[1]
    return port


class RawClient:
    """Sends frames, and reads frames until what was waited for has come."""

    def __init__(
        self,
        port: int,
        *their_settings: tuple[int, int],
        tls: ssl.SSLContext | None = None,
        greet: bool = True,
    ) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        if tls is not None:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.reader = FrameReader()
        self.frames: list[Frame] = []
        if greet:
            self.send(PREFACE, settings(*their_settings))
            self.until(lambda frame: frame.type == SETTINGS and not frame.flags & ACK)
            self.send(settings_ack())
            self.until(lambda frame: frame.type == SETTINGS and bool(frame.flags & ACK))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def send(self, *frames: Frame | bytes) -> None:
        self.socket.sendall(octets(frames))

    def read(self) -> list[Frame]:
        """The frames of one read; empty at the end of the stream."""
        received = self.socket.recv(65536)
        new = self.reader.feed(received) if received else []
        self.frames += new
        return new if received else [Frame(255, 0, 0)]

    def until(self, enough: Callable[[Frame], bool]) -> list[Frame]:
        """Reads until a frame will do; every frame so far, which are then forgotten."""
        while True:
            for index, frame in enumerate(self.frames):
                if enough(frame):
                    found = self.frames[: index + 1]
                    del self.frames[: index + 1]
                    return found
            assert self.read() != [Frame(255, 0, 0)], f"the end came after {self.frames}"

    def until_end(self, *stream_ids: int) -> list[Frame]:
        """Reads until these streams have ended, by END_STREAM or RST_STREAM."""
        left, found = set(stream_ids), []
        while left:
            found += self.until(
                lambda frame: (
                    frame.stream_id in left and (frame.end_stream or frame.type == RST_STREAM)
                )
            )
            left.discard(found[-1].stream_id)
        return found

    def until_closed(self) -> list[Frame]:
        """Everything up to the end of the connection."""
        while self.read() != [Frame(255, 0, 0)]:
            pass
        found, self.frames = self.frames, []
        return found

    def get(self, path: bytes = b"/", stream_id: int = 1) -> list[Frame]:
        """Sends a GET and reads the whole answer."""
        fields = [(n, path if n == b":path" else v) for n, v in GET]
        self.send(headers(stream_id, fields))
        return self.until_end(stream_id)


def body(frames: list[Frame], stream_id: int = 1) -> bytes:
    return b"".join(f.payload for f in frames if (f.type, f.stream_id) == (DATA, stream_id))


def head(frames: list[Frame], stream_id: int = 1) -> dict[bytes, bytes]:
    (found,) = [f for f in frames if (f.type, f.stream_id) == (HEADERS, stream_id)]
    assert found.fields is not None
    return dict(found.fields)


def resets(frames: list[Frame]) -> list[tuple[int, int]]:
    return [(f.stream_id, error_code(f)) for f in frames if f.type in (RST_STREAM, GOAWAY)]


class Recorder(BaseRequestHandler):
    """Writes down what happens; `log` is made afresh by `recording`."""

    log: Queue[tuple[Any, ...]]

    def on_headers(self) -> None:
        self.log.put(("headers", self.stream_id))

    def on_data(self, data: bytes) -> None:
        self.log.put(("data", self.stream_id, data))

    def on_request_done(self) -> None:
        self.log.put(("done", self.stream_id))

    def on_close(self, error_code: int) -> None:
        self.log.put(("close", self.stream_id, error_code))


def recording(**members: Any) -> type[Recorder]:
    """A `Recorder` with some of its callbacks replaced, and a log of its own."""
    return type("Recording", (Recorder,), {"log": Queue(), **members})


def entries(handler: type[Recorder], *, until: str = "close", count: int = 1) -> list[Any]:
    """What was written down, up to the `count`th entry of a kind."""
    found = []
    while count:
        found.append(handler.log.get(timeout=PATIENCE))
        count -= found[-1][0] == until
    return found
