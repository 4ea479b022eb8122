"""A worker: a process that serves on sockets it shares with others, and does as it is told."""

from __future__ import annotations

import asyncio
import logging
import os
import random
import signal
import traceback
from typing import TYPE_CHECKING

from plait.server.metrics import join

from .application import wanted_application
from .channel import FAILED, HURRY, LEAVE, READY, REOPEN, RETIRE, STOP, Channel
from .errors import UserError
from .looping import run_to_its_end
from .serving import Serving
from .tls import Identity

if TYPE_CHECKING:
    import ssl

    from .application import Application
    from .settings import Settings
    from .sockets import Listening

# Seconds between two looks at how many requests there were.
_LOOK = 0.25

logger = logging.getLogger("plait.process")


class Worker:
    """The life of a worker, after the fork.

    :param channel: to the supervisor.
    :param number: one that no other living worker has.
    :param context: the TLS context to serve with, where it does not come from files.
    """

    def __init__(
        self,
        settings: Settings,
        channel: Channel,
        number: int,
        listening: Listening,
        context: ssl.SSLContext | None,
    ) -> None:
        self._settings = settings
        self._channel = channel
        self._number = number
        self._listening = listening
        self._context = context
        self._most = _most_requests(settings)

    def run(self) -> int:
        """Serve until told to stop; return the exit status."""
        # Ctrl-C at a terminal goes to every process, and so may its end; the supervisor knows what
        # to do. A handler, not SIG_IGN: programs that the application starts would inherit that.
        for number in (signal.SIGINT, signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, _let_pass)
        try:
            if self._settings.metrics is not None:
                join(self._number)  # before the application makes metrics of its own
            application = wanted_application(self._settings)
            run_to_its_end(self._serve(application))
        except UserError as error:
            self._channel.send(FAILED, str(error))
            return 2
        finally:
            self._channel.close()
        return 0

    async def _serve(self, application: Application) -> None:
        settings = self._settings
        stop, hurry = asyncio.Event(), asyncio.Event()
        identity = Identity(settings, self._context)
        serving = Serving(settings, application, identity, self._listening)
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, stop.set)
        loop.add_reader(self._channel.sock, self._listen, serving, stop, hurry)
        try:
            if await self._start(serving, stop):
                if self._most is not None:
                    loop.call_later(_LOOK, self._count, serving, self._most)
                self._channel.send(READY, application.interface)
                await stop.wait()
        finally:
            await serving.close(hurry)
            loop.remove_reader(self._channel.sock)

    async def _start(self, serving: Serving, stop: asyncio.Event) -> bool:
        try:
            return await serving.start(stop)
        except UserError as error:
            if self._settings.log_level == "debug" and error.__cause__ is not None:
                traceback.print_exception(error.__cause__)
            raise

    def _listen(self, serving: Serving, stop: asyncio.Event, hurry: asyncio.Event) -> None:
        """Do what the supervisor says. Without one there is nobody left to serve for."""
        for word, _ in self._channel.receive():
            if word == LEAVE:
                serving.leave()
            elif word == REOPEN:
                serving.reopen_log()
            elif word == STOP:
                stop.set()
            elif word == HURRY:
                stop.set()
                hurry.set()
        if self._channel.ended:
            if not stop.is_set():
                logger.error("worker %d: the supervisor is gone", os.getpid())
            asyncio.get_running_loop().remove_reader(self._channel.sock)
            stop.set()

    def _count(self, serving: Serving, most: int) -> None:
        """Ask to be replaced after enough requests."""
        requests = serving.requests
        if requests >= most:
            self._channel.send(RETIRE, f"after {requests} requests")
        else:
            asyncio.get_running_loop().call_later(_LOOK, self._count, serving, most)


def _most_requests(settings: Settings) -> int | None:
    if settings.max_requests is None:
        return None
    return settings.max_requests + random.randint(0, settings.max_requests_jitter)


def _let_pass(*_: object) -> None:
    """A signal that is not for us."""
