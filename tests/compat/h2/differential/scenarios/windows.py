"""Flow control: what is received and given back."""

from __future__ import annotations

from tests.http2 import frames as f

from ..world import call, get, receive
from .writing import OK, Scripts, ask, asked, upload, uploads

SCRIPTS = Scripts()
server, client = SCRIPTS.server, SCRIPTS.client

much = receive(*[f.data(1, bytes(16_384))] * 3)

server(
    "bodies acknowledged",
    uploads,
    much,
    call.acknowledge_received_data(49_152, 1),
    receive(f.data(1, bytes(16_000), end_stream=True)),
    call.acknowledge_received_data(16_000, 1),
)
server(
    "bodies acknowledged in portions",
    uploads,
    *[
        step
        for _ in range(12)
        for step in (
            receive(f.data(1, bytes(9000), pad=10)),
            call.acknowledge_received_data(9011, 1),
        )
    ],
)
server("a body that nobody acknowledges", uploads, much, receive(f.data(1, bytes(16_383))))
server(
    "a body acknowledged after its stream ended",
    uploads,
    much,
    receive(f.data(1, b"", end_stream=True)),
    call.send_headers(1, OK, end_stream=True),
    call.acknowledge_received_data(49_152, 1),
)
server(
    "a body acknowledged after RST_STREAM",
    uploads,
    much,
    receive(f.rst_stream(1)),
    call.acknowledge_received_data(49_152, 1),
)
server(
    "more acknowledged than received",
    uploads,
    receive(f.data(1, bytes(10))),
    call.acknowledge_received_data(1000, 1),
    receive(f.data(1, bytes(10))),
)
server("acknowledged on a stream that nobody opened", call.acknowledge_received_data(10, 9))
server("nothing acknowledged", uploads, call.acknowledge_received_data(0, 1))
server(
    "windows incremented",
    uploads,
    call.increment_flow_control_window(1000),
    call.increment_flow_control_window(70_000, 1),
    call.remote_flow_control_window(1),
    get("inbound_flow_control_window"),
    call.increment_flow_control_window(increment=5, stream_id=1),
)
server(
    "windows incremented too far",
    uploads,
    call.increment_flow_control_window(2**31 - 1),
)
server(
    "a stream's window incremented too far",
    uploads,
    call.increment_flow_control_window(2**31 - 1, 1),
)
server(
    "windows incremented by nothing",
    uploads,
    call.increment_flow_control_window(0),
    call.increment_flow_control_window(-5, 1),
    call.increment_flow_control_window(2**31),
)
server(
    "the window of a closed stream incremented",
    asked,
    call.send_headers(1, OK, end_stream=True),
    call.increment_flow_control_window(10, 1),
)
server(
    "the window of nobody's stream incremented", asked, call.increment_flow_control_window(10, 3)
)
client(
    "the window of a request incremented",
    upload,
    call.increment_flow_control_window(100_000, 1),
    call.increment_flow_control_window(100_000),
    call.remote_flow_control_window(1),
)
client(
    "the window of a response before it",
    ask,
    call.increment_flow_control_window(10, 1),
    receive(f.headers(1, f.OK, end_stream=False)),
    receive(f.data(1, b"x")),
    call.acknowledge_received_data(1, 1),
)
client(
    "DATA of a stream that was reset",
    ask,
    receive(f.headers(1, f.OK, end_stream=False)),
    call.reset_stream(1),
    receive(f.data(1, bytes(16_000))),
)
server(
    "the peer's windows",
    receive(f.window_update(0, 2**31 - 1 - 65_535)),
    asked,
    receive(f.window_update(1, 2**31 - 1 - 65_535)),
    call.local_flow_control_window(1),
)
server(
    "DATA that is written in portions",
    asked,
    call.send_headers(1, OK),
    *[call.send_data(1, bytes(16_000))] * 4,
    call.local_flow_control_window(1),
    call.send_data(1, bytes(2000)),
    receive(f.window_update(0, 5)),
    call.local_flow_control_window(1),
    receive(f.window_update(1, 5000)),
    call.local_flow_control_window(1),
    call.send_data(1, bytes(1540)),
)
server(
    "a part acknowledged while little is left",
    uploads,
    much,
    receive(f.data(1, bytes(11_000))),
    call.acknowledge_received_data(20_000, 1),
)
client("credit for stream 0", ask, call.increment_flow_control_window(10, 0))
server(
    "SETTINGS that overflow the window of a closed stream",
    asked,
    receive(f.window_update(1, 2**31 - 70_000)),
    receive(f.rst_stream(1)),
    receive(f.settings((f.INITIAL_WINDOW_SIZE, 2**31 - 1))),
)
server(
    "credit of a stream that is gone",
    uploads,
    much,
    receive(f.rst_stream(1)),
    receive(f.headers(3, f.POST, end_stream=False)),
    receive(*[f.data(3, bytes(16_384))] * 2),
)
client(
    "too much credit for a promised stream",
    ask,
    receive(f.push_promise(1, 2, f.GET), f.headers(2, f.OK, end_stream=False)),
    receive(f.window_update(2, 2**31 - 1)),
)
