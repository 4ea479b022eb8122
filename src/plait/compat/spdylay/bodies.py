"""Bodies of requests and responses that need not fit into memory."""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections import deque
from typing import Any, Protocol


class SpooledBody(io.BufferedRandom):
    """The body of a request that was too large for memory: a temporary file without a name.

    A file like any other, and with ``BytesIO``'s ``getvalue`` for programs that know ``rfile`` as
    one.
    """

    def getvalue(self) -> bytes:
        """Return all of it, wherever the position is; this is the one way to fill memory."""
        position = self.tell()
        try:
            self.seek(0)
            return self.read()
        finally:
            self.seek(position)


class RequestBody:
    """Collects a request's body: in memory up to a limit, on disk from there on.

    :param in_memory: octets that stay in memory.
    :ivar size: octets that are held.
    """

    def __init__(self, in_memory: int) -> None:
        self.size = 0
        self._in_memory = in_memory
        self._file: io.BytesIO | SpooledBody | None = None

    def write(self, data: bytes) -> None:
        """Append octets.

        :raises OSError: if the disk does not take them.
        """
        if not data:
            return
        self.size += len(data)
        file = self._file
        if file is None:
            file = self._file = io.BytesIO()
        if self.size > self._in_memory and isinstance(file, io.BytesIO):
            file = self._move_to_disk(file)
        file.write(data)

    def _move_to_disk(self, collected: io.BytesIO) -> SpooledBody:
        """Go on in a temporary file."""
        raw = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - see close
        file = self._file = SpooledBody(raw)
        file.write(collected.getbuffer())
        return file

    def file(self) -> io.BytesIO | SpooledBody | None:
        """Return the body as a file at its beginning; ``None`` if no octet came."""
        if self._file is not None:
            self._file.seek(0)
        return self._file

    def close(self) -> None:
        """Give the room back. What is in memory may go on living with the application."""
        if isinstance(self._file, SpooledBody):
            with contextlib.suppress(OSError):  # a full disk, for octets that nobody wants
                self._file.close()
        self.size = 0


class Readable(Protocol):
    """What can be sent as a body."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many octets; none at the end."""


class ResponseBody:
    """What is sent as a response's body: files, one after the other, each closed at its end."""

    def __init__(self) -> None:
        self._files: deque[tuple[Any, int | None]] = deque()

    def add(self, file: Readable, length: int | None = None) -> None:
        """Append a file.

        :param length: octets that are sent at most; ``None`` for everything.
        """
        self._files.append((file, length))

    def begin_with(self, content: bytes) -> None:
        """Put octets before the files."""
        if content:
            self._files.appendleft((io.BytesIO(content), len(content)))

    def read(self, octets: int) -> tuple[bytes, bool]:
        """Return some octets, and whether these were the last.

        :raises TypeError: for a file that does not give octets.
        :raises ValueError: for one that gives more than it was asked for.
        :raises Exception: whatever reading a file raises.
        """
        while self._files:
            file, left = self._files[0]
            wanted = octets if left is None else min(octets, left)
            data = _octets(file.read(wanted), wanted) if wanted else b""
            if data and left is not None:
                left -= len(data)
                self._files[0] = (file, left)
            if not data or left == 0:
                self._files.popleft()
                _close(file)
            if data:
                return data, not self._files
        return b"", True

    def close(self) -> None:
        """Close what has not been sent to its end.

        :raises Exception: what closing a file raises; the others are closed all the same.
        """
        while self._files:
            file, _ = self._files.popleft()
            try:
                _close(file)
            except BaseException:
                self.close()
                raise


def _octets(data: object, wanted: int) -> bytes:
    """Return what a file gave, if it is fit to be sent."""
    if not isinstance(data, bytes):
        raise TypeError(f"a body must be read as bytes, not as {type(data).__name__}")
    if len(data) > wanted:
        raise ValueError(f"read({wanted}) of a body gave {len(data)} octets")
    return data


def _close(file: object) -> None:
    """Close a file, if it is of the kind that is closed."""
    close = getattr(file, "close", None)
    if close is not None:
        close()
