"""The SPDY engine's errors.

::

    SpdyError
    ├── UsageError                  our caller broke the contract: raised to the caller
    │   ├── NoSuchStreamError       the stream is unknown, or it has closed already
    │   ├── StreamLimitError        the stream ids are used up
    │   ├── InvalidFieldError       a header that cannot be sent
    │   └── FrameTooLargeError      a header block beyond what a frame can hold
    └── PeerFault                   the peer broke the rules: becomes a frame and an event,
        ├── StreamFault             RST_STREAM                      and is never raised to a caller
        └── SessionFault            GOAWAY

A fault carries SPDY's status and a *slug*: a short fixed name such as ``syn_stream.id`` or
``ping.flood`` that appears in events, log lines and counters.
"""

from __future__ import annotations


class SpdyError(Exception):
    """The root of everything this package raises."""


class UsageError(SpdyError):
    """The program that drives the engine broke its contract."""


class NoSuchStreamError(UsageError):
    """The stream was never opened, or it has closed."""

    def __init__(self, stream_id: int) -> None:
        super().__init__(f"stream {stream_id} is not open")
        self.stream_id = stream_id


class StreamLimitError(UsageError):
    """The range of stream ids is used up (SPDY/3 §2.3.2)."""


class InvalidFieldError(UsageError, ValueError):
    """A header name or value that cannot be sent (SPDY/3 §2.6.10)."""


class FrameTooLargeError(UsageError):
    """A header block that is larger than a frame can be (2^24-1 octets)."""


class PeerFault(SpdyError):
    """Something the peer did wrong. Internal: callers see a frame and an event instead.

    :param status: the status to answer with: of RST_STREAM, or of GOAWAY.
    :param slug: the fixed name of this refusal.
    :param message: one line for a person.
    """

    def __init__(self, status: int, slug: str, message: str) -> None:
        super().__init__(message)
        self.status = int(status)
        self.slug = slug
        self.message = message


class StreamFault(PeerFault):
    """A fault that ends one stream (SPDY/3 §2.4.2)."""

    def __init__(self, stream_id: int, status: int, slug: str, message: str) -> None:
        super().__init__(status, slug, message)
        self.stream_id = stream_id


class SessionFault(PeerFault):
    """A fault that ends the session (SPDY/3 §2.4.1)."""
