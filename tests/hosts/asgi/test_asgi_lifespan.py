"""The lifespan of an application, and the end of its calls."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest

from plait.server.asgi import ASGIHost, LifespanFailed, MessageError
from tests.support.exchange import RecordingExchange


def run(main: Any) -> None:
    asyncio.run(main())


class App:
    """An application with a lifespan that does as it is told, and keeps a record."""

    def __init__(self, startup: dict[str, Any] | None, shutdown: dict[str, Any] | None) -> None:
        self.startup = startup
        self.shutdown = shutdown
        self.record: list[Any] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "lifespan":
            self.record.append(scope["state"])
            await send({"type": "http.response.start", "status": 204})
            await send({"type": "http.response.body"})
            return
        self.record.append(scope["asgi"])
        self.record.append(await receive())
        scope["state"]["pool"] = "a pool"
        if self.startup is None:
            return
        await send(self.startup)
        if self.startup["type"].endswith("failed"):
            return
        self.record.append(await receive())
        if self.shutdown is None:
            raise ZeroDivisionError("in the shutdown")
        await send(self.shutdown)


COMPLETE = {"type": "lifespan.startup.complete"}
STOPPED = {"type": "lifespan.shutdown.complete"}


@pytest.mark.parametrize("lifespan", ["auto", "on"])
def test_a_lifespan(lifespan: Any, caplog: pytest.LogCaptureFixture) -> None:
    app = App(COMPLETE, STOPPED)

    async def main() -> None:
        host = ASGIHost(app, lifespan=lifespan)
        await host.startup()
        assert app.record == [
            {"version": "3.0", "spec_version": "2.0"},
            {"type": "lifespan.startup"},
        ]
        exchange = RecordingExchange()
        exchange.open(host)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert app.record[2] == {"pool": "a pool"}
        assert app.record[2] is not host.state
        await host.shutdown()
        assert app.record[3:] == [{"type": "lifespan.shutdown"}]

    run(main)
    assert caplog.records == []


def test_off_does_not_call_it() -> None:
    app = App(COMPLETE, STOPPED)

    async def main() -> None:
        host = ASGIHost(app, lifespan="off")
        await host.startup()
        await host.shutdown()

    run(main)
    assert app.record == []


def test_another_word_for_it_is_refused() -> None:
    with pytest.raises(ValueError, match="auto, on or off"):
        ASGIHost(App(None, None), lifespan="maybe")  # type: ignore[arg-type]


async def only_http(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        raise RuntimeError("what is that?")


def test_auto_serves_an_application_that_raises(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        host = ASGIHost(only_http)
        await host.startup()
        await host.shutdown()

    run(main)
    assert caplog.records == []


def test_on_does_not(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        with pytest.raises(LifespanFailed, match="what is that"):
            await ASGIHost(only_http, lifespan="on").startup()

    run(main)
    assert "what is that?" in caplog.text


def test_on_needs_an_answer() -> None:
    async def main() -> None:
        with pytest.raises(LifespanFailed, match="returned before"):
            await ASGIHost(App(None, None), lifespan="on").startup()

    run(main)


@pytest.mark.parametrize("lifespan", ["auto", "on"])
@pytest.mark.parametrize(("message", "told"), [("no database", "no database"), (None, "not say")])
def test_a_failed_startup_ends_with_its_message(lifespan: Any, message: Any, told: str) -> None:
    failed: dict[str, Any] = {"type": "lifespan.startup.failed"}
    if message is not None:
        failed["message"] = message

    async def main() -> None:
        host = ASGIHost(App(failed, None), lifespan=lifespan)
        with pytest.raises(LifespanFailed, match=told):
            await host.startup()
        await host.shutdown()

    run(main)


@pytest.mark.parametrize(
    ("shutdown", "told"),
    [
        ({"type": "lifespan.shutdown.failed", "message": "stuck"}, "stuck"),
        (None, "ZeroDivisionError: in the shutdown"),
    ],
)
def test_a_failed_shutdown_is_logged(
    shutdown: Any, told: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        host = ASGIHost(App(COMPLETE, shutdown))
        await host.startup()
        await host.shutdown()

    run(main)
    assert told in caplog.text
    assert {record.name for record in caplog.records} == {"plait.asgi"}


def test_an_application_may_leave_after_its_startup() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await send(COMPLETE)

    async def main() -> None:
        host = ASGIHost(app, lifespan="on")
        await host.startup()
        await host.shutdown()

    run(main)


@pytest.mark.parametrize("answer", ["startup.failed", "shutdown.complete"])
def test_an_application_that_does_not_leave_is_cancelled(answer: str) -> None:
    ended = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        if answer == "shutdown.complete":
            await send(COMPLETE)
            await receive()
        await send({"type": f"lifespan.{answer}"})
        try:
            await receive()
        finally:
            ended.append(True)

    async def main() -> None:
        host = ASGIHost(app, patience=0.01)
        try:
            await host.startup()
        except LifespanFailed:
            assert answer == "startup.failed"
        await host.shutdown()

    run(main)
    assert ended == [True]


@pytest.mark.parametrize(
    "message",
    [STOPPED, {"type": "lifespan.unheard-of"}, {"type": "http.response.start", "status": 200}],
)
def test_a_wrong_answer_is_told(message: Any) -> None:
    told = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        try:
            await send(message)
        except MessageError as error:
            told.append(error)
        await send(COMPLETE)
        try:
            await send(COMPLETE)
        except MessageError as error:
            told.append(error)

    async def main() -> None:
        await ASGIHost(app).startup()

    run(main)
    assert len(told) == 2


# --- calls that outlive their requests ----------------------------------------------------------


@pytest.mark.parametrize("stuck", [False, True])
def test_shutdown_waits_for_calls_that_run_and_cancels_them_in_the_end(
    stuck: bool, caplog: pytest.LogCaptureFixture
) -> None:
    ended = []
    go = asyncio.Event()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await App(COMPLETE, STOPPED)(scope, receive, send)
            ended.append("lifespan")
            return
        await send({"type": "http.response.start", "status": 204})
        await send({"type": "http.response.body"})
        try:
            await go.wait()
        finally:
            ended.append("call")

    async def main() -> None:
        host = ASGIHost(app, patience=0.01 if stuck else 60)
        await host.startup()
        exchange = RecordingExchange()
        exchange.open(host)
        if not stuck:
            asyncio.get_running_loop().call_soon(go.set)
        await host.shutdown()
        assert exchange.finished
        assert host.running == set()

    with caplog.at_level(logging.WARNING):
        run(main)
    assert ended == ["call", "lifespan"]
    assert ("cancelled" in caplog.text) == stuck
