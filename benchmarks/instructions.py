"""The suite behind ``--instructions``: instructions per small exchange, free of noise."""

from __future__ import annotations

import tempfile
from pathlib import Path

from benchmarks.callgrind import EngineRun, total, two_runs
from benchmarks.engine import BATCH
from benchmarks.options import Options
from benchmarks.report import Report, Row
from benchmarks.servers import find_program
from benchmarks.traffic import FIELD_LISTS, small_requests
from benchmarks.workers import COMPILED, Missing, installed_name

SECTION = "Engine alone, instructions"


def per_exchange(engine: str, reads: list[bytes], work: str) -> float:
    """Instructions per exchange by the difference of two runs."""
    batches = (len(reads) - 1) // 2
    with tempfile.TemporaryDirectory() as folder:
        once, twice = two_runs(EngineRun(engine, reads, work), batches, Path(folder))
        return (total(twice) - total(once)) / (batches * BATCH)


def instructions(report: Report, options: Options) -> None:
    """plait as it is installed, and ngh2."""
    try:
        find_program("valgrind")
    except Missing as missing:
        report.skip("instructions", str(missing))
        return
    if installed_name() != COMPILED:
        report.skip("instructions", "the compiled plait is not installed")
        return
    for name in FIELD_LISTS:
        reads = small_requests(name, 1 + 2 * options.scaled(100))
        mine, theirs = (per_exchange(engine, reads, name) for engine in ("plait", "ngh2"))
        report.add(
            SECTION,
            Row(
                work=f"small exchange, {name} request",
                subject=COMPILED,
                value=mine,
                unit="instructions",
                peer="ngh2",
                peer_value=theirs,
                ratio=mine / theirs,
                goal=0.4 if name == "h2load" else None,
            ),
        )
    reads = small_requests("h2load", 1 + 2 * options.scaled(100))
    through, directly = (
        per_exchange(name, reads, work)
        for name, work in (("plait.compat.h2", "exchange"), ("plait", "h2load"))
    )
    report.add(
        SECTION,
        Row(
            work="the same by h2's names",
            subject="plait.compat.h2",
            value=through,
            unit="instructions",
            peer=COMPILED,
            peer_value=directly,
            ratio=through / directly,
        ),
    )
    report.remark(SECTION, "Counted by valgrind's callgrind, as the difference of two runs.")
