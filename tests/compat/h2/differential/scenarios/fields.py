"""Fields in both directions, under every switch of the configuration."""

from __future__ import annotations

import hpack

from tests.http2 import frames as f
from tests.support.corpus import BROWSER, CHAT, MALFORMED, TRAILERS, TUNNEL

from ..world import call, do, receive
from .writing import GET, OK, Scripts, ask, asked, upload, uploads

SCRIPTS = Scripts()
server, client = SCRIPTS.server, SCRIPTS.client

BYTES = [(name.encode(), value.encode()) for name, value in GET]
REST = GET[1:]

# --- what is sent ---------------------------------------------------------------------------------

SENT: dict[str, object] = {
    "text": [*GET, ("accept", "*/*")],
    "bytes": [*BYTES, (b"accept", b"*/*")],
    "text and bytes": [(":method", b"GET"), (b":scheme", "https"), *REST[1:]],
    "lists": [list(pair) for pair in GET],
    "a tuple of pairs": tuple(GET),
    "items of a dict": lambda world: dict(GET).items(),
    "an iterator": lambda world: iter(GET),
    "HeaderTuples": [hpack.HeaderTuple(*pair) for pair in GET],
    "never indexed": [*GET, hpack.NeverIndexedHeaderTuple("x-token", "secret")],
    "never indexed bytes": [*BYTES, hpack.NeverIndexedHeaderTuple(b"X-Token", b" secret ")],
    "names in upper case": [*GET, ("X-Name", "Value"), (b"Accept", b"*/*")],
    "white space": [*GET, ("x-space", "  a b\t"), (" x-name ", "v"), (b"x", b"\r\nv\n")],
    "connection fields": [*GET, ("Connection", "keep-alive"), ("keep-alive", "5"), ("x", "y")],
    "more connection fields": [
        *GET,
        ("proxy-connection", "a"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
    ],
    "te: trailers": [*GET, ("te", "trailers")],
    "TE: Trailers": [*GET, ("TE", "Trailers")],
    "te: gzip": [*GET, ("te", "gzip")],
    "secrets": [*GET, ("authorization", "Basic YTpi"), ("proxy-authorization", "x")],
    "a short cookie": [*GET, ("cookie", "a=1")],
    "a cookie of 19": [*GET, ("cookie", "a" * 19)],
    "a cookie of 20": [*GET, ("cookie", "a" * 20)],
    "crumbs": [*GET, ("cookie", "a=1; b=2"), ("x", "y"), ("Cookie", "c" * 30 + "; d=" + "e" * 30)],
    "an empty value": [*GET, ("x-empty", "")],
    "UTF-8": [*GET, ("x-name", "h\u00e9\u2603")],
    "octets above 127": [*GET, (b"x-name", b"\xff\xfe")],
    "no :method": REST,
    "no :scheme": [GET[0], *GET[2:]],
    "no :path": [*GET[:2], GET[3]],
    "an empty :path": [*GET[:2], (":path", ""), GET[3]],
    "no :authority": GET[:3],
    "host instead": [*GET[:3], ("host", "example.com")],
    "host as well": [*GET, ("host", "example.com")],
    "another host": [*GET, ("host", "other.example")],
    "two hosts": [*GET[:3], ("host", "a"), ("host", "a")],
    "pseudo-headers twice": [*GET, (":path", "/")],
    "pseudo-headers at the end": [*GET[:3], ("x", "y"), GET[3]],
    "an unknown pseudo-header": [*GET, (":unknown", "x")],
    ":status in a request": [*GET, (":status", "200")],
    ":protocol without CONNECT": [*GET, (":protocol", "websocket")],
    "CONNECT": TUNNEL,
    "CONNECT with :path": [(":method", "CONNECT"), *REST],
    "CONNECT without :authority": [(":method", "CONNECT")],
    "extended CONNECT": CHAT,
    "extended CONNECT without :scheme": [CHAT[0], *CHAT[2:]],
    "a length": [*GET, ("content-length", "5")],
    "order": [GET[3], GET[2], GET[1], GET[0]],
    "OPTIONS *": [(":method", "OPTIONS"), GET[1], (":path", "*"), GET[3]],
}
"""What is the same under any switch, or differs under none."""

ODD: dict[str, object] = {
    "an empty name": [*GET, ("", "x")],
    "a number": [*GET, ("x-number", 5)],
    "nothing as a value": [*GET, ("x-none", None)],
    "a triple": [*GET, ("x", "y", True)],
    "a single": [*GET, ("x",)],
    "a dict": dict(GET),
    "no fields": [],
    "None": None,
    "a line break inside": [*GET, ("x", "a\r\nb")],
    "a NUL": [*GET, ("x", "a\0b")],
    "a name with a space": [*GET, ("x y", "z")],
    "a name with a colon": [*GET, ("x:y", "z")],
    "a name that is no ASCII": [*GET, ("x-\u00e9", "z")],
    "a method with a space": [(":method", "GE T"), *REST],
    "an authority with a user": [*GET[:3], (":authority", "user@example.com")],
    "an empty authority": [*GET[:3], (":authority", "")],
    "a path without a slash": [*GET[:2], (":path", "x"), GET[3]],
    "a path with a space": [*GET[:2], (":path", "/a b"), GET[3]],
    "a lying length": [*GET, ("content-length", "x")],
    "bytearrays": [*GET, (bytearray(b"x-name"), bytearray(b"value"))],
    "memoryviews": [*GET, (memoryview(b"x-name"), memoryview(b"value"))],
}
"""What nobody should send."""

UNCHECKED = {"validate_outbound_headers": False}
AS_IS = {"normalize_outbound_headers": False}
SENDING: dict[str, dict[str, object]] = {
    "": {},
    ", not validated": UNCHECKED,
    ", not normalised": AS_IS,
    ", neither validated nor normalised": UNCHECKED | AS_IS,
    ", crumbs split": {"split_outbound_cookies": True},
}


for _name, _fields in (SENT | ODD).items():
    for _how, _options in SENDING.items():
        if "crumbs" in _how and "cookie" not in _name and "crumbs" not in _name:
            continue
        if _name in ODD and _how not in ("", ", neither validated nor normalised"):
            continue
        _title = f"sent: {_name}{_how}"
        client(_title, call.send_headers(1, _fields, end_stream=True), **_options)

RESPONSES: dict[str, object] = {
    "a response in text": [(":status", "200"), ("Server", "x"), ("set-cookie", "a=1; b=2")],
    "a response in bytes": [(b":status", b"404"), (b"content-length", b"0")],
    "a status as a number": [(":status", 200)],
    "no :status": [("server", "x")],
    "a status of two digits": [(":status", "20")],
    "a status that is no number": [(":status", "abc")],
    ":path in a response": [*OK, (":path", "/")],
    "connection in a response": [*OK, ("connection", "close")],
    "te in a response": [*OK, ("te", "gzip")],
    "101": [(":status", "101")],
    "an empty response": [],
    "a response with line breaks": [*OK, ("x", "a\nb")],
    "a response with a length that lies": [*OK, ("content-length", "-1")],
}
for _name, _fields in RESPONSES.items():
    for _how, _options in list(SENDING.items())[:4]:
        _title = f"sent: {_name}{_how}"
        server(
            _title,
            asked,
            call.send_headers(1, _fields),
            **_options,
        )
SENT_TRAILERS = {
    "trailers": [("grpc-status", "0"), ("X-Sum", "1")],
    "trailers with pseudo-headers": [(":status", "200")],
    "trailers with :path": [("x", "y"), (":path", "/")],
    "trailers with connection": [("connection", "x"), ("x", "y")],
    "empty trailers": [],
}
for _name, _fields in SENT_TRAILERS.items():
    for _how, _options in list(SENDING.items())[:4]:
        _title = f"sent: {_name}{_how}"
        server(
            _title,
            asked,
            call.send_headers(1, OK),
            call.send_headers(1, _fields, end_stream=True),
            **_options,
        )
        client(
            f"{_title}, by a client",
            upload,
            call.send_headers(1, _fields, end_stream=True),
            **_options,
        )
        server(
            f"promised: {_name}{_how}",
            asked,
            call.push_stream(1, 2, [*GET, *_fields]),
            **_options,
        )

# --- what is received -----------------------------------------------------------------------------

RECEIVED: dict[str, f.Fields] = {
    "a request": f.GET,
    "a browser": BROWSER,
    "crumbs": [*f.GET, (b"cookie", b"a"), (b"x", b"y"), (b"cookie", b"b")],
    "one cookie": [*f.GET, (b"cookie", b"a=1"), (b"x", b"y")],
    "CONNECT": TUNNEL,
    "extended CONNECT": CHAT,
    "OPTIONS *": [(b":method", b"OPTIONS"), f.GET[1], (b":path", b"*"), f.GET[3]],
    "host instead": [*f.GET[:3], (b"host", b"example.com")],
    "host as well": [*f.GET, (b"host", b"example.com")],
    "no authority": f.GET[:3],
    "two hosts": [*f.GET[:3], (b"host", b"a"), (b"host", b"b")],
    "octets above 127": [*f.GET, (b"x", b"h\xe9")],
    "UTF-8": [*f.GET, (b"x", "h\u00e9".encode())],
    "an empty value": [*f.GET, (b"x", b"")],
    "te: Trailers": [*f.GET, (b"te", b"Trailers")],
    "a method with a space": [(b":method", b"GE T"), *f.GET[1:]],
    "a name with a comma": [*f.GET, (b"x,y", b"z")],
    "a control character": [*f.GET, (b"x", b"a\x01b")],
    "a DEL": [*f.GET, (b"x", b"a\x7fb")],
    "a path without a slash": [*f.GET[:2], (b":path", b"x"), f.GET[3]],
    "a path with a fragment": [*f.GET[:2], (b":path", b"/#x"), f.GET[3]],
    "a user in the authority": [*f.GET[:3], (b":authority", b"u@example.com")],
    "an empty authority": [*f.GET[:3], (b":authority", b"")],
    "an odd scheme": [f.GET[0], (b":scheme", b"1x"), *f.GET[2:]],
    "a scheme in upper case": [f.GET[0], (b":scheme", b"HTTPS"), *f.GET[2:]],
    "a length that is no number": [*f.GET, (b"content-length", b"x")],
    "a length in a list": [*f.GET, (b"content-length", b"0, 0")],
    "a name of ASCII marks": [*f.GET, (b"x-!#$%&'*+-.^_`|~1", b"z")],
}
RECEIVED |= {f"malformed {at}": fields for at, fields in enumerate(MALFORMED)}
RECEIVING: dict[str, dict[str, object]] = {
    "": {},
    ", in UTF-8": {"header_encoding": "utf-8"},
    ", in Latin-1": {"header_encoding": "latin-1"},
    ", not decoded": {"header_encoding": False},
    ", not validated": {"validate_inbound_headers": False},
    ", not normalised": {"normalize_inbound_headers": False},
    ", neither validated nor normalised": {
        "normalize_inbound_headers": False,
        "validate_inbound_headers": False,
        "header_encoding": "utf-8",
    },
}
MAIN = ("", ", in UTF-8", ", not validated", ", neither validated nor normalised")
VARIED = ("a browser", "crumbs", "one cookie", "octets above 127", "UTF-8", "Latin-1", "trailers")
for _name, _fields in RECEIVED.items():
    for _how, _options in RECEIVING.items():
        if _how not in MAIN and _name not in VARIED:
            continue
        _title = f"received: {_name}{_how}"
        server(_title, receive(f.headers(1, _fields)), **_options)

ANSWERS: dict[str, f.Fields] = {
    "a response": [*f.OK, (b"server", b"x"), (b"set-cookie", b"a=1"), (b"set-cookie", b"b=2")],
    "a response with cookies": [*f.OK, (b"cookie", b"a=1"), (b"cookie", b"b=2")],
    "a status of two digits": [(b":status", b"20")],
    "a status of letters": [(b":status", b"abc")],
    "a status of 1000": [(b":status", b"1000")],
    "no status": [(b"server", b"x")],
    "two statuses": [*f.OK, *f.OK],
    ":path in a response": [*f.OK, (b":path", b"/")],
    "connection in a response": [*f.OK, (b"connection", b"close")],
    "te in a response": [*f.OK, (b"te", b"gzip")],
    "an upper-case name": [*f.OK, (b"Server", b"x")],
    "101": [(b":status", b"101")],
    "Latin-1": [*f.OK, (b"x", b"h\xe9")],
}
for _name, _fields in ANSWERS.items():
    for _how, _options in RECEIVING.items():
        if _how not in MAIN and _name not in VARIED:
            continue
        _title = f"answered: {_name}{_how}"
        client(
            _title,
            ask,
            receive(f.headers(1, _fields, end_stream=False)),
            **_options,
        )
for _name, _fields in {
    "trailers": TRAILERS,
    "trailers with :status": [*f.OK, (b"x", b"y")],
    "trailers with a length": [(b"content-length", b"7")],
    "trailers with te": [(b"te", b"x")],
    "trailers in upper case": [(b"X", b"y")],
    "no trailers": [],
}.items():
    for _how, _options in RECEIVING.items():
        if _how not in MAIN and _name not in VARIED:
            continue
        _title = f"received: {_name}{_how}"
        server(
            _title,
            uploads,
            receive(f.data(1, b"body"), f.headers(1, _fields)),
            **_options,
        )
        _title = f"promised to us: {_name}{_how}"
        client(
            _title,
            ask,
            receive(f.push_promise(1, 2, [*f.GET, *_fields])),
            **_options,
        )

# --- never indexed, and a configuration that changes ---------------------------------------------

server(
    "never-indexed fields received",
    receive(f.raw_headers(1, f.block(f.GET) + b"\x10\x01x\x01y\x10\x06cookie\x01z")),
    receive(f.raw_headers(3, f.block(f.GET) + b"\x10\x01x\x01y"), f.ping()),
)
server(
    "never-indexed fields received as text",
    receive(f.raw_headers(1, f.block(f.GET) + b"\x10\x01x\x01y")),
    header_encoding="ascii",
)
server(
    "the encoding changes",
    asked,
    do(lambda world: setattr(world.connection.config, "header_encoding", "utf-8")),
    receive(f.headers(3, f.GET)),
)
server(
    "validation is switched off later",
    do(lambda world: setattr(world.connection.config, "validate_inbound_headers", False)),
    receive(f.headers(1, [*f.GET, (b"connection", b"close")])),
)
server(
    "outbound validation is switched off later",
    asked,
    do(lambda world: setattr(world.connection.config, "validate_outbound_headers", False)),
    call.send_headers(1, [("x", "y")]),
)
for _how, _options in RECEIVING.items():
    server(
        f"a body that is too short{_how}",
        receive(f.headers(1, [*f.POST, (b"content-length", b"5")], end_stream=False)),
        receive(f.data(1, b"abc", end_stream=True)),
        **_options,
    )
