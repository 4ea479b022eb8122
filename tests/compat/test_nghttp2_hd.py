"""HPACK through the names of the nghttp2 module: the octets and tables of the original."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from plait.compat import nghttp2
from plait.compat.nghttp2 import HDDeflater, HDInflater, HDTableEntry, print_hd_table

FOO = [(b"foo", b"bar")]
BOTH = [(b"foo", b"bar"), (b"baz", b"buz")]


def entries(table: list[HDTableEntry]) -> list[tuple[bytes, bytes]]:
    return [(entry.name, entry.value) for entry in table]


def test_constants_have_the_values_of_the_original() -> None:
    values = {
        "DEFAULT_HEADER_TABLE_SIZE": 4096,
        "DEFLATE_MAX_HEADER_TABLE_SIZE": 4096,
        "DATA_OK": 0,
        "DATA_EOF": 1,
        "DATA_DEFERRED": 2,
        "HD_ENTRY_OVERHEAD": 32,
    }
    for name, value in values.items():
        assert getattr(nghttp2, name) == value
        assert type(getattr(nghttp2, name)) is int


@pytest.mark.parametrize(
    ("arguments", "block"),
    [
        ((), "408294e703626172"),
        ((8192,), "408294e703626172"),
        ((100,), "3f45408294e703626172"),
        ((64,), "3f21408294e703626172"),
        ((0,), "20008294e703626172"),
    ],
)
def test_first_block_announces_a_smaller_table(arguments: tuple[int, ...], block: str) -> None:
    assert HDDeflater(*arguments).deflate(FOO).hex() == block


def test_the_size_may_be_given_by_name() -> None:
    assert HDDeflater(hd_table_bufsize_max=64).deflate(FOO).hex() == "3f21408294e703626172"


def test_reference_output() -> None:
    deflater = HDDeflater()
    assert deflater.deflate(BOTH).hex() == "408294e703626172400362617a0362757a"
    assert deflater.deflate(BOTH).hex() == "bfbe"
    assert entries(deflater.get_hd_table()) == [(b"baz", b"buz"), (b"foo", b"bar")]


@pytest.mark.parametrize("size", [-1, -(2**40)])
def test_negative_sizes_are_refused(size: int) -> None:
    with pytest.raises((OverflowError, ValueError)):
        HDDeflater(size)
    with pytest.raises((OverflowError, ValueError)):
        HDDeflater().change_table_size(size)
    with pytest.raises((OverflowError, ValueError)):
        HDInflater().change_table_size(size)


def test_empty_lists_give_nothing_but_a_pending_update() -> None:
    assert HDDeflater().deflate([]) == b""
    assert HDDeflater(64).deflate(()).hex() == "3f21"
    assert HDInflater().inflate(b"") == []


@pytest.mark.parametrize(
    "headers",
    [
        [("foo", b"bar")],
        [(b"foo", "bar")],
        [(b"foo", None)],
        [(b"foo", 3)],
        (field for field in FOO),
        5,
        None,
    ],
)
def test_anything_but_a_sequence_of_octets_is_a_type_error(headers: Any) -> None:
    deflater = HDDeflater()
    deflater.deflate(BOTH)
    with pytest.raises(TypeError):
        deflater.deflate(headers)
    # and the deflater is none the worse for it
    assert deflater.deflate(BOTH).hex() == "bfbe"


def test_a_bad_header_after_a_good_one_leaves_the_table_alone() -> None:
    deflater, bad = HDDeflater(), [(b"foo", b"bar"), (b"x", "text")]
    with pytest.raises(TypeError):
        deflater.deflate(bad)  # type: ignore[arg-type]  # that is the point
    assert deflater.get_hd_table() == []
    assert deflater.deflate(FOO).hex() == "408294e703626172"


def test_bytearrays_and_lists_are_taken() -> None:
    headers: Any = [[bytearray(b"foo"), b"bar"]]
    assert HDDeflater().deflate(headers).hex() == "408294e703626172"
    assert HDInflater().inflate(bytearray.fromhex("408294e703626172")) == FOO
    assert HDInflater().inflate(memoryview(bytes.fromhex("408294e703626172"))) == FOO


def test_names_duplicates_and_order_survive() -> None:
    headers = [(b"FoO", b"1"), (b"b", b"2"), (b"FoO", b"1"), (b"", b""), (b"\xff\x00", b"\r\n")]
    assert HDInflater().inflate(HDDeflater().deflate(headers)) == headers


@pytest.mark.parametrize(
    "name",
    [
        b":path",
        b"age",
        b"content-length",
        b"etag",
        b"if-modified-since",
        b"if-none-match",
        b"location",
        b"set-cookie",
    ],
)
def test_passing_fields_never_enter_the_table(name: bytes) -> None:
    deflater = HDDeflater()
    block = deflater.deflate([(name, b"some value")])
    assert block[0] & 0xF0 == 0x00
    assert deflater.get_hd_table() == []


@pytest.mark.parametrize(
    ("field", "never"),
    [
        ((b"authorization", b"x" * 100), True),
        ((b"cookie", b"x" * 19), True),
        ((b"cookie", b"x" * 20), False),
    ],
)
def test_secrets_are_never_indexed(field: tuple[bytes, bytes], never: bool) -> None:
    deflater, inflater = HDDeflater(), HDInflater()
    block = deflater.deflate([field])
    assert (block[0] & 0xF0 == 0x10) is never
    assert len(deflater.get_hd_table()) == (0 if never else 1)
    fields = inflater.inflate(block)
    # plain tuples, which print as the original's do
    assert repr(fields) == repr([field])


def test_large_entries_do_not_enter_the_table() -> None:
    deflater = HDDeflater()
    deflater.deflate([(b"n", b"v" * (3072 - 33))])
    assert len(deflater.get_hd_table()) == 1
    deflater.deflate([(b"n", b"w" * (3072 - 32))])
    assert len(deflater.get_hd_table()) == 1


def test_huffman_only_when_shorter() -> None:
    # "baz" and "buz" take three octets either way, "foo" takes two
    assert HDDeflater().deflate([(b"foo", b"baz")]).hex() == "408294e70362617a"


def test_changes_of_the_deflaters_table_are_announced() -> None:
    deflater = HDDeflater(8192)
    deflater.change_table_size(0)
    deflater.change_table_size(4096)
    assert deflater.deflate(FOO).hex().startswith("203fe11f")
    deflater.change_table_size(10000)
    assert deflater.deflate(FOO).hex() == "3fe13fbe"
    deflater = HDDeflater()
    deflater.change_table_size(8192)
    assert deflater.deflate([]).hex() == "3fe11f"


def test_a_lower_size_evicts_at_once() -> None:
    deflater = HDDeflater()
    deflater.deflate(BOTH)
    deflater.change_table_size(40)
    assert entries(deflater.get_hd_table()) == [(b"baz", b"buz")]
    deflater.change_table_size(0)
    assert deflater.get_hd_table() == []


def test_set_no_refset_puts_nothing_on_the_wire() -> None:
    deflater = HDDeflater()
    for value in (True, False, 1, 0, None, "yes"):
        deflater.set_no_refset(value)
    assert deflater.deflate(BOTH).hex() == "408294e703626172400362617a0362757a"
    deflater.set_no_refset(True)
    assert deflater.deflate(BOTH).hex() == "bfbe"


def test_tables_are_copies_newest_first() -> None:
    inflater = HDInflater()
    assert inflater.get_hd_table() == []
    assert inflater.inflate(bytes.fromhex("408294e703626172400362617a0362757a")) == BOTH
    table = inflater.get_hd_table()
    assert entries(table) == [(b"baz", b"buz"), (b"foo", b"bar")]
    table.clear()
    assert len(inflater.get_hd_table()) == 2
    assert inflater.inflate(bytes.fromhex("bfbe")) == BOTH


@pytest.mark.parametrize(
    "block",
    [
        "40",  # truncated
        "408294",
        "80",  # index 0
        "be",  # beyond the tables
        "ffffffffffffffffffff01",  # an integer without end
        "40811800",  # padding that is not all ones
        "4084ffffffff00",  # EOS
        "3fe21f",  # 4097 octets of table
        "408294e70362617220",  # an update behind a field
    ],
)
def test_a_faulty_block_kills_the_inflater(block: str) -> None:
    inflater = HDInflater()
    for data in (bytes.fromhex(block), bytes.fromhex("408294e703626172"), b""):
        with pytest.raises(Exception, match=r"^Header compression/decompression error$"):
            inflater.inflate(data)


@pytest.mark.parametrize("data", ["408294", 8, None, [64]])
def test_inflate_takes_octets_only(data: Any) -> None:
    inflater = HDInflater()
    with pytest.raises(TypeError):
        inflater.inflate(data)
    assert inflater.inflate(bytes.fromhex("408294e703626172")) == FOO


def test_a_lowered_limit_obliges_the_next_block() -> None:
    inflater = HDInflater()
    inflater.inflate(bytes.fromhex("408294e703626172400362617a0362757a"))
    inflater.change_table_size(40)
    assert entries(inflater.get_hd_table()) == [(b"baz", b"buz")]
    assert inflater.inflate(bytes.fromhex("3f09be")) == [(b"baz", b"buz")]
    inflater.change_table_size(0)
    with pytest.raises(Exception, match="error"):
        inflater.inflate(bytes.fromhex("82"))


def test_a_raised_limit_obliges_nothing() -> None:
    inflater = HDInflater()
    inflater.change_table_size(8192)
    assert inflater.inflate(bytes.fromhex("82")) == [(b":method", b"GET")]
    assert inflater.inflate(bytes.fromhex("3fe13f82")) == [(b":method", b"GET")]


def test_two_updates_in_one_block() -> None:
    inflater = HDInflater()
    inflater.change_table_size(0)
    inflater.change_table_size(4096)
    assert inflater.inflate(bytes.fromhex("203fe11f82")) == [(b":method", b"GET")]


def test_a_table_entry() -> None:
    entry = HDTableEntry(b"foo", 3, b"bars", 4)
    assert (entry.name, entry.namelen, entry.value, entry.valuelen) == (b"foo", 3, b"bars", 4)
    assert entry.space() == 39
    assert entry.ref is False
    (made,) = HDDeflater().get_hd_table() or [entry]
    assert made.space() == made.namelen + made.valuelen + 32


def test_print_hd_table(capsys: pytest.CaptureFixture[str]) -> None:
    deflater = HDDeflater()
    deflater.deflate(BOTH)
    print_hd_table(deflater.get_hd_table())
    assert capsys.readouterr().out == "[1] (s=38) baz: buz\n[2] (s=38) foo: bar\n"


def test_print_hd_table_takes_any_entries(capsys: pytest.CaptureFixture[str]) -> None:
    marked = HDTableEntry(b"a", 1, "ü".encode(), 2)
    marked.ref = True
    other = SimpleNamespace(name=b"x", value=b"y", space=lambda: 7)
    print_hd_table(iter([marked, other]))
    assert capsys.readouterr().out == "[1] (s=35) (r=y) a: ü\n[2] (s=7) x: y\n"


def test_print_hd_table_stops_at_what_is_no_text(capsys: pytest.CaptureFixture[str]) -> None:
    good, bad = HDTableEntry(b"a", 1, b"b", 1), HDTableEntry(b"\xff", 1, b"", 0)
    with pytest.raises(UnicodeDecodeError):
        print_hd_table([good, bad, good])
    assert capsys.readouterr().out == "[1] (s=34) a: b\n"
