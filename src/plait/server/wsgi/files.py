"""``wsgi.file_wrapper``: files as responses.

PEP 3333, "Optional Platform-Specific File Handling".
"""

from __future__ import annotations

import io
import os
import stat
from collections.abc import Iterator
from typing import Any


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

    def __iter__(self) -> Iterator[bytes]:
        """Read block by block."""
        while data := self.file.read(self.block_size):
            yield data


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
