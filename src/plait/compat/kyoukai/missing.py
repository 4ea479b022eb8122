"""What stands for a class of a package that is not installed."""

from __future__ import annotations

from typing import Any, ClassVar, NoReturn


class Missing:
    """A class that can be imported and named, but of which no object can be made."""

    package: ClassVar[str] = ""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        del arguments, named
        self._refuse()

    def _refuse(self) -> NoReturn:
        name, package = type(self).__name__, self.package
        raise ModuleNotFoundError(
            f"{name} needs {package}: pip install 'plait[kyoukai]'", name=package
        )
