"""``python -m benchmarks``: measure, print the table, write RESULTS.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from benchmarks.bodies import bodies
from benchmarks.engine import engine
from benchmarks.facade import TASKS, facade
from benchmarks.hosts import PARTS, hosts
from benchmarks.hpack import hpack
from benchmarks.instructions import instructions
from benchmarks.machine import describe_machine, describe_versions
from benchmarks.memory import memory
from benchmarks.options import Options
from benchmarks.programs import PROGRAM_PARTS, programs
from benchmarks.report import Report, as_markdown, as_text
from benchmarks.server import server
from benchmarks.spdy import spdy
from benchmarks.streams import streams

RESULTS = Path(__file__).with_name("RESULTS.md")

SUITES: dict[str, Callable[[Report, Options], None]] = {
    "engine": engine,
    "hpack": hpack,
    "server": server,
    "bodies": bodies,
    "memory": memory,
    "streams": streams,
    "spdy": spdy,
    "facade": facade,
    "programs": programs,
    "hosts": hosts,
}

_COUNTED: dict[str, Callable[[Report, Options], None]] = {"instructions": instructions}


class _Parser(argparse.ArgumentParser):
    """Answers a wrong option in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name for name in text.split(",") if name)


def parse(arguments: Sequence[str]) -> Options:
    """The command line as options; exits with status 2 where it makes no sense."""
    parser = _Parser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a twentieth of the work; no results")
    parser.add_argument(
        "--only",
        default="",
        metavar="NAME,...",
        help=f"of {', '.join(SUITES)}; all by default. Of some also parts: hosts.echo",
    )
    written = parser.add_mutually_exclusive_group()
    written.add_argument("--no-write", action="store_true", help="leave RESULTS.md as it is")
    written.add_argument("--output", type=Path, metavar="FILE", help="write this, not RESULTS.md")
    parser.add_argument(
        "--million", action="store_true", help="also a million requests to plait's hosts"
    )
    parser.add_argument(
        "--pythons",
        default="",
        metavar="PATH,...",
        help="interpreters with a compiled plait, on all of which the ASGI hello is measured",
    )
    parser.add_argument(
        "--instructions", action="store_true", help="count instructions under valgrind as well"
    )
    found = parser.parse_args(arguments)
    parts = {"facade": TASKS, "programs": PROGRAM_PARTS, "hosts": PARTS}
    known = (*SUITES, *(f"{suite}.{part}" for suite in parts for part in parts[suite]))
    only = _names(found.only)
    for name in only:
        if name not in known:
            parser.error(f"no suite {name!r}; there are {', '.join(known)}")
    return Options(
        quick=found.quick,
        only=only,
        output=None if found.no_write else found.output or RESULTS,
        instructions=found.instructions,
        million=found.million,
        pythons=_names(found.pythons),
    )


def main(arguments: Sequence[str]) -> int:
    """Run the suites in order."""
    options = parse(arguments)
    report = Report()
    suites = SUITES | _COUNTED if options.instructions else SUITES
    for name, suite in suites.items():
        if options.wants(name) or name in _COUNTED:
            print(f"{name} ...", file=sys.stderr, flush=True)
            suite(report, options)
    machine, versions = describe_machine(), describe_versions()
    print("; ".join(machine), "; ".join(versions), sep="\n", end="\n\n")
    print(as_text(report))
    if options.output is not None:
        options.output.write_text(as_markdown(report, machine, versions), encoding="utf-8")
        print(f"\nwritten to {options.output.parent.name}/{options.output.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
