"""A WSGI application over HTTP/2.

python -m plait.compat examples/nghttp2_wsgi.py [PORT]
curl --http2-prior-knowledge -d some=data http://127.0.0.1:8080/path
"""

import sys

import nghttp2
from nghttp2 import wsgi


def application(environ, start_response):
    received = environ["wsgi.input"].read()
    text = "{REQUEST_METHOD} {PATH_INFO} by {SERVER_PROTOCOL}\n".format(**environ)
    start_response("200 OK", [("Content-Type", "text/plain; charset=utf-8")])
    return [text.encode(), received]


port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
server = nghttp2.HTTP2Server(("127.0.0.1", port), wsgi.wsgi_app(application))
host, port = server.server.sockets[0].getsockname()
print(f"http://{host}:{port}/", flush=True)
server.serve_forever()
