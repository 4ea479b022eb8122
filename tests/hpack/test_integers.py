from __future__ import annotations

import pytest

from plait.hpack import InvalidIntegerError, TruncatedBlockError
from plait.hpack.integers import MAX_INTEGER, decode_continued, encode_integer

PREFIXES = [2**bits - 1 for bits in range(1, 9)]
VALUES = sorted(
    {0, 1, 2, MAX_INTEGER - 1, MAX_INTEGER}
    | {2**bits + near for bits in range(2, 32) for near in (-1, 0, 1)}
    | {
        prefix + 2**bits + near
        for prefix in PREFIXES
        for bits in (7, 14, 21, 28)
        for near in (-1, 0)
    }
)


@pytest.mark.parametrize("prefix", PREFIXES)
def test_what_is_written_is_read(prefix: int) -> None:
    for value in VALUES:
        out = bytearray(b"before??????after")
        end = encode_integer(out, 6, 0, prefix, value)
        assert out.startswith(b"before")
        assert out.endswith(b"?" * (12 - end) + b"after")
        if value < prefix:
            assert (out[6], end) == (value, 7)
        else:
            assert out[6] == prefix
            packed = decode_continued(bytes(out), 7, prefix)
            assert (packed >> 32, packed & MAX_INTEGER) == (end, value)


def test_the_bits_before_the_prefix_are_kept() -> None:
    out = bytearray(3)
    assert encode_integer(out, 0, 0xE0, 0x1F, 3) == 1
    assert encode_integer(out, 1, 0xE0, 0x1F, 31) == 3
    assert out.hex() == "e3ff00"


def test_zeros_after_the_last_digit_are_read() -> None:
    # RFC 7541 §5.1 does not ask for the shortest form.
    assert decode_continued(bytes.fromhex("8080808000"), 0, 31) == 5 << 32 | 31


@pytest.mark.parametrize(
    "octets",
    [
        "e1ffffff0f",  # 2**32 with a prefix of 31
        "ffffffff7f",
        "808080808000",  # a sixth octet
        "80" * 1000,
    ],
)
def test_what_is_too_large_or_too_long_is_refused(octets: str) -> None:
    with pytest.raises(InvalidIntegerError):
        decode_continued(bytes.fromhex(octets), 0, 31)


def test_the_largest_integer_is_accepted() -> None:
    assert decode_continued(bytes.fromhex("e0ffffff0f"), 0, 31) == 5 << 32 | MAX_INTEGER


@pytest.mark.parametrize("octets", ["", "80", "ff80", "80808080"])
def test_an_integer_that_ends_early_is_refused(octets: str) -> None:
    with pytest.raises(TruncatedBlockError):
        decode_continued(bytes.fromhex(octets), 0, 31)
