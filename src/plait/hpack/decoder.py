"""The decoder: field blocks to field lists (RFC 7541 §3, §6).

A field that is indexed, which on a living connection is most of them, costs a look into a table
and two appends. A literal is the slow path; it becomes an `Entry`, is judged once by the
classifier of the layer above, and is shared by every message from then on.

What a block may cost: no step copies anything that the block does not itself contain, except the
Huffman code's factor 8/5; so the work is linear in the octets received, whatever the tables hold.
Fields are counted as they come out. Beyond a limit nothing more is kept, but decoding goes on to
the end of the block, as RFC 9113 §4.3 requires while the connection lives.
"""

from __future__ import annotations

from .errors import (
    BrokenDecoderError,
    HeaderListTooLarge,
    InvalidIndexError,
    TableSizeError,
    TruncatedBlockError,
)
from .fields import Field, NeverIndexedField
from .huffman import decode_huffman
from .integers import MAX_INTEGER, decode_continued
from .table import Classifier, DynamicTable, Entry, check_table_size, make_entry, static_entries

_UNLIMITED = 2**62

# The low half of what `decode_continued` returns, the integer.
_INTEGER = MAX_INTEGER

# Which limit a field list passed: an index.
_LIMITS = ("", "list_size", "too_many_fields", "too_many_cookies")


class Decoder:
    """One direction of a connection: decodes the peer's field blocks in order.

    After a decoding error the decoder is broken and every later call raises. After
    `HeaderListTooLarge` it goes on.

    Args:
        max_table_size: Octets the dynamic table may take, as this side announced it.
        max_list_size: Octets that one field list may have, counted as name + value + 32 for each
            field (RFC 9113 §6.5.2); `None` for no limit. It stops blocks of a few octets that
            repeat one large table entry.
        max_fields: Fields that one list may have, cookies not counted; `None` for no limit.
        max_cookies: Cookie fields that one list may have; `None` for no limit. They are counted
            apart because browsers split one cookie into many fields (RFC 9113 §8.2.3).
        classify: Called as `classify(name, value)` for each field that comes as a literal, and
            once for each field of the static table; must be hashable. The int it returns, the
            field's *kind*, is kept with the table entry.

    Attributes:
        max_list_size: The limit of that name; it may be set, for the blocks to come.
        list_size: Octets of the list that was decoded last, name + value + 32 for each field.
        generation: Grows whenever the dynamic table changes. A block means the same fields as
            long as it stays the same, if it does not change while the block is decoded.
        table: The dynamic table.
    """

    __slots__ = (
        "_allowed",
        "_at",
        "_broken",
        "_classify",
        "_demanded",
        "_max_cookies",
        "_max_fields",
        "_static",
        "generation",
        "list_size",
        "max_list_size",
        "table",
    )

    def __init__(
        self,
        max_table_size: int = 4096,
        max_list_size: int | None = 65536,
        max_fields: int | None = None,
        classify: Classifier | None = None,
        *,
        max_cookies: int | None = None,
    ) -> None:
        check_table_size(max_table_size)
        self.table = DynamicTable(max_table_size)
        self.generation = 0
        self.list_size = 0
        self._allowed = max_table_size
        # The size update that the next block must start with is at most this; -1: none must be.
        self._demanded = -1
        self.max_list_size = _UNLIMITED if max_list_size is None else max_list_size
        self._max_fields = _UNLIMITED if max_fields is None else max_fields
        self._max_cookies = _UNLIMITED if max_cookies is None else max_cookies
        self._classify = classify
        self._static = static_entries(classify)
        # Set while a block is decoded, and so left set by every error.
        self._broken = False
        # Where the last string or integer ended.
        self._at = 0

    @property
    def max_allowed_table_size(self) -> int:
        """SETTINGS_HEADER_TABLE_SIZE as this side announced it and the peer acknowledged it.

        A limit below the table's present one evicts at once, and the next block must begin with a
        size update that does not exceed it (RFC 7541 §4.2). A higher one permits, and demands
        nothing.

        Raises:
            ValueError: When set to something outside 0 to 2**32 - 1.
        """
        return self._allowed

    @max_allowed_table_size.setter
    def max_allowed_table_size(self, size: int) -> None:
        check_table_size(size)
        self._allowed = size
        if size < self.table.limit:
            # Each lowering is below the one before, or it would not be below the table's limit.
            self._demanded = size
            self.table.resize(size)
            self.generation += 1

    def decode(self, block: bytes | bytearray | memoryview) -> list[Field]:
        """Decodes one whole field block.

        Args:
            block: All the fragments of the block, joined.

        Returns:
            The fields in their order. Tuples are shared with the table; a field that the peer
            marked as never to be indexed is a `NeverIndexedField`.

        Raises:
            HPACKDecodingError: The block is not HPACK. The decoder is broken from here on.
            HeaderListTooLarge: The list passes a limit. The decoder goes on.
        """
        fields: list[Field] = []
        self.decode_into(bytes(block), fields, [])
        return fields

    def decode_into(self, block: bytes, fields: list[Field], kinds: list[int]) -> None:
        """Decodes one whole field block, appending to lists of the caller.

        Args:
            block: All the fragments of the block, joined.
            fields: Gets the fields. After an error it is as it was.
            kinds: Gets the kind of each of them. After an error it is as it was.

        Raises:
            HPACKDecodingError: As `decode`.
            HeaderListTooLarge: As `decode`.
        """
        if self._broken:
            raise BrokenDecoderError("the decoder met an error in an earlier block")
        self._broken = True
        had_fields = len(fields)
        had_kinds = len(kinds)
        try:
            excess = self._decode(block, fields, kinds)
        except BaseException:
            del fields[had_fields:]
            del kinds[had_kinds:]
            raise
        self._broken = False
        if excess:
            del fields[had_fields:]
            del kinds[had_kinds:]
            raise HeaderListTooLarge(_LIMITS[excess])

    def _decode(self, block: bytes, fields: list[Field], kinds: list[int]) -> int:
        """Appends a block's fields; returns which limit was passed, 0 for none."""
        table = self.table
        static = self._static
        end = len(block)
        size = 0
        others = 0
        cookies = 0
        excess = 0
        at = self._read_size_updates(block) if end else 0
        while at < end:
            index = block[at]
            if index >= 0x80:
                # Indexed field (RFC 7541 §6.1).
                at += 1
                index &= 0x7F
                if index == 0x7F:
                    packed = decode_continued(block, at, 0x7F)
                    at = packed >> 32
                    index = packed & _INTEGER
                if index > 61:
                    index -= 61
                    if index > table.count:
                        raise InvalidIndexError("an index beyond the dynamic table")
                    entry = table.entries[table.first + table.count - index]
                elif index:
                    entry = static[index]
                else:
                    raise InvalidIndexError("index 0")
            else:
                entry = self._read_literal(block, at)
                at = self._at
            size += entry.size
            if entry.is_cookie:
                cookies += 1
            else:
                others += 1
            if excess:
                continue
            if size > self.max_list_size:
                excess = 1
            elif others > self._max_fields:
                excess = 2
            elif cookies > self._max_cookies:
                excess = 3
            else:
                fields.append(entry.field)
                kinds.append(entry.kind)
        self.list_size = size
        return excess

    def _read_size_updates(self, block: bytes) -> int:
        """Carries out the size updates at the start of a block; returns where they end."""
        at = 0
        end = len(block)
        while at < end and block[at] & 0xE0 == 0x20:
            size = block[at] & 0x1F
            at += 1
            if size == 0x1F:
                packed = decode_continued(block, at, 0x1F)
                at = packed >> 32
                size = packed & _INTEGER
            # RFC 7541 §6.3: a size above the limit MUST be treated as a decoding error.
            if size > self._allowed:
                raise TableSizeError("a table size update above the limit")
            # RFC 7541 §4.2: the smallest size since the last block comes first.
            if 0 <= self._demanded < size:
                raise TableSizeError("a table size update above a lower limit that was in force")
            self._demanded = -1
            self.table.resize(size)
            self.generation += 1
        if self._demanded >= 0:
            raise TableSizeError("the limit was lowered; a table size update is missing")
        return at

    def _read_literal(self, block: bytes, at: int) -> Entry:
        """Reads the literal field at `at`, and adds it to the table if it says so."""
        first = block[at]
        if first >= 0x40:
            prefix = 0x3F  # with incremental indexing (RFC 7541 §6.2.1)
        elif first < 0x20:
            prefix = 0x0F  # without indexing, never indexed (RFC 7541 §6.2.2, §6.2.3)
        else:
            # RFC 7541 §4.2: updates MUST occur at the beginning of a block.
            raise TableSizeError("a table size update after a field")
        index = first & prefix
        at += 1
        if index == prefix:
            packed = decode_continued(block, at, prefix)
            at = packed >> 32
            index = packed & _INTEGER
        if index:
            name = self._name(index)
            self._at = at
        else:
            name = self._read_string(block, at)
        value = self._read_string(block, self._at)
        classify = self._classify
        kind = 0 if classify is None else classify(name, value)
        if first & 0xF0 == 0x10:
            return make_entry(NeverIndexedField(name, value), name, value, kind)
        entry = make_entry((name, value), name, value, kind)
        if first >= 0x40:
            self.table.add(entry)
            self.generation += 1
        return entry

    def _name(self, index: int) -> bytes:
        """The name of the entry of an index that is not 0."""
        table = self.table
        if index <= 61:
            entry = self._static[index]
        elif index - 61 <= table.count:
            entry = table.entries[table.first + table.count - (index - 61)]
        else:
            raise InvalidIndexError("the name's index is beyond the dynamic table")
        return entry.name

    def _read_string(self, block: bytes, at: int) -> bytes:
        """Reads the string literal at `at` (RFC 7541 §5.2)."""
        size = len(block)
        if at >= size:
            raise TruncatedBlockError("the block ends before a string")
        first = block[at]
        length = first & 0x7F
        at += 1
        if length == 0x7F:
            packed = decode_continued(block, at, 0x7F)
            at = packed >> 32
            length = packed & _INTEGER
        if length > size - at:
            raise TruncatedBlockError("the block ends within a string")
        self._at = at + length
        if first >= 0x80:
            return decode_huffman(block, at, at + length)
        octets = block
        return octets[at : at + length]
