"""What our own caller may not do: the right exception, and nothing on the wire."""

from __future__ import annotations

import pytest

from plait.http2 import (
    DATA_EOF,
    Connection,
    ConnectionClosedError,
    Http2Error,
    InvalidFieldError,
    NoSuchStreamError,
    PushDisabledError,
    Role,
    StreamLimitError,
    StreamStateError,
    UsageError,
)

from . import frames as f
from .frames import GET, OK, POST, data, headers, rst_stream
from .script import Peer, facing_client, facing_server


def source(most: int) -> tuple[bytes, int]:
    return b"", DATA_EOF


SENDING = {
    "send_response": lambda c, s: c.send_response(s, 200, []),
    "send_headers": lambda c, s: c.send_headers(s, OK),
    "send_data": lambda c, s: c.send_data(s, b"x"),
    "send_body": lambda c, s: c.send_body(s, source),
    "push_stream": lambda c, s: c.push_stream(s, GET),
}


def test_every_misuse_is_a_usage_error():
    classes = [
        *(NoSuchStreamError, StreamStateError, StreamLimitError, PushDisabledError),
        *(InvalidFieldError, ConnectionClosedError),
    ]
    for kind in classes:
        assert issubclass(kind, UsageError)
    assert issubclass(UsageError, Http2Error)
    assert issubclass(InvalidFieldError, ValueError)


@pytest.mark.parametrize("call", SENDING.values(), ids=SENDING)
@pytest.mark.parametrize("stream", [0, 3, 2, 2**31, -1, 2**64, -(2**64)])
def test_nothing_can_be_sent_on_a_stream_never_opened(call, stream):
    peer = facing_server().sends(headers(1, GET)).clear()
    with pytest.raises(NoSuchStreamError):
        call(peer.connection, stream)
    peer.wire()


@pytest.mark.parametrize("call", SENDING.values(), ids=SENDING)
@pytest.mark.parametrize("how", ["answered", "reset by us", "reset by the peer"])
def test_nothing_can_be_sent_on_a_stream_that_has_closed(call, how):
    peer = facing_server().sends(headers(1, GET))
    if how == "answered":
        peer.connection.send_response(1, 200, [])
    elif how == "reset by us":
        peer.connection.reset_stream(1)
    else:
        peer.sends(rst_stream(1))
    peer.clear()
    with pytest.raises(NoSuchStreamError) as caught:
        call(peer.connection, 1)
    assert caught.value.stream_id == 1
    peer.wire()


def answering() -> Peer:
    peer = facing_server().sends(headers(1, GET)).clear()
    peer.connection.send_headers(1, OK)
    return peer.clear()


def test_a_body_cannot_come_before_its_head():
    peer = facing_server().sends(headers(1, GET)).clear()
    with pytest.raises(StreamStateError):
        peer.connection.send_data(1, b"x")
    with pytest.raises(StreamStateError):
        peer.connection.send_body(1, source)
    peer.wire()


def test_a_response_is_sent_once():
    peer = answering()
    with pytest.raises(StreamStateError):
        peer.connection.send_response(1, 200, [])
    peer.wire()


def test_nothing_can_follow_the_end_of_a_body():
    peer = facing_server(None, (f.INITIAL_WINDOW_SIZE, 0)).sends(headers(1, GET)).clear()
    peer.connection.send_response(1, 200, [], b"waits for its window")
    peer.clear()
    for call in (SENDING["send_data"], SENDING["send_body"], SENDING["send_response"]):
        with pytest.raises(StreamStateError):
            call(peer.connection, 1)
    with pytest.raises(StreamStateError):
        peer.connection.send_headers(1, [(b"x", b"v")], end_stream=True)
    peer.sends(f.window_update(1, 100))
    peer.wire(data(1, b"waits for its window", end_stream=True))


def test_octets_cannot_overtake_a_source():
    peer = answering()
    peer.connection.send_body(1, lambda most: (None, 2))
    with pytest.raises(StreamStateError):
        peer.connection.send_data(1, b"x")
    with pytest.raises(StreamStateError):
        peer.connection.send_body(1, source)


@pytest.mark.parametrize("status", [0, 99, 100, 103, 199, 1000, -200, "200", None])
def test_a_response_has_a_final_status(status):
    peer = facing_server().sends(headers(1, GET)).clear()
    with pytest.raises((UsageError, TypeError)):
        peer.connection.send_response(1, status, [])
    peer.wire()
    peer.connection.send_response(1, 200, [])
    peer.wire(headers(1, OK))


@pytest.mark.parametrize(
    "fields",
    [[("only a name",)], [("a", "b", "c")], ["text"], [(1, "v")], [("x", None)], [None]],
    ids=repr,
)
def test_fields_are_pairs_of_text_or_octets(fields):
    peer = facing_server().sends(headers(1, GET)).clear()
    with pytest.raises((TypeError, ValueError)):
        peer.connection.send_response(1, 200, fields)
    peer.wire()
    peer.connection.send_response(1, 200, [])
    peer.wire(headers(1, OK))


def test_fields_may_come_from_any_iterable():
    peer = facing_server().sends(headers(1, GET), headers(3, GET)).clear()
    peer.connection.send_response(1, 200, (pair for pair in [("a", "1"), ["b", "2"]]))
    peer.connection.send_response(3, 200, {"c": "3"}.items())
    peer.wire(
        headers(1, [*OK, (b"a", b"1"), (b"b", b"2")]),
        headers(3, [*OK, (b"c", b"3")]),
    )


def test_a_list_of_fields_may_be_changed_and_used_again():
    # The engine remembers sections it has checked, never the caller's list itself.
    peer = facing_server().sends(*(headers(stream, GET) for stream in range(1, 13, 2))).clear()
    fields = [("x-a", "1")]
    sent = []
    for stream, change in ((1, None), (3, None), (5, ("x-b", "2")), (7, ("x-a", "3")), (9, None)):
        if change:
            fields.append(change)
        peer.connection.send_response(stream, 200, fields)
        section = [*OK, *((name.encode(), value.encode()) for name, value in fields)]
        sent.append(headers(stream, section))
    fields.append(("x-bad", "a\nb"))
    with pytest.raises(InvalidFieldError):
        peer.connection.send_response(11, 200, fields)
    peer.wire(*sent)


def test_a_buffer_given_as_a_field_may_be_changed_and_used_again():
    peer = facing_server().sends(headers(1, GET), headers(3, GET)).clear()
    value = bytearray(b"one")
    fields = ((b"x-a", value),)
    peer.connection.send_response(1, 200, fields)
    value[:] = b"two"
    peer.connection.send_response(3, 200, fields)
    peer.wire(headers(1, [*OK, (b"x-a", b"one")]), headers(3, [*OK, (b"x-a", b"two")]))


def test_a_stream_never_opened_cannot_be_reset():
    peer = facing_server().sends(headers(1, GET)).clear()
    for stream in (0, 2, 3, -1):
        with pytest.raises(NoSuchStreamError):
            peer.connection.reset_stream(stream)
    peer.wire()


def test_resetting_a_closed_stream_has_no_effect():
    peer = facing_server().sends(headers(1, GET)).clear()
    peer.connection.reset_stream(1, f.INTERNAL_ERROR)
    peer.connection.reset_stream(1)
    peer.wire(rst_stream(1, f.INTERNAL_ERROR))
    assert [(e.stream_id, e.error_code) for e in peer.hears()] == [(1, f.INTERNAL_ERROR)]


def test_a_server_makes_no_requests():
    with pytest.raises(UsageError):
        facing_server().connection.send_request(GET)


def test_a_client_sends_no_responses():
    peer = facing_client()
    peer.connection.send_request(POST, end_stream=False)
    peer.clear()
    with pytest.raises(UsageError):
        peer.connection.send_response(1, 200, [])
    peer.wire()


# ------------------------------------------------------------------------------------------------
# Requests.


def test_a_client_keeps_to_the_servers_limit():
    peer = facing_client(None, (f.MAX_CONCURRENT_STREAMS, 2))
    assert peer.connection.can_open_stream
    peer.connection.send_request(GET)
    peer.connection.send_request(GET)
    assert not peer.connection.can_open_stream
    with pytest.raises(StreamLimitError):
        peer.connection.send_request(GET)
    peer.clear().sends(headers(1, OK))
    assert peer.connection.can_open_stream
    assert peer.connection.send_request(GET) == 5


def test_a_limit_that_shrinks_below_what_is_open_only_stops_new_streams():
    peer = facing_client()
    for _ in range(3):
        peer.connection.send_request(GET)
    peer.clear().sends(f.settings((f.MAX_CONCURRENT_STREAMS, 1))).clear()
    peer.sends(headers(1, OK), headers(3, OK)).clear()
    assert not peer.connection.can_open_stream
    peer.sends(headers(5, OK)).clear()
    assert peer.connection.can_open_stream


@pytest.mark.parametrize(
    "fields",
    [
        [],
        GET[1:],
        [GET[0], *GET[2:]],
        [*GET[:2], *GET[3:]],
        [*GET, (b":status", b"200")],
        [*GET, (b":unknown", b"v")],
        [*GET, GET[0]],
        [(b"x", b"v"), *GET],
        [*GET, (b"x", b"a\nb")],
        [*GET, (b"connection", b"close")],
        [*GET, (b"te", b"gzip")],
        [GET[0], GET[1], (b":path", b"no slash"), GET[3]],
        [GET[0], GET[1], (b":path", b""), GET[3]],
    ],
    ids=[
        *("empty", "no method", "no scheme", "no path", "status", "unknown", "method twice"),
        *("order", "LF", "connection", "te", "path", "empty path"),
    ],
)
def test_what_makes_no_request_is_not_sent(fields):
    peer = facing_client()
    with pytest.raises(InvalidFieldError):
        peer.connection.send_request(fields)
    peer.wire()
    assert peer.connection.send_request(GET) == 1
    peer.wire(headers(1, GET))


@pytest.mark.parametrize("body", [5, "text", ["x"]], ids=repr)
def test_a_request_whose_body_is_none_is_not_sent(body):
    peer = facing_client()
    with pytest.raises((TypeError, UsageError)):
        peer.connection.send_request(POST, body)
    peer.wire()
    assert peer.connection.send_request(GET) == 1


def test_a_request_and_its_body():
    peer = facing_client()
    stream = peer.connection.send_request(POST, b"body")
    peer.wire(headers(stream, POST, end_stream=False), data(stream, b"body", end_stream=True))


def test_a_request_whose_body_comes_later():
    peer = facing_client()
    stream = peer.connection.send_request(POST, end_stream=False)
    peer.wire(headers(stream, POST, end_stream=False))
    peer.connection.send_data(stream, b"one")
    peer.connection.send_data(stream, b"two", end_stream=True)
    frames = peer.reads()
    assert b"".join(x.payload for x in frames) == b"onetwo"
    assert frames[-1].end_stream
    with pytest.raises(StreamStateError):
        peer.connection.send_data(stream, b"three")


@pytest.mark.parametrize("role", list(Role))
def test_a_connection_that_was_not_initiated_writes_nothing(role):
    connection = Connection(role)
    assert not connection.wants_write
    assert connection.data_to_send() == b""
    assert connection.take_events() == []
    assert connection.take_source_errors() == []


def test_the_role_is_a_server_unless_said_otherwise():
    peer = Peer(Connection())
    peer.connection.initiate_connection()
    assert peer.reads()[0].type == f.SETTINGS
    with pytest.raises((ValueError, TypeError)):
        Connection(7)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_received_octets_may_be_of_any_kind(kind):
    peer = facing_server(handshake=False)
    wire = f.octets([f.PREFACE, f.settings(), headers(1, GET)])
    events = peer.connection.receive_data(kind(wire))
    assert [type(event).__name__ for event in events][-1] == "RequestReceived"


def test_received_octets_may_be_reused_by_the_caller():
    # What a buffered transport does.
    peer = facing_server()
    peer.sends(headers(1, POST, end_stream=False)).clear()
    wire = bytearray(bytes(data(1, b"kept", end_stream=True)))
    first = peer.connection.receive_data(memoryview(wire)[:6])
    second = bytearray(wire[6:])
    wire[:] = bytes(len(wire))
    events = first + peer.connection.receive_data(second)
    second[:] = bytes(len(second))
    assert [event.data for event in events] == [b"kept"]


def test_no_octets_cause_nothing():
    assert facing_server().connection.receive_data(b"") == []


@pytest.mark.parametrize("stream", [2**31, 2**63, 2**64, -(2**64)])
def test_a_number_of_any_size_is_no_stream(stream):
    # Where the engine is compiled, too: no OverflowError.
    peer = answering()
    connection = peer.connection
    for call in (
        lambda: connection.reset_stream(stream),
        lambda: connection.local_flow_control_window(stream),
        lambda: connection.remote_flow_control_window(stream),
        lambda: connection.increment_flow_control_window(1, stream),
        lambda: connection.prioritize(stream),
        lambda: connection.send_alternative_service(b"clear", stream_id=stream),
    ):
        with pytest.raises(NoSuchStreamError):
            call()
    assert not connection.stream_is_open(stream)
    connection.acknowledge_received_data(1, stream)
    connection.resume(stream)
    peer.wire().lives()


@pytest.mark.parametrize("code", [-1, 2**32, 2**63, 2**64])
def test_an_error_code_has_32_bits(code):
    peer = answering()
    for call in (
        lambda: peer.connection.reset_stream(1, code),
        lambda: peer.connection.send_goaway(code),
        lambda: peer.connection.terminate(code),
    ):
        with pytest.raises(UsageError):
            call()
    peer.wire()
    peer.connection.reset_stream(1, 2**32 - 1)
    peer.wire(rst_stream(1, 2**32 - 1))


@pytest.mark.parametrize("wrong", ["text", 5, None])
def test_a_goodbye_that_is_no_octets_leaves_no_half_of_a_frame(wrong):
    peer = answering()
    with pytest.raises(TypeError):
        peer.connection.send_goaway(0, wrong)
    assert not peer.connection.goaway_sent
    peer.wire().lives()


@pytest.mark.parametrize("wrong", ["1", 1.5, None])
def test_a_number_that_is_none_leaves_no_half_of_a_frame(wrong):
    peer = answering()
    for call in (
        lambda: peer.connection.increment_flow_control_window(wrong),
        lambda: peer.connection.send_alternative_service(b"clear", stream_id=wrong),
    ):
        with pytest.raises(TypeError):
            call()
    peer.wire().lives()
