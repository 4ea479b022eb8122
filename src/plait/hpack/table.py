"""The dynamic table (RFC 7541 §2.3.2, §4).

A list that grows at its end holds the entries, oldest first; index 62 is the last element.
Evicting the oldest only moves `first` and overwrites the slot, so that nothing but the entry goes;
now and then the dead slots are cut off. The list does not exist before the first insertion: an
idle connection has none.

Each entry keeps its field as one tuple that all messages share, and beside it what the layer above
made of the field when it came in, its *kind*.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from .fields import Field
from .integers import MAX_INTEGER
from .static_table import STATIC_TABLE

#: Judges a field once, when it first comes in: (name, value) -> kind.
Classifier = Callable[[bytes, bytes], int]


class Entry:
    """A field as the tables hold it: shared, measured, and with its kind.

    Attributes:
        field: Name and value.
        name: The name again.
        kind: What the decoder's classifier said of it; 0 without one.
        size: Octets as RFC 7541 §4.1 counts them: name + value + 32.
        is_cookie: The field is a cookie, of which a message may have many.
        older: Number of an older entry with the same value, for the encoder.
    """

    __slots__ = ("field", "is_cookie", "kind", "name", "older", "size")

    def fill(self, field: Field, name: bytes, value: bytes, kind: int) -> None:
        """Sets everything, once."""
        self.field = field
        self.name = name
        self.kind = kind
        self.size = len(name) + len(value) + 32
        self.is_cookie = name == b"cookie"
        self.older = 0


def make_entry(field: Field, name: bytes, value: bytes, kind: int) -> Entry:
    """Makes the entry of a field, whose two parts the caller has at hand.

    This and not a constructor, which in the compiled module would cost five times as much.
    """
    entry = Entry.__new__(Entry)
    entry.fill(field, name, value, kind)
    return entry


#: Takes the place of an evicted entry until the list is cut.
_GONE = make_entry((b"", b""), b"", b"", 0)

#: The list of every table that never had an entry.
_NO_ENTRIES: list[Entry] = []

#: That many dead slots are not worth cutting off.
_SLACK = 32


class DynamicTable:
    """Entries in the order they were added, with a limit on their total size.

    Attributes:
        size: Octets in use (RFC 7541 §4.1).
        limit: Most octets that may be in use.
        count: Number of entries.
        added: Number of entries ever added.
    """

    __slots__ = ("added", "count", "entries", "first", "limit", "size")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.size = 0
        self.count = 0
        self.added = 0
        self.first = 0
        self.entries = _NO_ENTRIES

    def __len__(self) -> int:
        return self.count

    def fields(self) -> list[Field]:
        """The fields in a new list, the newest first."""
        return [entry.field for entry in reversed(self.entries[self.first :])]

    def add(self, entry: Entry) -> None:
        """Adds an entry, evicting old ones to make room.

        RFC 7541 §4.4: an entry larger than the table empties it, and is not added.
        """
        self.evict(self.limit - entry.size)
        if entry.size <= self.limit:
            self.push(entry)

    def resize(self, limit: int) -> None:
        """Sets the limit, evicting what goes beyond it (RFC 7541 §4.3)."""
        self.limit = limit
        self.evict(limit)

    def evict(self, target: int) -> None:
        """Evicts the oldest entries until at most `target` octets are in use."""
        while self.size > target and self.count:
            self.pop()

    def push(self, entry: Entry) -> None:
        """Adds an entry for which there is room."""
        if self.entries is _NO_ENTRIES:
            self.entries = []
        self.entries.append(entry)
        self.size += entry.size
        self.count += 1
        self.added += 1

    def pop(self) -> Entry:
        """Takes the oldest entry out; there must be one."""
        entries = self.entries
        entry = entries[self.first]
        entries[self.first] = _GONE
        self.first += 1
        self.size -= entry.size
        self.count -= 1
        if self.first > _SLACK and self.first > self.count:
            del entries[: self.first]
            self.first = 0
        return entry


def check_table_size(size: int) -> None:
    """Raises ValueError for a table size that no SETTINGS frame can carry."""
    if not 0 <= size <= MAX_INTEGER:
        raise ValueError(f"a table size is 0 to 2**32 - 1 octets, not {size}")


@lru_cache(maxsize=16)
def static_entries(classify: Classifier | None) -> list[Entry]:
    """The static table with the kinds of a classifier; element 0 is no entry.

    All decoders with the same classifier share one list.
    """
    entries = [_GONE]
    for field in STATIC_TABLE:
        name, value = field
        kind = 0 if classify is None else classify(name, value)
        entries.append(make_entry(field, name, value, kind))
    return entries
