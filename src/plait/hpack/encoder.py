"""The encoder: field lists to field blocks (RFC 7541 §6, §7.1).

How a field is written follows nghttp2, whose choices are known to compress real traffic well and
which programs can see through the table:

- A field in a table is written as its index, the static table first.
- Fields whose values rarely come back, and fields larger than three quarters of the table, are
  literals that do not enter the table.
- `authorization`, and cookies shorter than 20 octets, are never indexed: a value that short could
  be guessed by watching sizes (RFC 7541 §7.1.3).
- Every other literal enters the table.
- The name comes from the static table if it is there, else from the newest entry that has it.
- A string is Huffman-coded only when that is shorter.

One dictionary, made at the first insertion, leads from a field and from a name to the number of
the newest entry that has it. Entries are numbered in the order they were added, so that nothing
needs renumbering when the indices shift.
"""

from __future__ import annotations

from collections.abc import Iterable

from .fields import Field, NeverIndexedField
from .huffman import encode_huffman, huffman_length
from .integers import MAX_INTEGER, encode_integer
from .static_table import STATIC_FIELDS, STATIC_NAMES
from .table import DynamicTable, make_entry

# How a literal is written: the first octet's bits (RFC 7541 §6.2).
_INDEXED = 0x40
_NOT_INDEXED = 0x00
_NEVER_INDEXED = 0x10

# Fields whose values rarely come back.
_PASSING = frozenset(
    {
        b":path",
        b"age",
        b"content-length",
        b"etag",
        b"if-modified-since",
        b"if-none-match",
        b"location",
        b"set-cookie",
    }
)
_SECRET = frozenset({b"authorization", b"cookie"})

# A cookie of at least so many octets is no easy guess.
_LONG_COOKIE = 20

# Field to index. The secret ones may not be written as an index.
_static_fields = {field: index for field, index in STATIC_FIELDS.items() if field[0] not in _SECRET}
# Name to its index, plus how a literal with it is written.
_static_names = {
    name: index << 8
    | (_NEVER_INDEXED if name in _SECRET else _NOT_INDEXED if name in _PASSING else _INDEXED)
    for name, index in STATIC_NAMES.items()
}


class Encoder:
    """One direction of a connection: encodes field lists for the peer, in order.

    Args:
        max_table_size: Octets the dynamic table may ever take, whatever the peer permits. The
            peer's table starts at 4096 octets; a smaller one is announced in the first block.

    Attributes:
        table: The dynamic table.

    Raises:
        ValueError: The size is outside 0 to 2**32 - 1.
    """

    __slots__ = ("_announce", "_cap", "_lowest", "_numbers", "table")

    def __init__(self, max_table_size: int = 4096) -> None:
        _check_size(max_table_size)
        self._cap = max_table_size
        self.table = DynamicTable(min(max_table_size, 4096))
        # A size update is due, after one to the lowest size since the last block.
        self._announce = max_table_size < 4096
        self._lowest = self.table.limit
        self._numbers: dict[Field | bytes, int] | None = None

    @property
    def max_table_size(self) -> int:
        """The size of the dynamic table in use; set it to the peer's SETTINGS_HEADER_TABLE_SIZE.

        The size in use is the smaller of that and of what was given to the constructor. When it
        changes, the next block says so (RFC 7541 §4.2).

        Raises:
            ValueError: When set to something outside 0 to 2**32 - 1.
        """
        return self.table.limit

    @max_table_size.setter
    def max_table_size(self, size: int) -> None:
        _check_size(size)
        if min(size, self._cap) != self.table.limit:
            self.change_table_size(size)

    def change_table_size(self, size: int) -> None:
        """Does as setting `max_table_size`, and announces the size even if it stays the same.

        Raises:
            ValueError: The size is outside 0 to 2**32 - 1.
        """
        _check_size(size)
        limit = min(size, self._cap)
        if not self._announce or limit < self._lowest:
            self._lowest = limit
        self._announce = True
        self.table.limit = limit
        self._evict(limit)

    def encode(self, fields: Iterable[Field]) -> bytes:
        """Encodes one field list.

        Args:
            fields: Pairs of octets, names in lower case as HTTP/2 wants them (this is not
                checked). A `NeverIndexedField` is written as one.

        Returns:
            The field block.

        Raises:
            TypeError: A name or value is not octets.
            ValueError: A field is not a pair.
        """
        out = bytearray()
        self.encode_into(out, fields)
        return bytes(out)

    def encode_into(self, out: bytearray, fields: Iterable[Field]) -> None:
        """Encodes one field list, appending the block to a buffer of the caller.

        When it raises, the buffer is as it was. The table cannot be: it is emptied, and the next
        block tells the peer to empty its own.

        Args:
            out: Gets the block.
            fields: As for `encode`.

        Raises:
            TypeError: As `encode`.
            ValueError: As `encode`.
        """
        start = len(out)
        try:
            if self._announce:
                self._write_size_updates(out)
            for field in fields:
                self._write_field(out, field)
        except BaseException:
            del out[start:]
            self._start_over()
            raise

    def _write_field(self, out: bytearray, field: Field) -> None:
        """Writes one field."""
        if type(field) is not tuple:
            self._write_other(out, field)
        else:
            name, value = field
            if type(name) is bytes and type(value) is bytes:
                self._write_pair(out, field, name, value)
            else:
                self._write_other(out, field)

    def _write_other(self, out: bytearray, field: Field) -> None:
        """Writes a field that is no tuple of two `bytes`: another pair, or one never indexed."""
        name, value = field
        name = _octets(name)
        value = _octets(value)
        if isinstance(field, NeverIndexedField):
            self._write_literal(out, (name, value), name, value, True)
        else:
            self._write_pair(out, (name, value), name, value)

    def _write_pair(self, out: bytearray, field: Field, name: bytes, value: bytes) -> None:
        """Writes a field as an index or a literal."""
        index = self._find(field, name, value)
        if index == 0:
            self._write_literal(out, field, name, value, False)
        elif index < 0x7F:
            out.append(0x80 | index)
        else:
            encode_integer(out, 0x80, 0x7F, index)

    def _find(self, field: Field, name: bytes, value: bytes) -> int:
        """The index of a field in the tables, or 0.

        No field is in both tables, so each is asked when it is likely to know: apart from the
        pseudo-fields, only one static entry has a value.
        """
        pseudo = len(name) > 0 and name[0] == 0x3A
        if pseudo or len(value) == 0 or name == b"accept-encoding":
            found = _static_fields.get(field)
            if found is not None:
                return found
        if self._numbers is not None:
            found = self._numbers.get(field)
            if found is not None:
                number = found
                return self.table.added + 62 - number
        return 0

    def _write_literal(
        self, out: bytearray, field: Field, name: bytes, value: bytes, secret: bool
    ) -> None:
        """Writes a literal, and adds the field to the table if that is worth it."""
        table = self.table
        size = len(name) + len(value) + 32
        index = 0
        how = _INDEXED
        known = _static_names.get(name)
        if known is not None:
            packed = known
            index = packed >> 8
            how = packed & 0xFF
            if how == _NEVER_INDEXED and name == b"cookie" and len(value) >= _LONG_COOKIE:
                how = _INDEXED
        elif self._numbers is not None:
            known = self._numbers.get(name)
            if known is not None:
                number = known
                index = table.added + 62 - number
        if secret:
            how = _NEVER_INDEXED
        elif how == _INDEXED and size > table.limit * 3 // 4:
            how = _NOT_INDEXED
        if how == _INDEXED:
            encode_integer(out, how, 0x3F, index)
            self._insert(field, name, value, size)
        else:
            encode_integer(out, how, 0x0F, index)
        if index == 0:
            _write_string(out, name)
        _write_string(out, value)

    def _insert(self, field: Field, name: bytes, value: bytes, size: int) -> None:
        """Adds a field to the table."""
        table = self.table
        self._evict(table.limit - size)
        numbers = self._numbers
        if numbers is None:
            numbers = self._numbers = {}
        table.push(make_entry(field, name, value, 0))
        number = table.added
        numbers[field] = number
        numbers[name] = number

    def _evict(self, target: int) -> None:
        """Evicts entries until at most `target` octets are in use, and forgets their numbers."""
        table = self.table
        while table.size > target and table.count:
            number = table.added - table.count + 1
            field = table.pop().field
            numbers = self._numbers
            assert numbers is not None
            del numbers[field]
            name = field[0]
            if numbers[name] == number:
                del numbers[name]

    def _write_size_updates(self, out: bytearray) -> None:
        """RFC 7541 §4.2: the smallest size since the last block first, then the final one."""
        limit = self.table.limit
        if self._lowest < limit:
            encode_integer(out, 0x20, 0x1F, self._lowest)
        encode_integer(out, 0x20, 0x1F, limit)
        self._announce = False

    def _start_over(self) -> None:
        """Empties the table, and has the next block empty the peer's."""
        self._evict(0)
        self._announce = True
        self._lowest = 0


def _write_string(out: bytearray, data: bytes) -> None:
    """Writes a string literal (RFC 7541 §5.2), Huffman-coded if that is shorter."""
    length = len(data)
    coded = huffman_length(data)
    if coded < length:
        encode_integer(out, 0x80, 0x7F, coded)
        encode_huffman(out, data, coded)
    else:
        encode_integer(out, 0x00, 0x7F, length)
        out += data


def _octets(data: object) -> bytes:
    """A name or value as `bytes`."""
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"names and values are bytes, not {type(data).__name__}")
    return bytes(data)


def _check_size(size: int) -> None:
    """Raises ValueError for a table size that no SETTINGS frame can carry."""
    if not 0 <= size <= MAX_INTEGER:
        raise ValueError(f"a table size is 0 to 2**32 - 1 octets, not {size}")
