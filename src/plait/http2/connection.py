"""An HTTP/2 connection without I/O (RFC 9113), for either role.

How it works: octets from the peer go into ``receive_data``, which returns events. Calls such as
``send_headers`` queue what is to be said. ``data_to_send`` gives the octets to write; it *pulls*
them from the streams as far as windows, priorities and the caller's appetite allow. The engine
never calls back, but for body sources, and it never waits: whoever owns the socket decides when.

What the peer does wrong comes back as events (``StreamReset``, ``ConnectionTerminated``), with the
answering frame queued. What the caller does wrong is raised as a ``UsageError``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import index

from .body import BodySource, Octets
from .config import Config
from .constants import MAX_STREAM_ID, MAX_WINDOW, PREFACE, Role
from .errors import (
    ErrorCode,
    NoSuchStreamError,
    UsageError,
)
from .events import Event, StreamClosed
from .fields import Field
from .frames import (
    append_altsvc,
    append_origin,
    append_ping,
    append_settings,
    append_window_update,
)
from .priority import format_priority
from .session import Session
from .settings import (
    ENABLE_CONNECT_PROTOCOL,
    ENABLE_PUSH,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    MAX_FRAME_SIZE,
    MAX_HEADER_LIST_SIZE,
    NO_RFC7540_PRIORITIES,
    check_error_code,
    check_settings,
)
from .states import RESERVED_REMOTE
from .submission import Fields, response_fields
from .upgrade import accept_upgrade, offer_upgrade
from .view import ConnectionView

_DEFAULT_CONFIG = Config()
_CANCEL = int(ErrorCode.CANCEL)


class Connection(ConnectionView):
    """One HTTP/2 connection.

    :param role: which end this is; ``Role.SERVER`` by default.
    :param config: announced settings and limits; ``Config()`` by default.
    """

    __slots__ = ("__weakref__", "_initiated", "_role")

    def __init__(self, role: Role = Role.SERVER, config: Config | None = None) -> None:
        self._role = Role(role)
        super().__init__(Session(self._role, _DEFAULT_CONFIG if config is None else config))
        self._initiated = False

    # --- octets ---------------------------------------------------------------------------------

    def initiate_connection(self) -> None:
        """Queue the connection preface (RFC 9113 §3.4); called again, do nothing.

        A client's magic octets, then SETTINGS, and a WINDOW_UPDATE if the configured connection
        window is larger than the initial one.
        """
        if not self._initiated:
            self._begin(self.config.first_settings(self._role))

    def _begin(self, settings: dict[int, int]) -> None:
        """Queue the preface with these settings."""
        self._initiated = True
        out = self._out
        if self._role == Role.CLIENT:
            out.buffer += PREFACE
        self._announce(settings)
        self._inbound.watch_unfinished()
        extra = self.config.connection_window_size - out.receive_window.size
        if extra > 0:
            append_window_update(out.buffer, 0, extra)
            out.receive_window.resize(extra)

    def receive_data(self, data: bytes | bytearray | memoryview) -> list[Event]:
        """Take octets from the peer; return the events that they caused, in order.

        Never raises for what the peer sent. After the end of the connection it returns nothing.
        """
        session = self._session
        if session.closed:
            return []
        events: list[Event] = []
        session.events = events
        self._inbound.feed(data if type(data) is bytes else bytes(data))
        return events

    def data_to_send(self, limit: int = 65_536) -> bytes:
        """Return the octets to write next, empty when there is nothing to say now.

        :param limit: about how many octets the caller has use for; a frame that was begun is
            finished, and what was queued before is given whole.
        """
        out = self._out
        if not self._session.closed:
            out.fill(limit)
        return out.take()

    def segments_to_send(self, limit: int = 65_536) -> list[Octets]:
        """Return the same as ``data_to_send`` in pieces, for ``writelines``.

        The octets of large bodies are not copied.
        """
        if not self._session.closed:
            self._out.fill(limit)
        return self._out.take_segments()

    @property
    def wants_write(self) -> bool:
        """Whether ``data_to_send`` is worth calling now.

        It stays ``True`` while a body source answers without octets: call again later then.
        """
        out = self._out
        if self._session.closed:
            return len(out.buffer) > 0 or out.segments is not None
        return out.wants_write()

    def take_events(self) -> list[Event]:
        """Return the events that sending caused since the last call.

        They are ``StreamClosed``, and ``StreamReset`` for a body source that failed.
        """
        events = self._out.events
        if events:
            self._out.events = []
        return events

    def take_source_errors(self) -> list[tuple[int, BaseException]]:
        """Return what body sources raised since the last call, with their stream ids."""
        errors = self._out.source_errors
        self._out.source_errors = None
        return errors if errors is not None else []

    # --- sending --------------------------------------------------------------------------------

    def send_response(
        self,
        stream_id: int,
        status: int,
        headers: Fields = (),
        body: Octets | BodySource | None = None,
    ) -> None:
        """Send a whole response (server role).

        :param status: 200..999.
        :param headers: the fields after ``:status``; ``bytes`` or ``str`` (UTF-8), names in any
            case. Not checked for sense, but for what RFC 9113 §8.2 forbids.
        :param body: octets, a body source (see ``send_body``), or ``None`` for no body. It is
            left out where a response has none: to HEAD, and with 204, 205 and 304.
        :raises InvalidFieldError: for a field that must not be sent; nothing was queued then.
        :raises StreamStateError: if a response was sent already.
        :raises NoSuchStreamError: if the stream is not open.
        """
        self._submission.response(stream_id, response_fields(status, headers), body)

    def send_prepared(
        self, stream_id: int, fields: list[Field], body: Octets | BodySource | None = None
    ) -> None:
        """Send a whole response whose fields were made by ``response_fields(status, headers)``.

        The same as ``send_response``, for a caller who checks the fields now and sends them later;
        the function is in ``plait.http2.submission``.
        """
        self._submission.response(stream_id, fields, body)

    def send_request(
        self,
        headers: Fields,
        body: Octets | BodySource | None = None,
        *,
        end_stream: bool = True,
        priority: tuple[int, bool] | None = None,
    ) -> int:
        """Open the next stream with a request (client role); return its id.

        :param headers: pseudo-header fields first.
        :param body: octets, a body source, or ``None``.
        :param end_stream: the request ends with ``body``.
        :param priority: ``(urgency, incremental)``; adds a ``priority`` field (RFC 9218).
        :raises StreamLimitError: see ``can_open_stream``.
        :raises InvalidFieldError: for fields that must not be sent or do not make a request.
        """
        return self._submission.request(headers, body, end_stream, priority)

    def send_headers(self, stream_id: int, headers: Fields, end_stream: bool = False) -> None:
        """Send a header section: an interim (1xx) or the final response, or trailers.

        After the final response's head, a further section is a trailer section: it must end the
        stream, and leaves after everything queued for it. A client opens its *next* stream by
        sending a request's head on its id (``next_stream_id``).

        :param headers: pseudo-header fields first; as for ``send_response``.
        :param end_stream: nothing follows; trailers need it, interim responses may not have it.
        :raises InvalidFieldError: for a field that must not be sent; nothing was queued then.
        :raises StreamStateError: if the stream's state does not allow it.
        :raises NoSuchStreamError: if the stream is not open.
        """
        self._submission.headers(stream_id, headers, end_stream)

    def send_data(self, stream_id: int, data: Octets, end_stream: bool = False) -> None:
        """Queue octets of a body, any number; they leave as the windows allow.

        :param data: ``bytes`` and a read-only ``memoryview`` are not copied.
        :param end_stream: the body ends with them. Without octets, and behind a body source that
            has not ended: with that.
        :raises StreamStateError: before the head, after the end; octets behind a body source that
            has not ended; for octets where a response has none (to HEAD, and with 204, 205, 304).
        :raises NoSuchStreamError: if the stream is not open.
        :raises TypeError: for what is not octets.
        """
        self._submission.data(stream_id, data, end_stream)

    def send_body(self, stream_id: int, source: BodySource, end_stream: bool = True) -> None:
        """Let a body be pulled from a source.

        :param source: a callable, or an object with such a method ``read``: given the most
            octets wanted (at least 1) it returns ``(data, flag)``, where the flag is ``DATA_OK``,
            ``DATA_EOF`` (the body ends with ``data``) or ``DATA_DEFERRED`` (``data`` is ignored;
            asked again after ``resume``). It is asked only when its octets could be sent. If it
            raises or breaks this contract the stream is reset with INTERNAL_ERROR.
        :param end_stream: the end of the source ends the stream.
        """
        self._submission.source(stream_id, source, end_stream)

    def resume(self, stream_id: int) -> None:
        """Ask a source again that answered ``DATA_DEFERRED``. Never an error."""
        stream = self._streams.living.get(stream_id)
        if stream is not None:
            self._out.resume(stream)

    def push_stream(self, stream_id: int, request_headers: Fields) -> int:
        """Promise a response to a request the client will not have to make (RFC 9113 §8.4).

        Returns the promised stream's id, to be answered with ``send_response``.

        :param request_headers: the promised request: a GET or HEAD without body.
        :raises PushDisabledError: see ``push_enabled``.
        :raises StreamStateError: on a pushed stream, or one whose answer has ended.
        """
        return self._submission.promise(stream_id, request_headers)

    def reset_stream(self, stream_id: int, error_code: int = _CANCEL) -> None:
        """End a stream at once with RST_STREAM; a stream that has closed stays as it is.

        :param error_code: RFC 9113 §7; CANCEL by default.
        :raises NoSuchStreamError: if the stream was never opened.
        :raises UsageError: for an error code of more than 32 bits.
        """
        code = check_error_code(error_code)
        stream = self._streams.living.get(stream_id)
        if stream is None:
            if not 0 < stream_id <= MAX_STREAM_ID or self._streams.is_idle(stream_id):
                raise NoSuchStreamError(stream_id)
            return
        if self._session.closed:
            return
        if stream.rest > 0:
            # All of the response is sent: the client need not lose it.
            self._out.end_response(stream)
            return
        self._out.write_reset(stream, code)
        self._out.events.append(StreamClosed(stream_id, code))

    # --- flow control ---------------------------------------------------------------------------

    def acknowledge_received_data(self, octets: int, stream_id: int) -> None:
        """The application has consumed octets of a ``DataReceived``: the peer may send more.

        :param octets: as many as are consumed, at most what is outstanding on the stream.
        :raises UsageError: for a negative number, or more than was received.
        """
        stream = self._streams.living.get(stream_id)
        if stream is None or octets == 0 or self._session.closed:
            return
        if octets < 0 or octets > stream.unacknowledged:
            raise UsageError(f"{octets} octets are not outstanding on stream {stream_id}")
        frames = stream.held_frames
        if frames:
            # As many as these octets came in on the average, and one at least.
            consumed = max(1, frames * octets // stream.unacknowledged)
            stream.held_frames -= consumed
            self._out.held_frames -= consumed
        stream.unacknowledged -= octets
        self._out.credit(octets)
        self._out.credit_stream(stream, octets)

    def increment_flow_control_window(self, increment: int, stream_id: int = 0) -> None:
        """Give the peer more credit than the configured window, for good.

        :param increment: octets, at least 1.
        :param stream_id: 0 for the connection.
        :raises UsageError: if the window would exceed 2^31-1, or the connection has ended.
        """
        self._submission.require_open()
        increment = index(increment)
        out = self._out
        window = out.receive_window
        ahead = 0
        if stream_id:
            stream = self._submission.living(stream_id)
            if not stream.can_receive_data() and not stream.state == RESERVED_REMOTE:
                raise stream.misuse("WINDOW_UPDATE")
            window = self._inbound.window_of(stream)
            # An initial window on its way will move this one.
            session = self._session
            ahead = session.local.largest(INITIAL_WINDOW_SIZE) - session.out.stream_window
        # The size counts: what is not available now will be, when it is consumed.
        if increment < 1 or window.size + ahead + increment > MAX_WINDOW:
            raise UsageError(f"a window cannot grow by {increment}")
        window.resize(increment)
        append_window_update(out.buffer, stream_id, increment)

    # --- the connection -------------------------------------------------------------------------

    def ping(self, data: bytes = b"\0" * 8) -> None:
        """Send PING; the answer comes as ``PingAcknowledged`` with the same eight octets.

        :raises UsageError: for any other number of octets, or when the connection has ended.
        """
        self._submission.require_open()
        if len(data) != 8:
            raise UsageError("PING carries eight octets")
        append_ping(self._out.buffer, data, False)

    def update_settings(self, settings: Mapping[int, int]) -> None:
        """Announce settings; they are in force once ``SettingsAcknowledged`` comes.

        :raises UsageError: for a value that RFC 9113 §6.5.2 forbids.
        """
        self._submission.require_open()
        wanted = check_settings(settings)
        if 6 * len(wanted) > self._out.max_frame_size:
            raise UsageError("more settings than the peer takes in one frame")
        for code, value in wanted.items():
            self._check_change(code, value)
        self._announce(wanted)

    def _check_change(self, code: int, value: int) -> None:
        """Check what this end may never say, or not any more."""
        session = self._session
        # RFC 9113 §6.5.2: a server MUST NOT enable push; RFC 8441 §3: once 1, it stays 1.
        refused = session.is_server and (
            (code == ENABLE_PUSH and value == 1)
            or (code == ENABLE_CONNECT_PROTOCOL and value == 0 and session.extended_connect)
        )
        if code == INITIAL_WINDOW_SIZE:
            # It moves every window, also those that grew: none may exceed 2^31-1.
            for stream in self._streams.living.values():
                window = stream.receive_window
                if (
                    window is not None
                    and window.size - session.out.stream_window + value > MAX_WINDOW
                ):
                    refused = True
        # RFC 9218 §2.1: it MUST NOT change after the first SETTINGS.
        fixed = session.local.largest(NO_RFC7540_PRIORITIES)
        if refused or (code == NO_RFC7540_PRIORITIES and value != fixed):
            raise UsageError(f"setting {code} cannot be {value} now")

    def _announce(self, settings: dict[int, int]) -> None:
        """Send SETTINGS and remember it until it is acknowledged."""
        session = self._session
        append_settings(self._out.buffer, settings)
        session.local.announce(settings)
        session.max_frame_size = session.local.largest(MAX_FRAME_SIZE)
        if settings.get(ENABLE_CONNECT_PROTOCOL):
            session.extended_connect = session.is_server
        limit = settings.get(MAX_CONCURRENT_STREAMS)
        if limit is not None:
            session.max_streams = limit
        listed = settings.get(MAX_HEADER_LIST_SIZE)
        if listed is not None and not session.list_size_set:
            # A smaller one counts once the peer knows of it.
            session.decoder.max_list_size = max(session.decoder.max_list_size, listed)
        self._out.announced_window = settings.get(INITIAL_WINDOW_SIZE, self._out.announced_window)

    def begin_shutdown(self) -> None:
        """Begin a graceful end (RFC 9113 §6.8): GOAWAY with the highest id there is, and a PING.

        Once the peer answers, the final GOAWAY follows by itself; ``drained`` tells when all
        is done.
        """
        if not self._session.closed:
            self._session.begin_shutdown()

    def send_goaway(self, error_code: int = 0, additional_data: bytes = b"") -> None:
        """Send the final GOAWAY: open streams go on, new ones of the peer are ignored.

        :param additional_data: for whoever reads the peer's log.
        :raises UsageError: for an error code of more than 32 bits.
        """
        code = check_error_code(error_code)
        if not self._session.closed:
            self._session.goaway(code, additional_data)

    def terminate(self, error_code: int = ErrorCode.NO_ERROR, additional_data: bytes = b"") -> None:
        """End the connection now: GOAWAY, and nothing after it. Called again, do nothing.

        :param error_code: RFC 9113 §7.
        :param additional_data: for whoever reads the peer's log.
        :raises UsageError: for an error code of more than 32 bits.
        """
        self._session.terminate(check_error_code(error_code), additional_data)

    # --- priorities and extensions --------------------------------------------------------------

    def prioritize(self, stream_id: int, urgency: int = 3, incremental: bool = False) -> None:
        """Change a stream's priority (RFC 9218).

        A client tells the server; a server reorders what it sends.

        :param urgency: 0 (first) to 7 (last).
        :param incremental: parts of the response are of use by themselves: it shares its turns.
        :raises ValueError: for an urgency outside 0 to 7.
        :raises NoSuchStreamError: for a stream that cannot have a priority.
        :raises StreamLimitError: client: for more streams to come than the server allows.
        """
        value = format_priority(urgency, incremental)
        self._submission.require_open()
        if not self._session.is_server:
            self._submission.priority_update(stream_id, value)
        else:
            self._out.scheduler.reprioritise(
                self._submission.living(stream_id), urgency, incremental
            )

    def send_alternative_service(
        self, field_value: bytes, origin: bytes = b"", stream_id: int = 0
    ) -> None:
        """Send ALTSVC (server role; RFC 7838 §4): with an origin, or on a stream, not both."""
        self._require_server("ALTSVC")
        stream_id = index(stream_id)
        if (stream_id == 0) != (len(origin) > 0):
            raise UsageError("ALTSVC needs an origin, or a stream, and not both")
        if stream_id:
            self._submission.living(stream_id)
        self._require_room(2 + len(origin) + len(field_value))
        append_altsvc(self._out.buffer, stream_id, origin, field_value)

    def send_origin(self, origins: Iterable[bytes]) -> None:
        """Send ORIGIN (server role; RFC 8336 §2): the origins this connection serves."""
        self._require_server("ORIGIN")
        listed = list(origins)
        self._require_room(sum([2 + len(origin) for origin in listed]))
        append_origin(self._out.buffer, listed)

    # --- h2c upgrade (RFC 7540 §3.2) ------------------------------------------------------------

    def receive_upgrade(
        self, headers: Fields, settings: bytes | str, end_stream: bool = True
    ) -> list[Event]:
        """A server takes over a request that asked for ``Upgrade: h2c`` as stream 1.

        :param headers: the request as HTTP/2 fields, pseudo-header fields first.
        :param settings: the value of ``HTTP2-Settings``, base64url without padding.
        :param end_stream: the request is complete; its body, if it had one, was read already.
        :returns: ``RequestReceived`` for stream 1.
        :raises UsageError: if either is not valid, or it is too late for an upgrade.
        """
        events: list[Event] = []
        self._session.events = events
        accept_upgrade(self._inbound, headers, settings, end_stream)
        return events

    def initiate_upgrade(self, headers: Fields) -> bytes:
        """A client asks for ``Upgrade: h2c`` with a request of its own, which becomes stream 1.

        Returns the value for ``HTTP2-Settings``. After the server's 101, call
        ``initiate_connection`` and go on as usual: the response comes on stream 1.

        :param headers: the request as HTTP/2 fields, which the engine does not send.
        """
        return offer_upgrade(self._session, headers)

    def _require_room(self, octets: int) -> None:
        """Check that a payload fits into a frame that the peer accepts (RFC 9113 §4.2)."""
        if octets > self._out.max_frame_size:
            raise UsageError(f"{octets} octets do not fit into a frame")

    def _require_server(self, what: str) -> None:
        """Check that this end may send a server's frame now."""
        self._submission.require_open()
        if not self._session.is_server:
            raise UsageError(f"only a server sends {what}")
