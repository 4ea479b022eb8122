"""WebSockets of ASGI applications, over HTTP/1.1 (RFC 6455) and HTTP/2 (RFC 8441).

``ASGIHost`` answers requests for a WebSocket with ``open_websocket``. It needs ``wsproto``
(``pip install 'plait[websocket]'``).
"""

from __future__ import annotations

from .opening import open_websocket
from .options import WebSocketOptions

__all__ = ["WebSocketOptions", "open_websocket"]
