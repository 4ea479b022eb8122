"""What httpx makes of a server: JSON, a line for each thing done, after a line with the engine.

    python httpx_client.py exchange URL CA GET DOWN UP
    python httpx_client.py faults URL NAME ...

CA is a file to trust, or "-" for clear text; GET, DOWN and UP are paths, of which UP takes a body.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import ssl
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import h2.connection
import httpx

PERIOD = bytes(range(1, 252))
UPLOAD = PERIOD * 4200


def tell(what: str, *facts: Any) -> None:
    print(json.dumps([what, *facts]), flush=True)


def options(ca: str) -> dict[str, Any]:
    verify = False if ca == "-" else ssl.create_default_context(cafile=ca)
    return {"http1": False, "http2": True, "verify": verify, "trust_env": False, "timeout": 20}


def facts(answer: httpx.Response) -> list[Any]:
    fields = [(name, value) for name, value in answer.headers.multi_items() if name != "date"]
    body = hashlib.sha256(answer.content).hexdigest()
    return [answer.status_code, answer.http_version, fields, len(answer.content), body]


def stream_of(answer: httpx.Response) -> int:
    found: int = answer.extensions["stream_id"]
    return found


async def exchange(base: str, ca: str, get: str, down: str, up: str) -> None:
    async with httpx.AsyncClient(base_url=base, **options(ca)) as client:
        tell("get", *facts(await client.get(get, auth=("a", "b"))))
        tell("head", *facts(await client.head(get)))
        answers = await asyncio.gather(*(client.get(get) for _ in range(20)))
        tell("parallel", *(facts(answer) for answer in answers))
        tell("streams", sorted(stream_of(answer) for answer in answers))
        tell("post", *facts(await client.post(up, content=UPLOAD)))

        async def pieces() -> AsyncIterator[bytes]:
            for start in range(0, len(UPLOAD), 30_001):
                yield UPLOAD[start : start + 30_001]

        tell("post in pieces", *facts(await client.post(up, content=pieces())))
        both = await asyncio.gather(client.get(down), client.post(up, content=UPLOAD))
        tell("both", *(facts(answer) for answer in both))
        size, digest = 0, hashlib.sha256()
        async with client.stream("GET", down) as answer:
            async for piece in answer.aiter_raw():
                size += len(piece)
                digest.update(piece)
        tell("download", size, digest.hexdigest())
        answers = await asyncio.gather(*(client.get(get) for _ in range(100)))
        tell("a hundred", {str(facts(answer)) for answer in answers} == {str(facts(answers[0]))})
        tell("streams", sorted(stream_of(answer) for answer in answers))
        async with client.stream("GET", down) as answer:  # which is left in the middle
            async for _ in answer.aiter_raw():
                break
        last = await client.get(get)
        tell("last stream", stream_of(last))
    with httpx.Client(base_url=base, **options(ca)) as client:
        tell("blocking", *facts(client.get(get)), *facts(client.post(up, content=UPLOAD)))


Step = Callable[[httpx.AsyncClient], Awaitable[httpx.Response]]


async def attempt(base: str, what: str, *steps: Step) -> None:
    """Does the steps one after the other on a client of its own; each may fail."""
    async with httpx.AsyncClient(base_url=base, **options("-")) as client:
        for step in steps:
            try:
                tell(what, *facts(await step(client)))
            except httpx.LocalProtocolError as problem:  # it has the engine's own words
                tell(what, type(problem).__name__)
            except httpx.HTTPError as problem:
                tell(what, type(problem).__name__, str(problem))


async def faults(base: str, *names: str) -> None:
    def get(path: str, **more: Any) -> Step:
        return lambda client: client.get(path, **more)

    for name in names:
        path = f"/{name}"
        if name == "silent":
            await attempt(base, name, get(path, timeout=0.2), get("/fine"))
        elif name == "one-a-connection":
            await attempt(base, name, *[get(path)] * 5)
        elif name == "window":
            await attempt(base, name, lambda client: client.post("/window", content=UPLOAD[:5000]))
        else:
            await attempt(base, name, get(path), get("/fine"))


if __name__ == "__main__":
    print(h2.connection.H2Connection.__module__)
    asyncio.run({"exchange": exchange, "faults": faults}[sys.argv[1]](*sys.argv[2:]))
