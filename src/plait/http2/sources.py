"""Body sources made of the objects that programs hand over as bodies.

The engine takes a body as octets, or as a *body source*: a callable ``source(max_octets)`` that
returns ``(data, flag)`` with at most that many octets and one of ``DATA_OK``, ``DATA_EOF`` and
``DATA_DEFERRED``. Text and files are made into one or the other here, for servers and clients
alike. Nothing is read before the engine asks, and no file is ever closed.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Protocol, cast

from .body import Octets, Read
from .constants import DATA_EOF, DATA_OK


class Readable(Protocol):
    """A binary file, as far as it matters here."""

    def read(self, size: int, /) -> object:
        """Return up to ``size`` octets; none at the end."""


class FileBody:
    """A body read from a binary file; the file must not block.

    ``read1`` is preferred, which returns what is there; a raw file without it is read with
    ``read``. What the file returns is for the engine to judge: it resets the stream of a file
    that gives text, or ``None`` because it has nothing yet.
    """

    __slots__ = ("_read",)

    def __init__(self, file: Readable) -> None:
        self._read: Callable[[int], object] = getattr(file, "read1", file.read)

    def __call__(self, max_octets: int) -> tuple[Octets | None, int]:
        """Return the next octets, and ``DATA_EOF`` when there are none left."""
        data = self._read(max_octets)
        if not isinstance(data, bytes | bytearray | memoryview):
            raise TypeError(f"the file of a body gave {type(data).__name__}, not bytes")
        return data, DATA_OK if len(data) else DATA_EOF


class OctetsBody:
    """A body that is in memory, given out piece by piece without copies."""

    __slots__ = ("_position", "_view")

    def __init__(self, data: Octets) -> None:
        self._view = memoryview(data)
        self._position = 0

    def __call__(self, max_octets: int) -> tuple[Octets | None, int]:
        """Return the next octets, with ``DATA_EOF`` when they are the last."""
        start = self._position
        self._position = start + max_octets
        flag = DATA_OK if self._position < len(self._view) else DATA_EOF
        return self._view[start : self._position], flag


def body_source(body: object) -> bytes | Read | None:
    """Return ``body`` in a form that the engine's sending calls take.

    ``None`` stays ``None``. ``str`` becomes UTF-8. ``bytes`` stay, and a mutable buffer is copied,
    because it may change before it is sent. A binary file (``io.IOBase``, or a wrapper around one
    such as ``tempfile``'s) becomes a body source. Anything else is taken to be a body source and
    returned as it is: the engine resets the stream of one that is none.
    """
    if body is None or isinstance(body, bytes):
        return body
    if isinstance(body, str):
        return body.encode()
    if isinstance(body, bytearray | memoryview):
        return bytes(body)
    if isinstance(body, io.IOBase) or hasattr(body, "readinto"):
        return FileBody(cast("Readable", body))
    return cast("Read", body)


def wrap_body(body: object) -> Read | None:
    """Return ``body`` as a body source (a *body generator*), or ``None`` for no body.

    Accepts what ``body_source`` accepts.
    """
    source = body_source(body)
    return OctetsBody(source) if isinstance(source, bytes) else source
