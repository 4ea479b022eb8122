"""What every frame type must look like, and what happens when it does not (RFC 9113 §4, §6).

One row of the tables is one frame: who receives it, in which situation, and how it ends.
"""

from __future__ import annotations

import pytest

from plait.http2 import UnknownFrameReceived

from . import frames as f
from .frames import Frame, data, headers, priority, rst_stream, settings, window_update
from .script import Peer, facing_client, facing_server, refused_connection

F = Frame
PROTOCOL, SIZE, FLOW = f.PROTOCOL_ERROR, f.FRAME_SIZE_ERROR, f.FLOW_CONTROL_ERROR

# (what is wrong, the frame, the error codes that the RFC allows). Stream 1 is open, 3 is idle.
CONNECTION_FAULTS = [
    ("DATA on stream 0", F(f.DATA, 0, 0, b"x"), [PROTOCOL]),
    ("DATA on an idle stream", data(3, b"x"), [PROTOCOL]),
    ("DATA on an idle stream of ours", data(2, b"x"), [PROTOCOL]),
    ("DATA padded one octet beyond its end", F(f.DATA, f.PADDED, 1, b"\x06abcde"), [PROTOCOL]),
    ("DATA padded far beyond its end", F(f.DATA, f.PADDED, 1, b"\xffabc"), [PROTOCOL]),
    ("DATA padded without a length", F(f.DATA, f.PADDED, 1, b""), [PROTOCOL, SIZE]),
    ("HEADERS on stream 0", headers(0, f.GET), [PROTOCOL]),
    ("HEADERS on an even stream", headers(2, f.GET), [PROTOCOL]),
    ("HEADERS padded beyond its end", F(f.HEADERS, f.PADDED | 5, 3, b"\x06abcde"), [PROTOCOL]),
    ("HEADERS padded without a length", F(f.HEADERS, f.PADDED | 5, 3, b""), [PROTOCOL, SIZE]),
    ("HEADERS too short for a priority", F(f.HEADERS, 0x25, 3, b"\0\0\0\0"), [PROTOCOL, SIZE]),
    (
        "HEADERS padded into its priority",
        F(f.HEADERS, 0x2D, 3, b"\x03" + b"\0\0\0\0\x0f" + b"\0\0"),
        [PROTOCOL, SIZE],
    ),
    ("PRIORITY on stream 0", F(f.PRIORITY, 0, 0, b"\0\0\0\0\x0f"), [PROTOCOL]),
    ("RST_STREAM on stream 0", rst_stream(0), [PROTOCOL]),
    ("RST_STREAM on an idle stream", rst_stream(3), [PROTOCOL]),
    ("RST_STREAM on an idle stream of ours", rst_stream(2), [PROTOCOL]),
    ("RST_STREAM of 3 octets", F(f.RST_STREAM, 0, 1, b"\0\0\0"), [SIZE]),
    ("RST_STREAM of 5 octets", F(f.RST_STREAM, 0, 1, b"\0\0\0\x08\0"), [SIZE]),
    ("SETTINGS on a stream", F(f.SETTINGS, 0, 1, b""), [PROTOCOL]),
    ("SETTINGS acknowledgement on a stream", F(f.SETTINGS, f.ACK, 1, b""), [PROTOCOL]),
    ("SETTINGS of 5 octets", F(f.SETTINGS, 0, 0, b"\0\x04\0\0\0"), [SIZE]),
    ("SETTINGS of 7 octets", F(f.SETTINGS, 0, 0, b"\0\x04\0\0\0\x01\0"), [SIZE]),
    ("SETTINGS acknowledgement with a payload", F(f.SETTINGS, f.ACK, 0, bytes(6)), [SIZE]),
    ("ENABLE_PUSH 2", settings((f.ENABLE_PUSH, 2)), [PROTOCOL]),
    ("INITIAL_WINDOW_SIZE 2^31", settings((f.INITIAL_WINDOW_SIZE, 2**31)), [FLOW]),
    ("INITIAL_WINDOW_SIZE 2^32-1", settings((f.INITIAL_WINDOW_SIZE, 2**32 - 1)), [FLOW]),
    ("MAX_FRAME_SIZE 0", settings((f.MAX_FRAME_SIZE, 0)), [PROTOCOL]),
    ("MAX_FRAME_SIZE 16383", settings((f.MAX_FRAME_SIZE, 16_383)), [PROTOCOL]),
    ("MAX_FRAME_SIZE 2^24", settings((f.MAX_FRAME_SIZE, 2**24)), [PROTOCOL]),
    ("NO_RFC7540_PRIORITIES 2", settings((f.NO_RFC7540_PRIORITIES, 2)), [PROTOCOL]),
    ("PUSH_PROMISE from a client", f.push_promise(1, 2, f.GET), [PROTOCOL]),
    ("PING on a stream", F(f.PING, 0, 1, bytes(8)), [PROTOCOL]),
    ("PING of 7 octets", F(f.PING, 0, 0, bytes(7)), [SIZE]),
    ("PING of 9 octets", F(f.PING, 0, 0, bytes(9)), [SIZE]),
    ("PING acknowledgement of 6 octets", F(f.PING, f.ACK, 0, bytes(6)), [SIZE]),
    ("GOAWAY on a stream", F(f.GOAWAY, 0, 1, bytes(8)), [PROTOCOL]),
    ("GOAWAY of 7 octets", F(f.GOAWAY, 0, 0, bytes(7)), [SIZE]),
    ("WINDOW_UPDATE of 3 octets", F(f.WINDOW_UPDATE, 0, 0, bytes(3)), [SIZE]),
    ("WINDOW_UPDATE of 5 octets", F(f.WINDOW_UPDATE, 0, 1, b"\0\0\0\x01\0"), [SIZE]),
    ("WINDOW_UPDATE of 0 for the connection", window_update(0, 0), [PROTOCOL]),
    ("WINDOW_UPDATE on an idle stream", window_update(3, 1), [PROTOCOL]),
    ("WINDOW_UPDATE on an idle stream of ours", window_update(2, 1), [PROTOCOL]),
    ("CONTINUATION out of nowhere", f.continuation(1, b""), [PROTOCOL]),
    ("CONTINUATION on stream 0", f.continuation(0, b""), [PROTOCOL]),
    ("PRIORITY_UPDATE on a stream", F(f.PRIORITY_UPDATE, 0, 1, b"\0\0\0\x01u=1"), [PROTOCOL]),
    ("PRIORITY_UPDATE for stream 0", f.priority_update(0, b"u=1"), [PROTOCOL]),
    ("PRIORITY_UPDATE of 3 octets", F(f.PRIORITY_UPDATE, 0, 0, bytes(3)), [PROTOCOL, SIZE]),
    ("PRIORITY_UPDATE for an idle push", f.priority_update(2, b"u=1"), [PROTOCOL]),
]


def with_one_open_stream() -> Peer:
    """Stream 1 is open both ways; everything before is forgotten."""
    peer = facing_server()
    peer.sends(headers(1, f.POST, end_stream=False)).clear()
    return peer


def dies_with_one_of(peer: Peer, codes: list[int]) -> None:
    (event,) = peer.hears()
    assert event.error_code in codes
    peer.events.append(event)
    peer.dies(event.error_code)


@pytest.mark.parametrize(
    ("frame", "codes"),
    [row[1:] for row in CONNECTION_FAULTS],
    ids=[row[0] for row in CONNECTION_FAULTS],
)
def test_a_server_ends_the_connection_for(frame, codes):
    dies_with_one_of(with_one_open_stream().sends(frame), codes)


# What a server may not send to a client. Stream 1 is our open request.
FAULTS_OF_SERVERS = [
    ("ENABLE_PUSH 1", settings((f.ENABLE_PUSH, 1)), [PROTOCOL]),
    ("PRIORITY_UPDATE", f.priority_update(1, b"u=1"), [PROTOCOL]),
    ("HEADERS on an idle stream of ours", headers(3, f.OK), [PROTOCOL]),
    ("HEADERS on a stream never promised", headers(2, f.OK), [PROTOCOL]),
    ("DATA on a stream never promised", data(2, b"x"), [PROTOCOL]),
    ("RST_STREAM on a stream never promised", rst_stream(2), [PROTOCOL]),
    ("WINDOW_UPDATE on a stream never promised", window_update(2, 1), [PROTOCOL]),
    ("PUSH_PROMISE on stream 0", f.push_promise(0, 2, f.GET), [PROTOCOL]),
    ("PUSH_PROMISE of an odd stream", f.push_promise(1, 3, f.GET), [PROTOCOL]),
    ("PUSH_PROMISE of stream 0", f.push_promise(1, 0, f.GET), [PROTOCOL]),
    ("PUSH_PROMISE on an idle stream", f.push_promise(3, 2, f.GET), [PROTOCOL]),
    ("PUSH_PROMISE of 3 octets", F(f.PUSH_PROMISE, 4, 1, bytes(3)), [PROTOCOL, SIZE]),
    (
        "PUSH_PROMISE all padding",
        F(f.PUSH_PROMISE, 0xC, 1, b"\x08" + bytes(8)),
        [PROTOCOL, SIZE],
    ),
    (
        "PUSH_PROMISE padded into the promised stream",
        F(f.PUSH_PROMISE, 0xC, 1, b"\x06\0\0\0\x02" + bytes(4)),
        [PROTOCOL, SIZE],
    ),
]


@pytest.mark.parametrize(
    ("frame", "codes"),
    [row[1:] for row in FAULTS_OF_SERVERS],
    ids=[row[0] for row in FAULTS_OF_SERVERS],
)
def test_a_client_ends_the_connection_for(frame, codes):
    peer = facing_client()
    peer.connection.send_request(f.GET)
    dies_with_one_of(peer.clear().sends(frame), codes)


# RFC 9113 §5.4.2 faults of a single stream; the connection goes on.
STREAM_FAULTS = [
    ("WINDOW_UPDATE of 0", window_update(1, 0), PROTOCOL),
    ("WINDOW_UPDATE of 0 with the reserved bit", F(f.WINDOW_UPDATE, 0, 1, b"\x80\0\0\0"), PROTOCOL),
    ("a window above 2^31-1", window_update(1, 2**31 - 1), FLOW),
    ("PRIORITY of 4 octets", F(f.PRIORITY, 0, 1, bytes(4)), SIZE),
    ("PRIORITY of 6 octets", F(f.PRIORITY, 0, 1, bytes(6)), SIZE),
    # RFC 7540 §5.3.1; RFC 9113 dropped the sentence with the rest of the scheme.
    ("PRIORITY that depends on itself", priority(1, 1), PROTOCOL),
]


@pytest.mark.parametrize(
    ("frame", "code"), [row[1:] for row in STREAM_FAULTS], ids=[row[0] for row in STREAM_FAULTS]
)
def test_a_server_resets_the_stream_for(frame, code):
    with_one_open_stream().sends(frame).loses(1, code)


def test_a_request_that_depends_on_itself_is_reset():
    # RFC 7540 §5.3.1, as above.
    peer = facing_server()
    peer.sends(headers(1, f.GET, depends_on=1)).loses(1, PROTOCOL)
    # Its id is used up.
    peer.sends(headers(3, f.GET)).clear()
    assert peer.connection.highest_remote_stream_id == 3


@pytest.mark.parametrize("stream", [1, 2, 3])
def test_a_head_that_depends_on_itself_is_first_of_all_one_on_its_stream(stream):
    # 1 has closed, 2 is ours, 3 was skipped: the same as without a priority.
    for depends_on in (None, stream):
        peer = facing_server().sends(headers(1, f.GET), headers(5, f.GET))
        peer.connection.send_response(1, 200, [])
        peer.clear().sends(headers(stream, f.GET, depends_on=depends_on))
        peer.dies(f.STREAM_CLOSED if stream == 1 else PROTOCOL)


def test_a_late_head_on_a_stream_that_we_reset_may_depend_on_itself():
    peer = facing_server().sends(headers(1, f.POST, end_stream=False))
    peer.connection.reset_stream(1)
    peer.clear().sends(headers(1, [(b"x", b"y")], depends_on=1)).expect().wire()


# Frames that mean nothing here, and must change nothing.
HARMLESS = [
    ("PRIORITY on an idle stream", priority(9, 1)),
    ("PRIORITY on an open stream", priority(1, 3)),
    ("PRIORITY on an idle stream of ours", priority(2)),
    ("PRIORITY with the exclusive bit", F(f.PRIORITY, 0, 1, b"\x80\0\0\x05\xff")),
    ("SETTINGS unknown", settings((0x4242, 7), (0, 1), (7, 1), (0xFFFF, 2**32 - 1))),
    ("SETTINGS with unknown flags", F(f.SETTINGS, 0xFE, 0, b"")),
    ("ALTSVC from a client", f.altsvc(0, b"https://example.com", b"clear")),
    ("ALTSVC from a client on a stream", f.altsvc(1, b"", b"clear")),
    ("ORIGIN from a client", f.origin(b"https://example.com")),
    ("WINDOW_UPDATE with the reserved bit", F(f.WINDOW_UPDATE, 0, 0, b"\x80\0\0\x01")),
    ("PING with unknown flags", F(f.PING, 0xFE, 0, bytes(8))),
]


@pytest.mark.parametrize("frame", [row[1] for row in HARMLESS], ids=[row[0] for row in HARMLESS])
def test_a_server_goes_on_after(frame):
    peer = with_one_open_stream().sends(frame).lives()
    peer.sends(data(1, b"still here", end_stream=True))
    (event,) = peer.hears()
    assert (event.stream_id, event.data, event.end_stream) == (1, b"still here", True)


@pytest.mark.parametrize(
    "frame",
    [
        F(0x77, 0, 0, b"payload"),
        F(0x77, 0xFF, 1, b""),
        F(0xFF, 0, 3, bytes(16_384)),
        F(0x0B, 0, 2**31 - 1, b"x"),
    ],
    ids=["stream 0", "open stream with all flags", "idle stream", "highest stream"],
)
def test_an_unknown_frame_is_told_and_changes_nothing(frame):
    # RFC 9113 §5.5: "Implementations MUST discard frames that have unknown or unsupported types."
    peer = with_one_open_stream().sends(frame)
    peer.expect(UnknownFrameReceived(frame.type, frame.flags, frame.stream_id, frame.payload))
    peer.wire().lives()


def test_unknown_flags_are_ignored_on_every_frame_of_a_request():
    # RFC 9113 §4.1: flags without meaning for a type MUST be ignored.
    peer = facing_server()
    request = F(f.HEADERS, 0x04 | 0xD2, 1, f.block(f.POST))
    peer.sends(request, F(f.DATA, 0x01 | 0xF6, 1, b"body"))
    head, body = peer.hears()
    assert (head.method, head.end_stream) == (b"POST", False)
    assert (body.data, body.end_stream) == (b"body", True)
    peer.lives()


def test_the_reserved_bit_of_the_stream_identifier_is_ignored():
    # RFC 9113 §4.1: R ... MUST be ignored when receiving.
    reserved = bytearray(bytes(headers(1, f.GET)))
    reserved[5] |= 0x80
    peer = facing_server().sends(bytes(reserved))
    assert [event.stream_id for event in peer.hears()] == [1]


def test_the_reserved_bit_of_a_promised_stream_is_ignored():
    peer = facing_client()
    peer.connection.send_request(f.GET)
    peer.clear()
    promise = bytearray(bytes(f.push_promise(1, 2, f.GET)))
    promise[9] |= 0x80
    peer.sends(bytes(promise))
    assert [event.pushed_stream_id for event in peer.hears()] == [2]


@pytest.mark.parametrize("pad", [0, 1, 255])
def test_padding_is_removed_from_every_padded_frame(pad):
    peer = facing_server()
    peer.sends(headers(1, f.POST, end_stream=False, pad=pad), data(1, b"abc", pad=pad))
    head, body = peer.hears()
    assert head.headers == f.POST
    assert body.data == b"abc"
    peer.sends(data(1, b"", end_stream=True, pad=pad))
    (last,) = peer.hears()
    assert (last.data, last.end_stream) == (b"", True)


def test_a_frame_may_be_all_padding():
    peer = with_one_open_stream().sends(F(f.DATA, f.PADDED | f.END_STREAM, 1, b"\x05" + bytes(5)))
    (last,) = peer.hears()
    assert (last.data, last.end_stream) == (b"", True)
    peer.lives()


def test_padding_and_priority_may_come_together():
    peer = facing_server()
    peer.sends(headers(3, f.GET, pad=9, depends_on=1))
    assert [event.headers for event in peer.hears()] == [f.GET]


@pytest.mark.parametrize(
    ("kind", "stream_id"),
    [
        (f.HEADERS, 3),
        (f.SETTINGS, 0),
        (f.PING, 0),
        (f.GOAWAY, 0),
        (f.WINDOW_UPDATE, 0),
        (f.CONTINUATION, 3),
        (0x77, 0),
    ],
)
def test_a_frame_above_the_announced_size_is_refused_by_its_header_alone(kind, stream_id):
    # RFC 9113 §4.2: FRAME_SIZE_ERROR; nothing of the payload needs to arrive.
    peer = with_one_open_stream()
    first = []
    if kind == f.CONTINUATION:
        first = [f.raw_headers(3, b"", end_headers=False)]
    peer.sends(*first, f.frame_header(16_385, kind, 0, stream_id)).dies(SIZE)


def test_data_above_the_announced_size_is_refused():
    # It may end the stream or the connection; what matters is that it is never delivered.
    peer = with_one_open_stream().sends(f.frame_header(16_385, f.DATA, 0, 1))
    peer.sends(bytes(16_385))
    (event,) = peer.hears()
    assert event.error_code == SIZE


def test_a_frame_of_exactly_the_announced_size_is_taken():
    peer = with_one_open_stream().sends(data(1, bytes(16_384)))
    assert [len(event.data) for event in peer.hears()] == [16_384]


def test_a_larger_frame_size_can_be_announced():
    peer = facing_server(max_frame_size=100_000, initial_window_size=200_000)
    peer.sends(headers(1, f.POST, end_stream=False)).clear()
    peer.sends(data(1, bytes(100_000)))
    assert [len(event.data) for event in peer.hears()] == [100_000]
    peer.sends(f.frame_header(100_001, f.HEADERS, 0, 3)).dies(SIZE)


def test_events_before_the_fault_are_delivered_with_it():
    peer = facing_server()
    peer.sends(headers(1, f.GET), f.ping(), settings((f.MAX_FRAME_SIZE, 1)), headers(3, f.GET))
    events = peer.hears()
    assert [type(event).__name__ for event in events] == [
        "RequestReceived",
        "PingReceived",
        "ConnectionTerminated",
    ]
    assert events[-1] == refused_connection(PROTOCOL)


def test_the_goaway_of_a_fault_names_the_last_stream_taken():
    # RFC 9113 §6.8: the highest stream that was or might yet be processed.
    peer = facing_server()
    peer.sends(headers(1, f.GET), headers(5, f.GET), f.ping(b"short")).hears()
    assert f.last_stream(peer.reads()[-1]) == 5


@pytest.mark.parametrize(
    ("frame", "stream"),
    [
        (data(3, b"x"), 3),
        (rst_stream(3), 3),
        (window_update(5, 1), 5),
        (headers(2, f.GET), 2),
        (f.ping(b"short"), 0),
        (data(0, b"x"), 0),
    ],
)
def test_the_end_of_a_connection_tells_whose_frame_it_was(frame, stream):
    peer = with_one_open_stream().sends(frame)
    assert peer.hears()[-1].stream_id == stream


def test_the_end_of_a_connection_tells_of_a_frame_on_a_closed_stream():
    peer = facing_server().sends(headers(1, f.GET), headers(3, f.GET))
    peer.connection.send_response(1, 200, [])
    peer.clear().sends(headers(1, f.GET))
    assert peer.hears()[-1].stream_id == 1
    peer = facing_client()
    peer.sends(f.goaway(0, PROTOCOL))
    assert peer.hears()[-1].stream_id == 0


def test_a_reset_tells_whether_its_stream_had_ended_before():
    peer = facing_server().sends(headers(1, f.GET), headers(3, f.GET, end_stream=False))
    peer.connection.send_response(1, 200, [])
    peer.clear().sends(data(1, b"x"), window_update(3, 0), headers(5, [(b"X", b"y")]))
    assert [(event.stream_id, event.late) for event in peer.hears()] == [
        (1, True),
        (3, False),
        (5, False),
    ]
    peer.sends(headers(7, f.GET), rst_stream(7))
    assert peer.hears()[-1].late is False
