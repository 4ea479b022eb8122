"""How much of a program's CPU time its HTTP/2 engine takes: a clock around every call of it.

Programs use the engine through the methods and properties of one class, ``H2Connection``. While
an account is open each of these is replaced by one that reads the thread's CPU clock before and
after; calls that the engine makes of itself count with the outermost. What the clock itself costs
was measured beforehand and is taken off again.

Neither kind of profiler would do. cProfile charges for every function, and an engine in pure
Python consists of functions. One that samples stacks by a signal is wrong in a program of
coroutines: Python looks for signals where a function begins, not where one goes on after an
``await``, so what the event loop and the kernel took is put down to the next function that is
called, often the engine's.

``python -m benchmarks.hosted.clocked OUT MODULE ARGS`` runs a module so; SIGUSR1 opens an account,
SIGUSR2 closes it and writes it to OUT.
"""

from __future__ import annotations

import json
import runpy
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

_TRIALS = 20_000


class Clock:
    """Clocks the methods and properties of a class while an account is open."""

    def __init__(self) -> None:
        self._spent = 0
        self._calls = 0
        self._inside = False
        self._replaced: dict[str, Any] = {}
        self._class: type | None = None
        self._opened = 0

    def open(self, connection: type | None = None) -> None:
        """Begin; the class is the ``H2Connection`` that the program has imported."""
        if connection is None:
            connection = sys.modules["h2.connection"].H2Connection
        self._class = connection
        self._within, self._around = self._own_costs()
        for name, given in list(vars(connection).items()):
            ready = None if name.startswith("_") else self._clocked_member(given)
            if ready is not None:
                self._replaced[name] = given
                setattr(connection, name, ready)
        self._spent = self._calls = 0
        self._opened = time.process_time_ns()

    def close(self) -> dict[str, Any]:
        """End; the engine's share of the program's time, and whose engine it was."""
        whole = time.process_time_ns() - self._opened
        assert self._class is not None
        for name, given in self._replaced.items():
            setattr(self._class, name, given)
        self._replaced.clear()
        mine = self._spent - self._calls * self._within
        share = mine / (whole - self._calls * self._around)
        return {"engine": self._class.__module__, "share": share, "calls": self._calls}

    def _own_costs(self) -> tuple[float, float]:
        """What a clocked call costs that does nothing: between the readings, and in all."""
        work = self._clocked(len)
        self._spent = 0
        start = time.thread_time_ns()
        for _ in range(_TRIALS):
            work(())
        clocked = time.thread_time_ns() - start
        start = time.thread_time_ns()
        for _ in range(_TRIALS):
            len(())
        bare = time.thread_time_ns() - start
        return max(0, self._spent - bare) / _TRIALS, max(0, clocked - bare) / _TRIALS

    def _clocked_member(self, given: Any) -> Any:
        """A method or property with a clock; None for anything else."""
        if isinstance(given, property):
            getter, setter = given.fget, given.fset
            return property(getter and self._clocked(getter), setter and self._clocked(setter))
        return self._clocked(given) if callable(given) else None

    def _clocked(self, call: Callable[..., Any]) -> Callable[..., Any]:
        now = time.thread_time_ns

        def clocked(*args: Any, **named: Any) -> Any:
            if self._inside:
                return call(*args, **named)
            self._inside = True
            start = now()
            try:
                return call(*args, **named)
            finally:
                self._spent += now() - start
                self._calls += 1
                self._inside = False

        return clocked


def main(out: str, module: str, *arguments: str) -> None:
    """Run a module with a clock at hand."""
    clock = Clock()

    def begin(*_: Any) -> None:
        clock.open()

    def end(*_: Any) -> None:
        unfinished = Path(f"{out}.new")
        unfinished.write_text(json.dumps(clock.close()), encoding="ascii")
        unfinished.replace(out)

    signal.signal(signal.SIGUSR1, begin)
    signal.signal(signal.SIGUSR2, end)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
