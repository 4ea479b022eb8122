"""The opening handshake: RFC 6455 §4.2 in HTTP/1.1, RFC 8441 §5 in HTTP/2."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .deflate import Agreement, agree
from .options import WebSocketOptions

if TYPE_CHECKING:
    from plait.server.host import Exchange, Field

_VERSION = b"13"
_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_KEY_OCTETS = 16
# A member of a list: what is between commas, but for those within quotes.
_MEMBER = re.compile(r'(?:[^",]|"(?:[^"\\]|\\.)*"?)+')
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


class Refusal(Exception):
    """The client's request is no handshake that could be answered.

    :param status: to answer with.
    :param text: what is wrong.
    :param headers: to answer with, too.
    """

    def __init__(self, status: int, text: str, headers: list[Field] | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers or []


@dataclass(frozen=True)
class Handshake:
    """What a client asks for, and what it is answered when it gets it.

    :ivar status: of the response: 101 in HTTP/1.1, 200 in HTTP/2.
    :ivar headers: of the response, without the subprotocol.
    :ivar subprotocols: what the client can speak, as it prefers them.
    :ivar agreement: on compression; ``None`` for none.
    """

    status: int
    headers: list[Field]
    subprotocols: list[str]
    agreement: Agreement | None


def read_handshake(exchange: Exchange, options: WebSocketOptions) -> Handshake:
    """Read what a client asks for.

    :raises Refusal: if it must be answered otherwise.
    """
    tunnelled = exchange.http_version == "2"
    if exchange.method != (b"CONNECT" if tunnelled else b"GET") or exchange.complete:
        raise Refusal(400, "a WebSocket cannot be opened with this request")
    found = _fields(exchange.headers)
    # RFC 6455 §4.4: another version is answered with 426 and those that are understood.
    versions = found.get(b"sec-websocket-version", [])
    if versions != [_VERSION]:
        raise Refusal(
            426 if versions and not tunnelled else 400,
            "version 13 of the WebSocket protocol is the only one",
            [(b"sec-websocket-version", _VERSION)],
        )
    headers: list[Field] = []
    if not tunnelled:
        key = _key(found.get(b"sec-websocket-key", []))
        headers.append((b"sec-websocket-accept", accept(key)))
    agreement = agree(list(_members(found, b"sec-websocket-extensions")), options)
    if agreement is not None:
        headers.append((b"sec-websocket-extensions", agreement.text.encode()))
    return Handshake(200 if tunnelled else 101, headers, _subprotocols(found), agreement)


def accept(key: bytes) -> bytes:
    """Return the proof that a key was read (RFC 6455 §4.2.2)."""
    return base64.b64encode(hashlib.sha1(key + _GUID, usedforsecurity=False).digest())


def _fields(headers: list[Field]) -> dict[bytes, list[bytes]]:
    """Return the values of the fields that are about WebSockets."""
    found: dict[bytes, list[bytes]] = {}
    for name, value in headers:
        if name.startswith(b"sec-websocket-"):
            found.setdefault(name, []).append(value.strip(b" \t"))
    return found


def _key(values: list[bytes]) -> bytes:
    """Return the key, which must be one of 16 octets (RFC 6455 §4.1)."""
    if len(values) == 1:
        try:
            if len(base64.b64decode(values[0], validate=True)) == _KEY_OCTETS:
                return values[0]
        except binascii.Error:
            pass
    raise Refusal(400, "Sec-WebSocket-Key is no key of 16 octets")


def _subprotocols(found: dict[bytes, list[bytes]]) -> list[str]:
    """Return the subprotocols that a client offers, each of which must be a token, and once."""
    offered = list(_members(found, b"sec-websocket-protocol"))
    if len(set(offered)) != len(offered) or not all(map(_TOKEN.fullmatch, offered)):
        raise Refusal(400, "Sec-WebSocket-Protocol is no list of different tokens")
    return offered


def _members(found: dict[bytes, list[bytes]], name: bytes) -> Iterator[str]:
    """Return the members of a field that is a list."""
    for value in found.get(name, ()):
        for member in _MEMBER.findall(value.decode("latin-1")):
            stripped = member.strip(" \t")
            if stripped:
                yield stripped
