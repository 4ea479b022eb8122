"""Which stream sends next (RFC 9218), and the signals that say so."""

from __future__ import annotations

import pytest

from plait.http2 import (
    DATA_DEFERRED,
    DATA_EOF,
    NoSuchStreamError,
    PriorityReceived,
    PriorityUpdated,
    RequestReceived,
    UsageError,
)

from . import frames as f
from .frames import GET, OK, data, headers, priority_update, settings, window_update
from .script import Peer, facing_client, facing_server

INITIAL = f.INITIAL_WINDOW_SIZE
BODY = b"x" * 40_000


def asking(*priorities: bytes | None) -> Peer:
    """Requests on 1, 3, 5, ... with these `priority` fields; answered, and nothing written."""
    peer = facing_server(None, (INITIAL, 10_000_000))
    peer.sends(window_update(0, 10_000_000))
    for number, value in enumerate(priorities):
        extra = [] if value is None else [(b"priority", value)]
        peer.sends(headers(2 * number + 1, [*GET, *extra]))
    return peer.clear()


def answer(peer: Peer, *streams: int) -> list[int]:
    """Answer all with large bodies; the streams of the DATA frames in their order."""
    for stream in streams:
        peer.connection.send_response(stream, 200, [], BODY)
    return order(peer)


def order(peer: Peer) -> list[int]:
    return [x.stream_id for x in peer.reads() if x.type == f.DATA]


def runs(streams: list[int]) -> list[int]:
    """Every stream once for each uninterrupted run of frames."""
    return [s for at, s in enumerate(streams) if at == 0 or streams[at - 1] != s]


def test_the_urgent_go_first():
    assert runs(answer(asking(b"u=5", b"u=0", b"u=3"), 1, 3, 5)) == [3, 5, 1]


def test_every_urgency_has_its_place():
    values = [b"u=%d" % (7 - n) for n in range(8)]
    streams = [1, 3, 5, 7, 9, 11, 13, 15]
    assert runs(answer(asking(*values), *streams)) == streams[::-1]


def test_the_default_urgency_is_three():
    assert runs(answer(asking(b"u=4", b"", b"u=2"), 1, 3, 5)) == [5, 3, 1]


def test_what_is_not_incremental_is_sent_one_after_the_other():
    # RFC 9218 §10: in the order of their stream ids.
    assert runs(answer(asking(b"u=3", b"u=3", b"u=3"), 1, 3, 5)) == [1, 3, 5]


def test_what_is_incremental_is_sent_in_turns():
    sent = answer(asking(b"u=3, i", b"u=3, i", b"u=3, i"), 1, 3, 5)
    assert sent[:6] == [1, 3, 5, 1, 3, 5]
    assert sorted(set(sent)) == [1, 3, 5]


def test_without_any_signal_everything_is_sent_in_turns():
    sent = answer(asking(None, None, None), 1, 3, 5)
    assert sent[:6] == [1, 3, 5, 1, 3, 5]


def test_turns_are_taken_within_one_urgency_only():
    sent = answer(asking(b"u=4, i", b"u=1, i", b"u=4, i", b"u=1, i"), 1, 3, 5, 7)
    assert set(sent[:6]) == {3, 7}
    assert set(sent[6:]) == {1, 5}


@pytest.mark.parametrize(
    "value", [b"u=0", b"u=0,i", b"i, u=0", b"u=0;x=y, i", b"x=1, u=0", b"u=7,u=0"]
)
def test_a_priority_field_is_a_dictionary(value):
    assert runs(answer(asking(None, value), 1, 3))[0] == 3


@pytest.mark.parametrize(
    "value",
    [b"u=8", b"u=-1", b"u=0.5", b'u="0"', b"u", b"u=a", b"U=0", b"u = 0", b"\xff", b"=", b","],
)
def test_what_is_no_priority_counts_as_the_default(value):
    # RFC 9218 §4: parameters out of range or of the wrong type are ignored.
    peer = facing_server(None, (INITIAL, 10_000_000))
    fields = [*GET, (b"priority", value)]
    peer.sends(window_update(0, 10_000_000), headers(1, [*GET, (b"priority", b"u=2")]))
    peer.sends(headers(3, fields))
    assert peer.hears()[-1] == RequestReceived(3, fields, True)
    assert runs(answer(peer.clear(), 3, 1))[0] == 1


@pytest.mark.parametrize("value", [b"i=?0", b"u=3", b"i;x"])
def test_incremental_is_a_boolean(value):
    sent = answer(asking(value, value), 1, 3)
    assert (runs(sent) == [1, 3]) == (value != b"i;x")


def test_several_priority_fields_are_one():
    peer = asking(None)
    peer.sends(headers(3, [*GET, (b"priority", b"i"), (b"priority", b"u=0")])).clear()
    assert runs(answer(peer, 1, 3))[0] == 3


# ------------------------------------------------------------------------------------------------
# PRIORITY_UPDATE.


def test_an_update_reorders_what_is_waiting():
    peer = asking(b"u=3", b"u=3")
    for stream in (1, 3):
        peer.connection.send_response(stream, 200, [], BODY)
    peer.sends(priority_update(3, b"u=0")).expect(PriorityUpdated(3, 0, False))
    assert runs(order(peer)) == [3, 1]


def test_an_update_in_the_middle_counts_from_there():
    peer = asking(b"u=3", b"u=3")
    for stream in (1, 3):
        peer.connection.send_response(stream, 200, [], BODY)
    frames = []
    while not any(x.type == f.DATA for x in frames):
        frames += peer.reader.feed(peer.connection.data_to_send(1))
    assert frames[-1].stream_id == 1
    peer.sends(priority_update(1, b"u=6"))
    assert runs(order(peer)) == [3, 1]


def test_an_update_may_come_before_its_request():
    # RFC 9218 §7: servers SHOULD buffer it and apply it once the stream is opened.
    peer = asking(None)
    peer.sends(priority_update(3, b"u=0")).expect(PriorityUpdated(3, 0, False))
    peer.sends(headers(3, GET)).clear()
    assert runs(answer(peer, 1, 3))[0] == 3


def test_an_early_update_outranks_the_field_of_its_request():
    # RFC 9218 §7: the frame overrides the field.
    peer = asking(b"u=3")
    peer.sends(priority_update(3, b"u=0"), headers(3, [*GET, (b"priority", b"u=7")])).clear()
    assert runs(answer(peer, 1, 3)) == [3, 1]


def test_the_last_of_several_early_updates_counts():
    peer = asking(b"u=3")
    peer.sends(priority_update(3, b"u=0"), priority_update(3, b"u=7"), headers(3, GET)).clear()
    assert runs(answer(peer, 1, 3)) == [1, 3]


def test_what_an_update_leaves_out_has_its_default():
    # RFC 9218 §7: "the omission of parameters signals the use of their default values".
    peer = asking(b"u=0, i", b"u=1")
    peer.sends(priority_update(1, b"")).expect(PriorityUpdated(1, 3, False))
    assert runs(answer(peer, 1, 3)) == [3, 1]


def test_an_update_for_a_stream_that_has_ended_is_ignored():
    peer = asking(None)
    peer.connection.send_response(1, 200, [])
    peer.clear().sends(priority_update(1, b"u=0"))
    peer.lives()


def test_an_update_without_a_value_in_grammar_does_no_harm():
    peer = asking(None).sends(priority_update(1, b"\xff\x00 not a dictionary"))
    peer.lives()


def test_an_update_may_reorder_a_push_that_was_promised():
    peer = asking(None)
    promised = peer.connection.push_stream(1, GET)
    peer.clear().sends(priority_update(promised, b"u=0")).expect(
        PriorityUpdated(promised, 0, False)
    )
    peer.connection.send_response(1, 200, [], BODY)
    peer.connection.send_response(promised, 200, [], BODY)
    assert runs(order(peer))[0] == promised


def test_more_idle_streams_than_the_limit_cannot_be_prioritised():
    # RFC 9218 §7.1: idle ones that were prioritised plus active ones MUST NOT exceed
    # SETTINGS_MAX_CONCURRENT_STREAMS; "Servers that receive such a PRIORITY_UPDATE MUST respond
    # with a connection error of type PROTOCOL_ERROR."
    peer = facing_server(max_concurrent_streams=10)
    peer.sends(*(headers(stream, GET) for stream in (1, 3))).clear()
    peer.sends(*(priority_update(5 + 2 * n, b"u=1") for n in range(8))).lives()
    peer.sends(priority_update(101, b"u=1"))
    assert peer.hears()[-1].error_code == f.PROTOCOL_ERROR
    assert peer.connection.closed


# ------------------------------------------------------------------------------------------------
# Nobody waits for one who cannot send.


def test_an_urgent_stream_without_window_lets_the_others_go():
    peer = facing_server(None, (INITIAL, 100))
    peer.sends(headers(1, [*GET, (b"priority", b"u=0")]), headers(3, GET)).clear()
    peer.connection.send_response(1, 200, [], BODY)
    peer.connection.send_response(3, 200, [], b"y" * 50)
    assert order(peer) == [1, 3]
    peer.sends(window_update(1, 10)).wire(data(1, b"x" * 10))


def test_an_urgent_stream_that_is_deferred_lets_the_others_go():
    peer = asking(b"u=0", b"u=7")
    answers = [(None, DATA_DEFERRED), (b"late", DATA_EOF)]
    peer.connection.send_response(1, 200, [], lambda most: answers.pop(0))
    assert set(answer(peer, 3)) == {3}
    peer.connection.resume(1)
    assert order(peer) == [1]


def test_a_stream_keeps_its_place_among_its_equals_when_credit_comes_late():
    peer = facing_server(None, (INITIAL, 0))
    peer.sends(window_update(0, 1_000_000), *(headers(s, GET) for s in (1, 3, 5))).clear()
    for stream in (1, 3, 5):
        peer.connection.send_response(stream, 200, [], b"z" * 30_000)
    peer.clear().sends(settings((INITIAL, 1_000_000)))
    sent = order(peer)
    assert sorted(sent[:3]) == [1, 3, 5]


# ------------------------------------------------------------------------------------------------
# Our own voice.


def test_a_server_may_order_its_streams_itself():
    peer = asking(b"u=0", b"u=3")
    peer.connection.prioritize(3, urgency=0)
    peer.connection.prioritize(1, urgency=7)
    assert runs(answer(peer, 1, 3)) == [3, 1]
    peer.wire()


def test_a_server_may_make_streams_take_turns():
    peer = asking(b"u=3", b"u=3")
    for stream in (1, 3):
        peer.connection.prioritize(stream, urgency=3, incremental=True)
    assert answer(peer, 1, 3)[:4] == [1, 3, 1, 3]


def test_a_client_says_its_priorities():
    peer = facing_client()
    stream = peer.connection.send_request(GET, priority=(1, True))
    (head,) = peer.reads()
    assert dict(head.fields)[b"priority"].replace(b" ", b"") in (b"u=1,i", b"i,u=1")
    peer.connection.prioritize(stream, urgency=5)
    peer.wire(priority_update(stream, b"u=5"))
    peer.connection.prioritize(stream, urgency=3, incremental=True)
    peer.wire(priority_update(stream, b"i"))


@pytest.mark.parametrize("urgency", [-1, 8])
def test_an_urgency_out_of_range_is_our_callers_mistake(urgency):
    peer = asking(None)
    with pytest.raises((UsageError, ValueError)):
        peer.connection.prioritize(1, urgency=urgency)
    client = facing_client()
    with pytest.raises((UsageError, ValueError)):
        client.connection.send_request(GET, priority=(urgency, False))
    client.wire()


def test_a_server_cannot_order_a_stream_that_is_not_there():
    peer = asking(None)
    with pytest.raises(NoSuchStreamError):
        peer.connection.prioritize(99, urgency=1)


# ------------------------------------------------------------------------------------------------
# RFC 7540's scheme: checked and ignored.


def test_dependencies_of_rfc_7540_change_nothing():
    peer = facing_server(None, (INITIAL, 10_000_000))
    peer.sends(window_update(0, 10_000_000))
    peer.sends(headers(1, GET, depends_on=3), headers(3, GET, depends_on=0))
    peer.sends(f.priority(1, 3, 0), f.priority(3, 0, 255)).clear()
    assert answer(peer, 1, 3)[:4] == [1, 3, 1, 3]


def test_the_head_of_a_low_priority_is_not_held_back():
    peer = asking(b"u=7", b"u=0")
    for stream in (1, 3):
        peer.connection.send_response(stream, 200, [], BODY)
    frames = peer.reads()
    assert frames[:2] == [headers(s, OK, end_stream=False) for s in (1, 3)]


# ------------------------------------------------------------------------------------------------
# RFC 7540's scheme, told to whoever wants to know.


def curious(**changes: object) -> Peer:
    return facing_server(report_priorities=True, **changes)


def test_priorities_of_rfc_7540_are_told_where_they_are_asked_for():
    peer = curious().sends(
        f.priority(5, 3, 0),
        f.Frame(f.PRIORITY, 0, 2**31 - 1, b"\xff\xff\xff\xfe\xff"),
        headers(1, GET, depends_on=7),
        headers(3, GET),
        f.priority(1, 0, 9),
    )
    peer.expect(
        PriorityReceived(5, 3, 1, False, False),
        PriorityReceived(2**31 - 1, 2**31 - 2, 256, True, False),
        RequestReceived(1, GET, True),
        PriorityReceived(1, 7, 16, False, True),
        RequestReceived(3, GET, True),
        PriorityReceived(1, 0, 10, False, False),
    )


def test_a_priority_is_told_behind_the_head_and_before_what_follows_from_it():
    peer = facing_client(report_priorities=True)
    peer.connection.send_request(GET)
    peer.clear().sends(headers(1, OK, depends_on=3, pad=2))
    assert [type(event).__name__ for event in peer.hears()] == [
        "ResponseReceived",
        "PriorityReceived",
        "StreamClosed",
    ]


def test_a_priority_waits_for_the_end_of_its_block():
    peer = curious()
    whole = headers(1, GET, depends_on=9)
    first = f.Frame(f.HEADERS, f.WITH_PRIORITY | f.END_STREAM, 1, whole.payload[:20])
    peer.sends(first).expect()
    peer.sends(f.continuation(1, whole.payload[20:], end_headers=False)).expect()
    peer.sends(f.continuation(1, b""), headers(3, GET))
    peer.expect(
        RequestReceived(1, GET, True),
        PriorityReceived(1, 9, 16, False, True),
        RequestReceived(3, GET, True),
    )


def test_the_priority_of_a_request_that_is_not_taken_is_not_told():
    peer = curious().sends(headers(1, [*GET, (b"X", b"y")], depends_on=9), headers(3, GET))
    assert [getattr(event, "slug", None) for event in peer.hears()] == ["field.name", None]


def test_the_priority_of_trailers_is_told():
    peer = curious().sends(headers(1, f.POST, end_stream=False)).clear()
    peer.sends(headers(1, [(b"x", b"y")], depends_on=5))
    assert peer.hears()[-1] == PriorityReceived(1, 5, 16, False, True)


@pytest.mark.parametrize("asked", [False, True])
def test_priorities_that_mean_nothing_are_not_told(asked):
    # RFC 9218 §2.1: the peer has said so, or nobody wants to know.
    peer = facing_server(None, (f.NO_RFC7540_PRIORITIES, int(asked)), report_priorities=asked)
    peer.sends(headers(1, GET, depends_on=3), f.priority(1, 3))
    peer.expect(RequestReceived(1, GET, True))


def test_priorities_that_are_told_cost_the_peer_what_they_cost():
    peer = curious()
    for _ in range(10_100):
        peer.connection.receive_data(bytes(f.priority(99, 97)))
    assert peer.connection.closed
