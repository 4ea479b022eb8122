"""A response body that is written while it is being read: `DATA_DEFERRED` and `resume()`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from plait.server import DATA_DEFERRED, DATA_EOF, DATA_OK


class SlowText:
    """A body source that has a new piece of text every `interval` seconds.

    The server calls it for octets; when there are none it answers `DATA_DEFERRED` and is
    left alone until a timer has brought the next piece and calls `resume`. While it
    pauses, it costs one timer: no thread, no task, no polling, and no other stream waits.
    """

    def __init__(self, pieces: Iterator[str], interval: float, resume: Callable[[], None]) -> None:
        self._pieces = pieces
        self._interval = interval
        self._resume = resume
        self._pending = bytearray()
        self._at_end = False
        self._timer = asyncio.get_running_loop().call_later(interval, self._next_piece)

    def __call__(self, limit: int) -> tuple[bytes | None, int]:
        """At most `limit` octets of what is there now."""
        if not self._pending and not self._at_end:
            return None, DATA_DEFERRED
        chunk = bytes(self._pending[:limit])
        del self._pending[:limit]
        ended = self._at_end and not self._pending
        return chunk, DATA_EOF if ended else DATA_OK

    def cancel(self) -> None:
        """Stops the timer, for a stream that has closed."""
        self._timer.cancel()

    def _next_piece(self) -> None:
        piece = next(self._pieces, None)
        if piece is None:
            self._at_end = True
        else:
            self._pending += piece.encode()
            self._timer = asyncio.get_running_loop().call_later(self._interval, self._next_piece)
        self._resume()
