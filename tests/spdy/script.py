"""The other end of one SPDY engine, driven by a script that reads like a trace.

::

    peer = facing_server(SPDY3)
    peer.sends(syn_stream(1)).expect(Got(syn_stream(1)), PeerFinished(1)).wire()
    peer.connection.send_response(1, OK, b"hello")
    peer.wire(syn_reply(1), data(1, b"hello", end=True)).expect(StreamClosed(1, 0))

`expect` compares every event since the last `expect`, `wire` every frame since the last `wire`.
Frames are those of `wire`, on both sides.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from plait.http2 import Role
from plait.spdy import frames
from plait.spdy.config import Config
from plait.spdy.connection import Connection
from plait.spdy.events import (
    ConnectionTerminated,
    Event,
    FrameInvalid,
    FrameNotSent,
    FrameReceived,
    FrameUnparsable,
)
from plait.spdy.limits import Limits

from .wire import (
    DATA,
    GOAWAY,
    RST_STREAM,
    SPDY2,
    SPDY3,
    SPDY3_1,
    VERSIONS,
    WINDOW_UPDATE,
    Frame,
    Reader,
    Writer,
    goaway,
    ping,
    wire_version,
)

# SPDY/3 is between the others, SPDY/3.1 without the window of the session: it can wait for the long
# tests.
every_version = pytest.mark.parametrize(
    "version", [SPDY2, pytest.param(SPDY3, marks=pytest.mark.slow), SPDY3_1]
)
mostly_one_version = pytest.mark.parametrize(
    "version", [*(pytest.param(v, marks=pytest.mark.slow) for v in VERSIONS[:-1]), VERSIONS[-1]]
)
"""For long tests: SPDY/3.1 in the ordinary suite, all versions in the slow one."""
with_windows = pytest.mark.parametrize("version", VERSIONS[1:])

NO_LIMITS = Limits(
    **{name: 10**12 for name in Limits.__slots__ if name.endswith(("burst", "answers"))}
)
"""Budgets that are never used up; sizes are limited as ever."""


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def seen(frame: frames.ControlFrame) -> Frame:
    """What the engine read, in the words of `wire`; the length is checked there, not here."""
    parts = {"kind": int(frame.frame_type), "flags": frame.flags}
    if isinstance(frame, frames.SynStream):
        parts |= {"associated": frame.associated_stream_id, "slot": frame.slot}
        parts |= {"priority": frame.priority}
    if isinstance(frame, frames.SynStream | frames.SynReply | frames.Headers):
        parts |= {"fields": tuple(sorted(frame.fields, key=lambda field: field[0]))}
    if isinstance(frame, frames.RstStream | frames.Goaway):
        parts |= {"status": frame.status}
    if isinstance(frame, frames.Settings):
        parts |= {"entries": tuple(frame.entries)}
    if isinstance(frame, frames.Ping):
        return Frame(number=frame.unique_id, **parts)
    if isinstance(frame, frames.WindowUpdate):
        parts |= {"number": frame.delta}
    if isinstance(frame, frames.Goaway):
        return Frame(stream_id=frame.last_good_stream_id, **parts)
    return Frame(stream_id=getattr(frame, "stream_id", 0), **parts)


class _Like:
    """Equal to an event that says the same."""

    kind: type[Event]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, self.kind) and self.same(other)

    __hash__ = None

    def same(self, other: object) -> bool:
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{k}={v!r}' for k, v in vars(self).items())})"


class Got(_Like):
    """The event of a valid frame."""

    kind = FrameReceived

    def __init__(self, frame: Frame) -> None:
        self.frame = frame

    def same(self, other: FrameReceived) -> bool:
        return seen(other.frame) == self.frame


class Invalid(_Like):
    """The event of a frame that broke a rule."""

    kind = FrameInvalid

    def __init__(self, frame: Frame, status: int, slug: str | None = None) -> None:
        self.frame = frame
        self.status = status
        self.slug = slug

    def same(self, other: FrameInvalid) -> bool:
        assert "." in other.slug
        frame = self.frame.with_(version=0)
        said = other.status, self.slug or other.slug
        return seen(other.frame) == frame and said == (self.status, other.slug)


class Unparsable(_Like):
    """The event of a frame that could not be read."""

    kind = FrameUnparsable

    def __init__(self, frame_type: int, error: int, payload: bytes | None = None) -> None:
        self.frame_type = frame_type
        self.error = error
        self.payload = payload

    def same(self, other: FrameUnparsable) -> bool:
        assert "." in other.slug
        assert len(other.head) == 8
        payload = other.payload if self.payload is None else self.payload
        return (other.frame_type, other.error, other.payload) == (
            *(self.frame_type, self.error),
            payload,
        )


class NotSent(_Like):
    """The event of a frame that was given up."""

    kind = FrameNotSent

    def __init__(self, frame: Frame, error: int) -> None:
        self.frame = frame
        self.error = error

    def same(self, other: FrameNotSent) -> bool:
        return (seen(other.frame), other.error) == (self.frame, self.error)


class Ended(_Like):
    """The event of a session that the engine ends."""

    kind = ConnectionTerminated

    def __init__(self, slug: str | None = None, status: int = 1) -> None:
        self.slug = slug
        self.status = status

    def same(self, other: ConnectionTerminated) -> bool:
        assert "." in other.slug
        assert other.message
        return (other.status, self.slug or other.slug) == (self.status, other.slug)


class Peer:
    """Sends frames to an engine, collects the events and reads the frames that come back."""

    def __init__(self, connection: Connection, version: int, cut: int = 0) -> None:
        self.connection = connection
        self.version = version
        self.cut = cut
        """Octets of a read; 0: all that is sent at once."""
        self.writer = Writer(version)
        self.reader = Reader(version)
        self.events: list[Event] = []
        self.frames: list[Frame] = []
        self.credit: Counter[int] = Counter()
        """Octets of window that the engine gave, by stream; 0 is the session."""

    def sends(self, *frames: Frame | bytes) -> Peer:
        octets = self.writer(*frames)
        for at in range(0, len(octets), self.cut or max(1, len(octets))):
            self.events += self.connection.receive_data(octets[at : at + (self.cut or 1 << 62)])
        return self

    def pull(self, limit: int = 65_536) -> list[Frame]:
        """Take all that the engine wants to write, and give the frames that are new."""
        new: list[Frame] = []
        while written := self.connection.data_to_send(limit):
            new += self.reader.feed(written)
        self.events += self.connection.take_events()
        assert self.reader.buffer == b"", "the output ends inside a frame"
        for frame in new:
            if frame.kind == WINDOW_UPDATE:
                self.credit[frame.stream_id] += frame.number
        self.frames += new
        return new

    def reads(self) -> list[Frame]:
        """Every frame that was not asked about yet."""
        self.pull()
        frames, self.frames = self.frames, []
        return frames

    def hears(self) -> list[Event]:
        """Every event that was not asked about yet."""
        new = self.connection.take_events()
        self.events += new
        events, self.events = self.events, []
        return events

    def wire(self, *expected: Frame) -> Peer:
        assert self.reads() == [self.as_read(frame) for frame in expected]
        return self

    def as_read(self, frame: Frame) -> Frame:
        """SPDY/2's GOAWAY has no status."""
        return frame.with_(status=0) if self.version == SPDY2 and frame.kind == GOAWAY else frame

    def expect(self, *expected: object) -> Peer:
        heard = self.hears()
        assert heard == list(expected), heard
        return self

    def clear(self) -> Peer:
        """Forget events and frames up to here."""
        self.reads()
        self.hears()
        return self

    def dies(self, *before: object, last: int = 0, slug: str | None = None) -> Peer:
        """The engine ended the session: one event and one GOAWAY, both last, then silence."""
        events = self.hears()
        assert events == [*before, Ended(slug)], events
        frames = self.reads()
        assert frames, "no GOAWAY was written"
        assert frames[-1] == self.as_read(goaway(last, 1))
        assert [frame.kind for frame in frames].count(GOAWAY) == 1
        return self.is_dead()

    def is_dead(self) -> Peer:
        """Nothing is heard and nothing said any more."""
        assert self.connection.failed
        self.sends(ping(1 if self.connection.role == Role.SERVER else 2))
        assert self.hears() == []
        assert self.connection.data_to_send() == b""
        assert not self.connection.want_read()
        assert not self.connection.want_write()
        return self

    def loses(self, stream_id: int, status: int, *events: object) -> Peer:
        """The engine reset one stream for a fault, and the session lives."""
        heard = self.hears()
        assert heard == list(events), heard
        frames = self.reads()
        ends = [(x.stream_id, x.status) for x in frames if x.kind in (RST_STREAM, GOAWAY)]
        assert ends == [(stream_id, status)], frames
        return self.lives()

    def lives(self) -> Peer:
        """The session still answers a PING."""
        assert not self.connection.failed
        self.clear()
        number = 1 if self.connection.role == Role.SERVER else 2
        self.sends(ping(number))
        frames = self.reads()
        assert ping(number) in frames, frames
        self.hears()
        return self

    def body(self, stream_id: int) -> bytes:
        """The DATA of one stream among the frames that were not asked about yet."""
        self.pull()
        return b"".join(f.body for f in self.frames if (f.kind, f.stream_id) == (DATA, stream_id))

    @property
    def foreign(self) -> int:
        """The version that the control frames of this session do not have."""
        return 5 - wire_version(self.version)


def facing_server(version: int, *, cut: int = 0, **changes: object) -> Peer:
    """A client in front of an engine in the server's role."""
    return Peer(Connection(Role.SERVER, version, _config(changes)), version, cut)


def facing_client(version: int, *, cut: int = 0, **changes: object) -> Peer:
    """A server in front of an engine in the client's role."""
    return Peer(Connection(Role.CLIENT, version, _config(changes)), version, cut)


def _config(changes: dict[str, object]) -> Config:
    limits = changes.pop("limits", None)
    if isinstance(limits, dict):
        limits = Limits(**limits)
    more = {} if limits is None else {"limits": limits}
    return Config(**({"clock": Clock()} | more | changes))


@contextmanager
def raising(kind: type[Exception]) -> Iterator[None]:
    with pytest.raises(kind) as caught:
        yield
    assert str(caught.value)
