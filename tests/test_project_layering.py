"""Imports point one way, the protocol does no I/O, and the core needs only the stdlib."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import plait
from tests.support.project import imports, modules

# What each part of plait may import from the others. A new part says here where it stands.
BELOW: dict[str, set[str]] = {
    "_version": set(),
    "_build": {"_version"},
    "_loop": set(),
    "hpack": set(),
    "http2": {"hpack"},
    "spdy": {"http2"},
    "server": {"_loop", "_version", "hpack", "http2", "spdy"},
    "client": {"_loop", "_version", "hpack", "http2"},
    "compat": {"_loop", "_version", "hpack", "http2", "spdy", "server", "client"},
    "demo": {"hpack", "http2", "server"},
    "process": {"server"},
    # the command is a user of the root as well, which nothing else below it may be
    "cli": {
        "",
        "_build",
        "_version",
        "hpack",
        "http2",
        "spdy",
        "server",
        "client",
        "compat",
        "demo",
        "process",
    },
    "__main__": {"cli"},
}

# The root only re-exports; it may look at everything that users import from it.
ROOT = {"_build", "_version", "hpack", "http2", "server", "client"}

# Parts that must work in any kind of program: no I/O, no clock of their own, no threads.
PROTOCOL = ("hpack", "http2", "spdy")
NOT_IN_PROTOCOL = {"asyncio", "logging", "select", "selectors", "socket", "ssl", "threading"}

# The optional packages, and who may know of them (as an extra that may be absent).
OPTIONAL = {
    "server": {"cryptography", "httptools", "prometheus_client", "uvloop", "wsproto"},
    "client": {"uvloop"},
    "compat": {"asphalt", "werkzeug"},
    "process": {"watchfiles"},
    "cli": {"click", "cryptography", "uvloop"},
}

MODULES = modules()


def part_of(module: str) -> str:
    """`plait.http2.stream` → `http2`; the root itself is ""."""
    return module.partition(".")[2].partition(".")[0]


def imported_parts(path: Path) -> list[tuple[int, str]]:
    """The parts of plait that a file imports from."""
    found = []
    for line, target in imports(path):
        if target.partition(".")[0] == "plait":
            part = part_of(target)
            # `from plait import build_info` names no part: it goes through the root
            found.append((line, part if part in BELOW else ""))
    return found


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module: str) -> None:
    part = part_of(module)
    assert part == "" or part in BELOW, f"{module}: say in this test where {part!r} stands"
    allowed = ROOT if part == "" else BELOW[part] | {part}
    for line, target in imported_parts(MODULES[module]):
        assert target in allowed, f"{module}:{line} imports plait.{target or '(the root)'}"


@pytest.mark.parametrize("module", [m for m in MODULES if part_of(m) in PROTOCOL])
def test_the_protocol_imports_no_io(module: str) -> None:
    for line, target in imports(MODULES[module]):
        assert target.partition(".")[0] not in NOT_IN_PROTOCOL, f"{module}:{line}: {target}"


@pytest.mark.parametrize("module", MODULES)
def test_only_the_standard_library_is_needed(module: str) -> None:
    optional = OPTIONAL.get(part_of(module), set())
    for line, target in imports(MODULES[module]):
        top = target.partition(".")[0]
        known = top == "plait" or top in sys.stdlib_module_names or top in optional
        assert known, f"{module}:{line} imports {target}"


def run_bare(code: str) -> str:
    """Runs code where the standard library and plait are all there is."""
    where = str(Path(plait.__file__).parent)
    # a finder for plait alone: its folder may be site-packages, full of other packages
    setting = (
        "import sys, importlib.util as u\n"
        f"spec = u.spec_from_file_location('plait', {where!r} + '/__init__.py', "
        f"submodule_search_locations=[{where!r}])\n"
        "module = sys.modules['plait'] = u.module_from_spec(spec)\n"
        "spec.loader.exec_module(module)\n"
    )
    command = [sys.executable, "-I", "-S", "-W", "error", "-c", setting + code]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_module_but_the_command_imports_with_nothing_installed() -> None:
    # cli needs click; __main__ modules run something when imported
    names = [m for m in MODULES if part_of(m) != "cli" and not m.endswith("__main__")]
    code = "import importlib\n" + "".join(f"importlib.import_module({n!r})\n" for n in names)
    run_bare(code + "print('imported')\n")


def test_importing_the_engine_loads_no_io() -> None:
    names = [m for m in MODULES if part_of(m) in PROTOCOL]
    code = "".join(f"import {n}\n" for n in names) + "print(' '.join(sys.modules))\n"
    loaded = set(run_bare(code).split())
    assert set(names) <= loaded
    assert not loaded & NOT_IN_PROTOCOL


def test_relative_imports_are_seen_as_what_they_are() -> None:
    path = MODULES["plait._build"]
    tree = ast.parse("from . import _version\nfrom .http2 import x\nimport a.b")
    assert [t for _, t in imports(path, tree)] == ["plait._version", "plait.http2.x", "a.b"]
