"""Every state of a stream against every frame the peer may send in it (RFC 9113 §5.1).

The outcome of each cell is written out; there are no rules to derive it from but the RFC's.
"""

from __future__ import annotations

import pytest

from plait.http2 import Connection, Role

from . import frames as f
from .frames import (
    GET,
    OK,
    POST,
    data,
    headers,
    priority,
    push_promise,
    rst_stream,
    window_update,
)
from .script import Peer, facing_client, facing_server

# Outcomes. A code alone is a fault of that scope; several mean that the RFC leaves the choice.
FINE = "fine"
IGNORED = "ignored"
CONNECTION = "connection"
STREAM = "stream"


def server_idle() -> tuple[Peer, int]:
    return facing_server(), 1


def server_open() -> tuple[Peer, int]:
    return facing_server().sends(headers(1, POST, end_stream=False)), 1


def server_half_closed_remote() -> tuple[Peer, int]:
    return facing_server().sends(headers(1, GET)), 1


def server_half_closed_local() -> tuple[Peer, int]:
    peer = facing_server(reset_unread_request=False)
    peer.sends(headers(1, POST, end_stream=False))
    peer.connection.send_response(1, 200, [])
    return peer, 1


def server_reserved_local() -> tuple[Peer, int]:
    peer = facing_server().sends(headers(1, GET))
    return peer, peer.connection.push_stream(1, GET)


def server_closed_by_ends() -> tuple[Peer, int]:
    peer = facing_server().sends(headers(1, GET))
    peer.connection.send_response(1, 200, [])
    return peer, 1


def server_reset_by_us() -> tuple[Peer, int]:
    peer = facing_server().sends(headers(1, POST, end_stream=False))
    peer.connection.reset_stream(1)
    return peer, 1


def server_reset_by_peer() -> tuple[Peer, int]:
    return facing_server().sends(headers(1, POST, end_stream=False), rst_stream(1)), 1


def server_skipped() -> tuple[Peer, int]:
    return facing_server().sends(headers(5, GET)), 3


def server_closed_by_no_error() -> tuple[Peer, int]:
    # The response was complete before the request: RST_STREAM(NO_ERROR) told the client.
    peer = facing_server().sends(headers(1, POST, end_stream=False))
    peer.connection.send_response(1, 200, [])
    return peer, 1


FRAMES = {
    "DATA": lambda s: data(s, b"x"),
    "DATA with END_STREAM": lambda s: data(s, b"x", end_stream=True),
    "HEADERS": lambda s: headers(s, GET, end_stream=False),
    "trailers": lambda s: headers(s, [(b"x", b"v")]),
    "PRIORITY": lambda s: priority(s, 0),
    "RST_STREAM": rst_stream,
    "WINDOW_UPDATE": lambda s: window_update(s, 1),
}

P, C = f.PROTOCOL_ERROR, f.STREAM_CLOSED
EITHER_CLOSED = {(STREAM, C), (CONNECTION, C)}

# state -> outcomes in the order of FRAMES.
SERVER = {
    server_idle: [
        {(CONNECTION, P)},  # DATA
        {(CONNECTION, P)},  # DATA with END_STREAM
        {FINE},  # HEADERS
        {(STREAM, P)},  # trailers: a request without pseudo-header fields
        {IGNORED},  # PRIORITY
        {(CONNECTION, P)},  # RST_STREAM
        {(CONNECTION, P)},  # WINDOW_UPDATE
    ],
    server_open: [
        {FINE},
        {FINE},
        {(STREAM, P)},  # a second section without END_STREAM
        {FINE},
        {IGNORED},
        {FINE},
        {FINE},
    ],
    server_half_closed_local: [{FINE}, {FINE}, {(STREAM, P)}, {FINE}, {IGNORED}, {FINE}, {FINE}],
    # "it MUST respond with a stream error of type STREAM_CLOSED"
    server_half_closed_remote: [
        {(STREAM, C)},
        {(STREAM, C)},
        {(STREAM, C)},
        {(STREAM, C)},
        {IGNORED},
        {FINE},
        {FINE},
    ],
    # "any type of frame other than RST_STREAM, PRIORITY, or WINDOW_UPDATE ... connection error"
    server_reserved_local: [
        {(CONNECTION, P)},
        {(CONNECTION, P)},
        {(CONNECTION, P)},
        {(CONNECTION, P)},
        {IGNORED},
        {FINE},
        {FINE},
    ],
    server_closed_by_ends: [
        EITHER_CLOSED,
        EITHER_CLOSED,
        {(CONNECTION, C)},
        {(CONNECTION, C)},
        {IGNORED},
        {IGNORED},
        {IGNORED},
    ],
    # "MUST minimally process and then discard any frames it receives in this state"
    server_reset_by_us: [{IGNORED}] * 7,
    server_closed_by_no_error: [{IGNORED}] * 7,
    server_reset_by_peer: [
        EITHER_CLOSED,
        EITHER_CLOSED,
        EITHER_CLOSED,
        EITHER_CLOSED,
        {IGNORED},
        {IGNORED},
        {IGNORED},
    ],
    # RFC 9113 §5.1.1: "An endpoint that receives an unexpected stream identifier MUST respond
    # with a connection error of type PROTOCOL_ERROR."
    server_skipped: [
        {(CONNECTION, P), (CONNECTION, C)},
        {(CONNECTION, P), (CONNECTION, C)},
        {(CONNECTION, P)},
        {(CONNECTION, P)},
        {IGNORED},
        {IGNORED, (CONNECTION, P)},
        {IGNORED, (CONNECTION, P)},
    ],
}


def outcome(peer: Peer, stream: int, frame: f.Frame) -> object:
    peer.clear().sends(frame)
    events = peer.hears()
    sent = [x for x in peer.reads() if x.type in (f.RST_STREAM, f.GOAWAY)]
    if sent:
        assert len(sent) == 1
        code = f.error_code(sent[0])
        if sent[0].type == f.GOAWAY:
            assert peer.connection.closed
            assert [event.error_code for event in events] == [code]
            return CONNECTION, code
        assert sent[0].stream_id == stream
        assert [(event.stream_id, event.error_code) for event in events] == [(stream, code)]
        assert not peer.connection.stream_is_open(stream)
        peer.lives()
        return STREAM, code
    peer.lives()
    if events:
        assert {event.stream_id for event in events} == {stream}
    return FINE if events else IGNORED


def cells(table: dict) -> list:
    return [
        pytest.param(state, name, allowed, id=f"{state.__name__}-{name}")
        for state, row in table.items()
        for name, allowed in zip(FRAMES, row, strict=True)
    ]


@pytest.mark.parametrize(("state", "name", "allowed"), cells(SERVER))
def test_a_server_answers_each_frame_in_each_state(state, name, allowed):
    peer, stream = state()
    assert outcome(peer, stream, FRAMES[name](stream)) in allowed


def client_open() -> tuple[Peer, int]:
    peer = facing_client()
    return peer, peer.connection.send_request(POST, end_stream=False)


def client_half_closed_local() -> tuple[Peer, int]:
    peer = facing_client()
    return peer, peer.connection.send_request(GET)


def client_idle() -> tuple[Peer, int]:
    return facing_client(), 1


def client_idle_push() -> tuple[Peer, int]:
    peer = facing_client()
    peer.connection.send_request(GET)
    return peer, 2


def client_reserved_remote() -> tuple[Peer, int]:
    peer, _ = client_idle_push()
    return peer.clear().sends(push_promise(1, 2, GET)), 2


def client_half_closed_remote() -> tuple[Peer, int]:
    peer, stream = client_open()
    return peer.sends(headers(1, OK)), stream


def client_closed_by_ends() -> tuple[Peer, int]:
    peer, stream = client_half_closed_local()
    return peer.sends(headers(1, OK)), stream


def client_reset_by_us() -> tuple[Peer, int]:
    peer, stream = client_half_closed_local()
    peer.connection.reset_stream(1)
    return peer, stream


def client_reset_by_peer() -> tuple[Peer, int]:
    peer, stream = client_half_closed_local()
    return peer.sends(rst_stream(1)), stream


def response_frames(name: str, stream: int) -> f.Frame:
    return headers(stream, OK, end_stream=False) if name == "HEADERS" else FRAMES[name](stream)


CLIENT = {
    client_idle: [{(CONNECTION, P)}] * 4 + [{IGNORED}, {(CONNECTION, P)}, {(CONNECTION, P)}],
    client_idle_push: [{(CONNECTION, P)}] * 4 + [{IGNORED}, {(CONNECTION, P)}, {(CONNECTION, P)}],
    client_open: [
        {(STREAM, P)},  # DATA before the head
        {(STREAM, P)},
        {FINE},
        {(STREAM, P)},  # a head without :status
        {IGNORED},
        {FINE},
        {FINE},
    ],
    client_half_closed_local: [
        {(STREAM, P)},
        {(STREAM, P)},
        {FINE},
        {(STREAM, P)},
        {IGNORED},
        {FINE},
        {FINE},
    ],
    # "any type of frame other than HEADERS, RST_STREAM, or PRIORITY ... connection error"
    client_reserved_remote: [
        {(CONNECTION, P)},
        {(CONNECTION, P)},
        {FINE},
        {(STREAM, P)},
        {IGNORED},
        {FINE},
        {(CONNECTION, P)},
    ],
    client_half_closed_remote: [{(STREAM, C)}] * 4 + [{IGNORED}, {FINE}, {FINE}],
    client_closed_by_ends: [
        EITHER_CLOSED,
        EITHER_CLOSED,
        {(CONNECTION, C)},
        {(CONNECTION, C)},
        {IGNORED},
        {IGNORED},
        {IGNORED},
    ],
    client_reset_by_us: [{IGNORED}] * 7,
    client_reset_by_peer: [EITHER_CLOSED] * 4 + [{IGNORED}] * 3,
}


@pytest.mark.parametrize(("state", "name", "allowed"), cells(CLIENT))
def test_a_client_answers_each_frame_in_each_state(state, name, allowed):
    peer, stream = state()
    assert outcome(peer, stream, response_frames(name, stream)) in allowed


def test_a_stream_is_forgotten_when_both_sides_have_ended():
    peer, stream = server_closed_by_ends()
    assert peer.connection.open_streams == 0
    assert not peer.connection.stream_is_open(stream)
    assert peer.connection.highest_remote_stream_id == 1


def test_streams_open_in_any_ascending_order():
    peer = facing_server().sends(*(headers(stream, GET) for stream in (1, 7, 9, 2**31 - 1)))
    assert [event.stream_id for event in peer.hears()] == [1, 7, 9, 2**31 - 1]
    assert peer.connection.open_streams == 4


def test_a_server_that_answers_early_asks_the_client_to_stop():
    # RFC 9113 §8.1: RST_STREAM(NO_ERROR) after a complete response.
    peer = facing_server().sends(headers(1, POST, end_stream=False)).clear()
    peer.connection.send_response(1, 413, [], b"too large")
    frames = peer.reads()
    assert frames[-2:] == [data(1, b"too large", end_stream=True), rst_stream(1, f.NO_ERROR)]
    assert [(e.stream_id, e.error_code) for e in peer.hears()] == [(1, 0)]


def test_a_server_may_let_the_client_finish():
    peer, stream = server_half_closed_local()
    peer.clear().sends(data(stream, b"rest", end_stream=True))
    assert [type(event).__name__ for event in peer.hears()] == ["DataReceived", "StreamClosed"]
    peer.lives()


def test_many_resets_of_ours_are_remembered_long_enough():
    # A client may have 100 uploads on their way when a server turns all of them down.
    peer = facing_server()
    streams = range(1, 201, 2)
    peer.sends(*(headers(stream, POST, end_stream=False) for stream in streams)).clear()
    for stream in streams:
        peer.connection.reset_stream(stream)
    peer.clear().sends(*(data(stream, b"x", end_stream=True) for stream in streams))
    peer.expect().lives()


@pytest.mark.parametrize("role", list(Role))
def test_a_fresh_connection_has_no_streams(role):
    connection = Connection(role)
    assert connection.open_streams == 0
    assert connection.highest_remote_stream_id == 0
    assert not connection.stream_is_open(1)
    assert not connection.closed
    assert not connection.drained
