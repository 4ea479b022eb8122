"""Small questions about fields and windows that programs ask of h2's ``utilities``.

What validates and compares whole sections there is not here: the engine has its own rules, which
no program calls by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from plait.hpack import NeverIndexedField
from plait.http2.constants import CONNECTION_FIELDS, MAX_WINDOW

from .events import Header
from .exceptions import FlowControlError
from .fields import as_given, joined_cookies, normalised

CONNECTION_HEADERS = CONNECTION_FIELDS
"""The fields of a connection in HTTP/1.1, which HTTP/2 does without (RFC 9113 §8.2.2)."""

# A shorter cookie could be guessed octet by octet if it were in a compression table.
_LONG_COOKIE = 20


class HeaderValidationFlags(NamedTuple):
    """What kind of section it is, and at which end; the functions here treat all alike."""

    is_client: bool
    is_trailer: bool
    is_response_header: bool
    is_push_promise: bool


def extract_method_header(headers: Iterable[tuple[bytes | str, bytes | str]]) -> bytes | None:
    """Return the value of ``:method``, as ``bytes`` always; ``None`` without one."""
    for name, value in headers:
        if name in (b":method", ":method"):
            return value.encode() if isinstance(value, str) else value
    return None


def is_informational_response(headers: Iterable[Header]) -> bool:
    """Return whether a field section is that of an interim (1xx) response.

    Only the pseudo-header fields are looked at, which stand first.
    """
    for name, value in headers:
        if not name.startswith(b":"):
            return False
        if name == b":status":
            return value.startswith(b"1")
    return False


def authority_from_headers(headers: Iterable[Header]) -> bytes | None:
    """Return the value of ``:authority``; ``None`` without one."""
    for name, value in headers:
        if name == b":authority":
            return value
    return None


def guard_increment_window(current: int, increment: int) -> int:
    """Return a window after an increment, in octets.

    :raises FlowControlError: if it would exceed 2³¹-1 (RFC 9113 §6.9.1).
    """
    if current + increment > MAX_WINDOW:
        raise FlowControlError(f"May not increment flow control window past {MAX_WINDOW}")
    return current + increment


def utf8_encode_headers(headers: Iterable[tuple[bytes | str, bytes | str]]) -> list[Header]:
    """Return fields as ``bytes``; those never to be indexed stay so."""
    return as_given(headers)


def normalize_outbound_headers(
    headers: Iterable[Header],
    hdr_validation_flags: HeaderValidationFlags | None,
    should_split_outbound_cookies: bool = False,
) -> Iterator[Header]:
    """Return fields as they are to be sent.

    Names get lower case, white space around names and values goes, and so do the fields of
    a connection. Credentials and short cookies are marked as never to be indexed.

    :param hdr_validation_flags: are not needed.
    :param should_split_outbound_cookies: give each pair of a ``cookie`` field a field of its own
        (RFC 9113 §8.2.3).
    """
    del hdr_validation_flags
    for field in normalised(headers, should_split_outbound_cookies):
        name, value = field
        short = name == b"cookie" and len(value) < _LONG_COOKIE
        if short or name in (b"authorization", b"proxy-authorization"):
            yield NeverIndexedField(name, value)
        else:
            yield field


def normalize_inbound_headers(
    headers: Iterable[Header], hdr_validation_flags: HeaderValidationFlags
) -> Iterator[Header]:
    """Return received fields with all ``cookie`` fields as one, the last (RFC 9113 §8.2.3).

    :param hdr_validation_flags: are not needed.
    """
    del hdr_validation_flags
    return iter(joined_cookies(list(headers)))
