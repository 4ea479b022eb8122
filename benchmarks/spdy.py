"""Suite `spdy`: a client and a server in memory, SPDY beside HTTP/2, both as plain Python."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial

from benchmarks.cputime import in_turns, median_ratio
from benchmarks.engine import BATCH
from benchmarks.options import Options
from benchmarks.pairs import PAIRS, VERSIONS
from benchmarks.report import Report, Row
from benchmarks.workers import Missing, Worker, plain_source

SECTION = "SPDY, client and server in memory"

REQUESTS = 100_000
STREAMS = 1_000_000

#: Of the rows that are there for orientation.
_FEWER = 20_000

#: What a connection may grow by over all those streams: one octet each.
_GROWTH = STREAMS / 1024

_PEER = "HTTP/2, plain"
_NAMES = {"": "plait.spdy", "session": "spdylay Session"}


def _kind_and_version(name: str) -> tuple[str, str]:
    """``session spdy/3`` → how the pair is called in the table, and ``SPDY/3``."""
    kind, _, version = name.rpartition(" ")
    return _NAMES[kind], version.upper()


class _Pairs:
    """A worker for each pair, on a copy of the sources, so that nothing in it is compiled."""

    def __init__(self, stack: ExitStack, report: Report) -> None:
        folder = stack.enter_context(plain_source())
        self.running: dict[str, Worker] = {}
        for name in PAIRS:
            try:
                worker = Worker("pair", name, folder)
            except Missing as missing:
                report.skip(f"spdy, {name}", str(missing))
                continue
            stack.callback(worker.close)
            self.running[name] = worker
        assert {worker.version for worker in self.running.values()} <= {"plain"}

    def ask(self, pair: str, **request: object) -> float:
        """Microseconds, or KiB, of one task; every request must have been answered."""
        answer = self.running[pair].ask(each=BATCH, **request)
        assert not answer.get("unanswered"), f"{pair}: {answer['unanswered']} unanswered"
        return float(answer["ns"]) / 1000 if "ns" in answer else float(answer["kib"])


def spdy(report: Report, options: Options) -> None:
    """µs per request and answer, zlib's share of it, and growth over a million streams."""
    with ExitStack() as stack:
        pairs = _Pairs(stack, report)
        newest, *older = VERSIONS
        requests = options.scaled(REQUESTS)
        _compare(report, options, pairs, "h2load", [newest], requests)
        _compare(report, options, pairs, "h2load", older, options.scaled(_FEWER))
        _compare(report, options, pairs, "browser", [newest], options.scaled(_FEWER))
        _grow(report, options, pairs, ["http2", newest, f"session {newest}"])
    report.remark(
        SECTION,
        f"A request and its answer of 13 octets, {BATCH} at a time, made, sent, read and answered "
        f"by a client and a server in one process: CPU time of both together, both plain Python. "
        f"{REQUESTS:,} requests on one connection for the rows with a goal, {_FEWER:,} for the "
        "others. *zlib alone* compresses and decompresses the same header blocks, and nothing "
        "else; its ratio is its share of the engine's time. The fields are those of the engine "
        "suite; h2load's are always the same, which HTTP/2 compresses to a few octets that plait "
        "knows again as a whole. Growth is what the process has of anonymous memory after so many "
        "streams of one connection, beyond what it had after 10,000; the goal is an octet each.",
    )


def _compare(
    report: Report,
    options: Options,
    pairs: _Pairs,
    fields: str,
    versions: list[str],
    requests: int,
) -> None:
    """These versions beside HTTP/2, in turns."""
    times = max(1, requests // BATCH)
    samples: dict[str, Callable[[], float]] = {}
    for name in pairs.running:
        if name == "http2" or name.rpartition(" ")[2] in versions:
            ask = partial(pairs.ask, name, fields=fields)
            samples[name] = partial(ask, do="converse", times=times)
            if name in versions:
                share = max(1, times // 25)
                samples[f"zlib {name}"] = partial(ask, do="compress", times=share)
    found = in_turns(samples, options.rounds)
    for version in versions:
        goal = 4.0 if fields == "h2load" and version == VERSIONS[0] else None
        for name in (version, f"session {version}"):
            _row(report, found, fields, name, goal)
        _share(report, found, fields, version)


def _row(
    report: Report,
    found: Mapping[str, list[float]],
    fields: str,
    name: str,
    goal: float | None,
) -> None:
    """One pair beside HTTP/2's."""
    if name not in found or "http2" not in found:
        return
    subject, version = _kind_and_version(name)
    report.add(
        SECTION,
        Row(
            work=f"{version}, {fields} request",
            subject=subject,
            value=min(found[name]),
            unit="µs",
            peer=_PEER,
            peer_value=min(found["http2"]),
            ratio=median_ratio(found[name], found["http2"]),
            goal=goal,
        ),
    )


def _share(report: Report, found: Mapping[str, list[float]], fields: str, version: str) -> None:
    """What zlib has of the engine's time."""
    if version not in found:
        return
    mine, theirs = found[f"zlib {version}"], found[version]
    report.add(
        SECTION,
        Row(
            work=f"{version.upper()}, {fields} request",
            subject="zlib alone",
            value=min(mine),
            unit="µs",
            peer=_NAMES[""],
            peer_value=min(theirs),
            ratio=median_ratio(mine, theirs),
        ),
    )


def _grow(report: Report, options: Options, pairs: _Pairs, names: list[str]) -> None:
    """Memory over a million streams, which should cost nothing once they have closed."""
    streams = options.scaled(STREAMS)
    for name in names:
        if name not in pairs.running:
            continue
        kib = pairs.ask(name, do="grow", fields="h2load", times=streams // BATCH)
        subject, version = (_PEER, "HTTP/2") if name == "http2" else _kind_and_version(name)
        report.add(
            SECTION,
            Row(
                work=f"{version}, growth over {streams:,} streams",
                subject=subject,
                value=max(kib, 0),
                unit="KiB",
                goal=None if name == "http2" else _GROWTH,
                goal_on_value=True,
            ),
        )
