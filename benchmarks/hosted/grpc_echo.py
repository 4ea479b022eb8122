"""A grpclib service that echoes octets: ``python -m benchmarks.hosted.grpc_echo PORT``."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

import uvloop
from grpclib.const import Cardinality, Handler
from grpclib.encoding.base import CodecBase
from grpclib.server import Server
from grpclib.utils import graceful_exit

METHOD = "/bench.Echo/Unary"


class Octets(CodecBase):
    """Messages that are octets, so that no serialisation is measured."""

    __content_subtype__ = "octets"

    def encode(self, message: Any, _message_type: Any) -> bytes:
        """As they are."""
        return bytes(message)

    def decode(self, data: bytes, _message_type: Any) -> Any:
        """As they are."""
        return data


class Echo:
    """The service."""

    async def unary(self, stream: Any) -> None:
        """Send back what has come."""
        await stream.send_message(await stream.recv_message())

    def __mapping__(self) -> dict[str, Handler]:
        return {METHOD: Handler(self.unary, Cardinality.UNARY_UNARY, bytes, bytes)}


async def main(port: int) -> None:
    """Serve until terminated."""
    server = Server([Echo()], codec=Octets())
    with graceful_exit([server]):
        await server.start("127.0.0.1", port)
        await server.wait_closed()


if __name__ == "__main__":
    uvloop.install()
    asyncio.run(main(int(sys.argv[1])))
