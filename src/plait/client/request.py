"""A request as the engine takes it, made of what people write."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from plait.hpack import Field
    from plait.http2.body import Read

    from .handler import BaseResponseHandler

Text = str | bytes
Address = tuple[str, int] | str

# Everything visible stays as it was written; blanks, control and non-ASCII octets are escaped.
_KEPT = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


@dataclass(frozen=True, slots=True)
class Request:
    """A request ready to be sent: header section, body, and the handler of its response."""

    fields: list[Field]
    body: bytes | Read | None
    handler: BaseResponseHandler


def default_authority(address: Sequence[object] | str) -> str:
    """Return the authority of requests to ``address`` that name none: ``host:port``.

    A Unix socket has no name, and is called ``localhost``.
    """
    if isinstance(address, str):
        return "localhost"
    host, port = str(address[0]), address[1]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def request_fields(
    method: Text,
    url: Text,
    headers: Iterable[tuple[Text, Text]] | None,
    *,
    scheme: str,
    authority: str,
) -> list[tuple[Text, Text] | Field]:
    """Return the header section of a request, pseudo-header fields first.

    :param url: absolute, or a path with an optional query; of a CONNECT request, the ``host:port``
        to connect to. A fragment is dropped, as is a user name. OPTIONS of an absolute URL without
        a path asks the whole server, as ``*`` does.
    :param scheme: used where ``url`` has none.
    :param authority: likewise.
    :raises ValueError: for a URL of another form.
    """
    if isinstance(url, bytes):
        url = url.decode()
    extra = list(headers or ())
    if method in ("CONNECT", b"CONNECT"):
        return [(":method", method), (":authority", url), *extra]
    parts = urlsplit(url)
    if not parts.netloc and (parts.scheme or (parts.path[:1] not in ("", "/") and url != "*")):
        raise ValueError(f"a URL must be absolute or begin with a slash: {url!r}")
    # RFC 9113 §8.3.1: OPTIONS of a URI without a path concerns the whole server, "*".
    nothing = "*" if parts.netloc and method in ("OPTIONS", b"OPTIONS") else "/"
    path = quote(parts.path or nothing, _KEPT)
    if parts.query:
        path += "?" + quote(parts.query, _KEPT)
    return [
        (":method", method),
        (":scheme", parts.scheme or scheme),
        (":authority", parts.netloc.rpartition("@")[2] or authority),
        (":path", path),
        *extra,
    ]
