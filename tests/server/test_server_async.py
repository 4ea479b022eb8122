"""Callbacks that are `async def`: one after the other, with credit when they have finished."""

from __future__ import annotations

import asyncio
import gc
from typing import Any

import pytest

from plait.http2 import Config
from plait.server import BaseRequestHandler, HTTP2Server
from tests.server.rawclient import (
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    Recorder,
    client_of,
    eventually,
    frame,
    recorder,
    run,
)


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_callbacks_of_one_stream_never_overlap(loop: str) -> None:
    running = [0]

    async def slowly(self: Recorder, what: str, *rest: Any) -> None:
        running[0] += 1
        assert running[0] == 1
        await asyncio.sleep(0.005)
        running[0] -= 1
        self.calls.append((self.stream_id, what, *rest))

    async def on_headers(self: Recorder) -> None:
        await slowly(self, "headers")

    async def on_data(self: Recorder, data: bytes) -> None:
        await slowly(self, "data", data)

    async def on_request_done(self: Recorder) -> None:
        await slowly(self, "done")
        self.answer()

    kind = recorder(on_headers=on_headers, on_data=on_data, on_request_done=on_request_done)

    async def main() -> None:
        async with HTTP2Server(("127.0.0.1", 0), kind) as server, client_of(server) as client:
            client.send(
                client.request(1, method="POST", end=False),
                client.data(1, b"one"),
                client.data(1, b"two"),
                client.headers(1, [("x-sum", "6")]),
            )
            assert (await client.response(1))[1] == b"hello"
            await eventually(lambda: kind.calls[-1][1] == "close")

    run(main(), loop)
    assert [call[1:] for call in kind.calls] == [
        ("init",),
        ("headers",),
        ("data", b"one"),
        ("data", b"two"),
        ("done",),
        ("close", 0),
    ]
    assert kind.handlers[0].trailers == [(b"x-sum", b"6")]


def test_streams_run_side_by_side() -> None:
    gate = asyncio.Event()

    async def on_request_done(self: Recorder) -> None:
        if self.path == b"/waits":
            await gate.wait()
        else:
            gate.set()
        self.answer()

    kind = recorder(on_request_done=on_request_done)

    async def main() -> None:
        async with HTTP2Server(("127.0.0.1", 0), kind) as server, client_of(server) as client:
            client.send(client.request(1, "/waits"), client.request(3))
            await client.stream(1, 3)

    run(main())


@pytest.mark.parametrize("mixed", ["on_headers", "on_request_done"])
def test_plain_and_async_callbacks_mix(mixed: str) -> None:
    async def later(self: Recorder) -> None:
        await asyncio.sleep(0.002)
        self.calls.append((self.stream_id, mixed))
        if mixed == "on_request_done":
            self.answer()

    kind = recorder(**{mixed: later})

    async def main() -> None:
        async with HTTP2Server(("127.0.0.1", 0), kind) as server, client_of(server) as client:
            client.send(client.request(1))
            await client.response(1)

    run(main())
    assert [call[1] for call in kind.calls][1] in ("on_headers", "headers")
    assert kind.calls[-1] == (1, "close", 0)


def test_credit_comes_when_the_coroutine_has_finished() -> None:
    gate = asyncio.Event()

    async def on_data(self: Recorder, data: bytes) -> None:
        await gate.wait()

    kind = recorder(on_data=on_data)
    config = Config(initial_window_size=10_000)

    async def main() -> None:
        async with (
            HTTP2Server(("127.0.0.1", 0), kind, config=config) as server,
            client_of(server) as client,
        ):
            client.send(client.request(1, method="POST", end=False))
            client.send(client.data(1, b"x" * 10_000))
            await client.settled()
            assert not any(each.type == WINDOW_UPDATE for each in client.seen)
            gate.set()
            assert (await client.until(WINDOW_UPDATE, 1)).payload == (10_000).to_bytes(4, "big")

    run(main())


def test_a_reset_cancels_what_runs_and_on_close_comes_afterwards() -> None:
    async def on_headers(self: Recorder) -> None:
        try:
            await asyncio.sleep(60)
        finally:
            self.calls.append((self.stream_id, "cancelled"))

    kind = recorder(on_headers=on_headers)

    async def main() -> None:
        async with HTTP2Server(("127.0.0.1", 0), kind) as server:
            async with client_of(server) as client:
                client.send(client.request(1), client.request(3))
                await client.settled()
                client.send(frame(RST_STREAM, 0, 1, (8).to_bytes(4, "big")))
                await client.settled()
            await eventually(lambda: kind.calls[-1] == (3, "close", 2))

    run(main())
    assert kind.calls == [
        (1, "init"),
        (3, "init"),
        (1, "cancelled"),
        (1, "close", 8),
        (3, "cancelled"),
        (3, "close", 2),
    ]


def test_work_after_a_complete_response_may_finish() -> None:
    async def on_request_done(self: Recorder) -> None:
        self.answer()
        await asyncio.sleep(0.02)
        self.calls.append((self.stream_id, "finished"))

    kind = recorder(on_request_done=on_request_done)

    async def main() -> None:
        async with HTTP2Server(("127.0.0.1", 0), kind) as server, client_of(server) as client:
            client.send(client.request(1))
            assert (await client.response(1))[1] == b"hello"
            await eventually(lambda: kind.calls[-1] == (1, "close", 0))

    run(main())
    assert kind.calls[-2:] == [(1, "finished"), (1, "close", 0)]


def test_an_exception_resets_the_stream(capfd: pytest.CaptureFixture[str]) -> None:
    async def on_request_done(self: Recorder) -> None:
        await asyncio.sleep(0)
        if self.path == b"/cancelled":
            asyncio.current_task().cancel()  # type: ignore[union-attr]
            await asyncio.sleep(0)
        raise RuntimeError("later")

    kind = recorder(on_request_done=on_request_done)

    async def main() -> None:
        async with HTTP2Server(("127.0.0.1", 0), kind) as server, client_of(server) as client:
            client.send(client.request(1), client.request(3, "/cancelled"))
            frames = await client.stream(1, 3)
            assert [each.code for each in frames] == [2, 2]
            await client.settled()

    run(main())
    assert {(1, "close", 2), (3, "close", 2)} <= set(kind.calls)
    errors = capfd.readouterr().err
    assert "RuntimeError: later" in errors
    assert "CancelledError" in errors


def test_nothing_is_called_after_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    async def on_headers(self: Recorder) -> None:
        await asyncio.sleep(0)
        raise RuntimeError("at once")

    kind = recorder(on_headers=on_headers)

    async def main() -> None:
        async with HTTP2Server(("127.0.0.1", 0), kind) as server, client_of(server) as client:
            client.send(client.request(1, method="POST", end=False), client.data(1, b"x", end=True))
            await client.until(RST_STREAM)
            await client.settled()

    run(main())
    assert kind.calls == [(1, "init"), (1, "close", 2)]
    assert "at once" in capfd.readouterr().err


def test_async_on_close_runs(capfd: pytest.CaptureFixture[str]) -> None:
    async def on_close(self: Recorder, code: int) -> None:
        await asyncio.sleep(0.005)
        self.calls.append((self.stream_id, "closed", code))

    kind = recorder(on_close=on_close)

    async def main() -> None:
        async with HTTP2Server(("127.0.0.1", 0), kind) as server, client_of(server) as client:
            client.send(client.request(1))
            await client.response(1)
            await eventually(lambda: kind.calls[-1] == (1, "closed", 0))

    run(main())
    assert not capfd.readouterr().err


def test_an_exit_from_a_coroutine_passes_through() -> None:
    class Leave(BaseRequestHandler):
        async def on_headers(self) -> None:
            await asyncio.sleep(0)
            raise SystemExit(3)

    async def main() -> None:
        server = HTTP2Server(("127.0.0.1", 0), Leave, close_timeout=0.1)
        async with server, client_of(server) as client:
            client.send(client.request(1))
            await client.until(SETTINGS)

    with pytest.raises(SystemExit, match="3"):
        run(main())
    gc.collect()


def test_closing_the_server_leaves_no_task_behind() -> None:
    async def on_headers(self: Recorder) -> None:
        await asyncio.sleep(60)

    kind = recorder(on_headers=on_headers)

    async def main() -> None:
        server = HTTP2Server(("127.0.0.1", 0), kind)
        await server.start()
        async with client_of(server) as client:
            client.send(client.request(1))
            await client.settled()
            await server.close(0.05)
            assert kind.calls[-1] == (1, "close", 2)
            assert [
                task for task in asyncio.all_tasks() if task is not asyncio.current_task()
            ] == []

    run(main())
