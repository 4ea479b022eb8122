"""The names of a module whose place `plait.compat` takes: locked lists, one for each."""

from __future__ import annotations

import csv
from pathlib import Path
from types import ModuleType
from typing import Any


class Names:
    """A list of names with their kinds, and where to look them up.

    Names are relative to the module; methods, attributes and callbacks to their class.
    """

    def __init__(self, list_name: str, module: ModuleType) -> None:
        text = Path(__file__).with_name(list_name).read_text(encoding="utf-8")
        self.rows = list(csv.DictReader(text.splitlines()))
        self.kinds = {row["name"]: row["kind"] for row in self.rows}
        self.module = module

    def found(self, name: str) -> Any:
        """What the module has under a name."""
        thing: Any = self.module
        for part in name.split("."):
            thing = getattr(thing, part)
        return thing

    def of_kind(self, kind: str) -> list[str]:
        """The names of one kind."""
        return [name for name, known in self.kinds.items() if known == kind]

    def attributes(self, of: str) -> set[str]:
        """The attributes of a class."""
        names = [name for name in self.of_kind("attribute") if name.startswith(f"{of}.")]
        return {name.removeprefix(f"{of}.") for name in names}
