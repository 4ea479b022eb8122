"""What all requests to one application have in common, and those of one connection."""

from __future__ import annotations

from typing import Any

from plait.server.host import Peer

from .environ import EnvironMaker
from .pool import ThreadPool
from .types import Application

_CONTEXT = "plait.wsgi.backlog"


class Backlog:
    """The requests of a connection that have no thread yet.

    :ivar octets: of their bodies that have arrived, and for which the client has no credit.
    """

    __slots__ = ("octets",)

    def __init__(self) -> None:
        self.octets = 0


def backlog_of(peer: Peer) -> Backlog:
    """Return the one of a connection, for whomever a proxy at its other end speaks."""
    context: dict[str, Any] = peer.context.get("connection", peer.context)
    backlog: Backlog | None = context.get(_CONTEXT)
    if backlog is None:
        backlog = context[_CONTEXT] = Backlog()
    return backlog


class Service:
    """What a host lends to its cycles.

    :ivar app: the application.
    :ivar body_wait: how many seconds a request waits for its body before it takes a thread.
    :ivar environs: makes environs.
    :ivar pool: where the application runs.
    :ivar kept: octets of bodies for which clients have credit although nobody has read them, and
        what their pieces cost beside.
    """

    def __init__(
        self, app: Application, body_wait: float, environs: EnvironMaker, pool: ThreadPool
    ) -> None:
        self.app = app
        self.body_wait = body_wait
        self.environs = environs
        self.pool = pool
        self.kept = 0
