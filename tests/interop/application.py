"""An application with something for every client, to be run as a process of its own.

    python application.py [--tls CERT KEY] [--asyncio]

It prints `port N` when it listens. What each path does stands at its method; `/report` tells
what the process has seen and uses, so that a test can ask it from outside.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import os
import ssl
from collections import Counter, deque
from typing import Any, ClassVar
from urllib.parse import parse_qsl

from plait import build_info
from plait.server import DATA_DEFERRED, DATA_EOF, DATA_OK, BaseRequestHandler, HTTP2Server

# Octets of a period that is prime, so that a frame lost or sent twice cannot go unnoticed.
PATTERN = bytes(range(1, 252))
BLOCK = PATTERN * 512

GRPC = [("content-type", "application/grpc")]


def pattern(size: int) -> bytes:
    """What `/bytes` sends."""
    return (PATTERN * (size // len(PATTERN) + 1))[:size]


class Made:
    """A body of many octets, none of which is there before it is asked for."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.sent = 0

    def __call__(self, n: int) -> tuple[bytes, int]:
        start = self.sent % len(PATTERN)
        wanted = min(n, self.size - self.sent, len(BLOCK) - start)
        self.sent += wanted
        Application.made += wanted
        return BLOCK[start : start + wanted], DATA_EOF if self.sent == self.size else DATA_OK


class Queue:
    """A body that is written bit by bit, and waits where there is nothing yet."""

    def __init__(self, handler: BaseRequestHandler) -> None:
        self.handler = handler
        self.waiting: deque[bytes] = deque()
        self.ended = False

    def put(self, data: bytes) -> None:
        self.waiting.append(data)
        self.handler.resume()

    def end(self) -> None:
        self.ended = True
        self.handler.resume()

    def __call__(self, n: int) -> tuple[bytes | None, int]:
        if not self.waiting:
            return (b"", DATA_EOF) if self.ended else (None, DATA_DEFERRED)
        data = self.waiting.popleft()
        if len(data) > n:
            self.waiting.appendleft(data[n:])
            data = data[:n]
        return data, DATA_EOF if self.ended and not self.waiting else DATA_OK


class Application(BaseRequestHandler):
    """Calls the method that bears the name of the path, with the query as its arguments."""

    made = 0
    opened = 0
    closed: ClassVar[Counter[int]] = Counter()
    requests = 0
    connections = 0
    # The address and the latest stream of each connection, by an id that may be used again: by
    # another connection then, with another address or a stream that is no higher.
    latest: ClassVar[dict[int, tuple[Any, int]]] = {}

    def __init__(self, http2: Any, stream_id: int) -> None:
        super().__init__(http2, stream_id)
        Application.opened += 1
        self.digest = hashlib.sha256()
        self.received = 0
        self.queue: Queue | None = None
        self.messages: Messages | None = None
        self.answer: Any = None

    def on_headers(self) -> None:
        Application.requests += 1
        address, stream_id = Application.latest.get(id(self.http2), (None, 0))
        if address != self.remote_address or self.stream_id <= stream_id:
            Application.connections += 1
        Application.latest[id(self.http2)] = (self.remote_address, self.stream_id)
        path, _, query = (self.path or b"*").decode().partition("?")
        name = path.strip("/").lower().replace("/", "_").replace(".", "_")
        method = getattr(self, "do_" + name, None)
        if method is None:
            self.send_response(404, body=f"no {path} here\n")
        else:
            method(**{name: int(value) for name, value in parse_qsl(query)})

    def on_data(self, data: bytes) -> None:
        self.received += len(data)
        self.digest.update(data)
        if self.messages is not None:
            self.take_messages(data)
        elif self.queue is not None:
            self.queue.put(data)

    def on_request_done(self) -> None:
        if self.answer is not None:
            self.answer()
        elif self.queue is not None:
            self.queue.end()

    def on_close(self, error_code: int) -> None:
        Application.closed[error_code] += 1

    def send_json(self, found: Any) -> None:
        self.send_response(200, [("content-type", "application/json")], json.dumps(found))

    # --- ordinary things ------------------------------------------------------------------------

    def do_(self) -> None:
        """A page, for browsers to stand on."""
        self.send_response(200, [("content-type", "text/html")], "<!DOCTYPE html><title>x</title>")

    def do_hello(self, x: int = 0) -> None:
        self.send_response(200, [("content-type", "text/plain")], b"Hello, world\n")

    def do_bytes(self, n: int, length: int = 1) -> None:
        """`n` octets of the pattern, with or without content-length."""
        fields = [("content-length", str(n))] if length else []
        self.send_response(200, fields, Made(n))

    def do_status(self, code: int) -> None:
        self.send_response(code)

    def do_fields(self) -> None:
        """The fields of the request; its trailers too."""

        def answer() -> None:
            fields = [*self.headers, *self.trailers]
            self.send_json([[name.decode(), value.decode()] for name, value in fields])

        self.answer = answer

    def do_many(self, count: int, size: int) -> None:
        """Fields that need CONTINUATION."""
        self.send_response(200, [(f"x-{n}", "v" * size) for n in range(count)], b"many")

    def do_interim(self, count: int) -> None:
        for n in range(count):
            self.send_early_hints([f"/hint-{n}.css"])
        self.send_response(200, body=b"final")

    def do_trailers(self, n: int = 5) -> None:
        body = Made(n)
        self.send_response(200, body=body, trailers=lambda: [("x-sum", str(body.sent))])

    def do_push(self, n: int = 5) -> None:
        for name in ("one", "two"):
            self.push(f"/pushed/{name}", headers=[("x-name", name)], body=pattern(n))
        self.send_response(200, body=b"pushing" if self.push_enabled else b"not pushing")

    # --- uploads --------------------------------------------------------------------------------

    def do_sink(self) -> None:
        """Number and digest of the octets received, when all are there."""
        self.answer = lambda: self.send_json([self.received, self.digest.hexdigest()])

    def do_echo(self) -> None:
        """Every octet goes back as soon as it has come."""
        self.queue = Queue(self)
        self.send_response(200, [("content-type", "application/octet-stream")], self.queue)

    def do_refuse(self) -> None:
        """An answer that does not wait for the upload."""
        self.send_response(413, body=b"too much")

    # --- things that take time ------------------------------------------------------------------

    def do_never(self) -> None:
        """A first octet and then nothing."""
        self.queue = Queue(self)
        self.queue.put(b".")
        self.answer = lambda: None
        self.send_response(200, [("content-type", "text/plain")], self.queue)

    def do_silent(self) -> None:
        """No answer at all."""
        self.answer = lambda: None

    def do_events(self, count: int, interval: int) -> None:
        """Server-sent events, one every `interval` milliseconds."""
        queue = Queue(self)
        loop = asyncio.get_running_loop()

        def event(number: int) -> None:
            queue.put(f"id: {number}\ndata: event {number}\n\n".encode())
            if number + 1 < count:
                loop.call_later(interval / 1000, event, number + 1)
            else:
                queue.end()

        self.send_response(200, [("content-type", "text/event-stream")], queue)
        event(0)

    def do_delay(self, ms: int) -> None:
        asyncio.get_running_loop().call_later(ms / 1000, self.send_response, 200, None, self.path)

    # --- gRPC, framed by hand -------------------------------------------------------------------

    def do_plait_test_unary(self) -> None:
        """One message comes; its octets go back in reverse, in one message."""
        self.messages = Messages()

        def answer() -> None:
            (message,) = self.messages.whole
            self.send_response(
                200, GRPC, message_of(message[::-1]), trailers=[("grpc-status", "0")]
            )

        self.answer = answer

    def do_plait_test_chat(self) -> None:
        """Every message is answered as soon as it is there."""
        self.messages = Messages()
        self.queue = Queue(self)
        self.send_response(200, GRPC, self.queue, trailers=[("grpc-status", "0")])

    def do_plait_test_count(self) -> None:
        """The message is a number: so many messages come back."""
        self.messages = Messages()

        def answer() -> None:
            queue = Queue(self)
            for number in range(int(self.messages.whole[0])):
                queue.put(message_of(b"%d" % number))
            queue.end()
            self.send_response(200, GRPC, queue, trailers=[("grpc-status", "0")])

        self.answer = answer

    def do_plait_test_fail(self) -> None:
        """An error that is all trailers."""
        self.messages = Messages()
        error = [*GRPC, ("grpc-status", "9"), ("grpc-message", "not%20today")]
        self.answer = lambda: self.send_response(200, error)

    def take_messages(self, data: bytes) -> None:
        for message in self.messages.feed(data):
            if self.queue is not None:
                self.queue.put(message_of(message.upper()))

    # --- what the process knows of itself -------------------------------------------------------

    def do_report(self) -> None:
        cls = Application
        with open("/proc/self/statm", encoding="ascii") as file:
            resident = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
        self.send_json(
            {
                "pid": os.getpid(),
                "resident": resident,
                "made": cls.made,
                "open": cls.opened - cls.closed.total() - 1,
                "closed": cls.closed,
                "connections": cls.connections,
                "requests": cls.requests,
                "build": str(build_info()),
            }
        )


class Messages:
    """Cuts a gRPC body into messages: a flag, four octets of length, the octets."""

    def __init__(self) -> None:
        self.buffer = b""
        self.whole: list[bytes] = []

    def feed(self, data: bytes) -> list[bytes]:
        self.buffer += data
        found: list[bytes] = []
        while len(self.buffer) >= 5:
            end = 5 + int.from_bytes(self.buffer[1:5], "big")
            if len(self.buffer) < end:
                break
            found.append(self.buffer[5:end])
            self.buffer = self.buffer[end:]
        self.whole += found
        return found


def message_of(octets: bytes) -> bytes:
    return b"\0" + len(octets).to_bytes(4, "big") + octets


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--tls", nargs=2, metavar=("CERT", "KEY"))
    parser.add_argument("--asyncio", action="store_true")
    options = parser.parse_args()
    context = None
    if options.tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*options.tls)
    loop = asyncio.new_event_loop() if options.asyncio else None
    server = HTTP2Server(("127.0.0.1", 0), Application, ssl=context, loop=loop)
    print("port", server.port, flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
