"""HPACK, the compression of HTTP/2's fields (RFC 7541)."""

from __future__ import annotations

from .decoder import Decoder
from .encoder import Encoder
from .errors import (
    BrokenDecoderError,
    HeaderListTooLarge,
    HPACKDecodingError,
    HPACKError,
    HuffmanEOSError,
    HuffmanPaddingError,
    InvalidIndexError,
    InvalidIntegerError,
    TableSizeError,
    TruncatedBlockError,
)
from .fields import Field, NeverIndexedField
from .table import DynamicTable

__all__ = [  # noqa: RUF022 - grouped
    # codecs
    "Encoder",
    "Decoder",
    "DynamicTable",
    # fields
    "Field",
    "NeverIndexedField",
    # errors
    "HPACKError",
    "HPACKDecodingError",
    "InvalidIndexError",
    "InvalidIntegerError",
    "HuffmanPaddingError",
    "HuffmanEOSError",
    "TableSizeError",
    "TruncatedBlockError",
    "BrokenDecoderError",
    "HeaderListTooLarge",
]
