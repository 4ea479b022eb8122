"""What we send keeps to the peer's windows and frame size (RFC 9113 §4.2, §5.2, §6.9)."""

from __future__ import annotations

import pytest

from plait.http2 import NoSuchStreamError, StreamClosed, WindowUpdated

from . import frames as f
from .frames import GET, OK, POST, data, headers, settings, settings_ack, window_update
from .script import Peer, facing_client, facing_server

INITIAL = f.INITIAL_WINDOW_SIZE


def asked(*their_settings: tuple[int, int], streams: int = 1) -> Peer:
    peer = facing_server(None, *their_settings)
    return peer.sends(*(headers(2 * n + 1, GET) for n in range(streams))).clear()


def test_a_body_stops_at_the_connection_window():
    peer = asked((INITIAL, 1_000_000))
    peer.connection.send_response(1, 200, [], b"x" * 200_000)
    assert len(peer.body(1)) == 65_535
    assert not peer.connection.wants_write
    peer.sends(window_update(0, 1000))
    assert peer.connection.wants_write
    assert len(peer.body(1)) == 66_535
    peer.sends(window_update(0, 2**31 - 1 - 1000))
    assert peer.body(1) == b"x" * 200_000
    assert peer.frames[-1].end_stream
    assert type(peer.hears()[-1]) is StreamClosed


def test_a_body_stops_at_the_stream_window():
    peer = asked((INITIAL, 100))
    peer.connection.send_response(1, 200, [], b"x" * 250)
    peer.wire(headers(1, OK, end_stream=False), data(1, b"x" * 100))
    peer.sends(window_update(1, 100))
    peer.wire(data(1, b"x" * 100))
    peer.sends(window_update(1, 100))
    peer.wire(data(1, b"x" * 50, end_stream=True))


def test_a_window_that_fits_exactly_ends_the_stream_with_the_last_octet():
    peer = asked((INITIAL, 100))
    peer.connection.send_response(1, 200, [], b"x" * 100)
    peer.wire(headers(1, OK, end_stream=False), data(1, b"x" * 100, end_stream=True))


def test_the_end_of_a_stream_needs_no_window():
    # RFC 9113 §6.9.1: "Frames with zero length with the END_STREAM flag set ... MAY be sent if
    # there is no available space in either flow-control window."
    peer = asked((INITIAL, 0))
    peer.connection.send_headers(1, OK)
    peer.connection.send_data(1, b"", end_stream=True)
    frames = peer.reads()
    assert frames[0] in (headers(1, OK, end_stream=False), headers(1, OK))
    assert frames[-1].end_stream
    peer.expect(StreamClosed(1, 0))


def test_a_late_end_of_a_stream_needs_no_window():
    peer = asked((INITIAL, 3))
    peer.connection.send_headers(1, OK)
    peer.connection.send_data(1, b"abc")
    peer.wire(headers(1, OK, end_stream=False), data(1, b"abc"))
    peer.connection.send_data(1, b"", end_stream=True)
    assert peer.connection.wants_write
    peer.wire(data(1, b"", end_stream=True))


def test_heads_need_no_window():
    peer = asked((INITIAL, 0), streams=3)
    for stream in (1, 3, 5):
        peer.connection.send_response(stream, 200, [], b"body")
    peer.wire(*(headers(stream, OK, end_stream=False) for stream in (1, 3, 5)))


def test_frames_keep_to_the_peers_frame_size():
    peer = asked((INITIAL, 60_000))
    peer.connection.send_response(1, 200, [], b"x" * 60_000)
    sizes = [len(x.payload) for x in peer.reads() if x.type == f.DATA]
    assert max(sizes) == 16_384
    assert sum(sizes) == 60_000


def test_larger_frames_are_used_where_the_peer_allows_them():
    peer = asked((f.MAX_FRAME_SIZE, 50_000), (INITIAL, 60_000))
    assert peer.connection.max_outbound_frame_size == 50_000
    peer.connection.send_response(1, 200, [], b"x" * 60_000)
    sizes = [len(x.payload) for x in peer.reads() if x.type == f.DATA]
    assert max(sizes) <= 50_000
    assert sum(sizes) == 60_000


def test_a_smaller_frame_size_counts_from_its_settings_on():
    peer = asked((f.MAX_FRAME_SIZE, 60_000))
    peer.connection.send_response(1, 200, [], b"x" * 60_000)
    peer.sends(settings((f.MAX_FRAME_SIZE, 16_384)))
    sizes = [len(x.payload) for x in peer.reads() if x.type == f.DATA]
    assert max(sizes) <= 16_384


def test_a_stream_without_window_does_not_hold_up_the_others():
    peer = asked((INITIAL, 10), streams=3)
    for stream in (1, 3, 5):
        peer.connection.send_response(stream, 200, [], b"x" * 30)
    peer.clear().sends(window_update(3, 100))
    peer.wire(data(3, b"x" * 20, end_stream=True))
    peer.sends(window_update(5, 10), window_update(1, 10))
    assert sorted(x.stream_id for x in peer.reads()) == [1, 5]


def test_the_connection_window_is_shared():
    peer = asked((INITIAL, 60_000), streams=4)
    for stream in (1, 3, 5, 7):
        peer.connection.send_response(stream, 200, [], b"x" * 50_000)
    frames = peer.reads()
    assert sum(len(x.payload) for x in frames if x.type == f.DATA) == 65_535
    for _ in range(20):
        peer.sends(window_update(0, 10_000))
        frames += peer.reads()
    for stream in (1, 3, 5, 7):
        assert (
            sum(len(x.payload) for x in frames if x.stream_id == stream and x.type == 0) == 50_000
        )


def test_credit_is_told():
    peer = asked()
    peer.sends(window_update(0, 5), window_update(1, 7))
    peer.expect(WindowUpdated(0, 5), WindowUpdated(1, 7))


def test_windows_for_sending_can_be_asked_for():
    peer = asked((INITIAL, 1000))
    connection = peer.connection
    assert connection.local_flow_control_window(1) == 1000
    peer.sends(window_update(1, 100_000))
    assert connection.local_flow_control_window(1) == 65_535
    connection.send_headers(1, OK)
    connection.send_data(1, b"x" * 35)
    peer.clear()
    assert connection.local_flow_control_window(1) == 65_500
    with pytest.raises(NoSuchStreamError):
        connection.local_flow_control_window(99)


@pytest.mark.parametrize("steps", [[2**31 - 1], [2**30, 2**30]])
def test_a_connection_window_above_the_maximum_ends_the_connection(steps):
    # RFC 9113 §6.9.1: "for the connection, a GOAWAY frame with an error code of
    # FLOW_CONTROL_ERROR".
    peer = asked()
    peer.sends(*(window_update(0, step) for step in steps))
    assert peer.hears()[-1].error_code == f.FLOW_CONTROL_ERROR
    assert peer.connection.closed


@pytest.mark.parametrize("steps", [[2**31 - 1], [2**30, 2**30]])
def test_a_stream_window_above_the_maximum_resets_the_stream(steps):
    peer = asked(streams=2)
    peer.sends(*(window_update(1, step) for step in steps))
    assert peer.hears()[-1].error_code == f.FLOW_CONTROL_ERROR
    peer.wire(f.rst_stream(1, f.FLOW_CONTROL_ERROR))
    assert not peer.connection.stream_is_open(1)
    peer.lives()


def test_the_largest_window_is_allowed():
    peer = asked()
    peer.sends(window_update(0, 2**31 - 1 - 65_535), window_update(1, 2**31 - 1 - 65_535)).lives()
    assert peer.connection.local_flow_control_window(1) == 2**31 - 1


def test_a_client_keeps_to_the_servers_windows():
    peer = facing_client(None, (INITIAL, 1000))
    stream = peer.connection.send_request(POST, b"x" * 2500)
    peer.wire(headers(stream, POST, end_stream=False), data(stream, b"x" * 1000))
    peer.sends(window_update(stream, 1500))
    peer.wire(data(stream, b"x" * 1500, end_stream=True))


def test_a_client_that_starts_before_the_servers_settings_uses_the_defaults():
    peer = facing_client(handshake=False)
    stream = peer.connection.send_request(POST, b"x" * 70_000)
    assert len(peer.body(stream)) == 65_535
    peer.clear().sends(settings((INITIAL, 65_540)))
    peer.wire(settings_ack())
    peer.sends(window_update(0, 100_000))
    peer.wire(data(stream, b"x" * 5))


def test_a_window_update_for_a_stream_that_just_ended_is_ignored():
    # RFC 9113 §5.1: it may have been on its way.
    peer = asked()
    peer.connection.send_response(1, 200, [])
    peer.clear().sends(window_update(1, 100)).lives()


def test_even_an_overflow_on_a_stream_that_just_ended_is_ignored():
    peer = asked()
    peer.connection.send_response(1, 200, [])
    peer.clear().sends(window_update(1, 2**31 - 1), window_update(1, 2**31 - 1))
    assert peer.reads() == []
    peer.lives()
