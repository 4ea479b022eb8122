"""One end of a connection: an engine, and an application that writes down all it says and hears.

The application demands of the engine what `docs/engine.md` promises: heads before bodies, nothing
after the end, exactly one end for each stream. What it sent and heard is compared by the network.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from plait.http2 import (
    DATA_DEFERRED,
    DATA_EOF,
    DATA_OK,
    Config,
    Connection,
    ConnectionTerminated,
    DataReceived,
    Event,
    InformationalResponseReceived,
    PingAcknowledged,
    PushedStreamReceived,
    RequestReceived,
    ResponseReceived,
    Role,
    StreamClosed,
    StreamReset,
    TrailersReceived,
)

Fields = list[tuple[bytes, bytes]]

PATTERN = bytes(n % 251 for n in range(251 * 2000))
"""Octets of which a slice shows where it was taken, and whether a piece is missing."""

WAYS = ("at once", "pieces", "source", "deferring", "hesitant")


@dataclass
class Message:
    """What one side sends on a stream after the head's first fields."""

    size: int = 0
    way: str = "at once"
    piece: int = 1000
    trailers: Fields = field(default_factory=list)
    interim: int = 0
    extra: Fields = field(default_factory=list)

    def body(self, stream: int) -> bytes:
        """The octets, which differ from stream to stream."""
        return PATTERN[stream % 251 : stream % 251 + self.size]


@dataclass
class Heard:
    """What arrived on a stream."""

    head: Fields | None = None
    interim: int = 0
    body: bytearray = field(default_factory=bytearray)
    trailers: Fields = field(default_factory=list)
    complete: bool = False


class Endpoint:
    """An engine and its application."""

    def __init__(self, role: Role, config: Config) -> None:
        self.connection = Connection(role, config)
        self.connection.initiate_connection()
        self.is_server = role == Role.SERVER
        self.sent: dict[int, Message] = {}
        self.heads: dict[int, Fields] = {}
        self.heard: dict[int, Heard] = {}
        self.ends: dict[int, StreamClosed | StreamReset] = {}
        self.promised: dict[int, int] = {}
        self.unanswered: list[int] = []
        self.goaways: list[ConnectionTerminated] = []
        self.reset: set[int] = set()
        self.pings = self.pongs = 0
        # What is still to be said or done, piece by piece.
        self.unread: deque[tuple[int, int]] = deque()
        self.pieces: dict[int, deque[bytes]] = {}
        self.waiting: list[int] = []

    # --- what it hears --------------------------------------------------------------------------

    def takes(self, octets: bytes) -> list[Event]:
        """Octets from the peer."""
        events = self.connection.receive_data(octets)
        for event in events:
            self.hears(event)
        return events

    def pulls(self, limit: int) -> bytes:
        """Octets for the peer."""
        octets = self.connection.data_to_send(limit)
        for event in self.connection.take_events():
            self.hears(event)
        assert not self.connection.take_source_errors()
        return octets

    def hears(self, event: Event) -> None:
        """Write an event down; it must come where it may."""
        if isinstance(event, ConnectionTerminated):
            self.goaways.append(event)
        elif isinstance(event, PingAcknowledged):
            self.pongs += 1
        elif isinstance(event, PushedStreamReceived):
            self.hears_promise(event)
        elif isinstance(event, StreamClosed | StreamReset):
            stream = event.stream_id
            assert stream not in self.ends, f"a second end of stream {stream}: {event}"
            self.ends[stream] = event
            if stream in self.unanswered:
                self.unanswered.remove(stream)
            self.pieces.pop(stream, None)
        elif isinstance(
            event,
            RequestReceived
            | ResponseReceived
            | InformationalResponseReceived
            | DataReceived
            | TrailersReceived,
        ):
            self.hears_message(event)

    def hears_promise(self, event: PushedStreamReceived) -> None:
        """A pushed request."""
        assert event.parent_stream_id in self.sent
        assert event.parent_stream_id not in self.ends
        assert event.pushed_stream_id not in self.promised
        self.promised[event.pushed_stream_id] = event.parent_stream_id

    def hears_message(self, event: Event) -> None:
        """A part of a message, in the order of messages."""
        stream = event.stream_id
        assert stream not in self.ends, f"{event} after the end"
        if isinstance(event, RequestReceived):
            assert stream not in self.heard
            self.unanswered.append(stream)
        else:
            assert stream in self.heard or stream in self.sent or stream in self.promised
        heard = self.heard.setdefault(stream, Heard())
        assert not heard.complete, f"{event} after the message was complete"
        if isinstance(event, RequestReceived | ResponseReceived):
            assert heard.head is None
            heard.head = event.headers
        elif isinstance(event, InformationalResponseReceived):
            assert heard.head is None
            heard.interim += 1
            return
        else:
            assert heard.head is not None
        if isinstance(event, DataReceived):
            heard.body += event.data
            self.unread.append((stream, event.flow_controlled_length))
        elif isinstance(event, TrailersReceived):
            heard.trailers = event.headers
        heard.complete = event.end_stream

    def consumes(self, octets: int) -> None:
        """The application is done with so many octets, in the order in which they came."""
        while octets > 0 and self.unread:
            stream, size = self.unread.popleft()
            taken = min(size, octets)
            if stream not in self.ends:
                self.connection.acknowledge_received_data(taken, stream)
            if taken < size:
                self.unread.appendleft((stream, size - taken))
            octets -= max(taken, 1)

    # --- what it says ---------------------------------------------------------------------------

    def asks(self, fields: Fields, message: Message) -> int:
        """A request."""
        fields = [*fields, *message.extra]
        ends = message.size == 0 and not message.trailers
        stream = self.connection.send_request(fields, end_stream=ends)
        self.heads[stream] = fields
        self.sent[stream] = message
        if not ends:
            self.sends(stream, message)
        return stream

    def answers(self, stream: int, message: Message) -> None:
        """A response."""
        if stream in self.unanswered:
            self.unanswered.remove(stream)
        if stream in self.promised:
            message = replace(message, interim=0)  # no interim response to what nobody asked for
        fields = [(b":status", b"200"), *message.extra]
        self.heads[stream] = fields
        self.sent[stream] = message
        for _ in range(message.interim):
            self.connection.send_headers(stream, [(b":status", b"103"), (b"link", b"</a>")])
        ends = message.size == 0 and not message.trailers
        self.connection.send_headers(stream, fields, end_stream=ends)
        if not ends:
            self.sends(stream, message)

    def promises(self, parent: int, fields: Fields) -> int:
        """A push, to be answered later."""
        stream = self.connection.push_stream(parent, fields)
        self.promised[stream] = parent
        self.unanswered.append(stream)
        return stream

    def sends(self, stream: int, message: Message) -> None:
        """The body and the trailers."""
        body = message.body(stream)
        last = not message.trailers
        if message.way == "pieces":
            cut = [body[at : at + message.piece] for at in range(0, len(body), message.piece)]
            self.pieces[stream] = deque([*cut, b""])
            return
        if message.way == "at once":
            self.connection.send_data(stream, body, end_stream=last)
        else:
            source = self.source(stream, body, message)
            self.connection.send_body(stream, source, end_stream=last)
        if not last:
            self.connection.send_headers(stream, message.trailers, end_stream=True)

    def source(self, stream: int, body: bytes, message: Message) -> Callable[[int], object]:
        """A body that is asked for: willing, deferring, or with nothing every other time."""
        left = [0]
        halt = [False]

        def read(most: int) -> tuple[bytes | None, int]:
            assert most >= 1
            assert stream not in self.ends, "a source was asked after its stream's end"
            if message.way != "source":
                halt[0] = not halt[0]
                if halt[0] and message.way == "hesitant":
                    return b"", DATA_OK
                if halt[0]:
                    self.waiting.append(stream)
                    return None, DATA_DEFERRED
            part = body[left[0] : left[0] + min(most, message.piece)]
            left[0] += len(part)
            return part, DATA_OK if left[0] < len(body) else DATA_EOF

        return read

    def says_more(self) -> None:
        """The next piece of each message that is given piece by piece."""
        for stream in list(self.pieces):
            pieces = self.pieces.get(stream)
            if pieces is None:
                continue
            piece = pieces.popleft()
            message = self.sent[stream]
            if pieces:
                self.connection.send_data(stream, piece)
                continue
            del self.pieces[stream]
            if message.trailers:
                self.connection.send_headers(stream, message.trailers, end_stream=True)
            else:
                self.connection.send_data(stream, piece, end_stream=True)

    def resumes(self) -> None:
        """The sources that asked to wait have something again."""
        waiting, self.waiting = self.waiting, []
        for stream in waiting:
            self.connection.resume(stream)

    def resets(self, stream: int, code: int) -> None:
        """Give a stream up."""
        self.connection.reset_stream(stream, code)
        self.reset.add(stream)
        for event in self.connection.take_events():
            self.hears(event)

    def living(self) -> list[int]:
        """The streams that this application believes to live, as its engine must."""
        known = {*self.heads, *self.heard, *self.promised} - self.ends.keys()
        return sorted(stream for stream in known if self.connection.stream_is_open(stream))
