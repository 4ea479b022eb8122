"""A client and a server of plait talk through a wire that cuts where it likes.

Whatever the cuts, the windows and the order of turns: every message arrives whole, once, and in
the end no window has leaked.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from plait.http2 import (
    DATA_DEFERRED,
    DATA_EOF,
    DATA_OK,
    Config,
    Connection,
    ConnectionTerminated,
    DataReceived,
    Limits,
    RequestReceived,
    ResponseReceived,
    Role,
    StreamClosed,
    StreamReset,
    TrailersReceived,
)

from .frames import GET, POST
from .script import Clock

SIZES = st.one_of(st.integers(0, 200), st.integers(0, 60_000))


@dataclass
class Message:
    """What one side sends on a stream: a body, cut into pieces, and perhaps trailers."""

    pieces: list[bytes]
    how: str
    trailers: list[tuple[bytes, bytes]]

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    sizes = draw(st.lists(SIZES, max_size=3))
    fill = draw(st.integers(0, 255))
    how = draw(st.sampled_from(["at once", "pieces", "source", "deferring source"]))
    trailers = [(b"x-sum", b"%d" % sum(sizes))] if draw(st.booleans()) else []
    return Message([bytes([fill]) * size for size in sizes], how, trailers)


@dataclass
class Heard:
    """What one side received on a stream."""

    head: object = None
    body: bytearray = field(default_factory=bytearray)
    trailers: list[tuple[bytes, bytes]] = field(default_factory=list)
    ended: int = 0


class Side:
    """One engine, and an application that consumes what it hears."""

    def __init__(self, role: Role, config: Config) -> None:
        self.connection = Connection(role, config)
        self.connection.initiate_connection()
        self.heard: dict[int, Heard] = {}
        self.closed: list[int] = []
        self.unread: list[DataReceived] = []
        self.deferred: list[int] = []

    def hears(self, octets: bytes) -> list[int]:
        """Take octets; the streams on which something is to be answered."""
        ready = []
        for event in self.connection.receive_data(octets) + self.connection.take_events():
            assert not isinstance(event, StreamReset | ConnectionTerminated), event
            if isinstance(event, StreamClosed):
                assert event.error_code == 0
                self.closed.append(event.stream_id)
                continue
            if not hasattr(event, "stream_id") or event.stream_id == 0:
                continue
            heard = self.heard.setdefault(event.stream_id, Heard())
            if isinstance(event, RequestReceived | ResponseReceived):
                assert heard.head is None
                heard.head = event.headers
                heard.ended += event.end_stream
                ready.append(event.stream_id)
            elif isinstance(event, DataReceived):
                heard.body += event.data
                heard.ended += event.end_stream
                self.unread.append(event)
            elif isinstance(event, TrailersReceived):
                heard.trailers = event.headers
                heard.ended += 1
        return ready

    def consumes(self, count: int) -> None:
        for event in self.unread[:count]:
            self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        del self.unread[:count]

    def sends(self, stream: int, message: Message) -> None:
        """Send a body behind a head that was sent already."""
        connection = self.connection
        last = not message.trailers
        if message.how in ("at once", "pieces"):
            pieces = [message.body] if message.how == "at once" else message.pieces
            for piece in pieces:
                connection.send_data(stream, piece)
            if last:
                connection.send_data(stream, b"", end_stream=True)
        else:
            connection.send_body(stream, self.source(stream, message), end_stream=last)
        if message.trailers:
            connection.send_headers(stream, message.trailers, end_stream=True)

    def source(self, stream: int, message: Message) -> object:
        left = [memoryview(piece) for piece in message.pieces]
        waiting = [message.how == "deferring source"]

        def read(most: int) -> tuple[memoryview | None, int]:
            assert most >= 1
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

    def resumes(self) -> None:
        for stream in self.deferred:
            self.connection.resume(stream)
        self.deferred.clear()


def config(window: int, more: int, frame: int) -> Config:
    return Config(
        clock=Clock(),
        initial_window_size=window,
        connection_window_size=65_535 + more,
        max_frame_size=16_384 + frame,
        # Here the answer is often complete before the request, and the request counts too.
        reset_unread_request=False,
        # Windows of a few octets would soon use it up.
        limits=Limits(control_burst=10**9),
    )


CONFIGS = st.builds(config, st.integers(1, 70_000), st.integers(0, 50_000), st.integers(0, 5000))


class Wire:
    """Octets on their way in one direction."""

    def __init__(self, source: Side, target: Side) -> None:
        self.source = source
        self.target = target
        self.octets = b""

    def moves(self, limit: int, cut: int) -> tuple[bool, list[int]]:
        """Take what the source wants to write, deliver `cut` octets; did anything move?"""
        taken = self.source.connection.data_to_send(limit)
        self.octets += taken
        part, self.octets = self.octets[:cut], self.octets[cut:]
        ready = self.target.hears(part)
        self.source.hears(b"")
        return bool(taken or part), ready


def and_more(sizes: list[int]) -> list[int]:
    """With a large one among them, so that no conversation is led octet by octet to its end."""
    return [*sizes, 10_000]


@examples(max_examples=20, deadline=None)
@given(
    exchanges=st.lists(st.tuples(messages(), messages()), min_size=1, max_size=6),
    configs=st.tuples(CONFIGS, CONFIGS),
    limits=st.lists(st.integers(1, 70_000), min_size=1, max_size=5).map(and_more),
    cuts=st.lists(
        st.one_of(st.integers(1, 50), st.integers(1, 40_000)), min_size=1, max_size=5
    ).map(and_more),
)
def test_every_message_arrives_whole_whatever_the_cuts(exchanges, configs, limits, cuts):
    client, server = Side(Role.CLIENT, configs[0]), Side(Role.SERVER, configs[1])
    up, down = Wire(client, server), Wire(server, client)
    requests, responses = {}, {}
    for request, response in exchanges:
        stream = client.connection.send_request(POST, end_stream=False)
        client.sends(stream, request)
        requests[stream], responses[stream] = request, response

    idle = turn = 0
    while idle < 6:
        limit, cut = limits[turn % len(limits)], max(cuts[turn % len(cuts)], turn // 50)
        moved, asked = up.moves(limit, cut)
        for stream in asked:
            server.connection.send_headers(stream, [(":status", "200")])
            server.sends(stream, responses[stream])
        also, _ = down.moves(limit, cut)
        for side in (client, server):
            side.consumes(1 + turn % 3)
            side.resumes()
        turn += 1
        # A starved source moves nothing for a turn or two.
        idle = 0 if moved or also or client.unread or server.unread else idle + 1
        assert turn < 200_000

    for stream, request in requests.items():
        check(server.heard[stream], request)
        check(client.heard[stream], responses[stream])
    for side in (client, server):
        assert sorted(side.closed) == sorted(requests)
        assert side.connection.open_streams == 0
        assert not side.connection.wants_write
    windows_are_whole(client, server, configs)


def check(heard: Heard, sent: Message) -> None:
    assert bytes(heard.body) == sent.body
    assert heard.trailers == sent.trailers
    assert heard.ended == 1


def windows_are_whole(client: Side, server: Side, configs: tuple[Config, Config]) -> None:
    """Both sides agree on the windows of a new stream, and nothing has leaked away."""
    stream = client.connection.send_request(POST, end_stream=False)
    server.hears(client.connection.data_to_send())
    server.connection.send_headers(stream, [(":status", "200")])
    client.hears(server.connection.data_to_send())
    for sender, receiver, theirs in ((client, server, configs[1]), (server, client, configs[0])):
        allowed = sender.connection.local_flow_control_window(stream)
        assert allowed == receiver.connection.remote_flow_control_window(stream)
        # Credit is given in steps: what is not given back yet is less than half a window.
        whole = min(theirs.initial_window_size, theirs.connection_window_size // 2)
        assert allowed >= whole


def test_resets_on_both_sides_leave_the_windows_whole():
    configs = (config(60_000, 0, 0), config(60_000, 0, 0))
    client, server = Side(Role.CLIENT, configs[0]), Side(Role.SERVER, configs[1])
    up, down = Wire(client, server), Wire(server, client)
    for side in (client, server):
        side.hears = lambda octets, c=side.connection: [  # type: ignore[method-assign]
            event.stream_id
            for event in c.receive_data(octets)
            if isinstance(event, RequestReceived)
        ]
    for number in range(60):
        stream = client.connection.send_request(POST, bytes(20_000))
        _, asked = up.moves(7000 * (number % 3 + 1), 9000)
        for asking in asked:
            server.connection.send_response(asking, 200, [], bytes(20_000))
        down.moves(7000 * (number % 4 + 1), 9000)
        side = client if number % 2 else server
        if side.connection.stream_is_open(stream):
            side.connection.reset_stream(stream)
        for live in range(1, stream, 2):
            if client.connection.stream_is_open(live):
                client.connection.reset_stream(live)
        for _ in range(3):
            up.moves(100_000, 100_000)
            down.moves(100_000, 100_000)
    for side in (client, server):
        assert side.connection.open_streams == 0
        assert not side.connection.closed
    windows_are_whole(client, server, configs)


@pytest.mark.parametrize("limit", [1, 16_384, 1_000_000])
def test_a_hundred_requests_share_one_connection(limit):
    client, server = Side(Role.CLIENT, Config()), Side(Role.SERVER, Config())
    up, down = Wire(client, server), Wire(server, client)
    for number in range(100):
        path = (b":path", b"/%d" % number)
        client.connection.send_request([*GET[:2], path, GET[3]])
    while True:
        moved, asked = up.moves(limit, 100_000)
        for stream in asked:
            body = dict(server.heard[stream].head)[b":path"] * 400
            server.connection.send_response(stream, 200, [("x-n", str(stream))], body)
        also, _ = down.moves(limit, 100_000)
        client.consumes(1000)
        if not (moved or also):
            break
    for number in range(100):
        assert client.heard[2 * number + 1].body == b"/%d" % number * 400
    assert len(client.closed) == len(server.closed) == 100
