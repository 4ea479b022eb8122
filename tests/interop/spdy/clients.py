"""plait as a SPDY client on a socket: once on the engine itself, once on spdylay's callbacks."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from plait.compat import spdylay
from plait.http2 import DATA_DEFERRED, DATA_EOF, DATA_OK, Role
from plait.spdy import Config, Connection, Event, StreamStatus, events, frames
from plait.spdy.constants import FLAG_FIN
from tests.interop.application import pattern
from tests.interop.spdy.wire import Wire
from tests.support.process import PATIENCE

Text = tuple[str, str]


@dataclass
class Answer:
    """What one stream brought."""

    stream_id: int = 0
    fields: list[Text] = field(default_factory=list)
    later: list[Text] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)
    pushes: list[Answer] = field(default_factory=list)
    finished: bool = False
    closed: int | None = None
    # how many octets to take before the stream is reset, and with which status
    enough: tuple[int, int] | None = None

    def get(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name]

    @property
    def status(self) -> str:
        (status,) = self.get(":status")
        return status

    @property
    def complete(self) -> bool:
        """Whether the stream went its way to the end.

        spdy-transport forgets a stream when its FIN is queued, and answers the WINDOW_UPDATE that
        crosses it with RST_STREAM INVALID_STREAM, which overtakes a FIN that waits for the window
        of the session (SPDY/3.1).
        """
        return self.closed in (StreamStatus.OK, StreamStatus.INVALID_STREAM)

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.body).hexdigest()


class Chunks:
    """A body source: so much of the pattern, then headers, for which it waits."""

    def __init__(self, size: int, after: list[Text]) -> None:
        self.left = memoryview(pattern(size))
        self.after = after

    def read(self, most: int) -> tuple[bytes, int]:
        data, self.left = bytes(self.left[:most]), self.left[most:]
        if self.left or (data and self.after):
            return data, DATA_OK
        return data, DATA_DEFERRED if self.after else DATA_EOF


def heads(method: str, path: str, fields: Iterable[Text] = ()) -> list[Text]:
    """The headers of a request."""
    head = [(":method", method), (":path", path), (":scheme", "http"), (":host", "localhost")]
    return [*head, (":version", "HTTP/1.1"), *fields]


def encode(fields: list[Text]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in fields]


class Client(Wire):
    """What both clients do; use as a context manager.

    `settings`, `goaway`, `pings`, `resets`, `invalid`, `unparsable` and `unknown` keep what the
    session got beside its streams.
    """

    def __init__(self, port: int) -> None:
        super().__init__(socket.create_connection(("127.0.0.1", port), PATIENCE))
        self.port: int = self.sock.getsockname()[1]
        self.answers: dict[int, Answer] = {}
        self.settings: list[list[tuple[int, int, int]]] = []
        self.goaway: tuple[int, int] | None = None
        self.pings: list[int] = []
        self.resets: list[tuple[int, int]] = []
        self.invalid: list[tuple[Any, int]] = []
        self.unparsable: list[tuple[int, int]] = []
        self.unknown: list[bytes] = []
        # whether to give credit beside what the engine gives
        self.generous = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def ask(
        self,
        path: str,
        *,
        method: str = "",
        fields: Sequence[Text] = (),
        size: int | None = None,
        priority: int = 1,
        enough: tuple[int, int] | None = None,
        after: Sequence[Text] = (),
    ) -> Answer:
        """Queues a request; a `size` makes it a POST with so much of the pattern.

        `enough` is how many octets of the answer to take, and the status to reset it with then;
        `after` are headers for the end of the body.
        """
        answer = Answer(enough=enough)
        method = method or ("GET" if size is None else "POST")
        body = None if size is None else Chunks(size, list(after))
        self.submit(answer, heads(method, path, fields), body, priority)
        return answer

    def submit(
        self, answer: Answer, fields: list[Text], body: Chunks | None, priority: int
    ) -> None:
        raise NotImplementedError

    def reset(self, answer: Answer, status: int) -> None:
        raise NotImplementedError

    def give_credit(self, stream_id: int, octets: int) -> None:
        raise NotImplementedError

    def ping(self) -> None:
        raise NotImplementedError

    def say_goodbye(self) -> None:
        raise NotImplementedError

    def finish(self, *answers: Answer) -> None:
        """Goes on until these streams, and what was pushed with them, are closed."""
        left = list(answers)

        def done() -> bool:
            while left and is_over(left[-1]):
                left.pop()
            return not left

        self.run(done)
        assert done(), "the connection ended before"

    def fetch(self, path: str, **how: Any) -> Answer:
        """One request, to its end."""
        answer = self.ask(path, **how)
        self.finish(answer)
        return answer

    # What the engine tells, in either form.

    def took_frame(self, frame: Any, fields: list[Text]) -> None:
        kind = type(frame).__name__.removesuffix("Frame")
        if kind == "SynStream":
            pushed = Answer(frame.stream_id, fields)
            self.answers[frame.stream_id] = pushed
            self.took_end(pushed, frame.flags)
        elif kind in ("SynReply", "Headers"):
            answer = self.answers[frame.stream_id]
            (answer.fields if kind == "SynReply" else answer.later).extend(fields)
            self.took_end(answer, frame.flags)
        elif kind == "Ping":
            self.pings.append(frame.unique_id)

    def took_data(self, stream_id: int, data: bytes) -> None:
        answer = self.answers[stream_id]
        answer.body += data
        if self.generous:
            self.give_credit(stream_id, len(data))
        if answer.enough is not None and len(answer.body) >= answer.enough[0]:
            status = answer.enough[1]
            answer.enough = None
            self.reset(answer, status)

    def took_end(self, answer: Answer, flags: int) -> None:
        answer.finished = answer.finished or bool(flags & FLAG_FIN)


def is_over(answer: Answer) -> bool:
    return answer.closed is not None and all(is_over(pushed) for pushed in answer.pushes)


class NativeClient(Client):
    """On `plait.spdy.Connection`."""

    def __init__(self, port: int, version: int, config: Config | None = None) -> None:
        super().__init__(port)
        self.connection = Connection(Role.CLIENT, version, config)
        self.pending: bytes | memoryview = b""

    def submit(
        self, answer: Answer, fields: list[Text], body: Chunks | None, priority: int
    ) -> None:
        head = encode(fields)
        if body is None or not body.after:
            answer.stream_id = self.connection.send_request(head, body, priority=priority)
        else:
            answer.stream_id = self.connection.send_syn_stream(head, priority=priority)
            after, body.after = encode(body.after), []
            self.connection.send_data(answer.stream_id, body, end_stream=False)
            self.connection.send_headers(answer.stream_id, after)
            self.connection.send_data(answer.stream_id, b"")
        self.answers[answer.stream_id] = answer

    def reset(self, answer: Answer, status: int) -> None:
        self.connection.reset_stream(answer.stream_id, status)

    def give_credit(self, stream_id: int, octets: int) -> None:
        if self.connection.stream_is_open(stream_id):
            self.connection.send_window_update(stream_id, octets)

    def ping(self) -> None:
        self.connection.ping()

    def say_goodbye(self) -> None:
        self.connection.send_goaway()

    def feed(self, data: bytes) -> None:
        self.take(self.connection.receive_data(data))

    def flush(self) -> bool:
        while True:
            if not self.pending:
                self.pending = memoryview(self.connection.data_to_send())
                self.take(self.connection.take_events())
            if not self.pending:
                return False
            sent = self.send(self.pending)
            if not sent:
                return True
            self.pending = self.pending[sent:]

    def take(self, news: list[Event]) -> None:
        for event in news:
            match event:
                case events.FrameReceived(frame):
                    self.took_native(frame)
                case events.DataReceived(stream_id, _, data):
                    self.took_data(stream_id, data)
                case events.DataFrameReceived(stream_id, flags, _):
                    self.took_end(self.answers[stream_id], flags)
                case events.StreamClosed(stream_id, status):
                    if stream_id in self.answers:  # not of a push that was refused
                        self.answers[stream_id].closed = status
                case events.FrameInvalid(frame, status, _):
                    self.invalid.append((frame, status))
                case events.FrameUnparsable(kind, _, _, error, _):
                    self.unparsable.append((kind, error))
                case events.UnknownFrameReceived(_, payload):
                    self.unknown.append(payload)

    def took_native(self, frame: frames.ControlFrame) -> None:
        fields: list[Text] = []
        if isinstance(frame, frames.HeaderFrame):
            fields = [(name.decode(), value.decode()) for name, value in frame.fields]
        self.took_frame(frame, fields)
        match frame:
            case frames.SynStream():
                parent = self.answers[frame.associated_stream_id]
                parent.pushes.append(self.answers[frame.stream_id])
            case frames.Settings():
                self.settings.append(frame.entries)
            case frames.RstStream():
                self.resets.append((frame.stream_id, frame.status))
            case frames.Goaway():
                self.goaway = (frame.last_good_stream_id, frame.status)


class SessionClient(Client):
    """On `plait.compat.spdylay.Session`."""

    def __init__(self, port: int, version: int, config: Config | None = None) -> None:
        super().__init__(port)
        self.session = spdylay.Session(
            spdylay.CLIENT,
            version,
            config,
            send_cb=lambda session, data: self.send(data),
            before_ctrl_send_cb=self.about_to_send,
            on_ctrl_recv_cb=self.took_compat,
            on_invalid_ctrl_recv_cb=self.took_invalid,
            on_ctrl_recv_parse_error_cb=self.took_unparsable,
            on_unknown_ctrl_recv_cb=lambda session, head, payload: self.unknown.append(payload),
            on_ctrl_send_cb=self.have_sent,
            on_data_chunk_recv_cb=self.took_chunk,
            on_data_recv_cb=self.took_data_frame,
            on_stream_close_cb=self.took_close,
        )

    def submit(
        self, answer: Answer, fields: list[Text], body: Chunks | None, priority: int
    ) -> None:
        provider = None if body is None else spdylay.DataProvider(body, read)
        self.session.submit_request(priority, fields, provider, answer)

    def reset(self, answer: Answer, status: int) -> None:
        self.session.submit_rst_stream(answer.stream_id, status)

    def give_credit(self, stream_id: int, octets: int) -> None:
        self.session.submit_window_update(stream_id, octets)

    def ping(self) -> None:
        self.session.submit_ping()

    def say_goodbye(self) -> None:
        self.session.submit_goaway(spdylay.GOAWAY_OK)

    def feed(self, data: bytes) -> None:
        self.session.recv(data)

    def flush(self) -> bool:
        self.session.send()
        return self.session.want_write()

    # callbacks

    def about_to_send(self, session: spdylay.Session, frame: Any) -> None:
        if frame.frame_type == spdylay.SYN_STREAM:
            answer = session.get_stream_user_data(frame.stream_id)
            answer.stream_id = frame.stream_id
            self.answers[frame.stream_id] = answer

    def have_sent(self, session: spdylay.Session, frame: Any) -> None:
        if frame.frame_type == spdylay.HEADERS:
            session.resume_data(frame.stream_id)

    def took_compat(self, session: spdylay.Session, frame: Any) -> None:
        self.took_frame(frame, getattr(frame, "nv", []))
        if frame.frame_type == spdylay.SYN_STREAM:
            parent = self.answers[frame.assoc_stream_id]
            parent.pushes.append(self.answers[frame.stream_id])
        elif frame.frame_type == spdylay.SETTINGS:
            self.settings.append(frame.iv)
        elif frame.frame_type == spdylay.RST_STREAM:
            self.resets.append((frame.stream_id, frame.status_code))
        elif frame.frame_type == spdylay.GOAWAY:
            self.goaway = (frame.last_good_stream_id, frame.status_code)

    def took_invalid(self, session: spdylay.Session, frame: Any, status: int) -> None:
        self.invalid.append((frame, status))

    def took_unparsable(
        self, session: spdylay.Session, kind: int, head: bytes, payload: bytes, error: int
    ) -> None:
        self.unparsable.append((kind, error))

    def took_chunk(self, session: spdylay.Session, flags: int, stream_id: int, data: bytes) -> None:
        self.took_data(stream_id, data)

    def took_data_frame(
        self, session: spdylay.Session, flags: int, stream_id: int, length: int
    ) -> None:
        self.took_end(self.answers[stream_id], flags)

    def took_close(self, session: spdylay.Session, stream_id: int, status: int) -> None:
        if stream_id in self.answers:
            self.answers[stream_id].closed = status


def read(
    session: spdylay.Session, stream_id: int, length: int, control: spdylay.ReadCtrl, source: Chunks
) -> bytes | int:
    data, flag = source.read(length)
    if flag == DATA_DEFERRED:
        session.submit_headers(spdylay.CTRL_FLAG_NONE, stream_id, source.after)
        source.after = []
        return spdylay.ERR_DEFERRED
    if flag == DATA_EOF:
        control.flags = spdylay.READ_EOF
    return data
