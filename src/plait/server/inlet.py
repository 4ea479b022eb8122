"""The way in of a connection: what is read of the transport, and when it is not.

Two kinds of client are not simply read as fast as they send. One that does not read itself: what
the engine has to say of its own accord waits there, and when that becomes much, nothing more is
read. And one that fills large reads with small frames, which take a time that other connections
notice: it is heard a slice at a time, and they have their turn in between.
"""

from __future__ import annotations

import asyncio
import logging

from plait.http2.connection import Connection

from .outlet import Outlet

# Octets of a slice; octets of a frame, on the average, that is small; and how many are few.
_SLICE = 4096
_SMALL_FRAME = 8192
_FEW = 4

# Slices without many small frames until large reads are taken whole again.
_CAUTION = 64


class Inlet(Outlet):
    """The reading part of a connection.

    :ivar caution: how many more slices are to be taken; 0 for a client that is trusted.
    :ivar held_back: nothing is read because too much waits to be written.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, log: logging.Logger) -> None:
        super().__init__(loop, log)
        self.caution = 0
        # What was read and waits for its turn, and where it goes on.
        self.unheard = b""
        self.heard = 0
        self.held_back = False
        self.deaf = False

    def hear(self, data: bytes) -> None:
        """Take octets that are HTTP/2, and act upon them."""
        raise NotImplementedError

    def weigh(self, size: int, events: int) -> None:
        """Judge by what octets have brought whether the next ones are to be taken in slices."""
        if events > _FEW and events * _SMALL_FRAME > size:
            self.caution = _CAUTION
        elif self.caution:
            self.caution -= 1

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
            self.hear(piece)
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
