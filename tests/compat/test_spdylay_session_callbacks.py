"""The callbacks of a session: when they are called, with what, and what their failures do."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from plait.compat import spdylay

from .spdylay_peer import (
    ANSWER,
    GET,
    Logged,
    Peer,
    client,
    every_version,
    provider,
    server,
)

FIN = spdylay.CTRL_FLAG_FIN


# ------------------------------------------------------------------------------ what recv tells


@every_version
def test_a_request_without_a_body(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET, FIN))
    assert logged.taken() == [("on_ctrl_recv", "SYN_STREAM 1"), ("on_request_recv", 1)]


@every_version
def test_a_request_with_a_body_and_its_answer(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET))
    logged.session.submit_response(1, ANSWER)
    logged.sent()
    logged.taken()
    logged.session.recv(peer.data(1, b"abc") + peer.data(1) + peer.data(1, b"de", FIN))
    assert logged.taken() == [
        ("on_data_chunk_recv", 0, 1, b"abc"),
        ("on_data_recv", 0, 1, 3),
        ("on_data_recv", 0, 1, 0),
        ("on_data_chunk_recv", FIN, 1, b"de"),
        ("on_data_recv", FIN, 1, 2),
        ("on_request_recv", 1),
        ("on_stream_close", 1, spdylay.OK),
    ]


@every_version
def test_a_request_that_ends_with_headers(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET) + peer.headers(1, [("a", "b")], FIN))
    assert logged.taken() == [
        ("on_ctrl_recv", "SYN_STREAM 1"),
        ("on_ctrl_recv", "HEADERS 1"),
        ("on_request_recv", 1),
    ]


@every_version
def test_an_answer(version: int) -> None:
    """It is no request: its end is that of the stream."""
    logged, peer = client(version), Peer(version)
    logged.session.submit_request(0, GET)
    logged.session.submit_request(0, GET)
    logged.sent()
    logged.taken()
    logged.session.recv(peer.syn_reply(1, ANSWER) + peer.data(1, b"abc", FIN))
    assert logged.taken() == [
        ("on_ctrl_recv", "SYN_REPLY 1"),
        ("on_data_chunk_recv", FIN, 1, b"abc"),
        ("on_data_recv", FIN, 1, 3),
        ("on_stream_close", 1, spdylay.OK),
    ]
    logged.session.recv(peer.syn_reply(3, ANSWER, FIN))
    assert logged.taken() == [
        ("on_ctrl_recv", "SYN_REPLY 3"),
        ("on_stream_close", 3, spdylay.OK),
    ]


@every_version
def test_pushes_are_requests_at_a_client(version: int) -> None:
    logged, peer = client(version), Peer(version)
    logged.session.submit_request(0, GET)
    logged.sent()
    logged.taken()
    push = spdylay.CTRL_FLAG_UNIDIRECTIONAL
    logged.session.recv(peer.syn_stream(2, ANSWER, push, 1) + peer.data(2, b"x", FIN))
    assert logged.taken() == [
        ("on_ctrl_recv", "SYN_STREAM 2"),
        ("on_data_chunk_recv", FIN, 2, b"x"),
        ("on_data_recv", FIN, 2, 1),
        ("on_request_recv", 2),
        ("on_stream_close", 2, spdylay.OK),
    ]
    # one that ends as it begins is never open
    logged.session.recv(peer.syn_stream(4, ANSWER, push | FIN, 1))
    assert logged.taken() == [
        ("on_ctrl_recv", "SYN_STREAM 4"),
        ("on_request_recv", 4),
        ("on_stream_close", 4, spdylay.OK),
    ]


@every_version
def test_a_reset_closes_a_stream_that_is_there(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET) + peer.rst_stream(1, spdylay.CANCEL))
    assert logged.taken() == [
        ("on_ctrl_recv", "SYN_STREAM 1"),
        ("on_ctrl_recv", "RST_STREAM 1"),
        ("on_stream_close", 1, spdylay.CANCEL),
    ]
    logged.session.recv(peer.rst_stream(7, spdylay.CANCEL))
    assert logged.taken() == [("on_ctrl_recv", "RST_STREAM 7")]


@every_version
def test_frames_of_the_session(version: int) -> None:
    logged, peer = server(version), Peer(version)
    frames = [peer.ping(1), peer.settings((4, 0, 100)), peer.goaway(0, 0)]
    logged.session.recv(b"".join(frames))
    shown = [("on_ctrl_recv", name) for name in ("PING", "SETTINGS", "GOAWAY")]
    assert logged.taken() == shown


@every_version
def test_unknown_frames(version: int) -> None:
    logged, peer = server(version), Peer(version)
    frame = peer.control(77, b"payload", 5)
    logged.session.recv(frame)
    assert logged.taken() == [("on_unknown_ctrl_recv", frame[:8], b"payload")]
    assert logged.sent() == b""


@every_version
def test_noop_and_credential_are_told_to_nobody(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.control(5, b"") + peer.control(10, b"x" * 20) + peer.ping(1))
    assert logged.taken() == [("on_ctrl_recv", "PING")]


@every_version
def test_any_split_is_fine(version: int) -> None:
    peer = Peer(version)
    script = [
        peer.settings((4, 0, 100)),
        peer.syn_stream(1, GET),
        peer.data(1, b"abc"),
        peer.headers(1, [("a", "b")]),
        peer.control(77, b"unknown"),
        peer.data(1, b"de", FIN),
        peer.control(6, b"xyz"),  # too short
    ]
    octets = b"".join(script)
    whole, single = server(version), server(version)
    whole.session.recv(octets)
    for octet in octets:
        single.session.recv(bytearray([octet]))
    log, pieces = whole.taken(), single.taken()
    chunks = b"".join(entry[3] for entry in pieces if entry[0] == "on_data_chunk_recv")
    assert chunks == b"abcde"
    without = [entry for entry in log if entry[0] != "on_data_chunk_recv"]
    assert [entry for entry in pieces if entry[0] != "on_data_chunk_recv"] == without
    # flags are those of the frame although more of it follows
    assert [entry[1] for entry in pieces if entry[0] == "on_data_chunk_recv"] == [0, 0, 0, 1, 1]
    assert whole.sent() == single.sent() != b""


@pytest.mark.parametrize("data", ["text", 5, [1, 2]])
def test_data_must_be_octets(data: Any) -> None:
    with pytest.raises(TypeError, match="data must be bytes"):
        server(3).session.recv(data)


def test_no_octets_are_nothing() -> None:
    logged = server(3)
    logged.session.recv(b"")
    assert logged.taken() == []


# -------------------------------------------------------------------------------------- recv_cb


def reading(*pieces: Any, **more: Any) -> tuple[Logged, list[int]]:
    """A server whose `recv_cb` gives these pieces; and the lengths that it was asked for."""
    left, asked = list(pieces), []

    def read(session: Any, length: int) -> Any:
        asked.append(length)
        piece = left.pop(0)
        if isinstance(piece, BaseException):
            raise piece
        return piece

    return server(3, recv_cb=read, **more), asked


@pytest.mark.parametrize("nothing", [b"", None])
def test_without_data_it_reads_until_there_is_no_more(nothing: bytes | None) -> None:
    peer = Peer(3)
    logged, asked = reading(peer.ping(1)[:5], bytearray(peer.ping(1)[5:]), peer.ping(3), nothing)
    logged.session.recv()
    assert asked == [16_384] * 4
    assert logged.taken() == [("on_ctrl_recv", "PING")] * 2


def test_the_end_of_input_is_an_exception() -> None:
    end = spdylay.EOFError()
    logged, asked = reading(Peer(3).ping(1), end)
    with pytest.raises(spdylay.EOFError) as raised:
        logged.session.recv()
    assert raised.value is end
    assert len(asked) == 2
    assert logged.taken() == [("on_ctrl_recv", "PING")]


def test_what_a_recv_callback_raises_comes_out_at_once() -> None:
    problem = OSError("reset")
    logged, asked = reading(problem, b"never read")
    with pytest.raises(OSError) as raised:
        logged.session.recv(None)
    assert raised.value is problem
    assert len(asked) == 1


@pytest.mark.parametrize("result", [b"x" * 16_385, "text", 5])
def test_a_recv_callback_that_misbehaves(result: Any) -> None:
    logged, _ = reading(result)
    with pytest.raises(spdylay.CallbackFailureError):
        logged.session.recv()


def test_without_a_recv_callback_there_is_nothing_to_read_with() -> None:
    with pytest.raises(spdylay.CallbackFailureError):
        server(3).session.recv()


def test_recv_is_not_for_its_own_callbacks() -> None:
    def again(session: Any, frame: Any) -> None:
        session.recv(b"")

    logged = server(3, on_ctrl_recv_cb=again)
    with pytest.raises(RuntimeError, match="one of its own callbacks"):
        logged.session.recv(Peer(3).ping(1))
    logged.own.clear()
    logged.session.recv(Peer(3).ping(3))
    assert logged.taken() == [("on_ctrl_recv", "PING")] * 2


# ----------------------------------------------------------------------- exceptions of callbacks


def raiser(*problems: BaseException) -> Any:
    left = list(problems)

    def callback(*arguments: Any) -> None:
        if left:
            raise left.pop(0)

    return callback


@every_version
def test_the_last_exception_of_a_recv_comes_out_at_its_end(version: int) -> None:
    first, second = ValueError("first"), KeyError("second")
    logged, peer = server(version, on_ctrl_recv_cb=raiser(first, second)), Peer(version)
    with pytest.raises(KeyError) as raised:
        logged.session.recv(peer.ping(1) + peer.ping(3) + peer.ping(5))
    assert raised.value is second
    assert logged.taken() == [("on_ctrl_recv", "PING")] * 3
    # all are answered, and the next call starts clean
    assert peer.read(logged.sent()) == [("PING", 1), ("PING", 3), ("PING", 5)]
    logged.session.recv(peer.ping(7))


def test_one_that_asks_the_program_to_end_goes_before_others() -> None:
    stop = KeyboardInterrupt()
    logged = server(3, on_ctrl_recv_cb=raiser(ValueError(), stop, ValueError()))
    with pytest.raises(KeyboardInterrupt) as raised:
        logged.session.recv(Peer(3).ping(1) * 3)
    assert raised.value is stop
    assert len(logged.taken()) == 3
    logged.session.recv(Peer(3).ping(1))


class Problem(Exception):
    pass


def test_what_a_callback_raised_is_gone_when_it_has_been_dealt_with() -> None:
    """At once: no cycle keeps it, nor the data that it came with."""
    logged = server(3, on_ctrl_recv_cb=raiser(Problem()), on_ctrl_send_cb=raiser(Problem()))
    watched = []
    gc.disable()
    try:
        for call in (lambda: logged.session.recv(Peer(3).ping(1)), logged.session.send):
            try:
                call()
            except Problem as problem:
                watched.append(weakref.ref(problem))
        assert [found() for found in watched] == [None, None]
    finally:
        gc.enable()


RECEIVED = {
    "on_ctrl_recv_cb": lambda peer: peer.ping(1),
    "on_invalid_ctrl_recv_cb": lambda peer: peer.syn_reply(1, ANSWER),
    "on_data_chunk_recv_cb": lambda peer: peer.syn_stream(1, GET) + peer.data(1, b"x"),
    "on_data_recv_cb": lambda peer: peer.syn_stream(1, GET) + peer.data(1, b"x"),
    "on_stream_close_cb": lambda peer: peer.syn_stream(1, GET) + peer.rst_stream(1, 5),
    "on_request_recv_cb": lambda peer: peer.syn_stream(1, GET, FIN),
    "on_ctrl_recv_parse_error_cb": lambda peer: peer.control(6, b""),
    "on_unknown_ctrl_recv_cb": lambda peer: peer.control(77, b""),
}


@pytest.mark.parametrize("name", RECEIVED)
def test_every_callback_of_recv_may_raise(name: str) -> None:
    problem = LookupError(name)
    logged, peer = server(3, **{name: raiser(problem)}), Peer(3)
    with pytest.raises(LookupError) as raised:
        logged.session.recv(peer.ping(9) + RECEIVED[name](peer))
    assert raised.value is problem or name == "on_ctrl_recv_cb"
    assert name.removesuffix("_cb") in [entry[0] for entry in logged.taken()]
    assert peer.read(logged.sent())[0] == ("PING", 9)


SENT = ["before_ctrl_send_cb", "on_ctrl_send_cb", "on_ctrl_not_send_cb", "on_data_send_cb"]


@pytest.mark.parametrize("name", [*SENT, "on_stream_close_cb"])
def test_every_callback_of_send_may_raise(name: str) -> None:
    """The queue is sent to its end, and then the last exception is raised."""
    problem = LookupError(name)
    logged, peer = server(3, **{name: raiser(problem)}), Peer(3)
    logged.session.recv(peer.syn_stream(1, GET, FIN))
    logged.session.submit_response(1, ANSWER, provider(b"x"))
    logged.session.submit_headers(0, 99, ANSWER)  # given up
    with pytest.raises(LookupError) as raised:
        logged.session.send()
    assert raised.value is problem
    assert [frame[0] for frame in peer.read(bytes(logged.out))] == ["SYN_REPLY", "DATA"]
    assert logged.taken()[-2:] == [
        ("on_stream_close", 1, spdylay.OK),
        ("on_ctrl_not_send", "HEADERS 99", spdylay.ERR_STREAM_CLOSED),
    ]
    logged.session.send()
    assert not logged.taken()


def test_what_a_send_callback_raises_ends_the_call() -> None:
    """The same exception comes out at once, and the frame is sent by the next call."""
    problem = OSError("broken")
    pending: list[BaseException] = [problem]
    out = bytearray()

    def write(session: Any, data: bytes) -> int:
        if pending:
            raise pending.pop()
        out.extend(data)
        return len(data)

    logged = client(3, send_cb=write)
    logged.session.submit_ping()
    logged.session.submit_ping()
    with pytest.raises(OSError) as raised:
        logged.session.send()
    assert raised.value is problem
    assert logged.taken() == [("before_ctrl_send", "PING")]
    logged.session.send()
    assert Peer(3).read(bytes(out)) == [("PING", 1), ("PING", 3)]
    assert logged.taken()[0] == ("on_ctrl_send", "PING")


@pytest.mark.parametrize("result", [-1, -505, 13, "text", 2.0, b"", []])
def test_a_send_callback_that_misbehaves(result: Any) -> None:
    logged = client(3, send_cb=lambda session, data: result)
    logged.session.submit_ping()  # 12 octets
    with pytest.raises(spdylay.CallbackFailureError):
        logged.session.send()


@every_version
def test_a_header_that_is_not_utf_8(version: int) -> None:
    """It takes the place of the callback; the stream is open by then."""
    logged, peer = server(version), Peer(version)
    request = peer.syn_stream(1, [(":path", "/"), (b"x", b"\xe9t\xe9")], FIN)
    with pytest.raises(UnicodeDecodeError):
        logged.session.recv(request + peer.ping(1))
    assert logged.taken() == [("on_request_recv", 1), ("on_ctrl_recv", "PING")]
    logged.session.submit_response(1, ANSWER)
    assert peer.read(logged.sent())[1][:2] == ("SYN_REPLY", 1)
    # who does not look at headers does not stumble over them
    blind, peer = server(version), Peer(version)
    blind.session.on_ctrl_recv_cb = None
    blind.session.recv(peer.syn_stream(1, [(b"x", b"\xff")], FIN))
    assert blind.taken() == [("on_request_recv", 1)]


@every_version
def test_an_invalid_header_that_is_not_utf_8(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(1, [(b"X", b"\xff")]))
    assert logged.taken() == [("on_invalid_ctrl_recv", "SYN_STREAM 1", spdylay.PROTOCOL_ERROR)]
    assert logged.last_nv() == [("X", "\\xff")]
    assert peer.read(logged.sent()) == [("RST_STREAM", 1, spdylay.PROTOCOL_ERROR)]


# ---------------------------------------------------------------------- calls from inside callbacks


@every_version
def test_answering_and_sending_inside_a_callback(version: int) -> None:
    def answer(session: Any, stream_id: int) -> None:
        session.submit_response(stream_id, ANSWER)
        session.send()

    logged, peer = server(version, on_request_recv_cb=answer), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET, FIN) + peer.syn_stream(3, GET, FIN))
    frames = peer.read(bytes(logged.out))
    assert [frame[:2] for frame in frames] == [("SYN_REPLY", 1), ("SYN_REPLY", 3)]
    assert [entry[:2] for entry in logged.taken()] == [
        ("on_ctrl_recv", "SYN_STREAM 1"),
        ("on_request_recv", 1),
        ("before_ctrl_send", "SYN_REPLY 1"),
        ("on_ctrl_send", "SYN_REPLY 1"),
        ("on_stream_close", 1),
        ("on_ctrl_recv", "SYN_STREAM 3"),
        ("on_request_recv", 3),
        ("before_ctrl_send", "SYN_REPLY 3"),
        ("on_ctrl_send", "SYN_REPLY 3"),
        ("on_stream_close", 3),
    ]


@every_version
def test_what_a_callback_submits_holds_for_the_next_frame(version: int) -> None:
    """Streams that it resets are closing, although their DATA was there already."""

    def reset(session: Any, frame: Any) -> None:
        if frame.frame_type == spdylay.SYN_STREAM:
            session.submit_rst_stream(frame.stream_id, spdylay.REFUSED_STREAM)

    logged, peer = server(version, on_ctrl_recv_cb=reset), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET) + peer.data(1, b"x", FIN))
    assert logged.taken() == [("on_ctrl_recv", "SYN_STREAM 1")]


@every_version
def test_sending_while_sending_leaves_it_to_the_call_that_runs(version: int) -> None:
    def more(session: Any, frame: Any) -> None:
        if frame.frame_type == spdylay.PING and frame.unique_id < 7:
            session.submit_ping()
            session.send()

    names = ("before_ctrl_send_cb", "on_ctrl_send_cb")
    for name in names:
        logged = client(version, **{name: more})
        logged.session.submit_ping()
        frames = Peer(version).read(logged.sent())
        assert frames == [("PING", 1), ("PING", 3), ("PING", 5), ("PING", 7)]
        halves = [entry[0] for entry in logged.taken()]
        assert halves == ["before_ctrl_send", "on_ctrl_send"] * 4


@every_version
def test_sessions_may_be_wired_to_each_other(version: int) -> None:
    """What one sends, the other takes at once: each is in the middle of the other's calls."""

    def answer(session: Any, stream_id: int) -> None:
        session.submit_response(stream_id, ANSWER, provider(b"x" * 4096, b"y" * 100))
        session.submit_ping()
        session.send()

    def again(session: Any, stream_id: int, status: int) -> None:
        if stream_id < 5:
            session.submit_request(0, GET, provider(b"body"))
        session.send()

    def to(other: Logged) -> Any:
        def write(session: Any, data: bytes) -> int:
            other.session.recv(data)
            return len(data)

        return write

    one = client(version, on_stream_close_cb=again)
    other = server(version, on_request_recv_cb=answer)
    one.session.send_cb, other.session.send_cb = to(other), to(one)
    one.session.submit_request(0, GET)
    one.session.send()
    for end in (one, other):
        closed = [entry for entry in end.log if entry[0] == "on_stream_close"]
        assert closed == [("on_stream_close", number, spdylay.OK) for number in (1, 3, 5)]
        assert not end.session.want_write()
        assert end.session.want_read()
    assert sum(entry[3] for entry in one.log if entry[0] == "on_data_recv") == 3 * 4196
    assert sum(entry[3] for entry in other.log if entry[0] == "on_data_recv") == 2 * 4


def test_callbacks_may_ask_about_the_session() -> None:
    asked = []

    def ask(session: Any, *arguments: Any) -> None:
        asked.append(
            (
                session.want_read(),
                session.want_write(),
                session.get_outbound_queue_size(),
                session.get_stream_user_data(1),
            )
        )

    logged = client(3, before_ctrl_send_cb=ask, on_stream_close_cb=ask)
    logged.session.submit_request(0, GET, None, "mine")
    logged.sent()
    logged.session.recv(Peer(3).syn_reply(1, ANSWER, FIN))
    assert asked == [(True, True, 0, "mine"), (True, False, 0, "mine")]
    assert logged.session.get_stream_user_data(1) is None


def test_callbacks_can_be_replaced() -> None:
    logged = server(3)
    seen: list[Any] = []
    logged.session.on_ctrl_recv_cb = lambda session, frame: seen.append(frame.unique_id)
    logged.session.recv(Peer(3).ping(5))
    assert seen == [5]
