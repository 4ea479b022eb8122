"""The old names in the processes that a program starts.

A child of ``multiprocessing`` is a fresh interpreter, unless it is forked: it would find the real
module of an old name, or none. What a parent hands over to it first is the dictionary of
``multiprocessing.spawn.get_preparation_data``, before any module of the program is imported; it
carries one entry more, which installs the names when it is unpickled, and is ignored otherwise.
"""

from __future__ import annotations

import importlib.util
import sys
from importlib.abc import Loader
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from importlib.machinery import ModuleSpec
    from types import ModuleType

MODULE = "multiprocessing.spawn"
FORK_SERVER = "multiprocessing.forkserver"

_INSTALL = """\
import sys
sys.path[:] = {path!r}
from plait.compat import install
install(*{names!r})
"""


class _Inheritance:
    """Installs names where it is unpickled."""

    def __init__(self, path: list[str], names: Collection[str]) -> None:
        self.path = path
        self.names = names

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        # A function of plait's could not be found in a child that has not got its path yet, when
        # plait is not installed but lies in a zip file, say, that the parent's path leads to.
        return exec, (_INSTALL.format(path=self.path, names=sorted(self.names)),)


def bequeath(names: Collection[str]) -> None:
    """Let the children that ``multiprocessing`` starts from now on have the names; once is enough.

    :param names: is looked at when a child is started.
    """
    spawn: Any = sys.modules[MODULE]
    original = spawn.get_preparation_data
    if original.__module__ == __name__:
        return

    def get_preparation_data(name: str) -> dict[str, Any]:
        data: dict[str, Any] = original(name)
        data["plait.compat"] = _Inheritance(data.get("sys_path", sys.path), names)
        if sys._getframe(1).f_globals.get("__name__") == FORK_SERVER:
            # It imports the program once for all its children, without a look at our entry; told
            # of no program it leaves that to them.
            data.pop("init_main_from_path", None)
            data.pop("init_main_from_name", None)
        return data

    spawn.get_preparation_data = get_preparation_data


class SpawnLoader(Loader):
    """Loads ``multiprocessing.spawn`` as its own loader does, and changes it then.

    So a program that does not start processes does not pay for the module.
    """

    def __init__(self, loader: Loader, names: Collection[str]) -> None:
        self.loader = loader
        self.names = names

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Return what the module's own loader returns."""
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Execute the module, and leave no trace but the change."""
        module.__loader__ = self.loader
        if module.__spec__ is not None:
            module.__spec__.loader = self.loader
        self.loader.exec_module(module)
        bequeath(self.names)


def find(names: Collection[str]) -> ModuleSpec | None:
    """Return how to load ``multiprocessing.spawn``; called by a finder that then stands aside."""
    spec = importlib.util.find_spec(MODULE)
    if spec is not None and spec.loader is not None:
        spec.loader = SpawnLoader(spec.loader, names)
    return spec
