"""The bodies of requests: how far the octets that came belong to them.

Each says exactly where its message ends, so that what follows is read as the next one and as
nothing else.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from plait.http2.fields import CONTENT_LENGTH, HOST, MALFORMED_SLUGS, PSEUDO, TE, classify

from .refusal import Refusal

if TYPE_CHECKING:
    from plait.http2 import Config
    from plait.http2.fields import Field

# RFC 9112 §7.1, §7.1.1, without the white space that only bad senders put there.
_TOKEN = rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED = rb'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,15})(?:;%b(?:=(?:%b|%b))?)*\r\n" % (_TOKEN, _TOKEN, _QUOTED))
_CRLF = b"\r\n"
# Of the size of a chunk, which are read by hand: a small chunk costs no more than its line.
_FEW_DIGITS = 6

# What comes next: the size of a chunk, the end of its line behind it, trailers.
_SIZE = 0
_AFTER = 1
_TRAILERS = 2


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
    """A body in chunks (RFC 9112 §7.1).

    ``httptools`` cannot be stopped at the end of a message, so this is read here, and strictly:
    the size of a chunk is what two readers most often read in two ways.

    :ivar complete: whether it is all there.
    :ivar piece: what the latest ``take`` found of it, chunks joined.
    :ivar trailers: once it is complete.
    """

    __slots__ = (
        "complete",
        "extensions",
        "left",
        "line",
        "max_fields",
        "max_octets",
        "octets",
        "piece",
        "pieces",
        "state",
        "trailers",
    )

    def __init__(self, config: Config) -> None:
        self.max_octets = config.max_header_list_size
        self.max_fields = config.limits.max_fields
        self.complete = False
        self.piece = b""
        self.trailers: list[Field] = []
        self.pieces: list[bytes] = []
        self.state = _SIZE
        # Octets of the chunk that are still to come, and of the body that were there.
        self.left = 0
        self.octets = 0
        # Octets of extensions, or of trailers; and what there is of a line that has not ended.
        self.extensions = 0
        self.line = b""

    def take(self, data: bytes, start: int, room: int) -> int:
        """Take what is there; returns where the rest begins.

        :param room: octets that are wanted at most.
        :raises Refusal: for what is malformed, or too much.
        """
        end = min(start + room, len(data))
        while start < end and not self.complete:
            if self.left > 0:
                stop = min(start + self.left, end)
                self.pieces.append(data[start:stop])
                self.left -= stop - start
                self.octets += stop - start
            else:
                stop = self.take_line(data, start, end)
            start = stop
        self.piece = self.pieces[0] if len(self.pieces) == 1 else b"".join(self.pieces)
        self.pieces = []
        return start

    def take_line(self, data: bytes, start: int, end: int) -> int:
        """Take a line, or what there is of one; returns where the rest begins."""
        at = data.find(b"\n", start, end)
        stop = end if at < 0 else at + 1
        line = self.line + data[start:stop]
        if self.state == _AFTER:
            # as short as it is, nobody needs to wait for its end to see that it is wrong
            if not _CRLF.startswith(line):
                raise Refusal(400, "http1.chunk")
        elif len(line) > self.max_octets:
            raise Refusal(431, "http1.chunk_extension")
        if at < 0:
            self.line = line
            return stop
        self.line = b""
        if self.state == _SIZE:
            self.begin_chunk(line)
        elif self.state == _AFTER:
            self.state = _SIZE
        elif line == _CRLF:
            self.complete = True
        else:
            self.take_trailer(line)
        return stop

    def begin_chunk(self, line: bytes) -> None:
        """Read the size of a chunk; what extensions say is ignored (RFC 9112 §7.1.1)."""
        size = _size_of(line)
        if size < 0:
            match = _CHUNK.fullmatch(line)
            if match is None:
                raise Refusal(400, "http1.chunk")
            digits = match[1]
            # An octet of body with a long extension each time would be much work for a small body.
            self.extensions += len(line) - len(digits) - 2
            if self.extensions > self.max_octets + self.octets:
                raise Refusal(431, "http1.chunk_extension")
            size = int(digits, 16)
        self.left = size
        self.state = _AFTER
        if size == 0:
            self.state = _TRAILERS
            self.extensions = 0

    def take_trailer(self, line: bytes) -> None:
        """Judge a trailer as HTTP/2's (RFC 9113 §8.1)."""
        name, colon, value = line[:-2].partition(b":")
        if not colon or not line.endswith(_CRLF):
            raise Refusal(400, "http1.chunk")
        name = name.lower()
        value = value.strip(b" \t")
        kind = classify(name, value)
        if kind < 0:
            raise Refusal(400, MALFORMED_SLUGS[-kind])
        # RFC 9110 §6.5.1: what frames or routes a message MUST NOT be in its trailers.
        if kind & (PSEUDO | TE | CONTENT_LENGTH | HOST):
            raise Refusal(400, "http1.chunk")
        self.trailers.append((name, value))
        self.extensions += len(name) + len(value) + 32
        if self.extensions > self.max_octets:
            raise Refusal(431, "headers.too_large")
        if len(self.trailers) > self.max_fields:
            raise Refusal(431, "headers.too_many")


def _size_of(line: bytes) -> int:
    """Return the size of a chunk whose line is short and has nothing else; -1 for any other."""
    end = len(line) - 2
    if not 0 < end <= _FEW_DIGITS or not line.endswith(_CRLF):
        return -1
    size = 0
    for index in range(end):
        octet = line[index]
        if 0x30 <= octet <= 0x39:
            size = size * 16 + octet - 0x30
        elif 0x41 <= octet <= 0x46 or 0x61 <= octet <= 0x66:
            size = size * 16 + (octet & 0x0F) + 9
        else:
            return -1
    return size
