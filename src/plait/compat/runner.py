"""Running a program as Python itself would, with the old names installed.

``python -m plait.compat script.py ARGS`` differs from ``python script.py ARGS`` in nothing else:
the program is ``__main__``, ``sys.argv`` and ``sys.path[0]`` are its own, and when it fails its
traceback starts with its own first line.
"""

from __future__ import annotations

import builtins
import importlib.util
import io
import os
import sys
import zipfile
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, ModuleType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn

from plait._version import __version__

from .aliases import ALIASES, install

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from importlib.machinery import ModuleSpec

PROGRAM = "python -m plait.compat"
USAGE = f"usage: {PROGRAM} SCRIPT [ARGS ...]  or  {PROGRAM} -m MODULE [ARGS ...]"
HELP = f"""{USAGE}

Runs a Python program in which plait stands in for: {", ".join(ALIASES)}.

  SCRIPT      a Python file, or a folder or zip file with a __main__.py
  -m MODULE   a module, as for python -m
  -h, --help  print this text
  --version   print plait's version
"""

# Frames of these files stand above the program's own in a traceback.
_OURS = {__file__, str(Path(__file__).with_name("__main__.py")), "<frozen runpy>"}


class _UnusableError(Exception):
    """There is no such program; the message says so in one line."""


def main(arguments: Sequence[str]) -> None:
    """Run the program that the command line names.

    :param arguments: the command line without its first word.
    :raises SystemExit: with status 2 and one line on standard error when there is no such
        program; whatever the program raises passes through.
    """
    if not arguments:
        _refuse(USAGE)
    first, *rest = arguments
    if first in ("-h", "--help"):
        sys.stdout.write(HELP)
        return
    if first == "--version":
        sys.stdout.write(f"plait {__version__}\n")
        return
    if first == "-m" and not rest:
        _refuse("-m needs the name of a module")
    if first.startswith("-") and first != "-m":
        _refuse(f"there is no option {first}; {USAGE}")
    install()
    try:
        if first == "-m":
            program, code = _load_module(rest[0])
            sys.argv[:] = [str(program.__file__), *rest[1:]]
        else:
            program, code = _load_path(first)
            sys.argv[:] = [first, *rest]
    except _UnusableError as problem:
        _refuse(str(problem))
    except BaseException:
        _hide_own_frames()
        raise
    _run(program, code)


def _refuse(message: str) -> NoReturn:
    """Tell what is wrong in one line, and end."""
    sys.stderr.write(f"{PROGRAM}: {message}\n")
    raise SystemExit(2)


def _run(program: ModuleType, code: CodeType) -> None:
    """Execute the program as ``__main__``, which it stays until the interpreter ends."""
    sys.modules["__main__"] = program
    try:
        exec(code, program.__dict__)
    except BaseException:
        _hide_own_frames()
        raise


def _load_path(path: str) -> tuple[ModuleType, CodeType]:
    """Return what a file, a folder or a zip file holds."""
    if os.path.isdir(path) or zipfile.is_zipfile(path):
        sys.path.insert(0, path)
        if not sys.flags.safe_path:
            del sys.path[1]
        sys.modules.pop("__main__", None)  # it is this program, and would be found first
        spec = importlib.util.find_spec("__main__")
        if spec is None:
            raise _UnusableError(f"there is no __main__.py in {path!r}")
        return _load_spec(spec, package="")
    file_name = os.path.abspath(path)
    try:
        with io.open_code(file_name) as file:
            source = file.read()
    except OSError as problem:
        raise _UnusableError(f"cannot read {path!r}: {problem.strerror}") from None
    if not sys.flags.safe_path:
        sys.path[0] = os.path.dirname(os.path.realpath(path))
    loader = SourceFileLoader("__main__", file_name)
    program = _new_main(__file__=file_name, __loader__=loader, __package__=None, __spec__=None)
    return program, compile(source, file_name, "exec", dont_inherit=True)


def _load_module(name: str) -> tuple[ModuleType, CodeType]:
    """Return what ``python -m name`` would run."""
    spec = _find_module(name)
    if spec is not None and spec.submodule_search_locations is not None:
        spec = _find_module(f"{name}.__main__")
        if spec is None:
            raise _UnusableError(f"{name} is a package without a __main__ module")
    if spec is None:
        raise _UnusableError(f"no module named {name}")
    return _load_spec(spec, package=spec.parent or "")


def _find_module(name: str) -> ModuleSpec | None:
    """Return where a module is; its parent packages get imported on the way."""
    if name.startswith("."):
        raise _UnusableError(f"no module can be named {name!r}")
    try:
        return importlib.util.find_spec(name)
    except ModuleNotFoundError as missing:
        # Only a missing parent means that there is no such module: anything else is a fault
        # of the package, and worth its traceback.
        if missing.name is not None and f"{name}.".startswith(f"{missing.name}."):
            return None
        raise


def _load_spec(spec: ModuleSpec, package: str) -> tuple[ModuleType, CodeType]:
    """Return the module and the code that a spec leads to."""
    get_code: Callable[[str], CodeType | None] | None = getattr(spec.loader, "get_code", None)
    code = get_code(spec.name) if get_code else None
    if code is None:
        raise _UnusableError(f"{spec.name} has no Python code to run")
    program = _new_main(
        __file__=spec.origin, __loader__=spec.loader, __package__=package, __spec__=spec
    )
    return program, code


def _new_main(**attributes: Any) -> ModuleType:
    """Return an empty ``__main__``."""
    program = ModuleType("__main__")
    program.__dict__.update(attributes, __builtins__=builtins, __cached__=None)
    return program


def _hide_own_frames() -> None:
    """Let the traceback that Python is about to print begin with the program.

    The program is over, so nobody but the interpreter calls the hook after this.
    """
    show = sys.excepthook

    def show_program_frames(
        kind: type[BaseException], problem: BaseException, trace: TracebackType | None
    ) -> None:
        while trace is not None and trace.tb_frame.f_code.co_filename in _OURS:
            trace = trace.tb_next
        show(kind, problem.with_traceback(trace), trace)

    sys.excepthook = show_program_frames
