"""What the control frames of the peer mean (SPDY/3 §2.3, §2.6).

A frame that comes here could be read and is of the session's version. One that breaks a rule of its
stream costs that stream, by RST_STREAM; a ``SessionFault`` is raised for what costs the session.
"""

from __future__ import annotations

from ..http2.constants import Role
from ..http2.flow import overflows
from .blocks import INVALID, TOO_LARGE
from .constants import (
    DEFAULT_WINDOW,
    FLAG_FIN,
    FLAG_UNIDIRECTIONAL,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    MAX_SETTING_ID,
    MAX_WINDOW,
    SETTING_PERSIST_VALUE,
    SETTINGS_CLEAR_SETTINGS,
    SPDY2,
    SYN_REPLY,
    GoawayStatus,
    StreamStatus,
)
from .errors import SessionFault, StreamFault
from .events import FrameInvalid, FrameReceived
from .frames import ControlFrame, HeaderFrame, Ping, RstStream, Settings, SynStream, WindowUpdate
from .state import SessionState
from .stream import CLOSING, OPEN, OPENING, Stream

_PROTOCOL_ERROR = GoawayStatus.PROTOCOL_ERROR


class Control:
    """What each control frame does to the session."""

    __slots__ = ("state",)

    def __init__(self, state: SessionState) -> None:
        self.state = state

    def invalid(self, frame: ControlFrame, fault: StreamFault) -> None:
        """Tell of a frame that broke a rule of its stream, and reset that."""
        self.state.events.append(FrameInvalid(frame, fault.status, fault.slug))
        self.state.reset_for(fault)

    def block_fault(self, frame: HeaderFrame, verdict: int) -> StreamFault | None:
        """Return what is wrong with a header block that could be read."""
        if verdict == INVALID:
            return StreamFault(
                frame.stream_id, StreamStatus.PROTOCOL_ERROR, "block.invalid", "invalid header"
            )
        if verdict == TOO_LARGE:
            return StreamFault(
                frame.stream_id, StreamStatus.FRAME_TOO_LARGE, "block.too_large", "too many headers"
            )
        return None

    def receive_syn_stream(self, frame: SynStream, verdict: int) -> None:
        """A stream is opened (SPDY/3 §2.3.2, §2.6.1)."""
        state = self.state
        stream_id = frame.stream_id
        if state.ends():
            state.budgets.spend("control.flood", state.work)
            return
        fault = self.block_fault(frame, verdict)
        if fault is None and frame.version != state.wire_version:
            fault = StreamFault(
                stream_id,
                StreamStatus.UNSUPPORTED_VERSION,
                "syn_stream.version",
                "another version than the session's",
            )
        if fault is None:
            # "If an endpoint receives the same stream ID twice, it MUST issue a stream error"
            if stream_id == state.highest_remote_id:
                fault = StreamFault(
                    stream_id, StreamStatus.PROTOCOL_ERROR, "syn_stream.repeated", "id used twice"
                )
            elif stream_id < state.highest_remote_id or state.is_ours(stream_id):
                # "... less than any previously received SYN_STREAM ... a session error"
                state.events.append(FrameInvalid(frame, int(_PROTOCOL_ERROR), "syn_stream.id"))
                raise SessionFault(_PROTOCOL_ERROR, "syn_stream.id", "the stream id goes backwards")
            else:
                state.highest_remote_id = stream_id
                fault = self.opening_fault(frame)
        if fault is not None:
            self.invalid(frame, fault)
        else:
            self.accept(frame)

    def opening_fault(self, frame: SynStream) -> StreamFault | None:
        """Return what forbids a stream with a new id."""
        state = self.state
        stream_id = frame.stream_id
        associated = frame.associated_stream_id
        unidirectional = frame.flags & FLAG_UNIDIRECTIONAL
        if state.role == Role.SERVER:
            if associated or unidirectional:
                return StreamFault(
                    stream_id, StreamStatus.PROTOCOL_ERROR, "syn_stream.push", "a client's push"
                )
        elif associated == 0:
            return StreamFault(
                stream_id, StreamStatus.INVALID_STREAM, "push.unassociated", "a push of its own"
            )
        elif not unidirectional or associated not in state.streams:
            return StreamFault(
                stream_id, StreamStatus.PROTOCOL_ERROR, "push.invalid", "not a push of ours"
            )
        theirs = len(state.streams) - state.our_streams
        most = state.local_settings.get(
            MAX_CONCURRENT_STREAMS, state.config.limits.max_open_streams
        )
        if theirs >= min(most, state.config.limits.max_open_streams):
            return StreamFault(
                stream_id, StreamStatus.REFUSED_STREAM, "streams.refused", "too many streams"
            )
        return None

    def accept(self, frame: SynStream) -> None:
        """Open the stream; one that is finished by its first frame never is."""
        state = self.state
        state.events.append(FrameReceived(frame))
        stream = state.open_stream(frame.stream_id, frame.priority, ours=False)
        stream.associated_id = frame.associated_stream_id
        if frame.flags & FLAG_UNIDIRECTIONAL:
            stream.we_done = True
        if frame.flags & FLAG_FIN:
            state.finishing = stream

    def receive_on_stream(self, frame: HeaderFrame, verdict: int) -> None:
        """SYN_REPLY or HEADERS (SPDY/3 §2.6.2, §2.6.7)."""
        state = self.state
        stream = state.streams.get(frame.stream_id)
        if stream is not None and stream.state == CLOSING:
            state.budgets.spend("control.flood", state.work)
            return
        fault = self.block_fault(frame, verdict) or self.place_fault(frame, stream)
        if fault is not None or stream is None:
            if fault is not None:
                self.invalid(frame, fault)
            return
        if frame.frame_type == SYN_REPLY:
            stream.state = OPEN
        else:
            state.budgets.spend("control.flood", state.work)
        state.events.append(FrameReceived(frame))
        if frame.flags & FLAG_FIN:
            state.finishing = stream

    def place_fault(self, frame: HeaderFrame, stream: Stream | None) -> StreamFault | None:
        """Return what is wrong with a frame at this place of its stream."""
        stream_id = frame.stream_id
        reply = frame.frame_type == SYN_REPLY
        name = "syn_reply" if reply else "headers"
        if stream is None or stream.peer_done or (reply and not stream.ours):
            return StreamFault(
                stream_id, StreamStatus.PROTOCOL_ERROR, f"{name}.stream", "no stream takes it"
            )
        if reply and stream.state == OPEN:
            # "If an endpoint receives multiple SYN_REPLY frames for the same active stream ID, it
            # MUST issue a stream error with the error code STREAM_IN_USE" (SPDY/3 §2.6.2)
            in_use = self.state.version != SPDY2
            status = StreamStatus.STREAM_IN_USE if in_use else StreamStatus.PROTOCOL_ERROR
            return StreamFault(stream_id, status, "syn_reply.repeated", "a second reply")
        if not reply and stream.ours and stream.state == OPENING:
            return StreamFault(
                stream_id, StreamStatus.PROTOCOL_ERROR, "headers.before_reply", "no reply yet"
            )
        return None

    # --- the other frames -----------------------------------------------------------------------

    def receive_rst_stream(self, frame: RstStream) -> None:
        """The peer gives a stream up (SPDY/3 §2.6.3)."""
        state = self.state
        state.events.append(FrameReceived(frame))
        stream = state.streams.get(frame.stream_id)
        if stream is None:
            state.budgets.spend("control.flood", state.work)
            return
        if not stream.ours:
            state.budgets.spend("reset.flood", state.work)
        # OK is no status to reset with; the stream must not look finished
        status = frame.status or StreamStatus.PROTOCOL_ERROR
        state.events.append(state.close_stream(stream, status))
        if frame.status == StreamStatus.CANCEL and state.role == Role.SERVER:
            state.events += state.cancel_pushes(frame.stream_id)

    def receive_ping(self, frame: Ping) -> None:
        """A question is answered, an answer recognised (SPDY/3 §2.6.5)."""
        state = self.state
        state.budgets.spend("ping.flood", state.work)
        unique_id = frame.unique_id
        if unique_id == 0:
            return
        if not state.is_ours(unique_id):
            state.events.append(FrameReceived(frame))
            state.answer_ping(unique_id)
        elif unique_id == state.last_ping:
            state.last_ping = 0
            state.events.append(FrameReceived(frame))

    def receive_settings(self, frame: Settings) -> None:
        """The peer tells how it works (SPDY/3 §2.6.4)."""
        state = self.state
        state.budgets.spend("settings.flood", state.work)
        state.events.append(FrameReceived(frame))
        if frame.flags & SETTINGS_CLEAR_SETTINGS:
            state.persisted.clear()
        seen = set()
        for setting_id, flags, value in frame.entries:
            # "If there are multiple values for the same ID, only the first is used"
            if setting_id in seen or not 1 <= setting_id <= MAX_SETTING_ID:
                continue
            seen.add(setting_id)
            if flags & SETTING_PERSIST_VALUE and state.role == Role.CLIENT:
                state.persisted[setting_id] = value
            if setting_id == INITIAL_WINDOW_SIZE:
                if value > MAX_WINDOW:
                    continue
                self.resize_windows(value)
            state.remote_settings[setting_id] = value

    def resize_windows(self, size: int) -> None:
        """Each stream's window changes by what the initial one does (SPDY/3 §2.6.8)."""
        state = self.state
        delta = size - state.remote_settings.get(INITIAL_WINDOW_SIZE, DEFAULT_WINDOW)
        if not state.flow_control or delta == 0:
            return
        for stream in state.streams.values():
            if stream.state != CLOSING and overflows(stream.send_window, delta):
                status = StreamStatus.FLOW_CONTROL_ERROR
                state.reset_for(StreamFault(stream.id, status, "window.overflow", "overflow"))
                continue
            stream.send_window += delta
            state.wake(stream)

    def receive_window_update(self, frame: WindowUpdate) -> None:
        """The peer takes more (SPDY/3 §2.6.8, SPDY/3.1 §2.6.8)."""
        state = self.state
        state.budgets.spend("control.flood", state.work)
        if not state.flow_control:
            return
        if frame.stream_id == 0:
            if state.session_window:
                self.widen_session(frame)
            return
        stream = state.streams.get(frame.stream_id)
        if stream is None or stream.state == CLOSING:
            return
        if overflows(stream.send_window, frame.delta):
            status = StreamStatus.FLOW_CONTROL_ERROR
            self.invalid(
                frame, StreamFault(stream.id, status, "window.overflow", "the window overflows")
            )
            return
        state.events.append(FrameReceived(frame))
        stream.send_window += frame.delta
        state.wake(stream)

    def widen_session(self, frame: WindowUpdate) -> None:
        """The window of the session grows."""
        state = self.state
        if overflows(state.send_window, frame.delta):
            state.events.append(FrameInvalid(frame, int(_PROTOCOL_ERROR), "session.overflow"))
            raise SessionFault(_PROTOCOL_ERROR, "session.overflow", "the window overflows")
        state.events.append(FrameReceived(frame))
        state.send_window += frame.delta
