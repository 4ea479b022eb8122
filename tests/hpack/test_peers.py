"""Against other HPACK codecs: the `hpack` package, and nghttp2's C library."""

from __future__ import annotations

import random
from collections.abc import Iterator

import hpack as other
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.hpack import Decoder, Encoder, Field, HPACKDecodingError, NeverIndexedField
from tests.hpack import libnghttp2
from tests.hpack.stories import read_stories
from tests.hpack.test_properties import LISTS, LIVES, SIZES

STORIES = read_stories()


def chance_lives(seed: int) -> Iterator[list[Field]]:
    """Lists with few names and values, so that they meet in the table again and again."""
    chance = random.Random(seed)
    names = [b":path", b"cookie", b"authorization", b"x-a", b"x-b", b"accept", b"date", b":status"]
    values = [b"", b"200", b"c" * 19, b"c" * 20, b"v" * 300, b"\x00\xff" * 20, b"gzip, deflate"]
    for _ in range(40):
        yield [
            (chance.choice(names), chance.choice(values) + b"%d" % chance.randrange(5))
            for _ in range(chance.randrange(8))
        ]


class TestHpackPackage:
    @pytest.mark.parametrize("name", STORIES)
    def test_stories_both_ways(self, name: str) -> None:
        mine, theirs = Encoder(), other.Encoder()
        my_decoder, their_decoder = Decoder(), other.Decoder()
        for fields in STORIES[name]:
            got = their_decoder.decode(mine.encode(fields), raw=True)
            assert [tuple(field) for field in got] == fields
            assert my_decoder.decode(theirs.encode(fields)) == fields

    @pytest.mark.parametrize("seed", range(10))
    def test_random_lives_both_ways(self, seed: int) -> None:
        mine, theirs = Encoder(), other.Encoder()
        my_decoder, their_decoder = Decoder(), other.Decoder()
        chance = random.Random(seed)
        for fields in chance_lives(seed):
            if chance.random() < 0.2:
                size = chance.choice((0, 100, 1000, 4096))
                mine.max_table_size = size
                theirs.header_table_size = size
            got = their_decoder.decode(mine.encode(fields), raw=True)
            assert [tuple(field) for field in got] == fields
            assert my_decoder.decode(theirs.encode(fields)) == fields


@pytest.mark.interop
class TestLibnghttp2:
    @pytest.mark.parametrize("name", STORIES)
    def test_blocks_of_stories_are_the_same(self, name: str) -> None:
        # The same choices give the same octets: compression is neither better nor worse.
        mine, theirs = Encoder(), libnghttp2.Deflater()
        for fields in STORIES[name]:
            assert mine.encode(fields) == theirs.encode(fields)

    @given(st.one_of(st.just(4096), SIZES.filter(lambda size: size < 2**20)), LIVES)
    @settings(max_examples=150)
    def test_blocks_of_any_life_are_the_same(self, cap: int, life: list[list[Field] | int]) -> None:
        mine, theirs = Encoder(cap), libnghttp2.Deflater(cap)
        for step in life:
            if isinstance(step, int):
                mine.change_table_size(step)
                theirs.change_table_size(step)
            else:
                assert mine.encode(step) == theirs.encode(step)
            assert mine.table.fields() == theirs.fields()

    @pytest.mark.parametrize("seed", range(10))
    def test_random_lives(self, seed: int) -> None:
        mine, theirs = Encoder(600), libnghttp2.Deflater(600)
        decoder, inflater = Decoder(), libnghttp2.Inflater()
        for fields in chance_lives(seed):
            block = mine.encode(fields)
            assert block == theirs.encode(fields)
            got, theirs_got = decoder.decode(block), inflater.decode(block)
            assert got == theirs_got == fields
            assert [type(field) for field in got] == [type(field) for field in theirs_got]

    @given(st.lists(LISTS, min_size=1, max_size=4), st.data())
    @settings(max_examples=300)
    def test_damaged_blocks_are_refused_by_both_or_mean_the_same(
        self, lists: list[list[Field]], data: st.DataObject
    ) -> None:
        encoder, decoder, inflater = Encoder(), Decoder(max_list_size=None), libnghttp2.Inflater()
        for fields in lists:
            block = bytearray(encoder.encode(fields))
            if block:
                block[data.draw(st.integers(0, len(block) - 1))] ^= data.draw(st.integers(0, 255))
            try:
                wanted = inflater.decode(bytes(block))
            except libnghttp2.Refused:
                with pytest.raises(HPACKDecodingError):
                    decoder.decode(block)
                return
            assert decoder.decode(block) == wanted

    @given(st.lists(st.one_of(SIZES, st.binary(max_size=30)), max_size=5))
    @settings(max_examples=300)
    def test_any_octets_are_refused_by_both_or_mean_the_same(self, life: list[bytes | int]) -> None:
        decoder, inflater = Decoder(max_list_size=None), libnghttp2.Inflater()
        for step in life:
            if isinstance(step, int):
                decoder.max_allowed_table_size = step
                inflater.change_table_size(step)
                continue
            if not step:
                continue  # nghttp2 forgets a demanded size update over an empty block
            try:
                wanted = inflater.decode(step)
            except libnghttp2.Refused:
                with pytest.raises(HPACKDecodingError):
                    decoder.decode(step)
                return
            got = decoder.decode(step)
            assert got == wanted
            assert [isinstance(f, NeverIndexedField) for f in got] == [
                isinstance(f, NeverIndexedField) for f in wanted
            ]
