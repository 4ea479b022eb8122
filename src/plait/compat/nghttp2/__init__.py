"""The API of the ``nghttp2`` module, which was removed from nghttp2 at the end of 2022.

``python -m plait.compat SCRIPT`` runs a program in which ``import nghttp2`` finds this package.
"""

from __future__ import annotations

from plait.http2 import DATA_DEFERRED, DATA_EOF, DATA_OK
from plait.http2.sources import wrap_body

from . import wsgi
from .client import BaseResponseHandler, HTTP2Client
from .hd import (
    DEFAULT_HEADER_TABLE_SIZE,
    DEFLATE_MAX_HEADER_TABLE_SIZE,
    HD_ENTRY_OVERHEAD,
    HDDeflater,
    HDInflater,
    HDTableEntry,
    print_hd_table,
)
from .server import BaseRequestHandler, HTTP2Server
from .tls import negotiated_protocol, set_application_protocol

__all__ = [
    "DATA_DEFERRED",
    "DATA_EOF",
    "DATA_OK",
    "DEFAULT_HEADER_TABLE_SIZE",
    "DEFLATE_MAX_HEADER_TABLE_SIZE",
    "HD_ENTRY_OVERHEAD",
    "BaseRequestHandler",
    "BaseResponseHandler",
    "HDDeflater",
    "HDInflater",
    "HDTableEntry",
    "HTTP2Client",
    "HTTP2Server",
    "negotiated_protocol",
    "print_hd_table",
    "set_application_protocol",
    "wrap_body",
    "wsgi",
]
