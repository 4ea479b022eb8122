"""Integers with a prefix (RFC 7541 §5.1).

An integer starts in the low bits of an octet whose high bits say what follows. When it does not
fit there, the prefix is all ones and octets of seven bits follow, the least significant first.
The decoder deals with an integer that fits the prefix itself.

The RFC leaves it to the implementation how large an integer may be. Here it is 2**32 - 1, in at
most five octets after the prefix: no length or index that makes sense is beyond.
"""

from __future__ import annotations

from .errors import InvalidIntegerError, TruncatedBlockError

#: The largest integer that is written or accepted.
MAX_INTEGER = 2**32 - 1

# The same, an integer of C where this module is compiled.
_MAX = MAX_INTEGER


def decode_continued(data: bytes, at: int, prefix: int) -> int:
    """Decodes an integer whose prefix was all ones.

    Two numbers come back in one int, which costs neither variant of the code an object.

    Args:
        data: The field block.
        at: Where the octets after the prefix start.
        prefix: The value of the full prefix, 2**bits - 1.

    Returns:
        The position after the integer times 2**32, plus the integer.

    Raises:
        TruncatedBlockError: The block ends within the integer.
        InvalidIntegerError: The integer is above 2**32 - 1, or has too many octets.
    """
    value = prefix
    shift = 0
    end = len(data)
    while shift < 35:
        if at >= end:
            raise TruncatedBlockError("the block ends within an integer")
        octet = data[at]
        at += 1
        value += (octet & 0x7F) << shift
        if octet < 0x80:
            if value > _MAX:
                break
            packed = at
            return packed << 32 | value
        shift += 7
    raise InvalidIntegerError("an integer is above 2**32 - 1 or has too many octets")


def encode_integer(out: bytearray, at: int, first: int, prefix: int, value: int) -> int:
    """Writes an integer into `out` at `at`, where six octets must be free.

    Args:
        out: The buffer.
        at: Where to start.
        first: The first octet, with the bits of the prefix zero.
        prefix: The value of the full prefix, 2**bits - 1.
        value: The integer, 0 to 2**32 - 1.

    Returns:
        The position after the integer.
    """
    if value < prefix:
        out[at] = first | value
    else:
        out[at] = first | prefix
        value -= prefix
        while value >= 0x80:
            at += 1
            out[at] = value & 0x7F | 0x80
            value >>= 7
        at += 1
        out[at] = value
    return at + 1
