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

Entries are numbered in the order they were added, so that nothing needs renumbering when the
indices shift. A dictionary leads from a value to the newest entry that has it, and from there a
chain to the older ones; equal values of different names are rare. (Looking up the value and not
the pair saves hashing a tuple, whose hash is not kept.) A second one leads from a name to the
newest entry. Both are made at the first insertion.

A block is written into a spare buffer and appended to the caller's at once: growing a `bytearray`
octet by octet costs more than the coding.
"""

from __future__ import annotations

from collections.abc import Iterable

from .fields import Field, NeverIndexedField
from .huffman import encode_huffman, huffman_length
from .integers import encode_integer
from .static_table import STATIC_FIELDS, STATIC_NAMES, STATIC_TABLE
from .table import DynamicTable, check_table_size, make_entry

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

# The static table by value, but for empty ones; no two entries have the same. And the names.
_static_values = {field[1]: index for field, index in STATIC_FIELDS.items() if field[1]}
_names = [b"", *[name for name, _ in STATIC_TABLE]]
# Names with an empty value to index. The secret ones may not be written as an index.
_static_empty = {
    name: index
    for (name, value), index in STATIC_FIELDS.items()
    if not value and name not in _SECRET
}
# Name to its index, plus how a literal with it is written.
_static_names = {
    name: index << 8
    | (_NEVER_INDEXED if name in _SECRET else _NOT_INDEXED if name in _PASSING else _INDEXED)
    for name, index in STATIC_NAMES.items()
}

# Buffers to write blocks into, taken while in use. (See the ones of `huffman`.)
_SPARE_SIZE = 2048
_spare = [bytearray(_SPARE_SIZE) for _ in range(4)]

# From here on a slice is copied faster than the octets one by one.
_LONG_COPY = 64

# Octets that a field takes at most besides its name and value: three integers.
_ROOM = 18


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

    __slots__ = ("_announce", "_cap", "_lowest", "_newest_name", "_newest_value", "table")

    def __init__(self, max_table_size: int = 4096) -> None:
        check_table_size(max_table_size)
        self._cap = max_table_size
        self.table = DynamicTable(min(max_table_size, 4096))
        # A size update is due, after one to the lowest size since the last block.
        self._announce = max_table_size < 4096
        self._lowest = self.table.limit
        self._newest_value: dict[bytes, int] | None = None
        self._newest_name: dict[bytes, int] | None = None

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
        check_table_size(size)
        if min(size, self._cap) != self.table.limit:
            self.change_table_size(size)

    def change_table_size(self, size: int) -> None:
        """Does as setting `max_table_size`, and announces the size even if it stays the same.

        Raises:
            ValueError: The size is outside 0 to 2**32 - 1.
        """
        check_table_size(size)
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
        buffer = _spare.pop() if _spare else bytearray(_SPARE_SIZE)
        at = 0
        try:
            if self._announce:
                at = self._write_size_updates(buffer)
            for field in fields:
                if type(field) is tuple:
                    name, value = field
                    if type(name) is bytes and type(value) is bytes:
                        at = self._write_pair(buffer, at, field, name, value)
                        continue
                at = self._write_other(buffer, at, field)
        except BaseException:
            self._start_over()
            raise
        start = buffer
        out += start[:at]
        if len(buffer) == _SPARE_SIZE:
            _spare.append(buffer)

    def _write_other(self, out: bytearray, at: int, field: Field) -> int:
        """Writes a field that is no tuple of two `bytes`: another pair, or one never indexed.

        Returns where it ends, as all these methods do.
        """
        name, value = field
        name = _octets(name)
        value = _octets(value)
        if isinstance(field, NeverIndexedField):
            return self._write_literal(out, at, (name, value), name, value, True)
        return self._write_pair(out, at, (name, value), name, value)

    def _write_pair(self, out: bytearray, at: int, field: Field, name: bytes, value: bytes) -> int:
        """Writes a field as an index or a literal."""
        index = self._find(name, value)
        if index == 0:
            return self._write_literal(out, at, field, name, value, False)
        if at + _ROOM > len(out):
            out += bytes(len(out))
        if index < 0x7F:
            out[at] = 0x80 | index
            return at + 1
        return encode_integer(out, at, 0x80, 0x7F, index)

    def _find(self, name: bytes, value: bytes) -> int:
        """The index of a field in the tables, or 0. No field is in both tables."""
        if len(value) == 0:
            found = _static_empty.get(name)
            if found is not None:
                return found
        elif (len(name) > 0 and name[0] == 0x3A) or name == b"accept-encoding":
            # Static entries with values are of pseudo-fields, but for one.
            found = _static_values.get(value)
            if found is not None:
                number = found
                if _names[number] == name:
                    return number
        if self._newest_value is not None:
            found = self._newest_value.get(value)
            if found is not None:
                number = found
                table = self.table
                gone = table.added - table.count
                while number > gone:
                    entry = table.entries[table.first + number - gone - 1]
                    if entry.name == name:
                        return table.added + 62 - number
                    number = entry.older
        return 0

    def _write_literal(
        self, out: bytearray, at: int, field: Field, name: bytes, value: bytes, secret: bool
    ) -> int:
        """Writes a literal, and adds the field to the table if that is worth it."""
        table = self.table
        size = len(name) + len(value) + 32
        if at + size + _ROOM > len(out):
            out += bytes(len(out) + size)
        index = 0
        how = _INDEXED
        known = _static_names.get(name)
        if known is not None:
            packed = known
            index = packed >> 8
            how = packed & 0xFF
            if how == _NEVER_INDEXED and name == b"cookie" and len(value) >= _LONG_COOKIE:
                how = _INDEXED
        elif self._newest_name is not None:
            known = self._newest_name.get(name)
            if known is not None:
                number = known
                index = table.added + 62 - number
        if secret:
            how = _NEVER_INDEXED
        elif how == _INDEXED and size > table.limit * 3 // 4:
            how = _NOT_INDEXED
        if how == _INDEXED:
            at = encode_integer(out, at, how, 0x3F, index)
            self._insert(field, name, value, size)
        else:
            at = encode_integer(out, at, how, 0x0F, index)
        if index == 0:
            at = _write_string(out, at, name)
        return _write_string(out, at, value)

    def _insert(self, field: Field, name: bytes, value: bytes, size: int) -> None:
        """Adds a field to the table."""
        table = self.table
        self._evict(table.limit - size)
        if self._newest_value is None or self._newest_name is None:
            self._newest_value = {}
            self._newest_name = {}
        entry = make_entry(field, name, value, 0)
        table.push(entry)
        found = self._newest_value.get(value)
        if found is not None:
            entry.older = found
        number = table.added
        self._newest_value[value] = number
        self._newest_name[name] = number

    def _evict(self, target: int) -> None:
        """Evicts entries until at most `target` octets are in use, and forgets their numbers."""
        table = self.table
        while table.size > target and table.count:
            entry = table.pop()
            number = table.added - table.count
            _forget(self._newest_value, entry.field[1], number)
            _forget(self._newest_name, entry.name, number)

    def _write_size_updates(self, out: bytearray) -> int:
        """RFC 7541 §4.2: the smallest size since the last block first, then the final one."""
        limit = self.table.limit
        at = 0
        if self._lowest < limit:
            at = encode_integer(out, at, 0x20, 0x1F, self._lowest)
        self._announce = False
        return encode_integer(out, at, 0x20, 0x1F, limit)

    def _start_over(self) -> None:
        """Empties the table, and has the next block empty the peer's."""
        self._evict(0)
        self._announce = True
        self._lowest = 0


def _forget(newest: dict[bytes, int] | None, key: bytes, number: int) -> None:
    """Takes a key out, if it leads to the entry of that number and not to a newer one."""
    assert newest is not None
    found = newest[key]
    if found == number:
        del newest[key]


def _write_string(out: bytearray, at: int, data: bytes) -> int:
    """Writes a string literal (RFC 7541 §5.2), Huffman-coded if that is shorter."""
    length = len(data)
    coded = huffman_length(data)
    if coded < length:
        at = encode_integer(out, at, 0x80, 0x7F, coded)
        return encode_huffman(out, at, data)
    at = encode_integer(out, at, 0x00, 0x7F, length)
    if length > _LONG_COPY:
        out[at : at + length] = data
        return at + length
    for octet in data:
        out[at] = octet
        at += 1
    return at


def _octets(data: object) -> bytes:
    """A name or value as `bytes`."""
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"names and values are bytes, not {type(data).__name__}")
    return bytes(data)
