"""The smallest server: every answer is the same.

python examples/hello.py [PORT]
curl --http2-prior-knowledge http://127.0.0.1:8080/
"""

import sys

from plait.server import BaseRequestHandler, HTTP2Server


class Hello(BaseRequestHandler):
    def on_request_done(self):
        self.send_response(200, [("content-type", "text/plain")], b"Hello, HTTP/2!\n")


server = HTTP2Server(("127.0.0.1", int(sys.argv[1]) if sys.argv[1:] else 8080), Hello)
print(f"http://127.0.0.1:{server.port}/", flush=True)
server.serve_forever()
