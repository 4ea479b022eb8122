"""Events and errors as values; priorities as text."""

from __future__ import annotations

import inspect

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait import http2
from plait.http2 import (
    DataReceived,
    Event,
    PriorityUpdated,
    RequestReceived,
    StreamClosed,
    StreamReset,
    parse_priority,
)
from plait.http2.errors import ConnectionFault, NoSuchStreamError, StreamFault
from plait.http2.priority import format_priority

KINDS = [
    kind
    for kind in vars(http2).values()
    if inspect.isclass(kind) and issubclass(kind, Event) and kind is not Event
]


FLAGS = ("end_stream", "remote_reset", "incremental", "remote", "exclusive", "in_headers")
# Attributes that are not numbers, with two different values each.
SAMPLES = {
    **dict.fromkeys(("data", "ping_data", "payload", "origin"), (b"one", b"two")),
    **dict.fromkeys(("additional_data", "field_value"), (b"one", b"two")),
    **dict.fromkeys(FLAGS, (False, True)),
    "headers": ([(b"x", b"1")], [(b"x", b"2")]),
    "origins": ([b"https://a"], [b"https://b"]),
    "changed_settings": ({4: (None, 1)}, {4: (1, 2)}),
    "slug": ("ping.length", "ping.flood"),
}


def build(kind: type[Event], which: int) -> Event:
    return kind(*(SAMPLES.get(name, (1, 2))[which] for name in kind.__match_args__))


@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
def test_every_event_compares_and_shows_its_attributes(kind):
    event, same, other = build(kind, 0), build(kind, 0), build(kind, 1)
    assert event == same
    assert event != other
    assert event != object()
    shown = repr(event)
    assert shown.startswith(kind.__name__ + "(")
    for name in kind.__match_args__:
        value = getattr(event, name)
        assert value == SAMPLES.get(name, (1, 2))[0]
        assert f"{name}={value!r}" in shown


@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
def test_one_different_attribute_makes_a_different_event(kind):
    values = [SAMPLES.get(name, (1, 2)) for name in kind.__match_args__]
    for changed in range(len(values)):
        mixed = [pair[at == changed] for at, pair in enumerate(values)]
        assert kind(*mixed) != build(kind, 0)


@pytest.mark.parametrize("kind", KINDS, ids=[kind.__name__ for kind in KINDS])
def test_no_event_takes_attributes_it_does_not_have(kind):
    with pytest.raises(AttributeError):
        build(kind, 0).surplus = 1


def test_events_of_different_kinds_are_never_equal():
    assert StreamClosed(1, 0) != PriorityUpdated(1, 0, False)
    assert StreamReset(1, 0, False, "a.b") != StreamReset(1, 0, True, "a.b")


def test_events_can_be_taken_apart_by_matching():
    match RequestReceived(1, [(b":method", b"GET")], True):
        case RequestReceived(stream_id, [(_, method)], end_stream=True):
            assert (stream_id, method) == (1, b"GET")
        case _:
            pytest.fail("no match")
    match DataReceived(3, b"x", 1, False):
        case DataReceived(3, data, length, False):
            assert (data, length) == (b"x", 1)
        case _:
            pytest.fail("no match")


def test_faults_carry_code_and_slug():
    fault = StreamFault(5, 1, "data.closed", "why")
    assert (fault.stream_id, fault.code, fault.slug, str(fault)) == (5, 1, "data.closed", "why")
    fault = ConnectionFault(6, "ping.length", "why")
    assert (fault.code, fault.slug) == (6, "ping.length")
    assert NoSuchStreamError(7).stream_id == 7


# ------------------------------------------------------------------------------------------------
# RFC 9218 §4.

VALUES = [
    (b"", (3, False)),
    (b"u=0", (0, False)),
    (b"u=7", (7, False)),
    (b"i", (3, True)),
    (b"i=?1", (3, True)),
    (b"i=?0", (3, False)),
    (b"u=5, i", (5, True)),
    (b"u=5,i", (5, True)),
    (b"i,\tu=5", (5, True)),
    (b"u=1, u=2", (2, False)),
    (b"i, i=?0", (3, False)),
    (b'x="a,u=0", u=4', (4, False)),
    (b"x=tok/en, y=:YWJj:, u=4, z=1.5", (4, False)),
    (b"u=4;p=1;q, i;r", (4, True)),
    (b"u=8", (3, False)),
    (b"u=-1", (3, False)),
    (b"u=2.0", (3, False)),
    (b"u=?1", (3, False)),
    (b"u", (3, False)),
    (b"i=1", (3, False)),
    (b"U=1", (3, False)),
    (b"\xff\x00", (3, False)),
    (b"u=1 i", (3, False)),
]


@pytest.mark.parametrize(("value", "priority"), VALUES)
def test_a_priority_field_is_read_as_a_dictionary(value, priority):
    assert parse_priority(value) == priority


@given(st.binary(max_size=40))
def test_no_priority_field_is_an_exception(value):
    urgency, incremental = parse_priority(value)
    assert 0 <= urgency <= 7
    assert isinstance(incremental, bool)


def test_a_long_priority_field_costs_linear_time():
    for part in (b"a", b"u=1,", b'x="', b"a=*", b";", b" ", b"\t,", b"a;"):
        assert parse_priority(part * 20_000)[0] in (1, 3)


@pytest.mark.parametrize("urgency", range(8))
@pytest.mark.parametrize("incremental", [True, False])
def test_a_priority_that_is_written_reads_the_same(urgency, incremental):
    assert parse_priority(format_priority(urgency, incremental)) == (urgency, incremental)


@pytest.mark.parametrize("urgency", [-1, 8])
def test_an_urgency_out_of_range_is_not_written(urgency):
    with pytest.raises(ValueError, match="urgency"):
        format_priority(urgency, False)
