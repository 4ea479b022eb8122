"""Suite `facade`: programs written for `h2`, on `h2` and on `plait.compat.h2`, without a socket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial

from benchmarks.cputime import in_turns, median_ratio
from benchmarks.engine import BATCH
from benchmarks.options import Options
from benchmarks.recordings import MIB, credit, downloads, requests, small_responses, uploads
from benchmarks.report import Report, Row
from benchmarks.workers import COMPILED, PLAIN, Missing, Worker, Workers, data_file

SECTION = "In place of h2: the engine's part"

_PEER = "h2"

#: By how much fewer units each gets, so that no sample takes a second.
_FEWER = {_PEER: 25, PLAIN: 4, COMPILED: 1}

_GOALS = {COMPILED: 1 / 20, PLAIN: 1 / 5}

Record = Callable[[int, int], list[bytes]]


@dataclass(frozen=True, slots=True)
class Task:
    """One thing that the programs do.

    :ivar record: writes what the peer says.
    :ivar units: of work in a sample of the fastest.
    :ivar each: exchanges, or octets, in a unit.
    """

    title: str
    program: str
    record: Record
    units: int
    each: int = BATCH
    fields: str = "h2load"
    encoding: str | None = None
    goals: Mapping[str, float] = field(default_factory=dict)

    @property
    def exchanges(self) -> int:
        """What the program does in a unit, as it counts it itself."""
        return 1 if self.each == MIB else self.each


_EXCHANGE = "small exchange, server"

TASKS: dict[str, Task] = {
    "exchange": Task(_EXCHANGE, "answering", requests("h2load"), 600, goals=_GOALS),
    "text": Task(
        f"{_EXCHANGE}, utf-8",
        "answering",
        requests("h2load"),
        600,
        encoding="utf-8",
        goals=_GOALS,
    ),
    "varied": Task(
        f"{_EXCHANGE}, browser request", "answering", requests("browser"), 200, fields="browser"
    ),
    "client": Task("small exchange, client", "asking", small_responses, 600),
    "upload": Task("POST of 64 KiB, server", "uploads", uploads, 1500, 1),
    "send": Task("1 MiB down, server", "sending", credit, 100, MIB),
    "receive": Task("1 MiB down, client", "receiving", downloads, 100, MIB),
}


def facade(report: Report, options: Options) -> None:
    """Every task, or those that were asked for."""
    asked = options.parts("facade") or tuple(TASKS)
    with Workers("h2", [_PEER]) as workers:
        for name, task in TASKS.items():
            if name in asked:
                _compare(report, options, workers, task)
        for name, why in workers.left_out.items():
            report.skip(f"facade, {name}", why)
    report.remark(
        SECTION,
        "The same program, given the package: `h2`, or `plait.compat.h2`. Exchanges are 32 at a "
        "time and each has 13 octets to answer; *utf-8* is `header_encoding='utf-8'` and fields as "
        "`str` both ways, otherwise they are `bytes`. Bodies go in DATA frames of 16 KiB within "
        "windows of 64 KiB: received ones are acknowledged frame by frame, sent ones cut by "
        "`local_flow_control_window` and `max_outbound_frame_size`.",
    )


def _sample(worker: Worker, **request: object) -> float:
    return float(worker.ask(do="perform", **request)["ns"])


def _samplers(
    stack: ExitStack, workers: Workers, task: Task, options: Options
) -> dict[str, Callable[[], float]]:
    """A sampler for each that does all the work; one that does not is left out."""
    samples: dict[str, Callable[[], float]] = {}
    for name, worker in list(workers.running.items()):
        units = 1 + options.scaled(max(2, task.units // _FEWER[name]))
        request = {
            "data": stack.enter_context(data_file(task.record(units, task.exchanges))),
            "program": task.program,
            "encoding": task.encoding,
            "fields": task.fields,
            "each": task.exchanges,
            "units": units,
        }
        try:
            done = worker.ask(do="perform", **request)["done"]
            if done != units * task.exchanges:
                raise Missing(f"it did {done} of {units * task.exchanges}: {task.title}")
        except Missing as missing:
            workers.drop(name, str(missing))
        else:
            samples[name] = partial(_sample, worker, **request)
    return samples


def _compare(report: Report, options: Options, workers: Workers, task: Task) -> None:
    """One task, all in turns."""
    with ExitStack() as stack:
        found = in_turns(_samplers(stack, workers, task, options), options.rounds)
    unit, scale = ("ns/octet", task.each) if task.each == MIB else ("µs", 1000 * task.each)
    for mine in (COMPILED, PLAIN):
        if mine not in found or _PEER not in found:
            continue
        row = Row(
            work=task.title,
            subject=mine,
            value=min(found[mine]) / scale,
            unit=unit,
            peer=_PEER,
            peer_value=min(found[_PEER]) / scale,
            ratio=median_ratio(found[mine], found[_PEER]),
            goal=task.goals.get(mine),
        )
        report.add(SECTION, row)
