"""Everything at once, for longer, with spdy-transport on the other side."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from typing import Any

import pytest

from plait.spdy import StreamStatus, Version
from tests.interop.application import pattern
from tests.interop.spdy.clients import Answer, Client
from tests.interop.spdy.conftest import Connect

pytestmark = [pytest.mark.interop, pytest.mark.slow]

BULK = 16_000_000
REQUESTS = 2000

Ports = dict[Version, int]
Exchange = Callable[..., Any]


def digest(size: int) -> str:
    return hashlib.sha256(pattern(size)).hexdigest()


def expect_sink(answer: Answer, size: int) -> None:
    found = json.loads(answer.body)
    assert (found["length"], found["sha256"]) == (size, digest(size))
    assert answer.complete


def expect_octets(answer: Answer, size: int) -> None:
    assert answer.body == pattern(size)
    assert answer.complete


def expect_pushes(answer: Answer, size: int) -> None:
    assert answer.body == b"pushing"
    assert answer.complete
    assert len(answer.pushes) == 2
    for pushed in answer.pushes:
        expect_octets(pushed, size)


def expect_trailers(answer: Answer, size: int) -> None:
    expect_octets(answer, size)
    assert answer.later == [("x-sum", str(size))]


def expect_cancelled(answer: Answer, size: int) -> None:
    assert answer.closed == StreamStatus.CANCEL
    assert len(answer.body) >= size
    assert answer.body == pattern(len(answer.body))


def expect_failure(answer: Answer, size: int) -> None:
    assert answer.closed == StreamStatus.INTERNAL_ERROR
    assert answer.body == pattern(len(answer.body))


Check = Callable[[Answer, int], None]


def ask_something(client: Client, dice: random.Random) -> tuple[Check, Answer, int]:
    """A request of some kind, and what is to be held of its answer."""
    size = dice.choice([0, 1, 100, 4096, 8192, 30_000, 65_536, 150_000])
    kinds: list[tuple[Check, str, dict[str, Any]]] = [
        (expect_octets, f"/bytes?n={size}", {}),
        (expect_octets, "/echo", {"size": size}),
        (expect_sink, "/sink", {"size": size}),
        (expect_pushes, f"/push?n={size}&count=2&mend=1", {}),
        (expect_trailers, f"/trailers?n={size}", {}),
        (expect_failure, f"/reset?n={size}&code=INTERNAL_ERROR", {}),
        (expect_failure, f"/reset?n={size}&code=INTERNAL_ERROR", {"size": size}),
        (expect_cancelled, f"/bytes?n={size + 1_000_000}", {"enough": (size, StreamStatus.CANCEL)}),
    ]
    check, path, more = dice.choice(kinds)
    return check, client.ask(path, priority=dice.randrange(4), **more), size


def test_requests_of_every_kind_at_once(connect: Connect) -> None:
    client = connect()
    client.run(lambda: bool(client.settings))
    dice = random.Random(1)
    asked = [ask_something(client, dice) for _ in range(REQUESTS)]
    client.finish(*(answer for _, answer, _ in asked))
    for check, answer, size in asked:
        check(answer, size)
    client.ping()
    client.run(lambda: bool(client.pings))
    assert client.invalid == []


def test_bulk_both_ways(connect: Connect) -> None:
    client = connect()
    answers = [client.ask("/echo", size=BULK), client.ask(f"/bytes?n={BULK}")]
    client.finish(*answers)
    assert [answer.sha256 for answer in answers] == [digest(BULK)] * 2


def test_bulk_both_ways_with_the_client_of_node(
    exchange: Exchange, plait_servers: Ports, version: Version
) -> None:
    echo = {"path": "/echo", "method": "POST", "size": BULK}
    found = exchange(plait_servers[version], echo, {"path": f"/bytes?n={BULK}"})
    assert [one["sha256"] for one in found["results"]] == [digest(BULK)] * 2


def test_requests_of_every_kind_by_the_client_of_node(
    exchange: Exchange, native_servers: Ports, version: Version
) -> None:
    dice = random.Random(2)
    sizes = [dice.choice([0, 1, 100, 4096, 30_000, 65_536, 150_000]) for _ in range(REQUESTS)]
    kinds: list[Callable[[int], dict[str, Any]]] = [
        lambda size: {"path": f"/bytes?n={size}"},
        lambda size: {"path": "/echo", "method": "POST", "size": size},
        lambda size: {"path": "/sink", "method": "POST", "size": size, "after": {"x-after": "1"}},
        lambda size: {"path": f"/push?n={size}&count=2"},
        lambda size: {"path": f"/push?n={size}&count=2", "refuse": True},
        lambda size: {"path": f"/trailers?n={size}"},
        lambda size: {"path": f"/reset?n={size}&code=INTERNAL_ERROR"},
        lambda size: {"path": f"/bytes?n={2 * size}", "abort": {"at": size, "code": "CANCEL"}},
        lambda size: {"path": "/echo", "method": "POST", "part": size, "code": "CANCEL"},
    ]
    chosen = [dice.randrange(len(kinds)) for _ in sizes]
    requests = [kinds[kind](size) for kind, size in zip(chosen, sizes, strict=True)]
    found = exchange(native_servers[version], *requests, wave=100, pings=1)
    assert (found["pings"], found["record"]["errors"]) == (1, [])
    for kind, size, one in zip(chosen, sizes, found["results"], strict=True):
        judge(kind, size, one)


def judge(kind: int, size: int, one: dict[str, Any]) -> None:
    """Whether an answer to a request of this kind is right."""
    seen = (kind, size, one)
    if kind in (0, 1, 5):
        assert (one["length"], one["sha256"], one["ended"]) == (size, digest(size), True), seen
    if kind == 2:
        sent = json.loads(one["text"])
        assert (sent["length"], sent["sha256"]) == (size, digest(size)), seen
        assert sent["later"] == [["x-after", "1"]], seen
    if kind in (3, 4):
        assert one["text"] == "pushing", seen
        pushed = [(p["length"], p["sha256"], p["ended"]) for p in one["pushes"]]
        assert pushed == [(size, digest(size), True)] * (2 if kind == 3 else 0), seen
    if kind == 5:
        assert one["trailers"] == [{"x-sum": str(size)}], seen
    if kind == 6:
        assert one["errors"] == ["Got RST: INTERNAL_ERROR"], seen
    if kind == 7:
        assert size <= one["length"] <= 2 * size, seen
    if kind == 8:
        assert not one["ended"], seen
