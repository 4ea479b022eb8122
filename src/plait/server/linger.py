"""The last part of a connection: everything is said, and the client has yet to read it.

Closing at once would lose what the client has not read: octets that it still sends (credit for the
very body it is reading, mostly) would be answered with a reset by the system, which destroys what
waits to be sent. So they are taken and thrown away until the client closes, or until it has
acknowledged everything and had a moment more. In clear text its end is announced at once; over TLS
only then, since OpenSSL takes octets that arrive after our close_notify for an error.

A client may read as slowly as it likes as long as it does read; not reading is borne for a while.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Protocol

from .timeouts import Progress

_TELLS = sys.platform == "linux"  # others do not, of a socket
if _TELLS:
    from fcntl import ioctl
    from termios import TIOCOUTQ

# Seconds that a client which has read everything has for closing.
_LAST_MOMENT = 1.0

# Seconds between two looks: the first, and the longest.
_FIRST_LOOK = 0.01
_LONGEST_LOOK = 0.5


def unacknowledged_octets(transport: asyncio.BaseTransport) -> int:
    """Return how many octets the system holds that the client has not got, as far as it tells."""
    sock = transport.get_extra_info("socket")
    if not _TELLS or sock is None:
        return 0
    try:
        answer = ioctl(sock.fileno(), TIOCOUTQ, bytes(4))
    except (OSError, ValueError):
        return 0
    return int.from_bytes(answer, sys.byteorder)


class Lingering(Protocol):
    """What is asked of a connection, of whatever version."""

    @property
    def transport(self) -> asyncio.Transport | None:
        """The transport, until it is lost."""

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop."""

    @property
    def secure(self) -> bool:
        """Whether the transport speaks TLS."""

    @property
    def octets_out(self) -> int:
        """How many octets were given to the transport."""

    def waiting_octets(self) -> int:
        """Return how many of them it holds."""

    def abort(self) -> None:
        """Close the connection at once."""


class Linger:
    """The patience with one client.

    :param patience: seconds in which some octets must go; ``None`` for any time.
    :param least: how many.
    """

    def __init__(self, protocol: Lingering, patience: float | None, least: int) -> None:
        self._protocol = protocol
        self._patience = patience
        self._least = least
        self._pause = _FIRST_LOOK
        self._progress: Progress | None = None
        self._read_since: float | None = None
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        """Announce the end as soon as that is harmless."""
        transport = self._protocol.transport
        if transport is not None and not self._protocol.secure and transport.can_write_eof():
            transport.write_eof()
        self._look()

    def cancel(self) -> None:
        """The connection is lost."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """See how far the client is, and look again later."""
        protocol = self._protocol
        transport = protocol.transport
        if transport is None:
            return
        now = protocol.loop.time()
        waiting = protocol.waiting_octets() + unacknowledged_octets(transport)
        if waiting:
            self._read_since = None
            if self._is_stuck(protocol.octets_out - waiting, now):
                protocol.abort()
                return
        elif self._read_since is None:
            self._read_since = now
            if protocol.secure:
                transport.close()
        elif now - self._read_since >= _LAST_MOMENT:
            protocol.abort()
            return
        self._timer = protocol.loop.call_later(self._pause, self._look)
        self._pause = min(2 * self._pause, _LONGEST_LOOK)

    def _is_stuck(self, gone: int, now: float) -> bool:
        """Whether the client has not taken enough for too long."""
        if self._progress is None:
            self._progress = Progress(gone, now)
        if self._patience is None:
            return False
        return self._progress.is_late(gone, now, self._least, self._patience)
