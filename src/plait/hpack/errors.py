"""What can go wrong in HPACK.

::

    HPACKError                      whatever the peer's block makes go wrong
    ├── HPACKDecodingError          a decoding error (RFC 7541): the decoder is lost
    │   ├── InvalidIndexError       hpack.index
    │   ├── InvalidIntegerError     hpack.integer
    │   ├── HuffmanPaddingError     hpack.huffman_padding
    │   ├── HuffmanEOSError         hpack.huffman_eos
    │   ├── TableSizeError          hpack.table_size
    │   ├── TruncatedBlockError     hpack.truncated
    │   └── BrokenDecoderError      hpack.broken
    └── HeaderListTooLarge          hpack.list_size, hpack.too_many_fields,
                                    hpack.too_many_cookies: the decoder goes on

The two branches differ in what is left. After a decoding error the tables of the two sides are no
longer known to agree, so HTTP/2 ends the connection (RFC 9113 §4.3). After `HeaderListTooLarge`
they still agree, and only the message is refused (RFC 9113 §10.5.1).

Mistakes of the caller are `TypeError` and `ValueError`, never one of these.
"""

from __future__ import annotations


class HPACKError(Exception):
    """The peer's field block cannot be accepted."""

    #: Short stable name of the fault, for logs and counters.
    slug = "hpack"


class HPACKDecodingError(HPACKError):
    """The block is not HPACK; the tables of the two sides may differ from here on."""


class InvalidIndexError(HPACKDecodingError):
    """Index 0, or an index beyond both tables (RFC 7541 §2.3.3, §6.1)."""

    slug = "hpack.index"


class InvalidIntegerError(HPACKDecodingError):
    """An integer above 2**32 - 1, or written with too many octets (RFC 7541 §5.1)."""

    slug = "hpack.integer"


class HuffmanPaddingError(HPACKDecodingError):
    """A string's padding is longer than 7 bits, or not all ones (RFC 7541 §5.2)."""

    slug = "hpack.huffman_padding"


class HuffmanEOSError(HPACKDecodingError):
    """A string contains the end-of-string symbol (RFC 7541 §5.2)."""

    slug = "hpack.huffman_eos"


class TableSizeError(HPACKDecodingError):
    """A table size update that is too large, out of place, or missing (RFC 7541 §4.2, §6.3)."""

    slug = "hpack.table_size"


class TruncatedBlockError(HPACKDecodingError):
    """The block ends in the middle of a field."""

    slug = "hpack.truncated"


class BrokenDecoderError(HPACKDecodingError):
    """The decoder met an error in an earlier block and cannot be used any more."""

    slug = "hpack.broken"


class HeaderListTooLarge(HPACKError):
    """The block was decoded, but its field list is larger than this side accepts.

    Attributes:
        limit: Which limit was passed first: `"list_size"` (octets, counted as name + value + 32
            for each field, RFC 9113 §6.5.2), `"too_many_fields"` or `"too_many_cookies"`.
        slug: `"hpack."` and the limit.
    """

    def __init__(self, limit: str) -> None:
        super().__init__(f"the field list is too large: {limit}")
        self.limit = limit
        self.slug = "hpack." + limit
