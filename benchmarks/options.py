"""What the command line asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """How much to measure.

    ``quick`` makes every sample a fraction of its size, for the smoke test and for a first look;
    its figures are no results.
    """

    quick: bool = False
    only: tuple[str, ...] = ()
    write: bool = True
    instructions: bool = False

    @property
    def rounds(self) -> int:
        """How many samples of each subject, taken in turns."""
        return 2 if self.quick else 7

    def scaled(self, amount: int, least: int = 1) -> int:
        """An amount of work: all of it, or a twentieth when quick."""
        return max(least, amount // 20) if self.quick else amount
