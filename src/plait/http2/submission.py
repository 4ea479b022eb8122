"""What our own side asks to be sent: checked against the stream's state, then handed on.

Everything raises before anything is queued: a call that fails has changed nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from .body import Body, BodySource, Octets, steady
from .config import Config
from .constants import MAX_STREAM_ID
from .errors import (
    ConnectionClosedError,
    InvalidFieldError,
    NoSuchStreamError,
    PushDisabledError,
    StreamLimitError,
    StreamStateError,
    UsageError,
)
from .fields import Field, classify, outgoing_fields, unchecked_fields
from .frames import append_priority_update
from .heads import MalformedError, promised_fault, request_head
from .outbound import Outbound
from .priority import format_priority
from .session import Session
from .states import IDLE
from .stream import Stream
from .streams import StreamTable

Fields = Iterable[tuple[bytes | str, bytes | str]]
_FINAL: dict[int, Field] = {code: (b":status", b"%d" % code) for code in range(200, 1000)}


class Submission:
    """Heads, bodies, trailers and promises on their way to the streams."""

    __slots__ = ("checks", "early", "out", "session", "streams")

    def __init__(self, session: Session) -> None:
        self.session = session
        self.out: Outbound = session.out
        self.streams: StreamTable = session.streams
        self.checks = session.config.check_sent_fields
        # Client: streams to come whose priority was told.
        self.early: set[int] | None = None

    # --- heads ----------------------------------------------------------------------------------

    def response(self, stream_id: int, fields: list[Field], body: Any) -> None:
        """Send a whole response; ``fields`` are ``response_fields``."""
        stream = self.living(stream_id)
        if stream.head_sent or not self.session.is_server:
            raise StreamStateError(f"stream {stream_id} cannot be answered now")
        field = fields[0]
        status = field[1]
        if stream.tunnel and status[0] != 0x32:
            stream.tunnel = False
        if body is None or stream.headless or is_empty(status):
            self.out.send_head(stream, fields, True)
        elif isinstance(body, (bytes, bytearray, memoryview)):
            octets = steady(body)
            self.out.send_head(stream, fields, False)
            self.out.send_octets(stream, octets, True)
        else:
            read = read_of(body)
            self.out.send_head(stream, fields, False)
            self.attach(stream, read, True)

    def request(
        self,
        headers: Fields,
        body: Octets | BodySource | None,
        end_stream: bool,
        priority: tuple[int, bool] | None,
        stream_id: int = 0,
    ) -> int:
        """Open a stream with a request: the next one, or a later one that is named.

        RFC 9113 §5.1.1: those between are closed then.
        """
        session = self.session
        if session.is_server:
            raise UsageError("a server sends no requests")
        self.require_open()
        fields = self.section(headers, True)
        if priority is not None:
            fields = [*fields, (b"priority", format_priority(*priority))]
        remote = session.remote
        if self.checks:
            method = checked_request(fields, remote.enable_connect_protocol, session.config)
        else:
            method = dict(fields).get(b":method", b"")
        octets: Octets | None = None
        read: Callable[[int], Any] | None = None
        if isinstance(body, (bytes, bytearray, memoryview)):
            octets = steady(body)
        elif body is not None:
            read = read_of(body)
        if not self.can_open_stream():
            raise StreamLimitError("no further stream may be opened now")
        if stream_id:
            self.streams.skip_to(stream_id)
        stream = self.streams.open_local(session.remote_window)
        stream.headless = method == b"HEAD"
        stream.tunnel = method == b"CONNECT"
        self.out.send_head(stream, fields, body is None and end_stream)
        if read is not None:
            self.attach(stream, read, end_stream)
        elif octets is not None:
            self.out.send_octets(stream, octets, end_stream)
        return stream.id

    def headers(self, stream_id: int, headers: Fields, end_stream: bool) -> None:
        """Send an interim or final response's head, or trailers; a client's next request."""
        if not self.session.is_server and stream_id == self.streams.next_local:
            self.request(headers, None, end_stream, None)
            return
        stream = self.living(stream_id)
        if stream.head_sent:
            self.trailers(stream, self.section(headers, False), end_stream)
            return
        if not self.session.is_server:
            raise StreamStateError(f"stream {stream_id} is the server's")
        fields = self.section(headers, True)
        status = status_of(fields) if self.checks else loose_status(fields)
        if status[0] == 0x31:  # 1xx
            self.interim(stream, fields, end_stream)
            return
        if stream.tunnel and status[0] != 0x32:
            stream.tunnel = False
        self.out.send_head(stream, fields, end_stream)
        if is_empty(status) and not stream.tunnel:
            stream.headless = True

    def interim(self, stream: Stream, fields: list[Field], end_stream: bool) -> None:
        """Send an interim response (RFC 9113 §8.1)."""
        if end_stream:
            raise UsageError("an interim response does not end the stream")
        if fields[0][1] == b"101" and self.checks:
            # RFC 9113 §8.6: HTTP/2 removes support for 101.
            raise InvalidFieldError("101 (Switching Protocols) has no meaning in HTTP/2")
        if stream.state == IDLE or not stream.can_send_data():
            raise stream.misuse("interim response")
        # It may be left out (RFC 9110 §15.2), and is where the client reads nothing.
        if len(self.out.buffer) <= self.out.max_unsent or self.out.direct:
            self.out.write_headers(stream.id, fields, False)

    def trailers(self, stream: Stream, fields: list[Field], end_stream: bool) -> None:
        """Queue a trailer section behind the body."""
        self.out.require_sendable(stream, "trailers")
        # RFC 9113 §8.5: on a connected stream no other frames than DATA MUST be sent.
        if stream.tunnel:
            raise StreamStateError("a tunnel has no trailers")
        if not end_stream:
            raise StreamStateError("trailers end the stream")
        body = body_of(stream)
        body.trailers = fields
        self.out.body_grew(stream, body)

    # --- bodies ---------------------------------------------------------------------------------

    def data(self, stream_id: int, data: Octets, end_stream: bool) -> None:
        """Queue octets of a body."""
        if end_stream and len(data) == 0 and self.end_source(stream_id):
            return
        stream = self.bodied(stream_id)
        octets = steady(data)
        if stream.headless and self.session.is_server and len(octets) > 0:
            raise no_content(stream)
        self.out.send_octets(stream, octets, end_stream)

    def end_source(self, stream_id: int) -> bool:
        """Let the end of a stream's body source be the end of the stream, if it has one."""
        stream = self.living(stream_id)
        body = stream.body
        if body is None or body.read is None:
            return False
        self.out.require_sendable(stream, "DATA")
        body.ends = True
        return True

    def source(self, stream_id: int, source: BodySource, end_stream: bool) -> None:
        """Let a body be pulled from a source."""
        stream = self.bodied(stream_id)
        if stream.headless and self.session.is_server:
            raise no_content(stream)
        self.attach(stream, read_of(source), end_stream)

    def bodied(self, stream_id: int) -> Stream:
        """Return a stream whose body may be added to."""
        stream = self.living(stream_id)
        self.out.require_sendable(stream, "DATA")
        if stream.body is not None and stream.body.read is not None:
            raise StreamStateError(f"stream {stream_id} has a body source that has not ended")
        return stream

    def attach(self, stream: Stream, read: Any, end_stream: bool) -> None:
        """Give a stream its source."""
        body = body_of(stream)
        body.read = read
        body.ends = end_stream
        self.out.body_grew(stream, body)

    # --- promises -------------------------------------------------------------------------------

    def promise(self, stream_id: int, request_headers: Fields, promised_id: int = 0) -> int:
        """Promise a response to a request that the client will not have to make.

        :param promised_id: 0 for the next stream, or a later one.
        """
        stream = self.living(stream_id)
        if not self.session.is_server or not stream_id & 1:
            raise StreamStateError(f"nothing can be pushed on stream {stream_id}")
        if not self.push_enabled():
            raise PushDisabledError("the client does not accept pushed streams")
        if not stream.can_send_data() or stream.tunnel:
            raise stream.misuse("PUSH_PROMISE")
        if self.streams.next_local > MAX_STREAM_ID:
            raise StreamLimitError("the stream ids are used up")
        fields = self.section(request_headers, True)
        kinds = [classify(*field) for field in fields]
        slug = promised_fault(fields, kinds, self.session.config.host_may_differ)
        if slug and self.checks:
            raise InvalidFieldError(f"these fields do not make a promise ({slug})")
        if promised_id:
            self.streams.skip_to(promised_id)
        promised = self.streams.open_local(self.session.remote_window)
        promised.send_push_promise()
        promised.headless = (b":method", b"HEAD") in fields
        # RFC 9218 §4.1 leaves a push's urgency to the server: behind what it belongs to.
        promised.urgency = min(stream.urgency + 1, 7)
        self.out.write_push_promise(stream_id, promised.id, fields)
        return promised.id

    def push_enabled(self) -> bool:
        """Whether the peer accepts pushed streams now."""
        session = self.session
        usable = session.is_server and not session.closed and not session.goaway_received
        # Promises that the client neither fetches nor reads must not pile up.
        room = (
            len(self.streams.living) - self.streams.remote_count
            < session.config.limits.max_promises
            and len(self.out.buffer) <= self.out.max_unsent
        )
        return usable and room and session.remote.enable_push

    # --- priorities -----------------------------------------------------------------------------

    def priority_update(self, stream_id: int, value: bytes) -> None:
        """Tell the server a stream's priority, perhaps before it begins (RFC 9218 §7.1)."""
        streams = self.streams
        idle = streams.is_idle(stream_id)
        # RFC 9218 §7.1: not for stream 0, nor for a push that was not promised.
        if not 0 < stream_id <= MAX_STREAM_ID or (idle and streams.is_remote(stream_id)):
            raise NoSuchStreamError(stream_id)
        if idle:
            early = {known for known in self.early or () if streams.is_idle(known)}
            early.add(stream_id)
            # RFC 9218 §7.1: with the active ones they MUST NOT exceed the limit of streams.
            limit = self.out.remote_max_streams
            if 0 <= limit < len(early) + streams.local_count:
                raise StreamLimitError("too many priorities of streams to come")
            self.early = early
        append_priority_update(self.out.buffer, stream_id, value)

    # --- checks ---------------------------------------------------------------------------------

    def section(self, fields: Fields, pseudo: bool) -> list[Field]:
        """Return the fields of a section ready to be encoded, checked if they are to be."""
        return outgoing_fields(fields, pseudo) if self.checks else unchecked_fields(fields)

    def can_open_stream(self) -> bool:
        """Whether a request may be sent now."""
        session = self.session
        limit = self.out.remote_max_streams
        waiting = self.out.pending_heads
        open_streams = self.streams.local_count + (0 if waiting is None else len(waiting))
        return (
            not session.closed
            and not session.goaway_received
            and self.streams.next_local <= MAX_STREAM_ID
            and (limit < 0 or open_streams < limit)
        )

    def living(self, stream_id: int) -> Stream:
        """Return an open stream of a connection that has not ended."""
        stream = self.streams.living.get(stream_id)
        if stream is None or self.session.closed:
            self.require_open()
            raise NoSuchStreamError(stream_id)
        return stream

    def require_open(self) -> None:
        """Check that the connection has not ended."""
        if self.session.closed:
            raise ConnectionClosedError("the connection has ended")


def response_fields(status: Any, headers: Fields) -> list[Field]:
    """Return the checked fields of a final response, ``:status`` first, ready to be encoded.

    The list may be returned again for the same response: it must not be changed.
    """
    head = _FINAL.get(status)
    if head is None:
        raise UsageError(f"{status!r} is not the status of a final response")
    ready = outgoing_fields(headers, False)
    last = _last.answer
    if last.head is head and last.ready is ready:
        return last.fields
    fields: list[Field] = [head]
    fields += ready
    _last.answer = Answer(head, ready, fields)
    return fields


class Answer:
    """The fields of a response, and what they were put together from."""

    __slots__ = ("fields", "head", "ready")

    def __init__(self, head: Field, ready: list[Field], fields: list[Field]) -> None:
        self.head = head
        self.ready = ready
        self.fields = fields


class _Last:
    """The latest response: servers repeat themselves. One object, so that threads see it whole."""

    __slots__ = ("answer",)

    def __init__(self) -> None:
        self.answer = Answer((b"", b""), [], [])


_last = _Last()


def body_of(stream: Stream) -> Body:
    """Return what waits on a stream, made if it is not there."""
    if stream.body is None:
        stream.body = Body()
    return stream.body


def read_of(source: Any) -> Callable[[int], Any]:
    """Return a body source's function.

    :raises TypeError: if it is not a body source.
    """
    read = getattr(source, "read", source)
    if not callable(read):
        raise TypeError(f"{type(source).__name__} is neither octets nor a body source")
    return read  # type: ignore[no-any-return]


def status_of(fields: list[Field]) -> bytes:
    """Return the status of a response's fields (RFC 9113 §8.3.2).

    :raises InvalidFieldError: if ``:status`` is not first, or not the only pseudo-header field.
    """
    field = fields[0] if fields else (b"", b"")
    name = field[0]
    status = field[1]
    if name != b":status":
        raise InvalidFieldError("a response begins with :status")
    for at in range(1, len(fields)):
        field = fields[at]
        name = field[0]
        first = name[0]
        if first == 0x3A:
            raise InvalidFieldError("a response has no other pseudo-header field than :status")
        if first == 0x74 and name == b"te":
            raise InvalidFieldError("te belongs to requests")
    return status


def loose_status(fields: list[Field]) -> bytes:
    """Return the status of fields that need not be a response's: of a final one if in doubt."""
    for name, value in fields:
        if name == b":status":
            return value or b"200"
    return b"200"


def is_empty(status: bytes) -> bool:
    """Whether a response of this status has no content (RFC 9110 §15.3.5, §15.3.6, §15.4.5)."""
    return status == b"204" or status == b"205" or status == b"304"


def no_content(stream: Stream) -> StreamStateError:
    """Return the error for content where a response has none (RFC 9110 §6.4.1)."""
    return StreamStateError(f"the response on stream {stream.id} has no content")


def checked_request(fields: list[Field], extended_connect: bool, config: Config) -> bytes:
    """Check an outgoing request's fields as a server would; return the method.

    :param extended_connect: the server allows ``:protocol``.
    :raises InvalidFieldError: if they do not make a request.
    """
    kinds = [classify(*field) for field in fields]
    try:
        head = request_head(fields, kinds, extended_connect, config.host_may_differ)
    except MalformedError as error:
        raise InvalidFieldError(f"these fields do not make a request ({error.slug})") from None
    return head.method or b""
