"""The way of a response: from what the application returned to the engine.

The engine pulls. A body of one chunk is given to it whole. Of a longer one it is given the next
chunk when the one before has left, so that an application is asked for no more than the client
takes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Any

from plait.http2 import DATA_DEFERRED, DATA_EOF, DATA_OK
from plait.http2.constants import CONNECTION_FIELDS

from .environ import get_header
from .state import H2State

# Statuses of responses without content (RFC 9110 §6.4.1).
_EMPTY = frozenset((204, 205, 304))

# Chunks that wait behind the one that is being sent: with them the sender knows which is the last.
CHUNKS_AHEAD = 2


class Outgoing:
    """The body source of one stream: a chunk at a time.

    :ivar left: done when the chunk has left.
    """

    __slots__ = ("_chunk", "_last", "left")

    def __init__(self) -> None:
        self._chunk: memoryview | None = None
        self._last = False
        self.left: asyncio.Future[None] | None = None

    def give(self, chunk: bytes, last: bool, left: asyncio.Future[None]) -> None:
        """Take a chunk; nothing follows the ``last`` one."""
        self._chunk = memoryview(chunk)
        self._last = last
        self.left = left

    def read(self, most: int) -> tuple[memoryview | None, int]:
        """Return the next octets: the engine asks when it can send them."""
        chunk = self._chunk
        if chunk is None:
            return None, DATA_DEFERRED
        if len(chunk) > most:
            self._chunk = chunk[most:]
            return chunk[:most], DATA_OK
        self._chunk = None
        if self.left is not None and not self.left.done():
            self.left.set_result(None)
        return chunk, DATA_EOF if self._last else DATA_OK


class Head:
    """The head of a response as the engine takes it.

    :ivar status: 200 to 999.
    :ivar fields: names in lower case, without those that HTTP/2 does not have.
    :ivar empty: the response has no content.
    :raises ValueError: for a status that is none.
    """

    __slots__ = ("empty", "fields", "status")

    def __init__(self, state: H2State) -> None:
        (_, status), *headers = state.get_response_headers()
        code = int(status) if status.isascii() and status.isdigit() else 0
        if not 200 <= code <= 999:
            raise ValueError(f"{status!r} is not the status of a response")
        self.status = code
        fields = [(octets(name).lower(), octets(value)) for name, value in headers]
        # Applications for HTTP/1.1 may send what HTTP/2 does not have.
        self.fields = [field for field in fields if field[0] not in CONNECTION_FIELDS]
        self.empty = code in _EMPTY or get_header(state.headers, ":method") == "HEAD"


def octets(text: Any) -> bytes:
    """Return a name or value as WSGI has it; what is beyond Latin-1 becomes UTF-8."""
    shown = str(text)
    try:
        return shown.encode("latin-1")
    except UnicodeEncodeError:
        return shown.encode()


class Chunks:
    """What an application returned: chunks, the empty ones left out."""

    __slots__ = ("_close", "_iterator")

    def __init__(self, result: Iterable[bytes]) -> None:
        self._iterator = iter(result)
        self._close = getattr(result, "close", None)

    def next(self) -> bytes | None:
        """Return the next chunk; ``None`` at the end.

        :raises TypeError: for what is not octets.
        """
        for chunk in self._iterator:
            if not isinstance(chunk, bytes | bytearray | memoryview):
                raise TypeError(f"a response consists of bytes, not of {type(chunk).__name__}")
            if len(chunk):
                return bytes(chunk)
        return None

    def close(self) -> None:
        """Tell the application that nothing more is wanted of it."""
        if self._close is not None:
            self._close()
