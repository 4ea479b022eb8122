"""A server over TLS, with a log of its requests, a pushed style sheet and a body from a file.

python -m plait.compat examples/nghttp2_tls.py CERT KEY [PORT]
curl --http2 --insecure https://127.0.0.1:8443/
"""

import io
import logging
import ssl
import sys

import nghttp2


class Handler(nghttp2.BaseRequestHandler):
    def on_headers(self):
        self.push(
            path="/css/style.css",
            request_headers=[("content-type", "text/css")],
            status=200,
            body="body{margin:0;}",
        )
        self.send_response(
            status=200,
            headers=[("content-type", "text/plain")],
            body=io.BytesIO(b"nghttp2-python FTW"),
        )


if len(sys.argv) < 3:
    sys.exit(__doc__)
logging.basicConfig(level=logging.INFO)

context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1], sys.argv[2])

port = int(sys.argv[3]) if len(sys.argv) > 3 else 8443
server = nghttp2.HTTP2Server(("127.0.0.1", port), Handler, ssl=context)
host, port = server.server.sockets[0].getsockname()
print(f"https://{host}:{port}/", flush=True)
server.serve_forever()
