"""Single fields: what each one is, and whether it may stand in a message (RFC 9113 §8.2, §8.3).

Every field gets a *kind*, an int. A positive kind is one bit and says which role the field plays
in a section; a negative kind says why the field is malformed. The HPACK decoder asks for the
kind once, when a field arrives as a literal, and keeps it beside the entry of its table: an
indexed field is never looked at again. Whether the fields of a section fit *together* is the
business of ``heads``.

Outgoing fields go through ``outgoing_field``: normalised to lower-case bytes, checked by the same
rules, and remembered, because programs send the same few fields again and again.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..hpack import NeverIndexedField
from .constants import CONNECTION_FIELDS
from .errors import InvalidFieldError

Field = tuple[bytes, bytes]

# Kinds of well-formed fields. One bit each, so that a section's kinds can be collected in a mask.
METHOD = 1 << 0
SCHEME = 1 << 1
AUTHORITY = 1 << 2
PATH = 1 << 3
PROTOCOL = 1 << 4
STATUS = 1 << 5
REGULAR = 1 << 6
HOST = 1 << 7
CONTENT_LENGTH = 1 << 8
COOKIE = 1 << 9
PRIORITY = 1 << 10
TE = 1 << 11

PSEUDO = METHOD | SCHEME | AUTHORITY | PATH | PROTOCOL | STATUS

# Kinds of malformed fields: the negated index into MALFORMED_SLUGS.
MALFORMED_SLUGS = (
    "",
    "field.name",
    "field.value",
    "field.connection_specific",
    "field.te",
    "field.unknown_pseudo",
    "field.method",
    "field.scheme",
    "field.authority",
    "field.path",
    "field.protocol",
    "field.status",
    "field.content_length",
)
BAD_NAME = -1
BAD_VALUE = -2
CONNECTION_SPECIFIC = -3
BAD_TE = -4
UNKNOWN_PSEUDO = -5
BAD_METHOD = -6
BAD_SCHEME = -7
BAD_AUTHORITY = -8
BAD_PATH = -9
BAD_PROTOCOL = -10
BAD_STATUS = -11
BAD_CONTENT_LENGTH = -12

_DIGITS = b"0123456789"
_LOWER = b"abcdefghijklmnopqrstuvwxyz"
_UPPER = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_TOKEN_MARKS = b"!#$%&'*+-.^_`|~"


def _others(allowed: bytes) -> bytes:
    """Return a table for ``bytes.translate`` that turns what is not allowed into 1, the rest to 0.

    ``1 in octets.translate(table)`` is the quickest way to ask for both variants.
    """
    return bytes(int(octet not in allowed) for octet in range(256))


_NAME = _others(_LOWER + _DIGITS + _TOKEN_MARKS)
_TOKEN = _others(_LOWER + _UPPER + _DIGITS + _TOKEN_MARKS)
_UPGRADE = _others(_LOWER + _UPPER + _DIGITS + _TOKEN_MARKS + b"/")
_SCHEME = _others(_LOWER + _UPPER + _DIGITS + b"+-.")
# RFC 9110 §5.5: visible octets, SP, HTAB and obs-text.
_VALUE = _others(b"\t" + bytes(range(0x20, 0x7F)) + bytes(range(0x80, 0x100)))
# RFC 3986 §3.2 without userinfo, which RFC 9113 §8.3.1 forbids in http and https URIs.
_AUTHORITY = _others(_LOWER + _UPPER + _DIGITS + b"-._~%!$&'()*+,;=:[]")
# RFC 3986 §3.3, §3.4; with the visible marks and obs-text that clients are known to leave
# unescaped, but without the fragment's number sign, which is never sent.
_PATH = _others(bytes(c for c in range(0x21, 0x7F) if c != 0x23) + bytes(range(0x80, 0x100)))

_SPECIAL = {b"host": HOST, b"cookie": COOKIE, b"priority": PRIORITY}


def classify(name: bytes, value: bytes) -> int:
    """Return the kind of a received field."""
    if name and name[0] == 0x3A:
        return _classify_pseudo(name, value)
    # RFC 9113 §8.2.1: a value MUST NOT contain NUL, LF or CR, nor start or end with SP or HTAB.
    # RFC 9110 §5.5 rules out the other control octets as well.
    if value and (_is_blank(value[0]) or _is_blank(value[-1]) or 1 in value.translate(_VALUE)):
        return BAD_VALUE
    # RFC 9113 §8.2.1: a name MUST NOT contain 0x00-0x20, 0x41-0x5a (upper case), 0x7f-0xff,
    # and no colon; RFC 9110 §5.1: it is a token.
    if not name or 1 in name.translate(_NAME):
        return BAD_NAME
    if name in _SPECIAL:
        if name == b"host" and 1 in value.translate(_AUTHORITY):
            return BAD_AUTHORITY
        return _SPECIAL[name]
    if name == b"content-length":
        # RFC 9110 §8.6: 1*DIGIT. Nineteen digits overflow no 64-bit counter.
        if not value.isdigit() or len(value) > 18:
            return BAD_CONTENT_LENGTH
        return CONTENT_LENGTH
    # RFC 9113 §8.2.2: connection-specific fields make a message malformed.
    if name in CONNECTION_FIELDS:
        return CONNECTION_SPECIFIC
    # RFC 9113 §8.2.2: TE MUST NOT contain any value other than "trailers".
    if name == b"te":
        return TE if value.lower() == b"trailers" else BAD_TE
    return REGULAR


def _is_blank(octet: int) -> bool:
    """Whether this is SP or HTAB."""
    return octet == 0x20 or octet == 0x09


def _classify_pseudo(name: bytes, value: bytes) -> int:
    """Return the kind of a pseudo-header field (RFC 9113 §8.3)."""
    if name == b":path":
        if not value or 1 in value.translate(_PATH):
            return BAD_PATH
        return PATH
    if name == b":method":
        return BAD_METHOD if not value or 1 in value.translate(_TOKEN) else METHOD
    if name == b":scheme":
        if not value[:1].isalpha() or 1 in value.translate(_SCHEME):
            return BAD_SCHEME
        return SCHEME
    if name == b":authority":
        return BAD_AUTHORITY if 1 in value.translate(_AUTHORITY) else AUTHORITY
    if name == b":status":
        return STATUS if is_status(value) else BAD_STATUS
    if name == b":protocol":
        # RFC 8441 §4: a registered upgrade token, which may carry a version.
        return BAD_PROTOCOL if not value or 1 in value.translate(_UPGRADE) else PROTOCOL
    return UNKNOWN_PSEUDO


def is_status(value: bytes) -> bool:
    """Whether this is a status code: three digits from 100 (RFC 9110 §15)."""
    return len(value) == 3 and value.isdigit() and value[0] != 0x30


# ------------------------------------------------------------------------------------------------
# Outgoing fields.

_REMEMBERED_MAX = 1024
_REMEMBERED_OCTETS = 256
# What was given, and what was made of it; pseudo-header fields apart, which only some may send.
_remembered: dict[tuple[object, object], Field] = {}
_remembered_pseudo: dict[tuple[object, object], Field] = {}


def outgoing_field(name: object, value: object) -> Field:
    """Return a field ready to be encoded: lower-case name and value as bytes, checked.

    :param name: ``bytes`` or ``str``; :param value: ``bytes``, ``str`` (UTF-8) or ``int``.
    :raises InvalidFieldError: where RFC 9113 §8.2 forbids to send it.
    :raises TypeError: for another type.
    """
    raw_name = _octets(name, "name").lower()
    raw_value = _octets(value, "value")
    kind = classify(raw_name, raw_value)
    if kind < 0:
        raise InvalidFieldError(
            f"{raw_name!r}: {raw_value!r} must not be sent ({MALFORMED_SLUGS[-kind]})"
        )
    return (raw_name, raw_value)


def _remember(given: tuple[object, object], field: Field) -> None:
    """Keep what ``outgoing_field`` made of ``given``, unless it is long or confidential.

    Nor ``te``, which must be looked at each time.
    """
    name, value = field
    if len(name) + len(value) > _REMEMBERED_OCTETS or name in _CONFIDENTIAL or name == b"te":
        return
    known = _remembered_pseudo if name[0] == 0x3A else _remembered
    if len(known) >= _REMEMBERED_MAX:
        known.clear()
    known[given] = field


_CONFIDENTIAL = frozenset((b"authorization", b"cookie", b"proxy-authorization", b"set-cookie"))


def outgoing_fields(fields: Iterable[Any], pseudo: bool) -> list[Field]:
    """Return every field of a section ready to be encoded; see ``outgoing_field``.

    The list may be returned again for the same fields: it must not be changed.

    :param pseudo: whether there may be pseudo-header fields; they come first.
    """
    given = fields if type(fields) is list else list(fields)
    last = _last.section
    if last.pseudo == pseudo and identical(given, last.given):
        return last.ready
    ready: list[Field] = []
    constant = True
    allowed = pseudo
    for field in given:
        # Only an exact tuple of what never changes is a safe key: a subclass may mean "never
        # indexed".
        if type(field) is not tuple or _may_change(field):
            constant = False
            ready.append(_outgoing_other(field, allowed, pseudo))
            continue
        known = _remembered_pseudo.get(field) if allowed else _remembered.get(field)
        if known is None:
            known = _outgoing_pair(field, allowed, pseudo)
        if allowed and known[0][0] != 0x3A:
            allowed = False
        ready.append(known)
    if constant:
        _last.section = Section(given[:], ready, pseudo)
    return ready


def unchecked_fields(fields: Iterable[Any]) -> list[Field]:
    """Return every field of a section as octets, whatever they are.

    :raises TypeError: for a name or value that is neither ``bytes`` nor ``str``.
    """
    ready: list[Field] = []
    for given in fields:
        name, value = given
        field = (_octets(name, "name"), _octets(value, "value"))
        ready.append(NeverIndexedField(*field) if isinstance(given, NeverIndexedField) else field)
    return ready


class Section:
    """The fields of a section as they were given, and what was made of them."""

    __slots__ = ("given", "pseudo", "ready")

    def __init__(self, given: list[Any], ready: list[Field], pseudo: bool) -> None:
        self.given = given
        self.ready = ready
        self.pseudo = pseudo


class _Last:
    """The last section: programs that answer with the same objects again are answered at once.

    It is replaced as a whole, so threads cannot see one half of it.
    """

    __slots__ = ("section",)

    def __init__(self) -> None:
        self.section = Section([], [], False)


_last = _Last()


def identical(fields: list[Any], others: list[Any]) -> bool:
    """Whether two sections consist of the same objects.

    Equality would not do: a field that must never be indexed equals one that may be.
    """
    if fields is others:
        return True
    if len(fields) != len(others):
        return False
    for at in range(len(fields)):
        if fields[at] is not others[at]:
            return False
    return True


def _may_change(given: tuple[Any, ...]) -> bool:
    """Whether a field holds octets that may change."""
    for part in given:
        if type(part) is not bytes and type(part) is not str:
            return True
    return False


def _outgoing_pair(given: tuple[Any, ...], allowed: bool, pseudo: bool) -> Field:
    """Return a field given as a tuple of two that was not found at once."""
    if allowed:
        known = _remembered.get(given)
        if known is not None:
            return known
    field = _outgoing_other(given, allowed, pseudo)
    _remember(given, field)
    return field


def _outgoing_other(given: Any, allowed: bool, pseudo: bool) -> Field:
    """Return a field given as a list, say, or marked as never to be indexed, which is kept.

    :param allowed: a pseudo-header field may stand here.
    :param pseudo: they may stand in the section: a section without is no request, nor may it
        have ``te`` (RFC 9113 §8.2.2).
    """
    name, value = given
    field = outgoing_field(name, value)
    if (field[0][0] == 0x3A and not allowed) or (field[0] == b"te" and not pseudo):
        raise InvalidFieldError(f"{field[0]!r} must not be sent here")
    return NeverIndexedField(*field) if isinstance(given, NeverIndexedField) else field


def _octets(given: object, what: str) -> bytes:
    """Return ``given`` as bytes."""
    if isinstance(given, bytes):
        return given
    if isinstance(given, str):
        return given.encode()
    if isinstance(given, (bytearray, memoryview)):
        return bytes(given)
    if isinstance(given, int) and what == "value":
        return b"%d" % given
    raise TypeError(f"a field's {what} must be bytes or str, not {type(given).__name__}")
