"""One WebSocket between its exchange and an application, whatever interface that has.

What the client sends is parsed only as long as there is room in the *queue* of messages for the
application, and the client gets credit for octets once all that have come are parsed. So a message
may be larger than the client's window, and a few compressed octets still cannot become more than
one message above the queue's size.

A WebSocket ends with a *verdict*, the code and reason that the application is told after what is
in the queue: those of the client's CLOSE frame, or of ours.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from .channel import CLOSE, PART, PING, PONG, Channel
from .faults import ABNORMAL, INTERNAL_ERROR, POLICY, Fault
from .keepalive import Keepalive
from .options import WebSocketOptions

if TYPE_CHECKING:
    from plait.server.host import Exchange

# What a message counts in the queue besides its octets, so that empty ones count too.
_MESSAGE_COST = 64
_FLOOD_SECONDS = 10.0

# Frames in a row before others have a turn: without content they are eleven thousand in 64 KiB.
_IN_A_ROW = 256


class Tunnel:
    """An open WebSocket.

    :ivar verdict: code and reason; ``None`` as long as it is open.
    :ivar full: the exchange can take no more for now.
    :ivar over: the exchange has ended.
    :param wake: is called when there is something to take, or a verdict, or room.
    """

    def __init__(
        self,
        exchange: Exchange,
        channel: Channel,
        options: WebSocketOptions,
        wake: Callable[[], None],
    ) -> None:
        self.verdict: tuple[int, str] | None = None
        self.full = False
        self.over = False
        self._exchange = exchange
        self._channel = channel
        self._options = options
        self._wake = wake
        # Messages with their cost, and the sum of that.
        self._queue: deque[tuple[int, Any, int]] = deque()
        self._queued = 0
        # Octets without credit yet; whether they wait for room in the queue.
        self._owed = 0
        self._held = False
        # The client's side has ended; what comes from it does not matter any more.
        self._input_ended = False
        self._deaf = False
        self._close_sent = False
        self._finished = False
        self._closer: asyncio.TimerHandle | None = None
        # The payload of a ping that is answered when there is room.
        self._pong: bytes | None = None
        self._controls = 0
        self._controls_since = 0.0
        self._keepalive = Keepalive(
            exchange.loop,
            options.ping_interval,
            options.ping_timeout,
            self._ping,
            lambda: self.full or self._held,
            self._silent,
        )

    # --- the exchange's side --------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Take octets that the client sent."""
        self._keepalive.heard = True
        if self._deaf:
            self._exchange.consumed(len(data))
            return
        self._owed += len(data)
        self._channel.receive(data)
        if not self._held:
            self._parse()

    def input_ended(self) -> None:
        """The client's side has ended."""
        self._input_ended = True
        if not self._held:
            self._at_end()

    def writable(self) -> None:
        """The exchange can take more."""
        self.full = False
        pong = self._pong
        if pong is not None:
            self._pong = None
            self._answer(pong)
        if not self.full:
            self._wake()

    def exchange_closed(self) -> None:
        """Nothing comes or goes any more; what has come can still be taken."""
        self.over = True
        self._finished = True
        self._stop_timers()
        self.input_ended()
        self._wake()

    # --- the application's side -----------------------------------------------------------------

    def take(self) -> tuple[int, Any] | None:
        """Return the next message, as opcode and data; ``None`` if none has come."""
        if not self._queue:
            return None
        opcode, data, cost = self._queue.popleft()
        self._queued -= cost
        if self._held and self._queued < self._options.max_queue:
            self._parse()
        return opcode, data

    def send(self, data: str | bytes) -> None:
        """Send a message.

        :raises ValueError: for text with surrogates.
        """
        self._write(self._channel.message(data))

    def close(self, code: int, reason: str, *, drop: bool = False) -> None:
        """Begin to close it, unless that was done.

        :param drop: what is in the queue will not be taken.
        """
        if drop:
            self._queue.clear()
            self._queued = 0
        self._conclude(code, reason)
        self._send_close(code, reason)
        if self._held:
            # the client's CLOSE may be in what was held back
            self._parse()

    # --- what comes -----------------------------------------------------------------------------

    def _parse(self) -> None:
        """Parse what has come as long as there is room for it."""
        self._held = False
        parsed = 0
        try:
            while not self._deaf:
                if parsed == _IN_A_ROW:
                    self._held = True
                    self._exchange.loop.call_soon(self._parse_more)
                    return
                parsed += 1
                if self._queued >= self._options.max_queue and not self._close_sent:
                    self._held = True
                    return
                event = self._channel.next_event()
                if event is None:
                    break
                self._hear(*event)
        except Fault as fault:
            self._fail(fault.code, fault.reason)
        owed = self._owed
        if owed:
            self._owed = 0
            self._exchange.consumed(owed)
        if self._input_ended:
            self._at_end()

    def _parse_more(self) -> None:
        """Go on, unless the application has asked for it in the meantime."""
        if self._held:
            self._parse()

    def _hear(self, opcode: int, data: Any) -> None:
        """Act upon a message or a control frame."""
        if opcode == PART:
            return
        if opcode == CLOSE:
            self._closed_by_client(*data)
        elif opcode in (PING, PONG):
            self._count_control()
            if opcode == PING and not self._close_sent:
                self._answer(data)
        elif not self._close_sent:
            cost = len(data) + _MESSAGE_COST
            self._queue.append((opcode, data, cost))
            self._queued += cost
            self._wake()

    def _count_control(self) -> None:
        """See that there are not too many control frames."""
        now = self._exchange.loop.time()
        if now - self._controls_since > _FLOOD_SECONDS:
            self._controls_since = now
            self._controls = 0
        self._controls += 1
        if self._controls > self._options.max_control_frames:
            raise Fault(POLICY, "too many control frames")

    def _answer(self, payload: bytes) -> None:
        """Answer a ping; only the latest if the client takes nothing (RFC 6455 §5.5.3)."""
        if self.full:
            self._pong = payload
        else:
            self._write(self._channel.pong(payload))

    def _closed_by_client(self, code: int, reason: str) -> None:
        """The client sent CLOSE: the first of the two, or the answer to ours."""
        self._deaf = True
        self._conclude(code, reason)
        # RFC 6455 §5.5.1: the answer typically echoes the status code.
        self._send_close(code, "")
        self._finish()

    def _at_end(self) -> None:
        """All that will ever come was parsed."""
        self._deaf = True
        self._conclude(ABNORMAL, "")
        self._finish()

    # --- the end --------------------------------------------------------------------------------

    def _fail(self, code: int, reason: str) -> None:
        """The client broke a rule (RFC 6455 §7.1.7)."""
        self._deaf = True
        self._conclude(code, reason)
        self._send_close(code, reason)
        self._finish()

    def _silent(self) -> None:
        """Nothing came after a ping."""
        self._deaf = True
        self._conclude(ABNORMAL, "ping timeout")
        self._send_close(INTERNAL_ERROR, "ping timeout")
        self._finish()

    def _conclude(self, code: int, reason: str) -> None:
        """Say how it ends, unless that is known."""
        if self.verdict is None:
            self.verdict = (code, reason)
            self._keepalive.stop()
            self._wake()

    def _send_close(self, code: int, reason: str) -> None:
        """Send CLOSE, once; the client has some time for what it must do then."""
        if self._close_sent or self._finished:
            return
        self._close_sent = True
        self._pong = None
        self._closer = self._exchange.loop.call_later(
            self._options.close_timeout, self._exchange.abort
        )
        self._write(self._channel.close(code, reason))

    def _finish(self) -> None:
        """End our side."""
        if not self._finished:
            self._finished = True
            self._exchange.finish()

    def _stop_timers(self) -> None:
        """Nothing is waited for any more."""
        self._keepalive.stop()
        if self._closer is not None:
            self._closer.cancel()
            self._closer = None

    # --- what goes ------------------------------------------------------------------------------

    def _ping(self) -> None:
        """Ask whether somebody is there."""
        self._write(self._channel.ping(b""))

    def _write(self, octets: bytes) -> None:
        """Give octets to the exchange."""
        if not self._exchange.write(octets):
            self.full = True
