"""The ASGI host: ``ASGIHost`` serves an ASGI 3 application.

``plait.server.asgi.types`` has all scopes and messages as types.
"""

from __future__ import annotations

from .errors import ClientDisconnected, LifespanFailed, MessageError
from .host import ASGIHost

__all__ = ["ASGIHost", "ClientDisconnected", "LifespanFailed", "MessageError"]
