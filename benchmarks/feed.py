"""An engine fed from a file, once, to be run under valgrind: ``... feed ENGINE FILE ANSWERS``."""

from __future__ import annotations

import pickle
import sys
from pathlib import Path

from benchmarks.engines import ENGINES, Engine
from benchmarks.traffic import RESPONSES


def main(name: str, file: str, answers: str) -> None:
    """Answer all that the file asks for."""
    reads = pickle.loads(Path(file).read_bytes())
    engine: Engine = ENGINES[name]()
    engine.open()
    engine.serve(reads, RESPONSES[answers])


if __name__ == "__main__":
    main(*sys.argv[1:])
