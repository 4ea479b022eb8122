"""Sending heads, bodies and trailers, rightly and wrongly."""

from __future__ import annotations

from tests.http2 import frames as f

from ..world import call, do, receive
from .writing import GET, OK, Scripts, ask, asked, upload, uploads

SCRIPTS = Scripts()
server, client, raw = SCRIPTS.server, SCRIPTS.client, SCRIPTS.raw

# --- send_headers ---------------------------------------------------------------------------------

client("three requests", ask, call.send_headers(3, GET), call.send_headers(9, GET, True))
client(
    "a request on an id that is too low",
    call.send_headers(5, GET),
    call.send_headers(3, GET),
)
client("a request on an even id", call.send_headers(2, GET))
client("a request on stream 0", call.send_headers(0, GET))
client("a request on a negative id", call.send_headers(-1, GET))
client("a request on too great an id", call.send_headers(2**31 + 1, GET))
client(
    "the last request of all",
    call.send_headers(2**31 - 1, GET),
    call.get_next_available_stream_id(),
)
client(
    "trailers of a request",
    upload,
    call.send_data(1, b"x"),
    call.send_headers(1, [("grpc-status", "0")], end_stream=True),
)
client("trailers that end nothing", upload, call.send_headers(1, [("x", "y")]))
client("a request after its end", ask, call.send_headers(1, GET))
client("HEADERS on a closed stream", ask, receive(f.headers(1, f.OK)), call.send_headers(1, GET))
client(
    "priority with a request",
    call.send_headers(1, GET, True, priority_weight=1),
    call.send_headers(
        3, GET, True, priority_weight=256, priority_depends_on=1, priority_exclusive=True
    ),
    call.send_headers(5, GET, True, priority_exclusive=False),
    call.send_headers(7, GET, True, priority_depends_on=0),
)
client("a weight of 0", call.send_headers(1, GET, priority_weight=0))
client("a weight of 257", call.send_headers(1, GET, priority_weight=257))
client(
    "a dependency on itself",
    call.send_headers(1, GET, priority_depends_on=1),
)
client(
    "beyond the peer's number of streams",
    receive(f.settings((3, 1))),
    call.send_headers(1, GET),
    call.send_headers(3, GET),
    receive(f.headers(1, f.OK)),
    call.end_stream(1),
    call.send_headers(3, GET),
)
client("a request before the preface of the peer", call.send_headers(1, GET, end_stream=True))
raw(
    "a request before the server's SETTINGS",
    call.initiate_connection(),
    ask,
    receive(f.settings()),
    receive(f.headers(1, f.OK)),
    client=True,
)
raw("a request before initiate_connection", ask, client=True)
client(
    "get_next_available_stream_id",
    call.get_next_available_stream_id(),
    ask,
    call.get_next_available_stream_id(),
    call.send_headers(7, GET),
    call.get_next_available_stream_id(),
)
server("get_next_available_stream_id of a server", call.get_next_available_stream_id())
server(
    "a response", asked, call.send_headers(1, OK), call.send_data(1, b"hello"), call.end_stream(1)
)
server(
    "a response at once", asked, call.send_headers(1, OK, end_stream=True), call.send_headers(1, OK)
)
server(
    "a response before the request's end",
    uploads,
    call.send_headers(1, OK),
    call.end_stream(1),
    receive(f.data(1, b"x", end_stream=True)),
)
server(
    "interim responses sent",
    asked,
    call.send_headers(1, [(":status", "103"), ("link", "</a>")]),
    call.send_headers(1, [(":status", "100")]),
    call.send_headers(1, OK, end_stream=True),
)
server(
    "an interim response after the final one",
    asked,
    call.send_headers(1, OK),
    call.send_headers(1, [(":status", "103")]),
)
server(
    "an interim response that ends the stream",
    asked,
    call.send_headers(1, [(":status", "103")], end_stream=True),
)
server(
    "trailers of a response",
    asked,
    call.send_headers(1, OK),
    call.send_data(1, b"x"),
    call.send_headers(1, [("x-sum", "1")], end_stream=True),
)
server(
    "trailers of a response that end nothing",
    asked,
    call.send_headers(1, OK),
    call.send_headers(1, [("x-sum", "1")]),
)
server(
    "two trailers",
    asked,
    call.send_headers(1, OK),
    call.send_headers(1, [("x", "1")], end_stream=True),
    call.send_headers(1, [("x", "1")], end_stream=True),
)
server("a response to nobody", call.send_headers(1, OK))
server(
    "a response on a stream of the server's",
    asked,
    call.send_headers(2, OK),
)
server(
    "a response with priority",
    asked,
    call.send_headers(1, OK, priority_weight=3),
)
server("a response after RST_STREAM", asked, receive(f.rst_stream(1)), call.send_headers(1, OK))
server(
    "a response in many frames",
    asked,
    call.send_headers(1, [*OK, *((f"x-{n}", "v" * 900) for n in range(50))]),
)
server(
    "a response from a generator",
    asked,
    do(lambda w: w.connection.send_headers(1, (pair for pair in OK), end_stream=True)),
)

# --- send_data ------------------------------------------------------------------------------------

server(
    "DATA",
    asked,
    call.send_headers(1, OK),
    call.send_data(1, b"one"),
    call.send_data(1, b""),
    call.send_data(1, b"two", end_stream=True),
)
server(
    "DATA as a memoryview",
    asked,
    call.send_headers(1, OK),
    call.send_data(1, memoryview(b"abcdef")[1:4]),
    call.send_data(1, bytearray(b"array"), end_stream=True),
)
server(
    "padded DATA sent",
    asked,
    call.send_headers(1, OK),
    call.send_data(1, b"one", pad_length=0),
    call.send_data(1, b"two", pad_length=255),
    call.send_data(1, b"", end_stream=True, pad_length=3),
)
server(
    "padding that is no int",
    asked,
    call.send_headers(1, OK),
    call.send_data(1, b"one", pad_length="3"),
)
server(
    "padding that is too long",
    asked,
    call.send_headers(1, OK),
    call.send_data(1, b"one", pad_length=256),
)
server(
    "padding that is negative",
    asked,
    call.send_headers(1, OK),
    call.send_data(1, b"one", pad_length=-1),
)
server("DATA before HEADERS", asked, call.send_data(1, b"x"))
server("DATA to nobody", call.send_data(1, b"x"))
server("no DATA to nobody", asked, call.send_data(3, b""))
server(
    "DATA after the end", asked, call.send_headers(1, OK, end_stream=True), call.send_data(1, b"x")
)
server(
    "DATA after a reset",
    asked,
    call.send_headers(1, OK),
    call.reset_stream(1),
    call.send_data(1, b"x"),
)
server(
    "a frame that is too large",
    asked,
    call.send_headers(1, OK),
    call.send_data(1, bytes(16_385)),
    call.send_data(1, bytes(16_384)),
)
server(
    "padding that makes a frame too large",
    asked,
    call.send_headers(1, OK),
    call.send_data(1, bytes(16_384), pad_length=0),
)
server(
    "more than the window holds",
    receive(f.settings((4, 5))),
    asked,
    call.send_headers(1, OK),
    call.send_data(1, b"123456"),
    call.send_data(1, b"12345"),
    call.send_data(1, b"x"),
    call.send_data(1, b""),
    receive(f.window_update(1, 2)),
    call.send_data(1, b"y", pad_length=0),
)
client("DATA without a request", call.send_data(1, b"x"))
client(
    "DATA of a request",
    upload,
    call.send_data(1, b"x"),
    call.send_data(1, b"", end_stream=True),
    call.send_data(1, b"x"),
)
client("DATA after RST_STREAM", upload, receive(f.rst_stream(1)), call.send_data(1, b"x"))
server(
    "text as DATA",
    asked,
    call.send_headers(1, OK),
    call.send_data(1, "text"),
)
server("end_stream", asked, call.send_headers(1, OK), call.end_stream(1), call.end_stream(1))
server("end_stream before a response", asked, call.end_stream(1))
server("end_stream of nobody", asked, call.end_stream(9))
client(
    "end_stream of a request",
    upload,
    call.end_stream(1),
    call.end_stream(1),
)


# --- what may not be sent everywhere --------------------------------------------------------------

head = receive(f.headers(1, f.HEAD))
server("DATA of a response to HEAD", head, call.send_headers(1, OK), call.send_data(1, b"octets"))
server(
    "DATA of a 204",
    asked,
    call.send_headers(1, [(":status", "204")]),
    call.send_data(1, b"octets", end_stream=True),
)
server("a request by a server", asked, call.send_headers(2, GET))
server("too much DATA before a response", asked, call.send_data(1, bytes(17_000)))
server(
    "trailers in a tunnel",
    receive(f.headers(1, [(b":method", b"CONNECT"), f.GET[3]], end_stream=False)),
    call.send_headers(1, OK),
    call.send_headers(1, [("x", "y")], end_stream=True),
)
server(
    "credit for a promised stream",
    asked,
    call.push_stream(1, 2, GET),
    call.increment_flow_control_window(5, 2),
)
