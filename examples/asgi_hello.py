"""An ASGI application: a greeting, an upload that is counted, and a clock for as long as one likes.

plait asgi_hello:app --app-dir examples
curl http://127.0.0.1:8080/world
curl --http2-prior-knowledge -N http://127.0.0.1:8080/clock
"""

import asyncio
import time


async def app(scope, receive, send):
    if scope["type"] != "http":
        raise ValueError(f"{scope['type']} is not for this application")
    if scope["path"] == "/clock":
        await clock(send)
    elif scope["method"] == "POST":
        octets = 0
        more = True
        while more:
            message = await receive()
            octets += len(message.get("body", b""))
            more = message.get("more_body", False)
        await answer(send, b"%d octets\n" % octets)
    else:
        await answer(send, f"Hello, {scope['path'][1:] or 'you'}!\n".encode())


async def answer(send, body):
    headers = [(b"content-type", b"text/plain; charset=utf-8")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def clock(send):
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    while True:  # send raises when the client has gone
        body = time.strftime("data: %H:%M:%S\n\n").encode()
        await send({"type": "http.response.body", "body": body, "more_body": True})
        await asyncio.sleep(1)
