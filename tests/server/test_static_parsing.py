"""What static serving reads out of fields: dates, ranges, codings, paths, types."""

from __future__ import annotations

import calendar
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plait.server.static.dates import format_http_date, parse_http_date
from plait.server.static.mediatypes import content_type
from plait.server.static.negotiation import accepted_codings
from plait.server.static.ranges import MAX_RANGES, Multipart, select_ranges
from plait.server.static.tree import BadPath, is_hidden, quote_segments, split_path

NOVEMBER_1994 = 784111777


@pytest.mark.parametrize(
    "text",
    [
        b"Sun, 06 Nov 1994 08:49:37 GMT",
        b"Sunday, 06-Nov-94 08:49:37 GMT",
        b"Sun Nov  6 08:49:37 1994",
    ],
)
def test_the_three_forms_of_a_date_name_the_same_second(text):
    assert parse_http_date(text) == NOVEMBER_1994


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"784111777",
        b"Sun, 06 Nov 1994 08:49:37",
        b"Sun, 06 Nov 1994 08:49:37 +0000",
        b"Sun, 6 Nov 1994 08:49:37 GMT",
        b"Sun, 31 Feb 1994 08:49:37 GMT",
        b"Sun, 00 Nov 1994 08:49:37 GMT",
        b"Sun, 06 Nov 1994 24:49:37 GMT",
        b"Sun, 06 Nov 1994 08:60:37 GMT",
        b"Sun, 06 Nov 0000 08:49:37 GMT",
        b"sun, 06 nov 1994 08:49:37 gmt",
        b"Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 08:49:3\u0667 GMT".encode(),
    ],
)
def test_what_is_no_date_is_none(text):
    assert parse_http_date(text) is None


def test_a_leap_second_is_carried_into_the_next_minute():
    leap = parse_http_date(b"Sat, 31 Dec 2016 23:59:60 GMT")
    assert leap == calendar.timegm((2017, 1, 1, 0, 0, 0))


def test_a_two_digit_year_is_at_most_fifty_years_ahead():
    this_year = time.gmtime().tm_year
    for ahead, expected in ((50, this_year + 50), (51, this_year - 49), (0, this_year)):
        text = b"Monday, 02-Jan-%02d 00:00:00 GMT" % ((this_year + ahead) % 100)
        assert parse_http_date(text) == calendar.timegm((expected, 1, 2, 0, 0, 0))


@given(st.integers(min_value=0, max_value=253402300799))
def test_a_date_survives_the_round_trip(seconds):
    assert parse_http_date(format_http_date(seconds)) == seconds


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (b"bytes=0-0", [(0, 1)]),
        (b"bytes=0-9", [(0, 10)]),
        (b"bytes=0-", [(0, 100)]),
        (b"bytes=99-", [(99, 1)]),
        (b"bytes=90-1000", [(90, 10)]),
        (b"bytes=-1", [(99, 1)]),
        (b"bytes=-100", [(0, 100)]),
        (b"bytes=-1000", [(0, 100)]),
        (b"BYTES=5-5", [(5, 1)]),
        (b"bytes=0-0,-1", [(0, 1), (99, 1)]),
        (b"bytes= 0-0 , ,\t50-59", [(0, 1), (50, 10)]),
        (b"bytes=50-59,0-9", [(50, 10), (0, 10)]),
        (b"bytes=0-10,5-15", [(0, 11), (5, 11)]),
        (b"bytes=0-0,200-", [(0, 1)]),
        (b"bytes=00000000000000000000000000000-1", [(0, 2)]),
        (b"bytes=0-" + b"9" * 5000, [(0, 100)]),
    ],
)
def test_ranges_of_a_hundred_octets(field, expected):
    assert select_ranges(field, 100) == expected


@pytest.mark.parametrize("field", [b"bytes=100-", b"bytes=100-200", b"bytes=-0", b"bytes=500-,-0"])
def test_ranges_that_cannot_be_satisfied(field):
    assert select_ranges(field, 100) == []


@pytest.mark.parametrize(
    "field",
    [
        b"",
        b"bytes",
        b"bytes=",
        b"bytes=,",
        b"bytes=-",
        b"bytes=5-4",
        b"bytes=0-0,5-4",
        b"bytes=a-b",
        b"bytes=--1",
        b"bytes=1-2-3",
        b"bytes=+1-2",
        b"bytes=0x1-2",
        b"bytes=1 - 2",
        b"lines=0-9",
        b"bytes 0-9",
        "bytes=\u0661-\u0662".encode(),
    ],
)
def test_malformed_ranges_are_ignored(field):
    assert select_ranges(field, 100) is None


def test_greedy_ranges_are_ignored():
    assert select_ranges(b"bytes=0-,0-", 100) is None
    allowed = b",".join(b"%d-%d" % (i, i) for i in range(MAX_RANGES))
    assert select_ranges(b"bytes=" + allowed, 100) == [(i, 1) for i in range(MAX_RANGES)]
    assert select_ranges(b"bytes=" + allowed + b",50-50", 100) is None
    assert select_ranges(b"bytes=" + b",".join([b"0-0"] * 100_000), 100) is None


@pytest.mark.parametrize("field", [b"bytes=0-", b"bytes=-5", b"bytes=0-0"])
def test_ranges_of_an_empty_file_are_ignored(field):
    assert select_ranges(field, 0) is None


@given(st.binary(max_size=40), st.integers(min_value=0, max_value=1000))
def test_any_range_field_gives_ranges_within_the_file(junk, size):
    for start, length in select_ranges(b"bytes=" + junk, size) or ():
        assert start >= 0
        assert length > 0
        assert start + length <= size


def test_the_length_of_a_multipart_body_is_the_sum_of_its_segments():
    multipart = Multipart([(0, 5), (90, 10)], 100, b"text/plain")
    total = sum(len(s) if isinstance(s, bytes) else s[1] for s in multipart.segments)
    assert multipart.length == total
    assert Multipart([(0, 5)], 100, b"text/plain").content_type != multipart.content_type


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        (None, {}),
        (b"", {}),
        (b"identity", {}),
        (b"gzip", {b"gzip": 1000}),
        (b"GZIP", {b"gzip": 1000}),
        (b"x-gzip", {b"gzip": 1000}),
        (b"gzip;q=0", {}),
        (b"gzip;q=0.000", {}),
        (b"gzip;q=0.5, br;q=0.75", {b"gzip": 500, b"br": 750}),
        (b"gzip; q=1.000 ,br ; Q=0.1", {b"gzip": 1000, b"br": 100}),
        (b"*", {b"br": 1000, b"zstd": 1000, b"gzip": 1000}),
        (b"*;q=0.3, br;q=0", {b"zstd": 300, b"gzip": 300}),
        (b"gzip;q=0.5, identity", {}),
        (b"gzip;q=0.5, identity;q=0.5", {b"gzip": 500}),
        (b"gzip;q=0.5, identity;q=0", {b"gzip": 500}),
        (b"gzip;q=0.5, *;q=0", {b"gzip": 500}),
        (b"gzip;q=1.001, br", {b"br": 1000}),
        (b"gzip;q=2, gzip;q=-1, gzip;q=0.1234, gzip;q=", {}),
        (b"gzip;level=9", {}),
        (b", ,;;, br", {b"br": 1000}),
        (b"deflate, compress", {}),
        (b"gzip, gzip;q=0", {b"gzip": 1000}),
    ],
)
def test_accept_encoding(field, expected):
    assert accepted_codings(field) == expected


def test_only_the_first_codings_of_an_endless_list_count():
    assert accepted_codings(b"x," * 100_000 + b"gzip") == {}


@pytest.mark.parametrize(
    ("path", "segments"),
    [
        (b"/", [""]),
        (b"/a", ["a"]),
        (b"/a/", ["a", ""]),
        (b"/a/b.html", ["a", "b.html"]),
        (b"//a///b", ["a", "b"]),
        (b"/./a/.", ["a", ""]),
        (b"/%2e/a", ["a"]),
        (b"/a%20b", ["a b"]),
        ("/%C3%A9/é".encode(), ["é", "é"]),
        (b"/...", ["..."]),
        (b"/a+b", ["a+b"]),
        (b"/%252e%252e/x", ["%2e%2e", "x"]),
    ],
)
def test_paths_are_split_then_decoded(path, segments):
    assert split_path(path) == segments


@pytest.mark.parametrize(
    "path",
    [
        b"",
        b"a",
        b"*",
        b"http://host/a",
        b"/..",
        b"/../etc/passwd",
        b"/a/../b",
        b"/%2e%2e/x",
        b"/.%2E/x",
        b"/%2e./x",
        b"/a%2fb",
        b"/..%2fetc/passwd",
        b"/a\\b",
        b"/..%5cx",
        b"/a%00.html",
        b"/a\0",
        b"/%",
        b"/%4",
        b"/%zz",
        b"/%4\xc3",
    ],
)
def test_paths_that_name_nothing_are_refused(path):
    with pytest.raises(BadPath):
        split_path(path)


@given(st.lists(st.binary(min_size=1, max_size=8), max_size=4))
def test_quoting_and_splitting_are_inverse(names):
    segments = [
        name.decode("utf-8", "surrogateescape")
        for name in names
        if not set(name) & set(b"/\\\0") and name not in (b".", b"..")
    ]
    assert split_path(quote_segments(segments).encode()) == (segments or [""])


@given(st.binary(max_size=30))
def test_no_path_yields_a_segment_that_climbs(junk):
    try:
        segments = split_path(b"/" + junk)
    except BadPath:
        return
    assert not any(s in (".", "..") or set(s) & set("/\\\0") for s in segments)
    assert "" not in segments[:-1]


@pytest.mark.parametrize(
    ("segments", "hidden"),
    [
        (["a", "b"], False),
        ([".git", "config"], True),
        (["a", ".htaccess"], True),
        ([".well-known", "security.txt"], False),
        ([".well-known", ".secret"], True),
        (["a", ".well-known", "x"], True),
        ([""], False),
        ([], False),
    ],
)
def test_names_with_a_dot_are_hidden(segments, hidden):
    assert is_hidden(segments) is hidden


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.html", b"text/html; charset=utf-8"),
        ("A.HTM", b"text/html; charset=utf-8"),
        ("a.css", b"text/css; charset=utf-8"),
        ("a.js", b"text/javascript; charset=utf-8"),
        ("a.mjs", b"text/javascript; charset=utf-8"),
        ("a.json", b"application/json"),
        ("a.wasm", b"application/wasm"),
        ("a.svg", b"image/svg+xml"),
        ("a.webp", b"image/webp"),
        ("a.avif", b"image/avif"),
        ("a.png", b"image/png"),
        ("a.woff2", b"font/woff2"),
        ("a.md", b"text/markdown; charset=utf-8"),
        ("a.txt", b"text/plain; charset=utf-8"),
        ("a.webmanifest", b"application/manifest+json"),
        ("a.pdf", b"application/pdf"),
        ("a.mp4", b"video/mp4"),
        ("a.js.gz", b"application/gzip"),
        ("a.js.br", b"application/x-brotli"),
        ("a.tar", b"application/x-tar"),
        ("a.unheard-of", b"application/octet-stream"),
        ("README", b"application/octet-stream"),
        (".html", b"application/octet-stream"),
        ("a.", b"application/octet-stream"),
    ],
)
def test_media_types(name, expected):
    assert content_type(name) == expected
