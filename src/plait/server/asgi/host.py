"""``ASGIHost``: serves an ASGI application."""

from __future__ import annotations

import asyncio
import inspect
import logging
from typing import TYPE_CHECKING, Any, Literal

from plait.server.host import Cycle

from .application import Application
from .http import HTTPCycle
from .lifespan import Lifespan

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from plait.server.host import Exchange
    from plait.server.websocket import WebSocketOptions

    from .types import ASGIApplication, Message, Receive, Send

logger = logging.getLogger("plait.asgi")


class ASGIHost(Application):
    """Serves an ASGI application (ASGI 3.0; HTTP & WebSocket 2.5).

    It is in one event loop at a time.

    :param app: an ASGI 3 callable; one of ASGI 2, which is called with the scope alone and
        returns a callable, is recognised by its signature.
    :param lifespan: ``"auto"`` serves an application that raises on the ``lifespan`` scope without
        it; ``"on"`` requires it; ``"off"`` never calls it.
    :param root_path: where the application is mounted, for a proxy that takes this away from the
        paths: without a slash at its end, percent-decoded.
    :param patience: seconds that calls of the application which still run when the server ends
        (background tasks, mostly) have before they are cancelled.
    :param websocket: limits and habits of WebSockets; ``WebSocketOptions()`` by default.
    :raises ValueError: for another ``lifespan``, or a ``root_path`` that is none.
    """

    def __init__(
        self,
        app: ASGIApplication,
        *,
        lifespan: Literal["auto", "on", "off"] = "auto",
        root_path: str = "",
        patience: float = 10.0,
        websocket: WebSocketOptions | None = None,
    ) -> None:
        if lifespan not in ("auto", "on", "off"):
            raise ValueError(f"lifespan is auto, on or off, not {lifespan!r}")
        if root_path and (root_path[0] != "/" or root_path[-1] == "/"):
            raise ValueError(f"root_path begins with a slash, and ends without: {root_path!r}")
        super().__init__(single_callable(app), root_path)
        self._patience = patience
        self._websocket = websocket
        self._lifespan = None if lifespan == "off" else Lifespan(self, lifespan == "on", patience)

    def open(self, exchange: Exchange) -> Cycle:
        """Return the cycle of a request, or of a WebSocket."""
        if exchange.protocol is not None and exchange.protocol == b"websocket":
            from plait.server.websocket import open_websocket

            return open_websocket(self, exchange, self._websocket)
        return HTTPCycle(self, exchange)

    async def startup(self) -> None:
        """Start the application's lifespan.

        :raises LifespanFailed: if the application cannot start.
        """
        if self._lifespan is not None:
            await self._lifespan.startup()

    async def shutdown(self) -> None:
        """Let what still runs come to its end, then end the lifespan."""
        if self.running:
            _, late = await asyncio.wait(self.running, timeout=self._patience)
            for task in late:
                task.cancel()
            if late:
                logger.warning("%d calls of the application were cancelled", len(late))
                await asyncio.wait(late, timeout=self._patience)
        if self._lifespan is not None:
            await self._lifespan.shutdown()


def single_callable(app: Any) -> Any:
    """Return an application as ASGI 3 calls it."""
    try:
        signature = inspect.signature(app)
    except (TypeError, ValueError):
        return app
    try:
        signature.bind(None, None, None)
    except TypeError:
        pass
    else:
        return app
    try:
        signature.bind(None)
    except TypeError:
        return app  # it will say itself what is wrong

    async def call(scope: Message, receive: Receive, send: Send) -> None:
        """Call an application of ASGI 2 in its two steps."""
        instance: Awaitable[None] = app(scope)(receive, send)
        await instance

    return call
