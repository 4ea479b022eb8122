"""Whatever the fields and the settings, the decoder gives back what was encoded."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from plait.hpack import (
    Decoder,
    Encoder,
    Field,
    HeaderListTooLarge,
    HPACKDecodingError,
    NeverIndexedField,
)
from plait.hpack.static_table import STATIC_TABLE

NAMES = st.one_of(
    st.sampled_from([name for name, _ in STATIC_TABLE]),
    st.sampled_from([b"", b"x-a", b"x-b", b"x-long-" + b"n" * 60]),
    st.binary(max_size=40),
)
VALUES = st.one_of(
    st.sampled_from([b"", b"1", b"GET", b"/", b"200", b"gzip, deflate", b"c" * 20]),
    st.binary(max_size=200),
)
PAIRS = st.one_of(st.sampled_from(STATIC_TABLE), st.tuples(NAMES, VALUES))
FIELDS = st.one_of(PAIRS, PAIRS.map(lambda pair: NeverIndexedField(*pair)))
LISTS = st.lists(FIELDS, max_size=12)
SIZES = st.one_of(st.integers(0, 300), st.sampled_from([0, 4096, 8192, 2**32 - 1]))

# A life: field lists to send, and table sizes that the decoder's side puts into force.
LIVES = st.lists(st.one_of(LISTS, SIZES), max_size=12)

SECRET_NAMES = (b"authorization", b"cookie")


@given(st.one_of(st.just(4096), SIZES), LIVES)
@settings(max_examples=150)
def test_decoding_gives_back_what_was_encoded(cap: int, life: list[list[Field] | int]) -> None:
    encoder = Encoder(cap)
    decoder = Decoder(max_list_size=None)
    for step in life:
        if isinstance(step, int):
            decoder.max_allowed_table_size = step
            encoder.max_table_size = step
            continue
        fields = decoder.decode(encoder.encode(step))
        assert fields == step
        for given_field, got in zip(step, fields, strict=True):
            if isinstance(given_field, NeverIndexedField):
                assert type(got) is NeverIndexedField
            elif given_field[0] not in SECRET_NAMES:
                assert type(got) is tuple
        if step:
            assert decoder.table.fields() == encoder.table.fields()
            assert decoder.table.size == encoder.table.size
        assert encoder.table.size <= encoder.table.limit <= cap
        assert decoder.table.size <= decoder.table.limit <= decoder.max_allowed_table_size


@given(st.lists(st.binary(max_size=120), max_size=4), st.booleans())
@settings(max_examples=250)
def test_any_octets_give_fields_or_an_hpack_error(blocks: list[bytes], lower: bool) -> None:
    decoder = Decoder(max_list_size=2000, max_fields=20, max_cookies=10)
    if lower:
        decoder.max_allowed_table_size = 100
    broken = False
    for block in blocks:
        try:
            fields = decoder.decode(block)
        except HPACKDecodingError:
            broken = True
        except HeaderListTooLarge:
            assert not broken
        else:
            assert not broken
            assert sum(len(name) + len(value) + 32 for name, value in fields) <= 2000
        assert decoder.table.size <= decoder.table.limit


@given(st.lists(LISTS, min_size=1, max_size=4), st.data())
@settings(max_examples=150)
def test_damaged_blocks_give_fields_or_an_hpack_error(
    lists: list[list[Field]], data: st.DataObject
) -> None:
    encoder = Encoder()
    decoder = Decoder(max_list_size=None)
    for fields in lists:
        block = bytearray(encoder.encode(fields))
        if block:
            at = data.draw(st.integers(0, len(block) - 1))
            block[at] ^= data.draw(st.integers(0, 255))
        try:
            decoder.decode(block)
        except HPACKDecodingError:
            return


@given(st.lists(LISTS, max_size=5))
def test_the_same_generation_gives_the_same_fields(lists: list[list[Field]]) -> None:
    encoder = Encoder()
    decoder = Decoder(max_list_size=None)
    for fields in lists:
        block = encoder.encode(fields)
        decoder.decode(block)
        generation = decoder.generation
        tables = decoder.table.fields()
        indices = bytes(range(0xBE, min(0xBE + len(tables), 0xFF)))
        assert decoder.decode(indices) == tables[: len(indices)]
        assert decoder.generation == generation
