"""Server push, from both ends (RFC 9113 §8.4)."""

from __future__ import annotations

import pytest

from plait.http2 import (
    DataReceived,
    InvalidFieldError,
    NoSuchStreamError,
    PushDisabledError,
    PushedStreamReceived,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamClosed,
    StreamReset,
    StreamStateError,
    UsageError,
)

from . import frames as f
from .frames import GET, HEAD, OK, POST, Frame, data, headers, push_promise, rst_stream, settings
from .script import Peer, facing_client, facing_server, refused_stream

STYLE = [*GET[:2], (b":path", b"/style.css"), GET[3]]


# ------------------------------------------------------------------------------------------------
# The server's side.


def asked(*their_settings: tuple[int, int]) -> Peer:
    return facing_server(None, *their_settings).sends(headers(1, GET)).clear()


def test_a_promise_comes_before_the_response_that_refers_to_it():
    peer = asked()
    promised = peer.connection.push_stream(1, STYLE)
    assert promised == 2
    peer.connection.send_response(promised, 200, [], b"css")
    peer.connection.send_response(1, 200, [], b"html")
    frames = peer.reads()
    assert frames[0] == push_promise(1, 2, STYLE)
    assert [x for x in frames if x.stream_id == 1][1:] == [
        headers(1, OK, end_stream=False),
        data(1, b"html", end_stream=True),
    ]
    assert [x for x in frames if x.stream_id == 2] == [
        headers(2, OK, end_stream=False),
        data(2, b"css", end_stream=True),
    ]
    # The main response is written before the pushed one.
    mains = [at for at, x in enumerate(frames) if x.stream_id == 1]
    assert max(mains) < min(at for at, x in enumerate(frames) if x.stream_id == 2)
    assert sorted(event.stream_id for event in peer.hears()) == [1, 2]


def test_promised_streams_are_numbered_in_order():
    peer = asked()
    assert [peer.connection.push_stream(1, STYLE) for _ in range(3)] == [2, 4, 6]
    peer.wire(*(push_promise(1, stream, STYLE) for stream in (2, 4, 6)))


def test_a_push_may_be_answered_later():
    peer = asked()
    peer.connection.push_stream(1, STYLE)
    peer.connection.send_response(1, 200, [])
    peer.clear()
    peer.connection.send_response(2, 200, [], b"late")
    assert peer.connection.wants_write
    peer.wire(headers(2, OK, end_stream=False), data(2, b"late", end_stream=True))
    peer.expect(StreamClosed(2, 0))


def test_a_pushed_response_may_have_no_body():
    peer = asked()
    peer.connection.push_stream(1, STYLE)
    peer.clear()
    peer.connection.send_response(2, 204, [])
    peer.wire(headers(2, [(b":status", b"204")])).expect(StreamClosed(2, 0))


def test_a_pushed_response_in_pieces():
    peer = asked()
    peer.connection.push_stream(1, STYLE)
    peer.clear()
    peer.connection.send_headers(2, OK)
    peer.connection.send_data(2, b"one")
    peer.connection.send_headers(2, [(b"x-sum", b"1")], end_stream=True)
    peer.wire(headers(2, OK, end_stream=False), data(2, b"one"), headers(2, [(b"x-sum", b"1")]))


def test_a_promised_head_gets_no_body():
    peer = asked()
    peer.connection.push_stream(1, [(b":method", b"HEAD"), *STYLE[1:]])
    peer.clear()
    peer.connection.send_response(2, 200, [], b"never")
    peer.wire(headers(2, OK))


def test_push_can_be_switched_off_from_the_start():
    peer = asked((f.ENABLE_PUSH, 0))
    assert not peer.connection.push_enabled
    with pytest.raises(PushDisabledError):
        peer.connection.push_stream(1, STYLE)
    peer.wire()
    peer.connection.send_response(1, 200, [])
    peer.wire(headers(1, OK))


def test_push_can_be_switched_off_and_on():
    peer = asked()
    assert peer.connection.push_enabled
    peer.sends(settings((f.ENABLE_PUSH, 0))).clear()
    assert not peer.connection.push_enabled
    peer.sends(settings((f.ENABLE_PUSH, 1))).clear()
    assert peer.connection.push_stream(1, STYLE) == 2


def test_a_push_hangs_on_an_open_request():
    peer = asked()
    with pytest.raises(NoSuchStreamError):
        peer.connection.push_stream(3, STYLE)
    peer.connection.push_stream(1, STYLE)
    # RFC 9113 §8.4: only on a stream that the client opened.
    with pytest.raises(StreamStateError):
        peer.connection.push_stream(2, STYLE)
    peer.connection.send_response(1, 200, [])
    with pytest.raises(NoSuchStreamError):
        peer.connection.push_stream(1, STYLE)


def test_nothing_can_be_promised_behind_the_end_of_a_response():
    peer = facing_server(reset_unread_request=False)
    peer.sends(headers(1, POST, end_stream=False)).clear()
    peer.connection.send_response(1, 200, [])
    with pytest.raises(UsageError):
        peer.connection.push_stream(1, STYLE)


@pytest.mark.parametrize(
    "fields",
    [
        STYLE[1:],
        [*STYLE[:2], *STYLE[3:]],
        [*STYLE, (b"Bad name", b"v")],
        [*STYLE, (b"x", b"a\nb")],
        [*STYLE, (b"connection", b"close")],
        [],
    ],
    ids=["no method", "no path", "bad name", "bad value", "connection", "empty"],
)
def test_only_a_proper_request_can_be_promised(fields):
    peer = asked()
    with pytest.raises(UsageError):
        peer.connection.push_stream(1, fields)
    peer.wire()
    assert peer.connection.push_stream(1, STYLE) == 2


@pytest.mark.parametrize("method", [b"POST", b"PUT", b"DELETE", b"CONNECT"])
def test_only_safe_methods_can_be_promised(method):
    # RFC 9113 §8.4: "Promised requests MUST be safe ... and cacheable".
    peer = asked()
    with pytest.raises((UsageError, InvalidFieldError)):
        peer.connection.push_stream(1, [(b":method", method), *STYLE[1:]])
    peer.wire()


def test_pushed_streams_wait_for_room_in_the_clients_limit():
    peer = asked((f.MAX_CONCURRENT_STREAMS, 1))
    for stream in (2, 4, 6):
        assert peer.connection.push_stream(1, STYLE) == stream
        peer.connection.send_response(stream, 200, [], b"x" * 70_000)
    frames = peer.reads()
    assert {x.stream_id for x in frames if x.type != f.PUSH_PROMISE} == {2}
    assert not peer.connection.wants_write
    peer.sends(f.window_update(0, 1_000_000), f.window_update(2, 10_000))
    frames = peer.reads()
    assert data(2, b"x" * 4465, end_stream=True) in frames
    assert {x.stream_id for x in frames} <= {2, 4}
    peer.sends(rst_stream(4)).pull()
    assert headers(6, OK, end_stream=False) in peer.reads()


def test_a_client_that_allows_no_streams_gets_none():
    peer = asked((f.MAX_CONCURRENT_STREAMS, 0))
    peer.connection.push_stream(1, STYLE)
    peer.connection.send_response(2, 200, [], b"css")
    peer.wire(push_promise(1, 2, STYLE))
    assert not peer.connection.wants_write
    peer.sends(settings((f.MAX_CONCURRENT_STREAMS, 1)))
    peer.wire(f.settings_ack(), headers(2, OK, end_stream=False), data(2, b"css", end_stream=True))


def test_promises_do_not_count_against_the_servers_own_limit():
    peer = facing_server(max_concurrent_streams=1).sends(headers(1, GET)).clear()
    for _ in range(3):
        peer.connection.push_stream(1, STYLE)
    peer.connection.send_response(1, 200, [])
    peer.clear().sends(headers(3, GET))
    assert [event.stream_id for event in peer.hears()] == [3]


def test_a_client_may_refuse_what_was_promised():
    peer = asked()
    peer.connection.push_stream(1, STYLE)
    peer.clear().sends(rst_stream(2, f.CANCEL))
    peer.expect(StreamReset(2, f.CANCEL, True, "peer.reset"))
    with pytest.raises(NoSuchStreamError):
        peer.connection.send_response(2, 200, [])
    peer.lives()


def test_a_client_may_refuse_what_is_half_sent():
    peer = asked()
    peer.connection.push_stream(1, STYLE)
    peer.connection.send_response(2, 200, [], b"x" * 100_000)
    peer.clear().sends(rst_stream(2, f.CANCEL), f.window_update(0, 100_000))
    assert not [x for x in peer.reads() if x.stream_id == 2]


def test_a_promise_outlives_its_parent():
    peer = asked()
    peer.connection.push_stream(1, STYLE)
    peer.clear().sends(rst_stream(1, f.CANCEL)).clear()
    peer.connection.send_response(2, 200, [], b"css")
    peer.wire(headers(2, OK, end_stream=False), data(2, b"css", end_stream=True))


def test_a_server_may_take_a_promise_back():
    peer = asked()
    peer.connection.push_stream(1, STYLE)
    peer.connection.reset_stream(2, f.CANCEL)
    peer.wire(push_promise(1, 2, STYLE), rst_stream(2, f.CANCEL)).expect(StreamClosed(2, f.CANCEL))


def test_credit_for_a_promised_stream_is_kept():
    # RFC 9113 §5.1: WINDOW_UPDATE may be received in "reserved (local)".
    peer = asked((f.INITIAL_WINDOW_SIZE, 0))
    peer.connection.push_stream(1, STYLE)
    peer.clear().sends(f.window_update(2, 100)).clear()
    peer.connection.send_response(2, 200, [], b"css")
    peer.wire(headers(2, OK, end_stream=False), data(2, b"css", end_stream=True))


@pytest.mark.parametrize("frame", [data(2, b"x"), headers(2, GET), headers(2, [(b"x", b"v")])])
def test_a_client_may_send_nothing_on_a_promised_stream(frame):
    # RFC 9113 §5.1: any other frame in "reserved (local)" MUST be a connection error.
    peer = asked()
    peer.connection.push_stream(1, STYLE)
    peer.clear().sends(frame).dies(f.PROTOCOL_ERROR)


@pytest.mark.parametrize("frame", [data(2, b"x"), headers(2, GET)])
def test_a_client_may_send_nothing_on_a_pushed_stream(frame):
    # RFC 9113 §5.1: half-closed (remote) from the client's first frame on.
    peer = asked()
    peer.connection.push_stream(1, STYLE)
    peer.connection.send_response(2, 200, [], b"x" * 100_000)
    peer.clear().sends(frame)
    assert peer.hears()[-1].error_code in (f.STREAM_CLOSED, f.PROTOCOL_ERROR)


def test_a_client_cannot_push():
    client = facing_client()
    client.connection.send_request(GET)
    assert not client.connection.push_enabled
    with pytest.raises(UsageError):
        client.connection.push_stream(1, STYLE)


# ------------------------------------------------------------------------------------------------
# The client's side.


def asking(**changes: object) -> Peer:
    peer = facing_client(None, **changes)
    peer.connection.send_request(GET)
    return peer.clear()


def test_a_promise_and_its_response_are_told():
    peer = asking().sends(push_promise(1, 2, STYLE), headers(1, OK, end_stream=False))
    peer.expect(PushedStreamReceived(2, 1, STYLE), ResponseReceived(1, OK, False))
    peer.sends(headers(2, OK, end_stream=False), data(2, b"css", end_stream=True))
    peer.expect(
        ResponseReceived(2, OK, False), DataReceived(2, b"css", 3, True), StreamClosed(2, 0)
    )


def test_a_pushed_response_without_body():
    peer = asking().sends(push_promise(1, 2, STYLE), headers(2, OK))
    peer.expect(
        PushedStreamReceived(2, 1, STYLE), ResponseReceived(2, OK, True), StreamClosed(2, 0)
    )


def test_a_response_to_a_promised_head_may_name_a_length():
    fields = [*OK, (b"content-length", b"99")]
    peer = asking().sends(push_promise(1, 2, [(b":method", b"HEAD"), *STYLE[1:]]))
    peer.clear().sends(headers(2, fields))
    peer.expect(ResponseReceived(2, fields, True), StreamClosed(2, 0))


def test_a_client_may_refuse_a_promise():
    peer = asking().sends(push_promise(1, 2, STYLE)).clear()
    peer.connection.reset_stream(2, f.CANCEL)
    peer.wire(rst_stream(2, f.CANCEL)).expect(StreamClosed(2, f.CANCEL))
    # What was on its way already is ignored.
    peer.sends(headers(2, OK, end_stream=False), data(2, b"css", end_stream=True)).expect()
    peer.lives()


def test_push_can_be_refused_altogether():
    # RFC 9113 §6.6: once the setting was acknowledged, a promise is a PROTOCOL_ERROR.
    peer = asking(enable_push=False)
    peer.sends(push_promise(1, 2, STYLE)).dies(f.PROTOCOL_ERROR)


def test_a_promise_that_crosses_our_refusal_is_no_fault():
    # RFC 9113 §6.5.3: the server acts on the setting when it has acknowledged it.
    peer = facing_client(enable_push=False, handshake=False)
    peer.connection.send_request(GET)
    peer.clear().sends(settings(), push_promise(1, 2, STYLE))
    peer.events = [event for event in peer.hears() if not isinstance(event, RemoteSettingsChanged)]
    assert not peer.connection.closed
    peer.sends(f.settings_ack()).clear()
    peer.sends(push_promise(1, 4, STYLE)).dies(f.PROTOCOL_ERROR)


def test_data_before_the_head_of_a_push_ends_the_connection():
    # RFC 9113 §5.1: anything but HEADERS, RST_STREAM, PRIORITY in "reserved (remote)".
    peer = asking().sends(push_promise(1, 2, STYLE)).clear()
    peer.sends(data(2, b"x")).dies(f.PROTOCOL_ERROR)


def test_credit_from_the_server_for_a_promise_ends_the_connection():
    peer = asking().sends(push_promise(1, 2, STYLE)).clear()
    peer.sends(f.window_update(2, 1)).dies(f.PROTOCOL_ERROR)


@pytest.mark.parametrize("promised", [2, 4])
def test_a_promised_stream_must_be_new(promised):
    # RFC 9113 §5.1.1: greater than all streams that the server has opened or reserved.
    peer = asking().sends(push_promise(1, 4, STYLE)).clear()
    peer.sends(push_promise(1, promised, STYLE)).dies(f.PROTOCOL_ERROR)


def test_a_promise_hangs_on_an_open_request():
    peer = asking().sends(headers(1, OK)).clear()
    peer.sends(push_promise(1, 2, STYLE)).dies(f.PROTOCOL_ERROR)


def test_a_promise_on_a_pushed_stream_ends_the_connection():
    peer = asking().sends(push_promise(1, 2, STYLE), headers(2, OK, end_stream=False)).clear()
    peer.sends(push_promise(2, 4, STYLE)).dies(f.PROTOCOL_ERROR)


def test_a_promise_on_a_request_that_we_reset_is_refused():
    # RFC 9113 §5.1: it was on its way; the promised stream becomes reserved, and is of no use.
    peer = asking()
    peer.connection.reset_stream(1)
    peer.clear().sends(push_promise(1, 2, STYLE)).expect()
    peer.wire(rst_stream(2, f.CANCEL))
    peer.sends(headers(2, OK, end_stream=False), data(2, b"css", end_stream=True)).expect()
    peer.lives()


@pytest.mark.parametrize(
    "fields",
    [
        POST,
        [(b":method", b"CONNECT"), (b":authority", b"example.com:443")],
        [*STYLE, (b"content-length", b"5")],
        STYLE[1:],
        [*STYLE[:3]],
        [*STYLE, (b"Upper", b"v")],
        [*STYLE, (b"connection", b"close")],
        OK,
    ],
    ids=[
        "POST",
        "CONNECT",
        "body",
        "no method",
        "no authority",
        "upper case",
        "connection",
        "status",
    ],
)
def test_an_improper_promise_is_reset(fields):
    # RFC 9113 §8.4: a stream error of type PROTOCOL_ERROR on the promised stream.
    peer = asking().sends(push_promise(1, 2, fields))
    peer.expect(refused_stream(2, f.PROTOCOL_ERROR))
    peer.wire(rst_stream(2, f.PROTOCOL_ERROR)).lives()


@pytest.mark.parametrize("fields", [HEAD, [*STYLE, (b"content-length", b"0")]])
def test_a_promise_may_be_a_head_or_say_that_it_has_no_body(fields):
    peer = asking().sends(push_promise(1, 2, fields))
    peer.expect(PushedStreamReceived(2, 1, fields))


def test_pushes_beyond_the_clients_limit_are_refused():
    # RFC 9113 §5.1.2: PROTOCOL_ERROR or REFUSED_STREAM.
    peer = asking(max_concurrent_streams=1)
    peer.sends(push_promise(1, 2, STYLE), push_promise(1, 4, STYLE)).clear()
    peer.sends(headers(2, OK, end_stream=False), headers(4, OK, end_stream=False))
    events = peer.hears()
    assert [e.stream_id for e in events if isinstance(e, ResponseReceived)] == [2]
    assert events[-1].error_code in (f.REFUSED_STREAM, f.PROTOCOL_ERROR)


def test_promises_without_end_are_stopped():
    # A promise costs the client a stream; nothing else bounds how many a server makes.
    peer = asking()
    sent = 0
    while not peer.connection.closed and sent < 100_000:
        peer.sends(*(push_promise(1, sent + 2 + 2 * n, STYLE) for n in range(1000)))
        sent += 2000
        peer.clear()
        if peer.connection.open_streams > 20_000:
            break
    assert peer.connection.closed or peer.connection.open_streams < 5000


def test_a_short_promise_is_a_fault_of_the_connection():
    peer = asking()
    peer.sends(Frame(f.PUSH_PROMISE, 4, 1, b"\0\0"))
    assert peer.hears()[-1].error_code in (f.FRAME_SIZE_ERROR, f.PROTOCOL_ERROR)
