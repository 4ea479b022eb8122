"""Real clients of WebSockets: ``websockets`` over HTTP/1.1, frames of RFC 8441 over HTTP/2."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import FrameProtocol

from plait.server import ApplicationServer
from plait.server.asgi import ASGIHost
from plait.server.websocket import WebSocketOptions
from tests.server.rawclient import DATA, HEADERS, RST_STREAM, WINDOW_UPDATE, client_of, frame, run

pytest.importorskip("httptools")

OFFER = ("sec-websocket-extensions", "permessage-deflate; client_max_window_bits")


class Echo:
    """Sends back what it gets; what a text asks for, it does.

    :ivar ends: what it was told at the end of each WebSocket.
    """

    def __init__(self) -> None:
        self.ends: list[tuple[int, str]] = []
        self.ended = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        assert scope["type"] == "websocket"
        assert (await receive())["type"] == "websocket.connect"
        if scope["path"] == "/forbidden":
            await send({"type": "websocket.close"})
            return
        if scope["path"] == "/denied":
            await send({"type": "websocket.http.response.start", "status": 401})
            await send({"type": "websocket.http.response.body", "body": b"who are you?"})
            return
        await send(
            {"type": "websocket.accept", "subprotocol": next(iter(scope["subprotocols"]), None)}
        )
        while (message := await receive())["type"] == "websocket.receive":
            if message.get("text") == "scope":
                told = {name: scope[name] for name in ("http_version", "scheme", "path")}
                await send({"type": "websocket.send", "text": json.dumps(told)})
            elif message.get("text") == "close":
                await send({"type": "websocket.close", "code": 4002, "reason": "as you like"})
            elif message.get("text") == "raise":
                raise ZeroDivisionError
            else:
                await send({**message, "type": "websocket.send"})
        self.ends.append((message["code"], message["reason"]))
        self.ended.set()


def server_of(app: Any, **options: Any) -> ApplicationServer:
    host = ASGIHost(app, lifespan="off", websocket=WebSocketOptions(**options))
    return ApplicationServer(("127.0.0.1", 0), host)


def client(server: ApplicationServer, path: str = "/", **options: Any) -> Any:
    port = server.sockets[0].getsockname()[1]
    return connect(f"ws://127.0.0.1:{port}{path}", proxy=None, **options)


def test_websockets_talks() -> None:
    async def main() -> None:
        app = Echo()
        async with server_of(app) as server:
            ws: ClientConnection
            async with client(server, "/chat", subprotocols=["one", "two"]) as ws:
                assert ws.subprotocol == "one"
                assert ws.response is not None
                assert ws.response.status_code == 101
                assert "permessage-deflate" in ws.response.headers["sec-websocket-extensions"]
                await ws.send("scope")
                told = {"http_version": "1.1", "scheme": "ws", "path": "/chat"}
                assert json.loads(await ws.recv()) == told
                for message in ("héllo", b"\x00\x01", "", "x" * 200_000, b"y" * 200_000):
                    await ws.send(message)
                    assert await ws.recv() == message
                await ws.send(["in ", "frag", "ments"])
                assert await ws.recv() == "in fragments"
                await (await ws.ping(b"there?"))
            await app.ended.wait()
        assert app.ends == [(1000, "")]

    run(main())


def test_websockets_sends_more_than_any_window() -> None:
    async def main() -> None:
        async with (
            server_of(Echo(), max_queue=1000) as server,
            client(server, compression=None, max_size=None) as ws,
        ):
            data = bytes(range(256)) * 12_000
            await ws.send(data)
            assert await ws.recv() == data

    run(main())


@pytest.mark.parametrize(("path", "status"), [("/forbidden", 403), ("/denied", 401)])
def test_websockets_is_refused(path: str, status: int) -> None:
    async def main() -> None:
        async with server_of(Echo()) as server:
            with pytest.raises(InvalidStatus) as caught:
                await client(server, path)
            assert caught.value.response.status_code == status
            body = caught.value.response.body
            assert body == (b"Forbidden" if status == 403 else b"who are you?")

    run(main())


@pytest.mark.parametrize(
    ("says", "code", "reason"),
    [("close", 4002, "as you like"), ("raise", 1011, ""), ("x" * 1001, 1009, "message is too big")],
)
def test_websockets_is_told_the_end(says: str, code: int, reason: str) -> None:
    async def main() -> None:
        async with server_of(Echo(), max_message_size=1000) as server, client(server) as ws:
            await ws.send(says)
            with pytest.raises(ConnectionClosed) as caught:
                await ws.recv()
            assert caught.value.rcvd is not None
            assert (caught.value.rcvd.code, caught.value.rcvd.reason) == (code, reason)

    run(main())


def test_websockets_vanishes() -> None:
    async def main() -> None:
        app = Echo()
        async with server_of(app) as server:
            ws = await client(server)
            ws.transport.abort()
            await app.ended.wait()
        assert app.ends == [(1006, "")]

    run(main())


def test_the_server_ends_under_a_websocket() -> None:
    async def main() -> None:
        app = Echo()
        server = server_of(app)
        async with server, client(server) as ws:
            closing = asyncio.ensure_future(server.close())
            with pytest.raises(ConnectionClosed) as caught:
                await ws.recv()
            assert caught.value.rcvd is not None
            assert caught.value.rcvd.code == 1012
            await closing
        assert app.ends == [(1012, "")]

    run(main())


async def opened(raw: Any, stream_id: int, path: str = "/", *fields: tuple[str, str]) -> Any:
    """Ask for a WebSocket as RFC 8441 says; return the fields of the answer."""
    asked = [(":protocol", "websocket"), ("sec-websocket-version", "13"), *fields]
    raw.send(raw.request(stream_id, path, *asked, method="CONNECT", end=False))
    return (await raw.until(HEADERS, stream_id)).fields


async def heard(raw: Any, stream_id: int, frames: FrameProtocol) -> Any:
    """The payload of the next whole message or control frame."""
    whole: Any = None
    while True:
        for got in frames.received_frames():
            whole = got.payload if whole is None else whole + got.payload
            if got.message_finished:
                return whole
        data = await raw.until(DATA, stream_id)
        raw.send(
            frame(WINDOW_UPDATE, 0, 0, len(data.payload).to_bytes(4)),
            frame(WINDOW_UPDATE, 0, stream_id, len(data.payload).to_bytes(4)),
        )
        frames.receive_bytes(data.payload)


def test_http2_talks() -> None:
    async def main() -> None:
        app = Echo()
        async with server_of(app) as server, client_of(server) as raw:
            fields = await opened(raw, 1, "/h2", OFFER, ("sec-websocket-protocol", "a"))
            assert fields[0] == (":status", "200")
            answer = dict(fields)
            assert answer["sec-websocket-protocol"] == "a"
            assert "sec-websocket-accept" not in answer
            deflate = PerMessageDeflate()
            deflate.finalize(answer["sec-websocket-extensions"])
            frames = FrameProtocol(client=True, extensions=[deflate])
            raw.send(raw.data(1, bytes(frames.send_data("scope"))))
            told = json.loads(await heard(raw, 1, frames))
            assert told == {"http_version": "2", "scheme": "ws", "path": "/h2"}
            raw.send(raw.data(1, bytes(frames.send_data("x" * 100_000))))
            assert await heard(raw, 1, frames) == "x" * 100_000
            raw.send(raw.data(1, bytes(frames.close(4000, "done"))))
            assert await heard(raw, 1, frames) == (4000, "")
            raw.send(raw.data(1, b"", end=True))
            await app.ended.wait()
            await raw.settled()
            # both sides ended: nothing was reset
            assert not [each for each in raw.seen if each.type == RST_STREAM]
        assert app.ends == [(4000, "done")]

    run(main())


def test_http2_has_other_streams_beside_a_websocket() -> None:
    async def main() -> None:
        async with server_of(Echo()) as server, client_of(server) as raw:
            first, second = (FrameProtocol(client=True, extensions=[]) for _ in range(2))
            await opened(raw, 1)
            await opened(raw, 3)
            denied = await opened(raw, 5, "/denied")
            assert denied[0] == (":status", "401")
            raw.send(raw.data(3, bytes(second.send_data("three"))))
            assert await heard(raw, 3, second) == "three"
            raw.send(raw.data(1, bytes(first.send_data("one"))))
            assert await heard(raw, 1, first) == "one"
            raw.send(frame(RST_STREAM, 0, 1, (8).to_bytes(4)))
            raw.send(raw.data(3, bytes(second.send_data("still"))))
            assert await heard(raw, 3, second) == "still"

    run(main())
