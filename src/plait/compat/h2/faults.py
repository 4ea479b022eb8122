"""The engine's errors, and the faults that it tells of, as h2's exceptions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.http2 import (
    FlowControlError as WindowError,
)
from plait.http2 import (
    FrameTooLargeError as FrameSizeError,
)
from plait.http2 import (
    NoSuchStreamError as NotOpenError,
)
from plait.http2 import (
    StreamLimitError,
    UsageError,
)

from .errors import ErrorCodes, error_code_from_int
from .exceptions import (
    DenialOfServiceError,
    FlowControlError,
    FrameDataMissingError,
    FrameTooLargeError,
    InvalidSettingsValueError,
    NoSuchStreamError,
    ProtocolError,
    StreamClosedError,
    StreamIDTooLowError,
    TooManyStreamsError,
)

if TYPE_CHECKING:
    from plait.http2 import ConnectionTerminated, DirectConnection

_BY_CODE: dict[int, type[ProtocolError]] = {
    ErrorCodes.ENHANCE_YOUR_CALM: DenialOfServiceError,
    ErrorCodes.FLOW_CONTROL_ERROR: FlowControlError,
    ErrorCodes.FRAME_SIZE_ERROR: FrameDataMissingError,
}
_BY_ERROR: dict[type[UsageError], type[ProtocolError]] = {
    WindowError: FlowControlError,
    FrameSizeError: FrameTooLargeError,
    StreamLimitError: TooManyStreamsError,
}
SETTINGS = frozenset(
    (
        "settings.connect_protocol",
        "settings.enable_push",
        "settings.frame_size",
        "settings.value",
        "settings.window",
    )
)
OPENING = frozenset(("headers.stream_id", "push.stream_id"))
IDLE = frozenset(("data.idle", "rst_stream.idle", "window_update.idle"))


def misuse(engine: DirectConnection, error: UsageError) -> ProtocolError:
    """Return the exception for what the caller must not do."""
    if isinstance(error, NotOpenError):
        return gone(engine, error.stream_id)
    return _BY_ERROR.get(type(error), ProtocolError)(str(error))


def gone(engine: DirectConnection, stream_id: int) -> NoSuchStreamError:
    """Return the exception for a stream that is not open: it has ended, or was never there."""
    if stream_id <= 0 or engine.stream_is_idle(stream_id):
        return NoSuchStreamError(stream_id)
    return StreamClosedError(stream_id)


def fault(event: ConnectionTerminated, highest_stream_id: int) -> ProtocolError:
    """Return the exception for what the peer did, after which the connection has ended.

    :param highest_stream_id: the highest stream that the peer has opened.
    """
    code = error_code_from_int(event.error_code)
    message = event.additional_data.decode()
    stream_id = event.stream_id
    error: ProtocolError
    if event.slug in SETTINGS:
        error = InvalidSettingsValueError(message, ErrorCodes(code))
    elif event.slug in IDLE:
        error = NoSuchStreamError(stream_id)
    elif event.slug in OPENING and 0 < stream_id <= highest_stream_id:
        error = StreamIDTooLowError(stream_id, highest_stream_id)
    elif code == ErrorCodes.STREAM_CLOSED:
        error = StreamClosedError(stream_id)
    elif event.slug == "frame.length":
        error = FrameTooLargeError(message)
    else:
        error = _BY_CODE.get(code, ProtocolError)(message)
    error.error_code = code
    return error
