"""What peers do wrong, one thing at a time."""

from __future__ import annotations

from tests.http2 import frames as f
from tests.support.corpus import MALFORMED

from ..world import call, receive
from .writing import GET, OK, Scripts, ask, asked, upload, uploads

SCRIPTS = Scripts()
server, client, raw = SCRIPTS.server, SCRIPTS.client, SCRIPTS.raw

WRONG: dict[str, f.Frame | bytes] = {
    "DATA on stream 0": f.data(0, b"x"),
    "DATA on an idle stream": f.data(9, b"x"),
    "HEADERS on stream 0": f.headers(0, f.GET),
    "HEADERS on an even stream": f.headers(2, f.GET),
    "a broken block": f.raw_headers(3, b"\xff\xff\xff\xff\xff\x0f"),
    "a block with an unknown index": f.raw_headers(3, b"\xc0"),
    "a block that is cut off": f.raw_headers(3, b"\x00\x85\x00"),
    "an empty block": f.raw_headers(3, b""),
    "a PING inside a block": f.octets([f.headers(3, f.GET, end_headers=False), f.ping()]),
    "a naked CONTINUATION": f.continuation(1, b""),
    "a naked CONTINUATION on an idle stream": f.continuation(9, b""),
    "another stream's CONTINUATION": f.octets(
        [f.headers(3, f.GET, end_headers=False), f.continuation(5, b"")]
    ),
    "too many CONTINUATIONs": f.octets(
        [f.headers(3, f.GET, end_headers=False), *[f.continuation(3, b"", end_headers=False)] * 70]
    ),
    "an increment of 0": f.window_update(0, 0),
    "an increment of 0 on a stream": f.window_update(1, 0),
    "a window that overflows": f.window_update(0, 2**31 - 1),
    "a stream's window that overflows": f.window_update(1, 2**31 - 1),
    "WINDOW_UPDATE on an idle stream": f.window_update(9, 1),
    "WINDOW_UPDATE of 3 octets": f.Frame(f.WINDOW_UPDATE, 0, 0, b"abc"),
    "RST_STREAM on stream 0": f.rst_stream(0),
    "RST_STREAM on an idle stream": f.rst_stream(9),
    "RST_STREAM of 3 octets": f.Frame(f.RST_STREAM, 0, 1, b"abc"),
    "ENABLE_PUSH 2": f.settings((2, 2)),
    "ENABLE_PUSH 1": f.settings((2, 1)),
    "a window beyond 2^31": f.settings((4, 2**31)),
    "windows that overflow": f.octets(
        [f.window_update(1, 2**31 - 65_536), f.settings((4, 2**31 - 1))]
    ),
    "a frame size of 0": f.settings((5, 0)),
    "a frame size of 2^24": f.settings((5, 2**24)),
    "ENABLE_CONNECT_PROTOCOL 2": f.settings((8, 2)),
    "NO_RFC7540_PRIORITIES 2": f.settings((9, 2)),
    "many settings": f.settings(*[(99, n) for n in range(40)]),
    "an acknowledgement too many": f.settings_ack(),
    "SETTINGS of 5 octets": f.Frame(f.SETTINGS, 0, 0, b"short"),
    "an acknowledgement with content": f.Frame(f.SETTINGS, f.ACK, 0, b"sixsix"),
    "SETTINGS on a stream": f.Frame(f.SETTINGS, 0, 1, b""),
    "PING of 5 octets": f.Frame(f.PING, 0, 0, b"short"),
    "PING on a stream": f.Frame(f.PING, 0, 1, b"12345678"),
    "PRIORITY of 3 octets": f.Frame(f.PRIORITY, 0, 1, b"abc"),
    "PRIORITY on stream 0": f.Frame(f.PRIORITY, 0, 0, b"abcde"),
    "PRIORITY on itself": f.priority(1, 1),
    "HEADERS that depend on themselves": f.headers(3, f.GET, depends_on=3),
    "GOAWAY of 3 octets": f.Frame(f.GOAWAY, 0, 0, b"abc"),
    "GOAWAY on a stream": f.Frame(f.GOAWAY, 0, 1, bytes(8)),
    "padding beyond DATA": f.Frame(f.DATA, f.PADDED, 1, b"\x09short"),
    "no pad length": f.Frame(f.DATA, f.PADDED, 1, b""),
    "padding beyond HEADERS": f.Frame(f.HEADERS, f.PADDED | f.END_HEADERS, 3, b"\x09short"),
    "HEADERS of padding": f.Frame(f.HEADERS, f.PADDED | f.END_HEADERS, 3, b"\x01\x00"),
    "HEADERS that are too short": f.Frame(f.HEADERS, f.WITH_PRIORITY | f.END_HEADERS, 3, b"abc"),
    "a frame that is too large": f.Frame(f.DATA, 0, 1, bytes(20_000)),
    "a promise from a client": f.push_promise(1, 2, f.GET),
    "more DATA than credit": f.octets([f.data(1, bytes(16_384))] * 5),
    "PRIORITY_UPDATE on a stream": f.Frame(f.PRIORITY_UPDATE, 0, 1, b"\0\0\0\1u=1"),
    "PRIORITY_UPDATE of no stream": f.priority_update(0, b"u=1"),
    "ALTSVC that is too short": f.Frame(f.ALTSVC, 0, 0, b"\x00"),
    "a reserved bit": f.Frame(f.WINDOW_UPDATE, 0, 0, b"\x80\0\0\x01"),
    "a reserved bit in a header": b"\0\0\x08\x06\0\x80\0\0\0" + b"12345678",
}

for _name, _part in WRONG.items():
    _title = f"to a server: {_name}"
    server(_title, uploads, receive(_part))
    _title = f"to a client: {_name}"
    client(_title, upload, receive(_part))

for _name, _steps in {
    "a malformed request, then another": [
        receive(f.headers(1, MALFORMED[0])),
        receive(f.headers(3, f.GET)),
    ],
    "a request and a fault in one read": [receive(f.headers(1, f.GET), f.ping(), f.data(0, b"x"))],
    "malformed trailers": [uploads, receive(f.headers(1, [(b"X", b"y")]))],
    "trailers that end nothing": [uploads, receive(f.headers(1, [(b"x", b"y")], end_stream=False))],
    "HEADERS after END_STREAM": [asked, receive(f.headers(1, [(b"x", b"y")]))],
    "DATA after END_STREAM": [asked, receive(f.data(1, b"x"))],
    "DATA after END_STREAM, answered": [
        asked,
        call.send_headers(1, OK, end_stream=True),
        receive(f.data(1, b"x")),
    ],
    "HEADERS after the end": [
        asked,
        call.send_headers(1, OK, end_stream=True),
        receive(f.headers(1, f.GET)),
    ],
    "HEADERS after RST_STREAM": [asked, receive(f.rst_stream(1)), receive(f.headers(1, f.GET))],
    "DATA after RST_STREAM": [uploads, receive(f.rst_stream(1)), receive(f.data(1, b"x"))],
    "DATA after a reset of ours": [uploads, call.reset_stream(1), receive(f.data(1, b"x" * 100))],
    "trailers after a reset of ours": [
        uploads,
        call.reset_stream(1),
        receive(f.headers(1, [(b"x", b"y")])),
    ],
    "WINDOW_UPDATE after a reset of ours": [
        uploads,
        call.reset_stream(1),
        receive(f.window_update(1, 5)),
    ],
    "RST_STREAM after a reset of ours": [uploads, call.reset_stream(1), receive(f.rst_stream(1))],
    "CONTINUATION after a reset of ours": [
        uploads,
        call.reset_stream(1),
        receive(f.continuation(1, b"")),
    ],
    "an id that is too low": [receive(f.headers(5, f.GET)), receive(f.headers(3, f.GET))],
    "a body that is too long": [
        receive(f.headers(1, [*f.POST, (b"content-length", b"3")], end_stream=False)),
        receive(f.data(1, b"long")),
    ],
    "a body that is too short": [
        receive(f.headers(1, [*f.POST, (b"content-length", b"3")], end_stream=False)),
        receive(f.data(1, b"x", end_stream=True)),
    ],
    "a length and no body": [receive(f.headers(1, [*f.POST, (b"content-length", b"3")]))],
    "a body that is too short, with trailers": [
        receive(f.headers(1, [*f.POST, (b"content-length", b"3")], end_stream=False)),
        receive(f.headers(1, [(b"x", b"y")])),
    ],
    "more streams than announced": [
        call.update_settings({3: 1}),
        receive(f.settings_ack()),
        uploads,
        receive(f.headers(3, f.GET)),
        receive(f.ping()),
    ],
    "more streams than announced, in one read": [
        receive(*[f.headers(n, f.POST, end_stream=False) for n in range(1, 204, 2)])
    ],
    "more fields than 128": [receive(f.headers(1, [*f.GET, *[(b"x", b"y")] * 200]))],
    "a header list that is too long": [
        receive(f.headers(1, [*f.GET, *[(b"x%d" % n, b"y" * 4000) for n in range(4)]])),
        receive(
            f.raw_headers(3, f.block(f.GET) + b"\x40\x01x\x7f\xe1\x1e" + b"v" * 4000 + b"\xbe" * 20)
        ),
    ],
    "a stream's window overrun": [
        call.update_settings({4: 10}),
        receive(f.settings_ack()),
        uploads,
        receive(f.data(1, b"more than ten")),
    ],
    "many pings": [receive(*[f.ping()] * 2000)],
    "many resets": [
        receive(
            *[part for n in range(1, 1001, 2) for part in (f.headers(n, f.GET), f.rst_stream(n))]
        )
    ],
    "many settings frames": [receive(*[f.settings()] * 2000)],
    "many empty DATA frames": [uploads, receive(*[f.data(1, b"")] * 3000)],
}.items():
    server(_name, *_steps)
for _name, _steps in {
    "a response to nobody": [receive(f.headers(1, f.OK))],
    "a response on an even stream": [receive(f.headers(2, f.OK))],
    "a malformed response": [ask, receive(f.headers(1, [*f.OK, (b"X", b"y")]))],
    "a response without a status": [ask, receive(f.headers(1, [(b"x", b"y")]))],
    "DATA before the response": [ask, receive(f.data(1, b"x"))],
    "a second response": [
        ask,
        receive(f.headers(1, f.OK, end_stream=False)),
        receive(f.headers(1, f.OK, end_stream=False)),
    ],
    "a response after the response": [
        ask,
        receive(f.headers(1, f.OK)),
        receive(f.headers(1, f.OK)),
    ],
    "an interim response that ends": [ask, receive(f.headers(1, [(b":status", b"103")]))],
    "an interim response after the final": [
        ask,
        receive(f.headers(1, f.OK, end_stream=False)),
        receive(f.headers(1, [(b":status", b"103")], end_stream=False)),
    ],
    "a response after a reset of ours, client": [
        ask,
        call.reset_stream(1),
        receive(f.headers(1, f.OK, end_stream=False)),
        receive(f.data(1, b"x", end_stream=True)),
    ],
    "a promise on an odd id": [ask, receive(f.push_promise(1, 3, f.GET))],
    "a promise on id 0": [ask, receive(f.push_promise(1, 0, f.GET))],
    "a promise on an id that is too low": [
        ask,
        receive(f.push_promise(1, 4, f.GET)),
        receive(f.push_promise(1, 2, f.GET)),
    ],
    "a promise on an idle stream": [receive(f.push_promise(1, 2, f.GET))],
    "a promise on stream 0": [ask, receive(f.push_promise(0, 2, f.GET))],
    "a promise on a promise": [
        ask,
        receive(f.push_promise(1, 2, f.GET)),
        receive(f.push_promise(2, 4, f.GET)),
    ],
    "a promise after the response": [
        ask,
        receive(f.headers(1, f.OK)),
        receive(f.push_promise(1, 2, f.GET)),
    ],
    "a promise after a reset of ours": [
        ask,
        call.reset_stream(1),
        receive(f.push_promise(1, 2, f.GET)),
    ],
    "a promise of POST": [ask, receive(f.push_promise(1, 2, f.POST))],
    "a malformed promise": [ask, receive(f.push_promise(1, 2, f.GET[1:]))],
    "a promise of another authority": [
        ask,
        receive(f.push_promise(1, 2, [*f.GET[:3], (b":authority", b"other")])),
    ],
    "an interim response to a promise": [
        ask,
        receive(f.push_promise(1, 2, f.GET)),
        receive(f.headers(2, [(b":status", b"103")], end_stream=False)),
    ],
    "DATA on a promise": [ask, receive(f.push_promise(1, 2, f.GET)), receive(f.data(2, b"x"))],
    "WINDOW_UPDATE on a promise": [
        ask,
        receive(f.push_promise(1, 2, f.GET)),
        receive(f.window_update(2, 5)),
    ],
    "WINDOW_UPDATE on a pushed response": [
        ask,
        receive(f.push_promise(1, 2, f.GET)),
        receive(f.headers(2, f.OK, end_stream=False)),
        receive(f.window_update(2, 5)),
    ],
    "a body to HEAD": [
        call.send_headers(1, [(":method", "HEAD"), *GET[1:]], end_stream=True),
        receive(f.headers(1, f.OK, end_stream=False)),
        receive(f.data(1, b"x")),
    ],
    "a body to 204": [
        ask,
        receive(f.headers(1, [(b":status", b"204")], end_stream=False)),
        receive(f.data(1, b"x")),
    ],
    "a response that is too long": [
        ask,
        receive(f.headers(1, [*f.OK, (b"content-length", b"1")], end_stream=False)),
        receive(f.data(1, b"xy")),
    ],
    "a response and a fault in one read": [
        ask,
        receive(f.headers(1, f.OK, end_stream=False), f.data(1, b"x"), f.data(0, b"x")),
    ],
}.items():
    client(_name, *_steps)
raw("no preface", call.initiate_connection(), receive(b"GET / HTTP/1.1\r\n\r\n"), client=False)
raw(
    "half a preface and something else",
    call.initiate_connection(),
    receive(f.PREFACE[:10]),
    receive(b"x" * 14),
    client=False,
)
raw("PING before SETTINGS", call.initiate_connection(), receive(f.PREFACE, f.ping()), client=False)
raw("PING before SETTINGS, client", call.initiate_connection(), receive(f.ping()), client=True)
raw(
    "an error page instead of HTTP/2",
    call.initiate_connection(),
    receive(b"HTTP/1.1 400 Bad Request\r\n\r\n"),
    client=True,
)
server("a frame's header, and its end later", receive(bytes(f.data(0, b"x"))[:9]), receive(b"x"))
server(
    "a header of a frame that is too large",
    uploads,
    receive(bytes(f.data(1, bytes(20_000)))[:9]),
    receive(bytes(20_000)),
)
server("a fault, and more octets", receive(f.data(0, b"x")), receive(f.ping()))
client(
    "a fault, and calls",
    ask,
    receive(f.data(0, b"x")),
    call.send_headers(3, GET),
    call.ping(b"12345678"),
    call.close_connection(),
)
client(
    "a late interim response",
    ask,
    call.reset_stream(1),
    receive(f.headers(1, [(b":status", b"103")], end_stream=False)),
)
raw(
    "DATA that fits the window in force",
    call.initiate_connection(),
    receive(f.PREFACE, f.settings()),
    uploads,
    call.update_settings({4: 10}),
    receive(f.settings_ack()),
    receive(f.data(1, bytes(100))),
    client=False,
)
client(
    "an increment of 0 for a closed stream",
    ask,
    receive(f.headers(1, f.OK)),
    receive(f.window_update(1, 0)),
)
client(
    "an increment of 0 after a reset of ours",
    ask,
    call.reset_stream(1),
    receive(f.window_update(1, 0)),
)
client(
    "a second promise of a stream that was reset",
    ask,
    receive(f.push_promise(1, 2, f.GET)),
    call.reset_stream(2),
    receive(f.push_promise(1, 2, f.GET)),
)
server(
    "a malformed request and a fault in one read",
    receive(f.headers(1, MALFORMED[0]), f.data(0, b"x")),
)
server(
    "an unfinished promise from a client",
    asked,
    receive(f.push_promise(1, 2, f.GET, end_headers=False)),
)
