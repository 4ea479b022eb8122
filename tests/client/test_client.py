"""The client against servers that do exactly what a test says."""

from __future__ import annotations

import asyncio
import io
import logging
import socket
import struct
import threading
from pathlib import Path
from typing import Any

import pytest

from plait.client import BaseResponseHandler, HTTP2Client
from plait.compat import nghttp2
from plait.http2 import (
    DATA_DEFERRED,
    DATA_EOF,
    DATA_OK,
    ConnectionClosedError,
    InvalidFieldError,
    UsageError,
)
from plait.server import BaseRequestHandler, HTTP2Server
from tests.http2.frames import (
    DATA,
    GET,
    GOAWAY,
    HEADERS,
    OK,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    data,
    error_code,
    goaway,
    headers,
    push_promise,
    rst_stream,
    settings,
    window_update,
)
from tests.support.certs import TLSFiles

from .peers import PATIENCE, RawServer, Recorder, body, goodbyes, head, raw_server


async def fetched(client: HTTP2Client, *arguments: Any, **named: Any) -> Recorder:
    handler = Recorder()
    client.send_request(*arguments, handler=handler, **named)
    await handler.wait()
    return handler


def against(script: Any, talk: Any, **options: Any) -> Any:
    """Runs `talk(client)` against a server that follows `script`."""

    async def run() -> Any:
        async with raw_server(script) as address:
            client = HTTP2Client(address, **options)
            try:
                return await asyncio.wait_for(talk(client), PATIENCE)
            finally:
                client.close()

    return asyncio.run(run())


async def answer_hello(server: RawServer) -> None:
    await server.greet()
    await server.request()
    server.send(headers(1, [*OK, (b"x-a", b"b")], end_stream=False))
    server.send(data(1, b"hel", pad=3), data(1, b"lo"), data(1, b"", end_stream=True))
    await server.until_closed()


# --- requests -----------------------------------------------------------------------------------


def test_a_request_and_its_response() -> None:
    async def talk(client: HTTP2Client) -> None:
        handler = await fetched(client)
        assert handler.log == [
            ("headers", b"200"),
            ("data", b"hel"),
            ("data", b"lo"),
            ("done",),
            ("close", 0),
        ]
        assert handler.headers == [(b":status", b"200"), (b"x-a", b"b")]
        assert handler.stream_id == 1
        assert handler.http2 is client.session
        assert handler.server_address == handler.remote_address == client.address
        assert (handler.method, handler.scheme, handler.host, handler.path) == (None,) * 4
        assert handler.cookies == []
        assert handler.pushed is False
        assert client.scheme == "http"
        assert client.loop is client.io_loop is asyncio.get_running_loop()
        assert client.transport is client.session.transport is not None

    against(answer_hello, talk)


def test_the_client_may_be_made_outside_of_a_loop() -> None:
    loop = asyncio.new_event_loop()

    async def start() -> Any:
        serving = raw_server(answer_hello)
        return serving, await serving.__aenter__()

    serving, address = loop.run_until_complete(start())
    client = HTTP2Client(address, loop=loop)
    assert client.transport is not None
    handler = Recorder()
    client.send_request(url="/", handler=handler)
    client.close()
    loop.run_until_complete(handler.wait())
    assert handler.body == b"hello"
    loop.run_until_complete(client.wait_closed())
    loop.run_until_complete(serving.__aexit__(None, None, None))
    loop.close()


def test_a_connection_that_cannot_be_made_is_told() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        address = unused.getsockname()

        loop = asyncio.new_event_loop()
        with pytest.raises(ConnectionRefusedError):
            HTTP2Client(address, loop)
        loop.close()

        async def background() -> None:
            client = HTTP2Client(address)
            handler = Recorder()
            client.send_request(handler=handler)
            assert await handler.wait() == [("close", 7)]
            with pytest.raises(ConnectionRefusedError):
                await client.connected()
            with pytest.raises(ConnectionClosedError):
                client.send_request()
            await client.wait_closed()

        asyncio.run(background())


async def sent_by(**request: Any) -> Any:
    """The header section of one request."""
    seen: list[Any] = []

    async def script(server: RawServer) -> None:
        await server.greet()
        seen.extend(await server.request())
        server.send(headers(1, OK))
        await server.until_closed()

    async with raw_server(script) as address:
        async with HTTP2Client(address) as client:
            await fetched(client, **request)
        authority = b"%s:%d" % (address[0].encode(), address[1])
    return [(name, b"HERE" if value == authority else value) for name, value in head(seen)], body(
        seen
    )


@pytest.mark.parametrize(
    ("request_", "scheme", "authority", "path"),
    [
        ({}, b"http", b"HERE", b"/"),
        ({"url": "/a/b;c?d=e#f"}, b"http", b"HERE", b"/a/b;c?d=e"),
        ({"url": ""}, b"http", b"HERE", b"/"),
        ({"url": b"/octets"}, b"http", b"HERE", b"/octets"),
        ({"url": "https://ex.com:444/x?y"}, b"https", b"ex.com:444", b"/x?y"),
        ({"url": "http://user:word@ex.com"}, b"http", b"ex.com", b"/"),
        ({"url": "/blank é%20"}, b"http", b"HERE", b"/blank%20%C3%A9%20"),
        ({"method": "OPTIONS", "url": "*"}, b"http", b"HERE", b"*"),
        ({"method": "OPTIONS", "url": "https://a.example"}, b"https", b"a.example", b"*"),
        ({"method": "OPTIONS", "url": "https://a.example/"}, b"https", b"a.example", b"/"),
    ],
)
def test_what_a_url_becomes(
    request_: dict[str, Any], scheme: bytes, authority: bytes, path: bytes
) -> None:
    fields, _ = asyncio.run(sent_by(**request_))
    method = request_.get("method", "GET").encode()
    assert fields == [
        (b":method", method),
        (b":scheme", scheme),
        (b":authority", authority),
        (b":path", path),
    ]


def test_headers_and_method_are_sent() -> None:
    given = [("X-Text", "ü"), (b"X-Octets", b"1"), ["x-octets", "2"]]
    fields, sent = asyncio.run(sent_by(method=b"PUT", headers=given, body="text: ü"))
    assert fields[0] == (b":method", b"PUT")
    assert fields[4:] == [
        (b"x-text", "ü".encode()),
        (b"x-octets", b"1"),
        (b"x-octets", b"2"),
    ]
    assert sent == "text: ü".encode()


def test_connect_names_its_target() -> None:
    async def script(server: RawServer) -> None:
        await server.greet()
        request = await server.until(lambda frame: frame.type == HEADERS)
        assert head(request) == [(b":method", b"CONNECT"), (b":authority", b"ex.com:443")]
        server.send(headers(1, OK, end_stream=False), data(1, b"tunnel", end_stream=True))
        await server.until_closed()

    async def talk(client: HTTP2Client) -> None:
        deferred: Any = lambda n: (None, DATA_DEFERRED)  # noqa: E731

        class Tunnel(Recorder):
            def on_response_done(self) -> None:
                client.session.reset_stream(self.stream_id)

        handler = Tunnel()
        client.send_request("CONNECT", "ex.com:443", body=deferred, handler=handler)
        assert (await handler.wait())[-1] == ("close", 8)
        assert handler.body == b"tunnel"

    against(script, talk)


def generator(*answers: Any) -> Any:
    left = list(answers)
    return lambda n: left.pop(0)


LONG = bytes(range(256)) * 100


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        (None, b""),
        (b"", b""),
        (b"octets", b"octets"),
        (bytearray(b"octets"), b"octets"),
        (LONG, LONG),
        (io.BytesIO(LONG), LONG),
        (generator((b"a", DATA_OK), (b"", DATA_OK), (b"b", DATA_OK), (None, DATA_EOF)), b"ab"),
    ],
)
def test_kinds_of_request_bodies(given: Any, sent: bytes) -> None:
    assert asyncio.run(sent_by(method="POST", body=given))[1] == sent


def test_a_deferred_body_goes_on_after_resume() -> None:
    async def script(server: RawServer) -> None:
        await server.greet()
        frames = await server.request()
        assert body(frames) == b"late"
        server.send(headers(1, OK))
        await server.until_closed()

    async def talk(client: HTTP2Client) -> None:
        handler = Recorder()
        client.send_request(
            "POST", body=generator((b"lost", DATA_DEFERRED), (b"late", DATA_EOF)), handler=handler
        )
        await asyncio.sleep(0.05)
        assert handler.log == []
        handler.resume()
        assert (await handler.wait())[-1] == ("close", 0)
        handler.resume()

    against(script, talk)


def test_a_body_that_fails_resets_its_stream(capsys: pytest.CaptureFixture[str]) -> None:
    async def script(server: RawServer) -> None:
        frames = await server.until(lambda frame: frame.type == RST_STREAM)
        assert error_code(frames[-1]) == 2
        # a late greeting is not answered any more, and does no harm
        server.send(settings())
        await server.until_closed()

    async def talk(client: HTTP2Client) -> None:
        handler = await fetched(client, "POST", body=lambda n: 1 // 0)
        assert handler.log == [("close", 2)]

    against(script, talk)
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_wrong_requests_are_the_callers_fault() -> None:
    async def talk(client: HTTP2Client) -> None:
        await client.connected()
        for url in ("no-slash", "mailto:x", "x:y/z"):
            with pytest.raises(ValueError, match="absolute or begin with a slash"):
                client.send_request(url=url)
        with pytest.raises(InvalidFieldError):
            client.send_request(headers=[("connection", "close")])
        with pytest.raises(InvalidFieldError):
            client.send_request(headers=[("x", "a\r\nb")])
        with pytest.raises(UsageError):
            client.send_request(headers=[(":path", "/again")])
        with pytest.raises(TypeError):
            client.send_request(body=5)
        # none of this has hurt the connection
        assert (await fetched(client)).body == b"hello"

    against(answer_hello, talk)


def test_no_handler_is_needed() -> None:
    async def talk(client: HTTP2Client) -> None:
        client.send_request(url="/")
        client.close()
        await client.wait_closed()

    against(answer_hello, talk)


# --- waiting ------------------------------------------------------------------------------------


def test_requests_wait_for_the_servers_limit() -> None:
    async def script(server: RawServer) -> None:
        await server.greet((3, 2))
        for stream_id in (1, 3, 5, 7, 9):
            await server.until(
                lambda frame, n=stream_id: frame.type == HEADERS and frame.stream_id == n  # type: ignore[misc]
            )
            if stream_id == 3:
                # both streams are taken: nothing more may come
                await asyncio.sleep(0.05)
                assert not [f for f in server.frames if f.type == HEADERS]
            if stream_id >= 3:
                server.send(headers(stream_id - 2, OK))
        server.send(headers(9, OK))
        await server.until_closed()

    async def talk(client: HTTP2Client) -> None:
        await client.connected()
        await asyncio.sleep(0.05)  # the limit has come
        made = [Recorder() for _ in range(5)]
        for handler in made:
            client.send_request(handler=handler)
        for handler in made:
            assert (await handler.wait())[-1] == ("close", 0)
        assert [handler.stream_id for handler in made] == [1, 3, 5, 7, 9]

    against(script, talk)


def test_no_more_than_100_before_the_limit_is_known() -> None:
    async def script(server: RawServer) -> None:
        await server.until(lambda frame: frame.stream_id == 199)
        await asyncio.sleep(0.05)
        assert not [f for f in server.frames if f.type == HEADERS]
        server.send(settings((3, 200)))
        await server.until(lambda frame: frame.stream_id == 239)
        server.send(*(headers(n, OK) for n in range(1, 241, 2)))
        await server.until_closed()

    async def talk(client: HTTP2Client) -> None:
        made = [Recorder() for _ in range(120)]
        for handler in made:
            client.send_request(handler=handler)
        for handler in made:
            await handler.wait()

    against(script, talk)


def test_requests_made_in_callbacks_are_sent() -> None:
    async def script(server: RawServer) -> None:
        await server.greet()
        for stream_id in (1, 3, 5):
            await server.request(stream_id)
            server.send(headers(stream_id, OK))
        await server.until_closed()

    async def talk(client: HTTP2Client) -> None:
        last = Recorder()

        class InClose(BaseResponseHandler):
            def on_close(self, error_code: int) -> None:
                client.send_request(handler=last)

        class InHeaders(BaseResponseHandler):
            def on_headers(self) -> None:
                client.send_request(handler=InClose())

        client.send_request(handler=InHeaders())
        assert (await last.wait())[-1] == ("close", 0)

    against(script, talk)


def test_credit_follows_consumption() -> None:
    async def script(server: RawServer) -> None:
        await server.greet()
        await server.request()
        server.send(headers(1, OK, end_stream=False))
        sent, window, whole = 0, {0: 65535, 1: 65535}, 300_000
        for frame in server.frames:
            if frame.type == WINDOW_UPDATE:
                window[frame.stream_id] += struct.unpack(">I", frame.payload)[0]
        server.frames.clear()
        while sent < whole:
            size = min(16384, whole - sent, *window.values())
            if size > 0:
                server.send(data(1, bytes(size), end_stream=sent + size == whole))
                sent += size
                window = {n: left - size for n, left in window.items()}
            else:
                (update,) = (await server.until(lambda f: f.type == WINDOW_UPDATE))[-1:]
                window[update.stream_id] += struct.unpack(">I", update.payload)[0]
        await server.until_closed()

    async def talk(client: HTTP2Client) -> None:
        handler = await fetched(client)
        assert len(handler.body) == 300_000

    class Narrow(HTTP2Client):
        config = HTTP2Client.config.with_(initial_window_size=65535, connection_window_size=65535)

    async def run() -> None:
        async with raw_server(script) as address, Narrow(address) as client:
            await asyncio.wait_for(talk(client), PATIENCE)

    asyncio.run(run())


# --- what servers do besides --------------------------------------------------------------------


def test_interim_responses_and_trailers() -> None:
    async def script(server: RawServer) -> None:
        await server.greet()
        await server.request()
        server.send(
            headers(1, [(b":status", b"103"), (b"link", b"</x>")], end_stream=False),
            headers(1, [(b":status", b"102")], end_stream=False),
            headers(1, OK, end_stream=False),
            data(1, b"body"),
            headers(1, [(b"x-sum", b"4")]),
        )
        await server.until_closed()

    async def talk(client: HTTP2Client) -> None:
        handler = await fetched(client)
        assert handler.log == [
            ("informational", 103, [(b":status", b"103"), (b"link", b"</x>")]),
            ("informational", 102, [(b":status", b"102")]),
            ("headers", b"200"),
            ("data", b"body"),
            ("done",),
            ("close", 0),
        ]
        assert handler.headers == OK
        assert handler.trailers == [(b"x-sum", b"4")]

    against(script, talk)


def test_a_response_without_body() -> None:
    async def script(server: RawServer) -> None:
        await server.greet()
        await server.request()
        server.send(headers(1, [(b":status", b"404")]))
        await server.until_closed()

    async def talk(client: HTTP2Client) -> None:
        assert (await fetched(client)).log == [("headers", b"404"), ("done",), ("close", 0)]

    against(script, talk)


@pytest.mark.parametrize(
    ("frames", "log"),
    [
        ([rst_stream(1, 11)], [("close", 11)]),
        ([headers(1, OK, end_stream=False), rst_stream(1, 8)], [("headers", b"200"), ("close", 8)]),
        ([headers(1, [(b"x", b"no status")])], [("close", 1)]),
        ([headers(1, OK), rst_stream(1, 0)], [("headers", b"200"), ("done",), ("close", 0)]),
    ],
)
def test_streams_that_end_early(frames: list[Any], log: list[Any]) -> None:
    async def script(server: RawServer) -> None:
        await server.greet()
        await server.until(lambda frame: frame.type == HEADERS)
        server.send(*frames)
        await server.until_closed()

    async def talk(client: HTTP2Client) -> None:
        slow: Any = lambda n: (None, DATA_DEFERRED)  # noqa: E731
        assert (await fetched(client, "POST", body=slow)).log == log

    against(script, talk)


def test_every_handler_hears_of_a_lost_connection(capsys: pytest.CaptureFixture[str]) -> None:
    async def script(server: RawServer) -> None:
        await server.greet((3, 2))
        await server.request(1)
        await server.request(3)
        server.abort()

    class Failing(Recorder):
        def on_close(self, error_code: int) -> None:
            super().on_close(error_code)
            raise ValueError("from on_close")

    async def talk(client: HTTP2Client) -> None:
        await client.connected()
        await asyncio.sleep(0.05)
        made = [Failing(), Recorder(), Recorder()]
        for handler in made:
            client.send_request(handler=handler)
        await client.wait_closed()
        assert [handler.log for handler in made] == [[("close", 2)], [("close", 2)], [("close", 7)]]
        with pytest.raises(ConnectionClosedError):
            client.send_request()

    against(script, talk)
    assert "ValueError: from on_close" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["on_headers", "on_data", "on_response_done"])
def test_a_callback_that_raises_ends_its_stream(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    async def script(server: RawServer) -> None:
        await server.greet()
        await server.request(1)
        server.send(headers(1, OK, end_stream=False), data(1, b"x"))
        if name == "on_response_done":
            server.send(data(1, b"", end_stream=True))
        else:
            frames = await server.until(lambda frame: frame.type == RST_STREAM)
            assert error_code(frames[-1]) == 2
        await server.request(3)
        server.send(headers(3, OK, end_stream=False), data(3, b"fine", end_stream=True))
        await server.until_closed()

    async def talk(client: HTTP2Client) -> None:
        handler = Recorder()

        def fail(*_: Any) -> None:
            raise LookupError("mine")

        setattr(handler, name, fail)
        client.send_request(handler=handler)
        log = await handler.wait()
        assert log[-1] == ("close", 0 if name == "on_response_done" else 2)
        assert ("done",) not in log
        assert (await fetched(client)).body == b"fine"

    against(script, talk)
    assert "LookupError: mine" in capsys.readouterr().err


def test_goaway_lets_what_is_accepted_finish() -> None:
    async def script(server: RawServer) -> None:
        await server.greet((3, 2))
        await server.request(1)
        await server.request(3)
        server.send(goaway(1))
        server.send(headers(1, OK, end_stream=False), data(1, b"kept", end_stream=True))
        await server.until_closed()

    async def talk(client: HTTP2Client) -> None:
        await client.connected()
        await asyncio.sleep(0.05)
        made = [Recorder() for _ in range(3)]
        for handler in made:
            client.send_request(handler=handler)
        await client.wait_closed()
        assert made[0].body == b"kept"
        assert made[0].log[-1] == ("close", 0)
        assert [handler.log for handler in made[1:]] == [[("close", 7)], [("close", 7)]]

    against(script, talk)


def test_a_server_that_breaks_the_rules_is_told(caplog: pytest.LogCaptureFixture) -> None:
    async def script(server: RawServer) -> None:
        await server.greet()
        await server.request()
        server.send(window_update(0, 0))
        frames = await server.until_closed()
        assert error_code(next(f for f in frames if f.type == GOAWAY)) == 1

    async def talk(client: HTTP2Client) -> None:
        assert (await fetched(client)).log == [("close", 2)]

    against(script, talk)
    assert "connection terminated, by:client, error_code:1" in caplog.text


# --- closing ------------------------------------------------------------------------------------


def test_close_is_graceful() -> None:
    async def script(server: RawServer) -> None:
        await server.greet()
        frames = await server.until(lambda frame: frame.type == GOAWAY)
        assert error_code(frames[-1]) == 0
        assert head(frames, 3)
        for stream_id in (1, 3):
            server.send(headers(stream_id, OK, end_stream=False), data(stream_id, b"late"))
        await asyncio.sleep(0.05)
        for stream_id in (1, 3):
            server.send(data(stream_id, b"r", end_stream=True))
        assert not [f for f in await server.until_closed() if f.type == GOAWAY]

    async def talk(client: HTTP2Client) -> None:
        made = [Recorder(), Recorder()]
        for handler in made:
            client.send_request(handler=handler)
        client.close()
        client.close()
        with pytest.raises(ConnectionClosedError):
            client.send_request()
        for handler in made:
            await handler.wait()
            assert handler.body == b"later"
        await client.wait_closed()

    against(script, talk)


def test_close_before_the_connection_is_made() -> None:
    async def script(server: RawServer) -> None:
        server.send(settings())
        assert len(goodbyes(await server.until_closed())) == 1

    async def talk(client: HTTP2Client) -> None:
        client.close()
        await client.wait_closed()

    against(script, talk)


def test_an_exception_in_the_block_does_not_wait_for_responses() -> None:
    async def script(server: RawServer) -> None:
        await server.greet()
        await server.until_closed()

    async def run() -> None:
        async with raw_server(script) as address:
            handler = Recorder()
            try:
                async with HTTP2Client(address) as client:
                    client.send_request(handler=handler)
                    raise LookupError
            except LookupError:
                assert handler.log == [("close", 2)]

    asyncio.run(run())


def test_a_loop_of_another_thread_is_refused() -> None:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    while not loop.is_running():
        pass
    try:
        with pytest.raises(RuntimeError, match="another thread"):
            HTTP2Client(("127.0.0.1", 1), loop)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


# --- pushes -------------------------------------------------------------------------------------

PROMISE = [(n, b"/style.css" if n == b":path" else v) for n, v in GET]
URL = "https://example.com/"  # whose authority PROMISE has


async def pushing(server: RawServer) -> None:
    await server.greet()
    await server.request()
    server.send(push_promise(1, 2, [*PROMISE, (b"cookie", b"a=1"), (b"cookie", b"b=2")]))
    server.send(headers(1, OK, end_stream=False), data(1, b"main", end_stream=True))
    server.send(headers(2, OK, end_stream=False), data(2, b"body{}", end_stream=True))
    await server.until_closed()


def test_a_push_that_is_complete_before_it_is_rejected() -> None:
    async def talk(client: HTTP2Client) -> None:
        handler = await fetched(client, url=URL)
        assert handler.events == ["headers", "data", "done", "close"]

    against(pushing, talk)


class Accepting(Recorder):
    """Accepts every push with a `Recorder`."""

    def on_push_promise(self, push_promise: BaseResponseHandler) -> None:
        self.promise = push_promise
        self.pushed_handler = Recorder()
        self.accept_push(push_promise, self.pushed_handler)


def test_an_accepted_push() -> None:
    async def talk(client: HTTP2Client) -> None:
        handler = Accepting()
        client.send_request(url=URL, handler=handler)
        await handler.wait()
        pushed = handler.pushed_handler
        assert (await pushed.wait()) == [
            ("headers", b"200"),
            ("data", b"body{}"),
            ("done",),
            ("close", 0),
        ]
        assert pushed.pushed is True
        assert pushed.stream_id == 2
        assert (pushed.method, pushed.scheme) == (b"GET", b"https")
        assert (pushed.host, pushed.path) == (b"example.com", b"/style.css")
        assert pushed.headers == OK
        assert pushed.remote_address == handler.remote_address
        promise = handler.promise
        assert promise.stream_id == 2
        assert (promise.method, promise.path) == (b"GET", b"/style.css")
        assert promise.headers == [*PROMISE, (b"cookie", b"a=1; b=2")]
        assert promise.cookies is None

    against(pushing, talk)


class Rejecting(Recorder):
    """Rejects in one way or another."""

    def __init__(self, how: Any) -> None:
        super().__init__()
        self.how = how

    def on_push_promise(self, push_promise: BaseResponseHandler) -> None:
        self.how(self, push_promise)


def fail(*_: Any) -> None:
    raise LookupError("no pushes please")


@pytest.mark.parametrize(
    ("how", "code"),
    [
        (BaseResponseHandler.on_push_promise, 0),
        (BaseResponseHandler.reject_push, 0),
        (BaseResponseHandler.accept_push, 0),
        (lambda handler, promise: None, 0),
        (fail, 2),
    ],
)
def test_a_rejected_push(how: Any, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    async def script(server: RawServer) -> None:
        await server.greet()
        await server.request()
        server.send(push_promise(1, 2, PROMISE))
        frames = await server.until(lambda frame: frame.type == RST_STREAM)
        assert (frames[-1].stream_id, error_code(frames[-1])) == (2, code)
        # what was on its way already does no harm
        server.send(headers(2, OK, end_stream=False), data(2, b"body{}", end_stream=True))
        server.send(headers(1, OK, end_stream=False), data(1, b"main", end_stream=True))
        await server.until_closed()

    async def talk(client: HTTP2Client) -> None:
        handler = Rejecting(how)
        client.send_request(url=URL, handler=handler)
        assert (await handler.wait())[-1] == ("close", 0)
        assert handler.body == b"main"

    against(script, talk)
    assert ("LookupError" in capsys.readouterr().err) == (how is fail)


@pytest.mark.parametrize(
    "promised", [(b":authority", b"elsewhere.example"), (b"host", b"elsewhere.example")]
)
def test_a_push_for_somebody_else_is_a_stream_error(promised: tuple[bytes, bytes]) -> None:
    fields = [field for field in PROMISE if field[0] != b":authority"]

    async def script(server: RawServer) -> None:
        await server.greet()
        await server.request()
        server.send(push_promise(1, 2, [*fields[:3], promised, *fields[3:]]))
        frames = await server.until(lambda frame: frame.type == RST_STREAM)
        assert (frames[-1].stream_id, error_code(frames[-1])) == (2, 1)
        server.send(push_promise(1, 4, PROMISE), headers(4, OK))
        server.send(headers(1, OK, end_stream=False), data(1, b"main", end_stream=True))
        await server.until_closed()

    async def talk(client: HTTP2Client) -> None:
        handler = Accepting()
        client.send_request(url="https://EXAMPLE.com/", handler=handler)
        await handler.wait()
        assert handler.promise.stream_id == 4  # and never 2

    against(script, talk)


# --- other ways to a server ---------------------------------------------------------------------


def test_tls(tls_files: TLSFiles) -> None:
    async def run() -> None:
        server = tls_files.server_context("h2")
        async with raw_server(answer_hello, server) as (_, port):
            context = tls_files.client_context()
            async with HTTP2Client(("localhost", port), ssl=context) as client:
                assert client.scheme == "https"
                handler = await fetched(client)
                assert handler.body == b"hello"
                subject = ((("commonName", "localhost"),),)
                assert handler.client_certificate["subject"] == subject

    asyncio.run(run())


@pytest.mark.parametrize("alpn", [(), ("http/1.1",)])
def test_a_server_that_does_not_negotiate_h2(alpn: tuple[str, ...], tls_files: TLSFiles) -> None:
    async def script(server: RawServer) -> None:
        assert await server.until_closed() == []

    async def run() -> None:
        server = tls_files.server_context(*alpn)
        async with raw_server(script, server) as (_, port):
            client = HTTP2Client(("localhost", port), ssl=tls_files.client_context())
            handler = Recorder()
            client.send_request(handler=handler)
            with pytest.raises(ConnectionError, match="does not speak HTTP/2"):
                await client.connected()
            assert await handler.wait() == [("close", 7)]

    asyncio.run(run())


def test_unix_sockets(tmp_path: Path) -> None:
    seen: list[Any] = []

    class Handler(BaseRequestHandler):
        def on_headers(self) -> None:
            seen.append(self.host)
            self.send_response(body=b"near")

    address = f"unix:{tmp_path}/socket"

    async def run() -> None:
        async with HTTP2Server(address, Handler), HTTP2Client(address) as client:
            assert (await fetched(client)).body == b"near"

    asyncio.run(run())
    assert seen == [b"localhost"]


def test_ipv6() -> None:
    seen: list[Any] = []

    class Handler(BaseRequestHandler):
        def on_headers(self) -> None:
            seen.append(self.host)
            self.send_response(body=b"six")

    async def run() -> None:
        server = HTTP2Server(("::1", 0), Handler)
        async with server, HTTP2Client(("::1", server.port)) as client:
            assert (await fetched(client)).body == b"six"
        assert seen == [b"[::1]:%d" % server.port]

    asyncio.run(run())


def test_what_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "plait.client")

    async def talk(client: HTTP2Client) -> None:
        await fetched(client)
        host, port = client.address
        assert f"connect, address:{host}, port:{port}" in caplog.messages

    against(answer_hello, talk)
    assert "connection_lost" in caplog.messages


def test_back_pressure_reaches_the_body() -> None:
    asked = 0

    def endless(n: int) -> Any:
        nonlocal asked
        asked += n
        return (bytes(n), DATA_OK) if asked < 60_000_000 else (b"", DATA_EOF)

    async def script(server: RawServer) -> None:
        await server.greet((4, 2**31 - 1))
        server.send(window_update(0, 2**31 - 1 - 65535))
        await asyncio.sleep(0.3)
        # nothing is read: only what sockets and buffers hold was asked for
        assert 0 < asked < 20_000_000
        server.abort()

    async def talk(client: HTTP2Client) -> None:
        handler = await fetched(client, "POST", body=endless)
        assert handler.log == [("close", 2)]

    against(script, talk)


def test_settings_of_the_compatible_client() -> None:
    first: list[Any] = []

    async def script(server: RawServer) -> None:
        first.extend(await server.until(lambda frame: frame.type == SETTINGS))
        server.send(settings())
        assert not [f for f in await server.until_closed() if f.type == WINDOW_UPDATE]

    async def run() -> None:
        async with raw_server(script) as address, nghttp2.HTTP2Client(address):
            pass

    asyncio.run(run())
    assert first[0].payload.hex() == "000300000064" + "00040000ffff"
    assert DATA == 0
