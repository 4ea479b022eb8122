"""What a peer makes the application keep: fields and frames of streams that go on living."""

from __future__ import annotations

from plait.http2 import DataReceived, Limits, RequestReceived, StreamReset

from . import frames as f
from .frames import GET, POST, data, headers, rst_stream
from .script import Peer, facing_server

CALM = f.ENHANCE_YOUR_CALM


def large(number: int, size: int = 10_000) -> f.Fields:
    """A request of about so many octets, unlike all others."""
    return [*POST, (b"x-large", b"%08d" % number + b"v" * size)]


def taken(peer: Peer) -> list[int]:
    return [e.stream_id for e in peer.events if isinstance(e, RequestReceived)]


def test_a_hundred_of_the_largest_sections_are_not_kept_at_once():
    peer = facing_server()
    peer.sends(
        *(
            frame
            for stream in range(1, 201, 2)
            for fields in [large(stream, 60_000)]
            for block in [f.block(fields)]
            for frame in [
                f.raw_headers(stream, block[:16_000], end_stream=False, end_headers=False),
                *(f.continuation(stream, block[at : at + 16_000], end_headers=at == 48_000)
                  for at in range(16_000, 60_001, 16_000)),
            ]
        )
    )  # fmt: skip
    kept = taken(peer)
    assert 65 < len(kept) < 70
    refused = [e for e in peer.events if isinstance(e, StreamReset)]
    assert {(e.error_code, e.slug) for e in refused} == {(f.REFUSED_STREAM, "headers.held")}
    assert len(kept) + len(refused) == 100
    peer.lives()


def test_streams_that_end_make_room():
    peer = facing_server(limits=Limits(max_held_field_octets=25_000))
    for stream in range(1, 201, 2):
        peer.sends(headers(stream, large(stream)))
        peer.connection.send_response(stream, 200, [])
        peer.pull()
    assert len(taken(peer)) == 100
    for stream in range(201, 401, 2):
        peer.sends(headers(stream, large(stream), end_stream=False), rst_stream(stream))
    assert len(taken(peer)) == 200
    peer.lives()


def test_a_single_section_is_always_taken():
    peer = facing_server(limits=Limits(max_held_field_octets=100))
    peer.sends(headers(1, large(1)), headers(3, large(3)))
    assert taken(peer) == [1]


def test_a_request_that_repeats_another_costs_nothing():
    # Its fields are the same objects.
    peer = facing_server(limits=Limits(max_held_field_octets=15_000))
    peer.sends(*(headers(stream, large(0)) for stream in range(1, 201, 2)))
    assert len(taken(peer)) == 100


def test_trailers_count_too():
    peer = facing_server(limits=Limits(max_held_field_octets=15_000))
    peer.sends(headers(1, large(1), end_stream=False), headers(3, POST, end_stream=False)).clear()
    peer.sends(headers(3, [(b"x-sum", b"v" * 10_000)]))
    peer.expect(StreamReset(3, CALM, False, "headers.held")).lives()


def test_a_body_octet_by_octet_for_an_application_that_sleeps_is_reset():
    peer = facing_server()
    peer.sends(headers(1, POST, end_stream=False), headers(3, POST, end_stream=False)).clear()
    peer.sends(bytes(data(1, b"x")) * 40_000)
    told = peer.hears()
    assert sum(isinstance(event, DataReceived) for event in told) == 32_768
    assert StreamReset(1, CALM, False, "data.tiny_flood") in told
    peer.sends(bytes(data(3, b"x")) * 30_000)
    assert sum(isinstance(event, DataReceived) for event in peer.hears()) == 30_000
    peer.lives()


def test_small_messages_fill_the_window_before_they_are_too_many():
    # Thirty-two octets a frame, and an application that sleeps.
    peer = facing_server(initial_window_size=1_048_576)
    peer.sends(headers(1, POST, end_stream=False)).clear()
    peer.sends(bytes(data(1, bytes(32))) * 32_768)
    assert len(peer.hears()) == 32_768
    assert peer.connection.remote_flow_control_window(1) == 0
    peer.lives()


def test_frames_that_are_consumed_do_not_count():
    limits = Limits(max_held_frames=100)
    for lump in (1, 7, 64):
        peer = facing_server(limits=limits)
        peer.sends(headers(1, POST, end_stream=False)).clear()
        held = 0
        for _ in range(5000):
            peer.sends(data(1, b"xyz"))
            held += 3
            # The application is always one lump behind.
            if held >= 2 * 3 * lump - 3:
                peer.connection.acknowledge_received_data(min(held, 3 * lump), 1)
                held -= min(held, 3 * lump)
        peer.lives()


def test_nothing_is_held_where_no_stream_is_left():
    peer = facing_server(limits=Limits(max_held_frames=100))
    for stream in range(1, 401, 2):
        peer.sends(headers(stream, POST, end_stream=False), *[data(stream, b"x")] * 60)
        if stream % 3:
            peer.sends(rst_stream(stream))
        else:
            peer.connection.send_response(stream, 200, [])
        peer.pull()
    assert not any(e.slug == "data.tiny_flood" for e in peer.events if isinstance(e, StreamReset))
    peer.sends(headers(401, GET))
    assert taken(peer)[-1] == 401
