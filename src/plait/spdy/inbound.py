"""Octets of the peer become events, one step at a time (SPDY/3 §2.2 to §2.6).

A step is a control frame, the head of a DATA frame, or a piece of its payload: what the
application does between two steps is seen by the next one. A header block changes the state of the
zlib stream, so each is inflated, also those of frames that are refused or ignored.

What a whole control frame means is known to ``control``. Faults become frames: of a stream
RST_STREAM, of the session GOAWAY, and after that the peer is no longer listened to. Nothing is
raised for what the peer sent.
"""

from __future__ import annotations

from struct import Struct
from typing import NoReturn

from ..http2.flow import ReceiveWindow
from .blocks import BOMB, MALFORMED, TOO_LARGE, ZLIB
from .constants import (
    CREDENTIAL,
    FLAG_FIN,
    FRAME_HEADER_LENGTH,
    GOAWAY,
    HEADERS,
    NOOP,
    PING,
    RST_STREAM,
    SETTINGS,
    SYN_REPLY,
    SYN_STREAM,
    WINDOW_UPDATE,
    ErrorCode,
    GoawayStatus,
    StreamStatus,
)
from .control import Control
from .errors import SessionFault, StreamFault
from .events import (
    DataFrameReceived,
    DataInvalid,
    DataReceived,
    Event,
    FrameReceived,
    FrameUnparsable,
    UnknownFrameReceived,
)
from .frames import (
    Goaway,
    Ping,
    RstStream,
    Settings,
    SynStream,
    WindowUpdate,
    fixed_length,
    parse_fixed,
    parse_head,
)
from .state import OCTETS_OF_WORK, SessionState
from .stream import CLOSING, OPENING, Stream

_HEADER = Struct(">II")
_PROTOCOL_ERROR = GoawayStatus.PROTOCOL_ERROR

# Frames of 4 or 8 octets; of wrong ones, a few octets are waited for so that they can be shown.
_SHORT = (RST_STREAM, PING, GOAWAY, WINDOW_UPDATE)
_WORTH_SHOWING = 64


class Inbound:
    """The receiving side of a session.

    :ivar buffer: octets to be read, from ``position`` on.
    :ivar partial: the beginning of a frame of which ``needed`` octets must come first.
    :ivar skipping: octets of a frame that are thrown away as they come.
    :ivar data_left: octets of a DATA frame that are still to come; -1 outside of one.
    """

    __slots__ = (
        "buffer",
        "control",
        "data_flags",
        "data_left",
        "data_length",
        "data_stream",
        "needed",
        "partial",
        "position",
        "skipping",
        "state",
    )

    def __init__(self, state: SessionState) -> None:
        self.state = state
        self.control = Control(state)
        self.buffer = b""
        self.position = 0
        self.partial = bytearray()
        self.needed = 0
        self.skipping = 0
        self.data_left = -1
        self.data_stream = 0
        self.data_flags = 0
        self.data_length = 0

    # --- octets ---------------------------------------------------------------------------------

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take octets; they are read by ``step``."""
        octets = bytes(memoryview(data))
        if self.state.deaf:
            return
        partial = self.partial
        if partial:
            partial += octets
            if len(partial) < self.needed:
                return
            octets = bytes(partial)
            partial.clear()
        elif self.position < len(self.buffer):
            octets = self.buffer[self.position :] + octets
        self.buffer = octets
        self.position = 0

    def step(self) -> list[Event] | None:
        """Read on until something is to be told; ``None`` when the octets are used up."""
        state = self.state
        while not state.deaf:
            try:
                if not self.read_on():
                    # nothing is left of it but what was put aside
                    self.buffer = b""
                    self.position = 0
                    return None
                state.check_answers()
            except SessionFault as fault:
                state.fail(fault)
            if state.events:
                events = state.events
                state.events = []
                return events
        self.buffer = b""
        self.position = 0
        self.partial.clear()
        return None

    def read_on(self) -> bool:
        """Read a frame or a piece of one; ``False`` when more octets are needed."""
        if self.state.finishing is not None:
            self.state.finish_peer()
            return True
        available = len(self.buffer) - self.position
        if self.data_left >= 0:
            return self.read_data(available)
        if self.skipping > 0:
            skipped = min(self.skipping, available)
            self.skipping -= skipped
            self.position += skipped
            return skipped > 0
        if available < FRAME_HEADER_LENGTH:
            return self.wait_for(FRAME_HEADER_LENGTH)
        first, second = _HEADER.unpack_from(self.buffer, self.position)
        flags, length = second >> 24, second & 0xFFFFFF
        if first >> 31:
            return self.read_control(first >> 16 & 0x7FFF, first & 0xFFFF, flags, length, available)
        self.position += FRAME_HEADER_LENGTH
        self.begin_data(first, flags, length)
        return True

    def wait_for(self, needed: int) -> bool:
        """Put the beginning of a frame aside until ``needed`` octets are there."""
        self.partial += self.buffer[self.position :]
        self.needed = needed
        return False

    # --- DATA -----------------------------------------------------------------------------------

    def begin_data(self, stream_id: int, flags: int, length: int) -> None:
        """The head of a DATA frame (SPDY/3 §2.2.2)."""
        state = self.state
        stream = state.streams.get(stream_id)
        if stream is not None and stream.state != CLOSING:
            if stream.peer_done:
                raise SessionFault(_PROTOCOL_ERROR, "data.after_fin", "DATA after FIN")
            if stream.ours and stream.state == OPENING:
                raise SessionFault(_PROTOCOL_ERROR, "data.before_reply", "DATA before SYN_REPLY")
        else:
            state.budgets.spend("control.flood", state.work)
        if length == 0 and not flags & FLAG_FIN:
            state.budgets.spend("data.empty_flood", state.work)
        self.data_stream = stream_id
        self.data_flags = flags
        self.data_length = length
        self.data_left = length

    def read_data(self, available: int) -> bool:
        """A piece of a payload, or the end of its frame."""
        if self.data_left == 0:
            # a step of its own: what is done about the last octets comes first
            self.data_left = -1
            self.end_data()
            return True
        if available == 0:
            return False
        octets = min(self.data_left, available)
        start = self.position
        self.position = start + octets
        self.data_left -= octets
        self.take_piece(self.buffer[start : start + octets], last=self.data_left == 0)
        return True

    def live_stream(self) -> Stream | None:
        """Return the stream of the DATA frame, unless it is gone or going."""
        stream = self.state.streams.get(self.data_stream)
        return None if stream is None or stream.state == CLOSING else stream

    def take_piece(self, piece: bytes, last: bool) -> None:
        """Account for octets, and tell of those whose stream is there."""
        state = self.state
        octets = len(piece)
        stream = self.live_stream()
        held = stream is not None and state.config.manual_credit
        if state.session_window:
            state.receive_window.receive(octets)
            if self.is_beyond(state.receive_window):
                raise SessionFault(
                    _PROTOCOL_ERROR, "session.window", "DATA beyond the session's window"
                )
            if not held:
                state.credit(state.receive_window, octets, 0)
        if stream is None:
            return
        if state.flow_control and not self.take_credit(stream, octets, held, last):
            return
        state.events.append(DataReceived(stream.id, self.data_flags, piece))

    def is_beyond(self, window: ReceiveWindow) -> bool:
        """Whether the peer sent more than a window takes, and than is borne beyond it."""
        config = self.state.config
        return config.enforce_windows and window.available < -config.limits.max_window_excess

    def take_credit(self, stream: Stream, octets: int, held: bool, last: bool) -> bool:
        """Account for octets of a stream; ``False`` if they are more than its window takes."""
        state = self.state
        window = state.window_of(stream)
        window.receive(octets)
        if self.is_beyond(window):
            status = StreamStatus.FLOW_CONTROL_ERROR
            state.events.append(DataInvalid(stream.id, int(status), "stream.window"))
            state.reset_for(StreamFault(stream.id, status, "stream.window", "beyond the window"))
            if held and state.session_window:
                state.credit(state.receive_window, octets, 0)
            return False
        # after the last octets the peer needs no more credit
        if not held and not (last and self.data_flags & FLAG_FIN):
            state.credit(window, octets, stream.id)
        return True

    def end_data(self) -> None:
        """A DATA frame is complete."""
        stream = self.live_stream()
        if stream is None:
            return
        state = self.state
        state.work += self.data_length >> OCTETS_OF_WORK
        state.events.append(DataFrameReceived(stream.id, self.data_flags, self.data_length))
        if self.data_flags & FLAG_FIN:
            state.finishing = stream

    # --- control frames -------------------------------------------------------------------------

    def read_control(
        self, version: int, frame_type: int, flags: int, length: int, available: int
    ) -> bool:
        """The frame at the position; ``False`` if it is not there as a whole."""
        if frame_type in (NOOP, CREDENTIAL):
            self.state.budgets.spend("control.flood", self.state.work)
            self.position += FRAME_HEADER_LENGTH
            self.skipping = length
            return True
        whole = FRAME_HEADER_LENGTH + length
        start = self.position
        fault = self.refuse_length(frame_type, length)
        if fault is not None:
            head = self.buffer[start : start + FRAME_HEADER_LENGTH]
            self.refuse(frame_type, head, b"", ErrorCode.INVALID_FRAME, *fault)
        if available < whole:
            return self.wait_for(whole)
        self.position = start + whole
        head = self.buffer[start : start + FRAME_HEADER_LENGTH]
        payload = self.buffer[start + FRAME_HEADER_LENGTH : start + whole]
        if frame_type in (SYN_STREAM, SYN_REPLY, HEADERS):
            self.read_block_frame(version, frame_type, flags, head, payload)
        elif SYN_STREAM <= frame_type <= WINDOW_UPDATE:
            self.read_fixed_frame(version, frame_type, flags, head, payload)
        else:
            self.state.budgets.spend("control.flood", self.state.work)
            self.state.events.append(UnknownFrameReceived(head, payload))
        return True

    def refuse_length(self, frame_type: int, length: int) -> tuple[str, str] | None:
        """Return slug and message for a length that need not be waited for."""
        limits = self.state.config.limits
        if frame_type in _SHORT:
            if length > _WORTH_SHOWING:
                return "frame.length", "the payload has the wrong length"
        elif frame_type == SETTINGS:
            if length > 4 + 8 * limits.max_settings_entries:
                return "settings.entries", "too many entries"
        elif length > limits.max_control_octets:
            return "frame.too_large", "the control frame is too long"
        return None

    def refuse(
        self, frame_type: int, head: bytes, payload: bytes, error: int, slug: str, message: str
    ) -> NoReturn:
        """Tell of a frame that cannot be read, and end the session.

        :raises SessionFault: always.
        """
        self.state.events.append(FrameUnparsable(frame_type, head, payload, int(error), slug))
        raise SessionFault(_PROTOCOL_ERROR, slug, message)

    def read_fixed_frame(
        self, version: int, frame_type: int, flags: int, head: bytes, payload: bytes
    ) -> None:
        """A frame without a header block."""
        state = self.state
        frame = parse_fixed(frame_type, version, flags, payload)
        if frame is None:
            self.refuse(
                frame_type, head, payload, ErrorCode.INVALID_FRAME, "frame.length", "wrong length"
            )
        elif version != state.wire_version:
            # parsable, but not in the session's version: ignored
            state.budgets.spend("control.flood", state.work)
        elif isinstance(frame, WindowUpdate):
            self.control.receive_window_update(frame)
        elif isinstance(frame, Ping):
            self.control.receive_ping(frame)
        elif isinstance(frame, RstStream):
            self.control.receive_rst_stream(frame)
        elif isinstance(frame, Settings):
            self.control.receive_settings(frame)
        elif isinstance(frame, Goaway):
            state.budgets.spend("control.flood", state.work)
            state.goaway_received = True
            state.events.append(FrameReceived(frame))

    # --- frames with a header block -------------------------------------------------------------

    def read_block_frame(
        self, version: int, frame_type: int, flags: int, head: bytes, payload: bytes
    ) -> None:
        """SYN_STREAM, SYN_REPLY or HEADERS: every block is inflated, whatever comes of it."""
        state = self.state
        if version not in (2, 3):
            fixed = payload[: fixed_length(frame_type, 3)]
            error = ErrorCode.UNSUPPORTED_VERSION
            self.refuse(frame_type, head, fixed, error, "frame.version", "no such version")
        fixed = payload[: fixed_length(frame_type, version)]
        parsed = parse_head(frame_type, version, flags, payload)
        if parsed is None or parsed[1] == len(payload):
            self.refuse(
                frame_type, head, fixed, ErrorCode.INVALID_FRAME, "frame.length", "no header block"
            )
        frame, start = parsed
        block = state.inflater.block(payload[start:], version)
        verdict = block.verdict
        if verdict == ZLIB:
            self.refuse(frame_type, head, fixed, ErrorCode.ZLIB, "block.zlib", "zlib failed")
        if verdict == MALFORMED:
            error = ErrorCode.INVALID_FRAME
            self.refuse(frame_type, head, fixed, error, "block.malformed", "lengths do not add up")
        if verdict == BOMB:
            self.refuse(frame_type, head, fixed, ErrorCode.ZLIB, "block.bomb", "a zlib bomb")
        if verdict == TOO_LARGE:
            state.budgets.waste(block.inflated)
        frame.fields = block.fields or []
        if frame_type == SYN_STREAM:
            assert isinstance(frame, SynStream)
            self.control.receive_syn_stream(frame, verdict)
        elif version != state.wire_version:
            state.budgets.spend("control.flood", state.work)
        else:
            self.control.receive_on_stream(frame, verdict)
