"""The handlers that the server rows measure: ``python -m benchmarks.apps APP PORT [KEY CERT]``."""

from __future__ import annotations

import contextlib
import ssl
import sys

from benchmarks.traffic import BIG_BODY, BODY
from plait.http2 import Config
from plait.server import BaseRequestHandler, HTTP2Server


class Hello(BaseRequestHandler):
    """Thirteen octets, as the tutorial of the nghttp2 module would write it."""

    def on_headers(self) -> None:
        self.send_response(
            status=200,
            headers=[("content-type", "text/plain"), ("content-length", "13")],
            body=BODY,
        )


class HelloInFull(BaseRequestHandler):
    """Thirteen octets under the very fields that nghttpd sends."""

    FIELDS = (
        (b"server", b"nghttpd nghttp2/1.52.0"),
        (b"cache-control", b"max-age=3600"),
        (b"date", b"Sat, 21 Nov 2026 08:00:00 GMT"),
        (b"content-length", b"13"),
        (b"last-modified", b"Sat, 21 Nov 2026 07:00:00 GMT"),
        (b"content-type", b"text/plain"),
    )

    def on_headers(self) -> None:
        self.send_response(status=200, headers=list(self.FIELDS), body=BODY)


class Download(BaseRequestHandler):
    """Ten MiB from memory."""

    def on_headers(self) -> None:
        self.send_response(
            status=200, headers=[("content-length", str(len(BIG_BODY)))], body=BIG_BODY
        )


class Sink(BaseRequestHandler):
    """Reads the request's body, counts it, throws it away, answers thirteen octets."""

    def on_headers(self) -> None:
        self.received = 0

    def on_data(self, data: bytes) -> None:
        self.received += len(data)

    def on_request_done(self) -> None:
        self.send_response(status=200, headers=[("content-length", "13")], body=BODY)


class GrpcEcho(BaseRequestHandler):
    """Any gRPC call's message, back as it came."""

    def on_headers(self) -> None:
        self.message = b""

    def on_data(self, data: bytes) -> None:
        self.message += data

    def on_request_done(self) -> None:
        self.send_response(
            status=200,
            headers=[("content-type", "application/grpc+octets")],
            body=self.message,
            trailers=[("grpc-status", "0")],
        )


HANDLERS: dict[str, type[BaseRequestHandler]] = {
    "hello": Hello,
    "hello-in-full": HelloInFull,
    "download": Download,
    "sink": Sink,
    "many": Sink,
    "grpc-echo": GrpcEcho,
}

#: Room for the thousand open streams of one of the suites.
CONFIGS = {"many": Config(max_concurrent_streams=2000)}


def main(app: str, port: int, tls: list[str]) -> None:
    """Serve one app until terminated."""
    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(keyfile=tls[0], certfile=tls[1])
    server = HTTP2Server(("127.0.0.1", port), HANDLERS[app], ssl=context, config=CONFIGS.get(app))
    with contextlib.suppress(KeyboardInterrupt):
        server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
