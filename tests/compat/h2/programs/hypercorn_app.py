"""A Starlette application with something for every client; hypercorn serves it.

What is mounted needs a slash at the end of its path.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator
from typing import Any

import h2.connection
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

PERIOD = bytes(range(1, 252))

seen: Counter[str] = Counter()


def pattern(size: int) -> bytes:
    return (PERIOD * (size // len(PERIOD) + 1))[:size]


async def engine(request: Request) -> Response:
    return PlainTextResponse(h2.connection.H2Connection.__module__)


async def hello(request: Request) -> Response:
    return PlainTextResponse("Hello, world\n")


async def fields(request: Request) -> Response:
    scope = request.scope
    told = [
        scope["method"],
        scope["scheme"],
        scope["path"],
        scope["query_string"].decode("latin-1"),
    ]
    told.append(scope["http_version"])
    received = [
        [name.decode("latin-1"), value.decode("latin-1")] for name, value in scope["headers"]
    ]
    answer = JSONResponse([told, received])
    answer.set_cookie("a", "1")
    answer.set_cookie("b", "2")
    return answer


async def sized(request: Request) -> Response:
    """`/bytes?n=1000`, in pieces unless `whole=1`."""
    body = pattern(int(request.query_params["n"]))
    if request.query_params.get("whole"):
        return Response(body, media_type="application/octet-stream")

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 50_000):
            yield body[start : start + 50_000]

    return StreamingResponse(pieces(), media_type="application/octet-stream")


async def sink(request: Request) -> Response:
    size, digest = 0, hashlib.sha256()
    async for piece in request.stream():
        size += len(piece)
        digest.update(piece)
    return JSONResponse([size, digest.hexdigest()])


async def early(request: Request) -> Response:
    """Has read nothing of the request."""
    return PlainTextResponse("too much", 413)


async def nothing(request: Request) -> Response:
    return Response(status_code=204)


async def broken(request: Request) -> Response:
    raise RuntimeError("as the test wants it")


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Sends each piece back as it comes.

    Starlette's StreamingResponse would not do: it receives as well, looking for a disconnect.
    """
    await send({"type": "http.response.start", "status": 200, "headers": []})
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        body = message.get("body", b"")
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def forever(scope: Any, receive: Any, send: Any) -> None:
    """Sends until the client has gone, and counts it."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    seen["begun"] += 1

    async def drip() -> None:
        while True:
            await send({"type": "http.response.body", "body": b"drip\n", "more_body": True})
            await asyncio.sleep(0.01)

    dripping = asyncio.ensure_future(drip())
    while (await receive())["type"] != "http.disconnect":
        pass
    dripping.cancel()
    seen["gone"] += 1


async def when_told(scope: Any, receive: Any, send: Any) -> None:
    """Sends a first half, and the second when the request's body has ended."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"first half, ", "more_body": True})
    while (message := await receive()).get("more_body"):
        pass
    if message["type"] == "http.request":
        await send({"type": "http.response.body", "body": b"second half"})


async def hints(scope: Any, receive: Any, send: Any) -> None:
    links = [b"</style.css>; rel=preload", b"</script.js>; rel=preload"]
    await send({"type": "http.response.early_hint", "links": links})
    await PlainTextResponse("hinted\n")(scope, receive, send)


async def push(scope: Any, receive: Any, send: Any) -> None:
    for name in ("one", "two"):
        fields = [(b"x-name", name.encode())]
        await send({"type": "http.response.push", "path": f"/hello?{name}", "headers": fields})
    await PlainTextResponse("pushed\n")(scope, receive, send)


async def trailers(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": [], "trailers": True})
    await send({"type": "http.response.body", "body": pattern(100_000), "more_body": False})
    told = {"type": "http.response.trailers", "more_trailers": False}
    await send({**told, "headers": [(b"x-sum", b"100000")]})


async def report(request: Request) -> Response:
    return JSONResponse(dict(seen))


async def chat(socket: WebSocket) -> None:
    """Says what it hears, until it hears "bye"."""
    await socket.accept(subprotocol="chat")
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                seen["hung up"] += 1
                return
            if message.get("text") == "bye":
                await socket.close(4000, "so long")
                return
            if message.get("bytes") is not None:
                await socket.send_bytes(message["bytes"][::-1])
            else:
                await socket.send_text(message["text"].upper())
    except WebSocketDisconnect:
        seen["hung up"] += 1


app = Starlette(
    routes=[
        Route("/engine", engine),
        Route("/hello", hello),
        Route("/fields", fields, methods=["GET", "POST", "PUT", "DELETE"]),
        Route("/bytes", sized),
        Route("/sink", sink, methods=["POST"]),
        Route("/early", early, methods=["POST"]),
        Route("/nothing", nothing),
        Route("/broken", broken),
        Route("/report", report),
        Mount("/echo", app=echo),
        Mount("/forever", app=forever),
        Mount("/when-told", app=when_told),
        Mount("/hints", app=hints),
        Mount("/push", app=push),
        Mount("/trailers", app=trailers),
        WebSocketRoute("/chat", chat),
    ]
)
