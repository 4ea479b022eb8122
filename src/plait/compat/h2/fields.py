"""Fields on their way between programs and the engine, as ``H2Configuration`` wants them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from plait.hpack import NeverIndexedField
from plait.http2.constants import CONNECTION_FIELDS

Field = tuple[bytes, bytes]

_SECRETS = frozenset((b"authorization", b"cookie", b"proxy-authorization", b"set-cookie"))
_PROXY_SECRET = b"proxy-authorization"
_REMEMBERED_MAX = 1024
_REMEMBERED_OCTETS = 256

# What was given, and what became of it: programs send, and peers repeat, the same few fields. No
# secrets, and nothing long. Text and octets apart: they never equal, but they may hash alike.
_normalised: dict[Any, Field | None] = {}
_normalised_text: dict[Any, Field | None] = {}
_decoded: dict[str, dict[Field, Any]] = {}
_UNKNOWN: Any = object()


# --- to the engine --------------------------------------------------------------------------------


def normalised(headers: Iterable[Any], split_cookies: bool) -> list[Field]:
    """Return the fields of a section as they should leave.

    Names are in lower case and nothing surrounds the values; fields of the connection are left out.

    :param split_cookies: make a ``cookie`` field of each pair in one.
    :raises TypeError: for a name or value that is neither ``str`` nor octets.
    """
    ready: list[Field] = []
    for given in headers:
        known = _known(given)
        if known is None:
            field = _normal(given)
        else:
            field = known.get(given, _UNKNOWN)
            if field is _UNKNOWN:
                field = _normal_remembered(given, known)
        if field is None:
            continue
        if split_cookies and field[0] == b"cookie":
            ready += [_like(field, field[0], value) for value in field[1].split(b"; ")]
        else:
            ready.append(field)
    return ready


def as_given(headers: Iterable[Any]) -> list[Field]:
    """Return the fields of a section as octets, and otherwise as they are.

    :raises TypeError: for a name or value that is neither ``str`` nor octets.
    """
    return [_like(given, _octets(given[0]), _octets(given[1])) for given in headers]


def _known(given: Any) -> dict[Any, Field | None] | None:
    """Return the memory for fields of this kind, ``None`` for one that is no safe key.

    Of a subclass: of ``tuple`` it may mean "never indexed", of ``str`` it may equal another.
    """
    if type(given) is not tuple:
        return None
    kind = type(given[0])
    if kind is not type(given[1]):
        return None
    if kind is bytes:
        return _normalised
    return _normalised_text if kind is str else None


def _normal_remembered(given: tuple[Any, Any], known: dict[Any, Field | None]) -> Field | None:
    """Return what becomes of a field, and know it the next time."""
    field = _normal(given)
    if len(given[0]) + len(given[1]) > _REMEMBERED_OCTETS:
        return field
    if field is not None and field[0] in _SECRETS:
        return field
    if len(known) >= _REMEMBERED_MAX:
        known.clear()
    known[given] = field
    return field


def _normal(given: Any) -> Field | None:
    """Return what becomes of a field, ``None`` if it is left out."""
    name = _octets(given[0]).lower().strip()
    if name in CONNECTION_FIELDS:
        return None
    value = _octets(given[1]).strip()
    # The engine marks other secrets by itself.
    return NeverIndexedField(name, value) if name == _PROXY_SECRET else _like(given, name, value)


def _octets(given: Any) -> bytes:
    """Return a name or value as octets."""
    if isinstance(given, bytes):
        return given
    if isinstance(given, str):
        return given.encode()
    if isinstance(given, (bytearray, memoryview)):
        return bytes(given)
    raise TypeError(f"a field consists of str or bytes, not of {type(given).__name__}")


def _like(given: Any, name: bytes, value: bytes) -> Field:
    """Return a field that is marked as never to be indexed if ``given`` is.

    The classes of hpack, and ours, have an attribute for that.
    """
    if getattr(given, "indexable", True):
        return name, value
    return NeverIndexedField(name, value)


# --- to programs ----------------------------------------------------------------------------------


def joined_cookies(fields: list[Any]) -> list[Any]:
    """Return the fields of a section with its cookies in one field, the last (RFC 9113 §8.2.3)."""
    crumbs = [field[1] for field in fields if field[0] == b"cookie"]
    if not crumbs:
        return fields
    rest = [field for field in fields if field[0] != b"cookie"]
    rest.append(NeverIndexedField(b"cookie", b"; ".join(crumbs)))
    return rest


def decoded(fields: list[Field], encoding: str) -> list[Any]:
    """Return the fields of a section as ``str``.

    :raises UnicodeDecodeError: for one that is not in this encoding.
    """
    known = _decoded.get(encoding)
    if known is None:
        known = _decoded[encoding] = {}
    ready: list[Any] = []
    for field in fields:
        text = known.get(field)
        if text is None or type(field) is not tuple:
            text = _decoded_field(field, encoding, known)
        ready.append(text)
    return ready


def _decoded_field(field: Field, encoding: str, known: dict[Field, Any]) -> Any:
    """Return one field as ``str``, and know it the next time."""
    name, value = field
    text: Any = (name.decode(encoding), value.decode(encoding))
    if isinstance(field, NeverIndexedField):
        return NeverIndexedField(*text)
    if name not in _SECRETS and len(name) + len(value) <= _REMEMBERED_OCTETS:
        if len(known) >= _REMEMBERED_MAX:
            known.clear()
        known[field] = text
    return text
