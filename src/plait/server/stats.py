"""What a server has done: ``server.stats()``, and the refusals by their slugs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

# How connections end that have done no wrong: not worth a warning.
_ORDINARY = frozenset(("timeout.idle", "timeout.connection"))


@dataclass(frozen=True, kw_only=True, slots=True)
class ServerStats:
    """Figures of one server, living and past connections taken together, since it was made."""

    connections_accepted: int = 0
    """Connections that were accepted, those among them that were refused for their number."""

    connections_open: int = 0
    """Connections that are open now, those among them whose TLS handshake is going on."""

    requests: int = 0
    """Requests that were received."""

    streams_open: int = 0
    """Streams that are open now: requests that are not answered to their end, and pushes."""

    octets_received: int = 0
    octets_sent: int = 0
    """Octets of HTTP/2; what was handed to the transport counts as sent."""

    refusals: dict[str, int] = field(default_factory=dict)
    """How often something was refused, by slug: see the page on slugs."""


class Figures(Protocol):
    """What speaks the protocol, in whatever version of HTTP."""

    @property
    def requests_received(self) -> int:
        """How many requests came."""

    @property
    def open_streams(self) -> int:
        """How many are not over."""


class ServedConnection(Protocol):
    """A connection that leaves figures behind."""

    @property
    def engine(self) -> Figures | None:
        """What speaks the protocol; ``None`` once the connection is lost."""

    @property
    def octets_in(self) -> int:
        """How many octets arrived."""

    @property
    def octets_out(self) -> int:
        """How many were given to the transport."""

    @property
    def refusals(self) -> Mapping[str, int] | None:
        """How often something was refused, by slug."""


class Totals:
    """The figures that connections leave behind when they end, and the refusals before them."""

    def __init__(self) -> None:
        self.accepted = 0
        self.requests = 0
        self.octets_received = 0
        self.octets_sent = 0
        self.refusals: dict[str, int] = {}

    def refused(self, slug: str, times: int = 1) -> None:
        """Something was refused."""
        self.refusals[slug] = self.refusals.get(slug, 0) + times

    def take_over(self, others: Totals) -> None:
        """Take over the figures of others."""
        self.accepted += others.accepted
        self.requests += others.requests
        self.octets_received += others.octets_received
        self.octets_sent += others.octets_sent
        for slug, times in others.refusals.items():
            self.refused(slug, times)

    def add(self, connection: ServedConnection) -> None:
        """Take up the figures of a connection."""
        if connection.engine is not None:
            self.requests += connection.engine.requests_received
        self.octets_received += connection.octets_in
        self.octets_sent += connection.octets_out
        if connection.refusals is not None:
            for slug, times in connection.refusals.items():
                self.refused(slug, times)


def refusals_line(refusals: Mapping[str, int]) -> str:
    """Return refusals for a log: ``ping.flood, streams.limit (12 times)``."""
    return ", ".join(
        slug if times == 1 else f"{slug} ({times} times)" for slug, times in refusals.items()
    )


def is_ordinary(refusals: Mapping[str, int]) -> bool:
    """Whether a connection only had to go because its time was over."""
    return refusals.keys() <= _ORDINARY
