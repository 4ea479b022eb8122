"""A client and a server of plait talk through a wire that cuts and delays as it likes.

Whatever the cuts, the windows and the order of turns: every message arrives whole, once, and in
the end no window has leaked. The books are kept from the frames on the wire, by nobody's engine.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.http2 import DATA_DEFERRED, DATA_EOF, DATA_OK, Role
from plait.spdy.config import Config
from plait.spdy.connection import Connection
from plait.spdy.events import DataReceived, FrameReceived, StreamClosed
from plait.spdy.frames import Headers, SynReply, SynStream
from tests.properties.profiles import long, ordinary, slow

from . import wire as w
from .script import NO_LIMITS, Clock, every_version, with_windows
from .wire import CANCEL, GET, OK, POST, SPDY2, SPDY3_1, WINDOW

CLIENT, SERVER = 0, 1
HOWS = ("at once", "pieces", "source", "deferring source")


@dataclass
class Message:
    """What one side sends on a stream: a body, cut into pieces, and perhaps more headers."""

    pieces: list[bytes]
    how: str
    more: list[w.Field]
    pushes: int = 0

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


@dataclass
class Heard:
    """What one side received on a stream."""

    fields: list[w.Field] = field(default_factory=list)
    more: list[w.Field] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    closed: list[int] = field(default_factory=list)
    finished: bool = False


class Books:
    """One direction: what its sender was allowed and has sent, from the frames alone."""

    def __init__(self, version: int, window: int | None) -> None:
        self.version = version
        self.announced = WINDOW if window is None else window
        self.reader = w.Reader(version)
        self.sent: Counter[int] = Counter()
        self.given: Counter[int] = Counter()
        self.ended: set[int] = set()

    def says(self, octets: bytes, other: Books) -> None:
        """The sender's octets; what they allow is written into the books of the other direction."""
        for frame in self.reader.feed(octets):
            if frame.kind == w.DATA:
                assert frame.stream_id not in self.ended
                self.sent[frame.stream_id] += len(frame.body)
                self.sent[0] += len(frame.body)
            elif frame.kind == w.WINDOW_UPDATE:
                assert frame.number > 0
                other.given[frame.stream_id] += frame.number
            if frame.end or frame.kind == w.RST_STREAM:
                self.ended.add(frame.stream_id)
        assert self.reader.buffer == b""

    def balance(self) -> None:
        """What was sent was allowed, and what was given was received."""
        if self.version == SPDY2:
            assert not self.given
            return
        for stream_id, octets in self.sent.items():
            if stream_id:
                # A window lowered by SETTINGS may not have been known yet.
                most = max(WINDOW, self.announced)
                assert octets <= most + self.given[stream_id]
        for stream_id, octets in self.given.items():
            assert octets <= self.sent[stream_id], f"{stream_id} was given more than it used"
        if self.version == SPDY3_1:
            assert self.sent[0] <= WINDOW + self.given[0]


class Side:
    """One engine, and an application."""

    def __init__(self, role: Role, version: int, config: Config) -> None:
        self.connection = Connection(role, version, config)
        self.manual = config.manual_credit
        self.heard: dict[int, Heard] = {}
        self.unread: list[tuple[int, int]] = []
        self.deferred: list[int] = []
        self.asked: list[int] = []

    def hears(self, octets: bytes) -> None:
        events = self.connection.receive_data(octets) + self.connection.take_events()
        for event in events:
            if isinstance(event, FrameReceived):
                frame = event.frame
                if isinstance(frame, SynStream | SynReply):
                    heard = self.heard.setdefault(frame.stream_id, Heard())
                    assert not heard.fields, "two beginnings"
                    heard.fields = frame.fields
                    if isinstance(frame, SynStream) and not frame.associated_stream_id:
                        self.asked.append(frame.stream_id)
                elif isinstance(frame, Headers):
                    self.heard[frame.stream_id].more += frame.fields
            elif isinstance(event, DataReceived):
                self.heard[event.stream_id].body += event.data
                if self.manual:
                    self.unread.append((event.stream_id, len(event.data)))
            elif isinstance(event, StreamClosed):
                self.heard.setdefault(event.stream_id, Heard()).closed.append(event.status)
            else:
                assert type(event).__name__ in ("DataFrameReceived", "PeerFinished"), event

    def consumes(self, count: int) -> None:
        for stream_id, octets in self.unread[:count]:
            self.connection.consume(stream_id, octets)
        del self.unread[:count]

    def body(self, stream: int, message: Message) -> object:
        if message.how in ("at once", "pieces"):
            return message.body
        left = [memoryview(piece) for piece in message.pieces]
        waiting = [message.how == "deferring source"]

        def read(most: int) -> tuple[memoryview | None, int]:
            assert 1 <= most <= self.connection._state.config.max_data_octets
            if waiting[0]:
                waiting[0] = False
                self.deferred.append(stream)
                return None, DATA_DEFERRED
            waiting[0] = message.how == "deferring source"
            if not left:
                return None, DATA_EOF
            piece = left.pop(0)
            if len(piece) > most:
                left.insert(0, piece[most:])
            return piece[:most], DATA_OK

        return read

    def sends(self, stream: int, message: Message) -> None:
        """A body behind a head that was sent already."""
        connection = self.connection
        if message.how == "pieces":
            for piece in message.pieces:
                connection.send_data(stream, piece, end_stream=False)
            if not message.more:
                connection.send_data(stream, b"")
        else:
            connection.send_data(stream, self.body(stream, message), end_stream=not message.more)
        if message.more:
            connection.send_headers(stream, message.more, end_stream=True)

    def resumes(self) -> None:
        for stream in self.deferred:
            self.connection.resume(stream)
        self.deferred.clear()


class Talk:
    """Two sides, the wire between them, and the books."""

    def __init__(self, version: int, configs: tuple[Config, Config]) -> None:
        self.version = version
        self.sides = (
            Side(Role.CLIENT, version, configs[CLIENT]),
            Side(Role.SERVER, version, configs[SERVER]),
        )
        # The window of a direction is what the other side announces.
        windows = [config.initial_window_size for config in reversed(configs)]
        self.books = (Books(version, windows[CLIENT]), Books(version, windows[SERVER]))
        self.flying = (bytearray(), bytearray())
        self.pushed: dict[int, Message] = {}

    def moves(self, side: int, limit: int, cut: int) -> bool:
        """One side writes about so many octets, and so many arrive."""
        octets = self.sides[side].connection.data_to_send(limit)
        self.books[side].says(octets, self.books[1 - side])
        flying = self.flying[side]
        flying += octets
        part = bytes(flying[:cut])
        del flying[:cut]
        self.sides[1 - side].hears(part)
        self.sides[side].hears(b"")
        return bool(octets or part)

    def asks(self, message: Message) -> int:
        client = self.sides[CLIENT]
        stream = client.connection.send_syn_stream([*POST, (b"x-n", b"%d" % len(message.pieces))])
        client.sends(stream, message)
        return stream

    def answers(self, stream: int, message: Message) -> None:
        server = self.sides[SERVER]
        for _ in range(message.pushes):
            push = server.connection.push(stream, [*GET, *OK[:1]], message.body)
            self.pushed[push] = message
        server.connection.send_syn_reply(stream, OK)
        server.sends(stream, message)

    def runs(self, answers: dict[int, Message], limits: list[int], cuts: list[int]) -> None:
        """Until nothing moves any more."""
        idle = turn = 0
        while idle < 8:
            limit, cut = limits[turn % len(limits)], max(cuts[turn % len(cuts)], turn // 20)
            moved = [self.moves(side, limit, cut) for side in (CLIENT, SERVER)]
            server = self.sides[SERVER]
            for stream in server.asked:
                self.answers(stream, answers[stream])
            server.asked.clear()
            busy = any(side.unread or side.deferred for side in self.sides)
            for side in self.sides:
                side.consumes(1 + turn % 3)
                side.resumes()
            turn += 1
            idle = 0 if any(moved) or busy else idle + 1
            assert turn < 100_000

    def ends(self) -> None:
        """Nothing is left, and every window is whole."""
        for books in self.books:
            books.balance()
        for side, other in (self.sides, reversed(self.sides)):
            assert side.connection.open_streams == 0
            assert side.connection.queue_size == 0
            assert not side.connection.want_write()
            assert not side.connection.failed
            if self.version == SPDY3_1:
                state, theirs = side.connection._state, other.connection._state
                window = theirs.receive_window
                assert state.send_window == window.available
                assert window.available + window.pending == window.size
                assert state.send_window >= WINDOW // 2


@st.composite
def messages(draw: st.DrawFn) -> Message:
    sizes = draw(st.lists(st.one_of(st.integers(0, 200), st.integers(0, 50_000)), max_size=3))
    fill = draw(st.integers(0, 255))
    more = [(b"x-sum", b"%d" % sum(sizes))] if draw(st.booleans()) else []
    pushes = draw(st.sampled_from([0, 0, 0, 1, 2]))
    return Message(
        [bytes([fill]) * size for size in sizes], draw(st.sampled_from(HOWS)), more, pushes
    )


def config(window: int | None, chunk: int, manual: bool) -> Config:
    return Config(
        clock=Clock(),
        initial_window_size=window,
        max_data_octets=chunk,
        manual_credit=manual,
        limits=NO_LIMITS,
    )


WINDOWS = st.one_of(st.none(), st.integers(50, 500), st.integers(1000, 200_000))
CONFIGS = st.builds(config, WINDOWS, st.sampled_from([4096, 100, 20_000]), st.booleans())
CASES = st.tuples(
    st.sampled_from(w.VERSIONS),
    st.lists(st.tuples(messages(), messages()), min_size=1, max_size=6),
    st.tuples(CONFIGS, CONFIGS),
    st.lists(st.integers(1, 70_000), min_size=1, max_size=5),
    st.lists(st.one_of(st.integers(1, 50), st.integers(1, 40_000)), min_size=1, max_size=5),
)


def check(case: tuple) -> None:
    version, exchanges, configs, limits, cuts = case
    talk = Talk(version, configs)
    requests = {talk.asks(request): (request, response) for request, response in exchanges}
    answers = {stream: response for stream, (_, response) in requests.items()}
    talk.runs(answers, limits, cuts)
    client, server = talk.sides
    for stream, (request, response) in requests.items():
        arrived(server.heard[stream], request)
        arrived(client.heard[stream], response)
    for stream, message in talk.pushed.items():
        assert bytes(client.heard[stream].body) == message.body
        assert client.heard[stream].closed == [0]
    talk.ends()


def arrived(heard: Heard, message: Message) -> None:
    assert bytes(heard.body) == message.body
    assert heard.more == message.more
    assert heard.closed == [0]


test_every_message_arrives_whole = ordinary(40)(given(CASES)(check))
test_every_message_arrives_whole_at_length = slow(long(400)(given(CASES)(check)))


@every_version
@pytest.mark.parametrize("limit", [1, 65_536])
def test_a_hundred_requests_share_one_session(version, limit):
    talk = Talk(version, (config(None, 4096, False), config(None, 4096, False)))
    requests = {}
    for number in range(100):
        message = Message([b"%d" % number * 500], "at once", [])
        requests[talk.asks(message)] = message
    talk.runs(requests, [limit], [100_000])
    for side in talk.sides:
        for stream, message in requests.items():
            arrived(side.heard[stream], message)
    talk.ends()


@with_windows
def test_bodies_far_beyond_the_windows(version):
    talk = Talk(version, (config(1000, 4096, True), config(None, 4096, True)))
    message = Message([bytes(300_000)], "source", [])
    stream = talk.asks(message)
    talk.runs({stream: message}, [20_000], [7000])
    for side in talk.sides:
        arrived(side.heard[stream], message)
    talk.ends()


@every_version
@pytest.mark.parametrize("manual", [False, True])
def test_resets_on_both_sides_leave_the_session_whole(version, manual):
    talk = Talk(version, (config(None, 4096, manual), config(None, 4096, manual)))
    client, server = talk.sides
    for number in range(60):
        stream = talk.asks(Message([bytes(20_000)], "at once", []))
        for _ in range(number % 4):
            talk.moves(CLIENT, 7000, 9000)
            for asking in server.asked:
                talk.answers(asking, Message([bytes(20_000)], "at once", []))
            server.asked.clear()
            talk.moves(SERVER, 7000, 9000)
        side = client if number % 2 else server
        if side.connection.stream_is_open(stream):
            side.connection.reset_stream(stream, CANCEL)
        for each in talk.sides:
            each.consumes(2)
    for live in range(1, 121, 2):
        if client.connection.stream_is_open(live):
            client.connection.reset_stream(live, CANCEL)
    for _ in range(100):
        for side in (CLIENT, SERVER):
            talk.moves(side, 100_000, 100_000)
            talk.sides[side].consumes(1000)
        server.asked.clear()
    # What was asked for after its stream had gone is cancelled now.
    for live in range(1, 121, 2):
        if client.connection.stream_is_open(live):
            client.connection.reset_stream(live, CANCEL)
    for _ in range(3):
        for side in (CLIENT, SERVER):
            talk.moves(side, 1_000_000, 1_000_000)
            talk.sides[side].consumes(1000)
    talk.ends()
