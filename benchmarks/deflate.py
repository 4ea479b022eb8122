"""What zlib alone costs of a SPDY conversation: the header blocks that were on the line, again.

zlib is in the standard library and in C, and nothing that speaks SPDY does without it: each block
is compressed by who sends it and decompressed by who gets it.
"""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Sequence

from benchmarks.pairs import SpdyPair

#: Where the header block begins in the payload of SYN_STREAM and SYN_REPLY, by wire version.
_HEADS = {(2, 1): 10, (3, 1): 10, (2, 2): 6, (3, 2): 4}

_LEVELS = (0, 9)  # of a client, and of a server: spdylay's, and so plait's


def header_blocks(data: bytes) -> Iterator[bytes]:
    """The compressed blocks of the whole frames in `data`."""
    at = 0
    while at < len(data):
        end = at + 8 + int.from_bytes(data[at + 5 : at + 8], "big")
        if data[at] & 0x80:
            version = int.from_bytes(data[at : at + 2], "big") & 0x7FFF
            head = _HEADS.get((version, int.from_bytes(data[at + 2 : at + 4], "big")))
            if head is not None:
                yield data[at + 8 + head : end]
        at = end


def _inflate(blocks: Sequence[bytes], dictionary: bytes) -> list[bytes]:
    inflate = zlib.decompressobj(zdict=dictionary).decompress
    return [inflate(block) for block in blocks]


def _deflate(blocks: Sequence[bytes], dictionary: bytes, level: int) -> None:
    deflate = zlib.compressobj(level, zlib.DEFLATED, 11, 1, zlib.Z_DEFAULT_STRATEGY, dictionary)
    for block in blocks:
        deflate.compress(block)
        deflate.flush(zlib.Z_SYNC_FLUSH)


def zlib_ns(pair: SpdyPair, fields: str, exchanges: int, each: int) -> float:
    """CPU nanoseconds of zlib per exchange: both blocks compressed and decompressed."""
    pair.open(fields)
    pair.wire = ([], [])
    for _ in range(exchanges):
        pair.exchange(each)
    sides = [[block for data in said for block in header_blocks(data)] for said in pair.wire]
    dictionary = pair.dictionary()
    spent = 0
    for blocks, level in zip(sides, _LEVELS, strict=True):
        start = time.process_time_ns()
        plain = _inflate(blocks, dictionary)
        _deflate(plain, dictionary, level)
        spent += time.process_time_ns() - start
    return spent / (exchanges * each)
