"""The names of the article about an asyncio server on h2: its own, and those it uses of h2.

`h2_names.csv` is a locked list: what begins with `h2.` is in `plait.compat.h2`, the rest in the
article's server, which is `examples/asyncio_h2_echo.py`.
"""

from __future__ import annotations

import asyncio
import enum
import importlib.util
import inspect
import io
import sys
from collections import OrderedDict
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from plait.compat import h2
from plait.compat.h2 import config, connection, errors, events, exceptions, settings
from tests.http2 import frames as f

from .names import Names

PROGRAM = Path(__file__).parents[2] / "examples" / "asyncio_h2_echo.py"
MODULES = (config, connection, errors, events, exceptions, settings)


def load() -> ModuleType:
    """The article's server, written for h2, on plait's."""
    spec = importlib.util.spec_from_file_location("asyncio_h2_echo", PROGRAM)
    assert spec is not None
    assert spec.loader is not None
    program = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "h2", h2)
        for module in MODULES:
            patch.setitem(sys.modules, module.__name__.removeprefix("plait.compat."), module)
        spec.loader.exec_module(program)
    return program


program = load()
program.h2 = h2  # type: ignore[attr-defined]  # names of the list are looked up in the program
LIST = Names("h2_names.csv", program)
NAMES = LIST.kinds
found, of_kind, attributes = LIST.found, LIST.of_kind, LIST.attributes

SIGNATURES = {
    "h2.config.H2Configuration": "(client_side=True, header_encoding=None)",
    "h2.connection.H2Connection": "(config=None)",
    "h2.connection.H2Connection.initiate_connection": "()",
    "h2.connection.H2Connection.data_to_send": "(amount=None)",
    "h2.connection.H2Connection.receive_data": "(data)",
    "h2.connection.H2Connection.send_headers": "(stream_id, headers, end_stream=False)",
    "h2.connection.H2Connection.send_data": "(stream_id, data, end_stream=False, pad_length=None)",
    "h2.connection.H2Connection.reset_stream": "(stream_id, error_code=0)",
    "h2.connection.H2Connection.acknowledge_received_data": "(acknowledged_size, stream_id)",
    "h2.connection.H2Connection.local_flow_control_window": "(stream_id)",
    "h2.connection.H2Connection.end_stream": "(stream_id)",
    "h2.connection.H2Connection.close_connection": (
        "(error_code=0, additional_data=None, last_stream_id=None)"
    ),
    "RequestData": "(headers, data)",
    "H2Protocol": "()",
    "H2Protocol.connection_made": "(transport)",
    "H2Protocol.connection_lost": "(exc)",
    "H2Protocol.data_received": "(data)",
    "H2Protocol.request_received": "(headers, stream_id)",
    "H2Protocol.stream_complete": "(stream_id)",
    "H2Protocol.receive_data": "(data, flow_controlled_length, stream_id)",
    "H2Protocol.stream_reset": "(stream_id)",
    "H2Protocol.send_data": "(data, stream_id)",
    "H2Protocol.wait_for_flow_control": "(stream_id)",
    "H2Protocol.window_updated": "(stream_id, delta)",
    "main": "()",
}
COROUTINES = ("H2Protocol.send_data", "H2Protocol.wait_for_flow_control", "main")
ROLES = {"class": type, "event": type, "exception": type, "enum": enum.EnumType}


def test_the_list_is_complete() -> None:
    assert len(LIST.rows) == len(NAMES) == 55
    assert {row["api"] for row in LIST.rows} == {"asyncio-h2"}
    known = {*ROLES, "attribute", "constant", "function", "method"}
    assert set(NAMES.values()) == known


@pytest.mark.parametrize("name", [name for role in ROLES for name in of_kind(role)])
def test_classes_events_exceptions_and_enums(name: str) -> None:
    thing = found(name)
    assert isinstance(thing, ROLES[NAMES[name]])
    if NAMES[name] == "event":
        assert issubclass(thing, events.Event)
    if NAMES[name] == "exception":
        assert issubclass(thing, exceptions.ProtocolError)
    if name.startswith("h2."):
        assert thing.__module__ == f"plait.compat.{name.rpartition('.')[0]}"


def test_constants_are_members_of_their_enums() -> None:
    assert {name: found(name) for name in of_kind("constant")} == {
        "h2.errors.ErrorCodes.PROTOCOL_ERROR": 1,
        "h2.settings.SettingCodes.INITIAL_WINDOW_SIZE": 4,
    }


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name: str) -> None:
    """The same names and defaults in the same order; further arguments may follow."""
    LIST.check_signature(name, SIGNATURES[name])
    assert inspect.iscoroutinefunction(found(name)) is (name in COROUTINES)


def test_attributes_of_events() -> None:
    seen: dict[str, Any] = {}
    server = connection.H2Connection(config.H2Configuration(client_side=False))
    server.initiate_connection()
    told = server.receive_data(
        f.octets(
            [
                f.PREFACE,
                f.settings((f.INITIAL_WINDOW_SIZE, 5)),
                f.headers(1, f.POST, end_stream=False),
                f.data(1, b"abc", end_stream=True),
                f.headers(3, f.POST, end_stream=False),
                f.window_update(3, 7),
                f.rst_stream(3, f.CANCEL),
                f.goaway(0, f.NO_ERROR),
            ]
        )
    )
    for event in told:
        for name in attributes(f"h2.events.{type(event).__name__}"):
            seen[f"{type(event).__name__}.{name}"] = getattr(event, name)
    changed = seen.pop("RemoteSettingsChanged.changed_settings")
    assert [(int(code), change.new_value) for code, change in changed.items()] == [(4, 5)]
    assert seen == {
        "RequestReceived.stream_id": 3,
        "RequestReceived.headers": f.POST,
        "DataReceived.stream_id": 1,
        "DataReceived.data": b"abc",
        "DataReceived.flow_controlled_length": 3,
        "StreamEnded.stream_id": 1,
        "WindowUpdated.stream_id": 3,
        "WindowUpdated.delta": 7,
        "StreamReset.stream_id": 3,
    }
    assert {type(event).__name__ for event in told} == {
        name.rpartition(".")[2] for name in of_kind("event")
    }
    assert server.max_outbound_frame_size == 16384


def test_attributes_of_the_server() -> None:
    async def run() -> None:
        protocol = program.H2Protocol()
        written: list[bytes] = []
        transport = SimpleNamespace(write=written.append, is_closing=lambda: False)
        protocol.connection_made(transport)
        protocol.data_received(
            f.octets(
                [
                    f.PREFACE,
                    f.settings((f.INITIAL_WINDOW_SIZE, 5)),
                    f.headers(1, f.POST, end_stream=False),
                    f.data(1, b"abc"),
                    f.headers(3, f.GET, end_stream=True),
                ]
            )
        )
        for _ in range(5):  # the answer begins, and waits for credit
            await asyncio.sleep(0)
        values = {name: getattr(protocol, name) for name in attributes("H2Protocol")}
        assert isinstance(values.pop("conn"), connection.H2Connection)
        assert values.pop("transport") is transport
        assert list(values.pop("flow_control_futures")) == [3]
        request = values.pop("stream_data")[1]
        assert not values
        assert attributes("RequestData") == set(request._fields)
        assert isinstance(request.headers, OrderedDict)
        assert request.headers[":method"] == "POST"
        assert isinstance(request.data, io.BytesIO)
        assert request.data.getvalue() == b"abc"
        protocol.connection_lost(None)
        await asyncio.sleep(0)

    asyncio.run(run())


def test_every_row_is_tested_here() -> None:
    tested = {*SIGNATURES, *of_kind("constant")}
    for role in ROLES:
        tested |= set(of_kind(role))
    owners = [*of_kind("event"), "H2Protocol", "RequestData"]
    tested |= {f"{of}.{name}" for of in owners for name in attributes(of)}
    tested.add("h2.connection.H2Connection.max_outbound_frame_size")
    assert tested == set(NAMES)
