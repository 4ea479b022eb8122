"""The ``date`` of responses: made once a second, for both versions of HTTP.

RFC 9110 §6.6.1: an origin server with a clock MUST generate a Date field in responses of the
classes 2xx, 3xx and 4xx.
"""

from __future__ import annotations

from time import time

from .static.dates import format_http_date

Field = tuple[bytes, bytes]


class _Now:
    """The current second, as a field and as a line; replaced as a whole."""

    __slots__ = ("begin", "end", "field", "line")

    def __init__(self, second: int) -> None:
        value = format_http_date(second)
        self.begin = float(second)
        self.end = self.begin + 1.0
        self.field: Field = (b"date", value)
        self.line = b"date: %b\r\n" % value


_now = _Now(0)


def _current() -> _Now:
    """Return what belongs to the current second."""
    global _now  # noqa: PLW0603 - the cache is the point
    now = time()
    if not _now.begin <= now < _now.end:
        _now = _Now(int(now))
    return _now


def date_field() -> Field:
    """Return ``(b"date", ...)`` with the current time: the same object within a second."""
    return _current().field


def date_line() -> bytes:
    """Return the field as a line of HTTP/1.1, with its CRLF."""
    return _current().line
