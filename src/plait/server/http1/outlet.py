"""The way out of a connection in HTTP/1: what was given leaves in one write."""

from __future__ import annotations

import asyncio
from typing import BinaryIO

# Octets that wait at which an application is to pause; also what the transport holds at most.
_HIGH = 131_072

# Octets read from a file at a time.
_PIECE = 131_072


class H1Outlet:
    """The writing part of a connection.

    :ivar transport: the asyncio transport; ``None`` before and after the connection's life.
    :ivar paused: the transport has enough.
    :ivar octets_out: how many octets were given to the transport.
    :ivar file: what is being sent in pieces, if anything is.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.transport: asyncio.Transport | None = None
        self.paused = False
        self.octets_out = 0
        self.out: list[bytes] = []
        self.out_octets = 0
        self.file: BinaryIO | None = None
        # Octets of the file that are wanted: -1 for all. And what comes behind it.
        self.file_left = -1
        self.behind = b""

    def put(self, octets: bytes) -> None:
        """Give octets that are to leave with the next write."""
        self.out.append(octets)
        self.out_octets += len(octets)

    def has_room(self) -> bool:
        """Whether more may be given."""
        return not self.paused and self.out_octets < _HIGH

    def limit_buffer(self, transport: asyncio.Transport) -> None:
        """Tell the transport how much it should hold at most."""
        transport.set_write_buffer_limits(_HIGH)

    def waiting_octets(self) -> int:
        """Return how many octets the transport holds that the system has not taken."""
        return 0 if self.transport is None else self.transport.get_write_buffer_size()

    def write(self) -> None:
        """Write all that was given."""
        out = self.out
        transport = self.transport
        if not out or transport is None:
            return
        self.out = []
        octets = self.out_octets
        self.out_octets = 0
        self.octets_out += octets
        if len(out) == 1:
            transport.write(out[0])
        elif octets <= _HIGH:
            transport.write(b"".join(out))
        else:
            for piece in out:
                transport.write(piece)

    def send_file(self, file: BinaryIO, count: int | None) -> None:
        """Send octets of a file as the client takes them; it is closed afterwards."""
        self.file = file
        self.file_left = -1 if count is None else count

    def end_with(self, octets: bytes) -> None:
        """Give the last octets of a response; they come behind a file that is being sent."""
        if self.file is not None:
            self.behind = octets
        elif octets:
            self.put(octets)

    def read_piece(self, file: BinaryIO) -> bytes:
        """Return the next octets of the file; none at its end.

        Synchronously, since most answer from the page cache.
        """
        wanted = _PIECE if self.file_left < 0 else min(self.file_left, _PIECE)
        data = file.read(wanted) if wanted else b""
        if self.file_left > 0:
            self.file_left -= len(data)
        return data

    def close_file(self) -> None:
        """The file has been sent, or is of no use any more."""
        file = self.file
        self.file = None
        if file is not None:
            file.close()
        if self.behind:
            self.put(self.behind)
            self.behind = b""
