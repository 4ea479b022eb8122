"""Header lists: what a name and a value may be, and what SPDY/2 calls its special headers.

A list of headers is kept in one form in every version: names in lower case, special ones by their
SPDY/3 name (``:path``), equal names beside each other with one value each. On the wire equal names
are one pair, its values joined with NUL.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, KeysView
from operator import itemgetter

from .errors import InvalidFieldError

Field = tuple[bytes, bytes]
"""A header: name and value."""

TO_SPDY2: dict[bytes, bytes] = {
    b":host": b"host",
    b":method": b"method",
    b":path": b"url",
    b":scheme": b"scheme",
    b":status": b"status",
    b":version": b"version",
}
"""SPDY/3's names of the special headers (SPDY/3 §3.2.1) to those of SPDY/2."""

TO_SPDY3 = {old: new for new, old in TO_SPDY2.items()}

_NAME = re.compile(rb"[\x20-\x40\x5b-\x7e]+")
_VALUE_OCTETS = bytes([0x09, *range(0x20, 0x7F), *range(0x80, 0x100)])

# Names that need no second look; any others are looked at each time.
_KNOWN = frozenset(
    b":host :method :path :scheme :status :version accept accept-charset accept-encoding "
    b"accept-language accept-ranges age allow authorization cache-control connection "
    b"content-disposition content-encoding content-language content-length content-location "
    b"content-range content-type cookie date etag expect expires from host if-match "
    b"if-modified-since if-none-match if-range if-unmodified-since last-modified link location "
    b"method origin pragma range referer retry-after scheme server set-cookie status te trailer "
    b"upgrade url user-agent vary version via warning www-authenticate x-forwarded-for".split()
)

_by_name = itemgetter(0)


def normalise(fields: Iterable[Field]) -> list[Field]:
    """Return headers as a frame shows them: names in lower case, sorted by name, one value each.

    The sort is stable. NUL in a value separates several values of one name.

    :param fields: (name, value) of each header.
    :raises InvalidFieldError: for an empty name, an octet outside 0x20–0x7e in a name, or an empty
        piece before, between or after the NULs of a value (SPDY/3 §2.6.10).
    :raises TypeError: for what is not ``bytes``.
    """
    result = [(name.lower(), value) for name, value in fields]
    for name, _ in result:
        if name not in _KNOWN and not _NAME.fullmatch(name):
            raise InvalidFieldError(f"{name!r} cannot be the name of a header")
    if b"\0" in b"".join([value for _, value in result]):
        result = _split_all(result)
    result.sort(key=_by_name)
    return result


def _split_all(fields: list[Field]) -> list[Field]:
    """Split the values at NUL, for sending."""
    if not _are_separated(value for _, value in fields):
        raise InvalidFieldError("a NUL may only separate two values that are not empty")
    return split(fields)


def split(fields: Iterable[Field]) -> list[Field]:
    """Return one header for each of the values that NUL separates."""
    return [(name, piece) for name, value in fields for piece in value.split(b"\0")]


def merge(fields: Iterable[Field]) -> dict[bytes, bytes]:
    """Return one value for each name, where necessary joined with NUL (SPDY/3 §2.6.10).

    An empty value has no place beside others: NULs that touch would be an invalid block.
    """
    merged: dict[bytes, bytes] = {}
    for name, value in fields:
        before = merged.get(name)
        if not before:
            merged[name] = value
        elif value:
            merged[name] = before + b"\0" + value
    return merged


def are_valid_names(names: Iterable[bytes]) -> bool:
    """Whether received names are in lower case, printable and not empty."""
    if _KNOWN.issuperset(names):
        return True
    for name in names:
        if name not in _KNOWN and not _NAME.fullmatch(name):
            return False
    return True


def odd_octets(values: bytes) -> bytes:
    """Return what does not belong into a received value: NULs, that separate, and what is wrong."""
    return values.translate(None, _VALUE_OCTETS)


def are_valid_values(values: Iterable[bytes], odd: bytes) -> bool:
    """Whether received values are valid, of which all ``odd`` octets are known."""
    return not odd.strip(b"\0") and _are_separated(values)


def _are_separated(values: Iterable[bytes]) -> bool:
    """Whether NUL only stands between octets: not first, not last, never twice in a row."""
    for value in values:
        if b"\0" in value and (b"\0\0" in value or value[0] == 0 or value[-1] == 0):
            return False
    return True


def to_spdy2(fields: Iterable[Field]) -> list[Field]:
    """Return headers by SPDY/2's names, sorted again."""
    result = [(TO_SPDY2.get(name, name), value) for name, value in fields]
    result.sort(key=_by_name)
    return result


def to_spdy3(fields: Iterable[Field]) -> list[Field]:
    """Return SPDY/2's headers by SPDY/3's names, in the order of the wire."""
    return [(TO_SPDY3.get(name, name), value) for name, value in fields]


def are_distinct_in_spdy3(names: KeysView[bytes]) -> bool:
    """Whether SPDY/2's names are still different by SPDY/3's.

    They are unless a peer mixes the two: a block with both ``url`` and ``:path`` would have two
    paths, and who looks at it might not take the one that another one took.
    """
    if TO_SPDY2.keys().isdisjoint(names):
        return True
    for new, old in TO_SPDY2.items():
        if new in names and old in names:
            return False
    return True
