"""Suite `engine`: what a small exchange costs where there is no socket."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from functools import partial

from benchmarks.cputime import in_turns, median_ratio
from benchmarks.options import Options
from benchmarks.report import Report, Row
from benchmarks.traffic import FIELD_LISTS, small_requests
from benchmarks.workers import COMPILED, ONE_CALL, PLAIN, Missing, Worker, Workers, data_file

SECTION = "Engine alone"

BATCH = 32
BATCHES = 1000

#: By how much fewer batches the slow ones get, so that a round of theirs takes no seconds.
_FEWER = {"h2": 25, PLAIN: 5}

_GOALS = {
    (COMPILED, "ngh2"): 0.4,
    (ONE_CALL, "ngh2"): 0.4,
    (COMPILED, "h2"): 1 / 60,
    (ONE_CALL, "h2"): 1 / 60,
    (PLAIN, "h2"): 1 / 8,
}


def _sample(worker: Worker, **request: object) -> float:
    answer = worker.ask(do="exchange", each=BATCH, **request)
    return float(answer["ns"]) / 1000


def samplers(
    stack: ExitStack,
    workers: Workers,
    reads: list[bytes],
    answers: str = "h2load",
    blocked: bool = False,
) -> dict[str, Callable[[], float]]:
    """A sampler for each engine that answers every request; one that does not is left out.

    All are fed the same octets, the slow ones fewer of them.
    """
    samples: dict[str, Callable[[], float]] = {}
    for name, worker in list(workers.running.items()):
        share = reads[: 1 + max(2, (len(reads) - 1) // _FEWER.get(name, 1))]
        requests = BATCH * (len(share) - 1)
        file = stack.enter_context(data_file(share))
        request = {"data": file, "answers": answers, "blocked": blocked}
        try:
            given = worker.ask(do="check", **request)["answers"]
            if given != requests:
                raise Missing(f"it answered {given} of {requests} requests")
        except Missing as missing:
            workers.drop(name, str(missing))
        else:
            samples[name] = partial(_sample, worker, **request)
    return samples


def engine(report: Report, options: Options) -> None:
    """µs per small exchange, server role, 32 requests a read."""
    with Workers("engine", ["ngh2", "h2"]) as workers:
        for fields in FIELD_LISTS:
            reads = small_requests(fields, 1 + options.scaled(BATCHES))
            with ExitStack() as stack:
                found = in_turns(samplers(stack, workers, reads, fields), options.rounds)
            _compare(report, found, fields)
        for name, why in workers.left_out.items():
            report.skip(f"engine, {name}", why)
    report.remark(
        SECTION,
        "Server role, 32 requests a read, each answered with 13 octets. h2load's request and its "
        "response have 5 fields each that never change; the browser's has 18 fields and 500 paths "
        "and is answered with 11 fields, of which date, etag and last-modified differ each time. "
        "All engines are told to send headers, then data; *one call* is plait's `send_response`, "
        "which the others do not have.",
    )


def _compare(report: Report, found: dict[str, list[float]], fields: str) -> None:
    for (mine, peer), goal in _GOALS.items():
        if mine not in found or peer not in found:
            continue
        report.add(
            SECTION,
            Row(
                work=f"small exchange, {fields} request",
                subject=mine,
                value=min(found[mine]),
                unit="µs",
                peer=peer,
                peer_value=min(found[peer]),
                ratio=median_ratio(found[mine], found[peer]),
                goal=goal if fields == "h2load" else None,
            ),
        )
