"""HTTP/1.1 and 1.0 for applications, beside HTTP/2 on the same port."""

from __future__ import annotations

from .exchange import H1Exchange
from .protocol import HTTP1Protocol

__all__ = ["H1Exchange", "HTTP1Protocol"]
