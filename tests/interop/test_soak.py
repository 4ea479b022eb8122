"""Short versions of `python -m soak`: what is bounded under attack, and what is left afterwards.

Latencies are not judged here: other work on the machine would be.
"""

from __future__ import annotations

import pytest

from soak.attacks import ATTACKS, Attack, fields, floods, messages, reading, slow, tls
from soak.connections import connections
from soak.hostile import Finding, hostile
from soak.streams import streams
from tests.support.peers import require_tool

pytestmark = pytest.mark.interop

# One of each kind that takes no time: the others are for the slow run.
QUICK = (
    "rapid reset, 20,000 times",
    "CONTINUATION without content, endless",
    "20,000 streams where 100 are allowed",
    "16,000 crumbs of cookie, 100 times",
    "wrong frames and settings, each once",
    "malformed requests, each once",
    "small requests without end, responses not read",
)
FOLDERS = {
    "floods": floods,
    "fields": fields,
    "messages": messages,
    "reading": reading,
    "tls": tls,
    "slow": slow,
}


def withstood(attacks: list[Attack]) -> list[Finding]:
    """Run attacks without an honest client; nothing may be wrong."""
    _, findings = hostile(short=True, attacks=attacks, honest=False)
    problems = {each.attack.name: each.problems for each in findings if each.problems}
    assert problems == {}
    return findings


def test_a_few_attacks() -> None:
    chosen = [attack for attack in ATTACKS if attack.name in QUICK]
    assert len(chosen) == len(QUICK)
    refused = {slug for each in withstood(chosen) for slug in each.stopped_by}
    assert {"reset.flood", "continuation.flood", "streams.refused_flood"} <= refused


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("folder", FOLDERS)
def test_every_attack(folder: str) -> None:
    withstood(FOLDERS[folder].ATTACKS)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_hundred_thousand_streams() -> None:
    require_tool("h2load")
    for found in streams(100_000, 20_000):
        assert found.problems == []


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_thousands_of_connections_dropped_in_every_way() -> None:
    found = connections(3000, preface=2.0)
    assert found.problems == []  # objects that are left among them, but for a few
