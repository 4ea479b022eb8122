"""HTTP/2 frames, built and read as RFC 9113 §4 and §6 describe them.

Nothing here comes from plait, so that one mistake cannot be on both sides of a test. Field blocks
are written as literals without indexing (RFC 7541 §6.2.2), which need no state; they are read
with PyPI's `hpack`.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import hpack

from soak.frames import integer

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

DATA, HEADERS, PRIORITY, RST_STREAM, SETTINGS = 0, 1, 2, 3, 4
PUSH_PROMISE, PING, GOAWAY, WINDOW_UPDATE, CONTINUATION = 5, 6, 7, 8, 9
ALTSVC, ORIGIN, PRIORITY_UPDATE = 0xA, 0xC, 0x10
NAMES = {
    DATA: "DATA",
    HEADERS: "HEADERS",
    PRIORITY: "PRIORITY",
    RST_STREAM: "RST_STREAM",
    SETTINGS: "SETTINGS",
    PUSH_PROMISE: "PUSH_PROMISE",
    PING: "PING",
    GOAWAY: "GOAWAY",
    WINDOW_UPDATE: "WINDOW_UPDATE",
    CONTINUATION: "CONTINUATION",
    ALTSVC: "ALTSVC",
    ORIGIN: "ORIGIN",
    PRIORITY_UPDATE: "PRIORITY_UPDATE",
}

ACK = END_STREAM = 0x1
END_HEADERS = 0x4
PADDED = 0x8
WITH_PRIORITY = 0x20

HEADER_TABLE_SIZE, ENABLE_PUSH, MAX_CONCURRENT_STREAMS = 1, 2, 3
INITIAL_WINDOW_SIZE, MAX_FRAME_SIZE, MAX_HEADER_LIST_SIZE = 4, 5, 6
ENABLE_CONNECT_PROTOCOL, NO_RFC7540_PRIORITIES = 8, 9

NO_ERROR, PROTOCOL_ERROR, INTERNAL_ERROR, FLOW_CONTROL_ERROR = 0, 1, 2, 3
SETTINGS_TIMEOUT, STREAM_CLOSED, FRAME_SIZE_ERROR, REFUSED_STREAM = 4, 5, 6, 7
CANCEL, COMPRESSION_ERROR, CONNECT_ERROR, ENHANCE_YOUR_CALM = 8, 9, 10, 11

MAX_ID = 2**31 - 1

Field = tuple[bytes, bytes]
Fields = list[Field]

GET: Fields = [
    (b":method", b"GET"),
    (b":scheme", b"https"),
    (b":path", b"/"),
    (b":authority", b"example.com"),
]
POST: Fields = [(b":method", b"POST"), *GET[1:]]
HEAD: Fields = [(b":method", b"HEAD"), *GET[1:]]
OK: Fields = [(b":status", b"200")]


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame. Those with a field block compare by its fields, not by their encoding."""

    type: int
    flags: int
    stream_id: int
    payload: bytes = b""
    fields: tuple[Field, ...] | None = None
    promised: int = 0

    def __bytes__(self) -> bytes:
        return frame_header(len(self.payload), self.type, self.flags, self.stream_id) + self.payload

    def key(self) -> tuple[object, ...]:
        content = self.payload if self.fields is None else (self.promised, self.fields)
        return self.type, self.flags, self.stream_id, content

    def __eq__(self, other: object) -> bool:
        return self.key() == other.key() if isinstance(other, Frame) else NotImplemented

    __hash__ = None

    @property
    def end_stream(self) -> bool:
        return self.type in (DATA, HEADERS) and bool(self.flags & END_STREAM)

    def __repr__(self) -> str:
        name = NAMES.get(self.type, hex(self.type))
        shown = self.payload if len(self.payload) < 60 else f"{len(self.payload)} octets"
        content = shown if self.fields is None else (self.promised, self.fields)
        return f"{name}(stream={self.stream_id}, flags={self.flags:#x}, {content})"


def frame_header(length: int, kind: int, flags: int, stream_id: int) -> bytes:
    return struct.pack(">I", length)[1:] + struct.pack(">BBI", kind, flags, stream_id)


def octets(frames: Iterable[Frame | bytes]) -> bytes:
    return b"".join(bytes(frame) for frame in frames)


# ------------------------------------------------------------------------------------------------
# Field blocks.


def block(fields: Iterable[tuple[bytes | str, bytes | str]]) -> bytes:
    """Every field as a literal without indexing, its name and value in plain octets."""
    out = bytearray()
    for name, value in fields:
        out += b"\x00"
        for text in (name, value):
            raw = text.encode() if isinstance(text, str) else text
            out += integer(len(raw), 7) + raw
    return bytes(out)


def indexing_block(fields: Iterable[Field]) -> bytes:
    """Every field as a literal with incremental indexing: each becomes entry 62."""
    out = bytearray()
    for name, value in fields:
        out += b"\x40" + integer(len(name), 7) + name + integer(len(value), 7) + value
    return bytes(out)


def pad_payload(payload: bytes, pad: int | None) -> bytes:
    return payload if pad is None else bytes([pad]) + payload + bytes(pad)


# ------------------------------------------------------------------------------------------------
# One builder for each frame type.


def data(
    stream_id: int, payload: bytes = b"", *, end_stream: bool = False, pad: int | None = None
) -> Frame:
    flags = (END_STREAM if end_stream else 0) | (0 if pad is None else PADDED)
    return Frame(DATA, flags, stream_id, pad_payload(payload, pad))


def headers(
    stream_id: int,
    fields: Fields,
    *,
    end_stream: bool = True,
    end_headers: bool = True,
    pad: int | None = None,
    depends_on: int | None = None,
) -> Frame:
    flags = (END_STREAM if end_stream else 0) | (END_HEADERS if end_headers else 0)
    payload = block(fields)
    if depends_on is not None:
        flags |= WITH_PRIORITY
        payload = struct.pack(">IB", depends_on, 15) + payload
    if pad is not None:
        flags |= PADDED
    return Frame(HEADERS, flags, stream_id, pad_payload(payload, pad), tuple(fields))


def raw_headers(
    stream_id: int, payload: bytes, *, end_stream: bool = True, end_headers: bool = True
) -> Frame:
    """A HEADERS frame with a field block given as octets."""
    flags = (END_STREAM if end_stream else 0) | (END_HEADERS if end_headers else 0)
    return Frame(HEADERS, flags, stream_id, payload)


def continuation(stream_id: int, payload: bytes, *, end_headers: bool = True) -> Frame:
    return Frame(CONTINUATION, END_HEADERS if end_headers else 0, stream_id, payload)


def priority(stream_id: int, depends_on: int = 0, weight: int = 15) -> Frame:
    return Frame(PRIORITY, 0, stream_id, struct.pack(">IB", depends_on, weight))


def rst_stream(stream_id: int, code: int = CANCEL) -> Frame:
    return Frame(RST_STREAM, 0, stream_id, struct.pack(">I", code))


def settings(*pairs: tuple[int, int]) -> Frame:
    return Frame(SETTINGS, 0, 0, b"".join(struct.pack(">HI", *pair) for pair in pairs))


def settings_ack() -> Frame:
    return Frame(SETTINGS, ACK, 0)


def push_promise(
    stream_id: int,
    promised: int,
    fields: Fields,
    *,
    end_headers: bool = True,
    pad: int | None = None,
) -> Frame:
    flags = (END_HEADERS if end_headers else 0) | (0 if pad is None else PADDED)
    payload = pad_payload(struct.pack(">I", promised) + block(fields), pad)
    return Frame(PUSH_PROMISE, flags, stream_id, payload, tuple(fields), promised)


def ping(payload: bytes = b"12345678") -> Frame:
    return Frame(PING, 0, 0, payload)


def ping_ack(payload: bytes = b"12345678") -> Frame:
    return Frame(PING, ACK, 0, payload)


def goaway(last_stream_id: int = 0, code: int = NO_ERROR, debug: bytes = b"") -> Frame:
    return Frame(GOAWAY, 0, 0, struct.pack(">II", last_stream_id, code) + debug)


def window_update(stream_id: int, increment: int) -> Frame:
    return Frame(WINDOW_UPDATE, 0, stream_id, struct.pack(">I", increment))


def altsvc(stream_id: int, origin: bytes, value: bytes) -> Frame:
    return Frame(ALTSVC, 0, stream_id, struct.pack(">H", len(origin)) + origin + value)


def origin(*origins: bytes) -> Frame:
    return Frame(ORIGIN, 0, 0, b"".join(struct.pack(">H", len(o)) + o for o in origins))


def priority_update(stream_id: int, value: bytes) -> Frame:
    return Frame(PRIORITY_UPDATE, 0, 0, struct.pack(">I", stream_id) + value)


# ------------------------------------------------------------------------------------------------
# Reading.


class FrameReader:
    """Cuts octets into frames; joins field blocks and decodes them."""

    def __init__(self, *, magic: bool = False) -> None:
        self.buffer = b""
        self.magic = magic
        self.decoder = hpack.Decoder(max_header_list_size=2**24)
        self.raw: list[Frame] = []
        """Every frame as it was on the wire, CONTINUATION and all."""
        self.pending: Frame | None = None

    def feed(self, received: bytes) -> list[Frame]:
        self.buffer += received
        if self.magic and len(self.buffer) >= len(PREFACE):
            assert self.buffer.startswith(PREFACE), self.buffer[:24]
            self.buffer = self.buffer[len(PREFACE) :]
            self.magic = False
        return [] if self.magic else list(self._frames())

    def _frames(self) -> Iterator[Frame]:
        while len(self.buffer) >= 9:
            length = int.from_bytes(self.buffer[:3], "big")
            kind, flags, stream_id = struct.unpack(">BBI", self.buffer[3:9])
            if len(self.buffer) < 9 + length:
                return
            frame = Frame(kind, flags, stream_id, self.buffer[9 : 9 + length])
            self.buffer = self.buffer[9 + length :]
            self.raw.append(frame)
            if kind in (HEADERS, PUSH_PROMISE, CONTINUATION):
                complete = self._join(frame)
                if complete is not None:
                    yield complete
            else:
                # RFC 9113 §6.10: nothing stands between the frames of a field block.
                assert self.pending is None, f"{frame} inside {self.pending}"
                yield frame

    def _join(self, frame: Frame) -> Frame | None:
        if frame.type == CONTINUATION:
            begun = self.pending
            assert begun is not None
            assert begun.stream_id == frame.stream_id
            joined = begun.payload + frame.payload
            flags = begun.flags | frame.flags & END_HEADERS
            frame = Frame(begun.type, flags, begun.stream_id, joined)
        else:
            assert self.pending is None, f"{frame} inside {self.pending}"
        self.pending = None
        if not frame.flags & END_HEADERS:
            self.pending = frame
            return None
        return self._decode(frame)

    def _decode(self, frame: Frame) -> Frame:
        payload = frame.payload
        if frame.flags & PADDED:
            payload = payload[1 : len(payload) - payload[0]]
        promised = 0
        if frame.type == PUSH_PROMISE:
            promised = int.from_bytes(payload[:4], "big")
            payload = payload[4:]
        elif frame.flags & WITH_PRIORITY:
            payload = payload[5:]
        decoded = self.decoder.decode(payload, raw=True)
        fields = tuple((bytes(name), bytes(value)) for name, value in decoded)
        return Frame(frame.type, frame.flags, frame.stream_id, frame.payload, fields, promised)


def read_frames(received: bytes, *, magic: bool = False) -> list[Frame]:
    """All frames of a whole byte stream, which must end where a frame ends."""
    reader = FrameReader(magic=magic)
    frames = reader.feed(received)
    assert reader.buffer == b"", f"the output ends inside a frame: {reader.buffer[:20]!r}"
    return frames


def parse_settings(frame: Frame) -> dict[int, int]:
    pairs = struct.iter_unpack(">HI", frame.payload)
    return dict(pairs)


def error_code(frame: Frame) -> int:
    """The code of a RST_STREAM or GOAWAY frame."""
    at = 4 if frame.type == GOAWAY else 0
    return int.from_bytes(frame.payload[at : at + 4], "big")


def last_stream(frame: Frame) -> int:
    assert frame.type == GOAWAY
    return int.from_bytes(frame.payload[:4], "big")
