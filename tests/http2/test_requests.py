"""Which requests are well-formed (RFC 9113 §8.2, §8.3.1). CONNECT has its own file."""

from __future__ import annotations

import pytest

from plait.http2 import RequestReceived, StreamClosed

from . import frames as f
from .frames import GET, OK, POST, Fields, headers
from .script import facing_server

METHOD, SCHEME, PATH, AUTHORITY = GET


def with_(**pseudo: str | bytes | None) -> Fields:
    """GET with some pseudo-header fields replaced, or left out where `None` is given."""
    changed = []
    for name, value in GET:
        key = name[1:].decode()
        if key in pseudo:
            value = pseudo[key]
        if value is not None:
            changed.append((name, value.encode() if isinstance(value, str) else value))
    return changed


def plus(*fields: tuple[bytes, bytes]) -> Fields:
    return [*GET, *fields]


ALL_TOKEN_MARKS = b"!#$%&'*+-.^_`|~0123456789abcxyz"

WELL_FORMED: dict[str, Fields] = {
    "the smallest": GET,
    "pseudo-header fields in any order": list(reversed(GET)),
    "without authority but with host": [*with_(authority=None), (b"host", b"example.com")],
    "host equal to authority": plus((b"host", b"example.com")),
    "host equal but for case": plus((b"host", b"Example.COM")),
    "authority with a port": with_(authority="example.com:8080"),
    "authority that is an IPv6 address": with_(authority="[2001:db8::1]:443"),
    "a query": with_(path="/search?q=a%20b&c=/d?e"),
    "escaped octets": with_(path="/%00%ff"),
    "every mark of a path": with_(path="/a-._~!$&'()*+,;=:@/"),
    "OPTIONS for the whole server": with_(method="OPTIONS", path="*"),
    "OPTIONS for a resource": with_(method="OPTIONS"),
    "a method nobody knows": with_(method="M-SEARCH"),
    "a method in lower case": with_(method="get"),
    "http as the scheme": with_(scheme="http"),
    "te: trailers": plus((b"te", b"trailers")),
    "a repeated field": plus((b"accept", b"a"), (b"accept", b"b")),
    "cookie crumbs": plus((b"cookie", b"a=1"), (b"cookie", b"b=2")),
    "an empty value": plus((b"x-empty", b"")),
    "spaces inside a value": plus((b"x", b"a b\tc  d")),
    "octets above ASCII in a value": plus((b"x", b"\x80caf\xc3\xa9\xff")),
    "every mark of a token in a name": plus((ALL_TOKEN_MARKS, b"v")),
    "content-length 0": plus((b"content-length", b"0")),
    "an expectation": plus((b"expect", b"100-continue")),
    "100 fields": plus(*((b"x-%d" % n, b"v") for n in range(100))),
}


@pytest.mark.parametrize("fields", WELL_FORMED.values(), ids=WELL_FORMED)
def test_a_request_is_told_as_it_came(fields):
    peer = facing_server()
    peer.sends(headers(1, fields)).expect(RequestReceived(1, fields, True))
    peer.connection.send_response(1, 200, [])
    peer.wire(headers(1, OK))


def names_with_each_forbidden_octet() -> dict[str, Fields]:
    """RFC 9113 §8.2.1: 0x00-0x20, 0x41-0x5a, 0x7f-0xff, and a colon but at the start."""
    forbidden = [*range(0x21), *range(0x41, 0x5B), *range(0x7F, 0x100), 0x3A]
    return {f"0x{octet:02x} in a name": plus((b"x%cy" % octet, b"v")) for octet in forbidden}


def values_with_each_forbidden_octet() -> dict[str, Fields]:
    """RFC 9113 §8.2.1: NUL, LF, CR anywhere; SP, HTAB at either end."""
    made = {}
    for name, octet in (("NUL", 0), ("LF", 10), ("CR", 13)):
        for place, value in (("start", b"%cab"), ("middle", b"a%cb"), ("end", b"ab%c")):
            made[f"{name} at the {place} of a value"] = plus((b"x", value % octet))
    for name, octet in (("space", 0x20), ("tab", 0x09)):
        for place, value in (("start", b"%cab"), ("end", b"ab%c"), ("whole", b"%c")):
            made[f"{name} at the {place} of a value"] = plus((b"x", value % octet))
    return made


MALFORMED: dict[str, Fields] = {
    **names_with_each_forbidden_octet(),
    **values_with_each_forbidden_octet(),
    "an upper-case name": plus((b"Accept", b"v")),
    "an empty name": plus((b"", b"v")),
    "a name that is a colon": plus((b":", b"v")),
    "a separator in a name": plus((b"x(y)", b"v")),
    # RFC 9113 §8.2.2.
    "connection": plus((b"connection", b"close")),
    "an empty connection field": plus((b"connection", b"")),
    "proxy-connection": plus((b"proxy-connection", b"keep-alive")),
    "keep-alive": plus((b"keep-alive", b"timeout=5")),
    "transfer-encoding": plus((b"transfer-encoding", b"chunked")),
    "transfer-encoding: identity": plus((b"transfer-encoding", b"identity")),
    "upgrade": plus((b"upgrade", b"websocket")),
    "te: gzip": plus((b"te", b"gzip")),
    "te: trailers, gzip": plus((b"te", b"trailers, gzip")),
    "an empty te": plus((b"te", b"")),
    # RFC 9113 §8.3.
    "no fields at all": [],
    "no method": with_(method=None),
    "no scheme": with_(scheme=None),
    "no path": with_(path=None),
    "method twice": [METHOD, *GET],
    "scheme twice": [*GET, SCHEME],
    "path twice": [*GET, (b":path", b"/other")],
    "authority twice": [*GET, AUTHORITY],
    "an unknown pseudo-header field": [*GET, (b":unknown", b"v")],
    "a pseudo-header field in upper case": [*GET[:3], (b":Authority", b"example.com")],
    "status in a request": [*GET, (b":status", b"200")],
    "a pseudo-header field after a regular one": [*GET[:3], (b"x", b"v"), AUTHORITY],
    "all pseudo-header fields after a regular one": [(b"x", b"v"), *GET],
    # RFC 9113 §8.3.1, and the grammar of RFC 9110 and RFC 3986.
    "an empty path": with_(path=""),
    "a path without its slash": with_(path="hdr"),
    "a path that is a URI": with_(path="http://example.com/"),
    "an asterisk for GET": with_(path="*"),
    "an asterisk and more": with_(method="OPTIONS", path="*x"),
    "a space in a path": with_(path="/a b"),
    "a request line as a path": with_(path="/ HTTP/1.1\r\nx: y"),
    "CR in a path": with_(path="/a\rb"),
    "NUL in a path": with_(path="/a\0b"),
    "DEL in a path": with_(path="/a\x7fb"),
    "a space at the end of a path": with_(path="/ "),
    "an empty method": with_(method=""),
    "a request line as a method": with_(method="GET / HTTP/1.1"),
    "a space in a method": with_(method="GET /"),
    "LF in a method": with_(method="GET\n"),
    "a separator in a method": with_(method="GET(1)"),
    "an octet above ASCII in a method": with_(method=b"G\xcbT"),
    "an empty scheme": with_(scheme=""),
    "a space in a scheme": with_(scheme="http s"),
    "a scheme that starts with a digit": with_(scheme="1http"),
    "a slash in a scheme": with_(scheme="http://evil"),
    "userinfo in the authority": with_(authority="user@example.com"),
    "a password in the authority": with_(authority="user:secret@example.com"),
    "an empty authority": with_(authority=""),
    "a path in the authority": with_(authority="example.com/path"),
    "a query in the authority": with_(authority="example.com?x"),
    "a space in the authority": with_(authority="example.com evil.com"),
    "CRLF in the authority": with_(authority="example.com\r\nx: y"),
    "host that differs from authority": plus((b"host", b"evil.com")),
    "host that extends the authority": plus((b"host", b"example.com.evil.com")),
    "host with another port": plus((b"host", b"example.com:81")),
    "an empty host beside an authority": plus((b"host", b"")),
    "two hosts": plus((b"host", b"example.com"), (b"host", b"evil.com")),
    "the same host twice": plus((b"host", b"example.com"), (b"host", b"example.com")),
    "two hosts without authority": [
        *with_(authority=None),
        (b"host", b"a.example"),
        (b"host", b"b.example"),
    ],
    "userinfo in the host": [*with_(authority=None), (b"host", b"user@example.com")],
}


@pytest.mark.parametrize("fields", MALFORMED.values(), ids=MALFORMED)
def test_a_malformed_request_is_reset_alone(fields):
    # RFC 9113 §8.1.1: a stream error of type PROTOCOL_ERROR.
    peer = facing_server()
    peer.sends(headers(1, GET), headers(3, fields))
    peer.loses(3, f.PROTOCOL_ERROR, RequestReceived(1, GET, True))
    peer.connection.send_response(1, 200, [])
    peer.wire(headers(1, OK)).expect(StreamClosed(1, 0))
    peer.sends(headers(5, GET)).expect(RequestReceived(5, GET, True))


@pytest.mark.parametrize("name", ["CR at the middle of a value", "an upper-case name", "two hosts"])
def test_the_body_of_a_malformed_request_is_ignored(name):
    peer = facing_server()
    peer.sends(headers(1, MALFORMED[name], end_stream=False), f.data(1, b"body", end_stream=True))
    peer.loses(1, f.PROTOCOL_ERROR)


def test_a_malformed_field_is_still_malformed_when_it_comes_by_index():
    peer = facing_server()
    bad = [(b"x-bad", b"a\r\nb")]
    first = f.raw_headers(1, f.block(GET) + f.indexing_block(bad))
    again = f.raw_headers(3, f.block(GET) + b"\xbe")
    peer.sends(first).loses(1, f.PROTOCOL_ERROR)
    peer.sends(again).loses(3, f.PROTOCOL_ERROR)


def test_a_bad_value_behind_an_indexed_name_is_seen():
    peer = facing_server()
    good = f.raw_headers(1, f.block(GET) + f.indexing_block([(b"x-kept", b"good")]))
    peer.sends(good).clear()
    # Entry 62 gives the name, the value is new (RFC 7541 §6.2.1).
    bad = f.raw_headers(3, f.block(GET) + b"\x7e\x03a\nb")
    peer.sends(bad).loses(3, f.PROTOCOL_ERROR)


def test_the_table_stays_in_step_behind_a_malformed_request():
    peer = facing_server()
    block = f.indexing_block([(b"x-1", b"kept")]) + f.block([(b"Bad", b"v")])
    peer.sends(f.raw_headers(1, f.block(GET) + block)).loses(1, f.PROTOCOL_ERROR)
    peer.sends(f.raw_headers(3, f.block(GET) + b"\xbe"))
    peer.expect(RequestReceived(3, [*GET, (b"x-1", b"kept")], True))


def test_a_repeated_block_means_what_the_table_says_now():
    # A server may remember the last block, but its meaning ends when the table changes.
    peer = facing_server()
    block = f.block(GET) + b"\xbe"

    def remember(value: bytes) -> bytes:
        return f.block(GET) + f.indexing_block([(b"x-kept", value)])

    peer.sends(f.raw_headers(1, remember(b"one"))).clear()
    for stream in (3, 5):
        peer.sends(f.raw_headers(stream, block))
        peer.expect(RequestReceived(stream, [*GET, (b"x-kept", b"one")], True))
    peer.sends(f.raw_headers(7, remember(b"two"))).clear()
    peer.sends(f.raw_headers(9, block))
    peer.expect(RequestReceived(9, [*GET, (b"x-kept", b"two")], True))
    # Two size updates (RFC 7541 §4.2) empty the table: there is no entry 62 any more.
    peer.sends(f.raw_headers(11, b"\x20" + f.integer(4096, 5, 0x20) + f.block(GET)))
    peer.expect(RequestReceived(11, GET, True))
    peer.sends(f.raw_headers(13, block)).dies(f.COMPRESSION_ERROR)


def test_a_repeated_block_makes_requests_of_their_own():
    peer = facing_server()
    block = f.block([*POST, (b"content-length", b"3")])
    for stream in (1, 3, 5):
        peer.sends(f.raw_headers(stream, block, end_stream=False))
        peer.sends(f.data(stream, b"abc", end_stream=stream != 3))
        head, body = peer.hears()
        assert head.headers == [*POST, (b"content-length", b"3")]
        assert body.data == b"abc"
    peer.sends(f.data(3, b"d")).loses(3, f.PROTOCOL_ERROR)
    # The same octets without a body, and as trailers, are judged anew.
    peer.sends(f.raw_headers(7, block)).loses(7, f.PROTOCOL_ERROR)
    peer.sends(f.raw_headers(9, f.block(POST), end_stream=False)).clear()
    peer.sends(f.raw_headers(9, f.block(POST))).loses(9, f.PROTOCOL_ERROR)


def test_the_event_carries_what_a_server_asks_first():
    peer = facing_server()
    fields = with_(method="PUT", path="/a?b", scheme="http", authority="h:1")
    peer.sends(headers(1, fields, end_stream=False))
    (event,) = peer.hears()
    assert (event.method, event.path, event.scheme) == (b"PUT", b"/a?b", b"http")
    assert event.authority == b"h:1"
    assert event.end_stream is False


def test_host_stands_in_for_a_missing_authority():
    peer = facing_server()
    peer.sends(headers(1, [*with_(authority=None), (b"host", b"old.example")]))
    assert [event.authority for event in peer.hears()] == [b"old.example"]


def test_the_list_of_an_event_belongs_to_the_receiver():
    peer = facing_server()
    for stream in (1, 3):
        block = f.block(GET[1:]) + (f.indexing_block(GET[:1]) if stream == 1 else b"\xbe")
        pseudo_first = f.raw_headers(stream, block)
        peer.sends(pseudo_first)
        (event,) = peer.hears()
        assert event.headers == [*GET[1:], GET[0]]
        event.headers.clear()


@pytest.mark.parametrize(
    "block",
    [
        b"\x80",
        b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b"\xbe",
        b"\x7f\xff\xff\xff\xff\x0f",
        b"\x00\x05ab",
        b"\x00\x85\xff\xff\xff\xff\xff\x01a",
        f.block(GET) + b"\x20",
        b"\x00",
        b"\x40\x01a",
    ],
    ids=[
        "index 0",
        "an endless integer",
        "an index beyond the tables",
        "a name index beyond the tables",
        "a name cut short",
        "bad Huffman padding",
        "a size update after a field",
        "a literal without a name",
        "a literal without a value",
    ],
)
def test_a_block_that_does_not_decode_ends_the_connection(block):
    # RFC 9113 §4.3: "a connection error of type COMPRESSION_ERROR".
    facing_server().sends(f.raw_headers(1, block)).dies(f.COMPRESSION_ERROR)


def test_a_broken_block_on_a_refused_stream_still_ends_the_connection():
    peer = facing_server(max_concurrent_streams=1)
    peer.sends(headers(1, GET)).clear()
    peer.sends(f.raw_headers(3, b"\x80"))
    assert peer.hears()[-1].error_code == f.COMPRESSION_ERROR
