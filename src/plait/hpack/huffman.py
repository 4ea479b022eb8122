"""Huffman-coded strings (RFC 7541 §5.2, Appendix B).

Both directions keep a bounded number of bits in an integer, so that the cost is linear in the
length of the string. Decoding looks up the next eight bits: nearly every symbol of a real field
has a code no longer than that. For the rest, the code being canonical, thirty bits are compared
with the end of each longer length in turn.
"""

from __future__ import annotations

from .errors import HuffmanEOSError, HuffmanPaddingError
from .huffman_table import (
    CODES,
    LENGTHS,
    LONG_ENDS,
    LONG_LENGTHS,
    LONG_OFFSETS,
    SHORT_PREFIXES,
    SYMBOLS,
)

# Arrays of C where this module is compiled.
_codes = CODES
_lengths = LENGTHS
_short_prefixes = SHORT_PREFIXES
_symbols = SYMBOLS
_long_lengths = LONG_LENGTHS
_long_ends = LONG_ENDS
_long_offsets = LONG_OFFSETS


# Buffers to decode into, taken while in use. A string that does not fit gets one of its own, and
# so does a thread when none is left. (A list of one would be reallocated each time it is emptied.)
_SPARE_SIZE = 1024
_spare = [bytearray(_SPARE_SIZE) for _ in range(4)]

# Bits that the integer in hand may have: all that one of C has.
_HELD = 2**64 - 1


def huffman_length(data: bytes) -> int:
    """How many octets `data` takes when coded."""
    bits = 7
    for octet in data:
        bits += _lengths[octet]
    return bits >> 3


def encode_huffman(out: bytearray, at: int, data: bytes) -> int:
    """Writes the coded `data` into `out` at `at`, padded with ones to whole octets.

    Args:
        out: The buffer; `huffman_length(data)` octets must be free.
        at: Where to start.
        data: The string.

    Returns:
        The position after the string.
    """
    held = 0
    bits = 0
    one = 1
    for octet in data:
        length = _lengths[octet]
        held = held << length | _codes[octet]
        bits += length
        if bits >= 32:
            bits -= 32
            word = held >> bits
            held &= (one << bits) - 1
            out[at] = word >> 24 & 0xFF
            out[at + 1] = word >> 16 & 0xFF
            out[at + 2] = word >> 8 & 0xFF
            out[at + 3] = word & 0xFF
            at += 4
    while bits >= 8:
        bits -= 8
        out[at] = held >> bits & 0xFF
        at += 1
    if bits:
        # RFC 7541 §5.2: padded with the most significant bits of EOS, which are ones.
        out[at] = (held << (8 - bits) | 0xFF >> bits) & 0xFF
        at += 1
    return at


def decode_huffman(data: bytes, at: int, end: int) -> bytes:
    """Decodes the string that lies in `data` from `at` to `end`.

    Raises:
        HuffmanPaddingError: The padding is longer than 7 bits, or not all ones.
        HuffmanEOSError: The end-of-string symbol is in the string.
    """
    # The shortest code has five bits.
    most = (end - at) * 8 // 5
    if most > _SPARE_SIZE:
        out = bytearray(most)
    elif _spare:
        out = _spare.pop()
    else:
        out = bytearray(_SPARE_SIZE)
    size = 0
    held = 0
    bits = 0
    while at < end:
        if end - at >= 4:
            word = data[at]
            word = word << 8 | data[at + 1]
            word = word << 8 | data[at + 2]
            word = word << 8 | data[at + 3]
            held = (held << 32 | word) & _HELD
            bits += 32
            at += 4
        else:
            while at < end:
                held = (held << 8 | data[at]) & _HELD
                bits += 8
                at += 1
        # Thirty bits hold any code. Where the string ends, ones stand in for what would follow.
        while bits >= 30 or at == end:
            if bits >= 8:
                found = _short_prefixes[held >> (bits - 8) & 0xFF]
            else:
                found = _short_prefixes[(held << (8 - bits) | 0xFF >> bits) & 0xFF]
            if found == 0:
                found = _decode_long(held, bits)
            length = found >> 8
            if length > bits:
                break
            out[size] = found & 0xFF
            size += 1
            bits -= length
    padding = (1 << bits) - 1
    # RFC 7541 §5.2: padding longer than 7 bits, or other than the start of EOS, MUST be an error.
    if bits > 7 or held & padding != padding:
        raise HuffmanPaddingError("bad padding of a Huffman-coded string")
    start = out
    # Compiled, `start` is a pointer and its slice is the result; plain, the sum is.
    text = b"" + start[:size]
    # Only now: another thread may take the buffer at once.
    if most <= _SPARE_SIZE:
        _spare.append(out)
    return text


def _decode_long(held: int, bits: int) -> int:
    """Length * 256 + symbol of the code of more than eight bits that `held` starts with."""
    if bits >= 30:
        window = held >> (bits - 30) & 0x3FFFFFFF
    else:
        window = (held << (30 - bits) | 0x3FFFFFFF >> bits) & 0x3FFFFFFF
    kind = 0
    while window >= _long_ends[kind]:
        kind += 1
    length = _long_lengths[kind]
    symbol = _symbols[(window >> (30 - length)) + _long_offsets[kind]]
    if symbol == 256:
        # RFC 7541 §5.2: a string that contains EOS MUST be treated as a decoding error.
        if bits >= 30:
            raise HuffmanEOSError("the end-of-string symbol in a Huffman-coded string")
        return 30 << 8
    return length << 8 | symbol
