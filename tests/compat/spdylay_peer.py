"""Both ends of a spdylay session: a `Session` that logs its callbacks, and a peer made by hand.

The peer packs, compresses and reads frames with `struct` and `zlib` alone, so that what a session
sends is not read by the code that wrote it.
"""

from __future__ import annotations

import struct
import zlib
from typing import Any

import pytest

from plait.compat import spdylay
from plait.spdy.dictionaries import dictionary

VERSIONS = {"2": 2, "3": 3, "3.1": 4}
# SPDY/3 is between the others, SPDY/3.1 without the window of the session: it can wait for the long
# tests.
every_version = pytest.mark.parametrize(
    "version", [2, pytest.param(3, marks=pytest.mark.slow), 4], ids=VERSIONS
)
since_3 = pytest.mark.parametrize("version", [3, 4], ids=["3", "3.1"])

GET = [(":method", "GET"), (":path", "/"), (":version", "HTTP/1.1")]
ANSWER = [(":status", "200 OK"), (":version", "HTTP/1.1")]

# The names that SPDY/2 has on the wire for those that SPDY/3 begins with a colon.
OLD_NAMES = {
    b":host": b"host",
    b":method": b"method",
    b":path": b"url",
    b":scheme": b"scheme",
    b":status": b"status",
    b":version": b"version",
}

CALLBACKS = [
    "on_ctrl_recv_cb",
    "on_invalid_ctrl_recv_cb",
    "on_data_chunk_recv_cb",
    "on_data_recv_cb",
    "before_ctrl_send_cb",
    "on_ctrl_send_cb",
    "on_ctrl_not_send_cb",
    "on_data_send_cb",
    "on_stream_close_cb",
    "on_request_recv_cb",
    "on_ctrl_recv_parse_error_cb",
    "on_unknown_ctrl_recv_cb",
]


class Logged:
    """A session whose callbacks are noted in `log`, and whose output is kept in `out`.

    Frames are noted as their type's name and stream (`"SYN_STREAM 1"`); further callbacks are given
    by name, and called after the note.
    """

    def __init__(self, side: int, version: int, **more: Any) -> None:
        self.log: list[tuple[Any, ...]] = []
        self.frames: list[Any] = []
        self.out = bytearray()
        self.own = {name: more.pop(name) for name in CALLBACKS if name in more}
        callbacks = {name: self.noting(name) for name in CALLBACKS}
        self.session = spdylay.Session(
            side, version, **{"send_cb": self.write, **callbacks, **more}
        )

    def write(self, session: Any, data: bytes) -> int:
        assert session is self.session
        assert type(data) is bytes
        self.out += data
        return len(data)

    def noting(self, name: str) -> Any:
        def callback(session: Any, *arguments: Any) -> Any:
            assert session is self.session
            shown = tuple(self.show(argument) for argument in arguments)
            self.log.append((name.removesuffix("_cb"), *shown))
            if name in self.own:
                self.own[name](session, *arguments)
            return "ignored"

        return callback

    def show(self, argument: Any) -> Any:
        if isinstance(argument, spdylay.CtrlFrame):
            self.frames.append(argument)
            return label(argument)
        assert type(argument) in (int, bytes)
        return argument

    def last_nv(self) -> Any:
        """The headers of the last frame that had some."""
        return [frame.nv for frame in self.frames if hasattr(frame, "nv")][-1]

    def taken(self) -> list[tuple[Any, ...]]:
        """The log since the last time."""
        log, self.log = self.log, []
        return log

    def sent(self) -> bytes:
        """What `send` writes now."""
        self.session.send()
        out = bytes(self.out)
        self.out.clear()
        return out


def label(frame: Any) -> str:
    name = FRAMES[frame.frame_type]
    return f"{name} {frame.stream_id}" if hasattr(frame, "stream_id") else name


def client(version: int, **more: Any) -> Logged:
    return Logged(spdylay.CLIENT, version, **more)


def server(version: int, **more: Any) -> Logged:
    return Logged(spdylay.SERVER, version, **more)


def exchange(one: Logged, other: Logged) -> None:
    """Let two sessions send until both have nothing more to say."""
    while True:
        first = one.sent()
        if first:
            other.session.recv(first)
        second = other.sent()
        if second:
            one.session.recv(second)
        if not first and not second:
            return


def provider(*pieces: Any) -> Any:
    """A provider of these pieces, the last one with `READ_EOF`.

    A piece is octets, `ERR_DEFERRED`, or an exception to be raised.
    """
    left = list(pieces)

    def read(session: Any, stream_id: int, length: int, control: Any, source: Any) -> Any:
        piece = left.pop(0)
        if isinstance(piece, BaseException) or (
            isinstance(piece, type) and issubclass(piece, BaseException)
        ):
            raise piece
        if not left:
            control.flags = spdylay.READ_EOF
        return piece

    return spdylay.DataProvider(None, read)


def body(octets: int) -> Any:
    """A provider of so many octets."""
    left = [octets]

    def read(session: Any, stream_id: int, length: int, control: Any, source: Any) -> bytes:
        size = min(length, left[0])
        left[0] -= size
        if left[0] == 0:
            control.flags = spdylay.READ_EOF
        return b"x" * size

    return spdylay.DataProvider(None, read)


FRAMES = {
    1: "SYN_STREAM",
    2: "SYN_REPLY",
    3: "RST_STREAM",
    4: "SETTINGS",
    5: "NOOP",
    6: "PING",
    7: "GOAWAY",
    8: "HEADERS",
    9: "WINDOW_UPDATE",
    10: "CREDENTIAL",
}


class Peer:
    """The other end, by hand: methods return frames as octets, and `read` takes them apart."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.wire = 2 if version == 2 else 3
        self.word = ">H" if version == 2 else ">I"
        words = dictionary(version)
        self.deflate = zlib.compressobj(9, zlib.DEFLATED, 15, 8, zlib.Z_DEFAULT_STRATEGY, words)
        self.inflate = zlib.decompressobj(zdict=words)

    def control(self, kind: int, payload: bytes, flags: int = 0, wire: int | None = None) -> bytes:
        """Any control frame."""
        head = struct.pack(">HHI", 0x8000 | (wire or self.wire), kind, flags << 24 | len(payload))
        return head + payload

    def raw_block(self, raw: bytes) -> bytes:
        return self.deflate.compress(raw) + self.deflate.flush(zlib.Z_SYNC_FLUSH)

    def serial(self, pairs: list[tuple[bytes, bytes]]) -> bytes:
        """A header block before it is compressed, names as they are."""
        parts = [struct.pack(self.word, len(pairs))]
        for pair in pairs:
            for text in pair:
                parts += [struct.pack(self.word, len(text)), text]
        return b"".join(parts)

    def block(self, nv: Any) -> bytes:
        """The header block of names and values in SPDY/3's form, each name once."""
        pairs = [(n.encode(), v.encode()) if isinstance(n, str) else (n, v) for n, v in nv]
        if self.version == 2:
            pairs = [(OLD_NAMES.get(name, name), value) for name, value in pairs]
        return self.raw_block(self.serial(pairs))

    def syn_stream(
        self,
        stream_id: int,
        nv: Any = (),
        flags: int = 0,
        associated: int = 0,
        pri: int = 0,
        slot: int = 0,
        block: bytes | None = None,
        wire: int | None = None,
    ) -> bytes:
        last = pri << 14 if self.version == 2 else pri << 13 | slot
        head = struct.pack(">IIH", stream_id, associated, last)
        return self.control(1, head + (self.block(nv) if block is None else block), flags, wire)

    def syn_reply(
        self,
        stream_id: int,
        nv: Any = (),
        flags: int = 0,
        block: bytes | None = None,
        kind: int = 2,
        wire: int | None = None,
    ) -> bytes:
        head = struct.pack(">I", stream_id) + (b"\0\0" if self.version == 2 else b"")
        return self.control(kind, head + (self.block(nv) if block is None else block), flags, wire)

    def headers(self, stream_id: int, nv: Any = (), flags: int = 0, **more: Any) -> bytes:
        return self.syn_reply(stream_id, nv, flags, kind=8, **more)

    def rst_stream(self, stream_id: int, status: int, **more: Any) -> bytes:
        return self.control(3, struct.pack(">II", stream_id, status), **more)

    def settings(self, *entries: tuple[int, int, int], **more: Any) -> bytes:
        parts = [struct.pack(">I", len(entries))]
        for number, flags, value in entries:
            parts.append(struct.pack("<I" if self.version == 2 else ">I", flags << 24 | number))
            parts.append(struct.pack(">I", value))
        return self.control(4, b"".join(parts), **more)

    def ping(self, number: int, **more: Any) -> bytes:
        return self.control(6, struct.pack(">I", number), **more)

    def goaway(self, last: int = 0, status: int = 0, **more: Any) -> bytes:
        octets = struct.pack(">I", last) if self.version == 2 else struct.pack(">II", last, status)
        return self.control(7, octets, **more)

    def window_update(self, stream_id: int, delta: int, **more: Any) -> bytes:
        return self.control(9, struct.pack(">II", stream_id, delta), **more)

    def data(self, stream_id: int, octets: bytes = b"", flags: int = 0) -> bytes:
        return struct.pack(">II", stream_id, flags << 24 | len(octets)) + octets

    def read(self, data: bytes) -> list[tuple[Any, ...]]:
        """Frames as tuples: the type's name, the stream if there is one, and what else it says."""
        found = []
        while data:
            first, second = struct.unpack_from(">II", data)
            flags, length = second >> 24, second & 0xFFFFFF
            payload, data = data[8 : 8 + length], data[8 + length :]
            assert len(payload) == length
            if first >> 31 == 0:
                found.append(("DATA", first, flags, payload))
            else:
                assert first >> 16 == 0x8000 | self.wire
                found.append(self.read_control(first & 0xFFFF, flags, payload))
        return found

    def read_control(self, kind: int, flags: int, payload: bytes) -> tuple[Any, ...]:
        name = FRAMES[kind]
        if name == "SYN_STREAM":
            stream_id, associated, last = struct.unpack_from(">IIH", payload)
            pri = last >> (14 if self.version == 2 else 13)
            return name, stream_id, flags, associated, pri, self.read_block(payload[10:])
        if name in ("SYN_REPLY", "HEADERS"):
            (stream_id,) = struct.unpack_from(">I", payload)
            return name, stream_id, flags, self.read_block(payload[6 if self.wire == 2 else 4 :])
        if name == "SETTINGS":
            order = "<I" if self.version == 2 else ">I"
            entries = []
            for at in range(4, len(payload), 8):
                (word,) = struct.unpack_from(order, payload, at)
                (value,) = struct.unpack_from(">I", payload, at + 4)
                entries.append((word & 0xFFFFFF, word >> 24, value))
            return name, flags, entries
        return name, *struct.unpack(f">{len(payload) // 4}I", payload)

    def read_block(self, block: bytes) -> list[tuple[bytes, bytes]]:
        raw = self.inflate.decompress(block)
        size = struct.calcsize(self.word)
        (count,) = struct.unpack_from(self.word, raw)
        at, texts = size, []
        for _ in range(2 * count):
            (length,) = struct.unpack_from(self.word, raw, at)
            texts.append(raw[at + size : at + size + length])
            at += size + length
        assert at == len(raw)
        return list(zip(texts[::2], texts[1::2], strict=True))


def kinds(frames: list[tuple[Any, ...]]) -> list[str]:
    """Frames as short as `"DATA 1"`; PING, SETTINGS and GOAWAY without a number."""
    plain = ("PING", "SETTINGS", "GOAWAY")
    return [frame[0] if frame[0] in plain else f"{frame[0]} {frame[1]}" for frame in frames]
