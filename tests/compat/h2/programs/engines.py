"""One program, twice: on the `h2` of PyPI, and run by `plait.compat`."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tests.support.process import PATIENCE, run

Seen = TypeVar("Seen")

PACKAGE, EXCHANGED = "h2", "plait"
ENGINES = (PACKAGE, EXCHANGED)

# What a program prints, or answers, when it is asked for `h2.connection.H2Connection.__module__`.
MODULES = {PACKAGE: "h2.connection", EXCHANGED: "plait.compat.h2.connection"}

HERE = Path(__file__).parent


def command(engine: str, *program: str | Path) -> list[str]:
    """How Python runs `SCRIPT ARGUMENTS` or `-m MODULE ARGUMENTS` with this engine in it."""
    runner = ["-m", "plait.compat"] if engine == EXCHANGED else []
    return [sys.executable, *runner, *map(str, program)]


def environment() -> dict[str, str]:
    """Modules of this folder can be imported, and nobody's proxy is asked."""
    found = os.environ.get("PYTHONPATH")
    path = os.pathsep.join([str(HERE), *([found] if found else [])])
    return {"PYTHONPATH": path, "PYTHONUNBUFFERED": "1", "NO_PROXY": "*", "no_proxy": "*"}


def printed(engine: str, *program: str | Path, patience: float = PATIENCE) -> str:
    """What the program printed after its first line, which has to name the engine."""
    said = run(command(engine, *program), env=environment(), patience=patience)
    first, _, rest = said.partition("\n")
    assert first == MODULES[engine], said
    return rest


def same(look: Callable[[str], Seen]) -> Seen:
    """Does something with each engine, in which nobody may see a difference.

    Returns what was seen.
    """
    package, exchanged = (look(engine) for engine in ENGINES)
    assert exchanged == package, f"{exchanged!r:.3000}\nbut with the package\n{package!r:.3000}"
    return package
