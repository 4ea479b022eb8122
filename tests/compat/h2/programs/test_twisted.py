"""Twisted's tests of its HTTP/2 server, which look at every frame that it sends."""

from __future__ import annotations

import re

import pytest

from tests.compat.h2.programs.engines import (
    ENGINES,
    EXCHANGED,
    HERE,
    MODULES,
    PACKAGE,
    command,
    environment,
)
from tests.support.process import run

pytest.importorskip("twisted.web", reason="Twisted is not installed: pip install 'twisted[http2]'")

pytestmark = [pytest.mark.interop, pytest.mark.slow]

# What Twisted's tests want and plait's engine does not do, and why.
DIFFERENT = {
    "test_resetTokensRefillOverTime": "hundreds of resets while only Twisted's own clock goes on",
    "test_sustainedResetsWithinRateAreAllowed": "the same",
    "test_timeoutResetByResponseData": "it sends the preface twice, which reads as a huge frame",
}


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, str]]:
    """What came of each test, with each engine."""
    found = {}
    for engine in ENGINES:
        folder = tmp_path_factory.mktemp(engine)
        program = command(engine, HERE / "twisted_tests.py")
        said = run(program, env=environment(), cwd=folder, status=None, patience=60)
        assert said.startswith(MODULES[engine] + "\n"), said
        found[engine] = dict(re.findall(r"^ +(test_\w+) \.\.\. +\[(\w+)\]$", said, re.MULTILINE))
        assert len(found[engine]) > 60, said
    return found


def test_they_pass_but_for_what_is_meant_to_differ(outcomes: dict[str, dict[str, str]]) -> None:
    package, exchanged = outcomes[PACKAGE], outcomes[EXCHANGED]
    # over TLS it needs pyOpenSSL as well
    assert {name for name in package if package[name] != "OK"} <= {"test_realRequest"}
    assert exchanged.keys() == package.keys()
    assert {name for name in package if exchanged[name] != package[name]} == set(DIFFERENT)
