"""What `urlfetch` is tested with: handlers that note what they learn, and servers made by hand."""

from __future__ import annotations

import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from plait.compat.spdylay import BaseSPDYStreamHandler, urlfetch
from tests.compat.spdylay_peer import Peer

PATIENCE = 10.0  # seconds

OK_HEAD = [(":status", "200 OK"), (":version", "HTTP/1.1")]
FIN = 1


class Noting(BaseSPDYStreamHandler):
    """Notes everything; the handlers of a class made by `noting` are in `made`, as they were."""

    made: list[Any]

    def __init__(self, url: str, fetcher: Any) -> None:
        super().__init__(url, fetcher)
        assert self.stream_id is None
        self.nv: list[list[tuple[str, str]]] = []
        self.data = b""
        self.errors: list[Any] = []
        self.status: int | None = None
        self.made.append(self)

    def on_header(self, nv: list[tuple[str, str]]) -> None:
        assert self.status is None
        assert self.stream_id is not None
        self.nv.append(nv)

    def on_data(self, data: bytes) -> None:
        assert self.status is None
        assert type(data) is bytes
        self.data += data

    def on_error(self, error: Any) -> None:
        assert self.status is None
        self.errors.append(error)

    def on_close(self, status_code: int) -> None:
        assert self.status is None, "closed twice"
        self.status = status_code

    @property
    def why(self) -> str:
        """What ended it early."""
        (error,) = self.errors
        return str(error)


def noting(**members: Any) -> type[Noting]:
    """A class of handlers of its own."""
    return type("Noting", (Noting,), {"made": [], **members})


def fetch(urls: Any, handler: type[Noting] | None = None, **options: Any) -> list[Any]:
    """Fetches, and returns the handlers, all of which are closed."""
    handler = handler or noting()
    options.setdefault("timeout", PATIENCE)
    urlfetch(urls, handler, **options)
    assert all(made.status is not None for made in handler.made)
    return handler.made


class Connected(Peer):
    """A server's end of a connection, made by hand."""

    def __init__(self, connection: socket.socket, version: int) -> None:
        super().__init__(version)
        self.socket = connection

    def send(self, *frames: bytes) -> None:
        self.socket.sendall(b"".join(frames))

    def next(self) -> tuple[Any, ...]:
        """The next frame; empty at the end."""
        head = self._octets(8)
        if not head:
            return ()
        (word,) = struct.unpack_from(">I", head, 4)
        (frame,) = self.read(head + self._octets(word & 0xFFFFFF))
        return frame

    def until(self, kind: str) -> list[tuple[Any, ...]]:
        """The frames up to one of a kind."""
        frames = [self.next()]
        while frames[-1][0] != kind:
            frames.append(self.next())
        return frames

    def requests(self, count: int) -> list[Any]:
        """The next SYN_STREAM frames, with the frames between them."""
        return [self.until("SYN_STREAM")[-1] for _ in range(count)]

    def until_end(self) -> list[tuple[Any, ...]]:
        """All frames that still come."""
        frames = []
        while frame := self.next():
            frames.append(frame)
        return frames

    def answer(self, stream_id: int, data: bytes = b"fine") -> None:
        self.send(self.syn_reply(stream_id, OK_HEAD), self.data(stream_id, data, FIN))

    def _octets(self, count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            more = self.socket.recv(count - len(octets))
            if not more:
                assert not octets, "the end came within a frame"
                return b""
            octets += more
        return octets


@contextmanager
def by_hand(
    script: Callable[[Connected], object], version: int = 4, tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    """A server for one connection; its URL without a slash. What the script raises is raised."""
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            connection, _ = listener.accept()
            connection.settimeout(PATIENCE)
            if tls is not None:
                connection = tls.wrap_socket(connection, server_side=True)
            with connection:
                script(Connected(connection, version))
        except BaseException as failure:  # noqa: BLE001 - it belongs to the test
            failures.append(failure)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(PATIENCE)
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            scheme, host = ("http", "127.0.0.1") if tls is None else ("https", "localhost")
            yield f"{scheme}://{host}:{listener.getsockname()[1]}"
        finally:
            thread.join(2 * PATIENCE)
    if failures:
        raise failures[0]
