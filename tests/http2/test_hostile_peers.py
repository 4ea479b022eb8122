"""Hostile clients: every known attack at its full size, with the limits as they are by default.

Clocks stand still, so that no budget is refilled: the attacker is infinitely fast. Each attack is
made in large reads and frame by frame, by one who reads our answers and by one who does not.
"""

from __future__ import annotations

import itertools
import tracemalloc
from collections.abc import Iterator

import pytest

from plait.http2 import (
    WAITS_FOR_CREDIT,
    Config,
    Connection,
    DirectConnection,
    Limits,
    RequestReceived,
    StreamReset,
)

from . import frames as f
from .attack import (
    Attack,
    Cut,
    frame_by_frame,
    in_large_reads,
    in_one_read,
    octet_by_octet,
    odd,
    part_by_part,
)
from .frames import GET, POST, data, headers, octets, ping, rst_stream, settings, window_update
from .script import Clock, Peer, facing_server, made_of

CALM, PROTOCOL, FLOW, SIZE = (
    f.ENHANCE_YOUR_CALM,
    f.PROTOCOL_ERROR,
    f.FLOW_CONTROL_ERROR,
    f.FRAME_SIZE_ERROR,
)


SLOW = pytest.mark.slow
WAYS = [
    pytest.param((in_one_read, False), id="in one read"),
    pytest.param((frame_by_frame, True), id="frame by frame"),
    pytest.param((frame_by_frame, False), id="frame by frame, reading nothing"),
    pytest.param((in_large_reads, True), id="in large reads", marks=SLOW),
    pytest.param((in_large_reads, False), id="in large reads, reading nothing", marks=SLOW),
]


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> tuple[Cut, bool]:
    """How the attack arrives, and whether the attacker reads our answers."""
    return request.param


@pytest.fixture(params=[Connection, pytest.param(DirectConnection, marks=SLOW)], autouse=True)
def kind(request: pytest.FixtureRequest) -> Iterator[None]:
    """A connection that schedules, and one whose caller sends the frames: the way in is one."""
    with made_of(request.param):
        yield


_GET = f.block(GET)


def get(stream: int) -> bytes:
    """A request, put together as fast as attackers do."""
    head = f.frame_header(len(_GET), f.HEADERS, f.END_HEADERS | f.END_STREAM, stream)
    return head + _GET


def with_an_open_stream() -> Peer:
    """A server with an upload begun on stream 1."""
    return facing_server().sends(headers(1, POST, end_stream=False)).clear()


# ------------------------------------------------------------------------------------------------
# Rapid reset (CVE-2023-44487), and resets provoked from us (CVE-2025-8671).


def rapid_resets(count: int) -> Iterator[bytes]:
    return (get(s) + bytes(rst_stream(s)) for s in odd(count))


@pytest.mark.parametrize("reads", [True, False])
def test_rapid_reset_ends_the_connection_and_starts_no_application(reads):
    for cut in (in_one_read, part_by_part):
        attack = Attack(facing_server(), cut, reads, answers=False)
        attack.sends(rapid_resets(20_000)).is_cut_off("reset.flood", shown=0, sent=1001)


def test_rapid_reset_over_a_socket_starts_hardly_an_application():
    # Where a read ends between the two frames the application sees the request.
    attack = Attack(facing_server(), in_large_reads, answers=False)
    attack.sends(rapid_resets(20_000)).is_cut_off("reset.flood", shown=5)


def test_rapid_reset_frame_by_frame_ends_after_a_thousand():
    attack = Attack(facing_server(), frame_by_frame, answers=False)
    attack.sends(rapid_resets(20_000)).is_cut_off("reset.flood", shown=1001)


def test_resets_are_paid_for_by_whole_exchanges_and_never_by_resets():
    # Two of three are given up: the application is burdened by half more than it agreed to.
    attack = Attack(facing_server(), part_by_part)
    attack.sends(get(s) if s % 3 == 0 else get(s) + bytes(rst_stream(s)) for s in odd(20_000))
    attack.is_cut_off("reset.flood", shown=1000)


PROVOCATIONS = {
    "no credit": lambda s: [headers(s, GET), window_update(s, 0)],
    "too much credit": lambda s: [headers(s, GET), window_update(s, 2**31 - 1)],
    "data after the end": lambda s: [headers(s, GET), data(s, b"more")],
    "a short priority": lambda s: [headers(s, GET), f.Frame(f.PRIORITY, 0, s, b"1234")],
    "a dependency on itself": lambda s: [headers(s, GET), f.priority(s, s)],
    "a second head": lambda s: [headers(s, POST, end_stream=False)] * 2,
    "a body too long": lambda s: [
        headers(s, [*POST, (b"content-length", b"1")], end_stream=False),
        data(s, b"12"),
    ],
}


@pytest.mark.parametrize("reads", [True, False])
@pytest.mark.parametrize("provoke", PROVOCATIONS.values(), ids=PROVOCATIONS)
def test_resets_provoked_from_us_end_the_connection(provoke, reads):
    attack = Attack(facing_server(), part_by_part, reads, answers=False)
    attack.sends(octets(provoke(s)) for s in odd(20_000))
    attack.is_cut_off("reset.provoked", shown=0, sent=1001)


def test_malformed_requests_end_the_connection(way):
    attack = Attack(facing_server(), *way)
    block = f.block([*GET, (b"Bad", b"v")])
    attack.sends(bytes(f.raw_headers(s, block)) for s in odd(20_000))
    attack.is_cut_off("reset.provoked", shown=0)


# ------------------------------------------------------------------------------------------------
# Field blocks (CVE-2024-28182, CVE-2024-27316, CVE-2016-6581, CVE-2026-49975).


def test_continuations_without_end_are_cut_off_after_a_few(way):
    parts = itertools.chain(
        [bytes(f.raw_headers(1, b"", end_headers=False))],
        itertools.repeat(bytes(f.continuation(1, b"", end_headers=False)), 100_000),
    )
    Attack(facing_server(), *way).sends(parts).is_cut_off("continuation.flood", sent=18)


def test_a_field_block_of_megabytes_is_not_kept():
    piece = f.block([(b"x", b"v" * 16_000)])
    parts = itertools.chain(
        [bytes(f.raw_headers(1, f.block(GET), end_headers=False))],
        itertools.repeat(bytes(f.continuation(1, piece, end_headers=False)), 1000),
    )
    attack = Attack(facing_server(), frame_by_frame)
    attack.sends(parts).is_cut_off("headers.too_large", sent=6)


def test_a_field_block_of_megabytes_in_one_frame_is_refused_by_its_header():
    peer = facing_server(max_frame_size=2**24 - 1)
    Attack(peer).sends([f.frame_header(2**24 - 1, f.HEADERS, f.END_HEADERS, 1)]).is_cut_off(
        "headers.too_large"
    )


def bombs(count: int) -> Iterator[bytes]:
    """A table entry of 4000 octets, then requests that name it 16,000 times."""
    entry = f.indexing_block([(b"x-bomb", b"b" * 4000)])
    yield bytes(f.raw_headers(3, f.block(GET) + entry))
    for stream in range(5, 5 + 2 * count, 2):
        yield bytes(f.raw_headers(stream, f.block(GET) + b"\xbe" * 16_000))


def test_sixteen_thousand_references_are_refused_while_they_are_decoded():
    attack = Attack(facing_server())
    tracemalloc.start()
    attack.sends(bombs(1))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # They would make 64 MB.
    assert peak < 500_000
    assert attack.shown == 1
    assert attack.events[-1] == StreamReset(5, CALM, False, "hpack.list_size")
    attack.peer.lives()


def test_a_thousand_such_bombs_end_the_connection():
    attack = Attack(facing_server(limits=Limits(provoked_reset_burst=20)), part_by_part)
    attack.sends(bombs(100)).is_cut_off("reset.provoked", shown=1, sent=22)


@pytest.mark.parametrize(
    ("field", "slug"),
    [
        (b"\x90", "hpack.too_many_fields"),
        (b"\x00\x01x\x00", "hpack.too_many_fields"),
        (b"\xa0", "hpack.too_many_cookies"),
        (b"\x40\x00\x00", "hpack.too_many_fields"),
    ],
    ids=["indexed", "literals", "cookies", "new entries"],
)
def test_sixteen_thousand_small_fields_are_refused(field, slug):
    # In 1.3 MB, as in the attack: each request would have 16,000 fields.
    attack = Attack(facing_server(limits=Limits(max_continuation_frames=100)), part_by_part)
    block = f.block(GET) + field * 16_000
    pieces = [block[at : at + 16_000] for at in range(0, len(block), 16_000)]
    first = f.raw_headers(3, pieces[0], end_headers=len(pieces) == 1)
    rest = [f.continuation(3, x, end_headers=x is pieces[-1]) for x in pieces[1:]]
    attack.sends([octets([first, *rest])])
    assert attack.shown == 0
    assert attack.events[-1] == StreamReset(3, CALM, False, slug)


def test_an_endless_integer_ends_the_connection_within_a_few_octets():
    for cut in (in_one_read, octet_by_octet):
        block = f.block(GET) + b"\xff" + b"\xff" * 10_000
        attack = Attack(facing_server(), cut).sends([bytes(f.raw_headers(1, block))])
        attack.is_cut_off("hpack.integer", code=f.COMPRESSION_ERROR)


# ------------------------------------------------------------------------------------------------
# Slow reading (CVE-2019-9511, CVE-2019-9517).


def test_ninety_bodies_of_sixteen_megabytes_are_not_even_asked_for():
    asked = []

    def source(most: int) -> tuple[bytes, int]:
        asked.append(most)
        return bytes(most), 0

    peer = facing_server(None, (f.INITIAL_WINDOW_SIZE, 0))
    tracemalloc.start()
    peer.sends(*(headers(s, GET) for s in odd(90)))
    for event in peer.hears():
        peer.connection.send_response(event.stream_id, 200, [], source)
    peer.pull()
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert asked == []
    assert kept < 500_000
    assert peer.connection.unsent_octets == 0
    assert peer.connection.waiting_for_peer() == [(s, WAITS_FOR_CREDIT, 0) for s in odd(90)]


def test_a_body_drawn_octet_by_octet_ends_the_connection():
    peer = facing_server(None, (f.INITIAL_WINDOW_SIZE, 0))
    attack = Attack(peer, part_by_part, answers=False)
    attack.sends([bytes(headers(1, GET))])
    peer.connection.send_response(1, 200, [], bytes(1_000_000))
    attack.sends(itertools.repeat(bytes(window_update(1, 1)), 100_000))
    attack.is_cut_off("control.flood", shown=1, sent=10_100)


def test_responses_that_nobody_reads_hold_their_streams():
    attack = Attack(facing_server(), part_by_part, False)
    attack.sends(get(s) for s in odd(20_000))
    attack.is_cut_off("streams.refused_flood", shown=5000)


# ------------------------------------------------------------------------------------------------
# Floods of frames (CVE-2019-9512, 9513, 9514, 9515, 9518).

FLOODS = {
    "PING": (200_000, "ping.flood", "ping.unread", [ping()]),
    "PING acknowledgements": (200_000, "ping.flood", "ping.flood", [f.ping_ack()]),
    "SETTINGS": (100_000, "settings.flood", "settings.unread", [settings()]),
    "SETTINGS that move windows": (
        50_000,
        "settings.flood",
        "settings.unread",
        [settings((f.INITIAL_WINDOW_SIZE, 1)), settings((f.INITIAL_WINDOW_SIZE, 2**31 - 1))],
    ),
    "SETTINGS that move tables": (
        50_000,
        "settings.flood",
        "settings.unread",
        [settings((f.HEADER_TABLE_SIZE, 0)), settings((f.HEADER_TABLE_SIZE, 4096))],
    ),
    "empty DATA": (100_000, "data.empty_flood", "data.empty_flood", [data(1)]),
    "DATA that is all padding": (
        100_000,
        "data.empty_flood",
        "data.empty_flood",
        [data(1, pad=255)],
    ),
    "PRIORITY on idle streams": (100_000, "control.flood", "control.flood", [f.priority(99, 97)]),
    "PRIORITY on an open stream": (100_000, "control.flood", "control.flood", [f.priority(1, 3)]),
    "PRIORITY_UPDATE": (100_000, "control.flood", "control.flood", [f.priority_update(1, b"u=1")]),
    "WINDOW_UPDATE": (100_000, "control.flood", "control.flood", [window_update(0, 1)]),
    "WINDOW_UPDATE on a stream": (100_000, "control.flood", "control.flood", [window_update(1, 1)]),
    "WINDOW_UPDATE on a closed one": (
        100_000,
        "control.flood",
        "control.flood",
        [window_update(3, 1)],
    ),
    "RST_STREAM on a closed one": (100_000, "control.flood", "control.flood", [rst_stream(3)]),
    "DATA on one that we reset": (100_000, "control.flood", "control.flood", [data(5)]),
    "HEADERS on one that we reset": (
        100_000,
        "control.flood",
        "control.flood",
        [headers(5, [(b"x", b"y")])],
    ),
    "unknown frames": (100_000, "control.flood", "control.flood", [f.Frame(0x77, 0, 0, b"what")]),
    "ALTSVC": (100_000, "control.flood", "control.flood", [f.altsvc(0, b"https://a", b"clear")]),
    "ORIGIN": (100_000, "control.flood", "control.flood", [f.origin(b"https://a")]),
    "GOAWAY": (100_000, "control.flood", "control.flood", [f.goaway()]),
}


@pytest.mark.parametrize("name", FLOODS)
def test_a_flood_ends_the_connection(name, way):
    count, slug, slug_unread, frames = FLOODS[name]
    peer = facing_server()
    peer.sends(
        headers(1, POST, end_stream=False),
        headers(3, GET),
        headers(5, POST, end_stream=False),
    )
    peer.connection.send_response(3, 200, [])
    peer.connection.reset_stream(5)
    peer.clear()
    attack = Attack(peer, *way)
    attack.sends(itertools.repeat(octets(frames), count))
    attack.is_cut_off(attack.events[-1].slug, sent=10_100)
    # Answers pile up for those who read nothing, and for those who cannot in time.
    assert attack.events[-1].slug in ((slug,) if attack.read_all else (slug, slug_unread))


def test_priorities_of_a_hundred_thousand_streams_leave_nothing():
    attack = Attack(facing_server())
    tracemalloc.start()
    attack.sends(bytes(f.priority(s, s - 2)) for s in odd(100_000))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    attack.is_cut_off("control.flood", sent=10_100)
    assert kept < 100_000


def test_priority_updates_of_streams_to_come_are_bounded(way):
    attack = Attack(facing_server(), *way)
    attack.sends(bytes(f.priority_update(s, b"u=1")) for s in odd(20_000))
    attack.is_cut_off("priority_update.flood", code=PROTOCOL)


def test_settings_of_2400_entries_end_the_connection():
    # CVE-2020-11080.
    large = bytes(settings(*[(f.INITIAL_WINDOW_SIZE, 1)] * 2400))
    for cut in (in_one_read, octet_by_octet):
        Attack(facing_server(), cut).sends([large]).is_cut_off("settings.entries")


# ------------------------------------------------------------------------------------------------
# Streams beyond the limit.


def test_of_two_hundred_streams_a_hundred_are_answered():
    for cut in (in_one_read, frame_by_frame):
        attack = Attack(facing_server(), cut, reads=False, answers=False)
        peer = attack.peer
        attack.sends(get(s) for s in odd(200))
        assert attack.shown == 100
        peer.wire(*(rst_stream(s, f.REFUSED_STREAM) for s in odd(200)[100:]))
        for stream in odd(100):
            peer.connection.send_response(stream, 200, [], b"answered")
        assert sum(x.end_stream for x in peer.reads()) == 100
        peer.lives()


def test_streams_beyond_the_limit_without_end_end_the_connection(way):
    attack = Attack(facing_server(), *way, answers=False)
    attack.sends(get(s) for s in odd(20_000))
    attack.is_cut_off("streams.refused_flood", shown=100)


# ------------------------------------------------------------------------------------------------
# Values and lengths that must not be (CVE-2026-33814).

BAD_FRAMES = {
    "MAX_FRAME_SIZE 0": ([settings((f.MAX_FRAME_SIZE, 0))], PROTOCOL, "settings.frame_size"),
    "MAX_FRAME_SIZE 16383": (
        [settings((f.MAX_FRAME_SIZE, 16_383))],
        PROTOCOL,
        "settings.frame_size",
    ),
    "MAX_FRAME_SIZE 2^24": ([settings((f.MAX_FRAME_SIZE, 2**24))], PROTOCOL, "settings.frame_size"),
    "ENABLE_PUSH 2": ([settings((f.ENABLE_PUSH, 2))], PROTOCOL, "settings.value"),
    "an initial window of 2^31": (
        [settings((f.INITIAL_WINDOW_SIZE, 2**31))],
        FLOW,
        "settings.window",
    ),
    "windows that overflow together": (
        [window_update(1, 2**31 - 1 - 65_535), settings((f.INITIAL_WINDOW_SIZE, 65_536))],
        FLOW,
        "settings.stream_window",
    ),
    "the connection's window overflows": (
        [window_update(0, 2**31 - 1)],
        FLOW,
        "window_update.overflow",
    ),
    "no credit for the connection": ([window_update(0, 0)], PROTOCOL, "window_update.zero"),
    "SETTINGS of 5 octets": ([f.Frame(f.SETTINGS, 0, 0, bytes(5))], SIZE, "settings.length"),
    "an acknowledgement with content": (
        [f.Frame(f.SETTINGS, f.ACK, 0, bytes(6))],
        SIZE,
        "settings.ack_length",
    ),
    "PING of 7 octets": ([f.Frame(f.PING, 0, 0, bytes(7))], SIZE, "ping.length"),
    "RST_STREAM of 3 octets": ([f.Frame(f.RST_STREAM, 0, 1, bytes(3))], SIZE, "rst_stream.length"),
    "WINDOW_UPDATE of 5 octets": (
        [f.Frame(f.WINDOW_UPDATE, 0, 1, bytes(5))],
        SIZE,
        "window_update.length",
    ),
    "GOAWAY of 7 octets": ([f.Frame(f.GOAWAY, 0, 0, bytes(7))], SIZE, "goaway.length"),
    "a frame of 16385 octets": ([f.Frame(f.DATA, 0, 1, bytes(16_385))], SIZE, "frame.length"),
    "more padding than frame": (
        [f.Frame(f.DATA, f.PADDED, 1, b"\xffshort")],
        PROTOCOL,
        "data.padding",
    ),
    "more than the window": ([data(1, bytes(16_384))] * 65, FLOW, "data.connection_window"),
}


@pytest.mark.parametrize("name", BAD_FRAMES)
def test_a_bad_value_or_length_ends_the_connection(name):
    frames, code, slug = BAD_FRAMES[name]
    small = sum(len(bytes(frame)) for frame in frames) < 1000
    for cut in (in_one_read, frame_by_frame, *([octet_by_octet] if small else [])):
        peer = facing_server(initial_window_size=2**31 - 1)
        peer.sends(headers(1, POST, end_stream=False)).clear()
        Attack(peer, cut).sends([octets(frames)]).is_cut_off(slug, code=code)


def test_a_stream_is_given_more_than_its_window():
    peer = with_an_open_stream()
    for frame in [data(1, bytes(16_384))] * 17:
        peer.sends(frame)
    reset = [event for event in peer.hears() if isinstance(event, StreamReset)]
    assert reset == [StreamReset(1, FLOW, False, "data.stream_window")]
    peer.lives()


# ------------------------------------------------------------------------------------------------
# Fields (CVE-2025-57804, CVE-2026-71554) and lengths that lie: the request is never shown.


def instead(name: bytes, value: bytes) -> f.Fields:
    return [(n, value if n == name else v) for n, v in GET]


def but(*fields: tuple[bytes, bytes]) -> f.Fields:
    return [*GET, *fields]


BAD_REQUESTS = {
    "CR": (but((b"x", b"a\rb")), "field.value"),
    "LF": (but((b"x", b"a\nb: c")), "field.value"),
    "NUL": (but((b"x", b"a\0b")), "field.value"),
    "a leading space": (but((b"x", b" a")), "field.value"),
    "a trailing tab": (but((b"x", b"a\t")), "field.value"),
    "upper case": (but((b"X", b"a")), "field.name"),
    "a space in a name": (but((b"x y", b"a")), "field.name"),
    "an empty name": (but((b"", b"a")), "field.name"),
    "a colon in a name": (but((b"x:y", b"a")), "field.name"),
    "two hosts": (
        but((b"host", b"example.com"), (b"host", b"example.com")),
        "field.host_repeated",
    ),
    "another host": (but((b"host", b"evil.example")), "field.host_differs"),
    "no path": ([field for field in GET if field[0] != b":path"], "field.pseudo_missing"),
    "no scheme": ([field for field in GET if field[0] != b":scheme"], "field.pseudo_missing"),
    "two methods": ([GET[0], *GET], "field.pseudo_repeated"),
    "two authorities": ([*GET, (b":authority", b"evil.example")], "field.pseudo_repeated"),
    "a pseudo-field too late": ([*GET[:3], (b"x", b"y"), GET[3]], "field.pseudo_order"),
    "userinfo": (instead(b":authority", b"user@example.com"), "field.authority"),
    "a path that is none": (instead(b":path", b"hdr"), "field.path"),
    "an empty path": (instead(b":path", b""), "field.path"),
    "a path with a space": (instead(b":path", b"/ HTTP/1.1"), "field.path"),
    "a fragment": (instead(b":path", b"/#top"), "field.path"),
    "a method that is a line": (instead(b":method", b"GET / HTTP/1.1"), "field.method"),
    "connection": (but((b"connection", b"close")), "field.connection_specific"),
    "transfer-encoding": (but((b"transfer-encoding", b"chunked")), "field.connection_specific"),
    "te": (but((b"te", b"gzip")), "field.te"),
    "upgrade": (but((b"upgrade", b"h2c")), "field.connection_specific"),
    "keep-alive": (but((b"keep-alive", b"1")), "field.connection_specific"),
    "a length repeated": (
        but((b"content-length", b"0"), (b"content-length", b"0")),
        "field.content_length_repeated",
    ),
    "a signed length": (but((b"content-length", b"+1")), "field.content_length"),
    "a negative length": (but((b"content-length", b"-1")), "field.content_length"),
    "a list of lengths": (but((b"content-length", b"1, 1")), "field.content_length"),
    "a length without a body": (but((b"content-length", b"5")), "content_length.short"),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_a_request_out_of_form_is_reset_and_never_shown(name):
    fields, slug = BAD_REQUESTS[name]
    for cut in (in_one_read, octet_by_octet):
        attack = Attack(facing_server(), cut, reads=False).sends([bytes(headers(1, fields))])
        assert attack.shown == 0
        assert attack.events == [StreamReset(1, PROTOCOL, False, slug)]
        attack.peer.wire(rst_stream(1, PROTOCOL)).lives()


LYING_BODIES = {
    "more": ([data(1, b"123456")], "content_length.exceeded"),
    "more, in pieces": ([data(1, b"123"), data(1, b"456")], "content_length.exceeded"),
    "less": ([data(1, b"1234", end_stream=True)], "content_length.short"),
    "less, with trailers": ([data(1, b"1234"), headers(1, [(b"x", b"y")])], "content_length.short"),
    "nothing": ([data(1, b"", end_stream=True)], "content_length.short"),
}


@pytest.mark.parametrize("name", LYING_BODIES)
def test_a_body_of_another_length_is_reset_before_it_ends(name):
    frames, slug = LYING_BODIES[name]
    for cut in (in_one_read, frame_by_frame, octet_by_octet):
        peer = facing_server()
        peer.sends(headers(1, [*POST, (b"content-length", b"5")], end_stream=False)).clear()
        Attack(peer, cut).sends([octets(frames)])
        events = peer.sends().hears()
        assert not any(getattr(event, "end_stream", False) for event in events)
        peer.lives()
        attack = Attack(facing_server(), in_one_read)
        head = headers(1, [*POST, (b"content-length", b"5")], end_stream=False)
        attack.sends([octets([head, *frames])])
        assert attack.shown == 0
        assert attack.events[-1] == StreamReset(1, PROTOCOL, False, slug)


def test_the_transport_decides_what_the_scheme_is():
    lie = [(b":method", b"GET"), (b":scheme", b"https"), *GET[2:]]
    peer = facing_server(transport_scheme=b"http").sends(headers(1, lie))
    (event,) = peer.hears()
    assert event.scheme == b"http"
    assert event.headers == lie
    # A scheme of its own invention is no way around the grammar of a path.
    odd_path = [(b":method", b"GET"), (b":scheme", b"x"), (b":authority", b"h"), (b":path", b"hdr")]
    peer.sends(headers(3, odd_path)).loses(3, PROTOCOL)


def test_without_a_transport_that_knows_the_client_is_believed():
    peer = facing_server().sends(headers(1, GET))
    assert peer.hears()[0].scheme == dict(GET)[b":scheme"]


# ------------------------------------------------------------------------------------------------
# Slow octets: the engine has no timers, and tells those who have.


def test_one_octet_a_second_is_seen():
    clock = Clock()
    peer = facing_server(Config(clock=clock))
    begun = clock.now
    for octet in bytes(headers(1, GET))[:-1]:
        peer.sends(bytes([octet]))
        clock.now += 1.0
    assert peer.connection.unfinished_since == begun
    assert not any(isinstance(event, RequestReceived) for event in peer.hears())


def test_a_frame_of_megabytes_octet_by_octet_costs_linear_time():
    # A frame that is put together anew for each octet would cost 20 GB of copying.
    peer = facing_server(max_frame_size=1_048_576, initial_window_size=1_048_576)
    peer.sends(headers(1, POST, end_stream=False))
    frame = bytes(data(1, bytes(200_000)))
    for octet in frame:
        peer.connection.receive_data(bytes([octet]))
    peer.lives()
