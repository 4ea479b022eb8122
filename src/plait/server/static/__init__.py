"""Static files over HTTP/2 (RFC 9110: conditional requests, ranges, precompressed variants)."""

from __future__ import annotations

from .body import FileBody
from .files import StaticFiles
from .handler import StaticHandler, static_handler
from .responses import StaticResponse

__all__ = ["FileBody", "StaticFiles", "StaticHandler", "StaticResponse", "static_handler"]
