"""Each limit: a peer that goes beyond it, and one that stays just below (`plait.spdy.limits`).

Clocks stand still here unless a test moves them, so that no budget is refilled meanwhile.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from plait.spdy.events import ConnectionTerminated, FrameInvalid, UnknownFrameReceived
from plait.spdy.limits import Limits

from . import wire as w
from .script import (
    Clock,
    Ended,
    Got,
    Peer,
    every_version,
    facing_client,
    facing_server,
    with_windows,
)
from .wire import (
    GET,
    OK,
    POST,
    SPDY2,
    control,
    data,
    headers,
    pairs,
    ping,
    push,
    rst_stream,
    settings,
    syn_reply,
    syn_stream,
    window_update,
    wire_version,
)

Parts = Callable[[Peer], Iterator[bytes]]


def open_streams(peer: Peer) -> Peer:
    """Streams 1 and 3 are open, and 3 has been asked to its end."""
    return peer.sends(syn_stream(1, POST, end=False), syn_stream(3)).clear()


def requests(first: int = 5) -> Iterator[int]:
    return iter(range(first, 2**31, 2))


def opened_and_reset(peer: Peer) -> Iterator[bytes]:
    return (peer.writer(syn_stream(n, (), end=False), rst_stream(n)) for n in requests())


def provoked(peer: Peer) -> Iterator[bytes]:
    """Requests whose headers are wrong."""
    for number in requests():
        block = peer.writer.compress(pairs([(b"Bad", b"")], peer.version))
        yield peer.writer.with_block(syn_stream(number, ()), block)


def replies_to_nothing(peer: Peer) -> Iterator[bytes]:
    return (peer.writer(syn_reply(n, ())) for n in requests(99))


def headers_after_fin(peer: Peer) -> Iterator[bytes]:
    """A reset for each request that was complete: MadeYouReset (CVE-2025-8671)."""
    return (peer.writer(syn_stream(n, ()), headers(n)) for n in requests())


def always(make: Callable[[Peer], bytes]) -> Parts:
    def parts(peer: Peer) -> Iterator[bytes]:
        while True:
            yield make(peer)

    return parts


def frames(*given: w.Frame) -> Parts:
    return always(lambda peer: peer.writer(*given))


def raw(kind: int, body: bytes = b"") -> Parts:
    return always(lambda peer: control(kind, body, version=wire_version(peer.version)))


# Each: the limit, the slug, and what reaches the limit part by part.
BUDGETS: dict[str, tuple[str, str, Parts]] = {
    "streams opened and reset": ("reset_burst", "reset.flood", opened_and_reset),
    "invalid requests": ("provoked_reset_burst", "reset.provoked", provoked),
    "replies to nothing": ("provoked_reset_burst", "reset.provoked", replies_to_nothing),
    "headers after FIN": ("provoked_reset_burst", "reset.provoked", headers_after_fin),
    "PING": ("ping_burst", "ping.flood", frames(ping(1))),
    "answers to no PING": ("ping_burst", "ping.flood", frames(ping(2))),
    "PING 0": ("ping_burst", "ping.flood", frames(ping(0))),
    "SETTINGS": ("settings_burst", "settings.flood", frames(settings((7, 0, 1)))),
    "SETTINGS without entries": ("settings_burst", "settings.flood", frames(settings())),
    "empty DATA": ("empty_data_burst", "data.empty_flood", frames(data(1))),
    "NOOP": ("control_burst", "control.flood", raw(w.NOOP)),
    "CREDENTIAL": ("control_burst", "control.flood", raw(w.CREDENTIAL, b"x")),
    "unknown frames": ("control_burst", "control.flood", raw(0x77)),
    "GOAWAY": ("control_burst", "control.flood", frames(w.goaway())),
    "WINDOW_UPDATE": ("control_burst", "control.flood", frames(window_update(1, 1))),
    "WINDOW_UPDATE of nothing": ("control_burst", "control.flood", frames(window_update(1, 0))),
    "WINDOW_UPDATE for no stream": ("control_burst", "control.flood", frames(window_update(9, 1))),
    "WINDOW_UPDATE for the session": (
        *("control_burst", "control.flood"),
        frames(window_update(0, 1)),
    ),
    "HEADERS": ("control_burst", "control.flood", frames(headers(1))),
    "DATA for no stream": ("control_burst", "control.flood", frames(data(9, b"x"))),
    "RST_STREAM of no stream": ("control_burst", "control.flood", frames(rst_stream(9))),
    "frames of the other version": (
        *("control_burst", "control.flood"),
        always(lambda peer: peer.writer(ping(1, version=peer.foreign))),
    ),
}


def flood(peer: Peer, parts: Parts, most: int) -> int:
    """Send part by part, and read all answers; how many were sent before the session ended."""
    sent = 0
    for part in parts(peer):
        peer.sends(part)
        peer.pull()
        peer.frames.clear()
        if peer.connection.failed or sent == most:
            break
        peer.events.clear()
        sent += 1
    return sent


@every_version
@pytest.mark.parametrize("reads", [True, False], ids=["reads", "reads not"])
@pytest.mark.parametrize(("limit", "slug", "parts"), BUDGETS.values(), ids=BUDGETS)
def test_a_budget_is_what_it_says(version, limit, slug, parts, reads):
    peer = open_streams(facing_server(version, limits={limit: 7}))
    if reads:
        assert flood(peer, parts, 100) == 7
    else:
        source = parts(peer)
        peer.sends(b"".join(next(source) for _ in range(7)))
        assert not peer.connection.failed
        peer.events.clear()
        peer.sends(next(source))
    assert peer.hears()[-1] == Ended(slug)
    peer.clear().is_dead()


@every_version
@pytest.mark.parametrize(("limit", "slug", "parts"), BUDGETS.values(), ids=BUDGETS)
def test_a_budget_is_refilled_by_time(version, limit, slug, parts):
    rate = limit.replace("burst", "rate")
    clock = Clock()
    peer = open_streams(facing_server(version, limits={limit: 5, rate: 2.0}, clock=clock))
    source = parts(peer)
    for pause, count in ((0, 5), (2, 4), (100, 5)):
        clock.now += pause
        for _ in range(count):
            peer.sends(next(source))
        assert not peer.clear().connection.failed
    peer.sends(next(source))
    assert peer.hears()[-1] == Ended(slug)


@every_version
def test_requests_that_are_refused_have_a_budget(version):
    peer = facing_server(version, max_concurrent_streams=2, limits={"refused_burst": 7})
    open_streams(peer)
    assert flood(peer, lambda peer: (peer.writer(syn_stream(n, ())) for n in requests()), 100) == 7
    assert peer.hears()[-1] == Ended("streams.refused_flood")


@every_version
def test_a_server_that_pushes_too_much_is_refused(version):
    peer = facing_client(version, max_concurrent_streams=2, limits={"refused_burst": 7})
    peer.connection.send_request(POST, lambda most: (None, 2))
    peer.clear().sends(syn_reply(1))

    def pushes(peer: Peer) -> Iterator[bytes]:
        return (peer.writer(push(n, 1, ())) for n in range(2, 2**31, 2))

    assert flood(peer, pushes, 100) == 9
    assert peer.hears()[-1] == Ended("streams.refused_flood")


@every_version
def test_resets_of_our_requests_cost_a_server_nothing(version):
    # A server may refuse as much as it likes: it is the client that goes on asking.
    peer = facing_client(version, limits={"reset_burst": 3, "control_burst": 3})
    for n in range(1, 101, 2):
        peer.connection.send_request(GET)
        peer.pull()
        peer.sends(rst_stream(n, w.REFUSED_STREAM)).clear()
    peer.lives()


@every_version
def test_honest_work_earns_tokens(version):
    tight = {"reset_burst": 5, "reset_rate": 0.0, "control_burst": 5, "control_rate": 0.0}
    peer = facing_server(version, limits=tight)
    for n in range(1, 2000, 4):
        peer.sends(syn_stream(n)).connection.send_response(n, OK, b"answer")
        peer.clear().sends(syn_stream(n + 2, POST, end=False), rst_stream(n + 2))
        peer.sends(window_update(n, 10)).clear()
    peer.lives()


# ------------------------------------------------------------------------------------------------
# Sizes.


@every_version
@pytest.mark.parametrize("more", [0, 1])
def test_the_number_of_headers_is_counted_exactly(version, more):
    peer = facing_server(version, limits={"max_fields": 10})
    fields = [(b"x%d" % n, b"") for n in range(10 + more)]
    judged(peer.sends(syn_stream(1, fields)), fields, accepted=not more)


@every_version
@pytest.mark.parametrize("more", [0, 1])
def test_headers_are_counted_after_values_are_split(version, more):
    peer = facing_server(version, limits={"max_fields": 10})
    fields = [(b"x", b"v") for _ in range(10 + more)]
    judged(peer.sends(syn_stream(1, fields)), fields, accepted=not more)


@every_version
@pytest.mark.parametrize("more", [0, 1])
def test_the_octets_of_a_block_are_counted_exactly(version, more):
    peer = facing_server(version, limits={"max_block_octets": 1000})
    room = 1000 - len(pairs([(b"x", b"")], version))
    fields = [(b"x", b"v" * (room + more))]
    judged(peer.sends(syn_stream(1, fields)), fields, accepted=not more)


def judged(peer: Peer, fields: list[w.Field], *, accepted: bool) -> None:
    """A request was taken, or refused without its headers; zlib's state is whole in either case."""
    (event, *_) = peer.hears()
    if accepted:
        assert event == Got(syn_stream(1, fields))
        peer.wire()
    else:
        assert isinstance(event, FrameInvalid)
        assert (event.status, event.slug) == (w.FRAME_TOO_LARGE, "block.too_large")
        assert event.frame.fields == []
        peer.wire(rst_stream(1, w.FRAME_TOO_LARGE))
    again = [*fields[:3], (b"y", b"z")]
    peer.sends(syn_stream(3, again))
    assert peer.hears()[0] == Got(syn_stream(3, again)) or len(fields[0][1]) > 900


@every_version
@pytest.mark.parametrize("more", [0, 1])
def test_the_octets_that_are_inflated_are_limited(version, more):
    limits = {"max_block_octets": 1000, "max_inflated_octets": 200_000, "wasted_burst": 10**9}
    peer = facing_server(version, limits=limits)
    size = 200_000 + 100_000 * more
    peer.sends(peer.writer.with_block(syn_stream(1, ()), peer.writer.compress(bytes(size))))
    if more:
        assert peer.hears()[-1] == Ended("block.bomb")
    else:
        assert [type(event) for event in peer.hears()] == [FrameInvalid]
        peer.wire(rst_stream(1, w.FRAME_TOO_LARGE)).lives()


@every_version
def test_bombs_one_after_another_end_the_session(version):
    limits = {"max_block_octets": 1000, "wasted_burst": 100_000, "wasted_rate": 10.0}
    clock = Clock()
    peer = facing_server(version, limits=limits, clock=clock)
    bomb = (
        peer.writer.with_block(syn_stream(n, ()), peer.writer.compress(bytes(40_000)))
        for n in requests(1)
    )
    for pause in (0, 0, 4000, 4000):
        clock.now += pause
        peer.sends(next(bomb))
        assert not peer.connection.failed
    peer.sends(next(bomb))
    assert peer.hears()[-1] == Ended("block.wasted")


@every_version
@pytest.mark.parametrize("frame", [syn_stream(5, ()), syn_reply(1, ()), headers(1)], ids=repr)
@pytest.mark.parametrize("more", [0, 1])
def test_the_length_of_a_control_frame_is_limited(version, frame, more):
    peer = open_streams(facing_server(version, limits={"max_control_octets": 500}))
    head = control(frame.kind, b"", frame.flags, version=wire_version(version), length=500 + more)
    peer.sends(head)
    if more:
        assert peer.hears()[-1] == Ended("frame.too_large")
    else:
        peer.expect()
        assert not peer.connection.failed


@every_version
def test_the_length_of_an_unknown_frame_is_limited(version):
    peer = facing_server(version, limits={"max_control_octets": 500})
    octets = control(0x77, bytes(500), version=wire_version(version))
    peer.sends(octets).expect(UnknownFrameReceived(octets[:8], bytes(500)))
    peer.sends(control(0x77, b"", version=wire_version(version), length=501))
    assert peer.hears()[-1] == Ended("frame.too_large")


@every_version
@pytest.mark.parametrize("kind", [w.NOOP, w.CREDENTIAL])
def test_what_is_skipped_may_be_long_and_is_not_kept(version, kind):
    peer = facing_server(version, limits={"max_control_octets": 500})
    peer.sends(control(kind, b"", version=wire_version(version), length=w.MAX_LENGTH))
    left = w.MAX_LENGTH
    while left:
        part = min(left, 1_000_000)
        assert peer.connection.receive_data(bytes(part)) == []
        left -= part
        assert len(peer.connection._inbound.buffer) + len(peer.connection._inbound.partial) < 10
    peer.lives()


@every_version
def test_after_a_fault_nothing_is_kept(version):
    peer = facing_server(version).sends(bytes(4), control(w.PING, b"", version=1)[4:])
    peer.sends(syn_stream(2), b"\x80" * 100_000, b"\x80" * 100_000)
    assert peer.connection.failed
    assert not peer.connection._inbound.buffer
    assert not peer.connection._inbound.partial


@every_version
@pytest.mark.parametrize("kind", [w.RST_STREAM, w.PING, w.GOAWAY, w.WINDOW_UPDATE])
def test_what_has_a_fixed_length_is_not_waited_for(version, kind):
    peer = facing_server(version)
    peer.sends(control(kind, b"", version=wire_version(version), length=100))
    assert peer.hears()[-1] == Ended("frame.length")


@every_version
@pytest.mark.parametrize("more", [0, 1])
def test_the_entries_of_settings_are_counted_exactly(version, more):
    peer = facing_server(version, limits={"max_settings_entries": 5})
    frame = settings(*[(n, 0, n) for n in range(1, 6 + more)])
    peer.sends(frame)
    if more:
        assert peer.hears()[-1] == Ended("settings.entries")
    else:
        peer.expect(Got(frame)).lives()


# ------------------------------------------------------------------------------------------------
# What piles up.

UNREAD: dict[str, Parts] = {
    "PING": frames(ping(1)),
    "invalid requests": provoked,
    "replies to nothing": replies_to_nothing,
    "streams refused": lambda peer: (peer.writer(syn_stream(n, ())) for n in requests()),
}


@every_version
@pytest.mark.parametrize("parts", UNREAD.values(), ids=UNREAD)
def test_answers_that_are_not_read_are_counted(version, parts):
    peer = facing_server(version, max_concurrent_streams=2, limits={"max_unsent_answers": 7})
    source = parts(open_streams(peer))
    for _ in range(7):
        peer.sends(next(source))
        assert not peer.connection.failed
    # Once they are read, as many may follow.
    peer.clear()
    for _ in range(7):
        peer.sends(next(source))
        assert not peer.connection.failed
    peer.sends(next(source))
    assert peer.hears()[-1] == Ended("answers.unread")
    peer.clear().is_dead()


@with_windows
def test_credit_that_is_not_read_is_counted(version):
    peer = facing_server(version, initial_window_size=1, limits={"max_unsent_answers": 7})
    open_streams(peer)
    for _ in range(7):
        peer.sends(data(1, b"x"))
        assert not peer.connection.failed
    peer.sends(data(1, b"x"))
    assert peer.hears()[-1] == Ended("answers.unread")


@every_version
def test_our_own_frames_are_not_counted_among_the_answers(version):
    peer = open_streams(facing_server(version, limits={"max_unsent_answers": 3}))
    for _ in range(20):
        peer.connection.ping()
        peer.connection.send_settings([(4, 0, 10)])
        peer.connection.reset_stream(99)
    peer.lives()


@every_version
@pytest.mark.parametrize("announced", [None, 1000])
def test_open_streams_are_bounded(version, announced):
    limits = {"max_open_streams": 5}
    peer = facing_server(version, limits=limits, max_concurrent_streams=announced).clear()
    peer.sends(*(syn_stream(n, (), end=False) for n in range(1, 15, 2))).clear()
    assert peer.connection.open_streams == 5


@with_windows
@pytest.mark.parametrize("more", [0, 1])
def test_what_goes_beyond_a_window_is_counted_exactly(version, more):
    limits = {"max_window_excess": 100}
    peer = facing_server(version, manual_credit=True, limits=limits)
    open_streams(peer)
    if version == w.SPDY3_1:
        peer.connection.send_window_update(0, 1000)
        peer.pull()
    peer.clear().sends(data(1, bytes(w.WINDOW + 100 + more)))
    assert (rst_stream(1, w.FLOW_CONTROL_ERROR) in peer.reads()) == bool(more)


@pytest.mark.parametrize("more", [0, 1])
def test_what_goes_beyond_the_sessions_window_is_counted_exactly(more):
    limits = {"max_window_excess": 100}
    peer = facing_server(w.SPDY3_1, manual_credit=True, limits=limits)
    peer.sends(syn_stream(1, POST, end=False), syn_stream(3, POST, end=False)).clear()
    peer.sends(data(1, bytes(40_000)), data(3, bytes(w.WINDOW - 40_000 + 100 + more)))
    assert peer.connection.failed == bool(more)
    if more:
        assert peer.hears()[-1] == Ended("session.window")


# ------------------------------------------------------------------------------------------------
# All of them.


def test_every_limit_is_tested_here():
    text = Path(__file__).read_text(encoding="utf-8")
    missing = [name for name in Limits.__slots__ if f'"{name}"' not in text]
    assert [name for name in missing if not name.endswith("_rate")] == []


def test_no_limit_is_negative():
    for name in Limits.__slots__:
        with pytest.raises(ValueError, match=name):
            Limits(**{name: -1})


@every_version
def test_the_fault_of_a_budget_names_it(version):
    peer = facing_server(version, limits={"ping_burst": 0}).sends(ping(1))
    (event,) = peer.hears()
    assert isinstance(event, ConnectionTerminated)
    assert (event.status, event.slug) == (1, "ping.flood")
    assert "frames" in event.message


def test_without_a_dictionary_a_bomb_is_one_too():
    peer = facing_server(SPDY2, limits={"max_inflated_octets": 100_000})
    bomb = zlib.compress(bytes(10**7))[:-4]
    peer.sends(peer.writer.with_block(syn_stream(1, ()), bomb))
    assert peer.hears()[-1] == Ended("block.bomb")
