"""Calls of an application as asyncio tasks.

From Python 3.12 on a task starts eagerly: it runs to where the application first waits, within
the call that started it, and an application that never waits has then come to its end. Before,
it starts in the event loop's next turn. Either way it is a task of its own, with a copy of the
context, so that ``asyncio.current_task()``, cancel scopes and context variables are the call's.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable
from types import CoroutineType
from typing import Any

EAGER = sys.version_info >= (3, 12)

_EAGER = EAGER
_Task: Any = asyncio.Task


def start(loop: asyncio.AbstractEventLoop, call: Any) -> asyncio.Task[Any]:
    """Start what calling an application returned.

    The loop's task factory is passed by: it may not know of eager tasks.

    :raises TypeError: if it cannot be awaited.
    """
    if type(call) is not CoroutineType and not asyncio.iscoroutine(call):
        call = _awaited(call)
    task: asyncio.Task[Any]
    task = _Task(call, loop=loop, eager_start=True) if _EAGER else _Task(call, loop=loop)
    return task


def failure(task: asyncio.Task[Any]) -> BaseException | None:
    """Return what a task raised that has ended; ``None`` if all went well."""
    try:
        return task.exception()
    except asyncio.CancelledError:
        return asyncio.CancelledError("the application's task was cancelled")


async def _awaited(call: Awaitable[Any]) -> Any:
    """Await what is no coroutine."""
    return await call
