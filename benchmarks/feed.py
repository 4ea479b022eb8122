"""An engine fed from a file, to be run under valgrind: ``... feed ENGINE FILE READS ANSWERS``.

Or a program written for `h2`: ``... feed PACKAGE FILE READS TASK``, the package `h2` or what
stands for it, the task one of `benchmarks.facade`. READS says how many of the file's are fed; all
are loaded, so that loading costs the same.
"""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

from benchmarks.engines import ENGINES, Engine
from benchmarks.facade import TASKS
from benchmarks.h2_programs import PROGRAMS, Api
from benchmarks.traffic import RESPONSES


def main(name: str, file: str, count: str, work: str) -> None:
    """Answer all that is asked for."""
    reads = pickle.loads(Path(file).read_bytes())[: int(count)]
    if work in TASKS:
        task = TASKS[work]
        make = PROGRAMS[task.program]
        make(Api(name), task.encoding, task.fields, task.exchanges).run(reads)
        return
    engine: Engine = ENGINES[name]()
    engine.open()
    engine.serve(reads, RESPONSES[work])


if __name__ == "__main__":
    main(*sys.argv[1:])
