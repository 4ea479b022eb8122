"""What a URL says about a request: where to connect, and which headers to ask with."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, quote, urlsplit

# Everything visible stays as it was written; blanks, control and non-ASCII octets are escaped.
_KEPT = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_HOST = re.compile(r"[!-~]+")
_DEFAULT_PORTS = {"https": 443, "http": 80}


class UrlFetchError(Exception):
    """A URL cannot be fetched; ``__cause__`` is the error behind it, if there is one.

    Raised by ``urlfetch`` for a URL of the wrong form and for a connection that never came up;
    given to ``BaseSPDYStreamHandler.on_error`` for whatever ends a request early.
    """


@dataclass(frozen=True, slots=True)
class Target:
    """The parts of one URL.

    :ivar host: what to connect to: a name in ASCII, or an address without brackets.
    :ivar authority: the value of ``:host``.
    :ivar path: the value of ``:path``.
    """

    scheme: str
    host: str
    port: int
    authority: str
    path: str

    @property
    def origin(self) -> tuple[str, str, int]:
        """What URLs of one connection have in common."""
        return self.scheme, self.host, self.port


def parse_url(url: str, version: int | None) -> Target:
    """Take a URL apart.

    :param version: what is spoken without TLS; ``None`` allows TLS only, where ALPN tells.
    :raises UrlFetchError: for a scheme that cannot be fetched, and a URL that is none.
    :raises TypeError: for a URL that is not text.
    """
    if not isinstance(url, str):
        raise TypeError(f"a URL is text, not {type(url).__name__}")
    try:
        parts = urlsplit(url)
        _check_scheme(parts.scheme, version)
        host, port = _host(parts), parts.port
    except ValueError as error:
        raise UrlFetchError(f"Invalid URL {url!r}: {error}") from None
    default = _DEFAULT_PORTS[parts.scheme]
    port = default if port is None else port
    name = f"[{host}]" if ":" in host else host
    authority = name if port == default else f"{name}:{port}"
    path = quote(parts.path or "/", _KEPT)
    if parts.query:
        path += "?" + quote(parts.query, _KEPT)
    return Target(parts.scheme, host, port, authority, path)


def _check_scheme(scheme: str, version: int | None) -> None:
    if scheme not in _DEFAULT_PORTS:
        raise UrlFetchError(f"Unsupported scheme {scheme}")
    if scheme == "http" and version is None:
        # Nothing but ALPN could tell which version the server speaks.
        raise UrlFetchError("Unsupported scheme http: without TLS a version must be given")


def _host(parts: SplitResult) -> str:
    """Return the host in ASCII; raises ``ValueError`` (an error of IDNA is one)."""
    host = parts.hostname or ""
    if not host.isascii():
        host = host.encode("idna").decode("ascii")
    if not _HOST.fullmatch(host):
        raise ValueError("no host" if not host else "not a host name")
    return host
