"""The module's two small functions about TLS. Only ALPN is left: Python's ``ssl`` has no NPN."""

from __future__ import annotations

import ssl
from typing import Protocol


class Negotiated(Protocol):
    """An ``ssl.SSLObject`` or ``ssl.SSLSocket``."""

    def selected_alpn_protocol(self) -> str | None:
        """Return what was agreed upon."""


def negotiated_protocol(ssl_object: Negotiated) -> str | None:
    """Return the protocol that ALPN agreed upon, such as ``"h2"``; ``None`` for none."""
    return ssl_object.selected_alpn_protocol()


def set_application_protocol(ssl_context: ssl.SSLContext) -> None:
    """Make ``ssl_context`` offer HTTP/2, and nothing else, by ALPN."""
    ssl_context.set_alpn_protocols(["h2"])
