"""The head of a response: from the native strings of PEP 3333 to checked fields."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from plait.http2.constants import CONNECTION_FIELDS
from plait.http2.errors import InvalidFieldError
from plait.http2.fields import Field, outgoing_fields

_log = logging.getLogger("plait.wsgi")

# Codes by status, for those that were seen before.
_codes: dict[str, int] = {}
_MOST_CODES = 256


class Head:
    """Status and fields of a response.

    :ivar fields: the list may be another head's too: it must not be changed.
    :ivar length: what Content-Length says; -1 if it is not there.
    :ivar trailing: whether the Trailer field announces that fields will follow the body.
    """

    __slots__ = ("fields", "length", "status", "trailing")

    def __init__(self, status: int, fields: list[Field], length: int, trailing: bool) -> None:
        self.status = status
        self.fields = fields
        self.length = length
        self.trailing = trailing


class _Last:
    """The latest head, and what it was made of: applications repeat themselves."""

    __slots__ = ("given", "head", "status")

    def __init__(self, status: str, given: list[Any], head: Head) -> None:
        self.status = status
        self.given = given
        self.head = head


# Replaced as a whole: threads cannot see one half of it. At first it is like no head at all.
_last = _Last("", [None], Head(0, [], -1, False))


def make_head(status: str, headers: Iterable[tuple[str, str]]) -> Head:
    """Check what an application gave to ``start_response``.

    :raises ValueError: for what may not be sent.
    :raises TypeError: for what is not a native string.
    """
    global _last  # noqa: PLW0603 - replaced as a whole
    last = _last
    if type(headers) is list and status == last.status and headers == last.given:
        return last.head
    code = status_code(status)
    given = list(headers)
    fields: list[Field] = []
    length = -1
    trailing = False
    constant = type(status) is str
    for pair in given:
        if type(pair) is not tuple:
            constant = False
        name, value = pair
        field = native_field(name, value)
        known = field[0]
        # PEP 3333 forbids applications to send these; old ones may.
        if known in CONNECTION_FIELDS:
            _log.debug("left out a field that is the server's business: %r", known)
            continue
        if known == b"content-length":
            said = _length(field[1])
            if length >= 0:
                if said != length:
                    raise InvalidFieldError("there is more than one Content-Length")
                continue
            length = said
        elif known == b"trailer":
            trailing = True
        fields.append(field)
    head = Head(code, outgoing_fields(fields, False), length, trailing)
    if constant:
        _last = _Last(status, given, head)
    return head


def status_code(status: Any) -> int:
    """Return the code of a status such as ``"200 OK"``."""
    if not isinstance(status, str):
        raise TypeError(f"the status must be a str, not {type(status).__name__}")
    code = _codes.get(status)
    if code is None:
        # A reason phrase may be missing: HTTP/2 has none, and applications know.
        digits = status[:3]
        if not (digits.isascii() and digits.isdigit() and status[3:4] in ("", " ")):
            raise ValueError(f'the status must be like "200 OK", not {status!r}')
        code = int(digits)
        if code < 200:
            raise ValueError(f"{status!r} is not the status of a final response")
        if len(_codes) < _MOST_CODES:
            _codes[status] = code
    return code


def native_field(name: Any, value: Any) -> Field:
    """Return a field as octets, of which each character stands for one, the name in lower case."""
    if not isinstance(name, str) or not isinstance(value, str):
        raise TypeError(f"names and values of fields must be str: {name!r}, {value!r}")
    # Space around a value is no part of it (RFC 9110 §5.5), and HTTP/2 does not carry it.
    return (name.lower().encode("latin-1"), value.strip(" \t").encode("latin-1"))


def native_fields(fields: Iterable[tuple[Any, Any]]) -> list[Field]:
    """Return checked fields, for a section beside the head."""
    return outgoing_fields([native_field(name, value) for name, value in fields], False)


def _length(value: bytes) -> int:
    """Return the number in a Content-Length field."""
    if not value.isdigit():
        raise InvalidFieldError(f"{value!r} is no Content-Length")
    return int(value)
