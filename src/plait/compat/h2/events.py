"""What ``receive_data`` returns.

Each event may be built and changed by programs as well: tests and proxies do. They are compared
by their attributes if those are arguments that must be given, and by identity if all of them
may be filled in later, as in h2. A further attribute may be added to any event.

An event is made for every request, so its attributes are slots, and they may be given in order:
with names a call takes twice as long. h2 takes them by name only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .errors import ErrorCodes
from .settings import ChangedSetting, SettingCodes, setting_code_from_int

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .extension import ExtensionFrame

Header = tuple[bytes, bytes]
"""A field. With ``header_encoding`` it is a pair of ``str``."""

ChangedSettings = dict[SettingCodes | int, ChangedSetting]


class Event:
    """The base of every event."""


@dataclass(slots=True, repr=False, match_args=False)
class _Section(Event):
    """A field section that may be the last of its message."""

    stream_id: int
    headers: list[Header] = field(default_factory=list)
    stream_ended: StreamEnded | None = None
    priority_updated: PriorityUpdated | None = None

    def __repr__(self) -> str:
        name = type(self).__name__
        return f"<{name} stream_id:{self.stream_id}, headers:{self.headers}>"


class RequestReceived(_Section):
    """A request's header section is complete (server).

    :ivar stream_id: the stream, odd.
    :ivar headers: the fields in wire order, pseudo-header fields first.
    :ivar stream_ended: the event of the stream's end, which comes as well, if there is no body.
    :ivar priority_updated: the event of the frame's priority, which comes as well, if it had one.
    """

    __slots__ = ()


class ResponseReceived(_Section):
    """A final response's header section is complete (client).

    :ivar stream_id: odd for a request of ours, even for a pushed response.
    :ivar headers: the fields in wire order, ``:status`` first.
    :ivar stream_ended: the event of the stream's end, which comes as well, if there is no body.
    :ivar priority_updated: the event of the frame's priority, which comes as well, if it had one.
    """

    __slots__ = ()


class TrailersReceived(_Section):
    """The fields after a body arrived; they end the stream.

    :ivar stream_id: the stream.
    :ivar headers: the fields in wire order.
    :ivar stream_ended: the event of the stream's end, which comes as well.
    :ivar priority_updated: the event of the frame's priority, which comes as well, if it had one.
    """

    __slots__ = ()


@dataclass(slots=True, repr=False, match_args=False)
class InformationalResponseReceived(Event):
    """An interim (1xx) response arrived (client).

    :ivar stream_id: the stream.
    :ivar headers: the fields in wire order, ``:status`` first.
    :ivar priority_updated: the event of the frame's priority, which comes as well, if it had one.
    """

    stream_id: int
    headers: list[Header] = field(default_factory=list)
    priority_updated: PriorityUpdated | None = None

    def __repr__(self) -> str:
        return f"<InformationalResponseReceived stream_id:{self.stream_id}, headers:{self.headers}>"


@dataclass(slots=True, repr=False, match_args=False)
class DataReceived(Event):
    """A part of a body arrived.

    :ivar stream_id: the stream.
    :ivar data: the content, without padding.
    :ivar flow_controlled_length: octets that it took of the windows, padding included; they are
        to be given back with ``acknowledge_received_data``.
    :ivar stream_ended: the event of the stream's end, which comes as well, if this is the last.
    """

    stream_id: int
    data: bytes = b""
    flow_controlled_length: int = 0
    stream_ended: StreamEnded | None = None

    def __repr__(self) -> str:
        start = self.data[:20].hex() if self.data else ""
        return (
            f"<DataReceived stream_id:{self.stream_id}, "
            f"flow_controlled_length:{self.flow_controlled_length}, data:{start}>"
        )


@dataclass(slots=True, repr=False, match_args=False)
class WindowUpdated(Event):
    """The peer gave credit for sending.

    :ivar stream_id: the stream; 0 for the connection.
    :ivar delta: octets of credit.
    """

    stream_id: int
    delta: int = 0

    def __repr__(self) -> str:
        return f"<WindowUpdated stream_id:{self.stream_id}, delta:{self.delta}>"


class RemoteSettingsChanged(Event):
    """The peer announced settings; they are in force, and are acknowledged.

    :ivar changed_settings: what it announced, by the codes, changed or not.
    """

    __slots__ = ("changed_settings",)

    def __init__(self, changed_settings: ChangedSettings | None = None) -> None:
        self.changed_settings = {} if changed_settings is None else changed_settings

    @classmethod
    def from_settings(
        cls, old_settings: Mapping[int, int], new_settings: Mapping[int, int]
    ) -> RemoteSettingsChanged:
        """Return the event of settings that follow others.

        :param old_settings: what was in force, by codes.
        :param new_settings: what was announced, by codes.
        """
        changed: ChangedSettings = {}
        for number, value in new_settings.items():
            setting = setting_code_from_int(number)
            changed[setting] = ChangedSetting(setting, old_settings.get(setting), value)
        return cls(changed)

    def __repr__(self) -> str:
        return f"<RemoteSettingsChanged changed_settings:{_shown(self.changed_settings)}>"


@dataclass(slots=True, repr=False, match_args=False)
class PingReceived(Event):
    """PING arrived; its acknowledgement has been queued.

    :ivar ping_data: its eight octets.
    """

    ping_data: bytes

    def __repr__(self) -> str:
        return f"<PingReceived ping_data:{self.ping_data.hex()}>"


@dataclass(slots=True, repr=False, match_args=False)
class PingAckReceived(Event):
    """The peer acknowledged a PING.

    :ivar ping_data: the eight octets that were sent.
    """

    ping_data: bytes

    def __repr__(self) -> str:
        return f"<PingAckReceived ping_data:{self.ping_data.hex()}>"


@dataclass(slots=True, repr=False, match_args=False)
class StreamEnded(Event):
    """The peer finished sending on a stream.

    :ivar stream_id: the stream.
    """

    stream_id: int

    def __repr__(self) -> str:
        return f"<StreamEnded stream_id:{self.stream_id}>"


@dataclass(slots=True, repr=False, match_args=False)
class StreamReset(Event):
    """A stream ended before its time.

    :ivar stream_id: the stream.
    :ivar error_code: why; a plain int if the code is unknown.
    :ivar remote_reset: whether the peer did it; else this end, because of a fault of the peer.
    """

    stream_id: int
    error_code: ErrorCodes | int = ErrorCodes.NO_ERROR
    remote_reset: bool = True

    def __repr__(self) -> str:
        return (
            f"<StreamReset stream_id:{self.stream_id}, error_code:{self.error_code!s}, "
            f"remote_reset:{self.remote_reset}>"
        )


class PushedStreamReceived(Event):
    """The server promised a response that nobody asked for (client).

    :ivar pushed_stream_id: the stream on which it will come, even.
    :ivar parent_stream_id: the stream of the request that caused it.
    :ivar headers: the fields of the request that it answers.
    """

    __slots__ = ("headers", "parent_stream_id", "pushed_stream_id")

    def __init__(
        self,
        pushed_stream_id: int | None = None,
        parent_stream_id: int | None = None,
        headers: list[Header] | None = None,
    ) -> None:
        self.pushed_stream_id = pushed_stream_id
        self.parent_stream_id = parent_stream_id
        self.headers = headers

    def __repr__(self) -> str:
        return (
            f"<PushedStreamReceived pushed_stream_id:{self.pushed_stream_id}, "
            f"parent_stream_id:{self.parent_stream_id}, headers:{self.headers}>"
        )


class SettingsAcknowledged(Event):
    """The peer acknowledged settings of ours, which are in force now.

    :ivar changed_settings: what has come into force, by the codes.
    """

    __slots__ = ("changed_settings",)

    def __init__(self, changed_settings: ChangedSettings | None = None) -> None:
        self.changed_settings = {} if changed_settings is None else changed_settings

    def __repr__(self) -> str:
        return f"<SettingsAcknowledged changed_settings:{_shown(self.changed_settings)}>"


class PriorityUpdated(Event):
    """A stream's place in RFC 7540's priority tree was set; plait does not use it.

    :ivar stream_id: the stream.
    :ivar weight: 1..256.
    :ivar depends_on: the stream that it depends on; 0 for none.
    :ivar exclusive: whether it moves between that stream and what depends on it.
    """

    __slots__ = ("depends_on", "exclusive", "stream_id", "weight")

    def __init__(
        self,
        stream_id: int | None = None,
        weight: int | None = None,
        depends_on: int | None = None,
        exclusive: bool | None = None,
    ) -> None:
        self.stream_id = stream_id
        self.weight = weight
        self.depends_on = depends_on
        self.exclusive = exclusive

    def __repr__(self) -> str:
        return (
            f"<PriorityUpdated stream_id:{self.stream_id}, weight:{self.weight}, "
            f"depends_on:{self.depends_on}, exclusive:{self.exclusive}>"
        )


class ConnectionTerminated(Event):
    """The peer sent GOAWAY.

    :ivar error_code: why; a plain int if the code is unknown.
    :ivar last_stream_id: the highest stream of ours that it may have looked at.
    :ivar additional_data: what it had to say; ``None`` for nothing.
    """

    __slots__ = ("additional_data", "error_code", "last_stream_id")

    def __init__(
        self,
        error_code: ErrorCodes | int | None = None,
        last_stream_id: int | None = None,
        additional_data: bytes | None = None,
    ) -> None:
        self.error_code = error_code
        self.last_stream_id = last_stream_id
        self.additional_data = additional_data

    def __repr__(self) -> str:
        said = self.additional_data[:20].hex() if self.additional_data else None
        return (
            f"<ConnectionTerminated error_code:{self.error_code!s}, "
            f"last_stream_id:{self.last_stream_id}, additional_data:{said}>"
        )


class AlternativeServiceAvailable(Event):
    """The server has an alternative service (RFC 7838; client).

    :ivar origin: whose: the origin that the frame names, else that of the stream's request.
    :ivar field_value: what ``Alt-Svc`` would say, unparsed.
    """

    __slots__ = ("field_value", "origin")

    def __init__(self, origin: bytes | None = None, field_value: bytes | None = None) -> None:
        self.origin = origin
        self.field_value = field_value

    def __repr__(self) -> str:
        origin = (self.origin or b"").decode("utf-8", "ignore")
        value = (self.field_value or b"").decode("utf-8", "ignore")
        return f"<AlternativeServiceAvailable origin:{origin}, field_value:{value}>"


@dataclass(slots=True, repr=False, match_args=False)
class UnknownFrameReceived(Event):
    """A frame arrived whose type this end does not know; it has no other effect.

    :ivar frame: the frame, with the attributes of hyperframe's ``ExtensionFrame``.
    """

    frame: ExtensionFrame

    def __repr__(self) -> str:
        return "<UnknownFrameReceived>"


def _shown(settings: ChangedSettings) -> str:
    """Return a dictionary of settings as the representations of events show it."""
    return "{" + ", ".join([repr(changed) for changed in settings.values()]) + "}"
