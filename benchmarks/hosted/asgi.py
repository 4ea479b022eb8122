"""ASGI applications without a framework."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY = b"Hello, world\n"
BIG_BODY = bytes(10 * 1024 * 1024)
PIECE = BIG_BODY[: 64 * 1024]

_TEXT = [(b"content-type", b"text/plain"), (b"content-length", b"13")]
_BIG = [
    (b"content-type", b"application/octet-stream"),
    (b"content-length", str(len(BIG_BODY)).encode()),
]


async def hello(scope: Message, _receive: Receive, send: Send) -> None:
    """Thirteen octets."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": "http.response.body", "body": BODY})


async def echo(scope: Message, receive: Receive, send: Send) -> None:
    """Parse the body as JSON and answer with it as JSON."""
    assert scope["type"] == "http"
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    answer = json.dumps(json.loads(body)).encode()
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(answer)).encode()),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


async def download(scope: Message, _receive: Receive, send: Send) -> None:
    """Ten MiB in one message."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": _BIG})
    await send({"type": "http.response.body", "body": BIG_BODY})


async def pieces(scope: Message, _receive: Receive, send: Send) -> None:
    """Ten MiB in messages of 64 KiB, as frameworks send files."""
    assert scope["type"] == "http"
    await send({"type": "http.response.start", "status": 200, "headers": _BIG})
    for _ in range(len(BIG_BODY) // len(PIECE)):
        await send({"type": "http.response.body", "body": PIECE, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def upload(scope: Message, receive: Receive, send: Send) -> None:
    """Read the whole body, check its length, throw it away, answer thirteen octets."""
    assert scope["type"] == "http"
    received = 0
    while True:
        message = await receive()
        received += len(message.get("body", b""))
        if not message.get("more_body", False):
            break
    assert received == len(BIG_BODY)
    await send({"type": "http.response.start", "status": 200, "headers": _TEXT})
    await send({"type": "http.response.body", "body": BODY})
