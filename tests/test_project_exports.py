"""What users may import is written down, and is there for people, mypy and editors alike."""

from __future__ import annotations

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.project import PACKAGE, ROOT, module_name

# One line per package: its name, a colon, and the names of its `__all__`.
LOCK = Path(__file__).with_name("public_names.txt")
PACKAGES = {module_name(p): p for p in sorted(PACKAGE.rglob("__init__.py"))}


def locked() -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    current = ""
    for line in LOCK.read_text(encoding="utf-8").splitlines():
        text = line.partition("#")[0]
        if text and not text.startswith(" "):
            current, _, text = text.partition(":")
            found[current] = set()
        found.setdefault(current, set()).update(text.split())
    found.pop("", None)
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_public_names_are_the_ones_written_down(package: str) -> None:
    names = importlib.import_module(package).__all__
    assert len(names) == len(set(names)), "a name stands twice in __all__"
    assert set(names) == locked().get(package), f"if this is meant, say so in {LOCK.name}"


def test_no_package_is_written_down_that_is_gone() -> None:
    assert locked().keys() <= PACKAGES.keys()


@pytest.mark.parametrize("package", PACKAGES)
def test_every_public_name_is_there(package: str) -> None:
    module = importlib.import_module(package)
    missing = [name for name in module.__all__ if not hasattr(module, name)]
    assert not missing
    assert set(module.__all__) <= set(dir(module))


@pytest.mark.parametrize("package", PACKAGES)
def test_packages_only_re_export(package: str) -> None:
    allowed = ast.Import | ast.ImportFrom | ast.Assign | ast.AnnAssign | ast.If | ast.Expr
    for node in ast.parse(PACKAGES[package].read_text(encoding="utf-8")).body:
        lazy = isinstance(node, ast.FunctionDef) and node.name in ("__getattr__", "__dir__")
        assert lazy or isinstance(node, allowed), f"{package}:{node.lineno}"


@pytest.mark.slow
@pytest.mark.variant("plain")
def test_mypy_sees_every_public_name(tmp_path: Path) -> None:
    lines = ["from __future__ import annotations", ""]
    for at, package in enumerate(PACKAGES):
        names = importlib.import_module(package).__all__
        lines += [f"from {package} import {name} as n{at}_{name}" for name in names]
        lines += [f"reveal_type(n{at}_{name})" for name in names]
    program = tmp_path / "consumer.py"
    program.write_text("\n".join(lines) + "\n")
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache")]
    done = subprocess.run(
        [*command, str(program)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout
    assert 'is "Any"' not in done.stdout
