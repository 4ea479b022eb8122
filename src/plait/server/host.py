"""What stands between a connection and an application: exchanges, cycles and hosts.

A connection makes an *exchange* for each request, whatever version of HTTP it came in. A *host*
(ASGI, WSGI, ...) answers it with a *cycle*: the application's side of that one request. The
exchange tells the cycle what arrives, the cycle tells the exchange what to send; neither knows
what is behind the other.

Everything here is called in the event loop's thread, and nothing waits. Backpressure goes both
ways without waiting: the client gets credit only for what a cycle says is ``consumed``, and an
exchange whose ``write`` returned false calls ``writable`` when it can take more.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, BinaryIO, Protocol

if TYPE_CHECKING:
    import asyncio
    import ssl

Field = tuple[bytes, bytes]
Fields = Iterable[tuple[bytes, bytes]]


class Peer:
    """What the requests of one connection have in common.

    :ivar client: ``(host, port)`` of the client; ``None`` on a Unix socket. A proxy that is
        trusted may have told another than the socket's.
    :ivar server: ``(host, port)`` of the server, or ``(path, None)`` for a Unix socket; ``None``
        where the system does not tell.
    :ivar tls: the TLS object, for certificate, version and cipher; ``None`` in clear text.
    :ivar context: where the cycles of one connection may leave what they share; a ``dict``. If a
        trusted proxy has made the connection, it has one for each client, and what is the
        connection's is in the ``dict`` that they have in common, under ``"connection"``.
    """

    __slots__ = ("client", "context", "server", "tls")

    def __init__(
        self,
        client: tuple[str, int] | None,
        server: tuple[str, int | None] | None,
        tls: ssl.SSLObject | None,
    ) -> None:
        self.client = client
        self.server = server
        self.tls = tls
        self.context: dict[str, Any] = {}


Told = tuple[str, bytes, bytes, bytes, list[Field], Peer, bool]
"""``http_version``, ``method``, ``scheme``, ``path``, ``headers``, ``peer`` and ``can_push``."""


class Exchange(Protocol):
    """One request and its response, as a cycle sees it.

    :ivar http_version: ``"2"``, ``"1.1"`` or ``"1.0"``.
    :ivar method: as it was sent.
    :ivar scheme: ``b"https"`` or ``b"http"``: what the transport is, or a trusted proxy says.
    :ivar host: the authority that the request is for; ``None`` where it names none.
    :ivar path: the target in origin form, with the query, as it was sent; ``b"*"`` for OPTIONS
        of the whole server; empty for a plain CONNECT.
    :ivar headers: the fields, names in lower case, no pseudo-header fields, ``host`` first if
        there is one, ``cookie`` in one piece. The list is the cycle's own.
    :ivar protocol: what a request that asks for a tunnel wants it for (``b"websocket"``): from
        ``:protocol`` of an extended CONNECT, or from ``Upgrade``; otherwise ``None``.
    :ivar complete: whether the request has come to its end.
    :ivar peer: what is known of the connection.
    :ivar loop: the event loop.
    :ivar status: of the final response; 0 before it.
    """

    http_version: str
    method: bytes
    scheme: bytes
    host: bytes | None
    path: bytes
    headers: list[Field]
    protocol: bytes | None
    complete: bool
    peer: Peer
    loop: asyncio.AbstractEventLoop
    status: int

    @property
    def closed(self) -> bool:
        """Nothing can be sent any more."""

    @property
    def can_push(self) -> bool:
        """Whether ``promise`` has any effect."""

    def told(self) -> Told:
        """Return what an application is told of a request, in one piece.

        Faster than attribute by attribute, for what is done for each request.
        """

    # What follows has no effect once the exchange is closed. What may not be sent raises
    # ``ValueError`` (``InvalidFieldError`` for a field), and nothing of it has been sent then.

    def respond(self, status: int, headers: Fields, body: bytes) -> None:
        """Send a whole response. ``body`` is left out where a response has none (HEAD, 204, 304).

        :param status: 200 to 999.
        """

    def start(self, status: int, headers: Fields) -> None:
        """Send the head of a response whose body follows; 200, or 101 in HTTP/1.1, for a tunnel."""

    def write(self, data: bytes | memoryview) -> bool:
        """Send some of the body, or through the tunnel.

        :return: whether to go on; if not, ``Cycle.writable`` is called when it is time. What is
            written regardless is kept.
        """

    def write_file(self, file: BinaryIO, count: int | None = None) -> None:
        """Send octets of a file, from where it stands, as the client takes them; then close it.

        ``Cycle.writable`` is called when they have been taken. Nothing but ``finish`` may be
        called before.

        :param count: how many; up to the end of the file by default.
        """

    def finish(self, trailers: Fields | None = None) -> None:
        """The body, or our side of the tunnel, ends. Trailers go where the version has them."""

    def inform(self, status: int, headers: Fields) -> None:
        """Send an interim response (100, or 102 to 199). HTTP/1.0 has none: no effect there.

        A cycle whose application waits for the body of a request with ``expect: 100-continue``
        sends 100; once the body has begun to come that may be left out.
        """

    def promise(self, path: bytes, headers: Fields) -> None:
        """Promise the response to a GET of ``path``, which the host answers like a request."""

    def consumed(self, octets: int) -> None:
        """The application has taken octets of the request's body: the client may send more."""

    def abort(self) -> None:
        """Something went wrong after the head was sent: the client must see the body is cut off.

        RST_STREAM with INTERNAL_ERROR in HTTP/2; in HTTP/1 the connection is closed.
        """


class Cycle:
    """The application's side of one exchange. A host subclasses this, and overrides it all.

    The order is ``begin``, ``data`` any number of times, ``end`` (not if the request was
    ``complete`` when it began), ``closed``; ``writable`` and ``leaving`` come in between. When
    one of these raises, the exchange logs the traceback and answers with 500, or aborts.
    """

    __slots__ = ("__weakref__",)

    def begin(self) -> None:
        """The request's head is there: start the application."""
        raise NotImplementedError

    def data(self, data: bytes) -> None:
        """Some of the request's body, or out of the tunnel; never empty.

        They count against the client's credit until ``Exchange.consumed``.
        """
        raise NotImplementedError

    def end(self, trailers: list[Field]) -> None:
        """The request, or the client's side of the tunnel, has come to its end."""
        raise NotImplementedError

    def writable(self) -> None:
        """The exchange can take more."""
        raise NotImplementedError

    def closed(self, error_code: int) -> None:
        """It is all over. Once, and last.

        :param error_code: RFC 9113 §7; 0 when the response was sent to its end, anything else when
            the client went away, the connection broke, or the exchange was aborted.
        """
        raise NotImplementedError

    def leaving(self) -> None:
        """The server wants to end: a long exchange, such as a WebSocket, should come to a close."""


def name_of(exchange: Exchange) -> str:
    """Return what a request is called in a log, such as ``GET /path``."""
    method = exchange.method.decode("ascii", "backslashreplace")
    return f"{method} {exchange.path.decode('ascii', 'backslashreplace')}"


class Host(Protocol):
    """An application, and how it is called."""

    def open(self, exchange: Exchange) -> Cycle:
        """Return the cycle for a request, whose attributes are all set."""

    async def startup(self) -> None:
        """Prepare the application; before anything is listened on.

        :raises Exception: if the application cannot be served. Its text is told to the user.
        """

    async def shutdown(self) -> None:
        """The last exchange is over."""
