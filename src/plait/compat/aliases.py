"""Old module names that lead to plait's modules.

A finder at the head of ``sys.meta_path`` answers for the names that were installed: ``h2`` is
``plait.compat.h2``, the very same module object, and so is every module below it. Nothing is
imported before the program imports the old name. Processes that the program starts with
``multiprocessing`` get the names, too.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

from . import spawning

if TYPE_CHECKING:
    from collections.abc import Sequence

ALIASES = {
    "h2": "plait.compat.h2",
    "kyoukai": "plait.compat.kyoukai",
    "nghttp2": "plait.compat.nghttp2",
    "spdylay": "plait.compat.spdylay",
}
"""The old top-level names, and the modules that stand for them."""


class AliasLoader(Loader):
    """Loads a module of plait under another name."""

    def __init__(self, target: str) -> None:
        self.target = target
        self._spec: ModuleSpec | None = None

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """Return the module that the name stands for."""
        module = importlib.import_module(self.target)
        self._spec = module.__spec__
        _name_imported(spec.name.partition(".")[0])
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the module has been executed under its own name.

        The import system has just given it the alias's spec, and gets its own one back.
        """
        module.__spec__ = self._spec


def _name_imported(top: str) -> None:
    """Give their old names to all modules below ``top`` that are imported.

    One module imports others on its way, by plait's names.
    """
    real = ALIASES[top] + "."
    for name, module in list(sys.modules.items()):
        if name.startswith(real):
            sys.modules.setdefault(f"{top}.{name[len(real) :]}", module)


class AliasFinder(MetaPathFinder):
    """Finds the installed old names and everything below them."""

    def __init__(self) -> None:
        self.installed: set[str] = set()
        self.looking = False

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return how to load ``fullname``, or ``None`` when it is none of the old names."""
        del path, target
        if fullname == spawning.MODULE and not self.looking:
            self.looking = True
            try:
                return spawning.find(self.installed)
            finally:
                self.looking = False
        top, dot, rest = fullname.partition(".")
        if top not in self.installed:
            return None
        real = ALIASES[top] + dot + rest
        if importlib.util.find_spec(real) is None:
            return None
        return ModuleSpec(fullname, AliasLoader(real), origin=real)


_finder = AliasFinder()


def install(*names: str) -> None:
    """Make ``import h2``, ``nghttp2``, ``spdylay`` or ``kyoukai`` find plait's; may be repeated.

    It goes before a real module of the name that may be installed beside plait.

    :param names: the old names to install; all of them when none is given.
    :raises ValueError: for a name that plait does not stand in for.
    :raises ImportError: if the program has already imported another module of such a name; then
        none is installed.
    """
    wanted = names or tuple(ALIASES)
    for name in wanted:
        if name not in ALIASES:
            raise ValueError(f"plait stands in for {', '.join(ALIASES)}, not for {name!r}")
        _refuse_another(name)
    _finder.installed.update(wanted)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
    if spawning.MODULE in sys.modules:
        spawning.bequeath(_finder.installed)


def _refuse_another(name: str) -> None:
    """Raise if another module of that name, or below it, is in use."""
    for present, module in list(sys.modules.items()):
        if present.partition(".")[0] != name:
            continue
        if module is not sys.modules.get(ALIASES[name] + present[len(name) :]):
            where = getattr(module, "__file__", None) or "an unknown place"
            raise ImportError(
                f"another module {present} has been imported already, from {where}; "
                "call install() before the first import of it",
                name=present,
            )
