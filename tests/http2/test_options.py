"""The engine's less common ways: withdrawable and prepared responses, larger windows, own ids."""

from __future__ import annotations

import pytest

from plait.http2 import (
    Config,
    Connection,
    InvalidFieldError,
    NoSuchStreamError,
    RequestReceived,
    Role,
    StreamStateError,
    UsageError,
)
from plait.http2.submission import response_fields

from . import frames as f
from .frames import GET, OK, POST, data, headers, push_promise, rst_stream, window_update
from .script import Peer, facing_client, facing_server

# ------------------------------------------------------------------------------------------------
# Responses that can be withdrawn until octets are asked for.


def patient(*streams: int) -> Peer:
    peer = facing_server(withdrawable_responses=True)
    return peer.sends(*(headers(stream, GET) for stream in streams)).clear()


def test_a_response_that_was_reset_before_it_was_asked_for_was_never_there():
    peer = patient(1)
    peer.connection.send_response(1, 200, [], b"half of it")
    peer.connection.reset_stream(1, f.INTERNAL_ERROR)
    peer.wire(rst_stream(1, f.INTERNAL_ERROR))
    assert [(e.stream_id, e.error_code) for e in peer.hears()] == [(1, f.INTERNAL_ERROR)]


def test_the_table_stays_in_step_behind_a_withdrawn_response():
    peer = patient(1, 3)
    peer.connection.send_response(1, 200, [("x-one", "1")])
    peer.connection.send_response(3, 200, [("x-one", "1"), ("x-two", "2")])
    peer.connection.reset_stream(1)
    frames = peer.reads()
    assert headers(3, [*OK, (b"x-one", b"1"), (b"x-two", b"2")]) in frames
    peer.sends(headers(5, GET)).clear()
    peer.connection.send_response(5, 200, [("x-two", "2"), ("x-one", "1")])
    peer.wire(headers(5, [*OK, (b"x-two", b"2"), (b"x-one", b"1")]))


def test_a_held_response_wants_to_be_written():
    peer = patient(1)
    peer.connection.send_response(1, 204, [])
    assert peer.connection.wants_write
    peer.wire(headers(1, [(b":status", b"204")]))
    assert not peer.connection.wants_write


def test_main_responses_precede_pushed_ones_whatever_the_order_of_the_calls():
    peer = patient(1)
    promised = peer.connection.push_stream(1, GET)
    peer.connection.send_response(promised, 200, [], b"pushed")
    peer.connection.send_response(1, 200, [], b"main")
    frames = peer.reads()
    assert frames[0] == push_promise(1, promised, GET)
    assert frames.index(headers(1, OK, end_stream=False)) < frames.index(
        headers(promised, OK, end_stream=False)
    )


def test_an_interim_response_still_leaves_before_the_held_one():
    peer = patient(1)
    hints = [(b":status", b"103"), (b"link", b"</a>")]
    peer.connection.send_headers(1, hints)
    peer.connection.send_response(1, 200, [], b"x")
    peer.wire(
        headers(1, hints, end_stream=False),
        headers(1, OK, end_stream=False),
        data(1, b"x", end_stream=True),
    )


def test_a_held_head_keeps_its_body_and_trailers_behind_it():
    peer = patient(1)
    trailers = [(b"x-sum", b"3")]
    peer.connection.send_headers(1, OK)
    peer.connection.send_data(1, b"one")
    peer.connection.send_headers(1, trailers, end_stream=True)
    peer.wire(headers(1, OK, end_stream=False), data(1, b"one"), headers(1, trailers))


def test_a_held_response_is_dropped_when_the_client_resets():
    peer = patient(1)
    peer.connection.send_response(1, 200, [], b"never")
    peer.sends(rst_stream(1)).wire()


# ------------------------------------------------------------------------------------------------
# Responses prepared before they are sent.


def test_prepared_fields_are_checked_when_they_are_made():
    with pytest.raises(InvalidFieldError):
        response_fields(200, [("x", "a\nb")])
    with pytest.raises(UsageError):
        response_fields(103, [])
    peer = facing_server().sends(headers(1, GET), headers(3, GET)).clear()
    fields = response_fields(200, [("X-Ready", "yes")])
    for stream in (1, 3):
        peer.connection.send_prepared(stream, fields, b"x")
    frames = peer.reads()
    for stream in (1, 3):
        assert headers(stream, [*OK, (b"x-ready", b"yes")], end_stream=False) in frames
    with pytest.raises(NoSuchStreamError):
        peer.connection.send_prepared(1, fields)


# ------------------------------------------------------------------------------------------------
# Windows that grow for good.


def test_a_window_can_be_made_larger():
    peer = facing_server(initial_window_size=1000, connection_window_size=65_535)
    peer.sends(headers(1, POST, end_stream=False)).clear()
    peer.connection.increment_flow_control_window(9000, 1)
    peer.connection.increment_flow_control_window(500)
    peer.wire(window_update(1, 9000), window_update(0, 500))
    assert peer.connection.remote_flow_control_window(1) == 10_000
    peer.sends(data(1, bytes(10_000)))
    assert [len(event.data) for event in peer.hears()] == [10_000]


@pytest.mark.parametrize("increment", [0, -1, 2**31])
def test_a_window_cannot_grow_by_nothing_or_beyond_its_maximum(increment):
    peer = facing_server()
    with pytest.raises(UsageError):
        peer.connection.increment_flow_control_window(increment)
    peer.wire()


def test_the_window_of_a_stream_never_opened_cannot_grow():
    with pytest.raises(NoSuchStreamError):
        facing_server().connection.increment_flow_control_window(10, 7)


# ------------------------------------------------------------------------------------------------
# A client that numbers its own streams.


def test_a_client_may_open_its_next_stream_by_sending_headers_on_it():
    peer = facing_client()
    assert peer.connection.next_stream_id == 1
    peer.connection.send_headers(1, POST)
    assert peer.connection.next_stream_id == 3
    peer.connection.send_data(1, b"x", end_stream=True)
    peer.wire(headers(1, POST, end_stream=False), data(1, b"x", end_stream=True))
    peer.connection.send_headers(3, GET, end_stream=True)
    peer.wire(headers(3, GET))


@pytest.mark.parametrize("stream", [0, 2, 5, -1])
def test_a_client_cannot_skip_ahead(stream):
    peer = facing_client()
    with pytest.raises(UsageError):
        peer.connection.send_headers(stream, GET)
    peer.wire()


def test_a_request_cannot_have_a_second_head():
    peer = facing_client()
    peer.connection.send_headers(1, POST)
    with pytest.raises(UsageError):
        peer.connection.send_headers(1, POST)
    peer.wire(headers(1, POST, end_stream=False))


def test_a_client_cannot_answer_a_promise():
    peer = facing_client()
    peer.connection.send_request(GET)
    peer.clear().sends(push_promise(1, 2, GET)).clear()
    for call in (
        lambda: peer.connection.send_headers(2, OK),
        lambda: peer.connection.send_data(2, b"x"),
        lambda: peer.connection.send_response(2, 200, []),
    ):
        with pytest.raises(StreamStateError):
            call()
    peer.wire()


# ------------------------------------------------------------------------------------------------
# Leniency that has to be asked for.


def test_a_host_may_differ_where_the_configuration_says_so():
    fields = [*GET, (b"host", b"other.example")]
    peer = facing_server(host_may_differ=True).sends(headers(1, fields))
    peer.expect(RequestReceived(1, fields, True))


def test_two_hosts_are_never_allowed():
    fields = [*GET, (b"host", b"a.example"), (b"host", b"b.example")]
    facing_server(host_may_differ=True).sends(headers(1, fields)).loses(1, f.PROTOCOL_ERROR)


def test_every_connection_may_have_a_configuration_of_its_own():
    small, plain = Connection(Role.SERVER, Config(max_frame_size=20_000)), Connection()
    assert small.config.max_frame_size == 20_000
    assert plain.config.max_frame_size == 16_384
