"""A WSGI application for gunicorn's threads."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from typing import Any

import h2.connection
from hypercorn_app import pattern


def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    path, status = environ["PATH_INFO"].rstrip("/"), "200 OK"
    pieces: list[bytes] = []
    if path == "/engine":
        pieces = [h2.connection.H2Connection.__module__.encode()]
    elif path == "/echo":
        pieces = [environ["wsgi.input"].read()]
    elif path == "/sink":
        body = environ["wsgi.input"].read()
        pieces = [json.dumps([len(body), hashlib.sha256(body).hexdigest()]).encode()]
    elif path == "/bytes":
        body = pattern(int(environ["QUERY_STRING"].removeprefix("n=")))
        pieces = [body[at : at + 50_000] for at in range(0, len(body), 50_000)]
    elif path == "/fields":
        names = ("REQUEST_METHOD", "SERVER_PROTOCOL", "HTTP_X_TEST", "HTTP_COOKIE", "QUERY_STRING")
        pieces = [json.dumps([environ.get(name) for name in names]).encode()]
    else:
        status = "404 Not Found"
    start_response(status, [("Content-Type", "text/plain"), ("X-Path", path)])
    return pieces
