"""What a hostile peer may not do, and what an honest one may (`plait.http2.limits`).

Clocks stand still here, so that no budget is refilled while a test runs.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from plait.http2 import Config, Limits, RequestReceived, ResponseReceived

from . import frames as f
from .frames import GET, OK, POST, data, headers, octets, ping, rst_stream, settings, window_update
from .script import Clock, Goaway, Peer, facing_client, facing_server

CALM = f.ENHANCE_YOUR_CALM


def flood(peer: Peer, parts: Iterator[bytes], *, read: bool = True, batch: int = 500) -> int:
    """Send until the connection ends; how many parts were sent."""
    sent = 0
    pending: list[bytes] = []
    for part in parts:
        pending.append(part)
        if len(pending) == batch:
            peer.sends(*pending)
            sent += len(pending)
            pending.clear()
            if read:
                peer.pull()
            if peer.connection.closed:
                break
    return sent


def ended_calmly(peer: Peer) -> None:
    assert peer.connection.closed
    event = peer.hears()[-1]
    assert event.error_code == CALM
    assert event.remote is False
    assert "flood" in event.slug or "." in event.slug
    assert peer.reads()[-1] == Goaway(CALM)


def requests(peer: Peer) -> int:
    return sum(isinstance(event, RequestReceived) for event in peer.events)


def test_rapid_reset_is_stopped():
    # CVE-2023-44487.
    peer = facing_server()
    parts = (octets([headers(s, GET), rst_stream(s)]) for s in range(1, 40_001, 2))
    flood(peer, parts)
    assert requests(peer) <= 1600
    ended_calmly(peer)


def test_rapid_reset_in_one_read_starts_few_requests():
    peer = facing_server()
    peer.sends(*(octets([headers(s, GET), rst_stream(s)]) for s in range(1, 40_001, 2)))
    assert requests(peer) <= 1100
    ended_calmly(peer)


@pytest.mark.parametrize(
    "provoke",
    [
        lambda s: window_update(s, 0),
        lambda s: window_update(s, 2**31 - 1),
        lambda s: data(s, b"beyond the end"),
        lambda s: headers(s, [(b"x", b"v")], end_stream=False),
        lambda s: f.Frame(f.PRIORITY, 0, s, b"1234"),
        lambda s: f.priority(s, s),
    ],
    ids=["zero credit", "overflow", "data", "headers", "short priority", "self-dependency"],
)
def test_resets_provoked_from_us_are_stopped(provoke):
    # CVE-2025-8671, "MadeYouReset".
    peer = facing_server()
    parts = (octets([headers(s, GET), provoke(s)]) for s in range(1, 40_001, 2))
    flood(peer, parts)
    assert requests(peer) <= 1600
    ended_calmly(peer)


def test_malformed_requests_are_stopped():
    peer = facing_server()
    bad = f.block([*GET, (b"Bad", b"v")])
    flood(peer, (bytes(f.raw_headers(s, bad)) for s in range(1, 40_001, 2)))
    ended_calmly(peer)


def test_bodies_of_the_wrong_length_are_stopped():
    peer = facing_server()
    fields = [*POST, (b"content-length", b"5")]
    parts = (
        octets([headers(s, fields, end_stream=False), data(s, b"123456")])
        for s in range(1, 40_001, 2)
    )
    flood(peer, parts)
    assert requests(peer) <= 1600
    ended_calmly(peer)


def test_requests_refused_without_end_are_stopped():
    peer = facing_server(max_concurrent_streams=1)
    peer.sends(headers(1, GET)).clear()
    flood(peer, (bytes(headers(s, GET)) for s in range(3, 40_001, 2)))
    assert requests(peer) == 0
    ended_calmly(peer)


def endless(part: bytes) -> Iterator[bytes]:
    return (part for _ in range(100_000))


FLOODS = {
    "PING": bytes(ping()),
    "PING acknowledgements": bytes(f.ping_ack()),
    "empty SETTINGS": bytes(settings()),
    "SETTINGS that change something": octets(
        [settings((f.INITIAL_WINDOW_SIZE, 1)), settings((f.INITIAL_WINDOW_SIZE, 2))]
    ),
    "PRIORITY on an idle stream": bytes(f.priority(99)),
    "PRIORITY on an open stream": bytes(f.priority(1, 3)),
    "PRIORITY_UPDATE on an open stream": bytes(f.priority_update(1, b"u=1")),
    "PRIORITY_UPDATE on an idle stream": bytes(f.priority_update(99, b"u=1")),
    "WINDOW_UPDATE for the connection": bytes(window_update(0, 1)),
    "WINDOW_UPDATE for a stream": bytes(window_update(1, 1)),
    "unknown frames": bytes(f.Frame(0x77, 0, 0, b"")),
    "ALTSVC": bytes(f.altsvc(0, b"https://a", b"clear")),
    "ORIGIN": bytes(f.origin(b"https://a")),
    "empty DATA": bytes(data(1)),
    "DATA that is all padding": bytes(data(1, b"", pad=0)),
    "GOAWAY": bytes(f.goaway()),
}


@pytest.mark.parametrize("part", FLOODS.values(), ids=FLOODS)
def test_a_flood_is_stopped_even_when_its_answers_are_read(part):
    peer = facing_server(initial_window_size=10_000_000, connection_window_size=10_000_000)
    peer.sends(headers(1, POST, end_stream=False)).clear()
    assert flood(peer, endless(part)) <= 20_000
    ended_calmly(peer)


@pytest.mark.parametrize("name", ["PING", "empty SETTINGS"])
def test_acknowledgements_that_nobody_reads_are_bounded(name):
    # CVE-2019-9512, CVE-2019-9515.
    peer = facing_server()
    sent = flood(peer, endless(FLOODS[name]), read=False, batch=100)
    assert sent <= 2000
    frames = peer.reads()
    assert len(frames) <= 2000
    assert frames[-1] == Goaway(CALM)


def test_window_updates_on_closed_streams_are_stopped():
    peer = facing_server()
    peer.sends(headers(1, GET))
    peer.connection.send_response(1, 200, [])
    peer.clear()
    assert flood(peer, endless(bytes(window_update(1, 1)))) <= 20_000
    ended_calmly(peer)


def test_resets_of_closed_streams_are_stopped():
    peer = facing_server()
    peer.sends(headers(1, GET))
    peer.connection.send_response(1, 200, [])
    peer.clear()
    assert flood(peer, endless(bytes(rst_stream(1)))) <= 20_000
    ended_calmly(peer)


def test_priorities_of_many_idle_streams_take_no_memory():
    # CVE-2019-9513: each frame names another stream.
    peer = facing_server()
    parts = (bytes(f.priority(s, s - 2)) for s in range(3, 200_001, 2))
    assert flood(peer, parts) <= 20_000
    ended_calmly(peer)


def test_priority_updates_of_many_idle_streams_are_stopped():
    peer = facing_server()
    parts = (bytes(f.priority_update(s, b"u=1")) for s in range(3, 200_001, 2))
    assert flood(peer, parts) <= 20_000
    assert peer.connection.closed


def test_skipped_stream_ids_earn_nothing():
    peer = facing_server(limits=Limits(ping_burst=10))
    parts = (octets([headers(1 + 1000 * n, GET), *[ping()] * 20]) for n in range(100))
    flood(peer, parts, batch=1)
    ended_calmly(peer)


# ------------------------------------------------------------------------------------------------
# CONTINUATION and SETTINGS.


def test_empty_continuations_are_stopped():
    # CVE-2024-27316.
    peer = facing_server()
    peer.sends(f.raw_headers(1, b"", end_headers=False))
    assert flood(peer, endless(bytes(f.continuation(1, b"", end_headers=False))), batch=1) <= 100
    ended_calmly(peer)


def test_a_field_block_without_end_is_stopped():
    peer = facing_server()
    peer.sends(f.raw_headers(1, f.block(GET), end_headers=False))
    part = f.block([(b"x", b"v" * 16_000)])
    sent = flood(peer, endless(bytes(f.continuation(1, part, end_headers=False))), batch=1)
    assert sent <= 20
    ended_calmly(peer)


def test_continuations_of_many_honest_blocks_are_no_flood():
    peer = facing_server()
    block = f.block(GET)
    for stream in range(1, 2001, 2):
        peer.sends(f.raw_headers(stream, block[:9], end_headers=False))
        peer.sends(f.continuation(stream, block[9:18], end_headers=False))
        peer.sends(f.continuation(stream, block[18:]))
        peer.connection.send_response(stream, 200, [])
        peer.pull()
    assert requests(peer) == 1000
    peer.lives()


def test_settings_of_2400_entries_are_stopped():
    # CVE-2020-11080.
    peer = facing_server().sends(settings(*[(f.INITIAL_WINDOW_SIZE, 1)] * 2400))
    ended_calmly(peer)


def test_settings_of_32_entries_are_no_attack():
    facing_server().sends(settings(*[(f.INITIAL_WINDOW_SIZE, n) for n in range(32)])).lives()


def test_every_limit_can_be_set():
    limits = Limits(max_settings_entries=2, max_continuation_frames=1, ping_burst=3, reset_burst=2)
    peer = facing_server(limits=limits).sends(settings((4, 1), (4, 2), (4, 3)))
    ended_calmly(peer)
    peer = facing_server(limits=limits)
    peer.sends(f.raw_headers(1, b"", end_headers=False))
    peer.sends(*[f.continuation(1, b"", end_headers=False)] * 2)
    ended_calmly(peer)
    peer = facing_server(limits=limits).sends(*[ping()] * 4)
    ended_calmly(peer)
    peer = facing_server(limits=limits)
    peer.sends(*(octets([headers(s, GET), rst_stream(s)]) for s in (1, 3, 5)))
    ended_calmly(peer)


# ------------------------------------------------------------------------------------------------
# Streams beyond the limit.


def test_streams_beyond_the_limit_are_refused_alone():
    peer = facing_server(max_concurrent_streams=100)
    peer.sends(*(headers(s, GET) for s in range(1, 401, 2)))
    taken = [e.stream_id for e in peer.hears() if isinstance(e, RequestReceived)]
    assert taken == list(range(1, 201, 2))
    refused = [x for x in peer.reads() if x.type == f.RST_STREAM]
    assert refused == [rst_stream(s, f.REFUSED_STREAM) for s in range(201, 401, 2)]
    for stream in taken:
        peer.connection.send_response(stream, 200, [], b"ok")
    assert sum(x.end_stream for x in peer.reads()) == 100
    peer.sends(headers(401, GET))
    assert requests(peer) == 1
    peer.lives()


def test_the_table_stays_in_step_behind_a_refused_stream():
    peer = facing_server(max_concurrent_streams=1)
    peer.sends(headers(1, GET)).clear()
    peer.sends(f.raw_headers(3, f.block(GET) + f.indexing_block([(b"x-kept", b"1")]))).clear()
    peer.connection.send_response(1, 200, [])
    peer.clear().sends(f.raw_headers(5, f.block(GET) + b"\xbe"))
    assert peer.hears()[-1].headers[-1] == (b"x-kept", b"1")


def test_late_frames_of_a_refused_stream_are_ignored():
    peer = facing_server(max_concurrent_streams=1)
    peer.sends(headers(1, GET)).clear()
    peer.sends(headers(3, POST, end_stream=False)).clear()
    peer.sends(data(3, b"x"), window_update(3, 5), headers(3, [(b"x", b"v")]), rst_stream(3))
    peer.expect().lives()


def test_closed_streams_make_room():
    peer = facing_server(max_concurrent_streams=2)
    for stream in range(1, 201, 2):
        peer.sends(headers(stream, GET))
        peer.connection.send_response(stream, 200, [])
    assert requests(peer) == 100


def test_a_limit_of_none_is_no_limit():
    peer = facing_server(max_concurrent_streams=None)
    peer.sends(*(headers(s, GET) for s in range(1, 2001, 2)))
    assert requests(peer) == 1000


# ------------------------------------------------------------------------------------------------
# What honest peers do.


def test_a_client_that_resets_after_each_response_is_no_attacker():
    peer = facing_server()
    for stream in range(1, 10_001, 2):
        peer.sends(headers(stream, GET))
        peer.connection.send_response(stream, 200, [], b"done")
        peer.pull()
        peer.sends(rst_stream(stream, f.NO_ERROR))
    assert requests(peer) == 5000
    peer.lives()


def test_window_updates_for_every_large_frame_are_paid_for():
    peer = facing_server()
    body = bytes(1_000_000)
    sent = 0
    for stream in range(1, 401, 2):
        peer.sends(headers(stream, GET))
        peer.connection.send_response(stream, 200, [], body)
        while True:
            sizes = [len(x.payload) for x in peer.reads() if x.type == f.DATA]
            if not sizes:
                break
            for size in filter(None, sizes):
                peer.sends(window_update(0, size), window_update(stream, size))
                sent += 2
            peer.events.clear()
    assert sent > 20_000
    peer.lives()


def test_window_updates_for_every_small_frame_are_paid_for():
    # Events or messages streamed one by one, to a client that gives credit for each.
    peer = facing_server()
    peer.sends(headers(1, GET))
    peer.connection.send_headers(1, OK)
    for _ in range(8000):
        peer.connection.send_data(1, b"data: 1\n\n")
        peer.pull()
        peer.sends(window_update(0, 9), window_update(1, 9))
        peer.events.clear()
    peer.lives()


def test_a_ping_now_and_then_is_no_flood():
    clock = Clock()
    peer = facing_server(Config(clock=clock))
    for _ in range(15_000):
        clock.now += 0.01
        peer.sends(ping())
        peer.pull()
    peer.events.clear()
    peer.lives()


def test_a_budget_is_refilled_by_time():
    clock = Clock()
    peer = facing_server(Config(clock=clock, limits=Limits(reset_burst=10, reset_rate=1.0)))
    stream = 1
    for _ in range(50):
        clock.now += 1.0
        peer.sends(headers(stream, GET), rst_stream(stream))
        stream += 2
    peer.lives()
    peer.sends(*(octets([headers(s, GET), rst_stream(s)]) for s in range(stream, stream + 40, 2)))
    ended_calmly(peer)


def test_a_client_does_not_count_the_resets_of_its_server():
    # A server may reset every request; it is the client that chose to make them.
    peer = facing_client()
    for _ in range(3000):
        stream = peer.connection.send_request(GET)
        peer.pull()
        peer.sends(rst_stream(stream, f.REFUSED_STREAM))
    peer.lives()


def test_a_long_honest_connection_spends_nothing():
    peer = facing_client()
    for _ in range(3000):
        stream = peer.connection.send_request(GET)
        peer.sends(headers(stream, OK, end_stream=False), data(stream, b"x", end_stream=True))
        peer.connection.acknowledge_received_data(1, stream)
        peer.pull()
        peer.frames.clear()
    assert sum(isinstance(event, ResponseReceived) for event in peer.events) == 3000
    peer.lives()


def test_interim_responses_without_end_are_stopped():
    peer = facing_client(Config(clock=Clock(), limits=Limits(control_burst=100, control_rate=0)))
    stream = peer.connection.send_request(GET)
    peer.pull()
    early = headers(stream, [(":status", "103")], end_stream=False)
    for _ in range(200):
        peer.sends(early)
    ended_calmly(peer)
