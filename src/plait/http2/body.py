"""What an application gave to be sent on one stream: octets, a source, trailers.

A ``Body`` is *pulled from*: the pump asks for as many octets as windows and transport allow.
Octets given as bytes leave as slices of what was given, without a copy. A *source* is asked
``read(max_octets)`` and answers ``(data, flag)``, as nghttp2's body generators do.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Protocol

from .constants import DATA_DEFERRED, DATA_EOF, DATA_OK

Octets = bytes | bytearray | memoryview
Field = tuple[bytes, bytes]
Read = Callable[[int], tuple[Octets | None, int]]


class SupportsRead(Protocol):
    """A body source given as an object."""

    def read(self, max_octets: int, /) -> tuple[Octets | None, int]:
        """Return at most ``max_octets`` octets and a flag."""


BodySource = Read | SupportsRead


def steady(data: object) -> bytes | memoryview:
    """Return octets that nobody changes any more, one item an octet: copied only if need be.

    :raises TypeError: if these are no octets.
    """
    if type(data) is bytes:
        return data
    if type(data) is memoryview and data.readonly and data.c_contiguous:
        if type(data.obj) is not bytearray:
            return data if data.format == "B" and data.ndim == 1 else data.cast("B")
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"octets are wanted, not {type(data).__name__}")
    return bytes(data)


class Body:
    """Chunks, then a source, then trailers; the order in which they leave.

    :ivar chunks: octets given with ``send_data``; the first may be partly sent.
    :ivar cut: a view of the first, once it is being sent in parts, and how many octets it has.
    :ivar offset: how many of them were sent.
    :ivar read: the source's function, ``None`` when there is no source.
    :ivar ends: the stream ends after what is here.
    :ivar trailers: a trailer section to end it with.
    :ivar resumed: ``resume`` was called while the source was being asked.
    """

    __slots__ = (
        "chunks",
        "cut",
        "cut_octets",
        "ends",
        "offset",
        "read",
        "reading",
        "resumed",
        "starved",
        "trailers",
    )

    def __init__(self) -> None:
        self.chunks: deque[Octets] | None = None
        self.cut: memoryview | None = None
        self.cut_octets = 0
        self.offset = 0
        self.read: Read | None = None
        self.ends = False
        self.trailers: list[Field] | None = None
        self.reading = False
        self.resumed = False
        # The source had nothing, but did not defer: its turn passes until the next pull.
        self.starved = False

    def add(self, data: Octets) -> None:
        """Queue octets that are ``steady``."""
        if len(data) == 0:
            return
        if self.chunks is None:
            self.chunks = deque()
        self.chunks.append(data)

    def has_octets(self) -> bool:
        """Whether octets or a source wait, which need credit to be sent."""
        return self.read is not None or (self.chunks is not None and len(self.chunks) > 0)

    def take(self, most: int) -> Octets | None:
        """Return the next octets, ``most`` at most; ``None`` when the source asked to wait.

        :raises TypeError, ValueError: when the source broke its contract.
        :raises Exception: whatever the source raised.
        """
        chunks = self.chunks
        if chunks:
            return self.slice(chunks, most)
        return self.ask(most)

    def slice(self, chunks: deque[Octets], most: int) -> Octets:
        """Return the next octets of the first chunk."""
        cut = self.cut
        if cut is None:
            chunk = chunks[0]
            size = len(chunk)
            if size <= most:
                chunks.popleft()
                return chunk
            cut = memoryview(chunk)
            self.cut = cut
            self.cut_octets = size
        start = self.offset
        end = start + most
        if end >= self.cut_octets:
            chunks.popleft()
            self.cut = None
            self.offset = 0
            return cut[start:]
        self.offset = end
        return cut[start:end]

    def ask(self, most: int) -> Octets | None:
        """Ask the source."""
        read = self.read
        if read is None:
            return b""
        self.resumed = False
        self.reading = True
        try:
            answer = read(most)
        finally:
            self.reading = False
        if type(answer) is not tuple or len(answer) != 2:
            raise TypeError("a body source must return a tuple (data, flag)")
        data, flag = answer
        if flag == DATA_DEFERRED:
            # What comes with "deferred" is dropped, as nghttp2 does.
            return None
        octets = b"" if data is None else steady(data)
        if len(octets) > most:
            raise ValueError(f"a body source returned {len(octets)} octets, {most} were asked for")
        if flag == DATA_EOF:
            self.read = None
        elif flag != DATA_OK:
            raise ValueError(f"a body source returned the unknown flag {flag!r}")
        elif len(octets) == 0:
            self.starved = True
        return octets
