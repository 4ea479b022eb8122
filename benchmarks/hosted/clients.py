"""Clients under test: ``python -m benchmarks.hosted.clients KIND PORT``, one JSON line a run.

A line on standard input says how many requests to make, how many of them at a time, and whether
to clock the engine; the answer has CPU nanoseconds and seconds of exactly these requests.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from benchmarks.hosted.clocked import Clock

HELLO = b"Hello, world\n"


class Client(Protocol):
    """Something that makes requests over one connection."""

    async def open(self, port: int) -> None:
        """Connect."""

    async def ask(self) -> None:
        """One request, and its whole answer."""

    async def close(self) -> None:
        """Take leave."""


class Httpx:
    """httpx, over HTTP/2 in clear text."""

    async def open(self, port: int) -> None:
        """Make a client; it connects when it is first used."""
        import httpx

        self._url = f"http://127.0.0.1:{port}/hello.txt"
        self._client = httpx.AsyncClient(http1=False, http2=True)

    async def ask(self) -> None:
        """A GET that is answered with 13 octets."""
        answer = await self._client.get(self._url)
        if answer.content != HELLO or answer.http_version != "HTTP/2":
            raise ValueError(f"{answer.http_version} {answer.status_code}: {answer.text!r}")

    async def close(self) -> None:
        """Take leave."""
        await self._client.aclose()


class Grpclib:
    """A grpclib channel."""

    async def open(self, port: int) -> None:
        """Make a channel; it connects when it is first used."""
        from grpclib.client import Channel, UnaryUnaryMethod

        from benchmarks.hosted.grpc_echo import METHOD, Octets

        self._channel = Channel("127.0.0.1", port, codec=Octets())
        self._method: Any = UnaryUnaryMethod(self._channel, METHOD, bytes, bytes)

    async def ask(self) -> None:
        """A unary call with 13 octets both ways."""
        if await self._method(HELLO) != HELLO:
            raise ValueError("the echo is wrong")

    async def close(self) -> None:
        """Take leave."""
        self._channel.close()


CLIENTS: dict[str, Callable[[], Client]] = {"httpx": Httpx, "grpclib": Grpclib}


async def _in_a_row(ask: Callable[[], Awaitable[None]], times: int) -> None:
    for _ in range(times):
        await ask()


async def _run(client: Client, request: dict[str, Any], clock: Clock) -> dict[str, Any]:
    """So many requests, so many at a time."""
    at_once, requests = request["at_once"], request["requests"]
    each = [requests // at_once] * at_once
    if request["clocked"]:
        clock.open()
    begun, start = time.monotonic(), time.process_time_ns()
    await asyncio.gather(*(_in_a_row(client.ask, times) for times in each))
    spent, seconds = time.process_time_ns() - start, time.monotonic() - begun
    account = clock.close() if request["clocked"] else None
    return {"ns": spent, "seconds": seconds, "requests": sum(each), "account": account}


async def main(kind: str, port: int) -> None:
    """Connect, then work until the input ends."""
    client, clock = CLIENTS[kind](), Clock()
    try:
        await client.open(port)
    except ImportError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return
    await client.ask()
    print(json.dumps({"version": sys.modules["h2"].__name__}), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        print(json.dumps(await _run(client, json.loads(line), clock)), flush=True)
    await client.close()


if __name__ == "__main__":
    import uvloop

    uvloop.install()
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
