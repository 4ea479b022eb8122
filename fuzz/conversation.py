"""The targets `server` and `client`: a program of frames and calls against a whole Connection.

After every step the output is judged by a `Ledger`, the events by an `EventLog`, and on plain
Python the engine's books are balanced. A second engine hears the same octets cut elsewhere, and
must say the same.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from typing import Any

from fuzz import program as p
from fuzz.cursor import Cursor
from fuzz.ledger import Ledger
from fuzz.peer import NUMBERS, REQUESTS, Peer
from fuzz.wellformed import EventLog, check_account
from plait import http2
from tests.http2 import frames as f

Trace = Callable[[str], None]

# What one program may come to: enough for every mechanism, little enough to be quick.
MOST_STEPS = 150
MOST_HEARD = 100_000
MOST_SMALL_READS = 60
MOST_WAITING = 262_144
"""Octets that may wait to be written, whatever the peer does and however little it reads."""

# The first octet of the configuration.
ANSWERS, CONSUMES, READS, GREETS, WITHDRAWS, KEEPS_READING, TIGHT, CUTS = (1 << n for n in range(8))

CUT_SIZES = (1, 2, 3, 5, 8, 9, 10, 17, 100, 1000)
WINDOWS = (65_535, 0, 10, 262_144, 2**31 - 1)
STREAM_LIMITS = (100, 3, None, 0, 1)
LIST_SIZES = (65_536, 200, 2000, 16_384)
COUNTS = ("max_fields", "max_continuation_frames", "max_settings_entries")
TIGHT_LIMITS: dict[str, Any] = {
    name: 5
    for name in http2.Limits.__dataclass_fields__
    if name.endswith("_burst") or name in (*COUNTS, "max_cookies", "max_unsent_acknowledgements")
}


class Clock:
    """Seconds that pass when a program says so."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        """The time."""
        return self.now


class Source:
    """A body that comes in pieces, halts now and then, and may break its contract.

    Args:
        kind: What is odd about it.
        pieces: How many there are.
        inside: Called while the engine asks, if the kind says so.
    """

    def __init__(self, kind: int, pieces: int, inside: Callable[[], None]) -> None:
        self.kind = kind
        self.left = pieces
        self.inside = inside
        self.calls = 0

    def read(self, most: int) -> Any:
        """The engine asks."""
        assert most > 0, "asked for nothing"
        self.calls += 1
        if self.calls % 3 == self.kind % 4:
            return b"", http2.DATA_DEFERRED
        self.left -= 1
        if self.left <= 0:
            if self.kind & 16:
                raise RuntimeError("no more of that")
            if self.kind & 32:
                return b"x" * (most + 1), http2.DATA_OK
            return b"end"[:most], http2.DATA_EOF
        if self.kind & 64:
            self.inside()
        return (b"" if self.kind & 8 else b"piece" * 400)[:most], http2.DATA_OK


def configuration(head: bytes, clock: Clock) -> http2.Config:
    """What the first octets of a program make of the engine."""
    flags, windows, limits = head[0], head[2], head[3]
    return http2.Config(
        clock=clock,
        initial_window_size=WINDOWS[windows % len(WINDOWS)],
        connection_window_size=(65_535, 1_048_576, 70_000)[windows // 5 % 3],
        max_concurrent_streams=STREAM_LIMITS[limits % len(STREAM_LIMITS)],
        max_header_list_size=LIST_SIZES[limits // 5 % len(LIST_SIZES)],
        max_frame_size=(16_384, 20_000)[limits // 20 % 2],
        header_table_size=(4096, 0, 200, 65_536)[limits // 40 % 4],
        withdrawable_responses=bool(flags & WITHDRAWS),
        reset_unread_request=not flags & KEEPS_READING,
        limits=http2.Limits(**TIGHT_LIMITS) if flags & TIGHT else http2.Limits(),
    )


class Conversation:
    """One run of a program.

    Args:
        role: Of the engine.
        data: The program.
        trace: Called with each line of a transcript.
    """

    def __init__(self, role: http2.Role, data: bytes, trace: Trace | None = None) -> None:
        self.head, self.steps = p.parse(data)
        self.flags = self.head[0]
        self.is_server = role == http2.Role.SERVER
        self.trace = trace
        self.clock = Clock()
        config = configuration(self.head, self.clock)
        self.engines = [http2.Connection(role, config)]
        if self.flags & CUTS:
            self.engines.append(http2.Connection(role, config))
        self.cut = CUT_SIZES[self.head[1] % len(CUT_SIZES)]
        self.peer = Peer(self.is_server)
        magic = len(f.PREFACE) if self.is_server else 0
        self.ledger = Ledger(magic, config.connection_window_size - 65_535)
        self.log = EventLog(self.is_server)
        self.heard = 0
        self.last_said = b""
        self.sources: list[int] = []
        self.expects_magic = not self.is_server
        # compiled classes keep their books to themselves
        self.is_open_book = hasattr(self.engines[0], "_session")

    # --- running ----------------------------------------------------------------------------

    def run(self) -> None:
        """Every step, then the end of everything."""
        self.call("initiate_connection")
        if not self.flags & GREETS:
            greeting = bytes(f.settings())
            self.hear(f.PREFACE + greeting if self.is_server else greeting)
        for at, step in enumerate(self.steps[:MOST_STEPS]):
            if self.trace:
                self.trace(f"step {at}: {step.code} {step.operand.hex()}")
            self.take(step)
            if self.flags & READS:
                self.pull(65_536)
            self.check()
            if self.heard > MOST_HEARD:
                break
        self.finish()

    def take(self, step: p.Operation) -> None:
        """One step."""
        cursor = Cursor(step.operand)
        if step.code == p.REPEAT:
            times = cursor.octet() + 1
            for _ in range(times if len(self.last_said) < 300 else 1):
                self.hear(self.last_said)
        elif step.code < p.REPEAT:
            self.last_said = self.peer.says(step)
            self.hear(self.last_said)
        elif step.code == p.PULL:
            limits = (65_536, 0, 1, 1000, 10_000_000)
            self.pull(limits[cursor.octet() % len(limits)], segments=bool(cursor.octet() & 1))
        elif step.code == p.WAIT:
            self.clock.now += cursor.number(2) / 100
        else:
            self.act(step.code, cursor)

    def finish(self) -> None:
        """Whatever is open is reset: nothing may be left, and every credit must be back."""
        self.check()
        for stream_id in list(self.peer.streams):
            self.call("reset_stream", stream_id)
        for _ in range(4):
            self.pull(10_000_000)
        self.check()
        connection = self.engines[0]
        if not connection.closed:
            assert connection.open_streams == 0, f"{connection.open_streams} streams are left"

    # --- octets -----------------------------------------------------------------------------

    def hear(self, octets: bytes) -> None:
        """The peer says something."""
        self.heard += len(octets)
        self.ledger.hears(octets)
        events = self.engines[0].receive_data(octets)
        for engine in self.engines[1:]:
            again: list[http2.Event] = []
            # at the beginning in small reads, where the frame headers are
            size = self.cut
            at = 0
            while at < len(octets):
                again += engine.receive_data(octets[at : at + size])
                at += size
                size = self.cut if at < MOST_SMALL_READS * self.cut else len(octets) // 8 + 1
            assert again == events, f"cut into {self.cut}: {again} instead of {events}"
            assert engine.unfinished_since == self.engines[0].unfinished_since
        self.log.take(events)
        self.tell(events)
        kept = http2.without_withdrawn(events)
        assert [event for event in events if event in kept] == kept
        for event in events:
            self.react(event)

    def pull(self, limit: int, segments: bool = False) -> None:
        """The transport takes what the engine has to say."""
        for stream_id in self.sources:
            self.call("resume", stream_id)
        said: list[bytes] = []
        for engine in self.engines:
            wanted = engine.wants_write
            if segments:
                said.append(b"".join(bytes(part) for part in engine.segments_to_send(limit)))
            else:
                said.append(engine.data_to_send(limit))
            assert wanted or not said[-1], "something was said that nobody had announced"
            assert len(said[-1]) <= limit + MOST_WAITING, f"{len(said[-1])} octets had waited"
        assert said[0] == said[-1], "cut elsewhere, it says something else"
        self.judge(said[0])
        self.hear_own_events()

    def judge(self, said: bytes) -> None:
        """The octets that leave."""
        if self.expects_magic and said:
            assert said.startswith(f.PREFACE)
            said = said[len(f.PREFACE) :]
            self.expects_magic = False
        if self.trace:
            shown = said.hex() if len(said) < 300 else hashlib.sha256(said).hexdigest()
            self.trace(f"says {len(said)}: {shown}")
        self.ledger.says(said)
        if self.engines[0].closed:
            self.ledger.is_over = True

    def hear_own_events(self) -> None:
        """The events that sending caused."""
        told = [engine.take_events() for engine in self.engines]
        assert told[0] == told[-1], f"cut elsewhere: {told[-1]} instead of {told[0]}"
        self.tell(told[0])
        for engine in self.engines:
            engine.take_source_errors()

    def tell(self, events: list[http2.Event]) -> None:
        """Writes events down."""
        if self.trace:
            for event in events:
                self.trace(repr(event))

    # --- the application --------------------------------------------------------------------

    def call(self, name: str, *arguments: Any, **more: Any) -> Any:
        """Asks every engine for the same; a refusal is an answer, which all must give."""
        answers: list[Any] = []
        for engine in self.engines:
            try:
                answers.append(getattr(engine, name)(*arguments, **more))
            except http2.UsageError as refusal:
                answers.append(type(refusal))
        assert answers[0] == answers[-1], f"{name}: {answers}"
        if self.trace and name != "resume":
            # the address of a view would differ from run to run
            shown = [len(a) if isinstance(a, memoryview) else a for a in arguments]
            self.trace(f"{name}{shown}: {answers[0]}")
        return answers[0]

    def react(self, event: http2.Event) -> None:
        """What the application does of its own accord."""
        if isinstance(event, http2.RequestReceived):
            self.peer.used(event.stream_id)
            if self.flags & ANSWERS:
                self.respond(event.stream_id, event.stream_id >> 1)
        elif isinstance(event, http2.PushedStreamReceived):
            self.peer.used(event.pushed_stream_id)
        elif isinstance(event, http2.DataReceived) and self.flags & CONSUMES:
            self.call("acknowledge_received_data", event.flow_controlled_length, event.stream_id)

    def respond(self, stream_id: int, kind: int) -> None:
        """One of several kinds of response."""
        kind %= 7
        if kind == 0:
            self.call("send_response", stream_id, 200, [("server", "x")], b"Hello, world!")
        elif kind == 1:
            self.call("send_response", stream_id, 404, [], b"n" * 70_000)
        elif kind == 2:
            self.respond_from_source(stream_id, 7, 30)
        elif kind == 3:
            self.call("send_headers", stream_id, [(":status", "103"), ("link", "</a>")])
            self.call("send_headers", stream_id, [(":status", "200")])
            self.call("send_data", stream_id, b"one " * 1200)
            self.call("send_headers", stream_id, [("x-trailer", "end")], end_stream=True)
        elif kind == 4:
            self.call("send_response", stream_id, 204)
        elif kind == 5:
            self.call("reset_stream", stream_id, 11)
        else:
            self.call("send_headers", stream_id, [(":status", "200"), ("Bad name", "x")])

    def respond_from_source(self, stream_id: int, kind: int, pieces: int) -> None:
        """A response whose body is pulled; each engine gets a source of its own."""
        self.sources.append(stream_id)
        answers: list[object] = []
        for engine in self.engines:
            source = Source(kind, pieces, lambda engine=engine: inside(engine, stream_id))
            try:
                engine.send_response(stream_id, 200, [("x-kind", str(kind))], source)
                answers.append(None)
            except http2.UsageError as refusal:
                answers.append(type(refusal))
        assert answers[0] == answers[-1], answers

    def act(self, code: int, cursor: Cursor) -> None:
        """An operation of the application."""
        if code in (p.RESPOND, p.SEND_HEADERS, p.SEND_DATA, p.SEND_BODY, p.PUSH, p.REQUEST):
            self.send(code, cursor)
        elif code in (p.RESUME, p.RESET, p.ACKNOWLEDGE, p.GROW_WINDOW, p.PRIORITIZE):
            self.act_on_stream(code, self.peer.some_stream(cursor), cursor)
        elif code == p.UPGRADE:
            self.upgrade(cursor)
        elif code == p.CHANGE_SETTINGS:
            changes = {}
            for _ in range(cursor.below(4) + 1):
                changes[cursor.below(10)] = NUMBERS[cursor.octet() % len(NUMBERS)]
            self.call("update_settings", changes)
        elif code == p.SEND_PING:
            self.call("ping", cursor.take(8).ljust(8, b"\0"))
        elif code == p.SHUT_DOWN:
            self.call("begin_shutdown")
        elif code == p.SAY_GOAWAY:
            self.call("send_goaway", cursor.below(14), cursor.take(20))
        elif code == p.TERMINATE:
            # a program that ends here tries nothing more: let it be rare
            if cursor.octet() & 7 == 7:
                self.call("terminate", cursor.below(14), cursor.take(20))
        elif cursor.octet() & 1:
            self.call("send_origin", [b"https://a.example"])
        else:
            self.call("send_alternative_service", b'h3=":443"', b"https://a.example")

    def upgrade(self, cursor: Cursor) -> None:
        """HTTP/1.1 becomes HTTP/2, if nothing came before."""
        fields = REQUESTS[cursor.octet() % len(REQUESTS)]
        if not self.is_server:
            if isinstance(self.call("initiate_upgrade", fields), bytes):
                self.peer.used(1)
            return
        payload = cursor.take(60)
        coded = base64.urlsafe_b64encode(payload).rstrip(b"=")
        value = payload if cursor.octet() & 1 else coded
        events = self.call("receive_upgrade", fields, value, bool(cursor.octet() & 1))
        if isinstance(events, list):
            self.ledger.allow(payload)
            self.peer.highest = max(self.peer.highest, 1)
            self.log.take(events)
            self.tell(events)
            for event in events:
                self.react(event)

    def act_on_stream(self, code: int, stream_id: int, cursor: Cursor) -> None:
        """An operation on a stream that exists, or does not."""
        number = NUMBERS[cursor.octet() % len(NUMBERS)]
        if code == p.RESUME:
            self.call("resume", stream_id)
        elif code == p.RESET:
            self.call("reset_stream", stream_id, cursor.below(14))
        elif code == p.ACKNOWLEDGE:
            self.call("acknowledge_received_data", number, stream_id)
        elif code == p.PRIORITIZE:
            self.call("prioritize", stream_id, cursor.below(8), bool(cursor.octet() & 1))
        else:
            stream_id = 0 if cursor.octet() & 1 else stream_id
            if self.call("increment_flow_control_window", number, stream_id) is None:
                self.ledger.may_give[stream_id] += number

    def send(self, code: int, cursor: Cursor) -> None:
        """An operation that sends a message, or a part of one."""
        stream_id = self.peer.some_stream(cursor)
        flags = cursor.octet()
        if code == p.RESPOND:
            if flags & 0x80:
                self.respond_from_source(stream_id, cursor.octet(), cursor.below(40))
            else:
                self.respond(stream_id, flags)
        elif code == p.SEND_HEADERS:
            sections: tuple[list[tuple[str, str]], ...] = (
                [(":status", "200")],
                [(":status", "103")],
                [("x-trailer", "t")],
                [(":status", "200"), ("x-large", "l" * 30_000)],
                [*((str(name, "ascii"), str(value, "ascii")) for name, value in f.GET)],
            )
            ends = bool(flags & 0x80)
            if self.call("send_headers", stream_id, sections[flags % 5], ends) is None:
                self.peer.used(stream_id)  # a client's request may have opened it
        elif code == p.SEND_DATA:
            size = NUMBERS[cursor.octet() % 10]
            octets: Any = memoryview(bytes(size)) if flags & 2 else bytes(size)
            self.call("send_data", stream_id, octets, bool(flags & 1))
        elif code == p.SEND_BODY:
            self.sources.append(stream_id)
            kind, pieces = cursor.octet(), cursor.below(40)
            answers = []
            for engine in self.engines:
                source = Source(kind, pieces, lambda engine=engine: inside(engine, stream_id))
                try:
                    answers.append(engine.send_body(stream_id, source, bool(flags & 1)))
                except http2.UsageError as refusal:
                    answers.append(type(refusal))
            assert answers[0] == answers[-1], answers
        elif code == p.PUSH:
            made = self.call("push_stream", stream_id, f.GET)
            if isinstance(made, int):
                self.peer.used(made)
        else:
            body = bytes(NUMBERS[cursor.octet() % 10]) if flags & 1 else None
            made = self.call("send_request", (f.GET, f.POST, f.HEAD)[flags % 3], body)
            if isinstance(made, int):
                self.peer.used(made)

    # --- what must hold ---------------------------------------------------------------------

    def check(self) -> None:
        """After every step."""
        for engine in self.engines:
            if self.is_open_book:
                check_account(engine)
                out = engine._session.out
                octets = len(out.buffer) + out.segment_octets
                assert octets <= MOST_WAITING, f"{octets} octets wait to be written"
        waiting = [engine.waiting_for_peer() for engine in self.engines]
        assert waiting[0] == waiting[-1]
        self.hear_own_events()


def inside(engine: http2.Connection, stream_id: int) -> None:
    """What a source may do while it is asked: anything, by contract."""
    try:
        engine.resume(stream_id)
        engine.ping(b"from it!")
        engine.send_data(stream_id, b"behind the source")
        engine.reset_stream(stream_id)
    except http2.UsageError:
        pass


def serve(data: bytes, trace: Trace | None = None) -> None:
    """The target `server`."""
    Conversation(http2.Role.SERVER, data, trace).run()


def visit(data: bytes, trace: Trace | None = None) -> None:
    """The target `client`."""
    Conversation(http2.Role.CLIENT, data, trace).run()
