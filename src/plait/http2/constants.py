"""Numbers of the HTTP/2 wire format (RFC 9113 §4, §6, §11 and the extensions named beside them)."""

from __future__ import annotations

from enum import IntEnum

from .states import (
    CLOSED,
    HALF_CLOSED_LOCAL,
    HALF_CLOSED_REMOTE,
    IDLE,
    OPEN,
    RESERVED_LOCAL,
    RESERVED_REMOTE,
)

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
"""The client connection preface (RFC 9113 §3.4)."""

FRAME_HEADER_LENGTH = 9
"""Octets of a frame header (RFC 9113 §4.1)."""

MAX_STREAM_ID = 2**31 - 1
MAX_WINDOW = 2**31 - 1
"""The largest flow-control window (RFC 9113 §6.9.1)."""

DEFAULT_WINDOW = 65_535
"""The window of a new connection and, until SETTINGS says otherwise, of a stream."""

MIN_MAX_FRAME_SIZE = 2**14
MAX_MAX_FRAME_SIZE = 2**24 - 1

# Frame types (RFC 9113 §6). ALTSVC: RFC 7838 §4; ORIGIN: RFC 8336 §2; PRIORITY_UPDATE:
# RFC 9218 §7.1.
DATA = 0x0
HEADERS = 0x1
PRIORITY = 0x2
RST_STREAM = 0x3
SETTINGS = 0x4
PUSH_PROMISE = 0x5
PING = 0x6
GOAWAY = 0x7
WINDOW_UPDATE = 0x8
CONTINUATION = 0x9
ALTSVC = 0xA
ORIGIN = 0xC
PRIORITY_UPDATE = 0x10

# Flags.
ACK = 0x1
END_STREAM = 0x1
END_HEADERS = 0x4
PADDED = 0x8
PRIORITY_FLAG = 0x20

CONNECTION_FIELDS = frozenset(
    (b"connection", b"keep-alive", b"proxy-connection", b"transfer-encoding", b"upgrade")
)
"""Fields of a connection of HTTP/1.1, which HTTP/2 does not have (RFC 9113 §8.2.2)."""

# Body flags: what a body source says of the chunk it returns (the names and values are nghttp2's).
DATA_OK = 0
"""More of the body follows this chunk."""
DATA_EOF = 1
"""The body ends with this chunk."""
DATA_DEFERRED = 2
"""Nothing is available now: ask again after ``resume``."""


class FrameType(IntEnum):
    """Frame types by name, for people who read traces."""

    DATA = DATA
    HEADERS = HEADERS
    PRIORITY = PRIORITY
    RST_STREAM = RST_STREAM
    SETTINGS = SETTINGS
    PUSH_PROMISE = PUSH_PROMISE
    PING = PING
    GOAWAY = GOAWAY
    WINDOW_UPDATE = WINDOW_UPDATE
    CONTINUATION = CONTINUATION
    ALTSVC = ALTSVC
    ORIGIN = ORIGIN
    PRIORITY_UPDATE = PRIORITY_UPDATE


class SettingCode(IntEnum):
    """Setting identifiers (RFC 9113 §6.5.2, RFC 8441 §3, RFC 9218 §2.1)."""

    HEADER_TABLE_SIZE = 0x1
    ENABLE_PUSH = 0x2
    MAX_CONCURRENT_STREAMS = 0x3
    INITIAL_WINDOW_SIZE = 0x4
    MAX_FRAME_SIZE = 0x5
    MAX_HEADER_LIST_SIZE = 0x6
    ENABLE_CONNECT_PROTOCOL = 0x8
    NO_RFC7540_PRIORITIES = 0x9


class StreamState(IntEnum):
    """The states of a stream (RFC 9113 §5.1)."""

    IDLE = IDLE
    RESERVED_LOCAL = RESERVED_LOCAL
    RESERVED_REMOTE = RESERVED_REMOTE
    OPEN = OPEN
    HALF_CLOSED_LOCAL = HALF_CLOSED_LOCAL
    HALF_CLOSED_REMOTE = HALF_CLOSED_REMOTE
    CLOSED = CLOSED


class Role(IntEnum):
    """Which end of the connection an engine speaks for."""

    CLIENT = 0
    SERVER = 1
