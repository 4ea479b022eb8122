"""Runs the demonstration site in a thread, so that ordinary clients can ask it."""

from __future__ import annotations

import asyncio
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count

from plait.demo import DemoHandler
from plait.demo.connections import Connections
from plait.demo.hints import Hints
from plait.server import HTTP2Server
from tests.support.process import PATIENCE


@dataclass(frozen=True)
class Site:
    """Where it listens, and the handler class that answers there."""

    url: str
    handler: type[DemoHandler]


@contextmanager
def running_site(context: ssl.SSLContext | None = None) -> Iterator[Site]:
    """The site on a free port, with a memory of its own of connections, hints and views."""

    class Handler(DemoHandler):
        connections = Connections()
        hints = Hints(time.monotonic)
        views = count(1)

    started = threading.Event()
    found: list[object] = []

    async def serve() -> None:
        ended = asyncio.Event()
        async with HTTP2Server(("127.0.0.1", 0), Handler, ssl=context) as server:
            found.extend((server.addresses[0][1], asyncio.get_running_loop(), ended))
            started.set()
            await ended.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert started.wait(PATIENCE)
    port, loop, ended = found
    assert isinstance(loop, asyncio.AbstractEventLoop)
    assert isinstance(ended, asyncio.Event)
    try:
        yield Site(f"{'https' if context else 'http'}://127.0.0.1:{port}", Handler)
    finally:
        loop.call_soon_threadsafe(ended.set)
        thread.join(PATIENCE)
    assert not thread.is_alive()
