"""The threads of WSGI applications: how many, who waits for one, and their end."""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
import time
import weakref
from typing import Any

import pytest

from plait.server.wsgi import WSGIHost
from plait.server.wsgi.mailbox import Mailbox
from plait.server.wsgi.pool import ThreadPool
from tests.support.exchange import RecordingExchange

from .serving import PATIENCE, hosted, until


class Gate:
    """An application that holds its threads until it is opened."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = 0
        self.most = 0
        self.seen: list[str] = []
        self.opened = threading.Event()

    def __call__(self, environ: Any, start_response: Any) -> Any:
        with self.lock:
            self.seen.append(environ["PATH_INFO"])
            self.inside += 1
            self.most = max(self.most, self.inside)
        assert self.opened.wait(PATIENCE)
        with self.lock:
            self.inside -= 1
        start_response("200 OK", [])
        return [b"through"]


def opened(host: WSGIHost, path: bytes = b"/") -> RecordingExchange:
    exchange = RecordingExchange(b"GET", path)
    exchange.open(host)
    return exchange


async def all_released(exchanges: list[RecordingExchange]) -> None:
    await until(lambda: all(exchange.released for exchange in exchanges))


def test_no_more_threads_than_allowed_and_no_more_that_wait() -> None:
    gate = Gate()
    host = WSGIHost(gate, threads=3, max_queued=2)

    async def scenario() -> None:
        exchanges = [opened(host) for _ in range(7)]
        refused = exchanges[5:]
        assert [exchange.status for exchange in refused] == [503, 503]
        assert (b"retry-after", b"1") in refused[0].response_headers
        await until(lambda: gate.inside == 3)
        assert opened(host).status == 503
        gate.opened.set()
        await all_released(exchanges)
        assert [exchange.status for exchange in exchanges[:5]] == [200] * 5
        assert host.pool.alive == gate.most == 3

    hosted(host, scenario)
    assert len(gate.seen) == 5


def test_none_may_wait() -> None:
    gate = Gate()
    host = WSGIHost(gate, threads=2, max_queued=0)

    async def scenario() -> None:
        exchanges = [opened(host) for _ in range(3)]
        assert [exchange.status for exchange in exchanges] == [0, 0, 503]
        gate.opened.set()
        await all_released(exchanges)
        # and again, with threads that are there
        await until(lambda: len(host.pool._idle) == 2)
        exchanges = [opened(host) for _ in range(2)]
        await all_released(exchanges)
        assert [exchange.status for exchange in exchanges] == [200, 200]

    hosted(host, scenario)


def test_a_refused_request_with_a_body() -> None:
    gate = Gate()
    host = WSGIHost(gate, threads=1, max_queued=0)

    async def scenario() -> None:
        first = opened(host)
        fields = [(b"content-length", b"40004")]
        exchange = RecordingExchange(b"POST", b"/", fields, complete=False)
        exchange.open(host)
        exchange.data(bytes(40_000))
        assert exchange.status == 503
        exchange.data(b"more")
        exchange.end()
        assert exchange.credit == 40_004
        assert exchange.released
        gate.opened.set()
        await until(lambda: first.released)

    hosted(host, scenario)


def test_a_request_whose_client_is_gone_does_not_run() -> None:
    gate = Gate()
    host = WSGIHost(gate, threads=1, max_queued=2)

    async def scenario() -> None:
        first = opened(host, b"/first")
        await until(lambda: gate.inside)
        gone = opened(host, b"/gone")
        waits = opened(host, b"/waits")
        assert opened(host, b"/refused").status == 503
        gone.disconnect()
        # and its place is free
        last = opened(host, b"/last")
        gate.opened.set()
        await until(lambda: first.released and waits.released and last.released)

    hosted(host, scenario)
    assert gate.seen == ["/first", "/waits", "/last"]


def test_threads_are_kept_and_joined_at_the_end() -> None:
    names: set[str] = set()

    def app(environ: Any, start_response: Any) -> Any:
        names.add(threading.current_thread().name)
        start_response("200 OK", [])
        return [b"fine"]

    host = WSGIHost(app, threads=4)

    async def scenario() -> None:
        for _ in range(50):
            exchanges = [opened(host) for _ in range(10)]
            await all_released(exchanges)

    before = threading.active_count()
    hosted(host, scenario)
    assert threading.active_count() == before
    assert names
    assert names <= {f"plait-wsgi-{number}" for number in range(4)}
    # a host may be used again
    hosted(host, scenario)
    assert threading.active_count() == before


def test_a_thread_that_does_not_come_back_is_left(caplog: Any) -> None:
    gate = Gate()
    host = WSGIHost(gate, threads=2, shutdown_timeout=0.01)

    async def scenario() -> None:
        exchange = opened(host)
        await until(lambda: gate.inside)
        exchange.disconnect()

    with caplog.at_level(logging.WARNING, "plait.wsgi"):
        hosted(host, scenario)
    assert "still runs in 1 threads" in caplog.text
    gate.opened.set()
    host.pool.join()  # what it posts to a loop that is closed is lost, and no error


def test_what_waits_at_the_end_does_not_run() -> None:
    gate = Gate()
    host = WSGIHost(gate, threads=1)

    async def scenario() -> None:
        opened(host, b"/first")
        await until(lambda: gate.inside)
        opened(host, b"/second")

    def open_the_gate_when_it_is_over() -> None:
        while not host.pool.closed:
            time.sleep(0.001)
        gate.opened.set()

    opener = threading.Thread(target=open_the_gate_when_it_is_over)
    opener.start()
    hosted(host, scenario)
    opener.join()
    assert gate.seen == ["/first"]


def test_shutdown_without_a_request() -> None:
    async def scenario() -> None:
        return None

    hosted(WSGIHost(lambda environ, start_response: []), scenario)


@pytest.mark.parametrize("body", [b"", b"sent"])
def test_an_idle_thread_keeps_nothing(body: bytes) -> None:
    class Result(list[bytes]):
        pass

    results: list[weakref.ref[Result]] = []

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        result = Result([environ["wsgi.input"].read()])
        results.append(weakref.ref(result))
        return result

    host = WSGIHost(app, threads=1)

    async def scenario() -> None:
        exchange: Any = RecordingExchange(b"POST", complete=not body)
        gone = [weakref.ref(exchange), weakref.ref(exchange.open(host))]
        if body:
            exchange.data(body)
            exchange.end()
        await until(lambda: exchange.released and host.pool._idle)
        await asyncio.sleep(0)
        assert results[0]() is None
        exchange.cycle = None
        exchange = None
        # nothing refers to itself, either
        assert [reference() for reference in gone] == [None, None]

    gc.disable()
    try:
        hosted(host, scenario)
    finally:
        gc.enable()


def test_many_responses_wake_the_loop_once() -> None:
    class Loop:
        """An event loop that only counts."""

        def __init__(self) -> None:
            self.wanted: list[Any] = []

        def call_soon_threadsafe(self, function: Any) -> None:
            self.wanted.append(function)

        call_soon = call_soon_threadsafe

    loop = Loop()
    mailbox = Mailbox(loop)  # type: ignore[arg-type]
    made: list[int] = []

    class Receiver:
        def __init__(self) -> None:
            self.errors: list[Exception] = []

        def deliver(self) -> None:
            made.append(2)

        def undeliverable(self, error: Exception) -> None:
            self.errors.append(error)

    receiver = Receiver()

    def again() -> None:
        mailbox.post(receiver, made.append, (4,))

    def fails() -> None:
        raise ValueError

    mailbox.post(receiver, made.append, (1,))
    mailbox.post_answer(receiver)
    mailbox.post(receiver, fails, ())
    mailbox.post(receiver, again, ())
    mailbox.post(receiver, made.append, (3,))
    assert len(loop.wanted) == 1
    loop.wanted.pop()()
    assert made == [1, 2, 3]
    assert len(receiver.errors) == 1
    assert len(loop.wanted) == 1
    loop.wanted.pop()()
    assert made == [1, 2, 3, 4]
    assert loop.wanted == []


def test_a_system_without_more_threads(monkeypatch: Any) -> None:
    pool = ThreadPool(2, 10)
    ran = threading.Semaphore(0)
    hold = threading.Event()

    class Job:
        def run(self) -> None:
            assert hold.wait(PATIENCE)
            ran.release()

    assert pool.submit(Job())

    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert pool.submit(Job())
    assert pool.submit(Job())
    hold.set()
    for _ in range(3):
        assert ran.acquire(timeout=PATIENCE)
    assert pool.alive == 1
    emptied = threading.Event()
    pool.close(emptied.set)
    assert emptied.wait(PATIENCE)
    pool.join()
    assert not pool.submit(Job())


@pytest.mark.parametrize("complete", [True, False])
def test_a_system_without_any_thread(monkeypatch: Any, caplog: Any, complete: bool) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    host = WSGIHost(Gate(), body_wait=0.0)

    async def scenario() -> None:
        with monkeypatch.context() as patched:
            patched.setattr(threading.Thread, "start", refuse)
            exchange = RecordingExchange(b"POST", complete=complete)
            exchange.open(host)
            await until(lambda: exchange.status)
        assert exchange.status == 503
        exchange.disconnect()

    hosted(host, scenario)
    assert "can't start new thread" in caplog.text


def test_two_event_loops_one_after_the_other() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return []

    host = WSGIHost(app)

    async def main() -> None:
        exchange = opened(host)
        await until(lambda: exchange.released)
        assert exchange.status == 200

    asyncio.run(main())
    hosted(host, main)
