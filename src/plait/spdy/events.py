"""What the engine tells: events, complete when built and never changed afterwards.

``Connection.receive_data`` returns the events its octets caused; ``Connection.take_events``
returns those that *sending* caused. Events of one type compare equal when their attributes do.
"""

from __future__ import annotations

from .frames import ControlFrame
from .record import Record


class Event(Record):
    """The base of every event."""

    __slots__ = ()


class FrameReceived(Event):
    """A valid control frame arrived.

    A request is a ``SynStream`` frame, its answer a ``SynReply``.

    :ivar frame: the frame, with its header block decoded.
    """

    __slots__ = ("frame",)
    __match_args__ = ("frame",)

    def __init__(self, frame: ControlFrame) -> None:
        self.frame = frame


class FrameInvalid(Event):
    """A control frame could be read, but broke a rule; RST_STREAM or GOAWAY is queued.

    :ivar frame: the frame.
    :ivar status: the status that the peer is answered with.
    :ivar slug: the fixed name of the fault.
    """

    __slots__ = ("frame", "slug", "status")
    __match_args__ = ("frame", "status", "slug")

    def __init__(self, frame: ControlFrame, status: int, slug: str) -> None:
        self.frame = frame
        self.status = status
        self.slug = slug


class FrameUnparsable(Event):
    """A control frame could not be read; GOAWAY is queued.

    :ivar frame_type: the type that the frame said.
    :ivar head: the eight octets of its header.
    :ivar payload: of SYN_STREAM, SYN_REPLY and HEADERS the part before the header block, of others
        the whole; nothing where the length alone was too much to wait for.
    :ivar error: one of ``ErrorCode``.
    :ivar slug: the fixed name of the fault.
    """

    __slots__ = ("error", "frame_type", "head", "payload", "slug")
    __match_args__ = ("frame_type", "head", "payload", "error", "slug")

    def __init__(self, frame_type: int, head: bytes, payload: bytes, error: int, slug: str) -> None:
        self.frame_type = frame_type
        self.head = head
        self.payload = payload
        self.error = error
        self.slug = slug


class UnknownFrameReceived(Event):
    """A control frame of an unknown type arrived, and is ignored.

    :ivar head: the eight octets of its header.
    :ivar payload: the rest.
    """

    __slots__ = ("head", "payload")
    __match_args__ = ("head", "payload")

    def __init__(self, head: bytes, payload: bytes) -> None:
        self.head = head
        self.payload = payload


class DataReceived(Event):
    """A part of the payload of a DATA frame.

    :ivar stream_id: the stream.
    :ivar flags: the flags of the whole frame, also when more of it follows.
    :ivar data: the octets.
    """

    __slots__ = ("data", "flags", "stream_id")
    __match_args__ = ("stream_id", "flags", "data")

    def __init__(self, stream_id: int, flags: int, data: bytes) -> None:
        self.stream_id = stream_id
        self.flags = flags
        self.data = data


class DataFrameReceived(Event):
    """A DATA frame is complete.

    :ivar stream_id: the stream.
    :ivar flags: its flags; ``FLAG_FIN`` ends the peer's side of the stream.
    :ivar length: octets of its whole payload.
    """

    __slots__ = ("flags", "length", "stream_id")
    __match_args__ = ("stream_id", "flags", "length")

    def __init__(self, stream_id: int, flags: int, length: int) -> None:
        self.stream_id = stream_id
        self.flags = flags
        self.length = length


class DataInvalid(Event):
    """A DATA frame was more than the window of its stream takes; RST_STREAM is queued.

    :ivar stream_id: the stream.
    :ivar status: the status that the peer is answered with.
    :ivar slug: the fixed name of the fault.
    """

    __slots__ = ("slug", "status", "stream_id")
    __match_args__ = ("stream_id", "status", "slug")

    def __init__(self, stream_id: int, status: int, slug: str) -> None:
        self.stream_id = stream_id
        self.status = status
        self.slug = slug


class PeerFinished(Event):
    """The peer sent FIN on a stream that it had opened: a request or a push is complete.

    :ivar stream_id: the stream.
    """

    __slots__ = ("stream_id",)
    __match_args__ = ("stream_id",)

    def __init__(self, stream_id: int) -> None:
        self.stream_id = stream_id


class StreamClosed(Event):
    """A stream has ended.

    :ivar stream_id: the stream.
    :ivar status: ``StreamStatus.OK`` after both sides finished, else that of RST_STREAM.
    """

    __slots__ = ("status", "stream_id")
    __match_args__ = ("stream_id", "status")

    def __init__(self, stream_id: int, status: int) -> None:
        self.stream_id = stream_id
        self.status = status


class ConnectionTerminated(Event):
    """The peer broke a rule of the session: GOAWAY is queued, and all further input is ignored.

    :ivar status: the status of the GOAWAY.
    :ivar slug: the fixed name of the fault.
    :ivar message: one line for a person.
    """

    __slots__ = ("message", "slug", "status")
    __match_args__ = ("status", "slug", "message")

    def __init__(self, status: int, slug: str, message: str) -> None:
        self.status = status
        self.slug = slug
        self.message = message


class BodyFailed(Event):
    """A body source raised or broke its contract; RST_STREAM with INTERNAL_ERROR is queued.

    :ivar stream_id: the stream.
    :ivar error: what it raised, or what is wrong with what it returned.
    """

    __slots__ = ("error", "stream_id")
    __match_args__ = ("stream_id", "error")

    def __init__(self, stream_id: int, error: BaseException) -> None:
        self.stream_id = stream_id
        self.error = error


class FrameNotSent(Event):
    """A queued control frame was given up, because the state of its stream or session forbids it.

    :ivar frame: the frame.
    :ivar error: one of ``ErrorCode``.
    """

    __slots__ = ("error", "frame")
    __match_args__ = ("frame", "error")

    def __init__(self, frame: ControlFrame, error: int) -> None:
        self.frame = frame
        self.error = error
