"""The application that the files beside this one serve; put yours in its place."""


async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
    host, _ = scope["client"] or ("somebody", 0)
    text = f"{scope['scheme']}, HTTP/{scope['http_version']}, asked by {host}\n".encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", b"%d" % len(text))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": text})
