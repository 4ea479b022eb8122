"""ASGI applications behind real sockets: what a client of HTTP/2 gets of them."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from plait.server import ApplicationServer
from plait.server.asgi import ASGIHost
from tests.server.rawclient import (
    DATA,
    ENABLE_PUSH,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    LOCAL,
    LOOPS,
    PUSH_PROMISE,
    RST_STREAM,
    WINDOW_UPDATE,
    RawClient,
    client_of,
    eventually,
    frame,
    run,
)
from tests.support.certs import TLSFiles, make_client_certificate

App = Callable[[Any, Any, Any], Awaitable[None]]


def served(
    app: App,
    talk: Callable[[RawClient], Awaitable[Any]],
    values: dict[int, int] | None = None,
    *,
    loop: str = "asyncio",
    tls: ssl.SSLContext | None = None,
    **options: Any,
) -> Any:
    """What `talk` returns of a client of a server of this application."""

    async def main() -> Any:
        host = ASGIHost(app, lifespan="off")
        async with (
            ApplicationServer(LOCAL, host, http1=False, **options) as server,
            client_of(server, values, tls=tls) as client,
        ):
            return await talk(client)

    return run(main(), loop)


async def head(send: Any, **more: Any) -> None:
    headers = [(b"content-type", b"text/plain")]
    await send({"type": "http.response.start", "status": 200, "headers": headers, **more})


async def body(send: Any, data: bytes = b"", more_body: bool = False) -> None:
    await send({"type": "http.response.body", "body": data, "more_body": more_body})


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """Sends the body back as it comes."""
    await head(send)
    while True:
        message = await receive()
        await body(send, message["body"], message["more_body"])
        if not message["more_body"]:
            return


@pytest.mark.parametrize("loop", LOOPS)
def test_requests_and_responses(loop: str) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/waits":
            await asyncio.sleep(0.01)
        await head(send)
        await body(send, f"{scope['method']} {scope['path']}".encode())

    async def talk(client: RawClient) -> list[bytes]:
        client.send(client.request(1, "/waits"), client.request(3, "/a%20b", method="PUT"))
        frames = await client.stream(1, 3)
        return [each.payload for each in frames if each.type == DATA and each.payload]

    assert served(app, talk, loop=loop) == [b"PUT /a b", b"GET /waits"]


def test_an_application_that_raises_does_not_disturb_other_streams(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/raises":
            raise ZeroDivisionError
        await head(send)
        await body(send, b"some", True)
        await asyncio.sleep(0)
        if scope["path"] == "/late":
            raise KeyError
        await body(send)

    async def talk(client: RawClient) -> Any:
        paths = ("/raises", "/late", "/good")
        client.send(*(client.request(1 + 2 * at, path) for at, path in enumerate(paths)))
        frames = await client.stream(1, 3, 5)
        heads = {each.stream_id: each.fields[0][1] for each in frames if each.type == HEADERS}
        resets = {each.stream_id: each.code for each in frames if each.type == RST_STREAM}
        return heads, resets

    assert served(app, talk) == ({1: "500", 3: "200", 5: "200"}, {3: 2})
    assert caplog.text.count("Traceback") == 2


@pytest.mark.parametrize("loop", LOOPS)
def test_bodies_stream_both_ways(loop: str) -> None:
    pieces = [bytes([at]) * 10_000 for at in range(20)]

    async def talk(client: RawClient) -> bytes:
        client.send(client.request(1, method="POST", end=False))
        got = []
        for at, piece in enumerate(pieces):
            client.send(client.data(1, piece, end=at == len(pieces) - 1))
            while sum(map(len, got)) < (at + 1) * 10_000:
                each = await client.next()
                assert each is not None
                if each.type == DATA:
                    got.append(each.payload)
                    for stream_id in (0, 1):
                        credit = len(each.payload).to_bytes(4, "big")
                        client.send(frame(WINDOW_UPDATE, 0, stream_id, credit))
        return b"".join(got)

    assert served(echo, talk, loop=loop) == b"".join(pieces)


def test_send_waits_for_the_client() -> None:
    sent = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await head(send)
        for _ in range(100):
            await body(send, b"x" * 10_000, True)
            sent.append(True)
        await body(send)

    async def talk(client: RawClient) -> int:
        client.send(client.request(1))
        await client.until(DATA)
        await client.settled()
        await client.settled()
        waiting = len(sent)
        client.send(*(frame(WINDOW_UPDATE, 0, at, (10**7).to_bytes(4, "big")) for at in (0, 1)))
        frames = await client.stream(1)
        assert sum(len(each.payload) for each in frames if each.type == DATA) > 900_000
        return waiting

    assert 1 <= served(app, talk, {INITIAL_WINDOW_SIZE: 1000}) < 50
    assert len(sent) == 100


def test_an_upload_waits_for_the_application() -> None:
    go = asyncio.Event()
    size = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await go.wait()
        more = True
        while more:
            message = await receive()
            size.append(len(message["body"]))
            more = message["more_body"]
        await head(send)
        await body(send)

    async def talk(client: RawClient) -> None:
        client.send(client.request(1, method="POST", end=False))
        for _ in range(4):
            client.send(client.data(1, b"x" * 10_000))
        await client.settled()
        await client.settled()
        assert all(each.type != WINDOW_UPDATE or not each.stream_id for each in client.seen)
        go.set()
        client.send(client.data(1, b"", end=True))
        await client.response(1)

    served(app, talk)
    assert sum(size) == 40_000


def test_an_application_learns_that_the_client_took_the_request_back() -> None:
    learned = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await head(send)
        await body(send, b"x", True)
        assert (await receive())["type"] == "http.request"
        learned.append((await receive())["type"])
        try:
            await body(send, b"y", True)
        except OSError as error:
            learned.append(type(error).__name__)

    async def talk(client: RawClient) -> None:
        client.send(client.request(1))
        await client.until(DATA)
        client.send(frame(RST_STREAM, 0, 1, (8).to_bytes(4, "big")))
        await eventually(lambda: len(learned) == 2)

    served(app, talk)
    assert learned == ["http.disconnect", "ClientDisconnected"]


def test_early_hints_trailers_and_head() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.early_hint", "links": [b"</a.css>; rel=preload"]})
        await head(send, trailers=True)
        await body(send, b"x")
        trailers = [(b"checksum", b"1")]
        await send({"type": "http.response.trailers", "headers": trailers})

    async def talk(client: RawClient) -> Any:
        client.send(client.request(1), client.request(3, method="HEAD"))
        frames = await client.stream(1, 3)
        return [
            [
                each.fields[0] if each.fields else each.payload
                for each in frames
                if each.stream_id == at
            ]
            for at in (1, 3)
        ]

    got, without = served(app, talk)
    assert got[0] == (":status", "103")
    assert got[1] == (":status", "200")
    assert b"".join(got[2:-1]) == b"x"
    assert got[-1] == ("checksum", "1")
    assert [each for each in without if each] == [(":status", "103"), (":status", "200")]


def test_a_push_is_answered_by_the_application() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["path"] == "/":
            assert "http.response.push" in scope["extensions"]
            await send({"type": "http.response.push", "path": "/a.css", "headers": []})
        await head(send)
        await body(send, scope["path"].encode())

    async def talk(client: RawClient) -> Any:
        client.send(client.request(1))
        promise = await client.until(PUSH_PROMISE)
        assert (":path", "/a.css") in promise.fields
        frames = await client.stream(1, 2)
        return {
            each.stream_id: each.payload for each in frames if each.payload and each.type == DATA
        }

    assert served(app, talk, {ENABLE_PUSH: 1}) == {1: b"/", 2: b"/a.css"}


def test_pathsend(tmp_path: Path) -> None:
    file = tmp_path / "large"
    file.write_bytes(bytes(range(256)) * 1200)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await head(send)
        await send({"type": "http.response.pathsend", "path": str(file)})

    async def talk(client: RawClient) -> bytes:
        client.send(frame(WINDOW_UPDATE, 0, 0, (10**7).to_bytes(4, "big")), client.request(1))
        _, got = await client.response(1)
        return got

    assert served(app, talk, {INITIAL_WINDOW_SIZE: 10**6}) == file.read_bytes()


def test_tls_with_a_client_certificate(tls_files: TLSFiles, tmp_path: Path) -> None:
    mine = make_client_certificate(tmp_path)
    server = tls_files.server_context()
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(mine.cert)
    client = tls_files.client_context("h2")
    client.load_cert_chain(mine.cert, mine.key)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        name = scope["extensions"]["tls"]["client_cert_name"]
        await head(send)
        await body(send, f"{scope['scheme']} {name}".encode())

    async def talk(raw: RawClient) -> bytes:
        raw.send(raw.request(1))
        return (await raw.response(1))[1]

    assert served(app, talk, tls=client, ssl=server) == b"https CN=somebody"


def test_the_application_of_a_request_ends_before_the_lifespan() -> None:
    record = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for _ in range(2):
                kind = (await receive())["type"]
                record.append(kind)
                await send({"type": f"{kind}.complete"})
            return
        await head(send)
        await body(send)
        await asyncio.sleep(0.01)
        record.append("background")

    async def main() -> None:
        async with (
            ApplicationServer(LOCAL, ASGIHost(app), http1=False) as server,
            client_of(server) as client,
        ):
            client.send(client.request(1))
            await client.response(1)

    run(main())
    assert record == ["lifespan.startup", "background", "lifespan.shutdown"]
