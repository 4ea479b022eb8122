"""What is answered to a request that is not borne: a few words, and the connection ends."""

from __future__ import annotations

from ..dates import date_line

_PHRASES = {
    400: b"Bad Request",
    408: b"Request Timeout",
    413: b"Content Too Large",
    414: b"URI Too Long",
    417: b"Expectation Failed",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
    501: b"Not Implemented",
    505: b"HTTP Version Not Supported",
}


class Refusal(Exception):
    """A request that is refused. Internal: the client is answered, and the connection closed.

    :ivar status: of the answer.
    :ivar slug: the reason.
    """

    def __init__(self, status: int, slug: str) -> None:
        super().__init__(slug)
        self.status = status
        self.slug = slug


def refusal_answer(status: int, slug: str) -> bytes:
    """Return the whole answer. The slug says what was wrong, which is no secret."""
    phrase = _PHRASES[status]
    body = b"%b (%b)\n" % (phrase, slug.encode())
    return (
        b"HTTP/1.1 %d %b\r\n"
        b"content-type: text/plain; charset=utf-8\r\n"
        b"content-length: %d\r\n"
        b"%b"
        b"connection: close\r\n\r\n%b"
    ) % (status, phrase, len(body), date_line(), body)
