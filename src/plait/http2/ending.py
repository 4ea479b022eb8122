"""DATA frames, the end of streams, and the credit that their octets give back.

What writes END_STREAM or RST_STREAM knows what a stream leaves behind: a place in the scheduler,
octets that its application holds, late frames of the peer.
"""

from __future__ import annotations

from .body import Body, Octets
from .config import Config
from .constants import DATA, END_STREAM
from .events import Event, stream_closed
from .flow import ReceiveWindow
from .frames import append_header, append_rst_stream, append_window_update
from .output import COPY_MAX, Output
from .scheduler import Scheduler
from .states import CLOSED, IDLE
from .stream import Stream
from .streams import StreamTable

_HEADER = 9
"""Octets of a frame header."""

_CONTROL = 13
"""Octets of RST_STREAM and of WINDOW_UPDATE."""


class Ending(Output):
    """The output, and what becomes of streams when they have said all."""

    __slots__ = (
        "announced_window",
        "closing_is_reset",
        "dropped_octets",
        "events",
        "held_field_octets",
        "held_frames",
        "large_header",
        "large_id",
        "large_length",
        "late_octets",
        "pending_heads",
        "receive_window",
        "scheduler",
        "sent_frames",
        "sent_octets",
        "stream_window",
        "streams",
        "window",
    )

    def __init__(self, config: Config, streams: StreamTable) -> None:
        super().__init__(config)
        self.streams = streams
        self.scheduler = Scheduler()
        # The connection's credit for sending (RFC 9113 §6.9) and the one we gave.
        self.window = 65_535
        self.receive_window = ReceiveWindow(65_535)
        # Credit of a new stream of the peer, as our acknowledged settings say.
        self.stream_window = 65_535
        # What it is going to be, when the peer has taken note of all our settings.
        self.announced_window = config.initial_window_size
        self.closing_is_reset = streams.is_server and config.reset_unread_request
        self.dropped_octets = config.dropped_octets
        # Streams whose header section waits.
        self.pending_heads: dict[int, Stream] | None = None
        # The header of the latest large DATA frame that had nothing before it, and whose it was.
        self.large_header = b""
        self.large_id = 0
        self.large_length = 0
        # Octets of bodies, and DATA frames, sent so far: work that pays for control frames.
        self.sent_octets = 0
        self.sent_frames = 0
        # What living streams make the application keep: octets of fields, frames of bodies.
        self.held_field_octets = 0
        self.held_frames = 0
        # Octets that were on their way, at most, to streams that we reset.
        self.late_octets = 0
        self.events: list[Event] = []

    # --- DATA -------------------------------------------------------------------------------------

    def write_data(self, stream: Stream, data: Octets, length: int, end_stream: bool) -> None:
        """Append one DATA frame (RFC 9113 §6.1)."""
        buffer = self.buffer
        stream.send_window -= length
        stream.sent_octets += length
        self.window -= length
        self.sent_octets += length
        self.sent_frames += 1
        if length <= COPY_MAX:
            append_header(buffer, length, DATA, END_STREAM if end_stream else 0, stream.id)
            buffer += data
            return
        segments = self.segments
        if segments is None:
            segments = self.segments = []
        segments.append(self.before_segment(stream.id, length, end_stream))
        segments.append(data)
        self.segment_octets += length

    def before_segment(self, stream_id: int, length: int, end_stream: bool) -> bytes:
        """Take what waits in the buffer, and the header of a DATA frame behind it.

        Most frames of a large body have the same header.
        """
        buffer = self.buffer
        alone = len(buffer) == 0
        if alone and not end_stream and stream_id == self.large_id and length == self.large_length:
            self.segment_octets += _HEADER
            return self.large_header
        append_header(buffer, length, DATA, END_STREAM if end_stream else 0, stream_id)
        octets = bytes(buffer)
        self.segment_octets += len(octets)
        self.buffer = bytearray()
        if alone and not end_stream:
            self.large_id = stream_id
            self.large_length = length
            self.large_header = octets
        return octets

    # --- the end of streams -----------------------------------------------------------------------

    def end_stream(self, stream: Stream) -> None:
        """END_STREAM was written."""
        stream.send_end_stream()
        if stream.state != CLOSED:
            if not self.closing_is_reset or stream.tunnel:
                return
            # RFC 9113 §8.1: after a complete response to an incomplete request a server may
            # ask the client to stop, with RST_STREAM(NO_ERROR).
            self.write_reset(stream, 0)
        else:
            self.forget(stream)
        self.events.append(stream_closed(stream.id, 0))

    def write_end(self, stream: Stream) -> None:
        """Append what a stream ends with: its trailers, or an empty DATA frame."""
        body = stream.body
        if body is not None and body.trailers is not None:
            fields = body.trailers
            body.trailers = None
            self.write_headers(stream.id, fields, True)
        else:
            self.write_data(stream, b"", 0, True)

    def waits_with_end(self, stream: Stream) -> bool:
        """Whether a response that was sent ends only when its request does.

        There are clients that lose a response whose end, or RST_STREAM(NO_ERROR), comes while they
        send. One that told the length of its request, and does not wait to be asked for it, sends
        on until it is through or has no more credit. What it sends is dropped.
        """
        if stream.expected <= 0 or not self.closing_is_reset or not stream.can_receive_data():
            return False
        window = stream.receive_window
        if stream.reluctant and window is None:
            return False
        credit = self.announced_window
        if window is not None:
            credit += window.available - self.stream_window
        stream.rest = min(credit, self.dropped_octets)
        if stream.rest <= 0:
            stream.rest = 0
            return False
        if stream.body is None:
            stream.body = Body()
            stream.body.ends = True
        return True

    def drop(self, stream: Stream, octets: int, length: int, end_stream: bool) -> None:
        """DATA of such a request, of which ``octets`` are content: nobody waits for it any more."""
        self.credit(octets)
        stream.unacknowledged -= octets
        if octets:
            stream.held_frames -= 1
            self.held_frames -= 1
        if end_stream:
            return
        stream.rest -= length
        if stream.rest <= 0:
            self.end_response(stream)

    def end_response(self, stream: Stream) -> None:
        """Send the end that waited; if the request is still incomplete, nothing more is taken."""
        stream.rest = 0
        self.write_end(stream)
        self.end_stream(stream)

    def end_responses(self) -> None:
        """Send all ends that wait: the connection is about to end."""
        streams: list[Stream] = list(self.streams.living.values())
        for stream in streams:
            if stream.rest > 0:
                self.end_response(stream)

    def write_reset(self, stream: Stream, error_code: int) -> None:
        """Reset a stream of ours; its late frames are expected."""
        if stream.state != IDLE or stream.pending_head is None:
            # RFC 9113 §6.4: MUST NOT be sent for an idle stream, a request that never left.
            append_rst_stream(self.buffer, stream.id, error_code)
            self.unsent_answers += _CONTROL
        if stream.can_receive_data():
            window = stream.receive_window
            credit = self.stream_window if window is None else window.available
            if credit > 0:
                self.late_octets += credit
        self.streams.remember_reset(stream.id)
        self.forget(stream)

    def refuse(self, stream_id: int, error_code: int) -> None:
        """Reset a stream that does not live: it was refused, or it has closed."""
        append_rst_stream(self.buffer, stream_id, error_code)
        self.unsent_answers += _CONTROL
        self.streams.remember_reset(stream_id)

    def forget(self, stream: Stream) -> None:
        """Drop a stream. Octets that its application holds are credited: nobody will do it."""
        self.scheduler.remove(stream)
        if stream.pending_head is not None and self.pending_heads is not None:
            self.pending_heads.pop(stream.id, None)
        held = stream.unacknowledged
        stream.unacknowledged = 0
        self.held_frames -= stream.held_frames
        self.held_field_octets -= stream.field_octets
        self.streams.forget(stream)
        if held:
            self.credit(held)

    # --- credit we give ---------------------------------------------------------------------------

    def credit(self, octets: int) -> None:
        """Octets of the connection's window are consumed."""
        increment = self.receive_window.consume(octets)
        if increment:
            append_window_update(self.buffer, 0, increment)
            self.unsent_answers += _CONTROL

    def credit_stream(self, stream: Stream, octets: int) -> None:
        """Octets of a stream's window are consumed; of no use once the peer has ended."""
        window = stream.receive_window
        if window is not None and stream.can_receive_data():
            increment = window.consume(octets)
            if increment:
                append_window_update(self.buffer, stream.id, increment)
                self.unsent_answers += _CONTROL
