"""The header fields X-Forwarded-For, -Proto, -Host and -Port: no standard, but everybody's."""

from __future__ import annotations

from .forwarded import Node
from .networks import ip_address


def items(values: list[bytes]) -> list[str]:
    """Return the items of a list that may stand in several fields; empty ones are left out."""
    found = [item.strip(" \t") for value in values for item in value.decode("latin-1").split(",")]
    return [item for item in found if item]


def node(text: str) -> Node:
    """Return the address and port that an item of X-Forwarded-For tells.

    Proxies write addresses plain, IPv6 ones also in brackets, some with a port.

    :raises ValueError: for what is none of these.
    """
    if text.lower() == "unknown":
        return "unknown", 0
    host, port = text, ""
    if text.startswith("["):
        host, bracket, port = text[1:].partition("]")
        if not bracket or ":" not in host or (port and not port.startswith(":")):
            raise ValueError("not an address")
        port = port[1:] if port else ""
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    if "%" in host or ip_address(host) is None:
        raise ValueError("not an address")
    return host, port_number(port) if port else 0


def port_number(text: str) -> int:
    """Return a port.

    :raises ValueError: for what is none.
    """
    if not text.isascii() or not text.isdigit() or len(text) > 5 or not 0 < int(text) <= 65_535:
        raise ValueError("not a port")
    return int(text)
