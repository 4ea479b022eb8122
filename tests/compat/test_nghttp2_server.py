"""The server side of the nghttp2 API: what goes over the wire, and what handlers see."""

from __future__ import annotations

import asyncio
import io
import logging
import re
import socket
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from plait.compat import nghttp2
from plait.compat.nghttp2 import DATA_DEFERRED, DATA_EOF, DATA_OK, BaseRequestHandler, HTTP2Server
from tests.http2.frames import (
    ACK,
    DATA,
    GET,
    HEAD,
    HEADERS,
    POST,
    PREFACE,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    data,
    headers,
    rst_stream,
    settings,
    window_update,
)
from tests.support.certs import TLSFiles, make_client_certificate
from tests.support.clock import ClockLoop

from .serving import (
    RawClient,
    body,
    entries,
    head,
    port_of,
    recording,
    resets,
    serving,
)

# Programs written for the original catch `Exception`: that is what it raises.
nghttp2_error = Exception


def answering(**response: Any) -> type[BaseRequestHandler]:
    """A handler that answers everything alike."""

    def on_headers(self: BaseRequestHandler) -> None:
        self.send_response(**response)

    return type("Answering", (BaseRequestHandler,), {"on_headers": on_headers})


# --- HTTP2Server --------------------------------------------------------------------------------


def test_construction_binds_and_tells_the_port(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "nghttp2")
    with serving(answering()) as server:
        assert port_of(server) > 0
        assert server.loop is not None
        assert f"listen, address:127.0.0.1, port:{port_of(server)}" in caplog.messages
        with pytest.raises(OSError, match="in use"):
            HTTP2Server(("127.0.0.1", port_of(server)), BaseRequestHandler)
    assert server.loop.is_closed()


def test_no_current_loop_is_needed() -> None:
    code = (
        "import warnings; warnings.simplefilter('error')\n"
        "from plait.compat import nghttp2\n"
        "server = nghttp2.HTTP2Server(('127.0.0.1', 0), nghttp2.BaseRequestHandler)\n"
        "import asyncio\n"
        "assert asyncio.get_event_loop_policy().get_event_loop() is server.loop\n"
        "server.loop.call_later(0.05, server.loop.stop)\n"
        "server.serve_forever()\n"
        "assert server.loop.is_closed()\n"
        "print('ended')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("ended\n", "")


def test_keyboard_interrupt_propagates() -> None:
    code = (
        "import os, signal\n"
        "from plait.compat import nghttp2\n"
        "server = nghttp2.HTTP2Server(('127.0.0.1', 0), nghttp2.BaseRequestHandler)\n"
        "server.loop.call_later(0.05, os.kill, os.getpid(), signal.SIGINT)\n"
        "try:\n"
        "    server.serve_forever()\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted', server.loop.is_closed())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("interrupted True\n", "")


def test_it_also_starts_inside_a_running_loop() -> None:
    async def talk() -> bytes:
        async with HTTP2Server(("127.0.0.1", 0), answering(body=b"within")) as server:
            assert server.loop is asyncio.get_running_loop()
            frames = await asyncio.to_thread(get, port_of(server))
            return body(frames)

    def get(port: int) -> Any:
        with RawClient(port) as client:
            return client.get()

    assert asyncio.run(talk()) == b"within"


def test_all_interfaces() -> None:
    with serving(answering(body=b"x"), (None, 0)) as server, RawClient(port_of(server)) as client:
        assert body(client.get()) == b"x"


def test_the_first_settings_are_exactly_the_originals() -> None:
    with serving(answering()) as server, RawClient(port_of(server), greet=False) as client:
        client.send(PREFACE, settings())
        (first,) = client.until(lambda frame: frame.type == SETTINGS)
        assert first.payload.hex() == "000300000064" + "00040000ffff"
        client.until(lambda frame: frame.type == SETTINGS and bool(frame.flags & ACK))
        frames = client.get()
        assert not [frame for frame in frames if frame.type == WINDOW_UPDATE]


def test_settings_must_be_acknowledged_in_time() -> None:
    made: list[HTTP2Server] = []
    loop = ClockLoop()
    ready = threading.Event()

    def run() -> None:
        asyncio.set_event_loop(loop)
        made.append(HTTP2Server(("127.0.0.1", 0), BaseRequestHandler))
        ready.set()
        made[0].serve_forever()

    thread = threading.Thread(target=run)
    thread.start()
    ready.wait(10)
    assert made[0].loop is loop
    assert made[0].time_limits.settings == 5.0
    with RawClient(port_of(made[0]), greet=False) as client:
        client.send(PREFACE, settings())
        client.until(lambda frame: frame.type == SETTINGS and bool(frame.flags & ACK))
        loop.advance(6.0)
        frames = client.until_closed()
        assert resets(frames) == [(0, 4)]
    made[0].stop()
    thread.join(10)


def test_tls_negotiates_h2(tls_files: TLSFiles, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "nghttp2")
    context = tls_files.server_context()
    with serving(answering(body=b"safe"), ssl=context) as server:
        tls = tls_files.client_context("h2", "http/1.1")
        with RawClient(port_of(server), tls=tls) as client:
            assert client.socket.selected_alpn_protocol() == "h2"  # type: ignore[attr-defined]
            assert body(client.get()) == b"safe"
    assert "alpn, protocol:h2" in caplog.messages
    assert any(m.startswith("connection_made, address:127.0.0.1, port:") for m in caplog.messages)
    assert "connection_lost" in caplog.messages


def test_tls_without_alpn_is_closed(tls_files: TLSFiles) -> None:
    with serving(recording(), ssl=tls_files.server_context()) as server:
        tls = tls_files.client_context()
        with RawClient(port_of(server), tls=tls, greet=False) as client:
            assert client.until_closed() == []


def test_client_certificates_are_shown(tls_files: TLSFiles, tmp_path: Path) -> None:
    seen: list[Any] = []

    class Handler(BaseRequestHandler):
        def on_headers(self) -> None:
            seen.append(self.client_certificate)
            self.send_response()

    visitor = make_client_certificate(tmp_path)
    context = tls_files.server_context()
    context.load_verify_locations(visitor.cert)
    context.verify_mode = ssl.CERT_OPTIONAL
    with serving(Handler, ssl=context) as server:
        tls = tls_files.client_context("h2")
        with RawClient(port_of(server), tls=tls) as client:
            client.get()
        tls = tls_files.client_context("h2")
        tls.load_cert_chain(visitor.cert, visitor.key)
        with RawClient(port_of(server), tls=tls) as client:
            client.get()
    assert seen[0] is None
    assert seen[1]["subject"] == ((("commonName", "somebody"),),)


def test_http1_is_told_what_is_spoken_here() -> None:
    with serving(recording()) as server:
        with socket.create_connection(("127.0.0.1", port_of(server)), timeout=10) as client:
            client.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            answer = b""
            while received := client.recv(4096):
                answer += received
        assert answer.startswith(b"HTTP/1.1 505 ")


def test_streams_beyond_the_limit_are_refused_before_the_acknowledgement() -> None:
    handler = recording()
    with serving(handler) as server, RawClient(port_of(server), greet=False) as client:
        client.send(
            PREFACE, settings(), *(headers(1 + 2 * n, POST, end_stream=False) for n in range(101))
        )
        frames = client.until(lambda frame: frame.type == RST_STREAM)
        assert resets(frames) == [(201, 7)]
        assert len(entries(handler, until="headers", count=100)) == 100
        assert handler.log.empty()


# --- what a handler knows -----------------------------------------------------------------------


def seen_by(fields: list[tuple[bytes, bytes]], *more: Any) -> BaseRequestHandler:
    """The handler of one request."""
    made: list[BaseRequestHandler] = []
    done = threading.Event()

    class Handler(BaseRequestHandler):
        def on_request_done(self) -> None:
            made.append(self)
            done.set()

    with serving(Handler) as server, RawClient(port_of(server)) as client:
        client.send(headers(1, fields, end_stream=not more), *more)
        assert done.wait(10)
        (port,) = [made[0].client_address[1]]
        assert port == client.socket.getsockname()[1]
    return made[0]


def test_attributes_of_a_request() -> None:
    fields = [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":path", b"/a%20b?q=1"),
        (b":authority", b"ex.com"),
        (b"x-a", b"1"),
    ]
    handler = seen_by(fields)
    assert (handler.method, handler.scheme, handler.host) == (b"GET", b"http", b"ex.com")
    assert handler.path == b"/a%20b?q=1"
    assert handler.headers == fields
    assert handler.cookies == []
    assert handler.stream_id == 1
    assert handler.status is None
    assert handler.pushed is False
    assert handler.client_address is handler.remote_address
    assert handler.client_address[0] == "127.0.0.1"
    assert handler.client_certificate is None
    assert handler.response_headers is None
    assert handler.response_body is None


def test_cookies_are_joined_and_the_last_host_wins() -> None:
    fields = [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":path", b"/"),
        (b":authority", b"ex.com"),
        (b"cookie", b"a=1"),
        (b"x-a", b"1"),
        (b"cookie", b"b=2"),
        (b"cookie", b"c=3; d=4"),
        (b"host", b"other.com"),
    ]
    handler = seen_by(fields)
    assert handler.host == b"other.com"
    assert handler.cookies is None
    assert handler.headers[-1] == (b"cookie", b"a=1; b=2; c=3; d=4")
    assert [name for name, _ in handler.headers].count(b"cookie") == 1


def test_connect_has_neither_path_nor_scheme() -> None:
    handler = seen_by(
        [(b":method", b"CONNECT"), (b":authority", b"ex.com:443")], data(1, b"", end_stream=True)
    )
    assert (handler.path, handler.scheme, handler.host) == (None, None, b"ex.com:443")


def test_trailers_join_the_headers_and_end_the_request() -> None:
    handler = recording()
    with serving(handler) as server, RawClient(port_of(server)) as client:
        client.send(
            headers(1, POST, end_stream=False), data(1, b"abc"), headers(1, [(b"x-sum", b"6")])
        )
        assert entries(handler, until="done") == [("headers", 1), ("data", 1, b"abc"), ("done", 1)]
    seen = seen_by(POST, data(1, b"abc"), headers(1, [(b"x-sum", b"6")]))
    assert seen.headers[-1] == (b"x-sum", b"6")


def test_handlers_are_told_what_the_client_said_of_the_scheme() -> None:
    fields = [(b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/"), (b":authority", b"a")]
    assert seen_by(fields).scheme == b"https"


def test_trailers_are_there_apart_too() -> None:
    seen = seen_by(POST, data(1, b"abc"), headers(1, [(b"x-sum", b"6")]))
    assert seen.trailers == [(b"x-sum", b"6")]


def test_a_request_that_is_taken_back_at_once_has_its_callbacks() -> None:
    handler = recording()
    with serving(handler) as server, RawClient(port_of(server)) as client:
        client.send(headers(1, POST, end_stream=False), rst_stream(1, 8))
        told = entries(handler, until="close")
        assert told == [("headers", 1), ("close", 1, 8)]


# --- callbacks ----------------------------------------------------------------------------------


def reply_when_done(self: BaseRequestHandler) -> None:
    self.log.put(("done", self.stream_id))  # type: ignore[attr-defined]
    self.send_response(body=b"ok")


def test_order_of_callbacks() -> None:
    handler = recording(on_request_done=reply_when_done)
    with serving(handler) as server, RawClient(port_of(server)) as client:
        client.send(
            headers(1, POST, end_stream=False),
            data(1, b"one", pad=5),
            data(1, b"", end_stream=True),
        )
        client.until_end(1)
        assert entries(handler) == [
            ("headers", 1),
            ("data", 1, b"one"),
            ("done", 1),
            ("close", 1, 0),
        ]


@pytest.mark.parametrize(
    ("frames", "expected"),
    [
        ([headers(1, GET[1:])], [("close", 1, 1)]),
        ([headers(1, [*GET, (b"Upper", b"x")])], [("close", 1, 1)]),
        ([headers(1, [*GET, (b"connection", b"close")])], [("close", 1, 1)]),
        ([headers(1, [*GET, (b"x", b"a\0b")])], [("close", 1, 1)]),
        (
            [
                headers(1, [*POST, (b"content-length", b"5")], end_stream=False),
                data(1, b"abc", end_stream=True),
            ],
            [("headers", 1), ("data", 1, b"abc"), ("close", 1, 1)],
        ),
        (
            [headers(1, POST, end_stream=False), rst_stream(1, 8)],
            [("headers", 1), ("close", 1, 8)],
        ),
    ],
)
def test_requests_that_end_badly(frames: list[Any], expected: list[Any]) -> None:
    handler = recording()
    with serving(handler) as server, RawClient(port_of(server)) as client:
        client.send(*frames)
        found = entries(handler)
        # a DATA frame that the content-length belies may be withheld
        assert found in (expected, [e for e in expected if e[0] != "data"])
        if expected[-1][2] == 1:
            assert resets(client.until(lambda f: f.type == RST_STREAM)) == [(1, 1)]


def test_a_lost_connection_closes_every_stream_whatever_handlers_raise(
    capsys: pytest.CaptureFixture[str],
) -> None:
    def on_close(self: Any, error_code: int) -> None:
        self.log.put(("close", self.stream_id, error_code))
        raise ValueError(f"stream {self.stream_id}")

    handler = recording(on_close=on_close)
    with serving(handler) as server:
        with RawClient(port_of(server)) as client:
            client.send(*(headers(n, POST, end_stream=False) for n in (1, 3, 5)))
            entries(handler, until="headers", count=3)
        assert entries(handler, count=3) == [("close", n, 2) for n in (1, 3, 5)]
    said = capsys.readouterr().err
    assert [f"ValueError: stream {n}" in said for n in (1, 3, 5)] == [True] * 3


@pytest.mark.parametrize("name", ["on_headers", "on_data", "on_request_done"])
def test_an_exception_ends_only_its_stream(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(self: Any, *arguments: Any) -> None:
        if self.stream_id == 1:
            # answered already, but not written yet: it must not get out
            self.send_response(body=b"never seen")
            raise RuntimeError("my fault")
        self.send_response(body=b"fine")

    handler = recording(**{name: fail})
    with serving(handler) as server, RawClient(port_of(server)) as client:
        client.send(headers(1, POST, end_stream=False), data(1, b"x", end_stream=True))
        frames = client.until_end(1)
        assert resets(frames) == [(1, 2)]
        assert not [frame for frame in frames if frame.type in (HEADERS, DATA)]
        found = entries(handler)
        assert found[-1] == ("close", 1, 2)
        assert ("done", 1) not in found
        client.send(headers(3, POST, end_stream=False), data(3, b"x", end_stream=True))
        assert body(client.until_end(3), 3) == b"fine"
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert "RuntimeError: my fault" in said


def test_nothing_can_be_sent_from_on_close() -> None:
    problems: list[BaseException] = []

    def on_close(self: Any, error_code: int) -> None:
        try:
            self.send_response(body=b"late")
            self.resume()
            self.push("/late")
        except nghttp2_error as problem:
            problems.append(problem)
        self.log.put(("close", self.stream_id, error_code))

    handler = recording(on_close=on_close)
    with serving(handler) as server, RawClient(port_of(server)) as client:
        client.send(headers(1, POST, end_stream=False), rst_stream(1, 5))
        assert entries(handler)[-1] == ("close", 1, 5)
        assert [str(p) for p in problems] == [
            "nghttp2_submit_push_promise failed: Stream was already closed or invalid"
        ]


def test_async_callbacks_are_run() -> None:
    class Handler(BaseRequestHandler):
        async def on_request_done(self) -> None:
            await asyncio.sleep(0)
            self.send_response(body=b"awaited")

    with serving(Handler) as server, RawClient(port_of(server)) as client:
        assert body(client.get()) == b"awaited"


# --- send_response ------------------------------------------------------------------------------


def answer(**response: Any) -> tuple[dict[bytes, bytes], bytes, list[Any]]:
    with serving(answering(**response)) as server, RawClient(port_of(server)) as client:
        frames = client.get()
        return head(frames), body(frames), frames


class Unbuffered(io.RawIOBase):
    """A file without `read1`."""

    def __init__(self, data: bytes) -> None:
        self._file = io.BytesIO(data)

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)


LONG = bytes(range(256)) * 150


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ("tëxt", "tëxt".encode()),
        (b"bytes", b"bytes"),
        (bytearray(b"bytearray"), b"bytearray"),
        (memoryview(b"memoryview"), b"memoryview"),
        (b"", b""),
        (LONG, LONG),
        (io.BytesIO(LONG), LONG),
        (io.BufferedReader(io.BytesIO(b"buffered")), b"buffered"),
        (Unbuffered(LONG), LONG),
    ],
)
def test_kinds_of_bodies(given: Any, sent: bytes) -> None:
    fields, received, frames = answer(body=given)
    assert fields == {b":status": b"200"}
    assert received == sent
    assert frames[-1].end_stream


def test_files_are_not_closed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(LONG)
    for buffering in (-1, 0):
        with open(path, "rb", buffering=buffering) as file:
            assert answer(body=file)[1] == LONG
            assert not file.closed


def test_no_body_ends_with_the_headers() -> None:
    _, _, frames = answer(status=404)
    assert [(f.type, f.end_stream) for f in frames] == [(HEADERS, True)]


def test_the_head_on_the_wire() -> None:
    given = [("X-Name", "grüße"), (b"Same", b"1"), ["same", b"2"]]
    handler = answering(status="201", headers=given, body=b"x")
    with serving(handler) as server, RawClient(port_of(server)) as client:
        frames = client.get()
    (found,) = [f for f in frames if f.type == HEADERS]
    assert found.fields == (
        (b":status", b"201"),
        (b"x-name", "grüße".encode()),
        (b"same", b"1"),
        (b"same", b"2"),
    )


@pytest.mark.parametrize("status", [204, 304])
def test_responses_that_have_no_body(status: int) -> None:
    _, received, frames = answer(status=status, body=b"nothing of this")
    assert received == b""
    assert frames[-1].end_stream


def test_head_gets_headers_only() -> None:
    given = [("content-length", "5")]
    handler = answering(body=b"12345", headers=given)
    with serving(handler) as server, RawClient(port_of(server)) as client:
        client.send(headers(1, HEAD))
        frames = client.until_end(1)
    assert head(frames) == {b":status": b"200", b"content-length": b"5"}
    assert body(frames) == b""


def outcomes(*attempts: Any) -> tuple[list[str], list[Any]]:
    """What each of several calls raised, made in `on_headers`; and the frames that came."""
    said: list[str] = []

    class Handler(BaseRequestHandler):
        def on_headers(self) -> None:
            for attempt in attempts:
                try:
                    attempt(self)
                except nghttp2_error as problem:
                    said.append(str(problem))

    with serving(Handler) as server, RawClient(port_of(server)) as client:
        frames = client.get()
    return said, frames


def test_one_response_only() -> None:
    said, frames = outcomes(
        lambda h: h.send_response(status=200, body=b"first"),
        lambda h: h.send_response(status=500, body=b"second"),
        lambda h: h.send_response(status=0),
    )
    assert said == ["response has already been sent"] * 2
    assert body(frames) == b"first"


@pytest.mark.parametrize("status", [0, None, ""])
def test_an_empty_status(status: Any) -> None:
    said, _ = outcomes(lambda h: h.send_response(status=status), lambda h: h.send_response())
    assert said == ["status must not be empty"]


@pytest.mark.parametrize("status", ["abc", 99, 1000, "2 0", -200])
def test_a_status_is_three_digits(status: Any) -> None:
    said, frames = outcomes(
        lambda h: h.send_response(status=status), lambda h: h.send_response(body=b"ok")
    )
    assert len(said) == 1
    assert body(frames) == b"ok"


@pytest.mark.parametrize(
    "field",
    [("connection", "close"), ("x", "a\0b"), ("x", "a\r\nb"), ("transfer-encoding", "chunked")],
)
def test_fields_that_must_not_be_sent_leave_the_response_to_be_made(field: Any) -> None:
    said, frames = outcomes(
        lambda h: h.send_response(headers=[field]),
        said_status,
        lambda h: h.send_response(headers=[("x", "good")], body=b"retried"),
    )
    assert len(said) == 1
    assert head(frames)[b"x"] == b"good"


def said_status(handler: BaseRequestHandler) -> None:
    assert handler.status is None


def test_an_interim_response_does_not_end_the_stream() -> None:
    _, frames = outcomes(
        lambda h: h.send_response(status=103, headers=[("link", "</a>; rel=preload")]),
        lambda h: h.send_response(body=b"final"),
    )
    heads = [f for f in frames if f.type == HEADERS]
    assert [(dict(f.fields)[b":status"], f.end_stream) for f in heads] == [
        (b"103", False),
        (b"200", False),
    ]
    assert body(frames) == b"final"


def test_what_was_sent_is_remembered() -> None:
    made: list[BaseRequestHandler] = []

    class Handler(BaseRequestHandler):
        def on_headers(self) -> None:
            self.send_response(status=200, headers=[("A", "b")], body=b"xyz")
            made.append(self)

    with serving(Handler) as server, RawClient(port_of(server)) as client:
        client.get()
    assert made[0].status == 200
    assert made[0].response_headers == [(b":status", b"200"), (b"a", b"b")]
    generator = made[0].response_body
    assert generator is not None
    assert generator(2) == (b"xy", DATA_OK)
    assert generator(2) == (b"z", DATA_EOF)


def test_a_response_from_outside_the_callbacks_is_sent_at_once() -> None:
    class Handler(BaseRequestHandler):
        def on_headers(self) -> None:
            asyncio.get_event_loop().call_later(0.02, self.later)

        def later(self) -> None:
            self.send_response(body=b"from a timer")

    with serving(Handler) as server, RawClient(port_of(server)) as client:
        assert body(client.get()) == b"from a timer"


def test_early_completion_resets_with_no_error() -> None:
    for given in (None, b"early"):
        handler = recording(on_headers=lambda self, given=given: self.send_response(body=given))
        with serving(handler) as server, RawClient(port_of(server)) as client:
            client.send(headers(1, POST, end_stream=False))
            frames = client.until(lambda f: f.type == RST_STREAM)
            assert resets(frames) == [(1, 0)]
            assert frames[-2].end_stream
            assert entries(handler) == [("close", 1, 0)]


def test_the_access_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "nghttp2")

    class Handler(BaseRequestHandler):
        def on_headers(self) -> None:
            self.push("/p", body=b"p")
            self.send_response(status=404)

    with serving(Handler) as server, RawClient(port_of(server)) as client:
        client.get(b"/some?thing")
    lines = [m for m in caplog.messages if "HTTP/2" in m]
    day = r"\[\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\]"
    assert any(re.fullmatch(rf'127.0.0.1 - - {day} "GET /p HTTP/2" 200 - P', m) for m in lines)
    wanted = rf'127.0.0.1 - - {day} "GET /some\?thing HTTP/2" 404 - -'
    assert any(re.fullmatch(wanted, m) for m in lines)
    assert len(lines) == 2


# --- body generators ----------------------------------------------------------------------------


def test_a_generator_is_asked_for_what_may_be_sent() -> None:
    asked: list[int] = []

    def generate(n: int) -> Any:
        asked.append(n)
        return (b"x" * n, DATA_OK) if len(asked) < 6 else (b"end", DATA_EOF)

    with serving(answering(body=generate)) as server, RawClient(port_of(server)) as client:
        client.send(headers(1, GET))
        received = 0
        while received < 65535:
            for frame in client.read():
                received += len(frame.payload) if frame.type == DATA else 0
        client.send(window_update(0, 100_000), window_update(1, 100_000))
        frames = client.until_end(1)
    # the window of 65,535 octets, then what the update allows
    assert asked == [16384, 16384, 16384, 16383, 16384, 16384]
    assert body(frames).endswith(b"xend")


@pytest.mark.parametrize(("last", "sent"), [(None, b"ab"), (b"", b"ab"), (b"c", b"abc")])
def test_the_last_chunk(last: Any, sent: bytes) -> None:
    answers = [(b"a", DATA_OK), (b"b", DATA_OK), (last, DATA_EOF)]
    assert answer(body=lambda n: answers.pop(0))[1] == sent


@pytest.mark.parametrize(
    "bad",
    [
        lambda n: 1 / 0,
        lambda n: b"no tuple",
        lambda n: (b"too", "many", DATA_OK),
        lambda n: (b"x", 7),
        lambda n: (b"x" * (n + 1), DATA_OK),
        lambda n: ("text", DATA_OK),
        lambda n: (5, DATA_EOF),
    ],
)
def test_a_generator_that_breaks_its_contract_resets_its_stream(bad: Any) -> None:
    handler = recording(on_headers=lambda self: self.send_response(body=bad))
    with serving(handler) as server, RawClient(port_of(server)) as client:
        frames = client.get()
        assert resets(frames) == [(1, 2)]
        assert entries(handler)[-1] == ("close", 1, 2)
        # the connection goes on
        assert resets(client.get(stream_id=3)) == [(3, 2)]


def test_the_traceback_of_a_generator_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    def generate(n: int) -> Any:
        raise LookupError("no more paper")

    with serving(answering(body=generate)) as server, RawClient(port_of(server)) as client:
        client.get()
    assert "LookupError: no more paper" in capsys.readouterr().err


@pytest.mark.parametrize("bad", [5, object(), ["a", "list"]])
def test_a_body_that_is_none_resets_the_stream(bad: Any) -> None:
    with serving(answering(body=bad)) as server, RawClient(port_of(server)) as client:
        assert resets(client.get()) == [(1, 2)]


def test_empty_chunks_do_not_flood() -> None:
    asked = 0

    def generate(n: int) -> Any:
        nonlocal asked
        asked += 1
        return (b"", DATA_OK) if asked < 20 else (b"at last", DATA_EOF)

    _, received, frames = answer(body=generate)
    assert received == b"at last"
    assert len([f for f in frames if f.type == DATA]) <= 2


class Deferring(BaseRequestHandler):
    """Answers with a body that pauses once; `wake` is called when it does."""

    def on_headers(self) -> None:
        self.calls = 0
        self.send_response(body=self.generate)

    def generate(self, n: int) -> Any:
        self.calls += 1
        if self.calls == 1:
            self.wake()
            return b"lost", DATA_DEFERRED
        return b"woken", DATA_EOF

    def wake(self) -> None:
        raise NotImplementedError


def test_resume_from_a_timer() -> None:
    class Handler(Deferring):
        def wake(self) -> None:
            asyncio.get_event_loop().call_later(0.02, self.resume)

    with serving(Handler) as server, RawClient(port_of(server)) as client:
        assert body(client.get()) == b"woken"


def test_resume_within_the_generator() -> None:
    class Handler(Deferring):
        def wake(self) -> None:
            self.resume()

    with serving(Handler) as server, RawClient(port_of(server)) as client:
        assert body(client.get()) == b"woken"


def test_resume_from_another_callback() -> None:
    class Handler(Deferring):
        def wake(self) -> None:
            pass

        def on_data(self, data: bytes) -> None:
            self.resume()

    with serving(Handler) as server, RawClient(port_of(server)) as client:
        client.send(headers(1, POST, end_stream=False))
        client.until(lambda f: f.type == HEADERS)
        client.send(data(1, b"go on", end_stream=True))
        assert body(client.until_end(1)) == b"woken"


def test_resume_is_never_an_error() -> None:
    class Handler(BaseRequestHandler):
        def on_headers(self) -> None:
            self.resume()
            self.send_response(body=b"x")
            self.resume()
            asyncio.get_event_loop().call_later(0.01, self.resume)

        def on_close(self, error_code: int) -> None:
            self.resume()

    with serving(Handler) as server, RawClient(port_of(server)) as client:
        assert body(client.get()) == b"x"
        time.sleep(0.03)
        assert body(client.get(stream_id=3), 3) == b"x"


# --- push ---------------------------------------------------------------------------------------


def test_order_of_pushes_on_the_wire() -> None:
    pushed: list[BaseRequestHandler] = []

    class Handler(BaseRequestHandler):
        def on_headers(self) -> None:
            style = self.push(
                "/style.css", request_headers=[("Accept", "text/css")], body=b"body{}"
            )
            script = self.push(
                path="/app.js", method="GET", status=201, headers=[("x-a", "b")], body="alert()"
            )
            pushed.extend([style, script])
            self.send_response(body=b"main")

    with serving(Handler) as server, RawClient(port_of(server)) as client:
        client.send(headers(1, GET))
        frames = client.until_end(1, 2, 4)
        frames = [f for f in frames if f.type in (PUSH_PROMISE, HEADERS, DATA)]
    kinds = [(f.type, f.promised or f.stream_id) for f in frames]
    assert kinds[:5] == [
        (PUSH_PROMISE, 2),
        (PUSH_PROMISE, 4),
        (HEADERS, 1),
        (HEADERS, 2),
        (HEADERS, 4),
    ]
    assert kinds[5:] == [(DATA, 1), (DATA, 2), (DATA, 4)]
    assert frames[0].fields == (
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":authority", b"example.com"),
        (b":path", b"/style.css"),
        (b"accept", b"text/css"),
    )
    assert body(frames, 2) == b"body{}"
    assert head(frames, 4) == {b":status": b"201", b"x-a": b"b"}
    style, script = pushed
    assert (style.stream_id, style.pushed, style.method, style.path) == (
        2,
        True,
        b"GET",
        b"/style.css",
    )
    assert (style.scheme, style.host) == (b"https", b"example.com")
    assert style.headers == list(frames[0].fields or ())
    assert isinstance(style, Handler)
    assert script.status == 201
    assert script.response_headers == [(b":status", b"201"), (b"x-a", b"b")]


def test_pushed_handlers_only_hear_of_their_end() -> None:
    def on_headers(self: Any) -> None:
        self.push("/a", body=b"a")
        self.send_response()

    handler = recording(on_headers=on_headers)
    with serving(handler) as server, RawClient(port_of(server)) as client:
        client.send(headers(1, GET))
        client.until_end(1, 2)
        assert sorted(entries(handler, count=2)) == [("close", 1, 0), ("close", 2, 0), ("done", 1)]


def test_a_pushed_stream_that_the_client_resets() -> None:
    def on_headers(self: Any) -> None:
        self.push("/a", body=lambda n: (None, DATA_DEFERRED))

    handler = recording(on_headers=on_headers, on_request_done=lambda self: None)
    with serving(handler) as server, RawClient(port_of(server)) as client:
        client.send(headers(1, GET))
        client.until(lambda f: f.type == HEADERS)
        client.send(rst_stream(2, 8))
        assert entries(handler) == [("close", 2, 8)]


def push_outcomes(*attempts: Any) -> list[str]:
    said, _ = outcomes(*attempts, lambda h: h.send_response())
    return said


def test_pushes_with_something_empty() -> None:
    assert push_outcomes(
        lambda h: h.push("", method="", status=0),
        lambda h: h.push("", method=""),
        lambda h: h.push(""),
    ) == ["status must not be empty", "method must not be empty", "path must not be empty"]


def test_octets_will_do_for_path_and_method() -> None:
    said, frames = outcomes(
        lambda h: h.push(b"/octets", method=b"HEAD"), lambda h: h.send_response()
    )
    assert said == []
    assert (b":path", b"/octets") in frames[0].fields


def test_no_push_from_a_pushed_handler() -> None:
    assert push_outcomes(lambda h: h.push("/a").push("/b")) == [
        "nghttp2_submit_push_promise failed: Invalid argument"
    ]


def test_a_pushed_handler_has_its_response() -> None:
    assert push_outcomes(lambda h: h.push("/a").send_response()) == [
        "response has already been sent"
    ]


def test_a_client_that_takes_no_pushes() -> None:
    enabled: list[bool] = []

    def on_headers(self: Any) -> None:
        enabled.append(self.push_enabled)
        made = self.push("/a", body=b"a")
        assert (made.stream_id, made.path) == (2, b"/a")
        self.send_response(body=b"main")

    handler = recording(on_headers=on_headers)
    with serving(handler) as server, RawClient(port_of(server), (2, 0)) as client:
        frames = client.get()
        assert body(frames) == b"main"
        assert {f.stream_id for f in frames} == {1}
        assert enabled == [False]
        assert ("close", 2, 2) in entries(handler, count=2)


def test_a_push_waits_for_the_clients_limit() -> None:
    class Handler(BaseRequestHandler):
        def on_headers(self) -> None:
            self.push("/a", body=b"a")
            self.push("/b", body=b"b")
            self.send_response(body=b"main")

    with serving(Handler) as server, RawClient(port_of(server), (3, 1), (4, 0)) as client:
        client.send(headers(1, GET))
        frames = client.until(lambda f: f.type == HEADERS and f.stream_id == 2)
        assert [f.promised for f in frames if f.type == PUSH_PROMISE] == [2, 4]
        client.send(window_update(2, 100))
        frames = client.until_end(2)
        client.send(window_update(1, 100), window_update(4, 100))
        frames += client.until_end(1, 4)
        order = [(f.type, f.stream_id) for f in frames if f.stream_id in (2, 4)]
        assert order.index((DATA, 2)) < order.index((HEADERS, 4))
        assert body(frames, 4) == b"b"


def test_a_failed_push_leaves_nothing_behind() -> None:
    def on_headers(self: Any) -> None:
        with pytest.raises(ValueError, match="must not be sent"):
            self.push("/a", request_headers=[("connection", "close")])
        self.send_response()

    handler = recording(on_headers=on_headers)
    with serving(handler) as server:
        with RawClient(port_of(server)) as client:
            client.get()
        assert entries(handler) == [("done", 1), ("close", 1, 0)]
        time.sleep(0.05)
        assert handler.log.empty()


# --- small functions ----------------------------------------------------------------------------


def test_wrap_body() -> None:
    assert nghttp2.wrap_body(None) is None
    for given in ("abc", b"abc", io.BytesIO(b"abc")):
        generate = nghttp2.wrap_body(given)
        assert generate is not None
        data, flag = generate(2)
        received = bytes(data or b"")
        while flag == DATA_OK:
            data, flag = generate(2)
            received += bytes(data or b"")
        assert (received, flag) == (b"abc", DATA_EOF)

    def generator(n: int) -> Any:
        return b"", DATA_EOF

    assert nghttp2.wrap_body(generator) is generator


def test_tls_functions(tls_files: TLSFiles) -> None:
    context, other = tls_files.server_context(), tls_files.client_context("h2")
    nghttp2.set_application_protocol(context)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = context.wrap_bio(incoming, outgoing, server_side=True)
    client = other.wrap_bio(outgoing, incoming, server_hostname="localhost")
    assert nghttp2.negotiated_protocol(client) is None
    for _ in range(3):
        for side in (client, server):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
    assert nghttp2.negotiated_protocol(server) == nghttp2.negotiated_protocol(client) == "h2"
