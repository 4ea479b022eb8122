"""What keeps the compiled variant in its memory: checks on, wide integers, bounded tables."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import setup
from plait.hpack import huffman_table as table
from tests.support.project import PACKAGE, ROOT

SIDECARS = sorted(PACKAGE.rglob("*.pxd"))

# C integers of less than 64 bits, and why each is wide enough.
NARROW = {
    # RFC 9113 §5.1.1: 31 bits; masked where they are read, checked where we open a stream
    "id": "stream id",
    "stream_id": "stream id",
    "parent_stream_id": "stream id",
    "pushed_stream_id": "stream id",
    # one octet of a frame header, or one that is a constant of ours
    "flags": "an octet",
    "frame_type": "an octet",
    "octet": "an octet",
    "first": "an octet",
    # small numbers that nothing from outside is added to
    "kind": "an index, or one bit of eleven",
    "seen": "a mask of kinds",
    "status": "three digits, checked by `is_status`",
    "state": "one of seven",
    "urgency": "0 to 7",
    "excess": "0 to 3",
    "phase": "one of four",
    "_phase": "one of five",
    "_status": "three digits, checked when an application gives it",
    "plan": "a mask of callbacks",
    "_h2_plan": "a mask of callbacks",
    "callback": "one of the masks",
    "descriptor": "of a file, which is an int to the system; -1 is none",
    "error_code": "of RFC 9113 §7, one that we send; the peer's are wide",
    "code": "a status, which Python converts and checks",
    "helpings": "counted to _HELPINGS",
    # HPACK: a prefix of 7 bits, a shift below 35, codes of 30 bits, two numbers below 2**16
    "prefix": "7 bits",
    "shift": "up to 35",
    "how": "an octet",
    "packed": "an index of the static table and an octet",
    "bits": "up to 64 bits in hand",
    "length": "of a code, up to 30; elsewhere it is wide",
    "word": "four octets",
    "found": "a length and a symbol",
    "window": "30 bits; elsewhere it is wide",
    "symbol": "up to 256",
    # functions: a kind, or 0 and -1
    **dict.fromkeys(("classify", "_classify_pseudo", "_decode_long"), "returns one of the above"),
    **dict.fromkeys(("fill", "add", "resize", "evict", "push"), "returns 0 or -1"),
    **dict.fromkeys(("_decode", "_insert", "_evict", "_start_over", "_forget"), "returns 0 to 3"),
}
NARROW_TYPE = r"(?:unsigned\s+)?(?:int|short|char|long)"
# "int name" and "unsigned short name[17]", but not "long long name"
DECLARED = re.compile(rf"(?<!long )(?<!const )\b{NARROW_TYPE}\s+(?!long\b)(\w+)\b(?!\()")
FUNCTION = re.compile(rf"(?:cdef|cpdef)\s+{NARROW_TYPE}\s+(?!long\b)(\w+)\(")
LOCAL = re.compile(
    r"(\w+)=(?:\"(?:unsigned )?(?:int|short|char|long)\"|cython\.u?(?:int|short|char|long)\b|int\b)"
)
# RFC 9113's numbers and our own constants are written in capitals; tables are looked at below.
CONSTANT = re.compile(r"_?[A-Z][A-Z0-9_]*$")
TABLES = {
    "_codes": 257,
    "_lengths": 257,
    "_short_prefixes": 256,
    "_symbols": 257,
    "_long_lengths": 17,
    "_long_ends": 17,
    "_long_offsets": 17,
}


def code_of(path: Path) -> str:
    return re.sub(r"#.*", "", path.read_text(encoding="utf-8"))


def test_cython_checks_bounds_and_none() -> None:
    wanted = ("boundscheck", "nonecheck", "wraparound", "initializedcheck")
    assert {name: setup.DIRECTIVES[name] for name in wanted} == dict.fromkeys(wanted, True)


@pytest.mark.parametrize("path", SIDECARS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_nothing_switches_a_check_off_or_casts(path: Path) -> None:
    for file in (path, path.with_suffix(".py")):
        text = code_of(file)
        for word in ("boundscheck", "wraparound", "nonecheck", "cdivision", "overflowcheck"):
            assert word not in text, f"{file}: {word}"
        assert "cython.cast" not in text
    assert not re.search(r"<\s*\w+\s*\*?>", code_of(path)), "a cast"
    assert "nogil" not in code_of(path)


def test_locals_that_hold_any_field_are_not_typed() -> None:
    # Cython's tuple is exactly that, and a field that is never indexed is of a subclass
    typed = {
        (path.stem, name)
        for path in SIDECARS
        for name in re.findall(r"\b(field|given)=tuple\b", code_of(path))
    }
    # made in these modules, or by the parser of HTTP/1.1
    assert typed == {("judge", "field"), ("judge", "given"), ("head", "field")}


def narrow_names(path: Path) -> set[str]:
    text = code_of(path)
    names = {*DECLARED.findall(text), *FUNCTION.findall(text), *LOCAL.findall(text)}
    return {name for name in names if not CONSTANT.match(name)} - TABLES.keys()


@pytest.mark.parametrize("path", SIDECARS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_narrow_integers_are_those_that_were_thought_about(path: Path) -> None:
    unknown = narrow_names(path) - NARROW.keys()
    assert not unknown, f"{path.relative_to(ROOT)}: make them `long long`, or say why not"


def test_every_narrow_integer_that_was_thought_about_is_there() -> None:
    assert set().union(*map(narrow_names, SIDECARS)) == NARROW.keys()


def test_pointers_and_arrays_are_only_where_they_were_thought_about() -> None:
    pointers, arrays = set(), {}
    for path in SIDECARS:
        text = re.sub(r"except \*|=\*", "", code_of(path))
        pointers |= {(path.stem, name) for name in re.findall(r"(\w+)=\"const char\*\"", text)}
        assert "*" not in re.sub(r"\"const char\*\"", "", text), path
        arrays |= {name: int(size) for name, size in re.findall(r"(\w+)\[(\d+)\]", text)}
    # slices of them are copied at once, up to an end that was compared with the object's length
    assert pointers == {("decoder", "octets"), ("encoder", "start"), ("huffman", "start")}
    assert arrays == TABLES


def test_no_index_leaves_the_tables_of_the_huffman_code() -> None:
    # arrays of C, whose bounds nothing checks: symbols are octets or 256 (EOS) ...
    assert len(table.CODES) == len(table.LENGTHS) == len(table.SYMBOLS) == TABLES["_codes"]
    assert len(table.SHORT_PREFIXES) == TABLES["_short_prefixes"]
    # ... and the search for a long code ends, whatever thirty bits are searched for
    lengths, ends, offsets = table.LONG_LENGTHS, table.LONG_ENDS, table.LONG_OFFSETS
    assert len(lengths) == len(ends) == len(offsets) == TABLES["_long_ends"]
    assert ends[-1] == 2**30
    # the first that are no short code: those with the prefixes 254 and 255
    begin = 254 << 22
    for length, end, offset in zip(lengths, ends, offsets, strict=True):
        first, last = begin >> 30 - length, end - 1 >> 30 - length
        assert 0 <= first + offset <= last + offset < TABLES["_symbols"]
        begin = end
