"""A page that takes its time, and tells at once what it will need.

A client that takes pushes gets the style sheet pushed; any other is sent 103 Early Hints, upon
which a browser fetches the style sheet while the page is still being made.

python examples/early_hints.py [PORT]
nghttp -v http://127.0.0.1:8080/
curl -v --http2-prior-knowledge http://127.0.0.1:8080/
"""

import asyncio
import sys

from plait.server import BaseRequestHandler, HTTP2Server

PAGE = b'<!doctype html><link rel="stylesheet" href="/style.css"><h1>Early</h1>\n'
STYLE = b"h1 { color: teal }\n"
HTML = [("content-type", "text/html; charset=utf-8")]
CSS = [("content-type", "text/css")]


class Page(BaseRequestHandler):
    async def on_request_done(self):
        if self.path == b"/style.css":
            self.send_response(200, CSS, STYLE)
        elif self.path == b"/":
            self.push("/style.css", headers=CSS, body=STYLE, early_hints=True)
            await asyncio.sleep(0.2)  # a database, perhaps
            self.send_response(200, HTML, PAGE)
        else:
            self.send_response(404)


async def main(port):
    async with HTTP2Server(("127.0.0.1", port), Page) as server:
        print(f"http://127.0.0.1:{server.port}/", flush=True)
        await server.wait_closed()


asyncio.run(main(int(sys.argv[1]) if sys.argv[1:] else 8080))
