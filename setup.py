"""Builds plait, as plain Python or with its hot modules compiled by Cython.

The metadata is in `pyproject.toml`; this file only decides what is compiled. A
module is compiled when a sidecar `X.pxd` stands beside `X.py`. The environment
variable `PLAIT_BUILD` chooses:

- `off`: a pure Python wheel that runs everywhere.
- `auto` (the default): compile where that works; otherwise say why not and build
  the pure wheel.
- `required`: compile, or fail.

It is all the modules or none of them, because compiled modules reach into one
another's C structures. C sources and objects stay in `build/`. An editable
install runs from `src/` and so is always plain.

`PLAIT_SANITIZE`, for the project's own tests, names sanitizers of the C compiler
(`address,undefined`) to build with; what is built so stays in `build/sanitize/`.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from setuptools import Extension, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_ext import build_ext
from setuptools.command.build_py import build_py

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent
SOURCE = Path("src")
MODES = ("off", "auto", "required")

SANITIZERS = os.environ.get("PLAIT_SANITIZE", "")
BUILD = Path("build") / "sanitize" if SANITIZERS else Path("build")
C_SOURCES = BUILD / "cython"

# For speed, and for a build whose mistakes are to be seen. Wrapping integers, which Python is
# compiled with, would hide overflows, and recycled objects their use after the end; the C
# asserts of Python's headers check types; nothing is optimised away before it is checked.
FAST = ("-O3", "-g0")
SANITIZED = (
    "-O0",
    "-g1",
    "-UNDEBUG",
    "-fno-wrapv",
    "-fno-omit-frame-pointer",
    f"-fsanitize={SANITIZERS}",
    "-fno-sanitize-recover=all",
    "-DCYTHON_USE_FREELISTS=0",
)

# What Cython may assume. Annotations say what mypy checks, not what C types to
# use (the sidecars do that). Checks of bounds and of None stay on for memory safety; they
# were measured at less than a thousandth of an exchange's instructions.
DIRECTIVES: dict[str, Any] = {
    "language_level": 3,
    "annotation_typing": False,
    "boundscheck": True,
    "nonecheck": True,
    "wraparound": True,
    "initializedcheck": True,
}


class CannotCompileError(Exception):
    """The compiled variant cannot be built here; the message says why."""


def build_mode() -> str:
    """Reads `PLAIT_BUILD`; anything but the three modes ends the build."""
    mode = os.environ.get("PLAIT_BUILD") or "auto"
    if mode not in MODES:
        sys.exit(f"plait: PLAIT_BUILD must be one of {', '.join(MODES)}, not {mode!r}")
    return mode


def say(text: str) -> None:
    """One line for whoever watches the build."""
    print(f"plait: {text}", file=sys.stderr, flush=True)


def modules_with_sidecar() -> Iterator[tuple[str, Path]]:
    """Yields the dotted name and the source of every module that has a compiled twin."""
    for sidecar in sorted((ROOT / SOURCE / "plait").rglob("*.pxd")):
        module = sidecar.with_suffix(".py")
        if not module.exists():
            continue  # a .pxd alone only declares things for others
        inside = module.relative_to(ROOT / SOURCE)
        yield ".".join(inside.with_suffix("").parts), SOURCE / inside


def check_compiler() -> None:
    """Compiles one empty extension, so that a missing compiler or header shows early.

    The sidecars rely on sizes of 64 bits.
    """
    if sys.maxsize < 2**63 - 1:
        raise CannotCompileError("this Python's sizes have less than 64 bits")
    from setuptools._distutils.ccompiler import new_compiler
    from setuptools._distutils.sysconfig import customize_compiler, get_python_inc

    with tempfile.TemporaryDirectory() as scratch:
        probe = Path(scratch) / "probe.c"
        probe.write_text("#include <Python.h>\nint plait_probe;\n")
        try:
            compiler = new_compiler()
            customize_compiler(compiler)
            compiler.compile([str(probe)], output_dir=scratch, include_dirs=[get_python_inc()])
        except Exception as fault:  # noqa: BLE001 - every compiler class has its own errors
            raise CannotCompileError(
                f"no working C compiler with Python's headers ({fault})"
            ) from None


def translate() -> list[Extension]:
    """Turns the modules with a sidecar into C, in `build/cython`."""
    try:
        from Cython.Build import cythonize
        from Cython.Compiler.Errors import CompileError
    except ImportError as fault:
        raise CannotCompileError(f"no Cython ({fault})") from None
    extensions = [Extension(name, [source.as_posix()]) for name, source in modules_with_sidecar()]
    if not extensions:
        raise CannotCompileError("no .pxd sidecar beside any module")
    try:
        return list(
            cythonize(
                extensions,
                build_dir=C_SOURCES.as_posix(),
                include_path=[SOURCE.as_posix()],
                compiler_directives=DIRECTIVES,
                force=recipe_changed(),
            )
        )
    except CompileError as fault:
        raise CannotCompileError(f"Cython refused the sources: {fault}") from None


def recipe_changed() -> bool:
    """True when this file or `pyproject.toml` is newer than C made earlier.

    Cython compares a module's C with its `.py` and `.pxd` files only, and would
    keep what was made with other directives or by another Cython.
    """
    recipe = max((ROOT / name).stat().st_mtime for name in ("setup.py", "pyproject.toml"))
    return any(made.stat().st_mtime < recipe for made in (ROOT / C_SOURCES).rglob("*.c"))


def is_editable() -> bool:
    """True when the installation will run from `src/`, where no binary belongs."""
    return bool({"editable_wheel", "develop"} & set(sys.argv))


def is_build() -> bool:
    """True when this run makes something that is installed (not an sdist or metadata)."""
    return bool({"bdist_wheel", "build", "build_ext", "install"} & set(sys.argv))


def extensions_to_build(mode: str) -> list[Extension]:
    """The extensions of this build, or none with a word on why."""
    if mode == "off":
        return []
    if is_editable():
        if mode == "required":
            sys.exit("plait: PLAIT_BUILD=required cannot compile an editable install")
        say("an editable install is plain Python")
        return []
    if not is_build():
        return []
    try:
        check_compiler()
        return translate()
    except CannotCompileError as fault:
        if mode == "required":
            sys.exit(f"plait: PLAIT_BUILD=required, but {fault}")
        say(f"building plain Python: {fault}")
        return []


class BuildModules(build_ext):
    """`build_ext` that gives all the extensions or, in mode `auto`, none."""

    def build_extensions(self) -> None:
        """Compiles with the options that matter for this code."""
        if self.compiler.compiler_type == "unix":
            options = list(SANITIZED if SANITIZERS else FAST)
            if sys.platform == "linux":
                # calls between functions of one module may be inlined
                options.append("-fno-semantic-interposition")
            for extension in self.extensions:
                extension.extra_compile_args = options
                if SANITIZERS:
                    extension.extra_link_args = [f"-fsanitize={SANITIZERS}"]
        self.parallel = self.parallel or min(os.cpu_count() or 1, 4)
        super().build_extensions()

    def run(self) -> None:
        """Builds; a failure in mode `auto` takes back what was built."""
        try:
            super().run()
        except Exception as fault:
            if build_mode() == "required":
                raise
            say(f"building plain Python: the C compiler failed ({fault})")
            for extension in self.extensions:
                Path(self.get_ext_fullpath(extension.name)).unlink(missing_ok=True)
            self.extensions = []
            self.distribution.ext_modules = []


class BuildPython(build_py):
    """`build_py` that first forgets files whose source is gone, which a wheel would still hold."""

    def run(self) -> None:
        """Sweeps `build/lib*`, then copies the modules."""
        made = Path(self.build_lib)
        kept = {name for name, _ in modules_with_sidecar()} if self.distribution.ext_modules else ()
        for file in [path for path in made.rglob("*") if path.is_file()]:
            inside = file.relative_to(made)
            module = ".".join((*inside.parent.parts, inside.name.partition(".")[0]))
            if not (SOURCE / inside).exists() and module not in kept:
                file.unlink()
        super().run()


class BuildWheel(bdist_wheel):
    """`bdist_wheel` that tags the wheel by what was built, not by what was planned."""

    def get_tag(self) -> tuple[str, str, str]:
        """The pure tag when mode `auto` fell back while compiling."""
        if not self.distribution.ext_modules:
            self.root_is_pure = True
        return super().get_tag()


if __name__ == "__main__":
    os.chdir(ROOT)
    setup(
        options={"build": {"build_base": BUILD.as_posix()}},
        ext_modules=extensions_to_build(build_mode()),
        cmdclass={
            "build_py": BuildPython,
            "build_ext": BuildModules,
            "bdist_wheel": BuildWheel,
        },
    )
