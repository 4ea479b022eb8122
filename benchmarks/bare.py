"""A server without a protocol, the measure of the transport: ``python -m benchmarks.bare PORT``."""

from __future__ import annotations

import asyncio
import sys
from typing import cast


class Bare(asyncio.Protocol):
    """A connection without a protocol: what the transport alone weighs."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:  # noqa: ARG002 - its length does not matter
        self.transport.write(b"\0\0\0\4\1\0\0\0\0")


async def _bare(port: int) -> None:
    server = await asyncio.get_running_loop().create_server(Bare, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


def run_bare(port: int) -> None:
    """Serve `Bare` on the loop that plait's server would use."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(_bare(port))
    else:
        uvloop.run(_bare(port))


if __name__ == "__main__":
    run_bare(int(sys.argv[1]))
