"""Kyoukai's HTTP/2 backend, whose package does not install on current Pythons any more.

``python -m plait.compat SCRIPT`` runs a program in which ``import kyoukai.backends.http2`` finds
``plait.compat.kyoukai.backends.http2``. The names of that module are here, too.
"""

from __future__ import annotations

from functools import partial
from urllib.parse import urlsplit

from plait.http2 import Connection as H2Connection
from plait.http2 import DataReceived, RequestReceived, StreamReset, WindowUpdated
from plait.http2 import ErrorCode as ErrorCodes
from plait.http2 import Http2Error as ProtocolError

from .asphalt import ConnectionLostEvent, ConnectionMadeEvent, Context, KyoukaiBaseComponent
from .component import H2KyoukaiComponent
from .environ import create_wsgi_environment, get_header
from .protocol import H2KyoukaiProtocol
from .requests import MultiDict, Request, Response
from .state import REQUEST_FINISHED, H2State, StreamEnded

__all__ = [
    "REQUEST_FINISHED",
    "ConnectionLostEvent",
    "ConnectionMadeEvent",
    "Context",
    "DataReceived",
    "ErrorCodes",
    "H2Connection",
    "H2KyoukaiComponent",
    "H2KyoukaiProtocol",
    "H2State",
    "KyoukaiBaseComponent",
    "MultiDict",
    "ProtocolError",
    "Request",
    "RequestReceived",
    "Response",
    "StreamEnded",
    "StreamReset",
    "WindowUpdated",
    "create_wsgi_environment",
    "get_header",
    "partial",
    "urlsplit",
]
