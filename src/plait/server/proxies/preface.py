"""A connection through a proxy before it is one: the PROXY header is read.

The header comes before TLS, so the protocol asks the transport for as many octets as the header can
have, and no more: what follows is left in the socket, for whoever comes next. Hence a
``BufferedProtocol``, which owns the buffer that is read into.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from plait.server.addresses import peer_address
from plait.server.h2_exchange import server_of
from plait.server.host import Peer
from plait.server.timeouts import passed

from .header import ProxyHeader, ProxyHeaderError, ProxyHeaderReader

if TYPE_CHECKING:
    from plait.server.app_server import ApplicationServer

    from .trusted import TrustedProxies


class ProxyPreface(asyncio.BufferedProtocol):
    """The asyncio protocol of a connection until its PROXY header is there.

    A connection that does not come from a trusted proxy is closed, and so is one that does not
    begin with a header: whoever could leave it out could choose what address to have.

    :ivar transport: the transport; ``None`` once it is lost, or somebody else's.
    """

    def __init__(
        self, server: ApplicationServer, loop: asyncio.AbstractEventLoop, proxies: TrustedProxies
    ) -> None:
        self.transport: asyncio.Transport | None = None
        self._server = server
        self._loop = loop
        self._proxies = proxies
        self._reader = ProxyHeaderReader()
        self._room = bytearray()
        self._begun = 0.0

    # --- called by the transport ----------------------------------------------------------------

    def connection_made(  # type: ignore[override]  # uvloop's transports have no base class
        self, transport: asyncio.Transport
    ) -> None:
        """A client has connected."""
        if not self._server.admits(transport):
            return
        self.transport = transport
        self._begun = self._loop.time()
        self._server.handshake_begun(self)
        if not self._proxies.trusts(peer_of(transport)):
            self._refuse("proxy.untrusted")

    def get_buffer(self, sizehint: int) -> bytearray:  # noqa: ARG002 - asyncio calls it
        """Return room for what may be of the header."""
        if len(self._room) != self._reader.wanted:
            # never empty: octets that arrive although the connection is being closed go nowhere
            self._room = bytearray(self._reader.wanted or 1)
        return self._room

    def buffer_updated(self, nbytes: int) -> None:
        """Octets arrived."""
        transport = self.transport
        if transport is None or self._reader.wanted == 0:
            return
        try:
            self._reader.feed(bytes(self._room[:nbytes]))
        except ProxyHeaderError as error:
            self._refuse(error.slug, str(error))
            return
        header = self._reader.header
        if header is not None:
            self._over()
            self._server.accepted(transport, told_peer(peer_of(transport), header))

    def eof_received(self) -> bool:
        """The client has gone: a false answer lets the transport close itself."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it
        """The connection is gone; health checks often end here, so nothing is said."""
        self._over()

    # --- called by the server -------------------------------------------------------------------

    def look(self, limit: float | None, now: float) -> None:
        """End the waiting for a header that takes too long."""
        if self.transport is not None and passed(self._begun, now, limit):
            self._refuse("timeout.proxy")

    def abort(self) -> None:
        """Close the connection at once."""
        if self.transport is not None:
            self.transport.abort()

    # --- inside ---------------------------------------------------------------------------------

    def _refuse(self, slug: str, reason: str = "") -> None:
        transport = self.transport
        if transport is not None:
            self._over()
            self._server.handshake_refused(peer_address(transport), slug, reason)
            transport.abort()

    def _over(self) -> None:
        """The connection is lost, or somebody else's."""
        if self.transport is not None:
            self.transport = None
            self._server.handshake_over(self)


def peer_of(transport: asyncio.BaseTransport) -> Peer:
    """Return what the system knows of the two ends of a connection in clear text."""
    client = peer_address(transport)
    return Peer(None if client[0] == "unix" else (client[0], client[1]), server_of(transport), None)


def told_peer(peer: Peer, header: ProxyHeader) -> Peer:
    """Return the peer that a proxy speaks for; ``peer``, if it speaks for itself."""
    if header.client is not None and header.server is not None:
        is_unix = header.client[0] == "unix"
        peer = Peer(header.client, (header.server[0], None) if is_unix else header.server, None)
    if header.tls:
        peer.context["tls_at_proxy"] = True
    peer.context["proxy_header"] = header
    return peer
