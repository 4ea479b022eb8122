"""How soon a hinted drawing is asked for: before its page was sent, or because of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Hint:
    """What became of one hint.

    Attributes:
        sent: when it went out, in seconds of the clock.
        waited: seconds until what it names was first asked for.
        requests: how often that was asked for.
    """

    sent: float
    waited: float = 0.0
    requests: int = 0


class Hints:
    """The latest `most` hints.

    Only the server can tell what a hint won: to a browser's script a resource that a hint
    brought looks as if it came at the moment the page took it from the cache.
    """

    def __init__(self, clock: Callable[[], float], most: int = 1_000) -> None:
        """`clock` gives seconds."""
        self._clock = clock
        self._most = most
        self._hints: dict[str, Hint] = {}

    def sent(self, address: str) -> None:
        """A hint that names this address goes out now."""
        self._hints[address] = Hint(self._clock())
        if len(self._hints) > self._most:
            del self._hints[next(iter(self._hints))]

    def asked(self, address: str) -> Hint | None:
        """The address is asked for now; None when it was not hinted, or long ago."""
        hint = self._hints.get(address)
        if hint is None:
            return None
        hint.requests += 1
        if hint.requests == 1:
            hint.waited = self._clock() - hint.sent
        return hint
