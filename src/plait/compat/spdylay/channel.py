"""A connected socket, in clear text or over TLS, that keeps nobody waiting longer than was said.

The socket never blocks; ``wait`` does, until there is something to do, until time is up, or until
the server wants to end: that is what the ``StopSignal`` is for, one of which wakes all threads.
"""

from __future__ import annotations

import contextlib
import selectors
import socket
import ssl
import time

READ_OCTETS = 65_536
"""Octets taken from the socket at once. More than a record of TLS (16 KiB), so that nothing is left
inside OpenSSL, where no selector sees it."""

LONGEST_WAIT = 3600.0
"""Seconds; who has no limit of time looks again after them. Selectors know no infinity."""

_READ, _WRITE = selectors.EVENT_READ, selectors.EVENT_WRITE
_AGAIN = (BlockingIOError, InterruptedError)

# A poll object needs no file descriptor of its own; not every system has it.
_Selector: type[selectors.BaseSelector] = getattr(
    selectors, "PollSelector", selectors.SelectSelector
)


class StopSignal:
    """Tells the threads of a server to come to an end, wherever they wait.

    :ivar deadline: when it is too late to finish anything (``time.monotonic``).
    """

    def __init__(self) -> None:
        self.deadline = float("inf")
        self._is_set = False
        self._reader, self._writer = socket.socketpair()
        self._reader.setblocking(False)

    def fileno(self) -> int:
        """Return a descriptor that is readable while the signal is set."""
        return self._reader.fileno()

    def is_set(self) -> bool:
        """Whether the server wants to end."""
        return self._is_set

    def set(self, deadline: float) -> None:
        """Wake everybody up; of several deadlines the first one counts."""
        self.deadline = min(self.deadline, deadline)
        if not self._is_set:
            self._is_set = True
            self._writer.send(b"!")

    def clear(self) -> None:
        """Begin anew."""
        self.deadline = float("inf")
        if self._is_set:
            self._is_set = False
            self._reader.recv(1)

    def close(self) -> None:
        """Give the descriptors back."""
        self._reader.close()
        self._writer.close()


class Channel:
    """One connection's socket, its selector, and what waits to be sent.

    :param sock: a connected socket; one of TLS may still be before its handshake.
    :param stop: what ends a wait early.
    :ivar outgoing: octets that the socket has not taken yet.
    """

    def __init__(self, sock: socket.socket, stop: StopSignal) -> None:
        self.outgoing = bytearray()
        self._sock = sock
        self._tls = sock if isinstance(sock, ssl.SSLSocket) else None
        # Over TLS, reading may have to wait for the socket to take octets, and the reverse.
        self._read_needs = _READ
        self._write_needs = _WRITE
        self._stop = stop
        self._stop_seen = False
        self._events = _READ
        sock.setblocking(False)
        with contextlib.suppress(OSError):  # not every kind of socket has it
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._selector = _Selector()
        self._selector.register(sock, _READ)
        self._selector.register(stop, _READ)

    # --- waiting --------------------------------------------------------------------------------

    def wait(self, timeout: float, *, reading: bool, writing: bool) -> bool:
        """Wait for the socket, at most so many seconds; return whether the server wants to end.

        That is told once. Afterwards only the socket and the time count.
        """
        return self._wait(
            timeout, (self._read_needs if reading else 0) | (self._write_needs if writing else 0)
        )

    def _wait(self, timeout: float, events: int) -> bool:
        """Wait for these events of the socket."""
        if events != self._events:
            self._selector.modify(self._sock, events)
            self._events = events
        ready = self._selector.select(min(max(0.0, timeout), LONGEST_WAIT))
        if self._stop_seen or all(key.fileobj is not self._stop for key, _ in ready):
            return False
        self._stop_seen = True
        self._selector.unregister(self._stop)
        return True

    # --- octets ---------------------------------------------------------------------------------

    def read(self) -> bytes | None:
        """Return what has come: ``None`` for nothing yet, no octets at the end.

        :raises OSError: if the connection is lost.
        """
        self._read_needs = _READ
        try:
            return self._sock.recv(READ_OCTETS)
        except ssl.SSLWantWriteError:
            self._read_needs = _WRITE
        except (ssl.SSLWantReadError, *_AGAIN):
            pass
        return None

    def flush(self) -> int:
        """Send what the socket takes of ``outgoing``; return the number of octets.

        :raises OSError: if the connection is lost.
        """
        self._write_needs = _WRITE
        if not self.outgoing:
            return 0
        try:
            taken = self._sock.send(self.outgoing)
        except ssl.SSLWantReadError:
            self._write_needs = _READ
            return 0
        except (ssl.SSLWantWriteError, *_AGAIN):
            return 0
        del self.outgoing[:taken]
        return taken

    # --- beginning and end ----------------------------------------------------------------------

    def handshake(self, timeout: float) -> bool:
        """Shake hands, over TLS; return whether it was done before the server wanted to end.

        :param timeout: seconds for all of it.
        :raises TimeoutError: if that was not enough.
        :raises OSError: if it failed, ``ssl.SSLError`` among others.
        """
        deadline = time.monotonic() + timeout
        while self._tls is not None:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                events = _READ
            except ssl.SSLWantWriteError:
                events = _WRITE
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError(f"no TLS handshake within {timeout} s")
            if self._wait(left, events):
                return False
        return True

    def linger(self, deadline: float, patience: float) -> None:
        """Announce the end, and throw away what the peer still sends until it closes too.

        Octets that come after ``close`` are answered with a reset by the system, which destroys
        what the peer has not read yet.

        :param deadline: when to close at the latest (``time.monotonic``).
        :param patience: seconds to wait for each further octet.
        """
        try:
            if self._tls is not None:
                with contextlib.suppress(ssl.SSLWantReadError, ssl.SSLWantWriteError):
                    self._tls.unwrap()  # says goodbye; the peer's own comes, if ever, later
            self._sock.shutdown(socket.SHUT_WR)  # from here on there is no TLS on the socket
            while True:
                left = min(deadline, self._stop.deadline) - time.monotonic()
                if left <= 0:
                    return
                woken = self._wait(min(left, patience), _READ)
                if not woken and self._sock.recv(READ_OCTETS) == b"":
                    return
        except OSError:  # BlockingIOError: time is up; anything else: the peer is gone
            return

    def close(self) -> None:
        """Give the selector back; the socket belongs to the server."""
        self._selector.close()
