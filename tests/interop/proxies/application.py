"""Two applications that tell what they see, for `plait application:app` and `application:wsgi`."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from urllib.parse import parse_qs

# The streams that ended because their client went away.
gone: list[str] = []


async def app(scope: Any, receive: Any, send: Any) -> None:
    """ASGI."""
    kinds = {"lifespan": lifespan, "websocket": websocket, "http": http}
    await kinds[scope["type"]](scope, receive, send)


async def lifespan(scope: Any, receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def websocket(scope: Any, receive: Any, send: Any) -> None:
    """Tells its scope, and then whatever it is told."""
    await receive()
    await send({"type": "websocket.accept"})
    await send({"type": "websocket.send", "text": json.dumps(told(scope))})
    while (message := await receive())["type"] == "websocket.receive":
        await send({**message, "type": "websocket.send"})
    gone.append(f"websocket {message['code']}")


async def http(scope: Any, receive: Any, send: Any) -> None:
    path = scope["path"]
    if path == "/echo":
        await echo(receive, send)
    elif path == "/never":
        await never(receive, send)
    elif path.startswith("/plait.Test/"):
        await grpc(receive, send)
    else:
        asked = parse_qs(scope["query_string"].decode())
        if "ms" in asked:
            await asyncio.sleep(float(asked["ms"][0]) / 1000)
        found = gone if path == "/gone" else told(scope)
        body = json.dumps(found).encode()
        fields = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
        await send({"type": "http.response.start", "status": 200, "headers": fields})
        await send({"type": "http.response.body", "body": body})


def told(scope: Any) -> dict[str, Any]:
    """What of a scope has to do with proxies."""
    found = {name: scope[name] for name in ("http_version", "scheme", "client", "server", "path")}
    fields = {name.decode(): value.decode() for name, value in scope["headers"]}
    return {**found, "fields": fields}


async def echo(receive: Any, send: Any) -> None:
    """Sends the body back while it comes."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    more = True
    while more:
        message = await receive()
        assert message["type"] == "http.request"
        more = message.get("more_body", False)
        await send({"type": "http.response.body", "body": message["body"], "more_body": more})


async def never(receive: Any, send: Any) -> None:
    """A response that does not end before its client goes."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"begun\n", "more_body": True})
    while (message := await receive())["type"] != "http.disconnect":
        pass
    gone.append(message["type"])


async def grpc(receive: Any, send: Any) -> None:
    """Every message of a call is sent back; the status is in the trailers."""
    fields = [(b"content-type", b"application/grpc")]
    await send({"type": "http.response.start", "status": 200, "headers": fields, "trailers": True})
    more = True
    while more:
        message = await receive()
        more = message.get("more_body", False)
        await send({"type": "http.response.body", "body": message["body"], "more_body": more})
    await send({"type": "http.response.trailers", "headers": [(b"grpc-status", b"0")]})


def wsgi(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    """WSGI: the same, as far as it can."""
    path = environ["PATH_INFO"]
    if path == "/echo":
        start_response("200 OK", [])
        return iter(lambda: environ["wsgi.input"].read(16_384), b"")
    if path == "/never":
        start_response("200 OK", [])
        return Endless()
    found: Any = gone
    if path != "/gone":
        found = {
            "http_version": environ["SERVER_PROTOCOL"].removeprefix("HTTP/").replace("2.0", "2"),
            "scheme": environ["wsgi.url_scheme"],
            "client": [environ["REMOTE_ADDR"], int(environ.get("REMOTE_PORT") or 0)],
            "server": [environ["SERVER_NAME"], int(environ["SERVER_PORT"])],
            "path": path,
            "fields": {
                name[5:].lower().replace("_", "-"): value
                for name, value in environ.items()
                if name.startswith("HTTP_")
            },
        }
    body = json.dumps(found).encode()
    start_response("200 OK", [("Content-Type", "application/json")])
    return [body]


class Endless:
    """A body that does not end before its client goes."""

    def __iter__(self) -> Iterator[bytes]:
        while True:
            yield b"begun\n"
            time.sleep(0.01)

    def close(self) -> None:
        gone.append("closed")
