"""Fields, and the mark that keeps one out of every compression table."""

from __future__ import annotations

from typing import Self

#: A field: name and value.
Field = tuple[bytes, bytes]


class NeverIndexedField(tuple[bytes, bytes]):
    """A field that no hop may put into a compression table (RFC 7541 §6.2.3, §7.1.3).

    It equals the ordinary tuple of the same name and value. The decoder returns one for a field
    that the peer marked so; the encoder writes one as a never-indexed literal. Use it for secrets
    short enough to be guessed.

    Args:
        name: The field's name.
        value: The field's value.
    """

    __slots__ = ()

    #: `False`, as of the `hpack` package's class of the same meaning.
    indexable = False

    def __new__(cls, name: bytes, value: bytes) -> Self:
        """Makes the field from its two parts, not from a sequence as `tuple` does."""
        return super().__new__(cls, (name, value))

    def __getnewargs__(self) -> tuple[bytes, bytes]:
        return self[0], self[1]

    def __repr__(self) -> str:
        return f"NeverIndexedField({self[0]!r}, {self[1]!r})"
