"""Header blocks: what is sent of a header list, and what a received block is found to be."""

from __future__ import annotations

import random
import struct
import tracemalloc
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.http2.constants import Role
from plait.spdy.blocks import (
    BOMB,
    INVALID,
    MALFORMED,
    TOO_LARGE,
    VALID,
    ZLIB,
    Deflater,
    InflatedBlock,
    Inflater,
    check_fields,
)
from plait.spdy.dictionaries import dictionary
from plait.spdy.errors import FrameTooLargeError, InvalidFieldError
from plait.spdy.limits import Limits
from plait.spdy.names import TO_SPDY2, Field, normalise

from .wire import SPDY2, SPDY3, SPDY3_1, VERSIONS, pairs

every_version = pytest.mark.parametrize("version", VERSIONS)
ROLES = [Role.CLIENT, Role.SERVER]
NO_LIMIT = 2**24
MIB = 2**20


def raw_block(version: int, fields: list[Field]) -> bytes:
    """What a deflater makes of a normalised list, before compression."""
    block = Deflater(version, Role.SERVER).block(fields, NO_LIMIT)
    return zlib.decompressobj(zdict=dictionary(version)).decompress(block)


class Peer:
    """Somebody who writes blocks with a zlib of their own, and an inflater that reads them."""

    def __init__(self, version: int = SPDY3, level: int = 6, **limits: int) -> None:
        self.version = version
        self.zlib = zlib.compressobj(level, zlib.DEFLATED, 15, 9, 0, dictionary(version))
        self.inflater = Inflater(version, Limits(**limits))

    def compressed(self, raw: bytes) -> bytes:
        return self.zlib.compress(raw) + self.zlib.flush(zlib.Z_SYNC_FLUSH)

    def raw(self, raw: bytes) -> InflatedBlock:
        return self.inflater.block(self.compressed(raw))

    def fields(self, *fields: Field) -> InflatedBlock:
        return self.raw(pairs(fields, self.version))


def found(block: InflatedBlock) -> tuple[int, list[Field]]:
    return block.verdict, block.fields


# ------------------------------------------------------------------------------------------------
# Lists that a program gives.


def test_names_are_lowered_and_sorted_and_equal_ones_keep_their_order() -> None:
    given_list = [(b"b", b"1"), (b"A", b"x"), (b":z", b""), (b"a", b"y"), (b"a", b""), (b"B", b"0")]
    expected = [(b":z", b""), (b"a", b"x"), (b"a", b"y"), (b"a", b""), (b"b", b"1"), (b"b", b"0")]
    assert normalise(given_list) == expected
    assert normalise(iter(given_list)) == expected
    assert normalise([]) == []


def test_every_printable_octet_may_stand_in_a_name() -> None:
    for octet in range(0x20, 0x7F):
        name = bytes([octet])
        assert normalise([(name, b"")]) == [(name.lower(), b"")]


@pytest.mark.parametrize(
    "name",
    [b"", b"\0", b"a\0", b"\x1f", b"a\n", b"a\nb", b"\n", b"\x7f", b"\x80", b"\xc3\xa9", b"a\xff"],
)
def test_a_name_that_cannot_be_sent(name: bytes) -> None:
    with pytest.raises(InvalidFieldError, match="cannot be the name of a header"):
        normalise([(b"good", b"1"), (name, b"1")])


def test_a_nul_separates_values() -> None:
    assert normalise([(b"b", b"1\x002\x003"), (b"a", b"x"), (b"B", b"4")]) == [
        (b"a", b"x"),
        (b"b", b"1"),
        (b"b", b"2"),
        (b"b", b"3"),
        (b"b", b"4"),
    ]


@pytest.mark.parametrize("value", [b"\0", b"\0a", b"a\0", b"a\0\0b", b"\0\0", b"a\0b\0"])
def test_a_nul_that_separates_nothing_is_refused(value: bytes) -> None:
    with pytest.raises(InvalidFieldError, match="NUL"):
        normalise([(b"good", b"1\x002"), (b"a", value)])


def test_other_octets_of_values_are_the_programs_concern() -> None:
    octets = bytes(range(1, 256))
    assert normalise([(b"a", octets)]) == [(b"a", octets)]


@pytest.mark.parametrize("field", [("a", b"b"), (b"a", "b"), (":path", "/")])
def test_text_is_a_type_error(field: Field) -> None:
    with pytest.raises(TypeError):
        normalise([field])


# ------------------------------------------------------------------------------------------------
# What goes on the wire.


@every_version
def test_equal_names_are_one_pair_and_empty_values_give_way(version: int) -> None:
    fields = [(b"b", b"1"), (b"A", b"x"), (b"a", b"y"), (b"a", b""), (b"c", b""), (b"c", b"z")]
    expected = [(b"a", b"x\0y"), (b"b", b"1"), (b"c", b"z")]
    assert raw_block(version, normalise(fields)) == pairs(expected, version)


@every_version
@pytest.mark.parametrize(
    ("values", "joined"),
    [
        ([b""], b""),
        ([b"", b""], b""),
        ([b"", b"", b"1"], b"1"),
        ([b"1", b"", b""], b"1"),
        ([b"1", b"", b"2"], b"1\x002"),
        ([b"1\x002", b"3"], b"1\x002\x003"),
    ],
)
def test_values_of_one_name(version: int, values: list[bytes], joined: bytes) -> None:
    fields = normalise([(b"n", value) for value in values])
    assert raw_block(version, fields) == pairs([(b"n", joined)], version)


@every_version
def test_a_block_of_nothing(version: int) -> None:
    assert raw_block(version, []) == bytes(2 if version == SPDY2 else 4)
    assert found(Peer(version).fields()) == (VALID, [])


def test_spdy_2_has_other_names_and_so_another_order() -> None:
    fields = normalise([(name, b"1") for name in [*TO_SPDY2, b"dup", b"x-up"]])
    names = [b"dup", b"host", b"method", b"scheme", b"status", b"url", b"version", b"x-up"]
    assert raw_block(SPDY2, fields) == pairs([(name, b"1") for name in names], SPDY2)


def test_names_that_are_one_in_spdy_2_are_merged() -> None:
    fields = normalise([(b"status", b"2"), (b":status", b"1"), (b"status", b"3")])
    assert raw_block(SPDY2, fields) == pairs([(b"status", b"1\x002\x003")], SPDY2)


def test_received_names_of_spdy_2_become_those_of_spdy_3_in_the_order_of_the_wire() -> None:
    wire = [b"dup", b"host", b"method", b"scheme", b"status", b"url", b"version", b"x-up"]
    names = [b"dup", b":host", b":method", b":scheme", b":status", b":path", b":version", b"x-up"]
    block = Peer(SPDY2).fields(*[(name, b"1") for name in wire])
    assert found(block) == (VALID, [(name, b"1") for name in names])


def test_later_versions_translate_nothing() -> None:
    fields = [(b"host", b"1"), (b"url", b"2"), (b":host", b"3")]
    assert found(Peer(SPDY3).fields(*fields)) == (VALID, fields)
    assert found(Peer(SPDY3_1).fields(*fields)) == (VALID, fields)


@pytest.mark.parametrize(("new", "old"), TO_SPDY2.items())
def test_in_spdy_2_a_name_may_not_come_in_both_ways(new: bytes, old: bytes) -> None:
    both = [(new, b"1"), (old, b"2")]
    peer = Peer(SPDY2)
    assert found(peer.fields(*both)) == (INVALID, both)
    assert found(peer.fields((new, b"1"))) == (VALID, [(new, b"1")])


def test_spdy_2_has_16_bits_for_names_values_and_their_number() -> None:
    longest = b"x" * 65_535
    for field in [(longest, b""), (b"a", longest), (longest, longest)]:
        check_fields([field], SPDY2)
        assert raw_block(SPDY2, [field]) == pairs([field], SPDY2)
    check_fields([(b"a", b"x" * 32_767)] * 2, SPDY2)
    check_fields([(str(at).encode(), b"") for at in range(65_535)], SPDY2)


@pytest.mark.parametrize(
    "fields",
    [
        [(b"x" * 65_536, b"")],
        [(b"a", b"x" * 65_536)],
        [(b"a", b"x" * 32_768)] * 2,
        [(b":host", b"x" * 32_768), (b"host", b"x" * 32_768)],
        [(str(at).encode(), b"") for at in range(65_536)],
    ],
    ids=["name", "value", "values", "values by two names", "number"],
)
def test_what_spdy_2_has_no_room_for(fields: list[Field]) -> None:
    with pytest.raises(InvalidFieldError, match="larger than SPDY/2 can say"):
        check_fields(fields, SPDY2)
    check_fields(fields, SPDY3)
    check_fields(fields, SPDY3_1)


@every_version
@pytest.mark.parametrize(("role", "first"), [(Role.CLIENT, "3830"), (Role.SERVER, "38ea")])
def test_how_a_stream_begins(version: int, role: Role, first: str) -> None:
    adler = zlib.adler32(dictionary(version))
    block = Deflater(version, role).block([], NO_LIMIT)
    assert block[:6].hex() == f"{first}{adler:08x}"


@every_version
def test_a_client_does_not_compress(version: int) -> None:
    """What an attacker has a say in must not make a block shorter (CRIME)."""
    deflater = Deflater(version, Role.CLIENT)
    fields = [(b"a", b"secret" * 20), (b"b", b"secret" * 20)]
    lengths = {len(deflater.block(fields, NO_LIMIT)) for _ in range(5)}
    assert min(lengths) > 240


@every_version
def test_a_server_does(version: int) -> None:
    deflater = Deflater(version, Role.SERVER)
    fields = [(b"a", b"secret" * 20), (b"b", b"secret" * 20)]
    lengths = [len(deflater.block(fields, NO_LIMIT)) for _ in range(5)]
    assert lengths[-1] < lengths[0] < 100


# ------------------------------------------------------------------------------------------------
# A block that no frame has room for.


@pytest.mark.parametrize("role", ROLES)
def test_a_block_that_does_not_fit_has_not_touched_the_state(role: Role) -> None:
    noise = random.Random(1).randbytes(5000)
    deflater, other = Deflater(SPDY3, role), Deflater(SPDY3, role)
    inflater = Inflater(SPDY3, Limits())
    small, large = [(b"a", b"1")], [(b"a", noise)]
    for _ in range(2):
        with pytest.raises(FrameTooLargeError, match="octets fits into no frame"):
            deflater.block(large, 5000)
        block = deflater.block(small, 5000)
        assert block == other.block(small, 5000)
        assert found(inflater.block(block)) == (VALID, small)


@pytest.mark.parametrize("role", ROLES)
def test_a_large_block_that_fits_after_all_is_sent(role: Role) -> None:
    noise = random.Random(2).randbytes(5000).replace(b"\0", b"")
    size = len(Deflater(SPDY3, role).block([(b"a", noise)], NO_LIMIT))
    deflater, other = Deflater(SPDY3, role), Deflater(SPDY3, role)
    with pytest.raises(FrameTooLargeError):
        deflater.block([(b"a", noise)], size - 1)
    for fields in ([(b"a", noise)], [(b"b", noise)]):
        assert deflater.block(fields, size + 50) == other.block(fields, NO_LIMIT)


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("size", [100, 1000, 10_000, 100_000, MIB])
def test_what_cannot_be_compressed_grows_by_less_than_is_allowed_for(role: Role, size: int) -> None:
    """`Deflater` tries a block on a copy only if it could come out larger than a frame."""
    noise = random.Random(size).randbytes(size)
    raw = len(pairs([(b"a", noise)], SPDY3))
    block = Deflater(SPDY3, role).block([(b"a", noise)], NO_LIMIT)
    assert len(block) <= raw + (raw >> 2) + 64


# ------------------------------------------------------------------------------------------------
# What a peer may send, and what not.


@every_version
@pytest.mark.parametrize(
    "fields",
    [
        [(b"a", b"")],
        [(b"z", b"1"), (b"a", b"2")],
        [(b"a", b"\t tab and \xc3\xa9 and \x80\xff")],
        [(b'name with spaces and "()[]@~', b"1")],
        [(bytes([octet]), b"") for octet in range(0x20, 0x7F) if not 0x41 <= octet <= 0x5A],
        [(b"a", bytes([9, *range(0x20, 0x7F), *range(0x80, 0x100)]))],
    ],
)
def test_valid_blocks(version: int, fields: list[Field]) -> None:
    block = Peer(version).fields(*fields)
    assert found(block) == (VALID, fields)
    assert block.inflated == len(pairs(fields, version))


@every_version
def test_values_are_parted_at_nul(version: int) -> None:
    block = Peer(version).fields((b"b", b"1\x002\x003"), (b"c", b""), (b"a", b"x"))
    split = [(b"b", b"1"), (b"b", b"2"), (b"b", b"3"), (b"c", b""), (b"a", b"x")]
    assert found(block) == (VALID, split)


BAD_NAMES = [
    b"",
    b"A",
    b"aB",
    b"a\0",
    b"\0",
    b"\x1f",
    b"a\tb",
    b"\x7f",
    b"\x80",
    b"a\xc3\xa9",
    b"Host",
]
BAD_VALUES = [
    *(b"\0", b"\0a", b"a\0", b"a\0\0b", b"\0\0"),
    *(b"a" + bytes([octet]) + b"b" for octet in [*range(1, 9), *range(10, 32), 0x7F]),
    *(b"\n", b"a\r\nb", b"a\0b\x01", b"\x7f"),
]


@every_version
@pytest.mark.parametrize("name", BAD_NAMES)
def test_invalid_names(version: int, name: bytes) -> None:
    fields = [(b"accept", b"1"), (name, b"2")]
    peer = Peer(version)
    assert found(peer.fields(*fields)) == (INVALID, fields)
    assert peer.fields((b"a", b"b")).verdict == VALID


@every_version
@pytest.mark.parametrize("value", BAD_VALUES)
def test_invalid_values(version: int, value: bytes) -> None:
    peer = Peer(version)
    block = peer.fields((b"accept", b"1"), (b"x", value), (b"y", b"3"))
    pieces = [(b"x", piece) for piece in value.split(b"\0")]
    assert found(block) == (INVALID, [(b"accept", b"1"), *pieces, (b"y", b"3")])
    assert peer.fields((b"a", b"b")).verdict == VALID


@every_version
@pytest.mark.parametrize("second", [b"1", b"2", b"2\x003"])
def test_a_name_may_stand_in_one_pair_only(version: int, second: bytes) -> None:
    block = Peer(version).fields((b"a", b"1"), (b"b", b"0"), (b"a", second))
    pieces = [(b"a", piece) for piece in second.split(b"\0")]
    assert found(block) == (INVALID, [(b"a", b"1"), (b"b", b"0"), *pieces])


def test_an_invalid_block_shows_the_names_of_the_wire() -> None:
    fields = [(b"url", b"/"), (b"X", b"")]
    assert found(Peer(SPDY2).fields(*fields)) == (INVALID, fields)


GOOD = [(b"a", b"1"), (b"b", b"2")]


@every_version
@pytest.mark.parametrize(
    "damage",
    [
        lambda raw, size: b"",
        lambda raw, size: raw[:1],
        lambda raw, size: raw[: size - 1],
        lambda raw, size: raw[:size],
        lambda raw, size: raw[: size + 1],
        lambda raw, size: raw[: 2 * size],
        lambda raw, size: raw[:-1],
        lambda raw, size: raw[: -1 - size],
        lambda raw, size: raw + b"\0",
        lambda raw, size: raw + raw[size:],
        lambda raw, size: bytes(size) + raw[size:],
        lambda raw, size: b"\xff" * size + raw[size:],
        lambda raw, size: (3).to_bytes(size, "big") + raw[size:],
        lambda raw, size: (1).to_bytes(size, "big") + raw[size:],
        lambda raw, size: raw[:size] + b"\xff" * size + raw[2 * size :],
        lambda raw, size: raw[: 2 * size + 1] + b"\xff" * size + raw[3 * size + 1 :],
    ],
    ids=[
        *("nothing", "an octet", "part of the count", "count only", "part of a length"),
        *("a length only", "an octet short", "the last length is missing", "an octet left over"),
        *("pairs left over", "count 0", "count of ones", "count too high", "count too low"),
        *("endless name", "endless value"),
    ],
)
def test_counts_and_lengths_that_do_not_add_up(
    version: int, damage: Callable[[bytes, int], bytes]
) -> None:
    peer = Peer(version)
    raw = damage(pairs(GOOD, version), 2 if version == SPDY2 else 4)
    block = peer.raw(raw)
    assert found(block) == (MALFORMED, [])
    assert block.inflated == len(raw)
    assert found(peer.fields(*GOOD)) == (VALID, GOOD)


@every_version
def test_no_octets_at_all_are_no_block(version: int) -> None:
    assert Inflater(version, Limits()).block(b"").verdict == MALFORMED


def test_the_frames_version_says_how_wide_lengths_are() -> None:
    """A frame may say another version than its session has; what it means is the session's."""
    fields = [(b"url", b"/")]
    for version in VERSIONS:
        peer = Peer(version)
        foreign = SPDY3 if version == SPDY2 else SPDY2
        block = peer.inflater.block(peer.compressed(pairs(fields, foreign)), foreign)
        name = b":path" if version == SPDY2 else b"url"
        assert found(block) == (VALID, [(name, b"/")])
        assert peer.inflater.block(peer.compressed(pairs(fields, version)), foreign).fields == []
        assert peer.fields(*fields).verdict == VALID


# ------------------------------------------------------------------------------------------------
# zlib's own faults.


@every_version
def test_a_stream_may_do_without_the_dictionary(version: int) -> None:
    inflater = Inflater(version, Limits())
    other = zlib.compressobj()
    for _ in range(3):
        block = other.compress(pairs(GOOD, version)) + other.flush(zlib.Z_SYNC_FLUSH)
        assert found(inflater.block(block)) == (VALID, GOOD)


def one_stream(version: int, zdict: bytes, mode: int = zlib.Z_SYNC_FLUSH) -> bytes:
    stream = zlib.compressobj(zdict=zdict)
    return stream.compress(pairs(GOOD, version)) + stream.flush(mode)


@every_version
@pytest.mark.parametrize(
    "block",
    [
        lambda version: one_stream(version, dictionary(SPDY3 if version == SPDY2 else SPDY2)),
        lambda version: one_stream(version, b"another dictionary"),
        lambda version: one_stream(version, dictionary(version), zlib.Z_FINISH),
        lambda version: one_stream(version, dictionary(version), zlib.Z_FINISH) + b"more",
        lambda version: b"\x78\x9d" + one_stream(version, dictionary(version))[2:],
        lambda version: one_stream(version, dictionary(version))[:6] + b"\xff" * 20,
        lambda version: b"GET / HTTP/1.1\r\n\r\n",
    ],
    ids=[
        *("another version's dictionary", "another dictionary", "end of the stream"),
        *("octets after the end", "header", "no deflate", "no zlib"),
    ],
)
def test_a_stream_that_is_broken_stays_broken(version: int, block: Callable[[int], bytes]) -> None:
    inflater = Inflater(version, Limits())
    assert found(inflater.block(block(version))) == (ZLIB, [])
    assert found(inflater.block(one_stream(version, dictionary(version)))) == (ZLIB, [])


def test_half_a_header_of_zlib_is_not_yet_a_fault_of_zlib() -> None:
    inflater = Inflater(SPDY3, Limits())
    assert inflater.block(b"\xff").verdict == MALFORMED
    assert inflater.block(b"\xff").verdict == ZLIB


@every_version
def test_a_later_block_may_be_the_broken_one(version: int) -> None:
    peer = Peer(version)
    assert peer.fields(*GOOD).verdict == VALID
    assert peer.inflater.block(b"\xff" * 10).verdict == ZLIB
    assert peer.fields(*GOOD).verdict == ZLIB


# ------------------------------------------------------------------------------------------------
# Limits.


@every_version
@pytest.mark.parametrize(("size", "verdict"), [(1000, VALID), (1001, TOO_LARGE)])
def test_the_largest_block(version: int, size: int, verdict: int) -> None:
    peer = Peer(version, max_block_octets=1000)
    value = b"v" * (size - len(pairs([(b"a", b"")], version)))
    block = peer.fields((b"a", value))
    assert block.verdict == verdict
    assert block.inflated == size
    assert block.fields == ([(b"a", value)] if verdict == VALID else [])
    assert found(peer.fields(*GOOD)) == (VALID, GOOD)


@every_version
@pytest.mark.parametrize("level", [0, 9])
@pytest.mark.parametrize("size", [1001, 33_768, 33_769, 33_770, 66_536, 66_537, 66_538, 500_000])
def test_a_block_that_is_too_large_is_run_through_to_its_end(
    version: int, level: int, size: int
) -> None:
    peer = Peer(version, level, max_block_octets=1000)
    block = peer.raw(bytes(size))
    assert found(block) == (TOO_LARGE, [])
    assert block.inflated == size
    assert found(peer.fields(*GOOD)) == (VALID, GOOD)


@every_version
def test_the_number_of_headers(version: int) -> None:
    fields = [(f"n{at}".encode(), b"v") for at in range(11)]
    peer = Peer(version, max_fields=10)
    assert found(peer.fields(*fields[:10])) == (VALID, fields[:10])
    assert found(peer.fields(*fields)) == (TOO_LARGE, [])
    assert found(peer.fields(*GOOD)) == (VALID, GOOD)


@every_version
def test_the_number_of_headers_after_values_are_parted(version: int) -> None:
    peer = Peer(version, max_fields=10)
    nine = b"\0".join([b"v"] * 9)
    assert found(peer.fields((b"a", nine), (b"b", b"1"))) == (
        VALID,
        [(b"a", b"v")] * 9 + [(b"b", b"1")],
    )
    assert found(peer.fields((b"a", nine), (b"b", b"1\x002"))) == (TOO_LARGE, [])
    assert found(peer.fields((b"a", nine), (b"a", nine))) == (TOO_LARGE, [])
    assert found(peer.fields((b"a", b"\0" * 50_000))) == (TOO_LARGE, [])
    assert found(peer.fields(*GOOD)) == (VALID, GOOD)


@every_version
def test_too_many_headers_still_have_to_add_up(version: int) -> None:
    fields = [(f"n{at}".encode(), b"v") for at in range(11)]
    peer = Peer(version, max_fields=10)
    raw = pairs(fields, version)
    assert peer.raw(raw + b"\0").verdict == MALFORMED
    assert peer.raw(raw[:-1]).verdict == MALFORMED
    assert peer.raw(pairs(fields, version, count=12)).verdict == MALFORMED
    assert peer.raw(pairs([], version, count=65_535)).verdict == MALFORMED
    assert peer.raw(raw).verdict == TOO_LARGE


def bomb(version: int, size: int) -> tuple[bytes, bytes]:
    """Two blocks: one that is tiny on the wire and inflates to `size`, and an ordinary one."""
    peer = Peer(version, 9)
    begin, again = (
        peer.zlib.compress(bytes(MIB)) + peer.zlib.flush(zlib.Z_FULL_FLUSH) for _ in range(2)
    )
    # after a full flush zlib looks back at nothing, so that the second part can be repeated
    first = begin + again * (size // MIB - 1)
    return first, peer.compressed(pairs(GOOD, version))


def test_a_bomb_within_the_limit_costs_no_memory_and_spoils_nothing() -> None:
    first, second = bomb(SPDY3, 16 * MIB)
    assert len(first) < 20_000
    inflater = Inflater(SPDY3, Limits())
    tracemalloc.start()
    try:
        block = inflater.block(first)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert found(block) == (TOO_LARGE, [])
    assert block.inflated == 16 * MIB
    assert peak < 4 * 65_536
    assert found(inflater.block(second)) == (VALID, GOOD)


def test_a_bomb_beyond_the_limit_is_not_inflated_to_its_end() -> None:
    first, second = bomb(SPDY3_1, 300 * MIB)
    inflater = Inflater(SPDY3_1, Limits(max_inflated_octets=MIB))
    block = inflater.block(first)
    assert found(block) == (BOMB, [])
    assert MIB < block.inflated <= MIB + 32_768
    assert found(inflater.block(second)) == (ZLIB, [])


@pytest.mark.parametrize(("enough", "verdict"), [(4999, BOMB), (5000, TOO_LARGE)])
def test_where_a_bomb_begins(enough: int, verdict: int) -> None:
    peer = Peer(max_block_octets=1000, max_inflated_octets=enough)
    assert peer.raw(bytes(5000)).verdict == verdict


def test_the_smaller_limit_holds() -> None:
    peer = Peer(max_block_octets=1000, max_inflated_octets=100)
    assert peer.fields((b"a", b"v" * 87)).verdict == VALID
    assert peer.fields((b"a", b"v" * 88)).verdict == BOMB


@pytest.mark.parametrize("size", [900, 1100, 5000])
def test_a_stream_that_ends_within_a_large_block_is_broken(size: int) -> None:
    inflater = Inflater(SPDY3, Limits(max_block_octets=1000))
    assert inflater.block(zlib.compress(bytes(size))).verdict == ZLIB
    assert inflater.block(one_stream(SPDY3, dictionary(SPDY3))).verdict == ZLIB


def test_a_stream_that_breaks_within_a_large_block_is_broken() -> None:
    peer = Peer(level=0, max_block_octets=1000)
    octets = peer.compressed(bytes(200_000))
    assert peer.inflater.block(octets + b"\xff" * 10).verdict == ZLIB
    assert peer.fields(*GOOD).verdict == ZLIB


# ------------------------------------------------------------------------------------------------
# Whatever comes.

names = st.one_of(
    st.sampled_from([*TO_SPDY2, b"accept", b"Cookie", b"x"]),
    st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), min_size=1, max_size=8).map(
        str.encode
    ),
)
values = st.one_of(
    st.sampled_from([b"", b"1", b"1\x002", b"GET"]),
    st.binary(max_size=40)
    .map(lambda octets: bytes(o for o in octets if o == 9 or o >= 32))
    .map(lambda octets: octets.replace(b"\x7f", b"")),
)
field_lists = st.lists(st.tuples(names, values), max_size=10)


def as_received(fields: list[Field], version: int) -> list[Field]:
    """What the receiver has of a normalised list: no empty values beside others, wire order."""
    by_name: dict[bytes, list[bytes]] = {}
    for name, value in fields:
        if version == SPDY2 and name in TO_SPDY2:
            name = TO_SPDY2[name]
        by_name.setdefault(name, []).append(value)
    back = {old: new for new, old in TO_SPDY2.items()} if version == SPDY2 else {}
    result = []
    for name, listed in sorted(by_name.items()):
        kept = [value for value in listed if value] or [b""]
        result += [(back.get(name, name), value) for value in kept]
    return result


@given(st.sampled_from(VERSIONS), st.sampled_from(ROLES), st.lists(field_lists, max_size=5))
def test_what_is_sent_is_received(version: int, role: Role, life: list[list[Field]]) -> None:
    deflater, inflater = Deflater(version, role), Inflater(version, Limits())
    for fields in life:
        listed = normalise(fields)
        check_fields(listed, version)
        block = inflater.block(deflater.block(listed, NO_LIMIT))
        assert found(block) == (VALID, as_received(listed, version))


@given(st.sampled_from(VERSIONS), st.lists(st.binary(max_size=200), max_size=4))
def test_any_octets_get_a_verdict(version: int, blocks: list[bytes]) -> None:
    limits = Limits(max_block_octets=100, max_inflated_octets=1000, max_fields=4)
    inflater = Inflater(version, limits)
    peer = Peer(version, max_block_octets=100, max_inflated_octets=1000, max_fields=4)
    for octets in blocks:
        for block in (inflater.block(octets), peer.raw(octets)):
            assert block.verdict in (VALID, INVALID, TOO_LARGE, MALFORMED, ZLIB, BOMB)
            assert block.fields == [] or block.verdict in (VALID, INVALID)
            assert len(block.fields) <= 4


def is_valid(name: bytes, value: bytes) -> bool:
    """Section by section what the drafts say of a pair, octet by octet."""
    if not name or any(o < 0x20 or o > 0x7E or 0x41 <= o <= 0x5A for o in name):
        return False
    pieces = value.split(b"\0")
    if len(pieces) > 1 and not all(pieces):
        return False
    return all(o == 9 or (o >= 0x20 and o != 0x7F) for piece in pieces for o in piece)


few_octets = st.binary(max_size=6)
odd_octets = st.lists(st.sampled_from([0, 1, 9, 10, 32, 65, 97, 126, 127, 128, 255]), max_size=6)
any_pairs = st.lists(
    st.tuples(
        st.one_of(names, few_octets, odd_octets.map(bytes)),
        st.one_of(values, few_octets, odd_octets.map(bytes)),
    ),
    max_size=5,
)


@given(st.sampled_from([SPDY3, SPDY3_1]), any_pairs)
def test_a_block_is_valid_when_its_pairs_are(version: int, listed: list[Field]) -> None:
    unique = len({name for name, _ in listed}) == len(listed)
    valid = unique and all(is_valid(*pair) for pair in listed)
    block = Peer(version).fields(*listed)
    split = [(name, piece) for name, value in listed for piece in value.split(b"\0")]
    assert found(block) == (VALID if valid else INVALID, split)


@given(st.sampled_from(VERSIONS), any_pairs, st.data())
def test_a_block_that_is_cut_does_not_add_up(
    version: int, listed: list[Field], data: st.DataObject
) -> None:
    raw = pairs(listed, version)
    cut = data.draw(st.integers(0, len(raw) - 1))
    assert Peer(version).raw(raw[:cut]).verdict == MALFORMED


@given(st.sampled_from(VERSIONS), st.lists(st.integers(0, 2**32 - 1), max_size=6))
def test_any_counts_and_lengths(version: int, numbers: list[int]) -> None:
    kind = ">H" if version == SPDY2 else ">I"
    most = 2 ** (8 * struct.calcsize(kind))
    raw = b"".join(struct.pack(kind, number % most) for number in numbers)
    peer = Peer(version)
    assert peer.raw(raw).verdict in (VALID, INVALID, MALFORMED)
    assert peer.fields(*GOOD).verdict == VALID
