"""Scopes: what an application is told of a request.

Every request gets a dictionary of its own, with a list of headers and a ``state`` of its own, and
its own dictionary of extensions, since middleware takes things out of it and puts others in. What
an extension says, and ``asgi``, is shared by the requests of a connection: nobody has a reason
to change it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plait.server.host import Peer

from .application import HTTP_VERSIONS, Application
from .tls import tls_extension

if TYPE_CHECKING:
    from plait.server.host import Exchange

_VERSIONS = HTTP_VERSIONS
# Where the extensions of a connection are kept in its context.
_OFFERS = "asgi.offers"
_METHODS = {
    name.encode(): name
    for name in ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
}
_SCHEMES = {b"http": "http", b"https": "https"}


class Offers:
    """The extensions of a connection.

    :ivar http_version: of the requests that they are for.
    :ivar plain: those that every request has.
    :ivar pushing: with push.
    """

    __slots__ = ("http_version", "plain", "pushing")

    def __init__(self, http_version: str, peer: Peer) -> None:
        self.http_version = http_version
        self.plain: dict[str, Any] = {"http.response.pathsend": {}}
        if http_version != "1.0":  # it has neither interim responses nor trailers
            self.plain["http.response.early_hint"] = {}
            self.plain["http.response.trailers"] = {}
        if peer.tls is not None:
            self.plain["tls"] = tls_extension(peer.tls)
        self.pushing = {**self.plain, "http.response.push": {}}


def offers(exchange: Exchange, peer: Peer) -> Offers:
    """Return the extensions of a request's connection, looked up at its first request."""
    known = peer.context.get(_OFFERS)
    if known is None or known.http_version != exchange.http_version:
        known = Offers(exchange.http_version, peer)
        peer.context[_OFFERS] = known
    return known


def http_scope(exchange: Exchange, application: Application) -> dict[str, Any]:
    """Return the scope of a request."""
    peer = exchange.peer
    known = offers(exchange, peer)
    method = exchange.method
    scheme = exchange.scheme
    parts = application.target(exchange.path)
    name = _METHODS.get(method)
    return {
        "type": "http",
        "asgi": _VERSIONS,
        "http_version": known.http_version,
        "server": peer.server,
        "client": peer.client,
        "scheme": _SCHEMES.get(scheme) or scheme.decode("ascii", "replace"),
        "method": method.decode("ascii", "replace").upper() if name is None else name,
        "root_path": application.root_path,
        "path": parts[0],
        "raw_path": parts[1],
        "query_string": parts[2],
        "headers": exchange.headers,
        "state": application.state.copy(),
        "extensions": (known.pushing if exchange.can_push else known.plain).copy(),
    }


def common_scope(exchange: Exchange, application: Application) -> dict[str, Any]:
    """Return what the scope of a WebSocket has in common with that of a request.

    ``type``, ``scheme``, ``subprotocols`` and ``extensions`` are for the caller to set; of the
    extensions there is ``tls``, where it is one.
    """
    scope = http_scope(exchange, application)
    del scope["method"]
    extensions = scope["extensions"]
    scope["extensions"] = {"tls": extensions["tls"]} if "tls" in extensions else {}
    return scope
