"""How a WebSocket is opened, or its request refused."""

from __future__ import annotations

import logging
from importlib.util import find_spec
from typing import TYPE_CHECKING

from plait.server.answer import Answer

from .cycle import WebSocketCycle
from .handshake import Refusal, read_handshake
from .options import WebSocketOptions

if TYPE_CHECKING:
    from plait.server.asgi.application import Application
    from plait.server.host import Cycle, Exchange, Field

logger = logging.getLogger("plait.websocket")

_TEXT_FIELDS = [(b"content-type", b"text/plain; charset=utf-8")]
_DEFAULTS = WebSocketOptions()


def open_websocket(
    application: Application, exchange: Exchange, options: WebSocketOptions | None = None
) -> Cycle:
    """Return the cycle of a request for a WebSocket.

    Without ``wsproto`` such requests are answered with 501, and one that is no handshake with 400
    or 426.

    :param application: the host; its application is called once, for this WebSocket.
    :param options: limits and habits; those of ``WebSocketOptions()`` by default.
    """
    if find_spec("wsproto") is None:
        return RefusalCycle(exchange, 501, _missing())
    if options is None:
        options = _DEFAULTS
    try:
        handshake = read_handshake(exchange, options)
    except Refusal as refusal:
        logger.debug("a WebSocket is refused: %s", refusal.text)
        return RefusalCycle(exchange, refusal.status, refusal.text, refusal.headers)
    return WebSocketCycle(application, exchange, handshake, options)


class _Said:
    """What was logged, so that it is logged once."""

    missing = False


def _missing() -> str:
    """Log, once, that WebSockets cannot be served; return what the client is told."""
    if not _Said.missing:
        _Said.missing = True
        logger.warning("WebSocket needs wsproto: pip install 'plait[websocket]'")
    return "this server has no WebSockets"


class RefusalCycle(Answer):
    """Refuses a request."""

    __slots__ = ("_headers", "_status", "_text")

    def __init__(
        self, exchange: Exchange, status: int, text: str, headers: list[Field] | None = None
    ) -> None:
        super().__init__(exchange)
        self._status = status
        self._text = text
        self._headers = _TEXT_FIELDS + (headers or [])

    def begin(self) -> None:
        """Answer."""
        self.exchange.respond(self._status, self._headers, self._text.encode())
