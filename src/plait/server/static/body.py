"""The body of a response, read from an open file piece by piece."""

from __future__ import annotations

import io
import os
from collections import deque
from collections.abc import Iterable

from plait.http2.constants import DATA_EOF, DATA_OK

# What one read takes when the caller names no size.
_CHUNK = 64 * 1024


class FileBody(io.IOBase):
    """Octets and slices of one file in order, never more of them in memory than were asked for.

    Reading is synchronous: a local file answers from the page cache or the disk, and handing it to
    a thread costs more than the usual wait.

    :param fd: an open file's descriptor; from now on it belongs to the body, and `close` closes it.
    :param segments: octets, and `(start, length)` pairs of places in the file.
    """

    def __init__(self, fd: int, segments: Iterable[bytes | tuple[int, int]]) -> None:
        self._fd = fd
        self._segments = deque(segments)

    def readable(self) -> bool:
        """Return `True`: this stream is for reading."""
        return True

    def fileno(self) -> int:
        """Return the descriptor of the file behind the body."""
        return self._fd

    def generate(self, size: int) -> tuple[bytes, int]:
        """Return up to `size` octets as a body generator does, the last with `DATA_EOF`.

        Unlike a file, which has to be read once more to show its end, this lets the end of the
        stream travel with the last octets.

        :raises EOFError: as `read1` does.
        """
        data = self.read1(size)
        return data, DATA_OK if self._segments else DATA_EOF

    def read1(self, size: int = _CHUNK) -> bytes:
        """Return up to `size` octets, `b""` at the end.

        :raises EOFError: if the file has become shorter than it was: the length has been promised,
            so the stream has to be reset, not ended.
        """
        while self._segments:
            segment = self._segments.popleft()
            if isinstance(segment, bytes):
                data, rest = segment[:size], segment[size:]
                if rest:
                    self._segments.appendleft(rest)
            else:
                start, length = segment
                data = os.pread(self._fd, min(size, length), start)
                if length and not data:
                    raise EOFError("the file was cut short while it was being sent")
                if len(data) < length:
                    self._segments.appendleft((start + len(data), length - len(data)))
            if data:
                return data
        return b""

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` octets, or with a negative size all that is left."""
        if size >= 0:
            return self.read1(size) if size else b""
        return b"".join(iter(self.read1, b""))

    def close(self) -> None:
        """Close the file; more than once does no harm."""
        if not self.closed:
            self._segments.clear()
            os.close(self._fd)
        super().close()
