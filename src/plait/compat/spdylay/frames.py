"""Control frames as callbacks see them: snapshots with read-only attributes."""

from __future__ import annotations

from typing import ClassVar

from plait.spdy import frames as spdy


class CtrlFrame:
    """The base of every frame that callbacks get."""

    __slots__ = ("_frame",)
    _shown: ClassVar[tuple[str, ...]] = ()

    _frame: spdy.ControlFrame

    def __init__(self, frame: spdy.ControlFrame) -> None:
        self._frame = frame

    @property
    def version(self) -> int:
        """The version on the wire: 2, or 3 for SPDY/3 and SPDY/3.1."""
        return self._frame.version

    @property
    def frame_type(self) -> int:
        """The type: ``SYN_STREAM`` and so on."""
        return self._frame.frame_type

    @property
    def flags(self) -> int:
        """The flags of the frame's header."""
        return self._frame.flags

    @property
    def length(self) -> int:
        """Octets of the payload; 0 for a frame with headers that was never packed."""
        return self._frame.length

    def __repr__(self) -> str:
        names = (*self._shown, "version", "flags", "length")
        return f"{type(self).__name__}({', '.join(f'{n}={getattr(self, n)!r}' for n in names)})"


class _HeaderFrame(CtrlFrame):
    """What the frames with a header block have in common."""

    __slots__ = ("_nv",)
    _shown: ClassVar[tuple[str, ...]] = ("stream_id", "nv")

    _frame: spdy.HeaderFrame

    def __init__(self, frame: spdy.HeaderFrame, errors: str = "strict") -> None:
        """Decode the headers.

        :raises UnicodeDecodeError: for a header that is not UTF-8, if ``errors`` is strict.
        """
        self._frame = frame
        self._nv = [
            (name.decode("utf-8", errors), value.decode("utf-8", errors))
            for name, value in frame.fields
        ]

    @property
    def stream_id(self) -> int:
        """The stream."""
        return self._frame.stream_id

    @property
    def nv(self) -> list[tuple[str, str]]:
        """The headers; several of one name where the frame has several values for it."""
        return self._nv


class SynStreamFrame(_HeaderFrame):
    """SYN_STREAM: a request, or a push."""

    __slots__ = ()
    _shown = ("stream_id", "assoc_stream_id", "pri", "slot", "nv")

    _frame: spdy.SynStream

    @property
    def assoc_stream_id(self) -> int:
        """The stream that a pushed one belongs to, else 0."""
        return self._frame.associated_stream_id

    @property
    def pri(self) -> int:
        """The priority: 0 is the most urgent, 3 (SPDY/2) or 7 the least."""
        return self._frame.priority

    @property
    def slot(self) -> int:
        """The credential slot; 0 in SPDY/2."""
        return self._frame.slot


class SynReplyFrame(_HeaderFrame):
    """SYN_REPLY: the answer to a SYN_STREAM."""

    __slots__ = ()


class HeadersFrame(_HeaderFrame):
    """HEADERS: further headers of a stream."""

    __slots__ = ()


class RstStreamFrame(CtrlFrame):
    """RST_STREAM: the end of a stream."""

    __slots__ = ()
    _shown = ("stream_id", "status_code")

    _frame: spdy.RstStream

    @property
    def stream_id(self) -> int:
        """The stream."""
        return self._frame.stream_id

    @property
    def status_code(self) -> int:
        """Why: ``PROTOCOL_ERROR`` and so on."""
        return self._frame.status


class SettingsFrame(CtrlFrame):
    """SETTINGS."""

    __slots__ = ("_iv",)
    _shown = ("iv",)

    def __init__(self, frame: spdy.Settings) -> None:
        self._frame = frame
        self._iv = list(frame.entries)

    @property
    def iv(self) -> list[tuple[int, int, int]]:
        """(identifier, flags, value) of each entry as received, unknown and repeated ones too."""
        return self._iv


class PingFrame(CtrlFrame):
    """PING, or the reply to one."""

    __slots__ = ()
    _shown = ("unique_id",)

    _frame: spdy.Ping

    @property
    def unique_id(self) -> int:
        """The number of the ping: odd if the client began, even if the server did."""
        return self._frame.unique_id


class GoawayFrame(CtrlFrame):
    """GOAWAY: no further streams."""

    __slots__ = ()
    _shown = ("last_good_stream_id", "status_code")

    _frame: spdy.Goaway

    @property
    def last_good_stream_id(self) -> int:
        """The last stream of the receiver that the sender has accepted."""
        return self._frame.last_good_stream_id

    @property
    def status_code(self) -> int:
        """Why: ``GOAWAY_OK`` and so on; 0 in SPDY/2, where the frame does not tell."""
        return self._frame.status


class WindowUpdateFrame(CtrlFrame):
    """WINDOW_UPDATE: more octets of DATA may be sent."""

    __slots__ = ()
    _shown = ("stream_id", "delta_window_size")

    _frame: spdy.WindowUpdate

    @property
    def stream_id(self) -> int:
        """The stream; 0 for the session (SPDY/3.1)."""
        return self._frame.stream_id

    @property
    def delta_window_size(self) -> int:
        """Octets by which the window grows."""
        return self._frame.delta


def snapshot(frame: spdy.ControlFrame, errors: str = "strict") -> CtrlFrame:
    """Return a frame of the engine as callbacks get it.

    :param errors: what becomes of headers that are not UTF-8, as for ``bytes.decode``.
    :raises UnicodeDecodeError: for such a header, if ``errors`` is strict.
    """
    match frame:
        case spdy.SynStream():
            return SynStreamFrame(frame, errors)
        case spdy.SynReply():
            return SynReplyFrame(frame, errors)
        case spdy.Headers():
            return HeadersFrame(frame, errors)
        case spdy.RstStream():
            return RstStreamFrame(frame)
        case spdy.Settings():
            return SettingsFrame(frame)
        case spdy.Ping():
            return PingFrame(frame)
        case spdy.Goaway():
            return GoawayFrame(frame)
        case spdy.WindowUpdate():
            return WindowUpdateFrame(frame)
    raise TypeError(f"callbacks get no {type(frame).__name__}")
