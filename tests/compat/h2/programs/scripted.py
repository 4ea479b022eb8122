"""A server that answers by the path, in frames: what it does to a client stands in a function."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tests.http2.frames import (
    ACK,
    CANCEL,
    DATA,
    ENHANCE_YOUR_CALM,
    HEADERS,
    MAX_CONCURRENT_STREAMS,
    OK,
    REFUSED_STREAM,
    SETTINGS,
    Frame,
    FrameReader,
    block,
    continuation,
    data,
    goaway,
    headers,
    octets,
    ping,
    push_promise,
    raw_headers,
    rst_stream,
    settings,
    settings_ack,
    window_update,
)
from tests.support.process import PATIENCE


class Peer:
    """The server's end of one connection."""

    def __init__(self, connection: socket.socket) -> None:
        self.socket = connection
        self.reader = FrameReader(magic=True)
        self.frames: list[Frame] = []

    def send(self, *frames: Frame | bytes) -> None:
        self.socket.sendall(octets(frames))

    def until(self, enough: Callable[[Frame], bool]) -> Frame:
        """Reads until a frame will do; the frames before it are forgotten.

        Raises:
            EOFError: the client has gone before.
        """
        while True:
            while self.frames:
                frame = self.frames.pop(0)
                if frame.type == SETTINGS and not frame.flags & ACK:
                    self.send(settings_ack())
                if enough(frame):
                    return frame
            received = self.socket.recv(65536)
            if not received:
                raise EOFError
            self.frames += self.reader.feed(received)

    def request(self) -> tuple[int, str]:
        """Waits for the next request's fields."""
        frame = self.until(lambda frame: frame.type == HEADERS)
        return frame.stream_id, dict(frame.fields or ())[b":path"].decode()

    def serve(self) -> None:
        """Answers until the client has gone, or a script has closed the connection."""
        self.send(settings((MAX_CONCURRENT_STREAMS, 10)))
        while True:
            stream_id, path = self.request()
            SCRIPTS[path.lstrip("/")](self, stream_id)


Script = Callable[[Peer, int], None]


def answer(stream_id: int) -> list[Frame]:
    return [headers(stream_id, OK, end_stream=False), data(stream_id, b"fine", end_stream=True)]


def fine(peer: Peer, stream_id: int) -> None:
    peer.send(*answer(stream_id))


def refused(peer: Peer, stream_id: int) -> None:
    peer.send(rst_stream(stream_id, REFUSED_STREAM))


def reset_in_the_middle(peer: Peer, stream_id: int) -> None:
    begun = headers(stream_id, OK, end_stream=False), data(stream_id, b"not a")
    peer.send(*begun, rst_stream(stream_id, CANCEL))


def reset_behind_the_end(peer: Peer, stream_id: int) -> None:
    peer.send(*answer(stream_id), rst_stream(stream_id, 0))


def turned_away(peer: Peer, stream_id: int) -> None:
    peer.send(goaway(0, ENHANCE_YOUR_CALM, b"too much"))
    peer.socket.shutdown(socket.SHUT_WR)


def last_of_all(peer: Peer, stream_id: int) -> None:
    peer.send(*answer(stream_id), goaway(stream_id))
    peer.socket.shutdown(socket.SHUT_WR)


def one_a_connection(peer: Peer, stream_id: int) -> None:
    """As servers do that let a connection have so many requests: what is too much may be asked
    elsewhere."""
    if stream_id == 1:
        peer.send(*answer(1))
    else:
        peer.send(goaway(1))
        peer.socket.shutdown(socket.SHUT_WR)


def goaway_before_the_end(peer: Peer, stream_id: int) -> None:
    head, end = answer(stream_id)
    peer.send(head, goaway(stream_id), end)


def too_long(peer: Peer, stream_id: int) -> None:
    fields = [*OK, (b"content-length", b"2")]
    peer.send(headers(stream_id, fields, end_stream=False), answer(stream_id)[1])


def dropped(peer: Peer, stream_id: int) -> None:
    peer.send(headers(stream_id, OK, end_stream=False), data(stream_id, b"not a"))
    peer.socket.shutdown(socket.SHUT_WR)


def silent(peer: Peer, stream_id: int) -> None:
    pass


def interim(peer: Peer, stream_id: int) -> None:
    for status in (b"100", b"103"):
        peer.send(headers(stream_id, [(b":status", status)], end_stream=False))
    peer.send(*answer(stream_id))


def trailers(peer: Peer, stream_id: int) -> None:
    peer.send(headers(stream_id, OK, end_stream=False), data(stream_id, b"a body"))
    peer.send(headers(stream_id, [(b"x-after", b"the body")]))


def padded(peer: Peer, stream_id: int) -> None:
    peer.send(headers(stream_id, OK, end_stream=False, pad=20))
    for _ in range(50):
        peer.send(data(stream_id, b"12345", pad=250), data(stream_id, b""))
    peer.send(data(stream_id, b"", pad=0, end_stream=True))


def octet_by_octet(peer: Peer, stream_id: int) -> None:
    for octet in octets([ping(), *answer(stream_id)]):
        peer.send(bytes([octet]))


def large_head(peer: Peer, stream_id: int) -> None:
    fields = [*OK, *((b"x-%d" % n, b"v" * 500) for n in range(60))]
    octets = block(fields)
    parts = [octets[at : at + 8000] for at in range(0, len(octets), 8000)]
    peer.send(raw_headers(stream_id, parts.pop(0), end_headers=False))
    peer.send(
        *(
            continuation(stream_id, part, end_headers=not parts[n + 1 :])
            for n, part in enumerate(parts)
        )
    )


def without_a_status(peer: Peer, stream_id: int) -> None:
    peer.send(headers(stream_id, [(b"server", b"nobody")]))


def capitals(peer: Peer, stream_id: int) -> None:
    peer.send(headers(stream_id, [*OK, (b"X-Loud", b"1")]))


def pushed(peer: Peer, stream_id: int) -> None:
    peer.send(push_promise(stream_id, 2, [(b":method", b"GET")]))


def nonsense(peer: Peer, stream_id: int) -> None:
    peer.send(data(0, b"on no stream"))


def undecodable(peer: Peer, stream_id: int) -> None:
    peer.send(raw_headers(stream_id, b"\xff\xff\xff\xff\xff\xff\xff\xff"))


def of_a_stream_that_is_idle(peer: Peer, stream_id: int) -> None:
    peer.send(data(stream_id + 20, b"x"))


def window(peer: Peer, stream_id: int) -> None:
    """The client's credit: what it has used up is given back in small portions."""
    left = 5000
    peer.send(settings((4, 100)))
    while left:
        frame = peer.until(lambda frame: frame.type == DATA)
        left -= len(frame.payload)
        if left:
            peer.send(window_update(stream_id, len(frame.payload)))
    peer.send(*answer(stream_id))


SCRIPTS: dict[str, Script] = {
    script.__name__.replace("_", "-"): script
    for script in (
        fine,
        refused,
        reset_in_the_middle,
        reset_behind_the_end,
        turned_away,
        last_of_all,
        one_a_connection,
        goaway_before_the_end,
        too_long,
        dropped,
        silent,
        interim,
        trailers,
        padded,
        octet_by_octet,
        large_head,
        without_a_status,
        capitals,
        pushed,
        nonsense,
        undecodable,
        of_a_stream_that_is_idle,
        window,
    )
}


@contextmanager
def scripted() -> Iterator[int]:
    """The server, until the block ends; yields its port."""
    threads: list[threading.Thread] = []

    def talk(connection: socket.socket) -> None:
        with connection:
            connection.settimeout(PATIENCE)
            with suppress(EOFError, ConnectionError):
                Peer(connection).serve()

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threads.append(threading.Thread(target=talk, args=(connection,)))
            threads[-1].start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threads.append(threading.Thread(target=accept))
        threads[0].start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            for thread in threads:
                thread.join(PATIENCE)
                assert not thread.is_alive()
