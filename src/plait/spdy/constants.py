"""Numbers of the SPDY wire formats.

Three drafts are meant where this package cites: *SPDY/2* (draft 2), *SPDY/3*
(draft-mbelshe-httpbis-spdy-00, which is draft 3) and *SPDY/3.1* (draft 3.1).
"""

from __future__ import annotations

from enum import IntEnum

FRAME_HEADER_LENGTH = 8
"""Octets of a control or DATA frame's header (SPDY/3 §2.2)."""

MAX_FRAME_LENGTH = 2**24 - 1
"""The longest payload of a frame, in octets: lengths have 24 bits (SPDY/3 §2.2)."""

MAX_STREAM_ID = 2**31 - 1
MAX_WINDOW = 2**31 - 1
"""The largest flow-control window, in octets (SPDY/3 §2.6.8)."""

DEFAULT_WINDOW = 65_536
"""The window of a stream until SETTINGS says otherwise (SPDY/3 §2.6.8), and that of a SPDY/3.1
session, in octets. One more than in HTTP/2."""

DATA_CHUNK = 4096
"""Octets of a DATA frame that is made from a body: spdylay's figure, and small enough for
another stream's frames to come between."""

# Protocol versions as ALPN and the program's side tell them apart. SPDY/3.1 says 3 on the wire.
SPDY2 = 2
SPDY3 = 3
SPDY3_1 = 4

# Control frame types (SPDY/3 §2.6; NOOP: SPDY/2 only).
SYN_STREAM = 1
SYN_REPLY = 2
RST_STREAM = 3
SETTINGS = 4
NOOP = 5
PING = 6
GOAWAY = 7
HEADERS = 8
WINDOW_UPDATE = 9
CREDENTIAL = 10

# Flags of control and DATA frames.
FLAG_FIN = 0x1
FLAG_UNIDIRECTIONAL = 0x2

# Flags of SETTINGS, and of one of its entries (SPDY/3 §2.6.4).
SETTINGS_CLEAR_SETTINGS = 0x1
SETTING_PERSIST_VALUE = 0x1
SETTING_PERSISTED = 0x2

# Setting identifiers that the engine acts on, and the highest one that is known.
MAX_CONCURRENT_STREAMS = 4
INITIAL_WINDOW_SIZE = 7
MAX_SETTING_ID = 8


class Version(IntEnum):
    """Protocol versions; the numbers are spdylay's."""

    SPDY2 = SPDY2
    SPDY3 = SPDY3
    SPDY3_1 = SPDY3_1


class FrameType(IntEnum):
    """Control frame types by name (SPDY/3 §2.6)."""

    SYN_STREAM = SYN_STREAM
    SYN_REPLY = SYN_REPLY
    RST_STREAM = RST_STREAM
    SETTINGS = SETTINGS
    NOOP = NOOP
    PING = PING
    GOAWAY = GOAWAY
    HEADERS = HEADERS
    WINDOW_UPDATE = WINDOW_UPDATE
    CREDENTIAL = CREDENTIAL


class StreamStatus(IntEnum):
    """Status codes of RST_STREAM (SPDY/3 §2.6.3), those from 8 on since SPDY/3.

    ``OK`` never stands in a frame: it is how a stream ends that both sides finished.
    """

    OK = 0
    PROTOCOL_ERROR = 1
    INVALID_STREAM = 2
    REFUSED_STREAM = 3
    UNSUPPORTED_VERSION = 4
    CANCEL = 5
    INTERNAL_ERROR = 6
    FLOW_CONTROL_ERROR = 7
    STREAM_IN_USE = 8
    STREAM_ALREADY_CLOSED = 9
    INVALID_CREDENTIALS = 10
    FRAME_TOO_LARGE = 11


class GoawayStatus(IntEnum):
    """Status codes of GOAWAY (SPDY/3 §2.6.6); SPDY/2 has none."""

    OK = 0
    PROTOCOL_ERROR = 1
    INTERNAL_ERROR = 2


class SettingId(IntEnum):
    """Setting identifiers (SPDY/3 §2.6.4), the last since SPDY/3."""

    UPLOAD_BANDWIDTH = 1
    DOWNLOAD_BANDWIDTH = 2
    ROUND_TRIP_TIME = 3
    MAX_CONCURRENT_STREAMS = MAX_CONCURRENT_STREAMS
    CURRENT_CWND = 5
    DOWNLOAD_RETRANS_RATE = 6
    INITIAL_WINDOW_SIZE = INITIAL_WINDOW_SIZE
    CLIENT_CERTIFICATE_VECTOR_SIZE = 8


class ErrorCode(IntEnum):
    """Why a frame could not be parsed, or was not sent; the numbers are spdylay's."""

    ZLIB = -502
    UNSUPPORTED_VERSION = -503
    INVALID_FRAME = -506
    STREAM_CLOSED = -510
    STREAM_CLOSING = -511
    STREAM_SHUT_WR = -512
    INVALID_STREAM_ID = -513
    INVALID_STREAM_STATE = -514
    SYN_STREAM_NOT_ALLOWED = -516
    GOAWAY_ALREADY_SENT = -517
    FRAME_TOO_LARGE = -522


PROTOCOL_NAMES: dict[str, Version] = {
    "spdy/3.1": Version.SPDY3_1,
    "spdy/3": Version.SPDY3,
    "spdy/2": Version.SPDY2,
}
"""ALPN identifiers, most preferred first."""


def wire_version(version: int) -> int:
    """Return the number that control frames carry: 2 for SPDY/2, 3 for SPDY/3 and SPDY/3.1."""
    return 2 if version == SPDY2 else 3


def lowest_priority(version: int) -> int:
    """Return the number of the least urgent priority: 3 in SPDY/2 (two bits), else 7 (three)."""
    return 3 if version == SPDY2 else 7
