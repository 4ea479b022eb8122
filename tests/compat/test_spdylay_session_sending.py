"""What a session sends: the original's octets, its order, and what is given up on the way."""

from __future__ import annotations

from typing import Any

import pytest

from plait.compat import spdylay

from .spdylay_peer import (
    ANSWER,
    GET,
    Logged,
    Peer,
    body,
    client,
    every_version,
    exchange,
    kinds,
    provider,
    server,
)

# What spdylay itself writes, frame by frame on one pair of sessions (zlib builds may differ).
GOLDEN: list[tuple[str, dict[int, str]]] = [
    (
        "request",
        {
            2: "800200010100002a000000010000000040003830dfa251b2001000efff0002000161000162"
            "000375726c00012f000000ffff",
            3: "8003000101000036000000010000000020003830e3c6a7c2001c00e3ff00000002000000053a"
            "70617468000000012f00000001610000000162000000ffff",
        },
    ),
    (
        "syn_stream",
        {
            2: "800200010000001c00000003000000000000000800f7ff0001000163000164000000ffff",
            3: "800300010000002200000003000000000000000e00f1ff00000001000000016300000001"
            "64000000ffff",
        },
    ),
    (
        "response",
        {
            2: "800200020100001c00000001000038eadfa251b2626064608308323003132b000000ffff",
            3: "800300020100001d0000000138eae3c6a7c202a62346507ab482275266602205000000ffff",
        },
    ),
    (
        "syn_reply",
        {
            2: "800200020000000e00000003000042e302000000ffff",
            3: "800300020000000c00000003c22e0a000000ffff",
        },
    ),
    (
        "headers",
        {
            2: "80020008000000130000000300000272192b18182b01000000ffff",
            3: "800300080000001100000003828a325680884a00000000ffff",
        },
    ),
    ("data", {2: "0000000301000003787878", 3: "0000000301000003787878"}),
    ("rst_stream", {2: "80020003000000080000000300000005", 3: "80030003000000080000000300000005"}),
    ("ping", {2: "800200060000000400000001", 3: "800300060000000400000001"}),
    ("goaway", {2: "800200070000000400000003", 3: "80030007000000080000000300000002"}),
    (
        "settings",
        {
            2: "80020004010000140000000204000000000000640700000100010000",
            3: "80030004010000140000000200000004000000640100000700010000",
        },
    ),
    (
        "window_update",
        {2: "80020009000000080000000100001000", 3: "80030009000000080000000100001000"},
    ),
]


@every_version
def test_the_octets_are_the_originals(version: int) -> None:
    one, other = client(version), server(version)
    ours, theirs = one.session, other.session
    got: dict[str, bytes] = {}

    def take(name: str, by: Logged) -> None:
        got[name] = by.sent()
        (other if by is one else one).session.recv(got[name])

    ours.submit_request(1, [(":path", "/"), ("A", "b")])
    take("request", one)
    ours.submit_syn_stream(0, 0, [("c", "d")])
    take("syn_stream", one)
    ours.submit_window_update(1, 4096)
    take("window_update", one)
    theirs.submit_response(1, [(":status", "200")])
    take("response", other)
    theirs.submit_syn_reply(0, 3, [(":status", "200")])
    take("syn_reply", other)
    theirs.submit_headers(0, 3, [("x", "y")])
    take("headers", other)
    ours.submit_data(3, spdylay.DATA_FLAG_FIN, provider(b"xxx"))
    take("data", one)
    ours.submit_rst_stream(3, spdylay.CANCEL)
    take("rst_stream", one)
    ours.submit_ping()
    take("ping", one)
    other.sent()  # the reply
    theirs.submit_goaway(2)
    take("goaway", other)
    ours.submit_settings(1, [(7, 1, 65536), (4, 0, 100)])
    ours.submit_request(0, [])  # given up after GOAWAY, but something must be open
    take("settings", one)
    wire = 2 if version == 2 else 3
    assert {name: octets.hex() for name, octets in got.items()} == {
        name: octets[wire] for name, octets in GOLDEN
    }


@every_version
def test_the_octets_of_a_push_are_the_originals(version: int) -> None:
    one, other = client(version), server(version)
    one.session.submit_request(0, GET)
    other.session.recv(one.sent())
    other.session.submit_syn_stream(2, 3, [(":path", "/p")], 1)
    expected = {
        2: "800200010200001f0000000200000001c00038eadfa251b26260646006d14cfa0500000000ffff",
        3: "80030001020000250000000200000001600038eae3c6a7c202a623465076b22a480497444cfa05"
        "00000000ffff",
    }
    assert other.sent().hex() == expected[2 if version == 2 else 3]


# ------------------------------------------------------------------------ the order of the queue


@every_version
def test_equal_priorities_take_turns_and_smaller_numbers_go_first(version: int) -> None:
    logged, peer = server(version), Peer(version)
    for stream_id, pri in ((1, 1), (3, 1), (5, 0)):
        logged.session.recv(peer.syn_stream(stream_id, GET, spdylay.CTRL_FLAG_FIN, pri=pri))
    for stream_id in (1, 3, 5):
        logged.session.submit_syn_reply(0, stream_id, ANSWER)
    logged.sent()
    for stream_id in (1, 3, 5):
        logged.session.submit_data(stream_id, spdylay.DATA_FLAG_FIN, body(9000))
    frames = peer.read(logged.sent())[-9:]
    assert [frame[1] for frame in frames] == [5, 5, 5, 1, 3, 1, 3, 1, 3]


@every_version
def test_ping_and_settings_go_first_and_bodies_before_the_next_stream(version: int) -> None:
    logged, peer = client(version), Peer(version)
    for _ in range(3):
        logged.session.submit_request(0, GET, body(5000))
    logged.session.submit_settings(0, [(4, 0, 100)])
    logged.session.submit_ping()
    assert kinds(peer.read(logged.sent())) == [
        "PING",
        "SETTINGS",
        "SYN_STREAM 1",
        "DATA 1",
        "DATA 1",
        "SYN_STREAM 3",
        "DATA 3",
        "DATA 3",
        "SYN_STREAM 5",
        "DATA 5",
        "DATA 5",
    ]


@every_version
def test_syn_stream_and_goaway_have_the_lowest_priority(version: int) -> None:
    logged, peer = client(version), Peer(version)
    logged.session.submit_request(0, GET)
    logged.session.submit_goaway(spdylay.GOAWAY_OK)
    logged.session.submit_rst_stream(77, spdylay.CANCEL)  # unknown: as low, but later
    logged.session.submit_ping()
    order = ["PING", "SYN_STREAM 1", "GOAWAY", "RST_STREAM 77"]
    assert kinds(peer.read(logged.sent())) == order


@every_version
def test_frames_of_a_stream_have_its_priority(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET, pri=2) + peer.syn_stream(3, GET, pri=1))
    session = logged.session
    session.submit_window_update(1, 5)
    session.submit_syn_reply(0, 1, ANSWER)
    session.submit_headers(0, 1, [("a", "b")])
    session.submit_syn_reply(0, 3, ANSWER)
    session.submit_headers(0, 3, [("a", "b")])
    session.submit_rst_stream(3, spdylay.CANCEL)
    # the later ones of stream 3 are given up: its reset was submitted
    assert kinds(peer.read(logged.sent())) == [
        "RST_STREAM 3",
        "WINDOW_UPDATE 1",
        "SYN_REPLY 1",
        "HEADERS 1",
    ]


@every_version
def test_streams_wait_for_the_peers_limit(version: int) -> None:
    logged, peer = client(version), Peer(version)
    session = logged.session
    session.recv(peer.settings((spdylay.SETTINGS_MAX_CONCURRENT_STREAMS, 0, 1)))
    for _ in range(2):
        session.submit_request(0, GET)
    assert session.get_outbound_queue_size() == 2
    assert kinds(peer.read(logged.sent())) == ["SYN_STREAM 1"]
    # the blocked one is counted, but there is nothing to write
    assert session.get_outbound_queue_size() == 1
    assert not session.want_write()
    session.submit_ping()
    assert kinds(peer.read(logged.sent())) == ["PING"]
    session.recv(peer.syn_reply(1, ANSWER, spdylay.CTRL_FLAG_FIN))
    assert session.want_write()
    assert kinds(peer.read(logged.sent())) == ["SYN_STREAM 3"]


# -------------------------------------------------------------------------------- frame by frame


@every_version
def test_callbacks_around_each_frame(version: int) -> None:
    logged = client(version)
    seen: list[Any] = []

    def note(session: Any, frame: Any) -> None:
        seen.append((frame.stream_id, frame.length > 0, session.get_stream_user_data(1)))

    logged.own = {"before_ctrl_send_cb": note, "on_ctrl_send_cb": note}
    logged.session.submit_request(0, GET, provider(b"a", b"bc"), "mine")
    data = logged.sent()
    assert logged.taken() == [
        ("before_ctrl_send", "SYN_STREAM 1"),
        ("on_ctrl_send", "SYN_STREAM 1"),
        ("on_data_send", 0, 1, 1),
        ("on_data_send", spdylay.DATA_FLAG_FIN, 1, 2),
    ]
    # the stream is open before its first octet leaves
    assert seen == [(1, True, "mine"), (1, True, "mine")]
    assert kinds(Peer(version).read(data)) == ["SYN_STREAM 1", "DATA 1", "DATA 1"]


@every_version
def test_what_is_partly_sent_is_continued_first(version: int) -> None:
    """By another `send`, before all else and without another `before_ctrl_send_cb`."""
    whole = client(version)
    room = [3]

    def few(session: Any, data: bytes) -> int | None:
        taken = min(room[0], len(data))
        room[0] -= taken
        few_sent.extend(data[:taken])
        return taken or None

    few_sent = bytearray()
    logged = client(version, send_cb=few)
    for each in (logged, whole):
        each.session.submit_request(0, GET)
    logged.session.send()
    assert logged.session.want_write()
    assert logged.session.get_outbound_queue_size() == 0
    for each in (logged, whole):
        each.session.submit_ping()
    assert logged.taken() == [("before_ctrl_send", "SYN_STREAM 1")]
    logged.session.send()
    assert logged.taken() == []
    room[0] = 10_000
    logged.session.send()
    assert logged.taken() == [
        ("on_ctrl_send", "SYN_STREAM 1"),
        ("before_ctrl_send", "PING"),
        ("on_ctrl_send", "PING"),
    ]
    frames = Peer(version).read(bytes(few_sent))
    assert kinds(frames) == ["SYN_STREAM 1", "PING"]
    assert sorted(kinds(Peer(version).read(whole.sent()))) == sorted(kinds(frames))


@pytest.mark.parametrize("blocked", [0, None, spdylay.ERR_WOULDBLOCK])
def test_a_send_callback_that_would_block_ends_the_call(blocked: int | None) -> None:
    calls = []

    def block(session: Any, data: bytes) -> int | None:
        calls.append(data)
        return blocked

    logged = client(3, send_cb=block)
    logged.session.submit_ping()
    logged.session.submit_ping()
    logged.session.send()
    assert len(calls) == 1
    logged.session.send()
    assert len(calls) == 2
    assert calls[0] == calls[1]


@every_version
def test_a_stream_closes_after_its_last_frame(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET, spdylay.CTRL_FLAG_FIN))
    logged.session.submit_response(1, ANSWER)
    logged.taken()
    logged.sent()
    assert logged.taken() == [
        ("before_ctrl_send", "SYN_REPLY 1"),
        ("on_ctrl_send", "SYN_REPLY 1"),
        ("on_stream_close", 1, spdylay.OK),
    ]


@every_version
def test_without_a_send_callback_output_is_thrown_away(version: int) -> None:
    logged = client(version, send_cb=None)
    logged.session.submit_request(0, GET, provider(b"abc"))
    logged.session.send()
    assert logged.taken() == [
        ("before_ctrl_send", "SYN_STREAM 1"),
        ("on_ctrl_send", "SYN_STREAM 1"),
        ("on_data_send", 1, 1, 3),
    ]
    assert not logged.session.want_write()


# ---------------------------------------------------------------------------- what may not be sent


def refused(logged: Logged) -> list[tuple[Any, ...]]:
    """Send; return what was given up. Nothing else must have been told."""
    assert logged.sent() == b""
    log = logged.taken()
    assert {entry[0] for entry in log} <= {"on_ctrl_not_send", "on_stream_close"}
    return log


@every_version
@pytest.mark.parametrize("why", ["sent", "received", "failed"])
def test_no_syn_stream_after_goaway(version: int, why: str) -> None:
    """Refused, it opens its stream for the callbacks alone."""
    seen: list[Any] = []

    def note(session: Any, *arguments: Any) -> None:
        seen.append(session.get_stream_user_data(3))

    logged = client(version, on_ctrl_not_send_cb=note, on_stream_close_cb=note)
    session, peer = logged.session, Peer(version)
    session.submit_request(0, GET)
    logged.sent()
    if why == "sent":
        session.submit_goaway(spdylay.GOAWAY_OK)
        logged.sent()
    elif why == "received":
        session.recv(peer.goaway())
    session.submit_request(0, GET, None, "mine")
    logged.taken()
    if why == "failed":
        session.submit_ping()  # the SYN_STREAM is queued before the GOAWAY
        session.fail_session(spdylay.GOAWAY_INTERNAL_ERROR)
        assert kinds(peer.read(logged.sent())) == ["PING", "GOAWAY"]
        assert [entry for entry in logged.taken() if entry[0] != "before_ctrl_send"] == [
            ("on_ctrl_send", "PING"),
            ("on_ctrl_not_send", "SYN_STREAM 3", spdylay.ERR_SYN_STREAM_NOT_ALLOWED),
            ("on_stream_close", 3, spdylay.INTERNAL_ERROR),
            ("on_ctrl_send", "GOAWAY"),
        ]
    else:
        assert refused(logged) == [
            ("on_ctrl_not_send", "SYN_STREAM 3", spdylay.ERR_SYN_STREAM_NOT_ALLOWED),
            ("on_stream_close", 3, spdylay.INTERNAL_ERROR),
        ]
    assert seen == ["mine", "mine"]
    assert session.get_stream_user_data(3) is None


@every_version
def test_no_push_for_a_stream_that_is_gone(version: int) -> None:
    logged = server(version)
    logged.session.submit_syn_stream(spdylay.CTRL_FLAG_UNIDIRECTIONAL, 0, [(":path", "/")], 1)
    assert refused(logged) == [
        ("on_ctrl_not_send", "SYN_STREAM 2", spdylay.ERR_STREAM_CLOSED),
        ("on_stream_close", 2, spdylay.INTERNAL_ERROR),
    ]


@every_version
def test_nothing_for_an_unknown_stream(version: int) -> None:
    logged = server(version)
    session = logged.session
    session.submit_response(5, ANSWER, provider(b"abc"))
    session.submit_syn_reply(0, 5, ANSWER)
    session.submit_headers(0, 5, ANSWER)
    session.submit_data(5, 0, provider(b"abc"))
    assert refused(logged) == [
        ("on_ctrl_not_send", "SYN_REPLY 5", spdylay.ERR_STREAM_CLOSED),
        ("on_ctrl_not_send", "SYN_REPLY 5", spdylay.ERR_STREAM_CLOSED),
        ("on_ctrl_not_send", "HEADERS 5", spdylay.ERR_STREAM_CLOSED),
    ]


@every_version
def test_nothing_after_fin(version: int) -> None:
    logged, peer = server(version), Peer(version)
    session = logged.session
    session.recv(peer.syn_stream(1, GET))
    session.submit_response(1, ANSWER)
    logged.sent()
    logged.taken()
    session.submit_syn_reply(0, 1, ANSWER)
    session.submit_headers(0, 1, ANSWER)
    session.submit_data(1, 0, provider(b"abc"))
    assert refused(logged) == [
        ("on_ctrl_not_send", "SYN_REPLY 1", spdylay.ERR_STREAM_SHUT_WR),
        ("on_ctrl_not_send", "HEADERS 1", spdylay.ERR_STREAM_SHUT_WR),
    ]


@every_version
def test_nothing_once_a_reset_is_submitted(version: int) -> None:
    logged, peer = server(version), Peer(version)
    session = logged.session
    session.recv(peer.syn_stream(1, GET))
    logged.taken()
    session.submit_syn_reply(0, 1, ANSWER)
    session.submit_headers(0, 1, ANSWER)
    session.submit_data(1, 0, provider(b"abc"))
    session.submit_rst_stream(1, spdylay.CANCEL)
    assert peer.read(logged.sent()) == [("RST_STREAM", 1, spdylay.CANCEL)]
    assert logged.taken() == [
        ("on_ctrl_not_send", "SYN_REPLY 1", spdylay.ERR_STREAM_CLOSING),
        ("on_ctrl_not_send", "HEADERS 1", spdylay.ERR_STREAM_CLOSING),
        ("before_ctrl_send", "RST_STREAM 1"),
        ("on_ctrl_send", "RST_STREAM 1"),
        ("on_stream_close", 1, spdylay.CANCEL),
    ]


@every_version
def test_a_reset_does_not_take_back_what_was_submitted(version: int) -> None:
    logged, peer = client(version), Peer(version)
    logged.session.submit_request(0, GET, None, "mine")
    logged.session.submit_rst_stream(1, spdylay.CANCEL)
    assert kinds(peer.read(logged.sent())) == ["SYN_STREAM 1", "RST_STREAM 1"]
    assert logged.taken()[-1] == ("on_stream_close", 1, spdylay.CANCEL)
    assert logged.session.get_stream_user_data(1) is None


@every_version
def test_a_reply_is_for_streams_of_the_peer_and_only_one(version: int) -> None:
    logged = client(version)
    logged.session.submit_syn_stream(0, 0, GET)
    logged.sent()
    logged.taken()
    logged.session.submit_syn_reply(0, 1, ANSWER)
    assert refused(logged) == [("on_ctrl_not_send", "SYN_REPLY 1", spdylay.ERR_INVALID_STREAM_ID)]
    answering, peer = server(version), Peer(version)
    answering.session.recv(peer.syn_stream(1, GET))
    answering.session.submit_syn_reply(0, 1, ANSWER)
    answering.sent()
    answering.taken()
    answering.session.submit_syn_reply(0, 1, ANSWER)
    wrong = ("on_ctrl_not_send", "SYN_REPLY 1", spdylay.ERR_INVALID_STREAM_STATE)
    assert refused(answering) == [wrong]


@every_version
def test_headers_and_data_come_after_the_reply(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET))
    logged.taken()
    logged.session.submit_headers(0, 1, ANSWER)
    logged.session.submit_data(1, 0, provider(b"abc"))
    wrong = ("on_ctrl_not_send", "HEADERS 1", spdylay.ERR_INVALID_STREAM_STATE)
    assert refused(logged) == [wrong]


@every_version
def test_own_streams_take_headers_and_data_before_the_reply(version: int) -> None:
    logged, peer = client(version), Peer(version)
    logged.session.submit_syn_stream(0, 0, GET)
    logged.session.submit_headers(spdylay.CTRL_FLAG_NONE, 1, [("a", "b")])
    logged.session.submit_data(1, spdylay.DATA_FLAG_FIN, provider(b"abc"))
    assert peer.read(logged.sent())[1:] == [
        ("HEADERS", 1, 0, [(b"a", b"b")]),
        ("DATA", 1, spdylay.DATA_FLAG_FIN, b"abc"),
    ]


@every_version
def test_data_is_dropped_beside_a_deferred_one(version: int) -> None:
    logged, peer = client(version), Peer(version)
    logged.session.submit_syn_stream(0, 0, GET)
    logged.session.submit_data(1, 0, provider(spdylay.ERR_DEFERRED, b"first"))
    logged.session.submit_data(1, 0, provider(b"second"))
    assert kinds(peer.read(logged.sent())) == ["SYN_STREAM 1"]
    assert logged.session.resume_data(1)
    assert peer.read(logged.sent()) == [("DATA", 1, 0, b"first")]
    assert [entry for entry in logged.taken() if "not_send" in entry[0]] == []


@every_version
def test_only_one_goaway(version: int) -> None:
    logged, peer = client(version), Peer(version)
    logged.session.submit_request(0, GET)
    logged.session.submit_goaway(spdylay.GOAWAY_OK)
    logged.session.submit_goaway(spdylay.GOAWAY_INTERNAL_ERROR)
    assert kinds(peer.read(logged.sent())) == ["SYN_STREAM 1", "GOAWAY"]
    wrong = ("on_ctrl_not_send", "GOAWAY", spdylay.ERR_GOAWAY_ALREADY_SENT)
    assert logged.taken()[-1] == wrong


@every_version
def test_window_updates_are_dropped_without_a_word(version: int) -> None:
    logged, peer = server(version), Peer(version)
    session = logged.session
    session.submit_window_update(0, 5)
    if version == 4:
        assert peer.read(logged.sent()) == [("WINDOW_UPDATE", 0, 5)]
        logged.taken()
    assert refused(logged) == []
    session.recv(peer.syn_stream(1, GET))
    logged.taken()
    session.submit_window_update(1, 5)
    session.recv(peer.rst_stream(1, spdylay.CANCEL))  # gone by the time it could be sent
    logged.taken()
    assert refused(logged) == []
    session.recv(peer.syn_stream(3, GET))
    session.submit_window_update(3, 5)
    session.submit_rst_stream(3, spdylay.CANCEL)
    assert kinds(peer.read(logged.sent())) == ["RST_STREAM 3"]


def test_a_header_block_beyond_a_frame_is_given_up() -> None:
    """The stream was not opened, and later blocks do not miss the one that was not sent."""
    logged, peer = client(3), Peer(3)
    logged.session.submit_request(0, [("x", "y" * 2**24)], None, "mine")
    assert refused(logged) == [("on_ctrl_not_send", "SYN_STREAM 1", spdylay.ERR_FRAME_TOO_LARGE)]
    assert logged.session.get_stream_user_data(1) is None
    logged.session.submit_request(0, [("x", "y")])
    assert peer.read(logged.sent())[0][5] == [(b"x", b"y")]
    assert logged.session.want_read()


@every_version
def test_reset_ping_and_settings_are_always_sent(version: int) -> None:
    logged, peer = client(version), Peer(version)
    session = logged.session
    session.submit_request(0, GET)
    session.submit_goaway(spdylay.GOAWAY_OK)
    logged.sent()
    session.submit_rst_stream(9, spdylay.CANCEL)
    session.submit_ping()
    session.submit_settings(0, [(4, 0, 1)])
    assert peer.read(logged.sent()) == [
        ("PING", 1),
        ("SETTINGS", 0, [(4, 0, 1)]),
        ("RST_STREAM", 9, spdylay.CANCEL),
    ]


@every_version
def test_an_exchange_between_two_sessions(version: int) -> None:
    one, other = client(version), server(version)
    one.session.submit_request(3, GET, body(10_000))
    exchange(one, other)
    other.session.submit_response(1, ANSWER, body(300_000))
    exchange(one, other)
    assert ("on_stream_close", 1, spdylay.OK) in one.log
    assert ("on_stream_close", 1, spdylay.OK) in other.log
    received = [entry for entry in one.log if entry[0] == "on_data_recv"]
    assert sum(entry[3] for entry in received) == 300_000
