"""A server in clear text, and every answer is the same.

python -m plait.compat examples/nghttp2_hello.py [PORT]
curl --http2-prior-knowledge http://127.0.0.1:8080/
"""

import sys

import nghttp2


class Handler(nghttp2.BaseRequestHandler):
    def on_headers(self):
        text = b"nghttp2 FTW\n"
        self.send_response(
            status=200,
            headers=[("content-type", "text/plain"), ("content-length", str(len(text)))],
            body=text,
        )


port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
server = nghttp2.HTTP2Server(("127.0.0.1", port), Handler)
host, port = server.server.sockets[0].getsockname()
print(f"http://{host}:{port}/", flush=True)
server.serve_forever()
