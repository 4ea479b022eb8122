"""The way out of a connection: from the engine to the transport.

Writing is a pull. The engine is asked while the transport has room, and not while it has enough
(``pause_writing``); hence the bodies are not asked either, and nothing piles up.

Large bodies in clear text are given to the system itself as they lie, which takes most of them at
once; what it does not take goes to the transport, that waits for it. Transports copy or wrap each
piece, which costs as much as all the rest that is done for it here.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket

from plait.http2.body import Octets
from plait.http2.connection import Connection

from .link import Link

_writev = getattr(os, "writev", None)

# Octets asked of the engine at a time, in clear text and for TLS, and times in a row before other
# connections have a turn.
_APPETITE = 262_144
_SECURE_APPETITE = 131_072
_HELPINGS = 8

# Empty answers of bodies in a row that are asked again at once; then the pauses grow to this.
_PATIENCE = 16
_LONGEST_PAUSE = 0.05  # seconds


class Outlet(Link):
    """The writing part of a connection.

    :ivar paused: the transport has enough.
    :ivar secure: the transport speaks TLS.
    :ivar octets_out: how many octets were given to the transport.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, log: logging.Logger) -> None:
        super().__init__(loop, log)
        self.paused = False
        self.secure = False
        self.octets_out = 0
        # A flush that is to come: bodies that had nothing, or a turn that was left to others.
        self.again: asyncio.Handle | None = None
        self.empty_helpings = 0
        self.due = False
        # What the system knows the socket by; -1 where only the transport can write to it.
        self.descriptor = -1

    def pause_writing(self) -> None:
        """The transport has enough."""
        self.paused = True

    def resume_writing(self) -> None:
        """The transport can take more."""
        self.paused = False
        self.flush()

    def limit_buffer(self, transport: asyncio.Transport) -> None:
        """Tell the transport how much it should hold at most.

        In clear text that is what is left of one helping.
        """
        if self.secure:
            transport.set_write_buffer_limits(_SECURE_APPETITE)
        else:
            transport.set_write_buffer_limits(0)
            self.descriptor = descriptor_of(transport)

    def waiting_octets(self) -> int:
        """Return how many octets the transport holds that the system has not taken."""
        return 0 if self.transport is None else self.transport.get_write_buffer_size()

    def write(self, engine: Connection) -> None:
        """Pull from the engine until it has nothing, or the transport has enough."""
        transport = self.transport
        if transport is None:
            return
        helpings = _HELPINGS
        while not self.paused or engine.closed:
            if not self.write_helping(engine, transport):
                # Only bodies that had nothing, and did not defer, are left to be asked.
                if engine.wants_write:
                    self.empty_helpings += 1
                    self.flush_later(self.pause())
                return
            self.empty_helpings = 0
            helpings -= 1
            if helpings == 0:
                self.flush_later(0.0)
                return

    def write_helping(self, engine: Connection, transport: asyncio.Transport) -> bool:
        """Write what the engine gives at a time; ``False`` when that is nothing.

        In clear text large bodies go out as they lie. TLS makes a record of each write at least,
        and is given one.
        """
        if self.secure:
            data = engine.data_to_send(_SECURE_APPETITE)
            if not data:
                return False
            self.octets_out += len(data)
            transport.write(data)
            return True
        pieces = engine.segments_to_send(_APPETITE)
        if not pieces:
            return False
        size = 0
        for piece in pieces:
            size += len(piece)
        self.octets_out += size
        if len(pieces) == 1:
            transport.write(pieces[0])
            return True
        taken = 0
        if self.descriptor >= 0 and not transport.get_write_buffer_size():
            taken = give(self.descriptor, pieces)
        if taken < size:
            transport.write(b"".join(pieces)[taken:])
        return True

    def pause(self) -> float:
        """Return the seconds to wait before bodies that had nothing are asked again."""
        late = self.empty_helpings - _PATIENCE
        return 0.0 if late <= 0 else min(0.001 * late, _LONGEST_PAUSE)

    def flush_later(self, seconds: float) -> None:
        """Flush in another turn of the event loop."""
        if self.again is None:
            if seconds > 0:
                self.again = self.loop.call_later(seconds, self.flush_again)
            else:
                self.again = self.loop.call_soon(self.flush_again)

    def flush_soon(self) -> None:
        """Flush once in the next turn of the event loop, however often this is called."""
        if not self.due:
            self.due = True
            self.loop.call_soon(self.flush_due)

    def flush_due(self) -> None:
        """The next turn has come."""
        self.due = False
        self.flush()

    def flush_again(self) -> None:
        """The other turn has come."""
        self.again = None
        self.flush()


def descriptor_of(transport: asyncio.BaseTransport) -> int:
    """Return the descriptor of a socket that may be written to directly; -1 if there is none."""
    if _writev is None:
        return -1
    sock: socket.socket | None = transport.get_extra_info("socket")
    return -1 if sock is None else sock.fileno()


def give(descriptor: int, pieces: list[Octets]) -> int:
    """Return how many octets the system took. The transport finds out why if these are none."""
    assert _writev is not None
    try:
        taken: int = _writev(descriptor, pieces)
    except OSError:
        return 0
    return taken
