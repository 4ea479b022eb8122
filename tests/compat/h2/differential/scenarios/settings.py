"""Settings, of both sides."""

from __future__ import annotations

from tests.http2 import frames as f

from ..world import World, call, do, get, put, receive
from .writing import ASKING, GET, OK, Scripts, ask, asked, upload, uploads

SCRIPTS = Scripts()
server, client, raw = SCRIPTS.server, SCRIPTS.client, SCRIPTS.raw


def mutate(code: int, value: int) -> object:
    """`local_settings[code] = value`."""
    return do(lambda world: world.connection.local_settings.__setitem__(code, value))


def replace(**values: int) -> object:
    """A program's own `Settings`."""

    def apply(world: World) -> None:
        settings = world.h2.settings
        given = {getattr(settings.SettingCodes, name): value for name, value in values.items()}
        world.connection.local_settings = settings.Settings(
            client=world.client, initial_values=given
        )

    return do(apply)


MANY = {1: 8192, 3: 5, 4: 1000, 5: 20_000, 6: 4000, 8: 1, 99: 1}
hello = receive(f.PREFACE, f.settings())

for _code, _value in MANY.items():
    raw(
        f"setting {_code} changed before the beginning",
        mutate(_code, _value),
        call.initiate_connection(),
        hello,
        receive(f.settings_ack()),
        asked,
        client=False,
    )
    raw(
        f"setting {_code} changed before the beginning, client",
        mutate(_code, _value),
        call.initiate_connection(),
        ask,
        receive(f.settings(), f.settings_ack()),
        receive(f.headers(1, f.OK)),
        client=True,
    )
    server(
        f"setting {_code} updated",
        asked,
        call.update_settings({_code: _value}),
        receive(f.settings_ack()),
        receive(f.headers(3, f.GET)),
    )
    server(
        f"setting {_code} of the client",
        receive(f.settings((_code, _value))),
        asked,
        call.send_headers(1, OK),
    )
for _attribute in (
    "initial_window_size",
    "max_frame_size",
    "header_table_size",
    "max_concurrent_streams",
    "max_header_list_size",
):
    server(
        f"local_settings.{_attribute}",
        get(f"local_settings.{_attribute}"),
        get(f"remote_settings.{_attribute}"),
        put(f"local_settings.{_attribute}", 30_000),
        get(f"local_settings.{_attribute}"),
    )
server(
    "enable_push and enable_connect_protocol",
    get("local_settings.enable_push"),
    get("remote_settings.enable_push"),
    get("local_settings.enable_connect_protocol"),
    get("remote_settings.enable_connect_protocol"),
)

raw(
    "settings replaced",
    replace(MAX_CONCURRENT_STREAMS=3, INITIAL_WINDOW_SIZE=100_000, MAX_FRAME_SIZE=30_000),
    call.initiate_connection(),
    hello,
    receive(f.settings_ack()),
    uploads,
    call.remote_flow_control_window(1),
    get("max_inbound_frame_size"),
    client=False,
)
raw(
    "settings replaced by a client",
    replace(ENABLE_PUSH=0, MAX_CONCURRENT_STREAMS=3, INITIAL_WINDOW_SIZE=65_535),
    call.initiate_connection(),
    receive(f.settings(), f.settings_ack()),
    ask,
    receive(f.push_promise(1, 2, f.GET)),
    client=True,
)
raw(
    "settings as httpcore replaces them",
    replace(ENABLE_PUSH=0, MAX_CONCURRENT_STREAMS=100, MAX_HEADER_LIST_SIZE=65_536),
    do(
        lambda world: world.connection.local_settings.__delitem__(
            world.h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL
        )
    ),
    call.initiate_connection(),
    call.increment_flow_control_window(2**24),
    ask,
    client=True,
)
raw(
    "an invalid setting before the beginning",
    mutate(4, 2**31),
    call.initiate_connection(),
    client=False,
)
raw(
    "a smaller table for what is received",
    mutate(1, 0),
    call.initiate_connection(),
    hello,
    receive(f.settings_ack()),
    asked,
    client=False,
)
server(
    "a table that shrinks",
    receive(f.settings((1, 0))),
    asked,
    call.send_headers(1, [*OK, ("x", "y")]),
    receive(f.settings((1, 4096), (1, 100))),
    receive(f.headers(3, f.GET)),
    call.send_headers(3, [*OK, ("x", "y")]),
)
server(
    "settings that are invalid here",
    *(
        call.update_settings({code: value})
        for code, value in ((2, 2), (4, -1), (4, 2**31), (5, 16_383), (5, 2**24), (6, -1), (8, 2))
    ),
)
server(
    "a setting that does not fit",
    call.update_settings({99: 2**32}),
)
server("a great code", call.update_settings({2**16: 1}))
server("nothing to update", call.update_settings({}))
server(
    "two updates before one acknowledgement",
    uploads,
    call.update_settings({4: 10}),
    call.update_settings({4: 20}),
    receive(f.settings_ack()),
    get("local_settings.initial_window_size"),
    receive(f.settings_ack()),
    get("local_settings.initial_window_size"),
)
server(
    "updates of different settings",
    call.update_settings({4: 10}),
    call.update_settings({5: 20_000}),
    receive(f.settings_ack()),
    get("local_settings.initial_window_size"),
    receive(f.settings_ack()),
)
server(
    "an update before the first acknowledgement",
    call.update_settings({3: 7}),
    receive(f.settings_ack()),
)
raw(
    "updates before the acknowledgement of the first",
    call.initiate_connection(),
    call.update_settings({4: 5, 3: 1}),
    hello,
    receive(f.settings_ack()),
    receive(f.settings_ack()),
    uploads,
    call.remote_flow_control_window(1),
    client=False,
)
server(
    "frames may be larger",
    call.update_settings({5: 30_000}),
    uploads,
    receive(f.settings_ack()),
    receive(f.data(1, bytes(20_000))),
)
server(
    "the peer takes larger frames",
    receive(f.settings((5, 40_000))),
    asked,
    call.send_headers(1, OK),
    call.send_data(1, bytes(40_000)),
    call.send_data(1, bytes(40_001)),
)
server(
    "windows that shrink below zero",
    asked,
    call.send_headers(1, OK),
    call.send_data(1, bytes(1000)),
    receive(f.settings((4, 100))),
    call.local_flow_control_window(1),
    call.send_data(1, b""),
    call.send_data(1, b"x"),
    receive(f.window_update(1, 950)),
    call.send_data(1, bytes(50)),
    call.send_data(1, b"x"),
    receive(f.settings((4, 200))),
    call.send_data(1, bytes(100), end_stream=True),
)
server(
    "a window of none",
    receive(f.settings((4, 0))),
    asked,
    call.send_headers(1, OK),
    call.send_data(1, b"", end_stream=True),
)
server(
    "the window of what is received shrinks",
    uploads,
    receive(f.data(1, bytes(500))),
    call.update_settings({4: 100}),
    receive(f.settings_ack()),
    call.remote_flow_control_window(1),
)
server(
    "the window of what is received grows",
    uploads,
    call.update_settings({4: 100_000}),
    call.increment_flow_control_window(100_000),
    call.remote_flow_control_window(1),
    receive(f.settings_ack()),
    call.remote_flow_control_window(1),
)
client(
    "no push",
    call.update_settings({2: 0}),
    receive(f.settings_ack()),
    ask,
    receive(f.push_promise(1, 2, f.GET)),
)
client(
    "streams may be more",
    receive(f.settings((3, 1))),
    upload,
    call.send_headers(3, GET),
    receive(f.settings((3, 2))),
    call.send_headers(3, GET),
)
client("no streams at all", receive(f.settings((3, 0))), ask)
server(
    "the client's number of streams and pushes",
    receive(f.settings((3, 0))),
    asked,
    call.push_stream(1, 2, GET),
    call.send_headers(2, OK),
)
raw(
    "a header list that is too long",
    *ASKING,
    call.update_settings({6: 100}),
    receive(f.settings_ack()),
    ask,
    receive(f.headers(1, [*f.OK, (b"x", b"y" * 200)])),
    client=True,
)
server(
    "the peer's limit of header lists",
    receive(f.settings((6, 50))),
    asked,
    call.send_headers(1, [*OK, ("x", "y" * 100)]),
)
server(
    "codes are members",
    asked,
    do(lambda world: sorted(type(code).__name__ for code in world.connection.local_settings)),
    receive(f.settings((3, 9), (200, 3))),
    do(lambda world: [type(code).__name__ for code in world.connection.remote_settings]),
)
server(
    "settings changed and not announced",
    mutate(4, 1000),
    uploads,
    call.update_settings({3: 10}),
    receive(f.settings_ack()),
    call.remote_flow_control_window(1),
)
server(
    "a lower limit of streams, not acknowledged",
    uploads,
    call.update_settings({3: 1}),
    receive(f.headers(3, f.GET)),
)
