"""Header lists on their way out and in, and the arguments that are refused at the call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from plait.compat import spdylay

from .spdylay_peer import GET, OLD_NAMES, Logged, Peer, client, every_version, server, since_3

UNORDERED = [("b", "1"), ("A", "x"), ("a", "y"), ("a", ""), ("c", ""), ("c", "z")]


def submitting(make: Callable[..., Logged], version: int) -> list[Callable[[Any], None]]:
    session = make(version).session
    return [
        lambda nv: session.submit_request(0, nv),
        lambda nv: session.submit_response(1, nv),
        lambda nv: session.submit_syn_stream(0, 0, nv),
        lambda nv: session.submit_syn_reply(0, 1, nv),
        lambda nv: session.submit_headers(0, 1, nv),
    ]


@every_version
def test_headers_are_lowered_sorted_and_merged(version: int) -> None:
    logged, peer = client(version), Peer(version)
    logged.session.submit_request(0, UNORDERED)
    frame = peer.read(logged.sent())[0]
    assert frame[5] == [(b"a", b"x\0y"), (b"b", b"1"), (b"c", b"z")]
    # the callbacks see the values one by one
    assert logged.frames[0].nv == [
        ("a", "x"),
        ("a", "y"),
        ("a", ""),
        ("b", "1"),
        ("c", ""),
        ("c", "z"),
    ]


@every_version
def test_an_only_value_may_be_empty_and_there_may_be_none(version: int) -> None:
    logged, peer = client(version), Peer(version)
    logged.session.submit_request(0, [("a", "")])
    logged.session.submit_request(0, [])
    assert [frame[5] for frame in peer.read(logged.sent())] == [[(b"a", b"")], []]
    receiving, peer = server(version), Peer(version)
    receiving.session.recv(peer.syn_stream(1, [("a", "")]) + peer.syn_stream(3, []))
    assert [frame.nv for frame in receiving.frames] == [[("a", "")], []]


@every_version
def test_values_are_split_at_nul_when_received(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(1, [("a", "x\0y\0z"), ("b", "\t é \x80")]))
    assert logged.last_nv() == [("a", "x"), ("a", "y"), ("a", "z"), ("b", "\t é \x80")]


@every_version
def test_a_nul_separates_values_when_sent(version: int) -> None:
    logged, peer = client(version), Peer(version)
    logged.session.submit_request(0, [("a", "1\0" + "2")])
    assert peer.read(logged.sent())[0][5] == [(b"a", b"1\x002")]
    assert logged.frames[0].nv == [("a", "1"), ("a", "2")]


@every_version
def test_values_may_hold_anything_else(version: int) -> None:
    """Control characters are not looked for: it is the peer who refuses them."""
    logged, peer = client(version), Peer(version)
    logged.session.submit_request(0, [("a", "\x01 \n ü € \U0001f600")])
    assert peer.read(logged.sent())[0][5] == [(b"a", "\x01 \n ü € \U0001f600".encode())]


def test_spdy_2_has_other_names_on_the_wire() -> None:
    nv = [(name.decode(), "x") for name in OLD_NAMES] + [("dup", "x"), ("x-up", "x")]
    logged, peer = client(2), Peer(2)
    logged.session.submit_request(0, nv)
    names = [name for name, _ in peer.read(logged.sent())[0][5]]
    assert names == sorted(names) == [b"dup", *sorted(OLD_NAMES.values()), b"x-up"]
    receiving = server(2)
    receiving.session.recv(peer.syn_stream(1, sorted(nv)))
    assert sorted(receiving.last_nv()) == sorted(nv)


def test_received_headers_of_spdy_2_are_in_the_order_of_the_wire() -> None:
    one, other = client(2), server(2)
    nv = [*GET, (":host", "h"), (":scheme", "https"), ("Dup", "1"), ("X-Up", "2")]
    one.session.submit_request(0, nv)
    other.session.recv(one.sent())
    names = [name for name, _ in other.last_nv()]
    assert names == ["dup", ":host", ":method", ":scheme", ":path", ":version", "x-up"]


def test_in_spdy_2_a_plain_status_is_the_status() -> None:
    one, other = client(2), server(2)
    one.session.submit_request(0, [("status", "1")])
    other.session.recv(one.sent())
    assert other.last_nv() == [(":status", "1")]


# --------------------------------------------------------------------------------- what is refused


@every_version
@pytest.mark.parametrize("name", ["", "a\x1f", "a\x7f", "ä", "a\0b", "\ud800", None])
def test_names_that_are_refused(version: int, name: Any) -> None:
    for submit in submitting(client, version):
        with pytest.raises(spdylay.InvalidArgumentError, match=r"^Invalid argument$"):
            submit([("good", "x"), (name, "x")])


@every_version
@pytest.mark.parametrize("value", [None, "\ud800", "\0x", "x\0", "x\0\0y"])
def test_values_that_are_refused(version: int, value: Any) -> None:
    for submit in submitting(server, version):
        with pytest.raises(spdylay.InvalidArgumentError, match=r"^Invalid argument$"):
            submit([("name", value)])


@pytest.mark.parametrize("pair", [(b"a", "x"), ("a", b"x"), ("a", 1)])
def test_octets_are_no_text(pair: Any) -> None:
    for submit in submitting(client, 3):
        with pytest.raises(TypeError, match="names and values of headers are str"):
            submit([pair])


def test_what_spdy_2_has_no_room_for() -> None:
    for nv in (
        [("n" * 65_536, "x")],
        [("n", "x" * 65_536)],
        [("n", "x" * 40_000), ("n", "y" * 40_000)],
    ):
        for submit in submitting(client, 2):
            with pytest.raises(spdylay.InvalidArgumentError, match=r"^Invalid argument$"):
                submit(nv)
    with pytest.raises(spdylay.InvalidArgumentError):
        client(2).session.submit_request(0, [(f"{number}", "x") for number in range(65_536)])


@since_3
def test_spdy_3_has_room_for_it(version: int) -> None:
    logged, peer = client(version), Peer(version)
    logged.session.submit_request(0, [("n", "x" * 65_536)])
    assert peer.read(logged.sent())[0][5] == [(b"n", b"x" * 65_536)]


@every_version
def test_a_refused_call_leaves_nothing_behind(version: int) -> None:
    logged, peer = client(version), Peer(version)
    with pytest.raises(spdylay.InvalidArgumentError):
        logged.session.submit_request(0, [("", "")], None, "mine")
    assert logged.session.get_outbound_queue_size() == 0
    assert logged.session.get_stream_user_data(1) is None
    logged.session.submit_request(0, GET)
    assert peer.read(logged.sent())[0][1] == 1


@every_version
def test_priorities_are_clamped(version: int) -> None:
    logged, peer = client(version), Peer(version)
    lowest = logged.session.get_pri_lowest()
    assert lowest == (3 if version == 2 else 7)
    for pri in (0, lowest, lowest + 1, 255):
        logged.session.submit_request(pri, GET)
        logged.session.submit_syn_stream(0, pri, GET)
    frames = peer.read(logged.sent())
    assert [frame[4] for frame in frames] == [0, 0] + [lowest] * 6
    for pri in (-1, 256):
        with pytest.raises(spdylay.InvalidArgumentError):
            logged.session.submit_request(pri, GET)
        with pytest.raises(spdylay.InvalidArgumentError):
            logged.session.submit_syn_stream(0, pri, GET)


@pytest.mark.parametrize(
    "iv",
    [
        [(0, 0, 1)],
        [(9, 0, 1)],
        [(4, 0, 1), (4, 0, 1)],
        [(4, 0, -1)],
        [(4, 0, 2**32)],
        [(4, 256, 1)],
        [(4, -1, 1)],
    ],
)
def test_settings_that_are_refused(iv: list[tuple[int, int, int]]) -> None:
    session = client(3).session
    with pytest.raises(spdylay.InvalidArgumentError, match=r"^Invalid argument$"):
        session.submit_settings(0, iv)
    assert session.get_outbound_queue_size() == 0


@every_version
def test_window_updates_that_are_refused(version: int) -> None:
    logged = server(version)
    logged.session.recv(Peer(version).syn_stream(1, GET))
    for delta in (0, -1, 2**31):
        with pytest.raises(spdylay.InvalidArgumentError):
            logged.session.submit_window_update(1, delta)
    with pytest.raises(spdylay.StreamClosedError):
        logged.session.submit_window_update(3, 1)
    logged.session.submit_window_update(1, 2**31 - 1)
    logged.session.submit_window_update(0, 1)


@pytest.mark.parametrize("stream_id", [-1, 2**31])
def test_a_reset_must_fit_into_its_frame(stream_id: int) -> None:
    with pytest.raises(spdylay.InvalidArgumentError):
        client(3).session.submit_rst_stream(stream_id, 1)


@every_version
def test_stream_ids_can_be_used_up(version: int) -> None:
    logged = client(version)
    logged.session._engine._state.next_stream_id = 2**31 - 1
    logged.session.submit_request(0, GET)
    with pytest.raises(spdylay.InvalidArgumentError, match="No more Stream ID available"):
        logged.session.submit_request(0, GET)
    with pytest.raises(spdylay.InvalidArgumentError, match="No more Stream ID available"):
        logged.session.submit_syn_stream(0, 0, GET)
    assert Peer(version).read(logged.sent())[0][1] == 2**31 - 1


@every_version
def test_arguments_have_the_names_of_the_original(version: int) -> None:
    logged, peer = server(version), Peer(version)
    session = logged.session
    session.recv(peer.syn_stream(1, GET) + peer.syn_stream(3, GET))
    session.submit_response(stream_id=1, nv=GET, data_prd=None)
    session.submit_syn_reply(flags=0, stream_id=3, nv=GET)
    session.submit_headers(flags=0xFF, stream_id=3, nv=GET)
    session.submit_syn_stream(flags=0xFE, pri=0, nv=GET, assoc_stream_id=3, stream_user_data="mine")
    session.submit_window_update(stream_id=3, delta_window_size=1)
    session.submit_settings(flags=1, iv=iter([(4, 0, 1)]))
    frames = peer.read(logged.sent())
    assert [frame[:3] for frame in frames if frame[0] != "WINDOW_UPDATE"] == [
        ("SETTINGS", 1, [(4, 0, 1)]),
        ("SYN_REPLY", 1, 1),
        ("SYN_REPLY", 3, 0),
        ("HEADERS", 3, 1),  # only FIN is honoured
        ("SYN_STREAM", 2, 2),  # and here UNIDIRECTIONAL
    ]
    session.submit_rst_stream(stream_id=2, status_code=spdylay.CANCEL)
    session.submit_goaway(status_code=0)
    assert [frame[0] for frame in peer.read(logged.sent())] == ["RST_STREAM", "GOAWAY"]
