"""The fields of an application's messages, checked to be what the specification says.

Applications send the same fields again and again, the very same objects: what was checked last
is remembered, and compared by identity.
"""

from __future__ import annotations

from typing import Any

from plait.http2.fields import identical

from .errors import MessageError


class CheckedFields:
    """The fields of a message.

    :ivar given: the fields; nobody may change this list.
    :ivar length: the octets of content that ``content-length`` says; -1 where it says nothing, or
        what is no number, which the exchange will refuse.
    """

    __slots__ = ("given", "length")

    def __init__(self, given: list[Any], length: int) -> None:
        self.given = given
        self.length = length


class _Last:
    """What was checked last; replaced as a whole."""

    __slots__ = ("checked",)

    def __init__(self, checked: CheckedFields) -> None:
        self.checked = checked


_last = _Last(CheckedFields([], -1))


def checked_fields(headers: Any, kind: str) -> CheckedFields:
    """Return the fields of a message.

    :param headers: an iterable of pairs, or ``None``.
    :param kind: the type of the message, for whoever reads the error.
    :raises MessageError: if a field is not name and value, both ``bytes``.
    """
    if headers is None:
        return CheckedFields([], -1)
    last = _last.checked
    if type(headers) is list:
        if identical(headers, last.given):
            return last
        given = headers[:]
    else:
        given = list(headers)
    length = -1
    constant = True
    for field in given:
        if len(field) != 2:
            raise MessageError(f"{kind}: a header is name and value, not {field!r}")
        name = field[0]
        value = field[1]
        if type(name) is not bytes or type(value) is not bytes:
            if not isinstance(name, bytes) or not isinstance(value, bytes):
                raise MessageError(f"{kind}: the header {field!r} is not of bytes")
        if type(field) is not tuple:
            constant = False
        if len(name) == 14 and name.lower() == b"content-length":
            length = content_length(value)
    checked = CheckedFields(given, length)
    if constant:
        _last.checked = checked
    return checked


def content_length(value: bytes) -> int:
    """Return the number that a field says; -1 if it is none."""
    return int(value) if value.isdigit() and len(value) < 19 else -1
