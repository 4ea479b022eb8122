"""What the page about hosts, and the README, show of applications is so."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

import pytest

from tests.support.peers import require_tool
from tests.support.process import Background, run
from tests.support.project import ROOT

from .documents import blocks, table_rows


@pytest.mark.interop
@pytest.mark.parametrize(
    ("page", "number", "answer"),
    [("docs/hosts.md", 0, "Hello!\n"), ("README.md", 1, "Hello from HTTP/{version}\n")],
)
def test_the_application_is_served_in_both_versions(
    page: str, number: int, answer: str, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(blocks(page, "python")[number])
    (shown,) = [text for text in blocks(page, "sh") if text.startswith("plait app:app")]
    first, *requests = [line.partition("  #")[0].split() for line in shown.splitlines()]
    plait = [sys.executable, "-W", "error", "-m", *first, "--bind", "127.0.0.1:0"]
    with Background(plait, cwd=tmp_path) as program:
        url = program.wait_for(r"on (http://127\.0\.0\.1:\d+/)")[1]
        assert len(requests) == 2
        for version, (tool, *arguments, address) in zip(("1.1", "2"), requests, strict=True):
            assert address == "http://127.0.0.1:8080/"
            said = run([require_tool(tool), "-sS", *arguments, url])
            assert said == answer.format(version=version)


def test_extras_bring_what_is_told() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    told = {}
    for row in table_rows("docs/hosts.md"):
        if len(row) == 3 and row[0].startswith("`"):
            told[row[0].strip("`")] = row[1]
    assert told.pop("standard") == "all of these"
    (standard,) = extras["standard"]
    assert set(re.findall(r"\w+", standard.partition("[")[2])) == set(told)
    for extra, packages in told.items():
        brought = {re.split(r"[>=<;\[]", each)[0] for each in extras[extra]}
        assert set(packages.split(", ")) == brought
