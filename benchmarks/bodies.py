"""Suite `bodies`: CPU of the server process per octet of a large body, down and up."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.contest import Contest, documents
from benchmarks.loads import Load
from benchmarks.options import Options
from benchmarks.report import Report
from benchmarks.servers import nghttpd, plait_app, plait_serve
from benchmarks.traffic import BIG_BODY
from benchmarks.workers import Missing, installed_name

SECTION = "Server, bodies of 10 MiB"

_DOWN = Load(100, clients=4, streams=1, path="/big")

#: Receive windows as large as plait's by default: 2^18 for a stream, 2^20 for a connection.
_WINDOWS = ("-w", "18", "-W", "20")


def bodies(report: Report, options: Options) -> None:
    """Down and up."""
    load = replace(_DOWN, requests=options.scaled(_DOWN.requests, 8))
    with documents() as docs:
        for part in (_down, _up):
            try:
                part(report, options, load, docs)
            except Missing as missing:
                report.skip("bodies", str(missing))
    report.remark(
        SECTION,
        "h2load `-c 4 -m 1`, clear text. Down: octets from a handler's memory, and the file that "
        "nghttpd sends too. Up: the sink is nghttpd without `--echo-upload`, which reads the body "
        "and drops it, as the handler does (with that option it writes a file and sends it back, "
        "a different and dearer work). By default nghttpd's windows are 64 KiB; given plait's it "
        "spends about half, and the goal is set against that.",
    )


def _down(report: Report, options: Options, load: Load, docs: Path) -> None:
    mine = installed_name()
    served = f"{mine}, serve DIR"
    contest = Contest(load, options, len(BIG_BODY))
    contest.run({"nghttpd": nghttpd(docs), mine: plait_app("download"), served: plait_serve(docs)})
    _skip(report, "10 MiB down", contest)
    for name in (mine, served):
        report.add(SECTION, *contest.row("10 MiB down", name, "nghttpd", "ns/octet", 1, 1.0))


def _up(report: Report, options: Options, load: Load, docs: Path) -> None:
    mine = installed_name()
    same, default = "nghttpd, same windows", "nghttpd, its windows"
    load = replace(load, path="/hello.txt", upload=docs / "big")
    contest = Contest(load, options, len(BIG_BODY))
    contest.run({same: nghttpd(docs, *_WINDOWS), default: nghttpd(docs), mine: plait_app("sink")})
    _skip(report, "10 MiB up", contest)
    report.add(SECTION, *contest.row("10 MiB up", mine, same, "ns/octet", 1, 1.2))
    report.add(SECTION, *contest.row("10 MiB up", mine, default, "ns/octet", 1, None))


def _skip(report: Report, work: str, contest: Contest) -> None:
    for name, why in contest.left_out.items():
        report.skip(f"bodies, {work}, {name}", why)
