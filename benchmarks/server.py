"""Suite `server`: CPU of the server process per small request under h2load, beside nghttpd's."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from benchmarks.contest import Contest, documents
from benchmarks.loads import Load
from benchmarks.options import Options
from benchmarks.report import Report
from benchmarks.servers import Server, nghttpd, plait_app
from benchmarks.workers import COMPILED, PLAIN, Missing, installed_name, plain_source

SECTION = "Server, a Python handler answering 13 octets"

_LOADS = (
    (Load(200_000, 10, 32), 1.2),
    (Load(20_000, 1, 1), None),
    (Load(200_000, 100, 10), None),
    (Load(200_000, 10, 32, tls=True), 1.2),
)


def make_tls(folder: Path) -> tuple[str, str]:
    """Key and certificate, made for this run, in nghttpd's order."""
    try:
        from tests.support.certs import make_certificate
    except ImportError as error:
        raise Missing(f"{error}: pip install cryptography") from error
    files = make_certificate(folder)
    return str(files.key), str(files.cert)


def server(report: Report, options: Options) -> None:
    """CPU µs per request, and requests per second."""
    report.remark(
        SECTION,
        "CPU time of the server process per request, user and system; h2load on the other core. "
        "nghttpd has one worker and serves a file of 13 octets, which it keeps open. "
        "*In full* means a handler that sends the seven fields that nghttpd sends, "
        "where the other sends status, content-type and content-length.",
    )
    with documents() as docs, plain_source() as plain, tempfile.TemporaryDirectory() as keys:
        for load, goal in _LOADS:
            title = load.title + (" over TLS" if load.tls else "")
            load = replace(load, requests=options.scaled(load.requests, 2000))
            contest = Contest(load, options)
            try:
                contest.run(_servers(docs, plain, make_tls(Path(keys)) if load.tls else None))
            except Missing as missing:
                report.skip(f"server, {title}", str(missing))
                continue
            _tell(report, contest, title, goal)


def _servers(docs: Path, plain: str, tls: tuple[str, str] | None) -> dict[str, Server]:
    """Who takes part, by the names in the table."""
    servers = {"nghttpd": nghttpd(docs, tls=tls)}
    if installed_name() == COMPILED:
        servers[COMPILED] = plait_app("hello", tls)
        servers[f"{COMPILED}, in full"] = plait_app("hello-in-full", tls)
    servers[PLAIN] = plait_app("hello", tls, plain)
    return servers


def _tell(report: Report, contest: Contest, title: str, goal: float | None) -> None:
    for name, why in contest.left_out.items():
        report.skip(f"server, {title}, {name}", why)
    for name in contest.costs:
        if name != "nghttpd":
            report.add(SECTION, *contest.row(title, name, "nghttpd", "µs", 1000, goal))
    rates = "; ".join(f"{name} {rate:,.0f}" for name, rate in contest.rates.items())
    report.remark(SECTION, f"Requests per second, {title}: {rates}.")
