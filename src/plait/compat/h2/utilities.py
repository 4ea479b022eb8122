"""Small questions about fields and windows that programs ask of h2's ``utilities``.

What validates and compares whole sections there is not here: the engine has its own rules, which
no program calls by name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from plait.hpack import NeverIndexedField

from .events import Header
from .exceptions import FlowControlError

CONNECTION_HEADERS = frozenset(
    (b"connection", b"proxy-connection", b"keep-alive", b"transfer-encoding", b"upgrade")
)
"""The fields of a connection in HTTP/1.1, which HTTP/2 does without (RFC 9113 §8.2.2)."""

# The largest window (RFC 9113 §6.9.1).
_MAX_WINDOW = 2**31 - 1


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
    if current + increment > _MAX_WINDOW:
        raise FlowControlError(f"May not increment flow control window past {_MAX_WINDOW}")
    return current + increment


def utf8_encode_headers(headers: Iterable[tuple[bytes | str, bytes | str]]) -> list[Header]:
    """Return fields as ``bytes``; those never to be indexed stay so."""
    return [_like(header, _octets(header[0]), _octets(header[1])) for header in headers]


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
    for header in headers:
        name, value = header[0].lower(), header[1]
        if name == b"cookie" and should_split_outbound_cookies:
            for pair in value.split(b"; "):
                yield _guarded(_like(header, name, pair.strip()))
            continue
        name = name.strip()
        if name not in CONNECTION_HEADERS:
            yield _guarded(_like(header, name, value.strip()))


def normalize_inbound_headers(
    headers: Iterable[Header], hdr_validation_flags: HeaderValidationFlags
) -> Iterator[Header]:
    """Return received fields with all ``cookie`` fields as one, the last (RFC 9113 §8.2.3).

    :param hdr_validation_flags: are not needed.
    """
    del hdr_validation_flags
    cookies = []
    for header in headers:
        if header[0] == b"cookie":
            cookies.append(header[1])
        else:
            yield header
    if cookies:
        yield NeverIndexedField(b"cookie", b"; ".join(cookies))


def _octets(text: bytes | str) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _like(header: tuple[object, object], name: bytes, value: bytes) -> Header:
    """Return a field that is never indexed if ``header`` is not: plait's, or hpack's."""
    if getattr(header, "indexable", True):
        return (name, value)
    return NeverIndexedField(name, value)


def _guarded(header: Header) -> Header:
    """Return a field that an attacker could guess octet by octet as never to be indexed."""
    name, value = header
    if name in (b"authorization", b"proxy-authorization") or (
        name == b"cookie" and len(value) < 20
    ):
        return NeverIndexedField(name, value)
    return header
