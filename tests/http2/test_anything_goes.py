"""Whatever its own side and the peer do, an engine's output obeys RFC 9113.

A referee reads every frame that leaves and knows what the peer allowed: windows, frame size,
streams, states. Calls that make no sense must raise `UsageError` and change nothing that the
referee could see.
"""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from plait.http2 import (
    DATA_DEFERRED,
    DATA_EOF,
    DATA_OK,
    Config,
    Connection,
    DirectConnection,
    Role,
    UsageError,
)

from . import frames as f
from .frames import GET, OK, POST, Frame, data, headers
from .script import Clock

INITIAL = f.INITIAL_WINDOW_SIZE


class Referee:
    """Follows the streams of a server from its output and from what it was sent."""

    def __init__(self) -> None:
        self.reader = f.FrameReader()
        self.window = 65_535
        self.initial = 65_535
        self.max_frame = 16_384
        self.windows: dict[int, int] = {}
        self.state: dict[int, str] = {}  # "asked", "answering", "ended"
        self.promised: set[int] = set()
        self.push = True
        self.pushes_open: set[int] = set()
        self.max_pushes = 10**9
        self.gone = False

    def window_of(self, stream: int) -> int:
        return self.windows.setdefault(stream, self.initial)

    # --- what the peer allows ---------------------------------------------------------------

    def sent(self, frame: Frame) -> None:
        """The peer sent this frame to the engine, and it was well-formed."""
        if frame.type == f.HEADERS and frame.stream_id not in self.state:
            self.state[frame.stream_id] = "asked"
        elif frame.type == f.WINDOW_UPDATE:
            credit = int.from_bytes(frame.payload, "big")
            if frame.stream_id == 0:
                self.window += credit
            else:
                self.windows[frame.stream_id] = self.window_of(frame.stream_id) + credit
        elif frame.type == f.RST_STREAM:
            self.end(frame.stream_id)
        elif frame.type == f.SETTINGS and not frame.flags & f.ACK:
            for code, value in f.parse_settings(frame).items():
                self.set(code, value)

    def set(self, code: int, value: int) -> None:
        if code == INITIAL:
            for stream in list(self.windows):
                self.windows[stream] += value - self.initial
            self.initial = value
        elif code == f.MAX_FRAME_SIZE:
            self.max_frame = value
        elif code == f.MAX_CONCURRENT_STREAMS:
            self.max_pushes = value

    # --- what the engine writes -------------------------------------------------------------

    def reads(self, written: bytes) -> None:
        before = len(self.reader.raw)
        frames = self.reader.feed(written)
        assert self.reader.buffer == b"", "the output ends inside a frame"
        for frame in self.reader.raw[before:]:
            assert len(frame.payload) <= max(self.max_frame, 16_384)
        for frame in frames:
            assert not self.gone, f"{frame} after the last GOAWAY"
            self.judge(frame)

    def judge(self, frame: Frame) -> None:
        stream = frame.stream_id
        if frame.type == f.DATA:
            assert self.state[stream] == "answering", f"{frame} on {self.state[stream]}"
            assert len(frame.payload) <= self.max_frame
            self.window -= len(frame.payload)
            self.windows[stream] = self.window_of(stream) - len(frame.payload)
            if frame.payload:
                assert self.window >= 0, "more than the connection's window"
                assert self.windows[stream] >= 0, "more than the stream's window"
            else:
                assert frame.end_stream, "an empty frame that ends nothing"
        elif frame.type == f.HEADERS:
            self.judge_headers(frame)
        elif frame.type == f.PUSH_PROMISE:
            assert self.push
            assert self.state[stream] in ("asked", "answering")
            assert frame.promised not in self.state
            self.state[frame.promised] = "asked"
            self.promised.add(frame.promised)
        elif frame.type == f.RST_STREAM:
            assert stream in self.state, f"{frame} on an idle stream"
            self.end(stream)
        elif frame.type == f.GOAWAY and f.error_code(frame):
            self.gone = True
        if frame.end_stream:
            self.end(stream)

    def judge_headers(self, frame: Frame) -> None:
        stream = frame.stream_id
        status = dict(frame.fields).get(b":status")
        if self.state[stream] == "asked":
            assert status is not None, "a head without :status"
            if status.startswith(b"1"):
                assert not frame.end_stream
                return
            if stream in self.promised:
                self.pushes_open.add(stream)
                assert len(self.pushes_open) <= self.max_pushes
            self.state[stream] = "answering"
        else:
            assert self.state[stream] == "answering", f"{frame} on {self.state[stream]}"
            assert status is None
            assert frame.end_stream, "trailers that end nothing"

    def end(self, stream: int) -> None:
        self.state[stream] = "ended"
        self.pushes_open.discard(stream)


class Chaos:
    """A server engine between a random application and a random, mostly honest client."""

    kind: type[Connection] = Connection

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        config = Config(
            clock=Clock(),
            reset_unread_request=self.chance.random() < 0.5,
            withdrawable_responses=self.chance.random() < 0.3,
        )
        self.connection = self.kind(Role.SERVER, config)
        self.connection.initiate_connection()
        self.referee = Referee()
        self.next_stream = 1
        self.asked: list[int] = []
        self.frames(f.settings((INITIAL, self.chance.choice([0, 10, 65_535, 200_000]))), f.PREFACE)

    def frames(self, frame: Frame, before: bytes = b"") -> None:
        # What was said already was said before the peer's frame came.
        self.pull(0)
        self.referee.sent(frame)
        self.events = self.connection.receive_data(before + bytes(frame))

    def some_stream(self) -> int:
        if self.chance.random() < 0.05 or not self.asked:
            return self.chance.choice([0, 2, 4, self.next_stream, 99, 2**31 - 1])
        return self.chance.choice(self.asked[-6:])

    # --- the client -------------------------------------------------------------------------

    def client_asks(self) -> None:
        fields = self.chance.choice([GET, POST, f.HEAD])
        self.asked.append(self.next_stream)
        self.frames(headers(self.next_stream, fields, end_stream=self.chance.random() < 0.6))
        self.next_stream += 2

    def client_gives_credit(self) -> None:
        stream = self.chance.choice([0, *self.asked[-4:]])
        self.frames(f.window_update(stream, self.chance.choice([1, 100, 50_000])))

    def client_resets(self) -> None:
        if self.asked:
            self.frames(f.rst_stream(self.chance.choice(self.asked[-4:])))

    def client_sets(self) -> None:
        code, values = self.chance.choice(
            [
                (INITIAL, [0, 1, 1000, 65_535, 300_000]),
                (f.MAX_FRAME_SIZE, [16_384, 20_000, 60_000]),
                (f.HEADER_TABLE_SIZE, [4096]),
                (f.MAX_CONCURRENT_STREAMS, [0, 1, 5, 100]),
            ]
        )
        if code == f.MAX_CONCURRENT_STREAMS and self.referee.pushes_open:
            return  # the referee would have to know which were counted when
        self.frames(f.settings((code, self.chance.choice(values))))

    def client_sends_a_body(self) -> None:
        requests = [stream for stream in self.asked if stream & 1]
        if requests and self.connection.stream_is_open(requests[-1]):
            self.frames(data(requests[-1], b"x" * 10, end_stream=self.chance.random() < 0.3))

    def client_pings(self) -> None:
        self.frames(f.ping())

    # --- the application --------------------------------------------------------------------

    def body(self) -> object:
        size = self.chance.choice([0, 1, 100, 5000, 70_000])
        kind = self.chance.random()
        if kind < 0.2:
            return None
        if kind < 0.5:
            return bytes(size)
        return self.source(size)

    def source(self, size: int) -> Callable[[int], object]:
        left = [size]

        def read(most: int) -> object:
            luck = self.chance.random()
            if luck < 0.1:
                return None, DATA_DEFERRED
            if luck < 0.2:
                return b"", DATA_OK
            if luck < 0.22:
                raise RuntimeError("a broken source")
            if luck < 0.24:
                return b"x" * (most + 1), DATA_OK
            if luck < 0.3:
                self.application()  # from inside
            given = min(most, left[0], self.chance.choice([1, 1000, 100_000]))
            left[0] -= given
            return bytes(given), DATA_OK if left[0] else DATA_EOF

        return read

    def application(self) -> None:
        call = self.chance.choice(self.calls(self.some_stream(), self.chance.random() < 0.5))
        try:
            made = call()
        except UsageError:
            return
        if isinstance(made, int):
            self.asked.append(made)

    def calls(self, stream: int, luck: bool) -> list[Callable[[], object]]:
        connection = self.connection
        return [
            lambda: connection.send_response(stream, 200, [("x", "y")], self.body()),
            lambda: connection.send_response(stream, 200, [("x", "y")], self.body()),
            lambda: connection.send_headers(stream, [(":status", "103"), ("link", "</a>")]),
            lambda: connection.send_headers(stream, OK, end_stream=luck),
            lambda: connection.send_headers(stream, [("x-trailer", "v")], end_stream=True),
            lambda: connection.send_data(stream, bytes(3000), end_stream=luck),
            lambda: connection.send_data(stream, bytes(50_000), end_stream=luck),
            lambda: connection.send_data(stream, b"", end_stream=luck),
            lambda: connection.send_body(stream, self.source(20_000), end_stream=luck),
            lambda: connection.push_stream(stream, GET),
            lambda: connection.reset_stream(stream, 8),
            lambda: connection.prioritize(stream, self.chance.randrange(8), luck),
            lambda: [connection.resume(s) for s in self.asked],
            lambda: connection.update_settings({INITIAL: self.chance.randrange(70_000)}),
            lambda: connection.ping(b"pingping"),
        ]

    def run(self, steps: int) -> None:
        actions = [
            *[self.client_asks] * 3,
            *[self.client_gives_credit] * 3,
            *(self.client_resets, self.client_sets, self.client_sends_a_body, self.client_pings),
            *[self.application] * 10,
            *[self.pull] * 5,
        ]
        for _ in range(steps):
            self.chance.choice(actions)()
            if self.connection.closed:
                break
        self.pull(10**9)

    def pull(self, limit: int | None = None) -> None:
        if limit is None:
            limit = self.chance.choice([1, 1000, 65_536])
        wanted = self.connection.wants_write
        if self.chance.random() < 0.5:
            written = self.connection.data_to_send(limit)
        else:
            written = b"".join(self.connection.segments_to_send(limit))
        assert wanted or not written
        self.connection.take_events()
        self.connection.take_source_errors()
        self.referee.reads(written)


class DirectChaos(Chaos):
    """The same, and half of what the application says is said frame by frame."""

    kind = DirectConnection

    def calls(self, stream: int, luck: bool) -> list[Callable[[], object]]:
        connection = self.connection
        size = self.chance.choice([1, 100, 5000, 16_384, 60_000])
        padding = self.chance.choice([-1, -1, 0, 255])
        promised = connection.next_stream_id + self.chance.choice([0, 0, 0, 2, 1])
        return [
            *super().calls(stream, luck),
            *[lambda: connection.send_headers_frame(stream, OK, end_stream=luck)] * 4,
            lambda: connection.send_headers_frame(stream, [("x-trailer", "v")], end_stream=True),
            *[lambda: connection.send_data_frame(stream, bytes(size), luck, padding)] * 6,
            lambda: connection.send_data_frame(stream, b"", True),
            lambda: self.promise(stream, promised),
            lambda: connection.give_credit(size, self.chance.choice([0, stream])),
            lambda: connection.send_priority(stream),
        ]

    def promise(self, stream: int, promised: int) -> int:
        self.connection.promise_stream(stream, promised, GET)
        return promised


def play(seed: int, kind: type[Chaos] = Chaos) -> None:
    chaos = kind(seed)
    chaos.run(120)
    assert not chaos.connection.closed, f"an honest client was turned away: {chaos.events}"


@pytest.mark.parametrize("block", range(10))
def test_the_output_obeys_the_rfc_whatever_is_asked_for(block):
    for seed in range(block * 12, block * 12 + 12):
        play(seed)


@pytest.mark.parametrize("block", range(4))
def test_the_output_obeys_the_rfc_also_frame_by_frame(block):
    for seed in range(block * 12, block * 12 + 12):
        play(seed, DirectChaos)


@pytest.mark.slow
def test_the_output_obeys_the_rfc_frame_by_frame_at_length():
    for seed in range(20_000, 21_500):
        play(seed, DirectChaos)


@pytest.mark.slow
def test_the_output_obeys_the_rfc_whatever_is_asked_for_at_length():
    for seed in range(10_000, 14_000):
        play(seed)
