"""What a peer keeps waiting, and what it takes back: `unfinished_since`, `waiting_for_peer`,
`without_withdrawn`."""

from __future__ import annotations

import pytest

from plait.http2 import (
    DATA_DEFERRED,
    DATA_OK,
    WAITS_FOR_BODY,
    WAITS_FOR_CREDIT,
    Config,
    ConnectionTerminated,
    DataReceived,
    RequestReceived,
    StreamReset,
    without_withdrawn,
)

from . import frames as f
from .frames import GET, OK, POST, PREFACE, data, headers, octets, ping, rst_stream, settings
from .script import Clock, Peer, facing_client, facing_server


def timed(**changes: object) -> tuple[Peer, Clock]:
    clock = Clock()
    return facing_server(Config(clock=clock), **changes), clock


# ------------------------------------------------------------------------------------------------
# What was begun and not finished.


def test_nothing_is_unfinished_between_frames():
    peer, _ = timed()
    assert peer.connection.unfinished_since is None
    peer.sends(ping(), headers(1, POST, end_stream=False), data(1, b"some"))
    assert peer.connection.unfinished_since is None


UNFINISHED = {
    "a frame's first octet": bytes(ping())[:1],
    "a frame's header": bytes(ping())[:8],
    "PING": bytes(ping())[:12],
    "HEADERS": bytes(headers(1, GET))[:20],
    "a field block": bytes(f.raw_headers(1, b"", end_headers=False)),
    "an unknown frame": bytes(f.Frame(0x77, 0, 0, b"12345"))[:13],
}


@pytest.mark.parametrize("part", UNFINISHED.values(), ids=UNFINISHED)
def test_a_frame_or_block_is_unfinished_since_it_began(part):
    peer, clock = timed()
    clock.now = 50.0
    peer.sends(part)
    clock.now = 60.0
    assert peer.connection.unfinished_since == 50.0


def test_a_trickle_does_not_move_the_time():
    peer, clock = timed()
    begun = clock.now
    frame = bytes(headers(1, GET))
    for octet in frame[:-1]:
        peer.sends(bytes([octet]))
        assert peer.connection.unfinished_since == begun
        clock.now += 1.0
    peer.sends(frame[-1:])
    assert peer.connection.unfinished_since is None


def test_continuations_do_not_move_the_time():
    peer, clock = timed()
    begun = clock.now
    peer.sends(f.raw_headers(1, f.block(GET)[:5], end_headers=False))
    for _ in range(3):
        clock.now += 1.0
        peer.sends(bytes(f.continuation(1, b"", end_headers=False)), b"\0\0")
        assert peer.connection.unfinished_since == begun
        peer.sends(bytes(f.continuation(1, b"", end_headers=False))[2:])
    peer.sends(f.continuation(1, f.block(GET)[5:]))
    assert peer.connection.unfinished_since is None


def test_the_next_frame_has_a_time_of_its_own():
    peer, clock = timed()
    frame = bytes(ping())
    peer.sends(frame[:9])
    clock.now += 5.0
    peer.sends(frame[9:], frame[:9])
    assert peer.connection.unfinished_since == clock.now


def test_a_frame_of_data_is_the_business_of_its_stream():
    peer, clock = timed()
    frame = bytes(data(1, bytes(100)))
    peer.sends(headers(1, POST, end_stream=False), frame[:50])
    assert peer.connection.unfinished_since is None
    peer.sends(frame[50:], frame[:3])
    assert peer.connection.unfinished_since == clock.now
    peer.sends(frame[3:4])
    assert peer.connection.unfinished_since is None


def test_the_preface_is_unfinished_until_settings_came():
    clock = Clock()
    peer = facing_server(Config(clock=clock), handshake=False)
    begun = clock.now
    for part in (PREFACE[:3], PREFACE[3:], bytes(settings())[:5]):
        clock.now += 1.0
        peer.sends(part)
        assert peer.connection.unfinished_since == begun
    peer.sends(bytes(settings())[5:])
    assert peer.connection.unfinished_since is None


def test_a_server_that_sends_no_settings_is_waited_for():
    clock = Clock()
    peer = facing_client(Config(clock=clock), handshake=False)
    assert peer.connection.unfinished_since == clock.now


def test_nothing_is_waited_for_once_the_connection_has_ended():
    peer, _ = timed()
    peer.sends(b"\0\0")
    peer.connection.terminate()
    assert peer.connection.unfinished_since is None


def test_the_clock_is_not_asked_by_whole_frames():
    asked = []

    def clock() -> float:
        asked.append(1)
        return 0.0

    peer = facing_server(Config(clock=clock))
    asked.clear()
    for stream in range(1, 201, 2):
        peer.sends(headers(stream, GET))
        peer.connection.send_response(stream, 200, [], b"hello")
        peer.clear()
    assert asked == []


# ------------------------------------------------------------------------------------------------
# Streams on which it is the peer's turn.


def test_an_incomplete_request_waits_for_its_body():
    peer, _ = timed()
    peer.sends(headers(1, POST, end_stream=False), headers(3, GET))
    assert peer.connection.waiting_for_peer() == [(1, WAITS_FOR_BODY, 0)]
    peer.sends(data(1, bytes(100), pad=9))
    assert peer.connection.waiting_for_peer() == [(1, WAITS_FOR_BODY, 110)]
    peer.sends(data(1, b"", end_stream=True))
    assert peer.connection.waiting_for_peer() == []


def test_a_request_without_credit_waits_for_us():
    peer, _ = timed(initial_window_size=100)
    peer.sends(headers(1, POST, end_stream=False), data(1, bytes(100)))
    assert peer.connection.waiting_for_peer() == []
    peer.connection.acknowledge_received_data(60, 1)
    assert peer.connection.waiting_for_peer() == [(1, WAITS_FOR_BODY, 100)]


def test_a_request_whose_response_has_begun_is_not_waited_for():
    peer, _ = timed()
    peer.sends(headers(1, POST, end_stream=False))
    peer.connection.send_headers(1, OK)
    assert peer.connection.waiting_for_peer() == []


def test_an_interim_response_is_no_beginning():
    peer, _ = timed()
    peer.sends(headers(1, POST, end_stream=False))
    peer.connection.send_headers(1, [(":status", "100")])
    assert peer.connection.waiting_for_peer() == [(1, WAITS_FOR_BODY, 0)]


def test_a_response_without_credit_waits_for_the_peer():
    peer, _ = timed()
    peer.sends(headers(1, GET))
    peer.connection.send_response(1, 200, [], bytes(100_000))
    assert peer.connection.waiting_for_peer() == []
    peer.pull()
    assert peer.connection.waiting_for_peer() == [(1, WAITS_FOR_CREDIT, 65_535)]
    peer.sends(f.window_update(0, 5), f.window_update(1, 5))
    assert peer.connection.waiting_for_peer() == []
    peer.pull()
    assert peer.connection.waiting_for_peer() == [(1, WAITS_FOR_CREDIT, 65_540)]


def test_the_credit_of_the_connection_counts_too():
    peer = facing_server(Config(clock=Clock()), (f.INITIAL_WINDOW_SIZE, 1_000_000))
    peer.sends(headers(1, GET), headers(3, GET))
    for stream in (1, 3):
        peer.connection.send_response(stream, 200, [], bytes(100_000))
    peer.pull()
    waiting = peer.connection.waiting_for_peer()
    assert [(stream, kind) for stream, kind, _ in waiting] == [(1, 2), (3, 2)]
    assert sum(sent for _, _, sent in waiting) == 65_535


def test_a_source_that_has_nothing_waits_for_nobody():
    peer = facing_server(Config(clock=Clock()), (f.INITIAL_WINDOW_SIZE, 5))
    answers = [(b"12345", DATA_OK), (b"", DATA_DEFERRED)]
    peer.sends(headers(1, GET))
    peer.connection.send_response(1, 200, [], lambda most: answers.pop(0))
    peer.pull()
    assert peer.connection.waiting_for_peer() == [(1, WAITS_FOR_CREDIT, 5)]
    peer.sends(f.window_update(1, 1)).pull()
    assert peer.connection.waiting_for_peer() == []


def test_a_client_waits_for_responses():
    peer = facing_client(Config(clock=Clock()))
    stream = peer.connection.send_request(GET)
    peer.pull()
    assert peer.connection.waiting_for_peer() == [(stream, WAITS_FOR_BODY, 0)]
    peer.sends(headers(stream, OK, end_stream=False), data(stream, b"hello"))
    assert peer.connection.waiting_for_peer() == [(stream, WAITS_FOR_BODY, 5)]
    peer.sends(data(stream, b"", end_stream=True))
    assert peer.connection.waiting_for_peer() == []


# ------------------------------------------------------------------------------------------------
# Requests that were taken back.


def test_requests_that_are_reset_in_the_same_read_are_left_out():
    peer, _ = timed()
    peer.sends(
        headers(1, GET),
        headers(3, POST, end_stream=False),
        data(3, b"some"),
        rst_stream(3),
        headers(5, GET),
    )
    assert peer.connection.peer_resets == 1
    events = peer.hears()
    kept = [RequestReceived(1, GET, True), RequestReceived(5, GET, True)]
    assert without_withdrawn(events) == kept
    assert len(events) == 5, "the list was changed"


def test_requests_of_earlier_reads_keep_their_events():
    peer, _ = timed()
    peer.sends(headers(1, POST, end_stream=False)).clear()
    events = peer.sends(data(1, b"some"), rst_stream(1, f.CANCEL)).hears()
    reset = StreamReset(1, f.CANCEL, True, "peer.reset")
    assert without_withdrawn(events) == [DataReceived(1, b"some", 4, False), reset]


def test_requests_at_fault_are_left_out():
    peer, _ = timed()
    peer.sends(headers(1, GET), f.window_update(1, 0))
    assert peer.connection.peer_resets == 1
    assert without_withdrawn(peer.hears()) == []


def test_requests_whose_connection_ends_with_them_are_left_out():
    peer, _ = timed()
    peer.sends(headers(1, GET), f.Frame(f.PING, 0, 1, bytes(8)))
    assert peer.connection.peer_resets == 1
    assert [type(event) for event in without_withdrawn(peer.hears())] == [ConnectionTerminated]


def test_a_graceful_end_withdraws_nothing():
    peer, _ = timed()
    peer.sends(headers(1, GET), f.goaway())
    assert peer.connection.peer_resets == 0
    events = peer.hears()
    assert without_withdrawn(events) == events


def test_what_was_withdrawn_holds_no_credit():
    peer, _ = timed()
    size = 40_000
    for stream in range(1, 101, 2):
        body = [data(stream, bytes(10_000))] * (size // 10_000)
        peer.sends(headers(stream, POST, end_stream=False), *body, rst_stream(stream))
        peer.clear()
    window = 1_048_576
    assert peer.credit[0] > 50 * size - window


# ------------------------------------------------------------------------------------------------
# Counters.


def test_requests_and_octets_are_counted():
    peer, _ = timed(max_concurrent_streams=1)
    peer.sends(octets([headers(1, POST, end_stream=False), headers(3, GET)]))
    peer.sends(data(1, bytes(7), end_stream=True))
    peer.connection.send_response(1, 200, [], bytes(11))
    peer.pull()
    connection = peer.connection
    assert connection.requests_received == 1
    assert connection.received_octets == 7
    assert connection.sent_octets == 11
