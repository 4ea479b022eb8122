"""Where DATA comes from: a provider, what its `read_cb` may do, and what it must not."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest

from plait.compat import spdylay

from .spdylay_peer import ANSWER, GET, Logged, Peer, client, every_version, provider, server

FIN = spdylay.DATA_FLAG_FIN


def requesting(version: int, data_prd: Any) -> tuple[Logged, Peer]:
    """A client with a request of this body, not sent yet."""
    logged, peer = client(version), Peer(version)
    logged.session.submit_request(0, GET, data_prd)
    return logged, peer


def data_of(frames: list[tuple[Any, ...]]) -> list[tuple[int, bytes]]:
    return [(frame[2], frame[3]) for frame in frames if frame[0] == "DATA"]


@every_version
def test_what_a_read_callback_gets(version: int) -> None:
    calls = []

    def read(session: Any, stream_id: int, length: int, control: Any, source: Any) -> bytes:
        calls.append((session, stream_id, length, source, control.flags))
        assert type(control) is spdylay.ReadCtrl
        control.flags = spdylay.READ_EOF
        return b"body"

    source = object()
    logged, peer = requesting(version, spdylay.DataProvider(source, read))
    assert data_of(peer.read(logged.sent())) == [(FIN, b"body")]
    assert calls == [(logged.session, 1, 4096, source, 0)]


@every_version
@pytest.mark.parametrize("end", [b"", None])
def test_the_end_may_come_by_itself(version: int, end: bytes | None) -> None:
    logged, peer = requesting(version, provider(b"body", end))
    assert data_of(peer.read(logged.sent())) == [(0, b"body"), (FIN, b"")]
    assert logged.taken()[-1] == ("on_data_send", FIN, 1, 0)


@every_version
def test_fin_is_set_only_if_the_call_asked_for_it(version: int) -> None:
    logged, peer = client(version), Peer(version)
    session = logged.session
    session.submit_syn_stream(0, 0, GET)
    session.submit_data(1, spdylay.DATA_FLAG_NONE, provider(b"one"))
    assert data_of(peer.read(logged.sent())) == [(0, b"one")]
    session.submit_data(1, spdylay.DATA_FLAG_NONE, provider(b"two", b""))
    assert data_of(peer.read(logged.sent())) == [(0, b"two"), (0, b"")]
    session.submit_data(1, FIN, provider(b"three"))
    assert data_of(peer.read(logged.sent())) == [(FIN, b"three")]


@every_version
def test_nothing_without_an_end_is_asked_again_later(version: int) -> None:
    """An empty frame each time, but not for ever within one `send`."""
    asked = []

    def read(session: Any, stream_id: int, length: int, control: Any, source: Any) -> bytes | None:
        asked.append(length)
        if len(asked) == 3:
            control.flags = spdylay.READ_EOF
            return b"body"
        return None

    logged, peer = requesting(version, spdylay.DataProvider(None, read))
    assert data_of(peer.read(logged.sent())) == [(0, b"")]
    assert logged.session.want_write()
    assert data_of(peer.read(logged.sent())) == [(0, b"")]
    assert data_of(peer.read(logged.sent())) == [(FIN, b"body")]
    assert not logged.session.want_write()


@every_version
def test_deferred_data_waits_to_be_resumed(version: int) -> None:
    data = provider(b"one", spdylay.ERR_DEFERRED, b"two")
    logged, peer = requesting(version, data)
    session = logged.session
    assert not session.resume_data(1)
    assert data_of(peer.read(logged.sent())) == [(0, b"one")]
    assert session.get_outbound_queue_size() == 0
    assert not session.want_write()
    assert session.resume_data(1)
    assert not session.resume_data(1)
    assert session.get_outbound_queue_size() == 1
    assert session.want_write()
    assert data_of(peer.read(logged.sent())) == [(FIN, b"two")]
    assert not session.resume_data(1)
    assert not session.resume_data(99)


@every_version
def test_the_callback_may_be_replaced_while_it_is_deferred(version: int) -> None:
    data = provider(spdylay.ERR_DEFERRED, b"never")
    logged, peer = requesting(version, data)
    logged.sent()
    data.source = b"another"

    def read(session: Any, stream_id: int, length: int, control: Any, source: Any) -> Any:
        control.flags = spdylay.READ_EOF
        return source

    data.read_cb = read
    assert logged.session.resume_data(1)
    assert data_of(peer.read(logged.sent())) == [(FIN, b"another")]


@every_version
def test_it_may_be_resumed_while_it_says_that_it_waits(version: int) -> None:
    answers: list[Any] = [spdylay.ERR_DEFERRED, b"body"]

    def read(session: Any, stream_id: int, length: int, control: Any, source: Any) -> Any:
        session.resume_data(stream_id)
        if len(answers) == 1:
            control.flags = spdylay.READ_EOF
        return answers.pop(0)

    logged, peer = requesting(version, spdylay.DataProvider(None, read))
    first = peer.read(logged.sent())
    assert data_of(first + peer.read(logged.sent())) == [(FIN, b"body")]


@every_version
def test_a_temporal_failure_costs_the_stream(version: int) -> None:
    data = provider(b"one", spdylay.TemporalCallbackFailureError, b"never")
    logged, peer = requesting(version, data)
    frames = peer.read(logged.sent())
    assert data_of(frames) == [(0, b"one")]
    assert frames[-1] == ("RST_STREAM", 1, spdylay.INTERNAL_ERROR)
    assert logged.taken()[-1] == ("on_stream_close", 1, spdylay.INTERNAL_ERROR)
    assert logged.session.want_read()
    # nothing of it comes out later
    logged.session.recv(peer.ping(2))
    assert logged.taken() == [("on_ctrl_recv", "PING")]


@every_version
def test_any_other_exception_ends_the_call_and_costs_the_stream(version: int) -> None:
    problem = OSError("the disk")
    logged, peer = requesting(version, provider(b"one", problem, b"never"))
    logged.session.submit_request(0, GET)
    with pytest.raises(OSError, match="the disk") as raised:
        logged.session.send()
    assert raised.value is problem
    frames = peer.read(bytes(logged.out))
    assert data_of(frames) == [(0, b"one")]
    assert "SYN_STREAM" not in [frame[0] for frame in frames[1:]]
    # the next call goes on: what was queued, and the reset
    logged.out.clear()
    assert logged.session.want_write()
    rest = peer.read(logged.sent())
    assert sorted(frame[:2] for frame in rest) == [("RST_STREAM", 1), ("SYN_STREAM", 3)]
    assert ("on_stream_close", 1, spdylay.INTERNAL_ERROR) in logged.taken()
    logged.session.send()


def test_one_that_asks_the_program_to_end_comes_out_too() -> None:
    logged, peer = requesting(3, provider(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        logged.session.send()
    logged.out.clear()
    assert peer.read_control(3, 0, logged.sent()[8:]) == ("RST_STREAM", 1, spdylay.INTERNAL_ERROR)


@every_version
@pytest.mark.parametrize("answer", [b"x" * 4097, "text", 17, -1, ["x"], memoryview(b"x")])
def test_answers_that_are_not_allowed(version: int, answer: Any) -> None:
    logged, _ = requesting(version, provider(answer))
    with pytest.raises(spdylay.CallbackFailureError, match="read_cb returned"):
        logged.session.send()


@every_version
def test_the_callback_may_submit_and_send(version: int) -> None:
    def read(session: Any, stream_id: int, length: int, control: Any, source: Any) -> bytes:
        session.submit_ping()
        session.send()
        control.flags = spdylay.READ_EOF
        return b"body"

    logged, peer = requesting(version, spdylay.DataProvider(None, read))
    assert [frame[0] for frame in peer.read(logged.sent())] == ["SYN_STREAM", "DATA", "PING"]


def test_no_more_is_asked_for_than_a_window_takes() -> None:
    asked = []

    def read(session: Any, stream_id: int, length: int, control: Any, source: Any) -> bytes:
        asked.append(length)
        return b"x" * length

    logged, peer = requesting(3, spdylay.DataProvider(None, read))
    logged.session.recv(peer.settings((spdylay.SETTINGS_INITIAL_WINDOW_SIZE, 0, 5000)))
    logged.sent()
    assert asked == [4096, 904]
    logged.session.recv(peer.window_update(1, 7))
    logged.sent()
    assert asked == [4096, 904, 7]


def test_a_provider_is_kept_until_its_data_is_sent() -> None:
    logged, peer = client(3), Peer(3)
    data = provider(spdylay.ERR_DEFERRED, b"body")
    watched = weakref.ref(data)
    logged.session.submit_request(0, GET, data)
    logged.sent()
    del data
    gc.collect()
    logged.session.resume_data(1)
    assert data_of(peer.read(logged.sent())) == [(FIN, b"body")]
    gc.collect()
    assert watched() is None


class Problem(Exception):
    pass


@pytest.mark.parametrize("kind", [spdylay.TemporalCallbackFailureError, Problem])
def test_what_a_callback_raised_is_not_kept(kind: type[Exception]) -> None:
    problem = kind("once")
    watched = weakref.ref(problem)
    logged, _ = requesting(3, provider(problem))
    if kind is Problem:
        with pytest.raises(Problem):
            logged.session.send()
    logged.session.send()
    del problem
    gc.collect()
    assert watched() is None


@pytest.mark.parametrize("wrong", [b"body", open, object()])
def test_only_a_provider_will_do(wrong: Any) -> None:
    logged = server(3)
    logged.session.recv(Peer(3).syn_stream(1, GET))
    with pytest.raises(TypeError, match="must be a DataProvider"):
        logged.session.submit_response(1, ANSWER, wrong)
    with pytest.raises(TypeError, match="must be a DataProvider"):
        logged.session.submit_request(0, GET, wrong)
    for data in (wrong, None):
        with pytest.raises(TypeError, match="must be a DataProvider"):
            logged.session.submit_data(1, 0, data)
    assert logged.session.get_outbound_queue_size() == 0


def test_read_controls_can_be_read_and_written() -> None:
    control = spdylay.ReadCtrl()
    control.flags |= spdylay.READ_EOF
    assert control.flags == 1
