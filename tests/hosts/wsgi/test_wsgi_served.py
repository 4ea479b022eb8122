"""WSGI applications behind real sockets: Flask, Django, and what only shows there."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from wsgiref.validate import validator

from plait.client import BaseResponseHandler, HTTP2Client
from plait.server import ApplicationServer
from plait.server.wsgi import WSGIHost

from .serving import PATIENCE, PLAIN, until

LOCAL = ("127.0.0.1", 0)


class Response(BaseResponseHandler):
    """A response, kept."""

    def __init__(self) -> None:
        super().__init__()
        self.received: list[bytes] = []
        self.informed: list[int] = []
        self.error_code: int | None = None

    def on_informational(self, status: int, headers: Any) -> None:
        self.informed.append(status)

    def on_data(self, data: bytes) -> None:
        self.received.append(data)

    def on_close(self, error_code: int) -> None:
        self.error_code = error_code

    @property
    def body(self) -> bytes:
        return b"".join(self.received)


Ask = Callable[..., Any]


def served(app: Any, scenario: Callable[[Ask], Any], **options: Any) -> None:
    """Runs a scenario, whose argument sends a request and waits for the response."""

    async def main() -> None:
        host = WSGIHost(app, **options)
        async with ApplicationServer(LOCAL, host, http1=False) as server:
            port = int(server.addresses[0][1])
            async with asyncio.timeout(PATIENCE), HTTP2Client(("127.0.0.1", port)) as client:

                async def ask(path: str = "/", **request: Any) -> Response:
                    response = Response()
                    client.send_request(url=path, handler=response, **request)
                    await until(lambda: response.error_code is not None)
                    return response

                await scenario(ask)

    before = threading.active_count()
    asyncio.run(main())
    assert threading.active_count() == before


def test_the_validator_is_content_with_what_comes_from_a_socket() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        body = environ["wsgi.input"].read(1 << 20)
        start_response("200 OK", [PLAIN])
        return [b"%d " % len(body), environ["PATH_INFO"].encode("latin-1")]

    async def scenario(ask: Ask) -> None:
        assert (await ask("/%C3%BC")).body == b"0 /\xc3\xbc"
        assert (await ask("/", method="POST", body=bytes(1000))).body == b"1000 /"

    served(validator(app), scenario)


def test_long_bodies_both_ways() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [PLAIN])
        while piece := environ["wsgi.input"].read(50_000):
            yield piece

    async def scenario(ask: Ask) -> None:
        sent = bytes(range(256)) * 12_000
        response = await ask("/", method="POST", body=sent)
        assert response.body == sent
        assert response.error_code == 0

    served(app, scenario)


def test_more_uploads_than_the_connection_has_credit_for() -> None:
    # those that wait for the only thread must not keep the one that has it from its body
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [PLAIN])
        return [b"%d" % len(environ["wsgi.input"].read())]

    async def scenario(ask: Ask) -> None:
        length = [(b"content-length", b"400000")]
        uploads = [ask(method="POST", body=bytes(400_000), headers=length) for _ in range(12)]
        assert {response.body for response in await asyncio.gather(*uploads)} == {b"400000"}

    served(app, scenario, threads=1, body_wait=0.0)


def test_a_long_file_then_trailers(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(bytes(range(256)) * 8_000)

    def app(environ: Any, start_response: Any) -> Any:
        environ["plait.early_hints"]([("Link", "</a.css>; rel=preload")])
        environ["plait.trailers"]([("X-Sum", "1")])
        start_response("200 OK", [PLAIN])
        return environ["wsgi.file_wrapper"](path.open("rb"))

    async def scenario(ask: Ask) -> None:
        response = await ask()
        assert response.informed == [103]
        assert response.body == path.read_bytes()
        assert (b"content-length", b"2048000") in response.headers
        assert list(response.trailers) == [(b"x-sum", b"1")]

    served(app, scenario)


def test_other_streams_do_not_notice_an_application_that_raises() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        if environ["PATH_INFO"] == "/raises":
            raise RuntimeError("broken")
        start_response("200 OK", [PLAIN])
        yield b"some"
        if environ["PATH_INFO"] == "/breaks":
            raise RuntimeError("broken")

    async def scenario(ask: Ask) -> None:
        fine, raises, breaks = await asyncio.gather(ask("/"), ask("/raises"), ask("/breaks"))
        assert (fine.status, fine.body, fine.error_code) == (b"200", b"some", 0)
        assert (raises.status, raises.error_code) == (b"500", 0)
        assert breaks.error_code == 2

    served(app, scenario)


def test_many_at_once() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [PLAIN])
        return [environ["QUERY_STRING"].encode()]

    async def scenario(ask: Ask) -> None:
        responses = await asyncio.gather(*[ask(f"/?{number}") for number in range(300)])
        assert [response.body for response in responses] == [b"%d" % n for n in range(300)]

    served(app, scenario, threads=4)


def test_flask(tmp_path: Path) -> None:
    import flask

    path = tmp_path / "long.bin"
    path.write_bytes(bytes(200_000))
    app = flask.Flask("served")
    app.secret_key = "secret"

    @app.get("/hello/<name>")
    def hello(name: str) -> Any:
        flask.session["name"] = name
        return {"hello": name}

    @app.get("/who")
    def who() -> Any:
        return flask.session["name"] + flask.request.remote_addr

    @app.post("/form")
    def form() -> Any:
        upload = flask.request.files["file"]
        return flask.request.form["a"] + str(len(upload.read()))

    @app.post("/stream")
    def stream() -> Any:
        length = len(flask.request.get_data())

        def pieces() -> Any:
            yield f"{length} "
            yield flask.request.path

        return flask.Response(flask.stream_with_context(pieces()))

    @app.get("/file")
    def file() -> Any:
        return flask.send_file(path)

    @app.get("/raises")
    def raises() -> Any:
        raise RuntimeError("broken")

    async def scenario(ask: Ask) -> None:
        response = await ask("/hello/W%C3%B6rld")
        assert flask.json.loads(response.body) == {"hello": "W\xf6rld"}
        cookie = dict(response.headers)[b"set-cookie"].partition(b";")[0]
        told = await ask("/who", headers=[(b"cookie", cookie)])
        assert told.body.decode() == "W\xf6rld127.0.0.1"
        # a body without content-length, too
        length = [(b"content-length", b"100000")]
        for headers in ([], length):
            response = await ask("/stream", method="POST", body=bytes(100_000), headers=headers)
            assert response.body == b"100000 /stream"
        form = (
            b'--x\r\ncontent-disposition: form-data; name="a"\r\n\r\n1-\r\n'
            b'--x\r\ncontent-disposition: form-data; name="file"; filename="f"\r\n\r\n'
            + bytes(70_000)
            + b"\r\n--x--\r\n"
        )
        kind = [(b"content-type", b"multipart/form-data; boundary=x")]
        assert (await ask("/form", method="POST", body=form, headers=kind)).body == b"1-70000"
        response = await ask("/file")
        assert response.body == bytes(200_000)
        part = await ask("/file", headers=[(b"range", b"bytes=5-14")])
        assert (part.status, part.body) == (b"206", bytes(10))
        assert (await ask("/raises")).status == b"500"
        assert (await ask("/nowhere")).status == b"404"

    served(app, scenario)


def test_django(tmp_path: Path) -> None:
    import django  # type: ignore[import-untyped]
    from django.conf import settings  # type: ignore[import-untyped]
    from django.core.wsgi import get_wsgi_application  # type: ignore[import-untyped]
    from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse  # type: ignore[import-untyped]
    from django.urls import path as route  # type: ignore[import-untyped]

    stored = tmp_path / "long.bin"
    stored.write_bytes(bytes(200_000))

    def hello(request: HttpRequest) -> HttpResponse:
        return HttpResponse(f"{request.get_host()} {request.path} {request.GET['a']}")

    def length(request: HttpRequest) -> HttpResponse:
        return HttpResponse(str(len(request.body)))

    def stream(request: HttpRequest) -> StreamingHttpResponse:
        return StreamingHttpResponse(str(number) for number in range(5))

    def file(request: HttpRequest) -> FileResponse:
        return FileResponse(stored.open("rb"))

    urlconf = type(
        "urls",
        (),
        {
            "urlpatterns": [
                route("hello", hello),
                route("length", length),
                route("stream", stream),
                route("file", file),
            ]
        },
    )
    unconfigured = settings._wrapped
    if not settings.configured:
        settings.configure(LOGGING_CONFIG=None)
        django.setup()
    from django.test import override_settings  # type: ignore[import-untyped]

    async def scenario(ask: Ask) -> None:
        response = await ask("/hello?a=%C3%BC")
        assert re.fullmatch("127.0.0.1:[0-9]+ /hello \xfc", response.body.decode())
        # a body that comes without its length, but at once, is not lost
        assert (await ask("/length", method="POST", body=b"12345")).body == b"5"
        fields = [(b"content-length", b"100000")]
        for headers in ([], fields):
            response = await ask("/length", method="POST", body=bytes(100_000), headers=headers)
            assert response.body == b"100000"
        assert (await ask("/stream")).body == b"01234"
        response = await ask("/file")
        assert response.body == bytes(200_000)
        assert (await ask("/nowhere")).status == b"404"

    try:
        with override_settings(ROOT_URLCONF=urlconf, MIDDLEWARE=[], ALLOWED_HOSTS=["*"]):
            served(get_wsgi_application(), scenario)
    finally:
        # the settings are the process's: other tests have their own
        settings._wrapped = unconfigured


def test_in_http1() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        body = environ["wsgi.input"].read()
        environ["plait.early_hints"]([("Link", "</a.css>")])
        start_response("200 OK", [PLAIN, ("Trailer", "X-Sum")])
        yield b"%d " % len(body)
        yield environ["SERVER_PROTOCOL"].encode()
        environ["plait.trailers"]([("X-Sum", "1")])

    async def main() -> None:
        async with ApplicationServer(LOCAL, WSGIHost(app), http1=True) as server:
            port = int(server.addresses[0][1])
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                b"POST / HTTP/1.1\r\nhost: a\r\nexpect: 100-continue\r\n"
                b"transfer-encoding: chunked\r\nconnection: close\r\n\r\n"
            )
            # what it waits for before it sends the body
            assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            writer.write(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
            hints = await reader.readuntil(b"\r\n\r\n")
            assert hints.startswith(b"HTTP/1.1 103 ")
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 ")
            assert b"\r\ntransfer-encoding: chunked\r\n" in head
            rest = await reader.read()
            assert rest == b"2\r\n5 \r\n8\r\nHTTP/1.1\r\n0\r\nx-sum: 1\r\n\r\n"
            writer.close()
            await writer.wait_closed()

    asyncio.run(asyncio.wait_for(main(), PATIENCE))
