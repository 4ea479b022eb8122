"""Server-sent events from an asynchronous generator, one each half second.

python examples/clock.py [PORT]
curl -N --http2-prior-knowledge http://127.0.0.1:8080/
"""

import asyncio
import sys
import time

from plait.server import BaseRequestHandler, HTTP2Server


async def ticks():
    while True:
        yield f"data: {time.strftime('%H:%M:%S')}\n\n".encode()
        await asyncio.sleep(0.5)


class Clock(BaseRequestHandler):
    def on_request_done(self):
        fields = [("content-type", "text/event-stream"), ("cache-control", "no-store")]
        self.send_response(200, fields, ticks())


server = HTTP2Server(("127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 8080), Clock)
print(f"http://127.0.0.1:{server.port}/", flush=True)
server.serve_forever()
