"""One server in a running event loop: how it is made from settings, begins, leaves and ends."""

from __future__ import annotations

import asyncio
import gc
from typing import TYPE_CHECKING, Any

from plait.server import HTTP2Server
from plait.server.metrics import MetricsHost

from .ending import close_servers
from .errors import UserError
from .health import Health, HealthHost
from .hosts import application_server, aside_server, host_for
from .observing import Observation
from .sockets import all_sockets

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from .application import Application
    from .settings import Settings
    from .sockets import Listening
    from .tls import Identity


class Serving:
    """A server, with what stands beside it.

    :raises UserError: if it cannot be made as the settings say.
    """

    def __init__(
        self,
        settings: Settings,
        application: Application,
        identity: Identity,
        listening: Listening,
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._health = Health()
        self._observation = Observation(settings)
        self._main = self._make(application, all_sockets(listening.main))
        self._aside: list[HTTP2Server] = []
        if listening.health:
            sockets = all_sockets(listening.health)
            self._aside.append(aside_server(HealthHost(self._health), sockets))
        metrics = self._observation.metrics
        if metrics is not None:
            sockets = all_sockets(listening.metrics)
            self._aside.append(aside_server(MetricsHost(metrics), sockets))

    def _make(self, application: Application, sockets: list[Any]) -> HTTP2Server:
        settings = self._settings
        context = self._identity.context
        common: dict[str, Any] = {
            "time_limits": settings.time_limits,
            "max_connections": settings.max_connections,
            "close_timeout": settings.graceful_timeout,
        }
        if application.interface == "handler":
            if settings.health is not None:
                raise UserError("--health PATH is for applications: give handlers a --health-bind")
            if settings.access_log is not None:
                raise UserError("--access-log is for applications: handlers log at level info")
            return HTTP2Server(sockets, application.object, ssl=context, **common)
        host = host_for(application, settings)
        if settings.health is not None:
            host = HealthHost(self._health, settings.health, host)
        observer = self._observation.observer
        return application_server(sockets, host, context, settings, observer=observer, **common)

    async def start(self, stop: asyncio.Event) -> bool:
        """Begin to serve; whether it does.

        :param stop: set to give up, however long the application takes.
        :raises UserError: if the application cannot be served.
        """
        try:
            if not await _unless(stop, self._main.start()):
                return False
        except Exception as error:
            told = str(error) or type(error).__name__
            raise UserError(f"the application cannot be served: {told}") from error
        for server in self._aside:
            await server.start()
        self._identity.watch()
        self._observation.watch(self._main)
        # What is there now stays: collections need not go over all modules again and again.
        gc.collect()
        gc.freeze()
        return True

    def leave(self) -> None:
        """Tell those who ask for the health that the server is about to end."""
        self._health.leaving = True

    def reopen_log(self) -> None:
        """Go on in a new file of the access log's name."""
        self._observation.reopen()

    def reload_certificates(self) -> bool:
        """Read the certificates again; whether there are any in files."""
        return self._identity.reload()

    @property
    def requests(self) -> int:
        """How many requests there have been."""
        return self._main.stats().requests

    async def close(self, hurry: asyncio.Event) -> None:
        """Accept nobody and let what is under way finish, as long as the settings allow.

        :param hurry: set to wait no longer.
        """
        if not self._health.leaving:
            # Only this one ends: other workers are to answer for the service.
            await self._close_aside()
        await close_servers([self._main], self._settings.graceful_timeout, hurry)
        await self._close_aside()
        self._observation.close()
        self._identity.close()

    async def _close_aside(self) -> None:
        for server in self._aside:
            await server.close(timeout=0.2)


async def _unless(stop: asyncio.Event, work: Coroutine[Any, Any, Any]) -> bool:
    """Do some work; whether it was done before it was to be given up."""
    working = asyncio.ensure_future(work)
    stopping = asyncio.ensure_future(stop.wait())
    await asyncio.wait((working, stopping), return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
    if not working.done():
        working.cancel()
        await asyncio.wait((working,))
    if working.cancelled():
        return False
    working.result()
    return True
