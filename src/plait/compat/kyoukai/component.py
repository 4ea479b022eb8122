"""``H2KyoukaiComponent``: serves an application over HTTP/2, as a component of Asphalt or alone."""

from __future__ import annotations

import asyncio
import inspect
import ssl
from typing import TYPE_CHECKING, Any

from plait.server.timeouts import IDLE_GRACE, Sweep, TimeLimits
from plait.server.tls import prepare_context

from .asphalt import KyoukaiBaseComponent
from .life import running_loop
from .protocol import H2KyoukaiProtocol

if TYPE_CHECKING:
    from .life import Life

# Seconds for the last octets to leave once the deadline has passed.
_LAST_GRACE = 1.0


class H2KyoukaiComponent(KyoukaiBaseComponent):
    """Serves an application over HTTP/2 and TLS; nothing else is spoken on its port.

    :param app: the application: an object with ``process_request`` (and ``finalize``, ``loop``,
        ``server_name``, ``request_class``), or ``"module:attribute"``.
    :param ssl_keyfile: the private key, PEM.
    :param ssl_certfile: the certificate with its chain, PEM.
    :param ip: where to listen.
    :param port: where to listen; 0 for a free port, which ``port`` tells after ``start``.
    :ivar server: the asyncio server; ``None`` before ``start``.
    :ivar time_limits: how long clients may take.
    :ivar close_timeout: seconds that open requests have at a graceful end.
    :raises LookupError: if there is no such application.
    """

    def __init__(
        self,
        app: Any,
        ssl_keyfile: str,
        ssl_certfile: str,
        *,
        ip: str = "127.0.0.1",
        port: int = 4444,
    ) -> None:
        super().__init__(app, ip, port, ssl=True, http2=True)
        self.ssl_keyfile = ssl_keyfile
        self.ssl_certfile = ssl_certfile
        self.time_limits = TimeLimits()
        self.close_timeout = 10.0
        self._connections: set[Life] = set()
        self._empty = asyncio.Event()
        self._sweep = Sweep(self)  # type: ignore[arg-type]  # it has what a sweep needs

    def get_protocol(self, ctx: Any, serv_info: Any) -> H2KyoukaiProtocol:
        """Return the protocol of a new connection.

        :param ctx: the context that the application gets as the parent of its own.
        :param serv_info: not needed.
        """
        del serv_info
        return H2KyoukaiProtocol(self, ctx)

    async def start(self, ctx: Any = None) -> None:
        """Finalize the application and begin to serve it.

        :param ctx: the context of Asphalt; at its end the server closes gracefully.
        :raises OSError: if the address cannot be listened on, or a file not be read.
        :raises ssl.SSLError: for a key and a certificate that do not belong together.
        """
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.ssl_certfile, self.ssl_keyfile)
        prepare_context(context)
        finalized = self.app.finalize()
        if inspect.isawaitable(finalized):
            await finalized
        self.server = await running_loop(self.app).create_server(
            lambda: self.get_protocol(ctx, None),
            self.ip,
            self.port,
            ssl=context,
            ssl_handshake_timeout=self.time_limits.handshake,
        )
        if self.port == 0:
            self.port = self.server.sockets[0].getsockname()[1]
        add_teardown = getattr(ctx, "add_teardown_callback", None)
        if add_teardown is not None:
            add_teardown(self.close)
        self.logger.info("Kyoukai H2 serving on %s:%s", self.ip, self.port)

    async def close(self) -> None:
        """End gracefully: accept nobody, let open requests finish, then close what is left."""
        if self.server is None:
            return
        self.server.close()
        now = running_loop(self.app).time()
        for connection in list(self._connections):
            connection.ends_from(now)
            connection.begin_shutdown()
        await self._all_closed(self.close_timeout + IDLE_GRACE)
        for connection in list(self._connections):
            connection.close()
        await self._all_closed(_LAST_GRACE)
        for connection in list(self._connections):
            connection.abort()
        await self._all_closed(_LAST_GRACE)

    async def _all_closed(self, patience: float) -> None:
        """Wait until no connection is open, but not for ever."""
        if self._connections:
            self._empty.clear()
            try:
                await asyncio.wait_for(self._empty.wait(), patience)
            except TimeoutError:
                self.logger.debug("%d connections are still open", len(self._connections))

    # --- called by connections, and by the sweep ------------------------------------------------

    def connection_opened(self, connection: Life) -> None:
        """A connection is open."""
        self._connections.add(connection)
        self._sweep.begin(connection.loop)

    def connection_closed(self, connection: Life) -> None:
        """A connection is gone."""
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()

    def look_around(self, now: float) -> bool:
        """See which clients take too long; tell whether there is anybody to look at."""
        for connection in list(self._connections):
            connection.look(self.time_limits, now)
        return bool(self._connections)
