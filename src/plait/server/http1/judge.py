"""Whether the fields of a head in HTTP/1.x may stand there, fit together, and what they ask for.

Single fields are judged by the validator of HTTP/2, except that the fields about the connection
have a meaning here.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from plait.http2.fields import (
    BAD_AUTHORITY,
    BAD_TE,
    CONNECTION_SPECIFIC,
    CONTENT_LENGTH,
    COOKIE,
    HOST,
    MALFORMED_SLUGS,
    PATH,
    PSEUDO,
    classify,
)

from .refusal import Refusal

if TYPE_CHECKING:
    from plait.http2.fields import Field

    from .heads import HeadReader
    from .request import RequestHead

_ABSOLUTE = re.compile(rb"[Hh][Tt][Tt][Pp][Ss]?://([^/?]*)(.*)", re.DOTALL)
# RFC 3986 §3.2.2, §3.2.3: a name, an IPv4 address or an IP literal, and perhaps a port.
_AUTHORITY = re.compile(rb"(?:[^:\[\]]+|\[[0-9A-Za-z:.%\-_~]+\])(?::[0-9]{0,5})?")

# The fields that are looked at once all of them are there; several lines are one list.
_LISTS = frozenset((b"connection", b"expect", b"http2-settings", b"transfer-encoding", b"upgrade"))
# Octets that each field counts beside its own, as in HTTP/2 (RFC 9113 §6.5.2).
_OVERHEAD = 32

# How many fields are remembered, and of how many octets; not those that are secret.
_REMEMBERED_MAX = 1024
_REMEMBERED_OCTETS = 320
_CONFIDENTIAL = frozenset((b"authorization", b"cookie", b"proxy-authorization"))

_NONE: list[bytes] = []
_HOST = HOST
_COOKIE = COOKIE
_CONTENT_LENGTH = CONTENT_LENGTH
_PATH = PATH
_PSEUDO = PSEUDO
_CONNECTION_SPECIFIC = CONNECTION_SPECIFIC
_BAD_TE = BAD_TE


class _Known:
    """A field that was judged.

    :ivar field: as the application is shown it.
    :ivar octets: what it counts.
    """

    __slots__ = ("field", "kind", "octets")

    def __init__(self, field: Field, kind: int) -> None:
        self.field = field
        self.kind = kind
        self.octets = len(field[0]) + len(field[1]) + _OVERHEAD


# Fields as the parser gave them: clients send the same ones again and again.
_remembered: dict[Field, _Known] = {}


def judge(reader: HeadReader, head: RequestHead) -> None:
    """Fill in what a head says.

    :param reader: has its fields and its target, as the parser gave them.
    :raises Refusal: if it is malformed, or more than is borne.
    """
    lists: dict[bytes, bytes] = {}
    _take_fields(reader, head, lists)
    _take_target(reader.target, head)
    _take_framing(head, lists.get(b"transfer-encoding"))
    _take_wishes(head, lists)


def _judged(given: Field) -> _Known:
    """Judge one field by itself."""
    name = given[0].lower()
    value = given[1].strip(b" \t")
    kind = classify(name, value)
    if kind == HOST and not _AUTHORITY.fullmatch(value):
        kind = BAD_AUTHORITY
    known = _Known((name, value), kind)
    sound = kind > 0 or kind == CONNECTION_SPECIFIC
    if sound and known.octets <= _REMEMBERED_OCTETS and name not in _CONFIDENTIAL:
        if len(_remembered) >= _REMEMBERED_MAX:
            _remembered.clear()
        _remembered[given] = known
    return known


def _take_fields(reader: HeadReader, head: RequestHead, lists: dict[bytes, bytes]) -> None:
    """Judge each field by itself, and keep them as they are shown to the application."""
    fields: list[Field] = []
    crumbs: list[bytes] = []
    octets = 0
    for given in reader.given:
        known = _remembered.get(given)
        if known is None:
            known = _judged(given)
        octets += known.octets
        kind = known.kind
        name, value = known.field
        if kind < 0 and kind != _CONNECTION_SPECIFIC and kind != _BAD_TE:
            raise Refusal(400, MALFORMED_SLUGS[-kind])
        if kind == _COOKIE:
            crumbs.append(value)
            continue
        if kind == _HOST:
            # RFC 9112 §3.2: 400 for a request with more than one Host.
            if head.host is not None:
                raise Refusal(400, "field.host_repeated")
            head.host = value
            continue
        if kind == _CONTENT_LENGTH:
            # RFC 9112 §6.3: several or odd lengths are how requests are smuggled.
            if head.content_length >= 0:
                raise Refusal(400, "field.content_length_repeated")
            head.content_length = int(value)
        elif kind > 0 and kind & _PSEUDO:
            raise Refusal(400, "field.name")
        elif name in _LISTS:
            lists[name] = lists[name] + b"," + value if name in lists else value
        fields.append(known.field)
    if octets > reader.max_octets:
        raise Refusal(431, "headers.too_large")
    if len(fields) > reader.max_fields or len(crumbs) > reader.max_cookies:
        raise Refusal(431, "headers.too_many")
    if crumbs:
        fields.append((b"cookie", b"; ".join(crumbs)))
    head.fields = fields


def _take_target(target: bytes, head: RequestHead) -> None:
    """Judge the target, and put ``host`` first (RFC 9112 §3.2)."""
    # RFC 9110 §9.3.6: what is no proxy need not know CONNECT.
    if head.method == b"CONNECT":
        raise Refusal(501, "http1.connect")
    # RFC 9112 §3.2: 400 for a request of HTTP/1.1 without Host.
    if head.host is None and head.version == "1.1":
        raise Refusal(400, "http1.host_missing")
    if not target.startswith(b"/"):
        target = _path_of(target, head)
    if target != b"*" and classify(b":path", target) != _PATH:
        raise Refusal(400, "field.path")
    head.path = target
    if head.host is not None:
        head.fields.insert(0, (b"host", head.host))


def _path_of(target: bytes, head: RequestHead) -> bytes:
    """Return the path of a target in another form."""
    asterisk = target == b"*"
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is not None:
        # RFC 9112 §3.2.2: the target counts, and Host MUST be ignored.
        authority, target = absolute.groups()
        if classify(b"host", authority) <= 0 or not _AUTHORITY.fullmatch(authority):
            raise Refusal(400, "field.authority")
        head.host = authority
        if target:
            return target if target.startswith(b"/") else b"/" + target
        # RFC 9112 §3.2.4: no path in the absolute form stands for the whole server.
        asterisk = head.method == b"OPTIONS"
        if not asterisk:
            return b"/"
    if not asterisk or head.method != b"OPTIONS":
        raise Refusal(400, "field.path")
    return b"*"


def _take_framing(head: RequestHead, coding: bytes | None) -> None:
    """Say how long the body is (RFC 9112 §6.3)."""
    if coding is None:
        return
    # RFC 9112 §6.1: a sender MUST NOT send both, nor any transfer coding in HTTP/1.0. Either
    # would mean one thing here and another to who stands in between.
    if head.version == "1.0" or head.content_length >= 0:
        raise Refusal(400, "http1.framing")
    # No other coding was ever offered, and chunked is applied once, and last.
    if coding.lower() != b"chunked":
        raise Refusal(400, "http1.transfer_encoding")
    head.chunked = True


def _take_wishes(head: RequestHead, lists: dict[bytes, bytes]) -> None:
    """See what else is asked for: the connection's future, another protocol, 100 (Continue)."""
    connection = lists.get(b"connection")
    options = _NONE if connection is None else _tokens(connection)
    if head.version == "1.0":
        head.keep_alive = b"keep-alive" in options and b"close" not in options
        return
    head.keep_alive = b"close" not in options
    expectation = lists.get(b"expect")
    if expectation is not None:
        # RFC 9110 §10.1.1: 417 for an expectation other than 100-continue.
        if expectation.lower() != b"100-continue":
            raise Refusal(417, "http1.expectation")
        head.expects_continue = head.has_body()
    if b"upgrade" in options and b"upgrade" in lists and not head.has_body():
        wanted = _tokens(lists[b"upgrade"])
        # RFC 6455 §4.1: the method MUST be GET, the version at least 1.1.
        if b"websocket" in wanted and head.method == b"GET":
            head.protocol = b"websocket"
        # RFC 7540 §3.2.1: exactly one HTTP2-Settings field, named in Connection.
        elif b"h2c" in wanted and b"http2-settings" in options:
            head.settings = lists.get(b"http2-settings")


def _tokens(value: bytes) -> list[bytes]:
    """Return the members of a list, in lower case."""
    return [member.strip(b" \t") for member in value.lower().split(b",")]
