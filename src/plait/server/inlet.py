"""The way in of a connection: what is read of the transport, and when it is not.

Two kinds of client are not simply read as fast as they send. One that does not read itself: what
the engine has to say of its own accord waits there, and when that becomes much, nothing more is
read. And one that sends much at a time.

Such a client's octets are heard a *portion* at a time, with a turn of the event loop between two.
How large a portion is depends on what it costs: it is to take about as long as others can well
wait. Bodies cost next to nothing for their size, and are soon heard as they are read; frames by
the thousand, compressed fields, and requests that an application works on cost much for theirs. A
client of whom nothing is known begins with small portions, so that reconnecting gains nothing.

uvloop goes on reading for as long as each read fills its buffer, so after such a one it is told to
pause for a turn.
"""

from __future__ import annotations

import asyncio
import logging
from time import thread_time

from plait.http2.connection import Connection

from .outlet import Outlet

# Octets of a read that was as large as event loops make them, or nearly, over TLS.
_FULL = 240_000

# Seconds of CPU that a portion may take, and as many more for each request that was answered in it:
# others get as much for theirs. When it takes less than half of that the next may be larger.
_LONG = 2e-4
_LONG_ANSWER = 2e-5

# Octets of a portion: the smallest, which is not worth a look at the clock, and the largest, which
# is more than is ever read at a time.
_LEAST = 4096
_MOST = 524_288


class Inlet(Outlet):
    """The reading part of a connection.

    :ivar portion: how many octets are heard at a time.
    :ivar answered: how many streams have ended in good order.
    :ivar held_back: nothing is read because too much waits to be written.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, log: logging.Logger) -> None:
        super().__init__(loop, log)
        self.portion = _LEAST
        self.answered = 0
        # What was read and waits for its turn, and where it goes on.
        self.unheard = b""
        self.heard = 0
        self.held_back = False
        self.deaf = False

    def hear(self, data: bytes) -> None:
        """Take octets that are HTTP/2, and act upon them."""
        raise NotImplementedError

    def hear_much(self, data: bytes) -> None:
        """Take a portion, and see by its cost how large the next may be."""
        size = len(data)
        answered = self.answered
        began = thread_time()
        self.hear(data)
        seconds = thread_time() - began
        most = _LONG + (self.answered - answered) * _LONG_ANSWER
        if seconds > most:
            self.portion = max(_LEAST, int(size * most / seconds))
        elif seconds < most / 2 and size >= self.portion and size < _MOST:
            self.portion = 2 * self.portion

    def hear_in_turns(self, data: bytes) -> None:
        """Take octets a portion at a time."""
        if self.unheard:
            self.unheard = self.unheard[self.heard :] + data
            self.heard = 0
        elif len(data) <= self.portion + self.portion // 2:
            self.hear_much(data)
            if len(data) >= _FULL and not self.deaf:
                self.stop_reading()
                self.loop.call_soon(self.read_on)
        else:
            self.unheard = data
            self.heard = 0
            self.hear_portion()

    def hear_portion(self) -> None:
        """Take the next portion; nothing more is read while others wait.

        What is left behind it is not worth a turn if that is less than half a portion.
        """
        start = self.heard
        self.heard = start + self.portion
        if len(self.unheard) - self.heard < self.portion // 2:
            self.heard = len(self.unheard)
        piece = self.unheard[start : self.heard]
        if piece:
            self.hear_much(piece)
        if self.heard < len(self.unheard):
            self.stop_reading()
            self.loop.call_soon(self.hear_portion)
        else:
            self.unheard = b""
            self.read_on()

    def hold_back(self, engine: Connection) -> None:
        """Read nothing more while too much waits to be written.

        The engine ends the connection when twice as much waits that is not worth waiting for.
        """
        if (
            not self.held_back
            and engine.unsent_octets > engine.config.limits.max_unsent_octets // 2
        ):
            self.held_back = True
            self.stop_reading()

    def resume_writing(self) -> None:
        """The transport can take more."""
        super().resume_writing()
        if not self.paused:
            self.held_back = False
            self.read_on()

    def stop_reading(self) -> None:
        """Read nothing for now."""
        if not self.deaf and self.transport is not None:
            self.deaf = True
            self.transport.pause_reading()

    def read_on(self) -> None:
        """Read again, unless something is in the way."""
        if self.deaf and not self.held_back and not self.unheard and self.transport is not None:
            self.deaf = False
            self.transport.resume_reading()

    def hear_no_more(self) -> None:
        """Forget what was read, and whatever was in the way of reading."""
        self.unheard = b""
        self.held_back = False
        self.read_on()
