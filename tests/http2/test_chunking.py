"""However octets are cut and whatever they are, the engine says the same or says a fault."""

from __future__ import annotations

import random
from itertools import pairwise

import hpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.http2 import Config, Connection, Event, Role

from . import frames as f
from .frames import GET, OK, POST, data, headers
from .script import Clock

EXAMPLES = settings(max_examples=60, deadline=None)


def a_lively_session() -> bytes:
    """What a busy client sends: bodies, padding, trailers, pings, faults of single streams."""
    encoder = hpack.Encoder()

    def compressed(stream: int, fields: f.Fields, **how: bool) -> f.Frame:
        return f.raw_headers(stream, encoder.encode(fields), **how)

    long_block = encoder.encode([*GET, (b"x-long", b"v" * 3000)])
    return f.octets(
        [
            f.PREFACE,
            f.settings((f.INITIAL_WINDOW_SIZE, 100_000), (f.HEADER_TABLE_SIZE, 1024)),
            f.settings_ack(),
            f.raw_headers(1, long_block[:500], end_headers=False),
            f.continuation(1, long_block[500:]),
            compressed(3, [*POST, (b"content-length", b"10")], end_stream=False),
            f.ping(),
            data(3, b"12345", pad=7),
            compressed(5, POST, end_stream=False),
            data(5, bytes(5000)),
            data(3, b"67890", end_stream=True),
            f.Frame(0x42, 7, 5, b"unknown"),
            f.window_update(0, 70_000),
            f.window_update(5, 1000),
            f.priority(7, 5),
            f.priority_update(5, b"u=1, i"),
            compressed(7, [*GET, (b"Malformed", b"v")]),
            compressed(5, [(b"x-trailer", b"end")]),
            f.window_update(1, 0),
            compressed(9, POST, end_stream=False),
            f.rst_stream(9),
            f.settings((f.MAX_FRAME_SIZE, 20_000)),
            compressed(11, [*GET, (b"cookie", b"a=b")]),
            data(1, b"on a stream that was reset"),
            f.goaway(0, 0, b"bye"),
        ]
    )


SESSION = a_lively_session()


def replay(parts: list[bytes], role: Role = Role.SERVER) -> tuple[list[Event], bytes]:
    """The events and the output of an engine that is fed these parts."""
    connection = Connection(role, Config(clock=Clock()))
    connection.initiate_connection()
    if role == Role.CLIENT:
        for _ in range(4):
            connection.send_request(GET)
    events = []
    for part in parts:
        events += connection.receive_data(part)
    events += connection.take_events()
    written = []
    while octets := connection.data_to_send():
        written.append(octets)
    return events, b"".join(written)


def cut(whole: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(whole) + 1) for place in places), len(whole)]
    return [whole[a:b] for a, b in pairwise(edges)]


WHOLE = replay([SESSION])


def test_the_session_is_as_lively_as_it_says():
    kinds = {type(event).__name__ for event in WHOLE[0]}
    assert {"RequestReceived", "DataReceived", "TrailersReceived", "StreamReset"} <= kinds
    assert {"PriorityUpdated", "UnknownFrameReceived", "ConnectionTerminated"} <= kinds


@EXAMPLES
@given(places=st.lists(st.integers(0, len(SESSION)), max_size=40))
def test_any_cuts_give_the_same_events_and_the_same_output(places):
    assert replay(cut(SESSION, places)) == WHOLE


def test_single_octets_give_the_same_events_and_the_same_output():
    assert replay([SESSION[at : at + 1] for at in range(len(SESSION))]) == WHOLE


@pytest.mark.parametrize("kind", [bytearray, memoryview])
def test_other_kinds_of_octets_give_the_same(kind):
    assert replay([kind(part) for part in cut(SESSION, [100, 2000, 2001])]) == WHOLE


def check_output(written: bytes, role: Role) -> None:
    """Whatever came in, what goes out is whole frames, and one GOAWAY at most, at the end."""
    frames = f.read_frames(written, magic=role == Role.CLIENT)
    ends = [at for at, frame in enumerate(frames) if frame.type == f.GOAWAY]
    assert ends in ([], [len(frames) - 1])


@EXAMPLES
@given(noise=st.binary(max_size=300), places=st.lists(st.integers(0, 300), max_size=5))
def test_arbitrary_octets_are_never_an_exception(noise, places):
    opening = f.octets([f.PREFACE, f.settings(), f.settings_ack()])
    parts = [opening, *cut(noise, places)]
    events, written = replay(parts)
    assert all(isinstance(event, Event) for event in events)
    check_output(written, Role.SERVER)
    assert replay([opening + noise]) == (events, written)


@EXAMPLES
@given(noise=st.binary(max_size=300))
def test_arbitrary_octets_instead_of_a_preface_are_never_an_exception(noise):
    _, written = replay([noise])
    check_output(written, Role.SERVER)


FRAME = st.builds(
    lambda kind, flags, stream, payload: bytes(f.Frame(kind, flags, stream, payload)),
    st.one_of(st.integers(0, 10), st.sampled_from([0xC, 0x10, 0x77])),
    st.integers(0, 255),
    st.integers(0, 9),
    st.binary(max_size=40),
)


@EXAMPLES
@given(parts=st.lists(FRAME, max_size=20), role=st.sampled_from(list(Role)))
def test_arbitrary_frames_are_never_an_exception(parts, role):
    opening = [f.PREFACE if role == Role.SERVER else b"", bytes(f.settings())]
    events, written = replay([*opening, *parts], role)
    assert all(isinstance(event, Event) for event in events)
    check_output(written, role)


@EXAMPLES
@given(
    flips=st.lists(
        st.tuples(st.integers(24, len(SESSION) - 1), st.integers(1, 255)), min_size=1, max_size=6
    )
)
def test_mutated_traffic_is_never_an_exception(flips):
    mutated = bytearray(SESSION)
    for at, mask in flips:
        mutated[at] ^= mask
    events, written = replay([bytes(mutated)])
    check_output(written, Role.SERVER)
    assert replay(cut(bytes(mutated), [at for at, _ in flips])) == (events, written)


RESPONSES = f.octets(
    [
        f.settings((f.MAX_CONCURRENT_STREAMS, 10)),
        f.settings_ack(),
        f.push_promise(1, 2, GET),
        headers(1, [(b":status", b"103"), (b"link", b"</a>")], end_stream=False),
        headers(1, [*OK, (b"content-length", b"9")], end_stream=False),
        data(1, b"nine"),
        headers(2, OK, end_stream=False),
        data(2, b"pushed", end_stream=True, pad=3),
        headers(3, OK, end_stream=False),
        headers(3, [(b"x-trailer", b"v")]),
        data(1, b"nines", end_stream=True),
        headers(5, [(b":status", b"20")]),
        f.altsvc(0, b"https://a", b"clear"),
        f.origin(b"https://a"),
        f.rst_stream(7, f.REFUSED_STREAM),
        f.goaway(7),
    ]
)


@EXAMPLES
@given(places=st.lists(st.integers(0, len(RESPONSES)), max_size=30))
def test_a_client_too_gives_the_same_for_any_cuts(places):
    assert replay(cut(RESPONSES, places), Role.CLIENT) == replay([RESPONSES], Role.CLIENT)


@EXAMPLES
@given(
    flips=st.lists(st.tuples(st.integers(0, len(RESPONSES) - 1), st.integers(1, 255)), max_size=6)
)
def test_mutated_responses_are_never_an_exception(flips):
    mutated = bytearray(RESPONSES)
    for at, mask in flips:
        mutated[at] ^= mask
    _, written = replay([bytes(mutated)], Role.CLIENT)
    check_output(written, Role.CLIENT)


@pytest.mark.slow
def test_a_great_deal_of_mutated_traffic_is_never_an_exception():
    chance = random.Random(9113)
    for round_number in range(20_000):
        role, traffic = (Role.SERVER, SESSION) if round_number % 2 else (Role.CLIENT, RESPONSES)
        mutated = bytearray(traffic)
        for _ in range(chance.randrange(1, 12)):
            at = chance.randrange(len(mutated))
            what = chance.random()
            if what < 0.6:
                mutated[at] = chance.randrange(256)
            elif what < 0.8:
                del mutated[at : at + chance.randrange(1, 20)]
            else:
                mutated[at:at] = bytes(
                    chance.randrange(256) for _ in range(chance.randrange(1, 12))
                )
            if not mutated:
                break
        _, written = replay([bytes(mutated)], role)
        check_output(written, role)
