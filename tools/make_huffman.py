"""Writes `src/plait/hpack/huffman_table.py` from the code lengths of RFC 7541 Appendix B.

The code is canonical (RFC 7541 Appendix B): sorted by length and then by symbol, every code is the
one before it plus one, with zeros added where the length grows. So the lengths say everything, and
a slip of the pen in them shows: the code would not be complete any more (Kraft's sum would not be
one), or the end-of-string symbol would not be thirty ones. Both are checked.

Without arguments the file is written; with `--check` it is only compared.
"""

from __future__ import annotations

import sys
from pathlib import Path

TARGET = Path(__file__).resolve().parents[1] / "src" / "plait" / "hpack" / "huffman_table.py"

EOS = 256
LONGEST = 30
SHORT = 8

# Length in bits to the symbols with codes of that length (RFC 7541 Appendix B).
SYMBOLS_OF_LENGTH: dict[int, list[int]] = {
    5: [*b"012aceiost"],
    6: [*b" %-./3456789=A_bdfghlmnpru"],
    7: [*b":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"],
    8: [*b"&*,;XZ"],
    10: [*b'!"()?'],
    11: [*b"'+|"],
    12: [*b"#>"],
    13: [0, *b"$@[]~"],
    14: [*b"^}"],
    15: [*b"<`{"],
    19: [*b"\\", 195, 208],
    20: [128, 130, 131, 162, 184, 194, 224, 226],
    21: [153, 161, 167, 172, 176, 177, 179, 209, 216, 217, 227, 229, 230],
    22: [
        *(129, 132, 133, 134, 136, 146, 154, 156, 160, 163, 164, 169, 170),
        *(173, 178, 181, 185, 186, 187, 189, 190, 196, 198, 228, 232, 233),
    ],
    23: [
        *(1, 135, 137, 138, 139, 140, 141, 143, 147, 149, 150, 151, 152, 155, 157),
        *(158, 165, 166, 168, 174, 175, 180, 182, 183, 188, 191, 197, 231, 239),
    ],
    24: [9, 142, 144, 145, 148, 159, 171, 206, 215, 225, 236, 237],
    25: [199, 207, 234, 235],
    26: [192, 193, 200, 201, 202, 205, 210, 213, 218, 219, 238, 240, 242, 243, 255],
    27: [
        *(203, 204, 211, 212, 214, 221, 222, 223, 241, 244),
        *(245, 246, 247, 248, 250, 251, 252, 253, 254),
    ],
    28: [
        *(2, 3, 4, 5, 6, 7, 8, 11, 12, 14, 15, 16, 17, 18, 19),
        *(20, 21, 23, 24, 25, 26, 27, 28, 29, 30, 31, 127, 220, 249),
    ],
    30: [10, 13, 22, EOS],
}

HEADER = '''"""Huffman code (RFC 7541 Appendix B). Made by tools/make_huffman.py; do not edit."""

from __future__ import annotations

# fmt: off
'''


def canonical_codes(of_length: dict[int, list[int]]) -> dict[int, tuple[int, int]]:
    """Symbol to (code, length), in the order of the codes; checks that the code is complete."""
    codes: dict[int, tuple[int, int]] = {}
    code = 0
    last = 0
    for length, symbols in sorted(of_length.items()):
        code <<= length - last
        last = length
        for symbol in sorted(symbols):
            codes[symbol] = code, length
            code += 1
    if sorted(codes) != list(range(EOS + 1)):
        raise SystemExit("a symbol is missing or stands twice")
    if sum(2 ** (LONGEST - length) for _, length in codes.values()) != 2**LONGEST:
        raise SystemExit("the lengths are wrong: the code is not complete")
    if codes[EOS] != (2**LONGEST - 1, LONGEST):
        raise SystemExit("the lengths are wrong: EOS is not thirty ones")
    return codes


def short_prefixes(codes: dict[int, tuple[int, int]]) -> list[int]:
    """What the next eight bits decode to: length * 256 + symbol, or 0 where the code is longer."""
    table = [0] * 2**SHORT
    for symbol, (code, length) in codes.items():
        if length <= SHORT:
            first = code << (SHORT - length)
            for bits in range(first, first + 2 ** (SHORT - length)):
                table[bits] = length * 256 + symbol
    return table


def long_codes(codes: dict[int, tuple[int, int]]) -> tuple[list[int], list[int], list[int]]:
    """The lengths above eight; where the codes of each end; and what leads to their symbols.

    A code of 30 bits, filled up from what follows, is below the end of its length and not below
    that of a shorter one. Its first `length` bits plus the offset are its symbol's place in
    the list of all the symbols.
    """
    ordered = list(codes)
    lengths = sorted({length for _, length in codes.values() if length > SHORT})
    ends, offsets = [], []
    for length in lengths:
        same = [symbol for symbol in ordered if codes[symbol][1] == length]
        ends.append((codes[same[-1]][0] + 1) << (LONGEST - length))
        offsets.append(ordered.index(same[0]) - codes[same[0]][0])
    return lengths, ends, offsets


def rows(name: str, comment: str, numbers: list[int]) -> str:
    """A tuple of numbers as source, in lines of at most 100."""
    lines = [f"#: {comment}", f"{name}: tuple[int, ...] = ("]
    line = "   "
    for number in numbers:
        if len(line) + len(f" {number},") > 100:
            lines.append(line)
            line = "   "
        line += f" {number},"
    return "\n".join([*lines, line, ")"]) + "\n"


def render() -> str:
    """The module's text."""
    codes = canonical_codes(SYMBOLS_OF_LENGTH)
    lengths, ends, offsets = long_codes(codes)
    symbols = range(EOS + 1)
    parts = [
        rows("CODES", "Symbol to code.", [codes[s][0] for s in symbols]),
        rows("LENGTHS", "Symbol to length of its code, in bits.", [codes[s][1] for s in symbols]),
        rows("SYMBOLS", "The symbols in the order of their codes; 256 is EOS.", list(codes)),
        rows(
            "SHORT_PREFIXES",
            "Eight bits to length * 256 + symbol, or to 0 when they start a longer code.",
            short_prefixes(codes),
        ),
        rows("LONG_LENGTHS", "The lengths above eight.", lengths),
        rows("LONG_ENDS", "The first thirty bits beyond the codes of each such length.", ends),
        rows("LONG_OFFSETS", "Place in SYMBOLS minus code, for each such length.", offsets),
    ]
    return HEADER + "\n".join(parts)


def main(arguments: list[str]) -> int:
    """Writes or compares the file; returns the exit status."""
    text = render()
    if arguments == ["--check"]:
        return 0 if TARGET.exists() and TARGET.read_text(encoding="utf-8") == text else 1
    if arguments:
        print("usage: make_huffman.py [--check]", file=sys.stderr)
        return 2
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
