"""What ``H2Connection`` raises, for faults of the peer and of the caller alike.

::

    H2Error
    ├── ProtocolError
    │   ├── FrameTooLargeError
    │   ├── FrameDataMissingError
    │   ├── TooManyStreamsError
    │   ├── FlowControlError
    │   ├── StreamIDTooLowError
    │   ├── NoAvailableStreamIDError
    │   ├── NoSuchStreamError
    │   │   └── StreamClosedError
    │   ├── InvalidSettingsValueError    a ValueError, too
    │   ├── InvalidBodyLengthError
    │   ├── UnsupportedFrameError
    │   └── DenialOfServiceError
    └── RFC1122Error
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import ErrorCodes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .events import Event


class H2Error(Exception):
    """The root of everything that ``H2Connection`` raises by intention."""


class ProtocolError(H2Error):
    """The peer broke the protocol, or the caller was about to.

    :ivar error_code: the code that belongs to the fault (RFC 9113 §7). If the peer broke the
        protocol, GOAWAY with it is waiting in ``data_to_send``.
    :ivar events: what the octets said before the fault, when ``receive_data`` raised; else empty.
        h2 has no such attribute, and loses these events.
    """

    error_code: ErrorCodes | int = ErrorCodes.PROTOCOL_ERROR
    events: Sequence[Event] = ()


class FrameTooLargeError(ProtocolError):
    """A frame is longer than its receiver allows (``SETTINGS_MAX_FRAME_SIZE``)."""

    error_code = ErrorCodes.FRAME_SIZE_ERROR


class FrameDataMissingError(ProtocolError):
    """A frame is shorter than one of its type has to be."""

    error_code = ErrorCodes.FRAME_SIZE_ERROR


class TooManyStreamsError(ProtocolError):
    """One more stream would exceed the limit of concurrent streams."""


class FlowControlError(ProtocolError):
    """A window does not hold what was to be sent, or would grow beyond 2³¹-1 octets."""

    error_code = ErrorCodes.FLOW_CONTROL_ERROR


class StreamIDTooLowError(ProtocolError):
    """A stream was to be opened whose id is not above all those before it.

    :ivar stream_id: the id.
    :ivar max_stream_id: the highest one so far.
    """

    def __init__(self, stream_id: int, max_stream_id: int) -> None:
        self.stream_id = stream_id
        self.max_stream_id = max_stream_id

    def __str__(self) -> str:
        return f"StreamIDTooLowError: {self.stream_id} is lower than {self.max_stream_id}"


class NoAvailableStreamIDError(ProtocolError):
    """The stream ids of this connection are used up."""


class NoSuchStreamError(ProtocolError):
    """There never was such a stream.

    :ivar stream_id: its id.
    """

    def __init__(self, stream_id: int) -> None:
        self.stream_id = stream_id


class StreamClosedError(NoSuchStreamError):
    """The stream has ended.

    :ivar stream_id: its id.
    """

    error_code = ErrorCodes.STREAM_CLOSED


class InvalidSettingsValueError(ProtocolError, ValueError):
    """A setting has a value that is not allowed.

    :param msg: says which one.
    :param error_code: what RFC 9113 §6.5.2 prescribes for it.
    """

    def __init__(self, msg: str, error_code: ErrorCodes) -> None:
        super().__init__(msg)
        self.error_code = error_code


class InvalidBodyLengthError(ProtocolError):
    """A body has not the length that ``content-length`` says.

    :ivar expected_length: octets announced.
    :ivar actual_length: octets that came.
    """

    def __init__(self, expected: int, actual: int) -> None:
        self.expected_length = expected
        self.actual_length = actual

    def __str__(self) -> str:
        return (
            f"InvalidBodyLengthError: Expected {self.expected_length} bytes, "
            f"received {self.actual_length}"
        )


class UnsupportedFrameError(ProtocolError):
    """A frame that this end does not take, such as PUSH_PROMISE from a client."""


class RFC1122Error(H2Error):
    """The call would do what the protocol does not forbid and what is unwise all the same."""


class DenialOfServiceError(ProtocolError):
    """The peer causes work in a way that only an attack explains."""

    error_code = ErrorCodes.ENHANCE_YOUR_CALM
