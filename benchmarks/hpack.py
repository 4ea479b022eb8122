"""Suite `hpack`: nanoseconds per field, decoding and encoding, and how small the blocks are."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from benchmarks.corpus import long_connections, short_connections
from benchmarks.cputime import in_turns, median_ratio
from benchmarks.options import Options
from benchmarks.report import Report, Row
from benchmarks.traffic import Fields
from benchmarks.workers import COMPILED, PLAIN, Worker, Workers, data_file
from plait.hpack import Encoder

SECTION = "HPACK, ns per field"

_PEERS = ["hpack", "ngh2"]
_GOALS = {"decode": 1 / 20, "encode": 1 / 30}

#: How many fields a sample works through, so that none is over in a moment.
_FIELDS = {"hpack": 10_000, PLAIN: 20_000, COMPILED: 200_000}


def hpack(report: Report, options: Options) -> None:
    """Decode, encode, and the size of the blocks."""
    with Workers("hpack", _PEERS) as workers:
        for name, why in workers.left_out.items():
            report.skip(f"hpack, {name}", why)
        for kind, stories in (("short", short_connections()), ("long", long_connections())):
            _time(report, workers, options, kind, stories)
        _sizes(report, workers, long_connections())
    report.remark(
        SECTION,
        "Every connection starts with a fresh codec. Short: the corpus of the HPACK tests, "
        "8 connections of about 10 header lists; long: 6 of 120. All decoders read the blocks "
        "that plait's encoder wrote. Their size is set beside libnghttp2's too, as ngh2's "
        "connections send it.",
    )


def _blocks(stories: list[list[Fields]]) -> list[list[bytes]]:
    """The stories as one encoder writes them; every decoder reads these."""
    out = []
    for story in stories:
        encode = Encoder().encode
        out.append([encode(fields) for fields in story])
    return out


def _count(stories: list[list[Fields]]) -> int:
    return sum(len(fields) for story in stories for fields in story)


def _sample(worker: Worker, do: str, file: str, fields: int, times: int) -> float:
    return float(worker.ask(do=do, data=file, fields=fields, times=times)["ns"])


def _time(
    report: Report, workers: Workers, options: Options, kind: str, stories: list[list[Fields]]
) -> None:
    """Both directions, in turns."""
    fields = _count(stories)
    with ExitStack() as stack:
        lists = stack.enter_context(data_file(stories))
        blocks = stack.enter_context(data_file(_blocks(stories)))
        for do, file in (("decode", blocks), ("encode", lists)):
            samples = {}
            for name, worker in workers.running.items():
                if name in _FIELDS:
                    times = max(1, options.scaled(_FIELDS[name]) // fields)
                    samples[name] = partial(_sample, worker, do, file, fields, times)
            _compare(report, do, kind, in_turns(samples, options.rounds))


def _compare(report: Report, do: str, kind: str, found: dict[str, list[float]]) -> None:
    theirs = found.pop("hpack", None)
    if theirs is None:
        return
    for name, mine in found.items():
        report.add(
            SECTION,
            Row(
                work=f"{do}, {kind} connections",
                subject=name,
                value=min(mine),
                unit="ns/field",
                peer="hpack",
                peer_value=min(theirs),
                ratio=median_ratio(mine, theirs),
                goal=_GOALS[do] if name == COMPILED else None,
            ),
        )


def _sizes(report: Report, workers: Workers, stories: list[list[Fields]]) -> None:
    """Octets per field that the encoders write; both variants of plait write the same."""
    fields = _count(stories)
    with data_file(stories) as lists:
        sizes = {n: w.ask(do="blocks", data=lists)["octets"] for n, w in workers.running.items()}
    mine = next((sizes[name] for name in (COMPILED, PLAIN) if name in sizes), None)
    for peer in _PEERS:
        if mine is None or peer not in sizes:
            continue
        report.add(
            SECTION,
            Row(
                work="size, long connections",
                subject="plait",
                value=mine / fields,
                unit="octets/field",
                peer=peer,
                peer_value=sizes[peer] / fields,
                ratio=mine / sizes[peer],
                goal=1.0 if peer == "ngh2" else None,
            ),
        )
