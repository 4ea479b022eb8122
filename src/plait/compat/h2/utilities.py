"""Small questions about fields and windows that programs ask of h2's ``utilities``."""

from __future__ import annotations

from collections.abc import Iterable

from .exceptions import FlowControlError

# The largest window (RFC 9113 §6.9.1).
_MAX_WINDOW = 2**31 - 1

Headers = Iterable[tuple[bytes, bytes]]


def extract_method_header(headers: Iterable[tuple[bytes | str, bytes | str]]) -> bytes | None:
    """Return the value of ``:method``, as ``bytes`` always; ``None`` without one."""
    for name, value in headers:
        if name in (b":method", ":method"):
            return value.encode() if isinstance(value, str) else value
    return None


def is_informational_response(headers: Headers) -> bool:
    """Return whether a field section is that of an interim (1xx) response.

    Only the pseudo-header fields are looked at, which stand first.
    """
    for name, value in headers:
        if not name.startswith(b":"):
            return False
        if name == b":status":
            return value.startswith(b"1")
    return False


def authority_from_headers(headers: Headers) -> bytes | None:
    """Return the value of ``:authority``; ``None`` without one."""
    for name, value in headers:
        if name == b":authority":
            return value
    return None


def guard_increment_window(current: int, increment: int) -> int:
    """Return a window after an increment, in octets.

    :raises FlowControlError: if it would exceed 2³¹-1 (RFC 9113 §6.9.1).
    """
    if current + increment > _MAX_WINDOW:
        raise FlowControlError(f"May not increment flow control window past {_MAX_WINDOW}")
    return current + increment
