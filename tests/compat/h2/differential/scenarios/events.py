"""Every event, in both roles."""

from __future__ import annotations

import struct

from tests.http2 import frames as f
from tests.support.corpus import BROWSER, TRAILERS

from ..world import call, receive
from .writing import GET, OK, Scripts, ask, asked, upload, uploads

SCRIPTS = Scripts()
server, client = SCRIPTS.server, SCRIPTS.client

EARLY = [(b":status", b"103"), (b"link", b"</a.css>; rel=preload")]

server("a request", asked)
server(
    "a request with a body",
    uploads,
    receive(f.data(1, b"body")),
    receive(f.data(1, b"", end_stream=True)),
)
server(
    "a body in one read",
    receive(f.headers(1, f.POST, end_stream=False), f.data(1, b"x", end_stream=True)),
)
server(
    "an empty DATA frame",
    uploads,
    receive(f.data(1, b"")),
    receive(f.data(1, b"y", end_stream=True)),
)
server("padded DATA", uploads, receive(f.data(1, b"body", pad=9)), receive(f.data(1, b"", pad=0)))
server("padding and nothing else", uploads, receive(f.data(1, b"", pad=255, end_stream=True)))
server("padded HEADERS", receive(f.headers(1, f.GET, pad=20)))
server(
    "request trailers",
    uploads,
    receive(f.data(1, b"body")),
    receive(f.headers(1, TRAILERS)),
    call.send_headers(1, OK, end_stream=True),
)
server("priority in HEADERS", receive(f.headers(1, f.GET, depends_on=0)))
server("exclusive priority in HEADERS", receive(f.headers(3, f.GET, depends_on=0x80000001)))
server(
    "priority in trailers",
    uploads,
    receive(f.headers(1, TRAILERS, depends_on=0)),
)
server("PRIORITY of an idle stream", receive(f.priority(5, 3, 200)))
server("PRIORITY, exclusive", asked, receive(f.priority(1, 0x80000000, 0)))
server("PRIORITY of a closed stream", asked, receive(f.rst_stream(1)), receive(f.priority(1, 0)))
server("RST_STREAM", asked, receive(f.rst_stream(1, f.CANCEL)), call.send_data(1, b"late"))
server("RST_STREAM with an unknown code", asked, receive(f.rst_stream(1, 0xABCDEF)))
server("RST_STREAM twice", asked, receive(f.rst_stream(1)), receive(f.rst_stream(1)))
server("END_STREAM and RST_STREAM in one read", receive(f.headers(1, f.GET), f.rst_stream(1)))
server("WINDOW_UPDATE", receive(f.window_update(0, 100)), asked, receive(f.window_update(1, 7)))
server("PING", receive(f.ping(b"01234567")))
server("an answer to PING", call.ping(b"87654321"), receive(f.ping_ack(b"87654321")))
server("an answer to no PING", receive(f.ping_ack(b"87654321")))
server("an unknown frame", receive(f.Frame(0x42, 0x13, 0, b"payload")))
server("an unknown frame of a stream", asked, receive(f.Frame(0xEE, 0, 1, b"")))
server("ALTSVC to a server", receive(f.altsvc(0, b"https://a", b"h3")))
server("ALTSVC of a stream to a server", asked, receive(f.altsvc(1, b"", b"h3")))
server("a browser's request", receive(f.headers(1, BROWSER)))
server(
    "requests in one read",
    receive(f.headers(1, f.GET), f.headers(3, f.POST, end_stream=False), f.headers(7, f.HEAD)),
)
server(
    "CONTINUATION",
    receive(f.headers(1, f.GET, end_headers=False)),
    receive(f.continuation(1, f.block(TRAILERS), end_headers=False)),
    receive(f.continuation(1, b"")),
)
server(
    "CONTINUATION with priority and padding",
    receive(
        f.headers(1, f.GET, end_headers=False, pad=5, depends_on=0),
        f.continuation(1, f.block([(b"x", b"y")])),
    ),
)
server("half a frame", receive(bytes(f.ping())[:5]), receive(bytes(f.ping())[5:]))
server("nothing", receive())
server("a graceful GOAWAY of the client", receive(f.goaway(0)))
server("GOAWAY with words", receive(f.goaway(2, f.ENHANCE_YOUR_CALM, b"calm down")))
server("GOAWAY with an unknown code", receive(f.goaway(0, 0x1234)))
server("SETTINGS", receive(f.settings((f.MAX_FRAME_SIZE, 20_000), (99, 7))))
server("SETTINGS acknowledged", call.update_settings({4: 100, 99: 5}), receive(f.settings_ack()))
server("PRIORITY_UPDATE", receive(f.priority_update(1, b"u=1")))

client("a response", ask, receive(f.headers(1, f.OK)))
client(
    "a response with a body",
    ask,
    receive(f.headers(1, f.OK, end_stream=False)),
    receive(f.data(1, b"b", end_stream=True)),
)
client(
    "response trailers",
    ask,
    receive(f.headers(1, f.OK, end_stream=False), f.data(1, b"x"), f.headers(1, TRAILERS)),
)
client(
    "interim responses",
    ask,
    receive(f.headers(1, EARLY, end_stream=False)),
    receive(f.headers(1, [(b":status", b"100")], end_stream=False)),
    receive(f.headers(1, f.OK)),
)
client(
    "100 before a body",
    upload,
    receive(f.headers(1, [(b":status", b"100")], end_stream=False)),
    call.send_data(1, b"x", end_stream=True),
    receive(f.headers(1, f.OK)),
)
client("priority in a response", ask, receive(f.headers(1, f.OK, depends_on=0)))
client(
    "priority in an interim response",
    ask,
    receive(f.headers(1, EARLY, end_stream=False, depends_on=3)),
)
client(
    "a response before the request ended",
    upload,
    receive(f.headers(1, f.OK)),
    call.send_data(1, b"x", end_stream=True),
)
client("RST_STREAM from a server", ask, receive(f.rst_stream(1, f.REFUSED_STREAM)))
client("RST_STREAM after the response", ask, receive(f.headers(1, f.OK), f.rst_stream(1)))
client(
    "a promise",
    ask,
    receive(f.push_promise(1, 2, f.GET)),
    receive(f.headers(1, f.OK)),
    receive(f.headers(2, f.OK, end_stream=False)),
    receive(f.data(2, b"pushed", end_stream=True)),
)
client("a padded promise", ask, receive(f.push_promise(1, 2, f.GET, pad=10)))
client(
    "a promise in two frames",
    ask,
    receive(f.push_promise(1, 2, f.GET, end_headers=False)),
    receive(f.continuation(1, f.block([(b"x", b"y")]))),
)
client(
    "a promise that is reset",
    ask,
    receive(f.push_promise(1, 2, f.GET)),
    call.reset_stream(2, 8),
    receive(f.headers(1, f.OK)),
)
client(
    "a promise that the server resets", ask, receive(f.push_promise(1, 2, f.GET), f.rst_stream(2))
)
client("ALTSVC of an origin", receive(f.altsvc(0, b"https://example.com", b'h3=":443"')))
client("ALTSVC without an origin", receive(f.altsvc(0, b"", b'h3=":443"')))
client("ALTSVC of a stream", ask, receive(f.altsvc(1, b"", b'h3=":443"')))
client("ALTSVC of a stream with an origin", ask, receive(f.altsvc(1, b"https://a", b"h3")))
client(
    "ALTSVC of a stream that was answered",
    ask,
    receive(f.headers(1, f.OK, end_stream=False)),
    receive(f.altsvc(1, b"", b"h3")),
)
client("ALTSVC of an idle stream", receive(f.altsvc(5, b"", b"h3")))
client(
    "ALTSVC of a closed stream", ask, receive(f.headers(1, f.OK)), receive(f.altsvc(1, b"", b"h3"))
)
client(
    "ALTSVC of a promised stream",
    ask,
    receive(f.push_promise(1, 2, f.GET), f.altsvc(2, b"", b"h3")),
)
client(
    "ALTSVC of a stream without :authority",
    call.send_headers(1, [*GET[:3], ("host", "h.example")], end_stream=True),
    receive(f.altsvc(1, b"", b"h3")),
)
client("ORIGIN", receive(f.origin(b"https://a.example")))
client("an unknown frame from a server", receive(f.Frame(0x0B, 1, 0, b"?" * 40)))
client("PRIORITY from a server", ask, receive(f.priority(1, 0, 3)))
client(
    "WINDOW_UPDATE of a stream", upload, receive(f.window_update(1, 5000), f.window_update(0, 3))
)
client(
    "WINDOW_UPDATE of a closed stream",
    ask,
    receive(f.headers(1, f.OK)),
    receive(f.window_update(1, 9)),
)
client(
    "SETTINGS from a server",
    receive(f.settings((f.MAX_CONCURRENT_STREAMS, 1), (f.INITIAL_WINDOW_SIZE, 9))),
)
client(
    "the first SETTINGS twice in a frame",
    receive(f.settings((f.INITIAL_WINDOW_SIZE, 9), (f.INITIAL_WINDOW_SIZE, 10))),
)
client("SETTINGS that change nothing", receive(f.settings((f.MAX_FRAME_SIZE, 16_384))))
client(
    "a response to HEAD",
    call.send_headers(1, [(":method", "HEAD"), *GET[1:]], end_stream=True),
    receive(f.headers(1, [*f.OK, (b"content-length", b"500")])),
)
client("204", ask, receive(f.headers(1, [(b":status", b"204")])))
client(
    "304 with a length",
    ask,
    receive(f.headers(1, [(b":status", b"304"), (b"content-length", b"10")])),
)
client(
    "CONTINUATION in a response",
    ask,
    receive(f.headers(1, f.OK, end_headers=False), f.continuation(1, f.block(TRAILERS))),
)
client("GOAWAY with an error", ask, receive(f.goaway(1, f.INTERNAL_ERROR, b"oh")))
client("a PING from a server", receive(f.ping(struct.pack(">Q", 7))))
client("GOAWAY with the reserved bit", ask, receive(f.goaway(2**31 + 1, 2)))
