"""Worlds from seeds come to a good end, and the same seed always makes the same world."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from tests.support.project import ROOT, SOURCE

from .profiles import FIRST_SEED, slow
from .simulation import SimulationFailedError, main, simulate


@pytest.mark.parametrize("seed", [1, 3, 6])
def test_every_job_of_a_world_is_settled(seed: int) -> None:
    report = simulate(seed)
    assert report.counts["done"] > 200
    assert report.counts["retries"] > 0
    assert report.counts["flip"] + report.counts["garbage"] + report.counts["loss"] > 0


def test_the_sound_notice_nothing_of_the_unsound() -> None:
    with_faults = simulate(2, 120)
    without = simulate(2, 120, faults=False)
    assert with_faults.hashes[0::2] == without.hashes[0::2]
    assert with_faults.hashes[1::2] != without.hashes[1::2]


def command(seed: int, streams: int, **environment: str) -> str:
    """The hash of a world's trace, from another process."""
    program = [sys.executable, "-m", "tests.properties.simulation"]
    done = subprocess.run(
        [*program, "--seed", str(seed), "--streams", str(streams)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    found = re.search(r"^trace ([0-9a-f]{16}) \((\w+)\)$", done.stdout, re.MULTILINE)
    assert found is not None, done.stdout
    assert found[2] == environment.get("EXPECTED", found[2])
    return found[1]


def test_the_same_seed_makes_the_same_world_in_every_process() -> None:
    assert simulate(4, 60).hash == command(4, 60, PYTHONHASHSEED="17")
    assert simulate(4, 60).hash != simulate(5, 60).hash


@pytest.mark.variant("compiled")
def test_the_same_seed_makes_the_same_world_on_both_variants() -> None:
    compiled = command(7, 200, EXPECTED="compiled")
    assert compiled == command(7, 200, EXPECTED="plain", PYTHONPATH=str(SOURCE))


def test_a_failing_seed_tells_how_to_see_it_again(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SimulationFailedError) as caught:
        simulate(8, 50, deadline=1.0)
    said = str(caught.value).splitlines()
    assert said[0] == "AssertionError: it does not come to an end"
    assert said[-1] == "replay: python -m tests.properties.simulation --seed 8 --streams 50"
    assert any("writes" in line for line in said)
    assert main(["--seed", "8", "--streams", "50"]) == 0
    assert "trace " in capsys.readouterr().out


@slow
def test_many_worlds() -> None:
    for seed in range(FIRST_SEED, FIRST_SEED + 40):
        simulate(seed, 200)  # what fails says its seed


@slow
def test_a_large_world() -> None:
    report = simulate(9113, 12_000, clients=12)
    assert report.counts["done"] > 9000
