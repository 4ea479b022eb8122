from __future__ import annotations

from collections.abc import Iterator

import pytest

from plait.hpack import Decoder, Encoder, Field, NeverIndexedField
from plait.hpack.static_table import STATIC_TABLE

FOO: Field = (b"foo", b"bar")
BAZ: Field = (b"baz", b"buz")
SECRET_NAMES = (b"authorization", b"cookie")
PASSING_NAMES = (
    b":path",
    b"age",
    b"content-length",
    b"etag",
    b"if-modified-since",
    b"if-none-match",
    b"location",
    b"set-cookie",
)


def test_literals_then_indices() -> None:
    encoder = Encoder()
    assert encoder.encode([FOO, BAZ]).hex() == "408294e703626172400362617a0362757a"
    assert encoder.encode([FOO, BAZ]).hex() == "bfbe"


def test_nothing_gives_nothing() -> None:
    assert Encoder().encode([]) == b""


@pytest.mark.parametrize("index", range(1, 62))
def test_static_fields_are_written_as_their_index(index: int) -> None:
    field = STATIC_TABLE[index - 1]
    block = Encoder().encode([field])
    if field[0] in SECRET_NAMES:
        assert block == bytes([0x1F, index - 15, 0])
    else:
        assert block == bytes([0x80 | index])


def test_a_static_name_is_used_with_its_first_index() -> None:
    assert Encoder().encode([(b":status", b"418")])[0] == 0x40 | 8


def test_the_newest_entry_gives_the_name() -> None:
    encoder = Encoder()
    encoder.encode([FOO, (b"foo", b"2"), BAZ])
    assert encoder.encode([(b"foo", b"3")]).hex() == "7f00" + "0133"


def test_indices_of_two_octets() -> None:
    encoder = Encoder(1 << 16)
    encoder.change_table_size(1 << 16)
    fields: list[Field] = [(b"n%d" % number, b"") for number in range(200)]
    decoder = Decoder(1 << 16)
    assert decoder.decode(encoder.encode(fields)) == fields
    block = encoder.encode(fields)
    # Index 62 to 126 takes one octet, to 254 two, to 261 three.
    assert len(block) == 65 + 128 * 2 + 7 * 3
    assert decoder.decode(block) == fields


@pytest.mark.parametrize("name", PASSING_NAMES)
def test_values_that_rarely_come_back_do_not_enter_the_table(name: bytes) -> None:
    encoder = Encoder()
    block = encoder.encode([(name, b"something")])
    assert block[0] & 0xF0 == 0x00
    assert encoder.table.fields() == []
    assert Decoder().decode(block) == [(name, b"something")]


@pytest.mark.parametrize(
    ("field", "first"),
    [
        ((b"authorization", b"Bearer " + b"x" * 100), 0x10),
        ((b"cookie", b"x" * 19), 0x10),
        ((b"cookie", b"x" * 20), 0x60),
        (NeverIndexedField(b"foo", b"bar"), 0x10),
        (NeverIndexedField(b":method", b"GET"), 0x10),
        (NeverIndexedField(b"cookie", b"x" * 50), 0x10),
    ],
)
def test_secrets_are_never_indexed(field: Field, first: int) -> None:
    encoder = Encoder()
    block = encoder.encode([field])
    if first == 0x10:
        assert block[0] & 0xF0 == 0x10
        assert encoder.table.fields() == []
        (got,) = Decoder().decode(block)
        assert type(got) is NeverIndexedField
        assert got == field
    else:
        assert block[0] == first
        assert encoder.table.fields() == [field]


def test_a_never_indexed_field_is_a_literal_even_when_the_table_has_it() -> None:
    encoder = Encoder()
    encoder.encode([FOO])
    assert encoder.encode([NeverIndexedField(*FOO)]).hex() == "1f2f03626172"


def test_fields_larger_than_three_quarters_of_the_table_stay_out() -> None:
    encoder = Encoder(100)
    encoder.encode([])
    encoder.encode([(b"n", b"v" * 42)])
    assert encoder.table.fields() == [(b"n", b"v" * 42)]
    block = encoder.encode([(b"m", b"v" * 43)])
    assert block[0] & 0xF0 == 0x00
    assert encoder.table.fields() == [(b"n", b"v" * 42)]


@pytest.mark.parametrize(
    ("value", "octets"),
    [
        (b"", "00"),
        (b"bar", "03626172"),  # coded it takes three octets as well
        (b"www", "03777777"),
        (b"0000", "8300000f"),
        (b"\x00\x00", "020000"),  # coded it takes four
    ],
)
def test_huffman_coding_only_when_shorter(value: bytes, octets: str) -> None:
    assert Encoder().encode([(b":path", value)]).hex() == "04" + octets


def test_names_are_written_as_they_are() -> None:
    assert Decoder().decode(Encoder().encode([(b"FoO", b"Bar")])) == [(b"FoO", b"Bar")]


def test_order_and_duplicates_are_kept() -> None:
    fields = [FOO, BAZ, FOO, (b"foo", b"bar2"), FOO]
    assert Decoder().decode(Encoder().encode(fields)) == fields


def test_encode_into_appends() -> None:
    encoder = Encoder()
    out = bytearray(b"HEAD")
    encoder.encode_into(out, [FOO])
    encoder.encode_into(out, iter([FOO]))
    assert out == b"HEAD" + bytes.fromhex("408294e703626172") + b"\xbe"


@pytest.mark.parametrize("length", [0, 1, 126, 127, 128, 255, 256, 257, 410, 1000, 70_000])
def test_strings_of_any_length(length: int) -> None:
    for octet in (b"0", b"\x00"):
        fields = [(b"n" + octet * length, octet * length)]
        encoder = Encoder()
        assert Decoder(max_list_size=None).decode(encoder.encode(fields)) == fields


@pytest.mark.parametrize(
    ("cap", "block"),
    [
        (4096, "408294e703626172"),
        (8192, "408294e703626172"),
        (100, "3f45408294e703626172"),
        (64, "3f21408294e703626172"),
        (0, "20008294e703626172"),
    ],
)
def test_a_small_table_is_announced(cap: int, block: str) -> None:
    encoder = Encoder(cap)
    assert encoder.max_table_size == min(cap, 4096)
    assert encoder.encode([FOO]).hex() == block
    assert encoder.encode([]) == b""


class TestTableSize:
    def test_the_smaller_of_cap_and_setting_is_used(self) -> None:
        encoder = Encoder(8192)
        encoder.max_table_size = 10_000
        assert encoder.max_table_size == 8192
        assert encoder.encode([]).hex() == "3fe13f"

    def test_a_change_is_announced_once(self) -> None:
        encoder = Encoder()
        encoder.encode([FOO])
        encoder.max_table_size = 50
        assert encoder.table.fields() == [FOO]
        assert encoder.encode([FOO]).hex() == "3f13be"
        assert encoder.encode([FOO]).hex() == "be"

    def test_setting_what_is_in_use_announces_nothing(self) -> None:
        encoder = Encoder()
        encoder.max_table_size = 4096
        encoder.max_table_size = 10_000
        assert encoder.encode([]) == b""

    def test_changing_to_what_is_in_use_announces_it(self) -> None:
        encoder = Encoder()
        encoder.change_table_size(8192)
        assert encoder.encode([]).hex() == "3fe11f"

    def test_down_and_up_announces_both(self) -> None:
        # RFC 7541 §4.2
        encoder = Encoder(8192)
        encoder.encode([FOO])
        encoder.change_table_size(0)
        encoder.change_table_size(4096)
        assert encoder.table.fields() == []
        assert encoder.encode([FOO]).hex() == "203fe11f408294e703626172"

    def test_down_twice_and_up_announces_the_lowest(self) -> None:
        encoder = Encoder()
        for size in (2000, 100, 3000, 1000):
            encoder.max_table_size = size
        assert encoder.encode([]).hex() == "3f45" + "3fc907"

    def test_up_and_down_announces_the_last(self) -> None:
        encoder = Encoder(8192)
        encoder.max_table_size = 8192
        encoder.max_table_size = 100
        assert encoder.encode([]).hex() == "3f45"

    def test_an_earlier_low_is_forgotten_after_a_block(self) -> None:
        encoder = Encoder()
        encoder.max_table_size = 0
        encoder.encode([])
        encoder.max_table_size = 4096
        assert encoder.encode([]).hex() == "3fe11f"

    def test_lowering_evicts_and_forgets(self) -> None:
        encoder = Encoder()
        encoder.encode([FOO, BAZ])
        encoder.max_table_size = 40
        assert encoder.table.fields() == [BAZ]
        block = encoder.encode([FOO])
        assert block.hex() == "3f09" + "008294e703626172"

    @pytest.mark.parametrize("size", [-1, 2**32, 2**70])
    def test_impossible_sizes_are_the_callers_mistake(self, size: int) -> None:
        with pytest.raises(ValueError, match="table size"):
            Encoder(size)
        encoder = Encoder()
        with pytest.raises(ValueError, match="table size"):
            encoder.max_table_size = size
        with pytest.raises(ValueError, match="table size"):
            encoder.change_table_size(size)
        assert encoder.encode([]) == b""


class TestMistakes:
    @pytest.mark.parametrize(
        "field",
        [
            ("foo", b"bar"),
            (b"foo", "bar"),
            ["foo", "bar"],
            (b"foo", 3),
            (b"foo", None),
            (3, b"foo"),
            None,
            17,
        ],
    )
    def test_what_is_not_octets_is_a_type_error(self, field: object) -> None:
        with pytest.raises(TypeError):
            Encoder().encode([field])  # type: ignore[list-item]

    @pytest.mark.parametrize("field", [(), (b"a",), (b"a", b"b", b"c"), [b"a"]])
    def test_what_is_not_a_pair_is_a_value_error(self, field: object) -> None:
        with pytest.raises(ValueError, match="value"):
            Encoder().encode([field])  # type: ignore[list-item]

    def test_other_octets_and_other_pairs_are_accepted(self) -> None:
        class Octets(bytes):
            pass

        fields = [
            [b"foo", b"bar"],
            (bytearray(b"foo"), memoryview(b"bar")),
            (Octets(b"foo"), b"bar"),
        ]
        encoder = Encoder()
        assert encoder.encode(fields).hex() == "408294e703626172bebe"  # type: ignore[arg-type]
        assert [type(part) for part in encoder.table.fields()[0]] == [bytes, bytes]

    def test_after_a_mistake_the_peer_is_brought_back_in_step(self) -> None:
        encoder = Encoder()
        decoder = Decoder()
        decoder.decode(encoder.encode([FOO]))
        out = bytearray(b"HEAD")
        with pytest.raises(TypeError):
            encoder.encode_into(out, [BAZ, ("text", b"x")])  # type: ignore[list-item]
        assert out == b"HEAD"
        assert encoder.table.fields() == []
        block = encoder.encode([BAZ, FOO])
        assert block.hex().startswith("203fe11f")
        assert decoder.decode(block) == [BAZ, FOO]
        assert decoder.table.fields() == encoder.table.fields()

    def test_an_iterable_that_fails_is_such_a_mistake(self) -> None:
        def fields() -> Iterator[Field]:
            yield FOO
            raise LookupError

        encoder = Encoder()
        with pytest.raises(LookupError):
            encoder.encode(fields())
        assert encoder.encode([FOO]).hex() == "203fe11f408294e703626172"


def test_equal_values_of_many_names() -> None:
    encoder = Encoder(1000)
    decoder = Decoder()
    for turn in range(60):
        fields: list[Field] = [(b"n%d" % ((turn * 7 + at) % 29), b"same") for at in range(9)]
        assert decoder.decode(encoder.encode(fields)) == fields
        # what is in the table is written as its index
        kept = encoder.table.fields()
        assert encoder.encode(kept) == bytes(0xBE + at for at in range(len(kept)))


@pytest.mark.parametrize("count", [1, 1000, 3000])
def test_blocks_of_any_length(count: int) -> None:
    fields: list[Field] = [(b":status", b"200"), (b"content-length", b"%d" % count)] * count
    block = Encoder().encode(fields)
    assert Decoder(max_list_size=None).decode(block) == fields


def test_a_long_life_with_many_evictions() -> None:
    encoder = Encoder(500)
    decoder = Decoder()
    for number in range(2000):
        fields: list[Field] = [
            (b"n%d" % (number % 37), b"v%d" % (number % 101)),
            (b"same", b"v%d" % (number % 7)),
        ]
        assert decoder.decode(encoder.encode(fields)) == fields
        assert decoder.table.fields() == encoder.table.fields()
        assert encoder.table.size <= 500
