"""The rules of a session: its life, pings, settings, windows, concurrency, pushes."""

from __future__ import annotations

from typing import Any

import pytest

from plait.compat import spdylay
from plait.spdy.config import Config

from .spdylay_peer import (
    ANSWER,
    GET,
    Logged,
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
PUSH = spdylay.CTRL_FLAG_UNIDIRECTIONAL
WINDOW = 65_536


def octets_of(frames: list[tuple[Any, ...]], stream_id: int) -> int:
    return sum(len(f[3]) for f in frames if f[:2] == ("DATA", stream_id))


# ----------------------------------------------------------------------------- life of a session


@every_version
def test_a_new_session_reads_and_has_nothing_to_write(version: int) -> None:
    session = client(version).session
    assert session.want_read()
    assert not session.want_write()
    session.submit_ping()
    assert session.want_write()


@every_version
def test_after_goaway_streams_go_on(version: int) -> None:
    logged, peer = server(version), Peer(version)
    session = logged.session
    session.recv(peer.syn_stream(1, GET))
    session.submit_goaway(spdylay.GOAWAY_OK)
    logged.sent()
    assert session.want_read()
    session.recv(peer.syn_stream(3, [("ignored", "yes")]))  # but decompressed
    logged.taken()
    session.recv(peer.headers(1, [("a", "b")]) + peer.data(1, b"x", FIN))
    names = [entry[0] for entry in logged.taken()]
    assert names == ["on_ctrl_recv", "on_data_chunk_recv", "on_data_recv", "on_request_recv"]
    session.submit_response(1, ANSWER)
    assert session.want_write()
    assert kinds(peer.read(logged.sent())) == ["SYN_REPLY 1"]
    assert (session.want_read(), session.want_write()) == (False, False)


@every_version
def test_a_goaway_is_not_answered_and_stops_new_streams(version: int) -> None:
    logged, peer = server(version), Peer(version)
    session = logged.session
    session.recv(peer.syn_stream(1, GET) + peer.goaway())
    logged.taken()
    assert logged.sent() == b""
    session.recv(peer.syn_stream(3, GET, FIN))
    assert logged.taken() == []
    assert session.want_read()
    session.recv(peer.rst_stream(1, spdylay.CANCEL))
    assert (session.want_read(), session.want_write()) == (False, False)


@every_version
def test_goaway_names_the_last_stream_accepted_at_the_call(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(5, GET))
    logged.session.submit_goaway(2)
    logged.session.recv(peer.syn_stream(7, GET))
    expected = ("GOAWAY", 5) if version == 2 else ("GOAWAY", 5, 2)
    assert peer.read(logged.sent()) == [expected]
    assert [frame.status_code for frame in logged.frames if frame.frame_type == 7] == (
        [0, 0] if version == 2 else [2, 2]
    )


@every_version
def test_a_failed_session_sends_its_goaway_and_ends(version: int) -> None:
    logged, peer = server(version), Peer(version)
    session = logged.session
    session.recv(peer.syn_stream(1, GET))
    session.fail_session(spdylay.GOAWAY_INTERNAL_ERROR)
    assert session.want_read()
    assert session.want_write()
    logged.taken()
    session.recv(peer.syn_stream(3, GET))  # no longer accepted
    assert logged.taken() == []
    assert kinds(peer.read(logged.sent())) == ["GOAWAY"]
    assert (session.want_read(), session.want_write()) == (False, False)
    session.submit_ping()
    session.submit_response(1, ANSWER)
    assert not session.want_write()
    assert logged.sent() == b""


def test_a_failed_session_without_streams_still_has_its_goaway_to_write() -> None:
    """So that a loop that asks first does not drop the connection too early."""
    logged = client(3)
    logged.session.fail_session(spdylay.GOAWAY_PROTOCOL_ERROR)
    assert logged.session.want_write()
    assert Peer(3).read(logged.sent()) == [("GOAWAY", 0, 1)]


@pytest.mark.parametrize("status", [-1, 2**32])
def test_statuses_have_32_bits(status: int) -> None:
    session = client(3).session
    for call in (session.fail_session, session.submit_goaway):
        with pytest.raises(spdylay.InvalidArgumentError):
            call(status)
    with pytest.raises(spdylay.InvalidArgumentError):
        session.submit_rst_stream(1, status)
    assert session.get_outbound_queue_size() == 0


# ------------------------------------------------------------------------------------------ pings


@every_version
def test_pings_are_answered_before_all_else(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET, FIN))
    logged.session.submit_response(1, ANSWER, provider(b"x"))
    logged.session.recv(peer.ping(7))
    assert kinds(peer.read(logged.sent())) == ["PING", "SYN_REPLY 1", "DATA 1"]


@every_version
@pytest.mark.parametrize("make", [client, server])
def test_only_the_reply_to_the_last_ping_is_recognised(version: int, make: Any) -> None:
    logged, peer = make(version), Peer(version)
    logged.session.submit_ping()
    logged.session.submit_ping()
    first, second = (1, 3) if make is client else (2, 4)
    assert peer.read(logged.sent()) == [("PING", first), ("PING", second)]
    logged.taken()
    logged.session.recv(peer.ping(first) + peer.ping(second + 2) + peer.ping(0))
    assert logged.taken() == []
    logged.session.recv(peer.ping(second))
    assert logged.taken() == [("on_ctrl_recv", "PING")]
    assert logged.frames[-1].unique_id == second
    assert logged.sent() == b""


# --------------------------------------------------------------------------------------- settings


@every_version
def test_settings_are_sorted_when_sent(version: int) -> None:
    logged, peer = client(version), Peer(version)
    logged.session.submit_settings(
        spdylay.FLAG_SETTINGS_CLEAR_SETTINGS,
        [(8, spdylay.ID_FLAG_SETTINGS_PERSISTED, 2**32 - 1), (1, 1, 0), (4, 0, 5)],
    )
    sent = [(1, 1, 0), (4, 0, 5), (8, 2, 2**32 - 1)]
    assert peer.read(logged.sent()) == [("SETTINGS", 1, sent)]
    assert logged.frames[0].iv == sent


@every_version
def test_the_first_value_of_a_setting_counts_and_unknown_ones_are_only_seen(version: int) -> None:
    logged, peer = client(version), Peer(version)
    entries = [(4, 0, 1), (99, 0, 7), (0, 1, 7), (4, 2, 100)]
    logged.session.recv(peer.settings(*entries))
    assert logged.frames[0].iv == entries
    for _ in range(2):
        logged.session.submit_request(0, GET)
    assert kinds(peer.read(logged.sent())) == ["SYN_STREAM 1"]


@every_version
def test_streams_beyond_the_own_limit_are_refused(version: int) -> None:
    """From the call on, whether the peer has seen it or not."""
    logged, peer = server(version), Peer(version)
    logged.session.submit_settings(0, [(spdylay.SETTINGS_MAX_CONCURRENT_STREAMS, 0, 1)])
    logged.session.recv(peer.syn_stream(1, GET) + peer.syn_stream(3, GET))
    assert logged.taken() == [
        ("on_ctrl_recv", "SYN_STREAM 1"),
        ("on_invalid_ctrl_recv", "SYN_STREAM 3", spdylay.REFUSED_STREAM),
    ]
    assert peer.read(logged.sent())[1:] == [("RST_STREAM", 3, spdylay.REFUSED_STREAM)]
    logged.session.recv(peer.rst_stream(1, spdylay.CANCEL) + peer.syn_stream(5, GET))
    assert ("on_ctrl_recv", "SYN_STREAM 5") in logged.taken()


@since_3
def test_a_changed_initial_window_changes_open_streams(version: int) -> None:
    logged, peer = client(version), Peer(version)
    size = spdylay.SETTINGS_INITIAL_WINDOW_SIZE
    logged.session.recv(peer.settings((size, 0, 1000)))
    logged.session.submit_request(0, GET, body(5000))
    assert octets_of(peer.read(logged.sent()), 1) == 1000
    assert not logged.session.resume_data(1)  # it is the window that holds it back
    logged.session.recv(peer.settings((size, 0, 1500)))
    assert octets_of(peer.read(logged.sent()), 1) == 500
    logged.session.recv(peer.settings((size, 0, 100)))  # 1400 below nothing
    assert octets_of(peer.read(logged.sent()), 1) == 0
    logged.session.recv(peer.window_update(1, 1400))
    assert octets_of(peer.read(logged.sent()), 1) == 0
    logged.session.recv(peer.window_update(1, 1))
    assert octets_of(peer.read(logged.sent()), 1) == 1
    logged.session.recv(peer.settings((size, 0, 2**31)))  # out of range: nothing happens
    assert logged.sent() == b""
    assert logged.session.want_read()


# ---------------------------------------------------------------------------------------- windows


def test_spdy_2_has_no_windows() -> None:
    logged, peer = client(2), Peer(2)
    logged.session.submit_request(0, GET, body(200_000))
    assert octets_of(peer.read(logged.sent()), 1) == 200_000
    # a WINDOW_UPDATE is not even told of, and none is ever sent
    logged.taken()
    logged.session.recv(peer.window_update(1, 5) + peer.window_update(0, 5))
    assert logged.taken() == []
    receiving = server(2)
    peer = Peer(2)
    receiving.session.recv(peer.syn_stream(1, GET) + peer.data(1, b"x" * 200_000))
    assert receiving.sent() == b""


@since_3
def test_a_stream_sends_no_more_than_its_window(version: int) -> None:
    logged, peer = client(version), Peer(version)
    logged.session.submit_request(0, GET, body(100_000))
    assert octets_of(peer.read(logged.sent()), 1) == WINDOW
    assert not logged.session.want_write()
    assert not logged.session.resume_data(1)
    logged.session.recv(peer.window_update(1, 1000) + peer.window_update(0, 10))
    assert octets_of(peer.read(logged.sent()), 1) == (1000 if version == 3 else 10)


def test_a_session_of_spdy_3_1_has_a_window() -> None:
    logged, peer = client(4), Peer(4)
    for _ in range(2):
        logged.session.submit_request(0, GET, body(40_000))
    frames = peer.read(logged.sent())
    assert octets_of(frames, 1) + octets_of(frames, 3) == WINDOW
    logged.session.recv(peer.settings((spdylay.SETTINGS_INITIAL_WINDOW_SIZE, 0, 2**30)))
    assert logged.sent() == b""  # SETTINGS do not touch it
    logged.session.recv(peer.window_update(0, 80_000 - WINDOW))
    frames = peer.read(logged.sent())
    assert octets_of(frames, 1) + octets_of(frames, 3) == 80_000 - WINDOW


def test_in_spdy_3_stream_0_has_none() -> None:
    logged, peer = client(3), Peer(3)
    for _ in range(2):
        logged.session.submit_request(0, GET, body(60_000))
    frames = peer.read(logged.sent())
    assert octets_of(frames, 1) + octets_of(frames, 3) == 120_000
    logged.taken()
    logged.session.recv(peer.window_update(0, 2**31 - 1) * 3)
    assert logged.taken() == []


@since_3
def test_window_updates_for_unknown_streams_are_ignored(version: int) -> None:
    logged, peer = client(version), Peer(version)
    logged.session.recv(peer.window_update(77, 5))
    assert logged.taken() == []
    assert logged.session.want_read()


@since_3
def test_a_window_update_of_nothing_is_accepted(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET) + peer.window_update(1, 0))
    assert logged.taken()[1:] == [("on_ctrl_recv", "WINDOW_UPDATE 1")]
    assert logged.sent() == b""


@since_3
def test_what_arrives_is_credited_at_half_a_window(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET) + peer.data(1, b"x" * 32_767))
    assert logged.sent() == b""
    logged.session.recv(peer.data(1, b"xyz"))
    updates = [("WINDOW_UPDATE", 1, 32_770)]
    if version == 4:
        updates.append(("WINDOW_UPDATE", 0, 32_770))
    assert sorted(peer.read(logged.sent()), reverse=True) == updates


@since_3
def test_the_last_part_of_a_stream_is_not_credited(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET) + peer.data(1, b"x" * 40_000, FIN))
    expected = [] if version == 3 else [("WINDOW_UPDATE", 0, 40_000)]
    assert peer.read(logged.sent()) == expected


@since_3
def test_half_is_half_of_the_own_initial_window(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.submit_settings(0, [(spdylay.SETTINGS_INITIAL_WINDOW_SIZE, 0, 1000)])
    logged.sent()
    logged.session.recv(peer.syn_stream(1, GET) + peer.data(1, b"x" * 499))
    assert logged.sent() == b""
    logged.session.recv(peer.data(1, b"x"))
    assert peer.read(logged.sent()) == [("WINDOW_UPDATE", 1, 500)]


@since_3
def test_an_own_update_counts_as_acknowledgement(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET) + peer.data(1, b"x" * 30_000))
    logged.session.submit_window_update(1, 10_000)
    assert peer.read(logged.sent()) == [("WINDOW_UPDATE", 1, 10_000)]
    logged.session.recv(peer.data(1, b"x" * 12_767))
    # 32767 on the stream; 42767 on the session
    expected = [] if version == 3 else [("WINDOW_UPDATE", 0, 42_767)]
    assert peer.read(logged.sent()) == expected
    logged.session.recv(peer.data(1, b"x"))
    assert peer.read(logged.sent()) == [("WINDOW_UPDATE", 1, 32_768)]


def test_data_that_is_ignored_counts_for_the_session() -> None:
    logged, peer = server(4), Peer(4)
    logged.session.recv(peer.data(99, b"x" * 32_768))
    assert logged.taken() == []
    assert peer.read(logged.sent()) == [("WINDOW_UPDATE", 0, 32_768)]


@since_3
def test_nobody_is_cut_off_for_his_window_unless_asked_for(version: int) -> None:
    """As in the original; `config` changes that."""
    peer = Peer(version)
    octets = peer.syn_stream(1, GET) + peer.data(1, b"x" * 300_000)
    lenient = server(version)
    lenient.session.recv(octets)
    assert lenient.taken()[-1] == ("on_data_recv", 0, 1, 300_000)
    assert "RST_STREAM 1" not in kinds(peer.read(lenient.sent()))
    strict = server(version, config=Config(enforce_windows=True, manual_credit=True))
    strict.session.recv(octets)
    sent = kinds(peer.read(strict.sent()))
    assert sent == (["RST_STREAM 1"] if version == 3 else ["GOAWAY"])


# ----------------------------------------------------------------------------------------- pushes


@every_version
def test_a_push_needs_no_reply(version: int) -> None:
    logged, peer = server(version), Peer(version)
    session = logged.session
    session.recv(peer.syn_stream(1, GET, FIN))
    session.submit_syn_stream(PUSH, 0, [(":path", "/p")], 1, "pushed")
    logged.sent()
    assert session.get_stream_user_data(2) == "pushed"
    session.submit_data(2, spdylay.DATA_FLAG_FIN, provider(b"pushed"))
    assert peer.read(logged.sent()) == [("DATA", 2, FIN, b"pushed")]
    assert logged.taken()[-1] == ("on_stream_close", 2, spdylay.OK)
    assert session.get_stream_user_data(2) is None


@every_version
def test_nothing_is_sent_on_what_is_pushed(version: int) -> None:
    logged, peer = client(version), Peer(version)
    session = logged.session
    session.submit_request(0, GET)
    logged.sent()
    session.recv(peer.syn_stream(2, ANSWER, PUSH, 1))
    logged.taken()
    session.submit_syn_reply(0, 2, ANSWER)
    session.submit_headers(0, 2, ANSWER)
    session.submit_data(2, 0, provider(b"x"))
    assert logged.sent() == b""
    assert logged.taken() == [
        ("on_ctrl_not_send", "SYN_REPLY 2", spdylay.ERR_STREAM_SHUT_WR),
        ("on_ctrl_not_send", "HEADERS 2", spdylay.ERR_STREAM_SHUT_WR),
    ]
    # what can be done is to refuse it
    session.submit_rst_stream(2, spdylay.CANCEL)
    assert peer.read(logged.sent()) == [("RST_STREAM", 2, spdylay.CANCEL)]


@every_version
def test_a_client_associates_nothing(version: int) -> None:
    logged, peer = client(version), Peer(version)
    logged.session.submit_syn_stream(0, 0, GET, 77)
    assert peer.read(logged.sent())[0][3] == 0
    assert logged.frames[0].assoc_stream_id == 0


@every_version
def test_a_cancelled_stream_takes_its_pushes_with_it(version: int) -> None:
    logged, peer = server(version), Peer(version)
    session = logged.session
    session.recv(peer.syn_stream(1, GET, FIN))
    session.submit_syn_stream(PUSH, 0, [(":path", "/p")], 1)
    logged.sent()
    logged.taken()
    session.recv(peer.rst_stream(1, spdylay.CANCEL))
    assert sorted(logged.taken()[1:]) == [
        ("on_stream_close", 1, spdylay.CANCEL),
        ("on_stream_close", 2, spdylay.CANCEL),
    ]


# ----------------------------------------------------------------------------------------- config


def test_a_config_of_the_engine_is_used_and_anything_else_ignored() -> None:
    logged = Logged(spdylay.SERVER, 3, config=Config(max_concurrent_streams=7))
    assert Peer(3).read(logged.sent()) == [("SETTINGS", 0, [(4, 0, 7)])]
    assert Logged(spdylay.SERVER, 3, config="anything").sent() == b""
