"""Responses, interim responses and their well-formedness (RFC 9113 §8.1, §8.3.2)."""

from __future__ import annotations

import pytest

from plait.http2 import (
    DataReceived,
    InformationalResponseReceived,
    InvalidFieldError,
    ResponseReceived,
    StreamClosed,
    UsageError,
)

from . import frames as f
from .frames import GET, OK, POST, data, headers
from .script import Peer, facing_client, facing_server

EARLY_HINTS = [(b":status", b"103"), (b"link", b"</style.css>; rel=preload")]
CONTINUE = [(b":status", b"100")]


def asked(fields: f.Fields = GET, body: bytes | None = None) -> Peer:
    """A client whose request on stream 1 is complete."""
    peer = facing_client()
    peer.connection.send_request(fields, body)
    return peer.clear()


def test_a_response_without_body_closes_the_stream():
    asked().sends(headers(1, OK)).expect(ResponseReceived(1, OK, True), StreamClosed(1, 0))


def test_a_response_with_a_body_closes_the_stream_at_its_end():
    peer = asked().sends(headers(1, OK, end_stream=False), data(1, b"one"))
    peer.expect(ResponseReceived(1, OK, False), DataReceived(1, b"one", 3, False))
    peer.sends(data(1, b"two", end_stream=True))
    peer.expect(DataReceived(1, b"two", 3, True), StreamClosed(1, 0))


def test_the_status_is_told_as_a_number():
    for status in (200, 204, 304, 404, 599, 999):
        peer = asked().sends(headers(1, [(b":status", b"%d" % status)]))
        assert peer.hears()[0].status == status


WELL_FORMED = {
    "repeated fields": [*OK, (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")],
    "octets above ASCII": [*OK, (b"x", b"\xff\x80")],
    "an empty value": [*OK, (b"x", b"")],
    "host": [*OK, (b"host", b"example.com")],
}


@pytest.mark.parametrize("fields", WELL_FORMED.values(), ids=WELL_FORMED)
def test_a_response_is_told_as_it_came(fields):
    peer = asked().sends(headers(1, fields))
    peer.expect(ResponseReceived(1, fields, True), StreamClosed(1, 0))


MALFORMED = {
    "no fields at all": [],
    "no status": [(b"x", b"v")],
    "status twice": [*OK, *OK],
    "status after a regular field": [(b"x", b"v"), *OK],
    "an empty status": [(b":status", b"")],
    "a status of two digits": [(b":status", b"20")],
    "a status of four digits": [(b":status", b"2000")],
    "a status with a sign": [(b":status", b"+20")],
    "a status with a space": [(b":status", b"20 ")],
    "a status with a phrase": [(b":status", b"200 OK")],
    "a status of letters": [(b":status", b"abc")],
    "a status below 100": [(b":status", b"099")],
    "a status in other digits": [(b":status", "٢٠٠".encode())],
    # RFC 9113 §8.6: 101 (Switching Protocols) is not supported.
    "switching protocols": [(b":status", b"101")],
    "path in a response": [*OK, (b":path", b"/")],
    "method in a response": [(b":method", b"GET"), *OK],
    "protocol in a response": [*OK, (b":protocol", b"websocket")],
    "an unknown pseudo-header field": [*OK, (b":reason", b"OK")],
    "an upper-case name": [*OK, (b"Server", b"v")],
    "CRLF in a value": [*OK, (b"x", b"a\r\nb")],
    "NUL in a value": [*OK, (b"x", b"a\0b")],
    "a space before a value": [*OK, (b"x", b" v")],
    "connection": [*OK, (b"connection", b"close")],
    "keep-alive": [*OK, (b"keep-alive", b"timeout=5")],
    "proxy-connection": [*OK, (b"proxy-connection", b"close")],
    "transfer-encoding": [*OK, (b"transfer-encoding", b"chunked")],
    "upgrade": [*OK, (b"upgrade", b"h2c")],
}


@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_response_is_reset_alone(fields):
    peer = facing_client()
    peer.connection.send_request(GET)
    peer.connection.send_request(GET)
    peer.clear().sends(headers(1, fields)).loses(1, f.PROTOCOL_ERROR)
    peer.sends(headers(3, OK)).expect(ResponseReceived(3, OK, True), StreamClosed(3, 0))


def test_data_before_the_head_of_a_response_is_malformed():
    asked().sends(data(1, b"x", end_stream=True)).loses(1, f.PROTOCOL_ERROR)


def test_a_body_may_come_before_the_request_has_ended():
    peer = facing_client()
    peer.connection.send_request(POST, end_stream=False)
    peer.clear().sends(headers(1, OK, end_stream=False), data(1, b"early", end_stream=True))
    peer.expect(ResponseReceived(1, OK, False), DataReceived(1, b"early", 5, True))
    peer.connection.send_data(1, b"late", end_stream=True)
    peer.wire(data(1, b"late", end_stream=True)).expect(StreamClosed(1, 0))


def test_a_server_that_has_heard_enough_resets_with_no_error():
    # RFC 9113 §8.1: "Clients MUST NOT discard responses as a result of receiving such a
    # RST_STREAM".
    peer = facing_client()
    peer.connection.send_request(POST, end_stream=False)
    peer.clear().sends(headers(1, OK), f.rst_stream(1, f.NO_ERROR))
    events = peer.hears()
    assert events[0] == ResponseReceived(1, OK, True)
    assert len(events) == 2
    assert not peer.connection.stream_is_open(1)


# ------------------------------------------------------------------------------------------------
# Interim responses.


def test_interim_responses_come_before_the_final_one():
    peer = asked().sends(
        headers(1, CONTINUE, end_stream=False),
        headers(1, EARLY_HINTS, end_stream=False),
        headers(1, EARLY_HINTS, end_stream=False),
        headers(1, OK),
    )
    peer.expect(
        InformationalResponseReceived(1, CONTINUE, 100),
        InformationalResponseReceived(1, EARLY_HINTS, 103),
        InformationalResponseReceived(1, EARLY_HINTS, 103),
        ResponseReceived(1, OK, True),
        StreamClosed(1, 0),
    )


def test_an_interim_response_cannot_end_the_stream():
    # RFC 9113 §8.1: HEADERS with END_STREAM and an informational status is malformed.
    asked().sends(headers(1, CONTINUE)).loses(1, f.PROTOCOL_ERROR)


def test_data_after_an_interim_response_alone_is_malformed():
    peer = asked().sends(headers(1, CONTINUE, end_stream=False)).clear()
    peer.sends(data(1, b"x")).loses(1, f.PROTOCOL_ERROR)


def test_an_interim_response_after_the_final_one_is_malformed():
    # Behind the final head only trailers may come, and they have no pseudo-header fields.
    peer = asked().sends(headers(1, OK, end_stream=False)).clear()
    peer.sends(headers(1, EARLY_HINTS, end_stream=False)).loses(1, f.PROTOCOL_ERROR)


def test_a_server_sends_interim_responses_before_the_final_one():
    peer = facing_server().sends(headers(1, GET)).clear()
    peer.connection.send_headers(1, EARLY_HINTS)
    peer.connection.send_headers(1, [(b":status", b"199")])
    peer.connection.send_response(1, 200, [], b"body")
    peer.wire(
        headers(1, EARLY_HINTS, end_stream=False),
        headers(1, [(b":status", b"199")], end_stream=False),
        headers(1, OK, end_stream=False),
        data(1, b"body", end_stream=True),
    )
    peer.expect(StreamClosed(1, 0))


def test_an_interim_response_leaves_at_once():
    peer = facing_server().sends(headers(1, GET)).clear()
    peer.connection.send_headers(1, EARLY_HINTS)
    assert peer.connection.wants_write
    peer.wire(headers(1, EARLY_HINTS, end_stream=False)).expect()
    assert peer.connection.stream_is_open(1)


def test_a_server_cannot_end_a_stream_with_an_interim_response():
    peer = facing_server().sends(headers(1, GET)).clear()
    with pytest.raises(UsageError):
        peer.connection.send_headers(1, EARLY_HINTS, end_stream=True)
    peer.connection.send_response(1, 200, [])
    peer.wire(headers(1, OK))


def test_a_server_cannot_send_an_interim_response_after_the_final_one():
    peer = facing_server().sends(headers(1, GET)).clear()
    peer.connection.send_headers(1, OK)
    with pytest.raises(UsageError):
        peer.connection.send_headers(1, EARLY_HINTS)
    peer.wire(headers(1, OK, end_stream=False))


def test_a_server_cannot_switch_protocols():
    peer = facing_server().sends(headers(1, GET)).clear()
    with pytest.raises((UsageError, ValueError)):
        peer.connection.send_headers(1, [(b":status", b"101")])
    peer.wire()


# ------------------------------------------------------------------------------------------------
# What a server sends.


def test_a_response_without_a_body_is_one_frame():
    peer = facing_server().sends(headers(1, GET)).clear()
    peer.connection.send_response(1, 204, [("server", "plait")])
    peer.wire(headers(1, [(b":status", b"204"), (b"server", b"plait")])).expect(StreamClosed(1, 0))
    assert not peer.connection.stream_is_open(1)


def test_a_response_in_pieces():
    peer = facing_server().sends(headers(1, GET)).clear()
    peer.connection.send_headers(1, [(":status", "200"), ("x-a", "b")])
    peer.wire(headers(1, [*OK, (b"x-a", b"b")], end_stream=False))
    peer.connection.send_data(1, b"one")
    peer.wire(data(1, b"one"))
    peer.connection.send_data(1, b"two", end_stream=True)
    peer.wire(data(1, b"two", end_stream=True)).expect(StreamClosed(1, 0))


def test_an_empty_body_still_ends_the_stream():
    peer = facing_server().sends(headers(1, GET), headers(3, GET)).clear()
    peer.connection.send_response(1, 200, [], b"")
    peer.connection.send_headers(3, OK)
    peer.connection.send_data(3, b"", end_stream=True)
    frames = peer.reads()
    for stream in (1, 3):
        assert [x.end_stream for x in frames if x.stream_id == stream][-1]
        assert sum(x.end_stream for x in frames if x.stream_id == stream) == 1
        assert peer.body(stream) == b""
    assert len(peer.hears()) == 2


def test_names_are_sent_in_lower_case_and_text_as_utf8():
    peer = facing_server().sends(headers(1, GET)).clear()
    peer.connection.send_response(1, 200, [("X-Upper", "café"), (b"X-Bytes", b"\xff")])
    peer.wire(headers(1, [*OK, (b"x-upper", "café".encode()), (b"x-bytes", b"\xff")]))


UNSENDABLE = {
    "CRLF in a value": ("x", "a\r\nset-cookie: b"),
    "NUL in a value": ("x", "a\0b"),
    "a newline at the end": ("x", "a\n"),
    "a space before a value": ("x", " a"),
    "a tab behind a value": ("x", "a\t"),
    "a space in a name": ("x y", "v"),
    "an empty name": ("", "v"),
    "a colon in a name": ("x:y", "v"),
    "a name above ASCII": ("é", "v"),
    "connection": ("Connection", "close"),
    "transfer-encoding": ("Transfer-Encoding", "chunked"),
    "keep-alive": ("keep-alive", "timeout=5"),
    "upgrade": ("upgrade", "h2c"),
    "another status": (":status", "200"),
    "path": (":path", "/"),
    "an unknown pseudo-header field": (":x", "v"),
}


@pytest.mark.parametrize("field", UNSENDABLE.values(), ids=UNSENDABLE)
def test_a_field_that_must_not_be_sent_is_our_callers_mistake(field):
    peer = facing_server().sends(headers(1, GET)).clear()
    with pytest.raises(InvalidFieldError):
        peer.connection.send_response(1, 200, [field], b"body")
    with pytest.raises(InvalidFieldError):
        peer.connection.send_headers(1, [(":status", "200"), ("x-good", "v"), field])
    # The stream is where it was, and the other side's table too.
    peer.connection.send_response(1, 200, [("x-good", "v")])
    peer.wire(headers(1, [*OK, (b"x-good", b"v")]))


@pytest.mark.parametrize(
    "fields",
    [[], [("x", "v")], [("x", "v"), (":status", "200")], [(":status", "20")], [(":status", "abc")]],
    ids=["empty", "no status", "status last", "two digits", "letters"],
)
def test_a_head_without_a_proper_status_is_our_callers_mistake(fields):
    peer = facing_server().sends(headers(1, GET)).clear()
    with pytest.raises(UsageError):
        peer.connection.send_headers(1, fields)
    peer.wire()
    peer.connection.send_response(1, 200, [])
    peer.wire(headers(1, OK))


def test_a_value_marked_never_indexed_is_never_indexed():
    from plait.hpack import NeverIndexedField

    peer = facing_server().sends(headers(1, GET)).clear()
    peer.connection.send_response(1, 200, [NeverIndexedField(b"x-secret", b"hush")])
    peer.wire(headers(1, [*OK, (b"x-secret", b"hush")]))
    # RFC 7541 §6.2.3: 0001 in front of the literal.
    assert b"\x10" in peer.reader.raw[-1].payload
    assert not [
        entry for entry in peer.reader.decoder.header_table.dynamic_entries if b"hush" in entry
    ]


@pytest.mark.parametrize("status", [b"103", b"200"])
def test_a_head_may_have_fields_that_are_never_indexed(status):
    from plait.hpack import NeverIndexedField

    peer = facing_server().sends(headers(1, GET)).clear()
    secret = NeverIndexedField(b"x-secret", b"hush")
    peer.connection.send_headers(1, [(b":status", status), secret, (b"x", b"y")])
    fields = [(b":status", status), (b"x-secret", b"hush"), (b"x", b"y")]
    peer.wire(headers(1, fields, end_stream=False))
