"""The head of a request in HTTP/1.x: parsed by ``httptools``, then judged as in HTTP/2.

The parser is given exactly one head at a time, from the request line to the empty line. So the
octets can be compared with what it made of them: it skips what it takes for harmless (several
spaces, for one), and what two readers of a message may read in two ways is how requests are
smuggled (RFC 9112 §11.2). Whatever is odd is refused, never repaired.

Clients repeat themselves. A head of the same octets as the last on its connection has the same
meaning, and is not read again.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .judge import judge
from .refusal import Refusal
from .request import RequestHead

if TYPE_CHECKING:
    from plait.http2 import Config

_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
# A bare LF, a bare CR, and NUL.
_NO_LINE = re.compile(rb"(?<!\r)\n|\r(?=[^\n])|\0")
_HTTP_11 = b"HTTP/1.1"
_HTTP_10 = b"HTTP/1.0"
_VERSION = re.compile(rb"HTTP/[0-9]\.[0-9]")


class HeadReader:
    """Reads the heads of one connection; called back by the parser while it does.

    :param config: its limits of field sections are those of HTTP/2.
    """

    def __init__(self, config: Config) -> None:
        self.max_octets = config.max_header_list_size
        self.max_fields = config.limits.max_fields
        self.max_cookies = config.limits.max_cookies
        import httptools

        self.library: Any = httptools
        self.parser: Any = None
        self.target = b""
        self.given: list[tuple[bytes, bytes]] = []
        self.repeated = b""
        self.repeated_head: RequestHead | None = None

    # --- called by the parser -------------------------------------------------------------------

    def on_url(self, url: bytes) -> None:
        """The request target."""
        self.target = url

    def on_header(self, name: bytes, value: bytes) -> None:
        """A field."""
        self.given.append((name, value))

    # --- one head -------------------------------------------------------------------------------

    def recall(self, data: bytes) -> RequestHead | None:
        """Return what a head says that has the octets of the last, and nothing behind it."""
        return self.repeated_head if data == self.repeated else None

    def read(self, octets: bytes) -> RequestHead:
        """Return what a head says.

        :param octets: from the request line up to and including the first empty line.
        :raises Refusal: if it is malformed, or more than is borne.
        """
        if octets == self.repeated and self.repeated_head is not None:
            return self.repeated_head
        # The number of lines says it before anything is made of them.
        feeds = octets.count(b"\n")
        if feeds - 2 > self.max_fields + self.max_cookies:
            raise Refusal(431, "headers.too_many")
        line = octets[: octets.find(b"\r\n")]
        version = _version_of(line)
        self.given = []
        method = self.parse(octets, line)
        # What the parser skipped, joined or split does not count the same.
        # RFC 9112 §3: exactly one space between the parts of the request line.
        if line != b" ".join((method, self.target, version)):
            raise Refusal(400, "http1.request_line")
        # RFC 9112 §5.2, §2.2: no line folding, no bare CR or LF.
        lines = len(self.given) + 2
        if feeds != lines or octets.count(b"\r") != lines:
            raise Refusal(400, "http1.line_ending")
        head = RequestHead(method, "1.1" if version == _HTTP_11 else "1.0")
        judge(self, head)
        if head.protocol is not None or head.has_body() or not head.keep_alive:
            self.parser = None
        self.repeated = octets
        self.repeated_head = head
        return head

    def parse(self, octets: bytes, line: bytes) -> bytes:
        """Let ``httptools`` take a head apart; returns the method.

        A parser that is to be given a body, or has failed, is not used again.
        """
        httptools = self.library
        parser = self.parser
        if parser is None:
            parser = httptools.HttpRequestParser(self)
        self.parser = None
        try:
            parser.feed_data(octets)
            self.parser = parser
        except httptools.HttpParserUpgrade:
            pass  # not before we say so
        except httptools.HttpParserInvalidMethodError:
            # RFC 9110 §9.1: 501 for a method that is not recognised.
            if len(line.split(b" ")) == 3 and _TOKEN.fullmatch(line.partition(b" ")[0]):
                raise Refusal(501, "http1.method") from None
            raise Refusal(400, "http1.request_line") from None
        except httptools.HttpParserInvalidURLError:
            raise Refusal(400, "field.path") from None
        except httptools.HttpParserError:
            raise Refusal(400, "http1.syntax") from None
        method: bytes = parser.get_method()
        return method


def check_part(data: bytes, start: int, scanned: int, longest: int) -> None:
    """Refuse at once a head that no more octets can make good.

    :param start: where it begins.
    :param scanned: up to here it was looked at before.
    :param longest: octets that are borne.
    :raises Refusal: if it is too long already, or has a line that does not end in CRLF.
    """
    if len(data) - start > longest:
        # RFC 9112 §3: 414 for a target that is longer than any that is wanted.
        if data.find(b"\r\n", start, start + longest) < 0:
            raise Refusal(414, "http1.target")
        raise Refusal(431, "headers.too_large")
    if _NO_LINE.search(data, scanned):
        raise Refusal(400, "http1.line_ending")


def _version_of(line: bytes) -> bytes:
    """Return the version that a request line ends with: that of HTTP/1.1, or of 1.0.

    :raises Refusal: for another one, or none.
    """
    version = line[line.rfind(b" ") + 1 :]
    if version == _HTTP_11:
        return _HTTP_11
    if version == _HTTP_10:
        return _HTTP_10
    # RFC 9113 §3.4: what HTTP/2 begins with has no business here any more.
    if _VERSION.fullmatch(version) and not line.startswith(b"PRI "):
        raise Refusal(505, "http1.version")
    raise Refusal(400, "http1.request_line")
