"""WSGI applications behind the nghttp2 API."""

from __future__ import annotations

import sys
import threading
import time
from queue import Queue
from typing import Any
from wsgiref.validate import validator

import pytest

from plait.compat.nghttp2.wsgi import WSGIContainer, wsgi_app
from tests.http2.frames import (
    DATA,
    GET,
    HEAD,
    PING,
    POST,
    WINDOW_UPDATE,
    data,
    headers,
    ping,
    rst_stream,
)
from tests.support.certs import TLSFiles

from .serving import PATIENCE, RawClient, body, head, port_of, resets, serving


def answer(
    app: Any, *frames: Any, tls: TLSFiles | None = None, **options: Any
) -> tuple[dict[bytes, bytes], bytes]:
    """What comes of one request; without frames it is a GET."""
    server_tls = tls.server_context() if tls else None
    client_tls = tls.client_context("h2") if tls else None
    handler = wsgi_app(app, **options)
    with (
        serving(handler, ssl=server_tls) as server,
        RawClient(port_of(server), tls=client_tls) as client,
    ):
        client.send(*(frames or (headers(1, GET),)))
        received = client.until_end(1)
        return head(received), body(received)


def hello(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Latin", "gr\xfc\xdfe")])
    return [b"hello ", b"", b"world"]


def test_only_the_code_of_the_status_is_sent() -> None:
    fields, received = answer(hello)
    assert fields == {
        b":status": b"200",
        b"content-type": b"text/plain",
        b"x-latin": b"gr\xfc\xdfe",
    }
    assert received == b"hello world"


def environ_of(*fields: tuple[bytes, bytes], path: bytes = b"/", **options: Any) -> dict[str, Any]:
    """The environ of one request, without the streams."""
    seen: dict[str, Any] = {}

    def app(environ: Any, start_response: Any) -> Any:
        seen.update(environ)
        seen["body"] = environ["wsgi.input"].read()
        return hello(environ, start_response)

    request = [(n, path if n == b":path" else v) for n, v in POST]
    frames = [
        headers(1, [*request, *fields], end_stream=False),
        data(1, b"sent "),
        data(1, b"data", end_stream=True),
    ]
    answer(app, *frames, **options)
    return seen


def test_environ() -> None:
    environ = environ_of(
        (b"content-type", b"text/x"),
        (b"content-length", b"9"),
        (b"x-a", b"1"),
        (b"x-a", b"2"),
        (b"x-latin", b"\xfc"),
        (b"x_b", b"smuggled"),
        (b"cookie", b"a=1"),
        (b"cookie", b"b=2"),
        path=b"/a%20b/%C3%BC/%fc?q=%20&r",
    )
    assert environ.pop("wsgi.errors") is sys.stderr
    environ.pop("wsgi.input")
    assert int(environ.pop("REMOTE_PORT")) > 0
    assert int(environ.pop("SERVER_PORT")) > 0
    assert environ == {
        "REQUEST_METHOD": "POST",
        "SCRIPT_NAME": "",
        "PATH_INFO": "/a b/\xc3\xbc/\xfc",
        "QUERY_STRING": "q=%20&r",
        "REQUEST_URI": "/a%20b/%C3%BC/%fc?q=%20&r",
        "CONTENT_TYPE": "text/x",
        "CONTENT_LENGTH": "9",
        "SERVER_NAME": "example.com",
        "SERVER_PROTOCOL": "HTTP/2.0",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "example.com",
        "HTTP_X_A": "1,2",
        "HTTP_X_LATIN": "\xfc",
        "HTTP_COOKIE": "a=1; b=2",
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": "http",
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": True,
        "body": b"sent data",
    }


def test_what_is_absent_is_empty() -> None:
    environ = environ_of()
    assert (environ["CONTENT_TYPE"], environ["CONTENT_LENGTH"]) == ("", "")
    assert environ["QUERY_STRING"] == ""


def test_the_scheme_is_that_of_the_connection(tls_files: TLSFiles) -> None:
    assert environ_of(tls=tls_files)["wsgi.url_scheme"] == "https"


def test_raw_octets_in_a_path() -> None:
    assert environ_of(path=b"/\xfc")["PATH_INFO"] == "/\xfc"


def test_long_bodies_arrive_whole() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        received = environ["wsgi.input"].read()
        start_response("200 OK", [])
        return [b"%d" % len(received), received]

    with serving(wsgi_app(app)) as server, RawClient(port_of(server), (4, 2**24)) as client:
        client.send(headers(1, POST, end_stream=False))
        credit = {0: 65535, 1: 65535}
        for _ in range(200):
            while min(credit.values()) < 16384:
                update = client.until(lambda frame: frame.type == WINDOW_UPDATE)[-1]
                credit[update.stream_id] += int.from_bytes(update.payload, "big")
            client.send(data(1, bytes(16384)))
            credit = {n: left - 16384 for n, left in credit.items()}
        client.send(data(1, b"", end_stream=True))
        first = client.until(lambda frame: frame.type == DATA)[-1]
        assert first.payload.startswith(b"3276800")


@pytest.mark.parametrize("fields", [GET, POST, HEAD])
def test_the_validator_has_no_objection(fields: Any) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        environ["wsgi.input"].read(10)
        start_response("200 OK", [("Content-Type", "text/plain")])
        return [b"" if environ["REQUEST_METHOD"] == "HEAD" else b"valid"]

    found, received = answer(validator(app), headers(1, fields))
    assert found[b":status"] == b"200"
    assert received == (b"" if fields is HEAD else b"valid")


def test_write_comes_before_the_iterable() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        write = start_response("200 OK", [])
        write(b"one ")
        write(b"two ")
        return [b"three"]

    assert answer(app)[1] == b"one two three"


def test_the_iterable_is_closed() -> None:
    class Body:
        closed = 0

        def __iter__(self) -> Any:
            yield b"x"

        def close(self) -> None:
            Body.closed += 1

    class Failing(Body):
        def __iter__(self) -> Any:
            yield b"x"
            raise OSError("gone")

    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        return Failing() if environ["PATH_INFO"] == "/failing" else Body()

    assert answer(app)[1] == b"x"
    assert Body.closed == 1
    request = [(n, b"/failing" if n == b":path" else v) for n, v in GET]
    assert answer(app, headers(1, request))[0][b":status"] == b"500"
    assert Body.closed == 2


def boom() -> Any:
    raise LookupError("boom")


def exc_info() -> Any:
    try:
        boom()
    except LookupError:
        return sys.exc_info()


def test_an_error_page_replaces_what_was_not_sent() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("x-a", "b")])
        start_response("500 Oops", [("x-error", "yes")], exc_info())
        return [b"error page"]

    assert answer(app) == ({b":status": b"500", b"x-error": b"yes"}, b"error page")


def test_an_error_after_the_body_began_is_raised_again(capsys: pytest.CaptureFixture[str]) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])(b"begun")
        start_response("500 Oops", [], exc_info())
        return []

    assert answer(app)[0][b":status"] == b"500"
    assert "LookupError: boom" in capsys.readouterr().err


def twice(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [])
    start_response("200 OK", [])
    return []


def never(environ: Any, start_response: Any) -> Any:
    return []


def too_early(environ: Any, start_response: Any) -> Any:
    return [b"a body without a status"]


def raising(environ: Any, start_response: Any) -> Any:
    return boom()


def bad_field(environ: Any, start_response: Any) -> Any:
    start_response("200 OK", [("x", "a\r\nb")])
    return []


def bad_status(environ: Any, start_response: Any) -> Any:
    start_response("OK", [])
    return []


@pytest.mark.parametrize(
    ("app", "complaint"),
    [
        (twice, "AssertionError: Response already started"),
        (never, "did not call start_response"),
        (too_early, "before start_response"),
        (raising, "LookupError: boom"),
        (bad_field, "InvalidFieldError"),
        (bad_status, "three digits"),
    ],
)
def test_faults_of_the_application(
    app: Any, complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    fields, received = answer(app)
    assert fields[b":status"] == b"500"
    assert b"failed" in received
    said = capsys.readouterr().err
    assert "Traceback" in said
    assert complaint in said


def test_fields_of_http1_are_left_out() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [("Connection", "close"), ("Keep-Alive", "5"), ("x", "y")])
        return [b"x"]

    assert answer(app)[0] == {b":status": b"200", b"x": b"y"}


def test_applications_run_beside_each_other_and_the_loop_goes_on() -> None:
    barrier = threading.Barrier(3)

    def app(environ: Any, start_response: Any) -> Any:
        barrier.wait(PATIENCE)
        return hello(environ, start_response)

    with serving(wsgi_app(app)) as server, RawClient(port_of(server)) as client:
        client.send(*(headers(n, GET) for n in (1, 3, 5)))
        frames = client.until_end(1, 3, 5)
        assert [body(frames, n) for n in (1, 3, 5)] == [b"hello world"] * 3


def test_the_number_of_threads_is_bounded() -> None:
    running: list[int] = []
    most: list[int] = []

    def app(environ: Any, start_response: Any) -> Any:
        running.append(1)
        most.append(len(running))
        time.sleep(0.01)
        running.pop()
        return hello(environ, start_response)

    with serving(wsgi_app(app, threads=2)) as server, RawClient(port_of(server)) as client:
        client.send(*(headers(n, GET) for n in range(1, 21, 2)))
        client.until_end(*range(1, 21, 2))
    assert max(most) == 2


def test_a_request_that_is_given_up() -> None:
    release, events = threading.Event(), Queue[str]()

    def app(environ: Any, start_response: Any) -> Any:
        events.put(environ["PATH_INFO"])
        release.wait(PATIENCE)
        events.put("ended")
        return hello(environ, start_response)

    with serving(wsgi_app(app, threads=1)) as server, RawClient(port_of(server)) as client:
        client.send(headers(1, GET))
        assert events.get(timeout=PATIENCE) == "/"
        # the second one waits for the only thread, and never gets it
        client.send(headers(3, POST, end_stream=False), data(3, bytes(1000), end_stream=True))
        client.send(rst_stream(1), rst_stream(3), headers(5, POST, end_stream=False), rst_stream(5))
        client.send(ping())
        client.until(lambda frame: frame.type == PING)
        release.set()
        assert events.get(timeout=PATIENCE) == "ended"
        assert body(client.get(stream_id=7), 7) == b"hello world"
    assert [events.get(timeout=PATIENCE) for _ in range(2)] == ["/", "ended"]
    assert events.empty()


def test_the_container_alone_uses_the_loops_threads() -> None:
    def handler(http2: Any, stream_id: int) -> WSGIContainer:
        return WSGIContainer(hello, http2, stream_id)

    with serving(handler) as server, RawClient(port_of(server)) as client:
        assert body(client.get()) == b"hello world"
        assert not resets(client.get(stream_id=3))


def test_options_without_a_path() -> None:
    seen: list[str] = []

    def app(environ: Any, start_response: Any) -> Any:
        seen.extend((environ["PATH_INFO"], environ["REQUEST_URI"]))
        return hello(environ, start_response)

    request = [(b":method", b"OPTIONS"), (b":scheme", b"http"), (b":path", b"*")]
    answer(app, headers(1, [*request, (b":authority", b"[::1]:8080")]))
    assert seen == ["", "*"]


def test_input_is_a_file() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        lines = environ["wsgi.input"]
        start_response("200 OK", [])
        return [repr([lines.readline(), lines.readlines(), lines.read()]).encode()]

    frames = [headers(1, POST, end_stream=False), data(1, b"a\nb\nc", end_stream=True)]
    assert answer(app, *frames)[1] == repr([b"a\n", [b"b\n", b"c"], b""]).encode()
