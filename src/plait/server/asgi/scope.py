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

# Where the extensions of a connection are kept in its context.
_OFFERS = "asgi.offers"
_METHODS = {
    name.encode(): name
    for name in ("GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH")
}
_SCHEMES = {b"http": "http", b"https": "https"}


class Offers:
    """What the scopes of a connection have in common, among it the extensions.

    :ivar application: the application that they are for.
    :ivar http_version: of the requests that they are for.
    :ivar peer: whose addresses are in ``scope``.
    :ivar scope: a scope with every key: a copy of it is cheaper than a dictionary that grows.
    :ivar plain: the extensions that every request has.
    :ivar pushing: with push.
    """

    __slots__ = ("application", "http_version", "peer", "plain", "pushing", "scope")

    def __init__(self, application: Application, http_version: str, peer: Peer) -> None:
        self.application = application
        self.http_version = http_version
        self.peer = peer
        self.plain: dict[str, Any] = {"http.response.pathsend": {}}
        if http_version != "1.0":  # it has neither interim responses nor trailers
            self.plain["http.response.early_hint"] = {}
            self.plain["http.response.trailers"] = {}
        if peer.tls is not None:
            self.plain["tls"] = tls_extension(peer.tls)
        self.pushing = {**self.plain, "http.response.push": {}}
        self.scope: dict[str, Any] = {
            "type": "http",
            "asgi": HTTP_VERSIONS,
            "http_version": http_version,
            "server": peer.server,
            "client": peer.client,
            "scheme": "",
            "method": "",
            "root_path": application.root_path,
            "path": "",
            "raw_path": b"",
            "query_string": b"",
            "headers": None,
            "state": None,
            "extensions": None,
        }


def offers(application: Application, http_version: str, peer: Peer) -> Offers:
    """Return what is common to the requests of a connection; it is made at the first."""
    known: Offers | None = peer.context.get(_OFFERS)
    if known is None or known.http_version != http_version or known.application is not application:
        known = Offers(application, http_version, peer)
        peer.context[_OFFERS] = known
    return known


def http_scope(exchange: Exchange, application: Application) -> dict[str, Any]:
    """Return the scope of a request."""
    http_version, method, scheme, path, headers, peer, can_push = exchange.told()
    known = offers(application, http_version, peer)
    scope = known.scope.copy()
    if peer is not known.peer:  # a proxy tells for each request who its client is
        scope["client"] = peer.client
        scope["server"] = peer.server
    name = _METHODS.get(method)
    scope["method"] = method.decode("ascii", "replace").upper() if name is None else name
    scope["scheme"] = _SCHEMES.get(scheme) or scheme.decode("ascii", "replace")
    parts = application.target(path)
    scope["path"] = parts[0]
    scope["raw_path"] = parts[1]
    scope["query_string"] = parts[2]
    scope["headers"] = headers
    scope["state"] = application.state.copy()
    scope["extensions"] = (known.pushing if can_push else known.plain).copy()
    return scope


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
