"""The server side: plait's own, with the original's settings, logger and life cycle."""

from __future__ import annotations

import asyncio
import logging
import ssl as tls
from typing import TYPE_CHECKING, Any, cast

from plait._loop import usable_loop
from plait.http2 import ConnectionClosedError, NoSuchStreamError, StreamStateError
from plait.server import BaseRequestHandler as _BaseRequestHandler
from plait.server import HTTP2Server as _HTTP2Server
from plait.server import new_event_loop

from .settings import ORIGINAL_CUSTOMS, ORIGINAL_SETTINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from plait.server.link import Link

__all__ = ["BaseRequestHandler", "HTTP2Server"]

_PUSH_FAILED = "nghttp2_submit_push_promise failed"


class HTTP2Server(_HTTP2Server):
    """A server that listens as soon as it is made; see ``plait.server.HTTP2Server``.

    Made outside of a running loop, it takes the current event loop, or makes one (uvloop's if that
    is installed), which ``serve_forever`` runs and closes. Made in a coroutine, it is started by
    ``await start()`` or ``async with``.

    :param address: ``(host, port)``; ``None`` as the host means all interfaces, and port 0 a free
        port: ``server.server.sockets[0].getsockname()`` tells which.
    :param RequestHandlerClass: a subclass of ``BaseRequestHandler``, or a callable
        ``f(http2, stream_id)`` that returns a handler.
    :param ssl: speak TLS with this context, whose ALPN list becomes ``h2``.
    :raises OSError: if the address cannot be listened on.
    """

    customs = ORIGINAL_CUSTOMS

    def __init__(
        self,
        address: tuple[str | None, int],
        RequestHandlerClass: Callable[[Link, int], _BaseRequestHandler],  # noqa: N803
        ssl: tls.SSLContext | None = None,
    ) -> None:
        super().__init__(
            address,
            RequestHandlerClass,
            ssl,
            config=ORIGINAL_SETTINGS,
            logger=logging.getLogger("nghttp2"),
        )
        # After the address has proved usable: a failure leaves no loop behind.
        loop = usable_loop(new_event_loop)
        if not loop.is_running():
            loop.run_until_complete(self.start())

    @property
    def server(self) -> asyncio.Server | None:
        """The asyncio server; ``None`` before ``start`` in a loop that runs already."""
        return cast("asyncio.Server | None", super().server)


class BaseRequestHandler(_BaseRequestHandler):
    """Answers one request; see ``plait.server.BaseRequestHandler``.

    A subclass with an ``__init__`` of its own accepts both arguments and passes them on.
    """

    def __init__(self, http2: Link, stream_id: int) -> None:
        super().__init__(http2, stream_id)

    def _h2_promise(self, *promise: Any) -> Any:
        """Promise a request and its response; errors have the original's words."""
        try:
            return super()._h2_promise(*promise)
        except (NoSuchStreamError, StreamStateError, ConnectionClosedError) as problem:
            reason = "Invalid argument" if self.pushed else "Stream was already closed or invalid"
            raise StreamStateError(f"{_PUSH_FAILED}: {reason}") from problem
