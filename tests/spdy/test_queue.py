"""The order in which frames leave (spdylay's, which SPDY/3 §2.3.3 leaves to the sender)."""

from __future__ import annotations

import pytest

from plait.spdy.events import StreamClosed

from . import wire as w
from .script import Got, NotSent, Peer, every_version, facing_client, facing_server
from .wire import GET, OK, data, rst_stream, settings, syn_reply, syn_stream


def trace(peer: Peer) -> list[str]:
    """What leaves, in short: the kind of frame, and its stream."""
    short = {w.SYN_STREAM: "SYN", w.SYN_REPLY: "REPLY", w.RST_STREAM: "RST", w.WINDOW_UPDATE: "WU"}
    return [
        f"{short.get(frame.kind, w.NAMES[frame.kind])} {frame.stream_id}".removesuffix(" 0")
        for frame in peer.reads()
    ]


def server(version: int, *priorities: int) -> Peer:
    """An engine with a request of each priority, on the streams 1, 3, 5..."""
    peer = facing_server(version)
    for at, priority in enumerate(priorities):
        peer.sends(syn_stream(2 * at + 1, priority=priority))
    return peer.clear()


@every_version
def test_equal_priorities_take_turns_and_a_higher_one_goes_first(version):
    peer = server(version, 1, 1, 0)
    for stream in (1, 3, 5):
        peer.connection.send_response(stream, OK, bytes(9000))
    bodies = [entry for entry in trace(peer) if entry.startswith("DATA")]
    assert bodies == [f"DATA {n}" for n in (5, 5, 5, 1, 3, 1, 3, 1, 3)]


@every_version
def test_replies_leave_by_priority_and_in_the_order_of_the_calls(version):
    peer = server(version, 1, 1, 0, 3)
    for stream in (7, 3, 1, 5):
        peer.connection.send_response(stream, OK, b"x")
    expected = "REPLY 5, DATA 5, REPLY 3, REPLY 1, DATA 3, DATA 1, REPLY 7, DATA 7"
    assert trace(peer) == expected.split(", ")


@every_version
def test_the_body_of_an_urgent_request_leaves_before_the_next_request(version):
    peer = facing_client(version)
    for _ in range(3):
        peer.connection.send_request(GET, bytes(5000), priority=0)
    peer.connection.send_settings([(4, 0, 100)])
    peer.connection.ping()
    expected = "PING, SETTINGS, SYN 1, DATA 1, DATA 1, SYN 3, DATA 3, DATA 3, SYN 5, DATA 5, DATA 5"
    assert trace(peer) == expected.split(", ")


@every_version
def test_requests_of_the_lowest_priority_leave_before_their_bodies(version):
    peer = facing_client(version)
    for _ in range(3):
        peer.connection.send_request(GET, bytes(5000), priority=peer.connection.lowest_priority)
    expected = "SYN 1, SYN 3, SYN 5, DATA 1, DATA 3, DATA 5, DATA 1, DATA 3, DATA 5"
    assert trace(peer) == expected.split(", ")


@every_version
def test_requests_leave_in_the_order_of_their_ids_whatever_their_priority(version):
    peer = facing_client(version)
    for priority in (3, 1, 0, 2):
        peer.connection.send_request(GET, priority=priority)
    assert trace(peer) == ["SYN 1", "SYN 3", "SYN 5", "SYN 7"]


@every_version
def test_goaway_waits_for_what_is_more_urgent(version):
    peer = server(version, 0, 3)
    peer.connection.send_goaway(0)
    peer.connection.send_response(1, OK, bytes(5000))
    assert trace(peer) == ["REPLY 1", "DATA 1", "DATA 1", "GOAWAY 3"]


@every_version
def test_a_reset_has_the_priority_of_its_stream(version):
    peer = server(version, 2, 0)
    peer.connection.reset_stream(99, w.CANCEL)
    peer.connection.reset_stream(1, w.CANCEL)
    peer.connection.reset_stream(3, w.CANCEL)
    assert trace(peer) == ["RST 3", "RST 1", "RST 99"]


@every_version
def test_credit_has_the_priority_of_its_stream(version):
    peer = facing_server(version)
    peer.sends(syn_stream(1, end=False, priority=2), syn_stream(3, end=False, priority=0)).clear()
    peer.connection.send_goaway(0)
    peer.connection.send_window_update(1, 10)
    peer.connection.send_window_update(3, 10)
    assert trace(peer) == ["WU 3", "WU 1", "GOAWAY 3"]


@every_version
def test_a_ping_overtakes_a_body(version):
    peer = server(version, 0)
    peer.connection.send_response(1, OK, bytes(12_000))
    first = peer.connection.data_to_send(1)
    peer.connection.ping()
    peer.frames += peer.reader.feed(first)
    found = trace(peer)
    assert found.index("PING") <= 2
    assert found.count("DATA 1") == 3


@every_version
def test_what_comes_later_is_less_urgent_and_waits(version):
    peer = server(version, 1, 1, 2)
    peer.connection.send_response(1, OK, bytes(9000))
    peer.connection.send_response(5, OK, bytes(9000))
    peer.frames += peer.reader.feed(peer.connection.data_to_send(1))
    peer.connection.send_response(3, OK, bytes(5000))
    found = [entry for entry in trace(peer) if entry != "REPLY 3"]
    assert found[-4:] == ["REPLY 5", "DATA 5", "DATA 5", "DATA 5"]
    assert found[-6:-4] != ["DATA 1", "DATA 1"], "equals take turns"


@every_version
def test_requests_beyond_the_peers_limit_wait(version):
    peer = facing_client(version)
    peer.sends(settings((w.MAX_CONCURRENT_STREAMS, 0, 2))).clear()
    for _ in range(4):
        peer.connection.send_request(GET, priority=0)
    assert peer.connection.queue_size == 4
    assert trace(peer) == ["SYN 1", "SYN 3"]
    assert peer.connection.queue_size == 2
    assert not peer.connection.want_write()
    # Other frames pass the requests that wait.
    peer.connection.ping()
    assert peer.connection.want_write()
    assert trace(peer) == ["PING"]
    peer.sends(syn_reply(1, end=True))
    assert peer.connection.want_write()
    assert trace(peer) == ["SYN 5"]
    peer.sends(rst_stream(3))
    assert trace(peer) == ["SYN 7"]
    assert peer.connection.queue_size == 0


@every_version
def test_a_request_that_waits_can_be_cancelled(version):
    peer = facing_client(version)
    peer.sends(settings((w.MAX_CONCURRENT_STREAMS, 0, 1))).clear()
    for _ in range(3):
        peer.connection.send_request(GET, b"body")
    peer.clear().connection.reset_stream(3, w.CANCEL)
    # The peer has never heard of it, and never will.
    waiting = syn_stream(3, GET, end=False, priority=peer.connection.lowest_priority)
    peer.wire().expect(NotSent(waiting, -511), StreamClosed(3, w.CANCEL))
    peer.sends(syn_reply(1, end=True))
    assert trace(peer) == ["SYN 5", "DATA 5"]


@every_version
def test_a_higher_limit_lets_the_requests_go(version):
    peer = facing_client(version)
    peer.sends(settings((w.MAX_CONCURRENT_STREAMS, 0, 0))).clear()
    peer.connection.send_request(GET)
    peer.connection.send_request(GET)
    assert trace(peer) == []
    assert not peer.connection.want_write()
    peer.sends(settings((w.MAX_CONCURRENT_STREAMS, 0, 1)))
    assert peer.connection.want_write()
    assert trace(peer) == ["SYN 1"]


@every_version
def test_the_peers_limit_holds_for_pushes_too(version):
    peer = server(version, 0)
    peer.sends(settings((w.MAX_CONCURRENT_STREAMS, 0, 1))).clear()
    peer.connection.push(1, GET, bytes(10))
    peer.connection.push(1, GET, bytes(10))
    assert trace(peer) == ["SYN 2", "DATA 2", "SYN 4", "DATA 4"]


@every_version
def test_the_peers_streams_are_not_counted_among_ours(version):
    peer = server(version, 0, 0, 0)
    peer.sends(settings((w.MAX_CONCURRENT_STREAMS, 0, 1))).clear()
    peer.connection.push(1, GET)
    assert trace(peer) == ["SYN 2"]


@every_version
def test_the_queue_counts_what_waits(version):
    peer = server(version, 0, 0)
    connection = peer.connection
    assert connection.queue_size == 0
    assert not connection.want_write()
    connection.ping()
    connection.send_response(1, OK)
    connection.reset_stream(3, w.CANCEL)
    assert connection.queue_size == 3
    assert connection.want_write()
    assert trace(peer) == ["PING", "REPLY 1", "RST 3"]
    assert connection.queue_size == 0
    connection.send_data(9, b"x")
    assert connection.queue_size == 1


@every_version
def test_deferred_bodies_are_not_counted(version):
    peer = server(version, 0)
    peer.connection.send_response(1, OK, lambda most: (None, 2))
    assert trace(peer) == ["REPLY 1"]
    assert peer.connection.queue_size == 0
    peer.connection.resume(1)
    assert peer.connection.queue_size == 1


@every_version
@pytest.mark.parametrize("priority", [0, 1, 2, 3])
def test_the_priority_is_told_to_the_peer(version, priority):
    peer = facing_client(version)
    assert peer.connection.lowest_priority == (3 if version == w.SPDY2 else 7)
    peer.connection.send_request(GET, priority=priority)
    peer.connection.send_request(GET)
    assert [frame.priority for frame in peer.reads()] == [priority, peer.connection.lowest_priority]


@every_version
def test_frame_by_frame_is_the_same_order(version):
    def filled() -> Peer:
        peer = server(version, 1, 1, 0, 3)
        for stream in (1, 3, 5):
            peer.connection.send_response(stream, OK, bytes(9000))
        peer.connection.ping()
        peer.connection.push(7, GET, bytes(9000))
        return peer

    whole, single = filled(), filled()
    whole.pull()
    while outgoing := single.connection.next_frame():
        assert outgoing.error == 0
        single.frames += single.reader.feed(outgoing.data)
        single.events += single.connection.frame_sent(outgoing)
    assert single.frames == whole.frames
    assert single.events == whole.events
    assert {event.stream_id for event in whole.events} == {1, 2, 3, 5}
    assert all(isinstance(event, StreamClosed) for event in whole.events)


@every_version
def test_what_happens_between_two_frames_counts_for_the_next(version):
    peer = server(version, 1, 1)
    peer.connection.send_response(1, OK, bytes(9000))
    outgoing = peer.connection.next_frame()
    assert peer.reader.feed(outgoing.data) == [syn_reply(1)]
    peer.connection.frame_sent(outgoing)
    outgoing = peer.connection.next_frame()
    assert peer.reader.feed(outgoing.data) == [data(1, bytes(4096))]
    peer.connection.frame_sent(outgoing)
    peer.sends(rst_stream(1)).expect(Got(rst_stream(1)), StreamClosed(1, w.CANCEL))
    assert peer.connection.next_frame() is None
