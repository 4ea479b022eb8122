"""Wrong values and wrong words, each once: whoever sends them must not be believed."""

from __future__ import annotations

import contextlib

from soak import frames as f
from soak.attacks.base import Attack, Target, collector, expect
from soak.peer import Ended

ATTACKS: list[Attack] = []
attack = collector(ATTACKS)

_G = f.fields_of()


def _get(*more: f.Field) -> list[f.Field]:
    return [*_G, *more]


def _with(**changed: bytes) -> list[f.Field]:
    return [(name, changed.get(name[1:].decode(), value)) for name, value in _G]


FATAL: dict[str, bytes] = {
    "MAX_FRAME_SIZE 0": f.settings((5, 0)),
    "MAX_FRAME_SIZE 2^24": f.settings((5, 2**24)),
    "INITIAL_WINDOW_SIZE 2^31": f.settings((4, 2**31)),
    "ENABLE_PUSH 2": f.settings((2, 2)),
    "SETTINGS on a stream": f.frame(f.SETTINGS, 0, 1),
    "SETTINGS of 5 octets": f.frame(f.SETTINGS, 0, 0, bytes(5)),
    "SETTINGS ACK with content": f.frame(f.SETTINGS, f.ACK, 0, bytes(6)),
    "an unasked SETTINGS ACK": f.frame(f.SETTINGS, f.ACK, 0) * 2,
    "PING of 7 octets": f.frame(f.PING, 0, 0, bytes(7)),
    "PING on a stream": f.frame(f.PING, 0, 1, bytes(8)),
    "GOAWAY of 7 octets": f.frame(f.GOAWAY, 0, 0, bytes(7)),
    "WINDOW_UPDATE of 3 octets": f.frame(f.WINDOW_UPDATE, 0, 0, bytes(3)),
    "WINDOW_UPDATE of 0": f.window_update(0, 0),
    "a window beyond 2^31-1": f.window_update(0, f.MOST),
    "RST_STREAM of 3 octets": f.request(1, b"/silent") + f.frame(f.RST_STREAM, 0, 1, bytes(3)),
    "RST_STREAM of an idle stream": f.rst_stream(5),
    "DATA on an idle stream": f.data(5, b"x"),
    "DATA on stream 0": f.data(0, b"x"),
    "HEADERS on stream 0": f.request(0),
    "HEADERS on an even stream": f.request(2),
    "HEADERS on an older stream": f.request(5) + f.request(3),
    "CONTINUATION of nothing": f.continuation(1, b"\x82", end=True),
    "another frame inside a block": f.frame(f.HEADERS, 0, 1, b"\x82") + f.ping(),
    "PUSH_PROMISE from a client": f.request(1) + f.frame(f.PUSH_PROMISE, 4, 1, bytes(4)),
    "a frame of 16,385 octets": f.data(1, bytes(16_385)),
    "a frame of 2^24-1 octets": b"\xff\xff\xff\x00\x00\x00\x00\x00\x01",
    "padding longer than the frame": f.request(1, b"/sink", end=False)
    + f.frame(f.DATA, f.PADDED, 1, b"\xffabc"),
    "an index beyond the table": f.frame(f.HEADERS, 5, 1, b"\xff\x80\x01"),
    "index 0": f.frame(f.HEADERS, 5, 1, b"\x80"),
    "a table size beyond ours": f.frame(f.HEADERS, 5, 1, b"\x3f\xff\xff\x03"),
    "EOS in a Huffman string": f.frame(f.HEADERS, 5, 1, b"\x00\x84\xff\xff\xff\xff\x01x"),
}

REFUSED: dict[str, list[f.Field]] = {
    "CR in a value": _get((b"x", b"a\rb")),
    "LF in a value": _get((b"x", b"a\nb")),
    "NUL in a value": _get((b"x", b"a\0b")),
    "a leading space": _get((b"x", b" a")),
    "a trailing space": _get((b"x", b"a ")),
    "a leading tab": _get((b"x", b"\ta")),
    "upper case": _get((b"X", b"a")),
    "an empty name": _get((b"", b"a")),
    "a colon in a name": _get((b"a:b", b"a")),
    "a space in a name": _get((b"a b", b"a")),
    "CR LF in a path": _with(path=b"/a\r\nb: c"),
    "two hosts": _get((b"host", b"soak.example"), (b"host", b"soak.example")),
    "host is not the authority": _get((b"host", b"other.example")),
    "no :path": [each for each in _G if each[0] != b":path"],
    "no :method": [each for each in _G if each[0] != b":method"],
    "no :scheme": [each for each in _G if each[0] != b":scheme"],
    "two :path": _get((b":path", b"/")),
    "two :authority": [*_G[:3], (b":authority", b"other.example"), _G[3]],
    ":status in a request": _get((b":status", b"200")),
    "an unknown pseudo-field": _get((b":unknown", b"x")),
    "a pseudo-field after a regular one": [*_G[:3], (b"x", b"y"), _G[3]],
    "user information in :authority": _with(authority=b"user@soak.example"),
    "a space in :authority": _with(authority=b"soak .example"),
    "an empty :path": _with(path=b""),
    "a :path that is a word": _with(path=b"hdr"),
    "a space in :path": _with(path=b"/a b"),
    "a :method that is a line": _with(method=b"GET / HTTP/1.1"),
    "an empty :method": _with(method=b""),
    "a :scheme out of grammar": _with(scheme=b"ht tp"),
    "connection": _get((b"connection", b"close")),
    "transfer-encoding": _get((b"transfer-encoding", b"chunked")),
    "te: gzip": _get((b"te", b"gzip")),
    "upgrade": _get((b"upgrade", b"h2c")),
    "keep-alive": _get((b"keep-alive", b"1")),
    "proxy-connection": _get((b"proxy-connection", b"close")),
    "content-length +5": _get((b"content-length", b"+5")),
    "content-length -5": _get((b"content-length", b"-5")),
    "content-length 5, then 6": _get((b"content-length", b"5"), (b"content-length", b"6")),
    "content-length of 5 without content": _get((b"content-length", b"5")),
    "content-length of many digits": _get((b"content-length", b"9" * 4000)),
}


@attack("wrong frames and settings, each once", "CVE-2026-33814", ends=True)
def wrong_frames(target: Target) -> None:
    for name, octets in FATAL.items():
        peer = target.dial()
        with contextlib.suppress(Ended):
            peer.hello()
            peer.send(octets)
            peer.read_for(5)
        expect(peer.ended, f"{name}: the connection goes on")
        expect(peer.goaway is not None, f"{name}: no GOAWAY")
        peer.close()


@attack("malformed requests, each once", "CVE-2025-57804", calls=0)
def wrong_requests(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    for n, (name, fields) in enumerate(REFUSED.items()):
        stream_id = 2 * n + 1
        peer.send(f.frame(f.HEADERS, f.END_HEADERS | f.END_STREAM, stream_id, f.block(fields)))
        peer.read_until_answered([stream_id])
        expect(peer.resets.get(stream_id) == f.PROTOCOL_ERROR, f"{name}: not refused")


@attack("bodies that are longer or shorter than they say", calls=2)
def lengths_that_lie(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    five = (b"content-length", b"5")
    peer.send(f.request(1, b"/sink", five, method=b"POST", end=False) + f.data(1, b"abc", end=True))
    peer.send(f.request(3, b"/sink", five, method=b"POST", end=False) + f.data(3, b"abcdef"))
    peer.send(f.request(5, b"/sink", (b"content-length", b"5"), method=b"POST"))
    peer.read_until_answered([1, 3, 5])
    expect(peer.resets == {1: 1, 3: 1, 5: 1}, "a length that lies was believed")


@attack(":scheme that lies", calls=1)
def lying_scheme(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    fields = _with(scheme=b"https", path=b"/scheme_told")
    peer.send(f.frame(f.HEADERS, f.END_HEADERS | f.END_STREAM, 1, f.block(fields)))
    peer.read_until_answered([1])
    expect(peer.resets != {} or peer.bodies == b"http", "the application was told https")


@attack("names with _, and the variables of CGI")
def underscores(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    names = (b"script_name", b"x_forwarded_for", b"content_length", b"proxy")
    peer.send(f.request(1, b"/small", *[(name, b"5") for name in names]))
    peer.read_until_answered([1])
