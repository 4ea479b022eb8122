"""Suite `hosts`: applications served by plait and by its peers, CPU per request.

The goals hold for the compiled variant on Python 3.12 or newer with uvloop; on 3.11, where no
task can be started eagerly, the goal is set against plait on 3.12.
"""

from __future__ import annotations

import importlib.util
import json
import sys
import tempfile
import timeit
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from benchmarks.contest import Contest
from benchmarks.host_memory import host_memory
from benchmarks.host_runs import million, versions
from benchmarks.hosted.asgi import BIG_BODY
from benchmarks.loads import Load
from benchmarks.options import Options
from benchmarks.report import Report, Row
from benchmarks.rivals import Hosting, contestants
from benchmarks.server import make_tls
from benchmarks.workers import Missing, installed_name

SECTION = "Hosts: applications, beside other servers"

_SECONDS = 0.6  # of one sample

_ASGI = "benchmarks.hosted.asgi"
_SMALL = Load(1000, 10, 32, path="/hello")
_LARGE = Load(1, 4, 1, path="/big")


@dataclass(frozen=True, slots=True)
class Work:
    """One thing that the hosts do.

    :ivar goals: the largest ratio that will do, by the peer.
    :ivar octets: by what the cost is divided, for bodies.
    """

    title: str
    hosting: Hosting
    load: Load
    goals: Mapping[str, float] = field(default_factory=dict)
    octets: int = 1


def _of_both(goal: float, **more: float) -> dict[str, float]:
    """A goal against the better of granian and h2corn is one against each."""
    return {"granian": goal, "h2corn": goal, **more}


_ALL = {"granian": 1.0, "h2corn": 1.0, "uvicorn, zttp": 1.0, "hypercorn": 1.0}

WORKS: dict[str, Work] = {
    "hello": Work(
        "ASGI hello, h2c", Hosting(f"{_ASGI}:hello"), _SMALL, _of_both(1 / 3, hypercorn=1 / 40)
    ),
    "tls": Work(
        "ASGI hello, TLS", Hosting(f"{_ASGI}:hello"), replace(_SMALL, tls=True), _of_both(1 / 2)
    ),
    "echo": Work(
        "JSON echo of 1 KiB",
        Hosting(f"{_ASGI}:echo"),
        replace(_SMALL, path="/echo", content_type="application/json"),
        _of_both(1 / 2),
    ),
    "down": Work(
        "10 MiB down, one message",
        Hosting(f"{_ASGI}:download"),
        _LARGE,
        {"h2corn": 1.0},
        len(BIG_BODY),
    ),
    "pieces": Work(
        "10 MiB down, messages of 64 KiB",
        Hosting(f"{_ASGI}:pieces"),
        _LARGE,
        {"h2corn": 1.0},
        len(BIG_BODY),
    ),
    "up": Work("10 MiB up", Hosting(f"{_ASGI}:upload"), _LARGE, {"h2corn": 2 / 3}, len(BIG_BODY)),
    "wsgi": Work("WSGI hello, h2c", Hosting("benchmarks.hosted.wsgi:hello", "wsgi"), _SMALL, _ALL),
    "http1": Work(
        "ASGI hello, HTTP/1.1",
        Hosting(f"{_ASGI}:hello", http1=True),
        Load(1, 32, 1, path="/hello", http1=True),
        _of_both(1.0),
    ),
    "starlette": Work(
        "Starlette hello, h2c", Hosting("benchmarks.hosted.starlette_app:app"), _SMALL
    ),
    "flask": Work("Flask hello, h2c", Hosting("benchmarks.hosted.flask_app:app", "wsgi"), _SMALL),
    "workers": Work("ASGI hello, h2c, 2 workers", Hosting(f"{_ASGI}:hello", workers=2), _SMALL),
}

#: What ``--only hosts.NAME`` may name.
PARTS = (*WORKS, "memory", "versions", "million")


@contextmanager
def _files() -> Iterator[tuple[Path, Path]]:
    """What is sent up: a JSON document of 1 KiB, and ten MiB."""
    with tempfile.TemporaryDirectory() as folder:
        small, big = Path(folder) / "document.json", Path(folder) / "big"
        small.write_text(document(), encoding="utf-8")
        big.write_bytes(BIG_BODY)
        yield small, big


def document() -> str:
    """A message with some attributes as JSON, of exactly 1,024 octets."""
    head = {
        "id": 20261121,
        "author": {"name": "Someone", "address": "someone@example.com", "verified": True},
        "subject": "Strands",
        "tags": ["weaving", "three strands", "pigtail"],
        "replies": [17, 42],
        "text": "",
    }
    line = "Take the right strand over the middle one, then the left one, and go on. "
    room = 1024 - len(json.dumps(head))
    return json.dumps({**head, "text": (line * 14)[:room]})


def hosts(report: Report, options: Options) -> None:
    """Every work, or those that were asked for."""
    asked = options.parts("hosts") or PARTS
    try:
        with tempfile.TemporaryDirectory() as keys, _files() as files:
            tls = make_tls(Path(keys))
            for name, work in WORKS.items():
                if name in asked:
                    _compare(report, options, _complete(work, tls, *files))
            if "million" in asked and options.million:
                million(report, tls)
    except Missing as missing:
        report.skip("hosts", str(missing))
    _remark(report)
    if "memory" in asked:
        host_memory(report, options)
    if "versions" in asked and options.pythons:
        versions(report, options, _SMALL)


def _complete(work: Work, tls: tuple[str, str], small: Path, big: Path) -> Work:
    """With the files that are there only while the suite runs."""
    if work.load.tls:
        return replace(work, hosting=replace(work.hosting, tls=tls))
    if work.load.content_type:
        return replace(work, load=replace(work.load, upload=small))
    if work.hosting.app.endswith(":upload"):
        return replace(work, load=replace(work.load, upload=big))
    return work


def _judged() -> bool:
    """Whether the goals hold for this interpreter."""
    return sys.version_info >= (3, 12) and importlib.util.find_spec("uvloop") is not None


def _compare(report: Report, options: Options, work: Work) -> None:
    """One work, all in turns."""
    mine = installed_name()
    seconds = _SECONDS / 10 if options.quick else _SECONDS
    contest = Contest(work.load, options, work.octets, seconds)
    contest.run(contestants(mine, work.hosting))
    for name, why in contest.left_out.items():
        report.skip(f"hosts, {work.title}, {name}", why)
    unit, scale = ("ns/octet", 1.0) if work.octets > 1 else ("µs", 1000.0)
    for name in contest.costs:
        if name != mine:
            goal = work.goals.get(name) if _judged() else None
            report.add(SECTION, *contest.row(work.title, mine, name, unit, scale, goal))
    if work.load.content_type and contest.costs:
        report.add(SECTION, Row(work.title, "parsing and writing alone", _json_us(), "µs"))
    rates = "; ".join(f"{name} {rate:,.0f}" for name, rate in contest.rates.items())
    report.remark(SECTION, f"Requests per second, {work.title}: {rates}.")


def _json_us() -> float:
    """What the application itself spends, in every server, on the document."""
    data = document().encode()
    repeat = 2000
    spent = timeit.repeat(lambda: json.dumps(json.loads(data)).encode(), number=repeat)
    return min(spent) / repeat * 1e6


def _remark(report: Report) -> None:
    report.remark(
        SECTION,
        "CPU time of all processes of a server per request, user and system; the load on the other "
        "core, only with 2 workers everything on both. Small requests by h2load `-c 10 -m 32`, "
        "bodies by `-c 4 -m 1`, HTTP/1.1 by wrk `-c 32`, keep-alive. Each server gets as many "
        "requests as it answers in about 0.6 s. All ran on the interpreter named above, with "
        "uvloop, each at the settings that served it best in a trial (README.md has the command "
        "lines). The goals are for Python 3.12 and newer.",
    )
