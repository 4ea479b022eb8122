"""``H2State``: one request, its body as it comes, and the head of its response.

It is the ``wsgi.input`` of the request. What is taken from it is credited to the client, who may
then send as much again: so at most a window of body waits for an application.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from plait.http2 import Event

if TYPE_CHECKING:
    from .protocol import H2KyoukaiProtocol


class Finished:
    """The end of a body, among its chunks."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "REQUEST_FINISHED"


REQUEST_FINISHED: Final = Finished()
"""What stands in a queue behind the last chunk, of a request or of a response."""


class StreamEnded(Event):
    """The request on a stream is complete (the engine tells it by ``end_stream``)."""

    __slots__ = ("stream_id",)
    __match_args__ = ("stream_id",)

    def __init__(self, stream_id: int) -> None:
        self.stream_id = stream_id


class H2State:
    """The state of one request.

    :param headers: ``(name, value)`` as ``str``, pseudo-header fields first.
    :param stream_id: the stream.
    :param protocol: the connection.
    :ivar body: chunks of the request's body, and at its end ``REQUEST_FINISHED``, which stays.
    :ivar environ: the WSGI environment, once there is one.
    :ivar trailers: fields that came behind the body.
    """

    def __init__(
        self, headers: list[tuple[str, str]], stream_id: int, protocol: H2KyoukaiProtocol
    ) -> None:
        self.headers = headers
        self.stream_id = stream_id
        self.body: asyncio.Queue[Any] = asyncio.Queue()
        self.environ: Any = None
        self.trailers: list[tuple[str, str]] = []
        self._protocol = protocol
        self._rest = b""  # of a chunk that was read in part
        self._status: str | None = None
        self._response_headers: list[tuple[str, str]] = []
        self._cut_off = False

    # --- the request's body ---------------------------------------------------------------------

    def insert_data(self, data: Any) -> None:
        """Add a chunk, or ``REQUEST_FINISHED``."""
        self.body.put_nowait(data)

    def cut_off(self) -> None:
        """The rest of the body will not come: whoever waits for it is told."""
        self._cut_off = True
        self.body.put_nowait(REQUEST_FINISHED)

    async def read_async(self, to_end: bool = True) -> bytes:
        """Return the body, waiting for it.

        :param to_end: everything up to the end; otherwise the next chunk, ``b""`` at the end.
        :raises ConnectionResetError: if the client took the request back, or has gone.
        """
        if not to_end:
            return await self._next_chunk()
        chunks: list[bytes] = []
        while chunk := await self._next_chunk():
            chunks.append(chunk)
        return b"".join(chunks)

    async def _next_chunk(self) -> bytes:
        """Wait for a chunk; ``b""`` is the end."""
        while not self._rest:
            chunk = await self.body.get()
            if chunk is REQUEST_FINISHED:
                self._end_again()
                return b""
            self._rest = chunk
        return self._take(len(self._rest))

    def read(self, size: int | None = -1) -> bytes:
        """Return what has come, at most ``size`` octets; never waits.

        :param size: negative or ``None`` for everything that is there.
        :return: ``b""`` if nothing is there, or at the end.
        :raises ConnectionResetError: if the client took the request back, or has gone.
        """
        most = -1 if size is None else size
        pieces: list[bytes] = []
        while most and (self._rest or self._have_chunk()):
            piece = self._take(len(self._rest) if most < 0 else min(most, len(self._rest)))
            pieces.append(piece)
            most -= len(piece) if most > 0 else 0
        return b"".join(pieces)

    def get_chunk(self) -> bytes:
        """Return a chunk that has come, without waiting; ``b""`` if there is none.

        :raises ConnectionResetError: if the client took the request back, or has gone.
        """
        return self._take(len(self._rest)) if self._rest or self._have_chunk() else b""

    def __iter__(self) -> H2State:
        return self

    def __next__(self) -> bytes:
        """Return what ``get_chunk`` returns, up to the end of the body."""
        chunk = self.get_chunk()
        if not chunk and not self.body.empty():
            raise StopIteration
        return chunk

    def _have_chunk(self) -> bool:
        """Move the next chunk to the front, if one has come."""
        while not self._rest and not self.body.empty():
            chunk = self.body.get_nowait()
            if chunk is REQUEST_FINISHED:
                self._end_again()
                return False
            self._rest = chunk
        return bool(self._rest)

    def _end_again(self) -> None:
        """Leave the end where it was, for the next one who asks."""
        self.body.put_nowait(REQUEST_FINISHED)
        if self._cut_off:
            raise ConnectionResetError("the request was not sent to its end")

    def _take(self, octets: int) -> bytes:
        """Take octets from the front, and let the client send as many again."""
        taken, self._rest = self._rest[:octets], self._rest[octets:]
        self._protocol.consumed(self.stream_id, octets)
        return taken

    # --- the head of the response ---------------------------------------------------------------

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Callable[[bytes], None]:
        """Set status and header fields of the response; a later call replaces them.

        :return: a callable that drops what it is given: bodies are returned, not written.
        """
        del exc_info
        self._status = status.partition(" ")[0]
        self._response_headers = list(headers)
        return _drop

    def get_response_headers(self) -> list[tuple[str, str]]:
        """Return the response's fields, ``:status`` first.

        :raises RuntimeError: before ``start_response``.
        """
        if self._status is None:
            raise RuntimeError("the application did not call start_response()")
        return [(":status", self._status), *self._response_headers]


def _drop(data: bytes) -> None:
    """Drop octets of a body."""
    del data
