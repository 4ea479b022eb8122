"""The names of a module whose place `plait.compat` takes: locked lists, one for each."""

from __future__ import annotations

import csv
import inspect
from collections.abc import Mapping
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

    def parameters(self, name: str) -> list[inspect.Parameter]:
        """The parameters that a caller of a name gives: those of a method without ``self``."""
        parameters = list(inspect.signature(self.found(name)).parameters.values())
        return parameters[1:] if self.kinds[name] == "method" else parameters

    def check_signature(self, name: str, signature: str) -> None:
        """Fail unless a callable has the parameters of ``signature`` first, in their order.

        Names and defaults count. Further parameters may follow that have other names, and defaults.
        """
        parameters = self.parameters(name)
        expected = parameters_of(signature)
        shown = [(p.name, p.default) for p in parameters]
        assert shown[: len(expected)] == [(p.name, p.default) for p in expected.values()]
        for extra in parameters[len(expected) :]:
            assert extra.default is not extra.empty
            assert extra.name not in expected


def parameters_of(signature: str) -> Mapping[str, inspect.Parameter]:
    """The parameters of a signature that is written as it is called, such as ``(data, end=0)``."""
    return inspect.signature(eval(f"lambda {signature[1:-1]}: None")).parameters
