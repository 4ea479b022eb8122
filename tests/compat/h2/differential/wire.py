"""What an implementation says, read by others: hyperframe cuts the octets, hpack the blocks.

HEADERS and its CONTINUATIONs are one thing: blocks may differ in their octets, so also in where
they are cut. Their fields, flags and priorities may not.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import hpack
from hyperframe.frame import (
    ContinuationFrame,
    ExtensionFrame,
    Frame,
    GoAwayFrame,
    HeadersFrame,
    PriorityFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from tests.http2.frames import PREFACE


@dataclass(frozen=True)
class Said:
    """One frame that was said.

    :ivar number: an error code, an increment, or the stream that is promised.
    """

    kind: str
    stream: int
    flags: frozenset[str] = frozenset()
    number: int = 0
    content: object = None


class Teller:
    """Reads all that one connection says, in whatever pieces it is taken."""

    def __init__(self) -> None:
        self.buffer = b""
        self.decoder = hpack.Decoder(max_header_list_size=2**24)
        # The peer may have announced any size; it is its business.
        self.decoder.max_allowed_table_size = 2**24
        self.begun: HeadersFrame | PushPromiseFrame | None = None

    def feed(self, octets: bytes) -> list[Said]:
        return list(self._read(octets))

    def _read(self, octets: bytes) -> Iterator[Said]:
        self.buffer += octets
        while len(self.buffer) >= 9:
            if self.buffer.startswith(PREFACE[:9]):
                # Programs may say other things before it: nobody stops them.
                if len(self.buffer) < len(PREFACE):
                    return
                assert self.buffer.startswith(PREFACE), self.buffer[:24]
                self.buffer = self.buffer[len(PREFACE) :]
                yield Said("preface", 0)
                continue
            frame, length = Frame.parse_frame_header(memoryview(self.buffer[:9]))
            if len(self.buffer) < 9 + length:
                return
            frame.parse_body(memoryview(self.buffer[9 : 9 + length]))
            self.buffer = self.buffer[9 + length :]
            whole = self._join(frame)
            if whole is not None:
                yield self._tell(whole)

    def _join(self, frame: Frame) -> Frame | None:
        """The frame with the whole block; none while more of it is to come."""
        if isinstance(frame, ContinuationFrame):
            begun = self.begun
            assert begun is not None
            assert begun.stream_id == frame.stream_id
            begun.data += frame.data
        else:
            assert self.begun is None, f"{frame} inside {self.begun}"
            if not isinstance(frame, HeadersFrame | PushPromiseFrame):
                return frame
            begun = frame
        if "END_HEADERS" not in frame.flags:
            self.begun = begun
            return None
        self.begun = None
        begun.flags.add("END_HEADERS")
        return begun

    def _tell(self, frame: Frame) -> Said:
        number = 0
        content: object = None
        if isinstance(frame, HeadersFrame | PushPromiseFrame):
            content = self._content_of_block(frame)
            number = getattr(frame, "promised_stream_id", 0)
        elif isinstance(frame, SettingsFrame):
            content = tuple(sorted((int(code), value) for code, value in frame.settings.items()))
        elif isinstance(frame, RstStreamFrame):
            number = int(frame.error_code)
        elif isinstance(frame, GoAwayFrame):
            number = int(frame.error_code)
            content = (frame.last_stream_id, bytes(frame.additional_data))
        elif isinstance(frame, WindowUpdateFrame):
            number = frame.window_increment
        elif isinstance(frame, PriorityFrame):
            content = (frame.depends_on, frame.stream_weight, frame.exclusive)
        elif isinstance(frame, ExtensionFrame):
            content = (frame.type, frame.flag_byte, bytes(frame.body))
        else:
            # DATA, PING and ALTSVC: all that is in them, padding too.
            content = frame.serialize_body()
        kind = type(frame).__name__.removesuffix("Frame")
        return Said(NAMES.get(kind, kind.upper()), frame.stream_id, flags(frame), number, content)

    def _content_of_block(self, frame: HeadersFrame | PushPromiseFrame) -> object:
        """The fields, which of them must not be indexed, and the priority."""
        decoded = self.decoder.decode(bytes(frame.data), raw=True)
        told = tuple((bytes(name), bytes(value)) for name, value in decoded)
        secret = tuple(at for at, field in enumerate(decoded) if not field.indexable)
        priority = None
        if "PRIORITY" in frame.flags:
            priority = (frame.depends_on, frame.stream_weight, frame.exclusive)
        return told, secret, priority


NAMES = {
    "RstStream": "RST_STREAM",
    "PushPromise": "PUSH_PROMISE",
    "WindowUpdate": "WINDOW_UPDATE",
    "AltSvc": "ALTSVC",
}


def flags(frame: Frame) -> frozenset[str]:
    return frozenset(str(flag) for flag in frame.flags)
