"""Kyoukai's backends: of them there is the one for HTTP/2."""

from __future__ import annotations

from . import http2

__all__ = ["http2"]
