"""The octets of responses in HTTP/1.1: status lines, fields, and how the body is delimited."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any

from plait.http2.errors import InvalidFieldError
from plait.http2.fields import Field, outgoing_fields

from ..dates import date_line


def _status_lines() -> list[bytes]:
    """Return the status line for each status, by its number (RFC 9112 §4)."""
    phrases = {int(status): status.phrase.encode() for status in HTTPStatus}
    return [b"HTTP/1.1 %d %b\r\n" % (code, phrases.get(code, b"")) for code in range(1000)]


STATUS_LINES = _status_lines()

CRLF = b"\r\n"
NO_LINE = b""
LAST_CHUNK = b"0\r\n\r\n"
CLOSE = b"connection: close\r\n\r\n"
KEEP_ALIVE = b"connection: keep-alive\r\n\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"


class Rendered:
    """The fields of a response, as they go out.

    :ivar lines: each with its CRLF; Content-Length is not among them.
    :ivar content_length: -1 where the application has given none.
    :ivar has_date: whether the application has given a date.
    """

    __slots__ = ("content_length", "has_date", "latest", "lines", "ready")

    def __init__(self, ready: list[Field]) -> None:
        self.ready = ready
        self.content_length = -1
        self.has_date = False
        self.latest: _Head | None = None
        lines: list[bytes] = []
        for name, value in ready:
            if name == b"content-length":
                # RFC 9110 §8.6: 1*DIGIT, which the validator saw to; and no two of them
                if self.content_length >= 0:
                    raise InvalidFieldError("content-length must not be sent twice")
                self.content_length = int(value)
                continue
            if name == b"date":
                self.has_date = True
            lines += (name, b": ", value, CRLF)
        self.lines = b"".join(lines)

    def head(self, status: int, length: int, coding: bytes, last: bytes) -> bytes:
        """Return a whole head.

        :param length: for Content-Length; -1 for none.
        :param coding: the line that says so if the body comes in chunks.
        :param last: what it ends with: the empty line, and ``connection`` before it if need be.
        """
        date = NO_LINE if self.has_date else date_line()
        latest = self.latest
        if (
            latest is not None
            and latest.date is date
            and latest.status == status
            and latest.length == length
            and latest.coding is coding
            and latest.last is last
        ):
            return latest.octets
        line = b"content-length: %d\r\n" % length if length >= 0 else coding
        octets = b"".join((STATUS_LINES[status], line, self.lines, date, last))
        self.latest = _Head(status, length, coding, date, last, octets)
        return octets


class _Head:
    """A whole head and what it was made of: most responses of a second have the same."""

    __slots__ = ("coding", "date", "last", "length", "octets", "status")

    def __init__(
        self, status: int, length: int, coding: bytes, date: bytes, last: bytes, octets: bytes
    ) -> None:
        self.status = status
        self.length = length
        self.coding = coding
        self.date = date
        self.last = last
        self.octets = octets


class _Last:
    """The last fields: programs that answer with the same objects again are answered at once."""

    __slots__ = ("rendered",)

    def __init__(self) -> None:
        self.rendered = Rendered([])


_last = _Last()


def rendered(headers: Iterable[Any]) -> Rendered:
    """Return fields as they go out.

    :raises InvalidFieldError: for a field that may not be sent.
    """
    ready = outgoing_fields(headers, False)
    last = _last.rendered
    # The validator returns the same list for the same fields.
    if ready is last.ready:
        return last
    new = Rendered(ready)
    _last.rendered = new
    return new


def rendered_trailers(trailers: Iterable[Any]) -> bytes:
    """Return the end of a chunked body with these trailers.

    :raises InvalidFieldError: for a field that may not be sent.
    """
    fields = outgoing_fields(trailers, False)
    # RFC 9110 §6.5.1: what frames the message MUST NOT be in its trailers.
    for name, _ in fields:
        if name == b"content-length":
            raise InvalidFieldError("content-length must not be sent as a trailer")
    lines = [b"%b: %b\r\n" % field for field in fields]
    return b"0\r\n%b\r\n" % b"".join(lines)


def interim_head(status: int, headers: Iterable[Any]) -> bytes:
    """Return an interim response, or the head of a switch of protocols.

    :raises InvalidFieldError: for a field that may not be sent.
    """
    fields = outgoing_fields(headers, False)
    # RFC 9110 §8.6: MUST NOT be sent with an interim response.
    for name, _ in fields:
        if name == b"content-length":
            raise InvalidFieldError("content-length must not be sent with an interim response")
    lines = [b"%b: %b\r\n" % field for field in fields]
    return b"%b%b\r\n" % (STATUS_LINES[status], b"".join(lines))
