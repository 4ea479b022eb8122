"""What an attack is, and what it is given to run with."""

from __future__ import annotations

import functools
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from soak.peer import Peer


@dataclass
class Target:
    """The server under attack, as one attacker knows it.

    :ivar patience: seconds the attack may take.
    :ivar limits: the server's time limits, in seconds.
    :ivar peers: every connection that was made.
    """

    clear: int
    secure: int
    slow: int
    patience: float
    limits: dict[str, float]
    peers: list[Peer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.patience

    def dial(
        self, port: int | None = None, *, tls: bool = False, receive_buffer: int | None = None
    ) -> Peer:
        """Connect."""
        context = client_context() if tls else None
        if port is None:
            port = self.secure if tls else self.clear
        peer = Peer(port, self.deadline, context, receive_buffer)
        self.peers.append(peer)
        return peer


@functools.cache
def client_context() -> ssl.SSLContext:
    """A client's, that believes every certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    return context


class NotWithstood(Exception):
    """The server did what it must not do."""


@dataclass(frozen=True)
class Attack:
    """One way to wear a server out.

    :ivar name: what it is called in the table.
    :ivar reference: where it is described.
    :ivar run: makes the attack, once for each attacker.
    :ivar ends: the server must end the connection; else it may bear it to the attack's end.
    :ivar calls: the most requests of one attacker that may reach the application; None: any number.
    :ivar patience: seconds that it may take.
    :ivar connections: how many connections one attacker makes at the same time.
    """

    name: str
    reference: str
    run: Callable[[Target], None]
    ends: bool = False
    calls: int | None = None
    patience: float = 20.0
    connections: int = 1


def collector(
    attacks: list[Attack],
) -> Callable[..., Callable[[Callable[[Target], None]], Callable[[Target], None]]]:
    """Return a decorator that appends to a list of attacks."""

    def attack(
        name: str,
        reference: str = "",
        *,
        ends: bool = False,
        calls: int | None = None,
        patience: float = 20.0,
        connections: int = 1,
    ) -> Callable[[Callable[[Target], None]], Callable[[Target], None]]:
        def add(run: Callable[[Target], None]) -> Callable[[Target], None]:
            attacks.append(Attack(name, reference, run, ends, calls, patience, connections))
            return run

        return add

    return attack


def expect(condition: bool, what: str) -> None:
    """Say what the server did wrong."""
    if not condition:
        raise NotWithstood(what)
