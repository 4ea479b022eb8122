"""Servers under one load of h2load's, in turns."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.cputime import in_turns, median_ratio
from benchmarks.options import Options
from benchmarks.report import Row
from benchmarks.servers import Load, Server, run_load
from benchmarks.traffic import BIG_BODY, BODY
from benchmarks.workers import COMPILED, Missing


@contextmanager
def documents() -> Iterator[Path]:
    """What nghttpd serves: thirteen octets and ten MiB."""
    with tempfile.TemporaryDirectory() as folder:
        docs = Path(folder)
        (docs / "hello.txt").write_bytes(BODY)
        (docs / "big").write_bytes(BIG_BODY)
        yield docs


class Contest:
    """Servers under one load, in turns: CPU per unit of work and requests per second."""

    def __init__(self, load: Load, units: int, options: Options) -> None:
        self._load = load
        self._units = units
        self._options = options
        self.rates: dict[str, float] = {}
        self.costs: dict[str, list[float]] = {}
        self.left_out: dict[str, str] = {}

    def run(self, servers: dict[str, Server]) -> None:
        """Start all, warm each up, then take turns; what does not answer is left out."""
        with ExitStack() as stack:
            samples: dict[str, Callable[[], float]] = {}
            warm = replace(self._load, requests=max(self._load.clients, self._load.requests // 10))
            for name, server in servers.items():
                try:
                    run_load(stack.enter_context(server), warm)
                except Missing as missing:
                    self.left_out[name] = str(missing)
                else:
                    samples[name] = partial(self._sample, name, server)
            self.costs = in_turns(samples, self._options.rounds)

    def _sample(self, name: str, server: Server) -> float:
        outcome = run_load(server, self._load)
        self.rates[name] = max(self.rates.get(name, 0.0), outcome.per_second)
        return outcome.cpu_ns / self._units

    def row(
        self, work: str, mine: str, peer: str, unit: str, scale: float, goal: float | None
    ) -> list[Row]:
        """The result of `mine` beside `peer`; no row where one of them did not answer."""
        if mine not in self.costs or peer not in self.costs:
            return []
        row = Row(
            work=work,
            subject=mine,
            value=min(self.costs[mine]) / scale,
            unit=unit,
            peer=peer,
            peer_value=min(self.costs[peer]) / scale,
            ratio=median_ratio(self.costs[mine], self.costs[peer]),
            goal=goal if mine == COMPILED else None,
        )
        return [row]
