"""Both variants, fed the same octets, say the same.

The corpus is in `tests.support.corpus`; what talkers say is in `tests.properties.talk`.
"""

from __future__ import annotations

import difflib
import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tests.support.project import ROOT, SOURCE

COMMAND = [sys.executable, "-m", "tests.support.replay"]
# The sources first on the path stand before the installed, compiled modules.
ENVIRONMENTS = {
    "compiled": dict(os.environ),
    "plain": {**os.environ, "PYTHONPATH": str(SOURCE)},
}


def replay(variant: str, *names: str) -> str:
    """What the replay prints when it runs on one variant."""
    done = subprocess.run(
        [*COMMAND, *names],
        cwd=ROOT,
        env=ENVIRONMENTS[variant],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, Any]]:
    """What each variant made of the corpus."""
    both = {variant: json.loads(replay(variant)) for variant in ENVIRONMENTS}
    for variant, report in both.items():
        assert report["variant"] == variant
    return both


@pytest.mark.variant("compiled")
def test_both_variants_answer_every_conversation_alike(told: dict[str, dict[str, Any]]) -> None:
    plain, compiled = told["plain"]["digests"], told["compiled"]["digests"]
    assert plain.keys() == compiled.keys()
    assert len(plain) > 1000
    different = [name for name in plain if plain[name] != compiled[name]]
    if different:
        lines = [replay(variant, different[0]).splitlines() for variant in ("plain", "compiled")]
        diff = list(difflib.unified_diff(*lines, "plain", "compiled", lineterm="", n=1))
        pytest.fail(f"{len(different)} differ, first {different[0]!r}:\n" + "\n".join(diff[:40]))


@pytest.mark.variant("compiled")
def test_neither_variant_raises_for_what_a_peer_sends(told: dict[str, dict[str, Any]]) -> None:
    for variant, report in told.items():
        assert not report["faults"], f"{variant}: {next(iter(report['faults'].items()))}"
