"""SPDY frames as lines of text, for ``-v``: one line a frame, in both directions.

    [1] send SYN_STREAM <stream_id=1, flags=0x01 FIN, length=87> priority=0 slot=0 | :path: /
    [1] recv DATA <stream_id=1, flags=0x00, length=4096>

The number in brackets tells the connections apart. What a peer sent is shown with everything
escaped that a terminal could take for more than text.
"""

from __future__ import annotations

import contextlib
import itertools
import sys
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from plait.compat.spdylay import (
    CLIENT,
    CTRL_FLAG_FIN,
    CTRL_FLAG_UNIDIRECTIONAL,
    FLAG_SETTINGS_CLEAR_SETTINGS,
    ID_FLAG_SETTINGS_PERSIST_VALUE,
    ID_FLAG_SETTINGS_PERSISTED,
    PROTO_SPDY2,
    PROTO_SPDY3,
    PROTO_SPDY3_1,
    CtrlFrame,
    GoawayFrame,
    HeadersFrame,
    PingFrame,
    RstStreamFrame,
    Session,
    SettingsFrame,
    SynReplyFrame,
    SynStreamFrame,
    WindowUpdateFrame,
)
from plait.spdy import FrameType, GoawayStatus, SettingId, StreamStatus

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

VERSION_NAMES = {PROTO_SPDY2: "2", PROTO_SPDY3: "3", PROTO_SPDY3_1: "3.1"}

# What is shown of one value, and of the payload of a frame that could not be read.
_MOST_CHARACTERS = 500
_MOST_OCTETS = 64

_STREAM_FLAGS = {CTRL_FLAG_FIN: "FIN", CTRL_FLAG_UNIDIRECTIONAL: "UNIDIRECTIONAL"}
_SETTINGS_FLAGS = {FLAG_SETTINGS_CLEAR_SETTINGS: "CLEAR_SETTINGS"}
_ENTRY_FLAGS = {
    ID_FLAG_SETTINGS_PERSIST_VALUE: "PERSIST_VALUE",
    ID_FLAG_SETTINGS_PERSISTED: "PERSISTED",
}

_numbers = itertools.count(1)


class TracingSession(Session):
    """A session that writes a line to standard error for each frame."""

    def __init__(self, side: int, version: int, *arguments: Any, **options: Any) -> None:
        super().__init__(side, version, *arguments, **options)
        self._prefix = f"[{next(_numbers)}]"
        self.on_ctrl_recv_cb = _both(self._received, self.on_ctrl_recv_cb)
        self.on_invalid_ctrl_recv_cb = _both(self._invalid, self.on_invalid_ctrl_recv_cb)
        self.on_ctrl_recv_parse_error_cb = _both(self._unread, self.on_ctrl_recv_parse_error_cb)
        self.on_unknown_ctrl_recv_cb = _both(self._unknown, self.on_unknown_ctrl_recv_cb)
        self.on_data_recv_cb = _both(self._data_received, self.on_data_recv_cb)
        self.on_ctrl_send_cb = _both(self._sent, self.on_ctrl_send_cb)
        self.on_ctrl_not_send_cb = _both(self._not_sent, self.on_ctrl_not_send_cb)
        self.on_data_send_cb = _both(self._data_sent, self.on_data_send_cb)
        role = "client" if side == CLIENT else "server"
        self._say(f"SPDY/{VERSION_NAMES[version]}, {role}")

    def _received(self, _: Session, frame: CtrlFrame) -> None:
        self._say(f"recv {describe_frame(frame)}")

    def _invalid(self, _: Session, frame: CtrlFrame, status_code: int) -> None:
        status = _named(StreamStatus, status_code)
        self._say(f"recv {describe_frame(frame)} (refused with {status})")

    def _unread(self, _: Session, kind: int, head: bytes, payload: bytes, error_code: int) -> None:
        name = _named(FrameType, kind)
        self._say(f"recv {name} (unreadable, error {error_code}) {_octets(head, payload)}")

    def _unknown(self, _: Session, head: bytes, payload: bytes) -> None:
        self._say(f"recv a frame of unknown type {_octets(head, payload)}")

    def _data_received(self, _: Session, flags: int, stream_id: int, length: int) -> None:
        self._say(f"recv {describe_data(flags, stream_id, length)}")

    def _sent(self, _: Session, frame: CtrlFrame) -> None:
        self._say(f"send {describe_frame(frame)}")

    def _not_sent(self, _: Session, frame: CtrlFrame, error_code: int) -> None:
        self._say(f"drop {describe_frame(frame)} (error {error_code})")

    def _data_sent(self, _: Session, flags: int, stream_id: int, length: int) -> None:
        self._say(f"send {describe_data(flags, stream_id, length)}")

    def _say(self, line: str) -> None:
        # In one piece: the connections of a server have threads of their own. And nobody has to
        # read it; without standard error there is `None`.
        with contextlib.suppress(OSError, AttributeError):
            sys.stderr.write(f"{self._prefix} {line}\n")
            sys.stderr.flush()


def _both(first: Callable[..., object], second: Callable[..., object] | None) -> Any:
    """Return a callback that calls two."""
    if second is None:
        return first

    def call(*arguments: Any) -> None:
        first(*arguments)
        second(*arguments)

    return call


def describe_frame(frame: CtrlFrame) -> str:
    """Return a control frame as a line of text."""
    parts = [FrameType(frame.frame_type).name, _head(frame), *_fields(frame)]
    if isinstance(frame, SynStreamFrame | SynReplyFrame | HeadersFrame):
        parts.append(_headers(frame.nv))
    return " ".join(parts)


def describe_data(flags: int, stream_id: int, length: int) -> str:
    """Return a DATA frame as a line of text."""
    shown = _flags(flags, {CTRL_FLAG_FIN: "FIN"})
    return f"DATA <stream_id={stream_id}, flags={shown}, length={length}>"


def visible(text: str) -> str:
    """Return text with everything escaped that is no visible character, and cut if it is long."""
    shown = "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode()
        for c in text[:_MOST_CHARACTERS]
    )
    return shown if len(text) <= _MOST_CHARACTERS else f"{shown}... ({len(text)} characters)"


def _head(frame: CtrlFrame) -> str:
    names = _SETTINGS_FLAGS if isinstance(frame, SettingsFrame) else _STREAM_FLAGS
    stream_id = getattr(frame, "stream_id", None)
    start = "" if stream_id is None else f"stream_id={stream_id}, "
    return f"<{start}flags={_flags(frame.flags, names)}, length={frame.length}>"


def _fields(frame: CtrlFrame) -> list[str]:
    if isinstance(frame, SynStreamFrame):
        fields = [f"priority={frame.pri}", f"slot={frame.slot}"]
        return fields + ([f"associated={frame.assoc_stream_id}"] if frame.assoc_stream_id else [])
    if isinstance(frame, RstStreamFrame):
        return [f"status={_named(StreamStatus, frame.status_code)}"]
    if isinstance(frame, SettingsFrame):
        return [_entry(*entry) for entry in frame.iv[:_MOST_OCTETS]]
    if isinstance(frame, PingFrame):
        return [f"unique_id={frame.unique_id}"]
    if isinstance(frame, GoawayFrame):
        status = _named(GoawayStatus, frame.status_code)
        return [f"last_good_stream_id={frame.last_good_stream_id}", f"status={status}"]
    if isinstance(frame, WindowUpdateFrame):
        return [f"delta={frame.delta_window_size}"]
    return []


def _entry(number: int, flags: int, value: int) -> str:
    shown = f"({_flags(flags, _ENTRY_FLAGS)})" if flags else ""
    return f"{_named(SettingId, number)}={value}{shown}"


def _headers(nv: Iterable[tuple[str, str]]) -> str:
    return "".join(f"| {visible(name)}: {visible(value)} " for name, value in nv).rstrip()


def _flags(flags: int, names: dict[int, str]) -> str:
    known = [name for flag, name in names.items() if flags & flag]
    return " ".join([f"0x{flags:02x}", *known])


def _named(kind: type[IntEnum], number: int) -> str:
    try:
        return f"{kind(number).name}({number})"
    except ValueError:
        return str(number)


def _octets(head: bytes, payload: bytes) -> str:
    cut = "..." if len(payload) > _MOST_OCTETS else ""
    return f"<{head.hex()}> {payload[:_MOST_OCTETS].hex()}{cut}"
