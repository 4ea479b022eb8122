"""A path, or an address, that tells supervisors and load balancers whether to send requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.server.answer import Answer

if TYPE_CHECKING:
    from plait.server.host import Cycle, Exchange, Field, Host

_HEADERS = [(b"content-type", b"text/plain; charset=utf-8"), (b"cache-control", b"no-store")]


class Health:
    """The state that is told.

    :ivar leaving: the server is about to end: it still answers, but should get no more.
    """

    def __init__(self) -> None:
        self.leaving = False

    @property
    def answer(self) -> tuple[int, bytes]:
        """Status and body."""
        return (503, b"leaving\n") if self.leaving else (200, b"serving\n")


class HealthHost:
    """Answers for the server, and hands on to another host what is not about health.

    :param path: the path to answer at; every one by default.
    :param host: what the other paths are for.
    """

    def __init__(self, health: Health, path: str | None = None, host: Host | None = None) -> None:
        self._health = health
        self._path = None if path is None else path.encode()
        self._host = host

    def open(self, exchange: Exchange) -> Cycle:
        """Return the cycle for a request."""
        if self._path is None or exchange.path.partition(b"?")[0] == self._path:
            return _Answer(exchange, self._health)
        assert self._host is not None
        return self._host.open(exchange)

    async def startup(self) -> None:
        """Prepare the application."""
        if self._host is not None:
            await self._host.startup()

    async def shutdown(self) -> None:
        """The last exchange is over."""
        if self._host is not None:
            await self._host.shutdown()


class _Answer(Answer):
    """Answers one request."""

    __slots__ = ("_health",)

    def __init__(self, exchange: Exchange, health: Health) -> None:
        super().__init__(exchange)
        self._health = health

    def begin(self) -> None:
        """Answer."""
        exchange = self.exchange
        if exchange.method not in (b"GET", b"HEAD"):
            allow: list[Field] = [*_HEADERS, (b"allow", b"GET, HEAD")]
            exchange.respond(405, allow, b"GET or HEAD\n")
            return
        status, body = self._health.answer
        exchange.respond(status, _HEADERS, body)
