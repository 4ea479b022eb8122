"""What the engine tells: events, complete when built and never changed afterwards.

``Connection.receive_data`` returns the events its octets caused; ``Connection.take_events``
returns those that *sending* caused (a stream that ended because its last frame was taken).
Events of one type compare equal when their attributes do; ``repr`` shows every attribute.
"""

from __future__ import annotations

from typing import ClassVar

from .fields import Field
from .heads import Head


class Event:
    """The base of every event."""

    __slots__ = ()
    __match_args__: ClassVar[tuple[str, ...]] = ()

    def __repr__(self) -> str:
        shown = [f"{name}={getattr(self, name)!r}" for name in self.__match_args__]
        return type(self).__name__ + "(" + ", ".join(shown) + ")"

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        for name in self.__match_args__:
            if getattr(self, name) != getattr(other, name):
                return False
        return True

    __hash__ = None  # type: ignore[assignment]  # events hold lists


class RequestReceived(Event):
    """A request's header section is complete and valid (server role).

    :ivar stream_id: the stream, odd.
    :ivar headers: the fields in wire order, pseudo-header fields first. The list is the
        receiver's own; its tuples are shared with the decoder.
    :ivar end_stream: the request has no body: nothing more will come on this stream.
    :ivar method: the value of ``:method``.
    :ivar path: the value of ``:path``; ``None`` for a plain CONNECT.
    :ivar scheme: the value of ``:scheme``; ``None`` for a plain CONNECT.
    :ivar authority: the value of ``:authority``, else of ``host``, else ``None``. If the
        configuration lets the two differ, ``host`` goes first.
    :ivar has_cookies: whether there is a ``cookie`` field.
    """

    __slots__ = (
        "authority",
        "end_stream",
        "has_cookies",
        "headers",
        "method",
        "path",
        "scheme",
        "stream_id",
    )
    __match_args__ = ("stream_id", "headers", "end_stream")

    def __init__(self, stream_id: int, headers: list[Field], end_stream: bool) -> None:
        self.stream_id = stream_id
        self.headers = headers
        self.end_stream = end_stream
        self.method: bytes | None = None
        self.path: bytes | None = None
        self.scheme: bytes | None = None
        self.authority: bytes | None = None
        self.has_cookies = False


def request_received(stream_id: int, head: Head, end_stream: bool) -> RequestReceived:
    """Return the event of a request.

    This and not the constructor, whose arguments would all become objects in the compiled module.
    """
    event = RequestReceived.__new__(RequestReceived)
    event.stream_id = stream_id
    event.headers = head.fields[:]
    event.end_stream = end_stream
    event.method = head.method
    event.path = head.path
    event.scheme = head.scheme
    event.authority = head.target
    event.has_cookies = head.has_cookies()
    return event


class ResponseReceived(Event):
    """A final response's header section is complete and valid (client role).

    :ivar stream_id: odd for a request of ours, even for a pushed response.
    :ivar headers: the fields in wire order, ``:status`` first.
    :ivar end_stream: the response has no body: nothing more will come on this stream.
    :ivar status: the status code as an int, 200..999.
    """

    __slots__ = ("end_stream", "headers", "status", "stream_id")
    __match_args__ = ("stream_id", "headers", "end_stream")

    def __init__(
        self, stream_id: int, headers: list[Field], end_stream: bool, status: int = 0
    ) -> None:
        self.stream_id = stream_id
        self.headers = headers
        self.end_stream = end_stream
        self.status = status


class InformationalResponseReceived(Event):
    """An interim (1xx) response arrived (client role; RFC 9113 §8.1).

    :ivar headers: the fields in wire order, ``:status`` first.
    :ivar status: the status code as an int, 100..199.
    """

    __slots__ = ("headers", "status", "stream_id")
    __match_args__ = ("stream_id", "headers", "status")

    def __init__(self, stream_id: int, headers: list[Field], status: int) -> None:
        self.stream_id = stream_id
        self.headers = headers
        self.status = status


class TrailersReceived(Event):
    """A trailer section arrived.

    :ivar headers: the fields in wire order; none is a pseudo-header field.
    :ivar end_stream: always ``True``, so that it can be asked of every event of a message.
    """

    __slots__ = ("headers", "stream_id")
    __match_args__ = ("stream_id", "headers")
    end_stream: ClassVar[bool] = True

    def __init__(self, stream_id: int, headers: list[Field]) -> None:
        self.stream_id = stream_id
        self.headers = headers


class DataReceived(Event):
    """A DATA frame arrived.

    :ivar data: its payload without padding, possibly empty.
    :ivar flow_controlled_length: octets to give back with ``acknowledge_received_data``
        once they are consumed. Padding is not among them, as the engine credits it itself; it is
        for a ``DirectConnection``, whose caller keeps the windows.
    :ivar end_stream: nothing more will come on this stream.
    """

    __slots__ = ("data", "end_stream", "flow_controlled_length", "stream_id")
    __match_args__ = ("stream_id", "data", "flow_controlled_length", "end_stream")

    def __init__(
        self, stream_id: int, data: bytes, flow_controlled_length: int, end_stream: bool
    ) -> None:
        self.stream_id = stream_id
        self.data = data
        self.flow_controlled_length = flow_controlled_length
        self.end_stream = end_stream


class StreamReset(Event):
    """A stream ended before its time; nothing more will be said of it.

    :ivar error_code: RFC 9113 §7.
    :ivar remote_reset: ``True`` when the peer sent RST_STREAM, ``False`` when the engine did
        for a fault of the peer.
    :ivar slug: the name of the fault; ``"peer.reset"`` when the peer did it.
    :ivar late: the stream had ended before, which was told then: a frame came behind its end.
    """

    __slots__ = ("error_code", "late", "remote_reset", "slug", "stream_id")
    __match_args__ = ("stream_id", "error_code", "remote_reset", "slug")

    def __init__(
        self, stream_id: int, error_code: int, remote_reset: bool, slug: str, late: bool = False
    ) -> None:
        self.stream_id = stream_id
        self.error_code = error_code
        self.remote_reset = remote_reset
        self.slug = slug
        self.late = late


class StreamClosed(Event):
    """Both sides of a stream have ended in good order (or we ended it with ``reset_stream``).

    Every stream that was opened ends with exactly one of ``StreamClosed`` and ``StreamReset``
    (late ones apart), unless the connection ends first.

    :ivar error_code: 0, or the code that ``reset_stream`` was called with.
    :ivar spared: the response was complete, and the server spared us the rest of the request by
        RST_STREAM(NO_ERROR) (RFC 9113 §8.1; client role).
    """

    __slots__ = ("error_code", "spared", "stream_id")
    __match_args__ = ("stream_id", "error_code")

    def __init__(self, stream_id: int, error_code: int, spared: bool = False) -> None:
        self.stream_id = stream_id
        self.error_code = error_code
        self.spared = spared


def stream_closed(stream_id: int, error_code: int) -> StreamClosed:
    """Return the event of a stream's end; see ``request_received``."""
    event = StreamClosed.__new__(StreamClosed)
    event.stream_id = stream_id
    event.error_code = error_code
    event.spared = False
    return event


class WindowUpdated(Event):
    """The peer gave credit: ``stream_id`` 0 means the connection. ``delta``: octets."""

    __slots__ = ("delta", "stream_id")
    __match_args__ = ("stream_id", "delta")

    def __init__(self, stream_id: int, delta: int) -> None:
        self.stream_id = stream_id
        self.delta = delta


class RemoteSettingsChanged(Event):
    """The peer's SETTINGS took effect and were acknowledged.

    :ivar changed_settings: setting code -> (old value or ``None``, new value), in wire order.
    """

    __slots__ = ("changed_settings",)
    __match_args__ = ("changed_settings",)

    def __init__(self, changed_settings: dict[int, tuple[int | None, int]]) -> None:
        self.changed_settings = changed_settings


class SettingsAcknowledged(Event):
    """The peer acknowledged our SETTINGS, which are in force from here on.

    :ivar changed_settings: setting code -> (old value or ``None``, new value).
    """

    __slots__ = ("changed_settings",)
    __match_args__ = ("changed_settings",)

    def __init__(self, changed_settings: dict[int, tuple[int | None, int]]) -> None:
        self.changed_settings = changed_settings


class PingReceived(Event):
    """A PING arrived; its acknowledgement is queued already. ``ping_data``: 8 octets."""

    __slots__ = ("ping_data",)
    __match_args__ = ("ping_data",)

    def __init__(self, ping_data: bytes) -> None:
        self.ping_data = ping_data


class PingAcknowledged(Event):
    """The peer answered a PING of ours. ``ping_data``: 8 octets."""

    __slots__ = ("ping_data",)
    __match_args__ = ("ping_data",)

    def __init__(self, ping_data: bytes) -> None:
        self.ping_data = ping_data


class PushedStreamReceived(Event):
    """The server promised a stream (client role; RFC 9113 §8.4).

    :ivar pushed_stream_id: the promised stream, even.
    :ivar parent_stream_id: the request it belongs to.
    :ivar headers: the fields of the promised request.
    """

    __slots__ = ("headers", "parent_stream_id", "pushed_stream_id")
    __match_args__ = ("pushed_stream_id", "parent_stream_id", "headers")

    def __init__(self, pushed_stream_id: int, parent_stream_id: int, headers: list[Field]) -> None:
        self.pushed_stream_id = pushed_stream_id
        self.parent_stream_id = parent_stream_id
        self.headers = headers


class PriorityUpdated(Event):
    """The client re-prioritised a stream by PRIORITY_UPDATE (RFC 9218 §7).

    :ivar urgency: 0 (first) to 7 (last); 3 is the default.
    :ivar incremental: whether parts of the response are of use by themselves.
    """

    __slots__ = ("incremental", "stream_id", "urgency")
    __match_args__ = ("stream_id", "urgency", "incremental")

    def __init__(self, stream_id: int, urgency: int, incremental: bool) -> None:
        self.stream_id = stream_id
        self.urgency = urgency
        self.incremental = incremental


class PriorityReceived(Event):
    """RFC 7540's priority of a stream (§5.3, §6.3), which the engine ignores.

    Told if the configuration says ``report_priorities``, and unless the peer has said that its
    priorities mean nothing (RFC 9218 §2.1).

    :ivar stream_id: the stream, perhaps idle or closed.
    :ivar depends_on: the stream it depends on, 0 for none.
    :ivar weight: 1 to 256.
    :ivar exclusive: it takes the place of the other streams that depend on the same.
    :ivar in_headers: it came in a HEADERS frame, whose event is the one before.
    """

    __slots__ = ("depends_on", "exclusive", "in_headers", "stream_id", "weight")
    __match_args__ = ("stream_id", "depends_on", "weight", "exclusive", "in_headers")

    def __init__(
        self, stream_id: int, depends_on: int, weight: int, exclusive: bool, in_headers: bool
    ) -> None:
        self.stream_id = stream_id
        self.depends_on = depends_on
        self.weight = weight
        self.exclusive = exclusive
        self.in_headers = in_headers


class ConnectionTerminated(Event):
    """The connection ends: the peer sent GOAWAY, or committed a fault that we answered with one.

    :ivar error_code: RFC 9113 §7.
    :ivar last_stream_id: the highest stream that the sender of the GOAWAY handles.
    :ivar additional_data: the GOAWAY's debug data.
    :ivar remote: ``True`` when the peer sent the GOAWAY. With error code 0 the streams up to
        ``last_stream_id`` go on.
    :ivar slug: the name of the fault; ``"peer.goaway"`` when the peer sent it.
    :ivar stream_id: the stream whose frame was the fault, 0 where that does not matter.
    """

    __slots__ = ("additional_data", "error_code", "last_stream_id", "remote", "slug", "stream_id")
    __match_args__ = ("error_code", "last_stream_id", "additional_data", "remote", "slug")

    def __init__(
        self,
        error_code: int,
        last_stream_id: int,
        additional_data: bytes,
        remote: bool,
        slug: str,
        stream_id: int = 0,
    ) -> None:
        self.error_code = error_code
        self.last_stream_id = last_stream_id
        self.additional_data = additional_data
        self.remote = remote
        self.slug = slug
        self.stream_id = stream_id


class AlternativeServiceAvailable(Event):
    """An ALTSVC frame (client role; RFC 7838 §4).

    :ivar origin: the origin it concerns; that of the request when it came on a stream.
    :ivar field_value: the Alt-Svc field value, unparsed.
    """

    __slots__ = ("field_value", "origin", "stream_id")
    __match_args__ = ("stream_id", "origin", "field_value")

    def __init__(self, stream_id: int, origin: bytes, field_value: bytes) -> None:
        self.stream_id = stream_id
        self.origin = origin
        self.field_value = field_value


class OriginReceived(Event):
    """An ORIGIN frame (client role; RFC 8336 §2): the server's origin set."""

    __slots__ = ("origins",)
    __match_args__ = ("origins",)

    def __init__(self, origins: list[bytes]) -> None:
        self.origins = origins


class UnknownFrameReceived(Event):
    """A frame of a type that the engine does not know (RFC 9113 §5.5: ignored)."""

    __slots__ = ("flags", "frame_type", "payload", "stream_id")
    __match_args__ = ("frame_type", "flags", "stream_id", "payload")

    def __init__(self, frame_type: int, flags: int, stream_id: int, payload: bytes) -> None:
        self.frame_type = frame_type
        self.flags = flags
        self.stream_id = stream_id
        self.payload = payload
