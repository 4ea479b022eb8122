"""Chromium's WebSockets, on the HTTP/2 connection that their page came in."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import async_playwright

from plait.server import ApplicationServer
from plait.server.asgi import ASGIHost
from tests.support.certs import TLSFiles
from tests.support.chromium import flags
from tests.support.peers import require_tool

pytestmark = [pytest.mark.interop, pytest.mark.slow]

TALK = """
() => new Promise((resolve) => {
  const heard = [];
  const socket = new WebSocket(`wss://${location.host}/chat`, ['one', 'two']);
  const large = 'x'.repeat(300000);
  socket.onopen = () => { socket.send('héllo'); socket.send(large); };
  socket.onmessage = (event) => {
    heard.push(event.data === large ? 'large' : event.data);
    if (heard.length === 2) socket.close(4000, 'done');
  };
  socket.onclose = (event) => resolve(
    [heard, socket.protocol, socket.extensions, event.code, event.wasClean]);
})
"""


def test_chromium_talks_over_http2(tls_files: TLSFiles) -> None:
    chromium = require_tool("chromium")
    scopes: list[Any] = []
    ends: list[tuple[int, str]] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            headers = [(b"content-type", b"text/html")]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            await send({"type": "http.response.body", "body": b"<title>page</title>"})
            return
        scopes.append(scope)
        await receive()
        await send({"type": "websocket.accept", "subprotocol": scope["subprotocols"][1]})
        while (message := await receive())["type"] == "websocket.receive":
            await send({**message, "type": "websocket.send"})
        ends.append((message["code"], message["reason"]))

    async def main() -> None:
        server = ApplicationServer(
            ("127.0.0.1", 0), ASGIHost(app, lifespan="off"), tls_files.server_context()
        )
        async with server, async_playwright() as driver:
            browser = await driver.chromium.launch(executable_path=chromium, args=flags(tls_files))
            page = await browser.new_page()
            await page.goto(f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
            heard, protocol, extensions, code, clean = await page.evaluate(TALK)
            await browser.close()
        assert heard == ["héllo", "large"]
        assert protocol == "two"
        assert extensions.startswith("permessage-deflate")
        assert (code, clean) == (4000, True)

    asyncio.run(asyncio.wait_for(main(), 60))
    assert [(scope["http_version"], scope["scheme"]) for scope in scopes] == [("2", "wss")]
    assert ends == [(4000, "done")]
