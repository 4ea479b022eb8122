"""The way in: octets to frames, frames to events (RFC 9113 §4, §6).

``feed`` cuts the octets into frames. A frame that straddles two reads is put together in
``partial``; all others are read where they lie. What the peer does wrong is raised as a
``PeerFault`` inside, and becomes a frame and an event in the ``Session``: ``reset_for`` ends a
stream, ``fail`` the connection. No other exception leaves.
"""

from __future__ import annotations

from .blocks import FieldBlocks, unpadded_end
from .constants import (
    ALTSVC,
    CONTINUATION,
    DATA,
    END_STREAM,
    GOAWAY,
    HEADERS,
    ORIGIN,
    PADDED,
    PING,
    PREFACE,
    PRIORITY,
    PRIORITY_UPDATE,
    PUSH_PROMISE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
)
from .control import ControlFrames
from .errors import (
    ConnectionFault,
    ErrorCode,
    StreamFault,
    frame_size,
    malformed,
    protocol_error,
)
from .events import DataReceived
from .flow import ReceiveWindow
from .frames import uint32
from .session import Session
from .stream import Stream

_HEADER = 9
_SMALL = 16_384
"""Octets of a frame that is always accepted (RFC 9113 §4.2)."""
_MOST_BESIDE_BLOCK = 261
"""Octets of a HEADERS frame at most that are no field block: padding and a priority."""
_PREFACE_LENGTH = len(PREFACE)


class Inbound:
    """What arrives."""

    __slots__ = (
        "blocks",
        "control",
        "partial",
        "preface_left",
        "session",
        "unfinished",
        "unfinished_since",
    )

    def __init__(self, session: Session) -> None:
        self.session = session
        self.blocks = FieldBlocks(session)
        self.control = ControlFrames(session, self.blocks)
        # Octets of the client's preface still to come (RFC 9113 §3.4).
        self.preface_left = _PREFACE_LENGTH if session.is_server else 0
        # The beginning of a frame whose rest has not arrived.
        self.partial: bytearray | None = None
        # What the peer has begun and not finished, and since when; see ``watch_unfinished``.
        self.unfinished: object = None
        self.unfinished_since = 0.0

    # --- octets to frames -----------------------------------------------------------------------

    def feed(self, data: bytes) -> None:
        """Take octets from the peer; the events go to the session."""
        session = self.session
        try:
            at = self.skip_preface(data) if self.preface_left else 0
            if self.partial is not None:
                at = self.complete(self.partial, data, at)
            end = len(data)
            while end - at >= _HEADER and not session.closed:
                length = (data[at] << 16) | (data[at + 1] << 8) | data[at + 2]
                if length > _SMALL:
                    self.check_length(data[at + 3], length)
                if end - at - _HEADER < length:
                    break
                self.on_frame(data, at, length)
                at += _HEADER + length
            if at < end and not session.closed:
                self.partial = bytearray(data[at:])
        except ConnectionFault as fault:
            session.fail(fault)
        if (
            self.partial is not None
            or self.unfinished is not None
            or self.blocks.open_stream != 0
            or not self.control.settings_received
        ):
            self.watch_unfinished()

    def watch_unfinished(self) -> None:
        """Note the time when the peer left something unfinished that is not in its body.

        That is its preface with the first SETTINGS, a field block, or a frame other than DATA
        (whose stream is what waits then). The time stays as long as the thing is the same.
        """
        partial = self.partial
        thing: object = None
        if not self.control.settings_received:
            thing = self.control
        elif self.blocks.open_stream != 0:
            thing = self.blocks.fragments
        elif partial is not None and (len(partial) < 4 or partial[3] != DATA):
            thing = partial
        if thing is not self.unfinished:
            self.unfinished = thing
            if thing is not None:
                self.unfinished_since = self.session.config.clock()

    def skip_preface(self, data: bytes) -> int:
        """Check the client's preface; returns where the frames begin."""
        seen = _PREFACE_LENGTH - self.preface_left
        part = data[: self.preface_left]
        if part != PREFACE[seen : seen + len(part)]:
            raise protocol_error("preface.invalid", "this is not the preface of HTTP/2")
        self.preface_left -= len(part)
        return len(part)

    def complete(self, partial: bytearray, data: bytes, at: int) -> int:
        """Complete the frame that an earlier read began; returns where the next begins."""
        missing = _HEADER - len(partial)
        if missing > 0:
            partial += data[at : at + missing]
            at = min(at + missing, len(data))
            if len(partial) < _HEADER:
                return at
        length = (partial[0] << 16) | (partial[1] << 8) | partial[2]
        if length > _SMALL:
            self.check_length(partial[3], length)
        missing = _HEADER + length - len(partial)
        if len(data) - at < missing:
            partial += data[at:]
            return len(data)
        partial += data[at : at + missing]
        self.partial = None
        self.on_frame(bytes(partial), 0, length)
        return at + missing

    def check_length(self, frame_type: int, length: int) -> None:
        """Refuse a frame by its header, before its octets are kept."""
        session = self.session
        # RFC 9113 §4.2: a frame larger than we announced MUST be a FRAME_SIZE_ERROR.
        if length > session.max_frame_size:
            raise frame_size("frame.length", f"a frame of {length} octets is too long")
        if frame_type == DATA:
            if length > session.out.receive_window.available:
                raise ConnectionFault(
                    ErrorCode.FLOW_CONTROL_ERROR, "data.connection_window", "no credit for this"
                )
        elif frame_type in (HEADERS, CONTINUATION, PUSH_PROMISE):
            self.blocks.check_size(length - _MOST_BESIDE_BLOCK)

    # --- frames to methods ----------------------------------------------------------------------

    def on_frame(self, data: bytes, at: int, length: int) -> None:
        """Handle one complete frame; a stream's fault ends here."""
        try:
            self.dispatch(data, at, length)
        except StreamFault as fault:
            self.session.reset_for(fault)

    def dispatch(self, data: bytes, at: int, length: int) -> None:
        """Hand a frame to its method, the most frequent types first."""
        frame_type = data[at + 3]
        flags = data[at + 4]
        # RFC 9113 §4.1: the reserved bit MUST be ignored.
        stream_id = uint32(data, at + 5) & 0x7FFFFFFF
        start = at + _HEADER
        blocks = self.blocks
        if blocks.open_stream != 0 and frame_type != CONTINUATION:
            # RFC 9113 §6.10: anything else within a field block MUST be a connection error.
            raise protocol_error("continuation.expected", "a field block was not finished")
        if frame_type == HEADERS:
            if not self.control.settings_received:
                self.settings_first()
            if stream_id == 0:
                raise protocol_error("headers.stream_id", "HEADERS on stream 0")
            blocks.on_headers(data, start, length, flags, stream_id)
        elif frame_type == DATA:
            if not self.control.settings_received:
                self.settings_first()
            self.on_data(data, start, length, flags, stream_id)
        elif frame_type == WINDOW_UPDATE:
            if not self.control.settings_received:
                self.settings_first()
            self.control.on_window_update(data, start, length, stream_id)
        else:
            self.dispatch_rest(data, start, length, frame_type, flags, stream_id)

    def dispatch_rest(
        self, data: bytes, start: int, length: int, frame_type: int, flags: int, stream_id: int
    ) -> None:
        """Hand a frame of a rarer type to its method."""
        payload = data[start : start + length]
        control = self.control
        if frame_type == SETTINGS:
            if not control.settings_received and flags & 1:
                self.settings_first()
            control.on_settings(payload, flags, stream_id)
            return
        if not control.settings_received:
            self.settings_first()
        if frame_type == CONTINUATION:
            self.blocks.on_continuation(data, start, length, flags, stream_id)
        elif frame_type == RST_STREAM:
            control.on_rst_stream(payload, stream_id)
        elif frame_type == PING:
            control.on_ping(payload, flags, stream_id)
        elif frame_type == PRIORITY:
            control.on_priority(payload, stream_id)
        elif frame_type == GOAWAY:
            control.on_goaway(payload, stream_id)
        elif frame_type == PUSH_PROMISE:
            self.blocks.on_push_promise(data, start, length, flags, stream_id)
        elif frame_type == PRIORITY_UPDATE:
            control.on_priority_update(payload, stream_id)
        elif frame_type == ALTSVC:
            control.on_altsvc(payload, stream_id)
        elif frame_type == ORIGIN:
            control.on_origin(payload, flags, stream_id)
        else:
            control.on_unknown(payload, frame_type, flags, stream_id)

    def settings_first(self) -> None:
        """RFC 9113 §3.4: SETTINGS MUST be the first frame of the peer's preface."""
        raise protocol_error("preface.settings", "the first frame must be SETTINGS")

    # --- DATA -----------------------------------------------------------------------------------

    def on_data(self, data: bytes, start: int, length: int, flags: int, stream_id: int) -> None:
        """DATA (RFC 9113 §6.1)."""
        session = self.session
        if stream_id == 0:
            raise protocol_error("data.stream_id", "DATA on stream 0")
        at = start
        end = start + length
        if flags & PADDED:
            end = unpadded_end(data, start, length, "data.padding")
            at += 1
        # RFC 9113 §6.9: the whole payload counts, padding too, whatever the stream's state.
        if not session.out.receive_window.receive(length):
            raise ConnectionFault(
                ErrorCode.FLOW_CONTROL_ERROR, "data.connection_window", "no credit for this"
            )
        # What was consumed before may be worth a frame now that less is left.
        if session.out.receive_window.pending:
            session.out.credit(0)
        size = end - at
        session.received_octets += size
        if session.out.unsent_answers > session.out.max_unsent:
            session.unread()
        stream = session.streams.living.get(stream_id)
        if stream is None or not stream.can_receive_data():
            self.on_stray_data(stream, length, stream_id)
            return
        if size:
            session.received_frames += 1
        elif not flags & END_STREAM:
            session.budgets.spend("data.empty_flood")
        self.on_body(stream, data[at:end], length, (flags & END_STREAM) != 0)

    def on_stray_data(self, stream: Stream | None, length: int, stream_id: int) -> None:
        """DATA that no application will see: credited at once."""
        session = self.session
        session.out.credit(length)
        if stream is not None:
            raise stream.fault("DATA")
        if session.streams.is_idle(stream_id) or session.streams.was_skipped(stream_id):
            message = f"DATA on stream {stream_id}, which is idle"
            raise protocol_error("data.idle", message, stream_id)
        if session.is_beyond_goaway(stream_id) or session.streams.was_reset_by_us(stream_id):
            # A call that is cancelled leaves up to a window of small messages on their way.
            if 0 < length <= session.out.late_octets:
                session.out.late_octets -= length
            else:
                session.spend_control()
            return
        raise StreamFault(
            stream_id, ErrorCode.STREAM_CLOSED, "data.closed", f"stream {stream_id} has closed"
        )

    def on_body(self, stream: Stream, payload: bytes, length: int, end_stream: bool) -> None:
        """DATA of a living stream: ``length`` octets on the wire, ``payload`` without padding."""
        session = self.session
        size = len(payload)
        window = self.window_of(stream)
        # What the caller has to give back, and what nobody will.
        owed = length if session.out.direct else size
        padding = length - owed
        if not window.receive(length):
            session.out.credit(length)
            raise StreamFault(
                stream.id, ErrorCode.FLOW_CONTROL_ERROR, "data.stream_window", "no credit"
            )
        stream.unacknowledged += owed
        if size:
            stream.held_frames += 1
            session.out.held_frames += 1
            if session.out.held_frames > session.max_held_frames:
                raise StreamFault(
                    stream.id,
                    ErrorCode.ENHANCE_YOUR_CALM,
                    "data.tiny_flood",
                    "too many frames wait",
                )
        if padding:
            session.out.credit(padding)
            if stream.rest == 0:
                session.out.credit_stream(stream, padding)
        if not stream.head_received:
            # RFC 9113 §8.1: the head comes first.
            raise malformed(stream.id, "data.before_headers")
        if stream.expected >= 0:
            stream.expected -= size
            if stream.expected < 0:
                raise malformed(stream.id, "content_length.exceeded")
            if end_stream and stream.expected > 0 and stream.rest == 0:
                raise malformed(stream.id, "content_length.short")
        if stream.rest > 0:
            session.out.drop(stream, size, length, end_stream)
        else:
            session.events.append(DataReceived(stream.id, payload, owed, end_stream))
        if end_stream:
            self.blocks.end(stream)
        elif window.pending and stream.rest == 0:
            session.out.credit_stream(stream, 0)

    def window_of(self, stream: Stream) -> ReceiveWindow:
        """Return the window we gave for a stream."""
        if stream.receive_window is None:
            stream.receive_window = ReceiveWindow(self.session.out.stream_window)
        return stream.receive_window
