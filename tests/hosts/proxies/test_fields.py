"""The grammar of Forwarded and of X-Forwarded-*."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.server.proxies import forwarded, xforwarded

# RFC 7239's own examples are among them.
ELEMENTS = {
    b'for="_gazonk"': [{"for": "_gazonk"}],
    b'For="[2001:db8:cafe::17]:4711"': [{"for": "[2001:db8:cafe::17]:4711"}],
    b"for=192.0.2.60;proto=http;by=203.0.113.43": [
        {"for": "192.0.2.60", "proto": "http", "by": "203.0.113.43"}
    ],
    b"for=192.0.2.43, for=198.51.100.17": [{"for": "192.0.2.43"}, {"for": "198.51.100.17"}],
    b'for=_hidden, for=_SEVKISEK;by="_x:_y"': [
        {"for": "_hidden"},
        {"for": "_SEVKISEK", "by": "_x:_y"},
    ],
    b'host="a, b; c=\\"d\\\\\\e";FOR=unknown': [{"host": 'a, b; c="d\\e', "for": "unknown"}],
    b"": [],
    b" , ;, ;;": [],
    b"for=1.1.1.1;;proto=http;": [{"for": "1.1.1.1", "proto": "http"}],
    b"for=1.1.1.1 ; proto=https\t,\tfor=2.2.2.2": [
        {"for": "1.1.1.1", "proto": "https"},
        {"for": "2.2.2.2"},
    ],
    b'secret=x!#$%&\'*+-.^_`|~;ext="\xff"': [{"secret": "x!#$%&'*+-.^_`|~", "ext": "\xff"}],
    b'for=""': [{"for": ""}],
}


@pytest.mark.parametrize("value", ELEMENTS)
def test_elements(value: bytes) -> None:
    assert forwarded.elements(value) == ELEMENTS[value]


@pytest.mark.parametrize(
    "value",
    [
        b"for",
        b"for=",
        b"=1.1.1.1",
        b"for =1.1.1.1",
        b"for= 1.1.1.1",
        b"for=1.1.1.1:80",  # a colon must be quoted, RFC 7239 §4
        b"for=[::1]",
        b'for="1.1.1.1',
        b'for="1.1.1.1\\"',
        b'for="1.1.1.1"x',
        b'for="a\x7f"',
        b"for=1.1.1.1 proto=http",
        b"for=1.1.1.1;for=2.2.2.2",
        b"for=1.1.1.1;For=1.1.1.1",
        b"for=\xff",
    ],
)
def test_what_are_no_elements(value: bytes) -> None:
    with pytest.raises(ValueError):
        forwarded.elements(value)


NODES = {
    "192.0.2.43": ("192.0.2.43", 0),
    "192.0.2.43:80": ("192.0.2.43", 80),
    "[2001:db8::17]": ("2001:db8::17", 0),
    "[2001:db8::17]:65535": ("2001:db8::17", 65535),
    "[::ffff:192.0.2.1]:1": ("::ffff:192.0.2.1", 1),
    "unknown": ("unknown", 0),
    "Unknown:12": ("unknown", 12),
    "_hidden": ("_hidden", 0),
    "_Hid.d-en_1:_port": ("_Hid.d-en_1", 0),
    "192.0.2.43:_x": ("192.0.2.43", 0),
}


@pytest.mark.parametrize("text", NODES)
def test_nodes(text: str) -> None:
    assert forwarded.node(text) == NODES[text]


@pytest.mark.parametrize(
    "text",
    ["", "1.2.3", "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:123456", "1.2.3.4:-1", "2001:db8::17",
     "[1.2.3.4]", "[2001:db8::17", "[::1]80", "_", "_:1", "_a b", "localhost", "1.2.3.4:_",
     "[fe80::1%eth0]", "[1:2:3:4:5:6:7:8:9]", "1.2.3.04", "[v1.x]", "unknown x"],
)  # fmt: skip
def test_what_are_no_nodes(text: str) -> None:
    with pytest.raises(ValueError):
        forwarded.node(text)


CUSTOM = {
    "192.0.2.43": ("192.0.2.43", 0),
    "192.0.2.43:80": ("192.0.2.43", 80),
    "2001:db8::17": ("2001:db8::17", 0),
    "[2001:db8::17]": ("2001:db8::17", 0),
    "[2001:db8::17]:80": ("2001:db8::17", 80),
    "UNKNOWN": ("unknown", 0),
}


@pytest.mark.parametrize("text", CUSTOM)
def test_items_of_x_forwarded_for(text: str) -> None:
    assert xforwarded.node(text) == CUSTOM[text]


@pytest.mark.parametrize(
    "text",
    ["", "localhost", "1.2.3", "1.2.3.4:0", "1.2.3.4:x", "1.2.3.4:70000", "[::1", "[::1]80",
     "[1.2.3.4]", "fe80::1%eth0", "_hidden", "1.2.3.4:²", '"1.2.3.4"', "1.2.3.4 5.6.7.8"],
)  # fmt: skip
def test_what_are_no_items_of_x_forwarded_for(text: str) -> None:
    with pytest.raises(ValueError):
        xforwarded.node(text)


def test_schemes_and_hosts() -> None:
    assert [forwarded.scheme(text) for text in ("http", "HTTPS", "ws", "wss")] == [
        b"http", b"https", b"http", b"https",
    ]  # fmt: skip
    for text in ("example.org", "example.org:8080", "[::1]:80", "192.0.2.1", "a_b.example"):
        assert forwarded.authority(text) == text.encode()
    for text in ("", "ftp", "https "):
        with pytest.raises(ValueError):
            forwarded.scheme(text)
    for text in ("", "a b", "user@host", "a/b", "a?b", "a#b", "a:80:80", "a\r\nb", "[::1", "ä"):
        with pytest.raises(ValueError):
            forwarded.authority(text)


@settings(max_examples=50)
@given(st.binary(max_size=100))
def test_any_octets_are_elements_or_an_error(octets: bytes) -> None:
    try:
        found = forwarded.elements(octets)
    except ValueError:
        return
    assert all(found)


def quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


@settings(max_examples=50)
@given(
    st.lists(
        st.dictionaries(
            st.text("abcxyz-", min_size=1, max_size=5),
            st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=8),
            min_size=1,
            max_size=4,
        ),
        max_size=4,
    )
)
def test_what_was_quoted_comes_back(elements: list[dict[str, str]]) -> None:
    written = ", ".join(
        ";".join(f"{name}={quoted(value)}" for name, value in each.items()) for each in elements
    )
    assert forwarded.elements(written.encode()) == elements


def test_long_values_are_read_in_one_go() -> None:
    # what is quadratic would not end before the suite's time limit
    assert len(forwarded.elements(b"for=a, " * 40_000)) == 40_000
    assert forwarded.elements(b'for="' + b"\\a" * 150_000 + b'"') == [{"for": "a" * 150_000}]
    for value in (b'for="' + b"\\a" * 150_000, b'a="' * 100_000):
        with pytest.raises(ValueError):
            forwarded.elements(value)
    assert forwarded.elements(b"," * 300_000) == []
