"""The process in which one engine, codec or pair is timed: JSON lines in, JSON lines out.

Started by `benchmarks.workers`. A request is ``{"do": NAME, "data": FILE, ...}`` where FILE is a
pickle that the parent wrote, so that all engines get the same octets; the answer carries CPU
nanoseconds of exactly the work asked for.
"""

from __future__ import annotations

import gc
import json
import os
import pickle
import sys
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.codecs import CODECS
from benchmarks.deflate import zlib_ns
from benchmarks.engines import ENGINES, LONG_BODY, Engine
from benchmarks.h2_programs import PROGRAMS, Api
from benchmarks.machine import anonymous_kib
from benchmarks.pairs import PAIRS, Pair
from benchmarks.recordings import first_unit
from benchmarks.traffic import BODY, RESPONSES, ended_streams


def _load(request: dict[str, Any]) -> Any:
    return pickle.loads(Path(request["data"]).read_bytes())


def exchange(engine: Engine, request: dict[str, Any]) -> dict[str, Any]:
    """Nanoseconds per exchange over the reads after the first, which opens and warms up."""
    reads, responses = _load(request), RESPONSES[request["answers"]]
    engine.open()
    engine.serve(reads[:1], responses, LONG_BODY if request["blocked"] else BODY)
    exchanges = request["each"] * (len(reads) - 1)
    gc.collect()
    start = time.process_time_ns()
    engine.serve(reads[1:], responses)
    spent = time.process_time_ns() - start
    return {"ns": spent / exchanges}


def check(engine: Engine, request: dict[str, Any]) -> dict[str, Any]:
    """How many answers the engine gives to the reads after the first: nothing is timed unless
    it does the work."""
    reads, responses = _load(request), RESPONSES[request["answers"]]
    engine.open()
    engine.serve(reads[:1], responses, LONG_BODY if request["blocked"] else BODY)
    return {"answers": ended_streams(engine.serve(reads[1:], responses))[0]}


def code(codec: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Nanoseconds per field for stories, each with a fresh encoder or decoder."""
    stories = _load(request)
    work = codec.encode if request["do"] == "encode" else codec.decode
    gc.collect()
    start = time.process_time_ns()
    for _ in range(request["times"]):
        for story in stories:
            work(story)
    spent = time.process_time_ns() - start
    return {"ns": spent / (request["times"] * request["fields"])}


def blocks(codec: Any, request: dict[str, Any]) -> dict[str, Any]:
    """How many octets the stories' blocks take."""
    stories = _load(request)
    return {"octets": sum(len(block) for story in stories for block in codec.encode(story))}


def converse(pair: Pair, request: dict[str, Any]) -> dict[str, Any]:
    """Nanoseconds per exchange of a client with a server in memory."""
    each, times = request["each"], request["times"]
    pair.open(request["fields"])
    pair.exchange(each)
    gc.collect()
    answered = 0
    start = time.process_time_ns()
    for _ in range(times):
        answered += pair.exchange(each)
    spent = time.process_time_ns() - start
    return {"ns": spent / (times * each), "unanswered": times * each - answered}


def perform(api: Api, request: dict[str, Any]) -> dict[str, Any]:
    """Nanoseconds per unit of a program's work, and how much of it was done in all."""
    first, rest = first_unit(_load(request), request["units"])
    make = PROGRAMS[request["program"]]
    program = make(api, request["encoding"], request["fields"], request["each"])
    program.run(first)
    gc.collect()
    start = time.process_time_ns()
    program.run(rest)
    spent = time.process_time_ns() - start
    return {"ns": spent / (request["units"] - 1), "done": program.done()}


def compress(pair: Any, request: dict[str, Any]) -> dict[str, Any]:
    """Nanoseconds per exchange that zlib alone takes for the same header blocks."""
    return {"ns": zlib_ns(pair, request["fields"], request["times"], request["each"])}


def grow(pair: Pair, request: dict[str, Any]) -> dict[str, Any]:
    """KiB by which the process grows while one connection exchanges so many requests."""
    each, times = request["each"], request["times"]
    pair.open(request["fields"])
    for _ in range(1 + 10_000 // each):
        pair.exchange(each)
    gc.collect()
    before = anonymous_kib(os.getpid())
    answered = sum(pair.exchange(each) for _ in range(times))
    gc.collect()
    after = anonymous_kib(os.getpid())
    return {"kib": after - before, "unanswered": times * each - answered}


SUBJECTS: dict[str, Mapping[str, Callable[[], Any]]] = {
    "engine": ENGINES,
    "hpack": CODECS,
    "pair": PAIRS,
    "h2": {"h2": partial(Api, "h2"), "plait": partial(Api, "plait.compat.h2")},
}

TASKS: dict[str, Callable[[Any, dict[str, Any]], dict[str, Any]]] = {
    "exchange": exchange,
    "check": check,
    "decode": code,
    "encode": code,
    "blocks": blocks,
    "converse": converse,
    "perform": perform,
    "compress": compress,
    "grow": grow,
}


def main(kind: str, name: str) -> None:
    """Say what is here, then serve requests until the input ends."""
    try:
        subject = SUBJECTS[kind][name]()
    except ImportError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return
    print(json.dumps({"version": subject.version}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(TASKS[request["do"]](subject, request)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
