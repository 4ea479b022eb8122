"""How `plait.compat.h2` and h2 differ: every class of difference, by name.

`docs/h2.md` has the same table, in its section "Differences from h2". What differs and falls into
no class is a mistake, of one of the two or of the tests.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .world import Outcome, Step, World


@dataclass
class Divergence:
    """One step, and what came of it in either world. Entries change `h2` and `ours` to be alike."""

    step: Step
    real: World
    here: World
    h2: Outcome
    ours: Outcome
    before: dict[int, object]
    """The states of h2's streams before the step."""

    @property
    def client(self) -> bool:
        return self.real.client

    @property
    def unlike(self) -> list[str]:
        return self.h2.unlike(self.ours)

    @property
    def is_hidden(self) -> bool:
        """Whether a call failed in both, and h2 has changed something where nobody sees it."""
        if self.h2.error is None or self.step.octets:
            return False
        streams = self.real.connection.streams
        after = {at: dict(vars(stream.state_machine)) for at, stream in streams.items()}
        return after != self.before

    @property
    def frame_type(self) -> int:
        """The type of the (first) frame that arrived; -1 if none did."""
        octets = self.step.octets
        if octets.startswith(b"PRI * "):
            octets = octets[24:]
        return octets[3] if len(octets) >= 9 else -1


Excuse = Callable[[Divergence], bool]


@dataclass(frozen=True)
class Difference:
    """A class of differences.

    :ivar slug: its name.
    :ivar h2: what h2 does.
    :ivar ours: what happens here.
    :ivar reason: why.
    :ivar excuses: whether a divergence is of this class. One that puts the same in other words
        removes from the divergence what it excuses.
    :ivar parts: after it, both are in different states.
    """

    slug: str
    h2: str
    ours: str
    reason: str
    excuses: Excuse
    parts: bool


DIFFERENCES: list[Difference] = []
