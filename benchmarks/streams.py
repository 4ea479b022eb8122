"""Suite `streams`: what an exchange costs while other streams of its connection are open."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial

from benchmarks.cputime import cpu_ns, in_turns, median_ratio
from benchmarks.engine import BATCH, samplers
from benchmarks.memory import with_streams
from benchmarks.options import Options
from benchmarks.report import Report, Row
from benchmarks.servers import Server, plait_app
from benchmarks.traffic import Client, ended_streams, with_open_streams
from benchmarks.workers import COMPILED, PLAIN, Missing, Workers, installed_name

SECTION = "Cost against the number of open streams"

_COUNTS = (1, 10, 100, 1000)


def streams(report: Report, options: Options) -> None:
    """What the same exchange costs while 1 to 1,000 other streams of its connection are open."""
    with Workers("engine", ["ngh2"]) as workers:
        workers.keep(COMPILED if COMPILED in workers.running else PLAIN, "ngh2")
        for blocked in (False, True):
            _engines(report, workers, options, blocked)
        for name, why in workers.left_out.items():
            report.skip(f"streams, {name}", why)
    try:
        _server(report, options)
    except Missing as missing:
        report.skip("streams, server", str(missing))
    report.remark(
        SECTION,
        "The figure is the cost of a small exchange beside so many open streams; the peer is the "
        "same program with one stream open, so the ratio says how flat it is. Waiting requests "
        "lack the rest of their body; blocked responses wait for their stream's window.",
    )


def _rows(report: Report, what: str, name: str, found: Mapping[int, list[float]]) -> None:
    """Each count against one open stream."""
    alone = found[1]
    for count in _COUNTS[1:]:
        report.add(
            SECTION,
            Row(
                work=f"{what}, {count:,}",
                subject=name,
                value=min(found[count]),
                unit="µs",
                peer="one",
                peer_value=min(alone),
                ratio=median_ratio(found[count], alone),
                goal=1.2 if name == COMPILED else None,
            ),
        )


def _engines(report: Report, workers: Workers, options: Options, blocked: bool) -> None:
    """The engines alone, 32 requests a read."""
    batches = options.scaled(1000)
    with ExitStack() as stack:
        samples: dict[str, Callable[[], float]] = {}
        for count in _COUNTS:
            reads = with_open_streams(count, batches, blocked)
            for name, sample in samplers(stack, workers, reads, blocked=blocked).items():
                samples[f"{name}/{count}"] = sample
        found = in_turns(samples, options.rounds)
    what = "engine, responses blocked" if blocked else "engine, requests waiting"
    for name in workers.running:
        _rows(report, what, name, {count: found[f"{name}/{count}"] for count in _COUNTS})


class _Link:
    """A connection with open streams, over which small exchanges go on."""

    def __init__(self, server: Server, count: int, batches: int) -> None:
        self._server = server
        self._batches = batches
        self._client = Client()
        self.socket: socket.socket = with_streams(server, count, self._client)

    def sample(self) -> float:
        """Server µs per exchange over all batches."""
        reads = [self._client.batch(BATCH) for _ in range(self._batches)]
        before = cpu_ns(self._server.pid)
        for read in reads:
            self.socket.sendall(read)
            self._await_answers()
        return (cpu_ns(self._server.pid) - before) / (1000 * BATCH * self._batches)

    def _await_answers(self) -> None:
        data, answers = b"", 0
        while answers < BATCH:
            more = self.socket.recv(65536)
            if not more:
                raise ConnectionError("the server closed the connection")
            ended, data = ended_streams(data + more)
            answers += ended


def _server(report: Report, options: Options) -> None:
    """The whole server, one connection, 32 requests a write."""
    batches = options.scaled(400)
    found: dict[int, list[float]] = {}
    with plait_app("many") as server, ExitStack() as stack:
        samples = {}
        for count in _COUNTS:
            link = _Link(server, count, batches)
            stack.enter_context(link.socket)
            samples[str(count)] = partial(link.sample)
        found = {int(name): costs for name, costs in in_turns(samples, options.rounds).items()}
    _rows(report, "server, requests waiting", installed_name(), found)
