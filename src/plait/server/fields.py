"""Status codes and header fields as programs write them, in the form that the engine takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from plait.http2.fields import outgoing_fields

Octets = bytes | bytearray | memoryview
Field = tuple[bytes, bytes]
Headers = Iterable[tuple[str | bytes, str | bytes]]
"""Header fields as a program gives them: pairs of ``str`` (sent as UTF-8) or ``bytes``."""

# What a browser is told of a preloaded resource ("as" of HTML's link types), by file ending.
_DESTINATIONS = {
    "css": "style",
    "js": "script",
    "mjs": "script",
    "avif": "image",
    "gif": "image",
    "ico": "image",
    "jpeg": "image",
    "jpg": "image",
    "png": "image",
    "svg": "image",
    "webp": "image",
    "otf": "font",
    "ttf": "font",
    "woff": "font",
    "woff2": "font",
    "json": "fetch",
    "wasm": "fetch",
    "vtt": "track",
}

# Fetched without credentials whatever the page's origin: the hint must say so to match.
_ANONYMOUS = ("font", "fetch")


def status_code(status: Any) -> int:
    """Return a status given as ``200``, ``HTTPStatus.OK`` or ``"200"`` as an int.

    :raises ValueError: unless it has three digits, 100 to 999; and for 101, which HTTP/2 does not
        have (RFC 9113 §8.6).
    """
    code = 0
    if isinstance(status, int):
        code = int(status)
    elif isinstance(status, str | bytes) and len(status) == 3:
        code = int(status) if status.isascii() and status.isdigit() else 0
    if not 100 <= code <= 999 or code == 101:
        raise ValueError(f"status must be three digits from 100 to 999, and not 101: {status!r}")
    return code


def octets(text: str | bytes) -> bytes:
    """Return the octets of one name or value; ``str`` becomes UTF-8."""
    if isinstance(text, str):
        return text.encode()
    if isinstance(text, bytes):
        return text
    raise TypeError(f"a name or value must be str or bytes, not {type(text).__name__}")


def field_list(headers: Headers | None) -> list[Field]:
    """Return header fields as octets, with names in lower case (RFC 9113 §8.2)."""
    fields = []
    for name, value in headers or ():
        fields.append((octets(name).lower(), octets(value)))
    return fields


def checked_trailers(trailers: Any, body: object) -> Any:
    """Return trailers ready to be sent, or the function to ask for them when ``body`` has ended.

    ``None`` stands for a trailer section without fields, which nobody needs.

    :raises InvalidFieldError: for a field that may not be sent.
    """
    if callable(trailers):
        if body is not None and not isinstance(body, str | bytes | bytearray | memoryview):
            return trailers
        trailers = trailers()
    return outgoing_fields(trailers, False) or None


def preload_link(path: str, destination: str | None = None) -> str:
    """Return the ``Link`` value that asks a browser to fetch ``path`` early (RFC 8297).

    :param destination: what it will be used as (``style``, ``script``, ``font``, ...); by default
        told from the ending of the path, and left out when that says nothing.
    """
    if destination is None:
        name = path.partition("?")[0].rpartition("/")[2]
        destination = _DESTINATIONS.get(name.rpartition(".")[2].lower())
    link = f"<{path}>; rel=preload"
    if destination is not None:
        link += f"; as={destination}"
        if destination in _ANONYMOUS:
            link += "; crossorigin"
    return link
