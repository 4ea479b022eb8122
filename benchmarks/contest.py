"""Servers under one load of h2load's, in turns."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from benchmarks.cputime import in_turns, median_ratio
from benchmarks.loads import Load, Outcome, run_load
from benchmarks.options import Options
from benchmarks.report import Row
from benchmarks.servers import Server
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
    """Servers under one load, in turns: CPU per unit of work and requests per second.

    With `seconds`, each server gets as many requests as it answers in about that time, so that a
    slow one does not take all of the run; otherwise all get as many as the load says.
    """

    def __init__(
        self, load: Load, options: Options, units: int = 1, seconds: float | None = None
    ) -> None:
        self._load = load
        self._units = units
        self._options = options
        self._seconds = seconds
        self.rates: dict[str, float] = {}
        self.costs: dict[str, list[float]] = {}
        self.left_out: dict[str, str] = {}
        self.chosen: dict[str, Server] = {}

    def run(self, servers: Mapping[str, Server | Sequence[Server]]) -> None:
        """Start all, warm each up, then take turns; what does not answer is left out.

        Of several under one name the one takes part that does best in a trial.
        """
        with ExitStack() as stack:
            samples: dict[str, Callable[[], float]] = {}
            for name, server in servers.items():
                variants = [server] if isinstance(server, Server) else server
                try:
                    chosen, load = self._choose(stack, variants)
                except Missing as missing:
                    self.left_out[name] = str(missing)
                else:
                    self.chosen[name] = chosen
                    samples[name] = partial(self._sample, name, chosen, load)
            self.costs = in_turns(samples, self._options.rounds)

    def _choose(self, stack: ExitStack, variants: Sequence[Server]) -> tuple[Server, Load]:
        """The best of the variants that answer, running, with its load."""
        tried: list[tuple[float, Server, Load, ExitStack]] = []
        complaint = Missing("there is nothing to start")
        for server in variants:
            running = stack.enter_context(ExitStack())
            try:
                load = self._warm_up(running.enter_context(server))
                cost = self._cost(run_load(server, load)) if len(variants) > 1 else 0.0
            except Missing as missing:
                complaint = missing
                running.close()
            else:
                tried.append((cost, server, load, running))
        if not tried:
            raise complaint
        best = min(tried, key=lambda one: one[0])
        for one in tried:
            if one is not best:
                one[3].close()
        return best[1], best[2]

    def _warm_up(self, server: Server) -> Load:
        """Let it run in; the load for its samples."""
        load = self._load
        least = load.clients * load.streams
        first = replace(load, requests=max(load.clients, load.requests // 10))
        if self._seconds is None:
            run_load(server, first)
            return load
        rate = run_load(server, replace(first, requests=least)).per_second
        requests = max(least, round(rate * self._seconds))
        rate = run_load(server, replace(load, requests=requests)).per_second
        return replace(load, requests=max(least, round(rate * self._seconds)))

    def _cost(self, outcome: Outcome) -> float:
        return outcome.cpu_ns / (outcome.requests * self._units)

    def _sample(self, name: str, server: Server, load: Load) -> float:
        outcome = run_load(server, load)
        self.rates[name] = max(self.rates.get(name, 0.0), outcome.per_second)
        return self._cost(outcome)

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
