"""Hostile servers: what a client's engine must survive, with the limits as they are by default.

Clocks stand still. The client has one request open, on stream 1, and has reset another, stream 3.
"""

from __future__ import annotations

import itertools

import pytest

from plait.http2 import PushedStreamReceived, StreamReset

from . import frames as f
from .attack import Attack, frame_by_frame, in_one_read, octet_by_octet, part_by_part
from .frames import (
    GET,
    OK,
    POST,
    continuation,
    data,
    headers,
    octets,
    ping,
    push_promise,
    rst_stream,
)
from .script import Peer, facing_client

CALM = f.ENHANCE_YOUR_CALM
HINTS = [(b":status", b"103")]


def asked() -> Peer:
    """A client with a request open on stream 1, and one that it has reset."""
    peer = facing_client()
    peer.connection.send_request(GET)
    peer.connection.send_request(GET)
    peer.connection.reset_stream(3)
    return peer.clear()


def even(count: int) -> range:
    return range(2, 2 + 2 * count, 2)


FLOODS = {
    "PING": (ping(), {"ping.flood", "ping.unread"}),
    "SETTINGS": (f.settings(), {"settings.flood", "settings.unread"}),
    "SETTINGS that move windows": (
        f.settings((f.INITIAL_WINDOW_SIZE, 5)),
        {"settings.flood", "settings.unread"},
    ),
    "interim responses": (headers(1, HINTS, end_stream=False), {"control.flood"}),
    "interim responses of a reset stream": (
        headers(3, HINTS, end_stream=False),
        {"control.flood"},
    ),
    "WINDOW_UPDATE": (f.window_update(0, 1), {"control.flood"}),
    "WINDOW_UPDATE on a stream": (f.window_update(1, 1), {"control.flood"}),
    "PRIORITY": (f.priority(1, 3), {"control.flood"}),
    "unknown frames": (f.Frame(0x77, 0, 0, b"what"), {"control.flood"}),
    "ALTSVC": (f.altsvc(0, b"https://a", b"clear"), {"control.flood"}),
    "ORIGIN": (f.origin(b"https://a"), {"control.flood"}),
    "GOAWAY": (f.goaway(2**31 - 1), {"control.flood"}),
    "RST_STREAM of a reset stream": (rst_stream(3), {"control.flood"}),
    "empty DATA of a reset stream": (data(3), {"control.flood"}),
}


@pytest.mark.parametrize("reads", [True, False], ids=["reading", "reading nothing"])
@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_ends_the_connection(name, reads):
    frame, slugs = FLOODS[name]
    for cut in (in_one_read, frame_by_frame):
        attack = Attack(asked(), cut, reads)
        attack.sends(itertools.repeat(bytes(frame), 100_000))
        attack.is_cut_off(attack.events[-1].slug, sent=10_100)
        assert attack.events[-1].slug in slugs


def test_empty_data_ends_the_connection():
    peer = asked().sends(headers(1, OK, end_stream=False)).clear()
    attack = Attack(peer, in_one_read).sends(itertools.repeat(bytes(data(1)), 100_000))
    attack.is_cut_off("data.empty_flood")


def test_continuations_without_end_are_cut_off_after_a_few():
    empty = bytes(continuation(1, b"", end_headers=False))
    for begin in (
        f.raw_headers(1, b"", end_headers=False),
        push_promise(1, 2, GET, end_headers=False),
    ):
        parts = itertools.chain([bytes(begin)], itertools.repeat(empty, 100_000))
        Attack(asked(), frame_by_frame).sends(parts).is_cut_off("continuation.flood", sent=18)


def test_promises_without_end_are_refused_and_end_the_connection():
    for cut in (in_one_read, part_by_part):
        attack = Attack(asked(), cut)
        attack.sends(bytes(push_promise(1, s, GET)) for s in even(20_000))
        attack.is_cut_off("streams.refused_flood", sent=1102)


def test_of_many_promises_a_hundred_are_kept():
    peer = asked().sends(*(push_promise(1, s, GET) for s in even(300)))
    events = peer.hears()
    assert [e.pushed_stream_id for e in events if isinstance(e, PushedStreamReceived)] == [
        *even(100)
    ]
    refused = [e for e in events if isinstance(e, StreamReset)]
    assert {e.slug for e in refused} == {"streams.limit"}
    assert len(refused) == 200
    assert peer.connection.open_streams == 101
    peer.lives()


def test_promises_taken_back_end_the_connection():
    # The reverse of rapid reset.
    attack = Attack(asked(), part_by_part)
    attack.sends(octets([push_promise(1, s, GET), rst_stream(s)]) for s in even(20_000))
    attack.is_cut_off("reset.flood", sent=1001)


def test_promises_on_a_stream_that_was_reset_end_the_connection():
    # Once the reset is so long ago that it is forgotten, a promise there is no honest mistake.
    for reads in (True, False):
        attack = Attack(asked(), part_by_part, reads)
        attack.sends(bytes(push_promise(3, s, GET)) for s in even(20_000))
        attack.is_cut_off("push.parent", code=f.PROTOCOL_ERROR, sent=600)


def test_malformed_promises_end_the_connection():
    attack = Attack(asked(), part_by_part)
    attack.sends(bytes(push_promise(1, s, GET[:2])) for s in even(20_000))
    attack.is_cut_off("reset.provoked", sent=1001)


def test_a_response_of_sixteen_thousand_fields_resets_its_stream():
    peer = asked()
    attack = Attack(peer).sends([bytes(f.raw_headers(1, b"\x88" + b"\x90" * 16_000))])
    assert attack.events == [StreamReset(1, CALM, False, "hpack.too_many_fields")]
    peer.lives()


def test_trailers_of_sixteen_thousand_fields_reset_their_stream():
    peer = asked().sends(headers(1, OK, end_stream=False)).clear()
    attack = Attack(peer).sends([bytes(f.raw_headers(1, b"\x90" * 16_000))])
    assert attack.events == [StreamReset(1, CALM, False, "hpack.too_many_fields")]
    peer.lives()


def test_an_endless_integer_ends_the_connection():
    for cut in (in_one_read, octet_by_octet):
        attack = Attack(asked(), cut).sends([bytes(f.raw_headers(1, b"\x88\xff" + b"\xff" * 99))])
        attack.is_cut_off("hpack.integer", code=f.COMPRESSION_ERROR)


def test_a_server_that_resets_every_request_is_only_useless():
    # The client makes the requests: what it gives up is its own affair.
    peer = facing_client()
    for _ in range(5000):
        stream = peer.connection.send_request(GET)
        peer.sends(rst_stream(stream, f.REFUSED_STREAM))
        peer.clear()
    peer.lives()


def test_a_server_that_grants_octet_by_octet_is_cut_off():
    peer = facing_client(None, (f.INITIAL_WINDOW_SIZE, 0))
    peer.connection.send_request(POST, bytes(100_000))
    peer.clear()
    attack = Attack(peer).sends(itertools.repeat(bytes(f.window_update(1, 1)), 100_000))
    attack.is_cut_off("control.flood", sent=10_100)
