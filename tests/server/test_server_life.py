"""A server's life: start, graceful end, signals, loops."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from plait.server import HTTP2Server, new_event_loop
from tests.server.rawclient import (
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    LOCAL,
    LOOPS,
    PREFACE,
    Recorder,
    client_of,
    eventually,
    frame,
    recorder,
    run,
    settings,
)
from tests.support.process import Background

GET = b"\x82\x86\x84\x41\x01a"  # http, /, :authority a
ANY = 2**31 - 1  # the last stream of the first GOAWAY of a graceful end


def test_two_ways_to_the_same_server() -> None:
    async def main() -> None:
        server = HTTP2Server(LOCAL, recorder())
        assert server.loop is None
        assert server.server is None
        assert await server.start() is server
        assert await server.start() is server
        assert server.loop is asyncio.get_running_loop()
        assert server.server is server.servers[0]
        assert server.server.sockets[0].getsockname() == server.addresses[0]  # type: ignore[attr-defined]
        await server.close()
        await server.close()
        assert server.sockets == ()
        with pytest.raises(RuntimeError, match="closed"):
            await server.start()

    run(main())


def test_a_server_belongs_to_one_loop() -> None:
    server = HTTP2Server(LOCAL, recorder())
    run(server.start())  # type: ignore[arg-type]

    async def again() -> None:
        with pytest.raises(RuntimeError, match="another event loop"):
            await server.start()

    run(again())
    for each in server.sockets:
        each.close()


def test_closing_without_starting() -> None:
    async def main() -> None:
        server = HTTP2Server(LOCAL, recorder())
        await server.close()
        await server.wait_closed()

    run(main())


# --- graceful end -------------------------------------------------------------------------------


@pytest.mark.parametrize("loop", LOOPS)
def test_open_streams_finish_and_new_ones_are_not_taken(loop: str) -> None:
    gate = asyncio.Event()

    async def on_request_done(self: Recorder) -> None:
        await gate.wait()
        self.answer()

    kind = recorder(on_request_done=on_request_done)

    async def main() -> None:
        server = HTTP2Server(LOCAL, kind)
        await server.start()
        async with client_of(server) as client:
            client.send(client.request(1))
            await client.settled()
            closing = asyncio.ensure_future(server.close())
            first = await client.until(GOAWAY)
            assert first.payload == ANY.to_bytes(4, "big") + bytes(4)
            final = await client.until(GOAWAY)
            assert final.payload == (1).to_bytes(4, "big") + bytes(4)
            client.send(client.request(3))
            gate.set()
            assert (await client.response(1))[1] == b"hello"
            assert [each.stream_id for each in await client.rest() if each.stream_id] == []
            client.writer.close()
            await closing
            await server.wait_closed()
        with pytest.raises(OSError):
            await asyncio.open_connection(*server.addresses[0][:2])

    run(main(), loop)
    assert {call[0] for call in kind.calls} == {1}


def test_an_idle_client_that_answers_no_ping_does_not_use_up_the_time() -> None:
    async def main() -> float:
        server = HTTP2Server(LOCAL, recorder())
        await server.start()
        _, writer = await asyncio.open_connection(*server.addresses[0][:2])
        async with client_of(server):
            started = time.monotonic()
            await server.close(30)
            writer.close()
            return time.monotonic() - started

    assert run(main()) < 5


def test_the_deadline_ends_what_does_not_finish() -> None:
    kind = recorder(on_request_done=lambda self: None)

    async def main() -> None:
        server = HTTP2Server(LOCAL, kind)
        await server.start()
        async with client_of(server) as client:
            client.send(client.request(1))
            await client.settled()
            started = time.monotonic()
            closing = asyncio.ensure_future(server.close(0.1))
            frames = await client.rest()
            assert [each.type for each in frames].count(GOAWAY) >= 2
            client.writer.close()
            await closing
            assert time.monotonic() - started < 2

    run(main())
    assert kind.calls[-1] == (1, "close", 2)


@pytest.mark.parametrize("loop", LOOPS)
def test_closing_under_load_loses_no_response(loop: str) -> None:
    """Every stream up to the id of the final GOAWAY is answered, and none beyond it."""
    kind = recorder()

    async def pound(server: HTTP2Server) -> tuple[set[int], set[int]]:
        """Keep twenty requests running until the final GOAWAY; what was sent and answered."""
        async with client_of(server) as client:
            sent = list(range(1, 41, 2))
            client.send(*(client.request(number) for number in sent))
            answered: set[int] = set()
            last = ANY
            while (each := await client.next()) is not None:
                if each.type == GOAWAY:
                    last = int.from_bytes(each.payload[:4], "big")
                elif each.type == DATA and each.ends:
                    answered.add(each.stream_id)
                    if last == ANY:
                        sent.append(sent[-1] + 2)
                        client.send(client.request(sent[-1]))
            assert last != ANY
            return {number for number in sent if number <= last}, answered

    async def main() -> None:
        server = HTTP2Server(LOCAL, kind)
        await server.start()
        clients = [asyncio.ensure_future(pound(server)) for _ in range(4)]
        await eventually(lambda: len(kind.calls) > 2000)
        await server.close()
        for due, answered in await asyncio.gather(*clients):
            assert due == answered
            assert len(due) > 50
        assert {call[2] for call in kind.calls if call[1] == "close"} == {0}

    run(main(), loop)


def test_cancelling_close_ends_everything_at_once() -> None:
    kind = recorder(on_request_done=lambda self: None)

    async def main() -> None:
        server = HTTP2Server(LOCAL, kind)
        await server.start()
        async with client_of(server) as client:
            client.send(client.request(1))
            await client.settled()
            closing = asyncio.ensure_future(server.close(30))
            await client.until(GOAWAY)
            closing.cancel()
            with pytest.raises(asyncio.CancelledError):
                await closing
            await eventually(lambda: server.connection_count == 0)

    run(main())
    assert kind.calls[-1] == (1, "close", 2)


def test_a_connection_that_comes_while_closing_is_served_and_ended() -> None:
    """It was accepted before; what it has asked for is answered."""

    async def main() -> None:
        server = HTTP2Server(LOCAL, recorder())
        await server.start()
        server.is_closing = True  # as if its protocol had been made just before
        async with client_of(server, greet=False) as client:
            client.send(PREFACE, settings(), client.request(1))
            assert (await client.response(1))[1] == b"hello"
            await client.rest()
            ends = [each.payload[:4] for each in client.seen if each.type == GOAWAY]
            assert ends == [
                ANY.to_bytes(4, "big"),
                (1).to_bytes(4, "big"),
            ]
        server.is_closing = False
        await server.close()

    run(main())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("turns", [0, 1, 2])
def test_connections_that_wait_to_be_accepted_are_served_before_the_end(
    turns: int, loop: str
) -> None:
    """To their clients they are connected; closing the socket would reset them."""

    async def main() -> None:
        server = HTTP2Server(LOCAL, recorder())
        await server.start()
        waiting = [socket.create_connection(server.addresses[0], 20) for _ in range(5)]
        for each in waiting:
            each.sendall(PREFACE + settings() + frame(HEADERS, END_STREAM | END_HEADERS, 1, GET))
            each.shutdown(socket.SHUT_WR)
        for _ in range(turns):
            await asyncio.sleep(0)
        await server.close()
        for each in waiting:
            with each:
                assert b"hello" in b"".join(iter(lambda each=each: each.recv(65_536), b""))

    run(main(), loop)


# --- serve_forever ------------------------------------------------------------------------------

PROGRAM = """
import asyncio, sys
from plait.server import HTTP2Server, BaseRequestHandler

class Handler(BaseRequestHandler):
    def on_request_done(self):
        loop = asyncio.get_event_loop()
        if self.path == b"/slow":
            loop.call_later(0.3, self.send_response, 200, None, b"slow")
        elif self.path == b"/stop":
            loop.stop()
        elif self.path == b"/exit":
            sys.exit(5)
        elif self.path == b"/close":
            asyncio.create_task(server.close())
        else:
            self.send_response(200, None, type(loop).__module__)

    def on_close(self, code):
        print("closed", self.path, code, flush=True)

server = HTTP2Server(("127.0.0.1", 0), Handler, close_timeout=5)
print("port", server.port, flush=True)
try:
    server.serve_forever()
except KeyboardInterrupt:
    print("interrupted", flush=True)
print("loop closed:", server.loop.is_closed(), flush=True)
"""


def start(folder: Path, program: str = PROGRAM) -> Background:
    path = folder / "program.py"
    path.write_text(textwrap.dedent(program))
    # an own session may ignore SIGINT, as background jobs of a shell do
    return Background([sys.executable, "-W", "error", "-X", "dev", path])


class Remote:
    """A server in another process, as far as `client_of` looks at it."""

    def __init__(self, program: Background) -> None:
        self.addresses: list[Any] = [("127.0.0.1", int(program.wait_for(r"port (\d+)")[1]))]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_end_gracefully(number: int, tmp_path: Path) -> None:
    with start(tmp_path) as program:

        async def main() -> None:
            async with client_of(Remote(program)) as client:  # type: ignore[arg-type]
                client.send(client.request(1))
                assert (await client.response(1))[1].startswith(b"uvloop")
                client.send(client.request(3, "/slow"))
                await client.settled()
                program.process.send_signal(number)
                assert (await client.response(3))[1] == b"slow"

        run(main())
        assert program.wait(10) == 0
        program.wait_for("loop closed: True")
        assert ("interrupted" in program.output) == (number == signal.SIGINT)
        assert "Error" not in program.output


def test_a_second_interrupt_does_not_wait(tmp_path: Path) -> None:
    with start(tmp_path) as program:

        async def main() -> None:
            async with client_of(Remote(program)) as client:  # type: ignore[arg-type]
                client.send(client.request(1, "/never", ("x", "y"), method="POST", end=False))
                await client.settled()
                program.process.send_signal(signal.SIGINT)
                await client.until(GOAWAY)
                program.process.send_signal(signal.SIGINT)
                started = time.monotonic()
                await client.rest()
                assert time.monotonic() - started < 3

        run(main())
        assert program.wait(10) == 0
        program.wait_for("interrupted")
        program.wait_for(r"closed b'/never' 2")


@pytest.mark.parametrize(("path", "status"), [("/stop", 0), ("/close", 0), ("/exit", 5)])
def test_other_ways_to_end(path: str, status: int, tmp_path: Path) -> None:
    with start(tmp_path) as program:

        async def main() -> None:
            async with client_of(Remote(program)) as client:  # type: ignore[arg-type]
                client.send(client.request(1, path))
                await client.until(GOAWAY)

        run(main())
        assert program.wait(15) == status


def test_serve_forever_in_a_thread_until_stop() -> None:
    server = HTTP2Server(LOCAL, recorder())
    thread = threading.Thread(target=server.serve_forever)
    thread.start()

    async def main() -> None:
        async with client_of(server) as client:
            client.send(client.request(1))
            assert (await client.response(1))[1] == b"hello"

    run(main())
    server.stop()
    thread.join(10)
    assert not thread.is_alive()


def test_stop_before_serve_forever() -> None:
    server = HTTP2Server(LOCAL, recorder())
    server.stop()
    server.serve_forever()


@pytest.mark.parametrize("closes", [False, True])
def test_a_loop_of_the_callers(closes: bool) -> None:
    loop = asyncio.new_event_loop()
    server = HTTP2Server(LOCAL, recorder(), loop=loop)
    assert server.loop is loop
    server.closes_loop = closes
    loop.call_later(0.05, server.stop)
    server.serve_forever()
    assert loop.is_closed() == closes
    asyncio.set_event_loop(None)
    loop.close()


def test_serve_forever_within_a_loop_says_what_to_use() -> None:
    async def main() -> None:
        async with HTTP2Server(LOCAL, recorder()) as server:
            with pytest.raises(RuntimeError, match="async with"):
                server.serve_forever()

    run(main())


def test_own_signal_handlers_are_respected() -> None:
    seen: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, stack: seen.append(number))
    try:
        server = HTTP2Server(LOCAL, recorder())

        def kill() -> None:
            os.kill(os.getpid(), signal.SIGTERM)
            server.stop()

        timer = threading.Timer(0.1, kill)
        timer.start()
        server.serve_forever()
        timer.join()
        assert seen == [signal.SIGTERM]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGTERM, before)


def test_without_uvloop_asyncio_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    loop = new_event_loop()
    assert isinstance(loop, asyncio.BaseEventLoop)
    loop.close()


def test_an_error_of_the_address_comes_from_the_constructor(tmp_path: Path) -> None:
    code = "from plait.server import *\nHTTP2Server(('192.0.2.1', 80), BaseRequestHandler)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, timeout=30
    )
    assert "OSError" in done.stderr
    assert "192.0.2.1, port 80" in done.stderr
