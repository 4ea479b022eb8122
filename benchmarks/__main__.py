"""``python -m benchmarks``: measure, print the table, write RESULTS.md."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

from benchmarks.bodies import bodies
from benchmarks.engine import engine
from benchmarks.hpack import hpack
from benchmarks.instructions import instructions
from benchmarks.machine import describe_machine, describe_versions
from benchmarks.memory import memory
from benchmarks.options import Options
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
}

_COUNTED: dict[str, Callable[[Report, Options], None]] = {"instructions": instructions}


class _Parser(argparse.ArgumentParser):
    """Answers a wrong option in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: {message}\n")


def parse(arguments: Sequence[str]) -> Options:
    """The command line as options; exits with status 2 where it makes no sense."""
    parser = _Parser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a twentieth of the work; no results")
    parser.add_argument(
        "--only", default="", metavar="NAME,...", help=f"of {', '.join(SUITES)}; all by default"
    )
    parser.add_argument("--no-write", action="store_true", help="leave RESULTS.md as it is")
    parser.add_argument(
        "--instructions", action="store_true", help="count instructions under valgrind as well"
    )
    found = parser.parse_args(arguments)
    only = tuple(name for name in found.only.split(",") if name)
    for name in only:
        if name not in SUITES:
            parser.error(f"no suite {name!r}; there are {', '.join(SUITES)}")
    return Options(found.quick, only, not found.no_write, found.instructions)


def main(arguments: Sequence[str]) -> int:
    """Run the suites in order."""
    options = parse(arguments)
    report = Report()
    suites = SUITES | _COUNTED if options.instructions else SUITES
    for name, suite in suites.items():
        if not options.only or name in options.only or name in _COUNTED:
            print(f"{name} ...", file=sys.stderr, flush=True)
            suite(report, options)
    machine, versions = describe_machine(), describe_versions()
    print("; ".join(machine), "; ".join(versions), sep="\n", end="\n\n")
    print(as_text(report))
    if options.write:
        RESULTS.write_text(as_markdown(report, machine, versions), encoding="utf-8")
        print(f"\nwritten to {RESULTS.parent.name}/{RESULTS.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
