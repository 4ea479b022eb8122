"""Programs drawn at random, through both: a fixed number here, very many with the marker `slow`."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from .comparison import EVERYWHERE, Comparison, explain
from .differences import DIFFERENCES
from .programs import run
from .world import FACADE, REAL, Implementation

HONEST = EVERYWHERE | {
    "ALTSVC opens nothing",
    "acknowledgements in order",
    "ALTSVC of a stream",
    "ORIGIN",
    "PRIORITY_UPDATE",
    "content of no content",
    "failed calls",
    "fields that cannot be decoded",
    "frames out of place",
    "grammar of fields",
    "interim response to a push",
    "late frames",
    "late frames that are wrong",
    "normalised anyway",
    "nothing but padding",
    "refused promises",
    "too many pushes",
    "windows of promised streams",
}
"""What is met by peers and programs that do nothing wrong, in the eyes of h2."""


def judge(found: Comparison, classes: Counter[str], which: object) -> None:
    assert found.unnamed is None, explain(found, which)
    classes += found.classes


def run_many(seeds: range, *, faults: int, clumsy: int) -> Counter[str]:
    real, here = Implementation(REAL), Implementation(FACADE)
    classes: Counter[str] = Counter()
    for seed in seeds:
        judge(run(real, here, seed, faults=faults, clumsy=clumsy), classes, (seed, faults, clumsy))
    return +classes


def test_programs_that_do_nothing_wrong() -> None:
    classes = run_many(range(25), faults=0, clumsy=0)
    assert classes.keys() <= HONEST


def test_programs_whose_peer_does_something_wrong() -> None:
    assert len(run_many(range(25), faults=2, clumsy=0)) > 9


def test_programs_that_call_wrongly() -> None:
    assert len(run_many(range(25), faults=0, clumsy=6)) > 9


@pytest.mark.slow
def test_many_programs_that_do_nothing_wrong() -> None:
    assert run_many(range(1000, 1500), faults=0, clumsy=0).keys() <= HONEST


@pytest.mark.slow
def test_many_programs_that_do_something_wrong() -> None:
    classes = run_many(range(1000, 1500), faults=2, clumsy=0)
    classes += run_many(range(1500, 2000), faults=1, clumsy=10)
    assert classes.keys() <= {difference.slug for difference in DIFFERENCES} | EVERYWHERE


@pytest.mark.slow
@settings(max_examples=150, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32), faults=st.integers(0, 3), clumsy=st.sampled_from([0, 3, 20]))
def test_any_program(seed: int, faults: int, clumsy: int) -> None:
    run_many(range(seed, seed + 1), faults=faults, clumsy=clumsy)
