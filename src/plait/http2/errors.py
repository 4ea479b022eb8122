"""The engine's errors.

::

    Http2Error
    ├── UsageError                  our caller broke the contract: raised to the caller
    │   ├── NoSuchStreamError       the stream is unknown, or it has closed already
    │   ├── StreamStateError        the stream's state does not allow the call
    │   ├── StreamLimitError        no further stream may be opened now
    │   ├── FlowControlError        the windows do not hold so many octets
    │   ├── FrameTooLargeError      the peer does not take so large a frame
    │   ├── PushDisabledError       the peer has switched server push off
    │   ├── InvalidFieldError       a field that must not be sent
    │   └── ConnectionClosedError   the connection has ended
    └── PeerFault                   the peer broke the rules: becomes a frame and an event,
        ├── StreamFault             RST_STREAM                      and is never raised to a caller
        └── ConnectionFault         GOAWAY

A fault carries the RFC's error code and a *slug*: a short fixed name such as ``ping.length``
or ``settings.flood`` that appears in events, log lines and counters.
"""

from __future__ import annotations

from enum import IntEnum


class ErrorCode(IntEnum):
    """Error codes of RST_STREAM and GOAWAY (RFC 9113 §7)."""

    NO_ERROR = 0x0
    PROTOCOL_ERROR = 0x1
    INTERNAL_ERROR = 0x2
    FLOW_CONTROL_ERROR = 0x3
    SETTINGS_TIMEOUT = 0x4
    STREAM_CLOSED = 0x5
    FRAME_SIZE_ERROR = 0x6
    REFUSED_STREAM = 0x7
    CANCEL = 0x8
    COMPRESSION_ERROR = 0x9
    CONNECT_ERROR = 0xA
    ENHANCE_YOUR_CALM = 0xB
    INADEQUATE_SECURITY = 0xC
    HTTP_1_1_REQUIRED = 0xD


class Http2Error(Exception):
    """The root of everything this package raises."""


class UsageError(Http2Error):
    """The program that drives the engine broke its contract."""


class NoSuchStreamError(UsageError):
    """The stream was never opened, or it has closed."""

    def __init__(self, stream_id: int) -> None:
        super().__init__(f"stream {stream_id} is not open")
        self.stream_id = stream_id


class StreamStateError(UsageError):
    """The stream is open, but its state does not allow what was asked."""


class StreamLimitError(UsageError):
    """The peer's limit of concurrent streams, or the range of stream ids, is used up."""


class FlowControlError(UsageError):
    """The window of the stream or of the connection does not hold so many octets."""


class FrameTooLargeError(UsageError):
    """The payload exceeds the peer's SETTINGS_MAX_FRAME_SIZE."""


class PushDisabledError(UsageError):
    """The peer does not accept pushed streams (``SETTINGS_ENABLE_PUSH = 0``)."""


class InvalidFieldError(UsageError, ValueError):
    """A field name or value that RFC 9113 §8.2 forbids to send."""


class ConnectionClosedError(UsageError):
    """The connection has ended; nothing more can be sent on it."""


class PeerFault(Http2Error):
    """Something the peer did wrong. Internal: callers see a frame and an event instead.

    :param code: the RFC 9113 §7 error code to answer with.
    :param slug: the fixed name of this refusal.
    :param message: one line for a person.
    """

    def __init__(self, code: int, slug: str, message: str) -> None:
        super().__init__(message)
        self.code = int(code)
        self.slug = slug
        self.message = message


class StreamFault(PeerFault):
    """A fault that ends one stream (RFC 9113 §5.4.2)."""

    def __init__(self, stream_id: int, code: int, slug: str, message: str) -> None:
        super().__init__(code, slug, message)
        self.stream_id = stream_id


class ConnectionFault(PeerFault):
    """A fault that ends the connection (RFC 9113 §5.4.1).

    :param stream_id: the stream whose frame it was, 0 where that does not matter.
    """

    def __init__(self, code: int, slug: str, message: str, stream_id: int = 0) -> None:
        super().__init__(code, slug, message)
        self.stream_id = stream_id


def protocol_error(slug: str, message: str, stream_id: int = 0) -> ConnectionFault:
    """Return a connection fault PROTOCOL_ERROR."""
    return ConnectionFault(ErrorCode.PROTOCOL_ERROR, slug, message, stream_id)


def frame_size(slug: str, message: str) -> ConnectionFault:
    """Return a connection fault FRAME_SIZE_ERROR (RFC 9113 §4.2)."""
    return ConnectionFault(ErrorCode.FRAME_SIZE_ERROR, slug, message)


def malformed(stream_id: int, slug: str) -> StreamFault:
    """Return the fault of a malformed message (RFC 9113 §8.1.1)."""
    code = ErrorCode.ENHANCE_YOUR_CALM if slug.startswith("hpack.") else ErrorCode.PROTOCOL_ERROR
    return StreamFault(stream_id, code, slug, "the message is malformed")


def refused(stream_id: int) -> StreamFault:
    """Return the fault of a stream beyond the limit (RFC 9113 §5.1.2)."""
    return StreamFault(stream_id, ErrorCode.REFUSED_STREAM, "streams.limit", "too many streams")
