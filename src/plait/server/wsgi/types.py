"""What PEP 3333 speaks of, as types."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Protocol

ExcInfo = tuple[type[BaseException], BaseException, TracebackType] | tuple[None, None, None]
Environ = dict[str, Any]


class StartResponse(Protocol):
    """What an application calls to begin its answer."""

    def __call__(
        self, status: str, headers: list[tuple[str, str]], /, exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], object]:
        """Set status and header fields; return the ``write`` callable."""


Application = Callable[[Environ, StartResponse], Iterable[bytes]]
