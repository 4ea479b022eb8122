"""The process in which one engine or codec is timed: JSON lines in, JSON lines out.

Started by `benchmarks.workers`. A request is ``{"do": NAME, "data": FILE, ...}`` where FILE is a
pickle that the parent wrote, so that all engines get the same octets; the answer carries CPU
nanoseconds of exactly the work asked for.
"""

from __future__ import annotations

import gc
import json
import pickle
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.codecs import CODECS
from benchmarks.engines import ENGINES, LONG_BODY, Engine
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


TASKS = {"exchange": exchange, "check": check, "decode": code, "encode": code, "blocks": blocks}


def main(kind: str, name: str) -> None:
    """Say what is here, then serve requests until the input ends."""
    try:
        subject = (ENGINES if kind == "engine" else CODECS)[name]()
    except ImportError as error:
        print(json.dumps({"error": str(error)}), flush=True)
        return
    print(json.dumps({"version": subject.version}), flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        print(json.dumps(TASKS[request["do"]](subject, request)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
