"""What the JSON echo server for h2 keeps, forgets and waits for, seen from inside."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import inspect
import logging
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import ModuleType
from typing import Any

import pytest

from tests.compat.serving import RawClient, body, resets
from tests.http2.frames import (
    DATA,
    GET,
    HEAD,
    INITIAL_WINDOW_SIZE,
    INTERNAL_ERROR,
    POST,
    PROTOCOL_ERROR,
    data,
    headers,
    octets,
    rst_stream,
    window_update,
)

from .programs import EXAMPLES

ENGINES = {"h2": "h2", "plait": "plait.compat.h2"}
NEEDED = ("config", "connection", "errors", "events", "exceptions", "settings")
WIDE = (INITIAL_WINDOW_SIZE, 2**31 - 1)


@pytest.fixture(scope="module", params=ENGINES)
def program(request: pytest.FixtureRequest) -> ModuleType:
    """The program as a module, on either engine."""
    engine = ENGINES[request.param]
    path = EXAMPLES / "asyncio_h2_echo.py"
    spec = importlib.util.spec_from_file_location("asyncio_h2_echo", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        for name in ("", *(f".{name}" for name in NEEDED)):
            patch.setitem(sys.modules, f"h2{name}", importlib.import_module(engine + name))
        spec.loader.exec_module(module)
    assert module.H2Connection.__module__.startswith(engine)
    return module


@asynccontextmanager
async def serving(
    kind: Any, *their_settings: tuple[int, int]
) -> AsyncIterator[tuple[Any, RawClient]]:
    """A connection to a protocol, and the client at its other end."""
    made: list[Any] = []
    lost = asyncio.Event()

    class Watched(kind):  # type: ignore[misc]  # known at run time
        def connection_made(self, transport: Any) -> None:
            made.append(self)
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            super().connection_lost(exc)
            lost.set()

    server = await asyncio.get_running_loop().create_server(Watched, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with await asyncio.to_thread(RawClient, port, *their_settings) as client:
            yield made[0], client
        await lost.wait()


async def until(reached: Callable[[], bool]) -> None:
    """Lets the loop run until something is so."""
    while not reached():  # noqa: ASYNC110 - nobody tells it
        await asyncio.sleep(0)


def run(check: Callable[[], Awaitable[None]]) -> None:
    """Runs a check, after which no task may be left."""

    async def watched() -> None:
        async with asyncio.timeout(20):
            await check()
            await until(lambda: len(asyncio.all_tasks()) == 1)

    asyncio.run(watched())


def is_empty(protocol: Any) -> bool:
    return not (protocol.stream_data or protocol.flow_control_futures or protocol.senders)


def test_it_has_the_names_that_are_known(program: ModuleType) -> None:
    assert program.RequestData._fields == ("headers", "data")
    assert issubclass(program.H2Protocol, asyncio.Protocol)
    protocol = program.H2Protocol()
    assert isinstance(protocol.conn, program.H2Connection)
    assert protocol.transport is None
    assert protocol.stream_data == protocol.flow_control_futures == {}
    arguments = {
        name: [*inspect.signature(getattr(protocol, name)).parameters]
        for name, kind in vars(program.H2Protocol).items()
        if inspect.isfunction(kind)
    }
    assert (
        arguments.items()
        >= {
            "connection_made": ["transport"],
            "connection_lost": ["exc"],
            "data_received": ["data"],
            "request_received": ["headers", "stream_id"],
            "stream_complete": ["stream_id"],
            "receive_data": ["data", "flow_controlled_length", "stream_id"],
            "stream_reset": ["stream_id"],
            "send_data": ["data", "stream_id"],
            "wait_for_flow_control": ["stream_id"],
            "window_updated": ["stream_id", "delta"],
        }.items()
    )
    assert inspect.iscoroutinefunction(program.main)
    defaults = [each.default for each in inspect.signature(program.main).parameters.values()]
    assert defaults == ["127.0.0.1", 8000, "localhost.pem", "localhost-key.pem", False]


def test_nothing_is_kept_of_streams_that_are_over(program: ModuleType) -> None:
    async def check() -> None:
        async with serving(program.H2Protocol) as (protocol, client):
            client.send(headers(1, POST, end_stream=False), data(1, b"text"), rst_stream(1))
            client.send(headers(3, GET), rst_stream(3), headers(5, HEAD))
            await asyncio.to_thread(client.get, stream_id=7)
            await until(lambda: is_empty(protocol))

    run(check)


def test_nothing_waits_for_a_connection_that_is_lost(program: ModuleType) -> None:
    async def check() -> None:
        async with serving(program.H2Protocol, (INITIAL_WINDOW_SIZE, 0)) as (protocol, client):
            client.send(headers(1, GET), headers(3, POST, end_stream=False), headers(5, GET))
            await until(lambda: len(protocol.flow_control_futures) == 2)
            assert protocol.stream_data.keys() == {3}
            assert protocol.senders.keys() == {1, 5}
        await until(lambda: is_empty(protocol))

    run(check)


def test_a_sender_that_has_not_begun_ends_with_its_stream(program: ModuleType) -> None:
    async def check() -> None:
        async with serving(program.H2Protocol, (INITIAL_WINDOW_SIZE, 0)) as (protocol, _):
            protocol.data_received(octets([headers(1, GET)]))
            assert protocol.senders
            protocol.data_received(octets([rst_stream(1)]))
            await until(lambda: is_empty(protocol))

    run(check)


def test_a_sender_between_two_frames_ends_with_its_connection(program: ModuleType) -> None:
    async def check() -> None:
        async with serving(program.H2Protocol, (INITIAL_WINDOW_SIZE, 10)) as (protocol, _):
            protocol.data_received(octets([headers(1, GET)]))
            protocol.transport.abort()
            await until(lambda: is_empty(protocol))

    run(check)


def test_answers_wait_for_the_socket(program: ModuleType) -> None:
    """Three of them, 5 MB in all, whose client does not read; nor is it heard then."""

    async def check() -> None:
        async with serving(program.H2Protocol, WIDE) as (protocol, client):
            client.send(window_update(0, 2**31 - 65_536))
            sent = b"\xff" * 60_000
            for stream_id in (1, 3, 5):
                client.send(headers(stream_id, POST, end_stream=False))
            await until(lambda: len(protocol.stream_data) == 3)
            for request in protocol.stream_data.values():
                request.data.write(sent * 5)  # three octets for each of them, and twelve in JSON
            client.send(*(data(stream_id, end_stream=True) for stream_id in (1, 3, 5)))
            await until(lambda: len(protocol.flow_control_futures) == 3)
            assert not protocol.can_write
            assert not protocol.transport.is_reading()
            assert protocol.transport.get_write_buffer_size() < 200_000
            frames = await asyncio.to_thread(client.until_end, 1, 3, 5)
            for stream_id in (1, 3, 5):
                assert body(frames, stream_id).count(rb"\ufffd") == 300_000
            await until(lambda: is_empty(protocol))
            assert protocol.can_write
            assert protocol.transport.is_reading()

    run(check)


def test_a_failure_is_its_streams_own(
    program: ModuleType, caplog: pytest.LogCaptureFixture
) -> None:
    class Failing(program.H2Protocol):  # type: ignore[misc, name-defined]  # found at run time
        def request_received(self, headers: Any, stream_id: int) -> None:
            if stream_id == 3:
                raise LookupError("for a reason of its own")
            super().request_received(headers, stream_id)

    async def check() -> None:
        async with serving(Failing) as (protocol, client):
            client.send(
                headers(1, POST, end_stream=False),
                headers(3, POST, end_stream=False),
                data(3, bytes(16_000)),
                data(1, b"text", end_stream=True),
            )
            frames = await asyncio.to_thread(client.until_end, 1, 3)
            assert resets(frames) == [(3, INTERNAL_ERROR)]
            assert DATA in {frame.type for frame in frames if frame.stream_id == 1}
            await until(lambda: is_empty(protocol))

    with caplog.at_level(logging.ERROR):
        run(check)
    assert "stream 3 failed" in caplog.text
    assert "for a reason of its own" in caplog.text


def test_data_of_no_request_is_refused(program: ModuleType) -> None:
    async def check() -> None:
        async with serving(program.H2Protocol) as (protocol, client):
            client.send(headers(1, POST, end_stream=False))
            await until(lambda: bool(protocol.stream_data))
            del protocol.stream_data[1]
            client.send(data(1, b"text"))
            frames = await asyncio.to_thread(client.until_end, 1)
            assert resets(frames) == [(1, PROTOCOL_ERROR)]
            assert (await asyncio.to_thread(client.get, stream_id=3))[-1].end_stream

    run(check)
