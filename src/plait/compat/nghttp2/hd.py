"""HPACK as the module offers it: a deflater, an inflater, and a look at their tables."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Protocol

from plait.hpack import Decoder, DynamicTable, Encoder, HPACKError

DEFAULT_HEADER_TABLE_SIZE = 4096
"""Octets of a dynamic table at the start (RFC 7541 §4.2, RFC 9113 §6.5.2)."""

DEFLATE_MAX_HEADER_TABLE_SIZE = 4096
"""Octets of table that an ``HDDeflater`` uses at most, unless told otherwise."""

HD_ENTRY_OVERHEAD = 32
"""Octets that an entry takes beside its name and value (RFC 7541 §4.1)."""

# What the original says of every failure; the reason is the exception's cause.
_FAILED = "Header compression/decompression error"

Octets = bytes | bytearray


class HDTableEntry:
    """One entry of a dynamic table.

    :ivar name: the field's name.
    :ivar namelen: its length in octets.
    :ivar value: the field's value.
    :ivar valuelen: its length in octets.
    :ivar ref: always ``False``: RFC 7541 has no reference set.
    """

    def __init__(self, name: bytes, namelen: int, value: bytes, valuelen: int) -> None:
        self.name = name
        self.namelen = namelen
        self.value = value
        self.valuelen = valuelen
        self.ref = False

    def space(self) -> int:
        """Return the octets that the entry takes in the table."""
        return self.namelen + self.valuelen + HD_ENTRY_OVERHEAD


class HDDeflater:
    """Compresses header lists, one after the other.

    :param hd_table_bufsize_max: octets of dynamic table that it ever uses, whatever
        ``change_table_size`` says.
    :raises ValueError: for a negative size.
    """

    def __init__(self, hd_table_bufsize_max: int = DEFLATE_MAX_HEADER_TABLE_SIZE) -> None:
        self._encoder = Encoder(hd_table_bufsize_max)

    def deflate(self, headers: Sequence[tuple[Octets, Octets]]) -> bytes:
        """Return the compressed block of a header list, whose names are taken as they are.

        :raises TypeError: for names or values that are not octets, or headers without a length.
        """
        if not hasattr(headers, "__len__"):
            raise TypeError(f"a sequence of headers is needed, not {type(headers).__name__}")
        # Made before the encoder begins, so that a wrong type leaves it as it was.
        return self._encoder.encode([(bytes_of(name), bytes_of(value)) for name, value in headers])

    def change_table_size(self, hd_table_bufsize_max: int) -> None:
        """Use that many octets of table, as far as the constructor's limit allows.

        Entries that no longer fit are evicted at once; the next block announces the size.

        :raises ValueError: for a negative size.
        """
        self._encoder.change_table_size(hd_table_bufsize_max)

    def get_hd_table(self) -> list[HDTableEntry]:
        """Return the entries of the dynamic table, the newest first."""
        return _entries(self._encoder.table)

    def set_no_refset(self, no_refset: object) -> None:
        """Do nothing: there is no reference set since HPACK's ninth draft."""
        del no_refset


class HDInflater:
    """Decompresses header blocks, one after the other."""

    def __init__(self) -> None:
        self._decoder = Decoder(DEFAULT_HEADER_TABLE_SIZE, max_list_size=None)

    def inflate(self, data: Octets | memoryview) -> list[tuple[bytes, bytes]]:
        """Return the header list of one complete block.

        :raises TypeError: for what is not octets.
        :raises HPACKError: for a block that is not valid. Every later call raises it, too.
        """
        try:
            fields = self._decoder.decode(bytes_of(data))
        except HPACKError as problem:
            raise type(problem)(_FAILED) from problem
        return [(name, value) for name, value in fields]

    def change_table_size(self, hd_table_bufsize_max: int) -> None:
        """Allow the sender that many octets of table.

        A lower limit evicts at once, and the next block must begin by announcing a size within it.

        :raises ValueError: for a negative size.
        """
        self._decoder.max_allowed_table_size = hd_table_bufsize_max

    def get_hd_table(self) -> list[HDTableEntry]:
        """Return the entries of the dynamic table, the newest first."""
        return _entries(self._decoder.table)


class PrintableEntry(Protocol):
    """What ``print_hd_table`` needs of an entry."""

    name: bytes
    value: bytes

    def space(self) -> int:
        """Return the octets that the entry takes in the table."""


def print_hd_table(hdtable: Iterable[PrintableEntry]) -> None:
    """Print the entries of a table, one a line: ``[1] (s=38) foo: bar``.

    :raises UnicodeDecodeError: for an entry that is not UTF-8.
    """
    for index, entry in enumerate(hdtable, 1):
        mark = "(r=y) " if getattr(entry, "ref", False) else ""
        name, value = entry.name.decode(), entry.value.decode()
        sys.stdout.write(f"[{index}] (s={entry.space()}) {mark}{name}: {value}\n")


def bytes_of(data: object) -> bytes:
    """Return octets as ``bytes``."""
    if not isinstance(data, bytes | bytearray | memoryview):
        raise TypeError(f"bytes are needed, not {type(data).__name__}")
    return bytes(data)


def _entries(table: DynamicTable) -> list[HDTableEntry]:
    return [HDTableEntry(name, len(name), value, len(value)) for name, value in table.fields()]
