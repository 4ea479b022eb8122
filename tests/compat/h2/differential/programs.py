"""Programs drawn at random: what a peer says, and what an application does meanwhile.

The peer is a `Talker`, who keeps to the rules but for the faults that are asked for. The calls
are drawn with a look at the streams that h2's world has, so that most of them make sense.
"""

from __future__ import annotations

import random
from collections.abc import Iterator

import hpack
from h2.stream import H2Stream, StreamState

from tests.http2 import frames as f
from tests.properties.talk import Talker

from .comparison import Comparison, Pair
from .world import Implementation, Step, call, receive

REQUESTS = {1: f.GET, 3: f.POST, 5: f.HEAD, 7: f.GET}
"""What a talker answers."""

SENDING = (StreamState.OPEN, StreamState.HALF_CLOSED_REMOTE)
EXTRA = [
    ("x-a", "1"),
    (b"X-B", b" two "),
    ("cookie", "a=1; b=2"),
    ("authorization", "Basic YTpi"),
    ("x-long", "v" * 300),
    ("connection", "close"),
    hpack.HeaderTuple(b"x-c", b"3"),
    hpack.NeverIndexedHeaderTuple("x-secret", "s"),
]
VALUES = {
    f.HEADER_TABLE_SIZE: [4096, 65_536],
    f.MAX_CONCURRENT_STREAMS: [200, 1000],
    f.INITIAL_WINDOW_SIZE: [65_535, 100_000],
    f.MAX_FRAME_SIZE: [16_384, 30_000],
    f.MAX_HEADER_LIST_SIZE: [65_536, 100_000],
    200: [1, 2],
}


SWITCHES = [
    ("header_encoding", "latin-1", 20),
    ("header_encoding", "utf-8", 10),
    ("validate_inbound_headers", False, 15),
    ("normalize_inbound_headers", False, 15),
    ("validate_outbound_headers", False, 15),
    ("normalize_outbound_headers", False, 5),
    ("split_outbound_cookies", True, 20),
]
"""Switches of the configuration, and how often they are set."""


class Program:
    """One connection's worth of steps.

    :param clumsy: one call in so many is made without looking; 0 for none.
    """

    def __init__(self, pair: Pair, chance: random.Random, *, faults: int, clumsy: int) -> None:
        self.pair = pair
        self.world = pair.real
        self.client = pair.real.client
        self.chance = chance
        self.talker = Talker(chance, to_server=not self.client)
        self.faults = faults
        self.clumsy = clumsy
        self.unacknowledged: list[tuple[int, int]] = []
        self.updates = 0

    # --- the whole ------------------------------------------------------------------------------

    def run(self, length: int) -> Comparison:
        """Play it, until it ends or the worlds have parted."""
        pair = self.pair
        for step in self.steps(length):
            if not pair.play(step):
                break
            for kind, content in pair.last.h2.events:
                if kind == "DataReceived":
                    size = content["flow_controlled_length"]
                    self.unacknowledged.append((size, content["stream_id"]))
        return pair.finish()

    def steps(self, length: int) -> Iterator[Step]:
        yield call.initiate_connection()
        if self.client:
            for stream, fields in REQUESTS.items():
                yield call.send_headers(stream, fields, end_stream=fields is not f.POST)
        else:
            # A talker uses CONNECT for WebSocket.
            yield call.update_settings({f.ENABLE_CONNECT_PROTOCOL: 1})
            self.updates += 1
        for part in self.parts(length):
            yield receive(*part)
            while self.luck(60):
                step = self.calls()
                if step is not None:
                    yield step
                if self.updates and self.luck(50) and not inside_block(part[-1]):
                    self.updates -= 1
                    yield receive(f.settings_ack())

    def parts(self, length: int) -> Iterator[list[bytes]]:
        """What arrives: mostly a frame by itself, sometimes several in one read."""
        waiting: list[bytes] = []
        for part in self.talker.frames(length, faults=self.faults):
            waiting.append(part)
            if self.luck(85):
                yield waiting
                waiting = []
        if waiting:
            yield waiting

    def luck(self, percent: int) -> bool:
        return self.chance.randrange(100) < percent

    def pick(self, options: list) -> object:
        return options[self.chance.randrange(len(options))]

    # --- calls ----------------------------------------------------------------------------------

    def calls(self) -> Step | None:
        """Any next call."""
        if self.clumsy and not self.chance.randrange(self.clumsy):
            return self.blunder()
        common = [self.data, self.data, self.data, self.ends, self.resets, self.acknowledges]
        common += [self.acknowledges, self.credit, self.ping, self.settings, self.asks]
        if self.client:
            common += [self.requests, self.requests, self.prioritises]
        else:
            common += [self.responds] * 4 + [self.informs, self.pushes, self.advertises]
        return self.pick(common)()

    def streams(self, *, headed: bool) -> list[tuple[int, H2Stream]]:
        """The streams on which something may be sent, with their head sent or not."""
        found = self.world.connection.streams.items()
        return [
            (at, stream)
            for at, stream in found
            if stream.state_machine.state in SENDING
            and bool(stream.state_machine.headers_sent) == headed
            and not stream.state_machine.trailers_sent
        ]

    def fields(self, *head: tuple[str, str]) -> list:
        extra = [field for field in EXTRA if self.luck(20)]
        return [*head, *extra]

    def responds(self) -> Step | None:
        streams = self.streams(headed=False)
        promised = self.world.connection.streams.items()
        streams += [
            (at, s) for at, s in promised if s.state_machine.state is StreamState.RESERVED_LOCAL
        ]
        if not streams:
            return None
        status = self.pick(["200", "404", "304"])
        fields = self.fields((":status", status))
        return call.send_headers(self.pick(streams)[0], fields, end_stream=self.luck(30))

    def informs(self) -> Step | None:
        streams = self.streams(headed=False)
        if not streams:
            return None
        return call.send_headers(self.pick(streams)[0], self.fields((":status", "103")))

    def requests(self) -> Step | None:
        connection = self.world.connection
        # Counted here: `open_outbound_streams` would make h2 forget its closed streams.
        mine = sum(at % 2 for at, stream in connection.streams.items() if stream.open)
        if mine >= connection.remote_settings.max_concurrent_streams:
            return None
        head = [(":method", "GET"), (":scheme", "https"), (":path", "/"), (":authority", "x")]
        options: dict[str, object] = {"end_stream": self.luck(50)}
        if self.luck(20):
            options |= {"priority_weight": self.pick([1, 256]), "priority_depends_on": 0}
        stream = connection.get_next_available_stream_id()
        return call.send_headers(stream, self.fields(*head), **options)

    def data(self) -> Step | None:
        streams = self.streams(headed=True)
        if not streams:
            return None
        stream = self.pick(streams)[0]
        connection = self.world.connection
        window = connection.local_flow_control_window(stream)
        most = min(window, connection.max_outbound_frame_size, self.pick([1, 500, 20_000]))
        pad = self.pick([None, None, None, 0, 40])
        size = most - (0 if pad is None else pad + 1)
        if size < 0 or (window < 0 and size == 0):
            return None
        octets = bytes(self.chance.randrange(size + 1))
        wrapped = self.pick([bytes, bytes, memoryview])(octets)
        return call.send_data(stream, wrapped, end_stream=self.luck(25), pad_length=pad)

    def ends(self) -> Step | None:
        streams = self.streams(headed=True)
        if not streams:
            return None
        stream = self.pick(streams)[0]
        if self.luck(50):
            return call.end_stream(stream)
        return call.send_headers(stream, self.fields(("x-sum", "1")), end_stream=True)

    def resets(self) -> Step | None:
        streams = self.streams(headed=True) + self.streams(headed=False)
        if not streams or self.luck(60):
            return None
        return call.reset_stream(self.pick(streams)[0], self.chance.randrange(14))

    def pushes(self) -> Step | None:
        connection = self.world.connection
        parents = [at for at, _ in self.streams(headed=False) if at % 2]
        limit = connection.remote_settings.max_concurrent_streams
        pushed = sum(not at % 2 and not s.closed for at, s in connection.streams.items())
        if not parents or not connection.remote_settings.enable_push or pushed + 1 >= limit:
            return None
        fields = [(":method", "GET"), (":scheme", "https"), (":path", "/p"), (":authority", "x")]
        promised = connection.get_next_available_stream_id()
        return call.push_stream(self.pick(parents), promised, self.fields(*fields))

    def advertises(self) -> Step | None:
        streams = [at for at, _ in self.streams(headed=False) if at % 2]
        if streams and self.luck(50):
            return call.advertise_alternative_service(b"h3", stream_id=self.pick(streams))
        return call.advertise_alternative_service(b"h3", origin=b"https://example.com")

    def acknowledges(self) -> Step | None:
        if not self.unacknowledged:
            return None
        at = self.chance.randrange(len(self.unacknowledged))
        size, stream = self.unacknowledged.pop(at)
        if size > 2 and self.luck(30):
            self.unacknowledged.append((size - size // 2, stream))
            size //= 2
        return call.acknowledge_received_data(size, stream)

    def credit(self) -> Step:
        streams = [
            at
            for at, stream in self.world.connection.streams.items()
            if stream.state_machine.state in (StreamState.OPEN, StreamState.HALF_CLOSED_LOCAL)
        ]
        stream = self.pick([None, *streams])
        return call.increment_flow_control_window(self.pick([1, 1000]), stream)

    def ping(self) -> Step:
        return call.ping(b"%08d" % self.chance.randrange(10**8))

    def settings(self) -> Step:
        code = self.pick(list(VALUES))
        self.updates += 1
        return call.update_settings({code: self.pick(VALUES[code])})

    def prioritises(self) -> Step:
        stream = 1 + 2 * self.chance.randrange(10)
        return call.prioritize(stream, self.pick([None, 1, 256]), 0, self.luck(50))

    def asks(self) -> Step | None:
        """A question that changes nothing. (Counting streams does, in h2.)"""
        return call.get_next_available_stream_id()

    def blunder(self) -> Step:
        """A call that looks at nothing."""
        stream = self.chance.randrange(12)
        code = self.pick([2, 3, 4, 5])
        return self.pick(
            [
                call.send_headers(stream, [(":status", "200")], end_stream=self.luck(50)),
                call.send_headers(stream, [*f.GET, ("x", "y")]),
                call.send_data(stream, bytes(self.pick([0, 10, 17_000, 70_000]))),
                call.end_stream(stream),
                call.reset_stream(stream),
                call.push_stream(stream, self.chance.randrange(12), f.GET),
                call.acknowledge_received_data(self.pick([0, 10, 100_000]), stream),
                call.increment_flow_control_window(self.pick([0, 1, 2**31 - 1]), stream),
                call.prioritize(stream, self.pick([0, 1, 257])),
                call.advertise_alternative_service(b"h3", stream_id=stream),
                call.update_settings({code: self.pick([0, 1, 2**31])}),
                call.ping(b"short"),
                call.local_flow_control_window(stream),
                call.close_connection(self.pick([0, 0, 2])),
            ]
        )


def inside_block(frame: bytes) -> bool:
    """Whether nothing but CONTINUATION may follow."""
    at = len(f.PREFACE) if frame.startswith(f.PREFACE) else 0
    kinds = (f.HEADERS, f.PUSH_PROMISE, f.CONTINUATION)
    return frame[at + 3] in kinds and not frame[at + 4] & f.END_HEADERS


def run(
    real: Implementation, here: Implementation, seed: object, *, faults: int = 0, clumsy: int = 0
) -> Comparison:
    """The program of a seed."""
    chance = random.Random(f"program {seed}")
    set_ones = [switch for switch in SWITCHES if chance.randrange(100) < switch[2]]
    options = {name: value for name, value, _ in set_ones}
    pair = Pair(real, here, client=chance.random() < 0.5, **options)
    return Program(pair, chance, faults=faults, clumsy=clumsy).run(30)
