"""Frames as spdylay wrote them, octet for octet.

Written by one client and one server of the original in each version, frame after frame. Stored
(not compressed) blocks have to be the same octets from every zlib; compressed ones only where zlib
is the one they were checked with, for other builds may find other matches. What they inflate to is
compared in any case.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import pytest

from plait.http2.constants import Role
from plait.spdy import blocks
from plait.spdy.constants import FLAG_FIN, FLAG_UNIDIRECTIONAL, MAX_FRAME_LENGTH, StreamStatus
from plait.spdy.constants import wire_version as wire
from plait.spdy.dictionaries import dictionary
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
    data_header,
    fixed_length,
    parse_fixed,
    parse_head,
    serialize,
)
from plait.spdy.limits import Limits
from plait.spdy.names import normalise

VERSIONS = pytest.mark.parametrize("version", [2, 3, 4])
CLIENT, SERVER = Role.CLIENT, Role.SERVER
SAME_ZLIB = zlib.ZLIB_RUNTIME_VERSION == "1.2.13"

PATH = normalise([(b":path", b"/"), (b"A", b"b")])
STATUS = [(b":status", b"200")]


@dataclass(frozen=True)
class Golden:
    """A frame, who sent it, and its octets in SPDY/2 and in the later versions."""

    role: int
    frame: ControlFrame
    spdy2: str
    spdy3: str

    def octets(self, version: int) -> bytes:
        return bytes.fromhex(self.spdy2 if version == 2 else self.spdy3)


CONVERSATION = [
    Golden(
        CLIENT,
        SynStream(1, 0, 1, 0, PATH, flags=FLAG_FIN),
        "800200010100002a000000010000000040003830dfa251b2001000efff000200016100016200037572"
        "6c00012f000000ffff",
        "8003000101000036000000010000000020003830e3c6a7c2001c00e3ff00000002000000053a706174"
        "68000000012f00000001610000000162000000ffff",
    ),
    Golden(
        CLIENT,
        SynStream(3, 0, 0, 0, [(b"c", b"d")]),
        "800200010000001c00000003000000000000000800f7ff0001000163000164000000ffff",
        "800300010000002200000003000000000000000e00f1ff0000000100000001630000000164000000ffff",
    ),
    Golden(
        SERVER,
        SynReply(1, STATUS, flags=FLAG_FIN),
        "800200020100001c00000001000038eadfa251b2626064608308323003132b000000ffff",
        "800300020100001d0000000138eae3c6a7c202a62346507ab482275266602205000000ffff",
    ),
    Golden(
        SERVER,
        SynReply(3, STATUS),
        "800200020000000e00000003000042e302000000ffff",
        "800300020000000c00000003c22e0a000000ffff",
    ),
    Golden(
        SERVER,
        Headers(3, [(b"x", b"y")]),
        "80020008000000130000000300000272192b18182b01000000ffff",
        "800300080000001100000003828a325680884a00000000ffff",
    ),
    Golden(
        CLIENT,
        RstStream(3, StreamStatus.CANCEL),
        "80020003000000080000000300000005",
        "80030003000000080000000300000005",
    ),
    Golden(CLIENT, Ping(1), "800200060000000400000001", "800300060000000400000001"),
    Golden(SERVER, Goaway(3, 2), "800200070000000400000003", "80030007000000080000000300000002"),
    Golden(
        CLIENT,
        Settings([(7, 1, 65536), (4, 0, 100)], flags=1),
        "80020004010000140000000204000000000000640700000100010000",
        "80030004010000140000000200000004000000640100000700010000",
    ),
    Golden(
        CLIENT,
        WindowUpdate(1, 4096),
        "80020009000000080000000100001000",
        "80030009000000080000000100001000",
    ),
]

# on a connection of its own
PUSH = [
    Golden(
        SERVER,
        SynStream(2, 1, 3, 0, [(b":path", b"/p")], flags=FLAG_UNIDIRECTIONAL),
        "800200010200001f0000000200000001c00038eadfa251b26260646006d14cfa0500000000ffff",
        "80030001020000250000000200000001600038eae3c6a7c202a623465076b22a480497444cfa050000"
        "0000ffff",
    ),
]

CONVERSATIONS = pytest.mark.parametrize("conversation", [CONVERSATION, PUSH], ids=["both", "push"])


def copied(frame: ControlFrame, version: int, **changes: object) -> ControlFrame:
    names = (*frame.__match_args__, "flags")
    values = {name: getattr(frame, name) for name in names}
    return type(frame)(**{**values, "version": wire(version), **changes})


@VERSIONS
@CONVERSATIONS
def test_what_is_written(version: int, conversation: list[Golden]) -> None:
    deflaters = {role: blocks.Deflater(version, role) for role in (CLIENT, SERVER)}
    # one zlib for what we wrote and one for the original's, for either side
    ours, theirs = (
        {role: zlib.decompressobj(zdict=dictionary(version)) for role in (CLIENT, SERVER)}
        for _ in range(2)
    )
    for golden in conversation:
        frame = copied(golden.frame, version)
        expected = golden.octets(version)
        if not isinstance(frame, HeaderFrame):
            assert serialize(frame) == expected
            continue
        block = deflaters[golden.role].block(frame.fields, MAX_FRAME_LENGTH)
        octets = serialize(frame, block)
        if golden.role == CLIENT or SAME_ZLIB:
            assert octets == expected
        start = 8 + fixed_length(frame.frame_type, wire(version))
        assert octets[:5] + octets[8:start] == expected[:5] + expected[8:start]
        assert frame.length == len(octets) - 8 == int.from_bytes(octets[5:8], "big")
        inflated = ours[golden.role].decompress(octets[start:])
        assert inflated == theirs[golden.role].decompress(expected[start:])


@VERSIONS
@CONVERSATIONS
def test_what_is_read(version: int, conversation: list[Golden]) -> None:
    inflaters = {role: blocks.Inflater(version, Limits()) for role in (CLIENT, SERVER)}
    for golden in conversation:
        octets = golden.octets(version)
        frame_type, flags, payload = octets[3], octets[4], octets[8:]
        expected = copied(golden.frame, version, length=len(payload))
        if isinstance(expected, HeaderFrame):
            head = parse_head(frame_type, wire(version), flags, payload)
            assert head is not None
            frame, start = head
            block = inflaters[golden.role].block(payload[start:])
            assert block.verdict == blocks.VALID
            frame.fields = block.fields
            # SPDY/2 sorts by other names: `url` goes after `a`
            expected.fields = in_wire_order(expected.fields, version)
            assert frame == expected
            continue
        if isinstance(expected, Goaway) and version == 2:
            expected.status = 0
        if isinstance(expected, Settings):
            expected.entries = sorted(expected.entries)
        assert parse_fixed(frame_type, wire(version), flags, payload) == expected


def in_wire_order(fields: list[tuple[bytes, bytes]], version: int) -> list[tuple[bytes, bytes]]:
    return fields[::-1] if fields == PATH and version == 2 else fields


def test_data() -> None:
    assert data_header(3, FLAG_FIN, 3) + b"xxx" == bytes.fromhex("0000000301000003787878")
