"""One end of a SPDY connection on a socket: the loop that the clients and servers here share."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable

from tests.support.process import PATIENCE


class Wire:
    """Moves octets between a socket and an engine, in the thread that calls `run`."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        self.sock = sock
        self.at_end = False

    def feed(self, data: bytes) -> None:
        """Has the engine take what arrived."""
        raise NotImplementedError

    def flush(self) -> bool:
        """Sends what the engine has, as far as the socket takes it; whether something is left."""
        raise NotImplementedError

    def send(self, data: bytes | memoryview) -> int:
        """Sends some of it; 0 when the socket takes nothing now."""
        try:
            return self.sock.send(data)
        except BlockingIOError:
            return 0
        except OSError:  # the peer is gone; the next read says so
            return len(data)

    def run(self, until: Callable[[], bool]) -> None:
        """Sends and receives until `until()` or the end of the connection.

        Raises:
            AssertionError: nothing happened for long.
        """
        while not until() and not self.at_end:
            waiting = [self.sock] if self.flush() else []
            if until():
                return
            readable, writable, _ = select.select([self.sock], waiting, [], PATIENCE)
            assert readable or writable, f"nothing for {PATIENCE:g} s"
            if readable:
                self.receive()

    def receive(self) -> None:
        try:
            data = self.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if data:
            self.feed(data)
        else:
            self.at_end = True

    def close(self) -> None:
        self.sock.close()
