"""The request of a cycle: what arrives, and ``receive``, which hands it to the application."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from plait.server.host import Cycle

from .application import Application

if TYPE_CHECKING:
    from plait.server.host import Exchange, Field

    from .types import Message


class RequestCycle(Cycle):
    """The half of a cycle that has to do with the request; the other half is a subclass."""

    __slots__ = (
        "_application",
        "_blocked",
        "_chunks",
        "_ended",
        "_error_code",
        "_exchange",
        "_expecting",
        "_finished",
        "_over",
        "_starter",
        "_told",
        "_waiting",
    )

    def _prepare(self, application: Application, exchange: Exchange) -> None:
        """Set every attribute of this half."""
        self._application = application
        self._exchange = exchange
        self._starter: asyncio.Handle | None = None
        # What has arrived and was not taken; whether the request has ended; whether the
        # application knows that.
        self._chunks: list[bytes] | None = None
        self._ended = exchange.complete
        self._told = False
        # Something of the body has come, or the client was told that it is expected, or the head
        # of the response has told it more.
        self._expecting = self._ended
        # The response is complete: nothing more of the request is wanted.
        self._finished = False
        # The exchange takes no more for now; it is over, and how it ended.
        self._blocked = False
        self._over = False
        self._error_code = 0
        # Futures of the calls of receive and send that wait.
        self._waiting: list[asyncio.Future[None]] | None = None

    # --- called by the exchange -----------------------------------------------------------------

    def begin(self) -> None:
        """Start the application.

        A request with a body waits for the next turn of the event loop: by then a short body is
        there, and the application does not have to wait for it.
        """
        if self._ended:
            self._run()
        else:
            self._starter = self._exchange.loop.call_soon(self._run)

    def data(self, data: bytes) -> None:
        """Keep some of the body until the application takes it."""
        if self._finished:
            self._exchange.consumed(len(data))
            return
        self._expecting = True
        if self._chunks is None:
            self._chunks = [data]
        else:
            self._chunks.append(data)
        if self._waiting is not None:
            self._wake()

    def end(self, trailers: list[Field]) -> None:  # noqa: ARG002 - ASGI has no way to tell them
        """The request is complete."""
        self._ended = True
        if self._starter is not None:
            self._starter.cancel()
            self._run()
        elif self._waiting is not None:
            self._wake()

    def writable(self) -> None:
        """Let the calls of ``send`` that wait go on."""
        self._blocked = False
        if self._waiting is not None:
            self._wake()

    def closed(self, error_code: int) -> None:
        """Tell the application, if it listens. It may go on: it is not cancelled."""
        self._over = True
        self._error_code = error_code
        self._chunks = None
        if self._starter is not None:
            self._starter.cancel()
            self._starter = None
        if self._waiting is not None:
            self._wake()

    def leaving(self) -> None:
        """A response may take as long as the server lets it."""

    def _run(self) -> None:
        """Call the application."""
        raise NotImplementedError

    # --- called by the application --------------------------------------------------------------

    async def receive(self) -> Message:
        """Return the next message of the request: some of the body, or that it is over."""
        while True:
            if self._over or self._finished:
                return {"type": "http.disconnect"}
            if self._chunks is not None:
                return self._take()
            if self._ended and not self._told:
                self._told = True
                return {"type": "http.request", "body": b"", "more_body": False}
            if not self._expecting:
                self._expect()
            await self._future()

    def _take(self) -> dict[str, Any]:
        """Hand over what has arrived of the body; only now the client may send as much again."""
        chunks = self._chunks
        assert chunks is not None
        self._chunks = None
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        more = not self._ended
        self._told = not more
        self._exchange.consumed(len(body))
        return {"type": "http.request", "body": body, "more_body": more}

    def _expect(self) -> None:
        """The application waits for the body: the client may wait to be told so."""
        exchange = self._exchange
        self._expecting = True
        for name, value in exchange.headers:
            if name == b"expect" and value.lower() == b"100-continue":
                exchange.inform(100, ())

    def _finish(self) -> None:
        """The response is complete."""
        self._finished = True
        chunks = self._chunks
        if chunks is not None:
            self._chunks = None
            self._exchange.consumed(sum(map(len, chunks)))
        if self._waiting is not None:
            self._wake()

    # --- waiting --------------------------------------------------------------------------------

    def _future(self) -> asyncio.Future[None]:
        """Return what is done when something has changed.

        Each call that waits has one of its own, since whoever waits may be cancelled.
        """
        future = self._exchange.loop.create_future()
        if self._waiting is None:
            self._waiting = [future]
        else:
            self._waiting.append(future)
        return future

    def _wake(self) -> None:
        """Let those who wait see what has changed."""
        waiting = self._waiting
        self._waiting = None
        if waiting is not None:
            for future in waiting:
                if not future.done():
                    future.set_result(None)
