"""Suite `programs`: hypercorn, httpx and grpclib on `h2`, and unchanged on what stands for it.

Each program is measured as it is first: CPU time per request, and requests per second.
Then it runs with a clock around the engine (`benchmarks.hosted.clocked`), which tells its share.
What is left of the program without h2 is what no other engine can take away.
"""

from __future__ import annotations

import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.contest import Contest
from benchmarks.cputime import in_turns, median_ratio
from benchmarks.loads import Load, run_load
from benchmarks.options import Options
from benchmarks.report import Report, Row, figure
from benchmarks.servers import Server, free_port, plait_app
from benchmarks.traffic import BODY
from benchmarks.workers import COMPILED, PLAIN, Conversation, Missing, installed_name, plain_source

SECTION = "In place of h2: whole programs"

_SECONDS = 0.6  # of one sample
_CLOCKED = 1.5  # seconds with the clock

_PEER = "h2"
_REST = "h2, without its part"

#: How much more than the program without h2's part it may take on plait.
_GOAL = 1.1

_ECHO = "/bench.Echo/Unary"


@dataclass(frozen=True, slots=True)
class Served:
    """A server among the programs.

    :ivar command: the module and its arguments; ``{port}`` stands for the port.
    """

    title: str
    command: tuple[str, ...]
    load: Load


@dataclass(frozen=True, slots=True)
class Asking:
    """A client among the programs.

    :ivar server: the handler of `benchmarks.apps` that answers it.
    :ivar at_once: requests at a time.
    """

    title: str
    client: str
    server: str
    at_once: int


def _hypercorn(app: str) -> tuple[str, ...]:
    return (
        *("hypercorn", f"benchmarks.hosted.{app}", "--bind", "127.0.0.1:{port}"),
        *("--worker-class", "uvloop", "--workers", "0", "--log-level", "warning"),
        *("--config", "python:benchmarks.hosted.hypercorn_settings"),
    )


_HELLO = Load(1000, 10, 32, path="/hello")

SERVED: dict[str, Served] = {
    "hypercorn": Served("hypercorn, ASGI hello", _hypercorn("asgi:hello"), _HELLO),
    "starlette": Served("hypercorn, Starlette hello", _hypercorn("starlette_app:app"), _HELLO),
    "grpclib": Served(
        "grpclib server, unary echo",
        ("benchmarks.hosted.grpc_echo", "{port}"),
        replace(_HELLO, path=_ECHO, content_type="application/grpc+octets", te="trailers"),
    ),
}

ASKING: dict[str, Asking] = {
    "httpx": Asking("httpx, GET, 32 at a time", "httpx", "hello", 32),
    "httpx-single": Asking("httpx, GET, one at a time", "httpx", "hello", 1),
    "grpclib-client": Asking("grpclib client, unary, 32 at a time", "grpclib", "grpc-echo", 32),
    "grpclib-single": Asking("grpclib client, unary, one at a time", "grpclib", "grpc-echo", 1),
}

#: What ``--only programs.NAME`` may name.
PROGRAM_PARTS = (*SERVED, *ASKING)


@dataclass(slots=True)
class Found:
    """What was found out of one program: by the engine, nanoseconds per request of each round,
    requests per second, and the engine's share."""

    costs: dict[str, list[float]]
    rates: dict[str, float]
    shares: dict[str, float]


def programs(report: Report, options: Options) -> None:
    """Every program, or those that were asked for."""
    asked = options.parts("programs") or PROGRAM_PARTS
    with plain_source() as source, _message() as message:
        engines = {installed_name(): "", PLAIN: source, _PEER: ""}
        for name in asked:
            try:
                if name in SERVED:
                    served = _with_message(SERVED[name], message)
                    title, found = served.title, _measure_server(served, options, engines, report)
                else:
                    asking = ASKING[name]
                    title, found = asking.title, _measure_client(asking, options, engines, report)
            except Missing as missing:
                report.skip(f"programs, {name}", str(missing))
            else:
                tell(report, name, title, found)
    report.remark(
        SECTION,
        "CPU time per request of the program's process, user and system, its peer on the other "
        "core: h2load `-c 10 -m 32` for the servers, plait's own server for the clients, which "
        "have one connection. All with uvloop, over clear text, 13 octets each way. On plait they "
        "are run by `python -m plait.compat -m PROGRAM`. What the engine takes is told in a run of "
        "its own by the thread's CPU clock, read before and after every call of a method or "
        "property of `H2Connection`, the clock's own cost taken off. *Without its part* is the "
        "program's whole time on h2 less that: what is there before any engine is added.",
    )


@contextmanager
def _message() -> Iterator[Path]:
    """A gRPC message of 13 octets in a file, for h2load to send."""
    with tempfile.NamedTemporaryFile() as file:
        file.write(b"\0" + len(BODY).to_bytes(4, "big") + BODY)
        file.flush()
        yield Path(file.name)


def _with_message(served: Served, message: Path) -> Served:
    if not served.load.content_type:
        return served
    return replace(served, load=replace(served.load, upload=message))


def _exchanged(engine: str, module: str, *arguments: str) -> tuple[str, ...]:
    """The module as it is run on an engine."""
    before = () if engine == _PEER else ("plait.compat", "-m")
    return (*before, module, *arguments)


def _server(served: Served, engine: str, path: str, clocked: Path | None = None) -> Server:
    port = free_port()
    command = _exchanged(engine, *(word.format(port=port) for word in served.command))
    if clocked:
        command = ("benchmarks.hosted.clocked", str(clocked), *command)
    return Server(f"{served.title}, {engine}", [sys.executable, "-m", *command], port, path)


def _measure_server(
    served: Served, options: Options, engines: Mapping[str, str], report: Report
) -> Found:
    """A server on each engine, in turns under h2load; then each with the clock."""
    contest = Contest(served.load, options, 1, _SECONDS / 10 if options.quick else _SECONDS)
    contest.run({engine: _server(served, engine, path) for engine, path in engines.items()})
    for engine, why in contest.left_out.items():
        report.skip(f"programs, {served.title}, {engine}", why)
    shares = _each(
        report,
        served.title,
        {
            engine: partial(_share_of_server, served, engine, engines[engine], rate, options)
            for engine, rate in contest.rates.items()
        },
    )
    return Found(contest.costs, contest.rates, shares)


def _each(report: Report, title: str, work: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
    """What is found out on each engine; one that fails is left out, and the others are not."""
    found = {}
    for engine, find_out in work.items():
        try:
            found[engine] = find_out()
        except Missing as missing:
            report.skip(f"programs, {title}, {engine}", str(missing))
    return found


def _share_of_server(
    served: Served, engine: str, path: str, rate: float, options: Options
) -> float:
    """The engine's share of a server's time."""
    least = served.load.clients * served.load.streams
    requests = max(least, options.scaled(round(rate * _CLOCKED)))
    load = replace(served.load, requests=requests)
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "account"
        with _server(served, engine, path, out) as server:
            run_load(server, replace(load, requests=least))
            server.signal(signal.SIGUSR1)
            run_load(server, load)
            server.signal(signal.SIGUSR2)
            return share_of(_read_account(out), engine)


def _read_account(out: Path) -> dict[str, Any]:
    deadline = time.monotonic() + 10
    while not out.exists():
        if time.monotonic() > deadline:
            raise Missing("its clock says nothing")
        time.sleep(0.02)
    account: dict[str, Any] = json.loads(out.read_text(encoding="ascii"))
    return account


def share_of(account: Mapping[str, Any], engine: str) -> float:
    """The engine's share, of the engine that was to be measured."""
    expected = "h2." if engine == _PEER else "plait.compat.h2."
    if not account["engine"].startswith(expected):
        raise Missing(f"it ran on {account['engine']}")
    return float(account["share"])


class _Client:
    """A client program on one engine; it is asked for as many requests as the time holds."""

    def __init__(self, stack: ExitStack, asking: Asking, engine: str, path: str, port: int) -> None:
        command = _exchanged(engine, "benchmarks.hosted.clients", asking.client, str(port))
        self._conversation = Conversation(*command, path=path)
        stack.callback(self._conversation.close)
        if "error" in self._conversation.hello:
            raise Missing(f"{self._conversation.hello['error']}: pip install '.[bench]'")
        self._at_once = asking.at_once
        self._engine = engine
        self.rate = 0.0

    def _run(self, seconds: float, *, clocked: bool = False) -> dict[str, Any]:
        requests = max(2, round(self.rate * seconds / self._at_once)) * self._at_once
        answer = self._conversation.ask(requests=requests, at_once=self._at_once, clocked=clocked)
        self.rate = max(self.rate, answer["requests"] / answer["seconds"])
        return answer

    def warm_up(self, seconds: float) -> None:
        """Find out how much it does in so long."""
        for _ in range(3):
            self._run(seconds / 3)

    def sample(self, seconds: float) -> float:
        """Nanoseconds per request."""
        answer = self._run(seconds)
        return float(answer["ns"]) / float(answer["requests"])

    def share(self, seconds: float) -> float:
        """The engine's share of its time."""
        return share_of(self._run(seconds, clocked=True)["account"], self._engine)


def _measure_client(
    asking: Asking, options: Options, engines: Mapping[str, str], report: Report
) -> Found:
    """A client on each engine, in turns against one server; then each with the clock."""
    seconds = _SECONDS / 10 if options.quick else _SECONDS
    clocked = _CLOCKED / 20 if options.quick else _CLOCKED
    with ExitStack() as stack:
        port = stack.enter_context(plait_app(asking.server, load=True)).port
        starting = {
            engine: partial(_Client, stack, asking, engine, path, port)
            for engine, path in engines.items()
        }
        clients: dict[str, _Client] = _each(report, asking.title, starting)
        for client in clients.values():
            client.warm_up(seconds)
        samples = {engine: partial(client.sample, seconds) for engine, client in clients.items()}
        costs = in_turns(samples, options.rounds)
        clocking = {engine: partial(client.share, clocked) for engine, client in clients.items()}
        shares = _each(report, asking.title, clocking)
        return Found(costs, {engine: client.rate for engine, client in clients.items()}, shares)


def tell(report: Report, name: str, title: str, found: Found) -> None:
    """The rows and the sentence of one program."""
    if _PEER not in found.shares:
        return
    whole = min(found.costs[_PEER]) / 1000
    part = whole * found.shares[_PEER]
    rest = [cost * (1 - found.shares[_PEER]) for cost in found.costs[_PEER]]
    told = f"{title}: h2 takes {figure(part)} of {figure(whole)} µs"
    for engine, share in found.shares.items():
        if engine == _PEER:
            continue
        mine = min(found.costs[engine]) / 1000
        ratio = median_ratio(found.costs[engine], found.costs[_PEER])
        report.add(SECTION, Row(title, engine, mine, "µs", _PEER, whole, ratio))
        told += f"; with {engine} it is {figure(mine * share)} of {figure(mine)}"
        if engine == COMPILED:
            ratio = median_ratio(found.costs[engine], rest)
            goal = _GOAL if name in SERVED else None
            row = Row(title, engine, mine, "µs", _REST, min(rest) / 1000, ratio, goal)
            report.add(SECTION, row)
    rates = ", ".join(f"{engine} {rate:,.0f}" for engine, rate in found.rates.items())
    report.remark(SECTION, f"{told}. Requests per second: {rates}.")
