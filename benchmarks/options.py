"""What the command line asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Options:
    """How much to measure.

    ``quick`` makes every sample a fraction of its size, for the smoke test and for a first look;
    its figures are no results. ``only`` has names of suites, or of a suite's parts: ``hosts.echo``.
    ``output`` is the file for the table; ``pythons`` are interpreters with a plait each, on which
    one work is compared.
    """

    quick: bool = False
    only: tuple[str, ...] = ()
    output: Path | None = None
    instructions: bool = False
    million: bool = False
    pythons: tuple[str, ...] = ()

    @property
    def rounds(self) -> int:
        """How many samples of each subject, taken in turns."""
        return 2 if self.quick else 7

    def scaled(self, amount: int, least: int = 1) -> int:
        """An amount of work: all of it, or a twentieth when quick."""
        return max(least, amount // 20) if self.quick else amount

    def wants(self, suite: str) -> bool:
        """Whether a suite is to run, or a part of it."""
        return not self.only or any(name.split(".")[0] == suite for name in self.only)

    def parts(self, suite: str) -> tuple[str, ...]:
        """The parts of a suite that were asked for; none if it is to run whole."""
        if suite in self.only:
            return ()
        return tuple(name.split(".")[1] for name in self.only if name.startswith(f"{suite}."))
