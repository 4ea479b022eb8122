"""The header field Forwarded (RFC 7239)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .networks import ip_address

Node = tuple[str, int]
"""An address or another name, and a port; 0 for one that is not told."""

UNKNOWN: Node = ("unknown", 0)

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_QUOTED = r'"(?:[\t !#-\[\]-~\x80-\xff]|\\[\t -~\x80-\xff])*"'
_PAIR = re.compile(rf"({_TOKEN})=(?:({_TOKEN})|({_QUOTED}))")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_NODE = re.compile(
    r"(\[[0-9A-Fa-f:.]+\]|[0-9.]+|unknown|_[A-Za-z0-9._-]+)(?::(.+))?", re.IGNORECASE
)
_PORT = re.compile(r"[0-9]{1,5}")
_HIDDEN = re.compile(r"_[A-Za-z0-9._-]+")
_HOST = re.compile(r"(?:\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z\-._~%!$&'()*+,;=]+)(?::[0-9]{0,5})?")
_SCHEMES = {"http": b"http", "https": b"https", "ws": b"http", "wss": b"https"}


def elements(value: bytes) -> list[dict[str, str]]:
    """Return the forwarded-elements of one field, in their order; names in lower case.

    :raises ValueError: for anything that RFC 7239 §4 does not allow, but for white space around
        the semicolons, which some proxies write.
    """
    text = value.decode("latin-1")
    return [each for each in _elements(text) if each]


def _elements(text: str) -> Iterator[dict[str, str]]:
    current: dict[str, str] = {}
    at = _skip_blank(text, 0)
    while at < len(text):
        if text[at] in ",;":
            # empty elements and pairs are allowed
            if text[at] == ",":
                yield current
                current = {}
            at = _skip_blank(text, at + 1)
            continue
        found = _PAIR.match(text, at)
        if found is None:
            raise ValueError("not a parameter")
        name, token, quoted = found.groups()
        name = name.lower()
        # RFC 7239 §4: "Each parameter MUST NOT occur more than once per field-value."
        if name in current:
            raise ValueError("a parameter that occurs twice")
        current[name] = token if quoted is None else _ESCAPED.sub(r"\1", quoted[1:-1])
        at = _skip_blank(text, found.end())
        if at < len(text) and text[at] not in ",;":
            raise ValueError("no separator after a parameter")
    yield current


def _skip_blank(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t":
        at += 1
    return at


def node(text: str) -> Node:
    """Return the address and port that a node identifier tells (RFC 7239 §6).

    ``unknown`` and obfuscated identifiers are returned as they are; of an obfuscated port, 0.

    :raises ValueError: for what is no node.
    """
    found = _NODE.fullmatch(text)
    if found is None:
        raise ValueError("not a node")
    name, port = found.groups()
    if name.startswith("["):
        name = name[1:-1]
        if ":" not in name:
            raise ValueError("not an IPv6 address")
    elif name[0] == "_":
        return name, _port(port)
    elif name.lower() == "unknown":
        return "unknown", _port(port)
    if ip_address(name) is None:
        raise ValueError("not an address")
    return name, _port(port)


def _port(text: str | None) -> int:
    if text is None or _HIDDEN.fullmatch(text):
        return 0
    if not _PORT.fullmatch(text) or int(text) > 65_535:
        raise ValueError("not a port")
    return int(text)


def scheme(text: str) -> bytes:
    """Return the scheme for ``http``, ``https`` and their WebSocket twins.

    :raises ValueError: for another.
    """
    found = _SCHEMES.get(text.lower())
    if found is None:
        raise ValueError("not a scheme of ours")
    return found


def authority(text: str) -> bytes:
    """Return a host with or without a port, as octets.

    :raises ValueError: for what is neither.
    """
    if _HOST.fullmatch(text) is None:
        raise ValueError("not a host")
    return text.encode("ascii")
