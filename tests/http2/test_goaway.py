"""The end of a connection: GOAWAY, graceful shutdown, and PING (RFC 9113 §6.7, §6.8)."""

from __future__ import annotations

import pytest

from plait.http2 import (
    ConnectionClosedError,
    ConnectionTerminated,
    PingAcknowledged,
    PingReceived,
    ResponseReceived,
    StreamClosed,
    StreamReset,
    UsageError,
)

from . import frames as f
from .frames import GET, MAX_ID, OK, POST, data, goaway, headers, ping, ping_ack
from .script import Goaway, Peer, facing_client, facing_server

# ------------------------------------------------------------------------------------------------
# PING.


def test_a_ping_is_answered_with_its_own_octets():
    peer = facing_server().sends(ping(b"\x00\x01abc\xfd\xfe\xff"))
    peer.expect(PingReceived(b"\x00\x01abc\xfd\xfe\xff")).wire(ping_ack(b"\x00\x01abc\xfd\xfe\xff"))


def test_an_answered_ping_is_told_and_not_answered_again():
    peer = facing_client()
    peer.connection.ping(b"abcdefgh")
    peer.wire(ping(b"abcdefgh"))
    peer.sends(ping_ack(b"abcdefgh")).expect(PingAcknowledged(b"abcdefgh")).wire()


def test_an_answer_that_nobody_asked_for_is_never_answered():
    facing_server().sends(ping_ack(b"whatever")).wire().lives()


@pytest.mark.parametrize("payload", [b"", b"1234567", b"123456789"])
def test_a_ping_has_eight_octets(payload):
    peer = facing_server()
    with pytest.raises((UsageError, ValueError)):
        peer.connection.ping(payload)
    peer.wire()


# ------------------------------------------------------------------------------------------------
# GOAWAY from the peer.


def test_a_goaway_is_told_with_all_it_says():
    peer = facing_client().sends(goaway(7, f.NO_ERROR, b"going down for maintenance"))
    peer.expect(ConnectionTerminated(0, 7, b"going down for maintenance", True, "peer.goaway"))


def test_the_reserved_bit_of_the_last_stream_is_ignored():
    frame = f.Frame(f.GOAWAY, 0, 0, b"\x80\0\0\x05\0\0\0\0")
    assert facing_client().sends(frame).hears()[0].last_stream_id == 5


def test_requests_up_to_the_last_stream_go_on():
    peer = facing_client()
    for _ in range(2):
        peer.connection.send_request(GET)
    peer.clear().sends(goaway(3)).clear()
    assert not peer.connection.closed
    assert not peer.connection.drained
    peer.sends(headers(1, OK), headers(3, OK))
    peer.expect(
        *(ResponseReceived(1, OK, True), StreamClosed(1, 0)),
        *(ResponseReceived(3, OK, True), StreamClosed(3, 0)),
    )
    assert peer.connection.drained


def test_requests_beyond_the_last_stream_are_over_and_may_be_retried():
    peer = facing_client()
    for _ in range(3):
        peer.connection.send_request(GET)
    peer.clear().sends(goaway(1))
    events = peer.hears()
    assert isinstance(events[0], ConnectionTerminated)
    assert {event.stream_id for event in events[1:]} == {3, 5}
    for event in events[1:]:
        assert isinstance(event, StreamReset)
        assert event.error_code == f.REFUSED_STREAM
    assert [peer.connection.stream_is_open(stream) for stream in (1, 3, 5)] == [True, False, False]
    peer.sends(headers(1, OK)).clear()
    assert peer.connection.drained


def test_a_graceful_server_names_its_last_stream_in_a_second_goaway():
    peer = facing_client()
    for _ in range(2):
        peer.connection.send_request(GET)
    peer.clear().sends(goaway(MAX_ID))
    assert len(peer.hears()) == 1
    peer.sends(goaway(1))
    assert peer.hears()[1:] == [StreamReset(3, f.REFUSED_STREAM, True, "peer.goaway")]


def test_no_request_may_be_made_after_a_goaway():
    peer = facing_client()
    peer.connection.send_request(GET)
    peer.clear().sends(goaway(1)).clear()
    assert not peer.connection.can_open_stream
    with pytest.raises(UsageError):
        peer.connection.send_request(GET)
    peer.wire()


def test_a_body_may_still_be_sent_after_a_goaway():
    peer = facing_client()
    peer.connection.send_request(POST, end_stream=False)
    peer.clear().sends(goaway(1)).clear()
    peer.connection.send_data(1, b"rest", end_stream=True)
    peer.wire(data(1, b"rest", end_stream=True))


def test_a_goaway_with_an_error_ends_the_connection():
    peer = facing_client()
    peer.connection.send_request(GET)
    peer.clear().sends(goaway(0, f.ENHANCE_YOUR_CALM, b"too many"))
    assert peer.hears()[0] == ConnectionTerminated(
        f.ENHANCE_YOUR_CALM, 0, b"too many", True, "peer.goaway"
    )
    assert peer.connection.closed


def test_a_server_answers_what_is_open_when_the_client_goes_away():
    peer = facing_server().sends(headers(1, GET), goaway(0)).clear()
    assert not peer.connection.drained
    peer.connection.send_response(1, 200, [], b"still here")
    peer.wire(headers(1, OK, end_stream=False), data(1, b"still here", end_stream=True))
    assert peer.connection.drained


def test_a_server_pushes_nothing_to_a_client_that_goes_away():
    peer = facing_server().sends(headers(1, GET), goaway(0)).clear()
    assert not peer.connection.push_enabled
    with pytest.raises(UsageError):
        peer.connection.push_stream(1, GET)


def test_an_idle_connection_is_drained_by_a_goaway():
    peer = facing_server()
    assert not peer.connection.drained
    peer.sends(goaway(0))
    assert peer.connection.drained


# ------------------------------------------------------------------------------------------------
# Graceful shutdown by us.


def shutting_down(streams: int = 1) -> Peer:
    peer = facing_server().sends(*(headers(2 * n + 1, GET) for n in range(streams))).clear()
    peer.connection.begin_shutdown()
    return peer


def test_a_shutdown_begins_with_the_highest_stream_and_a_ping():
    peer = shutting_down()
    first, second = peer.reads()
    assert first == goaway(MAX_ID)
    assert (second.type, second.flags) == (f.PING, 0)
    assert not peer.connection.closed
    assert not peer.connection.drained


def test_requests_that_were_on_their_way_are_still_taken():
    # RFC 9113 §6.8: that is what the first GOAWAY is for.
    peer = shutting_down().clear()
    peer.sends(headers(3, GET))
    assert [event.stream_id for event in peer.hears()] == [3]


def test_the_answered_ping_brings_the_final_goaway():
    peer = shutting_down()
    the_ping = peer.reads()[-1].payload
    peer.sends(headers(3, GET), ping_ack(the_ping))
    assert peer.reads() == [goaway(3)]
    for stream in (1, 3):
        assert not peer.connection.drained
        peer.connection.send_response(stream, 200, [], b"bye")
    peer.clear()
    assert peer.connection.drained
    assert not peer.connection.closed


def test_another_ping_does_not_bring_the_final_goaway():
    peer = shutting_down()
    peer.clear().sends(ping_ack(b"not that!"[:8])).wire()
    peer.connection.ping(b"mine....")
    peer.clear().sends(ping_ack(b"mine....")).wire()
    assert not peer.connection.drained


def test_requests_beyond_the_final_goaway_are_ignored():
    peer = shutting_down()
    peer.sends(ping_ack(peer.reads()[-1].payload)).clear()
    table = f.indexing_block([(b"x-kept", b"1")])
    peer.sends(
        f.raw_headers(3, f.block(GET) + table, end_stream=False),
        data(3, b"body"),
        f.window_update(3, 1),
        f.rst_stream(3),
    )
    assert not [event for event in peer.hears() if hasattr(event, "headers")]
    assert not peer.connection.closed
    assert not [x for x in peer.reads() if x.type in (f.GOAWAY, f.HEADERS)]
    # The table went on: trailers on stream 1 could refer to it.
    peer.sends(f.raw_headers(5, b"\xbe")).lives()
    peer.connection.send_response(1, 200, [])
    peer.wire(headers(1, OK))
    assert peer.connection.drained


def test_the_last_stream_never_grows_again():
    # RFC 9113 §6.8: "Endpoints MUST NOT increase the value they send".
    peer = shutting_down()
    peer.sends(ping_ack(peer.reads()[-1].payload))
    peer.wire(goaway(1))
    peer.sends(headers(3, GET), headers(5, GET), ping(b"short")).hears()
    assert f.last_stream(peer.reads()[-1]) == 1


def test_the_last_stream_never_grows_in_a_goaway_of_ours_either():
    peer = facing_server().sends(headers(1, GET)).clear()
    peer.connection.send_goaway()
    peer.sends(headers(3, GET)).clear()
    peer.connection.send_goaway()
    assert {f.last_stream(x) for x in peer.reads()} <= {1}
    peer.connection.terminate(f.NO_ERROR)
    assert {f.last_stream(x) for x in peer.reads()} == {1}


def test_beginning_a_shutdown_twice_is_beginning_it_once():
    peer = shutting_down()
    peer.connection.begin_shutdown()
    assert len(peer.reads()) == 2


def test_a_shutdown_without_streams_is_drained_when_the_ping_is_answered():
    peer = facing_server()
    peer.connection.begin_shutdown()
    the_ping = peer.reads()[-1].payload
    assert not peer.connection.drained
    peer.sends(ping_ack(the_ping)).wire(goaway(0))
    assert peer.connection.drained


def test_a_client_may_shut_down_as_well():
    peer = facing_client()
    peer.connection.send_request(GET)
    peer.clear()
    peer.connection.begin_shutdown()
    the_ping = peer.reads()[-1].payload
    peer.sends(ping_ack(the_ping)).wire(goaway(0))
    peer.sends(headers(1, OK)).clear()
    assert peer.connection.drained


def test_a_final_goaway_can_be_sent_at_once():
    peer = facing_server().sends(headers(1, GET), headers(3, GET)).clear()
    peer.connection.send_goaway(f.NO_ERROR, b"restarting")
    peer.wire(goaway(3, f.NO_ERROR, b"restarting"))
    peer.sends(headers(5, GET)).expect()
    for stream in (1, 3):
        peer.connection.send_response(stream, 200, [])
    assert peer.connection.drained


def test_an_upload_goes_on_behind_the_final_goaway():
    peer = facing_server(initial_window_size=50_000)
    peer.sends(headers(1, POST, end_stream=False)).clear()
    peer.connection.send_goaway()
    peer.clear()
    room = 50_000
    for _ in range(20):
        assert room >= 16_384
        peer.sends(data(1, bytes(16_384)))
        peer.connection.acknowledge_received_data(16_384, 1)
        peer.clear()
        room += peer.credit.pop(1, 0) - 16_384
    peer.sends(data(1, b"", end_stream=True))
    peer.connection.send_response(1, 200, [])
    peer.clear()
    assert peer.connection.drained


def test_the_final_goaway_may_cut_a_shutdown_short():
    # When the PING is not answered in time.
    peer = shutting_down()
    the_ping = peer.reads()[-1].payload
    peer.connection.send_goaway()
    peer.wire(goaway(1))
    peer.sends(ping_ack(the_ping)).wire()
    peer.connection.send_response(1, 200, [])
    peer.clear()
    assert peer.connection.drained


# ------------------------------------------------------------------------------------------------
# The hard end.


def test_terminating_says_why_and_ends_everything():
    peer = facing_server().sends(headers(1, GET)).clear()
    peer.connection.terminate(f.ENHANCE_YOUR_CALM, b"enough")
    assert peer.connection.closed
    assert peer.connection.wants_write
    peer.wire(goaway(1, f.ENHANCE_YOUR_CALM, b"enough"))
    assert not peer.connection.wants_write
    peer.sends(headers(3, GET), ping()).expect().wire()


def test_terminating_twice_says_it_once():
    peer = facing_server()
    peer.connection.terminate(f.NO_ERROR)
    peer.connection.terminate(f.INTERNAL_ERROR)
    peer.wire(Goaway(f.NO_ERROR))


def test_what_was_written_before_the_end_still_leaves():
    peer = facing_server().sends(headers(1, GET)).clear()
    peer.connection.send_response(1, 200, [], b"small")
    peer.connection.terminate(f.NO_ERROR)
    assert peer.reads()[-1] == Goaway(f.NO_ERROR, last=1)


def ended() -> Peer:
    peer = facing_server().sends(headers(1, GET)).clear()
    peer.connection.terminate(f.NO_ERROR)
    return peer.clear()


CALLS = {
    "send_response": lambda c: c.send_response(1, 200, []),
    "send_headers": lambda c: c.send_headers(1, OK),
    "send_data": lambda c: c.send_data(1, b"x"),
    "send_body": lambda c: c.send_body(1, lambda most: (b"", 1)),
    "push_stream": lambda c: c.push_stream(1, GET),
    "ping": lambda c: c.ping(b"12345678"),
    "update_settings": lambda c: c.update_settings({4: 100}),
    "prioritize": lambda c: c.prioritize(1, 1),
    "send_alternative_service": lambda c: c.send_alternative_service(b"clear", b"https://a"),
    "send_origin": lambda c: c.send_origin([b"https://a"]),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_nothing_can_be_sent_after_the_end(call):
    peer = ended()
    with pytest.raises(ConnectionClosedError):
        call(peer.connection)
    peer.wire()


def test_no_request_can_be_sent_after_the_end():
    peer = facing_client()
    peer.connection.terminate(f.NO_ERROR)
    assert not peer.connection.can_open_stream
    with pytest.raises(ConnectionClosedError):
        peer.connection.send_request(GET)


def test_cleaning_up_after_the_end_is_allowed():
    # Handlers of a lost connection call these on their way out.
    peer = ended()
    peer.connection.reset_stream(1)
    peer.connection.resume(1)
    peer.connection.acknowledge_received_data(10, 1)
    peer.connection.begin_shutdown()
    peer.connection.terminate(f.NO_ERROR)
    peer.wire()
