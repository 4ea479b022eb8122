"""Calls of an application as tasks that start at once."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from plait.server.asgi.errors import LeavingError
from plait.server.asgi.task import failure, start

place: contextvars.ContextVar[str] = contextvars.ContextVar("place")


def in_a_callback(function: Callable[[asyncio.AbstractEventLoop], Awaitable[None]]) -> None:
    """Calls a function in the loop, outside of any task, and awaits what it returns."""

    async def main() -> None:
        loop = asyncio.get_running_loop()
        returned: asyncio.Future[Awaitable[None]] = loop.create_future()
        loop.call_soon(lambda: returned.set_result(function(loop)))
        await (await returned)

    asyncio.run(main())


async def nothing() -> None:
    """Comes to its end at once."""


def test_a_call_that_never_waits_has_ended_when_it_was_started() -> None:
    def function(loop: asyncio.AbstractEventLoop) -> Awaitable[None]:
        task = start(loop, nothing())
        assert task.done()
        assert failure(task) is None
        return nothing()

    in_a_callback(function)


@pytest.mark.parametrize("waits", [False, True])
def test_current_task_is_the_call_s_and_then_that_of_who_called(waits: bool) -> None:
    seen: list[Any] = []

    async def call() -> None:
        seen.append(asyncio.current_task())
        if waits:
            await asyncio.sleep(0)
            seen.append(asyncio.current_task())

    async def main() -> None:
        outer = asyncio.current_task()
        task = start(asyncio.get_running_loop(), call())
        assert len(seen) == 1
        assert task.done() is not waits
        assert asyncio.current_task() is outer
        await task
        assert seen == [task] * (1 + waits)
        assert asyncio.current_task() is outer

    asyncio.run(main())


def test_a_call_has_a_context_of_its_own() -> None:
    async def call() -> None:
        assert place.get() == "outside"
        place.set("inside")
        await asyncio.sleep(0)
        assert place.get() == "inside"

    async def main() -> None:
        place.set("outside")
        task = start(asyncio.get_running_loop(), call())
        assert place.get() == "outside"
        await task
        assert place.get() == "outside"

    asyncio.run(main())


def test_a_call_can_be_cancelled_where_it_waits() -> None:
    async def main() -> None:
        task = start(asyncio.get_running_loop(), asyncio.sleep(60))
        assert task in asyncio.all_tasks()
        task.cancel()
        await asyncio.wait([task])
        assert isinstance(failure(task), asyncio.CancelledError)

    asyncio.run(main())


def test_a_time_limit_that_begins_in_the_first_step_ends_the_call() -> None:
    async def call() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.sleep(60)

    async def main() -> None:
        await start(asyncio.get_running_loop(), call())

    asyncio.run(main())


def test_what_a_call_raises_is_kept() -> None:
    error = ValueError("no")

    async def call() -> None:
        raise error

    async def main() -> None:
        task = start(asyncio.get_running_loop(), call())
        assert failure(task) is error

    asyncio.run(main())


def test_an_exit_leaves_the_loop_and_not_by_way_of_the_caller() -> None:
    async def call() -> None:
        raise SystemExit(3)

    async def main() -> None:
        outer = asyncio.current_task()
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _loop, _said: None)  # that nobody looks at the task
        with pytest.raises(LeavingError):
            start(loop, call())
        assert asyncio.current_task() is outer
        await asyncio.sleep(60)

    with pytest.raises(SystemExit, match="3"):
        asyncio.run(main())


def test_an_event_loop_with_a_call_soon_of_its_own_keeps_it() -> None:
    called = []

    async def main() -> None:
        loop: Any = asyncio.get_running_loop()
        original = loop.call_soon

        def call_soon(callback: Any, *args: Any, **options: Any) -> Any:
            called.append(callback)
            return original(callback, *args, **options)

        loop.call_soon = call_soon
        await start(loop, asyncio.sleep(0))
        assert loop.call_soon is call_soon

    asyncio.run(main())
    assert called


def test_what_others_want_called_soon_while_a_task_is_made_is_called_soon() -> None:
    called = []

    class Call:
        """A coroutine; whoever asks for its class causes a callback, as a finalizer might."""

        @property
        def __class__(self) -> Any:
            asyncio.get_running_loop().call_soon(called.append, 1)
            return Call

        def __await__(self) -> Any:
            return iter(())

        def send(self, value: Any) -> Any:
            raise StopIteration

        def throw(self, *error: Any) -> Any:
            raise NotImplementedError

        def close(self) -> None:
            pass

    async def main() -> None:
        task = start(asyncio.get_running_loop(), Call())
        assert task.done()
        assert not called
        await asyncio.sleep(0)
        assert called

    asyncio.run(main())
