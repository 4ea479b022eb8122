"""Header blocks: names and values with their lengths, compressed (SPDY/3 §2.6.10).

Every header block of one direction is a part of one zlib stream, ended by a sync flush. So the
blocks have to be inflated in the order they came, each one, whoever has a use for it; and
a block that was compressed has to be sent. Hence the care here for what goes wrong: what a
``Deflater`` refuses has not touched its state, and an ``Inflater`` runs through a block that is too
large without keeping it. A stream that broke cannot be mended: that ends the session.

zlib's state costs tens of kilobytes: it is made when the first block comes.
"""

from __future__ import annotations

import struct
import zlib
from struct import Struct

from ..http2.constants import Role
from .constants import SPDY2
from .dictionaries import dictionary
from .errors import FrameTooLargeError, InvalidFieldError
from .limits import Limits
from .names import (
    Field,
    are_distinct_in_spdy3,
    are_valid_names,
    are_valid_values,
    merge,
    odd_octets,
    split,
    to_spdy2,
    to_spdy3,
)

# What was found of a received block.
VALID = 0
"""It is in order."""
INVALID = 1
"""It could be read, but a name or value breaks a rule."""
TOO_LARGE = 2
"""It was read over, since it is beyond a limit."""
MALFORMED = 3
"""Counts and lengths do not add up."""
ZLIB = 4
"""It is not what zlib can go on with; nor is any block after it."""
BOMB = 5
"""It went on inflating until we had enough of it; no block after it can be read."""

_WINDOW_BITS = 11
_MEMORY_LEVEL = 1
_PIECE = 32_768

# Counts and lengths: 16 bits in SPDY/2, 32 bits later.
_NUMBER_2 = Struct(">H")
_NUMBER_3 = Struct(">I")
_MOST_IN_SPDY2 = 65_535


def check_fields(fields: list[Field], version: int) -> None:
    """Check that a header block of this version has room for normalised headers.

    :raises InvalidFieldError: for what SPDY/2 cannot say in 16 bits: a name, or the joined values
        of a name, above 65,535 octets, or more names than that.
    """
    if version != SPDY2:
        return
    if sum([len(name) + len(value) + 1 for name, value in fields]) <= _MOST_IN_SPDY2:
        return
    merged = merge(to_spdy2(fields))
    longest = max([max(len(name), len(value)) for name, value in merged.items()])
    if max(longest, len(merged)) > _MOST_IN_SPDY2:
        raise InvalidFieldError("a header is larger than SPDY/2 can say")


class Deflater:
    """Makes the header blocks of one direction of a session.

    :param version: the protocol version.
    :param role: which end sends. The parameters are spdylay's: servers compress as well as zlib
        can, clients do not compress at all, so that nobody who has a say in a request can learn
        from its length what else is in it (the CRIME attack). Windows are small in both.
    """

    __slots__ = ("_level", "_number", "_stream", "_version")

    def __init__(self, version: int, role: int) -> None:
        self._version = version
        self._number = _NUMBER_2 if version == SPDY2 else _NUMBER_3
        self._level = 0 if role == Role.CLIENT else 9
        self._stream: zlib._Compress | None = None

    def block(self, fields: list[Field], most: int) -> bytes:
        """Return headers as the next block.

        :param fields: the headers, as ``normalise`` returns them and ``check_fields`` accepts them.
        :param most: how many octets the block may have.
        :raises FrameTooLargeError: for a block beyond ``most``.
        """
        raw = self._serialize(fields)
        stream = self._stream
        if stream is None:
            stream = self._stream = zlib.compressobj(
                self._level,
                zlib.DEFLATED,
                _WINDOW_BITS,
                _MEMORY_LEVEL,
                zlib.Z_DEFAULT_STRATEGY,
                dictionary(self._version),
            )
        # The most that deflate makes of octets it cannot compress, with room to spare. Only then
        # is a copy worth its while, that can be thrown away.
        if len(raw) + (len(raw) >> 2) + 64 > most:
            return self._block_on_trial(stream.copy(), raw, most)
        return stream.compress(raw) + stream.flush(zlib.Z_SYNC_FLUSH)

    def _block_on_trial(self, stream: zlib._Compress, raw: bytes, most: int) -> bytes:
        """Compress with a copy of the state, that takes its place if the block is not too large."""
        block = stream.compress(raw) + stream.flush(zlib.Z_SYNC_FLUSH)
        if len(block) > most:
            raise FrameTooLargeError(f"a header block of {len(block)} octets fits into no frame")
        self._stream = stream
        return block

    def _serialize(self, fields: list[Field]) -> bytes:
        """Return the block before compression."""
        if self._version == SPDY2:
            fields = to_spdy2(fields)
        merged = dict(fields)
        if len(merged) != len(fields):
            merged = merge(fields)
        pack = self._number.pack
        parts = [pack(len(merged))]
        for name, value in merged.items():
            parts += (pack(len(name)), name, pack(len(value)), value)
        return b"".join(parts)


class InflatedBlock:
    """What came of a received header block.

    :ivar verdict: ``VALID`` or what is wrong with it.
    :ivar fields: the headers, one for each value, in the order of the wire. An ``INVALID`` block
        shows them by the names on the wire; with the other verdicts there are none.
    :ivar inflated: octets that were inflated, kept or not.
    """

    __slots__ = ("fields", "inflated", "verdict")

    def __init__(self, verdict: int, fields: list[Field], inflated: int) -> None:
        self.verdict = verdict
        self.fields = fields
        self.inflated = inflated


class Inflater:
    """Reads the header blocks of one direction of a session.

    It holds ``max_block_octets`` of one block and what is made of them, or a piece of 32 KiB while
    it runs through a larger one.

    :param version: the protocol version.
    :param limits: what a peer may do; ``max_fields``, ``max_block_octets`` and
        ``max_inflated_octets`` are meant.
    """

    __slots__ = ("_broken", "_enough", "_max_fields", "_most", "_stream", "_version")

    def __init__(self, version: int, limits: Limits) -> None:
        self._version = version
        self._max_fields = limits.max_fields
        self._enough = limits.max_inflated_octets
        self._most = min(limits.max_block_octets, limits.max_inflated_octets)
        self._stream: zlib._Decompress | None = None
        self._broken = False

    def block(self, data: bytes, wire_version: int | None = None) -> InflatedBlock:
        """Take the next block; never raises for what the peer sent.

        Blocks of frames that are ignored or refused have to pass here too.

        :param data: the compressed block, whole.
        :param wire_version: the version that the frame says, if it is not the session's: counts and
            lengths have the size that this version gives them.
        """
        if self._broken:
            return InflatedBlock(ZLIB, [], 0)
        stream = self._stream
        try:
            if stream is None:
                # Windows of any size. A stream that does not ask for the dictionary does without.
                stream = zlib.decompressobj(zlib.MAX_WBITS, dictionary(self._version))
                self._stream = stream
            raw = stream.decompress(data, self._most + 1)
            if len(raw) > self._most:
                del raw  # the peer's waste of memory ends here
                return self._run_through(stream, self._most + 1)
        except zlib.error:
            return self._break(ZLIB, 0)
        if stream.eof:
            return self._break(ZLIB, len(raw))
        narrow = (wire_version or self._version) == SPDY2
        return self._parse(raw, _NUMBER_2 if narrow else _NUMBER_3)

    def _run_through(self, stream: zlib._Decompress, inflated: int) -> InflatedBlock:
        """Inflate the rest of a block that is too large, piece by piece, and keep nothing."""
        last = _PIECE
        while inflated <= self._enough and not stream.eof:
            if last < _PIECE:
                return InflatedBlock(TOO_LARGE, [], inflated)
            last = len(stream.decompress(stream.unconsumed_tail, _PIECE))
            inflated += last
        return self._break(ZLIB if stream.eof else BOMB, inflated)

    def _break(self, verdict: int, inflated: int) -> InflatedBlock:
        """Give up: what comes after this cannot be read."""
        self._broken = True
        self._stream = None
        return InflatedBlock(verdict, [], inflated)

    def _parse(self, raw: bytes, number: Struct) -> InflatedBlock:
        """Read a block that is inflated, with counts and lengths of this size."""
        unpack = number.unpack_from
        width = number.size
        pairs: dict[bytes, bytes] = {}
        try:
            (count,) = unpack(raw)
            if count > self._max_fields:
                return _read_over(raw, number, count)
            at = width
            for _ in range(count):
                start = at + width
                middle = start + unpack(raw, at)[0]
                name = raw[start:middle]
                start = middle + width
                at = start + unpack(raw, middle)[0]
                pairs[name] = raw[start:at]
        except struct.error:
            return InflatedBlock(MALFORMED, [], len(raw))
        if at != len(raw):
            return InflatedBlock(MALFORMED, [], len(raw))
        return self._check(raw, number, count, pairs)

    def _check(
        self, raw: bytes, number: Struct, count: int, pairs: dict[bytes, bytes]
    ) -> InflatedBlock:
        """Check names and values, and part the values."""
        size = len(raw)
        odd = odd_octets(b"".join(pairs.values()))
        if not odd and len(pairs) == count and are_valid_names(pairs):
            fields = list(pairs.items())
        else:
            # All of them: of names that stand there twice `pairs` has only one.
            wire = _pairs(raw, number, count)
            if count + sum([value.count(0) for _, value in wire]) > self._max_fields:
                return InflatedBlock(TOO_LARGE, [], size)
            fields = split(wire)
            valid = are_valid_names(pairs) and are_valid_values(pairs.values(), odd)
            if len(pairs) != count or not valid:
                return InflatedBlock(INVALID, fields, size)
        if self._version == SPDY2:
            if not are_distinct_in_spdy3(pairs.keys()):
                return InflatedBlock(INVALID, fields, size)
            fields = to_spdy3(fields)
        return InflatedBlock(VALID, fields, size)


def _read_over(raw: bytes, number: Struct, count: int) -> InflatedBlock:
    """Look whether a block with too many pairs is well-formed otherwise."""
    at = number.size
    for _ in range(2 * count):
        at += number.size + number.unpack_from(raw, at)[0]
    return InflatedBlock(TOO_LARGE if at == len(raw) else MALFORMED, [], len(raw))


def _pairs(raw: bytes, number: Struct, count: int) -> list[Field]:
    """Read a block that is known to be well-formed, with pairs of equal names."""
    at = number.size
    strings: list[bytes] = []
    for _ in range(2 * count):
        start = at + number.size
        at = start + number.unpack_from(raw, at)[0]
        strings.append(raw[start:at])
    return list(zip(strings[::2], strings[1::2], strict=True))
