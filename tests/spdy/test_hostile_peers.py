"""Attacks at the size of those that were published, on an engine with its limits as they are.

The ordinary suite runs each once, the slow one in all versions, in one read and part by part.
"""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable, Iterator
from itertools import count, cycle

import pytest

from plait.spdy.events import ConnectionTerminated, FrameReceived

from . import wire as w
from .attack import Attack, Cut, in_large_reads, in_one_read, part_by_part
from .script import (
    Peer,
    every_version,
    facing_client,
    facing_server,
    mostly_one_version,
    with_windows,
)
from .wire import (
    GET,
    OK,
    POST,
    SPDY3,
    SPDY3_1,
    control,
    data,
    headers,
    ping,
    push,
    rst_stream,
    settings,
    syn_reply,
    syn_stream,
    window_update,
    wire_version,
)

BURST, MANY = 1000, 10_000


def requests(first: int = 5) -> Iterator[int]:
    return count(first, 2)


def repeated(*frames: w.Frame) -> Callable[[Peer], Iterator[bytes]]:
    return lambda peer: cycle([peer.writer(*frames)])


def headers_of(peer: Peer) -> Iterator[bytes]:
    while True:
        yield peer.writer(headers(1))


def settings_that_move_windows(peer: Peer) -> Iterator[bytes]:
    return cycle([peer.writer(settings((7, 0, n))) for n in (0, 2**31 - 1 - 10**6)])


def bad_block(peer: Peer, number: int) -> bytes:
    block = peer.writer.compress(w.pairs([(b"BAD", b"")], peer.version))
    return peer.writer.with_block(syn_stream(number, ()), block)


def pieces(peer: Peer, *make: Callable[[int], w.Frame]) -> Iterator[bytes]:
    return (peer.writer(*(one(n) for one in make)) for n in requests())


Parts = Callable[[Peer], Iterator[bytes]]

# What is sent, the limits that may end it, and how many requests the application may see.
ATTACKS: dict[str, tuple[Parts, tuple[str, ...], int]] = {
    "rapid reset (CVE-2023-44487)": (
        lambda peer: pieces(peer, lambda n: syn_stream(n, ()), rst_stream),
        ("reset.flood",),
        BURST + 1,
    ),
    "rapid reset with a status that says all is well": (
        lambda peer: pieces(peer, lambda n: syn_stream(n, ()), lambda n: rst_stream(n, 0)),
        ("reset.flood",),
        BURST + 1,
    ),
    "rapid reset of uploads": (
        lambda peer: pieces(
            peer, lambda n: syn_stream(n, (), end=False), lambda n: data(n, b"x"), rst_stream
        ),
        ("reset.flood",),
        BURST + 1,
    ),
    "resets provoked by headers after FIN (CVE-2025-8671)": (
        lambda peer: pieces(peer, lambda n: syn_stream(n, ()), headers),
        ("reset.provoked", "answers.unread"),
        BURST + 1,
    ),
    "resets provoked by replies": (
        lambda peer: pieces(peer, lambda n: syn_stream(n, ()), lambda n: syn_reply(n, ())),
        ("reset.provoked", "answers.unread"),
        BURST + 1,
    ),
    "resets provoked by using an id twice": (
        lambda peer: pieces(peer, *[lambda n: syn_stream(n, ())] * 2),
        ("reset.provoked", "answers.unread"),
        BURST + 1,
    ),
    "invalid requests": (
        lambda peer: (bad_block(peer, n) for n in requests()),
        ("reset.provoked", "answers.unread"),
        0,
    ),
    "PING (CVE-2019-9512)": (repeated(ping(1)), ("ping.flood", "answers.unread"), 0),
    "answers to no PING": (repeated(ping(2)), ("ping.flood",), 0),
    "SETTINGS (CVE-2019-9515)": (repeated(settings((4, 0, 100))), ("settings.flood",), 0),
    "SETTINGS of many entries": (
        repeated(settings(*[(n, 0, n) for n in range(1, 33)])),
        ("settings.flood",),
        0,
    ),
    "SETTINGS that move every window": (settings_that_move_windows, ("settings.flood",), 0),
    "empty DATA (CVE-2019-9518)": (repeated(data(1)), ("data.empty_flood",), 0),
    "NOOP": (repeated(w.other(w.NOOP)), ("control.flood",), 0),
    "CREDENTIAL": (repeated(w.other(w.CREDENTIAL, bytes(6))), ("control.flood",), 0),
    "unknown frames": (repeated(w.other(0x77, b"?")), ("control.flood",), 0),
    "frames of the other version": (
        lambda peer: cycle([peer.writer(ping(1, version=peer.foreign))]),
        ("control.flood",),
        0,
    ),
    "GOAWAY": (repeated(w.goaway()), ("control.flood",), 0),
    "WINDOW_UPDATE of nothing": (repeated(window_update(1, 0)), ("control.flood",), 0),
    "WINDOW_UPDATE of the session": (repeated(window_update(0, 1)), ("control.flood",), 0),
    "WINDOW_UPDATE for no stream": (repeated(window_update(9, 1)), ("control.flood",), 0),
    "HEADERS": (headers_of, ("control.flood",), 0),
    "DATA for no stream": (repeated(data(9)), ("control.flood", "data.empty_flood"), 0),
    "octets for no stream": (repeated(data(9, b"x")), ("control.flood",), 0),
    "RST_STREAM of no stream": (repeated(rst_stream(9)), ("control.flood",), 0),
}


def attacked(version: int, cut: Cut, reads: bool, **changes: object) -> Attack:
    peer = facing_server(version, **changes)
    peer.sends(syn_stream(1, POST, end=False)).clear()
    return Attack(peer, cut, reads)


@pytest.mark.parametrize(("at", "name"), list(enumerate(ATTACKS)), ids=ATTACKS)
def test_an_attack_is_cut_off(at, name):
    parts, slugs, shown = ATTACKS[name]
    attack = attacked(w.VERSIONS[at % 3], in_large_reads, reads=at % 2 == 0)
    # What a read of 64 KiB brings is handled before the application hears of its first event.
    attack.sends(parts(attack.peer)).is_cut_off(*slugs, shown=shown)
    assert attack.most_streams <= BURST + 2


@pytest.mark.slow
@every_version
@pytest.mark.parametrize("cut", [in_one_read, part_by_part], ids=lambda cut: cut.__name__)
@pytest.mark.parametrize("reads", [True, False], ids=["reads", "reads not"])
@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_is_cut_off_whatever_way_it_comes(version, cut, reads, name):
    parts, slugs, shown = ATTACKS[name]
    attack = attacked(version, cut, reads)
    attack.sends(parts(attack.peer)).is_cut_off(*slugs, shown=shown)
    assert attack.most_streams <= BURST + 2


@mostly_one_version
def test_streams_beyond_the_limit_are_refused_and_the_others_answered(version):
    attack = attacked(version, part_by_part, reads=True, max_concurrent_streams=100)
    attack.answers = False
    attack.sends(attack.peer.writer(syn_stream(n, ())) for n in range(5, 405, 2))
    assert attack.shown == 99
    assert not attack.peer.connection.failed
    attack.sends(attack.peer.writer(syn_stream(n, ())) for n in requests(405))
    attack.is_cut_off("streams.refused_flood", "answers.unread", shown=99)
    assert attack.most_streams == 100


@pytest.mark.slow
@every_version
def test_streams_without_end_are_bounded(version):
    attack = attacked(version, in_large_reads, reads=True)
    attack.answers = False
    attack.sends(attack.peer.writer(syn_stream(n, (), end=False)) for n in requests())
    attack.is_cut_off("streams.refused_flood", "answers.unread", shown=MANY)
    assert attack.most_streams == MANY


@mostly_one_version
def test_a_server_that_pushes_without_end_is_cut_off(version):
    peer = facing_client(version, max_concurrent_streams=100)
    peer.connection.send_request(POST, lambda most: (None, 2))
    peer.clear().sends(syn_reply(1)).clear()
    attack = Attack(peer, part_by_part, reads=True, answers=False)
    attack.sends(peer.writer(push(n, 1, ())) for n in count(2, 2))
    attack.is_cut_off("streams.refused_flood", shown=100)


@mostly_one_version
def test_pushes_that_nobody_may_have_are_cut_off(version):
    peer = facing_client(version)
    peer.connection.send_request(GET)
    peer.clear()
    attack = Attack(peer, in_large_reads, reads=True, answers=False)
    attack.sends(peer.writer(push(n, 0, ())) for n in count(2, 2))
    attack.is_cut_off("reset.provoked", "answers.unread")


# ------------------------------------------------------------------------------------------------
# Memory.


def peak_of(attack: Attack, parts: Iterator[bytes]) -> int:
    """Octets that an attack made the engine take at most."""
    tracemalloc.start()
    try:
        attack.sends(parts)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def bomb(peer: Peer, octets: int, *, pair: bool = True) -> bytes:
    """A request whose block inflates to so much, and is a thousandth of that."""
    value = pairs = b"v" * octets
    if pair:
        pairs = w.pairs([(b"x", value)], SPDY3)
    block = peer.writer.compress(pairs)
    assert len(block) < octets / 200
    return peer.writer.with_block(syn_stream(1, ()), block)


@pytest.mark.parametrize("octets", [3_000_000])
def test_a_bomb_takes_no_memory(octets):
    peer = facing_server(SPDY3)
    part = bomb(peer, octets)
    attack = Attack(peer, part_by_part)
    assert peak_of(attack, iter([part])) < 600_000
    assert not peer.connection.failed
    assert attack.shown == 0


@pytest.mark.slow
def test_a_bomb_that_does_not_end_costs_the_session():
    peer = facing_server(SPDY3)
    # 120 KiB of a block are 128 MB.
    part = bomb(peer, 120_000_000, pair=False)
    attack = Attack(peer, part_by_part)
    assert peak_of(attack, iter([part])) < 1_000_000
    attack.is_cut_off("block.bomb")


def test_bomb_after_bomb_costs_the_session():
    peer = facing_server(SPDY3)
    attack = Attack(peer, part_by_part)
    block = w.pairs([(b"x", b"v" * 10_000_000)], SPDY3)
    parts = (
        peer.writer.with_block(syn_stream(n, ()), peer.writer.compress(block)) for n in requests(1)
    )
    attack.sends(parts).is_cut_off("block.wasted")
    assert attack.octets < 10 * 10_000_000 / 200


@mostly_one_version
def test_many_tiny_pairs_take_no_memory(version):
    peer = facing_server(version)
    fields = [(b"%x" % n, b"") for n in range(5000)]
    part = peer.writer(syn_stream(1, fields))
    attack = Attack(peer, part_by_part)
    assert peak_of(attack, iter([part])) < 400_000
    assert attack.shown == 0
    assert not peer.connection.failed


@mostly_one_version
def test_many_tiny_values_take_no_memory(version):
    peer = facing_server(version)
    part = peer.writer(syn_stream(1, [(b"x", b"v")] * 20_000))
    attack = Attack(peer, part_by_part)
    assert peak_of(attack, iter([part])) < 400_000
    assert attack.shown == 0
    assert not peer.connection.failed


@mostly_one_version
@pytest.mark.parametrize("kind", range(1, 12))
def test_a_frame_of_absurd_length_is_not_collected(version, kind):
    peer = facing_server(version)
    head = control(kind, b"", version=wire_version(version), length=w.MAX_LENGTH)
    attack = Attack(peer, part_by_part, answers=False)
    piece = bytes(65_536)
    assert peak_of(attack, iter([head, *[piece] * 100])) < 300_000
    assert peer.connection.failed == (kind not in (w.NOOP, w.CREDENTIAL))


@with_windows
def test_a_peer_that_opens_no_window_makes_us_keep_no_body(version):
    # CVE-2019-9511, CVE-2019-9517: bodies are pulled, and what no window takes is not asked for.
    asked = []

    def source(most: int) -> tuple[bytes, int]:
        asked.append(most)
        return bytes(most), 0

    peer = facing_server(version).sends(settings((w.INITIAL_WINDOW_SIZE, 0, 0)))
    peer.sends(*(syn_stream(n, ()) for n in range(1, 201, 2)))
    for n in range(1, 201, 2):
        peer.connection.send_response(n, OK, source)
    peer.clear()
    assert asked == []
    assert not peer.connection.want_write()


def test_a_peer_that_reads_nothing_makes_us_keep_what_it_may_ask_for():
    # PING answers, resets and credit are counted; answers to requests are bounded by the streams.
    peer = facing_server(SPDY3_1, max_concurrent_streams=100)
    attack = Attack(peer, in_large_reads, reads=False)
    parts = (peer.writer(syn_stream(n, ()), ping(1)) for n in requests(1))
    assert peak_of(attack, parts) < 3_000_000
    attack.is_cut_off("answers.unread", "streams.refused_flood", shown=2000)


def test_windows_of_an_octet_draw_no_endless_frames():
    # CVE-2019-9511: 40 octets of WINDOW_UPDATE for each octet of body.
    peer = facing_server(SPDY3).sends(settings((w.INITIAL_WINDOW_SIZE, 0, 0)), syn_stream(1))
    peer.connection.send_response(1, OK, lambda most: (bytes(most), 0))
    attack = Attack(peer, part_by_part)
    attack.sends(cycle([peer.writer(window_update(1, 1))])).is_cut_off("control.flood")


@pytest.mark.slow
def test_windows_that_move_for_many_streams_are_counted():
    peer = facing_server(SPDY3_1)
    peer.sends(*(syn_stream(n, (), end=False) for n in range(1, 10_001, 2))).clear()
    attack = Attack(peer, in_large_reads)
    attack.sends(settings_that_move_windows(peer)).is_cut_off("settings.flood")


# ------------------------------------------------------------------------------------------------
# What must not be mistaken.


@every_version
def test_requests_are_shown_up_to_the_end(version):
    peer = facing_server(version)
    peer.sends(*(syn_stream(n) for n in (1, 3, 5)), syn_stream(2))
    events = peer.hears()
    shown = [event for event in events if isinstance(event, FrameReceived)]
    assert [event.frame.stream_id for event in shown] == [1, 3, 5]
    assert isinstance(events[-1], ConnectionTerminated)
