"""The way out: heads, and the pump.

Bodies wait in their streams, and ``fill`` *pulls*: it takes one DATA frame after the other from the
stream that the scheduler names, as long as the windows and the transport's appetite allow. Nobody
pulls while the transport is full, and so nothing piles up. What was pulled, and what needs no
window, waits in the ``Output``.
"""

from __future__ import annotations

from .body import Body, Octets
from .config import Config
from .ending import Ending
from .errors import ErrorCode, StreamLimitError, StreamStateError
from .events import StreamReset
from .fields import Field
from .output import COPY_MAX, DRIBBLE_MAX
from .states import CLOSED
from .stream import Stream
from .streams import StreamTable

_DIRECT_MAX = 16_384
"""While less than this waits in the buffer, small answers skip the scheduler."""


class Outbound(Ending):
    """What leaves: the output, and what waits for windows in the streams."""

    __slots__ = (
        "direct",
        "dribbled",
        "filling",
        "holds_heads",
        "remote_max_streams",
        "source_errors",
        "starved",
    )

    def __init__(self, config: Config, streams: StreamTable) -> None:
        super().__init__(config, streams)
        # From the peer's SETTINGS; -1: no limit.
        self.remote_max_streams = -1
        # Whoever calls decides the order of what leaves, so nothing waits and nothing is left
        # out; and keeps the windows, so padding too is for it to give back.
        self.direct = False
        self.holds_heads = streams.is_server and config.withdrawable_responses
        # Streams whose source had nothing just now.
        self.starved: list[Stream] | None = None
        self.filling = False
        # How many of the DATA frames sent were tiny only because the peer gives credit by the
        # spoonful.
        self.dribbled = 0
        self.source_errors: list[tuple[int, BaseException]] | None = None

    # --- heads ----------------------------------------------------------------------------------

    def send_head(self, stream: Stream, fields: list[Field], end_stream: bool) -> None:
        """Send a final header section, now or, where it must wait, later.

        The responses to pushed requests wait for what the current input causes, so that the
        main response comes first; and nothing is added to a buffer that nobody empties.
        """
        unread = 0
        pushed = not stream.id & 1 and self.streams.is_server
        # RFC 9113 §5.1.1: a client's requests must not overtake each other.
        behind = self.pending_heads is not None and not self.streams.is_server
        waits = pushed or behind or self.holds_heads or len(self.buffer) > self.max_unsent
        if waits:
            if not self.direct:
                self.keep_head(stream, fields, end_stream)
                return
            if pushed:
                self.require_room_for_push()
            unread = self.unread_octets()
        stream.head_sent = True
        stream.send_headers()
        self.streams.count(stream)
        ends = end_stream and not self.waits_with_end(stream)
        self.write_headers(stream.id, fields, ends)
        if ends:
            self.end_stream(stream)
        if unread:
            self.unsent_answers += len(self.buffer) - unread

    def keep_head(self, stream: Stream, fields: list[Field], end_stream: bool) -> None:
        """Let a final header section wait."""
        stream.head_sent = True
        stream.pending_head = fields
        if stream.body is None:
            stream.body = Body()
        stream.body.ends = end_stream
        if self.pending_heads is None:
            self.pending_heads = {}
        self.pending_heads[stream.id] = stream

    def require_room_for_push(self) -> None:
        """Check that a pushed response, which would wait otherwise, may begin.

        :raises StreamLimitError: where the client takes no further one now.
        """
        # RFC 9113 §5.1.2: pushed streams count against the client's limit.
        if 0 <= self.remote_max_streams <= self.streams.local_count:
            raise StreamLimitError("the client takes no further pushed response now")

    def unread_octets(self) -> int:
        """Return how much waits in a buffer that nobody empties, 0 if somebody does.

        A response behind that is one that the peer does not read, and its fault some day.
        """
        waiting = len(self.buffer)
        return waiting if waiting > self.max_unsent else 0

    def flush_heads(self) -> None:
        """Send the header sections that waited."""
        pending = self.pending_heads
        if pending is None:
            return
        waiting_streams: list[Stream] = list(pending.values())
        if self.holds_heads:
            # The main responses come before the pushed ones, whenever those were submitted.
            ordered = [stream for stream in waiting_streams if stream.id & 1]
            ordered += [stream for stream in waiting_streams if not stream.id & 1]
            waiting_streams = ordered
        streams = self.streams
        for stream in waiting_streams:
            fields = stream.pending_head
            body = stream.body
            if len(self.buffer) > self.max_unsent:
                break
            # RFC 9113 §5.1.2: pushed streams count against the client's limit.
            full = 0 <= self.remote_max_streams <= streams.local_count
            if fields is None or body is None or (full and not streams.is_remote(stream.id)):
                continue
            del pending[stream.id]
            stream.pending_head = None
            stream.send_headers()
            streams.count(stream)
            waiting = body.has_octets() or body.trailers is not None
            ends = body.ends and not waiting and not self.waits_with_end(stream)
            self.write_headers(stream.id, fields, ends)
            if waiting:
                self.body_grew(stream, body)
            elif ends:
                self.end_stream(stream)
        if not pending:
            self.pending_heads = None

    # --- bodies ---------------------------------------------------------------------------------

    def send_octets(self, stream: Stream, data: Octets, end_stream: bool) -> None:
        """Send octets: at once if they are few and nobody waits, else through the scheduler."""
        length = len(data)
        body = stream.body
        if length == 0 and not end_stream:
            return
        if (
            body is None
            and self.scheduler.count == 0
            and length <= COPY_MAX
            and length <= stream.send_window
            and length <= self.window
            and len(self.buffer) < _DIRECT_MAX
            and not stream.can_receive_data()
        ):
            self.write_data(stream, data, length, end_stream)
            if end_stream:
                self.end_stream(stream)
            return
        if body is None:
            body = Body()
            stream.body = body
        body.add(data)
        if end_stream:
            body.ends = True
        self.body_grew(stream, body)

    def body_grew(self, stream: Stream, body: Body) -> None:
        """Something was added to a stream's body: queue it, or finish what needs no credit."""
        if stream.pending_head is not None or body.reading:
            return
        if body.has_octets():
            if stream.send_window > 0 and not stream.deferred:
                self.scheduler.add(stream)
        elif (body.trailers is not None or body.ends) and not self.waits_with_end(stream):
            self.write_end(stream)
            self.end_stream(stream)

    def fill(self, limit: int) -> None:
        """Pull frames from the streams until about ``limit`` octets wait."""
        if self.filling:
            return  # a body source called us
        self.filling = True
        try:
            if self.starved is not None:
                self.feed_starved()
            if self.pending_heads is not None:
                self.flush_heads()
            while self.window > 0 and self.segment_octets + len(self.buffer) < limit:
                stream = self.scheduler.first()
                if stream is None:
                    break
                self.serve(stream)
        finally:
            self.filling = False

    def serve(self, stream: Stream) -> None:
        """Give a stream its turn: at most one DATA frame."""
        body = stream.body
        if body is None or stream.send_window <= 0:
            self.scheduler.remove(stream)
            return
        most = min(stream.send_window, self.window, self.max_frame_size)
        try:
            data = body.take(most)
        except Exception as error:  # noqa: BLE001 - the application's code
            self.source_failed(stream, error)
            return
        if stream.state == CLOSED or stream.body is not body:
            return  # the source reset its own stream
        if data is None:
            self.defer(stream, body)
            return
        length = len(data)
        waits = body.has_octets()
        if waits and length == most and length < DRIBBLE_MAX:
            self.dribbled += 1
        ends = body.ends and not waits and body.trailers is None
        if ends:
            ends = not self.waits_with_end(stream)
        if length or ends:
            self.write_data(stream, data, length, ends)
        if not waits:
            self.scheduler.remove(stream)
            if ends:
                self.end_stream(stream)
            elif body.trailers is not None:
                self.body_grew(stream, body)
        elif body.starved:
            self.set_aside(stream, body)
        elif stream.send_window <= 0:
            self.scheduler.remove(stream)
        else:
            self.scheduler.rotate(stream)

    def defer(self, stream: Stream, body: Body) -> None:
        """The source asked to wait for ``resume``, which may have been called meanwhile."""
        if body.resumed:
            self.set_aside(stream, body)
        else:
            stream.deferred = True
            self.scheduler.remove(stream)

    def set_aside(self, stream: Stream, body: Body) -> None:
        """Pass the turn of a stream that has nothing just now until the next pull."""
        body.starved = False
        self.scheduler.remove(stream)
        if self.starved is None:
            self.starved = []
        self.starved.append(stream)

    def feed_starved(self) -> None:
        """Let the streams that had nothing at the last pull be asked again."""
        starved = self.starved
        self.starved = None
        for stream in starved or ():
            self.revive(stream)

    def revive(self, stream: Stream) -> None:
        """Queue a stream that may send again: credit came, or its source has something."""
        body = stream.body
        if body is not None and stream.pending_head is None and not stream.deferred:
            if stream.send_window > 0 and stream.state != CLOSED and body.has_octets():
                self.scheduler.add(stream)

    def resume(self, stream: Stream) -> None:
        """The source has something again."""
        body = stream.body
        if body is None:
            return
        if body.reading:
            body.resumed = True
        elif stream.deferred:
            stream.deferred = False
            self.revive(stream)

    def source_failed(self, stream: Stream, error: BaseException) -> None:
        """A source raised or broke its contract: only its stream ends."""
        if self.source_errors is None:
            self.source_errors = []
        self.source_errors.append((stream.id, error))
        if stream.state != CLOSED:
            code = int(ErrorCode.INTERNAL_ERROR)
            self.write_reset(stream, code)
            self.events.append(StreamReset(stream.id, code, False, "body.error"))

    # --- taking the octets ----------------------------------------------------------------------

    def wants_write(self) -> bool:
        """Whether a pull would bring anything."""
        return (
            len(self.buffer) > 0
            or self.segments is not None
            or self.starved is not None
            or self.has_sendable_heads()
            or (self.scheduler.count > 0 and self.window > 0)
        )

    def has_sendable_heads(self) -> bool:
        """Whether a waiting header section may go now, as far as the client's limit goes."""
        if self.pending_heads is None:
            return False
        if self.remote_max_streams < 0 or self.streams.local_count < self.remote_max_streams:
            return True
        # The client's limit only holds pushed responses back.
        for stream_id in self.pending_heads:
            if self.streams.is_remote(stream_id):
                return True
        return False

    def require_sendable(self, stream: Stream, what: str) -> None:
        """Check that a stream may send DATA or trailers.

        :raises StreamStateError: before the head, or after the end.
        """
        ended = stream.body is not None and (stream.body.ends or stream.body.trailers is not None)
        if not stream.head_sent or ended:
            raise StreamStateError(f"no {what} may be sent on stream {stream.id} now")
        if stream.pending_head is None and not stream.can_send_data():
            raise stream.misuse(what)

    def drop_all(self) -> None:
        """The connection has ended: let go of every stream and what waits on it."""
        streams: list[Stream] = list(self.streams.living.values())
        for stream in streams:
            self.scheduler.remove(stream)
            self.streams.forget(stream)
        self.pending_heads = None
        self.starved = None
