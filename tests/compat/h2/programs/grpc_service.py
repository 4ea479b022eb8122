"""A grpclib service over octets; prints its engine, then `port N`, and serves until terminated.

python grpc_service.py
"""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from typing import Any

import h2.connection
from grpclib.const import Cardinality, Handler, Status
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError
from grpclib.server import Server
from grpclib.utils import graceful_exit

SERVICE = "/plait.Test/"


class Octets(CodecBase):
    """Messages that are octets already, under the name that every client uses."""

    __content_subtype__ = "proto"

    def encode(self, message: Any, message_type: Any) -> bytes:
        return bytes(message)

    def decode(self, data: bytes, message_type: Any) -> Any:
        return data


class Service:
    """What each call does stands at its method."""

    def __init__(self) -> None:
        self.seen: Counter[str] = Counter()

    async def reverse(self, stream: Any) -> None:
        await stream.send_message((await stream.recv_message())[::-1])

    async def count(self, stream: Any) -> None:
        """The message is a number: so many messages go back."""
        for number in range(int(await stream.recv_message())):
            await stream.send_message(b"%d" % number)

    async def total(self, stream: Any) -> None:
        """Tells how many messages and octets there were."""
        sizes = [len(message) async for message in stream]
        await stream.send_message(b"%d %d" % (len(sizes), sum(sizes)))

    async def chat(self, stream: Any) -> None:
        """Every message is answered at once."""
        try:
            async for message in stream:
                await stream.send_message(message.upper())
        except asyncio.CancelledError:
            self.seen["cancelled"] += 1
            raise

    async def fail(self, stream: Any) -> None:
        """Without a look at the request."""
        raise GRPCError(Status.FAILED_PRECONDITION, "not today: ü%")

    async def half(self, stream: Any) -> None:
        """One message, and then an error in the trailers."""
        await stream.send_message(b"one")
        raise GRPCError(Status.ABORTED, "half of it")

    async def crash(self, stream: Any) -> None:
        raise ValueError("as the test wants it")

    async def metadata(self, stream: Any) -> None:
        """What came goes back in the message; more of it before and after that."""
        await stream.recv_message()
        await stream.send_initial_metadata(metadata={"first": "1", "data-bin": b"\x00\xff"})
        found = [
            (name, value if isinstance(value, str) else value.hex())
            for name, value in stream.metadata.items()
        ]
        await stream.send_message(json.dumps(sorted(found)).encode())
        await stream.send_trailing_metadata(metadata={"last": "2"})

    async def sleep(self, stream: Any) -> None:
        """For as long as the client will wait."""
        self.seen["asleep"] += 1
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            self.seen["woken"] += 1
            raise

    async def report(self, stream: Any) -> None:
        await stream.recv_message()
        await stream.send_message(json.dumps(self.seen).encode())

    def __mapping__(self) -> dict[str, Handler]:
        kinds = {
            Cardinality.UNARY_UNARY: (self.reverse, self.fail, self.crash, self.metadata),
            Cardinality.UNARY_STREAM: (self.count, self.half),
            Cardinality.STREAM_UNARY: (self.total,),
            Cardinality.STREAM_STREAM: (self.chat,),
        }
        kinds[Cardinality.UNARY_UNARY] += (self.sleep, self.report)
        return {
            SERVICE + call.__name__: Handler(call, kind, bytes, bytes)
            for kind, calls in kinds.items()
            for call in calls
        }


async def main() -> None:
    server = Server([Service()], codec=Octets())
    with graceful_exit([server]):
        await server.start("127.0.0.1", 0)
        assert server._server is not None
        print(f"port {server._server.sockets[0].getsockname()[1]}")
        await server.wait_closed()


if __name__ == "__main__":
    print(h2.connection.H2Connection.__module__)
    asyncio.run(main())
