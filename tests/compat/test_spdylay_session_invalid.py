"""What a session does with frames that break a rule: the frame it sends, the callback it calls."""

from __future__ import annotations

import zlib
from collections.abc import Callable
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
    since_3,
)

FIN = spdylay.CTRL_FLAG_FIN
PUSH = spdylay.CTRL_FLAG_UNIDIRECTIONAL

INVALID, UNPARSABLE = "on_invalid_ctrl_recv", "on_ctrl_recv_parse_error"

NV_WRONG = [
    [(b"", b"x")],
    [(b"a\x1fb", b"x")],
    [(b"a\x7f", b"x")],
    [(b"a\xc3\xa9", b"x")],
    [(b"Upper", b"x")],
    [(b"a", b"x"), (b"b", b"y"), (b"a", b"z")],
    [(b"a", b"\0x")],
    [(b"a", b"x\0")],
    [(b"a", b"x\0\0y")],
    [(b"a", b"x\x01")],
    [(b"a", b"x\n")],
    [(b"a", b"x\x7f")],
]


def after(logged: Logged, octets: bytes) -> tuple[list[tuple[Any, ...]], bytes]:
    """What the octets cause: callbacks, and what is sent."""
    logged.taken()
    logged.session.recv(octets)
    log = logged.taken()
    return log, logged.sent()


def goaway(version: int, last: int = 0) -> list[tuple[Any, ...]]:
    return [("GOAWAY", last) if version == 2 else ("GOAWAY", last, 1)]


def assert_failed(logged: Logged, peer: Peer, sent: bytes, last: int = 0) -> None:
    """GOAWAY with PROTOCOL_ERROR, and no more listening."""
    assert peer.read(sent) == goaway(peer.version, last)
    assert not logged.session.want_read()
    assert not logged.session.want_write()
    assert after(logged, peer.ping(1)) == ([], b"")


def assert_reset(
    logged: Logged, peer: Peer, octets: bytes, frame: str, stream_id: int, status: int
) -> None:
    """RST_STREAM with that status, told by `on_invalid_ctrl_recv_cb`; the session goes on."""
    log, sent = after(logged, octets)
    assert log == [(INVALID, frame, status)]
    assert peer.read(sent) == [("RST_STREAM", stream_id, status)]
    assert logged.session.want_read()
    log, _ = after(logged, peer.syn_stream(99, GET) if logged.session._side == 2 else peer.ping(2))
    assert log[0][0] == "on_ctrl_recv"


def with_stream(version: int) -> tuple[Logged, Peer]:
    """A server with the stream 1, open."""
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET))
    logged.session.submit_syn_reply(0, 1, ANSWER)
    peer.read(logged.sent())
    return logged, peer


def with_request(version: int) -> tuple[Logged, Peer]:
    """A client with the stream 1, not answered yet."""
    logged, peer = client(version), Peer(version)
    logged.session.submit_syn_stream(0, 0, GET)
    peer.read(logged.sent())
    return logged, peer


# ------------------------------------------------------------------------------------- SYN_STREAM


@every_version
def test_a_stream_id_twice(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(3, GET))
    log, sent = after(logged, peer.syn_stream(3, GET))
    assert log == [(INVALID, "SYN_STREAM 3", 1)]
    assert peer.read(sent) == [("RST_STREAM", 3, 1)]
    # the stream that was there is gone by the reset
    assert logged.taken()[-1] == ("on_stream_close", 3, 1)
    assert logged.session.want_read()


@every_version
def test_stream_0(version: int) -> None:
    logged, peer = server(version), Peer(version)
    assert_reset(logged, peer, peer.syn_stream(0, GET), "SYN_STREAM 0", 0, 1)


@every_version
@pytest.mark.parametrize("stream_id", [1, 2, 4])
def test_a_stream_id_that_goes_back_or_is_not_the_peers(version: int, stream_id: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(3, GET))
    log, sent = after(logged, peer.syn_stream(stream_id, GET))
    assert log == [(INVALID, f"SYN_STREAM {stream_id}", 1)]
    assert_failed(logged, peer, sent, last=3)


@every_version
def test_a_foreign_version_that_can_be_read(version: int) -> None:
    logged, peer = server(version), Peer(version)
    wire = 3 if version == 2 else 2
    peer.word = ">I" if wire == 3 else ">H"
    octets = peer.syn_stream(1, [], wire=wire)
    log, sent = after(logged, octets)
    assert log == [(INVALID, "SYN_STREAM 1", spdylay.UNSUPPORTED_VERSION)]
    assert peer.read(sent) == [("RST_STREAM", 1, spdylay.UNSUPPORTED_VERSION)]
    assert logged.session.want_read()


@every_version
@pytest.mark.parametrize(("flags", "associated"), [(0, 1), (PUSH, 0), (PUSH, 1)])
def test_clients_do_not_push(version: int, flags: int, associated: int) -> None:
    logged, peer = with_stream(version)
    octets = peer.syn_stream(3, GET, flags, associated)
    assert_reset(logged, peer, octets, "SYN_STREAM 3", 3, 1)


@every_version
@pytest.mark.parametrize(
    ("flags", "associated", "status"),
    [(PUSH, 0, spdylay.INVALID_STREAM), (0, 1, 1), (FIN, 1, 1), (PUSH, 3, 1), (PUSH, 2, 1)],
)
def test_pushes_that_are_not_right(version: int, flags: int, associated: int, status: int) -> None:
    logged, peer = with_request(version)
    octets = peer.syn_stream(2, ANSWER, flags, associated)
    assert_reset(logged, peer, octets, "SYN_STREAM 2", 2, status)


@every_version
def test_too_many_streams(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.submit_settings(0, [(4, 0, 0)])
    logged.sent()
    log, sent = after(logged, peer.syn_stream(1, GET))
    assert log == [(INVALID, "SYN_STREAM 1", spdylay.REFUSED_STREAM)]
    assert peer.read(sent) == [("RST_STREAM", 1, spdylay.REFUSED_STREAM)]


@every_version
@pytest.mark.parametrize("sent_by", ["us", "peer"])
def test_a_stream_after_goaway(version: int, sent_by: str) -> None:
    logged, peer = with_stream(version)
    if sent_by == "us":
        logged.session.submit_goaway(0)
        logged.sent()
    else:
        logged.session.recv(peer.goaway())
    octets = peer.syn_stream(3, [("x", "y")]) + peer.headers(1, [("x", "y")])
    assert after(logged, octets) == ([("on_ctrl_recv", "HEADERS 1")], b"")


# ----------------------------------------------------------------------------------- header blocks


@every_version
@pytest.mark.parametrize("nv", NV_WRONG, ids=repr)
def test_an_invalid_header_block(version: int, nv: list[tuple[bytes, bytes]]) -> None:
    """Shown as it came. A SYN_STREAM opens nothing, and its id can be used again."""
    logged, peer = server(version), Peer(version)
    log, sent = after(logged, peer.syn_stream(1, nv))
    assert log == [(INVALID, "SYN_STREAM 1", 1)]
    shown = [(name.decode(), part) for name, value in nv for part in value.decode().split("\0")]
    assert logged.last_nv() == shown
    assert peer.read(sent) == [("RST_STREAM", 1, 1)]
    log, _ = after(logged, peer.syn_stream(1, GET))
    assert log == [("on_ctrl_recv", "SYN_STREAM 1")]


@every_version
@pytest.mark.parametrize("kind", ["syn_reply", "headers"])
def test_an_invalid_header_block_ends_its_stream(version: int, kind: str) -> None:
    logged, peer = with_request(version)
    if kind == "headers":
        logged.session.recv(peer.syn_reply(1, ANSWER))
    log, sent = after(logged, getattr(peer, kind)(1, [(b"A", b"")], FIN))
    assert log == [(INVALID, f"{kind.upper()} 1", 1)]
    assert peer.read(sent) == [("RST_STREAM", 1, 1)]
    assert logged.taken()[-1] == ("on_stream_close", 1, 1)


def test_names_of_an_invalid_block_are_not_translated() -> None:
    logged, peer = server(2), Peer(2)
    block = peer.raw_block(peer.serial([(b"url", b"/"), (b"X", b"")]))
    logged.session.recv(peer.syn_stream(1, block=block))
    assert logged.last_nv() == [("url", "/"), ("X", "")]


@every_version
def test_a_header_block_that_is_too_large(version: int) -> None:
    """The frame has no headers then; blocks after it are whole."""
    logged, peer = server(version), Peer(version)
    block = peer.raw_block(peer.serial([(b"a", b"b" * 50_000), (b"b", b"c" * 50_000)]))
    octets = peer.syn_stream(1, block=block)
    log, sent = after(logged, octets)
    assert log == [(INVALID, "SYN_STREAM 1", spdylay.FRAME_TOO_LARGE)]
    assert logged.last_nv() == []
    assert peer.read(sent) == [("RST_STREAM", 1, spdylay.FRAME_TOO_LARGE)]
    after(logged, peer.syn_stream(3, GET))
    assert sorted(logged.last_nv()) == sorted(GET)


def short(peer: Peer) -> bytes:
    return peer.raw_block(peer.serial([(b"a", b"b")])[:-1])


def left_over(peer: Peer) -> bytes:
    return peer.raw_block(peer.serial([(b"a", b"b")]) + b"x")


def corrupt(peer: Peer) -> bytes:
    return b"\x38\xea\0\0\0\0 corrupt"


def ended(peer: Peer) -> bytes:
    return peer.deflate.compress(peer.serial([(b"a", b"b")])) + peer.deflate.flush(zlib.Z_FINISH)


BROKEN = {
    "short": (short, spdylay.ERR_INVALID_FRAME),
    "left over": (left_over, spdylay.ERR_INVALID_FRAME),
    "none": (lambda peer: b"", spdylay.ERR_INVALID_FRAME),
    "corrupt": (corrupt, spdylay.ERR_ZLIB),
    "ended": (ended, spdylay.ERR_ZLIB),
}


@every_version
@pytest.mark.parametrize("how", BROKEN)
@pytest.mark.parametrize("kind", ["syn_stream", "syn_reply", "headers"])
def test_a_header_block_that_cannot_be_read(version: int, how: str, kind: str) -> None:
    """`head` is the frame's header, `payload` what stands before the block."""
    logged, peer = client(version), Peer(version)
    make, error = BROKEN[how]
    octets = getattr(peer, kind)(2, block=make(peer))
    fixed = 10 if kind == "syn_stream" else 6 if version == 2 else 4
    log, sent = after(logged, octets)
    kind_number = {"syn_stream": 1, "syn_reply": 2, "headers": 8}[kind]
    assert log == [(UNPARSABLE, kind_number, octets[:8], octets[8 : 8 + fixed], error)]
    assert_failed(logged, peer, sent)


@every_version
@pytest.mark.parametrize("kind", [1, 2, 8])
def test_only_what_arrived_is_shown_of_a_short_frame(version: int, kind: int) -> None:
    logged, peer = server(version), Peer(version)
    octets = peer.control(kind, b"\0\0\1")
    log, sent = after(logged, octets)
    assert log == [(UNPARSABLE, kind, octets[:8], b"\0\0\1", spdylay.ERR_INVALID_FRAME)]
    assert_failed(logged, peer, sent)


@every_version
@pytest.mark.parametrize("kind", ["syn_stream", "syn_reply", "headers"])
@pytest.mark.parametrize("wire", [1, 4])
def test_a_version_that_does_not_exist(version: int, kind: str, wire: int) -> None:
    logged, peer = server(version), Peer(version)
    log, sent = after(logged, getattr(peer, kind)(1, GET, wire=wire))
    assert [entry[0] for entry in log] == [UNPARSABLE]
    assert log[0][4] == spdylay.ERR_UNSUPPORTED_VERSION
    assert_failed(logged, peer, sent)


@every_version
def test_a_window_of_zlib_without_a_dictionary_is_accepted(version: int) -> None:
    logged, peer = server(version), Peer(version)
    peer.deflate = zlib.compressobj()
    after(logged, peer.syn_stream(1, [("a", "b")]))
    assert logged.last_nv() == [("a", "b")]


# ----------------------------------------------------------------------------- SYN_REPLY, HEADERS


@every_version
def test_a_reply_for_no_stream_of_ours(version: int) -> None:
    logged, peer = client(version), Peer(version)
    assert_reset(logged, peer, peer.syn_reply(1, ANSWER), "SYN_REPLY 1", 1, 1)
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET))
    assert_reset(logged, peer, peer.syn_reply(1, ANSWER), "SYN_REPLY 1", 1, 1)


@every_version
def test_a_reply_where_nothing_may_come(version: int) -> None:
    logged, peer = client(version), Peer(version)
    logged.session.submit_syn_stream(PUSH, 0, GET)
    logged.sent()
    assert_reset(logged, peer, peer.syn_reply(1, ANSWER), "SYN_REPLY 1", 1, 1)


@every_version
def test_a_second_reply(version: int) -> None:
    logged, peer = with_request(version)
    logged.session.recv(peer.syn_reply(1, ANSWER))
    status = 1 if version == 2 else spdylay.STREAM_IN_USE
    assert_reset(logged, peer, peer.syn_reply(1, ANSWER), "SYN_REPLY 1", 1, status)


@every_version
def test_headers_in_the_wrong_place(version: int) -> None:
    logged, peer = client(version), Peer(version)
    assert_reset(logged, peer, peer.headers(1, ANSWER), "HEADERS 1", 1, 1)
    logged, peer = with_request(version)
    assert_reset(logged, peer, peer.headers(1, ANSWER), "HEADERS 1", 1, 1)
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET, FIN))
    assert_reset(logged, peer, peer.headers(1, ANSWER), "HEADERS 1", 1, 1)


@every_version
def test_what_comes_for_a_closing_stream(version: int) -> None:
    """Ignored, but decompressed: what follows is read right."""
    logged, peer = with_request(version)
    logged.session.submit_rst_stream(1, spdylay.CANCEL)
    octets = peer.syn_reply(1, ANSWER) + peer.headers(1, [("x", "y")]) + peer.data(1, b"x")
    logged.taken()
    logged.session.recv(octets)
    assert logged.taken() == []
    assert peer.read(logged.sent()) == [("RST_STREAM", 1, spdylay.CANCEL)]
    log, _ = after(logged, peer.syn_reply(3, [("x", "y")]))
    assert log == [(INVALID, "SYN_REPLY 3", 1)]
    assert logged.last_nv() == [("x", "y")]


# ------------------------------------------------------------------------------ frames without one


WRONG_LENGTHS = {
    "RST_STREAM short": (3, 7),
    "RST_STREAM long": (3, 9),
    "PING short": (6, 3),
    "PING long": (6, 5),
    "WINDOW_UPDATE short": (9, 7),
    "WINDOW_UPDATE long": (9, 9),
    "SETTINGS short": (4, 3),
    "SETTINGS": (4, 11),
}


@every_version
@pytest.mark.parametrize("what", WRONG_LENGTHS)
def test_wrong_lengths(version: int, what: str) -> None:
    kind, length = WRONG_LENGTHS[what]
    logged, peer = server(version), Peer(version)
    octets = peer.control(kind, bytes(length))
    log, sent = after(logged, octets)
    assert log == [(UNPARSABLE, kind, octets[:8], octets[8:], spdylay.ERR_INVALID_FRAME)]
    assert_failed(logged, peer, sent)


@every_version
def test_a_goaway_of_the_wrong_length(version: int) -> None:
    logged, peer = server(version), Peer(version)
    octets = peer.control(7, bytes(8 if version == 2 else 4))
    log, sent = after(logged, octets)
    assert [entry[0] for entry in log] == [UNPARSABLE]
    assert_failed(logged, peer, sent)


@every_version
def test_the_other_version_is_ignored_where_it_can_be_read(version: int) -> None:
    logged, peer = with_stream(version)
    wire = 3 if version == 2 else 2
    other = Peer(wire)
    frames = [
        other.rst_stream(1, 5),
        other.settings((4, 0, 0)),
        other.ping(7),
        other.goaway(),
        other.window_update(1, 5),
    ]
    # their blocks belong to the session's zlib stream all the same
    peer.word = other.word
    for kind in (2, 8):
        head = b"\0\0\0\1" + (b"\0\0" if wire == 2 else b"")
        frames.append(peer.control(kind, head + peer.raw_block(peer.serial([])), wire=wire))
    assert after(logged, b"".join(frames)) == ([], b"")
    peer.word = ">H" if version == 2 else ">I"
    assert after(logged, peer.headers(1, [("a", "b")]))[0] == [("on_ctrl_recv", "HEADERS 1")]
    assert logged.last_nv() == [("a", "b")]


@since_3
def test_a_window_that_overflows(version: int) -> None:
    logged, peer = with_stream(version)
    octets = peer.window_update(1, 2**31 - 1)
    assert_reset(logged, peer, octets, "WINDOW_UPDATE 1", 1, spdylay.FLOW_CONTROL_ERROR)


def test_the_sessions_window_overflows() -> None:
    logged, peer = server(4), Peer(4)
    log, sent = after(logged, peer.window_update(0, 2**31 - 1))
    assert log == [(INVALID, "WINDOW_UPDATE 0", 1)]
    assert_failed(logged, peer, sent)


# ------------------------------------------------------------------------------------------- DATA


@every_version
def test_data_for_an_unknown_stream_is_ignored(version: int) -> None:
    logged, peer = server(version), Peer(version)
    assert after(logged, peer.data(77, b"x", FIN)) == ([], b"")


@every_version
def test_data_after_fin(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET, FIN))
    log, sent = after(logged, peer.data(1, b"x"))
    assert log == []
    assert_failed(logged, peer, sent, last=1)


@every_version
def test_data_before_the_reply(version: int) -> None:
    logged, peer = with_request(version)
    log, sent = after(logged, peer.data(1, b"x"))
    assert log == []
    assert_failed(logged, peer, sent)


# --------------------------------------------------------------------------------------- the rest


@every_version
@pytest.mark.parametrize("make", [client, server])
def test_faults_need_no_callbacks(version: int, make: Callable[..., Logged]) -> None:
    peer = Peer(version)
    silent = spdylay.Session(spdylay.SERVER if make is server else spdylay.CLIENT, version)
    silent.recv(peer.syn_reply(1, [(b"\xff", b"\xff")]) + peer.control(77, b""))
    assert silent.want_write()
    silent.send()
    silent.recv(peer.control(6, b""))
    silent.send()
    assert not silent.want_read()


@every_version
def test_a_body_in_hand_ends_with_its_stream(version: int) -> None:
    """A fault of the peer's on a stream leaves the frames of others alone."""
    logged, peer = with_stream(version)
    logged.session.recv(peer.syn_stream(3, GET))
    logged.session.submit_syn_reply(0, 3, ANSWER)
    logged.sent()
    for stream_id in (1, 3):
        logged.session.submit_data(stream_id, 1, provider(b"x" * 4096, b"y"))
    logged.session.recv(peer.headers(1, [(b"A", b"")]))
    frames = peer.read(logged.sent())
    assert [f[:2] for f in frames] == [("DATA", 3), ("RST_STREAM", 1), ("DATA", 3)]
