"""Where the instructions go: ``python -m benchmarks.profile engine|facade|server``.

Runs the compiled engine, a program of the suite `facade`, or the whole server under h2load, in
valgrind's callgrind and prints the functions by instructions per exchange, with start-up
subtracted (see `benchmarks.callgrind`).
"""

from __future__ import annotations

import argparse
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from benchmarks.callgrind import EngineRun, by_function, two_runs, valgrind_command
from benchmarks.engine import BATCH
from benchmarks.facade import TASKS
from benchmarks.servers import find_program, free_port
from benchmarks.traffic import FIELD_LISTS, small_requests
from benchmarks.workers import ROOT, Missing, installed_variant

_PATIENCE = 120.0  # seconds; valgrind runs some fifty times slower


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise Missing("the server does not start under valgrind")


class ServerRun:
    """An app of `benchmarks.apps` under valgrind, asked by h2load."""

    def __init__(self, app: str, clients: int, streams: int) -> None:
        self._app = app
        self._load = ["-c", str(clients), "-m", str(streams)]

    def __call__(self, requests: int, out: Path) -> None:
        """Serve so many requests, then end in an orderly way."""
        port = free_port()
        command = [sys.executable, "-m", "benchmarks.apps", self._app, str(port)]
        env = {**os.environ, "PYTHONHASHSEED": "0"}
        process = subprocess.Popen(valgrind_command(command, out), cwd=ROOT, env=env)
        try:
            _wait_for(port, process)
            load = [find_program("h2load"), "-n", str(requests), *self._load]
            url = f"http://127.0.0.1:{port}/big" if self._app == "download" else None
            load.append(url or f"http://127.0.0.1:{port}/")
            subprocess.run(load, check=True, stdout=subprocess.DEVNULL)
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(_PATIENCE)


def difference(once: Path, twice: Path, units: int, inclusive: bool) -> Counter[str]:
    """Instructions per unit of work, by function."""
    less, more = by_function(once, inclusive), by_function(twice, inclusive)
    return Counter({name: round((more[name] - less[name]) / units) for name in more})


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.profile", description=__doc__)
    parser.add_argument("what", choices=("engine", "facade", "server"))
    parser.add_argument("--engine", default="plait", help="plait, ngh2 or h2")
    parser.add_argument("--fields", default="h2load", choices=tuple(FIELD_LISTS))
    parser.add_argument("--task", default="exchange", choices=tuple(TASKS))
    parser.add_argument("--package", default="plait.compat.h2", help="or h2, for the task")
    parser.add_argument("--app", default="hello", help="the handler of benchmarks.apps to serve")
    parser.add_argument("--clients", type=int, default=10)
    parser.add_argument("--streams", type=int, default=32)
    parser.add_argument("--amount", type=int, help="exchanges in the shorter run")
    parser.add_argument("--inclusive", action="store_true", help="with what a function calls")
    parser.add_argument("--top", type=int, default=40, help="functions to print")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    """Measure, subtract, print."""
    asked = parse(arguments)
    amount = asked.amount or {"engine": 3200, "facade": 640, "server": 10_000}[asked.what]
    print(f"plait {installed_variant()}", flush=True)
    with tempfile.TemporaryDirectory() as folder:
        if asked.what == "facade":
            task = TASKS[asked.task]
            units = max(1, amount // task.exchanges)
            amount = units * task.exchanges
            reads = task.record(1 + 2 * units, task.exchanges)
            each = len(reads) // (1 + 2 * units)
            program = EngineRun(asked.package, reads, asked.task, each)
            once, twice = two_runs(program, units, Path(folder))
        elif asked.what == "engine":
            batches = max(1, amount // BATCH)
            amount = batches * BATCH
            reads = small_requests(asked.fields, 1 + 2 * batches)
            once, twice = two_runs(
                EngineRun(asked.engine, reads, asked.fields), batches, Path(folder)
            )
        else:
            run = ServerRun(asked.app, asked.clients, asked.streams)
            once, twice = two_runs(run, amount, Path(folder))
        costs = difference(once, twice, amount, asked.inclusive)
    if not asked.inclusive:
        print(f"{sum(costs.values()):>9,}  all")
    for function, cost in costs.most_common(asked.top):
        print(f"{cost:>9,}  {function}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
