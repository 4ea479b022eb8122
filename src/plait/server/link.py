"""The connection as its handlers see it: the object in their ``http2`` attribute."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plait.http2.connection import Connection

    from .handler import BaseRequestHandler
    from .host import Peer


class Link:
    """What one connection and its handlers share; ``ServerProtocol`` is the one that does the work.

    :ivar engine: the protocol engine; ``None`` once the connection is lost.
    :ivar transport: the asyncio transport; ``None`` before and after the connection's life.
    :ivar loop: the event loop that all of this runs in.
    :ivar log: the logger of the server.
    :ivar logs_access: whether ``log`` is enabled for INFO, as far as known at the latest read.
    :ivar remote_address: ``(host, port)`` of the client, with two more items for IPv6.
    :ivar peer: what the exchanges of this connection know of it; ``None`` until one asks.
    :ivar can_push: whether the client takes promises, by its latest SETTINGS.
    :ivar busy: output is being gathered by someone who will call ``flush`` afterwards.
    :ivar calling: the handler that a synchronous callback is running of.
    :ivar due_trailers: streams whose body has just ended and whose trailers are to be asked for.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, log: logging.Logger) -> None:
        self.engine: Connection | None = None
        self.transport: asyncio.Transport | None = None
        self.loop = loop
        self.log = log
        self.logs_access = False
        self.remote_address: tuple[Any, ...] = ("", 0)
        self.peer: Peer | None = None
        self.can_push = False
        self.busy = False
        self.calling: BaseRequestHandler | None = None
        self.due_trailers: list[tuple[int, Any]] | None = None

    def flush(self) -> None:
        """Write what the engine has to send, and report the streams that ended by it."""
        raise NotImplementedError

    def flush_soon(self) -> None:
        """Flush once in the next turn of the event loop, however often this is called."""
        raise NotImplementedError

    def push(
        self,
        parent: BaseRequestHandler,
        request: list[tuple[bytes, bytes]],
        status: int | str,
        fields: list[tuple[bytes, bytes]],
        body: object,
    ) -> BaseRequestHandler:
        """Promise ``request`` on the stream of ``parent`` and submit its response."""
        raise NotImplementedError

    def start_body(self, handler: BaseRequestHandler, body: object) -> object:
        """Return the body source for an asynchronous iterable, which it starts to read."""
        raise NotImplementedError
