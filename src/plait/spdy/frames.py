"""Control frames as values and as octets (SPDY/3 §2.2, §2.6).

A control frame is eight octets of header and a payload. SPDY/2 and SPDY/3 differ in details of the
payload, so each frame knows the version that stands on the wire (2, or 3 for SPDY/3.1 too). The
header block of SYN_STREAM, SYN_REPLY and HEADERS is compressed with the session's state and
comes and goes beside the frame (``plait.spdy.blocks``). Bits that the drafts leave unused are sent
as zeros and ignored when received.

Frames compare equal when their attributes do. NOOP and CREDENTIAL have no class: they are ignored
when received and cannot be sent.
"""

from __future__ import annotations

from struct import Struct
from typing import ClassVar

from .constants import (
    FLAG_FIN,
    GOAWAY,
    HEADERS,
    MAX_FRAME_LENGTH,
    MAX_STREAM_ID,
    MAX_WINDOW,
    PING,
    RST_STREAM,
    SETTINGS,
    SYN_REPLY,
    SYN_STREAM,
    WINDOW_UPDATE,
)
from .errors import FrameTooLargeError
from .names import Field
from .record import Record

_CONTROL_BIT = 0x8000

_CONTROL_HEADER = Struct(">HHI")
_PAIR = Struct(">II")
_WORD = Struct(">I")
_LITTLE_WORD = Struct("<I")
_SYN_STREAM = Struct(">HHIIIH")
_SYN_STREAM_HEAD = Struct(">IIH")
_HEADERS_2 = Struct(">HHIIH")
_HEADERS_3 = Struct(">HHII")


class ControlFrame(Record):
    """The base of every control frame.

    :ivar version: the version on the wire: 2, or 3 for SPDY/3 and SPDY/3.1.
    :ivar flags: the flags of the frame's header.
    :ivar length: octets of the payload; 0 in a frame that has not been serialised.
    """

    __slots__ = ("flags", "length", "version")
    _more = ("version", "flags", "length")
    frame_type: ClassVar[int] = 0

    version: int
    flags: int
    length: int


class HeaderFrame(ControlFrame):
    """The base of the frames that carry a header block.

    :ivar stream_id: the stream.
    :ivar fields: the headers, under the names of SPDY/3 (``:path``) in every version.
    """

    __slots__ = ("fields", "stream_id")
    __match_args__ = ("stream_id", "fields")

    def __init__(
        self,
        stream_id: int,
        fields: list[Field],
        version: int = 3,
        flags: int = 0,
        length: int = 0,
    ) -> None:
        self.stream_id = stream_id
        self.fields = fields
        self.version = version
        self.flags = flags
        self.length = length

    @property
    def end_stream(self) -> bool:
        """Whether the sender finishes its side of the stream with this frame (FLAG_FIN)."""
        return bool(self.flags & FLAG_FIN)


class SynStream(HeaderFrame):
    """Opens a stream (SPDY/3 §2.6.1).

    :ivar associated_stream_id: the stream that a pushed one belongs to, else 0.
    :ivar priority: 0 is the most urgent, 3 (SPDY/2) or 7 the least.
    :ivar slot: the credential slot; always 0 in SPDY/2.
    """

    __slots__ = ("associated_stream_id", "priority", "slot")
    __match_args__ = ("stream_id", "associated_stream_id", "priority", "slot", "fields")
    frame_type = SYN_STREAM

    def __init__(
        self,
        stream_id: int,
        associated_stream_id: int,
        priority: int,
        slot: int,
        fields: list[Field],
        version: int = 3,
        flags: int = 0,
        length: int = 0,
    ) -> None:
        # not by the base class: every request passes here
        self.stream_id = stream_id
        self.associated_stream_id = associated_stream_id
        self.priority = priority
        self.slot = slot
        self.fields = fields
        self.version = version
        self.flags = flags
        self.length = length


class SynReply(HeaderFrame):
    """Accepts a stream (SPDY/3 §2.6.2)."""

    __slots__ = ()
    frame_type = SYN_REPLY


class Headers(HeaderFrame):
    """More headers for a stream (SPDY/3 §2.6.7)."""

    __slots__ = ()
    frame_type = HEADERS


class RstStream(ControlFrame):
    """Ends a stream (SPDY/3 §2.6.3).

    :ivar stream_id: the stream.
    :ivar status: why, a ``StreamStatus``.
    """

    __slots__ = ("status", "stream_id")
    __match_args__ = ("stream_id", "status")
    frame_type = RST_STREAM

    def __init__(
        self, stream_id: int, status: int, version: int = 3, flags: int = 0, length: int = 0
    ) -> None:
        self.stream_id = stream_id
        self.status = status
        self.version = version
        self.flags = flags
        self.length = length


class Settings(ControlFrame):
    """Tells how the sender means to work (SPDY/3 §2.6.4).

    :ivar entries: (identifier, flags, value) of each entry, in the order received, unknown
        and repeated identifiers too.
    """

    __slots__ = ("entries",)
    __match_args__ = ("entries",)
    frame_type = SETTINGS

    def __init__(
        self,
        entries: list[tuple[int, int, int]],
        version: int = 3,
        flags: int = 0,
        length: int = 0,
    ) -> None:
        self.entries = entries
        self.version = version
        self.flags = flags
        self.length = length


class Ping(ControlFrame):
    """Measures the way to the peer and back (SPDY/3 §2.6.5).

    :ivar unique_id: odd from clients and even from servers; the answer repeats it.
    """

    __slots__ = ("unique_id",)
    __match_args__ = ("unique_id",)
    frame_type = PING

    def __init__(self, unique_id: int, version: int = 3, flags: int = 0, length: int = 0) -> None:
        self.unique_id = unique_id
        self.version = version
        self.flags = flags
        self.length = length


class Goaway(ControlFrame):
    """Opens the end of the session (SPDY/3 §2.6.6).

    :ivar last_good_stream_id: the highest of the peer's streams that was accepted.
    :ivar status: why, a ``GoawayStatus``; always 0 in SPDY/2, which does not carry it.
    """

    __slots__ = ("last_good_stream_id", "status")
    __match_args__ = ("last_good_stream_id", "status")
    frame_type = GOAWAY

    def __init__(
        self,
        last_good_stream_id: int,
        status: int,
        version: int = 3,
        flags: int = 0,
        length: int = 0,
    ) -> None:
        self.last_good_stream_id = last_good_stream_id
        self.status = status
        self.version = version
        self.flags = flags
        self.length = length


class WindowUpdate(ControlFrame):
    """Lets the peer send more (SPDY/3 §2.6.8).

    :ivar stream_id: the stream; 0 is the session in SPDY/3.1.
    :ivar delta: by how many octets the window grows.
    """

    __slots__ = ("delta", "stream_id")
    __match_args__ = ("stream_id", "delta")
    frame_type = WINDOW_UPDATE

    def __init__(
        self, stream_id: int, delta: int, version: int = 3, flags: int = 0, length: int = 0
    ) -> None:
        self.stream_id = stream_id
        self.delta = delta
        self.version = version
        self.flags = flags
        self.length = length


def control_header(wire_version: int, frame_type: int, flags: int, length: int) -> bytes:
    """Return the eight octets before a control frame's payload (SPDY/3 §2.2.1)."""
    return _CONTROL_HEADER.pack(_CONTROL_BIT | wire_version, frame_type, flags << 24 | length)


def data_header(stream_id: int, flags: int, length: int) -> bytes:
    """Return the eight octets before the octets of a DATA frame (SPDY/3 §2.2.2)."""
    return _PAIR.pack(stream_id, flags << 24 | length)


def serialize(frame: ControlFrame, block: bytes = b"") -> bytes:
    """Return a control frame as octets, and note the length of its payload in it.

    :param frame: the frame.
    :param block: the compressed header block of SYN_STREAM, SYN_REPLY and HEADERS.
    :raises FrameTooLargeError: for a block beyond what the length of a frame can say.
    :raises TypeError: for a frame that cannot be sent.
    """
    if isinstance(frame, HeaderFrame):
        return _serialize_with_block(frame, block)
    payload = _fixed_payload(frame)
    frame.length = len(payload)
    return control_header(frame.version, frame.frame_type, frame.flags, len(payload)) + payload


def _serialize_with_block(frame: HeaderFrame, block: bytes) -> bytes:
    """Pack header and fixed part at once: two of these make an exchange."""
    version = frame.version
    length = fixed_length(frame.frame_type, version) + len(block)
    if length > MAX_FRAME_LENGTH:
        raise FrameTooLargeError("the header block is larger than a frame can be")
    frame.length = length
    control, size = _CONTROL_BIT | version, frame.flags << 24 | length
    if isinstance(frame, SynStream):
        # SPDY/2: two bits of priority, the rest unused; later three, five unused, and the slot
        if version == 2:
            last = frame.priority << 14
        else:
            last = frame.priority << 13 | frame.slot
        head = _SYN_STREAM.pack(
            control, SYN_STREAM, size, frame.stream_id, frame.associated_stream_id, last
        )
    elif version == 2:
        head = _HEADERS_2.pack(control, frame.frame_type, size, frame.stream_id, 0)
    else:
        head = _HEADERS_3.pack(control, frame.frame_type, size, frame.stream_id)
    return head + block


def _fixed_payload(frame: ControlFrame) -> bytes:
    """Return the payload of a frame without a header block."""
    if isinstance(frame, RstStream):
        return _PAIR.pack(frame.stream_id, frame.status)
    if isinstance(frame, WindowUpdate):
        return _PAIR.pack(frame.stream_id, frame.delta)
    if isinstance(frame, Ping):
        return _WORD.pack(frame.unique_id)
    if isinstance(frame, Goaway):
        if frame.version == 2:
            return _WORD.pack(frame.last_good_stream_id)
        return _PAIR.pack(frame.last_good_stream_id, frame.status)
    if isinstance(frame, Settings):
        return _settings_payload(frame)
    raise TypeError(f"{type(frame).__name__} frames cannot be sent")


def _settings_payload(frame: Settings) -> bytes:
    """Return the payload of SETTINGS, sorted by identifier (SPDY/3 §2.6.4 asks for that).

    SPDY/2 says that identifiers are in network order, but its servers all sent them little-endian,
    and everybody followed them.
    """
    identifier = _LITTLE_WORD if frame.version == 2 else _WORD
    parts = [_WORD.pack(len(frame.entries))]
    for setting_id, flags, value in sorted(frame.entries, key=_setting_id):
        parts.append(identifier.pack(flags << 24 | setting_id))
        parts.append(_WORD.pack(value))
    return b"".join(parts)


def _setting_id(entry: tuple[int, int, int]) -> int:
    return entry[0]


def parse_fixed(
    frame_type: int, wire_version: int, flags: int, payload: bytes
) -> ControlFrame | None:
    """Read RST_STREAM, SETTINGS, PING, GOAWAY or WINDOW_UPDATE.

    :param frame_type: one of these five.
    :param wire_version: the version in the frame's header.
    :param flags: the flags in the frame's header.
    :param payload: the whole payload.
    :returns: the frame; ``None`` if the payload does not have the length that it must have.
    """
    length = len(payload)
    if frame_type == SETTINGS:
        return _parse_settings(wire_version, flags, payload)
    if frame_type == PING:
        if length != 4:
            return None
        (unique_id,) = _WORD.unpack(payload)
        return Ping(unique_id, wire_version, flags, length)
    if frame_type == GOAWAY and wire_version == 2:
        if length != 4:
            return None
        (stream_id,) = _WORD.unpack(payload)
        return Goaway(stream_id & MAX_STREAM_ID, 0, wire_version, flags, length)
    if length != 8:
        return None
    stream_id, value = _PAIR.unpack(payload)
    stream_id &= MAX_STREAM_ID
    if frame_type == RST_STREAM:
        return RstStream(stream_id, value, wire_version, flags, length)
    if frame_type == GOAWAY:
        return Goaway(stream_id, value, wire_version, flags, length)
    return WindowUpdate(stream_id, value & MAX_WINDOW, wire_version, flags, length)


def _parse_settings(wire_version: int, flags: int, payload: bytes) -> Settings | None:
    """Read SETTINGS: a count, and as many entries of eight octets."""
    length = len(payload)
    if length < 4 or length != 4 + 8 * _WORD.unpack_from(payload)[0]:
        return None
    identifier = _LITTLE_WORD if wire_version == 2 else _WORD
    entries = []
    for at in range(4, length, 8):
        (word,) = identifier.unpack_from(payload, at)
        (value,) = _WORD.unpack_from(payload, at + 4)
        entries.append((word & 0xFFFFFF, word >> 24, value))
    return Settings(entries, wire_version, flags, length)


def fixed_length(frame_type: int, wire_version: int) -> int:
    """Return how many octets of SYN_STREAM, SYN_REPLY or HEADERS stand before the header block."""
    if frame_type == SYN_STREAM:
        return 10
    return 6 if wire_version == 2 else 4


def parse_head(
    frame_type: int, wire_version: int, flags: int, payload: bytes
) -> tuple[HeaderFrame, int] | None:
    """Read what stands before the header block of SYN_STREAM, SYN_REPLY or HEADERS.

    :param frame_type: one of these three.
    :param wire_version: the version in the frame's header.
    :param flags: the flags in the frame's header.
    :param payload: the whole payload.
    :returns: the frame, still without headers, and where the block starts in the payload; ``None``
        if the payload is too short.
    """
    length = len(payload)
    start = fixed_length(frame_type, wire_version)
    if length < start:
        return None
    if frame_type == SYN_STREAM:
        stream_id, associated, last = _SYN_STREAM_HEAD.unpack_from(payload)
        stream_id &= MAX_STREAM_ID
        associated &= MAX_STREAM_ID
        if wire_version == 2:
            priority, slot = last >> 14, 0
        else:
            priority, slot = last >> 13, last & 0xFF
        frame = SynStream(stream_id, associated, priority, slot, [], wire_version, flags, length)
        return frame, start
    stream_id = _WORD.unpack_from(payload)[0] & MAX_STREAM_ID
    kind = SynReply if frame_type == SYN_REPLY else Headers
    return kind(stream_id, [], wire_version, flags, length), start
