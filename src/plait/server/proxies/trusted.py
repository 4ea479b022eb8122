"""``TrustedProxies``: what proxies tell of their clients, as far as they are to be believed.

A request may have come through several proxies, each of which has added what it saw to the right.
So the lists are read from the right: whoever is trusted has told the truth about the one before.
The first that is not trusted is the client, and what stands further to the left is its own tale.

What cannot be read, or contradicts itself, may be a forgery in which a client wants to appear as
the proxy itself; so then the client is *unknown*, and not the proxy.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from plait.server.host import Peer

from . import forwarded, xforwarded
from .forwarded import UNKNOWN, Node
from .networks import Networks, same_host
from .preface import ProxyPreface

if TYPE_CHECKING:
    import asyncio

    from plait.server.app_server import ApplicationServer
    from plait.server.host import Exchange, Field

T = TypeVar("T")

FIELDS = (
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
)

# Where a connection keeps what was found out before: proxies send the same fields again and again.
_KEY = "proxies"
_KEPT = 64

# What is about the connection and not about a client of the proxy's: its peers share that. A
# context of its own, for they cannot refer to the connection's peer, which remembers them.
_CONNECTION = "connection"


class _Told(NamedTuple):
    """What proxies have told of one request; ``None`` for what they have not."""

    client: Node | None = None
    scheme: bytes | None = None
    host: bytes | None = None
    port: int | None = None


_NOTHING = _Told()
_UNREADABLE = _Told(client=UNKNOWN)


class TrustedProxies:
    """Whom to believe about the clients that they speak for.

    ``Forwarded`` (RFC 7239) and ``X-Forwarded-For``, ``-Proto``, ``-Host`` and ``-Port`` are
    believed if they come from a trusted peer, and left alone, as the application sees them in the
    headers, if they do not. Where one request has both kinds and they name different clients, the
    client is unknown: one of them is not the proxy's. Name the ``fields`` that your proxy sets, and
    the others don't count.

    A field of another form than it should have is not believed at all. If it would have named the
    client, that is ``("unknown", 0)``.

    :param proxies: addresses, networks (``"10.0.0.0/8"``), ``"unix"`` for whoever connects to a
        Unix socket, ``"*"`` for everybody: only where nobody but proxies can connect.
    :param fields: which fields are believed; all five by default. Every field that is believed must
        be set, or removed, by the outermost proxy in every request.
    :param logger: told once, at WARNING, of fields that cannot be read; ``plait.server``.
    :raises ValueError: for what is no address, network or field.
    """

    def __init__(
        self,
        proxies: Iterable[str],
        *,
        fields: Collection[str] = FIELDS,
        logger: logging.Logger | None = None,
    ) -> None:
        self.networks = Networks(proxies)
        known = set(FIELDS)
        for name in fields:
            if name.lower() not in known:
                raise ValueError(f"{name!r} is not one of the fields {', '.join(FIELDS)}")
        self._fields = frozenset(name.lower().encode() for name in fields)
        self._log = logging.getLogger("plait.server") if logger is None else logger
        self._has_warned = False

    def trusts(self, peer: Peer) -> bool:
        """Whether the other end of a connection is one of the proxies."""
        return (None if peer.client is None else peer.client[0]) in self.networks

    def preface(self, server: ApplicationServer, loop: asyncio.AbstractEventLoop) -> ProxyPreface:
        """Return the protocol of a new connection, that begins with a PROXY header.

        For ``ApplicationServer(..., proxies=proxies, preface=proxies.preface)``: then *every*
        connection must come from one of the proxies, and begin with a header.
        """
        return ProxyPreface(server, loop, self)

    def apply(self, exchange: Exchange) -> None:
        """Let a request know its client, scheme and host, before a host opens it."""
        peer = exchange.peer
        context = peer.context
        if context.get("tls_at_proxy"):
            # a PROXY header said so
            exchange.scheme = b"https"
        if _KEY not in context:
            context[_KEY] = {} if self.trusts(peer) else None
            if context[_KEY] is not None:
                context[_CONNECTION] = {}
        memory: dict[tuple[Field, ...], tuple[_Told, Peer]] | None = context[_KEY]
        if memory is None:
            return
        wanted = self._fields
        given = tuple([field for field in exchange.headers if field[0] in wanted])
        if not given:
            return
        known = memory.get(given)
        if known is None:
            if len(memory) >= _KEPT:
                memory.clear()
            told = self._told(given)
            known = memory[given] = (told, _seen_through(peer, told))
        told, exchange.peer = known
        if told.scheme is not None:
            exchange.scheme = told.scheme
        if told.host is not None:
            _set_host(exchange, told.host)

    # --- inside ---------------------------------------------------------------------------------

    def _told(self, given: tuple[Field, ...]) -> _Told:
        """Return what the fields of one request tell."""
        fields: dict[bytes, list[bytes]] = {}
        for name, value in given:
            fields.setdefault(name, []).append(value)
        standard = fields.pop(b"forwarded", None)
        if standard is None:
            return self._by_custom(fields)
        told = self._by_standard(standard)
        if not fields:
            return told
        merged = _merged(told, self._by_custom(fields))
        if merged is None:
            self._warn("Forwarded and X-Forwarded-* contradict each other")
            return _UNREADABLE
        return merged

    def _by_standard(self, values: list[bytes]) -> _Told:
        """Read ``Forwarded``."""
        told = _NOTHING
        try:
            # One by one: a client must not spoil with a quotation mark what its proxy adds in a
            # field of its own.
            for value in reversed(values):
                for element in reversed(forwarded.elements(value)):
                    client = forwarded.node(element["for"]) if "for" in element else UNKNOWN
                    told = _Told(
                        client,
                        _read(forwarded.scheme, element.get("proto")),
                        _read(forwarded.authority, element.get("host")),
                    )
                    if client[0] not in self.networks or "for" not in element:
                        return told
        except ValueError:
            self._warn("a field Forwarded cannot be read")
            return _UNREADABLE
        return told

    def _by_custom(self, fields: dict[bytes, list[bytes]]) -> _Told:
        """Read ``X-Forwarded-*``."""
        clients = xforwarded.items(fields.get(b"x-forwarded-for", []))
        client: Node | None = None
        at = len(clients)
        try:
            while at > 0:
                at -= 1
                client = xforwarded.node(clients[at])
                if client[0] not in self.networks:
                    break
        except ValueError:
            self._warn("a field X-Forwarded-For cannot be read")
            client = UNKNOWN

        def one_of(name: bytes) -> str | None:
            """What goes with the client, where proxies have made a list; or the only one."""
            found = xforwarded.items(fields.get(name, []))
            if len(found) == len(clients) > 0:
                return found[at]
            return found[0] if len(found) == 1 else None

        port = one_of(b"x-forwarded-port")
        return _Told(
            client,
            _read(forwarded.scheme, one_of(b"x-forwarded-proto")),
            _read(forwarded.authority, one_of(b"x-forwarded-host")),
            _read(xforwarded.port_number, port),
        )

    def _warn(self, what: str) -> None:
        """Tell the operator, once: clients may send such fields as often as they like."""
        if not self._has_warned:
            self._has_warned = True
            self._log.warning(
                "%s: the client is taken as unknown. Does the proxy set or remove the field? "
                "(this is told once)",
                what,
            )


def _merged(one: _Told, other: _Told) -> _Told | None:
    """Return what both tell together; ``None`` if they do not agree."""
    for told, also in ((one.scheme, other.scheme), (one.host, other.host)):
        if told is not None and also is not None and told.lower() != also.lower():
            return None
    client = one.client or other.client
    if one.client is not None and other.client is not None:
        if not same_host(one.client[0], other.client[0]):
            return None
        client = max(one.client, other.client, key=_port)  # not all of them tell the port
    return _Told(client, one.scheme or other.scheme, one.host or other.host, other.port)


def _port(node: Node) -> int:
    return node[1]


def _read(how: Callable[[str], T], text: str | None) -> T | None:
    """Read a value; one that cannot be read counts as not there."""
    if text is None:
        return None
    try:
        return how(text)
    except ValueError:
        return None


def _seen_through(peer: Peer, told: _Told) -> Peer:
    """Return the peer that a proxy speaks for."""
    server = peer.server
    if told.port is not None and server is not None and server[1] is not None:
        server = (server[0], told.port)
    client = peer.client if told.client is None else told.client
    if client == peer.client and server == peer.server:
        return peer
    # A context of its own: what cycles keep there may be about the client.
    seen = Peer(client, server, peer.tls)
    seen.context[_CONNECTION] = peer.context[_CONNECTION]
    return seen


def _set_host(exchange: Exchange, host: bytes) -> None:
    """Let a request be for another host."""
    exchange.host = host
    headers = [field for field in exchange.headers if field[0] != b"host"]
    exchange.headers[:] = [(b"host", host), *headers]
