"""Every public name of the Kyoukai backend is there, is of its kind, and works.

`kyoukai_names.csv` is a locked list: names are relative to the module `kyoukai.backends.http2`,
methods and attributes to their class; `app.` is what the application offers.
"""

from __future__ import annotations

import asyncio
import functools
import inspect
import urllib.parse
from typing import Any

import asphalt.core
import pytest
import werkzeug.datastructures
import werkzeug.wrappers

import plait.http2
from plait.compat import kyoukai
from plait.compat.kyoukai.backends import http2
from tests.support.certs import TLSFiles

from .kyoukai_peer import GET, App, Peer, response, run
from .names import Names, parameters_of

LIST = Names("kyoukai_names.csv", http2)
NAMES = LIST.kinds
found, of_kind, attributes = LIST.found, LIST.of_kind, LIST.attributes

SIGNATURES = {
    "get_header": "(headers, name)",
    "create_wsgi_environment": "(r)",
    "H2State": "(headers, stream_id, protocol)",
    "H2State.read_async": "(to_end=True)",
    "H2State.read": "(size=-1)",
    "H2State.insert_data": "(data)",
    "H2State.get_chunk": "()",
    "H2State.start_response": "(status, headers, exc_info=None)",
    "H2State.get_response_headers": "()",
    "H2State.__iter__": "()",
    "H2State.__next__": "()",
    "H2KyoukaiComponent": ("(app, ssl_keyfile, ssl_certfile, *, ip='127.0.0.1', port=4444)"),
    "H2KyoukaiComponent.get_server_name": "()",
    "H2KyoukaiComponent.get_protocol": "(ctx, serv_info)",
    "H2KyoukaiProtocol": "(component, parent_context)",
    "H2KyoukaiProtocol.connection_made": "(transport)",
    "H2KyoukaiProtocol.sending_loop": "(stream_id)",
    "H2KyoukaiProtocol.stream_complete": "(event)",
    "H2KyoukaiProtocol.close": "(error_code=0)",
    "H2KyoukaiProtocol.eof_received": "()",
    "H2KyoukaiProtocol.pause_writing": "()",
    "H2KyoukaiProtocol.resume_writing": "()",
    "H2KyoukaiProtocol.connection_lost": "(exc)",
    "H2KyoukaiProtocol.data_received": "(data)",
    "H2KyoukaiProtocol.request_received": "(event)",
    "H2KyoukaiProtocol.receive_data": "(event)",
    "H2KyoukaiProtocol.window_opened": "(event)",
    "H2KyoukaiProtocol.raw_write": "(data)",
}

REEXPORTS = {
    "urlsplit": urllib.parse.urlsplit,
    "partial": functools.partial,
    "Context": asphalt.core.Context,
    "MultiDict": werkzeug.datastructures.MultiDict,
    "Response": werkzeug.wrappers.Response,
    "H2Connection": plait.http2.Connection,
    "ErrorCodes": plait.http2.ErrorCode,
    "DataReceived": plait.http2.DataReceived,
    "RequestReceived": plait.http2.RequestReceived,
    "StreamReset": plait.http2.StreamReset,
    "WindowUpdated": plait.http2.WindowUpdated,
    "ProtocolError": plait.http2.Http2Error,
}

# Names that are re-exported and are more than what the original imported.
OWN = {"KyoukaiBaseComponent", "Request", "StreamEnded"}


def test_the_list_is_complete() -> None:
    assert len(LIST.rows) == len(NAMES) == 75
    assert {row["api"] for row in LIST.rows} == {"kyoukai"}
    callables = {*of_kind("class"), *of_kind("function"), *of_kind("method")}
    assert callables == {*SIGNATURES, "H2KyoukaiComponent.start"}
    assert set(of_kind("re-export")) == {*REEXPORTS, *OWN}
    assert of_kind("constant") == ["REQUEST_FINISHED"]


def test_all_of_it_comes_with_a_star_from_both_modules() -> None:
    top = {n.partition(".")[0] for n, kind in NAMES.items() if kind != "app-interface"}
    assert set(http2.__all__) == top
    assert set(kyoukai.__all__) - top == {"ConnectionLostEvent", "ConnectionMadeEvent"}
    for name in top:
        assert getattr(kyoukai, name) is getattr(http2, name)


@pytest.mark.parametrize("name", SIGNATURES)
def test_signatures(name: str) -> None:
    parameters = LIST.parameters(name)
    wanted = parameters_of(SIGNATURES[name])
    shown = [(p.name, p.default, p.kind) for p in parameters]
    assert shown == [(p.name, p.default, p.kind) for p in wanted.values()]


def test_what_is_awaited_is_a_coroutine_function() -> None:
    for name in (
        "H2State.read_async",
        "H2KyoukaiComponent.start",
        "H2KyoukaiProtocol.sending_loop",
    ):
        assert inspect.iscoroutinefunction(found(name))
    assert list(inspect.signature(found("H2KyoukaiComponent.start")).parameters) == ["self", "ctx"]


@pytest.mark.parametrize("name", REEXPORTS)
def test_names_that_are_only_imported(name: str) -> None:
    assert found(name) is REEXPORTS[name]


def test_names_that_are_more_than_imported() -> None:
    assert issubclass(http2.Request, werkzeug.wrappers.Request)
    assert issubclass(http2.KyoukaiBaseComponent, asphalt.core.Component)
    assert issubclass(http2.H2KyoukaiComponent, http2.KyoukaiBaseComponent)
    assert http2.StreamEnded(5).stream_id == 5
    assert issubclass(http2.H2KyoukaiProtocol, asyncio.Protocol)
    assert http2.ErrorCodes(1).name == "PROTOCOL_ERROR"


def test_attributes_of_a_state() -> None:
    assert attributes("H2State") == {"headers", "stream_id", "body"}

    async def check() -> None:
        peer = Peer(App(waiting))
        stream_id = peer.request()
        state = peer.protocol.streams[stream_id]
        assert state.headers == GET
        assert state.stream_id == stream_id
        assert isinstance(state.body, asyncio.Queue)
        assert state.body.get_nowait() is http2.REQUEST_FINISHED
        peer.lose()

    run(check())


async def waiting(request: Any) -> Any:
    await asyncio.Event().wait()


def test_attributes_of_a_component(tls_files: TLSFiles) -> None:
    app = App()
    made = http2.H2KyoukaiComponent(app, str(tls_files.key), str(tls_files.cert), ip="::1", port=7)
    shown = {name: getattr(made, name) for name in attributes("H2KyoukaiComponent")}
    assert shown.pop("logger").name == "Kyoukai"
    signals = shown.pop("connection_made"), shown.pop("connection_lost")
    assert all(isinstance(signal, asphalt.core.Signal) for signal in signals)
    assert shown == {
        "app": app,
        "ip": "::1",
        "port": 7,
        "cfg": {"ssl": True, "http2": True},
        "server": None,
        "base_context": None,
        "backend": "kyoukai.backends.httptools_",
        "ssl_keyfile": str(tls_files.key),
        "ssl_certfile": str(tls_files.cert),
    }
    assert isinstance(http2.H2KyoukaiComponent.connection_made, asphalt.core.Signal)
    assert made.get_server_name() == "kyoukai.example"


def test_attributes_of_a_protocol() -> None:
    async def check() -> None:
        context = object()
        peer = Peer(context=context)
        protocol = peer.protocol
        shown = {name: getattr(protocol, name) for name in attributes("H2KyoukaiProtocol")}
        assert isinstance(shown.pop("conn"), http2.H2Connection)
        assert shown.pop("logger").name == "Kyoukai.HTTP2"
        assert shown == {
            "component": peer.component,
            "parent_context": context,
            "transport": peer.wire,
            "streams": {},
            "stream_data": {},
            "stream_tasks": {},
            "ip": "192.0.2.7",
            "client_port": 55_555,
        }
        peer.lose()

    run(check())


def test_what_the_application_offers_is_used() -> None:
    assert {name.partition(".")[2] for name in of_kind("app-interface")} == {
        "loop",
        "server_name",
        "finalize",
        "request_class",
        "process_request",
    }

    async def check() -> None:
        seen: list[Any] = []

        class Watched(App):
            async def answer(self, request: Any) -> Any:
                seen.append(request)
                return response(b"x")

        app = Watched()
        app.loop = asyncio.get_running_loop()
        peer = Peer(app, context="parent")
        assert peer.protocol.loop is app.loop
        assert await peer.ended(peer.request()) == (200, b"x")
        assert type(seen[0]).__name__ == "PlainRequest"
        assert app.contexts == ["parent"]
        peer.lose()

    run(check())
