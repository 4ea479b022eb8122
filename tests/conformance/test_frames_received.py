"""What the RFC says of frames that arrive, with the one error code that it allows."""

from __future__ import annotations

import pytest

from plait.http2 import (
    ConnectionTerminated,
    DataReceived,
    RemoteSettingsChanged,
    RequestReceived,
    ResponseReceived,
    StreamReset,
)
from tests.http2 import frames as f
from tests.http2.frames import GET, OK, POST, Frame, data, headers, push_promise, settings
from tests.http2.script import Peer, facing_client, facing_server

PROTOCOL, SIZE, FLOW = f.PROTOCOL_ERROR, f.FRAME_SIZE_ERROR, f.FLOW_CONTROL_ERROR


def serving() -> Peer:
    """A server whose stream 1 is open both ways."""
    return facing_server().sends(headers(1, POST, end_stream=False)).clear()


def asking(fields: f.Fields = GET) -> Peer:
    """A client whose request on stream 1 is complete."""
    peer = facing_client()
    peer.connection.send_request(fields)
    return peer.clear()


BOTH = pytest.mark.parametrize("facing", [serving, asking], ids=["server", "client"])

# ------------------------------------------------------------------------------------------------
# RFC 9113 §4: the frame format.


TOO_SMALL = {
    "HEADERS without its padding's length": Frame(f.HEADERS, f.PADDED | 5, 3, b""),
    "HEADERS without all of its priority": Frame(f.HEADERS, 0x25, 3, b"\0\0\0\0"),
    "HEADERS padded into its priority": Frame(f.HEADERS, 0x2D, 3, b"\x03\0\0\0\0\x0f\0\0"),
    "DATA without its padding's length": Frame(f.DATA, f.PADDED, 1, b""),
    "PRIORITY_UPDATE of 3 octets": Frame(f.PRIORITY_UPDATE, 0, 0, bytes(3)),
}


@pytest.mark.parametrize("frame", TOO_SMALL.values(), ids=TOO_SMALL)
def test_a_frame_too_small_for_its_fields_is_a_frame_size_error(frame):
    # RFC 9113 §4.2: "too small to contain mandatory frame data".
    serving().sends(frame).dies(SIZE)


@pytest.mark.parametrize(
    "frame",
    [
        Frame(f.PUSH_PROMISE, 4, 1, bytes(3)),
        Frame(f.PUSH_PROMISE, 0xC, 1, b""),
        Frame(f.PUSH_PROMISE, 0xC, 1, b"\x06\0\0\0\x02" + bytes(4)),
    ],
    ids=["3 octets", "no padding's length", "padded into the promised stream"],
)
def test_a_promise_too_small_for_its_fields_is_a_frame_size_error(frame):
    asking().sends(frame).dies(SIZE)


@pytest.mark.parametrize("pad", [5, 6, 255])
def test_padding_as_long_as_the_payload_is_a_protocol_error(pad):
    # RFC 9113 §6.1, §6.2, §6.6: the payload has five octets, one of which is the length.
    payload = bytes([pad]) + b"abcd"
    serving().sends(Frame(f.DATA, f.PADDED, 1, payload)).dies(PROTOCOL)
    serving().sends(Frame(f.HEADERS, f.PADDED | 5, 3, payload)).dies(PROTOCOL)
    asking().sends(Frame(f.PUSH_PROMISE, f.PADDED | 4, 1, payload)).dies(PROTOCOL)


@BOTH
@pytest.mark.parametrize(
    ("kind", "stream_id"),
    [(f.HEADERS, 1), (f.PUSH_PROMISE, 1), (f.SETTINGS, 0), (f.PING, 0), (0x42, 0)],
)
def test_a_frame_of_the_whole_connection_that_is_too_long_ends_it(facing, kind, stream_id):
    facing().sends(f.frame_header(16_385, kind, 0, stream_id)).dies(SIZE)


@BOTH
@pytest.mark.parametrize("kind", [f.HEADERS, f.DATA, 0x42])
def test_every_frame_of_the_largest_size_is_processed(facing, kind):
    # RFC 9113 §4.2: all implementations MUST be capable of 2^14 octets.
    peer = facing()
    if kind == f.HEADERS:
        name = b"x-long"
        rest = 16_384 - len(f.block(OK)) - len(f.block([(name, b"")])) - 2
        fields = [*OK, (name, b"v" * rest)]
        if facing is serving:
            fields = [*GET, (name, b"v" * (rest - len(f.block(GET)) + len(f.block(OK))))]
        frame = headers(3 if facing is serving else 1, fields)
        assert len(frame.payload) == 16_384
        peer.sends(frame)
        assert peer.hears()[0].headers == fields
    elif kind == f.DATA:
        if facing is asking:
            peer.sends(headers(1, OK, end_stream=False)).clear()
        peer.sends(data(1, bytes(16_384))).expect(DataReceived(1, bytes(16_384), 16_384, False))
    else:
        peer.sends(Frame(kind, 0, 0, bytes(16_384))).lives()


@BOTH
def test_frames_and_flags_and_bits_that_nobody_knows_are_passed_over(facing):
    # RFC 9113 §4.1, §5.5.
    peer = facing()
    for kind in (0x0B, 0x0F, 0x42, 0xFF):
        peer.sends(Frame(kind, 0xFF, 0, b"what"), Frame(kind, 0, 1, b""))
    peer.sends(Frame(f.SETTINGS, 0xFE, 0, b"\x42\x42\0\0\0\x01"))
    peer.sends(Frame(f.WINDOW_UPDATE, 0xFF, 0, b"\x80\0\0\x01"))
    peer.sends(Frame(f.PING, 0xFE, 0, bytes(8)))
    peer.clear().lives()


# ------------------------------------------------------------------------------------------------
# RFC 9113 §4.3: field blocks.


@BOTH
@pytest.mark.parametrize("block", [b"\x80", b"\xbe", b"\x00\x85\xff\xff\xff\xff\xff"])
def test_a_block_that_does_not_decode_is_a_compression_error(facing, block):
    stream = 3 if facing is serving else 1
    facing().sends(f.raw_headers(stream, block)).dies(f.COMPRESSION_ERROR)


@pytest.mark.parametrize("state", ["refused", "reset by us", "beyond our GOAWAY", "trailers"])
def test_every_block_is_decoded_whatever_becomes_of_its_stream(state):
    # RFC 9113 §4.3, §6.8, §10.5.1: the table must stay in step.
    peer = facing_server(max_concurrent_streams=1)
    peer.sends(headers(1, POST, end_stream=False))
    stream, fields = 3, GET
    if state == "reset by us":
        peer.connection.reset_stream(1)
        stream = 1
    elif state == "beyond our GOAWAY":
        peer.connection.send_goaway()
    elif state == "trailers":
        stream, fields = 1, []
    kept = f.raw_headers(stream, f.block(fields) + f.indexing_block([(b"x-kept", b"here")]))
    peer.sends(kept).clear()
    if state == "trailers":
        peer.connection.send_response(1, 200, [])
    elif state == "refused":
        peer.connection.reset_stream(1)
    if state == "beyond our GOAWAY":
        # No request is taken any more: a block that refers to the entry shows that it is there.
        peer.clear().sends(f.raw_headers(5, b"\xbe")).lives()
        return
    peer.clear().sends(f.raw_headers(7, f.block(GET) + b"\xbe"))
    peer.expect(RequestReceived(7, [*GET, (b"x-kept", b"here")], True))


def test_the_block_of_a_promise_that_is_refused_is_decoded():
    peer = asking()
    peer.connection.reset_stream(1)
    fields = f.block(GET) + f.indexing_block([(b"x-kept", b"here")])
    peer.sends(Frame(f.PUSH_PROMISE, 4, 1, b"\0\0\0\x02" + fields)).clear()
    peer.connection.send_request(GET)
    peer.clear().sends(f.raw_headers(3, f.block(OK) + b"\xbe"))
    assert peer.hears()[0] == ResponseReceived(3, [*OK, (b"x-kept", b"here")], True)


BETWEEN = {
    "HEADERS of another stream": headers(5, GET),
    "CONTINUATION of another stream": f.continuation(5, b""),
    "DATA": data(1, b"x"),
    "PRIORITY": f.priority(1),
    "RST_STREAM of the same stream": f.rst_stream(3),
    "SETTINGS": settings(),
    "PUSH_PROMISE": push_promise(1, 2, GET),
    "PING": f.ping(),
    "GOAWAY": f.goaway(),
    "WINDOW_UPDATE": f.window_update(0, 1),
    "a frame of an unknown type": Frame(0x42, 0, 3, b""),
    "PRIORITY_UPDATE": f.priority_update(1, b"u=1"),
    "ALTSVC": f.altsvc(0, b"https://example.com", b"clear"),
    "ORIGIN": f.origin(b"https://example.com"),
}


@pytest.mark.parametrize("frame", BETWEEN.values(), ids=BETWEEN)
def test_a_block_is_not_interrupted(frame):
    # RFC 9113 §4.3, §5.5, §6.2, §6.10.
    block = f.block(GET)
    peer = serving().sends(f.raw_headers(3, block[:7], end_headers=False))
    peer.sends(frame).dies(PROTOCOL)
    peer = serving().sends(f.raw_headers(3, block[:7], end_headers=False))
    peer.sends(f.continuation(3, block[7:9], end_headers=False), frame).dies(PROTOCOL)


@pytest.mark.parametrize("frame", BETWEEN.values(), ids=BETWEEN)
def test_the_block_of_a_promise_is_not_interrupted(frame):
    # RFC 9113 §6.6.
    peer = asking().sends(push_promise(1, 2, GET[:1], end_headers=False))
    peer.sends(frame).dies(PROTOCOL)


# ------------------------------------------------------------------------------------------------
# RFC 9113 §5: streams.


@BOTH
@pytest.mark.parametrize("stream_id", [1, 7, 8], ids=["known", "idle", "idle even"])
def test_no_reset_is_answered_with_a_reset(facing, stream_id):
    # RFC 9113 §5.4.2.
    peer = facing()
    peer.sends(f.rst_stream(stream_id, PROTOCOL))
    if stream_id == 1:
        peer.sends(f.rst_stream(1, PROTOCOL), f.rst_stream(1, PROTOCOL))
    assert f.RST_STREAM not in [frame.type for frame in peer.reads()]


@BOTH
@pytest.mark.parametrize("depends_on", [0, 1, 3])
@pytest.mark.parametrize("used", [0, 1])
def test_priority_on_stream_0_is_an_error_whatever_it_says(facing, depends_on, used):
    # RFC 9113 §6.3: also where RFC 7540's priorities are not used.
    peer = facing().sends(settings((f.NO_RFC7540_PRIORITIES, used))).clear()
    peer.sends(f.priority(0, depends_on)).dies(PROTOCOL)


@BOTH
@pytest.mark.parametrize("code", [f.NO_ERROR, 0x0D, 0x0E, 0xFFFF_FFFF])
def test_every_error_code_resets_a_stream_alike(facing, code):
    # RFC 9113 §7: unknown codes MUST NOT trigger any special behaviour.
    peer = facing().sends(f.rst_stream(1, code))
    peer.expect(StreamReset(1, code, True, "peer.reset")).wire().lives()


@BOTH
@pytest.mark.parametrize("code", [f.INTERNAL_ERROR, 0x0E, 0xFFFF_FFFF])
def test_every_error_code_ends_a_connection_alike(facing, code):
    peer = facing().sends(f.goaway(1, code, b"why"))
    peer.expect(ConnectionTerminated(code, 1, b"why", True, "peer.goaway"))
    assert peer.connection.closed


def test_data_of_streams_that_are_not_handled_counts_toward_the_connection():
    # RFC 9113 §6.8, §6.9.
    peer = facing_server(connection_window_size=70_000)
    peer.sends(headers(1, GET)).clear()
    peer.connection.send_goaway()
    peer.sends(headers(3, POST, end_stream=False)).clear()
    for _ in range(8):
        peer.sends(data(3, bytes(16_384)))
        peer.pull()
    # What nobody will read is credited again, so the window did not leak away.
    assert peer.credit[0] >= 8 * 16_384 - 70_000
    assert peer.credit[3] == 0
    peer.lives()


@BOTH
@pytest.mark.parametrize("size", [1, 100, 16_000])
def test_data_beyond_the_connections_window_ends_the_connection(facing, size):
    # RFC 9113 §6.9, §6.9.1: whatever the size of the frame; the last octet that fits is fine.
    peer = facing()
    if facing is asking:
        peer.sends(headers(1, OK, end_stream=False)).clear()
    peer.connection.increment_flow_control_window(10_000_000, 1)
    left = peer.connection.config.connection_window_size
    while left:
        taken = min(left, 16_384)
        peer.sends(data(1, bytes(taken)))
        left -= taken
    peer.clear().lives()
    peer.sends(data(1, bytes(size))).dies(FLOW)


@pytest.mark.parametrize("state", ["idle", "reserved"])
def test_a_stream_of_the_server_is_not_opened_by_headers(state):
    # RFC 9113 §5.1: in "idle", a server's HEADERS open nothing; a promise must come first.
    peer = asking()
    if state == "idle":
        peer.sends(headers(2, OK)).dies(PROTOCOL)
    else:
        peer.sends(push_promise(1, 2, GET), headers(2, OK))
        assert [type(event).__name__ for event in peer.hears()][:2] == [
            "PushedStreamReceived",
            "ResponseReceived",
        ]


@pytest.mark.parametrize("end_headers", [True, False])
def test_a_promise_on_stream_0_is_an_error_at_once(end_headers):
    # RFC 9113 §6.6: not only when its block is whole.
    asking().sends(push_promise(0, 2, GET, end_headers=end_headers)).dies(PROTOCOL)


@pytest.mark.parametrize("stream_id", [0, 1, 2, 3, 4], ids=str)
@pytest.mark.parametrize("end_headers", [True, False])
def test_a_client_promises_nothing_on_any_stream(stream_id, end_headers):
    # RFC 9113 §8.4: a connection error, before the block is looked at.
    peer = serving()
    peer.connection.push_stream(1, GET)
    peer.clear().sends(push_promise(stream_id, 6, GET, end_headers=end_headers))
    assert peer.events[-1].slug == "push.not_allowed"
    peer.dies(PROTOCOL)


@pytest.mark.parametrize("state", ["idle", "closed"])
@pytest.mark.parametrize("promised", [2, 1, 3, 0], ids=["new", "odd", "idle odd", "none"])
def test_a_promise_stands_on_an_open_stream_and_names_a_new_one(state, promised):
    # RFC 9113 §6.6: two MUSTs, each with PROTOCOL_ERROR.
    peer = asking()
    if state == "closed":
        peer.sends(headers(1, OK)).clear()
    peer.sends(push_promise(1 if state == "closed" else 5, promised, GET)).dies(PROTOCOL)


def test_a_promise_behind_the_end_of_a_response_ends_the_connection():
    # RFC 9113 §6.6: half-closed (remote) is neither "open" nor "half-closed (local)".
    peer = facing_client()
    peer.connection.send_request(POST, end_stream=False)
    peer.sends(headers(1, OK)).clear()
    peer.sends(push_promise(1, 2, GET)).dies(PROTOCOL)


# ------------------------------------------------------------------------------------------------
# RFC 9113 §6: SETTINGS and windows.


@BOTH
@pytest.mark.parametrize(
    ("pair", "code"),
    [
        ((f.ENABLE_PUSH, 2), PROTOCOL),
        ((f.INITIAL_WINDOW_SIZE, 2**31), FLOW),
        ((f.MAX_FRAME_SIZE, 16_383), PROTOCOL),
        ((f.MAX_FRAME_SIZE, 2**24), PROTOCOL),
        ((f.ENABLE_CONNECT_PROTOCOL, 2), PROTOCOL),
        ((f.NO_RFC7540_PRIORITIES, 2), PROTOCOL),
    ],
)
def test_a_setting_out_of_range_ends_the_connection(facing, pair, code):
    facing().sends(settings(pair)).dies(code)


def test_settings_without_end_of_an_entry_are_a_frame_size_error():
    for length in (1, 5, 7, 11):
        asking().sends(Frame(f.SETTINGS, 0, 0, bytes(length))).dies(SIZE)


def test_the_values_of_one_settings_frame_are_taken_in_their_order():
    # RFC 9113 §6.5.3, §6.9.2: the first value overflows the window of stream 1.
    peer = facing_server(None, (f.INITIAL_WINDOW_SIZE, 100_000))
    peer.sends(headers(1, POST, end_stream=False), f.window_update(1, 1000)).clear()
    first, second = (f.INITIAL_WINDOW_SIZE, 2**31 - 1), (f.INITIAL_WINDOW_SIZE, 65_535)
    peer.sends(settings(first, second)).dies(FLOW)


def test_settings_are_in_force_before_they_are_acknowledged():
    # RFC 9113 §6.5.3: whatever follows the acknowledgement keeps to them.
    peer = facing_server().sends(headers(1, GET)).clear()
    peer.sends(settings((f.INITIAL_WINDOW_SIZE, 10), (f.MAX_FRAME_SIZE, 16_384)))
    peer.connection.send_response(1, 200, [], b"x" * 100)
    kinds = [(frame.type, len(frame.payload)) for frame in peer.reads()]
    assert kinds[0] == (f.SETTINGS, 0)
    assert kinds[2] == (f.DATA, 10)


def test_an_initial_window_that_shrinks_and_grows_moves_every_stream():
    # RFC 9113 §6.9.2: by the difference, below zero if need be.
    peer = facing_server().sends(headers(1, GET), headers(3, GET), f.window_update(0, 100_000))
    peer.clear()
    for stream, size in ((1, 65_000), (3, 60_000)):
        peer.connection.send_headers(stream, OK)
        peer.connection.send_data(stream, bytes(size))
    peer.clear().sends(settings((f.INITIAL_WINDOW_SIZE, 1000))).clear()
    for stream in (1, 3):
        peer.connection.send_data(stream, bytes(3000))
    peer.sends(settings((f.INITIAL_WINDOW_SIZE, 62_000)))
    # Stream 1 is 3,000 below zero, stream 3 has 2,000 again.
    sent = [(x.stream_id, len(x.payload)) for x in peer.reads() if x.type == f.DATA]
    assert sent == [(3, 2000)]
    peer.sends(f.window_update(1, 3000)).clear()
    assert peer.connection.local_flow_control_window(1) == 0
    peer.sends(f.window_update(1, 1))
    assert [len(x.payload) for x in peer.reads() if x.type == f.DATA] == [1]


def test_a_lowered_window_of_ours_does_not_forbid_what_was_allowed_before():
    # RFC 9113 §6.9.3: what was sent before the peer processed the SETTINGS is no error.
    peer = facing_server(initial_window_size=65_535)
    peer.sends(headers(1, POST, end_stream=False)).clear()
    peer.connection.update_settings({f.INITIAL_WINDOW_SIZE: 100})
    peer.clear().sends(data(1, bytes(16_384)), data(1, bytes(16_384))).lives()
    peer.sends(f.settings_ack()).lives()
    peer.sends(data(1, b"x")).loses(1, FLOW)


@BOTH
def test_events_of_good_frames_precede_the_fault(facing):
    # RFC 9113 §5.4: an error is reported, and what came before it stands.
    peer = facing().sends(settings(), f.ping(b"12345678"), Frame(f.PING, 0, 0, b""))
    events = peer.hears()
    assert isinstance(events[0], RemoteSettingsChanged)
    assert (events[-1].error_code, events[-1].slug) == (SIZE, "ping.length")
    frames = peer.reads()
    assert [frame.type for frame in frames] == [f.SETTINGS, f.PING, f.GOAWAY]
    assert f.error_code(frames[-1]) == SIZE
