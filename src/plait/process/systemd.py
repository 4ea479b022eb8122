"""What systemd hands over and wants to hear: sockets, readiness, and signs of life.

The protocols are those of sd_listen_fds(3), sd_notify(3) and sd_watchdog_enabled(3). Without
systemd the variables are not set, and nothing here has any effect.
"""

from __future__ import annotations

import contextlib
import os
import socket
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import MutableMapping

_FIRST_DESCRIPTOR = 3


def inherited_descriptors(environment: MutableMapping[str, str] | None = None) -> range:
    """Return the descriptors of the sockets that this process was started with.

    The variables that tell are taken away, so that no program started from here believes them.
    """
    environ = os.environ if environment is None else environment
    pid = environ.pop("LISTEN_PID", "")
    count = environ.pop("LISTEN_FDS", "")
    environ.pop("LISTEN_FDNAMES", None)
    if pid != str(os.getpid()) or not count.isdecimal():
        return range(0)
    return range(_FIRST_DESCRIPTOR, _FIRST_DESCRIPTOR + int(count))


class Notifier:
    """Tells the service manager how this process is doing.

    The variables are taken away: a worker is not to speak for the service.

    :ivar interval: seconds between two signs of life; ``None`` where none are wanted.
    """

    def __init__(self, environment: MutableMapping[str, str] | None = None) -> None:
        environ = os.environ if environment is None else environment
        self._address = environ.pop("NOTIFY_SOCKET", "")
        microseconds = environ.pop("WATCHDOG_USEC", "")
        pid = environ.pop("WATCHDOG_PID", "") or str(os.getpid())
        self.interval: float | None = None
        if microseconds.isdecimal() and int(microseconds) > 0 and pid == str(os.getpid()):
            # Half the time, as the manual advises.
            self.interval = int(microseconds) / 2_000_000

    def ready(self, status: str) -> None:
        """Everything serves."""
        self._tell("READY=1", f"MAINPID={os.getpid()}", f"STATUS={status}")

    def reloading(self) -> None:
        """The service begins to reload; ``ready`` tells that it is over."""
        # Type=notify-reload wants the time, to tell this from an older notice.
        now = time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000
        self._tell("RELOADING=1", f"MONOTONIC_USEC={now}", "STATUS=reloading")

    def stopping(self) -> None:
        """The service comes to its end."""
        self._tell("STOPPING=1", "STATUS=stopping")

    def alive(self) -> None:
        """A sign of life."""
        self._tell("WATCHDOG=1")

    def _tell(self, *lines: str) -> None:
        if not self._address:
            return
        # "@" stands for the NUL that a name in Linux's abstract namespace begins with.
        address = "\0" + self._address[1:] if self._address[0] == "@" else self._address
        # Whoever does not listen misses something, and that is all.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as messenger,
        ):
            messenger.sendto("\n".join(lines).encode(), address)
