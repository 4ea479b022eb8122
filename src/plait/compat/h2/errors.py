"""The error codes of RST_STREAM and GOAWAY under their h2 names."""

from __future__ import annotations

from enum import IntEnum

__all__ = ["ErrorCodes"]


class ErrorCodes(IntEnum):
    """Error codes (RFC 9113 §7)."""

    NO_ERROR = 0x0
    """A graceful end."""
    PROTOCOL_ERROR = 0x1
    """The peer broke a rule that has no code of its own."""
    INTERNAL_ERROR = 0x2
    """The sender failed by its own fault."""
    FLOW_CONTROL_ERROR = 0x3
    """More was sent than the window held, or the window grew too large."""
    SETTINGS_TIMEOUT = 0x4
    """The peer never acknowledged SETTINGS."""
    STREAM_CLOSED = 0x5
    """A frame came for a stream that had ended."""
    FRAME_SIZE_ERROR = 0x6
    """A frame of a length that it must not have."""
    REFUSED_STREAM = 0x7
    """Nothing was done for the stream: the request may be sent again."""
    CANCEL = 0x8
    """The stream is not wanted any more."""
    COMPRESSION_ERROR = 0x9
    """The HPACK state is lost."""
    CONNECT_ERROR = 0xA
    """The TCP connection of a CONNECT request failed."""
    ENHANCE_YOUR_CALM = 0xB
    """The peer causes too much work."""
    INADEQUATE_SECURITY = 0xC
    """The TLS connection is weaker than HTTP/2 demands."""
    HTTP_1_1_REQUIRED = 0xD
    """The request has to be made over HTTP/1.1."""


_KNOWN = {int(code): code for code in ErrorCodes}


def error_code_from_int(code: int) -> ErrorCodes | int:
    """Return the member of ``ErrorCodes`` with that number, or the number if there is none."""
    return _KNOWN.get(code, code)
