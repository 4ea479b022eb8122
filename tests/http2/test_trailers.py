"""Trailer sections in both directions (RFC 9113 §8.1)."""

from __future__ import annotations

import pytest

from plait.http2 import (
    DATA_EOF,
    DATA_OK,
    DataReceived,
    InvalidFieldError,
    RequestReceived,
    ResponseReceived,
    StreamClosed,
    TrailersReceived,
    UsageError,
)

from . import frames as f
from .frames import GET, OK, POST, data, headers
from .script import Peer, facing_client, facing_server

TRAILERS = [(b"grpc-status", b"0"), (b"grpc-message", b"")]


def test_trailers_end_the_request():
    peer = facing_server().sends(headers(1, POST, end_stream=False), data(1, b"body"))
    peer.sends(headers(1, TRAILERS))
    peer.expect(
        RequestReceived(1, POST, False),
        DataReceived(1, b"body", 4, False),
        TrailersReceived(1, TRAILERS),
    )
    peer.connection.send_response(1, 200, [])
    peer.wire(headers(1, OK)).expect(StreamClosed(1, 0))


def test_trailers_end_the_response():
    peer = facing_client()
    peer.connection.send_request(GET)
    peer.clear().sends(headers(1, OK, end_stream=False), data(1, b"body"), headers(1, TRAILERS))
    peer.expect(
        ResponseReceived(1, OK, False),
        DataReceived(1, b"body", 4, False),
        TrailersReceived(1, TRAILERS),
        StreamClosed(1, 0),
    )


def test_trailers_may_follow_the_head_directly():
    peer = facing_server()
    peer.sends(headers(1, POST, end_stream=False), headers(1, TRAILERS))
    peer.expect(RequestReceived(1, POST, False), TrailersReceived(1, TRAILERS))


MALFORMED = {
    "a method": [(b":method", b"GET")],
    "a status": [(b":status", b"200")],
    "a path": [(b"x", b"v"), (b":path", b"/")],
    "an unknown pseudo-header field": [(b":x", b"v")],
    "an upper-case name": [(b"X", b"v")],
    "LF in a value": [(b"x", b"a\nb")],
    "connection": [(b"connection", b"close")],
    "transfer-encoding": [(b"transfer-encoding", b"chunked")],
}


@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED)
def test_malformed_trailers_reset_the_request(fields):
    peer = facing_server().sends(headers(1, POST, end_stream=False), data(1, b"x")).clear()
    peer.sends(headers(1, fields)).loses(1, f.PROTOCOL_ERROR)


@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED)
def test_malformed_trailers_reset_the_response(fields):
    peer = facing_client()
    peer.connection.send_request(GET)
    peer.clear().sends(headers(1, OK, end_stream=False), data(1, b"x")).clear()
    peer.sends(headers(1, fields)).loses(1, f.PROTOCOL_ERROR)


def test_a_second_section_without_end_stream_is_malformed():
    # RFC 9113 §8.1: trailers are "a HEADERS frame with the END_STREAM flag set".
    peer = facing_server().sends(headers(1, POST, end_stream=False), data(1, b"x")).clear()
    peer.sends(headers(1, TRAILERS, end_stream=False)).loses(1, f.PROTOCOL_ERROR)


def test_nothing_may_follow_trailers():
    peer = facing_server().sends(headers(1, POST, end_stream=False), headers(1, TRAILERS)).clear()
    peer.sends(data(1, b"x")).loses(1, f.STREAM_CLOSED)


# ------------------------------------------------------------------------------------------------
# Sending.


def asked() -> Peer:
    return facing_server().sends(headers(1, GET), headers(3, GET)).clear()


def test_trailers_are_written_after_everything_queued():
    peer = asked()
    peer.connection.send_headers(1, OK)
    peer.connection.send_data(1, b"queued")
    peer.connection.send_headers(1, TRAILERS, end_stream=True)
    peer.wire(headers(1, OK, end_stream=False), data(1, b"queued"), headers(1, TRAILERS))
    peer.expect(StreamClosed(1, 0))


def test_trailers_may_follow_the_head_directly_on_the_way_out():
    peer = asked()
    peer.connection.send_headers(1, OK)
    peer.connection.send_headers(1, TRAILERS, end_stream=True)
    peer.wire(headers(1, OK, end_stream=False), headers(1, TRAILERS)).expect(StreamClosed(1, 0))


def test_trailers_wait_for_the_window_that_the_body_waits_for():
    peer = facing_server(None, (f.INITIAL_WINDOW_SIZE, 4)).sends(headers(1, GET)).clear()
    peer.connection.send_headers(1, OK)
    peer.connection.send_data(1, b"abcdefgh")
    peer.connection.send_headers(1, TRAILERS, end_stream=True)
    peer.wire(headers(1, OK, end_stream=False), data(1, b"abcd")).expect()
    assert not peer.connection.wants_write
    peer.sends(f.window_update(1, 4)).clear()
    assert not peer.connection.stream_is_open(1)


def test_trailers_of_one_stream_do_not_overtake_its_body_on_another_ones_account():
    # The blocks share one table: they must be encoded in the order in which they leave.
    peer = facing_server(None, (f.INITIAL_WINDOW_SIZE, 0)).sends(headers(1, GET), headers(3, GET))
    peer.clear()
    first, second = [(b"x-first", b"1")], [(b"x-second", b"2")]
    peer.connection.send_headers(1, OK)
    peer.connection.send_data(1, b"held")
    peer.connection.send_headers(1, first, end_stream=True)
    peer.connection.send_headers(3, OK)
    peer.connection.send_headers(3, second, end_stream=True)
    peer.wire(
        headers(1, OK, end_stream=False), headers(3, OK, end_stream=False), headers(3, second)
    )
    peer.sends(f.window_update(1, 100))
    peer.wire(data(1, b"held"), headers(1, first))


def test_trailers_after_a_body_source():
    chunks = [(b"one", DATA_OK), (b"two", DATA_EOF)]
    peer = asked()
    peer.connection.send_headers(1, OK)
    peer.connection.send_body(1, lambda most: chunks.pop(0), end_stream=False)
    peer.connection.send_headers(1, TRAILERS, end_stream=True)
    frames = peer.reads()
    assert frames[0] == headers(1, OK, end_stream=False)
    assert b"".join(x.payload for x in frames[1:-1]) == b"onetwo"
    assert not any(x.end_stream for x in frames[:-1])
    assert frames[-1] == headers(1, TRAILERS)
    peer.expect(StreamClosed(1, 0))


def test_trailers_may_be_added_when_the_source_has_ended():
    peer = asked()
    peer.connection.send_headers(1, OK)
    peer.connection.send_body(1, lambda most: (b"all", DATA_EOF), end_stream=False)
    peer.wire(headers(1, OK, end_stream=False), data(1, b"all"))
    assert peer.connection.stream_is_open(1)
    peer.connection.send_headers(1, TRAILERS, end_stream=True)
    peer.wire(headers(1, TRAILERS)).expect(StreamClosed(1, 0))


def test_trailers_may_be_given_by_the_source_itself():
    # What a gRPC server does: the status is known when the last message is.
    peer = asked()

    def source(most: int) -> tuple[bytes, int]:
        peer.connection.send_headers(1, TRAILERS, end_stream=True)
        return b"last", DATA_EOF

    peer.connection.send_headers(1, OK)
    peer.connection.send_body(1, source, end_stream=False)
    peer.wire(headers(1, OK, end_stream=False), data(1, b"last"), headers(1, TRAILERS))
    peer.expect(StreamClosed(1, 0))


def test_a_client_sends_trailers():
    peer = facing_client()
    stream = peer.connection.send_request(POST, end_stream=False)
    peer.connection.send_data(stream, b"body")
    peer.connection.send_headers(stream, TRAILERS, end_stream=True)
    peer.wire(headers(1, POST, end_stream=False), data(1, b"body"), headers(1, TRAILERS))
    peer.sends(headers(1, OK)).expect(ResponseReceived(1, OK, True), StreamClosed(1, 0))


def test_trailers_must_end_the_stream():
    peer = asked()
    peer.connection.send_headers(1, OK)
    with pytest.raises(UsageError):
        peer.connection.send_headers(1, TRAILERS, end_stream=False)
    peer.connection.send_data(1, b"go on", end_stream=True)
    peer.wire(headers(1, OK, end_stream=False), data(1, b"go on", end_stream=True))


@pytest.mark.parametrize("field", [(":status", "200"), ("x", "a\nb"), ("connection", "close")])
def test_trailers_are_checked_before_they_are_sent(field):
    peer = asked()
    peer.connection.send_headers(1, OK)
    with pytest.raises(InvalidFieldError):
        peer.connection.send_headers(1, [field], end_stream=True)
    peer.connection.send_headers(1, TRAILERS, end_stream=True)
    peer.wire(headers(1, OK, end_stream=False), headers(1, TRAILERS))


def test_nothing_may_be_sent_after_trailers():
    peer = asked()
    peer.connection.send_headers(1, OK)
    peer.connection.send_data(1, b"x")
    peer.connection.send_headers(1, TRAILERS, end_stream=True)
    for send in (
        lambda: peer.connection.send_data(1, b"more"),
        lambda: peer.connection.send_headers(1, TRAILERS, end_stream=True),
        lambda: peer.connection.send_body(1, lambda most: (b"", DATA_EOF)),
    ):
        with pytest.raises(UsageError):
            send()
    peer.wire(headers(1, OK, end_stream=False), data(1, b"x"), headers(1, TRAILERS))
