"""A connection whose caller decides what leaves, and when.

``Connection`` schedules: it keeps bodies until windows, priorities and the transport allow them. A
program that does all that by itself, or that must say exactly this and nothing else (a façade for
another engine's programs, a proxy that hands frames on, a test of a peer), takes a
``DirectConnection``: what is sent leaves in the order of the calls, one frame for each. What does
not fit is refused at once, so nothing ever waits. The way in is the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import index

from .body import Octets, steady
from .config import Config
from .connection import Connection
from .constants import (
    DATA,
    END_STREAM,
    MAX_STREAM_ID,
    MAX_WINDOW,
    PADDED,
    PRIORITY,
    Role,
    StreamState,
)
from .errors import (
    ConnectionFault,
    ErrorCode,
    FlowControlError,
    FrameTooLargeError,
    NoSuchStreamError,
    StreamFault,
    StreamStateError,
    UsageError,
)
from .events import Event
from .frames import append_header, append_uint32, append_window_update
from .outbound import Outbound
from .output import DRIBBLE_MAX
from .settings import (
    ENABLE_CONNECT_PROTOCOL,
    ENABLE_PUSH,
    INITIAL_WINDOW_SIZE,
    check_error_code,
    check_settings,
)
from .states import CLOSED, HALF_CLOSED_REMOTE, IDLE, RESERVED_REMOTE
from .stream import Stream
from .submission import Fields
from .upgrade import adopt_upgrade, begin_upgraded

_UNPADDED = -1
_MOST_PADDING = 255


class DirectConnection(Connection):
    """One HTTP/2 connection, frame by frame.

    The calls of ``Connection`` work as well; what they queue leaves behind the frames.

    :param role: which end this is; ``Role.SERVER`` by default.
    :param config: as for ``Connection``; but after a response the request always goes on, and
        responses are never withdrawn.
    """

    __slots__ = ()

    def __init__(self, role: Role = Role.SERVER, config: Config | None = None) -> None:
        super().__init__(role, config)
        out = self._out
        out.direct = True
        out.closing_is_reset = False
        out.holds_heads = False

    # --- the beginning --------------------------------------------------------------------------

    def initiate_connection(self, settings: Mapping[int, int] | None = None) -> None:
        """Queue the connection preface (RFC 9113 §3.4); called again, do nothing.

        :param settings: what the first SETTINGS frame says, instead of what follows from the
            configuration; codes that nobody knows are allowed.
        :raises UsageError: for a value that RFC 9113 §6.5.2 forbids.
        """
        if self._initiated:
            return
        if settings is None:
            super().initiate_connection()
        else:
            self._begin_with(self._first_settings(settings))

    def initiate_upgraded(
        self, settings: Mapping[int, int] | None = None, peer_settings: bytes | str = b""
    ) -> bytes:
        """Begin a connection that was upgraded from HTTP/1.1 (RFC 7540 §3.2).

        The request that asked for it is the caller's business; it has become stream 1.

        :param settings: as for ``initiate_connection``.
        :param peer_settings: server: the value of the client's ``HTTP2-Settings``.
        :returns: client: the value for ``HTTP2-Settings``, base64url without padding.
        :raises UsageError: for settings that are not valid, or when it is too late.
        """
        if self._initiated:
            raise UsageError("an upgrade comes before the preface")
        session = self._session
        announced = self.config.first_settings(self._role)
        if settings is not None:
            announced = self._first_settings(settings)
        value = b""
        if session.is_server:
            adopt_upgrade(self._inbound, peer_settings)
        else:
            value = begin_upgraded(session, announced, False)
        self._begin_with(announced)
        return value

    def _first_settings(self, settings: Mapping[int, int]) -> dict[int, int]:
        """Return settings to begin with.

        :raises UsageError: for a value that RFC 9113 §6.5.2 forbids.
        """
        wanted = check_settings(settings)
        if 6 * len(wanted) > self._out.max_frame_size:
            raise UsageError("more settings than the peer takes in one frame")
        # RFC 9113 §6.5.2: a server MUST NOT enable push.
        if self._session.is_server and wanted.get(ENABLE_PUSH):
            raise UsageError("a server cannot enable push")
        return wanted

    def _begin_with(self, settings: dict[int, int]) -> None:
        """Queue the preface with these settings; what they leave out is not in force."""
        session = self._session
        # RFC 8441 §3: nobody may use it who was not told of it.
        session.extended_connect = session.is_server and settings.get(ENABLE_CONNECT_PROTOCOL) == 1
        self._begin(settings)

    # --- frames ---------------------------------------------------------------------------------

    def send_headers_frame(
        self,
        stream_id: int,
        headers: Fields,
        end_stream: bool = False,
        priority: tuple[int, int, bool] | None = None,
    ) -> None:
        """Send a header section now: as ``send_headers``, but nothing holds it back.

        A client may name any later id of its own for a request: those between are closed
        (RFC 9113 §5.1.1).

        :param priority: ``(depends_on, weight, exclusive)`` of RFC 7540, as for ``send_priority``;
            not while octets wait that were given to ``send_data`` or ``send_body``.
        :raises StreamLimitError: where the peer allows no further stream now.
        :raises UsageError: as ``send_headers`` and ``send_priority``.
        """
        if stream_id < 1 or stream_id > MAX_STREAM_ID:
            raise self._no_such(stream_id)
        if priority is not None:
            stream = self._streams.living.get(stream_id)
            if stream is not None and stream.body is not None and stream.body.has_octets():
                raise StreamStateError(f"octets of stream {stream_id} wait to be sent")
            self._out.priority = _priority(stream_id, *priority)
        later = stream_id & 1 and stream_id > self._streams.next_local
        try:
            if later and not self._session.is_server:
                self._submission.request(headers, None, end_stream, None, stream_id)
            else:
                self._submission.headers(stream_id, headers, end_stream)
        finally:
            self._out.priority = b""

    def send_data_frame(
        self, stream_id: int, data: Octets, end_stream: bool = False, padding: int = _UNPADDED
    ) -> None:
        """Send one DATA frame now (RFC 9113 §6.1).

        Content is left out where a response has none: to HEAD, and with 204, 205 and 304.

        :param data: ``bytes`` and a read-only ``memoryview`` are not copied.
        :param padding: 0 to 255 octets of padding; by default the frame is not padded at all.
        :raises FlowControlError: if the windows do not hold ``data`` and its padding.
        :raises FrameTooLargeError: beyond the peer's SETTINGS_MAX_FRAME_SIZE.
        :raises UsageError: for other padding.
        :raises StreamStateError: before the head, after the end, and while octets that were given
            to ``send_data`` or ``send_body`` wait.
        :raises NoSuchStreamError: if the stream is not open.
        """
        stream = self._living(stream_id)
        out = self._out
        out.require_sendable(stream, "DATA")
        if stream.body is not None and stream.body.has_octets():
            raise StreamStateError(f"octets of stream {stream_id} wait to be sent")
        if padding != _UNPADDED and not 0 <= index(padding) <= _MOST_PADDING:
            raise UsageError(f"{padding} octets of padding: 0 to 255 can be sent")
        octets = steady(data)
        length = len(octets)
        if length > 0 and stream.headless and self._session.is_server:
            if not end_stream:
                return
            octets = b""
            length = 0
        size = length if padding < 0 else length + padding + 1
        if size > 0 and (size > stream.send_window or size > out.window):
            raise FlowControlError(
                f"{size} octets do not fit into a window of {min(stream.send_window, out.window)}"
            )
        if size > out.max_frame_size:
            raise FrameTooLargeError(
                f"{size} octets do not fit into a frame of {out.max_frame_size}"
            )
        if size < DRIBBLE_MAX and not end_stream:
            # As in ``Outbound.serve``: a peer that gives credit by the spoonful pays for nothing.
            if size == stream.send_window or size == out.window:
                out.dribbled += 1
        if padding < 0:
            out.write_data(stream, octets, length, end_stream)
        else:
            _write_padded(out, stream, octets, padding, end_stream)
        if end_stream:
            out.end_stream(stream)

    def send_priority(
        self, stream_id: int, depends_on: int = 0, weight: int = 16, exclusive: bool = False
    ) -> None:
        """Send PRIORITY (RFC 7540 §6.3; RFC 9113 §5.3.2 advises against it).

        :param stream_id: any stream, idle and closed ones too.
        :param depends_on: another stream, or 0.
        :param weight: 1 to 256.
        :raises UsageError: for values out of range, or when the connection has ended.
        """
        self._submission.require_open()
        number = index(stream_id)
        if number < 1 or number > MAX_STREAM_ID:
            raise self._no_such(number)
        octets = _priority(number, depends_on, weight, exclusive)
        append_header(self._out.buffer, len(octets), PRIORITY, 0, number)
        self._out.buffer += octets

    def promise_stream(self, stream_id: int, promised_id: int, request_headers: Fields) -> None:
        """Promise a response on a stream of the caller's choice; as ``push_stream`` otherwise.

        :param promised_id: even, and above all that were used.
        :raises UsageError: as ``push_stream``, and for an id that cannot be used.
        """
        self._living(stream_id)
        if promised_id & 1 or not self._streams.next_local <= promised_id <= MAX_STREAM_ID:
            raise UsageError(f"stream {promised_id} cannot be promised")
        self._submission.promise(stream_id, request_headers, promised_id)

    def refuse_message(
        self, stream_id: int, error_code: int = ErrorCode.PROTOCOL_ERROR
    ) -> list[Event]:
        """Reset a stream whose message is malformed in a way that only the caller sees.

        As with what the engine finds itself, a peer that sends too many has its connection ended.

        :returns: what came of it: ``StreamReset``, and perhaps ``ConnectionTerminated``; nothing
            for a stream that has closed.
        :raises NoSuchStreamError: if the stream was never opened.
        :raises UsageError: for an error code of more than 32 bits.
        """
        session = self._session
        code = check_error_code(error_code)
        stream = self._streams.living.get(stream_id)
        if session.closed or stream is None:
            if self.stream_is_idle(stream_id) or stream_id < 1:
                raise NoSuchStreamError(stream_id)
            return []
        events: list[Event] = []
        session.events = events
        try:
            session.reset_for(StreamFault(stream_id, code, "message.refused", "it is malformed"))
        except ConnectionFault as fault:
            session.fail(fault)
        return events

    def send_goaway(
        self, error_code: int = 0, additional_data: bytes = b"", last_stream_id: int | None = None
    ) -> None:
        """Send GOAWAY; as ``Connection.send_goaway``.

        :param last_stream_id: the last stream of the peer that is handled; by default the last
            that it has opened. What is above it, and open, is the caller's to reset. It never
            exceeds what an earlier GOAWAY said (RFC 9113 §6.8).
        :raises UsageError: for a code or an id out of range.
        """
        code = check_error_code(error_code)
        if last_stream_id is None:
            super().send_goaway(code, additional_data)
            return
        session = self._session
        last = index(last_stream_id)
        if not 0 <= last <= MAX_STREAM_ID:
            raise UsageError(f"{last} is not the id of a stream")
        if not session.closed:
            # RFC 9113 §6.8: endpoints MUST NOT increase the value they send.
            earlier = session.goaway_last
            session.goaway(code, additional_data, last if earlier < 0 else min(earlier, last))

    def terminate(
        self,
        error_code: int = 0,
        additional_data: bytes = b"",
        last_stream_id: int | None = None,
    ) -> None:
        """End the connection now; as ``Connection.terminate``.

        :param last_stream_id: as for ``send_goaway``.
        :raises UsageError: for a code or an id out of range.
        """
        if last_stream_id is None:
            super().terminate(check_error_code(error_code), additional_data)
        elif not self._session.closed:
            self.send_goaway(error_code, additional_data, last_stream_id)
            self._session.end()

    # --- windows and states ---------------------------------------------------------------------

    def give_credit(self, octets: int, stream_id: int = 0) -> None:
        """Give the peer credit with a WINDOW_UPDATE of its own, now.

        What was received and not acknowledged counts as given back; beyond that the window grows.
        So windows can be kept without ``acknowledge_received_data``, or beside it.

        :param octets: 1 to 2^31-1.
        :param stream_id: 0 for the connection.
        :raises FlowControlError: if the window would exceed 2^31-1, now or once all that came is
            acknowledged.
        :raises StreamStateError: on a stream that this end has promised and not answered.
        :raises NoSuchStreamError: if the stream is not open.
        """
        self._submission.require_open()
        out = self._out
        session = self._session
        stream: Stream | None = None
        window = out.receive_window
        most = MAX_WINDOW
        if stream_id:
            stream = self._living(stream_id)
            if stream.state < RESERVED_REMOTE or stream.state > HALF_CLOSED_REMOTE:
                raise stream.misuse("WINDOW_UPDATE")
            window = self._inbound.window_of(stream)
            # An initial window on its way will move this one.
            most -= session.local.largest(INITIAL_WINDOW_SIZE) - out.stream_window
        held = window.held()
        wanted = index(octets)
        # The size counts: what is not available now will be, when it is acknowledged.
        if wanted < 1 or wanted > MAX_WINDOW or window.size + max(0, wanted - held) > most:
            raise FlowControlError(f"a window cannot grow by {wanted}")
        given = window.grant(wanted)
        if stream is not None and stream.held_frames and given:
            frames = stream.held_frames * given // held
            stream.held_frames -= frames
            out.held_frames -= frames
        append_window_update(out.buffer, 0 if stream is None else stream.id, wanted)

    def unacknowledged_octets(self, stream_id: int) -> int:
        """Return how many octets of a stream wait for ``acknowledge_received_data``; 0 if gone."""
        stream = self._streams.living.get(stream_id)
        return 0 if stream is None else stream.unacknowledged

    def send_window(self, stream_id: int = 0) -> int:
        """Return how many octets may be sent on a stream, or the connection, by itself.

        Negative where the peer has shrunk the window below what was sent.

        :raises NoSuchStreamError: if the stream is not open.
        """
        return self._living(stream_id).send_window if stream_id else self._out.window

    def receive_window(self, stream_id: int = 0) -> int:
        """Return how many octets the peer may send on a stream, or the connection, by itself.

        :raises NoSuchStreamError: if the stream is not open.
        """
        out = self._out
        if not stream_id:
            return out.receive_window.available
        window = self._living(stream_id).receive_window
        return out.stream_window if window is None else window.available

    def stream_ids(self) -> list[int]:
        """Return the ids of the streams that are open, half-closed or reserved."""
        return list(self._streams.living)

    def open_streams_of(self, role: Role) -> int:
        """Return how many streams that one end opened are open or half-closed."""
        streams = self._streams
        return streams.local_count if role == self._role else streams.remote_count

    def stream_is_idle(self, stream_id: int) -> bool:
        """Whether no stream of this id was opened yet, nor one above it by the same end."""
        return stream_id > MAX_STREAM_ID or (stream_id > 0 and self._streams.is_idle(stream_id))

    def head_sent(self, stream_id: int) -> bool:
        """Whether this end's request or final response was sent on an open stream."""
        stream = self._streams.living.get(stream_id)
        return stream is not None and stream.head_sent

    @property
    def max_received_list_size(self) -> int:
        """Octets of the largest field section that is taken, 32 added for each field.

        The ``max_header_list_size`` of the configuration, or what was announced since. Once it is
        set by hand, announcements do not change it any more.

        :raises UsageError: for a number outside 0 to 2^32-1.
        """
        return self._session.decoder.max_list_size

    @max_received_list_size.setter
    def max_received_list_size(self, octets: int) -> None:
        if not 0 <= octets < 2**32:
            raise UsageError(f"a field section cannot be limited to {octets} octets")
        self._session.decoder.max_list_size = octets
        self._session.list_size_set = True

    def stream_state(self, stream_id: int) -> StreamState:
        """Return the state of a stream, as RFC 9113 §5.1 names them.

        :raises NoSuchStreamError: for an id that no stream can have.
        """
        stream = self._streams.living.get(stream_id)
        if stream is not None:
            return StreamState(stream.state)
        if stream_id < 1 or stream_id > MAX_STREAM_ID:
            raise NoSuchStreamError(stream_id)
        return StreamState(IDLE if self._streams.is_idle(stream_id) else CLOSED)

    # --- checks ---------------------------------------------------------------------------------

    def _living(self, stream_id: int) -> Stream:
        """Return an open stream of a connection that has not ended; any number may be asked for."""
        stream = self._streams.living.get(stream_id)
        if stream is None or self._session.closed:
            raise self._no_such(stream_id)
        return stream

    def _no_such(self, stream_id: int) -> UsageError:
        """Return the error for a stream that is not open.

        :raises ConnectionClosedError: if the connection has ended.
        """
        self._submission.require_open()
        return NoSuchStreamError(stream_id)


def _priority(stream_id: int, depends_on: int, weight: int, exclusive: bool) -> bytes:
    """Return a priority as it stands in a frame (RFC 7540 §6.3).

    :raises UsageError: for values out of range.
    """
    if not 0 <= depends_on < 2**31 or depends_on == stream_id:
        raise UsageError(f"stream {stream_id} cannot depend on stream {depends_on}")
    if not 1 <= weight <= 256:
        raise UsageError(f"a weight lies between 1 and 256, not at {weight}")
    octets = bytearray()
    append_uint32(octets, depends_on | (0x80000000 if exclusive else 0))
    octets.append(weight - 1)
    return bytes(octets)


def _write_padded(
    out: Outbound, stream: Stream, octets: Octets, padding: int, end_stream: bool
) -> None:
    """Append one padded DATA frame."""
    length = len(octets)
    size = length + padding + 1
    stream.send_window -= size
    stream.sent_octets += length
    out.window -= size
    out.sent_octets += length
    out.sent_frames += 1
    flags = PADDED | (END_STREAM if end_stream else 0)
    append_header(out.buffer, size, DATA, flags, stream.id)
    out.buffer.append(padding)
    out.buffer += octets
    out.buffer += bytes(padding)
