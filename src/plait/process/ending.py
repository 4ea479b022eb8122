"""How a process that serves comes to its end: what the first signal leads to, and the second."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Sequence

    from plait.server import HTTP2Server

_SIGNALS = (signal.SIGINT, signal.SIGTERM)

# Seconds in which an event loop that runs has taken note of a signal.
_PROMPT = 1.0


class Ending:
    """SIGINT and SIGTERM: the first ends gracefully, the second does not wait.

    These are handlers of the interpreter's and not of the event loop's: an application that holds
    the loop would keep it from hearing of any signal. So when one before had no effect, or both
    had, the next ends the process as it does by default.

    To be entered in a running event loop, in the main thread.

    :ivar stop: set by the first signal.
    :ivar hurry: set by the second one.
    """

    def __init__(self) -> None:
        self.stop, self.hurry = asyncio.Event(), asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._told: list[asyncio.Event] = []
        self._at = 0.0
        self._before: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        for number in _SIGNALS:
            self._before[number] = signal.signal(number, self._signalled)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _signalled(self, number: int, _: object) -> None:
        unheard = bool(self._told) and not self._told[-1].is_set()
        if len(self._told) == 2 or (unheard and time.monotonic() - self._at > _PROMPT):
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
            return
        self._at = time.monotonic()
        self._told.append(self.hurry if self._told else self.stop)
        self._loop.call_soon_threadsafe(self._told[-1].set)


async def close_servers(servers: Sequence[HTTP2Server], grace: float, hurry: asyncio.Event) -> None:
    """Accept nobody, and let what is under way finish.

    :param grace: seconds that it may go on.
    :param hurry: set to wait no longer.
    """
    closing = asyncio.gather(*(server.close(timeout=grace) for server in servers))
    hurrying = asyncio.ensure_future(hurry.wait())
    await asyncio.wait((closing, hurrying), return_when=asyncio.FIRST_COMPLETED)
    hurrying.cancel()
    # A server whose closing is cancelled ends its connections at once.
    closing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await closing
