"""SPDY without I/O (SPDY/2, SPDY/3 and SPDY/3.1), for clients and servers."""

from __future__ import annotations

from ..http2.body import BodySource
from ..http2.constants import DATA_DEFERRED, DATA_EOF, DATA_OK, Role
from .config import Config
from .connection import Connection
from .constants import (
    PROTOCOL_NAMES,
    ErrorCode,
    FrameType,
    GoawayStatus,
    SettingId,
    StreamStatus,
    Version,
)
from .errors import (
    FrameTooLargeError,
    InvalidFieldError,
    NoSuchStreamError,
    SpdyError,
    StreamLimitError,
    UsageError,
)
from .events import (
    BodyFailed,
    ConnectionTerminated,
    DataFrameReceived,
    DataInvalid,
    DataReceived,
    Event,
    FrameInvalid,
    FrameNotSent,
    FrameReceived,
    FrameUnparsable,
    PeerFinished,
    StreamClosed,
    UnknownFrameReceived,
)
from .frames import (
    ControlFrame,
    Goaway,
    HeaderFrame,
    Headers,
    Ping,
    RstStream,
    Settings,
    SynReply,
    SynStream,
    WindowUpdate,
)
from .limits import Limits

__all__ = [
    "DATA_DEFERRED",
    "DATA_EOF",
    "DATA_OK",
    "PROTOCOL_NAMES",
    "BodyFailed",
    "BodySource",
    "Config",
    "Connection",
    "ConnectionTerminated",
    "ControlFrame",
    "DataFrameReceived",
    "DataInvalid",
    "DataReceived",
    "ErrorCode",
    "Event",
    "FrameInvalid",
    "FrameNotSent",
    "FrameReceived",
    "FrameTooLargeError",
    "FrameType",
    "FrameUnparsable",
    "Goaway",
    "GoawayStatus",
    "HeaderFrame",
    "Headers",
    "InvalidFieldError",
    "Limits",
    "NoSuchStreamError",
    "PeerFinished",
    "Ping",
    "Role",
    "RstStream",
    "SettingId",
    "Settings",
    "SpdyError",
    "StreamClosed",
    "StreamLimitError",
    "StreamStatus",
    "SynReply",
    "SynStream",
    "UnknownFrameReceived",
    "UsageError",
    "Version",
    "WindowUpdate",
]
