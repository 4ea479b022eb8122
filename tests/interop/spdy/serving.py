"""plait as a SPDY server on a socket: on the engine itself, and spdylay's ThreadedSPDYServer."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import threading
from collections import deque
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit

from plait.compat import spdylay
from plait.http2 import DATA_DEFERRED, DATA_EOF, DATA_OK, Role
from plait.spdy import Config, Connection, Event, FrameType, StreamStatus, Version, events, frames
from tests.interop.application import pattern
from tests.interop.spdy.wire import Wire
from tests.support.certs import TLSFiles
from tests.support.process import PATIENCE

Text = tuple[str, str]

ANSWER = [(":status", "200 OK"), (":version", "HTTP/1.1")]

# One name twice, an empty value, and text that is not ASCII.
FIELDS = [("x-twice", "one"), ("x-twice", "two"), ("x-empty", ""), ("x-snow", "☃ and ä")]
FIELDS += [("set-cookie", "a=1"), ("set-cookie", "b=2")]


@dataclass
class Request:
    """A stream that the client opened."""

    stream_id: int
    fields: list[Text]
    later: list[Text] = field(default_factory=list)
    length: int = 0
    hash: Any = field(default_factory=hashlib.sha256)

    def tell(self, priority: int) -> bytes:
        found = {"length": self.length, "sha256": self.hash.hexdigest(), "priority": priority}
        return json.dumps({**found, "fields": self.fields, "later": self.later}).encode()


class Echo:
    """A body that arrives while it is sent: what is sent gives the sender credit again."""

    def __init__(self, connection: Connection, stream_id: int) -> None:
        self.connection = connection
        self.stream_id = stream_id
        self.waiting: deque[bytes] = deque()
        self.ended = False

    def read(self, most: int) -> tuple[bytes, int]:
        if not self.waiting:
            return b"", DATA_EOF if self.ended else DATA_DEFERRED
        data = self.waiting.popleft()
        if len(data) > most:
            self.waiting.appendleft(data[most:])
            data = data[:most]
        self.connection.consume(self.stream_id, len(data))
        return data, DATA_OK

    def forget(self) -> None:
        self.connection.consume(self.stream_id, sum(map(len, self.waiting)))


class Unending:
    """A body that stops after so many octets without an end, and says so once."""

    def __init__(self, size: int, stopped: list[int], stream_id: int) -> None:
        self.left = pattern(size)
        self.stopped = stopped
        self.stream_id = stream_id

    def read(self, most: int) -> tuple[bytes, int]:
        data, self.left = self.left[:most], self.left[most:]
        if data:
            return data, DATA_OK
        self.stopped.append(self.stream_id)
        return b"", DATA_DEFERRED


class NativeConnection(Wire):
    """One client's connection, on `plait.spdy.Connection`; answers as `server.js` does."""

    def __init__(self, sock: socket.socket, version: int, config: Config) -> None:
        super().__init__(sock)
        self.version = version
        self.connection = Connection(Role.SERVER, version, config)
        self.pending: bytes | memoryview = b""
        self.requests: dict[int, Request] = {}
        self.priorities: dict[int, int] = {}
        self.echoes: dict[int, Echo] = {}
        # streams that are reset with this status once their body has stopped
        self.doomed: dict[int, int] = {}
        self.stopped: list[int] = []
        # the stream that waits for answers to pings, and how many there were
        self.pinged = [0, 0]
        # streams that wait for so many others to be refused
        self.held: list[int] = []
        self.refusals = 0
        self.failed = False

    def feed(self, data: bytes) -> None:
        self.take(self.connection.receive_data(data))

    def flush(self) -> bool:
        while True:
            if not self.pending:
                self.pending = memoryview(self.connection.data_to_send())
                self.take(self.connection.take_events())
            if self.pending:
                sent = self.send(self.pending)
                if not sent:
                    return True
                self.pending = self.pending[sent:]
            elif not self.reset_stopped():
                return False

    def reset_stopped(self) -> bool:
        """Resets the streams whose time has come, if there are any."""
        ready = [stream_id for stream_id in self.stopped if stream_id in self.doomed]
        self.stopped.clear()
        for stream_id in ready:
            self.connection.reset_stream(stream_id, self.doomed.pop(stream_id))
        return bool(ready)

    def take(self, news: list[Event]) -> None:
        for event in news:
            match event:
                case events.FrameReceived(frame):
                    self.take_frame(frame)
                case events.DataReceived(stream_id, _, data):
                    self.take_data(stream_id, data)
                case events.PeerFinished(stream_id):
                    self.take_end(stream_id)
                case events.StreamClosed(stream_id, _):
                    self.requests.pop(stream_id, None)
                    if echo := self.echoes.pop(stream_id, None):
                        echo.forget()
                case events.FrameInvalid(frames.SynStream(), StreamStatus.REFUSED_STREAM, _):
                    self.took_refusal()
                case events.FrameUnparsable(FrameType.GOAWAY) if self.version == Version.SPDY2:
                    self.failed = True  # its eight octets are those of SPDY/3
                case events.ConnectionTerminated(_, slug, message):
                    assert self.failed, f"the peer broke a rule: {slug}, {message}"

    def take_frame(self, frame: frames.ControlFrame) -> None:
        match frame:
            case frames.SynStream():
                self.requests[frame.stream_id] = Request(frame.stream_id, decode(frame))
                self.priorities[frame.stream_id] = frame.priority
                if self.path_of(frame.stream_id)[0] == "/echo":
                    echo = Echo(self.connection, frame.stream_id)
                    self.echoes[frame.stream_id] = echo
                    self.connection.send_response(frame.stream_id, encode(ANSWER), echo)
            case frames.Headers():
                self.requests[frame.stream_id].later += decode(frame)
            case frames.Ping() if frame.unique_id % 2 == 0:
                self.pinged[1] += 1
                if self.pinged[1] < 3:
                    self.connection.ping()
                else:
                    self.answer(self.pinged[0], b"three")

    def take_data(self, stream_id: int, data: bytes) -> None:
        echo = self.echoes.get(stream_id)
        if echo is None:
            request = self.requests[stream_id]
            request.length += len(data)
            request.hash.update(data)
            self.connection.consume(stream_id, len(data))
        else:
            echo.waiting.append(data)
            self.connection.resume(stream_id)

    def take_end(self, stream_id: int) -> None:
        if echo := self.echoes.get(stream_id):
            echo.ended = True
            self.connection.resume(stream_id)
            return
        path, query = self.path_of(stream_id)
        route = getattr(self, "do_" + path[1:], None)
        assert route is not None, path
        route(self.requests[stream_id], **query)

    def path_of(self, stream_id: int) -> tuple[str, dict[str, str]]:
        parts = urlsplit(dict(self.requests[stream_id].fields)[":path"])
        return parts.path, dict(parse_qsl(parts.query))

    def answer(self, stream_id: int, body: Any = b"", fields: list[Text] | None = None) -> None:
        self.connection.send_response(stream_id, encode(ANSWER + (fields or [])), body)

    # the routes

    def do_bytes(self, request: Request, n: str) -> None:
        self.answer(request.stream_id, pattern(int(n)), [("content-length", n)])

    def do_sink(self, request: Request) -> None:
        self.answer(request.stream_id, request.tell(self.priorities[request.stream_id]))

    def do_empty(self, request: Request) -> None:
        fields = encode([(":status", "204 No Content"), (":version", "HTTP/1.1")])
        self.connection.send_response(request.stream_id, fields)

    def do_fields(self, request: Request) -> None:
        self.answer(request.stream_id, b"", FIELDS)

    def do_trailers(self, request: Request, n: str) -> None:
        # the peer ignores FIN on HEADERS
        self.connection.send_syn_reply(request.stream_id, encode(ANSWER))
        self.connection.send_data(request.stream_id, pattern(int(n)), end_stream=False)
        self.connection.send_headers(request.stream_id, encode([("x-sum", n)]))
        self.connection.send_data(request.stream_id, b"")

    def do_push(self, request: Request, n: str, count: str) -> None:
        for number in range(int(count)):
            head = [(":path", f"/pushed/{number}"), (":method", "GET"), (":scheme", "http")]
            head += [(":host", "localhost"), ("x-name", str(number)), *ANSWER]
            self.connection.push(request.stream_id, encode(head), pattern(int(n)))
        self.answer(request.stream_id, b"pushing")

    def do_hold(self, request: Request, refusals: str) -> None:
        self.held.append(request.stream_id)
        self.refusals = int(refusals)

    def took_refusal(self) -> None:
        self.refusals -= 1
        if not self.refusals:
            for stream_id in self.held:
                self.answer(stream_id, b"held")

    def do_never(self, request: Request) -> None:
        self.answer(request.stream_id, Unending(7, self.stopped, request.stream_id))

    def do_reset(self, request: Request, n: str, code: str) -> None:
        self.doomed[request.stream_id] = StreamStatus[code]
        self.answer(request.stream_id, Unending(int(n), self.stopped, request.stream_id))

    def do_ping(self, request: Request) -> None:
        self.pinged = [request.stream_id, 0]
        self.connection.ping()

    def do_goaway(self, request: Request) -> None:
        self.connection.send_goaway()
        self.answer(request.stream_id, b"goodbye")


def encode(fields: list[Text]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in fields]


def decode(frame: frames.HeaderFrame) -> list[Text]:
    return [(name.decode(), value.decode()) for name, value in frame.fields]


class NativeServer:
    """Listens, with a thread for each connection; use as a context manager.

    What goes wrong in a thread is raised at the end.
    """

    def __init__(self, version: int, config: Config) -> None:
        self.version = version
        self.config = config
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.threads: list[threading.Thread] = []
        self.sockets: set[socket.socket] = set()
        self.lock = threading.Lock()
        self.faults: list[BaseException] = []

    def __enter__(self) -> Self:
        self.accepting = threading.Thread(target=self.accept)
        self.accepting.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.listener.shutdown(socket.SHUT_RDWR)
        self.accepting.join(PATIENCE)
        self.listener.close()
        with self.lock:
            for sock in self.sockets:
                sock.shutdown(socket.SHUT_RDWR)
        for thread in self.threads:
            thread.join(PATIENCE)
        if self.faults:
            raise self.faults[0]

    def accept(self) -> None:
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:  # it was shut down
                return
            with self.lock:
                self.sockets.add(sock)
            thread = threading.Thread(target=self.serve, args=(sock,))
            self.threads.append(thread)
            thread.start()

    def serve(self, sock: socket.socket) -> None:
        wire = NativeConnection(sock, self.version, self.config)
        try:
            wire.run(lambda: False)
        except Exception as fault:  # noqa: BLE001 - raised in __exit__
            self.faults.append(fault)
        with self.lock:
            self.sockets.remove(sock)
            wire.close()


class Handler(spdylay.BaseSPDYRequestHandler):
    """The same answers, as far as a program for ThreadedSPDYServer can give them."""

    def do_GET(self) -> None:  # noqa: N802
        path, query = self.split()
        self.send_response(204 if path == "/empty" else 200)
        if path == "/bytes":
            self.send_header("content-length", query["n"])
            self.send_file(io.BytesIO(pattern(int(query["n"]))))
        elif path == "/fields":
            for name, value in FIELDS:
                self.send_header(name, value)

    def do_POST(self) -> None:  # noqa: N802
        path, _ = self.split()
        self.send_response(200)
        if path == "/echo":
            assert self.rfile is not None
            self.send_file(self.rfile)
            return
        body = b"" if self.rfile is None else self.rfile.read()
        request = Request(self.stream.stream_id, self.headers, length=len(body))
        request.hash.update(body)
        self.wfile.write(request.tell(self.stream.priority))

    def split(self) -> tuple[str, dict[str, str]]:
        parts = urlsplit(self.path or "")
        return parts.path, dict(parse_qsl(parts.query))

    def on_error(self, problem: Exception, stream: Any = None) -> None:
        server: Any = self.server
        server.faults.append(problem)


class ThreadedServer(spdylay.ThreadedSPDYServer):
    """ThreadedSPDYServer; `with` it serves, and raises at the end what went wrong.

    In clear text in one version, or over TLS in all.
    """

    def __init__(self, version: int | None, tls: TLSFiles | None = None) -> None:
        files = (tls.cert, tls.key) if tls else ()
        super().__init__(("127.0.0.1", 0), Handler, *files, version=version)
        self.faults: list[Exception] = []
        self.port: int = self.server_address[1]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown(PATIENCE)
        super().__exit__(kind, fault, trace)
        if self.faults:
            raise self.faults[0]
