"""However a byte stream is cut, the engine says the same; whatever it holds, nothing breaks."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from plait.http2 import (
    Connection,
    ConnectionTerminated,
    Event,
    RequestReceived,
    without_withdrawn,
)
from tests.http2 import frames as f
from tests.support.corpus import damage
from tests.support.replay import FAULT

from .application import Segment, Steady
from .invariants import check_consistent
from .profiles import long, ordinary, slow
from .talk import FAULTS, Talker

ROLES = ("server", "client")
CHANCES = st.randoms(use_true_random=False)


@st.composite
def structured(draw: st.DrawFn, longest: int = 30) -> tuple[str, list[bytes]]:
    """A role, and what its peer says: valid, or with a few things wrong."""
    chance = draw(CHANCES)
    role = draw(st.sampled_from(ROLES))
    talker = Talker(chance, to_server=role == "server")
    return role, talker.frames(draw(st.integers(1, longest)), faults=draw(st.integers(0, 3)))


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, list[bytes]]:
    """Octets changed, lost, added; frames moved and doubled."""
    role, parts = draw(structured(20))
    return role, damage(draw(CHANCES), parts)


FRAME = st.builds(
    lambda kind, flags, stream, payload: bytes(f.Frame(kind, flags, stream, payload)),
    st.one_of(st.integers(0, 10), st.sampled_from([0xC, 0x10, 0x77])),
    st.integers(0, 255),
    st.one_of(st.integers(0, 9), st.sampled_from([2**31 - 1, 2**31, 2**32 - 1])),
    st.binary(max_size=40),
)


@st.composite
def arbitrary(draw: st.DrawFn) -> tuple[str, list[bytes]]:
    """Frames of any kind, or no frames at all; mostly after a beginning that is right."""
    role = draw(st.sampled_from(ROLES))
    parts = [f.PREFACE if role == "server" else b"", bytes(f.settings())]
    if draw(st.booleans()):
        parts += draw(st.lists(FRAME, max_size=15))
    else:
        parts.append(draw(st.binary(max_size=300)))
    return role, parts[draw(st.integers(0, 2)) if draw(st.booleans()) else 0 :]


STREAMS = st.one_of(structured(), structured(), damaged(), arbitrary())


@st.composite
def cuts(draw: st.DrawFn, whole: bytes) -> list[bytes]:
    """The same octets in reads of any sizes, single octets and none at all among them."""
    if draw(st.integers(0, 9)) == 0 and len(whole) < 3000:
        return [whole[at : at + 1] for at in range(len(whole))]
    places = sorted(draw(st.lists(st.integers(0, len(whole)), max_size=12)))
    edges = [0, *places, len(whole)]
    return [whole[edges[at] : edges[at + 1]] for at in range(len(edges) - 1)]


@st.composite
def replays(draw: st.DrawFn) -> tuple[str, int, list[list[bytes]], list[Segment]]:
    """A stream in whole segments, and the same segments cut.

    Barriers fall between two frames or inside one: that is for the application to bear.
    """
    role, parts = draw(STREAMS)
    whole, cut = [], []
    while parts:
        count = draw(st.integers(1, max(1, len(parts))))
        octets = b"".join(parts[:count])
        parts = parts[count:]
        whole.append([octets])
        cut.append(draw(cuts(octets)))
    return role, draw(st.integers(0, 41)), whole, cut


def check_cuts(case: tuple[str, int, list[list[bytes]], list[Segment]]) -> None:
    """Segment by segment the same events and facts; in all the same words, octet for octet."""
    role, number, whole, cut = case
    expected = Steady(role, number).plays(whole)
    got = Steady(role, number).plays(cut)
    assert got.events == expected.events
    assert got.lines == expected.lines
    assert got.known == expected.known
    assert not [line for line in got.lines if line.startswith(FAULT)]
    check_consistent(got.connection)


test_any_cuts_give_the_same_events_and_the_same_output = ordinary(150)(given(replays())(check_cuts))
test_any_cuts_at_length = slow(long(1500)(given(replays())(check_cuts)))


def check_stream(case: tuple[str, list[bytes]], number: int) -> None:
    """No exception, and an engine that is consistent after every read."""
    role, parts = case
    app = Steady(role, number)
    app.attempt("start", app.start)
    for part in parts:
        events = app.connection.receive_data(part)
        check_consistent(app.connection)
        assert all(isinstance(event, Event) for event in events)
        check_withdrawn(app.connection, events)
        for event in events:
            app.attempt("answer", lambda event=event: app.answer(event))
        check_consistent(app.connection)
        app.send(5000)
        check_consistent(app.connection)
    assert not [line for line in app.lines if line.startswith(FAULT)]
    check_said(bytes(app.said), role)


def check_withdrawn(connection: Connection, events: list[Event]) -> None:
    """Without the requests that were withdrawn, those that are left can be answered."""
    kept = without_withdrawn(events)
    left = [event.stream_id for event in kept if isinstance(event, RequestReceived)]
    assert all(connection.stream_is_open(stream) for stream in left)
    gone = {event.stream_id for event in events if isinstance(event, RequestReceived)} - {*left}
    assert not any(connection.stream_is_open(stream) for stream in gone)
    assert kept == [e for e in events if getattr(e, "stream_id", 0) not in gone]


def check_said(written: bytes, role: str) -> None:
    """What goes out is whole frames, and nothing after a GOAWAY that tells of an error."""
    frames = f.read_frames(written, magic=role == "client")
    ends = [at for at, x in enumerate(frames) if x.type == f.GOAWAY and f.error_code(x)]
    assert ends in ([], [len(frames) - 1])


NUMBERS = st.integers(0, 41)
test_no_stream_breaks_the_engine = ordinary(150)(
    given(case=STREAMS, number=NUMBERS)(
        example(case=("server", [b"\x00"]), number=0)(
            example(case=("client", [b"\xff" * 9]), number=0)(check_stream)
        )
    )
)
test_no_stream_breaks_the_engine_at_length = slow(
    long(1500)(given(case=STREAMS, number=NUMBERS)(check_stream))
)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("at", range(len(FAULTS)))
def test_every_single_fault_by_itself(role: str, at: int) -> None:
    for seed in range(3):
        chance = random.Random(f"{at} {seed}")
        talker = Talker(chance, to_server=role == "server")
        parts = talker.frames(6)
        parts += talker.octets(FAULTS[at](talker))
        parts += talker.octets(talker.something())
        check_stream((role, parts), seed)
        whole = b"".join(parts)
        edges = sorted(chance.randrange(len(whole)) for _ in range(5))
        cut = [whole[a:b] for a, b in zip([0, *edges], [*edges, len(whole)], strict=True)]
        check_cuts((role, seed, [[whole]], [cut]))
        connection = Steady(role, seed).plays([[whole]]).connection
        check_consistent(connection)


def test_what_a_talker_says_without_faults_ends_no_connection() -> None:
    for seed in range(60):
        role = ROLES[seed % 2]
        parts = Talker(random.Random(seed), to_server=role == "server").frames(40)
        for events in Steady(role, 0).plays([[part] for part in parts]).events:
            assert not [e for e in events if isinstance(e, ConnectionTerminated)], seed
