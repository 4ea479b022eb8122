"""What an exchange of HTTP/1 knows of its connection."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from .outlet import H1Outlet

if TYPE_CHECKING:
    from ..app_server import ApplicationServer, Observer, Proxies
    from ..host import Host, Peer


class H1Link(H1Outlet):
    """The part of a connection that its exchanges use; the connection overrides the methods.

    :ivar peer: what is known of the connection; a trusted proxy may have told it before.
    :ivar scheme: what the transport is.
    :ivar unconsumed: octets of the body that the application has been given and not taken.
    """

    def __init__(self, server: ApplicationServer, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.server = server
        # Asked for at every request, which is dear on a server.
        self.host: Host = server.host
        self.proxies: Proxies | None = server.proxies
        self.observer: Observer | None = server.observer
        self.log = server.log
        self.scheme = b"http"
        self.peer: Peer | None = None

    def run_soon(self) -> None:
        """Go on once in the next turn of the event loop, however often this is called."""
        raise NotImplementedError

    def goes_on(self) -> bool:
        """Whether another request may follow, as far as can be said when a response begins."""
        raise NotImplementedError

    def consumed(self, octets: int) -> None:
        """The application has taken some of the body."""
        raise NotImplementedError

    def begin_tunnel(self) -> None:
        """The protocol was switched: octets go both ways as they are."""
        raise NotImplementedError

    def cut_off(self, error_code: int) -> None:
        """End the exchange, whatever was said of its response, and the connection."""
        raise NotImplementedError
