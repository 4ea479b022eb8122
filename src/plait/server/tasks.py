"""The asynchronous side of a stream. Handlers without ``async def`` never come here.

One task delivers the events of a stream in their order, so that its callbacks never overlap; it
ends when there is nothing to deliver, and the next event starts another. From Python 3.12 on it
starts eagerly: a callback that does not wait costs no turn of the event loop.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections import deque
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from plait.http2.events import DataReceived, Event, RequestReceived, TrailersReceived

from .bodies import AsyncBody

if TYPE_CHECKING:
    from .exchanges import Exchanges
    from .handler import BaseRequestHandler

# Which callbacks a handler class overrides; whether any of them is a coroutine function; and
# whether it takes the events of its stream as they are.
HEADERS = 1
DATA = 2
DONE = 4
CLOSE = 8
ASYNC = 16
HOSTED = 32


def callback_plan(handler_class: type[BaseRequestHandler], base: type[BaseRequestHandler]) -> int:
    """Return which callbacks ``handler_class`` has of its own, as flags."""
    plan = 0
    for flag, name in (
        (HEADERS, "on_headers"),
        (DATA, "on_data"),
        (DONE, "on_request_done"),
        (CLOSE, "on_close"),
    ):
        method = getattr(handler_class, name)
        if method is not getattr(base, name):
            plan |= flag
            if flag != CLOSE and inspect.iscoroutinefunction(method):
                plan |= ASYNC
    if handler_class._h2_hear is not base._h2_hear:
        plan |= HOSTED
    return plan


def start_task(
    loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, None]
) -> asyncio.Task[None]:
    """Start a task, eagerly where Python can."""
    if sys.version_info >= (3, 12):
        return asyncio.Task(work, loop=loop, eager_start=True)
    return loop.create_task(work)


class StreamWork:
    """What runs for one stream: its callbacks, and the pump of its body."""

    def __init__(self, protocol: Exchanges, handler: BaseRequestHandler) -> None:
        self._protocol = protocol
        self._handler = handler
        self._events: deque[Event] = deque()
        self._running = False
        self._task: asyncio.Task[None] | None = None
        self._pump: asyncio.Task[None] | None = None
        self._close_code: int | None = None

    def deliver(self, event: Event) -> None:
        """Deliver an event after those that were given before."""
        self._events.append(event)
        if not self._running:
            self._running = True
            task = self._protocol.start_task(self._run())
            self._task = task if self._running else None

    def pump(self, body: AsyncBody) -> None:
        """Start to read an asynchronous body."""
        self._pump = self._protocol.start_task(body.pump())

    def close(self, error_code: int) -> None:
        """The stream has ended: call ``on_close`` once nothing runs any more.

        A callback that is still running when the response was completed may go on to its end. When
        the stream was reset, or the connection lost, it is cancelled.
        """
        self._events.clear()
        if self._pump is not None and not self._pump.done():
            self._pump.cancel()
        if not self._running:
            self._protocol.call_on_close(self._handler, error_code)
            return
        self._close_code = error_code
        if error_code != 0 and self._task is not None:
            self._task.cancel()

    async def _run(self) -> None:
        """Deliver events until there are none."""
        handler = self._handler
        try:
            while self._events and not handler._h2_failed:
                await self._call(self._events.popleft())
        except asyncio.CancelledError as error:
            # by `close`; otherwise by something that the callback awaited
            if self._close_code is None:
                self._protocol.callback_failed(handler, error)
        except BaseException as error:  # noqa: BLE001 - reported; exits are raised again there
            self._protocol.callback_failed(handler, error)
        finally:
            self._running = False
            self._task = None
            if self._close_code is not None:
                self._protocol.call_on_close(handler, self._close_code)
        self._protocol.flush()

    async def _call(self, event: Event) -> None:
        """Call what one event asks for."""
        handler = self._handler
        ended = False
        if isinstance(event, RequestReceived):
            ended = event.end_stream
            await _finished(handler.on_headers())
        elif isinstance(event, DataReceived):
            ended = event.end_stream
            if event.data:
                await _finished(handler.on_data(event.data))
            self._protocol.consumed(event)
        elif isinstance(event, TrailersReceived):
            ended = True
            self._protocol.keep_trailers(handler, event.headers)
        if ended and self._close_code is None:
            await _finished(handler.on_request_done())


async def _finished(result: Any) -> None:
    """Await what a callback returned, if it was ``async def``."""
    if inspect.isawaitable(result):
        await result
