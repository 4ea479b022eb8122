"""What a callback does takes effect before the next one, and nothing that was submitted is lost."""

from __future__ import annotations

from typing import Any

import pytest

from plait.compat import spdylay
from plait.spdy import Config

from .spdylay_peer import (
    ANSWER,
    GET,
    Peer,
    body,
    client,
    every_version,
    kinds,
    provider,
    server,
    since_3,
)

FIN = spdylay.CTRL_FLAG_FIN
HALF = 32_768


@since_3
def test_the_last_octets_of_a_stream_can_be_credited_while_it_is_open(version: int) -> None:
    def credit(session: Any, flags: int, stream_id: int, data: bytes) -> None:
        session.submit_window_update(stream_id, len(data))

    logged, peer = client(version, on_data_chunk_recv_cb=credit), Peer(version)
    logged.session.submit_request(0, GET)
    logged.sent()
    logged.taken()
    logged.session.recv(peer.syn_reply(1, ANSWER) + peer.data(1, b"x" * 100, FIN))
    assert [entry[0] for entry in logged.taken()] == [
        "on_ctrl_recv",
        "on_data_chunk_recv",
        "on_data_recv",
        "on_stream_close",
    ]


@every_version
@pytest.mark.parametrize("name", ["on_data_chunk_recv_cb", "on_data_recv_cb"])
def test_nothing_more_is_heard_of_a_stream_that_a_callback_resets(version: int, name: str) -> None:
    def give_up(session: Any, flags: int, stream_id: int, what: object) -> None:
        session.submit_rst_stream(stream_id, spdylay.CANCEL)

    logged, peer = server(version, **{name: give_up}), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET))
    logged.taken()
    logged.session.recv(peer.data(1, b"x" * 100, FIN))
    heard = [entry[0] for entry in logged.taken()]
    assert heard == ["on_data_chunk_recv", "on_data_recv"][: 1 + (name == "on_data_recv_cb")]
    assert kinds(peer.read(logged.sent())) == ["RST_STREAM 1"]
    assert ("on_stream_close", 1, spdylay.CANCEL) in logged.taken()


@every_version
def test_a_request_is_told_of_before_its_end_even_if_it_is_answered_at_once(version: int) -> None:
    def answer(session: Any, frame: Any) -> None:
        session.submit_response(frame.stream_id, ANSWER)
        session.send()

    logged, peer = server(version, on_ctrl_recv_cb=answer), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET, FIN))
    assert [entry[:2] for entry in logged.taken()] == [
        ("on_ctrl_recv", "SYN_STREAM 1"),
        ("before_ctrl_send", "SYN_REPLY 1"),
        ("on_ctrl_send", "SYN_REPLY 1"),
        ("on_request_recv", 1),
        ("on_stream_close", 1),
    ]


@every_version
def test_a_refused_second_answer_does_not_stop_the_first(version: int) -> None:
    logged, peer = server(version), Peer(version)
    session = logged.session
    session.recv(peer.syn_stream(1, GET, FIN))
    session.submit_response(1, ANSWER, provider(spdylay.ERR_DEFERRED, b"late"))
    logged.sent()
    logged.taken()
    session.submit_response(1, ANSWER, body(5))
    session.send()
    assert logged.taken() == [("on_ctrl_not_send", "SYN_REPLY 1", spdylay.ERR_INVALID_STREAM_STATE)]
    assert session.resume_data(1)
    assert peer.read(logged.sent()) == [("DATA", 1, FIN, b"late")]


@since_3
def test_a_refused_second_answer_does_not_stop_a_body_that_waits_for_credit(version: int) -> None:
    logged, peer = server(version), Peer(version)
    session = logged.session
    session.recv(peer.syn_stream(1, GET, FIN))
    session.submit_response(1, ANSWER, body(65_536 + 10))
    logged.sent()
    session.submit_response(1, ANSWER, body(5))
    assert logged.sent() == b""
    session.recv(peer.window_update(1, 100) + peer.window_update(0, 100))
    assert peer.read(logged.sent()) == [("DATA", 1, FIN, b"x" * 10)]


@every_version
def test_settings_with_a_flag_become_the_local_ones_too(version: int) -> None:
    logged, peer = server(version), Peer(version)
    persisted = spdylay.ID_FLAG_SETTINGS_PERSISTED
    one = (spdylay.SETTINGS_MAX_CONCURRENT_STREAMS, persisted, 1)
    logged.session.submit_settings(spdylay.FLAG_SETTINGS_NONE, [one])
    logged.session.recv(peer.syn_stream(1, GET) + peer.syn_stream(3, GET))
    refused = ("on_invalid_ctrl_recv", "SYN_STREAM 3", spdylay.REFUSED_STREAM)
    assert logged.taken()[-1] == refused


@pytest.mark.parametrize("delta", [0, 65_536])
def test_credit_by_hand_does_not_make_that_by_itself_rarer(delta: int) -> None:
    logged, peer = server(3), Peer(3)
    logged.session.recv(peer.syn_stream(1, GET))
    if delta:
        logged.session.submit_window_update(1, delta)
    logged.sent()
    logged.session.recv(peer.data(1, b"x" * (HALF - 1)))
    assert logged.sent() == b""
    logged.session.recv(peer.data(1, b"x"))
    assert peer.read(logged.sent()) == [("WINDOW_UPDATE", 1, HALF)]


@every_version
def test_the_answer_to_a_ping_is_heard_while_the_next_ping_still_waits(version: int) -> None:
    logged, peer = client(version), Peer(version)
    logged.session.submit_ping()
    logged.sent()
    logged.session.submit_ping()
    logged.taken()
    logged.session.recv(peer.ping(1))
    assert logged.taken() == [("on_ctrl_recv", "PING")]


@every_version
def test_what_a_failed_session_leaves_behind_is_told(version: int) -> None:
    logged = client(version)
    session = logged.session
    session.fail_session(spdylay.GOAWAY_PROTOCOL_ERROR)
    session.submit_request(0, GET, body(10), "mine")
    session.submit_goaway(spdylay.GOAWAY_OK)
    session.send()
    assert [entry for entry in logged.taken() if "GOAWAY" not in entry] == [
        ("on_ctrl_not_send", "SYN_STREAM 1", spdylay.ERR_SYN_STREAM_NOT_ALLOWED),
        ("on_stream_close", 1, spdylay.INTERNAL_ERROR),
    ]
    assert session.get_stream_user_data(1) is None
    assert not session.want_write()


@every_version
def test_a_second_goaway_is_told_of_with_its_length(version: int) -> None:
    logged = client(version)
    logged.session.submit_goaway(spdylay.GOAWAY_OK)
    logged.sent()
    logged.taken()
    logged.session.fail_session(spdylay.GOAWAY_INTERNAL_ERROR)
    assert logged.sent() == b""
    assert logged.taken() == [("on_ctrl_not_send", "GOAWAY", spdylay.ERR_GOAWAY_ALREADY_SENT)]
    assert logged.frames[-1].length == (4 if version == 2 else 8)


@every_version
def test_a_reset_without_a_reason_is_no_completion(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET) + peer.rst_stream(1, spdylay.OK))
    assert logged.taken()[-1] == ("on_stream_close", 1, spdylay.PROTOCOL_ERROR)


def test_a_configuration_with_credit_by_hand_stops_no_upload() -> None:
    logged, peer = server(3, config=Config(manual_credit=True)), Peer(3)
    logged.session.recv(peer.syn_stream(1, GET) + peer.data(1, b"x" * HALF))
    assert peer.read(logged.sent()) == [("WINDOW_UPDATE", 1, HALF)]
