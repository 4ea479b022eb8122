"""``ApplicationServer``: an application behind one port, in HTTP/2 and HTTP/1.1."""

from __future__ import annotations

import asyncio
import ssl as _ssl
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Protocol, Self

from plait.http2 import Config

from .addresses import Address
from .h2_exchange import Opener
from .handshake import Handshake
from .http2_server import HTTP2Server
from .protocol import ServerProtocol
from .tls import negotiated_protocol

if TYPE_CHECKING:
    from .host import Exchange, Host, Peer

    Field = tuple[bytes, bytes]


# Applications take bodies a turn of the event loop after they came, and clients upload far away:
# 1 MiB feeds 100 Mbit/s over a round trip of 80 ms, and credit takes a fourth of the frames.
_CONFIG = Config(initial_window_size=1_048_576, connection_window_size=2_097_152)


class Proxies(Protocol):
    """Who may say that a request comes from somebody else."""

    def apply(self, exchange: Exchange) -> None:
        """Believe what a trusted proxy says of a request: its client, its scheme, its host."""


class Observer(Protocol):
    """Who wants to know of every exchange: a log, metrics."""

    def ended(self, exchange: Any, error_code: int) -> None:
        """An exchange is over; ``error_code`` as for ``Cycle.closed``.

        It has ``began`` (``time.monotonic()``, seconds) and ``octets_out`` besides.
        """


class ApplicationServer(HTTP2Server):
    """A server for an application: HTTP/2 and HTTP/1.1 on the same port.

    Over TLS the client chooses by ALPN, in clear text by its first octets. It is used like
    ``HTTP2Server``: ``serve_forever()``, or ``async with`` in a running loop.

    :param address: as for ``HTTP2Server``.
    :param host: the application, in an ``ASGIHost`` or ``WSGIHost``.
    :param ssl: speak TLS with this context; its ALPN list is set.
    :param http1: speak HTTP/1.1 too; by default where ``httptools`` is installed.
    :param h2c_upgrade: take ``Upgrade: h2c`` (RFC 7540 §3.2), which RFC 9113 has given up.
    :param proxies: who may say that a request comes from somebody else; nobody by default.
    :param observer: who is told of every exchange that is over; nobody by default.
    :param config: as for ``HTTP2Server``; by default a client has credit for 1 MiB of each body,
        and for 2 MiB of all on a connection.
    :param preface: makes the protocol of a new connection, in place of the server, to read what
        a proxy says before anything else; it calls ``accepted`` then.
    :raises RuntimeError: if HTTP/1.1 is wanted and ``httptools`` is not installed.
    """

    def __init__(
        self,
        address: Address | Sequence[Address],
        host: Host,
        ssl: _ssl.SSLContext | None = None,
        *,
        http1: bool | None = None,
        h2c_upgrade: bool = False,
        proxies: Proxies | None = None,
        observer: Observer | None = None,
        preface: Callable[[ApplicationServer, asyncio.AbstractEventLoop], Any] | None = None,
        config: Config | None = None,
        **options: Any,
    ) -> None:
        if http1 is None:
            http1 = find_spec("httptools") is not None
        if http1:
            self.http1 = _http1_protocol()
            self.alpn = ("h2", "http/1.1")
        self.host = host
        self.h2c_upgrade = h2c_upgrade
        self.proxies = proxies
        self.observer = observer
        self._preface = preface
        self._started = False
        config = _CONFIG if config is None else config
        opener = Opener(host, proxies, observer)
        super().__init__(address, opener, ssl, config=config, **options)

    async def start(self) -> Self:
        """Prepare the application, then begin to accept connections; no effect when begun.

        :raises Exception: what the application raised.
        """
        if not self._started:
            self._started = True
            await self.host.startup()
        return await super().start()

    async def close(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """End gracefully, and then the application; see ``HTTP2Server.close``."""
        first = not self.is_closing
        try:
            await super().close(timeout)
        finally:
            if first and self._started:
                await self.host.shutdown()

    # --- called by connections ------------------------------------------------------------------

    def accepted(self, transport: asyncio.Transport, peer: Peer | None) -> None:
        """Begin a connection of which a proxy has told who the client is.

        :param peer: what it told; ``None`` if nothing.
        """
        assert self._loop is not None
        protocol: Any
        if self._ssl is not None:
            protocol = Handshake(self, self._loop, self._ssl, peer)
        else:
            protocol = ServerProtocol(self, self._loop)
            protocol.peer = peer
        transport.set_protocol(protocol)
        protocol.connection_made(transport)

    def protocol_for(self, transport: asyncio.Transport) -> Any:
        """Return the protocol of a connection whose TLS handshake is over."""
        assert self._loop is not None
        if self.http1 is not None and negotiated_protocol(transport) != "h2":
            return self.http1(self, self._loop)
        return super().protocol_for(transport)

    def begin_http1(
        self, connection: ServerProtocol, transport: asyncio.Transport, opening: bytes
    ) -> None:
        """Go on in HTTP/1.1."""
        assert self.http1 is not None
        protocol = self.http1(self, self._loop)
        protocol.peer = connection.peer
        self._connections.discard(connection)
        transport.set_protocol(protocol)
        protocol.connection_made(transport)
        protocol.data_received(opening)

    def upgrade_to_h2c(
        self,
        transport: asyncio.Transport,
        peer: Peer | None,
        fields: list[Field],
        settings: bytes,
        rest: bytes,
        *,
        end_stream: bool = True,
    ) -> None:
        """Go on in HTTP/2 after a 101 (RFC 7540 §3.2).

        :param fields: the request as HTTP/2 fields, pseudo-header fields first.
        :param settings: the value of ``HTTP2-Settings``.
        :param rest: what has been read beyond the request.
        :raises UsageError: if these are not valid.
        """
        assert self._loop is not None
        protocol = ServerProtocol(self, self._loop)
        protocol.peer = peer
        transport.set_protocol(protocol)  # type: ignore[arg-type]  # a protocol, if not by its bases
        protocol.begin_upgraded(transport, fields, settings, end_stream)
        if rest:
            protocol.data_received(rest)

    # --- inside ---------------------------------------------------------------------------------

    def _connect(self) -> Any:
        if self._preface is None:
            return super()._connect()
        assert self._loop is not None
        return self._preface(self, self._loop)


def _http1_protocol() -> Callable[..., Any]:
    if find_spec("httptools") is None:
        raise RuntimeError("HTTP/1.1 needs httptools: pip install 'plait[http1]'")
    from .http1 import HTTP1Protocol

    protocol: Callable[..., Any] = HTTP1Protocol
    return protocol
