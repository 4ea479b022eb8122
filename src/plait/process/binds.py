"""Addresses as people write them, for `--bind`, and as URLs to click on."""

from __future__ import annotations

import re
from dataclasses import dataclass

_HOST_PORT = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<host>[^:\[\]\s]*)):(?P<port>[0-9]{1,5})")
_DESCRIPTOR = re.compile(r"fd://(?P<number>[0-9]{1,9})")
_WILDCARDS = frozenset({"", "*", "0.0.0.0", "::"})


@dataclass(frozen=True, slots=True)
class Bind:
    """Where to listen: a host and a port, the path of a Unix socket, or an inherited socket.

    An empty host means every interface, port 0 a free one.
    """

    host: str
    port: int
    path: str | None = None
    descriptor: int | None = None

    def __str__(self) -> str:
        if self.descriptor is not None:
            return f"fd://{self.descriptor}"
        if self.path is not None:
            return f"unix:{self.path}"
        return f"{_bracketed(self.host)}:{self.port}"

    @property
    def address(self) -> tuple[str | None, int] | str:
        """The address as `HTTP2Server` takes it; an inherited socket has none yet."""
        if self.descriptor is not None:
            raise ValueError(f"{self} is a socket, not an address")
        if self.path is not None:
            return f"unix:{self.path}"
        return self.host or None, self.port

    def url(self, scheme: str, port: int) -> str:
        """Return a URL that reaches this address from the same machine."""
        host = "localhost" if self.host in _WILDCARDS else self.host
        return f"{scheme}://{_bracketed(host)}:{port}/"


def parse_bind(text: str) -> Bind:
    """Read `HOST:PORT`, `[IPV6]:PORT`, `:PORT`, `*:PORT`, `unix:PATH` or `fd://NUMBER`.

    Raises `ValueError` with a message for the user.
    """
    if text.startswith("unix:"):
        path = text.removeprefix("unix:")
        if not path or "\0" in path:
            raise ValueError("unix: needs the path of a socket after it")
        return Bind("", 0, path)
    if text.startswith("fd:"):
        found = _DESCRIPTOR.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is not fd://NUMBER, such as fd://3")
        return Bind("", 0, descriptor=int(found["number"]))
    match = _HOST_PORT.fullmatch(text)
    if match is None:
        hint = f"; is :{text} meant?" if text.isascii() and text.isdecimal() else ""
        raise ValueError(f"{text!r} is not HOST:PORT, [IPV6]:PORT, unix:PATH or fd://NUMBER{hint}")
    port = int(match["port"])
    if port > 65535:
        raise ValueError(f"the port must be between 0 and 65535, not {port}")
    host = match["v6"] or match["host"]
    return Bind("" if host == "*" else host, port)


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
