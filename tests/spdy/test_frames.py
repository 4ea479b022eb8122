"""Control frames: what is written is read back, and what has the wrong length is not read."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.spdy.constants import (
    GOAWAY,
    HEADERS,
    MAX_FRAME_LENGTH,
    PING,
    RST_STREAM,
    SETTINGS,
    SYN_REPLY,
    SYN_STREAM,
    WINDOW_UPDATE,
    lowest_priority,
    wire_version,
)
from plait.spdy.errors import FrameTooLargeError
from plait.spdy.frames import (
    ControlFrame,
    Goaway,
    HeaderFrame,
    Headers,
    Ping,
    RstStream,
    Settings,
    SynReply,
    SynStream,
    WindowUpdate,
    control_header,
    data_header,
    fixed_length,
    parse_fixed,
    parse_head,
    serialize,
)

WIRE_VERSIONS = pytest.mark.parametrize("version", [2, 3])
FIXED = [RST_STREAM, SETTINGS, PING, GOAWAY, WINDOW_UPDATE]
WITH_BLOCK = [SYN_STREAM, SYN_REPLY, HEADERS]
TOP_BIT = 0x80000000

# The lengths that a payload may have; those of SETTINGS say how many entries it has.
LENGTHS = {
    (RST_STREAM, 2): 8,
    (RST_STREAM, 3): 8,
    (PING, 2): 4,
    (PING, 3): 4,
    (GOAWAY, 2): 4,
    (GOAWAY, 3): 8,
    (WINDOW_UPDATE, 2): 8,
    (WINDOW_UPDATE, 3): 8,
}

stream_ids = st.integers(0, 2**31 - 1)
words = st.integers(0, 2**32 - 1)
octets = st.integers(0, 255)
versions = st.sampled_from([2, 3])
entries = st.tuples(st.integers(0, 2**24 - 1), octets, words)


def common() -> dict[str, st.SearchStrategy[int]]:
    return {"version": versions, "flags": octets}


fixed_frames = st.one_of(
    st.builds(RstStream, stream_ids, words, **common()),
    st.builds(
        Settings, st.lists(entries, max_size=20, unique_by=lambda entry: entry[0]), **common()
    ),
    st.builds(Ping, words, **common()),
    st.builds(Goaway, stream_ids, words, **common()),
    st.builds(WindowUpdate, stream_ids, stream_ids, **common()),
)
header_frames = st.one_of(
    st.builds(
        SynStream, stream_ids, stream_ids, st.integers(0, 7), octets, st.just([]), **common()
    ),
    st.builds(SynReply, stream_ids, st.just([]), **common()),
    st.builds(Headers, stream_ids, st.just([]), **common()),
)


def taken_apart(octets: bytes) -> tuple[int, int, int, bytes]:
    """Type, version, flags and payload; the length has to be right."""
    word, frame_type, rest = struct.unpack_from(">HHI", octets)
    assert word & 0x8000, "not a control frame"
    assert rest & 0xFFFFFF == len(octets) - 8
    return frame_type, word & 0x7FFF, rest >> 24, octets[8:]


@given(fixed_frames)
def test_what_is_written_is_read_back(frame: ControlFrame) -> None:
    written = serialize(frame)
    assert frame.length == len(written) - 8
    if isinstance(frame, Settings):
        frame.entries.sort()
    if isinstance(frame, Goaway) and frame.version == 2:
        frame.status = 0
    assert parse_fixed(*taken_apart(written)) == frame


@given(header_frames, st.binary(max_size=30))
def test_frames_with_a_block_are_read_back(frame: HeaderFrame, block: bytes) -> None:
    if isinstance(frame, SynStream) and frame.version == 2:
        frame.priority &= 3
        frame.slot = 0
    written = serialize(frame, block)
    found = parse_head(*taken_apart(written))
    assert found is not None
    assert found[0] == frame
    assert written[8 + found[1] :] == block
    assert found[1] == fixed_length(frame.frame_type, frame.version)


@given(st.sampled_from(FIXED), versions, octets, st.binary(max_size=40))
def test_any_payload_of_the_right_length_is_a_frame(
    frame_type: int, version: int, flags: int, payload: bytes
) -> None:
    frame = parse_fixed(frame_type, version, flags, payload)
    if frame_type == SETTINGS:
        fits = len(payload) >= 4 and len(payload) - 4 == 8 * int.from_bytes(payload[:4], "big")
    else:
        fits = len(payload) == LENGTHS[frame_type, version]
    assert (frame is not None) == fits
    if frame is not None:
        assert (frame.frame_type, frame.version, frame.flags) == (frame_type, version, flags)
        assert frame.length == len(payload)


@pytest.mark.parametrize("length", range(20))
@pytest.mark.parametrize(("frame_type", "version"), LENGTHS)
def test_a_fixed_payload_has_one_length(frame_type: int, version: int, length: int) -> None:
    frame = parse_fixed(frame_type, version, 0, bytes(length))
    assert (frame is not None) == (length == LENGTHS[frame_type, version])


@WIRE_VERSIONS
@pytest.mark.parametrize(
    "payload",
    [
        b"",
        bytes(3),
        bytes(12),
        b"\0\0\0\1",
        b"\0\0\0\1" + bytes(7),
        b"\0\0\0\1" + bytes(16),
        b"\0\0\0\2" + bytes(8),
        b"\xff\xff\xff\xff" + bytes(8),
    ],
)
def test_settings_have_as_many_entries_as_they_say(version: int, payload: bytes) -> None:
    assert parse_fixed(SETTINGS, version, 0, payload) is None


@WIRE_VERSIONS
def test_settings_are_read_as_they_stand(version: int) -> None:
    head = b"\0\0\0\3"
    entries = [(7, 1, 9), (0xABCDEF, 255, 2**32 - 1), (7, 0, 10)]
    order = "<I" if version == 2 else ">I"
    payload = head + b"".join(
        struct.pack(order, flags << 24 | number) + struct.pack(">I", value)
        for number, flags, value in entries
    )
    frame = parse_fixed(SETTINGS, version, 1, payload)
    assert frame == Settings(entries, version=version, flags=1, length=28)


@WIRE_VERSIONS
def test_settings_without_entries(version: int) -> None:
    written = serialize(Settings([], version=version))
    assert written[8:] == bytes(4)
    assert parse_fixed(*taken_apart(written)) == Settings([], version=version, length=4)


@WIRE_VERSIONS
@pytest.mark.parametrize("frame_type", WITH_BLOCK)
def test_a_payload_shorter_than_its_fixed_part_is_no_frame(frame_type: int, version: int) -> None:
    size = fixed_length(frame_type, version)
    for length in range(size):
        assert parse_head(frame_type, version, 0, bytes(length)) is None
    found = parse_head(frame_type, version, 0, bytes(size))
    assert found is not None
    assert found[1] == size


@pytest.mark.parametrize(
    ("frame_type", "version", "size"),
    [(1, 2, 10), (1, 3, 10), (2, 2, 6), (2, 3, 4), (8, 2, 6), (8, 3, 4)],
)
def test_where_the_block_starts(frame_type: int, version: int, size: int) -> None:
    assert fixed_length(frame_type, version) == size


@WIRE_VERSIONS
def test_reserved_bits_are_ignored(version: int) -> None:
    ones = struct.pack(">II", TOP_BIT | 5, TOP_BIT | 6)
    update = parse_fixed(WINDOW_UPDATE, version, 0, ones)
    assert update == WindowUpdate(5, 6, version=version, length=8)
    reset = parse_fixed(RST_STREAM, version, 0, ones)
    assert reset == RstStream(5, TOP_BIT | 6, version=version, length=8)
    goaway = parse_fixed(GOAWAY, version, 0, ones[: LENGTHS[GOAWAY, version]])
    assert isinstance(goaway, Goaway)
    assert goaway.last_good_stream_id == 5
    head = parse_head(SYN_STREAM, version, 0, ones + b"\xff\xff")
    assert head is not None
    opened = head[0]
    assert isinstance(opened, SynStream)
    assert (opened.stream_id, opened.associated_stream_id) == (5, 6)
    assert (opened.priority, opened.slot) == ((3, 0) if version == 2 else (7, 255))
    for frame_type in (SYN_REPLY, HEADERS):
        head = parse_head(frame_type, version, 0, ones)
        assert head is not None
        assert head[0].stream_id == 5


@pytest.mark.parametrize(("version", "last"), [(2, b"\xc0\x00"), (3, b"\xe0\x09")])
def test_priority_and_slot(version: int, last: bytes) -> None:
    slot = 0 if version == 2 else 9
    frame = SynStream(1, 0, lowest_priority(version), slot, [], version=version)
    written = serialize(frame, b"block")
    assert written[16:] == last + b"block"


@WIRE_VERSIONS
@pytest.mark.parametrize("kind", [SynReply, Headers])
def test_a_block_that_no_frame_can_hold(kind: type[HeaderFrame], version: int) -> None:
    room = MAX_FRAME_LENGTH - fixed_length(kind.frame_type, version)
    block = bytes(room + 1)
    with pytest.raises(FrameTooLargeError):
        serialize(kind(1, [], version=version), block)
    written = serialize(kind(1, [], version=version), block[:room])
    assert written[4:8] == b"\0\xff\xff\xff"
    assert len(written) == 8 + MAX_FRAME_LENGTH


def test_what_cannot_be_sent() -> None:
    frame = ControlFrame()
    with pytest.raises(TypeError, match="ControlFrame frames cannot be sent"):
        serialize(frame)


def test_headers_before_a_payload() -> None:
    assert control_header(3, 10, 1, 0x123456) == bytes.fromhex("8003000a01123456")
    assert data_header(2**31 - 1, 1, MAX_FRAME_LENGTH) == bytes.fromhex("7fffffff01ffffff")


def test_fin() -> None:
    assert SynReply(1, [], flags=1).end_stream
    assert SynStream(1, 0, 0, 0, [], flags=3).end_stream
    assert not Headers(1, [], flags=2).end_stream


def test_frames_are_equal_when_their_parts_are() -> None:
    frame = SynReply(1, [(b"a", b"b")], flags=1)
    assert frame == SynReply(1, [(b"a", b"b")], flags=1)
    assert frame != SynReply(1, [(b"a", b"c")], flags=1)
    assert frame != SynReply(1, [(b"a", b"b")], flags=0)
    assert frame != SynReply(1, [(b"a", b"b")], flags=1, version=2)
    assert frame != SynReply(1, [(b"a", b"b")], flags=1, length=9)
    assert frame != Headers(1, [(b"a", b"b")], flags=1)
    assert frame != 1
    with pytest.raises(TypeError):
        hash(frame)


def test_frames_show_what_they_are() -> None:
    assert repr(Ping(5)) == "Ping(unique_id=5, version=3, flags=0, length=0)"
    assert repr(SynStream(1, 0, 2, 3, [(b"a", b"b")], version=2, flags=1, length=40)) == (
        "SynStream(stream_id=1, associated_stream_id=0, priority=2, slot=3, "
        "fields=[(b'a', b'b')], version=2, flags=1, length=40)"
    )


@pytest.mark.parametrize(("version", "on_the_wire", "lowest"), [(2, 2, 3), (3, 3, 7), (4, 3, 7)])
def test_versions(version: int, on_the_wire: int, lowest: int) -> None:
    assert wire_version(version) == on_the_wire
    assert lowest_priority(version) == lowest
