"""What is noted of requests: the access log, and the figures for Prometheus."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from plait.server import HTTP2Server

    from .settings import Settings


class Watching:
    """The access log and the metrics of one server, where they are wanted.

    :ivar observer: for the server; ``None`` where nothing is noted.
    """

    def __init__(self, settings: Settings) -> None:
        self.observer: Any = None

    def look_at(self, server: HTTP2Server) -> None:
        """The server whose figures are told."""

    async def start(self) -> None:
        """Begin."""

    def reopen(self) -> None:
        """Log files have been moved away: begin new ones."""

    async def close(self) -> None:
        """The server has ended."""
