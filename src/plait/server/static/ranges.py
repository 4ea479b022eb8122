"""Byte ranges (RFC 9110 §14): the `Range` field read, and the parts of the answer laid out.

A field that is malformed, in another unit or greedy is ignored, so the answer is the whole
representation: RFC 9110 §14.2 leaves that to the server and it is what every client can handle.
Greedy means more than `MAX_RANGES` ranges, or ranges that together ask for more octets than there
are, which only overlapping ones do.
"""

from __future__ import annotations

import re
import secrets

MAX_RANGES = 16

# More digits than this cannot matter: no file is so long. Bounds the cost of reading a number.
_MAX_DIGITS = 18
_BEYOND = 10**_MAX_DIGITS

_SPEC = re.compile(rb"(\d*)-(\d*)")


def select_ranges(field: bytes, size: int) -> list[tuple[int, int]] | None:
    """Return the `(start, length)` pairs that a `Range` field selects of `size` octets.

    `None` means: ignore the field. An empty list means: none of it can be satisfied (416).
    """
    unit, separator, ranges = field.partition(b"=")
    if not separator or unit.strip(b" \t").lower() != b"bytes":
        return None
    specs = [spec for part in ranges.split(b",", MAX_RANGES * 2) if (spec := part.strip(b" \t"))]
    # No range of an empty file can be told in a Content-Range, so there the field never counts.
    if not specs or len(specs) > MAX_RANGES or not size:
        return None
    selected = []
    for spec in specs:
        bounds = _bounds(spec, size)
        if bounds is None:
            return None
        if bounds[1]:
            selected.append(bounds)
    if sum(length for _, length in selected) > size:
        return None
    return selected


def _bounds(spec: bytes, size: int) -> tuple[int, int] | None:
    """Start and length of one range; the length is 0 if unsatisfiable. `None` says malformed."""
    match = _SPEC.fullmatch(spec)
    if match is None or spec == b"-":
        return None
    if not match[1]:
        length = min(_number(match[2]), size)
        return size - length, length
    start = _number(match[1])
    end = _number(match[2]) if match[2] else _BEYOND
    if end < start:
        return None
    return start, max(0, min(end + 1, size) - start)


def _number(digits: bytes) -> int:
    digits = digits.lstrip(b"0") or b"0"
    return int(digits) if len(digits) <= _MAX_DIGITS else _BEYOND


def content_range(start: int, length: int, size: int) -> bytes:
    """Return the value of `Content-Range` for one part."""
    return b"bytes %d-%d/%d" % (start, start + length - 1, size)


class Multipart:
    """The layout of a `multipart/byteranges` body (RFC 9110 §14.6).

    `segments` holds, in order, octets to send as they are and `(start, length)` pairs to be taken
    from the file.
    """

    __slots__ = ("content_type", "length", "segments")

    def __init__(self, ranges: list[tuple[int, int]], size: int, content_type: bytes) -> None:
        # Drawn at random so that no file can hold the boundary on purpose.
        boundary = secrets.token_hex(16).encode()
        self.content_type = b"multipart/byteranges; boundary=" + boundary
        self.segments: list[bytes | tuple[int, int]] = []
        self.length = 0
        line_end = b""
        for start, length in ranges:
            head = b"%s--%s\r\ncontent-type: %s\r\ncontent-range: %s\r\n\r\n" % (
                line_end,
                boundary,
                content_type,
                content_range(start, length, size),
            )
            self.segments += (head, (start, length))
            self.length += len(head) + length
            line_end = b"\r\n"
        tail = b"\r\n--%s--\r\n" % boundary
        self.segments.append(tail)
        self.length += len(tail)
