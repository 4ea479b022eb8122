"""From HTTP/1.1 to h2c (RFC 7540 §3.2; gone from RFC 9113, but still met)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from plait.http2.fields import BAD_TE, CONNECTION_SPECIFIC, classify

if TYPE_CHECKING:
    from plait.http2.fields import Field

    from .request import RequestHead

# base64url of a multiple of six octets, with or without padding.
_SETTINGS = re.compile(rb"(?:[A-Za-z0-9_-]{8})*")


def is_settings(value: bytes) -> bool:
    """Whether this can be the value of HTTP2-Settings (RFC 7540 §3.2.1)."""
    return _SETTINGS.fullmatch(value) is not None


def h2c_fields(head: RequestHead, scheme: bytes) -> list[Field]:
    """Return a request as HTTP/2 has it, without what was about the connection."""
    fields: list[Field] = [
        (b":method", head.method),
        (b":scheme", scheme),
        (b":authority", head.host or b""),
        (b":path", head.path),
    ]
    for name, value in head.fields:
        if name in (b"host", b"http2-settings", b"expect"):
            continue
        if classify(name, value) not in (CONNECTION_SPECIFIC, BAD_TE):
            fields.append((name, value))
    return fields
