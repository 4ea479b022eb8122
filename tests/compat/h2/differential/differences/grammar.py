"""What RFC 9110 and RFC 9113 want of fields and h2 does not look at, written down once more.

This decides which refusals of ours are excused: of anything else a refusal is a mistake. Nothing
here comes from plait.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9a-z]+")
VALUE = re.compile(rb"(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?")
RULES = {
    b":method": TOKEN,
    b":scheme": re.compile(rb"[A-Za-z][A-Za-z0-9+.\-]*"),
    # RFC 9112 §3.2.1 and §3.2.4; no fragment, as RFC 9110 §7.1 says
    b":path": re.compile(rb"/[!-\"$-~\x80-\xff]*|\*"),
    # RFC 3986 §3.2: a host that is not empty, no user
    b":authority": re.compile(rb"(?:[A-Za-z0-9._~%!$&'()*+,;=\-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]*)?"),
    b":status": re.compile(rb"[1-9][0-9][0-9]"),
    b":protocol": TOKEN,
}


def octets(text: bytes | str) -> bytes:
    return text if isinstance(text, bytes) else text.encode("utf-8", "surrogateescape")


def is_odd(fields: Iterable[tuple[bytes | str, ...]], *, websockets: bool) -> bool:
    """Whether something in these fields is against the rules.

    :param websockets: whether CONNECT may have a `:protocol`.
    """
    return any(
        is_odd_field(octets(field[0]), octets(field[1]), websockets=websockets) for field in fields
    )


def is_odd_field(name: bytes, value: bytes, *, websockets: bool) -> bool:
    """The same of one field."""
    if not name.startswith(b":"):
        length = name == b"content-length" and not value.isdigit()
        return length or not NAME.fullmatch(name) or not VALUE.fullmatch(value)
    rule = RULES.get(name)
    if rule is None or not rule.fullmatch(value):
        return True
    # RFC 9113 §8.6: there is no Switching Protocols
    return (name == b":protocol" and not websockets) or (name, value) == (b":status", b"101")
