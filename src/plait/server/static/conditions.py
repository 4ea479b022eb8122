"""Conditional requests (RFC 9110 §13): which of the five preconditions decides, and how.

The order is that of RFC 9110 §13.2.2: `If-Match`, else `If-Unmodified-Since`; then
`If-None-Match`, else `If-Modified-Since`; last `If-Range`, which only says whether `Range` counts.
A date that is no HTTP-date makes its field as good as absent.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .dates import parse_http_date

PROCEED = 0
NOT_MODIFIED = 304
PRECONDITION_FAILED = 412

_ENTITY_TAG = re.compile(rb'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"')


@dataclass(frozen=True, slots=True)
class Validators:
    """What identifies one representation: a strong entity-tag and a modification time in seconds.

    `now` is the time of the request; it tells whether the date can be trusted as a strong
    validator (RFC 9110 §8.8.2.2).
    """

    etag: bytes
    modified: int
    now: int


def evaluate(fields: Mapping[bytes, bytes], validators: Validators) -> int:
    """Return `PROCEED`, 304 or 412 for a GET or HEAD with these header fields."""
    if not _unchanged(fields, validators):
        return PRECONDITION_FAILED
    if _already_known(fields, validators):
        return NOT_MODIFIED
    return PROCEED


def range_applies(fields: Mapping[bytes, bytes], validators: Validators) -> bool:
    """Tell whether `Range` is to be honoured (RFC 9110 §13.1.5)."""
    condition = fields.get(b"if-range")
    if condition is None:
        return True
    if _ENTITY_TAG.fullmatch(condition):
        # The comparison is the strong one: a weak tag never equals ours, which is strong.
        return condition == validators.etag
    date = parse_http_date(condition)
    # "If the HTTP-date validator provided is not a strong validator in the sense defined by
    # Section 8.8.2.2, the condition is false." Within the second of the last change another
    # change could still hide behind the same date.
    return date == validators.modified and validators.now > validators.modified


def _unchanged(fields: Mapping[bytes, bytes], validators: Validators) -> bool:
    wanted = fields.get(b"if-match")
    if wanted is not None:
        return wanted == b"*" or validators.etag in _ENTITY_TAG.findall(wanted)
    date = _date(fields, b"if-unmodified-since")
    return date is None or validators.modified <= date


def _already_known(fields: Mapping[bytes, bytes], validators: Validators) -> bool:
    known = fields.get(b"if-none-match")
    if known is not None:
        if known == b"*":
            return True
        # Weak comparison (RFC 9110 §13.1.2): W/"x" and "x" are the same.
        return any(tag.removeprefix(b"W/") == validators.etag for tag in _ENTITY_TAG.findall(known))
    date = _date(fields, b"if-modified-since")
    return date is not None and validators.modified <= date


def _date(fields: Mapping[bytes, bytes], name: bytes) -> int | None:
    value = fields.get(name)
    return None if value is None else parse_http_date(value)
