"""The other end of one engine, driven by a script that reads like a trace.

::

    peer = facing_server()
    peer.sends(headers(1, GET)).expect(RequestReceived(1, GET, True)).wire()
    peer.connection.send_response(1, 200, [], b"hello")
    peer.wire(headers(1, OK, end_stream=False), data(1, b"hello", end_stream=True))

`expect` compares every event since the last `expect`, `wire` every frame since the last `wire`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from plait.http2 import Config, Connection, ConnectionTerminated, Event, Role, StreamReset

from .frames import (
    DATA,
    GOAWAY,
    PREFACE,
    RST_STREAM,
    WINDOW_UPDATE,
    Frame,
    FrameReader,
    error_code,
    last_stream,
    octets,
    ping,
    ping_ack,
    settings,
    settings_ack,
)


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Like:
    """Equal to any object of a type whose named attributes have the given values."""

    def __init__(self, kind: type, **attributes: object) -> None:
        self.kind = kind
        self.attributes = attributes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, self.kind) and all(
            getattr(other, name) == value for name, value in self.attributes.items()
        )

    __hash__ = None

    def __repr__(self) -> str:
        shown = ", ".join(f"{name}={value!r}" for name, value in self.attributes.items())
        return f"{self.kind.__name__}({shown}, …)"


def refused_connection(code: int, **more: object) -> Like:
    """The event of a connection that the engine ends for a fault of the peer."""
    return Like(ConnectionTerminated, error_code=code, remote=False, **more)


def refused_stream(stream_id: int, code: int, **more: object) -> Like:
    """The event of a stream that the engine resets for a fault of the peer."""
    return Like(StreamReset, stream_id=stream_id, error_code=code, remote_reset=False, **more)


class Goaway:
    """Equal to any GOAWAY frame with this code, and this last stream when one is given."""

    def __init__(self, code: int, last: int | None = None) -> None:
        self.code = code
        self.last = last

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Frame)
            and other.type == GOAWAY
            and error_code(other) == self.code
            and self.last in (None, last_stream(other))
        )

    __hash__ = None

    def __repr__(self) -> str:
        return f"GOAWAY(code={self.code}, last={self.last})"


class Peer:
    """Sends frames to an engine, collects the events and reads the frames that come back."""

    def __init__(self, connection: Connection, *, magic: bool = False) -> None:
        self.connection = connection
        self.reader = FrameReader(magic=magic)
        self.events: list[Event] = []
        self.frames: list[Frame] = []
        self.credit: Counter[int] = Counter()
        """Octets of window that the engine gave, by stream; 0 is the connection."""

    def sends(self, *frames: Frame | bytes) -> Peer:
        self.events += self.connection.receive_data(octets(frames))
        return self

    def pull(self, limit: int = 65_536) -> list[Frame]:
        """Take all that the engine wants to write, and give the frames that are new."""
        new: list[Frame] = []
        while True:
            wanted = self.connection.wants_write
            written = self.connection.data_to_send(limit)
            if not written:
                break
            assert wanted, "something was written that nobody had announced"
            new += self.reader.feed(written)
        assert self.reader.buffer == b"", "the output ends inside a frame"
        for frame in new:
            if frame.type == WINDOW_UPDATE:
                self.credit[frame.stream_id] += int.from_bytes(frame.payload, "big")
        self.frames += new
        return new

    def reads(self) -> list[Frame]:
        """Every frame that was not asked about yet."""
        self.pull()
        frames, self.frames = self.frames, []
        return frames

    def hears(self) -> list[Event]:
        """Every event that was not asked about yet."""
        self.events += self.connection.take_events()
        events, self.events = self.events, []
        return events

    def wire(self, *expected: object) -> Peer:
        assert self.reads() == list(expected)
        return self

    def expect(self, *expected: object) -> Peer:
        assert self.hears() == list(expected)
        return self

    def expect_any(self, *alternatives: object) -> Peer:
        """Exactly one event, and one of these."""
        events = self.hears()
        assert len(events) == 1, events
        assert any(events[0] == alternative for alternative in alternatives), events
        return self

    def clear(self) -> Peer:
        """Forget events and frames up to here."""
        self.reads()
        self.hears()
        return self

    def dies(self, code: int, *before: object) -> Peer:
        """The engine ended the connection: one event, one GOAWAY at the end, then silence."""
        events = self.hears()
        assert events == [*before, refused_connection(code)]
        slug = events[-1].slug
        assert slug == slug.lower()
        assert "." in slug
        frames = self.reads()
        assert frames, "no GOAWAY was written"
        assert frames[-1] == Goaway(code)
        assert self.connection.closed
        assert self.connection.receive_data(bytes(settings())) == []
        assert self.connection.data_to_send() == b""
        return self

    def loses(self, stream_id: int, code: int, *before: object) -> Peer:
        """The engine reset one stream for a fault, and the connection lives."""
        events = self.hears()
        assert events == [*before, refused_stream(stream_id, code)]
        assert "." in events[-1].slug
        frames = self.reads()
        resets = [frame for frame in frames if frame.type in (RST_STREAM, GOAWAY)]
        assert [(frame.stream_id, error_code(frame)) for frame in resets] == [(stream_id, code)]
        return self.lives()

    def lives(self) -> Peer:
        """The connection still answers a PING."""
        assert not self.connection.closed
        self.clear()
        self.sends(ping(b"is it up"))
        frames = self.reads()
        assert ping_ack(b"is it up") in frames, frames
        self.hears()
        return self

    def body(self, stream_id: int) -> bytes:
        """The DATA of one stream among the frames that were not asked about yet."""
        self.pull()
        return b"".join(
            f.payload for f in self.frames if (f.type, f.stream_id) == (DATA, stream_id)
        )


_kinds: list[type[Connection]] = [Connection]


@contextmanager
def made_of(kind: type[Connection]) -> Iterator[None]:
    """Peers made meanwhile face connections of this class."""
    _kinds.append(kind)
    try:
        yield
    finally:
        _kinds.pop()


def facing_server(
    config: Config | None = None,
    *their_settings: tuple[int, int],
    handshake: bool = True,
    **changes: object,
) -> Peer:
    """A client in front of an engine in the server's role."""
    connection = _kinds[-1](Role.SERVER, _config(config, changes))
    return _started(Peer(connection), PREFACE, their_settings, handshake)


def facing_client(
    config: Config | None = None,
    *their_settings: tuple[int, int],
    handshake: bool = True,
    **changes: object,
) -> Peer:
    """A server in front of an engine in the client's role."""
    connection = _kinds[-1](Role.CLIENT, _config(config, changes))
    return _started(Peer(connection, magic=True), b"", their_settings, handshake)


def _config(config: Config | None, changes: dict[str, object]) -> Config:
    config = config or Config(clock=Clock())
    return config.with_(**changes) if changes else config


def _started(
    peer: Peer, magic: bytes, their_settings: tuple[tuple[int, int], ...], handshake: bool
) -> Peer:
    peer.connection.initiate_connection()
    if handshake:
        peer.sends(magic, settings(*their_settings), settings_ack())
        peer.clear()
        peer.credit.clear()
    return peer
