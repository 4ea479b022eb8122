"""How soon a hinted drawing is asked for: before its page was sent, or because of it."""

from __future__ import annotations

from collections.abc import Callable


class Hints:
    """When each hint was sent, for the latest `most` of them.

    Only the server can tell: to a browser's script a resource that a hint brought looks as
    if it came at the moment the page took it from the cache.
    """

    def __init__(self, clock: Callable[[], float], most: int = 1_000) -> None:
        """`clock` gives seconds."""
        self._clock = clock
        self._most = most
        self._sent: dict[str, float] = {}

    def sent(self, address: str) -> None:
        """A hint that names this address goes out now."""
        self._sent[address] = self._clock()
        if len(self._sent) > self._most:
            del self._sent[next(iter(self._sent))]

    def since(self, address: str) -> float | None:
        """Seconds since the hint; None when there was none, or long ago."""
        then = self._sent.get(address)
        return None if then is None else self._clock() - then
