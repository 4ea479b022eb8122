"""A reverse proxy: HTTP/2 in front of a server that only speaks HTTP/1.1.

    python -m plait.compat examples/nghttp2_proxy.py UPSTREAM_PORT [PORT]
    curl --http2-prior-knowledge http://127.0.0.1:8080/

The body is generated: while the upstream server has sent nothing more, the generator answers
DATA_DEFERRED, and `resume` has it asked again. A client that reads slowly slows the upstream
server down, too: nothing is read from there while enough is waiting here.
"""

import asyncio
import sys

import nghttp2

ENOUGH = 65536  # octets that wait here at most, or a little more

# Fields that belong to the connection, which ends here.
HOP_BY_HOP = {"connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade"}


class Relay:
    """Octets on their way from upstream to the client."""

    def __init__(self, resume):
        self.resume = resume
        self.waiting = bytearray()
        self.complete = False
        self.room = asyncio.Event()
        self.room.set()

    def generate(self, n):
        """The body generator."""
        if self.waiting:
            data = bytes(self.waiting[:n])
            del self.waiting[:n]
            if len(self.waiting) < ENOUGH:
                self.room.set()
            return data, nghttp2.DATA_OK
        if self.complete:
            return None, nghttp2.DATA_EOF
        return None, nghttp2.DATA_DEFERRED

    async def add(self, data):
        self.waiting += data
        self.resume()
        if len(self.waiting) >= ENOUGH:
            self.room.clear()
        await self.room.wait()

    def end(self):
        self.complete = True
        self.resume()


class Handler(nghttp2.BaseRequestHandler):
    task = None

    def on_headers(self):
        self.task = asyncio.ensure_future(self.fetch())

    def on_close(self, error_code):
        if self.task is not None:
            self.task.cancel()

    async def fetch(self):
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", UPSTREAM)
        except OSError:
            self.send_response(status=502, body="The server behind this one does not answer.\n")
            return
        try:
            writer.write(
                b"%b %b HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n"
                % (self.method, self.path, self.host)
            )
            status = int((await reader.readline()).split()[1])
            headers = []
            while line := (await reader.readline()).strip():
                name, _, value = line.decode("latin-1").partition(":")
                if name.lower() not in HOP_BY_HOP:
                    headers.append((name, value.strip()))
            relay = Relay(self.resume)
            self.send_response(status=status, headers=headers, body=relay.generate)
            while data := await reader.read(16384):
                await relay.add(data)
            relay.end()
        finally:
            writer.close()


if len(sys.argv) < 2:
    sys.exit(__doc__)
UPSTREAM = int(sys.argv[1])
port = int(sys.argv[2]) if len(sys.argv) > 2 else 8080
server = nghttp2.HTTP2Server(("127.0.0.1", port), Handler)
host, port = server.server.sockets[0].getsockname()
print(f"http://{host}:{port}/", flush=True)
server.serve_forever()
