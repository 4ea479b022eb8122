from __future__ import annotations

import pytest

from plait import hpack
from plait.hpack import HeaderListTooLarge, HPACKDecodingError, HPACKError

SLUGS = {
    "InvalidIndexError": "hpack.index",
    "InvalidIntegerError": "hpack.integer",
    "HuffmanPaddingError": "hpack.huffman_padding",
    "HuffmanEOSError": "hpack.huffman_eos",
    "TableSizeError": "hpack.table_size",
    "TruncatedBlockError": "hpack.truncated",
    "BrokenDecoderError": "hpack.broken",
}


@pytest.mark.parametrize("name", SLUGS)
def test_decoding_errors_have_their_slugs(name: str) -> None:
    kind = getattr(hpack, name)
    assert issubclass(kind, HPACKDecodingError)
    assert kind("why").slug == SLUGS[name]


def test_there_are_no_other_decoding_errors() -> None:
    assert {kind.__name__ for kind in HPACKDecodingError.__subclasses__()} == SLUGS.keys()
    assert set(HPACKError.__subclasses__()) == {HPACKDecodingError, HeaderListTooLarge}


@pytest.mark.parametrize("limit", ["list_size", "too_many_fields", "too_many_cookies"])
def test_a_list_too_large_is_no_decoding_error(limit: str) -> None:
    error = HeaderListTooLarge(limit)
    assert not isinstance(error, HPACKDecodingError)
    assert (error.limit, error.slug) == (limit, "hpack." + limit)
    assert limit in str(error)
