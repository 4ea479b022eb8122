"""What the RFC says of frames that leave, and of what our own caller may not make us send."""

from __future__ import annotations

import pytest

from plait.http2 import (
    Config,
    Connection,
    InvalidFieldError,
    NoSuchStreamError,
    Role,
    StreamStateError,
    UsageError,
)
from tests.http2 import frames as f
from tests.http2.frames import GET, OK, POST, Frame, data, headers, settings
from tests.http2.script import Clock, Peer, facing_client, facing_server

FLAGS = {
    f.DATA: f.END_STREAM,
    f.HEADERS: f.END_STREAM | f.END_HEADERS,
    f.SETTINGS: f.ACK,
    f.PUSH_PROMISE: f.END_HEADERS,
    f.PING: f.ACK,
    f.CONTINUATION: f.END_HEADERS,
}
"""The flags that plait uses, by frame type: it sends neither padding nor priorities."""

LONG = [(b"x-long", b"\xff" * 40_000)]


def a_busy_server() -> list[Frame]:
    """Every type of frame that a server sends."""
    peer = facing_server(handshake=False)
    peer.sends(f.PREFACE, settings((f.INITIAL_WINDOW_SIZE, 100)), f.ping())
    peer.sends(headers(1, POST, end_stream=False), headers(3, GET), headers(5, [(b"X", b"v")]))
    server = peer.connection
    server.push_stream(1, [*GET, *LONG])
    server.send_headers(1, [(b":status", b"103")])
    server.send_response(1, 200, LONG, bytes(200))
    server.send_response(2, 204)
    server.send_headers(3, OK)
    server.send_headers(3, LONG, end_stream=True)
    server.ping()
    server.update_settings({f.INITIAL_WINDOW_SIZE: 70_000})
    server.increment_flow_control_window(1000)
    server.send_origin([b"https://example.com"])
    server.send_alternative_service(b"clear", b"https://example.com")
    peer.sends(f.window_update(1, 1000))
    server.begin_shutdown()
    server.send_goaway()
    peer.pull()
    server.terminate()
    peer.pull()
    return peer.reader.raw


def a_busy_client() -> list[Frame]:
    """Every type of frame that a client sends."""
    peer = facing_client(handshake=False)
    client = peer.connection
    client.send_request([*GET, *LONG], priority=(1, True))
    client.send_request(POST, b"body")
    client.send_request(POST, end_stream=False)
    client.send_headers(5, LONG, end_stream=True)
    client.prioritize(1, 2)
    peer.sends(settings(), f.settings_ack(), f.ping())
    peer.sends(f.push_promise(1, 2, GET), headers(3, OK, end_stream=False))
    peer.sends(*(data(3, bytes(16_000), pad=9) for _ in range(9)))
    client.acknowledge_received_data(9 * 16_000, 3)
    client.increment_flow_control_window(1000, 3)
    client.reset_stream(2)
    client.send_goaway()
    peer.pull()
    client.terminate()
    peer.pull()
    return peer.reader.raw


@pytest.mark.parametrize("busy", [a_busy_server, a_busy_client])
def test_no_frame_carries_a_flag_or_a_reserved_bit_or_padding(busy):
    # RFC 9113 §4.1: unused flags and the reserved bit MUST be left unset; §6.1, §6.2, §6.6:
    # padding, of which there is none, would be zeros.
    frames = busy()
    kinds = {frame.type for frame in frames}
    wanted = set(range(10)) - {f.PRIORITY} if busy is a_busy_server else {0, 1, 3, 4, 6, 7, 8, 9}
    assert wanted <= kinds, f"{kinds} are not all of them"
    for frame in frames:
        assert frame.flags & ~FLAGS.get(frame.type, 0) == 0, frame
        assert frame.stream_id < 2**31, frame
        if frame.type in (f.WINDOW_UPDATE, f.GOAWAY, f.PRIORITY_UPDATE, f.PUSH_PROMISE):
            assert frame.payload[0] < 0x80, frame


@pytest.mark.parametrize("busy", [a_busy_server, a_busy_client])
def test_a_field_block_leaves_in_one_piece(busy):
    # RFC 9113 §4.3, §6.2, §6.6, §6.10, §8.1: HEADERS or PUSH_PROMISE, then its CONTINUATIONs.
    begun: Frame | None = None
    blocks = 0
    for frame in busy():
        if begun is not None:
            assert (frame.type, frame.stream_id) == (f.CONTINUATION, begun.stream_id)
        elif frame.type in (f.HEADERS, f.PUSH_PROMISE):
            begun = frame
            blocks += 1
        else:
            assert frame.type != f.CONTINUATION
        if begun is not None and frame.flags & f.END_HEADERS:
            begun = None
    assert begun is None
    assert blocks > 3


@pytest.mark.parametrize("busy", [a_busy_server, a_busy_client])
def test_every_frame_leaves_on_the_kind_of_stream_it_belongs_to(busy):
    # RFC 9113 §6: DATA, HEADERS, RST_STREAM, PUSH_PROMISE and CONTINUATION MUST be associated
    # with a stream; SETTINGS, PING and GOAWAY MUST NOT.
    for frame in busy():
        if frame.type in (f.DATA, f.HEADERS, f.RST_STREAM, f.PUSH_PROMISE, f.CONTINUATION):
            assert frame.stream_id > 0, frame
        if frame.type in (f.SETTINGS, f.PING, f.GOAWAY, f.PRIORITY_UPDATE, f.ORIGIN):
            assert frame.stream_id == 0, frame
        if frame.type == f.SETTINGS and frame.flags & f.ACK:
            assert frame.payload == b""
        if frame.type == f.PING:
            assert len(frame.payload) == 8


def test_a_client_numbers_its_streams_in_odd_numbers():
    # RFC 9113 §5.1.1.
    peer = facing_client()
    assert [peer.connection.send_request(GET) for _ in range(4)] == [1, 3, 5, 7]
    assert [frame.stream_id for frame in peer.reads()] == [1, 3, 5, 7]


def test_the_last_stream_id_of_all_is_the_end():
    # RFC 9113 §5.1.1: identifiers cannot be reused.
    peer = facing_server()
    peer.sends(headers(2**31 - 1, GET)).clear()
    peer.sends(headers(1, GET)).dies(f.PROTOCOL_ERROR)


@pytest.mark.parametrize("role", list(Role))
def test_a_server_never_speaks_of_push_and_a_client_may(role):
    # RFC 9113 §6.5.2: a server MUST NOT set ENABLE_PUSH to 1, and need not send it.
    peer = facing_server(handshake=False) if role == Role.SERVER else facing_client(handshake=False)
    assert f.ENABLE_PUSH not in f.parse_settings(peer.reads()[0])
    if role == Role.CLIENT:
        peer.connection.update_settings({f.ENABLE_PUSH: 0})
        peer.connection.update_settings({f.ENABLE_PUSH: 1})
        peer.wire(settings((f.ENABLE_PUSH, 0)), settings((f.ENABLE_PUSH, 1)))


def test_a_server_cannot_be_made_to_enable_push():
    peer = facing_server()
    with pytest.raises(UsageError):
        peer.connection.update_settings({f.ENABLE_PUSH: 1})
    peer.wire()
    peer.connection.update_settings({f.ENABLE_PUSH: 0})
    peer.wire(settings((f.ENABLE_PUSH, 0)))


def test_a_server_cannot_be_made_to_withdraw_extended_connect():
    # RFC 8441 §3: 0 MUST NOT follow 1.
    peer = facing_server()
    with pytest.raises(UsageError):
        peer.connection.update_settings({f.ENABLE_CONNECT_PROTOCOL: 0})
    peer.wire()
    other = facing_server(enable_connect_protocol=False)
    other.connection.update_settings({f.ENABLE_CONNECT_PROTOCOL: 0})
    other.connection.update_settings({f.ENABLE_CONNECT_PROTOCOL: 1})
    with pytest.raises(UsageError):
        other.connection.update_settings({f.ENABLE_CONNECT_PROTOCOL: 0})


@pytest.mark.parametrize("said", [True, False])
@pytest.mark.parametrize("facing", [facing_server, facing_client])
def test_what_was_said_of_rfc_7540s_priorities_cannot_be_changed(facing, said):
    # RFC 9218 §2.1: in the first SETTINGS or never, and MUST NOT change.
    peer = facing(no_rfc7540_priorities=said)
    with pytest.raises(UsageError):
        peer.connection.update_settings({f.NO_RFC7540_PRIORITIES: int(not said)})
    peer.wire()
    peer.connection.update_settings({f.NO_RFC7540_PRIORITIES: int(said)})


@pytest.mark.parametrize("value", [16_383, 2**24])
def test_a_frame_size_out_of_range_cannot_be_announced(value):
    # RFC 9113 §6.5.2.
    peer = facing_server()
    with pytest.raises(UsageError):
        peer.connection.update_settings({f.MAX_FRAME_SIZE: value})
    with pytest.raises(ValueError, match="max_frame_size"):
        Config(max_frame_size=value)
    peer.wire()


@pytest.mark.parametrize("end", ["send_goaway", "terminate"])
def test_a_goodbye_fits_into_a_frame_that_the_peer_accepts(end):
    # RFC 9113 §4.1: more than 2^14 octets MUST NOT be sent unless the peer allows it.
    peer = facing_server()
    getattr(peer.connection, end)(0, b"x" * 20_000)
    (frame,) = peer.reads()
    assert len(frame.payload) == 16_384


@pytest.mark.parametrize(
    "say",
    [
        lambda server: server.send_origin([b"https://%d.example.com" % n for n in range(1000)]),
        lambda server: server.send_alternative_service(b"x" * 16_384, b"https://example.com"),
        lambda server: server.update_settings({1000 + n: 1 for n in range(2731)}),
    ],
    ids=["ORIGIN", "ALTSVC", "SETTINGS"],
)
def test_no_other_frame_of_ours_is_too_large_either(say):
    peer = facing_server()
    with pytest.raises(UsageError):
        say(peer.connection)
    peer.wire()


# ------------------------------------------------------------------------------------------------
# RFC 9113 §5.1: what a state does not allow to be sent.


def pushing() -> Peer:
    """A server that has promised stream 2."""
    peer = facing_server().sends(headers(1, GET))
    peer.connection.push_stream(1, GET)
    return peer.clear()


def promised() -> Peer:
    """A client that was promised stream 2."""
    peer = facing_client()
    peer.connection.send_request(GET)
    return peer.sends(f.push_promise(1, 2, GET)).clear()


def test_in_reserved_local_only_a_head_and_a_reset_are_sent():
    peer = pushing()
    for attempt in (
        lambda: peer.connection.send_data(2, b"x"),
        lambda: peer.connection.send_headers(2, [(b"x", b"trailer")], end_stream=True),
        lambda: peer.connection.push_stream(2, GET),
    ):
        with pytest.raises(UsageError):
            attempt()
    peer.wire()
    peer.connection.send_headers(2, OK)
    peer.wire(headers(2, OK, end_stream=False))
    other = pushing()
    other.connection.reset_stream(2)
    other.wire(f.rst_stream(2))


def test_in_reserved_local_no_credit_is_given():
    peer = pushing()
    with pytest.raises(UsageError):
        peer.connection.increment_flow_control_window(1000, 2)
    peer.wire()


def test_in_reserved_remote_nothing_is_sent_but_credit_and_a_reset():
    peer = promised()
    for attempt in (
        lambda: peer.connection.send_data(2, b"x"),
        lambda: peer.connection.send_headers(2, GET),
        lambda: peer.connection.send_headers(2, OK),
        lambda: peer.connection.send_headers(2, [(b"x", b"trailer")], end_stream=True),
        lambda: peer.connection.send_response(2, 200),
    ):
        with pytest.raises(UsageError):
            attempt()
    peer.wire()
    peer.connection.increment_flow_control_window(1000, 2)
    peer.connection.reset_stream(2)
    peer.wire(f.window_update(2, 1000), f.rst_stream(2))


def closed_server(how: str) -> Peer:
    """A server whose stream 1 has closed."""
    peer = facing_server().sends(headers(1, POST, end_stream=False))
    if how == "ended":
        peer.sends(data(1, b"", end_stream=True))
        peer.connection.send_response(1, 200)
    elif how == "reset by us":
        peer.connection.reset_stream(1)
    else:
        peer.connection.send_response(1, 200, [], bytes(100_000))
        peer.sends(f.rst_stream(1))
    return peer.clear()


@pytest.mark.parametrize("how", ["ended", "reset by us", "reset by the peer"])
def test_nothing_is_sent_on_a_closed_stream(how):
    # RFC 9113 §5.1, §6.4.
    peer = closed_server(how)
    for attempt in (
        lambda: peer.connection.send_data(1, b"x"),
        lambda: peer.connection.send_headers(1, OK),
        lambda: peer.connection.send_response(1, 200),
        lambda: peer.connection.push_stream(1, GET),
        lambda: peer.connection.increment_flow_control_window(1, 1),
    ):
        with pytest.raises(NoSuchStreamError):
            attempt()
    peer.connection.reset_stream(1)
    peer.connection.acknowledge_received_data(10, 1)
    peer.connection.resume(1)
    peer.sends(f.window_update(1, 1000), f.window_update(0, 100_000))
    peer.wire()


@pytest.mark.parametrize("stream_id", [1, 2, 7], ids=["closed", "idle of ours", "idle"])
def test_an_alternative_service_needs_a_living_stream(stream_id):
    peer = closed_server("ended")
    with pytest.raises(NoSuchStreamError):
        peer.connection.send_alternative_service(b"clear", stream_id=stream_id)
    peer.wire()


def test_no_stream_is_reset_before_it_begins():
    # RFC 9113 §6.4: RST_STREAM MUST NOT be sent for an idle stream.
    for peer in (facing_server(), facing_client()):
        for stream in (1, 2, 3, 2**31 - 1):
            with pytest.raises(NoSuchStreamError):
                peer.connection.reset_stream(stream)
        peer.wire()


# ------------------------------------------------------------------------------------------------
# RFC 9113 §8.5: a connected stream carries DATA and nothing else.

CONNECT = [(b":method", b"CONNECT"), (b":authority", b"example.com:443")]
TRAILERS = [(b"x-trailer", b"v")]


def connected_server() -> Peer:
    peer = facing_server().sends(headers(1, CONNECT, end_stream=False))
    peer.connection.send_headers(1, OK)
    return peer.clear()


def connected_client() -> Peer:
    peer = facing_client()
    peer.connection.send_request(CONNECT, end_stream=False)
    return peer.sends(headers(1, OK, end_stream=False)).clear()


@pytest.mark.parametrize("connected", [connected_server, connected_client])
@pytest.mark.parametrize("fields", [TRAILERS, []], ids=["trailers", "no fields"])
def test_headers_on_a_connected_stream_reset_it(connected, fields):
    connected().sends(headers(1, fields)).loses(1, f.PROTOCOL_ERROR)


@pytest.mark.parametrize("connected", [connected_server, connected_client])
def test_no_trailers_are_sent_on_a_connected_stream(connected):
    peer = connected()
    with pytest.raises(StreamStateError):
        peer.connection.send_headers(1, TRAILERS, end_stream=True)
    peer.wire()
    peer.connection.send_data(1, b"still a tunnel")
    peer.wire(data(1, b"still a tunnel"))


def test_nothing_is_promised_on_a_connected_stream():
    peer = connected_server()
    with pytest.raises(StreamStateError):
        peer.connection.push_stream(1, GET)
    peer.wire()


def test_a_connect_that_was_turned_down_may_have_trailers():
    refused = [(b":status", b"502")]
    peer = facing_client()
    peer.connection.send_request(CONNECT, end_stream=False)
    peer.sends(headers(1, refused, end_stream=False), data(1, b"no")).clear()
    peer.sends(headers(1, TRAILERS))
    assert [type(event).__name__ for event in peer.hears()] == ["TrailersReceived"]
    peer = facing_server().sends(headers(1, CONNECT))
    peer.connection.send_headers(1, refused)
    peer.connection.send_headers(1, TRAILERS, end_stream=True)
    assert peer.reads()[-1] == headers(1, TRAILERS)


@pytest.mark.parametrize("connected", [connected_server, connected_client])
def test_the_frames_that_manage_a_stream_are_allowed_on_a_connected_one(connected):
    peer = connected()
    peer.sends(f.priority(1), f.window_update(1, 5), data(1, b"x"))
    assert [type(event).__name__ for event in peer.hears()] == ["WindowUpdated", "DataReceived"]
    peer.sends(f.rst_stream(1)).clear().lives()
    assert not peer.connection.stream_is_open(1)


# ------------------------------------------------------------------------------------------------
# RFC 9218 §7.1: PRIORITY_UPDATE.


@pytest.mark.parametrize("stream_id", [0, 2, 4, -1, 2**31])
def test_a_client_prioritises_no_stream_that_cannot_have_a_priority(stream_id):
    peer = facing_client()
    peer.connection.send_request(GET)
    peer.clear()
    with pytest.raises(UsageError):
        peer.connection.prioritize(stream_id, 1)
    peer.wire()


def test_a_client_prioritises_no_more_idle_streams_than_the_server_allows_streams():
    peer = facing_client(None, (f.MAX_CONCURRENT_STREAMS, 3))
    peer.connection.send_request(GET)
    peer.connection.prioritize(3, 1)
    peer.connection.prioritize(3, 2)
    peer.connection.prioritize(5, 1)
    peer.connection.prioritize(1, 1)
    peer.clear()
    with pytest.raises(UsageError):
        peer.connection.prioritize(7, 1)
    peer.wire()


def test_a_client_prioritises_what_was_promised():
    peer = promised()
    peer.connection.prioritize(2, 7)
    peer.wire(f.priority_update(2, b"u=7"))


def test_a_server_says_nothing_of_priorities():
    # RFC 9218 §7.1: servers MUST NOT send PRIORITY_UPDATE.
    peer = facing_server().sends(headers(1, GET)).clear()
    peer.connection.prioritize(1, 0, True)
    peer.wire()


@pytest.mark.parametrize("where", ["PRIORITY", "HEADERS"])
def test_a_server_ignores_the_priorities_that_the_client_said_it_does_not_use(where):
    # RFC 9218 §2.1: even a dependency on itself.
    peer = facing_server(None, (f.NO_RFC7540_PRIORITIES, 1))
    depends = 1 if where == "HEADERS" else None
    peer.sends(headers(1, POST, end_stream=False, depends_on=depends)).clear()
    peer.sends(f.priority(1, 1), data(1, b"x", end_stream=True))
    assert [type(event).__name__ for event in peer.hears()] == ["DataReceived"]
    peer.lives()


# ------------------------------------------------------------------------------------------------
# RFC 8441: extended CONNECT.

EXTENDED = [
    (b":method", b"CONNECT"),
    (b":protocol", b"websocket"),
    (b":scheme", b"https"),
    (b":path", b"/chat"),
    (b":authority", b"example.com"),
]


def test_a_client_uses_no_protocol_before_the_server_allows_it():
    # RFC 8441 §3; RFC 9113 §5.5: an extension MUST be negotiated before it is used.
    peer = facing_client()
    with pytest.raises(InvalidFieldError):
        peer.connection.send_request(EXTENDED, end_stream=False)
    peer.wire()
    peer.sends(settings((f.ENABLE_CONNECT_PROTOCOL, 1))).clear()
    peer.connection.send_request(EXTENDED, end_stream=False)
    peer.wire(headers(1, EXTENDED, end_stream=False))


@pytest.mark.parametrize("left_out", [b":scheme", b":path"])
def test_an_extended_connect_without_scheme_or_path_is_not_sent(left_out):
    # RFC 8441 §4.
    peer = facing_client(None, (f.ENABLE_CONNECT_PROTOCOL, 1))
    with pytest.raises(InvalidFieldError):
        peer.connection.send_request([x for x in EXTENDED if x[0] != left_out], end_stream=False)
    peer.wire()


def test_each_end_has_a_preface_of_its_own():
    # RFC 9113 §3.4: SETTINGS, which may be empty, comes first on both sides.
    bare = Config(
        max_concurrent_streams=None,
        initial_window_size=65_535,
        connection_window_size=65_535,
        announce_header_list_size=False,
        enable_connect_protocol=False,
        no_rfc7540_priorities=False,
        clock=Clock(),
    )
    for role, before in ((Role.SERVER, b""), (Role.CLIENT, f.PREFACE)):
        connection = Connection(role, bare)
        connection.initiate_connection()
        assert connection.data_to_send() == before + bytes(settings())
