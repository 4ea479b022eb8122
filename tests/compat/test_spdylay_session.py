"""The constructor and the queries of a session, frames as callbacks get them, protocol names."""

from __future__ import annotations

from typing import Any

import pytest

from plait.compat import spdylay

from .spdylay_peer import ANSWER, GET, Peer, client, every_version, server


@pytest.mark.parametrize("side", [0, 3, None, "client"])
def test_there_are_two_sides(side: Any) -> None:
    with pytest.raises(
        spdylay.InvalidArgumentError, match=r"^side must be either CLIENT or SERVER$"
    ):
        spdylay.Session(side, spdylay.PROTO_SPDY3)


@pytest.mark.parametrize("version", [0, 1, 5, None, "3"])
def test_there_are_three_versions(version: Any) -> None:
    with pytest.raises(spdylay.UnsupportedVersionError, match=r"^Unsupported SPDY version$"):
        spdylay.Session(spdylay.CLIENT, version)


def test_user_data_is_read_only() -> None:
    thing = object()
    session = spdylay.Session(spdylay.CLIENT, spdylay.PROTO_SPDY2, user_data=thing)
    assert session.user_data is thing
    with pytest.raises(AttributeError):
        session.user_data = None  # type: ignore[misc]
    assert spdylay.Session(spdylay.CLIENT, spdylay.PROTO_SPDY2).user_data is None


def test_arguments_by_position() -> None:
    calls: list[Any] = []
    names = ["send", "recv", "ctrl", "invalid", "chunk", "data", "before", "sent", "not_sent"]
    names += ["data_sent", "close", "request", "parse_error", "unknown"]

    def noting(name: str) -> Any:
        return lambda session, *arguments: calls.append(name)

    callbacks = [noting(name) for name in names]
    session = spdylay.Session(spdylay.SERVER, 3, None, *callbacks, "mine")
    assert session.user_data == "mine"
    peer = Peer(3)
    session.recv()
    session.recv(peer.control(77, b"") + peer.syn_reply(1, ANSWER) + peer.syn_stream(1, GET))
    session.recv(peer.data(1, b"x", 1) + peer.rst_stream(1, 5) + peer.control(6, b""))
    session.submit_headers(0, 1, GET)
    session.send()
    order = ["recv", "unknown", "invalid", "ctrl", "chunk", "data", "request", "ctrl", "close"]
    assert calls == [*order, "parse_error", "before", "send"]


@every_version
def test_user_data_of_streams(version: int) -> None:
    logged, peer = client(version), Peer(version)
    session, mine = logged.session, object()
    session.submit_request(0, GET, None, mine)
    session.submit_request(0, GET)
    session.submit_syn_stream(0, 0, GET, 0, "third")
    seen = []
    logged.own["on_stream_close_cb"] = lambda s, stream_id, status: seen.append(
        s.get_stream_user_data(stream_id)
    )
    logged.sent()
    ids = (1, 3, 5, 7, 2, 0, -1)
    found = [session.get_stream_user_data(stream_id) for stream_id in ids]
    assert found == [mine, None, "third", None, None, None, None]
    session.recv(peer.rst_stream(1, 5) + peer.rst_stream(3, 5) + peer.syn_reply(5, ANSWER, 1))
    session.submit_headers(spdylay.CTRL_FLAG_FIN, 5, GET)
    logged.sent()
    assert seen == [mine, None, "third"]
    assert session.get_stream_user_data(1) is session.get_stream_user_data(5) is None
    assert session._stream_user_data == {}


@every_version
def test_a_stream_of_the_peer_has_no_user_data(version: int) -> None:
    logged, peer = server(version), Peer(version)
    logged.session.recv(peer.syn_stream(1, GET))
    assert logged.session.get_stream_user_data(1) is None


@every_version
def test_frames_are_counted_until_they_are_taken(version: int) -> None:
    session = client(version).session
    sizes = [session.get_outbound_queue_size()]
    session.submit_ping()
    session.submit_request(0, GET)
    session.submit_settings(0, [])
    sizes.append(session.get_outbound_queue_size())
    session.send()
    sizes.append(session.get_outbound_queue_size())
    assert sizes == [0, 3, 0]


@every_version
def test_pings_count_up_from_the_first_of_their_side(version: int) -> None:
    for make, expected in ((client, [1, 3, 5]), (server, [2, 4, 6])):
        logged = make(version)
        for _ in range(3):
            logged.session.submit_ping()
        frames = Peer(version).read(logged.sent())
        assert [frame[1] for frame in frames] == expected


# ------------------------------------------------------------------------------------------ frames


def every_frame(version: int) -> dict[str, Any]:
    """One frame of each class, as received."""
    logged, peer = server(version), Peer(version)
    logged.session.submit_syn_stream(2, 0, GET)
    logged.session.submit_ping()
    logged.sent()
    logged.frames.clear()
    nv = [("a", "x\0y"), ("b", "ü")]
    logged.session.recv(
        peer.syn_stream(5, nv, 0, pri=3, slot=9)
        + peer.headers(5, nv, 1)
        + peer.settings((4, 1, 2**32 - 1), (99, 255, 0), (4, 0, 1), flags=1)
        + peer.ping(7)
        + peer.window_update(5, 9)
        + peer.rst_stream(5, 77)
        + peer.goaway(3, 2)
    )
    replied, other = client(version), Peer(version)
    replied.session.submit_request(0, GET)
    replied.sent()
    replied.frames.clear()
    replied.session.recv(other.syn_reply(1, nv, 1))
    return {type(frame).__name__: frame for frame in logged.frames + replied.frames}


@every_version
def test_what_frames_tell(version: int) -> None:
    frames = every_frame(version)
    nv = [("a", "x"), ("a", "y"), ("b", "ü")]
    slot = 0 if version == 2 else 9
    shown = {
        "SynStreamFrame": {"stream_id": 5, "assoc_stream_id": 0, "pri": 3, "slot": slot, "nv": nv},
        "HeadersFrame": {"stream_id": 5, "nv": nv},
        "SynReplyFrame": {"stream_id": 1, "nv": nv},
        "SettingsFrame": {"iv": [(4, 1, 2**32 - 1), (99, 255, 0), (4, 0, 1)]},
        "PingFrame": {"unique_id": 7},
        "WindowUpdateFrame": {"stream_id": 5, "delta_window_size": 9},
        "RstStreamFrame": {"stream_id": 5, "status_code": 77},
        "GoawayFrame": {"last_good_stream_id": 3, "status_code": 0 if version == 2 else 2},
    }
    if version == 2:
        del shown["WindowUpdateFrame"]  # ignored there
    assert set(frames) == set(shown)
    for name, attributes in shown.items():
        frame = frames[name]
        assert {attribute: getattr(frame, attribute) for attribute in attributes} == attributes
        assert frame.version == (2 if version == 2 else 3)
        assert frame.flags == (name in ("HeadersFrame", "SynReplyFrame", "SettingsFrame"))
        assert frame.length > 0
        assert repr(frame).startswith(f"{name}({next(iter(attributes))}=")
    assert frames["PingFrame"].length == 4
    assert frames["SettingsFrame"].length == 28


def test_frames_are_read_only_and_hashable() -> None:
    for frame in every_frame(3).values():
        for name in ("version", "frame_type", "flags", "length", "stream_id", "nv", "other"):
            with pytest.raises(AttributeError):
                setattr(frame, name, 1)
        assert len({frame, frame}) == 1


@every_version
def test_frames_outlive_what_becomes_of_them(version: int) -> None:
    """A frame of a callback tells the same for ever."""
    logged, peer = client(version), Peer(version)
    logged.session.submit_request(2, [("A", "x"), ("a", "y")])
    logged.session.submit_settings(0, [(4, 0, 1)])
    logged.sent()
    shown = [repr(frame) for frame in logged.frames]
    logged.session.recv(peer.syn_reply(1, ANSWER, 1))
    logged.session.submit_request(2, GET)
    logged.sent()
    assert [repr(frame) for frame in logged.frames[: len(shown)]] == shown
    before, after = logged.frames[0], logged.frames[1]
    assert before.length == after.length > 0


@every_version
def test_a_frame_that_was_never_packed_has_no_length(version: int) -> None:
    logged = server(version)
    logged.session.submit_headers(0, 77, [("B", "x"), ("a", "y")])
    logged.sent()
    (frame,) = logged.frames
    assert frame.length == 0
    assert frame.nv == [("a", "y"), ("b", "x")]


# --------------------------------------------------------------------------------- protocol names


def test_the_names_of_the_protocols() -> None:
    assert spdylay.get_npn_protocols() == ["spdy/3.1", "spdy/3", "spdy/2"]
    spdylay.get_npn_protocols().clear()
    assert len(spdylay.get_npn_protocols()) == 3
    versions = [spdylay.npn_get_version(name) for name in spdylay.get_npn_protocols()]
    assert versions == [spdylay.PROTO_SPDY3_1, spdylay.PROTO_SPDY3, spdylay.PROTO_SPDY2]
    assert all(type(version) is int for version in versions)


@pytest.mark.parametrize("proto", [None, "", "h2", "SPDY/3", "spdy/1", "spdy/4", b"spdy/3", 3])
def test_other_names_are_none_of_them(proto: Any) -> None:
    assert spdylay.npn_get_version(proto) == 0
