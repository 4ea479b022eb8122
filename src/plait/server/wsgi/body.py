"""``wsgi.input``: a request's body, as it arrives."""

from __future__ import annotations

import io
import threading
from collections import deque
from collections.abc import Callable
from typing import Any


class ClientDisconnected(ConnectionError):
    """The client went away while the application was reading its request or answering it."""


class RequestBody(io.RawIOBase):
    """The raw file below ``wsgi.input``; ``io.BufferedReader`` makes lines and sizes of it.

    The event loop puts octets in, the application's thread takes them, and waits where there are
    none. How much may be in between is what the client has credit for.

    :param changed: guards what both threads use.
    :param taken: called when octets were taken and ``settle`` was not called since, and when all
        were taken for which the client had credit before.
    :param awaited: called before the application waits for octets for the first time.
    :ivar received: octets that have arrived.
    :ivar ended: the request is complete.
    :ivar paid: octets that wait, and for which the client has credit already.
    """

    def __init__(
        self,
        changed: threading.Condition,
        taken: Callable[[], None],
        awaited: Callable[[], None] | None,
    ) -> None:
        super().__init__()
        self._changed = changed
        self._taken = taken
        self._awaited = awaited
        self._chunks: deque[bytes] = deque()
        self._at = 0
        self._owed = 0
        self._gone = False
        self.received = 0
        self.ended = False
        self.paid = 0

    # --- the event loop's side ------------------------------------------------------------------

    def feed(self, data: bytes, paid: bool = False) -> None:
        """Some of the body has arrived.

        :param paid: whether the client has credit for it already.
        """
        with self._changed:
            self._chunks.append(data)
            self.received += len(data)
            if paid:
                self.paid += len(data)
            self._changed.notify_all()

    def feed_end(self) -> None:
        """The body is complete."""
        with self._changed:
            self.ended = True
            self._changed.notify_all()

    def feed_loss(self) -> None:
        """There will be no more."""
        with self._changed:
            self._gone = True
            self._changed.notify_all()

    def settle(self) -> int:
        """Return for how many octets that were taken the client has no credit yet, but now will."""
        with self._changed:
            owed, self._owed = self._owed, 0
        return owed

    def drop(self) -> int:
        """Forget what was not read; return what ``settle`` does, and how many octets that were."""
        with self._changed:
            left = sum(map(len, self._chunks)) - self._at - self.paid
            self._chunks.clear()
            self._at = self.paid = 0
            owed, self._owed = self._owed, 0
        return owed + left

    # --- the application's side -----------------------------------------------------------------

    def readable(self) -> bool:
        """Return ``True``."""
        return True

    def readinto(self, buffer: Any, /) -> int:
        """Take what is there, and wait only where there is nothing.

        :raises ClientDisconnected: if the client went away before it had sent everything.
        """
        room = memoryview(buffer).cast("B")
        with self._changed:
            if not len(room) or not self._wait():
                return 0
            filled = 0
            while self._chunks and filled < len(room):
                part = self._next(len(room) - filled)
                room[filled : filled + len(part)] = part
                filled += len(part)
            first = self._owe(filled)
        if first:
            self._taken()
        return filled

    def readall(self) -> bytes:
        """Take everything up to the end.

        :raises ClientDisconnected: if the client went away before it had sent everything.
        """
        parts: list[bytes] = []
        while True:
            with self._changed:
                if not self._wait():
                    return b"".join(parts)
                before = len(parts)
                while self._chunks:
                    parts.append(self._next(len(self._chunks[0])))
                first = self._owe(sum(map(len, parts[before:])))
            if first:
                self._taken()

    def _wait(self) -> bool:
        """Wait for octets; ``False`` at the end."""
        while not self._chunks:
            if self.ended:
                return False
            if self._gone:
                raise ClientDisconnected("the client went away, or the request is over")
            if self._awaited is not None:
                self._awaited()
                self._awaited = None
            self._changed.wait()
        return True

    def _next(self, most: int) -> bytes:
        """Take octets of the first chunk."""
        chunk = self._chunks[0]
        end = self._at + most
        if end < len(chunk):
            part = chunk[self._at : end]
            self._at = end
            return part
        self._chunks.popleft()
        part = chunk[self._at :]
        self._at = 0
        return part

    def _owe(self, octets: int) -> bool:
        """Note that octets were taken; whether the event loop must be told."""
        paid = min(octets, self.paid)
        self.paid -= paid
        told = paid > 0 and not self.paid
        if octets > paid:
            told = told or not self._owed
            self._owed += octets - paid
        return told
