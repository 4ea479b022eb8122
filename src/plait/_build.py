"""Which variant of plait is running: plain Python, or compiled from the same source.

Modules with a sidecar (``X.pxd`` beside ``X.py``) have a compiled twin. An
installation holds all of them or none; a *mixed* one is damaged, and worth
knowing about.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from importlib.machinery import EXTENSION_SUFFIXES, ExtensionFileLoader, PathFinder
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from plait._version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

Variant = Literal["compiled", "plain"]


@dataclass(frozen=True, slots=True)
class BuildInfo:
    """What ``build_info()`` tells.

    :ivar version: the version of plait.
    :ivar variant: ``"compiled"``, ``"plain"``, or ``"mixed"`` when only some of the modules
        that can be compiled are.
    :ivar modules: for each module that can be compiled, which one is in use.
    :ivar python: implementation and version of the interpreter, such as ``CPython 3.11.7``.
    :ivar location: the folder that plait is imported from.
    """

    version: str
    variant: Literal["compiled", "plain", "mixed"]
    modules: Mapping[str, Variant]
    python: str
    location: str

    def __str__(self) -> str:
        compiled = sum(variant == "compiled" for variant in self.modules.values())
        return (
            f"plait {self.version}, {self.variant} "
            f"({compiled} of {len(self.modules)} modules compiled), {self.python}"
        )


def build_info() -> BuildInfo:
    """Tells which variant of plait is running.

    Imports nothing: a module already imported is asked what it was loaded from, any
    other is looked up where ``import`` would find it.
    """
    root = Path(__file__).parent
    modules: dict[str, Variant] = {}
    for sidecar in sorted(root.rglob("*.pxd")):
        if sidecar.with_suffix(".py").exists():
            name = ".".join((root.name, *sidecar.relative_to(root).with_suffix("").parts))
            modules[name] = _variant_of(name, sidecar.parent)
    found = set(modules.values())
    return BuildInfo(
        version=__version__,
        variant="mixed" if len(found) > 1 else found.pop() if found else "plain",
        modules=modules,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        location=str(root),
    )


def _variant_of(name: str, folder: Path) -> Variant:
    """Which of the two is in use, or would be imported."""
    module = sys.modules.get(name)
    spec = module.__spec__ if module else PathFinder.find_spec(name, [str(folder)])
    if spec is None:
        return "plain"
    if isinstance(spec.loader, ExtensionFileLoader):
        return "compiled"
    return "compiled" if str(spec.origin).endswith(tuple(EXTENSION_SUFFIXES)) else "plain"
