"""The server that is attacked: ``python -m soak.program [--asyncio] [NAME=SECONDS ...]``.

It prints ``ports CLEAR SECURE SLOW`` when it listens; behind the last one is a handler that reads
slowly. What each path does stands at its method; ``/report`` tells what the process counts of
itself.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import gc
import json
import logging
import os
import re
import signal
import sys
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, ClassVar

from plait import build_info
from plait.server import (
    DATA_DEFERRED,
    DATA_EOF,
    DATA_OK,
    BaseRequestHandler,
    HTTP2Server,
    TimeLimits,
)
from plait.server.devcert import dev_ssl_context
from plait.server.http2_server import new_event_loop

SMALL = b"Hello, world\n"
LARGE = bytes(100_000)
HUGE = bytes(16 * 2**20)
_BLOCK = bytes(65_536)


class Made:
    """A body of 16 MiB that is made while it is sent."""

    def __init__(self) -> None:
        self.left = len(HUGE)

    def __call__(self, most: int) -> tuple[bytes, int]:
        piece = _BLOCK[: min(most, self.left)]
        self.left -= len(piece)
        return piece, DATA_OK if self.left else DATA_EOF


async def made_later() -> AsyncIterator[bytes]:
    """The same, from a coroutine that is made to wait."""
    for _ in range(len(HUGE) // len(_BLOCK)):
        yield bytes(65_536)


def silence(most: int) -> tuple[None, int]:  # noqa: ARG001 - what every body is asked
    """A body that never comes."""
    return None, DATA_DEFERRED


class Subject(BaseRequestHandler):
    """Calls the method that bears the name of the path.

    :cvar calls: requests that reached the application, by path.
    """

    opened = 0
    closed = 0
    calls: ClassVar[Counter[str]] = Counter()
    answered: ClassVar[Counter[str]] = Counter()
    servers: ClassVar[list[HTTP2Server]] = []

    def __init__(self, http2: Any, stream_id: int) -> None:
        super().__init__(http2, stream_id)
        Subject.opened += 1
        self.later: Any = None

    def on_headers(self) -> None:
        name = (self.path or b"*").decode("ascii", "replace").strip("/").partition("?")[0]
        Subject.calls[name if name in PATHS else "other"] += 1
        if self.pushed:
            return
        method = PATHS.get(name)
        if method is None:
            self.send_response(404, body=SMALL)
        else:
            method(self)

    def on_request_done(self) -> None:
        if self.later is not None:
            self.later()

    def on_close(self, error_code: int) -> None:  # noqa: ARG002
        Subject.closed += 1
        self.later = None

    def small(self) -> None:
        self.send_response(200, [("content-length", "13")], SMALL)

    def large(self) -> None:
        self.send_response(200, [("content-length", "100000")], LARGE)

    def made(self) -> None:
        self.send_response(200, body=Made())

    def coroutine(self) -> None:
        self.send_response(200, body=made_later())

    def memory(self) -> None:
        self.send_response(200, body=HUGE)

    def head(self) -> None:
        """A response whose header section is 8 KiB and its body nothing."""
        self.send_response(200, [(f"x-{n}", f"{self.stream_id:08}" * 128) for n in range(8)])

    def silent(self) -> None:
        """No answer."""

    def never(self) -> None:
        self.send_response(200, body=silence)

    def sink(self) -> None:
        self.later = lambda: self.send_response(200, body=SMALL)

    def early(self) -> None:
        """An answer that does not wait for the request's body."""
        self.send_response(413, body=SMALL)

    def delayed(self) -> None:
        asyncio.get_running_loop().call_later(0.02, self.send_response, 200, None, SMALL)

    def push_two(self) -> None:
        for name in ("one", "two"):
            self.push(f"/pushed/{name}", body=SMALL)
        self.send_response(200, body=SMALL)

    def scheme_told(self) -> None:
        self.send_response(200, body=self.scheme or b"")

    def report(self) -> None:
        """What the process counts of itself; ``?objects`` adds every object by its type."""
        query = (self.path or b"").partition(b"?")[2]
        if query:
            gc.collect()
            give_back()
        self.send_response(200, body=json.dumps(report(bool(query))))


PATHS: dict[str, Any] = {
    name: getattr(Subject, name)
    for name in (
        *("small", "large", "made", "coroutine", "memory", "head", "silent", "never", "sink"),
        *("early", "delayed", "push_two", "scheme_told", "report"),
    )
} | {"honest/small": Subject.small, "honest/large": Subject.large}


class Slow(BaseRequestHandler):
    """Takes a second for every piece of an upload."""

    async def on_data(self, data: bytes) -> None:  # noqa: ARG002
        await asyncio.sleep(1)

    async def on_request_done(self) -> None:
        self.send_response(200, body=SMALL)


def give_back() -> None:
    """Let the C library give free memory back, so that what is left is what is held."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def report(with_objects: bool) -> dict[str, Any]:
    """Counters, memory, and what is left behind."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found: dict[str, Any] = {
        "build": str(build_info()),
        "calls": dict(Subject.calls),
        "open": Subject.opened - Subject.closed,
        "opened": Subject.opened,
        "resident": int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024,  # type: ignore[index]
        "blocks": sys.getallocatedblocks(),
        "descriptors": len(os.listdir("/proc/self/fd")),
        "tasks": len(asyncio.all_tasks()),
        "connections": sum(server.connection_count for server in Subject.servers),
        "refusals": refusals(),
    }
    if with_objects:
        kinds = Counter([f"{type(o).__module__}.{type(o).__qualname__}" for o in gc.get_objects()])
        found["objects"] = dict(kinds)
    return found


def refusals() -> dict[str, int]:
    """What both servers refused, by slug."""
    total: Counter[str] = Counter()
    for server in Subject.servers:
        total.update(server.stats().refusals)
    return dict(total)


async def serve(options: argparse.Namespace) -> None:
    """Both servers, until a signal."""
    pairs = [each.partition("=") for each in options.limit]
    seconds: dict[str, Any] = {name: float(value) for name, _, value in pairs}
    limits = TimeLimits(**seconds)
    here = ("127.0.0.1", 0)
    servers = [
        HTTP2Server(here, Subject, time_limits=limits),
        HTTP2Server(here, Subject, ssl=dev_ssl_context(), time_limits=limits),
        HTTP2Server(here, Slow, time_limits=limits),
    ]
    Subject.servers.extend(servers)
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    for server in servers:
        await server.start()
    print("ports", *[server.port for server in servers], flush=True)
    await stop.wait()
    await asyncio.gather(*[server.close() for server in servers])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m soak.program")
    parser.add_argument("--asyncio", action="store_true", help="the loop of the standard library")
    parser.add_argument("limit", nargs="*", help="a limit of TimeLimits, NAME=SECONDS")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    make = asyncio.new_event_loop if options.asyncio else new_event_loop
    with asyncio.Runner(loop_factory=make) as runner:
        runner.run(serve(options))


if __name__ == "__main__":
    main()
