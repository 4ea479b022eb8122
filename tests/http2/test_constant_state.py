"""Closed streams leave constant state behind, whatever way they ended."""

from __future__ import annotations

import gc
import tracemalloc
import weakref

import pytest

from plait.http2 import Limits

from . import frames as f
from .frames import GET, OK, POST, data, headers, octets, rst_stream
from .script import Config, Peer, facing_client, facing_server

pytestmark = pytest.mark.usefixtures("small_heap")

PLENTY = Limits(
    reset_burst=10**9, provoked_reset_burst=10**9, refused_burst=10**9, control_burst=10**9
)


def served(peer: Peer, stream: int) -> None:
    peer.connection.receive_data(bytes(headers(stream, GET)))
    peer.connection.send_response(stream, 200, [("content-length", "13")], b"Hello, world!")


def uploaded(peer: Peer, stream: int) -> None:
    frames = [headers(stream, POST, end_stream=False), data(stream, b"x", end_stream=True)]
    peer.connection.receive_data(octets(frames))
    peer.connection.acknowledge_received_data(1, stream)
    peer.connection.send_response(stream, 200, [], lambda most: (b"y", 1))


def reset_by_peer(peer: Peer, stream: int) -> None:
    peer.connection.receive_data(octets([headers(stream, GET), rst_stream(stream)]))


def reset_by_us(peer: Peer, stream: int) -> None:
    peer.connection.receive_data(bytes(headers(stream, POST, end_stream=False)))
    peer.connection.reset_stream(stream)


def malformed(peer: Peer, stream: int) -> None:
    peer.connection.receive_data(bytes(headers(stream, [*GET, (b"Bad", b"v")])))


def answered_early(peer: Peer, stream: int) -> None:
    frames = [headers(stream, POST, end_stream=False), data(stream, bytes(100))]
    peer.connection.receive_data(octets(frames))
    peer.connection.send_response(stream, 200, [], b"enough")


def pushed(peer: Peer, stream: int) -> None:
    peer.connection.receive_data(bytes(headers(stream, GET)))
    promised = peer.connection.push_stream(stream, GET)
    peer.connection.send_response(promised, 200, [], b"pushed")
    peer.connection.send_response(stream, 200, [])


def skipping(peer: Peer, stream: int) -> None:
    served(peer, 3 * stream)


def prioritised(peer: Peer, stream: int) -> None:
    peer.connection.receive_data(bytes(f.priority_update(stream, b"u=1")))
    served(peer, stream)


WAYS = [
    *(served, uploaded, reset_by_peer, reset_by_us, malformed, answered_early, pushed, skipping),
    prioritised,
]


def drain(peer: Peer) -> None:
    # The windows are large and the peer generous, as in a long honest life.
    while peer.connection.data_to_send():
        pass
    peer.connection.take_events()


def growth(peer: Peer, way, first: int, count: int) -> tuple[int, int]:
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


def stays_flat(way, count: int) -> None:
    peer = facing_server(
        Config(limits=PLENTY), (f.INITIAL_WINDOW_SIZE, 2**31 - 1), max_concurrent_streams=None
    )
    peer.sends(f.window_update(0, 2**31 - 1 - 65_535)).clear()
    warm = 1500  # more than any bounded memory of late streams
    tracemalloc.start()
    try:
        growth(peer, way, 1, warm)
        octets_left, objects_left = growth(peer, way, 2 * warm + 1, count)
    finally:
        tracemalloc.stop()
    assert not peer.connection.closed
    assert peer.connection.open_streams == 0
    assert objects_left < count // 20
    assert octets_left < count * 8


@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_a_server_weighs_the_same_after_a_thousand_streams(way):
    stays_flat(way, 1000)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS, ids=[way.__name__ for way in WAYS])
def test_a_server_weighs_the_same_after_twenty_thousand_streams(way):
    stays_flat(way, 20_000)


def test_a_client_weighs_the_same_after_a_thousand_requests():
    peer = facing_client()

    def exchange(count: int) -> None:
        for _ in range(count):
            stream = peer.connection.send_request(GET)
            frames = [headers(stream, OK, end_stream=False), data(stream, b"x", end_stream=True)]
            peer.connection.receive_data(octets(frames))
            peer.connection.acknowledge_received_data(1, stream)
            drain(peer)

    tracemalloc.start()
    exchange(1000)
    gc.collect()
    before, _ = tracemalloc.get_traced_memory()
    exchange(1000)
    gc.collect()
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 10_000


def test_a_connection_is_freed_without_the_garbage_collector():
    # Ten thousand connections that end must not wait for a collection.
    gc.collect()
    gc.disable()
    try:
        peer = facing_server().sends(headers(1, POST, end_stream=False), headers(3, GET))
        peer.connection.send_response(3, 200, [], bytes(200_000))
        peer.pull()
        watched = weakref.ref(peer.connection)
        del peer
        assert watched() is None
    finally:
        gc.enable()
