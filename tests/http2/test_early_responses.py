"""Responses that are complete before their requests, whose clients are still sending.

curl 7.88 and httpx lose a response whose end, or RST_STREAM(NO_ERROR), comes while they send.
"""

from __future__ import annotations

import pytest

from plait.http2 import StreamClosed

from . import frames as f
from .frames import OK, POST, Frame, data, headers, rst_stream
from .script import Peer, facing_client, facing_server

END = data(1, b"", end_stream=True)


def sized(length: int, *more: tuple[bytes, bytes]) -> Frame:
    return headers(1, [*POST, (b"content-length", b"%d" % length), *more], end_stream=False)


def answered(length: int = 300, body: bytes | None = b"too large", **config: int) -> Peer:
    """A request of some length that was answered, all but the end of the response."""
    peer = facing_server(**config).sends(sized(length)).clear()
    peer.connection.send_response(1, 413, [], body)
    assert not any(frame.end_stream for frame in peer.reads())
    return peer.clear()


def on_stream(peer: Peer) -> list[Frame]:
    return [frame for frame in peer.reads() if frame.stream_id]


def closed(peer: Peer) -> bool:
    """The stream has come to its end in good order, and nothing else was told."""
    assert peer.connection.open_streams == 0
    events = peer.hears()
    return [(type(event), event.error_code) for event in events] == [(StreamClosed, 0)]


@pytest.mark.parametrize("body", [b"too large", b"", None])
def test_a_response_ends_with_its_request(body):
    peer = answered(body=body)
    peer.sends(data(1, bytes(200))).expect()
    peer.sends(data(1, bytes(100), end_stream=True))
    assert on_stream(peer) == [END]
    assert closed(peer)
    peer.lives()


def test_its_trailers_wait_as_well():
    peer = facing_server().sends(sized(3)).clear()
    peer.connection.send_headers(1, [(b":status", b"200")])
    peer.connection.send_data(1, b"sum of nothing")
    peer.connection.send_headers(1, [(b"sum", b"0")], end_stream=True)
    assert [frame.type for frame in peer.reads()] == [f.HEADERS, f.DATA]
    peer.sends(data(1, b"abc", end_stream=True))
    (trailers,) = on_stream(peer)
    assert trailers.type == f.HEADERS
    assert trailers.end_stream


def test_trailers_of_the_request_are_its_end():
    peer = answered(3)
    peer.sends(data(1, b"abc"), headers(1, [(b"sum", b"1")]))
    assert on_stream(peer) == [END]
    assert closed(peer)


def test_a_client_may_give_up_the_rest():
    # curl ends a body early that was answered with an error.
    peer = answered()
    peer.sends(END)
    assert on_stream(peer) == [END]
    assert closed(peer)


def test_a_client_may_reset_the_rest():
    peer = answered()
    peer.sends(rst_stream(1, f.CANCEL))
    assert on_stream(peer) == []
    peer.lives()


@pytest.mark.parametrize(
    ("config", "request_head"),
    [
        ({"dropped_octets": 0}, sized(300)),
        ({}, sized(300, (b"expect", b"100-continue"))),
        ({}, headers(1, POST, end_stream=False)),
        ({"initial_window_size": 0}, sized(300)),
    ],
)
def test_it_ends_at_once_where_the_rest_may_not_come(config, request_head):
    peer = facing_server(**config).sends(request_head).clear()
    peer.connection.send_response(1, 413, [], b"too large")
    assert peer.reads()[-2:] == [data(1, b"too large", end_stream=True), rst_stream(1, f.NO_ERROR)]


def test_expect_does_not_matter_once_the_body_comes():
    peer = facing_server().sends(sized(300, (b"expect", b"100-continue")), data(1, b"x")).clear()
    peer.connection.send_response(1, 413, [], b"too large")
    assert peer.reads()[-1] == data(1, b"too large")


@pytest.mark.parametrize("config", [{"dropped_octets": 200}, {"initial_window_size": 200}])
def test_it_ends_when_no_more_is_taken(config):
    peer = answered(**config)
    peer.sends(data(1, bytes(199)))
    assert on_stream(peer) == []
    peer.sends(data(1, b"x"))
    assert on_stream(peer) == [END, rst_stream(1, f.NO_ERROR)]
    assert closed(peer)
    peer.sends(data(1, b"late")).expect().lives()


def test_padding_uses_up_credit_too():
    peer = answered(initial_window_size=200)
    padded = data(1, bytes(10), pad=89)
    peer.sends(padded)
    assert on_stream(peer) == []
    peer.sends(padded)
    assert on_stream(peer) == [END, rst_stream(1, f.NO_ERROR)]


def test_what_is_dropped_is_credited_to_the_connection():
    peer = facing_server(connection_window_size=65_535)
    for stream in range(1, 41, 2):
        fields = [*POST, (b"content-length", b"16000")]
        peer.sends(headers(stream, fields, end_stream=False))
        peer.connection.send_response(stream, 413, [], b"too large")
        peer.clear().sends(data(stream, bytes(16_000), end_stream=True))
    peer.lives()


def test_a_length_that_lies_is_a_fault_all_the_same():
    answered(3).sends(data(1, b"four")).loses(1, f.PROTOCOL_ERROR)


def test_the_application_has_ended_it():
    peer = answered()
    with pytest.raises(Exception, match="no DATA may be sent"):
        peer.connection.send_data(1, b"more")


def test_the_client_waits_under_a_time_limit():
    peer = answered()
    assert [(stream_id, kind) for stream_id, kind, _ in peer.connection.waiting_for_peer()] == [
        (1, 1)
    ]
    peer.connection.reset_stream(1)
    assert on_stream(peer) == [END, rst_stream(1, f.NO_ERROR)]
    assert closed(peer)


@pytest.mark.parametrize("way", ["begin_shutdown", "terminate"])
def test_a_connection_does_not_end_without_it(way):
    peer = answered()
    getattr(peer.connection, way)()
    frames = peer.reads()
    assert frames[:2] == [END, rst_stream(1, f.NO_ERROR)]
    assert frames[2].type == f.GOAWAY


@pytest.mark.parametrize("spared", [True, False])
def test_the_end_tells_whether_the_rest_of_the_request_was_spared(spared):
    peer = facing_client()
    peer.connection.send_request(POST, end_stream=False)
    peer.clear().sends(headers(1, OK))
    if spared:
        peer.sends(rst_stream(1, f.NO_ERROR))
    else:
        peer.connection.send_data(1, b"", end_stream=True)
        peer.pull()
    assert [getattr(event, "spared", None) for event in peer.hears()] == [None, spared]
