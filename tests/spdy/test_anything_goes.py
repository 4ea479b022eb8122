"""Whatever the peer says and the application asks for: events or a fault, and never an exception.

The programs are those of the fuzzing target `spdy`: each is played whole and with its reads cut,
and must tell and say the same; a referee listens. Here Hypothesis and a seed draw them.
"""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fuzz import program, spdy
from plait.http2 import Role
from plait.spdy.connection import Connection
from plait.spdy.events import ConnectionTerminated, Event
from tests.properties.profiles import long, ordinary, slow

from . import wire as w
from .script import every_version
from .wire import GET, OK, data, headers, ping, push, rst_stream, settings, syn_reply, syn_stream

ANY_STEP = st.builds(program.Operation, st.integers(0, spdy.OPERATIONS - 1), st.binary(max_size=12))

# What makes sense more often than not: streams that are new, recent or low, and valid headers.
ID = st.sampled_from([0, 1, 2, 3, 5, 50, 51, 51, 52, 100, 100, 100])
OWN_ID = st.sampled_from([1, 1, 2, 3, 4, 5, 7])
FLAGS = st.sampled_from([0, 0, 1, 1, 5, 8, 12])
VALID = st.sampled_from([b"", b"\x65", b"\x62", b"\1\2\1"])
BODY = st.one_of(
    st.sampled_from([b"\0", b"\x3c", b"\x3f", b"\x40", b"\x41", b"\x42", b"\x43"]),
    st.binary(min_size=2, max_size=12).map(lambda rest: b"\xff" + rest),
)
NUMBER = st.sampled_from([b"\1", b"\x70", b"\x80\x20\0", b"\xd0\xff\xff", b"\xdc", b"\xdf"])


def step(code: int, *parts: st.SearchStrategy[int | bytes]) -> st.SearchStrategy[program.Operation]:
    """An operation whose operand is made of these."""
    return st.tuples(*parts).map(
        lambda drawn: program.Operation(
            code, b"".join(bytes([part]) if isinstance(part, int) else part for part in drawn)
        )
    )


SENSIBLE = [
    *[step(spdy.SYN_STREAM, st.just(100), FLAGS, VALID)] * 4,
    step(spdy.SYN_STREAM, st.just(100), st.sampled_from([0x12, 0x13]), st.just(1), VALID),
    *[step(spdy.SYN_REPLY, ID, FLAGS, VALID)] * 2,
    step(spdy.HEADERS, ID, FLAGS, VALID),
    *[step(spdy.DATA, ID, FLAGS, st.sampled_from([b"", b"x", b"body"]))] * 4,
    step(spdy.RST_STREAM, ID, st.just(5)),
    step(spdy.SETTINGS, st.just(1), st.sampled_from([4, 7, 7]), st.just(0), NUMBER),
    step(spdy.PING, st.sampled_from([1, 2])),
    *[step(spdy.WINDOW_UPDATE, ID, NUMBER)] * 2,
    step(spdy.REPEAT, st.sampled_from([1, 9, 59])),
    *[step(spdy.REQUEST, st.sampled_from([0, 3, 7]), VALID.filter(len), BODY)] * 2,
    *[step(spdy.RESPOND, OWN_ID, BODY)] * 3,
    step(spdy.REPLY, OWN_ID, st.just(0x65)),
    step(spdy.MORE_HEADERS, st.sampled_from([0, 1]), OWN_ID, st.sampled_from([0, 255]), VALID),
    *[step(spdy.SEND_DATA, st.sampled_from([0, 1, 6]), OWN_ID, BODY)] * 2,
    step(spdy.PUSH, OWN_ID, st.just(0x65), BODY),
    step(spdy.RESET, OWN_ID, st.just(5)),
    step(spdy.SAY, st.sampled_from([b"\0", b"\x70\7\0\x70", b"\x70\4\0\2", b"\xc8"])),
    step(spdy.GIVE, OWN_ID, NUMBER),
    *[step(spdy.CONSUME)] * 2,
    step(spdy.RESUME, OWN_ID),
    *[step(spdy.PULL)] * 3,
    step(spdy.WAIT, st.just(9)),
]
STEP = st.sampled_from([*SENSIBLE, ANY_STEP]).flatmap(lambda chosen: chosen)
# A client has asked and is being answered; a server has two requests, one of them incomplete.
BEGIN = [
    program.Operation(spdy.REQUEST, b"\3\x65\xff" + bytes(range(40, 60))),
    program.Operation(spdy.PULL),
    program.Operation(spdy.SYN_STREAM, b"\x64\0\x65"),
    program.Operation(spdy.SYN_REPLY, b"\1\0\x62"),
    program.Operation(spdy.SYN_STREAM, b"\x64\1\x65"),
]
HEAD = st.binary(min_size=4, max_size=4).map(lambda head: bytes([head[0] & ~spdy.RAW]) + head[1:])
PROGRAM = st.builds(
    lambda head, first, steps: program.build(head, BEGIN[:first] + steps),
    HEAD,
    st.integers(0, len(BEGIN)),
    st.lists(STEP, min_size=5, max_size=25),
)


def check(played: bytes) -> None:
    spdy.converse(played)


test_any_program_is_borne = ordinary(120)(given(played=PROGRAM)(check))
test_any_program_is_borne_at_length = slow(long(1500)(given(played=PROGRAM)(check)))


def check_octets(kind: int, octets: bytes) -> None:
    spdy.converse(bytes([kind | spdy.RAW, len(octets) & 0xFF, 0, 0]) + octets)


KINDS = st.integers(0, 5)
test_any_octets_are_borne = ordinary(100)(given(kind=KINDS, octets=st.binary())(check_octets))
test_any_octets_are_borne_at_length = slow(
    long(1500)(given(kind=KINDS, octets=st.binary(max_size=2000))(check_octets))
)


# ------------------------------------------------------------------------------------------------
# An honest conversation, with some octets changed.


def conversation(version: int, role: Role) -> bytes:
    """What a peer says to a client that has sent two requests, or to a server."""
    writer = w.Writer(version)
    if role == Role.SERVER:
        return writer(
            *(settings((4, 0, 10)), syn_stream(1), syn_stream(3, end=False, priority=2)),
            *(data(3, b"body"), headers(3, [(b"x", b"y")]), data(3, end=True), ping(1)),
            *(syn_stream(5), rst_stream(5), w.window_update(1, 10), w.goaway(0)),
        )
    return writer(
        *(settings((7, 1, 5000)), syn_reply(1), push(2, 1), data(1, b"body"), data(2, b"x")),
        *(headers(1, [(b"x", b"y")]), data(1, end=True), data(2, end=True), ping(2)),
        *(syn_reply(3, end=True), w.window_update(3, 10), w.goaway(2)),
    )


def hears(version: int, role: Role, octets: bytes) -> tuple[list[Event], bytes]:
    connection = Connection(role, version)
    if role == Role.CLIENT:
        connection.send_request(GET)
        connection.send_request(GET, b"body")
        connection.data_to_send()
    events = connection.receive_data(octets)
    for stream_id in (1, 3):
        if role == Role.SERVER:
            connection.send_response(stream_id, OK, b"answer")
    return events, connection.data_to_send() + connection.data_to_send()


def damaged(chance: random.Random, octets: bytes) -> bytes:
    """Octets changed, lost, added, and parts doubled."""
    changed = bytearray(octets)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(changed))
        luck = chance.random()
        if luck < 0.5:
            changed[at] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        elif luck < 0.7:
            del changed[at : at + chance.randrange(1, 9)]
        elif luck < 0.85:
            changed[at:at] = chance.randbytes(chance.randrange(1, 9))
        else:
            changed[at:at] = changed[max(0, at - 30) : at]
    return bytes(changed)


def bears_damage(version: int, role: Role, seeds: range) -> None:
    whole = conversation(version, role)
    faults = 0
    for seed in seeds:
        octets = damaged(random.Random(seed), whole)
        events, said = hears(version, role, octets)
        ends = [at for at, e in enumerate(events) if isinstance(e, ConnectionTerminated)]
        assert ends in ([], [len(events) - 1])
        faults += len(ends)
        reader = w.Reader(version)
        kinds = [frame.kind for frame in reader.feed(said)]
        assert reader.buffer == b""
        assert kinds.count(w.GOAWAY) == len(ends)
    assert faults > len(seeds) // 5


@every_version
@pytest.mark.parametrize("role", [Role.SERVER, Role.CLIENT])
def test_damaged_conversations_are_borne(version, role):
    events, _ = hears(version, role, conversation(version, role))
    assert not [event for event in events if isinstance(event, ConnectionTerminated)]
    bears_damage(version, role, range(60))


@pytest.mark.slow
@every_version
@pytest.mark.parametrize("role", [Role.SERVER, Role.CLIENT])
def test_damaged_conversations_are_borne_at_length(version, role):
    bears_damage(version, role, range(1000, 6000))


@every_version
@pytest.mark.parametrize("role", [Role.SERVER, Role.CLIENT])
@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 9, 100])
def test_an_honest_conversation_may_be_cut_anywhere(version, role, size):
    whole = conversation(version, role)
    flags = 2 * w.VERSIONS.index(version) + (role == Role.CLIENT)
    parts = [whole[at : at + size] for at in range(0, len(whole), size)]
    cut = Connection(role, version)
    other = Connection(role, version)
    for connection in (cut, other):
        if role == Role.CLIENT:
            connection.send_request(GET)
            connection.send_request(GET, b"body")
            connection.data_to_send()
    events = [event for part in parts for event in cut.receive_data(part)]
    assert joined(events) == joined(other.receive_data(whole))
    assert cut.data_to_send() == other.data_to_send()
    check_octets(flags, whole)


def joined(events: list[Event]) -> list[Event]:
    """With the pieces of each DATA frame as one."""
    play = spdy.Play(bytes(4), 0)
    for event in events:
        play.note(event)
    return play.told


@every_version
@pytest.mark.parametrize("role", [Role.SERVER, Role.CLIENT])
def test_an_honest_conversation_may_end_anywhere(version, role):
    whole = conversation(version, role)
    for end in range(len(whole)):
        events, _ = hears(version, role, whole[:end])
        assert not [event for event in events if isinstance(event, ConnectionTerminated)]
