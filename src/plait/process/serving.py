"""One server in a running event loop: how it is made from settings, begins, leaves and ends."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from plait.server import HTTP2Server

from .errors import UserError
from .health import Health, HealthHost
from .hosts import application_server, health_server, host_for

if TYPE_CHECKING:
    import socket
    from collections.abc import Sequence

    from .application import Application
    from .settings import Settings
    from .tls import Identity


class Serving:
    """A server, with what stands beside it.

    :param sockets: those to listen on.
    :param health_sockets: those on which it is told whether the server serves.
    """

    def __init__(
        self,
        settings: Settings,
        application: Application,
        identity: Identity,
        sockets: Sequence[socket.socket],
        health_sockets: Sequence[socket.socket] = (),
    ) -> None:
        self._settings = settings
        self._identity = identity
        self._health = Health()
        self._main = self._make(application, list(sockets))
        self._aside: list[HTTP2Server] = []
        if health_sockets:
            self._aside.append(health_server(HealthHost(self._health), list(health_sockets)))

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
            return HTTP2Server(sockets, application.object, ssl=context, **common)
        host = host_for(application, settings)
        if settings.health is not None:
            host = HealthHost(self._health, settings.health, host)
        return application_server(sockets, host, context, settings, **common)

    async def start(self) -> None:
        """Begin to serve.

        :raises UserError: if the application cannot be served.
        """
        try:
            await self._main.start()
        except Exception as error:
            told = str(error) or type(error).__name__
            raise UserError(f"the application cannot be served: {told}") from error
        for server in self._aside:
            await server.start()
        self._identity.watch()

    def leave(self) -> None:
        """Tell those who ask for the health that the server is about to end."""
        self._health.leaving = True

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
        await _close(self._main, self._settings.graceful_timeout, hurry)
        await self._close_aside()
        self._identity.close()

    async def _close_aside(self) -> None:
        for server in self._aside:
            await server.close(timeout=0.2)


async def _close(server: HTTP2Server, grace: float, hurry: asyncio.Event) -> None:
    closing = asyncio.ensure_future(server.close(timeout=grace))
    hurrying = asyncio.ensure_future(hurry.wait())
    await asyncio.wait((closing, hurrying), return_when=asyncio.FIRST_COMPLETED)
    hurrying.cancel()
    # A server whose closing is cancelled ends its connections at once.
    closing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await closing
