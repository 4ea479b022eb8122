"""What ``send`` returns when there is nothing to wait for."""

from __future__ import annotations

from typing import Any

_NOTHING = iter(())
next(_NOTHING, None)


class Done:
    """Has come to its end, however often it is awaited.

    It passes for a coroutine, so that it can be made a task as well.
    """

    __slots__ = ()

    def __await__(self) -> Any:
        """Return an iterator that has come to its end."""
        return _NOTHING

    def send(self, value: Any) -> Any:  # noqa: ARG002 - what coroutines have
        """End at once."""
        raise StopIteration

    def throw(self, error: Any, value: Any = None, traceback: Any = None) -> Any:  # noqa: ARG002
        """Raise what is thrown in."""
        raise error if value is None else value

    def close(self) -> None:
        """Nothing is open."""


DONE = Done()
