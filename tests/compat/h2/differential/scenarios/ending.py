"""How connections end."""

from __future__ import annotations

from tests.http2 import frames as f

from ..world import call, receive
from .writing import GET, OK, Scripts, ask, asked, upload, uploads

SCRIPTS = Scripts()
server, client, raw = SCRIPTS.server, SCRIPTS.client, SCRIPTS.raw

server("close_connection", asked, call.close_connection())
server("close_connection with words", asked, call.close_connection(0xB, b"calm down", 1))
server(
    "close_connection with a code",
    asked,
    call.close_connection(lambda world: world.h2.errors.ErrorCodes.INTERNAL_ERROR),
)
server("close_connection with an unknown code", asked, call.close_connection(error_code=0xFFFF))
server(
    "close_connection with a last stream",
    asked,
    call.close_connection(last_stream_id=2**31 - 1),
    call.close_connection(last_stream_id=1),
)
server(
    "close_connection with text",
    asked,
    call.close_connection(additional_data="text"),
)
server("close_connection twice", call.close_connection(), call.close_connection(1))
client("close_connection of a client", ask, call.close_connection())
raw("close_connection before anything", call.close_connection(), client=False)
for _name, _call in {
    "send_headers": call.send_headers(1, OK),
    "send_data": call.send_data(1, b"x"),
    "end_stream": call.end_stream(1),
    "reset_stream": call.reset_stream(1),
    "ping": call.ping(b"12345678"),
    "update_settings": call.update_settings({4: 10}),
    "increment_flow_control_window": call.increment_flow_control_window(1),
    "push_stream": call.push_stream(1, 2, GET),
    "acknowledge_received_data": call.acknowledge_received_data(3, 1),
    "initiate_connection": call.initiate_connection(),
    "advertise_alternative_service": call.advertise_alternative_service(b"h2", origin=b"a"),
    "get_next_available_stream_id": call.get_next_available_stream_id(),
    "local_flow_control_window": call.local_flow_control_window(1),
    "close_connection": call.close_connection(),
}.items():
    server(f"{_name} after close_connection", uploads, call.close_connection(), _call)
    server(f"{_name} after GOAWAY with an error", uploads, receive(f.goaway(1, 2)), _call)
for _name, _part in {
    "a request": f.headers(1, f.GET),
    "DATA": f.data(1, b"x"),
    "PING": f.ping(),
    "SETTINGS": f.settings((4, 10)),
    "WINDOW_UPDATE": f.window_update(0, 1),
    "RST_STREAM": f.rst_stream(1),
    "GOAWAY": f.goaway(0),
    "PRIORITY": f.priority(1, 0),
    "an unknown frame": f.Frame(0x42, 0, 0, b""),
}.items():
    server(
        f"{_name} after close_connection of a server",
        uploads,
        call.close_connection(),
        receive(_part),
    )
    server(
        f"{_name} after GOAWAY with an error was received",
        uploads,
        receive(f.goaway(1, 2)),
        receive(_part),
    )
client(
    "a response after a graceful GOAWAY", ask, receive(f.goaway(1, 0)), receive(f.headers(1, f.OK))
)
client("a request after a graceful GOAWAY", receive(f.goaway(0, 0)), ask)
client(
    "requests refused by GOAWAY",
    ask,
    call.send_headers(3, GET, end_stream=True),
    receive(f.goaway(1, 0)),
    receive(f.headers(1, f.OK)),
)
client("GOAWAY twice", ask, receive(f.goaway(2**31 - 1, 0)), receive(f.goaway(1, 0)))
client(
    "DATA after a graceful GOAWAY",
    upload,
    receive(f.goaway(1, 0)),
    call.send_data(1, b"x", end_stream=True),
)
client(
    "octets that wait when GOAWAY comes", call.hold("send_headers", 1, GET), receive(f.goaway(1, 0))
)
server(
    "a response after a graceful GOAWAY of the client",
    asked,
    receive(f.goaway(0, 0)),
    call.send_headers(1, OK, end_stream=True),
)
