"""The lifespan of an application: one call of it that lasts as long as the server.

``auto`` takes an exception before the application answered as "it knows no lifespan", which is
what the specification says; ``on`` takes it as the failure that it may as well be.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from .application import Application
from .errors import LifespanFailed, MessageError
from .task import failure, start

logger = logging.getLogger("plait.asgi")

_STARTUP = ("lifespan.startup.complete", "lifespan.startup.failed")
_SHUTDOWN = ("lifespan.shutdown.complete", "lifespan.shutdown.failed")


class Lifespan:
    """The call of an application for its lifespan.

    :ivar supported: whether the application takes part in it.
    """

    def __init__(self, application: Application, required: bool, patience: float) -> None:
        self.supported = False
        self._application = application
        self._required = required
        self._patience = patience
        self._task: asyncio.Task[Any] | None = None
        self._events: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        # The answers to startup and to shutdown; what is asked for now, if anything.
        self._started: asyncio.Future[dict[str, Any]] | None = None
        self._stopped: asyncio.Future[dict[str, Any]] | None = None

    async def startup(self) -> None:
        """Start the application.

        :raises LifespanFailed: if it cannot start.
        """
        loop = asyncio.get_running_loop()
        self._started = loop.create_future()
        scope = {
            "type": "lifespan",
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "state": self._application.state,
        }
        self._events.put_nowait({"type": "lifespan.startup"})
        try:
            call = self._application.app(scope, self._receive, self._send)
            self._task = start(loop, call)
        except Exception as error:  # noqa: BLE001 - whatever the application raises
            self._unsupported(error)
            return
        answer = await self._answer(self._started)
        if answer is None:
            self._unsupported(failure(self._task))
        elif answer["type"] == "lifespan.startup.failed":
            await self._end(self._task)
            message = str(answer.get("message", ""))
            raise LifespanFailed(message or "the application's startup failed; it did not say why")
        else:
            self.supported = True

    async def shutdown(self) -> None:
        """Let the application clean up; what goes wrong is logged."""
        task = self._task
        if task is None or not self.supported:
            return
        if not task.done():
            self._stopped = asyncio.get_running_loop().create_future()
            self._events.put_nowait({"type": "lifespan.shutdown"})
            answer = await self._answer(self._stopped)
            if answer is not None and answer["type"] == "lifespan.shutdown.failed":
                logger.error("the application's shutdown failed: %s", answer.get("message", ""))
        error = await self._end(task)
        if error is not None:
            logger.error("the application's lifespan raised", exc_info=error)

    async def _answer(self, future: asyncio.Future[dict[str, Any]]) -> dict[str, Any] | None:
        """Wait for an answer; ``None`` if the application ended without."""
        assert self._task is not None
        await asyncio.wait([self._task, future], return_when=asyncio.FIRST_COMPLETED)
        return future.result() if future.done() else None

    async def _end(self, task: asyncio.Task[Any]) -> BaseException | None:
        """Let the call run its last lines, but not for ever; return what it raised."""
        _, late = await asyncio.wait([task], timeout=self._patience)
        if late:
            task.cancel()
            await asyncio.wait([task], timeout=self._patience)
        return failure(task) if task.done() else None

    def _unsupported(self, error: BaseException | None) -> None:
        """The application ended before it had answered."""
        if self._required:
            if error is None:
                raise LifespanFailed("the application returned before its startup was complete")
            logger.error("the application raised at its startup", exc_info=error)
            raise LifespanFailed(f"the application raised {error!r} at its startup") from error
        logger.info("the application takes no part in the lifespan: %r", error)

    async def _receive(self) -> dict[str, Any]:
        """Return the next message for the application."""
        return await self._events.get()

    async def _send(self, message: Any) -> None:
        """Take an answer of the application."""
        kind = message.get("type")
        if kind in _STARTUP:
            future = self._started
        elif kind in _SHUTDOWN:
            future = self._stopped
        else:
            raise MessageError(f"there is no message {kind!r} of the lifespan")
        if future is None or future.done():
            raise MessageError(f"{kind} was not asked for, or was answered")
        future.set_result(dict(message))
