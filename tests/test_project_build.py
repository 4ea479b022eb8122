"""Building plait: the three modes of `PLAIT_BUILD`, and what ends up where."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

import plait
from tests.support.peers import require_tool
from tests.support.project import PACKAGE, ROOT, modules_with_sidecar

RECIPE = ("pyproject.toml", "setup.py", "MANIFEST.in", "README.md", "LICENSE", "CHANGELOG.md")

# A stand-in for plait that compiles in a moment: one extension type used by another.
COUNTER = """
class Counter:
    def __init__(self) -> None:
        self.n = 0

    def add(self, n: int) -> int:
        self.n += n
        return self.n
"""
COUNTER_PXD = (
    "cdef class Counter:\n    cdef long long n\n    cpdef long long add(self, long long n)\n"
)
USER = "from plait.inner.counter import Counter\n\ndef two() -> int:\n    return Counter().add(2)\n"
USER_PXD = "from plait.inner.counter cimport Counter\ncpdef long long two()\n"


def lay_out(folder: Path) -> Path:
    """The build recipe of plait in a folder of its own, still without modules."""
    for name in RECIPE:
        shutil.copy(ROOT / name, folder)
    (folder / "src").mkdir()
    return folder


@pytest.fixture
def real_tree(tmp_path: Path) -> Path:
    """A copy of what plait is built from."""
    tree = lay_out(tmp_path)
    shutil.copytree(PACKAGE, tree / "src" / "plait", ignore=shutil.ignore_patterns("__pycache__"))
    return tree


@pytest.fixture
def small_tree(tmp_path: Path) -> Path:
    """The recipe with two small modules in place of the real ones."""
    tree = lay_out(tmp_path)
    inner = tree / "src" / "plait" / "inner"
    inner.mkdir(parents=True)
    for name in ("__init__.py", "_build.py", "_version.py", "py.typed"):
        shutil.copy(PACKAGE / name, inner.parent)
    (inner.parent / "__init__.py").write_text("from plait._build import build_info\n")
    (inner / "__init__.py").write_text("")
    for name, text in (("counter", COUNTER), ("user", USER)):
        (inner / f"{name}.py").write_text("from __future__ import annotations\n" + text)
    (inner / "counter.pxd").write_text(COUNTER_PXD)
    (inner / "user.pxd").write_text(USER_PXD)
    return tree


def build(
    tree: Path, mode: str, what: str = "wheel", **env: str
) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Builds without isolation, as a packager would; returns the outcome and its folder."""
    target = tree / "made"
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir()
    code = f"from setuptools import build_meta; build_meta.build_{what}({str(target)!r})"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tree,
        env={**os.environ, "PLAIT_BUILD": mode, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=110,
    )
    return done, target


def contents(folder: Path) -> tuple[str, set[str]]:
    """Name and file list of the only wheel in a folder."""
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        return wheel.name, set(archive.namelist())


def binaries(names: set[str]) -> set[str]:
    return {name for name in names if name.endswith((*EXTENSION_SUFFIXES, ".c", ".o"))}


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_an_unknown_mode_is_refused_in_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "setup.py", "--name"],
        cwd=ROOT,
        env={**os.environ, "PLAIT_BUILD": "perhaps"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    wanted = "plait: PLAIT_BUILD must be one of off, auto, required, not 'perhaps'\n"
    assert done.stderr == wanted


def test_off_gives_a_pure_wheel_with_everything_in_it(real_tree: Path) -> None:
    done, folder = build(real_tree, "off", CC="/bin/false")
    assert done.returncode == 0, done.stderr
    name, names = contents(folder)
    assert name.endswith("-py3-none-any.whl")
    assert not binaries(names)
    source = real_tree / "src"
    kept = {f"plait/{n}" for n in files_below(source / "plait")}
    assert {n for n in kept if n.endswith((".py", ".pxd", "py.typed"))} <= names
    assert {n for n in kept if "/assets/" in n} <= names


def test_required_fails_without_a_compiler_and_says_so(small_tree: Path) -> None:
    done, folder = build(small_tree, "required", CC="/bin/false")
    assert done.returncode != 0
    assert "plait: PLAIT_BUILD=required, but no working C compiler" in done.stderr
    assert not list(folder.glob("*.whl"))


def test_auto_builds_plain_python_without_a_compiler_and_says_so(small_tree: Path) -> None:
    done, folder = build(small_tree, "auto", CC="/bin/false")
    assert done.returncode == 0, done.stderr
    assert "plait: building plain Python: no working C compiler" in done.stderr
    name, names = contents(folder)
    assert name.endswith("-py3-none-any.whl")
    assert not binaries(names)


def test_required_refuses_an_editable_install(small_tree: Path) -> None:
    done, _ = build(small_tree, "required", what="editable")
    assert done.returncode != 0
    assert "plait: PLAIT_BUILD=required cannot compile an editable install" in done.stderr


@pytest.mark.slow
@pytest.mark.interop
def test_compiled_wheel_holds_all_twins_and_leaves_the_source_tree_clean(small_tree: Path) -> None:
    require_tool("gcc")
    before = files_below(small_tree / "src" / "plait")
    done, folder = build(small_tree, "required")
    assert done.returncode == 0, done.stderr
    assert files_below(small_tree / "src" / "plait") == before
    name, names = contents(folder)
    assert "none-any" not in name
    twins = {n.partition(".")[0] for n in binaries(names)}
    assert twins == {"plait/inner/counter", "plait/inner/user"}

    code = (
        "from plait.inner.user import two; import plait; print(two(), plait.build_info().variant)"
    )
    site = small_tree / "site"
    with zipfile.ZipFile(folder / name) as archive:
        archive.extractall(site)
    done = subprocess.run(
        [sys.executable, "-S", "-c", code],
        env={"PYTHONPATH": str(site)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "2 compiled\n", done.stderr

    # a module that is gone from the sources is gone from the next wheel too
    for suffix in (".py", ".pxd"):
        (small_tree / "src" / "plait" / "inner" / f"user{suffix}").unlink()
    done, folder = build(small_tree, "required")
    assert done.returncode == 0, done.stderr
    assert not {n for n in contents(folder)[1] if "user" in n}


@pytest.mark.slow
@pytest.mark.interop
def test_auto_takes_all_back_when_one_module_does_not_compile(small_tree: Path) -> None:
    compiler = small_tree / "cc"
    compiler.write_text(
        f'#!/bin/sh\ncase "$*" in *user.c*) exit 1;; esac\nexec {require_tool("gcc")} "$@"\n'
    )
    compiler.chmod(0o755)
    done, folder = build(small_tree, "auto", CC=str(compiler))
    assert done.returncode == 0, done.stderr
    assert "plait: building plain Python: the C compiler failed" in done.stderr
    name, names = contents(folder)
    assert name.endswith("-py3-none-any.whl")
    assert not binaries(names)


def test_source_distribution_can_build_both_variants(real_tree: Path) -> None:
    done, folder = build(real_tree, "auto", what="sdist")
    assert done.returncode == 0, done.stderr
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        names = {name.partition("/")[2] for name in packed.getnames()}
    assert {"setup.py", "pyproject.toml", "LICENSE"} <= names
    kept = {f"src/plait/{n}" for n in files_below(real_tree / "src" / "plait")}
    assert {n for n in kept if n.endswith((".py", ".pxd", "py.typed"))} <= names


def test_a_source_distribution_has_whatever_tests_and_documentation_read() -> None:
    grafted = set(re.findall(r"^graft (\w+)$", (ROOT / "MANIFEST.in").read_text(), re.MULTILINE))
    products = {"build", "dist", "site", "artifacts", "htmlcov"}
    there = {p.name for p in ROOT.iterdir() if p.is_dir() and p.name.isidentifier()}
    assert there - products - {"src", "__pycache__"} == grafted


def test_no_build_product_lies_in_the_source_tree() -> None:
    assert not binaries(files_below(ROOT / "src"))


def test_build_info_tells_the_variant_of_every_module_that_can_be_compiled() -> None:
    info = plait.build_info()
    assert info.modules.keys() == modules_with_sidecar().keys()
    assert info.version == plait.__version__
    assert info.python.split()[1] == sys.version.split()[0].rstrip("+")
    assert Path(info.location) == Path(plait.__file__).parent
    assert set(info.modules.values()) <= {info.variant}
    assert info.variant in str(info)


@pytest.mark.variant("plain")
def test_the_plain_variant_runs_from_the_source_tree() -> None:
    assert Path(plait.__file__).is_relative_to(PACKAGE)
    assert not set(plait.build_info().modules.values()) - {"plain"}


@pytest.mark.variant("compiled")
def test_the_compiled_variant_is_the_installed_one() -> None:
    assert not Path(plait.__file__).is_relative_to(ROOT / "src")
    assert plait.build_info().modules
    assert not set(plait.build_info().modules.values()) - {"compiled"}
