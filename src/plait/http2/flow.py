"""Flow control: how many octets may cross (RFC 9113 §5.2, §6.9).

The receiving side is a ``ReceiveWindow``, one for the connection and one for each stream that
carries a body. Its invariant: ``available + pending + held == size``, where ``held`` octets lie
with the application and were not granted to the peer by hand meanwhile. Credit follows
*consumption*: octets move from ``held`` to ``pending`` when the application is done with them, and
from there to the peer by WINDOW_UPDATE once they are worth a frame. Octets that nobody will ever
consume (padding, streams that are gone) are consumed on arrival: a window must not leak.

Half a window is worth a frame. But an application that holds more than half would leave the rest
below that for ever, and on the connection's window the slow readers of some streams would starve
all others; so what waits is announced as well once it is no less than what the peer has left.

The sending side is a plain number, that ``overflows`` guards.
"""

from __future__ import annotations

from .constants import MAX_WINDOW

_LARGEST = MAX_WINDOW
_WORTH_A_FRAME = 4096


class ReceiveWindow:
    """What the peer may send. All figures are octets.

    :param size: the window when everything is consumed and announced.
    :ivar received: what has arrived so far.
    """

    __slots__ = ("available", "granted", "pending", "received", "size")

    def __init__(self, size: int) -> None:
        self.size = size
        self.available = size
        self.pending = 0
        # Octets that the application holds and the peer has credit for again; see ``grant``.
        self.granted = 0
        self.received = 0

    def receive(self, octets: int) -> bool:
        """Account for octets that arrived; ``False`` if the peer had no credit for them.

        None at all need no credit, even of a window that is negative (RFC 9113 §6.9.1).
        """
        self.received += octets
        self.available -= octets
        return self.available >= 0 or octets == 0

    def consume(self, octets: int) -> int:
        """Take octets back from the application.

        Returns the increment to announce now, 0 while it is not worth a frame: half a window
        keeps a sender going and costs two frames a window. With 0 octets it asks again, after
        some arrived.
        """
        if self.granted:
            given = min(octets, self.granted)
            self.granted -= given
            octets -= given
        self.pending += octets
        increment = self.pending
        if increment * 2 < self.size:
            if increment < self.available or increment < _WORTH_A_FRAME:
                return 0
        elif increment <= 0:
            return 0
        self.pending = 0
        self.available += increment
        return increment

    def held(self) -> int:
        """Return how many octets lie with the application and are not given back."""
        return max(0, self.size - self.available - self.pending)

    def grant(self, octets: int) -> int:
        """Give credit beside the application's taking back, which is not asked for these octets.

        Returns how many of them it held: the window grows by the others.
        """
        held = min(octets, self.held())
        self.available += octets
        self.size += octets - held
        self.granted += held
        return held

    def resize(self, delta: int) -> None:
        """Change the size; the credit given out may become negative (RFC 9113 §6.9.2)."""
        self.size += delta
        self.available += delta


def overflows(window: int, increment: int) -> bool:
    """Whether an increment takes a sending window beyond 2^31-1 (RFC 9113 §6.9.1)."""
    return window + increment > _LARGEST
