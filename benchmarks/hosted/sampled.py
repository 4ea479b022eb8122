"""A sampling profiler that tells how much of a program's CPU time its HTTP/2 engine takes.

A timer interrupts the program two thousand times a second. Each time the whole stack is looked
through for the files of an engine, so that what an engine calls counts as its own, and the CPU
time of the process since the last interruption is put down to the engine or to the program: what
is idle costs nobody anything. Nothing is traced: the program runs at its usual speed, where
cProfile would charge for every call. (A timer of CPU time would do without the second clock, but
kernels round that to their ticks.)

``python -m benchmarks.hosted.sampled OUT MODULE ARGS`` runs a module so; SIGUSR1 starts a new
account, SIGUSR2 closes it and writes it to OUT.
"""

from __future__ import annotations

import json
import runpy
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import FrameType
from typing import Any

#: Seconds; no round number, so that it does not fall into step with the program.
_INTERVAL = 0.000_47

#: What makes up python-hyper's engine, and the folders of plait's.
_HYPER = ("h2", "hpack", "hyperframe")
_PLAIT = ("http2", "hpack", "h2")


def engine_of(file: str) -> str:
    """Which engine a file belongs to: "h2", "plait", or "" for the program's own."""
    *folders, _ = Path(file).parts
    while "site-packages" in folders:
        folders = folders[folders.index("site-packages") + 1 :]
        if folders and folders[0] in _HYPER:
            return "h2"
    if "plait" in folders and folders[-1] in _PLAIT:
        return "plait"
    return ""


class Sampler:
    """Puts CPU nanoseconds down to an engine, or to the program's own part, ""."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._last = 0
        self._engines: dict[str, str] = {}
        signal.signal(signal.SIGALRM, self._sample)

    def start(self) -> None:
        """Begin a new account."""
        self.spent.clear()
        self._last = time.process_time_ns()
        signal.setitimer(signal.ITIMER_REAL, _INTERVAL, _INTERVAL)

    def stop(self) -> dict[str, int]:
        """Close it; nanoseconds by engine."""
        signal.setitimer(signal.ITIMER_REAL, 0)
        return dict(self.spent)

    def _sample(self, _number: int, frame: FrameType | None) -> None:
        now = time.process_time_ns()
        self.spent[self._engine(frame)] += now - self._last
        self._last = now

    def _engine(self, frame: FrameType | None) -> str:
        """The innermost engine on a stack."""
        known = self._engines
        while frame is not None:
            file = frame.f_code.co_filename
            engine = known.get(file)
            if engine is None:
                engine = known[file] = engine_of(file)
            if engine:
                return engine
            frame = frame.f_back
        return ""


def main(out: str, module: str, *arguments: str) -> None:
    """Run a module under the sampler."""
    sampler = Sampler()

    def begin(*_: Any) -> None:
        sampler.start()

    def end(*_: Any) -> None:
        unfinished = Path(f"{out}.new")
        unfinished.write_text(json.dumps(sampler.stop()), encoding="ascii")
        unfinished.replace(out)

    signal.signal(signal.SIGUSR1, begin)
    signal.signal(signal.SIGUSR2, end)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
