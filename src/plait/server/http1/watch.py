"""Time limits of a connection in HTTP/1; what ``plait.server.timeouts`` says of them holds here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..timeouts import IDLE_GRACE, Progress, TimeLimits, Writing, passed
from .conversation import SPEAKING

if TYPE_CHECKING:
    from .protocol import HTTP1Protocol

# What a client is waited for.
_NOTHING = 0
_REQUEST = 1
_HEAD = 2
_BODY = 3


class Watch:
    """What the sweep knows of one connection.

    :ivar ending: when the connection was told that it ends; ``None`` while it goes on.
    """

    def __init__(self) -> None:
        self.ending: float | None = None
        self._born = 0.0
        self._said_goodbye = False
        self._writing = Writing()
        self._answers: Progress | None = None
        self._body: Progress | None = None
        # What was waited for at the last look, of which request, and since when.
        self._waits = _REQUEST
        self._request = 0
        self._since = 0.0

    def begin(self, now: float) -> None:
        """The connection is made."""
        self._born = now
        self._since = now

    def look(self, connection: HTTP1Protocol, limits: TimeLimits, now: float) -> None:
        """Look at a connection that is not about to end."""
        if self._writing.is_late(connection, limits, now):
            connection.give_up("timeout.write")
            return
        if connection.input_ended and self._has_gone(connection, now):
            connection.terminate(0, "")
            return
        waits = _waits_for(connection)
        if waits != self._waits or connection.requests_received != self._request:
            self._waits = waits
            self._request = connection.requests_received
            self._since = now
            self._body = None
        if not self._is_late(connection, limits, now):
            self._look_for_the_end(connection, limits, now)

    def _is_late(self, connection: HTTP1Protocol, limits: TimeLimits, now: float) -> bool:
        """End the connection if it is the client's turn and too little comes."""
        if self._waits == _HEAD:
            if passed(self._since, now, limits.field_section):
                connection.time_is_up("timeout.fields")
                return True
        elif self._waits == _BODY:
            octets = connection.octets_in
            if self._body is None:
                self._body = Progress(octets, now)
            if limits.body is not None and self._body.is_late(
                octets, now, limits.body_progress, limits.body
            ):
                connection.time_is_up("timeout.body")
                return True
        elif self._waits == _REQUEST and not connection.requests_received:
            if passed(self._since, now, limits.preface):
                connection.refused("timeout.preface")
                connection.finish()
                return True
        return False

    def _has_gone(self, connection: HTTP1Protocol, now: float) -> bool:
        """Whether a client that sends nothing more has gone, as far as can be known.

        Only a write would tell. So it is taken for gone when it gets nothing for a moment.
        """
        if connection.phase != SPEAKING or connection.waiting_octets():
            self._answers = None
        elif self._answers is None:
            self._answers = Progress(connection.octets_out, now)
        else:
            return self._answers.is_late(connection.octets_out, now, 1, IDLE_GRACE)
        return False

    def _look_for_the_end(self, connection: HTTP1Protocol, limits: TimeLimits, now: float) -> None:
        """End what is idle or has lasted long enough; then see that it does end."""
        if self.ending is None:
            if self._waits == _REQUEST and passed(self._since, now, limits.idle):
                connection.refused("timeout.idle")
                connection.finish()
            elif passed(self._born, now, limits.connection):
                connection.retire("timeout.connection")
        elif now - self.ending >= connection.server.close_timeout:
            connection.terminate(0, "")
        elif now - self.ending >= IDLE_GRACE and not self._said_goodbye:
            self._said_goodbye = True
            connection.say_goodbye()


def _waits_for(connection: HTTP1Protocol) -> int:
    """Return what it is the client's turn to send."""
    exchange = connection.exchange
    if connection.body is not None:
        # Once the response has begun, or while the application is slow, it may take its time.
        slow = connection.unconsumed >= connection.window
        begun = exchange is not None and exchange.status != 0
        return _NOTHING if slow or begun else _BODY
    if exchange is not None:
        return _NOTHING
    if not connection.unheard:
        return _REQUEST
    # We may not begin yet: the client does not read the answers to what it has asked before.
    return _HEAD if connection.has_room() else _NOTHING
