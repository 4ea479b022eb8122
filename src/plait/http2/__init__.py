"""HTTP/2 without I/O (RFC 9113), for clients and servers."""

from __future__ import annotations

from .body import BodySource
from .config import Config
from .connection import Connection
from .constants import (
    DATA_DEFERRED,
    DATA_EOF,
    DATA_OK,
    PREFACE,
    FrameType,
    Role,
    SettingCode,
    StreamState,
)
from .direct import DirectConnection
from .errors import (
    ConnectionClosedError,
    ErrorCode,
    FlowControlError,
    FrameTooLargeError,
    Http2Error,
    InvalidFieldError,
    NoSuchStreamError,
    PushDisabledError,
    StreamLimitError,
    StreamStateError,
    UsageError,
)
from .events import (
    AlternativeServiceAvailable,
    ConnectionTerminated,
    DataReceived,
    Event,
    InformationalResponseReceived,
    OriginReceived,
    PingAcknowledged,
    PingReceived,
    PriorityReceived,
    PriorityUpdated,
    PushedStreamReceived,
    RemoteSettingsChanged,
    RequestReceived,
    ResponseReceived,
    SettingsAcknowledged,
    StreamClosed,
    StreamReset,
    TrailersReceived,
    UnknownFrameReceived,
    WindowUpdated,
)
from .limits import Limits
from .priority import parse_priority
from .progress import WAITS_FOR_BODY, WAITS_FOR_CREDIT, without_withdrawn
from .settings import Settings

__all__ = [
    "DATA_DEFERRED",
    "DATA_EOF",
    "DATA_OK",
    "PREFACE",
    "WAITS_FOR_BODY",
    "WAITS_FOR_CREDIT",
    "AlternativeServiceAvailable",
    "BodySource",
    "Config",
    "Connection",
    "ConnectionClosedError",
    "ConnectionTerminated",
    "DataReceived",
    "DirectConnection",
    "ErrorCode",
    "Event",
    "FlowControlError",
    "FrameTooLargeError",
    "FrameType",
    "Http2Error",
    "InformationalResponseReceived",
    "InvalidFieldError",
    "Limits",
    "NoSuchStreamError",
    "OriginReceived",
    "PingAcknowledged",
    "PingReceived",
    "PriorityReceived",
    "PriorityUpdated",
    "PushDisabledError",
    "PushedStreamReceived",
    "RemoteSettingsChanged",
    "RequestReceived",
    "ResponseReceived",
    "Role",
    "SettingCode",
    "Settings",
    "SettingsAcknowledged",
    "StreamClosed",
    "StreamLimitError",
    "StreamReset",
    "StreamState",
    "StreamStateError",
    "TrailersReceived",
    "UnknownFrameReceived",
    "UsageError",
    "WindowUpdated",
    "parse_priority",
    "without_withdrawn",
]
