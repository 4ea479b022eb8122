"""Suite `hpack`: nanoseconds per field, decoding and encoding, and how small the blocks are."""

from __future__ import annotations

from contextlib import ExitStack
from functools import partial

from benchmarks.corpus import stories
from benchmarks.cputime import in_turns, median_ratio
from benchmarks.options import Options
from benchmarks.report import Report, Row
from benchmarks.workers import COMPILED, PLAIN, Worker, Workers, data_file
from plait.hpack import Encoder

SECTION = "HPACK, header lists of a browser, an API client and a gRPC client"

_PEERS = ["hpack", "ngh2"]
_GOALS = {"decode": 1 / 20, "encode": 1 / 30}


def _blocks() -> list[list[bytes]]:
    """The stories as one encoder writes them; every decoder reads these."""
    out = []
    for story in stories():
        encode = Encoder().encode
        out.append([encode(fields) for fields in story])
    return out


def _sample(worker: Worker, do: str, file: str, fields: int) -> float:
    return float(worker.ask(do=do, data=file, fields=fields)["ns"])


def hpack(report: Report, options: Options) -> None:
    """Decode, encode, and the size of the blocks."""
    told = stories()
    fields = sum(len(one) for story in told for one in story)
    with Workers("hpack", _PEERS) as workers, ExitStack() as stack:
        for name, why in workers.left_out.items():
            report.skip(f"hpack, {name}", why)
        lists = stack.enter_context(data_file(told))
        blocks = stack.enter_context(data_file(_blocks()))
        for do, file in (("decode", blocks), ("encode", lists)):
            samples = {
                name: partial(_sample, worker, do, file, fields)
                for name, worker in workers.running.items()
                if name != "ngh2"
            }
            _compare(report, do, in_turns(samples, options.rounds + 2))
        _sizes(report, workers, lists, fields)
    report.remark(
        SECTION,
        f"{len(told)} connections with {fields:,} fields together; every connection starts with "
        "a fresh codec. All decoders read the blocks that plait's encoder wrote. The size is set "
        "beside libnghttp2's too, as ngh2's connections send it.",
    )


def _compare(report: Report, do: str, found: dict[str, list[float]]) -> None:
    theirs = found.pop("hpack", None)
    if theirs is None:
        return
    for name, mine in found.items():
        report.add(
            SECTION,
            Row(
                work=do,
                subject=name,
                value=min(mine),
                unit="ns/field",
                peer="hpack",
                peer_value=min(theirs),
                ratio=median_ratio(mine, theirs),
                goal=_GOALS[do] if name == COMPILED else None,
            ),
        )


def _sizes(report: Report, workers: Workers, lists: str, fields: int) -> None:
    """Octets per field that the encoders write; both variants of plait write the same."""
    sizes = {n: w.ask(do="blocks", data=lists)["octets"] for n, w in workers.running.items()}
    mine = next((sizes[name] for name in (COMPILED, PLAIN) if name in sizes), None)
    for peer in _PEERS:
        if mine is None or peer not in sizes:
            continue
        report.add(
            SECTION,
            Row(
                work="size of the blocks",
                subject="plait",
                value=mine / fields,
                unit="octets/field",
                peer=peer,
                peer_value=sizes[peer] / fields,
                ratio=mine / sizes[peer],
                goal=1.0 if peer == "ngh2" else None,
            ),
        )
