"""``Answer``: a cycle that needs no application, and is over with what it answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .host import Cycle

if TYPE_CHECKING:
    from .host import Exchange, Field


class Answer(Cycle):
    """Says one thing, whatever else comes of the request; a subclass says it in ``begin``.

    :param exchange: the request.
    """

    __slots__ = ("exchange",)

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def data(self, data: bytes) -> None:
        """A body is of no interest."""
        self.exchange.consumed(len(data))

    def end(self, trailers: list[Field]) -> None:
        """Nor is its end."""

    def writable(self) -> None:
        """All is said at once."""

    def closed(self, error_code: int) -> None:
        """Nothing is kept that would have to go."""
