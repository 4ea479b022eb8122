"""An event loop whose time can be moved on by hand, for tests of time limits.

Sockets are real, and so is the time as long as nobody moves it; timers count it on from there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class ClockLoop(asyncio.SelectorEventLoop):
    """The loop; `advance` moves its time."""

    def __init__(self) -> None:
        super().__init__()
        self.moved = 0.0

    def time(self) -> float:
        return super().time() + self.moved

    def advance(self, seconds: float) -> None:
        """Let so many seconds have passed; what is due is called in the next turns."""
        self.moved += seconds
        # a loop that is waiting has worked out before how long it may
        self.call_soon_threadsafe(lambda: None)


def clock() -> ClockLoop:
    """The running loop, for those that know that it is one with a clock."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, ClockLoop)
    return loop


async def turns(number: int = 3) -> None:
    """Let the loop turn a few times: due timers are called, and what is readable is read."""
    for _ in range(number):
        await asyncio.sleep(0)


async def pass_time(
    seconds: float, step: float = 1.0, each: Callable[[], object] = lambda: None
) -> None:
    """Let time pass in steps, with some turns after each, and `each` called before it."""
    left = seconds
    while left > 1e-9:
        each()
        clock().advance(min(step, left))
        left -= step
        await turns()


def run_with_clock(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine in such a loop."""
    with asyncio.Runner(loop_factory=ClockLoop) as runner:
        return runner.run(work)
