"""Pings: whether there is still somebody at the other end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Keepalive:
    """Sends a ping after silence, and tells when nothing comes after it.

    Whatever comes is a sign of life, not the pong alone: that may stand behind a large message.

    :ivar heard: something came since this was set to false.
    :param ping: sends a ping.
    :param excused: whether the client may be silent, or we may just not see what it sends.
    :param lost: is called when nobody is there any more.
    """

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        interval: float | None,
        timeout: float | None,
        ping: Callable[[], None],
        excused: Callable[[], bool],
        lost: Callable[[], None],
    ) -> None:
        self.heard = False
        self._loop = loop
        self._interval = interval
        self._timeout = timeout
        self._ping = ping
        self._excused = excused
        self._lost = lost
        self._timer: asyncio.TimerHandle | None = None
        self._rest()

    def stop(self) -> None:
        """There is nothing left to ask for."""
        self._interval = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _rest(self) -> None:
        """Look again later."""
        if self._interval is not None:
            self.heard = False
            self._timer = self._loop.call_later(self._interval, self._look)

    def _look(self) -> None:
        """Send a ping if nothing has come."""
        if self.heard or self._excused():
            self._rest()
            return
        self._ping()
        if self._timeout is None:
            self._rest()
        else:
            self._timer = self._loop.call_later(self._timeout, self._judge)

    def _judge(self) -> None:
        """See whether something has come after the ping."""
        if self.heard or self._excused():
            self._rest()
        else:
            self._timer = None
            self._lost()
