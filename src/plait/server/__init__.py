"""The asyncio server: ``HTTP2Server`` and the request handlers that it calls."""

from __future__ import annotations

from plait.http2.config import Config
from plait.http2.constants import DATA_DEFERRED, DATA_EOF, DATA_OK
from plait.http2.limits import Limits

from .app_server import ApplicationServer
from .handler import BaseRequestHandler
from .host import Cycle, Exchange, Host, Peer
from .http2_server import HTTP2Server, new_event_loop
from .stats import ServerStats
from .timeouts import TimeLimits

__all__ = [
    "DATA_DEFERRED",
    "DATA_EOF",
    "DATA_OK",
    "ApplicationServer",
    "BaseRequestHandler",
    "Config",
    "Cycle",
    "Exchange",
    "HTTP2Server",
    "Host",
    "Limits",
    "Peer",
    "ServerStats",
    "TimeLimits",
    "new_event_loop",
]
