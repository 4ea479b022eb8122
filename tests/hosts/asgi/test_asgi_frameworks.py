"""Applications of the frameworks that people use, behind real sockets and a client of theirs."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import Request
from pydantic import BaseModel

from plait.server import ApplicationServer
from plait.server.asgi import ASGIHost
from tests.server.rawclient import LOCAL, LOOPS, run


class Item(BaseModel):
    """Here, since FastAPI looks for the classes of annotations among the module's names."""

    name: str
    price: float


pytestmark = pytest.mark.slow


def served(
    app: Any,
    talk: Callable[[httpx.AsyncClient], Awaitable[Any]],
    loop: str = "asyncio",
    *,
    lifespan: Any = "on",
    http2: bool = True,
) -> Any:
    """What `talk` returns of a client of a server of this application."""

    async def main() -> Any:
        host = ASGIHost(app, lifespan=lifespan)
        async with ApplicationServer(LOCAL, host) as server:
            address = "http://{}:{}".format(*server.addresses[0])
            async with httpx.AsyncClient(base_url=address, http1=not http2, http2=http2) as client:
                return await talk(client)

    return run(main(), loop)


def starlette_app(record: list[str], folder: Path) -> Any:
    from starlette.applications import Starlette
    from starlette.background import BackgroundTask
    from starlette.middleware import Middleware
    from starlette.middleware.base import BaseHTTPMiddleware
    from starlette.middleware.gzip import GZipMiddleware
    from starlette.responses import (
        FileResponse,
        JSONResponse,
        PlainTextResponse,
        Response,
        StreamingResponse,
    )
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    @contextlib.asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[dict[str, str]]:
        record.append("up")
        yield {"pool": "a pool"}
        record.append("down")

    async def echo(request: Request) -> Response:
        return JSONResponse({"got": await request.json(), "pool": request.state.pool})

    async def stream(request: Request) -> Response:
        async def pieces() -> AsyncIterator[bytes]:
            async for chunk in request.stream():
                yield chunk

        return StreamingResponse(pieces())

    async def background(request: Request) -> Response:
        async def work() -> None:
            await asyncio.sleep(0.01)
            record.append("worked")

        return PlainTextResponse("soon", background=BackgroundTask(work))

    async def file(request: Request) -> Response:
        return FileResponse(folder / "large")

    async def raises(request: Request) -> Response:
        raise ZeroDivisionError

    class Marks(BaseHTTPMiddleware):
        async def dispatch(self, request: Request, call_next: Any) -> Response:
            response: Response = await call_next(request)
            response.headers["x-marked"] = "yes"
            return response

    return Starlette(
        lifespan=lifespan,
        middleware=[Middleware(Marks), Middleware(GZipMiddleware)],
        routes=[
            Route("/echo", echo, methods=["POST"]),
            Route("/stream", stream, methods=["POST"]),
            Route("/background", background),
            Route("/file", file),
            Route("/raises", raises),
            Mount("/static", StaticFiles(directory=folder)),
        ],
    )


@pytest.mark.parametrize("http2", [True, False], ids=["http2", "http1"])
@pytest.mark.parametrize("loop", LOOPS)
def test_starlette(
    loop: str, http2: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "large").write_bytes(bytes(range(256)) * 2000)
    record: list[str] = []

    async def talk(client: httpx.AsyncClient) -> None:
        answer = await client.post("/echo", json={"a": [1]})
        assert answer.http_version == ("HTTP/2" if http2 else "HTTP/1.1")
        assert answer.json() == {"got": {"a": [1]}, "pool": "a pool"}
        assert answer.headers["x-marked"] == "yes"
        data = b"0123456789" * 30_000
        assert (await client.post("/stream", content=data)).content == data
        assert (await client.get("/background")).text == "soon"
        for path in ("/file", "/static/large"):
            answer = await client.get(path)
            assert answer.content == (tmp_path / "large").read_bytes()
        assert (await client.head("/file")).headers["content-length"] == "512000"
        ranged = await client.get("/file", headers={"range": "bytes=5-9"})
        assert (ranged.status_code, ranged.content) == (206, bytes(range(5, 10)))
        assert (await client.get("/raises")).status_code == 500
        answers = await asyncio.gather(*(client.post("/echo", json=at) for at in range(50)))
        assert [each.json()["got"] for each in answers] == list(range(50))

    served(starlette_app(record, tmp_path), talk, loop, http2=http2)
    assert record == ["up", "worked", "down"]
    assert "ZeroDivisionError" in caplog.text


def test_a_client_that_leaves_a_stream_of_starlette(caplog: pytest.LogCaptureFixture) -> None:
    from starlette.applications import Starlette
    from starlette.responses import StreamingResponse
    from starlette.routing import Route

    ended = asyncio.Event()

    async def endless(request: Any) -> StreamingResponse:
        async def pieces() -> AsyncIterator[bytes]:
            try:
                while True:
                    yield b"x" * 1000
                    await asyncio.sleep(0)
            finally:
                ended.set()

        return StreamingResponse(pieces())

    async def talk(client: httpx.AsyncClient) -> None:
        async with client.stream("GET", "/") as response:
            async for _ in response.aiter_bytes():
                break  # the client closes its connection then

    served(Starlette(routes=[Route("/", endless)]), talk)
    assert ended.is_set()
    assert caplog.records == []


def test_fastapi() -> None:
    from fastapi import Depends, FastAPI, HTTPException

    app = FastAPI()

    async def token() -> AsyncIterator[str]:
        yield "a token"

    @app.post("/items")
    async def create(item: Item, token: str = Depends(token)) -> dict[str, Any]:
        return {"name": item.name, "token": token}

    @app.post("/upload")
    async def upload(request: Request) -> dict[str, int]:
        return {"size": sum([len(piece) async for piece in request.stream()])}

    @app.get("/sync/{number}")
    def in_a_thread(number: int) -> int:
        if number > 9:
            raise HTTPException(404, "too large")
        return number + 1

    async def talk(client: httpx.AsyncClient) -> None:
        answer = await client.post("/items", json={"name": "x", "price": 2})
        assert answer.json() == {"name": "x", "token": "a token"}
        assert (await client.post("/items", json={"name": "x"})).status_code == 422
        assert (await client.post("/upload", content=b"x" * 100_000)).json() == {"size": 100_000}
        assert (await client.get("/sync/4")).json() == 5
        assert (await client.get("/sync/40")).status_code == 404
        assert (await client.get("/openapi.json")).status_code == 200

    served(app, talk)


def test_quart() -> None:
    from quart import Quart, request

    app = Quart(__name__)
    record = []

    @app.before_serving
    async def up() -> None:
        record.append("up")

    @app.after_serving
    async def down() -> None:
        record.append("down")

    @app.post("/echo")
    async def echo() -> bytes:
        data: bytes = await request.get_data()
        return data

    @app.get("/stream")
    async def stream() -> Any:
        async def pieces() -> AsyncIterator[bytes]:
            for at in range(10):
                yield b"%d" % at

        return pieces()

    async def talk(client: httpx.AsyncClient) -> None:
        data = b"0123456789" * 10_000
        assert (await client.post("/echo", content=data)).content == data
        assert (await client.get("/stream")).text == "0123456789"
        assert (await client.get("/nothing")).status_code == 404

    served(app, talk)
    assert record == ["up", "down"]


def test_django(caplog: pytest.LogCaptureFixture) -> None:
    import django
    from django.conf import settings
    from django.core.asgi import get_asgi_application
    from django.http import HttpRequest, HttpResponse, JsonResponse, StreamingHttpResponse
    from django.urls import path

    async def echo(request: HttpRequest) -> HttpResponse:
        return HttpResponse(request.body)

    def in_a_thread(request: HttpRequest, number: int) -> HttpResponse:
        return JsonResponse({"number": number, "secure": request.is_secure()})

    async def stream(request: HttpRequest) -> StreamingHttpResponse:
        async def pieces() -> AsyncIterator[bytes]:
            for at in range(10):
                yield b"%d" % at

        return StreamingHttpResponse(pieces())

    urls = type("urls", (), {})
    urls.urlpatterns = [  # type: ignore[attr-defined]  # Django asks for no more than this
        path("echo", echo),
        path("sync/<int:number>", in_a_thread),
        path("stream", stream),
    ]
    if not settings.configured:
        settings.configure(ROOT_URLCONF=urls, ALLOWED_HOSTS=["*"], SECRET_KEY="x")
        django.setup()
    app = get_asgi_application()

    async def talk(client: httpx.AsyncClient) -> None:
        data = b"0123456789" * 10_000
        assert (await client.post("/echo", content=data)).content == data
        assert (await client.get("/sync/5")).json() == {"number": 5, "secure": False}
        assert (await client.get("/stream")).text == "0123456789"
        assert (await client.get("/nothing")).status_code == 404

    # Django raises on the lifespan scope
    from django.test.utils import override_settings

    with override_settings(ROOT_URLCONF=urls):
        served(app, talk, lifespan="auto")
