"""From a request's fields to the environment of WSGI (PEP 3333)."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote_to_bytes

if TYPE_CHECKING:
    from .state import H2State

_PORTS = {"https": "443", "http": "80"}


def get_header(headers: Iterable[tuple[str, str]], name: str) -> str | None:
    """Return the value of the first field of a name, which is compared as it is; or ``None``."""
    for key, value in headers:
        if key == name:
            return value
    return None


def create_wsgi_environment(r: H2State) -> dict[str, Any]:
    """Return the environment of a request.

    It is that of PEP 3333: the path is decoded, ``CONTENT_TYPE`` and ``CONTENT_LENGTH`` have no
    ``HTTP_`` before them, repeated fields are joined. Fields with an underscore in their name are
    left out, since they would pass for others. ``wsgi.input`` is the ``H2State``.
    """
    pseudo = dict.fromkeys((":method", ":scheme", ":path", ":authority"), "")
    fields: dict[str, str] = {}
    for name, value in r.headers:
        if name[:1] == ":":
            pseudo[name] = value
        elif "_" not in name:
            _add(fields, name, _wsgi(value))
    protocol = r._protocol
    authority = _wsgi(pseudo[":authority"])
    if authority:
        fields.setdefault("HTTP_HOST", authority)
    scheme = pseudo[":scheme"] or protocol.scheme
    host, port = _server(authority or fields.get("HTTP_HOST", ""), scheme)
    target = pseudo[":path"].partition("#")[0]
    path, _, query = target.partition("?")
    return {
        "REQUEST_METHOD": pseudo[":method"],
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(_octets(path)).decode("latin-1"),
        "QUERY_STRING": _wsgi(query),
        "REQUEST_URI": _wsgi(pseudo[":path"]),
        "SERVER_PROTOCOL": "HTTP/2",
        "SERVER_NAME": host or protocol.server_name,
        "SERVER_PORT": port if host else protocol.server_port,
        "REMOTE_ADDR": protocol.ip,
        "REMOTE_PORT": protocol.client_port,
        "wsgi.version": (1, 0),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": scheme,
        "wsgi.input": r,
        "wsgi.input_terminated": True,
        "wsgi.async": True,
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **fields,
    }


def _add(fields: dict[str, str], name: str, value: str) -> None:
    """Add a field, joined with one of its name that is there already."""
    key = name.upper().replace("-", "_")
    if key not in ("CONTENT_TYPE", "CONTENT_LENGTH"):
        key = "HTTP_" + key
    before = fields.get(key)
    if before is None:
        fields[key] = value
    elif key == "HTTP_COOKIE":
        fields[key] = f"{before}; {value}"
    elif key.startswith("HTTP_"):
        fields[key] = f"{before},{value}"


def _server(authority: str, scheme: str) -> tuple[str, str]:
    """Return name and port; an IPv6 address keeps its brackets."""
    host, colon, port = authority.rpartition(":")
    if not colon or "]" in port:
        host, port = authority, ""
    return host, port if port.isdigit() else _PORTS.get(scheme, "443")


def _octets(text: str) -> bytes:
    """Return the octets that a text came as."""
    return text.encode("utf-8", "surrogateescape")


def _wsgi(text: str) -> str:
    """Return a text as WSGI has it: one character an octet."""
    return text if text.isascii() else _octets(text).decode("latin-1")
