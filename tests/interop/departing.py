"""A server that is told to stop in the middle of its work, and counts what it did to the end.

    python departing.py [--tls CERT KEY] [--delay MS] [--size OCTETS] [--after REQUESTS]

It prints `port N` when it listens, `under way` when so many requests have begun, and when it has
stopped by itself one line: `begun N complete N cut N`.
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
from typing import Any, ClassVar

from plait.server import DATA_EOF, DATA_OK, BaseRequestHandler, HTTP2Server

BLOCK = bytes(range(256)) * 64


class Made:
    """A body that is made while it is sent."""

    def __init__(self, size: int) -> None:
        self.left = size

    def __call__(self, most: int) -> tuple[bytes, int]:
        piece = BLOCK[: min(most, self.left)]
        self.left -= len(piece)
        return piece, DATA_OK if self.left else DATA_EOF


class Departing(BaseRequestHandler):
    """Answers, at once or after some time, and counts."""

    options: ClassVar[argparse.Namespace]
    begun = 0
    complete = 0
    cut = 0

    def on_headers(self) -> None:
        cls = Departing
        cls.begun += 1
        if cls.begun == self.options.after:
            print("under way", flush=True)
        if self.options.delay:
            # some sooner than others, so that answers overtake each other
            late = self.options.delay * (1 + cls.begun % 3) / 1000
            asyncio.get_running_loop().call_later(late, self.answer)
        else:
            self.answer()

    def answer(self) -> None:
        size = self.options.size
        body: Any = BLOCK[:size] if size <= 100 else Made(size)
        self.send_response(200, [("content-length", str(size))], body)

    def on_close(self, error_code: int) -> None:
        if error_code:
            Departing.cut += 1
        else:
            Departing.complete += 1


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--delay", type=int, default=0)
    parser.add_argument("--size", type=int, default=13)
    parser.add_argument("--after", type=int, default=1)
    Departing.options = options = parser.parse_args()
    context = None
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.tls)
    server = HTTP2Server(("127.0.0.1", 0), Departing, ssl=context)
    print("port", server.port, flush=True)
    server.serve_forever()
    cls = Departing
    print("begun", cls.begun, "complete", cls.complete, "cut", cls.cut, flush=True)


if __name__ == "__main__":
    main()
