"""Time limits: how long a client may keep the server waiting, and for what.

There is one timer for all connections. It *sweeps*: every second at most it looks at each of them
and compares what it sees with what it saw before. A connection itself notes no time but that of its
beginning, so that no clock is asked on the way of a request.

A limit is never applied early. What is found to have moved counts as moved just now, although it
may have happened right after the sweep before; so a limit may take up to two sweeps longer.

Slowness counts like silence. Where octets are awaited, some at least must come (or go) within the
limit (``body_progress``, ``write_progress``), and those of an unfinished field section must come to
an end: a client that sends one octet a second is as late as one that sends none.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plait.http2 import WAITS_FOR_CREDIT, ErrorCode

if TYPE_CHECKING:
    from plait.http2 import Connection

    from .http2_server import HTTP2Server
    from .protocol import ServerProtocol

_LONGEST_SWEEP = 1.0

# Seconds that a client has to answer the PING of a graceful end before it is taken as answered.
IDLE_GRACE = 1.0

_PROGRESS = ("body_progress", "write_progress")


@dataclass(frozen=True, kw_only=True, slots=True)
class TimeLimits:
    """How long a client may take. Seconds, ``None`` for as long as it likes.

    :raises ValueError: for a limit that is not above 0, and for progress of less than an octet.
    """

    handshake: float | None = 5.0
    """For the TLS handshake."""

    preface: float | None = 10.0
    """From the connection's beginning, or the end of the handshake, to the client's SETTINGS."""

    settings: float | None = 5.0
    """From there to the acknowledgement of ours."""

    field_section: float | None = 10.0
    """From the first octet of a frame other than DATA to its last; a field section counts as one,
    CONTINUATION frames included."""

    body: float | None = 60.0
    """For ``body_progress`` octets of a request's body, while the client may send them and its
    response has not begun."""

    body_progress: int = 4096
    """Octets."""

    write: float | None = 60.0
    """For ``write_progress`` octets to leave: on a stream, while they wait for credit; on the
    connection, while they wait for the client to read."""

    write_progress: int = 4096
    """Octets."""

    idle: float | None = 180.0
    """With no stream open and no octet received."""

    connection: float | None = None
    """For the connection as a whole; open streams may then finish, as at the end of the server."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if name in _PROGRESS:
                if value < 1:
                    raise ValueError(f"{name} must be at least one octet, not {value}")
            elif value is not None and not value > 0:
                raise ValueError(f"the time limit {name} must be more than 0 seconds, not {value}")

    @property
    def sweep(self) -> float:
        """Seconds between two sweeps: a second, or less where a limit is short."""
        limits: list[float | None] = [
            getattr(self, name) for name in self.__slots__ if name not in _PROGRESS
        ]
        return min([_LONGEST_SWEEP] + [limit / 4 for limit in limits if limit is not None])


class Progress:
    """Octets that go one way: since when too few of them have."""

    def __init__(self, octets: int, now: float) -> None:
        self.octets = octets
        self.since = now

    def is_late(self, octets: int, now: float, least: int, limit: float) -> bool:
        """Whether fewer than ``least`` octets were gained in ``limit`` seconds."""
        if octets - self.octets >= least:
            self.octets = octets
            self.since = now
        return now - self.since >= limit


class Writing:
    """Whether the client takes what was written to the transport, or too little of it."""

    def __init__(self) -> None:
        self._progress: Progress | None = None

    def is_late(self, connection: Any, limits: TimeLimits, now: float) -> bool:
        """Look at a connection of either version."""
        waiting = connection.waiting_octets()
        if not waiting:
            self._progress = None
            return False
        gone = connection.octets_out - waiting
        if self._progress is None:
            self._progress = Progress(gone, now)
        if limits.write is None:
            return False
        return self._progress.is_late(gone, now, limits.write_progress, limits.write)


class Watch:
    """What the sweep knows of one connection.

    :ivar greeted: when the client's first SETTINGS came; ``None`` before.
    :ivar ending: when the connection was told that it ends; ``None`` while it goes on.
    """

    def __init__(self) -> None:
        self.greeted: float | None = None
        self.ending: float | None = None
        self._born = 0.0
        self._quiet = 0.0
        self._heard = 0
        self._said_goodbye = False
        self._writing = Writing()
        self._streams: dict[tuple[int, int], Progress] = {}

    def begin(self, now: float) -> None:
        """The connection is made."""
        self._born = now
        self._quiet = now

    def look(self, connection: ServerProtocol, limits: TimeLimits, now: float) -> None:
        """Look at a connection that speaks HTTP/2 or has not said yet what it speaks."""
        engine = connection.engine
        if engine is None:
            return
        if self.greeted is None:
            if passed(self._born, now, limits.preface):
                connection.time_is_up("timeout.preface", ErrorCode.PROTOCOL_ERROR)
            return
        if not engine.settings_acknowledged and passed(self.greeted, now, limits.settings):
            connection.time_is_up("timeout.settings", ErrorCode.SETTINGS_TIMEOUT)
            return
        begun = engine.unfinished_since
        if begun is not None and passed(begun, engine.config.clock(), limits.field_section):
            connection.time_is_up("timeout.fields", ErrorCode.ENHANCE_YOUR_CALM)
            return
        if self._writing.is_late(connection, limits, now):
            connection.cut_off("timeout.write")
            return
        if engine.open_streams:
            self._quiet = now
            self._look_at_streams(connection, engine, limits, now)
        elif self._streams:
            self._streams = {}
        self._look_for_the_end(connection, limits, now)

    def _look_at_streams(
        self, connection: ServerProtocol, engine: Connection, limits: TimeLimits, now: float
    ) -> None:
        """Reset the streams on which too little moves, though it is the client's turn."""
        seen: dict[tuple[int, int], Progress] = {}
        for stream_id, kind, octets in engine.waiting_for_peer():
            progress = self._streams.get((stream_id, kind))
            if progress is None:
                progress = Progress(octets, now)
            seen[stream_id, kind] = progress
            if kind == WAITS_FOR_CREDIT:
                slug, limit, least = "timeout.write", limits.write, limits.write_progress
            else:
                slug, limit, least = "timeout.body", limits.body, limits.body_progress
            if limit is None or not progress.is_late(octets, now, least, limit):
                continue
            if kind == WAITS_FOR_CREDIT and engine.local_flow_control_window(0) == 0:
                # without credit for the connection no other stream is served either
                connection.time_is_up(slug, ErrorCode.ENHANCE_YOUR_CALM)
                return
            connection.give_up(stream_id, slug)
        self._streams = seen

    def _look_for_the_end(self, connection: ServerProtocol, limits: TimeLimits, now: float) -> None:
        """End gracefully what is idle or has lasted long enough; then see that it does end."""
        if connection.octets_in != self._heard:
            self._heard = connection.octets_in
            self._quiet = now
        if self.ending is None:
            if passed(self._quiet, now, limits.idle):
                connection.retire("timeout.idle")
            elif passed(self._born, now, limits.connection):
                connection.retire("timeout.connection")
        elif now - self.ending >= connection.server.close_timeout:
            connection.terminate(int(ErrorCode.NO_ERROR), "")
        elif now - self.ending >= IDLE_GRACE and not self._said_goodbye:
            self._said_goodbye = True
            connection.say_goodbye()


class Sweep:
    """The timer of a server. It runs while there are connections."""

    def __init__(self, server: HTTP2Server) -> None:
        self._server = server
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Sweep from now on."""
        if self._timer is None:
            self._timer = loop.call_later(self._server.time_limits.sweep, self._run, loop)

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        if self._server.look_around(loop.time()):
            self.begin(loop)


def passed(since: float, now: float, limit: float | None) -> bool:
    """Whether a limit has passed."""
    return limit is not None and now - since >= limit
