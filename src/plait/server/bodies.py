"""Response bodies that need more than the engine: asynchronous ones, and those with late trailers.

What a body may be besides is in ``plait.http2.sources``.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Callable
from typing import TYPE_CHECKING, Any

from plait.http2.constants import DATA_DEFERRED, DATA_EOF, DATA_OK

if TYPE_CHECKING:
    from .handler import BaseRequestHandler

Octets = bytes | bytearray | memoryview
Answer = tuple[Octets | None, int]


class NotABody:
    """What stands in for a body that is none: asking it fails, which resets the stream."""

    def __init__(self, thing: object) -> None:
        self._thing = thing

    def __call__(self, most: int) -> Answer:  # noqa: ARG002 - what every body takes
        """Raise TypeError, whatever is asked for."""
        raise TypeError(f"{self._thing!r} is not a body")


class LastWords:
    """A body source that tells when it has ended, so that its trailers can be asked for."""

    def __init__(
        self, source: Any, handler: BaseRequestHandler, trailers: Callable[[], Any]
    ) -> None:
        self._read: Callable[[int], Any] = source if callable(source) else source.read
        self._handler = handler
        self._trailers = trailers

    def __call__(self, most: int) -> Any:
        """Ask the source."""
        answer = self._read(most)
        if isinstance(answer, tuple) and len(answer) == 2 and answer[1] == DATA_EOF:
            link = self._handler.http2
            if link.due_trailers is None:
                link.due_trailers = []
            link.due_trailers.append((self._handler.stream_id, self._trailers))
        return answer


class AsyncBody:
    """A body source fed by an asynchronous iterable.

    ``pump`` holds one chunk that waits to be sent, and one more that the iterable has already
    made; it goes on when the first has left.
    """

    def __init__(self, chunks: AsyncIterable[Octets], resume: Callable[[], None]) -> None:
        self._chunks = chunks
        self._resume = resume
        self._chunk: memoryview | None = None
        self._left: asyncio.Future[None] | None = None
        self._ended = False
        self._error: BaseException | None = None

    def __call__(self, most: int) -> Answer:
        """Return what is there of the current chunk."""
        chunk = self._chunk
        if chunk is None:
            if self._error is not None:
                raise self._error
            return None, DATA_EOF if self._ended else DATA_DEFERRED
        if len(chunk) > most:
            self._chunk = chunk[most:]
            return chunk[:most], DATA_OK
        self._chunk = None
        if self._left is not None and not self._left.done():
            self._left.set_result(None)
        return chunk, DATA_EOF if self._ended else DATA_OK

    async def pump(self) -> None:
        """Read the iterable to its end, never faster than the client reads."""
        iterator = aiter(self._chunks)
        try:
            async for data in iterator:
                chunk = memoryview(data).cast("B")
                if not len(chunk):
                    continue
                if self._chunk is not None:
                    self._left = asyncio.get_running_loop().create_future()
                    await self._left
                self._chunk = chunk
                self._resume()
            self._ended = True
        except Exception as error:  # noqa: BLE001 - it resets the stream, and is reported there
            self._error = error
        finally:
            close = getattr(iterator, "aclose", None)
            if close is not None:
                await close()
        self._resume()
