"""Old module names that lead to plait's modules.

A finder at the head of ``sys.meta_path`` answers for the names that were installed: ``nghttp2`` is
``plait.compat.nghttp2``, the very same module object, and so is every module below it. Nothing is
imported before the program imports the old name.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

ALIASES = {
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
        del spec
        module = importlib.import_module(self.target)
        self._spec = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Do nothing: the module has been executed under its own name.

        The import system has just given it the alias's spec, and gets its own one back.
        """
        module.__spec__ = self._spec


class AliasFinder(MetaPathFinder):
    """Finds the installed old names and everything below them."""

    def __init__(self) -> None:
        self.installed: set[str] = set()

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None = None,
        target: ModuleType | None = None,
    ) -> ModuleSpec | None:
        """Return how to load ``fullname``, or ``None`` when it is none of the old names."""
        del path, target
        top, dot, rest = fullname.partition(".")
        if top not in self.installed:
            return None
        real = ALIASES[top] + dot + rest
        if importlib.util.find_spec(real) is None:
            return None
        return ModuleSpec(fullname, AliasLoader(real), origin=real)


_finder = AliasFinder()


def install(*names: str) -> None:
    """Make ``import nghttp2``, ``spdylay`` or ``kyoukai`` find plait's; harmless when repeated.

    It goes before a real module of the name that may be installed beside plait.

    :param names: the old names to install; all of them when none is given.
    :raises ValueError: for a name that plait does not stand in for.
    :raises ImportError: if the program has already imported another module of that name.
    """
    for name in names or ALIASES:
        if name not in ALIASES:
            raise ValueError(f"plait stands in for {', '.join(ALIASES)}, not for {name!r}")
        present = sys.modules.get(name)
        if present is not None and present is not sys.modules.get(ALIASES[name]):
            where = getattr(present, "__file__", None) or "an unknown place"
            raise ImportError(
                f"another module {name} has been imported already, from {where}; "
                "call install() before the first import of it",
                name=name,
            )
        _finder.installed.add(name)
    if _finder not in sys.meta_path:
        sys.meta_path.insert(0, _finder)
