"""The engine's events as h2's.

h2 tells the end of a stream, and a priority, in events of their own behind the one that they came
with, which refers to them. It tells nothing of a stream that ended in good order on both sides.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from plait import http2

from .errors import error_code_from_int
from .events import (
    AlternativeServiceAvailable,
    DataReceived,
    Event,
    InformationalResponseReceived,
    PingAckReceived,
    PingReceived,
    PriorityUpdated,
    PushedStreamReceived,
    RemoteSettingsChanged,
    RequestReceived,
    ResponseReceived,
    SettingsAcknowledged,
    StreamEnded,
    StreamReset,
    TrailersReceived,
    UnknownFrameReceived,
    WindowUpdated,
)
from .extension import ExtensionFrame
from .fields import decoded, joined_cookies
from .settings import SettingCodes

if TYPE_CHECKING:
    from .connection import H2Connection

_PROTOCOL_ERROR = int(http2.ErrorCode.PROTOCOL_ERROR)
BY_GOAWAY = "peer.goaway"
# Every event is compared with these.
_REQUEST = http2.RequestReceived
_DATA = http2.DataReceived


class GoAway:
    """What a GOAWAY frame said, with the names of hyperframe's class.

    :ivar error_code: why, a number.
    :ivar last_stream_id: the highest stream of ours that the peer may have looked at.
    :ivar additional_data: what it had to say.
    """

    __slots__ = ("additional_data", "error_code", "last_stream_id")

    def __init__(self, event: http2.ConnectionTerminated) -> None:
        self.error_code = int(event.error_code)
        self.last_stream_id = event.last_stream_id
        self.additional_data = event.additional_data


class Incoming:
    """Turns the engine's events into h2's, for one connection.

    :ivar fault: what the engine told of a fault of the peer, once there is one.
    :ivar lately_reset: the streams that the latest octets have ended before their time.
    """

    __slots__ = (
        "_connection",
        "_encoding",
        "_engine",
        "_highest_told",
        "_joins",
        "_undecodable",
        "fault",
        "lately_reset",
    )

    def __init__(self, connection: H2Connection, engine: http2.DirectConnection) -> None:
        config = connection.config
        self._connection = connection
        self._engine = engine
        # Empty for fields that stay octets.
        self._encoding = config.header_encoding if isinstance(config.header_encoding, str) else ""
        self._joins = config.normalize_inbound_headers
        # The highest stream of the peer that the program has heard of.
        self._highest_told = 0
        self.fault: http2.ConnectionTerminated | None = None
        self.lately_reset: set[int] = set()
        # Streams with fields that cannot be decoded: what else was told of them is void.
        self._undecodable: set[int] = set()

    def events(self, told: list[http2.Event]) -> list[Event]:
        """Return the events for the engine's, in the same order."""
        events: list[Event] = []
        if self.lately_reset:
            self.lately_reset = set()
            self._undecodable = set()
        for event in told:
            kind = type(event)
            if self._undecodable and self._is_void(event):
                continue
            if kind is _REQUEST:
                self._request(event, events)
            elif kind is _DATA:
                self._data(event, events)
            else:
                tell = _OTHERS.get(kind)
                if tell is not None:
                    tell(self, event, events)
        return events

    def _is_void(self, event: http2.Event) -> bool:
        """Whether an event is of a stream whose fields could not be decoded."""
        if isinstance(event, http2.ConnectionTerminated):
            return False
        return getattr(event, "stream_id", 0) in self._undecodable

    def upgraded(self) -> None:
        """The program knows of stream 1 without an event."""
        self._highest_told = 1

    # --- messages -------------------------------------------------------------------------------

    def _request(self, event: Any, events: list[Event]) -> None:
        stream_id = event.stream_id
        fields = event.headers
        if event.has_cookies and self._joins:
            fields = joined_cookies(fields)
        if self._encoding:
            fields = self._decoded(stream_id, fields, events)
            if fields is None:
                return
        self._highest_told = stream_id
        if event.end_stream:
            ended = StreamEnded(stream_id)
            events.append(RequestReceived(stream_id, fields, ended))
            events.append(ended)
        else:
            events.append(RequestReceived(stream_id, fields))

    def _response(self, event: Any, events: list[Event]) -> None:
        self._section(ResponseReceived, event, event.end_stream, events)

    def _trailers(self, event: Any, events: list[Event]) -> None:
        self._section(TrailersReceived, event, True, events)

    def _section(
        self,
        kind: type[ResponseReceived | TrailersReceived],
        event: Any,
        ends: bool,
        events: list[Event],
    ) -> None:
        """Tell of a response's head or of trailers."""
        stream_id = event.stream_id
        fields = self._fields(stream_id, event.headers, events)
        if fields is None:
            return
        ended = StreamEnded(stream_id) if ends else None
        events.append(kind(stream_id, fields, ended))
        if ended is not None:
            events.append(ended)

    def _interim(self, event: Any, events: list[Event]) -> None:
        fields = self._fields(event.stream_id, event.headers, events)
        if fields is not None:
            events.append(InformationalResponseReceived(event.stream_id, fields))

    def _promise(self, event: Any, events: list[Event]) -> None:
        promised_id = event.pushed_stream_id
        fields = self._fields(promised_id, event.headers, events)
        if fields is not None:
            self._highest_told = promised_id
            events.append(PushedStreamReceived(promised_id, event.parent_stream_id, fields))

    def _data(self, event: Any, events: list[Event]) -> None:
        stream_id = event.stream_id
        length = event.flow_controlled_length
        if event.end_stream:
            ended = StreamEnded(stream_id)
            events.append(DataReceived(stream_id, event.data, length, ended))
            events.append(ended)
        else:
            events.append(DataReceived(stream_id, event.data, length))

    def _fields(self, stream_id: int, fields: list[Any], events: list[Event]) -> list[Any] | None:
        """Return a section's fields as the program wants them."""
        if self._joins:
            fields = joined_cookies(fields)
        return self._decoded(stream_id, fields, events) if self._encoding else fields

    def _decoded(self, stream_id: int, fields: list[Any], events: list[Event]) -> list[Any] | None:
        """Return fields as ``str``, ``None`` if they are not in the encoding that was agreed on.

        The message is malformed then, as far as this program goes.
        """
        try:
            return decoded(fields, self._encoding)
        except UnicodeDecodeError:
            self._tell_reset(stream_id, _PROTOCOL_ERROR, False, events)
            self.lately_reset.add(stream_id)
            self._undecodable.add(stream_id)
            for event in self._engine.refuse_message(stream_id):
                if isinstance(event, http2.ConnectionTerminated):
                    self.fault = event  # one too many
            return None

    # --- streams and windows --------------------------------------------------------------------

    def _window(self, event: Any, events: list[Event]) -> None:
        events.append(WindowUpdated(event.stream_id, event.delta))

    def _reset(self, event: Any, events: list[Event]) -> None:
        # A frame behind the end of a stream is answered by RST_STREAM, and no news. Which streams a
        # GOAWAY ends, programs of h2 know from its last stream.
        if event.slug == BY_GOAWAY:
            self.lately_reset.add(event.stream_id)
        elif not event.late:
            self._tell_reset(event.stream_id, event.error_code, event.remote_reset, events)

    def _closed(self, event: Any, events: list[Event]) -> None:
        if event.spared:
            self._tell_reset(event.stream_id, event.error_code, True, events)

    def _tell_reset(
        self, stream_id: int, error_code: int, remote: bool, events: list[Event]
    ) -> None:
        """Tell of a stream's early end, but not of a request that never was the program's."""
        own = bool(stream_id & 1) == self._connection.config.client_side
        if own or stream_id <= self._highest_told:
            self.lately_reset.add(stream_id)
            events.append(StreamReset(stream_id, error_code_from_int(error_code), remote))

    def _priority(self, event: Any, events: list[Event]) -> None:
        priority = PriorityUpdated(event.stream_id, event.weight, event.depends_on, event.exclusive)
        if event.in_headers:
            at = len(events) - 1
            if at >= 0 and isinstance(events[at], StreamEnded):
                at -= 1
            head = events[at] if at >= 0 else None
            if not isinstance(head, _WITH_PRIORITY) or head.stream_id != event.stream_id:
                return  # that of a message that is not told
            head.priority_updated = priority
        events.append(priority)

    # --- the connection -------------------------------------------------------------------------

    def _settings(self, event: Any, events: list[Event]) -> None:
        settings = self._connection.remote_settings
        announced = {code: new for code, (_, new) in event.changed_settings.items()}
        events.append(RemoteSettingsChanged.from_settings(settings, announced))
        settings.update(announced)
        settings.acknowledge()

    def _acknowledged(self, event: Any, events: list[Event]) -> None:
        del event
        connection = self._connection
        changed = connection.local_settings.put_into_force()
        if SettingCodes.MAX_FRAME_SIZE in changed:
            connection.max_inbound_frame_size = connection.local_settings.max_frame_size
        events.append(SettingsAcknowledged(changed))

    def _ping(self, event: Any, events: list[Event]) -> None:
        events.append(PingReceived(ping_data=event.ping_data))

    def _ping_answer(self, event: Any, events: list[Event]) -> None:
        events.append(PingAckReceived(ping_data=event.ping_data))

    def _end(self, event: Any, events: list[Event]) -> None:
        if event.remote:
            _, told = self._connection._receive_goaway_frame(GoAway(event))
            events += told
        else:
            self.fault = event

    def _alternative(self, event: Any, events: list[Event]) -> None:
        events.append(AlternativeServiceAvailable(event.origin, event.field_value))

    def _unknown(self, event: Any, events: list[Event]) -> None:
        frame = ExtensionFrame(event.frame_type, event.stream_id, event.flags, event.payload)
        events.append(UnknownFrameReceived(frame=frame))


_WITH_PRIORITY = (
    RequestReceived,
    ResponseReceived,
    TrailersReceived,
    InformationalResponseReceived,
)
_OTHERS: dict[type[http2.Event], Callable[[Incoming, Any, list[Event]], None]] = {
    http2.AlternativeServiceAvailable: Incoming._alternative,
    http2.ConnectionTerminated: Incoming._end,
    http2.InformationalResponseReceived: Incoming._interim,
    http2.PingAcknowledged: Incoming._ping_answer,
    http2.PingReceived: Incoming._ping,
    http2.PriorityReceived: Incoming._priority,
    http2.PushedStreamReceived: Incoming._promise,
    http2.RemoteSettingsChanged: Incoming._settings,
    http2.ResponseReceived: Incoming._response,
    http2.SettingsAcknowledged: Incoming._acknowledged,
    http2.StreamClosed: Incoming._closed,
    http2.StreamReset: Incoming._reset,
    http2.TrailersReceived: Incoming._trailers,
    http2.UnknownFrameReceived: Incoming._unknown,
    http2.WindowUpdated: Incoming._window,
}
