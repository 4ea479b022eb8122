"""Responses of the static file server, and the small ones that need no file."""

from __future__ import annotations

import errno
import logging
import time
from dataclasses import dataclass

from .body import FileBody
from .dates import format_http_date

Headers = list[tuple[bytes, bytes]]

METHODS = (b"GET", b"HEAD", b"OPTIONS")
ALLOW = (b"allow", b", ".join(METHODS))
NO_CACHE = (b"cache-control", b"no-cache")
NOSNIFF = (b"x-content-type-options", b"nosniff")
_PLAIN = (b"content-type", b"text/plain; charset=utf-8")

_PHRASES = {
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    412: "Precondition Failed",
    416: "Range Not Satisfiable",
    500: "Internal Server Error",
    503: "Service Unavailable",
}

logger = logging.getLogger("plait.static")


@dataclass(frozen=True, slots=True)
class StaticResponse:
    """A response: status, fields (without `:status`) and body.

    The body is `None`, octets, or a `FileBody`, which whoever sends it has to close.
    """

    status: int
    headers: Headers
    body: bytes | FileBody | None = None

    def without_body(self) -> StaticResponse:
        """Return the answer to HEAD: the same fields, and the file closed."""
        if isinstance(self.body, FileBody):
            self.body.close()
        return StaticResponse(self.status, self.headers)


def date() -> tuple[bytes, bytes]:
    """The `date` field for a response made now (RFC 9110 §6.6.1)."""
    return b"date", format_http_date(int(time.time()))


def redirect(location: bytes) -> StaticResponse:
    """Send the client to `location` for good."""
    headers = [(b"location", location), (b"content-length", b"0"), NO_CACHE, date()]
    return StaticResponse(301, headers)


def error_response(status: int, detail: str = "", extra: Headers | None = None) -> StaticResponse:
    """Say what went wrong in a line of text."""
    text = f"{status} {_PHRASES[status]}" + (f": {detail}" if detail else "") + "\n"
    body = text.encode()
    headers = [_PLAIN, (b"content-length", b"%d" % len(body)), NO_CACHE, NOSNIFF, date()]
    return StaticResponse(status, headers + (extra or []), body)


def from_os_error(error: OSError, path: bytes) -> StaticResponse:
    """Tell the client no more than it has to know; the log gets the rest."""
    code = error.errno
    if code in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG):
        return error_response(404)
    if code in (errno.EACCES, errno.EPERM):
        logger.info("not allowed to read %r: %s", path, error)
        return error_response(403)
    if code in (errno.EMFILE, errno.ENFILE):
        logger.error("cannot open %r: %s", path, error)
        return error_response(503, extra=[(b"retry-after", b"1")])
    logger.error("cannot read %r: %s", path, error)
    return error_response(500)
