"""Whatever fuzzing found, and what it starts from, replayed by an ordinary test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fuzz import program
from fuzz.seeds import seeds
from fuzz.targets import CASES, CORPUS, TARGETS, inputs, target_of
from plait import build_info
from tests.support.project import ROOT, SOURCE


def failures(files: list[Path]) -> dict[str, str]:
    found = {}
    for file in files:
        try:
            TARGETS[target_of(file)](file.read_bytes(), None)
        except Exception as fault:  # noqa: BLE001 - all of them are to be told
            found[str(file.relative_to(ROOT))] = f"{type(fault).__name__}: {fault}"
    return found


@pytest.mark.parametrize("target", TARGETS)
def test_every_input_of_the_corpus_passes(target: str) -> None:
    files = inputs(CORPUS / target)
    assert len(files) >= 10
    assert failures(files) == {}


@pytest.mark.parametrize("file", inputs(CASES), ids=lambda file: f"{file.parent.name}-{file.name}")
def test_what_was_found_once_is_mended(file: Path) -> None:
    assert failures([file]) == {}


def test_the_corpus_stays_small() -> None:
    files = inputs(CORPUS) + inputs(CASES)
    assert len(files) < 1000
    assert sum(file.stat().st_size for file in files) < 300_000


def test_the_seeds_are_in_the_corpus() -> None:
    for target, name, data in seeds():
        kept = (CORPUS / target / name).read_bytes()
        # those of `frames` depend on the version of PyPI's hpack that compressed them
        assert kept == data or target == "frames", "run `python -m fuzz seeds`"


def digests(path: str | None) -> dict[str, Any]:
    """What the plait of a search path makes of the inputs."""
    env = dict(os.environ)
    if path is not None:
        env["PYTHONPATH"] = path
    command = [sys.executable, "-m", "fuzz", "digests"]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


@pytest.mark.variant("compiled")
def test_both_variants_make_the_same_of_every_input() -> None:
    compiled, plain = digests(None), digests(str(SOURCE))
    assert (compiled["variant"], plain["variant"]) == ("compiled", "plain")
    assert compiled["digests"] == plain["digests"]


def replay(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "fuzz", "replay", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_a_single_input_is_replayed_with_a_transcript() -> None:
    done = replay(str(CORPUS / "server" / "rapid-reset"))
    assert done.returncode == 0, done.stdout
    assert "RequestReceived(stream_id=1" in done.stdout
    assert "slug='reset.flood'" in done.stdout
    assert f"1 inputs replayed, 0 failed ({build_info()})" in done.stdout


def test_an_input_of_no_target_is_refused(tmp_path: Path) -> None:
    (tmp_path / "input").write_bytes(b"")
    done = replay(str(tmp_path / "input"))
    assert done.returncode != 0
    known = "hpack, frames, server, client, spdy"
    assert f"lies in no folder with a target's name ({known})" in done.stderr


def test_any_octets_are_a_program_and_a_program_is_its_octets() -> None:
    head, steps = program.parse(b"\1\2\3\4" + bytes([program.PING, 2]) + b"ab" + b"\xff")
    assert head == b"\1\2\3\4"
    assert steps == [
        program.Operation(program.PING, b"ab"),
        program.Operation(0xFF % program.CODES),
    ]
    assert program.parse(program.build(head, steps)) == (head, steps)
    assert program.parse(b"\1") == (b"\1\0\0\0", [])


def test_mutations_give_programs_of_the_size_asked_for() -> None:
    data = (CORPUS / "server" / "every-answer").read_bytes()
    made = [
        program.mutate(data, 100, seed, lambda octets, most: octets[:most]) for seed in range(99)
    ]
    assert all(len(one) <= 100 for one in made)
    assert len(set(made)) > 50
