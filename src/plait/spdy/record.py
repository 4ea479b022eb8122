"""What frames and events have in common: they are shown and compared by their attributes."""

from __future__ import annotations

from typing import ClassVar


class Record:
    """A value of some attributes, complete when built and never changed afterwards."""

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]] = ()
    _more: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        names = (*self.__match_args__, *self._more)
        shown = [f"{name}={getattr(self, name)!r}" for name in names]
        return type(self).__name__ + "(" + ", ".join(shown) + ")"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        for name in (*self.__match_args__, *self._more):
            if getattr(self, name) != getattr(other, name):
                return False
        return True

    __hash__ = None  # type: ignore[assignment]  # they hold lists
