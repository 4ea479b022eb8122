"""``python -m soak [hostile] [streams] [connections]``: run all of it in full, or some of it."""

from __future__ import annotations

import argparse
import sys
import time

from benchmarks.machine import describe_machine, describe_versions
from plait import build_info
from soak import results
from soak.attacks import ATTACKS
from soak.connections import connections
from soak.hostile import hostile
from soak.spdy import all_versions
from soak.streams import line, streams

SUITES = ("hostile", "streams", "connections")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m soak", description="See soak/README.md.")
    parser.add_argument("suites", nargs="*", metavar="SUITE", help=", ".join(SUITES))
    parser.add_argument("--short", action="store_true", help="a look; its figures are no results")
    parser.add_argument("--attackers", type=int, default=1, metavar="N", help="at the same time")
    parser.add_argument("--only", action="append", metavar="TEXT", help="attacks with this name")
    parser.add_argument("--write", action="store_true", help="write what is found to RESULTS.md")
    options = parser.parse_args()
    suites = options.suites or SUITES
    for name in suites:
        if name not in SUITES:
            parser.error(f"no suite {name}")
    print(build_info(), flush=True)
    report = results.Report()
    start = time.monotonic()
    if "streams" in suites:
        counts = (200_000, 20_000) if options.short else (10_000_000, 1_000_000)
        report.streams = streams(*counts)
        for found in all_versions(counts[1]):
            report.streams.append(found)
            print(line(found))
    if "connections" in suites:
        few = options.short
        report.connections = connections(4000 if few else 100_000, preface=2.0 if few else 10.0)
    if "hostile" in suites:
        chosen = [a for a in ATTACKS if any(text in a.name for text in options.only or [""])]
        report.attackers = options.attackers
        report.idle, report.findings = hostile(options.attackers, options.short, chosen)
    report.seconds = time.monotonic() - start
    print(report.summary())
    if options.write:
        results.write(report, describe_machine(), describe_versions())
    return 1 if report.problems() else 0


if __name__ == "__main__":
    sys.exit(main())
