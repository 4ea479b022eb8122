"""``wsgi.file_wrapper``: files as responses.

PEP 3333, "Optional Platform-Specific File Handling".
"""

from __future__ import annotations

import io
import os
import stat
from typing import Any, Self


class FileWrapper:
    """An application returns one to have a file sent. Regular files leave without its thread.

    :param file: has ``read``; is closed with the wrapper if it has ``close``.
    :param block_size: octets that are read at a time where the file is not a regular one.
    """

    def __init__(self, file: Any, block_size: int = 65_536) -> None:
        self.file = file
        self.block_size = block_size
        if hasattr(file, "close"):
            self.close = file.close

    # It is an iterator with a position, as Werkzeug's is: that serves ranges by its means, and
    # closes what ``iter`` gave it.

    def __iter__(self) -> Self:
        """Return the wrapper: it can be read once."""
        return self

    def __next__(self) -> Any:
        """Read the next block."""
        data = self.file.read(self.block_size)
        if not data:
            raise StopIteration
        return data

    def seekable(self) -> bool:
        """Whether the file can be read from anywhere."""
        return bool(hasattr(self.file, "seekable") and self.file.seekable())

    def seek(self, offset: int, whence: int = os.SEEK_SET, /) -> int:
        """Go to some place of the file; return where that is."""
        return int(self.file.seek(offset, whence))

    def tell(self) -> int:
        """Return where in the file we are."""
        return int(self.file.tell())


def octets_left(file: Any) -> int | None:
    """Return how many octets a file has from where it stands; ``None`` if it is not a regular one.

    Only what Python itself opens is trusted to read the octets of its descriptor: others, such as
    ``gzip.GzipFile``, have one whose octets are something else.
    """
    if not isinstance(file, (io.BufferedReader, io.BufferedRandom, io.FileIO)):
        return None
    try:
        # A BufferedReader may be put upon anything, as well.
        if not isinstance(file, io.FileIO) and not isinstance(file.raw, io.FileIO):
            return None
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            return None
        return max(0, status.st_size - file.tell())
    except (OSError, ValueError):
        return None


def own(file: Any) -> io.FileIO:
    """Return a file of our own, which stands where ``file`` does and outlives it."""
    at = file.tell()
    twin = io.FileIO(os.dup(file.fileno()), "rb")
    twin.seek(at)
    return twin
