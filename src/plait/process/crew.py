"""The workers of a supervisor: who they are, how far they have come, who is to go.

Nothing here makes or ends a process: what is to be done is told by what these functions return, and
the supervisor does it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .channel import Channel

STARTING = "starting"
READY = "ready"
DRAINING = "draining"

# A worker that does not live for so many seconds died at once.
_AT_ONCE = 5.0
_LONGEST_PAUSE = 30.0


@dataclass(slots=True)
class Member:
    """A worker, as the supervisor knows it.

    :ivar number: one that no other living worker has; small, as those of the dead are used again.
    :ivar generation: of the code that it has imported.
    :ivar born: when it was started.
    :ivar retiring: it serves until another has taken its place.
    :ivar deadline: when it is killed if it has not ended; ``None`` while it may go on.
    :ivar failure: why it could not begin, in its own words.
    """

    pid: int
    number: int
    channel: Channel
    generation: int
    born: float
    phase: str = STARTING
    retiring: bool = False
    deadline: float | None = None
    failure: str = ""


@dataclass(slots=True)
class Crew:
    """All workers of a supervisor.

    :ivar wanted: how many are to serve.
    :ivar generation: the one that serves.
    :ivar coming: the one that is to take its place when all of it are ready; ``None`` if none is.
    :ivar not_before: when another worker may be started.
    """

    wanted: int
    members: dict[int, Member] = field(default_factory=dict)
    generation: int = 1
    coming: int | None = None
    not_before: float = 0.0
    was_ready: bool = False
    _latest: int = 1
    _failures: int = 0

    def of(self, generation: int, *phases: str) -> list[Member]:
        """Return the workers of a generation that are in one of the phases, oldest first."""
        return [
            member
            for member in self.members.values()
            if member.generation == generation and member.phase in phases
        ]

    def free_number(self) -> int:
        """Return the smallest number that no worker has."""
        taken = {member.number for member in self.members.values()}
        return next(number for number in range(1, len(taken) + 2) if number not in taken)

    def missing(self, generation: int) -> int:
        """Return how many workers are to be started for a generation."""
        there = [m for m in self.of(generation, STARTING, READY) if not m.retiring]
        return max(0, self.wanted - len(there))

    def superfluous(self) -> list[Member]:
        """Return the workers of the generation that serves which are not needed any more.

        One that retires goes when there are enough without it.
        """
        serving = self.of(self.generation, READY)
        steady = [member for member in serving if not member.retiring]
        retiring = [member for member in serving if member.retiring]
        too_many = max(0, len(steady) - self.wanted)
        replaced = min(len(retiring), max(0, len(steady) + len(retiring) - self.wanted))
        starting = self.of(self.generation, STARTING)
        unneeded = min(len(starting), max(0, len(steady) + len(starting) - self.wanted))
        return (
            retiring[:replaced]
            + steady[len(steady) - too_many :]
            + starting[-1 : -1 - unneeded : -1]
        )

    def begin_generation(self) -> list[Member]:
        """Another generation is to come; return those of one that was coming already."""
        given_up = self.abandon()
        self._latest += 1
        self.coming = self._latest
        return given_up

    def abandon(self) -> list[Member]:
        """No other generation comes; return those that were coming."""
        if self.coming is None:
            return []
        given_up = self.of(self.coming, STARTING, READY)
        self.coming = None
        return given_up

    def take_over(self) -> list[Member] | None:
        """If the generation that comes is complete, it serves; return those that are to go."""
        if self.coming is None or len(self.of(self.coming, READY)) < self.wanted:
            return None
        leaving = self.of(self.generation, STARTING, READY)
        self.generation = self.coming
        self.coming = None
        self._failures = 0
        self.not_before = 0.0
        return leaving

    def ready(self, member: Member) -> None:
        """A worker serves."""
        if member.phase == STARTING:
            member.phase = READY
            self.was_ready = True

    def lost(self, member: Member, now: float) -> None:
        """A worker has died that was not told to; wait before the next one if that goes on."""
        at_once = member.phase == STARTING or now - member.born < _AT_ONCE
        self._failures = self._failures + 1 if at_once else 0
        pause = 0.0
        # The first one that dies while it serves is replaced at once.
        counted = self._failures if member.phase == STARTING else self._failures - 1
        if counted > 0:
            pause = min(_LONGEST_PAUSE, 0.5 * 2 ** (counted - 1))
        self.not_before = now + pause
