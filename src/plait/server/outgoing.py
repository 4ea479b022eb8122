"""A response body on its way from an application to the engine, which pulls it.

What an application has written waits here until the client and the socket take it. When much
waits the application is told to pause, and when little is left, to go on: it never produces
faster than the client reads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, BinaryIO

from plait.http2.body import steady
from plait.http2.constants import DATA_DEFERRED, DATA_EOF, DATA_OK

# Octets that wait at which an application is to pause, and at which it goes on.
_HIGH = 131_072
_LOW = 32_768

# Octets read from a file at a time: much more than a DATA frame carries.
_FILE_PIECE = 262_144


class Outgoing:
    """The body source of one response.

    :param went_down: called when the application was told to pause, and can go on.
    :ivar ended: nothing more will be written.
    """

    __slots__ = (
        "_chunks",
        "_cut",
        "_cut_octets",
        "_file",
        "_left",
        "_offset",
        "_paused",
        "_waiting",
        "_went_down",
        "ended",
    )

    def __init__(self, went_down: Callable[[], None]) -> None:
        self._went_down = went_down
        self._chunks: deque[Any] = deque()
        self._waiting = 0
        self._paused = False
        # A view of the first chunk, once it is being sent in parts; its octets, and those sent.
        self._cut: memoryview | None = None
        self._cut_octets = 0
        self._offset = 0
        # A file that is being sent, and how many octets of it are wanted: -1 for all.
        self._file: BinaryIO | None = None
        self._left = -1
        self.ended = False

    def write(self, data: Any) -> bool:
        """Add octets; whether many wait now."""
        octets = steady(data)
        size = len(octets)
        if size:
            self._chunks.append(octets)
            self._waiting += size
        return self._waiting >= _HIGH

    def has_room(self) -> bool:
        """Whether the application may go on; it is told later when it may not."""
        if self._waiting >= _HIGH:
            self._paused = True
        return not self._paused

    def send_file(self, file: BinaryIO, count: int | None) -> None:
        """Add octets of a file, from where it stands; it is closed when they have gone."""
        self._file = file
        self._left = -1 if count is None else count
        self._paused = True

    def read(self, most: int) -> tuple[Any, int]:
        """Answer the engine, as a body source does.

        :raises EOFError: if a file has fewer octets than were promised.
        """
        chunks = self._chunks
        if not chunks and self._file is not None:
            self._read_file(self._file)
        if not chunks:
            self._low()
            return None, DATA_EOF if self.ended and self._file is None else DATA_DEFERRED
        octets = self._next(chunks, most)
        self._low()
        if not self.ended or chunks or self._file is not None:
            return octets, DATA_OK
        return octets, DATA_EOF

    def _next(self, chunks: deque[Any], most: int) -> Any:
        """Return the next octets of the first chunk."""
        cut = self._cut
        if cut is None:
            chunk = chunks[0]
            size = len(chunk)
            if size <= most:
                chunks.popleft()
                self._waiting -= size
                return chunk
            cut = memoryview(chunk)
            self._cut = cut
            self._cut_octets = size
        start = self._offset
        end = start + most
        if end >= self._cut_octets:
            chunks.popleft()
            self._waiting -= self._cut_octets - start
            self._cut = None
            self._offset = 0
            return cut[start:]
        self._waiting -= most
        self._offset = end
        return cut[start:end]

    def close(self) -> None:
        """Forget everything: the response is over."""
        self._chunks.clear()
        self._cut = None
        self._offset = 0
        self._waiting = 0
        if self._file is not None:
            self._file.close()
            self._file = None

    def _low(self) -> None:
        """Let the application go on if it waits and little is left."""
        if self._paused and self._waiting <= _LOW and self._file is None:
            self._paused = False
            self._went_down()

    def _read_file(self, file: BinaryIO) -> None:
        """Read a piece of the file: synchronously, since most answer from the page cache."""
        wanted = _FILE_PIECE if self._left < 0 else min(self._left, _FILE_PIECE)
        data = file.read(wanted) if wanted else b""
        if data:
            self._chunks.append(data)
            self._waiting += len(data)
            if self._left > 0:
                self._left -= len(data)
        elif self._left > 0:
            raise EOFError("the file is shorter than was promised")
        if not data or self._left == 0:
            self._file = None
            file.close()
