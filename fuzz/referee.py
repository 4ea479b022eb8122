"""Listens to one SPDY engine from outside: to what it hears, tells and says.

What the peer sends may be anything, so what it allows is an upper bound: credit counts whether the
engine took or refused it. What the engine says must be right to the octet, its zlib stream
included, and what it tells must be a life that streams can have.
"""

from __future__ import annotations

from collections import Counter

from plait.http2 import Role
from plait.spdy import (
    Connection,
    ConnectionTerminated,
    DataFrameReceived,
    DataReceived,
    Event,
    FrameReceived,
    PeerFinished,
    StreamClosed,
    frames,
)
from tests.spdy import wire as w

WINDOW = 65_536


class Referee:
    """Raises AssertionError when the engine breaks a rule."""

    def __init__(self, engine: Connection) -> None:
        self.engine = engine
        self.version = int(engine.version)
        self.reader = w.Reader(self.version)
        self.is_client = engine.role == Role.CLIENT
        self.heard_rest = b""
        # What the peer allows, and what was used of it.
        self.initial = WINDOW
        self.allowed: Counter[int] = Counter({0: WINDOW})
        self.sent: Counter[int] = Counter()
        # The life of streams: as told to the application, and as said to the peer.
        self.open: set[int] = set()
        self.closed: set[int] = set()
        self.finished: set[int] = set()
        self.pieces: Counter[int] = Counter()
        self.terminated = False
        self.begun: set[int] = set()
        self.replied: set[int] = set()
        self.ended: set[int] = set()
        self.last_begun = 0
        self.goaways = 0

    # --- what the engine hears ------------------------------------------------------------------

    def hears(self, octets: bytes) -> None:
        """The engine is about to be told this."""
        rest = self.heard_rest + octets
        at = 0
        while len(rest) - at >= 8:
            end = at + 8 + int.from_bytes(rest[at + 5 : at + 8], "big")
            if end > len(rest):
                break
            if rest[at] & 0x80:
                self.heard(int.from_bytes(rest[at + 2 : at + 4], "big"), rest[at + 8 : end])
            at = end
        self.heard_rest = rest[at:]

    def heard(self, kind: int, payload: bytes) -> None:
        """A control frame came, which may be as wrong as can be."""
        if kind == w.WINDOW_UPDATE and len(payload) == 8:
            stream_id = int.from_bytes(payload[:4], "big") & 0x7FFFFFFF
            self.allowed[stream_id] += int.from_bytes(payload[4:], "big") & 0x7FFFFFFF
        elif kind == w.SETTINGS:
            for at in range(4, len(payload) - 7, 8):
                # The flags may stand before or behind the identifier.
                if 7 in (payload[at], payload[at + 3]):
                    value = int.from_bytes(payload[at + 4 : at + 8], "big")
                    self.initial = max(self.initial, value if value < 2**31 else 0)

    # --- what the engine tells ------------------------------------------------------------------

    def told(self, events: list[Event]) -> None:
        """The engine told these."""
        for event in events:
            assert isinstance(event, Event)
            assert repr(event)
            if isinstance(event, FrameReceived):
                self.told_frame(event.frame)
            elif isinstance(event, DataReceived):
                self.told_data(event)
            elif isinstance(event, DataFrameReceived):
                assert event.stream_id in self.open
                assert self.pieces.pop(event.stream_id, 0) == event.length
            elif isinstance(event, PeerFinished):
                assert event.stream_id in self.open
                assert event.stream_id not in self.finished
                self.finished.add(event.stream_id)
            elif isinstance(event, StreamClosed):
                assert event.stream_id not in self.closed, f"{event} twice"
                self.closed.add(event.stream_id)
                self.open.discard(event.stream_id)
            elif isinstance(event, ConnectionTerminated):
                assert not self.terminated
                self.terminated = True

    def told_frame(self, frame: frames.ControlFrame) -> None:
        """A valid frame of the peer."""
        assert not self.terminated, f"{frame} after the end"
        if isinstance(frame, frames.SynStream):
            assert frame.stream_id not in self.open | self.closed
            assert frame.stream_id % 2 == self.is_client ^ 1
            self.open.add(frame.stream_id)
        elif isinstance(frame, frames.SynReply | frames.Headers):
            assert frame.stream_id in self.open
            assert frame.stream_id not in self.finished

    def told_data(self, event: DataReceived) -> None:
        """A piece of a body of the peer's."""
        assert not self.terminated
        assert event.data, "an empty piece"
        assert event.stream_id in self.open, f"{event} on a stream that is not open"
        assert event.stream_id not in self.finished
        self.pieces[event.stream_id] += len(event.data)

    # --- what the engine says -------------------------------------------------------------------

    def says(self, octets: bytes) -> None:
        """The engine said this: whole frames."""
        for frame in self.reader.feed(octets):
            self.said(frame)
        assert self.reader.buffer == b"", "the output ends inside a frame"

    def said(self, frame: w.Frame) -> None:
        """One frame of the engine's."""
        stream_id = frame.stream_id
        is_ours = stream_id % 2 == self.is_client
        if frame.kind == w.SYN_STREAM:
            assert stream_id > self.last_begun, "the ids go backwards"
            assert is_ours
            assert not self.goaways, "a stream after GOAWAY"
            self.last_begun = stream_id
            self.begun.add(stream_id)
            self.open.add(stream_id)
        elif frame.kind == w.SYN_REPLY:
            assert not is_ours
            assert stream_id not in self.replied, "a second reply"
            assert stream_id in self.open | self.closed, "a reply to nothing"
            self.replied.add(stream_id)
        elif frame.kind in (w.HEADERS, w.DATA):
            assert stream_id in (self.begun if is_ours else self.replied), f"{frame} too early"
        elif frame.kind == w.GOAWAY:
            self.goaways += 1
            assert self.goaways == 1
        if frame.kind in (w.SYN_STREAM, w.SYN_REPLY, w.HEADERS, w.DATA):
            assert stream_id not in self.ended, f"{frame} after the end"
            if frame.flags & w.FIN:
                self.ended.add(stream_id)
        if frame.kind == w.RST_STREAM and stream_id in self.begun | self.replied:
            self.ended.add(stream_id)
        if frame.kind == w.DATA:
            self.spends(stream_id, len(frame.body))

    def spends(self, stream_id: int, octets: int) -> None:
        """DATA is within what the peer ever allowed."""
        self.sent[stream_id] += octets
        self.sent[0] += octets
        if self.version != w.SPDY2 and octets:
            assert self.sent[stream_id] <= self.initial + self.allowed[stream_id]
        if self.version == w.SPDY3_1 and octets:
            assert self.sent[0] <= self.allowed[0], "more than the window of the session"

    # --- what must be so ------------------------------------------------------------------------

    def agrees(self) -> None:
        """Everything was pulled: the engine knows the streams that were told and said."""
        known = self.engine._state.streams.keys()
        assert known == self.open, f"the engine knows {known}, not {self.open}"
        assert self.engine.open_streams == len(known)
        if self.goaways and self.engine.failed:
            assert not self.engine.want_read()
            assert self.engine.data_to_send() == b""

    def is_over(self) -> None:
        """After the end nothing is heard any more."""
        if self.terminated:
            assert self.engine.failed
            assert self.goaways == 1
            assert self.engine.receive_data(w.Writer(self.version)(w.ping(1), w.ping(2))) == []
            assert self.engine.data_to_send() == b""
