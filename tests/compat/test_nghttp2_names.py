"""Every public name of the nghttp2 module is there, is of its kind, and works.

`nghttp2_names.csv` is a locked list: names are relative to the module, methods and attributes to
their class.
"""

from __future__ import annotations

import asyncio
import inspect

import pytest

from plait.compat import nghttp2
from tests.http2.frames import OK, headers

from ..client.peers import RawServer, raw_server
from .names import Names
from .serving import RawClient, port_of, serving

LIST = Names("nghttp2_names.csv", nghttp2)
NAMES = LIST.kinds
found, of_kind, attributes = LIST.found, LIST.of_kind, LIST.attributes

SIGNATURES = {
    "HDDeflater": "(hd_table_bufsize_max=4096)",
    "HDDeflater.deflate": "(headers)",
    "HDDeflater.set_no_refset": "(no_refset)",
    "HDDeflater.change_table_size": "(hd_table_bufsize_max)",
    "HDDeflater.get_hd_table": "()",
    "HDInflater": "()",
    "HDInflater.inflate": "(data)",
    "HDInflater.change_table_size": "(hd_table_bufsize_max)",
    "HDInflater.get_hd_table": "()",
    "HDTableEntry": "(name, namelen, value, valuelen)",
    "HDTableEntry.space": "()",
    "print_hd_table": "(hdtable)",
    "HTTP2Server": "(address, RequestHandlerClass, ssl=None)",
    "HTTP2Server.serve_forever": "()",
    "BaseRequestHandler": "(http2, stream_id)",
    "BaseRequestHandler.on_headers": "()",
    "BaseRequestHandler.on_data": "(data)",
    "BaseRequestHandler.on_request_done": "()",
    "BaseRequestHandler.on_close": "(error_code)",
    "BaseRequestHandler.send_response": "(status=200, headers=None, body=None)",
    "BaseRequestHandler.push": (
        "(path, method='GET', request_headers=None, status=200, headers=None, body=None)"
    ),
    "BaseRequestHandler.resume": "()",
    "HTTP2Client": "(address, loop=None, ssl=None)",
    "HTTP2Client.send_request": "(method='GET', url='/', headers=None, body=None, handler=None)",
    "HTTP2Client.close": "()",
    "BaseResponseHandler": "(http2=None, stream_id=-1)",
    "BaseResponseHandler.on_headers": "()",
    "BaseResponseHandler.on_data": "(data)",
    "BaseResponseHandler.on_response_done": "()",
    "BaseResponseHandler.on_close": "(error_code)",
    "BaseResponseHandler.on_push_promise": "(push_promise)",
    "BaseResponseHandler.accept_push": "(push_promise, handler=None)",
    "BaseResponseHandler.reject_push": "(push_promise)",
    "BaseResponseHandler.resume": "()",
    "wrap_body": "(body)",
    "negotiated_protocol": "(ssl_object)",
    "set_application_protocol": "(ssl_context)",
    "wsgi.wsgi_app": "(app)",
    "wsgi.WSGIContainer": "(app, http2, stream_id)",
}


def test_the_list_is_complete() -> None:
    assert len(LIST.rows) == len(NAMES) == 86
    assert {row["api"] for row in LIST.rows} == {"nghttp2"}
    assert set(NAMES.values()) == {"attribute", "class", "constant", "function", "method"}


@pytest.mark.parametrize("name", of_kind("constant"))
def test_constants(name: str) -> None:
    assert type(found(name)) is int


@pytest.mark.parametrize("name", of_kind("class"))
def test_classes(name: str) -> None:
    assert inspect.isclass(found(name))


@pytest.mark.parametrize("name", [*of_kind("function"), *of_kind("method")])
def test_functions_and_methods(name: str) -> None:
    assert callable(found(name))
    assert not inspect.isclass(found(name))


@pytest.mark.parametrize(
    "name", [n for n, kind in NAMES.items() if kind in ("class", "function", "method")]
)
def test_signatures(name: str) -> None:
    """The same names and defaults in the same order; further arguments may follow."""
    LIST.check_signature(name, SIGNATURES[name])


def test_attributes_of_a_table_entry() -> None:
    deflater = nghttp2.HDDeflater()
    deflater.deflate([(b"foo", b"bar")])
    (entry,) = deflater.get_hd_table()
    values = {name: getattr(entry, name) for name in attributes("HDTableEntry")}
    assert values == {"name": b"foo", "namelen": 3, "value": b"bar", "valuelen": 3, "ref": False}


def test_attributes_of_a_server_and_its_handlers() -> None:
    seen: list[set[str]] = []
    wanted = attributes("BaseRequestHandler")

    class Handler(nghttp2.BaseRequestHandler):
        def on_request_done(self) -> None:
            seen.append({name for name in wanted if hasattr(self, name)})
            self.send_response(body=b"x")

    with serving(Handler) as server, RawClient(port_of(server)) as client:
        assert all(getattr(server, name) is not None for name in attributes("HTTP2Server"))
        client.get()
    assert seen == [set(wanted)]
    assert len(wanted) == 15


def test_attributes_of_a_client_and_its_handlers() -> None:
    async def script(server: RawServer) -> None:
        await server.greet()
        await server.request()
        server.send(headers(1, OK))
        await server.until_closed()

    wanted = attributes("BaseResponseHandler")
    assert len(wanted) == 13
    assert all(hasattr(nghttp2.BaseResponseHandler(), name) for name in wanted)

    async def run() -> None:
        async with raw_server(script) as address:
            client = nghttp2.HTTP2Client(address)
            ended = asyncio.Event()

            class Handler(nghttp2.BaseResponseHandler):
                def on_response_done(self) -> None:
                    assert self.status == b"200"
                    assert all(hasattr(self, name) for name in wanted)
                    ended.set()

            client.send_request(handler=Handler())
            await asyncio.wait_for(ended.wait(), 10)
            assert all(getattr(client, name) is not None for name in attributes("HTTP2Client"))
            client.close()
            await client.wait_closed()

    asyncio.run(run())


def test_every_row_is_tested_here() -> None:
    tested = {f"{of}.{name}" for of in ("HDTableEntry",) for name in attributes(of)}
    for of in ("HTTP2Server", "BaseRequestHandler", "HTTP2Client", "BaseResponseHandler"):
        tested |= {f"{of}.{name}" for name in attributes(of)}
    assert tested | set(SIGNATURES) | set(of_kind("constant")) == set(NAMES)
