"""The sanitized build reports what it must: a mistake is planted, built and run."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.peers import require_tool
from tests.support.project import PACKAGE, ROOT
from tools import sanitize

# Arrays of C are the one thing that Cython's own checks of bounds do not cover.
PLANTED = """
_room = (1, 2, 3, 4)

def read(at):
    return _room[at]

def add(number):
    return number + 1
"""
PLANTED_PXD = """
cdef long long _room[4]
cpdef long long read(long long at)
cpdef long long add(long long number)
"""


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plait of one module with two mistakes, built by this project's own recipe."""
    require_tool("gcc")
    tree = tmp_path_factory.mktemp("tree")
    for name in ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    package = tree / "src" / "plait"
    package.mkdir(parents=True)
    for name in ("_version.py", "py.typed"):
        shutil.copy(PACKAGE / name, package)
    (package / "__init__.py").write_text("")
    (package / "planted.py").write_text(PLANTED)
    (package / "planted.pxd").write_text(PLANTED_PXD)
    target = tree / "installed"
    subprocess.run(
        [
            *(sys.executable, "-m", "pip", "install", "--quiet", "--no-build-isolation"),
            *("--no-deps", "--target", str(target), "."),
        ],
        cwd=tree,
        env={**sanitize.environment(target), "LD_PRELOAD": "", "PLAIT_BUILD": "required"}
        | {"PLAIT_SANITIZE": "address,undefined", "PYTHONPATH": ""},
        check=True,
        timeout=110,
    )
    return target


def outcome(installed: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", f"from plait.planted import read, add; print({code})"],
        env=sanitize.environment(installed),
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
@pytest.mark.variant("compiled")
def test_both_sanitizers_report_planted_mistakes(installed: Path) -> None:
    sanitize.check_instrumented(installed)
    assert outcome(installed, "read(3), add(1)").stdout == "4 2\n"
    beyond = outcome(installed, "read(4)")
    assert beyond.returncode != 0
    assert "runtime error: index 4 out of bounds" in beyond.stderr
    wrapped = outcome(installed, "add(2**63 - 1)")
    assert wrapped.returncode != 0
    assert "runtime error: signed integer overflow" in wrapped.stderr
