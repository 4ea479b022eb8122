"""PING, SETTINGS, GOAWAY, pushes, and when a session is over (SPDY/3 §2.6.4-§2.6.6, §3.3)."""

from __future__ import annotations

import pytest

from plait.spdy.events import DataFrameReceived, DataReceived, PeerFinished, StreamClosed
from plait.spdy.limits import Limits

from . import wire as w
from .script import Ended, Got, NotSent, Peer, every_version, facing_client, facing_server
from .wire import (
    GET,
    OK,
    POST,
    SPDY2,
    control,
    data,
    goaway,
    headers,
    ping,
    push,
    rst_stream,
    settings,
    syn_reply,
    syn_stream,
    wire_version,
)

CONCURRENT, INITIAL = w.MAX_CONCURRENT_STREAMS, w.INITIAL_WINDOW_SIZE
X = [(b"x", b"y")]


def never(most: int) -> tuple[None, int]:
    return None, 2


def requested(version: int, *frames: object, **changes: object) -> Peer:
    peer = facing_client(version, **changes)
    peer.connection.send_request(POST, never)
    peer.pull()
    return peer.sends(*frames).clear()


# ------------------------------------------------------------------------------------------------
# PING.


@every_version
@pytest.mark.parametrize("number", [1, 3, 2**31 - 1, 2**32 - 1])
def test_a_ping_is_answered_with_its_id(version, number):
    peer = facing_server(version).sends(ping(number))
    peer.expect(Got(ping(number))).wire(ping(number))


@every_version
def test_pings_are_answered_in_order(version):
    peer = facing_client(version).sends(ping(2), ping(4), ping(2))
    peer.expect(Got(ping(2)), Got(ping(4)), Got(ping(2))).wire(ping(2), ping(4), ping(2))


@every_version
def test_ids_of_our_pings_count_in_steps_of_two(version):
    client, server = facing_client(version), facing_server(version)
    assert [client.connection.ping() for _ in range(3)] == [1, 3, 5]
    assert [server.connection.ping() for _ in range(3)] == [2, 4, 6]
    client.wire(ping(1), ping(3), ping(5))


@every_version
def test_only_the_answer_to_the_last_ping_is_recognised(version):
    peer = facing_client(version)
    peer.connection.ping()
    peer.connection.ping()
    peer.clear().sends(ping(1), ping(5), ping(0)).expect()
    peer.sends(ping(3)).expect(Got(ping(3)))
    peer.sends(ping(3)).expect().wire()


@every_version
def test_an_answer_to_no_ping_is_ignored(version):
    facing_client(version).sends(ping(1), ping(0)).expect().wire()


# ------------------------------------------------------------------------------------------------
# SETTINGS.


@every_version
def test_settings_are_told_as_they_came(version):
    frame = settings((4, 0, 10), (4, 0, 20), (0, 0, 1), (9, 0, 2), (0xFFFFFF, 3, 2**32 - 1))
    peer = facing_server(version).sends(frame).expect(Got(frame)).wire()
    # The first of two values counts; numbers that do not exist count for nothing.
    assert peer.connection.remote_settings == {4: 10}


@every_version
def test_settings_without_entries_change_nothing(version):
    peer = facing_server(version).sends(settings((4, 0, 10)), settings())
    peer.expect(Got(settings((4, 0, 10))), Got(settings()))
    assert peer.connection.remote_settings == {4: 10}


@every_version
def test_our_settings_are_sent_in_the_order_of_their_ids(version):
    peer = facing_server(version)
    peer.connection.send_settings([(7, 1, 65_536), (4, 0, 100)], flags=1)
    peer.wire(settings((4, 0, 100), (7, 1, 65_536), flags=1))
    assert peer.connection.local_settings == {4: 100, 7: 65_536}


@every_version
def test_what_the_configuration_announces_is_said_first(version):
    peer = facing_server(version, max_concurrent_streams=10, initial_window_size=1000)
    peer.connection.ping()
    peer.wire(ping(2), settings((4, 0, 10), (7, 0, 1000)))
    assert facing_server(version).reads() == []


@every_version
def test_our_limit_of_streams_counts_at_once(version):
    peer = facing_server(version).sends(syn_stream(1), syn_stream(3)).clear()
    peer.connection.send_settings([(CONCURRENT, 0, 2)])
    peer.sends(syn_stream(5))
    assert rst_stream(5, w.REFUSED_STREAM) in peer.reads()
    peer.connection.send_response(1, OK)
    peer.clear().sends(syn_stream(7)).expect(Got(syn_stream(7)), PeerFinished(7))
    peer.connection.send_settings([(CONCURRENT, 0, 3)])
    peer.sends(syn_stream(9)).expect(Got(syn_stream(9)), PeerFinished(9))


@every_version
def test_a_limit_of_no_streams_refuses_all(version):
    peer = facing_server(version, max_concurrent_streams=0).clear().sends(syn_stream(1))
    peer.clear()
    assert peer.connection.open_streams == 0


@every_version
def test_streams_that_we_opened_do_not_count_for_the_peer(version):
    peer = requested(version, syn_reply(1), max_concurrent_streams=1)
    peer.sends(push(2, 1)).expect(Got(push(2, 1)))


@every_version
def test_a_client_keeps_what_a_server_asks_it_to(version):
    peer = facing_client(version)
    peer.sends(settings((1, 1, 100), (2, 0, 200), (3, 2, 300), (4, 3, 400)))
    assert peer.connection.persisted_settings == {1: 100, 4: 400}
    peer.sends(settings((1, 1, 101)))
    assert peer.connection.persisted_settings == {1: 101, 4: 400}
    # CLEAR_SETTINGS comes before the entries of its frame (SPDY/3 §2.6.4).
    peer.sends(settings((5, 1, 500), flags=1))
    assert peer.connection.persisted_settings == {5: 500}


@every_version
def test_a_server_keeps_nothing(version):
    peer = facing_server(version).sends(settings((4, 1, 100)))
    assert peer.connection.persisted_settings == {}
    assert peer.connection.remote_settings == {4: 100}


@every_version
def test_what_was_kept_is_sent_to_the_same_server_again(version):
    first = facing_client(version).sends(settings((1, 1, 100), (4, 1, 30)))
    kept = first.connection.persisted_settings
    again = facing_client(version, persisted_settings=kept)
    again.wire(settings((1, 2, 100), (4, 2, 30)))
    assert again.connection.persisted_settings == kept
    # They are the server's settings, not the client's own limits.
    again.sends(settings()).clear()
    assert again.connection.persisted_settings == kept


@every_version
def test_what_a_client_sends_back_does_not_bind_a_server(version):
    peer = facing_client(version, persisted_settings={INITIAL: 10, CONCURRENT: 0})
    peer.clear().connection.send_request(GET)
    peer.pull()
    peer.sends(syn_reply(1), push(2, 1), data(1, bytes(100)))
    assert not peer.connection.failed
    assert peer.connection.stream_is_open(2)


@every_version
def test_only_a_server_pays_no_heed_to_persisted_settings(version):
    assert facing_server(version, persisted_settings={4: 10}).reads() == []


# ------------------------------------------------------------------------------------------------
# GOAWAY, and the end.


@every_version
@pytest.mark.parametrize("status", [0, 1, 2, 99])
def test_goaway_is_told_and_not_answered(version, status):
    frame = goaway(0, 0 if version == SPDY2 else status)
    facing_server(version).sends(frame).expect(Got(frame)).wire()


@every_version
@pytest.mark.parametrize("who", ["we", "the peer"])
def test_streams_go_on_after_goaway(version, who):
    peer = facing_server(version).sends(syn_stream(1, POST, end=False)).clear()
    if who == "we":
        peer.connection.send_goaway(0)
    else:
        peer.sends(goaway())
    peer.clear()
    assert peer.connection.want_read()
    peer.sends(data(1, b"body", end=True))
    peer.expect(DataReceived(1, 1, b"body"), DataFrameReceived(1, 1, 4), PeerFinished(1))
    peer.connection.send_response(1, OK, b"answer")
    assert peer.connection.want_write()
    peer.wire(syn_reply(1), data(1, b"answer", end=True)).expect(StreamClosed(1, 0))
    assert not peer.connection.want_read()
    assert not peer.connection.want_write()


@every_version
def test_a_new_session_wants_to_read_and_has_nothing_to_write(version):
    for peer in (facing_client(version), facing_server(version)):
        assert peer.connection.want_read()
        assert not peer.connection.want_write()
        peer.connection.ping()
        assert peer.connection.want_write()
        peer.pull()
        assert peer.connection.want_read()
        assert not peer.connection.want_write()


@every_version
def test_goaway_with_no_streams_ends_the_session(version):
    peer = facing_server(version)
    peer.connection.send_goaway(0)
    peer.wire(goaway())
    assert peer.connection.goaway_sent
    assert not peer.connection.want_read()
    assert not peer.connection.want_write()
    assert not peer.connection.failed


@every_version
def test_a_goaway_received_with_no_streams_ends_the_session(version):
    peer = facing_client(version).sends(goaway())
    assert peer.connection.goaway_received
    assert not peer.connection.want_read()
    assert not peer.connection.want_write()


@every_version
def test_after_fail_nothing_goes_on_once_goaway_is_sent(version):
    peer = facing_server(version).sends(syn_stream(1), syn_stream(3)).clear()
    peer.connection.send_response(1, OK, never)
    peer.clear().connection.fail(2)
    assert peer.connection.failed
    assert peer.connection.want_write()
    assert goaway(3, 0 if version == SPDY2 else 2) in peer.reads()
    assert not peer.connection.want_read()
    assert not peer.connection.want_write()
    peer.connection.send_response(3, OK)
    peer.connection.ping()
    assert not peer.connection.want_write()
    assert peer.reads() == []


@every_version
def test_what_is_queued_behind_the_goaway_of_a_failed_session_is_not_sent(version):
    peer = facing_server(version).sends(syn_stream(1, priority=3)).clear()
    peer.connection.fail(1)
    peer.connection.reset_stream(99, w.CANCEL)
    if version == SPDY2:
        peer.connection.send_response(1, OK, bytes(5000))
    peer.wire(goaway(1, 1))
    assert peer.connection.queue_size == 0


@every_version
def test_no_stream_is_accepted_from_the_call_of_fail_on(version):
    peer = facing_server(version)
    peer.connection.fail(1)
    peer.sends(syn_stream(1)).hears()
    assert peer.connection.open_streams == 0
    peer.wire(goaway(0, 1))


@every_version
def test_a_second_goaway_from_the_peer_is_told_again(version):
    frame = goaway(0, 0)
    peer = facing_server(version).sends(frame, frame).expect(Got(frame), Got(frame)).wire()
    assert not peer.connection.failed


@every_version
def test_requests_that_wait_when_the_peer_goes_away_are_given_up(version):
    peer = facing_client(version).sends(settings((CONCURRENT, 0, 1))).clear()
    for _ in range(3):
        peer.connection.send_request(GET, priority=0)
    peer.wire(syn_stream(1)).sends(goaway(1)).hears()
    told = [event for n in (3, 5) for event in (NotSent(syn_stream(n), -516), StreamClosed(n, 6))]
    peer.wire().expect(*told)
    assert peer.connection.queue_size == 0
    assert peer.connection.want_read()


# ------------------------------------------------------------------------------------------------
# Pushes.


@every_version
def test_a_client_hears_a_push(version):
    peer = requested(version, syn_reply(1))
    peer.sends(push(2, 1, [*GET, *OK[:1]], priority=2))
    peer.expect(Got(push(2, 1, [*GET, *OK[:1]], priority=2)))
    peer.sends(headers(2, X), data(2, b"body"), data(2, b"!", end=True))
    peer.expect(
        Got(headers(2, X)),
        *(DataReceived(2, 0, b"body"), DataFrameReceived(2, 0, 4)),
        *(DataReceived(2, 1, b"!"), DataFrameReceived(2, 1, 1)),
        *(PeerFinished(2), StreamClosed(2, 0)),
    )
    peer.wire().lives()


@every_version
def test_a_push_may_come_before_the_reply(version):
    requested(version).sends(push(2, 1)).expect(Got(push(2, 1))).wire()


@every_version
def test_a_push_outlives_the_stream_it_belongs_to(version):
    peer = facing_client(version)
    peer.connection.send_request(GET)
    peer.pull()
    peer.sends(syn_reply(1), push(2, 1), data(1, end=True)).clear()
    assert not peer.connection.stream_is_open(1)
    peer.sends(data(2, b"x", end=True))
    assert peer.hears()[-2:] == [PeerFinished(2), StreamClosed(2, 0)]


@every_version
def test_a_client_may_refuse_a_push(version):
    peer = requested(version, syn_reply(1), push(2, 1))
    peer.connection.reset_stream(2, w.CANCEL)
    peer.sends(data(2, b"unwanted", end=True)).expect()
    peer.wire(rst_stream(2)).expect(StreamClosed(2, w.CANCEL)).lives()


@every_version
def test_nothing_can_be_said_on_a_push_that_came(version):
    peer = requested(version, syn_reply(1), push(2, 1))
    peer.connection.send_headers(2, X)
    peer.connection.send_syn_reply(2, OK)
    peer.connection.send_data(2, b"x")
    peer.wire().expect(NotSent(headers(2, X), -512), NotSent(syn_reply(2), -512))


@every_version
def test_a_client_that_cancels_a_request_cancels_its_pushes(version):
    # SPDY/3 §3.3.1; a push of another request goes on.
    peer = facing_server(version).sends(syn_stream(1), syn_stream(3)).clear()
    assert peer.connection.push(1, GET, never) == 2
    assert peer.connection.push(3, GET, never) == 4
    peer.pull()
    peer.sends(rst_stream(1, w.CANCEL))
    peer.expect(Got(rst_stream(1)), StreamClosed(1, w.CANCEL), StreamClosed(2, w.CANCEL))
    assert peer.connection.stream_is_open(4)
    peer.lives()


@every_version
def test_another_reset_leaves_the_pushes(version):
    peer = facing_server(version).sends(syn_stream(1)).clear()
    peer.connection.push(1, GET, never)
    peer.pull()
    peer.sends(rst_stream(1, w.INTERNAL_ERROR)).hears()
    assert peer.connection.stream_is_open(2)


# ------------------------------------------------------------------------------------------------
# Golden octets (spdylay's), and a foreign beginning.

GOLDEN = {
    SPDY2: "800200060000000400000001 800200030000000800000003 00000005",
    3: "800300060000000400000001 800300030000000800000003 00000005",
    4: "800300060000000400000001 800300030000000800000003 00000005",
}


@every_version
def test_frames_have_the_octets_that_spdylay_wrote(version):
    connection = facing_client(version).connection
    connection.ping()
    connection.reset_stream(3, w.CANCEL)
    assert connection.data_to_send() == bytes.fromhex(GOLDEN[version])


BEGINNINGS = {
    "HTTP/1.1": b"GET / HTTP/1.1\r\nHost: example.com\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": bytes.fromhex("16030102000100") + bytes(100),
    "zeros": bytes(10_000),
    "ones": b"\xff" * 1000,
}


@every_version
@pytest.mark.parametrize("octets", BEGINNINGS.values(), ids=BEGINNINGS)
@pytest.mark.parametrize("facing", [facing_server, facing_client])
def test_another_protocol_does_no_harm(version, facing, octets):
    peer = facing(version).sends(octets)
    assert peer.connection.open_streams == 0
    assert {type(event).__name__ for event in peer.hears()} <= {
        "FrameUnparsable",
        "ConnectionTerminated",
    }
    assert len(peer.reads()) == peer.connection.failed


@every_version
def test_an_absurd_length_is_refused_before_it_arrives(version):
    peer = facing_server(version, limits=Limits(max_control_octets=1000))
    head = control(w.SYN_STREAM, b"", version=wire_version(version), length=1001)
    peer.sends(head)
    assert peer.hears()[-1] == Ended("frame.too_large")
    peer.wire(goaway(0, 1)).is_dead()
