"""The way in of a connection: what is read of the transport, and when it is not.

Two kinds of client are not simply read as fast as they send. One that does not read itself: what
the engine has to say of its own accord waits there, and when that becomes much, nothing more is
read. And one that sends much at a time. After each large read the others have their turn, since
uvloop would go on reading while there is something to read; and when it was filled with small
frames, or took long for its size, the next ones are heard a slice at a time. So are the first of
each client, of whom nothing is known.
"""

from __future__ import annotations

import asyncio
import logging
from time import thread_time

from plait.http2.connection import Connection

from .outlet import Outlet

# Octets of a read after which others have their turn: what event loops read at a time is more.
_FULL = 65_536

# Seconds of CPU that are long for a read, and for each of its octets: a large frame of a body takes
# a hundredth of that.
_LONG = 2e-4
_LONG_OCTET = 1.6e-8

# Octets of a slice; octets of a frame, on the average, that is small; and how many are few.
_SLICE = 4096
_SMALL_FRAME = 8192
_FEW = 4

# Slices that are harmless until large reads are taken whole: of a new client, and of one that had
# our trust and lost it.
_FIRST_CAUTION = 16
_CAUTION = 64


class Inlet(Outlet):
    """The reading part of a connection.

    :ivar caution: how many more slices are to be taken; 0 for a client that is trusted.
    :ivar held_back: nothing is read because too much waits to be written.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, log: logging.Logger) -> None:
        super().__init__(loop, log)
        self.caution = _FIRST_CAUTION
        # What was read and waits for its turn, and where it goes on.
        self.unheard = b""
        self.heard = 0
        self.held_back = False
        self.deaf = False

    def hear(self, data: bytes) -> int:
        """Take octets that are HTTP/2, and act upon them; returns how many events they made."""
        raise NotImplementedError

    def hear_much(self, data: bytes) -> None:
        """Take a large read, or a slice of one, and judge whether the next are to be sliced."""
        size = len(data)
        began = thread_time()
        events = self.hear(data)
        seconds = thread_time() - began
        small = events > _FEW and events * _SMALL_FRAME > size
        if small or seconds > _LONG + size * _LONG_OCTET:
            self.caution = _CAUTION
        elif self.caution:
            self.caution -= 1
        if size >= _FULL and not self.deaf:
            self.stop_reading()
            self.loop.call_soon(self.read_on)

    def hear_in_turns(self, data: bytes) -> None:
        """Take octets a slice at a time."""
        if self.unheard:
            self.unheard = self.unheard[self.heard :] + data
            self.heard = 0
            return
        self.unheard = data
        self.heard = 0
        self.hear_slice()

    def hear_slice(self) -> None:
        """Take the next slice; nothing more is read while others wait."""
        start = self.heard
        self.heard = start + _SLICE
        piece = self.unheard[start : self.heard]
        if piece:
            self.hear_much(piece)
        if self.heard < len(self.unheard):
            self.stop_reading()
            self.loop.call_soon(self.hear_slice)
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
