"""Instructions counted by valgrind: the same figure every time, whatever the machine is doing.

What one exchange costs is the difference between a run of N and a run of 2N of them, so that the
interpreter's start, the imports and the opening of the connection drop out. The same subtraction
is made function by function for a profile.
"""

from __future__ import annotations

import os
import pickle
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

from benchmarks.servers import find_program
from benchmarks.workers import ROOT

_LINE = re.compile(r"^\s*([\d,]+) (?:\([ \d.]+%\) )?\s*(\S.*?)(?: \[([^\]]*)\])?$")


def valgrind_command(command: Sequence[str], out: Path) -> list[str]:
    """The command line under callgrind, writing to `out`."""
    return [
        find_program("valgrind"),
        "--tool=callgrind",
        "--quiet",
        f"--callgrind-out-file={out}",
        *command,
    ]


def total(out: Path) -> int:
    """All instructions of a finished run."""
    found = re.search(r"^(?:summary|totals): (\d+)", out.read_text(encoding="utf-8"), re.MULTILINE)
    if found is None:
        raise RuntimeError("callgrind wrote no totals")
    return int(found[1])


def by_function(out: Path, inclusive: bool) -> Counter[str]:
    """Instructions of a finished run by function, alone or with what they call."""
    command = [
        find_program("callgrind_annotate"),
        "--auto=no",
        "--threshold=100",
        f"--inclusive={'yes' if inclusive else 'no'}",
        str(out),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: Counter[str] = Counter()
    for line in done.stdout.splitlines():
        match = _LINE.match(line)
        if match is None or ":" not in match[2]:
            continue
        function = match[2].rsplit(":", 1)[-1]
        library = Path(match[3] or "").name
        found[f"{function}  [{library}]" if library else function] += int(match[1].replace(",", ""))
    return found


def two_runs(run: Callable[[int, Path], None], amount: int, folder: Path) -> tuple[Path, Path]:
    """`run(amount, out)` and `run(2 * amount, out)`."""
    once, twice = folder / "once", folder / "twice"
    run(amount, once)
    run(2 * amount, twice)
    return once, twice


class EngineRun:
    """One engine, or a program on `h2` or its stand-in, working through reads under valgrind.

    :param work: what `benchmarks.feed` is told: responses, or a task.
    :param each: how many reads make a batch, or a task's unit.
    """

    def __init__(self, name: str, reads: list[bytes], work: str, each: int = 1) -> None:
        self._name = name
        self._reads = reads
        self._work = work
        self._each = each
        self._env = {**os.environ, "PYTHONHASHSEED": "0", "PYTHONPATH": ""}

    def __call__(self, batches: int, out: Path) -> None:
        """Feed the first batch and `batches` more."""
        with tempfile.NamedTemporaryFile(suffix=".pickle") as file:
            file.write(pickle.dumps(self._reads))
            file.flush()
            reads = str(self._each * (1 + batches))
            command = [sys.executable, "-m", "benchmarks.feed"]
            command += [self._name, file.name, reads, self._work]
            subprocess.run(
                valgrind_command(command, out),
                cwd=ROOT,
                env=self._env,
                check=True,
                stdout=subprocess.DEVNULL,
            )
