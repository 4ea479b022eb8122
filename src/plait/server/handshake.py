"""A connection over TLS before it is one: the handshake.

The event loops make TLS connections themselves, but then a client that never finishes its handshake
is nowhere to be seen: it is not counted, not logged, and cannot be closed. So the transport begins
in clear text, with this protocol, and is upgraded.
"""

from __future__ import annotations

import asyncio
import ssl as _ssl
from typing import TYPE_CHECKING, Any, Protocol

from .addresses import peer_address
from .timeouts import passed

if TYPE_CHECKING:
    from .host import Peer
    from .http2_server import HTTP2Server

# The loops have time limits of their own, for the handshake and for the end of TLS. Ours come
# first; these are only for a handshake without a limit.
_LONG = 3600.0


class Beginning(Protocol):
    """A connection that is not one yet, as the server sees it."""

    def look(self, limit: float | None, now: float) -> None:
        """End it if it takes too long."""

    def abort(self) -> None:
        """Close it at once."""


class Handshake:
    """The asyncio protocol of a connection until its handshake is over.

    :ivar transport: the transport in clear text; ``None`` once it is lost.
    """

    def __init__(
        self,
        server: HTTP2Server,
        loop: asyncio.AbstractEventLoop,
        context: _ssl.SSLContext,
        peer: Peer | None = None,
    ) -> None:
        self.transport: asyncio.Transport | None = None
        self._server = server
        self._loop = loop
        self._context = context
        # Who the client is, where a proxy has told.
        self._peer = peer
        self._begun = 0.0
        # What came before the upgrade began, and what came decrypted before it was over.
        self._early: list[bytes] = []
        self._slug: str | None = None

    # --- called by the transport, in clear text and then over TLS -------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A client has connected."""
        self.transport = transport
        # one that a proxy has spoken for was admitted before it spoke
        if self._peer is None and not self._server.admits(transport):
            return
        self._begun = self._loop.time()
        transport.pause_reading()
        self._server.handshake_begun(self)
        self._server.keep_task(self._loop.create_task(self._run()))

    def data_received(self, data: bytes) -> None:
        """Octets arrived that are not for us: uvloop reads although it was asked to pause."""
        self._early.append(data)

    def eof_received(self) -> bool:
        """The client has gone: a false answer lets the transport close itself."""
        return False

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it
        """The connection is gone."""
        self.transport = None

    def pause_writing(self) -> None:
        """Nothing is written here."""

    def resume_writing(self) -> None:
        """Nothing is written here."""

    # --- called by the server -------------------------------------------------------------------

    def look(self, limit: float | None, now: float) -> None:
        """End a handshake that takes too long."""
        if self._slug is None and passed(self._begun, now, limit):
            self._slug = "timeout.handshake"
            self.abort()

    def abort(self) -> None:
        """Close the connection at once."""
        if self.transport is not None:
            self.transport.abort()

    # --- inside ---------------------------------------------------------------------------------

    async def _run(self) -> None:
        """Make the handshake; then the connection begins, or its failure is told."""
        reason = ""
        secure: asyncio.Transport | None = None
        address = peer_address(self.transport)
        try:
            secure = await self._upgraded()
        except _ssl.SSLError as error:
            self._slug = self._slug or "tls.handshake"
            reason = (error.reason or "").replace("_", " ").lower()
        except OSError:
            pass  # the client has gone, or was sent away
        finally:
            self._server.handshake_over(self)
        if self._slug is not None:
            self._server.handshake_refused(address, self._slug, reason)
        elif secure is not None and not self._is_lost():
            self._begin(secure)

    async def _upgraded(self) -> asyncio.Transport | None:
        """Return the transport over TLS; ``None`` when it was lost."""
        if self.transport is None or self._is_lost():
            return None
        self._loop.call_soon(self._hand_over)
        return await self._loop.start_tls(
            self.transport,
            self,  # type: ignore[arg-type]  # a protocol, if not by its bases
            self._context,
            server_side=True,
            ssl_handshake_timeout=_LONG,
            ssl_shutdown_timeout=_LONG,
        )

    def _is_lost(self) -> bool:
        """Whether the connection is gone; we are not told of it while the handshake is made."""
        return self.transport is None or self.transport.is_closing()

    def _hand_over(self) -> None:
        """Give what came too early to the one it is for, who is the transport's protocol now."""
        early, self._early = b"".join(self._early), []
        if not early or self.transport is None:
            return
        upgrade: Any = self.transport.get_protocol()
        while early:
            room = memoryview(upgrade.get_buffer(len(early)))
            size = min(len(room), len(early))
            room[:size] = early[:size]
            early = early[size:]
            upgrade.buffer_updated(size)

    def _begin(self, secure: asyncio.Transport) -> None:
        """Let the connection begin."""
        protocol = self._server.protocol_for(secure)
        if self._peer is not None:
            self._peer.tls = secure.get_extra_info("ssl_object")
            protocol.peer = self._peer
        secure.set_protocol(protocol)
        protocol.connection_made(secure)
        early, self._early = self._early, []
        for data in early:
            protocol.data_received(data)
