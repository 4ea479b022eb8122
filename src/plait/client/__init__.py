"""An asyncio client for HTTP/2: requests on one connection, answered through callbacks."""

from __future__ import annotations

from .client import HTTP2Client
from .handler import BaseResponseHandler
from .protocol import ClientProtocol

__all__ = ["BaseResponseHandler", "ClientProtocol", "HTTP2Client"]
