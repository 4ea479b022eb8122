"""The host of WSGI applications: threads, and what their requests share."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING

from .cycle import WSGICycle
from .environ import EnvironMaker
from .mailbox import Mailbox
from .pool import ThreadPool
from .service import Service
from .types import Application

if TYPE_CHECKING:
    from plait.server.host import Cycle, Exchange

_log = logging.getLogger("plait.wsgi")


class WSGIHost(Service):
    """Serves a WSGI application (PEP 3333).

    Each request runs in one of a bounded number of threads. A request with a body runs once the
    body is complete, or 32,768 octets of it are there (1 MiB if the client has not told its
    length), or ``body_wait`` seconds have passed. One that finds every thread busy waits; if its
    client goes away meanwhile, it never runs.

    :param app: the application.
    :param threads: in how many threads it may run at once; they are started when they are needed.
    :param max_queued: how many requests may wait for a thread; others are answered with 503.
    :param root_path: where the application is mounted, such as ``/shop``: becomes ``SCRIPT_NAME``,
        and is taken off ``PATH_INFO`` where it is there.
    :param multiprocess: whether other processes serve the same application; applications are told.
    :param body_wait: seconds.
    :param shutdown_timeout: seconds that ``shutdown`` waits for threads to end.
    :raises ValueError: for numbers out of range, or a ``root_path`` that does not begin with ``/``.
    """

    def __init__(
        self,
        app: Application,
        *,
        threads: int = 32,
        max_queued: int = 1_024,
        root_path: str = "",
        multiprocess: bool = False,
        body_wait: float = 1.0,
        shutdown_timeout: float = 5.0,
    ) -> None:
        if threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads}")
        if max_queued < 0:
            raise ValueError(f"max_queued must not be negative, as {max_queued} is")
        root = root_path.rstrip("/")
        if root and root[0] != "/":
            raise ValueError(f'root_path must begin with "/", not be {root_path!r}')
        super().__init__(
            app,
            body_wait,
            EnvironMaker(root, threads > 1, multiprocess),
            ThreadPool(threads, max_queued),
        )
        self._threads = threads
        self._max_queued = max_queued
        self._shutdown_timeout = shutdown_timeout
        self._mailbox: Mailbox | None = None

    def open(self, exchange: Exchange) -> Cycle:
        """Return the cycle for a request."""
        mailbox = self._mailbox
        if mailbox is None or mailbox.loop is not exchange.loop:
            mailbox = self._mailbox = Mailbox(exchange.loop)
        return WSGICycle(self, exchange, mailbox)

    async def startup(self) -> None:
        """Be ready, again if need be."""
        if self.pool.closed:
            self.pool = ThreadPool(self._threads, self._max_queued)

    async def shutdown(self) -> None:
        """End the threads.

        One that does not come back in time is left to itself: it does not keep the process alive.
        """
        loop = asyncio.get_running_loop()
        over = loop.create_future()

        def ended() -> None:
            if not over.done():
                over.set_result(None)

        def emptied() -> None:
            # The last thread may end when nobody waits any more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(ended)

        pool = self.pool
        pool.close(emptied)
        try:
            await asyncio.wait_for(over, self._shutdown_timeout)
        except TimeoutError:
            _log.warning("the application still runs in %d threads: they are left", pool.alive)
        else:
            pool.join()
