"""What a supervisor and a worker say to each other: words, one a line, over a pair of sockets."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from .errors import one_line

if TYPE_CHECKING:
    import socket

# A worker says these:
READY = "ready"  # and what kind of application it serves
FAILED = "failed"  # and why
RETIRE = "retire"  # wants to be replaced, and why

# The supervisor says these:
LEAVE = "leave"  # the service is about to end
STOP = "stop"  # accept nobody, let what is under way finish
REOPEN = "reopen"  # the access log: its file was moved away
HURRY = "hurry"  # do not wait for it

_MOST = 65_536


class Channel:
    """One end. Nothing waits here, neither for something to read nor for somebody who reads.

    :ivar sock: to watch for something to ``receive``.
    :ivar ended: whether the other end is gone.
    """

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.ended = False
        self._begun = b""

    def send(self, word: str, text: str = "") -> None:
        """Say something. It is lost if the other end is gone."""
        line = one_line(f"{word} {text}")[:_MOST] + "\n"
        with contextlib.suppress(OSError):
            self.sock.sendall(line.encode(errors="replace"))

    def receive(self) -> list[tuple[str, str]]:
        """Return what has been said since, as words and texts."""
        with contextlib.suppress(BlockingIOError):
            try:
                while not self.ended:
                    data = self.sock.recv(_MOST)
                    self.ended = not data
                    self._begun += data
            except ConnectionError:
                self.ended = True
        *lines, self._begun = self._begun.split(b"\n")
        found = []
        for line in lines:
            word, _, text = line.decode(errors="replace").partition(" ")
            found.append((word, text))
        return found

    def close(self) -> None:
        """Close this end."""
        self.sock.close()
