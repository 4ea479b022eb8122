"""Calls of an application as asyncio tasks, started eagerly.

A task runs to where the application first waits within the call that started it; an application
that never waits has then come to its end. It is a task of its own all the same, with a copy of
the context, so that ``asyncio.current_task()``, cancel scopes and context variables are the
call's.

Python 3.12 has this as ``eager_start``. In 3.11 a task asks its event loop for its first step as
soon as it is made: what it asks for is kept from the loop, and done at once. Without that a
request takes two and a half times as long, a good part of which is the garbage collector's, who
looks at everything that waits for the loop's next turn.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from types import CoroutineType
from typing import Any

from .errors import LeavingError

_EAGER = sys.version_info >= (3, 12)
_Task: Any = asyncio.Task

# For who makes tasks of his own, says "Extending" in the documentation of asyncio.
_enter_task: Any = asyncio.tasks._enter_task
_leave_task: Any = asyncio.tasks._leave_task


def start(loop: asyncio.AbstractEventLoop, call: Any) -> asyncio.Task[Any]:
    """Start what calling an application returned.

    The loop's task factory is passed by: it may not know of eager tasks.

    :raises TypeError: if it cannot be awaited.
    :raises LeavingError: if it raised ``SystemExit`` or ``KeyboardInterrupt``, by which the event
        loop ends in its next turn.
    """
    if type(call) is not CoroutineType and not asyncio.iscoroutine(call):
        call = _awaited(call)
    task: asyncio.Task[Any]
    try:
        task = _Task(call, loop=loop, eager_start=True) if _EAGER else _started(loop, call)
    except (KeyboardInterrupt, SystemExit) as error:
        # What called us may be a transport, which would swallow it, or end its connection by it.
        loop.call_soon(_leave, error)
        raise LeavingError(f"the application leaves by {error!r}") from error
    return task


def _leave(error: BaseException) -> None:
    """Leave the event loop."""
    raise error


def failure(task: asyncio.Task[Any]) -> BaseException | None:
    """Return what a task raised that has ended; ``None`` if all went well."""
    try:
        return task.exception()
    except asyncio.CancelledError:
        return asyncio.CancelledError("the application's task was cancelled")


async def _awaited(call: Awaitable[Any]) -> Any:
    """Await what is no coroutine."""
    return await call


class FirstStep:
    """Takes the place of a loop's ``call_soon`` while a task is made.

    :ivar asked: what was to be called soon: callbacks, their arguments and contexts.
    """

    __slots__ = ("asked",)

    def __init__(self) -> None:
        self.asked: list[tuple[Any, tuple[Any, ...], Any]] = []

    def __call__(self, callback: Any, *args: Any, context: Any = None) -> None:
        """Keep what is to be called."""
        self.asked.append((callback, args, context))


def _started(loop: Any, call: Any) -> Any:
    """Return a task that has made its first step, if this event loop allows it."""
    own = getattr(loop, "__dict__", None)
    if own is None or "call_soon" in own:
        return _Task(call, loop=loop)
    first = FirstStep()
    own["call_soon"] = first
    try:
        task = _Task(call, loop=loop)
    finally:
        del own["call_soon"]
    # A promise is made from within another task.
    outer = asyncio.current_task(loop)
    if outer is not None:
        _leave_task(loop, outer)
    try:
        for callback, args, context in first.asked:
            if getattr(callback, "__self__", None) is task:
                context.run(callback)
            else:  # of something that the garbage collector ended just then
                loop.call_soon(callback, *args, context=context)
    finally:
        if outer is not None:
            _enter_task(loop, outer)
    return task
