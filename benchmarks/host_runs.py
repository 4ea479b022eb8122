"""Parts of the suite `hosts` that are plait's alone: a million requests, and versions of Python."""

from __future__ import annotations

import subprocess

from benchmarks.contest import Contest
from benchmarks.loads import Load, lost_requests
from benchmarks.options import Options
from benchmarks.report import Report, Row
from benchmarks.rivals import Hosting, plait_host
from benchmarks.workers import Missing, installed_name

MILLION_SECTION = "Hosts: a million requests"
VERSIONS_SECTION = "Hosts: versions of Python"

_HELLO = "benchmarks.hosted.asgi:hello"
_MILLION = 1_000_000

#: Python 3.11 may need so many times what 3.12 needs.
_OLDEST, _REFERENCE, _GOAL = "3.11", "3.12", 1.6


def million(report: Report, tls: tuple[str, str]) -> None:
    """A million requests, of which none may be lost."""
    mine = installed_name()
    runs = {
        "ASGI, h2c": Hosting(_HELLO),
        "ASGI, TLS": Hosting(_HELLO, tls=tls),
        "ASGI, h2c, 2 workers": Hosting(_HELLO, workers=2),
        "WSGI, h2c": Hosting("benchmarks.hosted.wsgi:hello", "wsgi"),
    }
    for title, hosting in runs.items():
        load = Load(_MILLION, 10, 32, path="/hello", tls=hosting.tls is not None)
        (server,) = plait_host(mine, hosting)
        try:
            with server:
                lost = lost_requests(server, load)
        except Missing as missing:
            report.skip(f"hosts, a million requests, {title}", str(missing))
            continue
        report.add(
            MILLION_SECTION,
            Row(f"{title}: lost of {_MILLION:,}", mine, lost, "", goal=0, goal_on_value=True),
        )


def _version(python: str) -> str:
    """What an interpreter with a compiled plait calls itself: 3.12."""
    script = "import sys, plait; print('%d.%d' % sys.version_info[:2], plait.build_info().variant)"
    try:
        done = subprocess.run([python, "-c", script], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Missing(f"{python} has no plait: {error}") from error
    version, variant = done.stdout.split()
    if variant != "compiled":
        raise Missing(f"the plait of Python {version} is {variant}: PLAIT_BUILD=required")
    return version


def versions(report: Report, options: Options, load: Load) -> None:
    """The ASGI hello on several interpreters, in turns."""
    servers = {}
    for python in options.pythons:
        try:
            version = _version(python)
        except Missing as missing:
            report.skip("hosts, versions", str(missing))
        else:
            servers[version] = plait_host(version, Hosting(_HELLO), python)
    contest = Contest(load, options, seconds=0.06 if options.quick else 0.6)
    contest.run(servers)
    for version, why in contest.left_out.items():
        report.skip(f"hosts, versions, {version}", why)
    for version in contest.costs:
        if version == _REFERENCE:
            continue
        for row in contest.row("ASGI hello, h2c", version, _REFERENCE, "µs", 1000, None):
            row.subject, row.peer = f"plait on Python {version}", f"on {_REFERENCE}"
            row.goal = _GOAL if version == _OLDEST else None
            report.add(VERSIONS_SECTION, row)
    rates = "; ".join(f"{version} {rate:,.0f}" for version, rate in contest.rates.items())
    report.remark(VERSIONS_SECTION, f"Compiled, uvloop, one worker. Requests per second: {rates}.")
