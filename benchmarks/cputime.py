"""CPU time to the nanosecond, of this process or another, and rounds taken in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

Sample = Callable[[], float]


def process_clock(pid: int) -> int:
    """The id of the clock that counts a process's CPU time, all its threads, in nanoseconds.

    It is what ``clock_getcpuclockid(3)`` computes on Linux; `/proc/PID/stat` ticks at 10 ms.
    """
    return (~pid << 3) | 2


def cpu_ns(pid: int) -> int:
    """User and system time a process has used so far, in nanoseconds."""
    return time.clock_gettime_ns(process_clock(pid))


def family(pid: int) -> list[int]:
    """A process and all that have come of it, such as workers, as far as they live."""
    found = [pid]
    with suppress(OSError):
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            for child in children.read_text(encoding="ascii").split():
                found += family(int(child))
    return found


def in_turns(samples: Mapping[str, Sample], rounds: int) -> dict[str, list[float]]:
    """Take `rounds` samples of each, A B C A B C, so that a slow spell of the machine hits all."""
    found: dict[str, list[float]] = {name: [] for name in samples}
    for _ in range(rounds):
        for name, sample in samples.items():
            found[name].append(sample())
    return found


def median_ratio(mine: list[float], theirs: list[float]) -> float:
    """The median of the rounds' ratios."""
    return statistics.median(a / b for a, b in zip(mine, theirs, strict=True))
