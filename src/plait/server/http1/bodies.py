"""The bodies of requests: how far the octets that came belong to them.

Each says exactly where its message ends, so that what follows is read as the next one and as
nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plait.http2.fields import MALFORMED_SLUGS, PSEUDO, TE, classify

from .refusal import Refusal

if TYPE_CHECKING:
    from plait.http2 import Config
    from plait.http2.fields import Field

# What the parser of a chunked body is told first: it wants to see a whole message.
_CHUNKED_HEAD = b"POST / HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
_EMPTY_LINE = b"\r\n\r\n"


class LengthBody:
    """A body with a Content-Length.

    :ivar complete: whether it is all there.
    :ivar piece: what the latest ``take`` found of it.
    :ivar trailers: there are none.
    """

    __slots__ = ("complete", "left", "piece", "trailers")

    def __init__(self, length: int) -> None:
        self.left = length
        self.complete = length == 0
        self.piece = b""
        self.trailers: list[Field] = []

    def take(self, data: bytes, start: int, room: int) -> int:
        """Take what is there; returns where the rest begins.

        :param room: octets that are wanted at most.
        """
        end = min(start + self.left, start + room, len(data))
        # a read that is all body is passed on as it is
        self.piece = data if end - start == len(data) else data[start:end]
        self.left -= end - start
        self.complete = self.left == 0
        return end


class ChunkedBody:
    """A body in chunks (RFC 9112 §7.1), which ``httptools`` takes apart.

    It cannot be stopped at the end of a message. But that is always an empty line, so it is given
    no more at a time than up to the next one.

    :ivar complete: whether it is all there.
    :ivar piece: what the latest ``take`` found of it, chunks joined.
    :ivar trailers: once it is complete.
    """

    __slots__ = (
        "complete",
        "config",
        "dry",
        "in_body",
        "parser",
        "piece",
        "pieces",
        "tail",
        "trailers",
    )

    def __init__(self, config: Config) -> None:
        import httptools

        self.config = config
        self.complete = False
        self.piece = b""
        self.trailers: list[Field] = []
        self.pieces: list[bytes] = []
        self.in_body = False
        # The last octets that were given to the parser, where an empty line may have begun.
        self.tail = b""
        # Octets since there was any of the body in them.
        self.dry = 0
        self.parser: Any = httptools.HttpRequestParser(self)
        self.parser.feed_data(_CHUNKED_HEAD)

    # --- called by the parser -------------------------------------------------------------------

    def on_headers_complete(self) -> None:
        """The body begins."""
        self.in_body = True

    def on_body(self, data: bytes) -> None:
        """Some of a chunk."""
        self.pieces.append(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A trailer; those of the head are ours."""
        if self.in_body:
            self.trailers.append((name.lower(), value.strip(b" \t")))

    def on_message_complete(self) -> None:
        """All is there."""
        self.complete = True

    # --- called by the connection ---------------------------------------------------------------

    def take(self, data: bytes, start: int, room: int) -> int:
        """Take what is there; returns where the rest begins.

        :param room: octets that are wanted at most.
        :raises Refusal: for what is malformed, or too much.
        """
        end = min(start + room, len(data))
        view = memoryview(data)
        while start < end and not self.complete:
            stop = min(self.stop(data, start), end)
            self.feed(view[start:stop])
            self.tail = (self.tail + data[max(start, stop - 3) : stop])[-3:]
            start = stop
        self.piece = self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
        self.pieces = []
        if self.complete:
            self.check_trailers()
        return start

    def stop(self, data: bytes, start: int) -> int:
        """Return where the next empty line ends that begins in ``data`` or just before."""
        tail = self.tail
        at = (tail + data[start : start + 3]).find(_EMPTY_LINE)
        if at >= 0:
            return start + at + 4 - len(tail)
        at = data.find(_EMPTY_LINE, start)
        return len(data) if at < 0 else at + 4

    def feed(self, view: memoryview) -> None:
        """Give the parser some octets."""
        import httptools

        pieces = len(self.pieces)
        try:
            self.parser.feed_data(view)
        except httptools.HttpParserError:
            raise Refusal(400, "http1.chunk") from None
        self.dry = 0 if len(self.pieces) > pieces else self.dry + len(view)
        # Neither an extension of a chunk nor trailers may go on for ever.
        if self.dry > self.config.max_header_list_size:
            raise Refusal(431, "http1.chunk_extension")

    def check_trailers(self) -> None:
        """Judge the trailers as HTTP/2's (RFC 9113 §8.1)."""
        limits = self.config.limits
        octets = 0
        for name, value in self.trailers:
            octets += len(name) + len(value) + 32
            kind = classify(name, value)
            if kind < 0:
                raise Refusal(400, MALFORMED_SLUGS[-kind])
            if kind & (PSEUDO | TE):
                raise Refusal(400, "field.te" if kind & TE else "field.name")
        if octets > self.config.max_header_list_size:
            raise Refusal(431, "headers.too_large")
        if len(self.trailers) > limits.max_fields:
            raise Refusal(431, "headers.too_many")
