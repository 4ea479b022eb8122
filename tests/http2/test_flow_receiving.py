"""Credit for what we receive (RFC 9113 §5.2, §6.9): it follows consumption and never leaks."""

from __future__ import annotations

import contextlib

import pytest

from plait.http2 import DataReceived, NoSuchStreamError, SettingCode, UsageError

from . import frames as f
from .frames import OK, POST, data, headers, rst_stream
from .script import Peer, facing_client, facing_server

FRAME = 16_384


class Sender:
    """Sends as much DATA as the engine's windows allow, and no octet more."""

    def __init__(self, peer: Peer, stream_window: int, connection_window: int) -> None:
        self.peer = peer
        self.initial = stream_window
        self.left = {0: connection_window}

    def room(self, stream: int) -> int:
        for number in [*self.left, stream]:
            self.left.setdefault(number, self.initial)
            self.left[number] += self.peer.credit.pop(number, 0)
        return min(self.left[0], self.left[stream])

    def sends(self, stream: int, payload: bytes, **how: object) -> int:
        frame = data(stream, payload, **how)
        size = len(frame.payload)
        assert size <= self.room(stream), f"no credit for {size} octets on stream {stream}"
        self.left[0] -= size
        self.left[stream] -= size
        self.peer.sends(frame)
        return size


def uploading(stream_window: int = 40_000, connection_window: int = 100_000) -> tuple[Peer, Sender]:
    peer = facing_server(
        initial_window_size=stream_window, connection_window_size=connection_window
    )
    peer.sends(headers(1, POST, end_stream=False)).clear()
    return peer, Sender(peer, stream_window, connection_window)


def test_no_credit_is_given_for_what_nobody_consumed():
    peer, sender = uploading()
    for _ in range(4):
        sender.sends(1, bytes(10_000))
    peer.wire()
    assert peer.connection.remote_flow_control_window(1) == 0


def test_the_event_says_how_much_is_to_be_given_back():
    peer, sender = uploading()
    sender.sends(1, b"abc", pad=10)
    (event,) = peer.hears()
    assert event == DataReceived(1, b"abc", 3, False)


def test_consumed_octets_are_credited_on_stream_and_connection():
    peer, sender = uploading()
    for _ in range(4):
        sender.sends(1, bytes(10_000))
    peer.connection.acknowledge_received_data(40_000, 1)
    assert {x.type for x in peer.reads()} == {f.WINDOW_UPDATE}
    assert peer.credit[1] == 40_000
    assert sender.room(1) == 40_000


def test_a_long_upload_never_stalls_and_never_exceeds_the_window():
    peer, sender = uploading()
    sent = 0
    while sent < 1_000_000:
        size = min(FRAME, sender.room(1))
        assert size, f"stalled after {sent} octets"
        sender.sends(1, bytes(size))
        sent += size
        for event in peer.hears():
            peer.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        peer.clear()
        assert sender.room(1) <= 40_000
        assert sender.left[0] <= 100_000
        known = peer.connection.remote_flow_control_window(1)
        assert sender.room(1) <= known <= 40_000


def test_small_acknowledgements_add_up():
    peer, sender = uploading()
    for _ in range(40):
        sender.sends(1, bytes(1000))
    for _ in range(4000):
        peer.connection.acknowledge_received_data(10, 1)
    peer.clear()
    assert sender.room(1) >= 20_000


def test_small_acknowledgements_do_not_cost_a_frame_each():
    peer, sender = uploading()
    for _ in range(40):
        sender.sends(1, bytes(1000))
    for _ in range(4000):
        peer.connection.acknowledge_received_data(10, 1)
        peer.pull()
    assert len(peer.reads()) <= 40


def test_a_small_window_is_credited_too():
    peer, sender = uploading(stream_window=10)
    for _ in range(50):
        sender.sends(1, bytes(sender.room(1)))
        for event in peer.hears():
            peer.connection.acknowledge_received_data(event.flow_controlled_length, 1)
        peer.clear()
        assert sender.room(1) > 0


def test_padding_is_credited_without_being_consumed():
    # RFC 9113 §6.1: "The entire DATA frame payload is included in flow control".
    peer, sender = uploading()
    for _ in range(900):
        assert sender.room(1) >= 256, "padding leaked"
        sender.sends(1, b"", pad=255)
        peer.clear()


def test_padding_of_frames_with_content_is_credited_alone():
    peer, sender = uploading()
    for _ in range(100):
        sender.sends(1, b"x" * 100, pad=255)
    peer.clear()
    consumed_none = 40_000 - 100 * 100
    assert consumed_none // 4 <= sender.room(1) <= consumed_none


@pytest.mark.parametrize("ending", ["reset by us", "reset by the peer", "content-length", "closed"])
def test_the_connection_window_survives_streams_that_end_with_data_unread(ending):
    peer, sender = uploading(connection_window=80_000)
    stream = 1
    for _ in range(30):
        stream += 2
        fields = [*POST, (b"content-length", b"9999")] if ending == "content-length" else POST
        peer.sends(headers(stream, fields, end_stream=False)).clear()
        assert sender.room(stream) >= 9999, "the connection window leaked"
        sender.sends(stream, bytes(9000))
        if ending == "reset by us":
            peer.connection.reset_stream(stream)
        elif ending == "reset by the peer":
            peer.sends(rst_stream(stream))
        elif ending == "content-length":
            sender.sends(stream, b"", end_stream=True)
        else:
            sender.sends(stream, b"x", end_stream=True)
            peer.connection.send_response(stream, 200, [])
        peer.clear()
        assert not peer.connection.stream_is_open(stream)


def test_data_for_a_stream_that_we_reset_is_ignored_and_credited():
    # RFC 9113 §5.1: it was on its way already; it counts against the connection window.
    peer, sender = uploading(connection_window=80_000)
    peer.connection.reset_stream(1)
    peer.clear()
    for _ in range(3):
        sender.sends(1, bytes(10_000))
        peer.expect()
        peer.clear()
    peer.sends(headers(3, POST, end_stream=False)).clear()
    for _ in range(100):
        assert sender.room(3) >= 9000
        sender.sends(3, bytes(9000))
        peer.clear()
        peer.connection.acknowledge_received_data(9000, 3)
        peer.clear()


def test_data_for_a_malformed_request_is_credited():
    peer, sender = uploading(connection_window=80_000)
    for stream in range(3, 63, 2):
        peer.sends(headers(stream, [*POST, (b"Bad", b"v")], end_stream=False)).clear()
        sender.sends(stream, bytes(9000))
        peer.expect()
        peer.clear()
    peer.lives()


def test_data_for_a_refused_stream_is_credited():
    peer = facing_server(
        max_concurrent_streams=1, initial_window_size=40_000, connection_window_size=80_000
    )
    sender = Sender(peer, 40_000, 80_000)
    peer.sends(headers(1, POST, end_stream=False)).clear()
    for stream in range(3, 63, 2):
        peer.sends(headers(stream, POST, end_stream=False)).clear()
        sender.sends(stream, bytes(9000))
        peer.expect()
        peer.clear()
    peer.lives()


def test_acknowledging_after_the_end_of_a_stream_changes_nothing():
    peer, sender = uploading(connection_window=80_000)
    sender.sends(1, bytes(30_000)[:FRAME])
    peer.connection.reset_stream(1)
    peer.clear()
    before = sender.room(3)
    peer.connection.acknowledge_received_data(FRAME, 1)
    peer.clear()
    assert sender.room(3) == before


def test_readers_that_are_slow_do_not_starve_those_that_are_fast():
    # Two uploads that nobody reads hold most of the connection's window. What is left must go
    # round and round for the third, though it never reaches half of the window.
    peer, sender = uploading()
    peer.sends(headers(3, POST, end_stream=False), headers(5, POST, end_stream=False)).clear()
    for stream in (1, 3):
        for _ in range(2):
            sender.sends(stream, bytes(FRAME))
    sent = 0
    while sent < 500_000:
        size = min(FRAME, sender.room(5))
        assert size, f"stalled after {sent} octets"
        sender.sends(5, bytes(size))
        sent += size
        peer.connection.acknowledge_received_data(size, 5)
        peer.clear()


def test_credit_held_back_is_given_when_slow_readers_use_up_the_rest():
    # Stream 5's octets were consumed but not announced yet; then 1 and 3 fill the window.
    peer, sender = uploading()
    peer.sends(headers(3, POST, end_stream=False), headers(5, POST, end_stream=False)).clear()
    for _ in range(2):
        sender.sends(5, bytes(FRAME))
        peer.connection.acknowledge_received_data(FRAME, 5)
        peer.clear()
    for stream in (1, 3):
        while size := min(FRAME, sender.room(stream)):
            sender.sends(stream, bytes(size))
            peer.clear()
    assert sender.room(5) > 0


def test_a_message_may_be_consumed_when_it_is_whole():
    # 15,000 octets were consumed and not announced; the next message needs them.
    peer, sender = uploading()
    sender.sends(1, bytes(15_000))
    peer.connection.acknowledge_received_data(15_000, 1)
    peer.clear()
    left = 35_000
    while left:
        size = min(FRAME, left, sender.room(1))
        assert size, f"stalled with {left} octets to come"
        sender.sends(1, bytes(size))
        peer.clear()
        left -= size
    peer.connection.acknowledge_received_data(35_000, 1)


def test_a_stream_that_the_peer_has_finished_gets_no_more_credit():
    # RFC 9113 §6.9: nothing forbids it, but it is of no use to anyone.
    peer, sender = uploading()
    sender.sends(1, bytes(FRAME), end_stream=True)
    peer.connection.acknowledge_received_data(FRAME, 1)
    assert not [x for x in peer.reads() if x.type == f.WINDOW_UPDATE and x.stream_id == 1]


def test_more_than_the_stream_window_is_a_flow_control_error():
    peer, _ = uploading(stream_window=1000)
    peer.sends(data(1, bytes(1001)))
    assert peer.hears()[-1].error_code == f.FLOW_CONTROL_ERROR
    assert f.error_code(peer.reads()[-1]) == f.FLOW_CONTROL_ERROR


def test_padding_counts_against_the_stream_window():
    peer, _ = uploading(stream_window=100)
    peer.sends(data(1, b"", pad=100))
    assert peer.hears()[-1].error_code == f.FLOW_CONTROL_ERROR


def test_more_than_the_connection_window_ends_the_connection():
    peer, sender = uploading(stream_window=1_000_000, connection_window=65_535)
    for _ in range(3):
        sender.sends(1, bytes(FRAME))
    sender.sends(1, bytes(sender.room(1)))
    peer.clear()
    peer.sends(data(1, b"x")).dies(f.FLOW_CONTROL_ERROR)


def test_dead_streams_are_bound_by_the_connection_window_too():
    peer = facing_server(connection_window_size=65_535, initial_window_size=2**31 - 1)
    peer.sends(headers(1, POST, end_stream=False)).clear()
    peer.connection.reset_stream(1)
    peer.hears()
    # Nothing is read in between: no credit can have reached the peer.
    peer.sends(*(data(1, bytes(FRAME)) for _ in range(5)))
    if peer.connection.closed:
        assert [event.error_code for event in peer.hears()] == [f.FLOW_CONTROL_ERROR]
    else:
        # It may have queued the credit before the window was exceeded.
        peer.pull()
        assert peer.credit[0] >= 5 * FRAME - 65_535


def test_a_window_of_exactly_nothing_left_is_not_exceeded():
    peer, sender = uploading(stream_window=1000)
    sender.sends(1, bytes(1000))
    sender.sends(1, b"", end_stream=True)
    assert peer.hears()[-1].end_stream is True
    peer.lives()


def test_empty_data_costs_no_window():
    peer, sender = uploading(stream_window=0)
    sender.sends(1, b"", end_stream=True)
    assert peer.hears() == [DataReceived(1, b"", 0, True)]


def test_a_client_gives_credit_as_it_consumes():
    peer = facing_client(initial_window_size=40_000, connection_window_size=100_000)
    peer.connection.send_request(POST, b"")
    peer.clear().sends(headers(1, OK, end_stream=False)).clear()
    sender = Sender(peer, 40_000, 100_000)
    for _ in range(100):
        size = min(FRAME, sender.room(1))
        assert size
        sender.sends(1, bytes(size))
        peer.clear()
        peer.connection.acknowledge_received_data(size, 1)
        peer.clear()


def test_windows_can_be_asked_for():
    peer, sender = uploading(stream_window=40_000, connection_window=70_000)
    connection = peer.connection
    assert connection.remote_flow_control_window(1) == 40_000
    sender.sends(1, bytes(15_000))
    assert connection.remote_flow_control_window(1) == 25_000
    with pytest.raises(NoSuchStreamError):
        connection.remote_flow_control_window(7)


@pytest.mark.parametrize("octets", [-1, -(2**31)])
def test_acknowledging_less_than_nothing_is_our_callers_mistake(octets):
    peer, sender = uploading()
    sender.sends(1, bytes(1000))
    with pytest.raises((UsageError, ValueError)):
        peer.connection.acknowledge_received_data(octets, 1)


def test_acknowledging_more_than_came_never_lifts_a_window_above_its_size():
    peer, sender = uploading()
    sender.sends(1, bytes(15_000))
    with contextlib.suppress(UsageError, ValueError):
        peer.connection.acknowledge_received_data(2**31, 1)
    peer.clear()
    assert sender.room(1) <= 40_000
    assert sender.left[0] <= 100_000
    assert peer.connection.remote_flow_control_window(1) <= 40_000


def test_credit_for_a_larger_initial_window_reaches_its_new_size():
    peer, sender = uploading(stream_window=1000)
    peer.connection.update_settings({SettingCode.INITIAL_WINDOW_SIZE: 30_000})
    peer.sends(f.settings_ack()).clear()
    sender.left[1] = 30_000
    sender.initial = 30_000
    sent = 0
    while sent < 200_000:
        size = min(FRAME, sender.room(1))
        assert size
        sender.sends(1, bytes(size))
        sent += size
        peer.clear()
        peer.connection.acknowledge_received_data(size, 1)
        peer.clear()
        assert sender.room(1) <= 30_000


def test_no_window_of_ours_can_grow_beyond_the_largest_whatever_is_on_its_way():
    most = 2**31 - 1
    peer = facing_server(handshake=False, initial_window_size=most - 10)
    peer.sends(f.PREFACE, f.settings(), headers(1, POST, end_stream=False))
    # The large initial window is not in force yet.
    with pytest.raises(UsageError):
        peer.connection.increment_flow_control_window(11, 1)
    peer.connection.increment_flow_control_window(10, 1)
    peer.sends(f.settings_ack())
    assert peer.connection.waiting_for_peer() != []
    with pytest.raises(UsageError):
        peer.connection.update_settings({f.INITIAL_WINDOW_SIZE: most - 9})
    peer.connection.update_settings({f.INITIAL_WINDOW_SIZE: most - 10})
    peer.lives()


def test_what_is_outstanding_counts_for_the_largest_window():
    # It comes back as credit, and would overflow then.
    most = 2**31 - 1
    peer = facing_server(initial_window_size=most)
    peer.sends(headers(1, POST, end_stream=False), data(1, bytes(1000)))
    with pytest.raises(UsageError):
        peer.connection.increment_flow_control_window(1, 1)
