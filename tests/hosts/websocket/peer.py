"""A client of WebSockets without a connection: on a recording exchange, with wsproto's frames."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from wsproto.extensions import PerMessageDeflate
from wsproto.frame_protocol import FrameProtocol, Opcode

from plait.server.asgi import ASGIHost
from plait.server.websocket import WebSocketOptions
from tests.support.exchange import RecordingExchange

App = Callable[[Any, Any, Any], Awaitable[None]]
KEY = base64.b64encode(b"sixteen octets..")
VERSION = (b"sec-websocket-version", b"13")
QUIET = WebSocketOptions(ping_interval=None)


class CutExchange(RecordingExchange):
    """Tells when it is aborted.

    :ivar cut: it was.
    """

    cut: asyncio.Event

    def abort(self) -> None:
        super().abort()
        self.cut.set()


class Client:
    """The client of one WebSocket.

    :ivar exchange: what the server answers on.
    """

    def __init__(
        self,
        app: App,
        options: WebSocketOptions = QUIET,
        *,
        headers: Any = (),
        http_version: str = "2",
        without: bytes = b"",
        **settings: Any,
    ) -> None:
        fields = [VERSION, *headers]
        if http_version == "1.1":
            fields.append((b"sec-websocket-key", KEY))
        if without:
            fields = [field for field in fields if field[0] != without] + list(headers)
        settings.setdefault("complete", False)
        settings.setdefault("protocol", b"websocket")
        self.exchange = CutExchange(
            b"CONNECT" if http_version == "2" else b"GET",
            settings.pop("path", b"/chat?room=1"),
            fields,
            http_version=http_version,
            **settings,
        )
        self.exchange.cut = asyncio.Event()
        self.host = ASGIHost(app, websocket=options)
        self.frames = FrameProtocol(client=True, extensions=[])
        self._read = 0
        self.exchange.open(self.host)

    def compress(self, **parameters: Any) -> None:
        """Speak permessage-deflate as the server has agreed to."""
        extension = PerMessageDeflate(**parameters)
        answer = dict(self.exchange.response_headers)[b"sec-websocket-extensions"]
        extension.finalize(answer.decode())
        self.frames = FrameProtocol(client=True, extensions=[extension])

    def says(self, data: str | bytes, fin: bool = True) -> None:
        """Send a message, or a fragment."""
        self.exchange.data(bytes(self.frames.send_data(data, fin)))

    def pings(self, payload: bytes) -> None:
        self.exchange.data(bytes(self.frames.ping(payload)))

    def pongs(self, payload: bytes) -> None:
        self.exchange.data(bytes(self.frames.pong(payload)))

    def closes(self, code: int | None = None, reason: str | None = None) -> None:
        self.exchange.data(bytes(self.frames.close(code, reason)))

    def hears(self) -> list[tuple[str, Any]]:
        """The frames that came since this was asked last."""
        sent = [entry[1] for entry in self.exchange.sent if entry[0] == "write"]
        for data in sent[self._read :]:
            self.frames.receive_bytes(data)
        self._read = len(sent)
        found: list[tuple[str, Any]] = []
        for frame in self.frames.received_frames():
            payload: Any = frame.payload
            if frame.opcode == Opcode.CLOSE:
                payload = (int(payload[0]), payload[1])
            found.append((frame.opcode.name.lower(), payload))
        return found


async def turns() -> None:
    """Lets the event loop do what there is to do."""
    for _ in range(8):
        await asyncio.sleep(0)


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Runs a test in an event loop."""
    asyncio.run(asyncio.wait_for(main(), 20))


class Script:
    """An application that accepts, does as the test says, and keeps what it receives.

    :ivar heard: what ``receive`` returned.
    """

    def __init__(self, *, accept: bool = True, listen: bool = True, **message: Any) -> None:
        self.heard: list[Any] = []
        self.scope: Any = None
        self.receive: Any = None
        self.send: Any = None
        self._accept: dict[str, Any] | None = {"type": "websocket.accept", **message}
        if not accept:
            self._accept = None
        self._listen = listen
        self.ends = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.scope, self.receive, self.send = scope, receive, send
        self.heard.append(await receive())
        if self._accept is not None:
            await send(self._accept)
        while self._listen:
            message = await receive()
            self.heard.append(message)
            if message["type"] == "websocket.disconnect":
                return
        await self.ends.wait()

    @property
    def messages(self) -> list[Any]:
        """The data of the messages that came."""
        return [m.get("text", m.get("bytes")) for m in self.heard if m["type"].endswith("receive")]

    @property
    def verdict(self) -> tuple[int, str] | None:
        """How it ended, as the application was told."""
        last = self.heard[-1]
        return (last["code"], last["reason"]) if last["type"] == "websocket.disconnect" else None
