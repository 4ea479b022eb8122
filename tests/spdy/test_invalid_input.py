"""What a peer does wrong, and what it is answered: case by case, in each version.

Every case runs twice: with one read for each call of `sends`, and octet by octet (`slow`).
"""

from __future__ import annotations

import zlib

import pytest

from plait.spdy.events import DataFrameReceived, PeerFinished, StreamClosed, UnknownFrameReceived

from . import wire as w
from .script import (
    Ended,
    Got,
    Invalid,
    Peer,
    Unparsable,
    every_version,
    facing_client,
    facing_server,
    with_windows,
)
from .wire import (
    GET,
    OK,
    POST,
    SPDY2,
    Frame,
    control,
    data,
    goaway,
    headers,
    pairs,
    ping,
    push,
    rst_stream,
    settings,
    syn_reply,
    syn_stream,
    window_update,
    wire_version,
)

ZLIB, UNSUPPORTED, INVALID_FRAME = -502, -503, -506
X = [(b"x", b"y")]


@pytest.fixture(
    params=[0, pytest.param(1, marks=pytest.mark.slow)], ids=["in one read", "octet by octet"]
)
def cut(request: pytest.FixtureRequest) -> int:
    return request.param


def asked(version: int, cut: int = 0, *, end: bool = False, **changes: object) -> Peer:
    """An engine in the server's role with a request on stream 1, which has not been answered."""
    peer = facing_server(version, cut=cut, **changes)
    return peer.sends(syn_stream(1, POST, end=end)).clear()


def asking(version: int, cut: int = 0, *, reply: bool = True, **changes: object) -> Peer:
    """An engine in the client's role with a request on stream 1, whose answer has begun."""
    peer = facing_client(version, cut=cut, **changes)
    assert peer.connection.send_request(POST, lambda most: (None, 2)) == 1
    peer.clear()
    if reply:
        peer.sends(syn_reply(1)).clear()
    return peer


# ------------------------------------------------------------------------------------------------
# SYN_STREAM.


@every_version
def test_the_last_stream_id_again_costs_the_stream(version, cut):
    peer = asked(version, cut).sends(syn_stream(1))
    peer.expect(Invalid(syn_stream(1), w.PROTOCOL_ERROR)).wire(rst_stream(1, w.PROTOCOL_ERROR))
    peer.expect(StreamClosed(1, w.PROTOCOL_ERROR)).lives()


@every_version
def test_the_last_stream_id_again_after_its_end_is_only_reset(version, cut):
    peer = asked(version, cut, end=True)
    peer.connection.send_response(1, OK)
    peer.clear().sends(syn_stream(1))
    peer.loses(1, w.PROTOCOL_ERROR, Invalid(syn_stream(1), w.PROTOCOL_ERROR))


@every_version
@pytest.mark.parametrize("facing", [facing_server, facing_client])
def test_stream_0_at_the_beginning_is_reset(version, cut, facing):
    peer = facing(version, cut=cut).sends(syn_stream(0))
    peer.loses(0, w.PROTOCOL_ERROR, Invalid(syn_stream(0), w.PROTOCOL_ERROR))


@every_version
def test_a_stream_id_below_the_last_ends_the_session(version, cut):
    peer = facing_server(version, cut=cut).sends(syn_stream(5, end=False)).clear()
    peer.sends(syn_stream(3)).dies(Invalid(syn_stream(3), 1), last=5, slug="syn_stream.id")


@every_version
def test_stream_0_later_ends_the_session(version, cut):
    peer = asked(version, cut).sends(syn_stream(0))
    peer.dies(Invalid(syn_stream(0), 1), last=1)


@every_version
@pytest.mark.parametrize("stream_id", [2, 4, 2**31 - 2])
def test_an_even_stream_id_from_a_client_ends_the_session(version, cut, stream_id):
    peer = asked(version, cut).sends(syn_stream(stream_id))
    peer.dies(Invalid(syn_stream(stream_id), 1), last=1)


@every_version
@pytest.mark.parametrize("stream_id", [1, 3, 2**31 - 1])
def test_an_odd_stream_id_from_a_server_ends_the_session(version, cut, stream_id):
    peer = asking(version, cut).sends(push(stream_id, 1))
    peer.dies(Invalid(push(stream_id, 1), 1))


@every_version
def test_a_push_with_an_id_below_the_last_ends_the_session(version, cut):
    peer = asking(version, cut).sends(push(4, 1)).clear().sends(push(2, 1))
    peer.dies(Invalid(push(2, 1), 1), last=4)


@every_version
def test_a_stream_of_the_other_version_is_reset(version, cut):
    peer = facing_server(version, cut=cut)
    frame = syn_stream(1, X, version=peer.foreign)
    peer.sends(frame).loses(1, w.UNSUPPORTED_VERSION, Invalid(frame, w.UNSUPPORTED_VERSION))


@every_version
@pytest.mark.parametrize("more", [{"associated": 1}, {"flags": 2}, {"flags": 3}, {"associated": 7}])
def test_a_client_may_not_push(version, cut, more):
    frame = syn_stream(3, **more)
    asked(version, cut).sends(frame).loses(3, w.PROTOCOL_ERROR, Invalid(frame, 1))


@every_version
def test_a_push_without_an_association_is_reset(version, cut):
    frame = push(2, 0)
    asking(version, cut).sends(frame).loses(2, w.INVALID_STREAM, Invalid(frame, w.INVALID_STREAM))


@every_version
@pytest.mark.parametrize("frame", [push(2, 1, flags=0), push(2, 1, flags=1), push(2, 3)])
def test_a_push_that_is_answerable_or_belongs_to_nothing_is_reset(version, cut, frame):
    asking(version, cut).sends(frame).loses(2, w.PROTOCOL_ERROR, Invalid(frame, 1))


@every_version
def test_a_push_for_a_stream_that_has_closed_is_reset(version, cut):
    peer = facing_client(version, cut=cut)
    peer.connection.send_request(GET)
    peer.clear().sends(syn_reply(1, end=True)).clear()
    peer.sends(push(2, 1)).loses(2, w.PROTOCOL_ERROR, Invalid(push(2, 1), 1))


@every_version
def test_one_stream_too_many_is_refused(version, cut):
    peer = asked(version, cut, max_concurrent_streams=1).sends(syn_stream(3))
    peer.loses(3, w.REFUSED_STREAM, Invalid(syn_stream(3), w.REFUSED_STREAM))


@every_version
def test_one_push_too_many_is_refused(version, cut):
    peer = asking(version, cut, max_concurrent_streams=1).sends(push(2, 1)).clear()
    peer.sends(push(4, 1)).loses(4, w.REFUSED_STREAM, Invalid(push(4, 1), w.REFUSED_STREAM))


@every_version
@pytest.mark.parametrize("who", ["we", "the peer"])
def test_a_stream_after_goaway_is_ignored_but_decompressed(version, cut, who):
    peer = asked(version, cut)
    if who == "we":
        peer.connection.send_goaway(0)
        peer.wire(goaway(1))
    else:
        peer.sends(goaway()).expect(Got(goaway())).wire()
    peer.sends(syn_stream(3, [(b"x-long", b"what the next block points to")]))
    peer.expect().wire()
    # Only a decoder that read the ignored block makes sense of this one.
    more = headers(1, [(b"x-long", b"what the next block points to")])
    peer.sends(more).expect(Got(more))


# ------------------------------------------------------------------------------------------------
# Header blocks.

BAD_PAIRS = {
    "empty name": [(b"", b"v")],
    "upper case": [(b"Name", b"v")],
    "octet below 0x20": [(b"na\x1fme", b"v")],
    "TAB in a name": [(b"na\tme", b"v")],
    "DEL in a name": [(b"na\x7fme", b"v")],
    "octet above 0x7e": [(b"na\x80me", b"v")],
    "the same name twice": [(b"a", b"1"), (b"a", b"2")],
    "the same name twice, apart": [(b"a", b"1"), (b"b", b"1"), (b"a", b"2")],
    "NUL at the start": [(b"a", b"\0v")],
    "NUL at the end": [(b"a", b"v\0")],
    "NUL alone": [(b"a", b"\0")],
    "two NULs": [(b"a", b"v\0\0v")],
    "LF": [(b"a", b"v\nw")],
    "CR": [(b"a", b"v\rw")],
    "ESC": [(b"a", b"\x1b")],
    "DEL": [(b"a", b"v\x7f")],
    "behind a good one": [(b"a", b"v"), (b"b", b"v"), (b"C", b"v")],
}


class InvalidBlock(Invalid):
    """Like `Invalid`, whatever the headers are."""

    def same(self, other: object) -> bool:
        other = type(other)(_without_fields(other.frame), other.status, other.slug)
        return super().same(other)


def _without_fields(frame: object) -> object:
    copy = object.__new__(type(frame))
    for kind in type(frame).__mro__:
        for name in getattr(kind, "__slots__", ()):
            setattr(copy, name, getattr(frame, name))
    copy.fields = []
    return copy


def bad(peer: Peer, frame: Frame, listed: list[tuple[bytes, bytes]]) -> bytes:
    """The octets of a header frame with these pairs, which nothing translates or merges."""
    frame = frame.with_(fields=())
    return peer.writer.with_block(frame, peer.writer.compress(pairs(listed, peer.version)))


@every_version
@pytest.mark.parametrize("listed", BAD_PAIRS.values(), ids=BAD_PAIRS)
def test_a_request_with_an_invalid_block_opens_nothing(version, cut, listed):
    peer = facing_server(version, cut=cut)
    frame = syn_stream(1, ())
    peer.sends(bad(peer, frame, listed)).loses(1, w.PROTOCOL_ERROR, InvalidBlock(frame, 1))
    # The id was not recorded, and the state of zlib is whole.
    peer.sends(syn_stream(1)).expect(Got(syn_stream(1)), PeerFinished(1)).wire()


@every_version
@pytest.mark.parametrize("frame", [syn_reply(1, ()), headers(1)], ids=repr)
def test_an_invalid_block_resets_the_stream(version, cut, frame):
    peer = asking(version, cut, reply=frame.kind == w.HEADERS)
    peer.sends(bad(peer, frame, [(b"A", b"v")])).expect(InvalidBlock(frame, 1))
    peer.wire(rst_stream(1, 1)).expect(StreamClosed(1, 1)).lives()


GOOD_PAIRS = {
    "nothing": [],
    "empty value": [(b"a", b"")],
    "TAB": [(b"a", b"v\tw")],
    "UTF-8": [(b"a", "é".encode())],
    "0xff": [(b"a", b"\xff")],
    "every octet of names": [(bytes(o for o in range(0x20, 0x7F) if not 65 <= o <= 90), b"v")],
    "a space": [(b"a b", b" v ")],
    "two values": [(b"a", b"v\0w")],
}


@every_version
@pytest.mark.parametrize("listed", GOOD_PAIRS.values(), ids=GOOD_PAIRS)
def test_odd_but_valid_blocks_are_read(version, cut, listed):
    peer = facing_server(version, cut=cut)
    peer.sends(bad(peer, syn_stream(1, ()), listed))
    fields = [(name, value) for name, values in listed for value in values.split(b"\0")]
    peer.expect(Got(syn_stream(1, fields)), PeerFinished(1)).wire().lives()


def malformed(version: int) -> dict[str, bytes]:
    """Blocks whose counts and lengths do not add up, before compression."""
    size = 2 if version == SPDY2 else 4
    good = pairs(X, version)
    return {
        "nothing inside": b"",
        "half a count": good[: size - 1],
        "a pair too few": pairs(X, version, 2),
        "a pair too many": pairs([*X, *X], version, 1),
        "an octet behind": good + b"\0",
        "a name without end": good[: size + 1],
        "a value without end": good[:-1],
        "no value": good[: 2 * size + 1],
        "a huge count": pairs(X, version, 0xFFFF if size == 2 else 0xFFFFFFFF),
        "a huge length": good[:size] + b"\xff" * size + b"xyz",
        "a huge length of a value": good[: 2 * size + 1] + b"\xff" * size + b"xyz",
    }


HEADER_FRAMES = [syn_stream(3, ()), syn_reply(1, ()), headers(1)]


def facing(frame: Frame, version: int, cut: int) -> Peer:
    """An engine to which a frame of this kind may come."""
    if frame.kind == w.SYN_REPLY:
        return asking(version, cut, reply=False)
    return asked(version, cut)


@every_version
@pytest.mark.parametrize("frame", HEADER_FRAMES, ids=repr)
@pytest.mark.parametrize("what", malformed(SPDY2))
def test_a_block_that_does_not_add_up_ends_the_session(version, cut, frame, what):
    peer = facing(frame, version, cut)
    block = peer.writer.compress(malformed(version)[what])
    peer.sends(peer.writer.with_block(frame, block))
    head = peer.writer.head(frame)
    peer.dies(Unparsable(frame.kind, INVALID_FRAME, head), last=1 if frame.kind != 2 else 0)


@every_version
@pytest.mark.parametrize("frame", HEADER_FRAMES, ids=repr)
def test_a_frame_without_a_block_ends_the_session(version, cut, frame):
    peer = facing(frame, version, cut)
    head = peer.writer.head(frame)
    peer.sends(peer.writer.with_block(frame, b""))
    peer.dies(Unparsable(frame.kind, INVALID_FRAME, head), last=1 if frame.kind != 2 else 0)


@every_version
@pytest.mark.parametrize("frame", HEADER_FRAMES, ids=repr)
@pytest.mark.parametrize("keep", [0, 1, 3])
def test_a_frame_without_room_for_its_fixed_part_ends_the_session(version, cut, frame, keep):
    peer = facing(frame, version, cut)
    head = peer.writer.head(frame)[:keep]
    peer.sends(control(frame.kind, head, frame.flags, version=wire_version(version)))
    peer.dies(Unparsable(frame.kind, INVALID_FRAME, head), last=1 if frame.kind != 2 else 0)


def broken_zlib(version: int) -> dict[str, bytes]:
    """Blocks, the first of a session, that zlib refuses."""
    good = pairs(X, version)
    ended = zlib.compress(good)
    wrong = zlib.compressobj(6, zlib.DEFLATED, 15, 8, 0, b"another dictionary")
    mine = w.Writer(version).compress(good)
    return {
        "no zlib": b"\0\1\2\3\4\5",
        "another dictionary": wrong.compress(good) + wrong.flush(zlib.Z_SYNC_FLUSH),
        "the end of the stream": ended,
        "a bad block type": mine[:6] + b"\x07" + mine[6:],
        "a bad checksum of the header": bytes([mine[0], mine[1] ^ 1]) + mine[2:],
    }


@every_version
@pytest.mark.parametrize("frame", [syn_stream(1, ()), syn_reply(1, ())], ids=repr)
@pytest.mark.parametrize("what", broken_zlib(SPDY2))
def test_a_block_that_zlib_refuses_ends_the_session(version, cut, frame, what):
    is_reply = frame.kind == w.SYN_REPLY
    peer = asking(version, cut, reply=False) if is_reply else facing_server(version, cut=cut)
    peer.sends(peer.writer.with_block(frame, broken_zlib(version)[what]))
    peer.dies(Unparsable(frame.kind, ZLIB, peer.writer.head(frame)))


@every_version
def test_a_later_block_that_zlib_refuses_ends_the_session(version, cut):
    peer = asked(version, cut)
    peer.sends(peer.writer.with_block(headers(1), b"\x07\xff\xff\xff"))
    peer.dies(Unparsable(w.HEADERS, ZLIB, peer.writer.head(headers(1))), last=1)


@every_version
def test_blocks_without_the_dictionary_are_read(version, cut):
    peer = facing_server(version, cut=cut)
    peer.writer.zlib = zlib.compressobj()
    peer.sends(syn_stream(1)).expect(Got(syn_stream(1)), PeerFinished(1)).wire()


@every_version
@pytest.mark.parametrize("frame", HEADER_FRAMES, ids=repr)
@pytest.mark.parametrize("number", [0, 1, 4, 0x7FFF])
def test_header_frames_of_no_known_version_end_the_session(version, cut, frame, number):
    peer = facing(frame, version, cut)
    payload = peer.writer.payload(frame)
    peer.sends(control(frame.kind, payload, frame.flags, version=number))
    peer.dies(Unparsable(frame.kind, UNSUPPORTED), last=1 if frame.kind != 2 else 0)


# ------------------------------------------------------------------------------------------------
# SYN_REPLY and HEADERS.


@every_version
def test_a_reply_to_nothing_is_reset(version, cut):
    peer = asking(version, cut).sends(syn_reply(5))
    peer.loses(5, w.PROTOCOL_ERROR, Invalid(syn_reply(5), 1))


@every_version
def test_a_reply_on_the_senders_own_stream_resets_it(version, cut):
    peer = asked(version, cut).sends(syn_reply(1)).expect(Invalid(syn_reply(1), 1))
    peer.wire(rst_stream(1, 1)).expect(StreamClosed(1, 1)).lives()


@every_version
def test_a_reply_to_a_push_resets_it(version, cut):
    peer = asked(version, cut, end=True)
    assert peer.connection.push(1, GET, lambda most: (None, 2)) == 2
    peer.clear().sends(syn_reply(2)).expect(Invalid(syn_reply(2), 1))
    peer.wire(rst_stream(2, 1)).expect(StreamClosed(2, 1)).lives()


@every_version
def test_a_second_reply_resets_the_stream(version, cut):
    status = w.PROTOCOL_ERROR if version == SPDY2 else w.STREAM_IN_USE
    peer = asking(version, cut).sends(syn_reply(1)).expect(Invalid(syn_reply(1), status))
    peer.wire(rst_stream(1, status)).expect(StreamClosed(1, status)).lives()


@every_version
@pytest.mark.parametrize("frame", [syn_reply(1), headers(1, X)], ids=repr)
def test_headers_after_fin_reset_the_stream(version, cut, frame):
    peer = asking(version, cut, reply=False).sends(syn_reply(1, end=True)).clear()
    peer.sends(frame).expect(Invalid(frame, 1))
    peer.wire(rst_stream(1, 1)).expect(StreamClosed(1, 1)).lives()


@every_version
def test_headers_after_the_end_of_a_request_reset_it(version, cut):
    peer = asked(version, cut, end=True).sends(headers(1, X)).expect(Invalid(headers(1, X), 1))
    peer.wire(rst_stream(1, 1)).expect(StreamClosed(1, 1)).lives()


@every_version
def test_headers_before_the_reply_reset_the_stream(version, cut):
    peer = asking(version, cut, reply=False).sends(headers(1, X))
    peer.expect(Invalid(headers(1, X), 1)).wire(rst_stream(1, 1)).expect(StreamClosed(1, 1)).lives()


@every_version
@pytest.mark.parametrize("stream_id", [0, 2, 3, 2**31 - 1])
def test_headers_for_no_stream_are_reset(version, cut, stream_id):
    frame = headers(stream_id, X)
    asked(version, cut).sends(frame).loses(stream_id, 1, Invalid(frame, 1))


@every_version
@pytest.mark.parametrize("frame", [headers(1, X), data(1, b"x"), data(1, end=True)], ids=repr)
def test_what_comes_for_a_request_that_we_reset_is_ignored(version, cut, frame):
    peer = asked(version, cut)
    peer.connection.reset_stream(1, w.CANCEL)
    peer.sends(frame).expect()
    peer.wire(rst_stream(1)).expect(StreamClosed(1, w.CANCEL)).lives()


@every_version
@pytest.mark.parametrize("frame", [syn_reply(1), syn_reply(1, end=True)], ids=repr)
def test_a_reply_to_a_request_that_we_reset_is_ignored(version, cut, frame):
    peer = asking(version, cut, reply=False)
    peer.connection.reset_stream(1, w.CANCEL)
    peer.sends(frame).expect()
    peer.wire(rst_stream(1)).expect(StreamClosed(1, w.CANCEL)).lives()


@every_version
@pytest.mark.parametrize("stream_id", [0, 1, 2, 3, 2**31 - 1])
def test_a_reset_of_no_stream_is_told_and_ignored(version, cut, stream_id):
    peer = facing_server(version, cut=cut).sends(rst_stream(stream_id, 6))
    peer.expect(Got(rst_stream(stream_id, 6))).wire().lives()


# ------------------------------------------------------------------------------------------------
# Lengths and versions of the other frames.


def entries(version: int, count: int, said: int | None = None) -> bytes:
    """A payload of SETTINGS with so many entries, which says that it has so many."""
    said = count if said is None else said
    entry = b"\4\0\0\0" if version == SPDY2 else b"\0\0\0\4"
    return said.to_bytes(4, "big") + count * (entry + bytes(4))


WRONG = {
    "RST_STREAM, empty": (w.RST_STREAM, bytes(0)),
    "RST_STREAM, short": (w.RST_STREAM, bytes(7)),
    "RST_STREAM, long": (w.RST_STREAM, bytes(9)),
    "PING, empty": (w.PING, bytes(0)),
    "PING, short": (w.PING, bytes(3)),
    "PING, long": (w.PING, bytes(5)),
    "WINDOW_UPDATE, empty": (w.WINDOW_UPDATE, bytes(0)),
    "WINDOW_UPDATE, short": (w.WINDOW_UPDATE, bytes(7)),
    "WINDOW_UPDATE, long": (w.WINDOW_UPDATE, bytes(9)),
    "SETTINGS, empty": (w.SETTINGS, bytes(0)),
    "SETTINGS, half a count": (w.SETTINGS, bytes(3)),
    "SETTINGS, an octet too many": (w.SETTINGS, bytes(5)),
    "SETTINGS, an entry too few": (w.SETTINGS, entries(SPDY2, 1, 2)),
    "SETTINGS, an entry too many": (w.SETTINGS, entries(SPDY2, 2, 1)),
    "SETTINGS, half an entry": (w.SETTINGS, entries(SPDY2, 1)[:-4]),
    "SETTINGS, a huge count": (w.SETTINGS, entries(SPDY2, 1, 2**32 - 1)),
    "SETTINGS, a count that wraps": (w.SETTINGS, entries(SPDY2, 1, 2**29 + 1)),
    "GOAWAY, empty": (w.GOAWAY, bytes(0)),
    "GOAWAY, short": (w.GOAWAY, bytes(3)),
    "GOAWAY, between": (w.GOAWAY, bytes(6)),
    "GOAWAY, long": (w.GOAWAY, bytes(9)),
}


@every_version
@pytest.mark.parametrize(("kind", "payload"), WRONG.values(), ids=WRONG)
def test_a_wrong_length_ends_the_session(version, cut, kind, payload):
    peer = asked(version, cut).sends(control(kind, payload, version=wire_version(version)))
    peer.dies(Unparsable(kind, INVALID_FRAME), last=1)


@every_version
def test_goaway_has_the_length_of_its_version(version, cut):
    peer = asked(version, cut)
    theirs = bytes(8 if version == SPDY2 else 4)
    peer.sends(control(w.GOAWAY, theirs, version=wire_version(version)))
    peer.dies(Unparsable(w.GOAWAY, INVALID_FRAME), last=1)


OTHER_VERSION = [
    *(rst_stream(1), settings((4, 0, 0)), ping(1), goaway(), window_update(1, 1)),
    *(headers(1, X), syn_reply(1, X)),
]


@every_version
@pytest.mark.parametrize("frame", OTHER_VERSION, ids=lambda frame: w.NAMES[frame.kind])
def test_frames_of_the_other_version_are_ignored(version, cut, frame):
    peer = asked(version, cut)
    peer.sends(frame.with_(version=peer.foreign)).expect().wire()
    assert peer.connection.stream_is_open(1)
    peer.sends(syn_stream(3, X)).expect(Got(syn_stream(3, X)), PeerFinished(3)).lives()


# ------------------------------------------------------------------------------------------------
# Windows and DATA.


@with_windows
@pytest.mark.parametrize("delta", [w.MAX_WINDOW, w.MAX_WINDOW - w.WINDOW + 1])
def test_a_stream_window_that_overflows_costs_the_stream(version, cut, delta):
    frame = window_update(1, delta)
    peer = asked(version, cut).sends(frame).expect(Invalid(frame, w.FLOW_CONTROL_ERROR))
    peer.wire(rst_stream(1, w.FLOW_CONTROL_ERROR))
    peer.expect(StreamClosed(1, w.FLOW_CONTROL_ERROR)).lives()


@with_windows
def test_a_stream_window_may_reach_its_maximum(version, cut):
    frame = window_update(1, w.MAX_WINDOW - w.WINDOW)
    asked(version, cut).sends(frame).expect(Got(frame)).wire().lives()


@pytest.mark.parametrize("delta", [w.MAX_WINDOW, w.MAX_WINDOW - w.WINDOW + 1])
def test_a_session_window_that_overflows_ends_the_session(cut, delta):
    frame = window_update(0, delta)
    peer = asked(w.SPDY3_1, cut).sends(frame).dies(Invalid(frame, 1), last=1)
    assert not peer.connection.want_read()


def test_a_session_window_may_reach_its_maximum(cut):
    frame = window_update(0, w.MAX_WINDOW - w.WINDOW)
    asked(w.SPDY3_1, cut).sends(frame).expect(Got(frame)).wire().lives()


@every_version
@pytest.mark.parametrize("stream_id", [0, 2, 3, 2**31 - 1])
def test_data_for_no_stream_is_ignored(version, cut, stream_id):
    peer = asked(version, cut).sends(data(stream_id, b"x"), data(stream_id, end=True))
    peer.expect().wire().lives()


@every_version
@pytest.mark.parametrize("frame", [data(1, b"secret"), data(1), data(1, end=True)], ids=repr)
def test_data_after_fin_ends_the_session(version, cut, frame):
    asked(version, cut, end=True).sends(frame).dies(last=1)


@every_version
@pytest.mark.parametrize("frame", [data(1, b"secret"), data(1), data(1, end=True)], ids=repr)
def test_data_before_the_reply_ends_the_session(version, cut, frame):
    asking(version, cut, reply=False).sends(frame).dies()


@every_version
@pytest.mark.parametrize("kind", [w.NOOP, w.CREDENTIAL])
@pytest.mark.parametrize("body", [b"", b"x", bytes(100)])
def test_noop_and_credential_are_ignored(version, cut, kind, body):
    asked(version, cut).sends(w.other(kind, body)).expect().wire().lives()


@every_version
@pytest.mark.parametrize("kind", [0, 11, 0x77, 0xFFFF])
@pytest.mark.parametrize("body", [b"", b"what is this?"])
def test_unknown_frames_are_told_and_ignored(version, cut, kind, body):
    octets = control(kind, body, 5, version=wire_version(version))
    peer = asked(version, cut).sends(octets)
    peer.expect(UnknownFrameReceived(octets[:8], body)).wire().lives()


# ------------------------------------------------------------------------------------------------
# After a fault.

FAULTS = {
    "an id that goes backwards": lambda peer: peer.writer(syn_stream(0)),
    "a wrong length": lambda peer: control(w.PING, b"", version=wire_version(peer.version)),
    "a block of nothing": lambda peer: peer.writer.with_block(headers(1), b""),
    "DATA after FIN": lambda peer: peer.writer(data(1, b"x")),
}


@every_version
@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_nothing_is_processed_after_a_fault(version, cut, fault):
    peer = asked(version, cut, end=True)
    behind = (syn_stream(3), ping(1), rst_stream(1), settings((7, 0, 1)))
    peer.sends(fault(peer) + peer.writer(*behind))
    events = peer.hears()
    assert events[-1] == Ended()
    assert not any(event == Got(frame) for event in events for frame in behind)
    assert peer.connection.stream_is_open(1)
    assert not peer.connection.stream_is_open(3)
    peer.wire(goaway(1, 1)).is_dead()


@every_version
def test_what_came_before_a_fault_in_the_same_read_is_told(version, cut):
    peer = facing_server(version, cut=cut)
    peer.sends(syn_stream(1, POST, end=False), data(1, b"x", end=True), ping(1), syn_stream(2))
    heard = [event for event in peer.hears() if type(event).__name__ != "DataReceived"]
    assert heard == [
        Got(syn_stream(1, POST, end=False)),
        *(DataFrameReceived(1, 1, 1), PeerFinished(1)),
        Got(ping(1)),
        *(Invalid(syn_stream(2), 1), Ended("syn_stream.id")),
    ]
    peer.wire(ping(1), goaway(1, 1)).is_dead()
