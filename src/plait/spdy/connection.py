"""SPDY without I/O: octets in, events out; calls in, octets out.

``Connection`` is one side of a SPDY/2, SPDY/3 or SPDY/3.1 session. It only orchestrates:
``inbound`` reads what the peer sent, ``outbound`` makes frames of what is queued, and both work on
the ``state`` of the session.

It can be driven in two ways. *By events*: ``receive_data`` returns what octets of the peer caused,
and ``data_to_send`` what has to be sent. *Frame by frame*, for programs that want to act between
two frames, as spdylay's callbacks do: ``feed`` and ``next_events``, ``next_frame`` and
``frame_sent``.
"""

from __future__ import annotations

from collections.abc import Iterable

from ..http2.body import Body, BodySource, Octets, steady
from ..http2.constants import Role
from .blocks import check_fields
from .config import Config
from .constants import (
    DEFAULT_WINDOW,
    FLAG_FIN,
    FLAG_UNIDIRECTIONAL,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    MAX_SETTING_ID,
    MAX_STREAM_ID,
    MAX_WINDOW,
    SETTING_PERSISTED,
    GoawayStatus,
    StreamStatus,
    Version,
)
from .errors import NoSuchStreamError, SessionFault, StreamLimitError, UsageError
from .events import Event, FrameNotSent
from .frames import HeaderFrame, Headers, Settings, SynReply, SynStream, WindowUpdate
from .inbound import Inbound
from .names import Field, normalise
from .outbound import Outbound, Outgoing
from .queue import DataItem
from .state import SessionState
from .view import ConnectionView

Fields = Iterable[tuple[bytes, bytes]]
Setting = tuple[int, int, int]


class Connection(ConnectionView):
    """One side of a SPDY session.

    Nothing is sent by a call: frames are queued and pulled, in the order of their priorities.
    Header names are SPDY/3's (``:path``) in every version, and lower-case; values of several
    fields of one name travel as one, with NULs between them (SPDY/3 §2.6.10).

    :param role: ``Role.CLIENT`` or ``Role.SERVER``.
    :param version: 2, 3 or 4 (SPDY/3.1), a ``Version``.
    :param config: what is announced, and the limits; the defaults of ``Config`` without.
    :raises ValueError: for another version or role.
    """

    def __init__(self, role: Role, version: int = Version.SPDY3_1, config: Config | None = None):
        self._state = SessionState(Role(role), Version(version), config or Config())
        self._inbound = Inbound(self._state)
        self._outbound = Outbound(self._state)
        self._sending_events: list[Event] = []
        self._announce()

    # --- receiving ------------------------------------------------------------------------------

    def receive_data(self, data: bytes | bytearray | memoryview) -> list[Event]:
        """Take octets from the peer, cut anywhere, and return what they caused.

        Never raises for what the peer sent: a fault becomes RST_STREAM or GOAWAY and an event.

        :param data: what was read.
        :returns: the events, in order.
        :raises TypeError: if ``data`` is not octets.
        """
        self._inbound.feed(data)
        events: list[Event] = []
        while (more := self._inbound.step()) is not None:
            events += more
        return events

    def feed(self, data: bytes | bytearray | memoryview) -> None:
        """Take octets from the peer, for ``next_events``.

        :raises TypeError: if ``data`` is not octets.
        """
        self._inbound.feed(data)

    def next_events(self) -> list[Event] | None:
        """Return the events of the next frame, or piece of a DATA frame, that was fed.

        :returns: one event or more; ``None`` when what was fed is used up.
        """
        return self._inbound.step()

    def consume(self, stream_id: int, octets: int) -> None:
        """Give octets of a body back as credit, once the application is done with them.

        Only with ``Config.manual_credit``; whatever ``DataReceived`` brought must be given back at
        some time, also when the stream is gone, or the window of the session leaks away.

        :param stream_id: the stream that they came on.
        :param octets: how many.
        :raises UsageError: without ``manual_credit``, or for a negative number.
        """
        if not self._state.config.manual_credit:
            raise UsageError("credit is given by itself; Config.manual_credit changes that")
        if octets < 0:
            raise UsageError(f"{octets} octets cannot be consumed")
        try:
            self._state.consume(stream_id, octets)
        except SessionFault as fault:
            self._state.fail(fault)

    # --- sending --------------------------------------------------------------------------------

    def data_to_send(self, limit: int = 65_536) -> bytes:
        """Return octets for the peer, frame by frame until there are ``limit`` or more.

        :param limit: octets that the transport is eager to take.
        :returns: whole frames; nothing when there is nothing to be sent now.
        """
        pieces = []
        size = 0
        state = self._state
        outbound = self._outbound
        events = self._sending_events
        while size < limit:
            outgoing = outbound.next_frame()
            if state.events:
                events += state.events
                state.events = []
            if outgoing is None:
                break
            if outgoing.error and outgoing.frame is not None:
                events.append(FrameNotSent(outgoing.frame, outgoing.error))
            events += outbound.frame_sent(outgoing)
            pieces.append(outgoing.data)
            size += len(outgoing.data)
        return b"".join(pieces)

    def take_events(self) -> list[Event]:
        """Return the events that sending caused since the last call, in order.

        ``StreamClosed``, ``FrameNotSent``, ``BodyFailed``, and ``ConnectionTerminated`` of a peer
        that ``consume`` found at fault; they are kept until they are taken.
        """
        state = self._state
        events = self._sending_events + state.events
        self._sending_events = []
        state.events = []
        return events

    def next_frame(self) -> Outgoing | None:
        """Take the next frame off the queue.

        ``frame_sent`` must be called for it, once all its octets are sent, before the next one is
        asked for.

        :returns: the frame, or one that is given up (its ``error`` says why); ``None`` when nothing
            can be sent now.
        """
        return self._outbound.next_frame()

    def frame_sent(self, outgoing: Outgoing) -> list[Event]:
        """Tell that the frame has been sent, or that it is known that it was given up.

        :param outgoing: what ``next_frame`` returned.
        :returns: ``StreamClosed``, if a stream ended by it.
        """
        return self._outbound.frame_sent(outgoing)

    def want_read(self) -> bool:
        """Whether something may still come that matters.

        If not, and nothing is to be sent, the transport can be closed.
        """
        return self._outbound.want_read()

    def want_write(self) -> bool:
        """Whether there are frames that could be sent now, or a failing session's GOAWAY."""
        return self._outbound.want_write()

    # --- requests and responses -----------------------------------------------------------------

    def send_request(
        self,
        fields: Fields,
        body: Octets | BodySource | None = None,
        *,
        priority: int | None = None,
    ) -> int:
        """Queue a request: SYN_STREAM, and its body if there is one (SPDY/3 §2.6.1, §3.2.1).

        :param fields: header names and values.
        :param body: octets, or a body source: ``source(max_octets)`` or ``source.read(max_octets)``
            returning ``(data, DATA_OK | DATA_EOF | DATA_DEFERRED)``.
        :param priority: 0, the most urgent, to ``lowest_priority``, which is the default; beyond
            that it is taken for the lowest.
        :returns: the id of the stream.
        :raises InvalidFieldError: for a header that cannot be sent.
        :raises StreamLimitError: when the ids are used up.
        :raises UsageError: for a negative priority.
        """
        flags = FLAG_FIN if body is None else 0
        return self._syn_stream(fields, flags, priority, 0, body)

    def send_syn_stream(
        self,
        fields: Fields,
        *,
        flags: int = 0,
        priority: int | None = None,
        associated_stream_id: int = 0,
    ) -> int:
        """Queue SYN_STREAM alone; arguments and errors are those of ``send_request``.

        :param flags: ``FLAG_FIN``, ``FLAG_UNIDIRECTIONAL``; other bits are dropped.
        :param associated_stream_id: the stream that a pushed one belongs to; 0 for a client.
        """
        flags &= FLAG_FIN | FLAG_UNIDIRECTIONAL
        return self._syn_stream(fields, flags, priority, associated_stream_id, None)

    def push(
        self,
        associated_stream_id: int,
        fields: Fields,
        body: Octets | BodySource | None = None,
        *,
        priority: int | None = None,
    ) -> int:
        """Queue a pushed response: a unidirectional SYN_STREAM, and its body (SPDY/3 §3.3).

        The frame leaves before what is sent on the associated stream after this call.

        :param associated_stream_id: the client's stream that it belongs to, which must be open
            when the frame is sent.
        :param fields: the headers of the request and of the response in one: ``:path``, ``:status``
            and so on.
        :returns: the id of the stream; errors are those of ``send_request``.
        :raises UsageError: for a client, which cannot push.
        """
        if self._state.role == Role.CLIENT:
            raise UsageError("only servers push")
        flags = FLAG_UNIDIRECTIONAL | (FLAG_FIN if body is None else 0)
        number = self._state.priority_of(associated_stream_id)
        return self._syn_stream(fields, flags, priority, associated_stream_id, body, number)

    def send_response(
        self, stream_id: int, fields: Fields, body: Octets | BodySource | None = None
    ) -> None:
        """Queue a response: SYN_REPLY, and its body if there is one (SPDY/3 §2.6.2, §3.2.2).

        :raises InvalidFieldError: for a header that cannot be sent.
        """
        frame = SynReply(stream_id, self._checked(fields), version=self._state.wire_version)
        if body is None:
            frame.flags = FLAG_FIN
        self._add(frame, None if body is None else _make_body(body, ends=True))

    def send_syn_reply(self, stream_id: int, fields: Fields, *, end_stream: bool = False) -> None:
        """Queue SYN_REPLY alone.

        :raises InvalidFieldError: for a header that cannot be sent.
        """
        frame = SynReply(stream_id, self._checked(fields), version=self._state.wire_version)
        frame.flags = FLAG_FIN if end_stream else 0
        self._add(frame)

    def send_headers(
        self, stream_id: int, fields: Fields, *, end_stream: bool = False, chained: bool = True
    ) -> None:
        """Queue HEADERS: more headers, at any time of a stream (SPDY/3 §2.6.7).

        :param chained: ``True``: they follow what was given for the stream before. ``False``: they
            leave when their turn comes, whatever of a body is still to be sent, as in spdylay.
        :raises InvalidFieldError: for a header that cannot be sent.
        """
        frame = Headers(stream_id, self._checked(fields), version=self._state.wire_version)
        frame.flags = FLAG_FIN if end_stream else 0
        if not (chained and self._outbound.append(stream_id, frame)):
            self._add(frame)

    def send_data(
        self,
        stream_id: int,
        body: Octets | BodySource,
        *,
        end_stream: bool = True,
        chained: bool = True,
    ) -> None:
        """Queue a body, or a part of one, as DATA frames (SPDY/3 §2.2.2).

        :param body: octets or a body source, as in ``send_request``.
        :param end_stream: whether the last frame ends the stream.
        :param chained: ``True``: it follows what was given for the stream before. ``False``: it
            stands in the queue by itself and takes turns with others, and is given up if its turn
            comes while another waits for credit or its source, as in spdylay.
        """
        item = _make_body(body, ends=end_stream)
        self._outbound.queue_body(
            stream_id, item, self._state.priority_of(stream_id), chained=chained
        )

    def resume(self, stream_id: int) -> bool:
        """Ask the stream's body source again, which had answered ``DATA_DEFERRED``.

        :returns: whether there was one; not for a body that waits for the peer's window.
        """
        return self._state.resume(stream_id)

    # --- the session ----------------------------------------------------------------------------

    def reset_stream(
        self, stream_id: int, status: int = StreamStatus.CANCEL, *, withdraw: bool = True
    ) -> None:
        """Queue RST_STREAM (SPDY/3 §2.6.3). What comes or waits for the stream is given up at once.

        :param status: a ``StreamStatus``.
        :param withdraw: ``True``: if SYN_STREAM of the stream has not been sent, neither frame is.
            ``False``: both are, as in spdylay.
        :raises UsageError: for a stream id outside 0 to 2^31-1 or a status beyond 32 bits.
        """
        _require(0 <= stream_id <= MAX_STREAM_ID, "a stream id has 31 bits")
        _require(0 <= status <= 0xFFFFFFFF, "a status has 32 bits")
        if not (withdraw and self._state.queue.withdraw(stream_id, status)):
            self._state.reset(stream_id, status)

    def ping(self) -> int:
        """Queue PING, which goes before all else (SPDY/3 §2.6.5), and return its id.

        Only the answer to the last one is recognised.
        """
        return self._state.ping()

    def send_goaway(self, status: int = GoawayStatus.OK) -> None:
        """Queue GOAWAY (SPDY/3 §2.6.6): no further streams; those that are open go on.

        :param status: a ``GoawayStatus``; SPDY/2 does not carry it.
        :raises UsageError: for a status beyond 32 bits.
        """
        _require(0 <= status <= 0xFFFFFFFF, "a status has 32 bits")
        self._state.goaway(status)

    def fail(self, status: int = GoawayStatus.INTERNAL_ERROR) -> None:
        """Queue GOAWAY and end the session once it is sent."""
        self.send_goaway(status)
        self._state.failing = True

    def send_settings(self, entries: Iterable[Setting], *, flags: int = 0) -> None:
        """Queue SETTINGS (SPDY/3 §2.6.4), which is taken as known to the peer at once.

        :param entries: (identifier, flags, value) each; sent in the order of the identifiers.
        :param flags: of the frame: ``SETTINGS_CLEAR_SETTINGS``.
        :raises UsageError: for an unknown or repeated identifier, or a value beyond 32 bits.
        """
        state = self._state
        for number, _, value in self._queue_settings(entries, flags):
            if number == INITIAL_WINDOW_SIZE:
                self._resize_windows(value)
            state.local_settings[number] = value

    def send_window_update(self, stream_id: int, delta: int) -> None:
        """Queue WINDOW_UPDATE (SPDY/3 §2.6.8), beside those that the engine sends itself.

        :param stream_id: the stream; 0 is the session, which only SPDY/3.1 has a window for: in the
            other versions nothing is sent then.
        :param delta: octets, 1 to 2^31-1.
        :raises NoSuchStreamError: if the stream is not open.
        :raises UsageError: for a delta outside its range.
        """
        _require(1 <= delta <= MAX_WINDOW, "a window grows by 1 to 2^31-1 octets")
        state = self._state
        if stream_id == 0:
            if not state.session_window:
                return
            window = state.receive_window
        else:
            stream = state.streams.get(stream_id)
            if stream is None:
                raise NoSuchStreamError(stream_id)
            window = state.window_of(stream)
        state.add_frame(WindowUpdate(stream_id, delta, version=state.wire_version), stream_id)
        window.pending = max(0, window.pending - delta)
        window.available += delta

    # --- inside ---------------------------------------------------------------------------------

    def _announce(self) -> None:
        """Queue the first SETTINGS, if there is something to be said."""
        config = self._state.config
        ours = {}
        if config.max_concurrent_streams is not None:
            ours[MAX_CONCURRENT_STREAMS] = config.max_concurrent_streams
        if config.initial_window_size is not None:
            ours[INITIAL_WINDOW_SIZE] = config.initial_window_size
        entries = [(number, 0, value) for number, value in ours.items()]
        if self._state.role == Role.CLIENT:
            # what the server had said and is told again binds nobody here
            returned = self._state.persisted
            returned.update(config.persisted_settings)
            entries += [(n, SETTING_PERSISTED, v) for n, v in returned.items() if n not in ours]
        if not entries:
            return
        self._queue_settings(entries, 0)
        self._state.local_settings.update(ours)
        if config.initial_window_size is not None:
            self._state.widest_window = max(DEFAULT_WINDOW, config.initial_window_size)

    def _queue_settings(self, entries: Iterable[Setting], flags: int) -> list[Setting]:
        """Check settings and queue a frame of them; they are returned in its order."""
        chosen = sorted(entries)
        numbers = [entry[0] for entry in chosen]
        _require(len(set(numbers)) == len(numbers), "a setting stands there twice")
        for number, entry_flags, value in chosen:
            _require(1 <= number <= MAX_SETTING_ID, f"there is no setting {number}")
            _require(0 <= entry_flags <= 0xFF, "the flags of a setting have 8 bits")
            _require(0 <= value <= 0xFFFFFFFF, f"{value} is not a value of 32 bits")
        state = self._state
        state.add_frame(Settings(chosen, version=state.wire_version, flags=flags & 0xFF))
        return chosen

    def _resize_windows(self, size: int) -> None:
        """The window that each stream of the peer begins with is another one."""
        state = self._state
        delta = size - state.local_settings.get(INITIAL_WINDOW_SIZE, DEFAULT_WINDOW)
        state.widest_window = max(state.widest_window, size)
        for stream in state.streams.values():
            window = stream.receive_window
            if window is not None:
                window.size += delta
                window.available += max(0, delta)

    def _checked(self, fields: Fields) -> list[Field]:
        """Return headers as they are sent."""
        checked = normalise(fields)
        check_fields(checked, self._state.version)
        return checked

    def _syn_stream(
        self,
        fields: Fields,
        flags: int,
        priority: int | None,
        associated_stream_id: int,
        body: Octets | BodySource | None,
        number: int | None = None,
    ) -> int:
        """Queue SYN_STREAM under the next id."""
        state = self._state
        lowest = state.queue.lowest
        if priority is None:
            priority = lowest
        _require(priority >= 0, "a priority is 0 or more")
        checked = self._checked(fields)
        source = None if body is None else _make_body(body, ends=True)
        stream_id = state.next_stream_id
        if stream_id > MAX_STREAM_ID:
            raise StreamLimitError("the stream ids of this session are used up")
        state.next_stream_id = stream_id + 2
        frame = SynStream(
            stream_id,
            0 if state.role == Role.CLIENT else associated_stream_id,
            min(priority, lowest),
            0,
            checked,
            version=state.wire_version,
            flags=flags,
        )
        self._add(frame, source, number)
        return stream_id

    def _add(self, frame: HeaderFrame, body: Body | None = None, number: int | None = None) -> None:
        """Queue a frame with a header block, and what is sent after it."""
        item = None
        if body is not None:
            item = DataItem(frame.stream_id, body, self._state.queue.lowest, chained=True)
            self._state.bodies.setdefault(frame.stream_id, item)
        self._state.add_header_frame(frame, item, number)


def _make_body(given: Octets | BodySource, *, ends: bool) -> Body:
    """Return octets or a body source in the form that is pulled from."""
    body = Body()
    body.ends = ends
    if isinstance(given, bytes | bytearray | memoryview):
        body.add(steady(given))
    else:
        read = getattr(given, "read", given)
        if not callable(read):
            raise UsageError(f"a body must be octets or a source, not {type(given).__name__}")
        body.read = read
    return body


def _require(condition: bool, message: str) -> None:
    """Refuse a wrong argument.

    :raises UsageError: if the condition does not hold.
    """
    if not condition:
        raise UsageError(message)
