"""Octets of HTTP/2 as somebody writes them who keeps to no rule.

Nothing here comes from plait: an attacker uses its own. Field blocks are literals without
indexing (RFC 7541 §6.2.2), which need no state; what comes back is cut into frames, not decoded.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = 0, 1, 2, 3, 4
PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 5, 6, 7, 8, 9
PRIORITY_UPDATE = 0x10

END_STREAM = ACK = 0x1
END_HEADERS = 0x4
PADDED = 0x8

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS = 1, 2, 3
INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = 4, 5, 6

NO_ERROR, PROTOCOL_ERROR, CANCEL, ENHANCE_YOUR_CALM = 0, 1, 8, 11

MOST = 2**31 - 1  # of a window, and of stream numbers

Field = tuple[bytes, bytes]


def frame(kind: int, flags: int, stream_id: int, payload: bytes = b"") -> bytes:
    """One frame (RFC 9113 §4.1)."""
    return (
        struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream_id) + payload
    )


def settings(*pairs: tuple[int, int]) -> bytes:
    """SETTINGS."""
    return frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in pairs))


def ping(payload: bytes = b"attacker") -> bytes:
    """PING."""
    return frame(PING, 0, 0, payload)


def rst_stream(stream_id: int, code: int = CANCEL) -> bytes:
    """RST_STREAM."""
    return frame(RST_STREAM, 0, stream_id, struct.pack(">I", code))


def window_update(stream_id: int, increment: int) -> bytes:
    """WINDOW_UPDATE."""
    return frame(WINDOW_UPDATE, 0, stream_id, struct.pack(">I", increment))


def priority(stream_id: int, depends_on: int = 0, weight: int = 15) -> bytes:
    """PRIORITY, as RFC 7540 knew it."""
    return frame(PRIORITY, 0, stream_id, struct.pack(">IB", depends_on, weight))


def priority_update(stream_id: int, value: bytes) -> bytes:
    """PRIORITY_UPDATE (RFC 9218 §7.1)."""
    return frame(PRIORITY_UPDATE, 0, 0, struct.pack(">I", stream_id) + value)


def data(stream_id: int, payload: bytes, end: bool = False) -> bytes:
    """DATA."""
    return frame(DATA, END_STREAM if end else 0, stream_id, payload)


def continuation(stream_id: int, payload: bytes, end: bool = False) -> bytes:
    """CONTINUATION."""
    return frame(CONTINUATION, END_HEADERS if end else 0, stream_id, payload)


def integer(value: int, prefix: int, first: int = 0) -> bytes:
    """RFC 7541 §5.1."""
    limit = (1 << prefix) - 1
    if value < limit:
        return bytes([first | value])
    out = bytearray([first | limit])
    value -= limit
    while value >= 128:
        out.append(value % 128 + 128)
        value //= 128
    out.append(value)
    return bytes(out)


def literal(name: bytes, value: bytes, first: int = 0) -> bytes:
    """One field; ``first`` 0x40 puts it into the table."""
    return bytes([first]) + integer(len(name), 7) + name + integer(len(value), 7) + value


def block(fields: Iterable[Field]) -> bytes:
    """A field block without use of the table."""
    return b"".join([literal(name, value) for name, value in fields])


def fields_of(path: bytes = b"/small", method: bytes = b"GET") -> list[Field]:
    """The pseudo-header fields of a request in clear text."""
    return [
        (b":method", method),
        (b":scheme", b"http"),
        (b":authority", b"soak.example"),
        (b":path", path),
    ]


def request(
    stream_id: int,
    path: bytes = b"/small",
    *more: Field,
    method: bytes = b"GET",
    end: bool = True,
) -> bytes:
    """HEADERS of a whole request, or of one whose body is still to come."""
    flags = END_HEADERS | (END_STREAM if end else 0)
    return frame(HEADERS, flags, stream_id, block([*fields_of(path, method), *more]))


def split_block(stream_id: int, octets: bytes, size: int = 16_384, end: bool = True) -> bytes:
    """HEADERS and as many CONTINUATIONs as a block needs."""
    pieces = [octets[at : at + size] for at in range(0, len(octets), size)] or [b""]
    flags = END_STREAM if end else 0
    if len(pieces) == 1:
        return frame(HEADERS, flags | END_HEADERS, stream_id, pieces[0])
    return b"".join(
        [
            frame(HEADERS, flags, stream_id, pieces[0]),
            *[continuation(stream_id, piece) for piece in pieces[1:-1]],
            continuation(stream_id, pieces[-1], end=True),
        ]
    )
