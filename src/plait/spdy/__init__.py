"""SPDY without I/O (SPDY/2, SPDY/3 and SPDY/3.1), for clients and servers."""

from __future__ import annotations

from .constants import (
    PROTOCOL_NAMES,
    ErrorCode,
    FrameType,
    GoawayStatus,
    SettingId,
    StreamStatus,
    Version,
)

__all__ = [
    "PROTOCOL_NAMES",
    "ErrorCode",
    "FrameType",
    "GoawayStatus",
    "SettingId",
    "StreamStatus",
    "Version",
]
