"""Every call that does not send a message, right and wrong."""

from __future__ import annotations

import hpack

from tests.http2 import frames as f

from ..world import call, get, receive
from .writing import ASKING, GET, OK, POST, SERVING, Scripts, ask, asked, upload

SCRIPTS = Scripts()
server, client, raw = SCRIPTS.server, SCRIPTS.client, SCRIPTS.raw


def code(name: str) -> object:
    """A member of either implementation's `ErrorCodes`."""
    return lambda world: getattr(world.h2.errors.ErrorCodes, name)


# --- reset_stream ---------------------------------------------------------------------------------

server("reset_stream", asked, call.reset_stream(1))
server(
    "reset_stream with a code",
    asked,
    call.reset_stream(1, code("REFUSED_STREAM")),
    receive(f.window_update(1, 5)),
)
server("reset_stream with an unknown code", asked, call.reset_stream(1, error_code=0xFFFF))
server("reset_stream twice", asked, call.reset_stream(1), call.reset_stream(1))
server("reset_stream of nobody", asked, call.reset_stream(3))
server("reset_stream of stream 0", asked, call.reset_stream(0))
server(
    "reset_stream after the end",
    asked,
    call.send_headers(1, OK, end_stream=True),
    call.reset_stream(1),
)
client("reset_stream of a request", upload, call.reset_stream(1, 8), receive(f.headers(1, f.OK)))
raw(
    "reset_stream before anything",
    *ASKING,
    call.reset_stream(1),
    client=True,
)

# --- push_stream ----------------------------------------------------------------------------------

server(
    "a push",
    asked,
    call.push_stream(1, 2, GET),
    call.send_headers(1, OK, end_stream=True),
    call.send_headers(2, OK),
    call.send_data(2, b"pushed", end_stream=True),
)
server(
    "two pushes",
    asked,
    call.push_stream(1, 2, GET),
    call.push_stream(1, 4, GET),
    call.reset_stream(2),
    call.send_headers(4, OK, end_stream=True),
)
server(
    "a push that the client refuses",
    asked,
    call.push_stream(1, 2, GET),
    receive(f.rst_stream(2, f.CANCEL)),
    call.send_headers(2, OK),
)
server("a push on an odd id", asked, call.push_stream(1, 3, GET))
server(
    "a push on an id that is too low",
    asked,
    call.push_stream(1, 4, GET),
    call.push_stream(1, 2, GET),
)
server("a push for nobody", call.push_stream(1, 2, GET))
server("a push for an unknown stream", asked, call.push_stream(3, 2, GET))
server("a push for a push", asked, call.push_stream(1, 2, GET), call.push_stream(2, 4, GET))
server(
    "a push for a stream that has ended",
    asked,
    call.send_headers(1, OK, end_stream=True),
    call.push_stream(1, 2, GET),
)
server(
    "a push that the client disabled",
    receive(f.settings((f.ENABLE_PUSH, 0))),
    asked,
    call.push_stream(1, 2, GET),
)
server(
    "a push by DATA without HEADERS",
    asked,
    call.push_stream(1, 2, GET),
    call.send_data(2, b"x"),
)
server(
    "the next id after a push",
    asked,
    call.push_stream(1, 2, GET),
    call.get_next_available_stream_id(),
)
client("a push from a client", ask, call.push_stream(1, 2, GET))
server(
    "a push with HeaderTuples",
    asked,
    call.push_stream(
        1, 2, [hpack.HeaderTuple(*GET[0]), *GET[1:], hpack.NeverIndexedHeaderTuple("x", "y")]
    ),
)

# --- ping, close_connection, prioritize, ALTSVC ---------------------------------------------------

client("ping", call.ping(b"12345678"))
client("a ping that is too short", call.ping(b"1234567"), call.ping(b"123456789"))
client("a ping of text", call.ping("12345678"))
client("a ping of an array", call.ping(bytearray(8)))
client(
    "prioritize",
    call.prioritize(1),
    call.prioritize(3, weight=256),
    call.prioritize(5, 1, 3, True),
    call.prioritize(7, depends_on=0, exclusive=False),
)
client("prioritize wrongly", call.prioritize(1, weight=0))
client("prioritize with too great a weight", call.prioritize(1, weight=257))
client("prioritize a stream by itself", call.prioritize(1, depends_on=1))
client("prioritize no stream", call.prioritize(0))
server("prioritize by a server", asked, call.prioritize(1, 3))
server(
    "ALTSVC sent for an origin",
    asked,
    call.advertise_alternative_service(b'h2=":8000"', origin=b"example.com"),
)
server(
    "ALTSVC sent for a stream",
    asked,
    call.advertise_alternative_service(b'h2=":8000"', stream_id=1),
    call.send_headers(1, OK),
    call.advertise_alternative_service(b'h2=":8000"', stream_id=1),
)
server(
    "ALTSVC sent for both",
    asked,
    call.advertise_alternative_service(b"h2", origin=b"a", stream_id=1),
)
server("ALTSVC sent for neither", asked, call.advertise_alternative_service(b"h2"))
server("ALTSVC sent as text", asked, call.advertise_alternative_service("h2", origin=b"a"))
server(
    "ALTSVC sent for an unknown stream",
    asked,
    call.advertise_alternative_service(b"h2", stream_id=7),
)
server(
    "ALTSVC sent for a closed stream",
    asked,
    call.reset_stream(1),
    call.advertise_alternative_service(b"h2", stream_id=1),
)
client(
    "ALTSVC from a client",
    ask,
    call.advertise_alternative_service(b"h2", origin=b"a"),
)
server("ALTSVC before any request", call.advertise_alternative_service(b"h2", origin=b"a"))

# --- what is read ---------------------------------------------------------------------------------

raw(
    "data_to_send in portions",
    call.hold("initiate_connection"),
    call.data_to_send(5),
    call.data_to_send(30),
    call.hold("send_headers", 1, GET),
    call.hold("send_data", 1, b"x" * 100, end_stream=True),
    call.data_to_send(0),
    call.data_to_send(amount=10),
    call.data_to_send(None),
    call.data_to_send(),
    client=True,
)
raw(
    "clear_outbound_data_buffer",
    call.hold("initiate_connection"),
    call.clear_outbound_data_buffer(),
    call.hold("ping", b"12345678"),
    call.data_to_send(),
    client=False,
)
server(
    "windows and counts",
    asked,
    get("open_inbound_streams"),
    get("open_outbound_streams"),
    get("inbound_flow_control_window"),
    get("outbound_flow_control_window"),
    call.local_flow_control_window(1),
    call.remote_flow_control_window(1),
    call.local_flow_control_window(3),
    call.remote_flow_control_window(3),
    call.push_stream(1, 2, GET),
    get("open_outbound_streams"),
    call.remote_flow_control_window(2),
    call.send_headers(2, OK),
    get("open_outbound_streams"),
    call.send_headers(1, OK, end_stream=True),
    get("open_inbound_streams"),
    call.local_flow_control_window(1),
    call.remote_flow_control_window(1),
)
client(
    "counts of a client",
    get("open_outbound_streams"),
    upload,
    call.send_headers(3, GET, end_stream=True),
    get("open_outbound_streams"),
    receive(f.headers(3, f.OK)),
    get("open_outbound_streams"),
    call.local_flow_control_window(1),
    call.remote_flow_control_window(1),
    call.local_flow_control_window(3),
    call.local_flow_control_window(5),
    call.reset_stream(1),
    get("open_outbound_streams"),
)
raw(
    "constants",
    *(
        get(name)
        for name in (
            "DEFAULT_MAX_OUTBOUND_FRAME_SIZE",
            "DEFAULT_MAX_INBOUND_FRAME_SIZE",
            "HIGHEST_ALLOWED_STREAM_ID",
            "MAX_WINDOW_INCREMENT",
            "DEFAULT_MAX_HEADER_LIST_SIZE",
            "MAX_CLOSED_STREAMS",
        )
    ),
    client=True,
)

# --- the beginning --------------------------------------------------------------------------------

raw("initiate_connection of a client", call.initiate_connection(), client=True)
raw("initiate_connection of a server", call.initiate_connection(), client=False)
raw(
    "initiate_connection twice",
    call.initiate_connection(),
    call.initiate_connection(),
    client=False,
)
raw(
    "octets before initiate_connection",
    receive(f.PREFACE, f.settings()),
    call.initiate_connection(),
    client=False,
)
raw(
    "an answer before initiate_connection",
    receive(f.PREFACE, f.settings(), f.headers(1, f.GET)),
    call.send_headers(1, OK, end_stream=True),
    client=False,
)
raw(
    "a preface in pieces",
    call.initiate_connection(),
    receive(f.PREFACE[:10]),
    receive(f.PREFACE[10:]),
    receive(f.settings()),
    client=False,
)
raw(
    "an upgrade of a client",
    call.initiate_upgrade_connection(),
    receive(f.settings(), f.headers(1, f.OK, end_stream=False), f.data(1, b"x", end_stream=True)),
    call.send_headers(3, GET, end_stream=True),
    client=True,
)
raw(
    "an upgrade of a client that sends more",
    call.initiate_upgrade_connection(),
    call.send_data(1, b"x"),
    client=True,
)
raw(
    "an upgrade of a server",
    call.initiate_upgrade_connection(b"AAMAAABkAARAAAAAAAIAAAAA"),
    receive(f.PREFACE, f.settings()),
    call.send_headers(1, OK),
    call.send_data(1, b"x", end_stream=True),
    receive(f.headers(3, f.GET)),
    client=False,
)
raw(
    "an upgrade of a server without settings",
    call.initiate_upgrade_connection(),
    call.send_headers(1, OK, end_stream=True),
    client=False,
)
raw(
    "an upgrade of a server with text",
    call.initiate_upgrade_connection("AAQAAABk"),
    call.send_headers(1, OK, end_stream=True),
    client=False,
)
raw(
    "an upgrade of a server with padded settings",
    call.initiate_upgrade_connection(b"AAQAAABkAAQAAABl"),
    client=False,
)
raw(
    "an upgrade with settings of a wrong length",
    call.initiate_upgrade_connection(b"AAQA"),
    client=False,
)
raw(
    "an upgrade with settings that are not base64",
    call.initiate_upgrade_connection(b"A"),
    client=False,
)
raw(
    "an upgrade with a forbidden value", call.initiate_upgrade_connection(b"AAT_____"), client=False
)
raw(
    "an upgrade, and DATA of it",
    call.initiate_upgrade_connection(b""),
    receive(f.PREFACE, f.settings(), f.data(1, b"x")),
    client=False,
)
client(
    "wrong methods",
    call.acknowledge_received_data(-1, 1),
    call.acknowledge_received_data(1, 0),
    call.increment_flow_control_window(0),
    call.increment_flow_control_window(2**31),
    call.acknowledge_received_data(0, 7),
)
client(
    "POST and nothing more",
    call.send_headers(1, POST, end_stream=True),
    receive(f.headers(1, f.OK)),
)
raw("nothing but a hello", *SERVING, client=False)
