"""A server: over TLS if there is a certificate, otherwise SPDY/3.1 in clear text.

python -m plait.compat examples/spdylay_server.py [PORT [CERT KEY]]
plait spdy get --plain --version 3.1 http://127.0.0.1:3000/
"""

import html
import sys

from spdylay import BaseSPDYRequestHandler, ThreadedSPDYServer


class Handler(BaseSPDYRequestHandler):
    def do_GET(self):  # noqa: N802
        if self.path == "/notfound":
            self.send_error(404)
            return
        fields = "".join(f"<li>{html.escape(f'{name}: {value}')}\n" for name, value in self.headers)
        page = f"<!DOCTYPE html>\n<h1>{html.escape(self.path)}</h1>\n<ul>\n{fields}</ul>\n"
        self.send_response(200)
        self.send_header("content-type", "text/html; charset=UTF-8")
        self.wfile.write(page.encode())

    def do_POST(self):  # noqa: N802
        octets = len(self.rfile.read()) if self.rfile else 0
        self.send_response(200)
        self.send_header("content-type", "text/plain")
        self.wfile.write(b"%d octets\n" % octets)


port = int(sys.argv[1]) if len(sys.argv) > 1 else 3000
server = ThreadedSPDYServer(("127.0.0.1", port), Handler, *sys.argv[2:4])
host, port = server.server_address
print(f"{'https' if server.ctx else 'http'}://{host}:{port}/", flush=True)
try:
    server.serve_forever()
except KeyboardInterrupt:
    server.server_close()
