from __future__ import annotations

import pytest

from plait.hpack import (
    BrokenDecoderError,
    Decoder,
    Encoder,
    Field,
    HeaderListTooLarge,
    HPACKDecodingError,
    HuffmanEOSError,
    HuffmanPaddingError,
    InvalidIndexError,
    InvalidIntegerError,
    NeverIndexedField,
    TableSizeError,
    TruncatedBlockError,
)
from plait.hpack.static_table import STATIC_TABLE

# Blocks that are not HPACK, for a fresh decoder.
BAD = {
    "index 0": ("80", InvalidIndexError),
    "the first index of an empty dynamic table": ("be", InvalidIndexError),
    "an index of two octets beyond": ("ff00", InvalidIndexError),
    "the largest index": ("ff80ffffff0f", InvalidIndexError),
    "a name's index beyond, indexed": ("7e0161", InvalidIndexError),
    "a name's index beyond, not indexed": ("0f2f0161", InvalidIndexError),
    "a name's index beyond, never indexed": ("1f2f0161", InvalidIndexError),
    "an index that ends early": ("ff", TruncatedBlockError),
    "an index that ends early after an octet": ("ff80", TruncatedBlockError),
    "an index of 2**32": ("ff81ffffff0f", InvalidIntegerError),
    "an index of six octets": ("ff808080808000", InvalidIntegerError),
    "a literal without a name": ("40", TruncatedBlockError),
    "a literal without a value": ("4001 61", TruncatedBlockError),
    "a name cut short": ("400361 62", TruncatedBlockError),
    "a value cut short": ("4001610362", TruncatedBlockError),
    "a value of 4 GiB": ("4001617f80ffffff0f", TruncatedBlockError),
    "a value's length above 4 GiB": ("4001617f81ffffff0f", InvalidIntegerError),
    "a value's length cut short": ("4001617f80", TruncatedBlockError),
    "a Huffman-coded value cut short": ("40016182 1c", TruncatedBlockError),
    "padding of a whole octet": ("40016181ff", HuffmanPaddingError),
    "padding with zeros": ("4001618118", HuffmanPaddingError),
    "EOS in a name": ("4084ffffffff0161", HuffmanEOSError),
    "EOS in a value": ("40016184ffffffff", HuffmanEOSError),
    "a size update after a field": ("8220", TableSizeError),
    "a size update between fields": ("822082", TableSizeError),
    "a size update of 4097": ("3fe21f", TableSizeError),
    "a second size update of 4097": ("203fe21f", TableSizeError),
    "a size update that ends early": ("3f", TruncatedBlockError),
    "a size update above 2**32": ("3fffffffff1f", InvalidIntegerError),
}

FOO: Field = (b"foo", b"bar")

# An entry as large as the table: a name of 1 octet and a value of 4063.
LARGE = b"\x40\x01a" + b"\x7f\xe0\x1e" + b"v" * 4063


def insert(name: bytes, value: bytes) -> bytes:
    """A literal with incremental indexing, both parts raw and shorter than 127 octets."""
    return b"\x40" + bytes([len(name)]) + name + bytes([len(value)]) + value


@pytest.mark.parametrize("what", BAD)
def test_what_is_not_hpack_is_refused_and_breaks_the_decoder(what: str) -> None:
    text, kind = BAD[what]
    decoder = Decoder()
    fields: list[Field] = [FOO]
    kinds = [7]
    with pytest.raises(HPACKDecodingError) as caught:
        decoder.decode_into(bytes.fromhex(text), fields, kinds)
    assert type(caught.value) is kind
    assert (fields, kinds) == ([FOO], [7])
    with pytest.raises(BrokenDecoderError):
        decoder.decode(b"\x82")
    with pytest.raises(BrokenDecoderError):
        decoder.decode(b"")


@pytest.mark.parametrize("what", [what for what in BAD if "size update" not in what])
def test_it_is_refused_after_good_fields_too(what: str) -> None:
    text, kind = BAD[what]
    with pytest.raises(kind):
        Decoder().decode(b"\x82\x86" + bytes.fromhex(text))


def test_every_cut_of_a_good_block_is_a_shorter_list_or_refused() -> None:
    fields: list[Field] = [
        (b":method", b"GET"),
        (b":path", b"/a/path?with=query"),
        (b"x-trace", b"\x00\x01" * 90),
        (b"www-authenticate", b"Basic"),
        (b"x-" + b"n" * 200, b"v" * 300),
    ]
    block = Encoder().encode(fields)
    cut_lists = 0
    for end in range(len(block)):
        try:
            got = Decoder().decode(block[:end])
        except TruncatedBlockError:
            continue
        assert got == fields[: len(got)]
        cut_lists += 1
    assert cut_lists == len(fields)


def test_the_whole_static_table_by_index() -> None:
    block = bytes(0x80 | index for index in range(1, 62))
    assert Decoder().decode(block) == list(STATIC_TABLE)


def test_literals_of_every_form() -> None:
    decoder = Decoder()
    assert decoder.decode(b"\x00\x01a\x01b") == [(b"a", b"b")]
    assert decoder.table.fields() == []
    (field,) = decoder.decode(b"\x10\x01a\x01b")
    assert type(field) is NeverIndexedField
    assert decoder.table.fields() == []
    (field,) = decoder.decode(b"\x40\x01a\x01b")
    assert type(field) is tuple
    assert decoder.table.fields() == [(b"a", b"b")]
    # names by index, static and dynamic
    assert decoder.decode(b"\x04\x01/\x7e\x01c\x0f\x2f\x00") == [
        (b":path", b"/"),
        (b"a", b"c"),
        (b"a", b""),
    ]
    assert decoder.table.fields() == [(b"a", b"c"), (b"a", b"b")]


def test_empty_names_and_values() -> None:
    assert Decoder().decode(bytes.fromhex("400000 008080")) == [
        (b"", b""),
        (b"", b""),
    ]


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_blocks_may_be_any_octets(kind: type) -> None:
    assert Decoder().decode(kind(b"\x82\x84")) == [(b":method", b"GET"), (b":path", b"/")]


def test_a_block_of_text_is_the_callers_mistake() -> None:
    decoder = Decoder()
    with pytest.raises(TypeError):
        decoder.decode("82")  # type: ignore[arg-type]
    assert decoder.decode(b"\x82") == [(b":method", b"GET")]


def test_fields_are_shared_with_the_table() -> None:
    decoder = Decoder()
    (first,) = decoder.decode(insert(b"foo", b"bar"))
    (again,) = decoder.decode(b"\xbe")
    assert first is again
    assert decoder.table.fields()[0] is first
    (static,) = decoder.decode(b"\x82")
    assert static is Decoder().decode(b"\x82")[0]


def test_an_entry_is_evicted_while_its_name_is_in_use() -> None:
    # RFC 7541 §4.4: the new entry may refer to the name of one that it evicts.
    decoder = Decoder(64)
    decoder.decode(insert(b"n" * 20, b"v" * 12))
    assert decoder.decode(b"\x7e\x04wxyz") == [(b"n" * 20, b"wxyz")]
    assert decoder.table.fields() == [(b"n" * 20, b"wxyz")]


def test_an_entry_larger_than_the_table_empties_it() -> None:
    # RFC 7541 §4.4
    decoder = Decoder(64)
    decoder.decode(insert(b"a", b"b"))
    assert decoder.decode(insert(b"n" * 20, b"v" * 13)) == [(b"n" * 20, b"v" * 13)]
    assert decoder.table.fields() == []
    assert decoder.table.size == 0


def test_a_long_life_with_many_evictions() -> None:
    decoder = Decoder(400)
    expected: list[Field] = []
    for number in range(1000):
        field = (b"n%d" % number, b"v" * (number % 50))
        expected.insert(0, field)
        while sum(len(n) + len(v) + 32 for n, v in expected) > 400:
            expected.pop()
        decoder.decode(insert(*field))
        assert decoder.table.fields() == expected
        assert len(decoder.table) == len(expected)
        indices = bytes(0xBE + at for at in range(len(expected)))
        assert decoder.decode(indices) == expected


class TestTableSize:
    def test_an_update_evicts(self) -> None:
        decoder = Decoder()
        decoder.decode(insert(b"a", b"1") + insert(b"b", b"2"))
        decoder.decode(b"\x3f\x12")  # 49: one entry of 34 stays
        assert decoder.table.fields() == [(b"b", b"2")]
        decoder.decode(b"\x20")
        assert decoder.table.fields() == []
        assert decoder.table.limit == 0

    def test_a_lower_limit_evicts_at_once_and_demands_an_update(self) -> None:
        decoder = Decoder()
        decoder.decode(insert(b"a", b"1") + insert(b"b", b"2"))
        decoder.max_allowed_table_size = 40
        assert decoder.table.fields() == [(b"b", b"2")]
        assert decoder.max_allowed_table_size == 40
        with pytest.raises(TableSizeError):
            decoder.decode(b"\x82")

    def test_the_demanded_update(self) -> None:
        decoder = Decoder()
        decoder.max_allowed_table_size = 40
        assert decoder.decode(b"\x3f\x09\x82") == [(b":method", b"GET")]
        assert decoder.decode(b"\x82") == [(b":method", b"GET")]

    def test_a_smaller_update_than_demanded(self) -> None:
        decoder = Decoder()
        decoder.max_allowed_table_size = 40
        assert decoder.decode(b"\x20\x82") == [(b":method", b"GET")]
        assert decoder.table.limit == 0

    def test_an_update_above_the_lower_limit_is_refused(self) -> None:
        decoder = Decoder()
        decoder.max_allowed_table_size = 40
        with pytest.raises(TableSizeError):
            decoder.decode(b"\x3f\x0a\x82")

    def test_lowered_then_raised_demands_the_lowest_first(self) -> None:
        # RFC 7541 §4.2
        decoder = Decoder()
        decoder.decode(insert(b"a", b"1"))
        decoder.max_allowed_table_size = 0
        decoder.max_allowed_table_size = 4096
        assert decoder.table.fields() == []
        assert decoder.decode(bytes.fromhex("203fe11f82")) == [(b":method", b"GET")]
        assert decoder.table.limit == 4096

    def test_lowered_then_raised_without_the_lowest_is_refused(self) -> None:
        decoder = Decoder()
        decoder.max_allowed_table_size = 0
        decoder.max_allowed_table_size = 4096
        with pytest.raises(TableSizeError):
            decoder.decode(bytes.fromhex("3fe11f82"))

    def test_lowered_twice_demands_the_lower(self) -> None:
        decoder = Decoder()
        decoder.max_allowed_table_size = 2000
        decoder.max_allowed_table_size = 1000
        decoder.max_allowed_table_size = 3000
        with pytest.raises(TableSizeError):
            decoder.decode(bytes.fromhex("3fca07"))  # 1001

    def test_raising_demands_nothing(self) -> None:
        decoder = Decoder()
        decoder.max_allowed_table_size = 65536
        assert decoder.decode(b"\x82") == [(b":method", b"GET")]
        assert decoder.table.limit == 4096
        assert decoder.decode(bytes.fromhex("3fe1ff0382")) == [(b":method", b"GET")]
        assert decoder.table.limit == 65536

    def test_a_limit_not_below_what_is_in_use_demands_nothing(self) -> None:
        decoder = Decoder()
        decoder.decode(b"\x20")
        decoder.max_allowed_table_size = 100
        assert decoder.decode(b"\x82") == [(b":method", b"GET")]

    def test_an_empty_block_leaves_the_demand(self) -> None:
        decoder = Decoder()
        decoder.max_allowed_table_size = 0
        assert decoder.decode(b"") == []
        with pytest.raises(TableSizeError):
            decoder.decode(b"\x82")

    @pytest.mark.parametrize("size", [-1, 2**32, 2**70])
    def test_impossible_sizes_are_the_callers_mistake(self, size: int) -> None:
        with pytest.raises(ValueError, match="table size"):
            Decoder(size)
        decoder = Decoder()
        with pytest.raises(ValueError, match="table size"):
            decoder.max_allowed_table_size = size
        assert decoder.decode(b"\x82") == [(b":method", b"GET")]


class TestLimits:
    def test_the_list_size_counts_32_octets_a_field(self) -> None:
        # RFC 9113 §6.5.2
        block = insert(b"foo", b"bar") + b"\xbe"
        assert Decoder(max_list_size=76).decode(block) == [FOO, FOO]
        with pytest.raises(HeaderListTooLarge) as caught:
            Decoder(max_list_size=75).decode(block)
        assert caught.value.limit == "list_size"
        assert caught.value.slug == "hpack.list_size"

    def test_the_decoder_goes_on_after_a_list_too_large(self) -> None:
        decoder = Decoder(max_list_size=75)
        fields: list[Field] = [FOO]
        kinds = [7]
        block = insert(b"foo", b"bar") + b"\xbe" + insert(b"late", b"1")
        with pytest.raises(HeaderListTooLarge):
            decoder.decode_into(block, fields, kinds)
        assert (fields, kinds) == ([FOO], [7])
        assert decoder.table.fields() == [(b"late", b"1"), FOO]
        assert decoder.decode(b"\xbf") == [FOO]

    def test_an_error_after_the_limit_is_still_an_error(self) -> None:
        decoder = Decoder(max_list_size=10)
        with pytest.raises(InvalidIndexError):
            decoder.decode(b"\x82\x82\x80")
        with pytest.raises(BrokenDecoderError):
            decoder.decode(b"")

    def test_a_small_block_of_many_references_costs_little(self) -> None:
        # CVE-2016-6581: 16,000 references of one octet to one large entry.
        decoder = Decoder()
        decoder.decode(LARGE)
        assert decoder.table.size == 4096
        with pytest.raises(HeaderListTooLarge) as caught:
            decoder.decode(b"\xbe" * 16_000)
        assert caught.value.limit == "list_size"
        assert len(decoder.decode(b"\xbe" * 15)) == 15

    def test_without_a_limit_references_share_one_value(self) -> None:
        decoder = Decoder(max_list_size=None)
        decoder.decode(LARGE)
        fields = decoder.decode(b"\xbe" * 16_000)
        assert len(fields) == 16_000
        assert len({id(value) for _, value in fields}) == 1

    def test_too_many_fields(self) -> None:
        decoder = Decoder(max_fields=3)
        assert len(decoder.decode(b"\x82" * 3)) == 3
        with pytest.raises(HeaderListTooLarge) as caught:
            decoder.decode(b"\x82" * 4)
        assert caught.value.limit == "too_many_fields"
        assert len(decoder.decode(b"\x82" * 3)) == 3

    def test_cookies_are_counted_apart(self) -> None:
        crumb = b"\x0f\x11\x01c"  # cookie, static index 32
        named = b"\x00\x06cookie\x01c"
        decoder = Decoder(max_fields=2, max_cookies=4)
        assert len(decoder.decode(b"\x82" * 2 + crumb * 2 + named * 2)) == 6
        with pytest.raises(HeaderListTooLarge) as caught:
            decoder.decode(b"\x82" * 2 + crumb * 5)
        assert caught.value.slug == "hpack.too_many_cookies"
        assert len(Decoder(max_fields=2).decode(crumb * 100)) == 100

    def test_the_first_limit_that_is_passed_is_told(self) -> None:
        decoder = Decoder(max_list_size=100, max_fields=2)
        with pytest.raises(HeaderListTooLarge) as caught:
            decoder.decode(b"\x82" * 3)
        assert caught.value.limit == "list_size"


class TestKinds:
    def test_a_field_is_judged_once(self) -> None:
        seen: list[Field] = []

        def judge(name: bytes, value: bytes) -> int:
            seen.append((name, value))
            return len(name)

        decoder = Decoder(classify=judge)
        static = len(seen)
        assert seen == list(STATIC_TABLE)
        Decoder(classify=judge)
        assert len(seen) == static
        fields: list[Field] = []
        kinds: list[int] = []
        decoder.decode_into(b"\x82" + insert(b"foo", b"bar"), fields, kinds)
        decoder.decode_into(b"\xbe\x10\x02ab\x01c\x00\x01a\x01c", fields, kinds)
        assert kinds == [7, 3, 3, 2, 1]
        assert [name for name, _ in fields] == [b":method", b"foo", b"foo", b"ab", b"a"]
        assert seen[static:] == [FOO, (b"ab", b"c"), (b"a", b"c")]

    def test_without_a_classifier_the_kind_is_0(self) -> None:
        kinds: list[int] = []
        Decoder().decode_into(b"\x82" + insert(b"foo", b"bar"), [], kinds)
        assert kinds == [0, 0]

    def test_a_classifier_that_raises_breaks_the_decoder(self) -> None:
        def judge(name: bytes, value: bytes) -> int:
            if name == b"bad":
                raise LookupError(value)
            return 1

        decoder = Decoder(classify=judge)
        with pytest.raises(LookupError):
            decoder.decode(insert(b"bad", b"x"))
        with pytest.raises(BrokenDecoderError):
            decoder.decode(b"\x82")


class TestGeneration:
    def test_it_grows_with_every_change_of_the_table(self) -> None:
        decoder = Decoder()
        seen = [decoder.generation]
        for block in (insert(b"a", b"b"), insert(b"a", b"b"), b"\x20", b"\x3f\x11"):
            decoder.decode(block)
            seen.append(decoder.generation)
        decoder.max_allowed_table_size = 10
        seen.append(decoder.generation)
        assert seen == sorted(set(seen))

    def test_it_stays_when_nothing_changes(self) -> None:
        decoder = Decoder()
        decoder.decode(insert(b"a", b"b"))
        before = decoder.generation
        decoder.decode(b"\x82\xbe\x04\x01x\x10\x01a\x01b")
        decoder.decode(b"")
        assert decoder.generation == before

    def test_emptying_the_table_by_a_large_entry_is_a_change(self) -> None:
        decoder = Decoder(64)
        decoder.decode(insert(b"a", b"b"))
        before = decoder.generation
        decoder.decode(insert(b"n" * 40, b""))
        assert decoder.generation > before
