"""The target `spdy`: one engine between a peer and an application that do anything.

The first octet chooses role and version. The rest is a program of `fuzz.program`, with operations
of its own, or, if the first octet says so, what the peer says as it is. Everything is played twice:
read by read as the program says, and with the same reads cut into pieces. Both must tell the same,
and a `Referee` listens to what is said.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from fuzz import program
from fuzz.cursor import Cursor
from fuzz.referee import Referee
from plait.http2 import DATA_DEFERRED, DATA_EOF, DATA_OK, Role
from plait.spdy import (
    BodyFailed,
    Config,
    Connection,
    ConnectionTerminated,
    DataInvalid,
    DataReceived,
    Event,
    Limits,
    PeerFinished,
    UsageError,
)
from tests.spdy import wire as w

Trace = Callable[[str], None]

# The first octet: three bits for role and version, then these.
MANUAL, TIGHT, ANSWERS, RAW = 8, 16, 32, 64
CUT_SIZES = (1, 2, 3, 5, 7, 8, 9, 11, 13, 17, 64, 1000)
WINDOWS = (None, 0, 1, 100, 5000, 70_000, 2**31 - 1)
STREAMS = (None, 0, 1, 3, 100)

(
    SYN_STREAM,
    SYN_REPLY,
    HEADERS,
    DATA,
    RST_STREAM,
    SETTINGS,
    PING,
    GOAWAY,
    WINDOW_UPDATE,
    ANY_FRAME,
    BLOCK,
    PAIRS,
    OCTETS,
    REPEAT,
    REQUEST,
    RESPOND,
    REPLY,
    MORE_HEADERS,
    SEND_DATA,
    PUSH,
    RESET,
    SAY,
    GIVE,
    CONSUME,
    RESUME,
    PULL,
    WAIT,
) = range(27)
OPERATIONS = WAIT + 1

NAMES = (b":path", b":status", b"x", b"host", b"status", b"url", b"", b"Bad", b"n" * 300)
VALUES = (b"", b"v", b"\0", b"a\0b", b"a\0\0b", b"\r\n", b"\xff", b"v" * 1000, b"v" * 70_000)
HEADER_FRAMES = (w.SYN_STREAM, w.SYN_REPLY, w.HEADERS)
SIZES = (0, 1, 100, 4096, 9000, 40_000, 66_000, 100_000)
DEPENDS_ON_CUTS = frozenset({"answers.unread", "stream.window", "session.window"})
"""Slugs of what a peer does between two reads, or within one."""


class BrokenSource(Exception):
    """Stands for whatever a body source did wrong."""


BROKEN = BrokenSource()


class Clock:
    """Seconds that pass when the program says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The time, in seconds."""
        return self.now


def limits(is_tight: bool) -> Limits:
    """The ordinary limits, or some that are soon reached."""
    if not is_tight:
        return Limits()
    return Limits(
        max_fields=5,
        max_block_octets=1000,
        max_inflated_octets=60_000,
        wasted_burst=80_000,
        max_control_octets=2000,
        reset_burst=3,
        provoked_reset_burst=3,
        control_burst=20,
        empty_data_burst=3,
        max_unsent_answers=10,
        max_open_streams=5,
        max_window_excess=10,
    )


class Play:
    """One engine, its peer and its application."""

    def __init__(self, head: bytes, cut: int) -> None:
        kind = (head[0] & 7) % 6
        self.version = w.VERSIONS[kind // 2]
        self.is_client = kind % 2 == 1
        self.answers = bool(head[0] & ANSWERS)
        self.cut = cut
        self.clock = Clock()
        config = Config(
            manual_credit=bool(head[0] & MANUAL),
            limits=limits(bool(head[0] & TIGHT)),
            initial_window_size=WINDOWS[head[2] % len(WINDOWS)],
            max_concurrent_streams=STREAMS[head[3] % len(STREAMS)],
            clock=self.clock,
        )
        role = Role.CLIENT if self.is_client else Role.SERVER
        self.engine = Connection(role, self.version, config)
        self.referee = Referee(self.engine)
        self.writer = w.Writer(self.version)
        self.next_id = 2 if self.is_client else 1
        self.last = b""
        self.told: list[Event] = []
        self.said = b""
        self.unconsumed: list[tuple[int, int]] = []
        self.compares = True

    # --- the wire -------------------------------------------------------------------------------

    def hears(self, octets: bytes) -> None:
        """The engine is told something, in one read or in many."""
        self.referee.hears(octets)
        size = self.cut or len(octets) or 1
        events: list[Event] = []
        for at in range(0, len(octets), size):
            events += self.engine.receive_data(octets[at : at + size])
        self.takes(events)

    def takes(self, events: list[Event]) -> None:
        """The application learns of events."""
        self.referee.told(events)
        for event in events:
            self.note(event)
        for event in events:
            if isinstance(event, DataReceived) and self.engine._state.config.manual_credit:
                self.unconsumed.append((event.stream_id, len(event.data)))
            if self.answers and isinstance(event, PeerFinished) and not self.is_client:
                self.attempt(lambda e=event: self.engine.send_response(e.stream_id, w.OK, b"x"))

    def note(self, event: Event) -> None:
        """Keep an event; the pieces of a frame as one."""
        if isinstance(event, DataInvalid | ConnectionTerminated) and event.slug in DEPENDS_ON_CUTS:
            self.compares = False
        if isinstance(event, BodyFailed):
            # Of two errors that say the same, none is equal to the other.
            event = BodyFailed(event.stream_id, BROKEN)
        before = self.told[-1] if self.told else None
        if isinstance(event, DataReceived) and isinstance(before, DataReceived):
            if before.stream_id == event.stream_id:
                self.told[-1] = DataReceived(event.stream_id, event.flags, before.data + event.data)
                return
        self.told.append(event)

    def pull(self) -> None:
        """The transport takes all there is."""
        for _ in range(300):
            octets = self.engine.data_to_send(1 << 20)
            self.said += octets
            self.referee.says(octets)
            self.takes(self.engine.take_events())
            if not octets and not self.engine.want_write():
                break
        else:
            raise AssertionError("there is always something to be written")
        self.referee.agrees()

    def attempt(self, call: Callable[[], object]) -> None:
        """The application asks for something that may make no sense."""
        with suppress(UsageError):
            call()

    # --- the program ----------------------------------------------------------------------------

    def step(self, operation: program.Operation) -> None:
        """One operation."""
        code = operation.code % OPERATIONS
        cursor = Cursor(operation.operand)
        if code <= OCTETS:
            self.last = self.peer_says(code, cursor)
            self.hears(self.last)
        elif code == REPEAT:
            self.hears(self.last[:2000] * (cursor.below(60) + 1))
        elif code == PULL:
            self.pull()
        elif code == WAIT:
            self.clock.now += cursor.octet()
        else:
            self.attempt(lambda: self.application(code, cursor))

    def some_id(self, cursor: Cursor) -> int:
        """A stream: a low one, one of the latest, a new one of the peer's, or an odd one."""
        choice = cursor.octet()
        if choice < 50:
            return choice % 16
        if choice < 100:
            return max(0, self.next_id - 2 - 2 * (choice % 3))
        if choice < 240:
            self.next_id += 2
            return self.next_id - 2
        return (0, 2**31 - 1, 2**31 - 2, 1000)[choice % 4]

    def some_fields(self, cursor: Cursor, version: int = 0) -> list[w.Field]:
        """Headers, good ones and bad ones, that a frame of this version has room for."""
        is_short = cursor.left() <= 1
        choice = cursor.octet()
        if is_short or choice >= 0x60:
            return list(w.GET[: choice % 6])
        count = min(choice % 9, cursor.left())
        longest = 7_000 if w.SPDY2 in (self.version, version) else 100_000
        return [
            (NAMES[cursor.below(len(NAMES))], VALUES[cursor.below(len(VALUES))][:longest])
            for _ in range(count)
        ]

    def peer_says(self, code: int, cursor: Cursor) -> bytes:
        """The octets of what the peer sends."""
        if code == OCTETS:
            return cursor.take(255)
        if code == ANY_FRAME:
            kind, flags, version = cursor.below(14), cursor.octet(), cursor.below(5)
            version = w.wire_version(self.version) if version > 3 else version
            length = cursor.number(2) if flags & 0x80 else -1
            return w.control(kind, cursor.take(255), flags & 3, version=version, length=length)
        if code in (BLOCK, PAIRS):
            frame = self.frame(HEADER_FRAMES[cursor.below(3)], cursor)
            block = cursor.take(255)
            if code == PAIRS:
                block = self.writer.compress(block * (1 + 99 * (cursor.data[-1:] == b"\xff")))
            return self.writer.with_block(frame, block)
        if code == DATA:
            stream_id, flags = self.some_id(cursor), cursor.octet()
            body = cursor.take(255)
            body = body or bytes(SIZES[flags >> 1 & 7])
            return self.writer(w.data(stream_id, body, end=bool(flags & 1)))
        return self.writer(self.frame(KINDS[code], cursor))

    def frame(self, kind: int, cursor: Cursor) -> w.Frame:
        """A control frame of the peer."""
        if kind in (w.SYN_STREAM, w.SYN_REPLY, w.HEADERS):
            stream_id, flags = self.some_id(cursor), cursor.octet()
            frame = w.Frame(kind, flags & 3, stream_id, priority=flags >> 2 & 3)
            if kind == w.SYN_STREAM and flags & 0x10:
                frame = frame.with_(associated=cursor.below(8))
            if flags & 0xE0 == 0xE0:
                frame = frame.with_(version=cursor.below(5))
            return frame.with_(fields=tuple(self.some_fields(cursor, frame.version)))
        if kind == w.SETTINGS:
            count = cursor.below(8)
            entries = [
                (cursor.below(10), cursor.below(4), self.some_number(cursor)) for _ in range(count)
            ]
            return w.settings(*entries)
        if kind == w.PING:
            return w.ping(cursor.number(1))
        stream_id = self.some_id(cursor)
        if kind == w.WINDOW_UPDATE:
            return w.window_update(stream_id, self.some_number(cursor))
        return w.Frame(kind, stream_id=stream_id, status=cursor.below(13))

    def some_number(self, cursor: Cursor) -> int:
        """A small number, a window's, or one at an edge."""
        choice = cursor.octet()
        if choice < 128:
            return choice
        if choice < 220:
            return cursor.number(2)
        return (2**31 - 1, 2**31, 2**32 - 1, 65_536)[choice % 4]

    def body(self, cursor: Cursor) -> object:
        """A body, or none, or a source that does what the rest of the operand says."""
        choice = cursor.octet()
        if choice < 60:
            return None
        if choice < 150:
            return bytes(SIZES[choice % len(SIZES)])
        return self.source(Cursor(cursor.take(255)))

    def source(self, cursor: Cursor) -> Callable[[int], tuple[bytes | None, int]]:
        """A body source that comes to its end when its octets are used up."""

        def read(most: int) -> tuple[bytes | None, int]:
            choice = cursor.octet()
            if cursor.left() == 0:
                return b"end"[:most], DATA_EOF
            if choice < 20:
                return None, DATA_DEFERRED
            if choice < 30:
                return b"", DATA_OK
            if choice == 30:
                raise RuntimeError("a broken source")
            if choice == 31:
                return bytes(most + 1), DATA_OK
            if choice == 32:
                self.engine.reset_stream(1)
            return bytes(min(most, choice * 100)), DATA_OK

        return read

    def application(self, code: int, cursor: Cursor) -> None:
        """The application calls the engine."""
        engine = self.engine
        if code == REQUEST:
            flags = cursor.octet()
            engine.send_request(self.some_fields(cursor), self.body(cursor), priority=flags & 7)
        elif code == RESPOND:
            engine.send_response(cursor.below(20), w.OK, self.body(cursor))
        elif code == REPLY:
            engine.send_syn_reply(
                cursor.below(20), self.some_fields(cursor), end_stream=cursor.octet() > 200
            )
        elif code == MORE_HEADERS:
            chained = cursor.octet() & 1 == 0
            stream_id, end = cursor.below(20), cursor.octet() > 200
            fields = self.some_fields(cursor)
            engine.send_headers(stream_id, fields, end_stream=end, chained=chained)
        elif code == SEND_DATA:
            flags, stream_id = cursor.octet(), cursor.below(20)
            body = self.body(cursor) or b""
            engine.send_data(stream_id, body, end_stream=bool(flags & 1), chained=flags & 6 != 6)
        elif code == PUSH:
            engine.push(cursor.below(20), self.some_fields(cursor), self.body(cursor))
        elif code == RESET:
            engine.reset_stream(cursor.below(20), cursor.below(12))
        elif code == SAY:
            self.say(cursor)
        elif code == GIVE:
            engine.send_window_update(cursor.below(20), self.some_number(cursor))
        elif code == CONSUME and self.unconsumed:
            engine.consume(*self.unconsumed.pop(0))
        elif code == RESUME:
            engine.resume(cursor.below(20))

    def say(self, cursor: Cursor) -> None:
        """The application says something about the session."""
        choice = cursor.octet()
        if choice < 100:
            self.engine.ping()
        elif choice < 200:
            entries = [(cursor.below(10), cursor.below(2), self.some_number(cursor))]
            self.engine.send_settings(entries)
        elif choice < 240:
            self.engine.send_goaway(cursor.below(3))
        else:
            self.engine.fail(cursor.below(3))


KINDS = {
    SYN_STREAM: w.SYN_STREAM,
    SYN_REPLY: w.SYN_REPLY,
    HEADERS: w.HEADERS,
    RST_STREAM: w.RST_STREAM,
    SETTINGS: w.SETTINGS,
    PING: w.PING,
    GOAWAY: w.GOAWAY,
    WINDOW_UPDATE: w.WINDOW_UPDATE,
}


def play(data: bytes, cut: int, trace: Trace | None = None) -> Play:
    """Play an input to its end."""
    head, steps = program.parse(data)
    now = Play(head, cut)
    if head[0] & RAW:
        now.hears(data[program.HEAD :])
        now.pull()
        steps = []
        for event in now.told if trace else ():
            trace(repr(event))
    for step in steps:
        known = len(now.told)
        now.step(step)
        if trace:
            trace(f"{step.code % OPERATIONS} {step.operand.hex()}")
            for event in now.told[known:]:
                trace(f"    {event!r}")
    now.pull()
    now.referee.is_over()
    if trace:
        trace(now.said.hex())
    return now


def converse(data: bytes, trace: Trace | None = None) -> None:
    """The target `spdy`."""
    whole = play(data, 0, trace)
    size = CUT_SIZES[data[1] % len(CUT_SIZES)] if len(data) > 1 else 1
    cut = play(data, size)
    if whole.compares and cut.compares:
        assert cut.told == whole.told, f"cut into {size}: {cut.told} instead of {whole.told}"
        assert without_credit(cut) == without_credit(whole), f"cut into {size}"


def without_credit(one: Play) -> list[w.Frame]:
    """What was said, but for WINDOW_UPDATE: when it is due depends on the reads."""
    reader = w.Reader(one.version)
    return [frame for frame in reader.feed(one.said) if frame.kind != w.WINDOW_UPDATE]
