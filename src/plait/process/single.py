"""Serving in this process, without workers."""

from __future__ import annotations

import asyncio
import logging
import signal
from typing import TYPE_CHECKING

from .application import wanted_application
from .ending import Ending
from .looping import run_to_its_end
from .serving import Serving
from .tls import Identity

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable

    from .application import Application
    from .settings import Settings
    from .sockets import Listening
    from .systemd import Notifier

logger = logging.getLogger("plait.process")


class Single:
    """The life of a process that serves by itself.

    :param announce: called with the interface when everything serves.
    """

    def __init__(
        self,
        settings: Settings,
        listening: Listening,
        context: ssl.SSLContext | None,
        notifier: Notifier,
        announce: Callable[[str], None],
    ) -> None:
        self._settings = settings
        self._listening = listening
        self._context = context
        self._notifier = notifier
        self._announce = announce

    def run(self) -> int:
        """Serve until SIGINT or SIGTERM; a second one ends what is under way too."""
        settings = self._settings
        # A reload, or a log that was moved away, while the application is imported: there is
        # nothing to do yet, but by default these would end the process.
        for number in (signal.SIGHUP, signal.SIGUSR1):
            signal.signal(number, _let_pass)
        application = wanted_application(settings)
        run_to_its_end(self._serve(application))
        return 0

    async def _serve(self, application: Application) -> None:
        settings = self._settings
        loop = asyncio.get_running_loop()
        identity = Identity(settings, self._context)
        serving = Serving(settings, application, identity, self._listening)
        handlers: dict[int, Callable[[], None]] = {
            signal.SIGHUP: lambda: self._reload(serving),
            signal.SIGUSR1: serving.reopen_log,
        }
        for number, handler in handlers.items():
            loop.add_signal_handler(number, handler)
        living = asyncio.create_task(self._live())
        with Ending() as ending:
            try:
                if await serving.start(ending.stop):
                    self._announce(application.interface)
                    self._notifier.ready(f"serving {settings.target}")
                    await ending.stop.wait()
                    self._notifier.stopping()
                    serving.leave()
                    await _wait(ending.hurry, settings.shutdown_delay)
            finally:
                living.cancel()
                await serving.close(ending.hurry)
                for number in handlers:
                    loop.remove_signal_handler(number)

    async def _live(self) -> None:
        """Give signs of life, where they are wanted."""
        while self._notifier.interval is not None:
            self._notifier.alive()
            await asyncio.sleep(self._notifier.interval)

    def _reload(self, serving: Serving) -> None:
        self._notifier.reloading()
        if not serving.reload_certificates():
            logger.warning("SIGHUP reloads certificates; the application, only with --workers")
        self._notifier.ready(f"serving {self._settings.target}")


def _let_pass(*_: object) -> None:
    """A signal that comes too early."""


async def _wait(hurry: asyncio.Event, seconds: float) -> None:
    """Wait, unless there is a hurry."""
    if seconds > 0:
        hurrying = asyncio.ensure_future(hurry.wait())
        await asyncio.wait((hurrying,), timeout=seconds)
        hurrying.cancel()
