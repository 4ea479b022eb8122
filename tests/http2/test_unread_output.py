"""What waits in memory for a peer that sends and does not read (CVE-2019-9514, CVE-2019-9517)."""

from __future__ import annotations

import pytest

from plait.http2 import Config, ConnectionTerminated, Limits, PushDisabledError, RequestReceived

from . import frames as f
from .frames import GET, OK, POST, data, headers, rst_stream
from .script import Clock, Goaway, Peer, facing_client, facing_server

CALM = f.ENHANCE_YOUR_CALM
MARK = Limits().max_unsent_octets


def waiting(peer: Peer) -> int:
    """Octets in the engine's output, which are lost to the peer by looking at them."""
    return len(peer.connection.data_to_send(0))


def unread(peer: Peer) -> None:
    ended = [event for event in peer.hears() if isinstance(event, ConnectionTerminated)]
    assert [(event.error_code, event.slug) for event in ended] == [(CALM, "output.unread")]
    assert peer.reads()[-1] == Goaway(CALM)


def test_responses_that_nobody_reads_wait_with_their_streams_open():
    peer = facing_server()
    taken = 0
    for stream in range(1, 40_001, 2):
        peer.sends(headers(stream, GET))
        for event in peer.hears():
            if isinstance(event, RequestReceived):
                taken += 1
                peer.connection.send_response(event.stream_id, 200, [("x-pad", "p" * 50)])
        if peer.connection.closed:
            break
    # As many as fill the buffer, then the hundred that may be open; the rest is refused.
    assert MARK // 70 < taken < MARK // 9 + 101
    assert peer.hears() == []
    assert waiting(peer) < 2 * MARK


def test_waiting_responses_leave_in_their_order_once_there_is_room():
    peer = facing_server(limits=Limits(max_unsent_octets=100))
    streams = list(range(1, 201, 2))
    peer.sends(*(headers(s, GET) for s in streams))
    for stream in streams:
        peer.connection.send_response(stream, 200, [("x-number", str(stream))], b"body")
    assert peer.connection.open_streams > 80
    frames = peer.reads()
    assert [x.stream_id for x in frames if x.type == f.HEADERS] == streams
    ended = [x.stream_id for x in frames if x.end_stream]
    assert sorted(ended) == streams
    assert peer.connection.open_streams == 0


def test_waiting_responses_that_are_reset_leave_nothing():
    limits = Limits(max_unsent_octets=100, reset_burst=10**9)
    peer = facing_server(limits=limits)
    for stream in range(1, 2001, 2):
        peer.sends(headers(stream, GET))
        peer.connection.send_response(stream, 200, [("x-number", str(stream))], b"body")
        peer.sends(rst_stream(stream))
    assert peer.connection.open_streams == 0
    assert waiting(peer) < 1000


def test_resets_that_nobody_reads_end_the_connection():
    peer = facing_server(limits=Limits(refused_burst=10**9), max_concurrent_streams=1)
    peer.sends(headers(1, GET)).clear()
    sent = 0
    for stream in range(3, 40_001, 2):
        peer.sends(headers(stream, GET))
        sent += 1
        if peer.connection.closed:
            break
    assert sent <= MARK // 13 + 1
    unread(peer)


def test_resets_by_the_application_that_nobody_reads_end_the_connection():
    peer = facing_server()
    for stream in range(1, 40_001, 2):
        peer.sends(headers(stream, GET))
        if peer.connection.closed:
            break
        peer.connection.reset_stream(stream)
    assert peer.connection.requests_received <= MARK // 13 + 1
    unread(peer)


def test_credit_that_nobody_reads_ends_the_connection():
    peer = facing_server(limits=Limits(max_unsent_octets=130), initial_window_size=2**31 - 1)
    peer.sends(headers(1, POST, end_stream=False))
    for _ in range(20_000):
        peer.sends(data(1, bytes(16_000)))
        if peer.connection.closed:
            break
        peer.connection.acknowledge_received_data(16_000, 1)
    unread(peer)


def test_what_is_read_is_not_held_against_the_peer():
    limits = Limits(max_unsent_octets=130, refused_burst=10**9)
    peer = facing_server(Config(clock=Clock(), limits=limits), max_concurrent_streams=1)
    peer.sends(headers(1, GET)).clear()
    for stream in range(3, 4001, 2):
        peer.sends(headers(stream, GET)).clear()
    peer.lives()


def test_interim_responses_are_left_out_where_nobody_reads():
    peer = facing_server()
    peer.sends(headers(1, GET))
    for _ in range(10_000):
        peer.connection.send_headers(1, [(":status", "103"), ("link", "</style.css>")])
    peer.connection.send_response(1, 200, [])
    frames = peer.reads()
    assert sum(len(bytes(x)) for x in frames) < 2 * MARK
    assert frames[-1] == headers(1, OK)


def test_promises_that_the_client_never_fetches_come_to_an_end():
    # The client takes promises but lets no pushed stream begin.
    peer = facing_server(Config(clock=Clock()), (f.MAX_CONCURRENT_STREAMS, 0))
    promised = 0
    for stream in range(1, 401, 2):
        peer.sends(headers(stream, GET))
        if peer.connection.push_enabled:
            pushed = peer.connection.push_stream(stream, GET)
            peer.connection.send_response(pushed, 200, [], bytes(1000))
            promised += 1
        else:
            with pytest.raises(PushDisabledError):
                peer.connection.push_stream(stream, GET)
        peer.connection.send_response(stream, 200, [], b"main")
        peer.clear()
    assert promised == 100
    assert peer.connection.open_streams == 100


def test_requests_that_wait_are_not_overtaken():
    # RFC 9113 §5.1.1: a server takes lower ids that come later for closed ones.
    client = facing_client(limits=Limits(max_unsent_octets=100))
    for _ in range(20):
        client.connection.send_request([*GET, ("x-pad", "p" * 200)])
    written = client.connection.data_to_send()
    client.connection.send_request(GET)
    frames = client.reader.feed(written) + client.reads()
    assert [x.stream_id for x in frames if x.type == f.HEADERS] == list(range(1, 43, 2))


def test_requests_that_wait_count_against_the_servers_limit():
    client = facing_client(
        Config(clock=Clock(), limits=Limits(max_unsent_octets=100)), (f.MAX_CONCURRENT_STREAMS, 10)
    )
    for _ in range(10):
        client.connection.send_request([*GET, ("x-pad", "p" * 200)])
    assert not client.connection.can_open_stream
    client.pull()
    assert not client.connection.can_open_stream


def test_a_request_that_waits_is_taken_back_without_a_word():
    # RFC 9113 §6.4: no RST_STREAM on an idle stream.
    client = facing_client(limits=Limits(max_unsent_octets=100))
    streams = [client.connection.send_request([*GET, ("x-pad", "p" * 200)]) for _ in range(3)]
    client.connection.reset_stream(streams[-1])
    assert [(x.type, x.stream_id) for x in client.reads()] == [(f.HEADERS, 1), (f.HEADERS, 3)]
    client.connection.reset_stream(1)
    client.wire(rst_stream(1))


def test_requests_that_wait_never_leave_once_the_server_says_goaway():
    client = facing_client(limits=Limits(max_unsent_octets=100))
    for _ in range(3):
        client.connection.send_request([*GET, ("x-pad", "p" * 200)])
    client.sends(f.goaway(2**31 - 1))
    kept = [(e.stream_id, e.error_code, e.slug) for e in client.hears()[1:]]
    assert kept == [(3, f.REFUSED_STREAM, "peer.goaway"), (5, f.REFUSED_STREAM, "peer.goaway")]
    assert [x.stream_id for x in client.reads()] == [1]
