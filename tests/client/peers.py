"""Servers to aim a client at: one that is all frames, and those of other people."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from plait.client import BaseResponseHandler
from tests.http2.frames import (
    ACK,
    DATA,
    GOAWAY,
    HEADERS,
    SETTINGS,
    Frame,
    FrameReader,
    octets,
    settings,
    settings_ack,
)

PATIENCE = 10.0  # seconds


class RawServer:
    """The server's end of one connection, frame by frame."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._frames = FrameReader(magic=True)
        self.frames: list[Frame] = []

    async def greet(self, *pairs: tuple[int, int]) -> None:
        """Exchanges SETTINGS; what the client has sent before its acknowledgement is kept."""
        self.send(settings(*pairs), settings_ack())
        found = await self.until(lambda frame: frame.type == SETTINGS and bool(frame.flags & ACK))
        self.frames[:0] = [frame for frame in found if frame.type != SETTINGS]

    def send(self, *frames: Frame | bytes) -> None:
        self._writer.write(octets(frames))

    async def until(self, enough: Callable[[Frame], bool]) -> list[Frame]:
        """Every frame up to one that will do; they are then forgotten."""
        while True:
            for index, frame in enumerate(self.frames):
                if enough(frame):
                    found = self.frames[: index + 1]
                    del self.frames[: index + 1]
                    return found
            assert await self._read(), f"the end came after {self.frames}"

    async def request(self, stream_id: int = 1) -> list[Frame]:
        """The frames up to the end of a request."""
        return await self.until(lambda frame: frame.stream_id == stream_id and frame.end_stream)

    async def until_closed(self) -> list[Frame]:
        """Every frame up to the end of the connection."""
        while await self._read():
            pass
        found, self.frames = self.frames, []
        return found

    async def _read(self) -> bool:
        try:
            async with asyncio.timeout(PATIENCE):
                received = await self._reader.read(65536)
        except ConnectionResetError:
            return False
        self.frames += self._frames.feed(received)
        return bool(received)

    def close(self) -> None:
        self._writer.close()

    def abort(self) -> None:
        self._writer.transport.abort()


@asynccontextmanager
async def raw_server(
    script: Callable[[RawServer], Awaitable[None]], tls: ssl.SSLContext | None = None
) -> AsyncIterator[tuple[str, int]]:
    """Runs a script for every connection; gives the address. A script's failure is the test's."""
    tasks: list[asyncio.Task[None]] = []
    failures: list[BaseException] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.append(task)
        try:
            await script(RawServer(reader, writer))
        except (Exception, asyncio.CancelledError) as problem:  # noqa: BLE001
            failures.append(problem)
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=tls)
    try:
        host, port = server.sockets[0].getsockname()[:2]
        yield host, port
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*tasks)
    finally:
        server.close()
        for task in tasks:
            task.cancel()
    assert not failures, failures


class Recorder(BaseResponseHandler):
    """Writes down what happens; `closed` is set at the end."""

    def __init__(self) -> None:
        super().__init__()
        self.log: list[tuple[Any, ...]] = []
        self.closed = asyncio.Event()
        self.body = b""

    def on_informational(self, status: int, headers: Any) -> None:
        self.log.append(("informational", status, headers))

    def on_headers(self) -> None:
        self.log.append(("headers", self.status))

    def on_data(self, data: bytes) -> None:
        self.log.append(("data", data))
        self.body += data

    def on_response_done(self) -> None:
        self.log.append(("done",))

    def on_close(self, error_code: int) -> None:
        self.log.append(("close", error_code))
        self.closed.set()

    async def wait(self) -> list[tuple[Any, ...]]:
        """What happened, when all has happened."""
        async with asyncio.timeout(PATIENCE):
            await self.closed.wait()
        return self.log

    @property
    def events(self) -> list[str]:
        return [entry[0] for entry in self.log]


def body(frames: list[Frame], stream_id: int = 1) -> bytes:
    return b"".join(f.payload for f in frames if (f.type, f.stream_id) == (DATA, stream_id))


def head(frames: list[Frame], stream_id: int = 1) -> list[tuple[bytes, bytes]]:
    (found,) = [f for f in frames if (f.type, f.stream_id) == (HEADERS, stream_id)]
    assert found.fields is not None
    return list(found.fields)


def goodbyes(frames: list[Frame]) -> list[bytes]:
    return [frame.payload for frame in frames if frame.type == GOAWAY]
