"""WSGI applications on exchanges that keep a record."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from plait.server.wsgi import WSGIHost
from tests.support.exchange import RecordingExchange

T = TypeVar("T")

# Seconds after which a test is given up; nothing is measured with it.
PATIENCE = 30.0

PLAIN = ("Content-Type", "text/plain")


async def until(condition: Callable[[], Any]) -> None:
    """Waits for something to become true."""
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 - threads set no asyncio.Event
            await asyncio.sleep(0.001)


def hosted(host: WSGIHost, scenario: Callable[[], Awaitable[T]]) -> T:
    """Runs a scenario with a host that is started and shut down."""

    async def main() -> T:
        await host.startup()
        try:
            async with asyncio.timeout(PATIENCE):
                return await scenario()
        finally:
            await host.shutdown()

    return asyncio.run(main())


def exchanged(
    app: Any, *arguments: Any, body: list[bytes] | None = None, **settings: Any
) -> RecordingExchange:
    """Lets an application answer one request.

    :param body: the pieces of the request's body, if it has one.
    """
    host = WSGIHost(app, threads=1)

    async def scenario() -> RecordingExchange:
        exchange = RecordingExchange(*arguments, complete=body is None, **settings)
        exchange.open(host)
        for piece in body or []:
            exchange.data(piece)
        if body is not None:
            exchange.end()
        await until(lambda: exchange.released)
        return exchange

    exchange = hosted(host, scenario)
    assert not exchange.errors
    return exchange


def environ_of(*arguments: Any, **settings: Any) -> dict[str, Any]:
    """The environ that an application gets; what it could read is under "body"."""
    seen: dict[str, Any] = {}

    def app(environ: Any, start_response: Any) -> Any:
        seen.update(environ)
        seen["body"] = environ["wsgi.input"].read()
        start_response("204 No Content", [])
        return []

    exchanged(app, *arguments, **settings)
    return seen
