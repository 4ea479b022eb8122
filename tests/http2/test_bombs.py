"""Field sections made to grow (CVE-2016-6581, CVE-2026-49975), and their limits.

Wherever a limit is exceeded the request never reaches the application. The connection may end
or live on; where it lives, both HPACK tables are still in step.
"""

from __future__ import annotations

import time
import tracemalloc

import hpack
import pytest

from plait.http2 import Limits, RequestReceived

from . import frames as f
from .frames import GET, OK, Fields, headers, raw_headers
from .script import Peer, facing_client, facing_server


def refused(peer: Peer) -> None:
    """No request was told; if the connection lives, so does its table."""
    events = peer.hears()
    assert len(events) == 1
    assert events[0].error_code in (f.ENHANCE_YOUR_CALM, f.PROTOCOL_ERROR, f.REFUSED_STREAM)
    assert "." in events[0].slug
    assert not isinstance(events[0], RequestReceived)
    assert not peer.connection.stream_is_open(1)
    peer.clear()
    if not peer.connection.closed:
        peer.sends(headers(9, GET)).expect(RequestReceived(9, GET, True))


def with_entry(size: int) -> Peer:
    """One large entry is in the table, at index 62."""
    peer = facing_server()
    entry = f.indexing_block([(b"x-bomb", b"b" * size)])
    return peer.sends(raw_headers(1, f.block(GET) + entry)).clear()


def test_sixteen_thousand_references_to_a_large_entry_are_refused():
    peer = with_entry(4000)
    peer.sends(raw_headers(3, f.block(GET) + b"\xbe" * 16_000))
    events = peer.hears()
    assert not any(isinstance(event, RequestReceived) for event in events)
    assert events[-1].error_code


def test_a_bomb_is_refused_while_it_is_decoded():
    # 16,000 × 4 KB would be 64 MB, had it been built.
    peer = with_entry(4000)
    bomb = bytes(raw_headers(3, f.block(GET) + b"\xbe" * 16_000))
    tracemalloc.start()
    begun = time.process_time()
    peer.sends(bomb)
    took = time.process_time() - begun
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1_000_000
    assert took < 1.0


def test_the_table_survives_a_bomb_that_ends_one_stream():
    peer = with_entry(100)
    tail = f.indexing_block([(b"x-tail", b"kept")])
    peer.sends(raw_headers(3, f.block(GET) + b"\xbe" * 16_000 + tail)).clear()
    if not peer.connection.closed:
        # The entry added behind the limit is there.
        peer.sends(raw_headers(5, f.block(GET) + b"\xbe"))
        assert peer.hears()[-1].headers[-1] == (b"x-tail", b"kept")


def test_too_many_fields_are_refused():
    fields = [*GET, *((b"x", b"") for _ in range(16_000))]
    block = f.block(fields)
    peer = facing_server(max_header_list_size=10_000_000, max_frame_size=1_000_000)
    peer.sends(raw_headers(1, block))
    refused(peer)


def test_the_number_of_fields_is_counted_exactly():
    peer = facing_server(limits=Limits(max_fields=10))
    peer.sends(headers(1, [*GET, *((b"x", b"v") for _ in range(6))]))
    assert isinstance(peer.hears()[0], RequestReceived)
    peer = facing_server(limits=Limits(max_fields=10))
    peer.sends(headers(1, [*GET, *((b"x", b"v") for _ in range(7))]))
    refused(peer)


def test_cookie_crumbs_are_counted_apart():
    # Browsers send each cookie as a field of its own (RFC 9113 §8.2.3).
    fields = [*GET, *((b"cookie", b"c%d=v" % n) for n in range(150))]
    facing_server().sends(headers(1, fields)).expect(RequestReceived(1, fields, True))


def test_cookie_crumbs_are_bounded_too():
    fields = [*GET, *((b"cookie", b"") for _ in range(16_000))]
    peer = facing_server(max_frame_size=1_000_000)
    peer.sends(raw_headers(1, f.block(fields)))
    refused(peer)


def size_of(fields: Fields) -> int:
    """RFC 9113 §6.5.2: name + value + 32 for each field."""
    return sum(len(name) + len(value) + 32 for name, value in fields)


@pytest.mark.parametrize(("more", "taken"), [(0, True), (1, False)])
def test_the_size_of_a_section_is_counted_exactly(more, taken):
    limit = 2000
    room = limit - size_of([*GET, (b"x", b"")])
    fields = [*GET, (b"x", b"v" * (room + more))]
    assert size_of(fields) == limit + more
    peer = facing_server(max_header_list_size=limit).sends(headers(1, fields))
    if taken:
        peer.expect(RequestReceived(1, fields, True))
    else:
        refused(peer)


def test_trailers_have_the_same_limits():
    peer = facing_server().sends(headers(1, GET, end_stream=False)).clear()
    trailers = [(b"x", b"") for _ in range(1000)]
    peer.sends(headers(1, trailers))
    events = peer.hears()
    assert [event.error_code != 0 for event in events] == [True]


def test_a_client_has_the_same_limits():
    peer = facing_client()
    peer.connection.send_request(GET)
    peer.clear().sends(headers(1, [*OK, *((b"x", b"") for _ in range(1000))]))
    events = peer.hears()
    assert [event.error_code != 0 for event in events] == [True]


def test_a_promise_has_the_same_limits():
    peer = facing_client()
    peer.connection.send_request(GET)
    peer.clear().sends(f.push_promise(1, 2, [*GET, *((b"x", b"") for _ in range(1000))]))
    events = peer.hears()
    assert [event.error_code != 0 for event in events] == [True]


def test_a_bomb_compressed_by_a_real_encoder_is_refused():
    peer = facing_server()
    encoder = hpack.Encoder()
    peer.sends(raw_headers(1, encoder.encode(GET))).clear()
    big = [(b"x-%d" % (n % 3), b"v" * 1000) for n in range(100)]
    peer.sends(raw_headers(3, encoder.encode([*GET, *big])))
    events = peer.hears()
    assert not any(isinstance(event, RequestReceived) for event in events)
    if not peer.connection.closed:
        # In step with the encoder, whatever was indexed on the way.
        peer.clear().sends(raw_headers(5, encoder.encode([*GET, *big[:3]])))
        peer.expect(RequestReceived(5, [*GET, *big[:3]], True))


def test_a_value_of_many_huffman_octets_costs_linear_time():
    # A decoder with an unbounded accumulator takes a second for 100 kB.
    encoder = hpack.Encoder()
    block = encoder.encode([*GET, (b"x", b"a" * 60_000)])
    peer = facing_server(max_header_list_size=1_000_000, max_frame_size=1_000_000)
    begun = time.process_time()
    peer.sends(raw_headers(1, block))
    assert time.process_time() - begun < 0.5
    assert isinstance(peer.hears()[0], RequestReceived)
