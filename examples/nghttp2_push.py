"""A page that brings its style sheet along: the server pushes it before it is asked for.

python -m plait.compat examples/nghttp2_push.py [PORT]
nghttp -nv http://127.0.0.1:8080/
"""

import sys

import nghttp2

PAGE = b"<!doctype html><link rel=stylesheet href=/style.css><p>Pushed.\n"


class Handler(nghttp2.BaseRequestHandler):
    def on_headers(self):
        if self.path == b"/style.css":
            self.send_style()
            return
        # Before the response: the client must know of the push when it meets the link.
        self.push(
            path="/style.css",
            request_headers=[("accept", "text/css")],
            status=200,
            headers=[("content-type", "text/css")],
            body="body{margin:0;}",
        )
        self.send_response(headers=[("content-type", "text/html")], body=PAGE)

    def send_style(self):
        self.send_response(headers=[("content-type", "text/css")], body="body{margin:0;}")


port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
server = nghttp2.HTTP2Server(("127.0.0.1", port), Handler)
host, port = server.server.sockets[0].getsockname()
print(f"http://{host}:{port}/", flush=True)
server.serve_forever()
