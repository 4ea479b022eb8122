"""A server on plait's own classes: tells each client, in JSON, what it asked for.

It answers like asyncio_h2_echo.py, which is written for h2.

python examples/json_echo.py --clear
curl --http2-prior-knowledge -d some=data http://127.0.0.1:8000/path

Without --clear it speaks TLS, with localhost.pem and localhost-key.pem.
"""

import argparse
import contextlib
import json
import ssl

from plait.server import BaseRequestHandler, HTTP2Server


class Echo(BaseRequestHandler):
    """One request. Windows, back-pressure, resets and HEAD are the server's business."""

    def on_headers(self):
        self.received = bytearray()

    def on_data(self, data):
        self.received += data

    def on_request_done(self):
        answer = {
            "headers": {text(name): text(value) for name, value in self.headers},
            "body": text(self.received),
        }
        data = json.dumps(answer, indent=4).encode()
        headers = [
            ("content-type", "application/json"),
            ("content-length", str(len(data))),
            ("server", "asyncio-h2"),
        ]
        self.send_response(200, headers, data)


def text(octets):
    return octets.decode("utf-8", "replace")


def main(
    host="127.0.0.1", port=8000, *, cert="localhost.pem", key="localhost-key.pem", clear=False
):
    """Serve until Ctrl-C."""
    server = HTTP2Server((host, port), Echo, None if clear else secure_context(cert, key))
    name = f"[{host}]" if ":" in host else host
    print(f"{'http' if clear else 'https'}://{name}:{server.port}/", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


def secure_context(cert, key):
    """A context for TLS; the server offers HTTP/2 in it, and nothing else."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        context.load_cert_chain(cert, key)
    except OSError as problem:
        raise OSError(f"cannot use {cert} with {key}: {problem.strerror or problem}") from problem
    return context


class Arguments(argparse.ArgumentParser):
    def error(self, message):
        self.exit(2, f"{self.prog}: {message}\n")


if __name__ == "__main__":
    arguments = Arguments(description=__doc__.partition("\n")[0])
    arguments.add_argument("--host", default="127.0.0.1")
    arguments.add_argument("--port", type=int, default=8000, help="0 takes a free one")
    arguments.add_argument("--cert", default="localhost.pem", help="the certificate, in PEM")
    arguments.add_argument("--key", default="localhost-key.pem", help="its key, in PEM")
    arguments.add_argument("--clear", action="store_true", help="clear text, without TLS")
    try:
        main(**vars(arguments.parse_args()))
    except (OSError, ValueError) as problem:
        arguments.error(problem)
