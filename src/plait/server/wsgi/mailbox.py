"""From the threads to the event loop: calls are collected, and one wake-up serves them all.

To wake a loop costs a system call. While one is under way no other is made: whoever finds
``_woken`` set has appended its call before the loop clears it, and the loop looks afterwards.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol


class Receiver(Protocol):
    """Whose calls they are."""

    def deliver(self) -> None:
        """Hand over what the other thread has left."""

    def undeliverable(self, error: Exception) -> None:
        """A call raised."""


_Call = tuple[Receiver, Callable[..., object], tuple[Any, ...]]


class Mailbox:
    """Calls to be made in the thread of an event loop."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self._calls: deque[Receiver | _Call] = deque()
        self._woken = False

    def post(
        self, receiver: Receiver, function: Callable[..., object], arguments: tuple[Any, ...]
    ) -> None:
        """Have a function called in the loop's thread, after those that were posted before."""
        self._calls.append((receiver, function, arguments))
        if not self._woken:
            self._wake()

    def post_answer(self, receiver: Receiver) -> None:
        """Have ``receiver.deliver`` called likewise: most requests need no more."""
        self._calls.append(receiver)
        if not self._woken:
            self._wake()

    def _wake(self) -> None:
        """Let the loop know."""
        self._woken = True
        try:
            self.loop.call_soon_threadsafe(self._empty)
        except RuntimeError:
            # The loop is closed: there is nobody left whom the calls could concern.
            self._calls.clear()

    def _empty(self) -> None:
        """Make the calls that are there; those that come meanwhile wait for another turn."""
        self._woken = False
        calls = self._calls
        for _ in range(len(calls)):
            call = calls.popleft()
            try:
                if isinstance(call, tuple):
                    call[1](*call[2])
                else:
                    call.deliver()
            except Exception as error:  # noqa: BLE001 - the other calls must be made
                (call[0] if isinstance(call, tuple) else call).undeliverable(error)
        if calls and not self._woken:
            self._woken = True
            self.loop.call_soon(self._empty)
