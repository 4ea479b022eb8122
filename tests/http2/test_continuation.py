"""Field blocks in several frames (RFC 9113 §4.3, §6.10)."""

from __future__ import annotations

from itertools import pairwise

import pytest

from plait.http2 import RequestReceived, TrailersReceived

from . import frames as f
from .frames import block, continuation, data, headers, raw_headers
from .script import facing_client, facing_server

BLOCK = block(f.GET)


@pytest.mark.parametrize("cuts", [(0,), (1,), (len(BLOCK),), (3, 9), (5, 5, 5, 5), (0, 1, 2, 3, 4)])
def test_a_block_may_be_cut_anywhere(cuts):
    edges = [0, *cuts, len(BLOCK)]
    pieces = [BLOCK[a:b] for a, b in pairwise(edges)]
    peer = facing_server()
    peer.sends(raw_headers(1, pieces[0], end_headers=False))
    for piece in pieces[1:-1]:
        peer.sends(continuation(1, piece, end_headers=False)).expect()
    peer.sends(continuation(1, pieces[-1])).expect(RequestReceived(1, f.GET, True))


def test_end_stream_is_that_of_the_headers_frame():
    peer = facing_server()
    peer.sends(
        raw_headers(1, BLOCK[:4], end_stream=False, end_headers=False), continuation(1, BLOCK[4:])
    )
    peer.expect(RequestReceived(1, f.GET, False))
    # The bit means nothing on CONTINUATION (RFC 9113 §6.10).
    peer.sends(
        raw_headers(3, BLOCK[:4], end_stream=False, end_headers=False),
        f.Frame(f.CONTINUATION, 0x1 | 0x4, 3, BLOCK[4:]),
    )
    peer.expect(RequestReceived(3, f.GET, False))


def test_padding_belongs_to_the_headers_frame_alone():
    peer = facing_server()
    first = f.Frame(f.HEADERS, f.PADDED | f.END_STREAM, 1, b"\x03" + BLOCK[:4] + bytes(3))
    peer.sends(first, continuation(1, BLOCK[4:]))
    peer.expect(RequestReceived(1, f.GET, True))


def test_a_block_fills_frames_of_the_largest_size():
    fields = [*f.GET, (b"x-long", b"v" * 40_000)]
    whole = block(fields)
    peer = facing_server()
    peer.sends(raw_headers(1, whole[:16_384], end_headers=False))
    peer.sends(continuation(1, whole[16_384:32_768], end_headers=False))
    peer.sends(continuation(1, whole[32_768:]))
    peer.expect(RequestReceived(1, fields, True))


def test_trailers_may_be_cut_too():
    trailers = [(b"x-check", b"sum")]
    peer = facing_server()
    peer.sends(headers(1, f.POST, end_stream=False), data(1, b"x")).hears()
    peer.sends(raw_headers(1, block(trailers)[:3], end_headers=False))
    peer.sends(continuation(1, block(trailers)[3:])).expect(TrailersReceived(1, trailers))


@pytest.mark.parametrize(
    "between",
    [
        headers(1, f.GET),
        headers(3, f.GET),
        data(1, b"x"),
        f.ping(),
        f.settings(),
        f.settings_ack(),
        f.window_update(0, 1),
        f.priority(1),
        f.rst_stream(1),
        f.goaway(),
        f.priority_update(1, b"u=1"),
        f.Frame(0x77, 0, 0, b"unknown"),
        f.Frame(f.ALTSVC, 0, 0, b"\0\0"),
        continuation(3, b""),
        continuation(0, b""),
    ],
    ids=repr,
)
def test_nothing_may_stand_inside_a_block(between):
    # RFC 9113 §4.3: "Field blocks MUST be transmitted as a contiguous sequence of frames".
    peer = facing_server()
    peer.sends(raw_headers(1, BLOCK[:5], end_headers=False), between).dies(f.PROTOCOL_ERROR)


def test_continuation_after_the_end_of_a_block_is_refused():
    peer = facing_server()
    peer.sends(headers(1, f.POST, end_stream=False)).hears()
    peer.sends(continuation(1, b"")).dies(f.PROTOCOL_ERROR)


def test_continuation_after_data_is_refused():
    peer = facing_server()
    peer.sends(headers(1, f.POST, end_stream=False), data(1, b"x")).hears()
    peer.sends(continuation(1, b"")).dies(f.PROTOCOL_ERROR)


def test_a_promise_may_be_cut_anywhere():
    peer = facing_client()
    peer.connection.send_request(f.GET)
    peer.clear()
    promise = f.push_promise(1, 2, f.GET)
    for cut in (4, 5, 20, len(promise.payload)):
        peer = facing_client()
        peer.connection.send_request(f.GET)
        peer.clear()
        peer.sends(
            f.Frame(f.PUSH_PROMISE, 0, 1, promise.payload[:cut]),
            continuation(1, promise.payload[cut:]),
        )
        (event,) = peer.hears()
        assert (event.pushed_stream_id, event.parent_stream_id) == (2, 1)
        assert event.headers == f.GET


def test_continuation_of_a_promise_names_the_parent_stream():
    promise = f.push_promise(1, 2, f.GET)
    peer = facing_client()
    peer.connection.send_request(f.GET)
    peer.clear()
    peer.sends(
        f.Frame(f.PUSH_PROMISE, 0, 1, promise.payload[:10]), continuation(2, promise.payload[10:])
    )
    peer.dies(f.PROTOCOL_ERROR)


def test_a_large_section_of_ours_is_cut_to_the_peers_frame_size():
    fields = [(b"x-%d" % n, b"\xff" * 2000) for n in range(20)]
    peer = facing_server()
    peer.sends(headers(1, f.GET)).clear()
    peer.connection.send_response(1, 200, fields, b"body")
    peer.wire(headers(1, [*f.OK, *fields], end_stream=False), data(1, b"body", end_stream=True))
    kinds = [(x.type, x.flags) for x in peer.reader.raw if x.stream_id == 1]
    assert kinds[0] == (f.HEADERS, 0)
    assert kinds[1][0] == f.CONTINUATION
    assert [flags for kind, flags in kinds if kind == f.CONTINUATION][-1] == f.END_HEADERS
    assert max(len(x.payload) for x in peer.reader.raw) <= 16_384


def test_a_large_section_without_body_ends_the_stream_on_headers():
    fields = [(b"x-%d" % n, b"\xff" * 3000) for n in range(10)]
    peer = facing_server()
    peer.sends(headers(1, f.GET)).clear()
    peer.connection.send_response(1, 200, fields)
    peer.wire(headers(1, [*f.OK, *fields], end_stream=True))
    first = next(x for x in peer.reader.raw if x.stream_id == 1)
    assert first.flags == f.END_STREAM


def test_a_short_limit_never_cuts_into_a_block():
    fields = [(b"x-%d" % n, b"\xff" * 2000) for n in range(20)]
    peer = facing_server()
    peer.sends(headers(1, f.GET), headers(3, f.GET)).clear()
    for stream in (1, 3):
        peer.connection.send_response(stream, 200, fields, b"body")
    peer.sends(f.ping())
    # The reader objects when another frame stands inside a block.
    while peer.pull(limit=1):
        pass
    sent = [x for x in peer.reads() if x.type == f.HEADERS]
    assert sent == [headers(s, [*f.OK, *fields], end_stream=False) for s in (1, 3)]
