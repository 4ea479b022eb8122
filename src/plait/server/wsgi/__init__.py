"""The host of WSGI applications (PEP 3333)."""

from __future__ import annotations

from .body import ClientDisconnected
from .files import FileWrapper
from .host import WSGIHost
from .types import Application, Environ, ExcInfo, StartResponse

__all__ = [
    "Application",
    "ClientDisconnected",
    "Environ",
    "ExcInfo",
    "FileWrapper",
    "StartResponse",
    "WSGIHost",
]
