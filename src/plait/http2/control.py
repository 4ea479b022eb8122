"""Frames without a field block or a body: what they must look like, and what they do.

SETTINGS, PING, GOAWAY, WINDOW_UPDATE, RST_STREAM, PRIORITY (RFC 9113 §6.3 to §6.9),
PRIORITY_UPDATE (RFC 9218 §7), ALTSVC (RFC 7838 §4), ORIGIN (RFC 8336 §2), and unknown frames.
"""

from __future__ import annotations

from .blocks import FieldBlocks
from .constants import ACK
from .errors import ConnectionFault, ErrorCode, StreamFault, frame_size, protocol_error
from .events import (
    AlternativeServiceAvailable,
    ConnectionTerminated,
    OriginReceived,
    PingAcknowledged,
    PingReceived,
    PriorityUpdated,
    RemoteSettingsChanged,
    SettingsAcknowledged,
    StreamClosed,
    StreamReset,
    UnknownFrameReceived,
    WindowUpdated,
)
from .flow import overflows
from .frames import append_ping, append_settings_ack, parse_origins, parse_settings, uint32
from .priority import parse_priority, priority_received
from .session import Session
from .settings import (
    ENABLE_CONNECT_PROTOCOL,
    ENABLE_PUSH,
    HEADER_TABLE_SIZE,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
    Changes,
    check_setting,
)
from .states import HALF_CLOSED_LOCAL, RESERVED_REMOTE
from .stream import Stream

_FLOW_CONTROL_ERROR = int(ErrorCode.FLOW_CONTROL_ERROR)
_PROTOCOL_ERROR = int(ErrorCode.PROTOCOL_ERROR)
_STREAMS_A_TOKEN = 10
"""Windows of streams that are moved for a token: SETTINGS are dearer to us the more there are."""

_EARLY_PRIORITIES = 100
"""PRIORITY_UPDATEs kept for requests to come, where we set no limit of streams."""


class ControlFrames:
    """One method for each type of frame; each gets the whole payload."""

    __slots__ = ("blocks", "session", "settings_received")

    def __init__(self, session: Session, blocks: FieldBlocks) -> None:
        self.session = session
        self.blocks = blocks
        self.settings_received = not session.config.settings_first

    # --- SETTINGS -------------------------------------------------------------------------------

    def on_settings(self, payload: bytes, flags: int, stream_id: int) -> None:
        """SETTINGS (RFC 9113 §6.5)."""
        session = self.session
        if stream_id != 0:
            raise protocol_error("settings.stream_id", "SETTINGS belongs to stream 0")
        if flags & ACK:
            if payload:
                raise frame_size("settings.ack_length", "an acknowledgement of SETTINGS is empty")
            self.on_settings_ack()
            return
        if len(payload) % 6:
            raise frame_size("settings.length", "SETTINGS is no multiple of six octets long")
        if len(payload) // 6 > session.config.limits.max_settings_entries:
            raise ConnectionFault(
                ErrorCode.ENHANCE_YOUR_CALM, "settings.entries", "too many entries in SETTINGS"
            )
        # Nothing pays for these: each may move the window of every stream.
        session.budgets.spend("settings.flood")
        changes: Changes = {}
        highest_window = 0
        for code, value in parse_settings(payload):
            self.check(code, value)
            old, _ = session.remote.apply(code, value)
            changes[code] = (changes[code][0] if code in changes else old, value)
            if code == HEADER_TABLE_SIZE:
                # Of several sizes the smallest must be signalled too (RFC 7541 §4.2), so each
                # goes to the encoder; the other settings only matter by their last value.
                session.out.resize_table(value)
            elif code == INITIAL_WINDOW_SIZE:
                highest_window = max(highest_window, value)
        self.settings_received = True
        self.put_into_force(changes, highest_window)
        append_settings_ack(session.out.buffer)
        self.acknowledged("settings.unread")
        session.events.append(RemoteSettingsChanged(changes))

    def check(self, code: int, value: int) -> None:
        """Check one entry of the peer's SETTINGS."""
        check_setting(code, value)
        session = self.session
        # RFC 9113 §6.5.2: a server MUST NOT set ENABLE_PUSH to 1.
        if code == ENABLE_PUSH and value == 1 and not session.is_server:
            raise protocol_error("settings.enable_push", "a server cannot enable push")
        # RFC 8441 §3: once 1, MUST NOT go back to 0.
        if code == ENABLE_CONNECT_PROTOCOL and value == 0:
            if session.remote.enable_connect_protocol:
                raise protocol_error("settings.connect_protocol", "it cannot be withdrawn")

    def put_into_force(self, changes: Changes, highest_window: int = 0) -> None:
        """Let the peer's settings do what they say.

        :param highest_window: RFC 9113 §6.5.3: values are processed in the order they appear. Of
            several initial windows the highest may overflow one that the last does not.
        """
        session = self.session
        out = session.out
        for code, (_, value) in changes.items():
            if code == HEADER_TABLE_SIZE:
                out.resize_table(value)
            elif code == MAX_FRAME_SIZE:
                out.max_frame_size = value
            elif code == MAX_CONCURRENT_STREAMS:
                out.remote_max_streams = min(value, 2**31 - 1)
            elif code == INITIAL_WINDOW_SIZE:
                peak = max(value, highest_window) - session.remote_window
                self.resize_send_windows(value - session.remote_window, peak)
                session.remote_window = value

    def resize_send_windows(self, delta: int, peak: int) -> None:
        """RFC 9113 §6.9.2: a new initial window moves the window of every open stream."""
        session = self.session
        streams: list[Stream] = list(session.streams.living.values())
        for _ in range(len(streams) // _STREAMS_A_TOKEN):
            session.budgets.spend("settings.flood")
        for stream in streams:
            if overflows(stream.send_window, peak):
                raise ConnectionFault(
                    _FLOW_CONTROL_ERROR,
                    "settings.stream_window",
                    "a stream's window exceeds 2^31-1",
                )
            stream.send_window += delta
            session.out.revive(stream)

    def on_settings_ack(self) -> None:
        """Our oldest SETTINGS is in force."""
        session = self.session
        changes = session.local.acknowledge()
        if changes is None:
            raise protocol_error("settings.ack", "an acknowledgement of nothing")
        for code, (_, value) in changes.items():
            if code == HEADER_TABLE_SIZE:
                session.decoder.max_allowed_table_size = value
            elif code == INITIAL_WINDOW_SIZE:
                self.resize_receive_windows(value - session.out.stream_window)
                session.out.stream_window = value
            elif code == MAX_HEADER_LIST_SIZE and not session.list_size_set:
                session.decoder.max_list_size = session.local.largest(MAX_HEADER_LIST_SIZE)
            elif code == MAX_FRAME_SIZE:
                session.max_frame_size = session.local.largest(MAX_FRAME_SIZE)
            elif code == ENABLE_PUSH:
                session.push_refused = value == 0
        session.events.append(SettingsAcknowledged(changes))

    def resize_receive_windows(self, delta: int) -> None:
        """Our new initial window moves the windows that we gave."""
        session = self.session
        for stream in session.streams.living.values():
            if stream.receive_window is not None:
                stream.receive_window.resize(delta)
                # What was not worth a frame of a larger window may be worth one now.
                session.out.credit_stream(stream, 0)

    # --- PING, GOAWAY ---------------------------------------------------------------------------

    def on_ping(self, payload: bytes, flags: int, stream_id: int) -> None:
        """PING (RFC 9113 §6.7)."""
        session = self.session
        if stream_id != 0:
            raise protocol_error("ping.stream_id", "PING belongs to stream 0")
        if len(payload) != 8:
            raise frame_size("ping.length", "PING has eight octets")
        session.budgets.spend("ping.flood", session.work())
        if flags & ACK:
            if not session.shutdown_answered(payload):
                session.events.append(PingAcknowledged(payload))
            return
        append_ping(session.out.buffer, payload, True)
        self.acknowledged("ping.unread")
        session.events.append(PingReceived(payload))

    def acknowledged(self, slug: str) -> None:
        """An acknowledgement was queued: the peer must read them now and then."""
        session = self.session
        session.out.unsent_acknowledgements += 1
        if session.out.unsent_acknowledgements > session.config.limits.max_unsent_acknowledgements:
            raise ConnectionFault(
                ErrorCode.ENHANCE_YOUR_CALM, slug, "too many acknowledgements wait to be read"
            )

    def on_goaway(self, payload: bytes, stream_id: int) -> None:
        """GOAWAY (RFC 9113 §6.8)."""
        if stream_id != 0:
            raise protocol_error("goaway.stream_id", "GOAWAY belongs to stream 0")
        if len(payload) < 8:
            raise frame_size("goaway.length", "GOAWAY is too short")
        session = self.session
        session.spend_control()
        last = uint32(payload, 0) & 0x7FFFFFFF
        code = uint32(payload, 4)
        event = ConnectionTerminated(code, last, payload[8:], True, "peer.goaway")
        session.events.append(event)
        session.receive_goaway(last, code)

    # --- windows --------------------------------------------------------------------------------

    def on_window_update(self, data: bytes, start: int, length: int, stream_id: int) -> None:
        """WINDOW_UPDATE (RFC 9113 §6.9)."""
        if length != 4:
            raise frame_size("window_update.length", "WINDOW_UPDATE has four octets")
        session = self.session
        out = session.out
        increment = uint32(data, start) & 0x7FFFFFFF
        session.spend_control()
        if stream_id == 0:
            if increment == 0:
                raise protocol_error("window_update.zero", "an increment of 0")
            if overflows(out.window, increment):
                raise ConnectionFault(
                    _FLOW_CONTROL_ERROR, "window_update.overflow", "the window exceeds 2^31-1"
                )
            out.window += increment
            session.events.append(WindowUpdated(0, increment))
            return
        stream = session.streams.living.get(stream_id)
        if stream is None:
            # RFC 9113 §5.1: on an idle stream an error; on a closed one it may be late.
            if session.streams.is_idle(stream_id):
                raise protocol_error("window_update.idle", f"stream {stream_id} is idle", stream_id)
            return
        if stream.state == RESERVED_REMOTE:
            raise stream.fault("WINDOW_UPDATE")
        # RFC 9113 §6.9: an increment of 0 MUST be a stream error PROTOCOL_ERROR; §6.9.1: a
        # window above 2^31-1 MUST end the stream with FLOW_CONTROL_ERROR.
        if increment == 0:
            raise StreamFault(stream_id, _PROTOCOL_ERROR, "window_update.zero", "an increment of 0")
        if overflows(stream.send_window, increment):
            raise StreamFault(
                stream_id, _FLOW_CONTROL_ERROR, "window_update.overflow", "exceeds 2^31-1"
            )
        stream.send_window += increment
        out.revive(stream)
        session.events.append(WindowUpdated(stream_id, increment))

    # --- single streams -------------------------------------------------------------------------

    def on_rst_stream(self, payload: bytes, stream_id: int) -> None:
        """RST_STREAM (RFC 9113 §6.4)."""
        session = self.session
        if stream_id == 0:
            raise protocol_error("rst_stream.stream_id", "RST_STREAM on stream 0")
        if len(payload) != 4:
            raise frame_size("rst_stream.length", "RST_STREAM has four octets")
        stream = session.streams.living.get(stream_id)
        if stream is None:
            # RFC 9113 §6.4: on an idle stream it MUST be a connection error.
            if session.streams.is_idle(stream_id):
                raise protocol_error("rst_stream.idle", f"stream {stream_id} is idle", stream_id)
            session.spend_control()
            return
        code = uint32(payload, 0)
        complete = code == 0 and not session.is_server and not stream.can_receive_data()
        # The whole response was sent: a client that then gives up what is left of its request has
        # had its exchange, and paid for it.
        answered = session.is_server and (stream.state == HALF_CLOSED_LOCAL or stream.rest > 0)
        if not answered:
            session.peer_resets += 1
        session.out.forget(stream)
        if complete and stream.head_received:
            # RFC 9113 §8.1: the response is complete, and the server spares us the rest of the
            # request. Clients MUST NOT discard the response for that.
            session.events.append(StreamClosed(stream_id, 0, True))
            return
        session.events.append(StreamReset(stream_id, code, True, "peer.reset"))
        # Streams of our own opening were our choice, requests as well as pushes.
        if session.streams.is_remote(stream_id) and not answered:
            session.budgets.spend("reset.flood", session.paid_resets())
        else:
            session.spend_control()

    def on_priority(self, payload: bytes, stream_id: int) -> None:
        """PRIORITY: checked, and ignored (RFC 9113 §6.3)."""
        session = self.session
        if stream_id == 0:
            raise protocol_error("priority.stream_id", "PRIORITY on stream 0")
        session.spend_control()
        # RFC 9113 §6.3: another length MUST be a stream error FRAME_SIZE_ERROR, which an idle
        # or closed stream turns into one of the connection, as there is nothing to reset.
        living = stream_id in session.streams.living
        if len(payload) != 5:
            if not living:
                raise frame_size("priority.length", "PRIORITY has five octets")
            raise StreamFault(
                stream_id, ErrorCode.FRAME_SIZE_ERROR, "priority.length", "five octets"
            )
        # RFC 7540 §5.3.1: a stream cannot depend on itself. RFC 9218 §2.1: a peer that does not
        # use these priorities MUST have them ignored.
        if session.remote.no_rfc7540_priorities:
            return
        if uint32(payload, 0) & 0x7FFFFFFF == stream_id:
            if not living:
                raise protocol_error("priority.self", "a stream depends on itself")
            raise StreamFault(stream_id, _PROTOCOL_ERROR, "priority.self", "depends on itself")
        if session.config.report_priorities:
            session.events.append(priority_received(stream_id, payload, False))

    def on_priority_update(self, payload: bytes, stream_id: int) -> None:
        """PRIORITY_UPDATE (RFC 9218 §7.1)."""
        session = self.session
        if stream_id != 0:
            raise protocol_error("priority_update.stream_id", "it belongs to stream 0")
        # RFC 9218 §7.1: a client that receives one MUST answer with PROTOCOL_ERROR.
        if not session.is_server:
            raise protocol_error("priority_update.role", "only clients send PRIORITY_UPDATE")
        if len(payload) < 4:
            raise frame_size("priority_update.length", "PRIORITY_UPDATE is too short")
        session.spend_control()
        target = uint32(payload, 0) & 0x7FFFFFFF
        # RFC 9218 §7.1: stream 0, and a push that was not promised, are PROTOCOL_ERRORs.
        if target == 0 or (not target & 1 and session.streams.is_idle(target)):
            raise protocol_error("priority_update.target", f"stream {target} has no priority")
        urgency, incremental = parse_priority(payload[4:])
        stream = session.streams.living.get(target)
        if stream is not None:
            session.out.scheduler.reprioritise(stream, urgency, incremental)
        elif session.streams.is_idle(target):
            self.keep_priority(target, urgency, incremental)
        else:
            return
        session.events.append(PriorityUpdated(target, urgency, incremental))

    def keep_priority(self, target: int, urgency: int, incremental: bool) -> None:
        """Keep the priority of a request to come."""
        blocks = self.blocks
        if blocks.priorities is None:
            blocks.priorities = {}
        session = self.session
        most = session.max_streams if session.max_streams >= 0 else _EARLY_PRIORITIES
        if target not in blocks.priorities:
            # RFC 9218 §7.1: with the active streams they MUST NOT exceed the limit of streams.
            if len(blocks.priorities) + session.streams.remote_count >= most:
                self.forget_skipped_priorities(blocks.priorities)
            if len(blocks.priorities) + session.streams.remote_count >= most:
                raise protocol_error("priority_update.flood", "too many idle streams prioritised")
        blocks.priorities[target] = (urgency, incremental)

    def forget_skipped_priorities(self, priorities: dict[int, tuple[int, bool]]) -> None:
        """Requests whose ids were skipped over will never come."""
        highest = self.session.streams.highest_remote
        for target in [target for target in priorities if target <= highest]:
            del priorities[target]

    # --- extensions -----------------------------------------------------------------------------

    def on_altsvc(self, payload: bytes, stream_id: int) -> None:
        """ALTSVC (RFC 7838 §4): of use to clients only; what is malformed is ignored."""
        session = self.session
        session.spend_control()
        if session.is_server or len(payload) < 2:
            return
        # On a stream it concerns the origin of that stream's request.
        if stream_id != 0 and stream_id not in session.streams.living:
            return
        length = (payload[0] << 8) | payload[1]
        origin = payload[2 : 2 + length]
        # On stream 0 an origin is needed; on another the request gives it.
        if len(origin) < length or (stream_id == 0) != (length > 0):
            return
        value = payload[2 + length :]
        session.events.append(AlternativeServiceAvailable(stream_id, origin, value))

    def on_origin(self, payload: bytes, flags: int, stream_id: int) -> None:
        """ORIGIN (RFC 8336 §2.1): ignored on other streams, with unknown flags, by servers."""
        session = self.session
        session.spend_control()
        if session.is_server or stream_id != 0 or flags & 0xF:
            return
        origins = parse_origins(payload)
        if origins is not None:
            session.events.append(OriginReceived(origins))

    def on_unknown(self, payload: bytes, frame_type: int, flags: int, stream_id: int) -> None:
        """A frame of an unknown type MUST be ignored (RFC 9113 §5.5)."""
        session = self.session
        session.spend_control()
        session.events.append(UnknownFrameReceived(frame_type, flags, stream_id, payload))
