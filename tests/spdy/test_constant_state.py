"""Closed streams leave constant state behind, whatever way they ended."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

import pytest

from plait.http2 import Role
from plait.spdy.config import Config
from plait.spdy.connection import Connection

from . import wire as w
from .script import NO_LIMITS, Peer, facing_client, facing_server
from .wire import (
    GET,
    OK,
    POST,
    SPDY2,
    SPDY3,
    SPDY3_1,
    data,
    headers,
    push,
    rst_stream,
    syn_reply,
    syn_stream,
    window_update,
)

pytestmark = pytest.mark.usefixtures("small_heap")

Way = Callable[[Peer, int], None]


def never(most: int) -> tuple[None, int]:
    return None, 2


def says(peer: Peer, *frames: w.Frame) -> None:
    peer.connection.receive_data(peer.writer(*frames))


def served(peer: Peer, stream: int) -> None:
    says(peer, syn_stream(stream))
    peer.connection.send_response(stream, OK, b"Hello, world!")


def uploaded(peer: Peer, stream: int) -> None:
    says(peer, syn_stream(stream, POST, end=False), data(stream, b"x"), data(stream, end=True))
    peer.connection.send_response(stream, OK, lambda most: (b"y", 1))


def reset_by_peer(peer: Peer, stream: int) -> None:
    says(peer, syn_stream(stream), rst_stream(stream))


def reset_while_its_body_waits(peer: Peer, stream: int) -> None:
    says(peer, syn_stream(stream))
    peer.connection.send_response(stream, OK, never)
    peer.connection.data_to_send()
    says(peer, rst_stream(stream))


def answered_and_reset_before_it_was_sent(peer: Peer, stream: int) -> None:
    says(peer, syn_stream(stream))
    peer.connection.send_response(stream, OK, b"x")
    says(peer, rst_stream(stream))


def reset_by_us(peer: Peer, stream: int) -> None:
    says(peer, syn_stream(stream, POST, end=False), data(stream, b"x"))
    peer.connection.reset_stream(stream, w.CANCEL)


def with_a_broken_source(peer: Peer, stream: int) -> None:
    says(peer, syn_stream(stream))
    peer.connection.send_response(stream, OK, lambda most: 1 // 0)


def invalid(peer: Peer, stream: int) -> None:
    says(peer, syn_stream(stream), headers(stream))


def pushed(peer: Peer, stream: int) -> None:
    says(peer, syn_stream(stream))
    peer.connection.push(stream, GET, b"pushed")
    peer.connection.send_response(stream, OK, b"x")


def cancelled_with_its_push(peer: Peer, stream: int) -> None:
    says(peer, syn_stream(stream))
    peer.connection.push(stream, GET, never)
    peer.connection.data_to_send()
    says(peer, rst_stream(stream))


def skipping(peer: Peer, stream: int) -> None:
    served(peer, 3 * stream)


def requested(peer: Peer, _: int) -> None:
    stream = peer.connection.send_request(GET)
    peer.connection.data_to_send()
    says(peer, syn_reply(stream), data(stream, b"x", end=True))


def requested_and_refused(peer: Peer, _: int) -> None:
    stream = peer.connection.send_request(POST, never)
    peer.connection.data_to_send()
    says(peer, rst_stream(stream, w.REFUSED_STREAM))


def requested_and_pushed(peer: Peer, _: int) -> None:
    stream = peer.connection.send_request(GET)
    peer.connection.data_to_send()
    says(peer, push(stream + 1, stream), syn_reply(stream, end=True), data(stream + 1, end=True))


def pinged(peer: Peer, stream: int) -> None:
    says(peer, w.ping(stream), w.settings((4, 0, 100 + stream % 2)))
    peer.connection.ping()


SERVERS: list[Way] = [
    *(served, uploaded, reset_by_peer, reset_while_its_body_waits, reset_by_us, invalid, pushed),
    *(answered_and_reset_before_it_was_sent, with_a_broken_source, cancelled_with_its_push),
    *(skipping, pinged),
]
CLIENTS: list[Way] = [requested, requested_and_refused, requested_and_pushed]


def drain(peer: Peer) -> None:
    connection = peer.connection
    while connection.data_to_send():
        pass
    connection.take_events()
    if peer.version == SPDY3_1:
        connection.receive_data(peer.writer(window_update(0, 13)))


def growth(peer: Peer, way: Way, first: int, count: int) -> tuple[int, int]:
    """Octets and objects that `count` streams left behind."""
    gc.collect()
    objects = len(gc.get_objects())
    before, _ = tracemalloc.get_traced_memory()
    for stream in range(first, first + 2 * count, 2):
        way(peer, stream)
        drain(peer)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    return after - before, len(gc.get_objects()) - objects


def stays_flat(version: int, way: Way, count: int) -> None:
    facing = facing_client if way in CLIENTS else facing_server
    peer = facing(version, limits=NO_LIMITS)
    tracemalloc.start()
    try:
        growth(peer, way, 1, 100)
        octets_left, objects_left = growth(peer, way, 201, count)
    finally:
        tracemalloc.stop()
    assert not peer.connection.failed
    assert peer.connection.open_streams == 0
    assert peer.connection.queue_size == 0
    assert objects_left < count // 20
    assert octets_left < count * 8


WAYS = [*SERVERS, *CLIENTS]
QUICK: list[Way] = [
    *(served, uploaded, answered_and_reset_before_it_was_sent, cancelled_with_its_push),
    *(with_a_broken_source, requested_and_pushed, requested_and_refused),
]


@pytest.mark.parametrize("way", QUICK, ids=[way.__name__ for way in QUICK])
def test_a_session_weighs_the_same_after_hundreds_of_streams(way):
    stays_flat(w.VERSIONS[QUICK.index(way) % 3], way, 200)


@pytest.mark.slow
@pytest.mark.parametrize("version", [SPDY2, SPDY3, SPDY3_1])
@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_a_session_weighs_the_same_after_a_thousand_streams(version, way):
    stays_flat(version, way, 1000)


def test_a_session_that_has_done_nothing_weighs_little():
    tracemalloc.start()
    try:
        made = [Connection(Role.SERVER, SPDY3_1, config) for config in [Config()] * 50]
        weight = tracemalloc.get_traced_memory()[0] / len(made)
    finally:
        tracemalloc.stop()
    assert weight < 10_000


def test_a_session_is_freed_without_the_garbage_collector():
    # Thousands of sessions that end must not wait for a collection.
    gc.collect()
    gc.disable()
    try:
        peer = facing_server(SPDY3_1).sends(syn_stream(1, POST, end=False), syn_stream(3))
        peer.connection.send_response(3, OK, bytes(200_000))
        peer.pull()
        del peer
        # Nothing is left for it to find.
        assert gc.collect() == 0
    finally:
        gc.enable()
