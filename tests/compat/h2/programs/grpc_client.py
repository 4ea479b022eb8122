"""What grpclib's client makes of the service: JSON, a line for each thing done.

    python grpc_client.py PORT [OCTETS OCTETS]

The octets are the windows of the connection and of a stream. The first line names the engine.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Awaitable
from typing import Any

import h2.connection
from grpc_service import SERVICE, Octets
from grpclib.client import (
    Channel,
    StreamStreamMethod,
    StreamUnaryMethod,
    UnaryStreamMethod,
    UnaryUnaryMethod,
)
from grpclib.config import Configuration
from grpclib.const import Status
from grpclib.exceptions import GRPCError

LARGE = bytes(range(256)) * 2000


def tell(what: str, *facts: Any) -> None:
    print(json.dumps([what, *facts]), flush=True)


class Calls:
    """The service's calls on one channel."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def unary(self, name: str) -> Any:
        return UnaryUnaryMethod(self.channel, SERVICE + name, bytes, bytes)

    async def simple(self) -> None:
        reverse = self.unary("reverse")
        for message in (b"", b"abc", LARGE):
            tell("unary", await reverse(message) == message[::-1])
        many = await asyncio.gather(*(reverse(b"%d" % n) for n in range(200)))
        tell("at once", many == [(b"%d" % n)[::-1] for n in range(200)])

    async def streams(self) -> None:
        count = UnaryStreamMethod(self.channel, SERVICE + "count", bytes, bytes)
        tell("stream", [int(message) for message in await count(b"300")])
        total = StreamUnaryMethod(self.channel, SERVICE + "total", bytes, bytes)
        tell("to one", (await total([b"x" * n for n in range(0, 60_000, 1000)])).decode())
        chat = StreamStreamMethod(self.channel, SERVICE + "chat", bytes, bytes)
        tell("all at once", [m.decode() for m in await chat([b"one", b"two", b"three"])])
        async with chat.open() as stream:
            heard = []
            for n in range(30):
                await stream.send_message(b"word %d" % n)
                heard.append((await stream.recv_message()).decode())
            await stream.end()
            tell("in turn", heard, await stream.recv_message())
        large = await chat([b"x" * 300_000] * 10)
        tell("large", [len(message) for message in large], set(b"".join(large)) == {ord("X")})

    async def errors(self) -> None:
        for name in ("fail", "crash", "nothing"):
            await self.failing(name, self.unary(name)(b""))
            await self.failing(name, self.unary(name)(LARGE))
        half = UnaryStreamMethod(self.channel, SERVICE + "half", bytes, bytes)

        async def one() -> None:
            async with half.open() as stream:
                await stream.send_message(b"", end=True)
                tell("half", (await stream.recv_message()).decode())

        await self.failing("the other half", one())

    async def failing(self, what: str, call: Awaitable[Any]) -> None:
        try:
            tell(what, repr(await call))
        except GRPCError as problem:
            tell(what, problem.status.name, problem.message)

    async def metadata(self) -> None:
        async with self.unary("metadata").open(metadata={"a": "1", "b-bin": b"\x01\xfe"}) as stream:
            await stream.send_message(b"", end=True)
            await stream.recv_initial_metadata()
            message = json.loads(await stream.recv_message())
            await stream.recv_trailing_metadata()
        found = [
            {name: repr(value) for name, value in each.items() if name != "date"}
            for each in (stream.initial_metadata, stream.trailing_metadata)
        ]
        tell("metadata", [pair for pair in message if pair[0] != "user-agent"], *found)

    async def endings(self) -> None:
        """Calls that the client ends."""
        try:
            await self.unary("sleep")(b"", timeout=0.1)
        except (TimeoutError, GRPCError) as problem:  # whichever side is faster
            tell("deadline", getattr(problem, "status", None) in (None, Status.DEADLINE_EXCEEDED))
        await self.until("woken", 1)
        asleep = asyncio.ensure_future(self.unary("sleep")(b""))
        await self.until("asleep", 2)
        asleep.cancel()
        tell("cancelled", (await asyncio.gather(asleep, return_exceptions=True)) != [])
        await self.until("woken", 2)
        chat = StreamStreamMethod(self.channel, SERVICE + "chat", bytes, bytes)
        async with chat.open() as stream:
            await stream.send_message(b"hello")
            await stream.recv_message()
            await stream.cancel()
        await self.until("cancelled", 1)
        count = UnaryStreamMethod(self.channel, SERVICE + "count", bytes, bytes)
        async with count.open() as stream:
            # all of them are on their way by then, and more of them than a flood would need
            await stream.send_message(b"20000", end=True)
            tell("enough", (await stream.recv_message()).decode())
            await stream.cancel()
        await self.simple()

    async def until(self, name: str, more: int) -> None:
        while True:
            found = json.loads(await self.unary("report")(b""))
            if found.get(name, 0) - self.before.get(name, 0) >= more:
                return

    async def run(self) -> None:
        self.before = json.loads(await self.unary("report")(b""))
        await self.simple()
        await self.streams()
        await self.errors()
        await self.metadata()
        await self.endings()


async def main(port: str, *sizes: str) -> None:
    config = Configuration()
    if sizes:
        connection, stream = map(int, sizes)
        config = Configuration(
            http2_connection_window_size=connection, http2_stream_window_size=stream
        )
    async with Channel("127.0.0.1", int(port), codec=Octets(), config=config) as channel:
        await Calls(channel).run()


if __name__ == "__main__":
    print(h2.connection.H2Connection.__module__)
    asyncio.run(main(*sys.argv[1:]))
