"""SPDY frames, built and read as the three drafts describe them.

Nothing here comes from plait but the preset dictionaries, whose checksums are tested elsewhere, so
that one mistake cannot be on both sides of a test. A `Frame` says what is meant, in the same words
for every version (field names are those of SPDY/3); a `Writer` and a `Reader`, each with a zlib
stream of its own, know how a version puts it.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

from plait.spdy import dictionaries

SPDY2, SPDY3, SPDY3_1 = 2, 3, 4
VERSIONS = (SPDY2, SPDY3, SPDY3_1)

DATA = 0
SYN_STREAM, SYN_REPLY, RST_STREAM, SETTINGS, NOOP = 1, 2, 3, 4, 5
PING, GOAWAY, HEADERS, WINDOW_UPDATE, CREDENTIAL = 6, 7, 8, 9, 10
UNKNOWN = 11
NAMES = (
    *("DATA", "SYN_STREAM", "SYN_REPLY", "RST_STREAM", "SETTINGS", "NOOP"),
    *("PING", "GOAWAY", "HEADERS", "WINDOW_UPDATE", "CREDENTIAL"),
)

FIN, UNIDIRECTIONAL = 1, 2

PROTOCOL_ERROR, INVALID_STREAM, REFUSED_STREAM, UNSUPPORTED_VERSION = 1, 2, 3, 4
CANCEL, INTERNAL_ERROR, FLOW_CONTROL_ERROR = 5, 6, 7
STREAM_IN_USE, STREAM_ALREADY_CLOSED, FRAME_TOO_LARGE = 8, 9, 11

MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 4, 7

WINDOW = 65_536
MAX_ID = MAX_WINDOW = 2**31 - 1
MAX_LENGTH = 2**24 - 1

Field = tuple[bytes, bytes]
Fields = Iterable[Field]

GET: list[Field] = [
    (b":host", b"example.com"),
    (b":method", b"GET"),
    (b":path", b"/"),
    (b":scheme", b"https"),
    (b":version", b"HTTP/1.1"),
]
POST: list[Field] = [GET[0], (b":method", b"POST"), *GET[2:]]
OK: list[Field] = [(b":status", b"200 OK"), (b":version", b"HTTP/1.1")]

_ONLY_SPDY2 = {
    b":host": b"host",
    b":method": b"method",
    b":path": b"url",
    b":scheme": b"scheme",
    b":status": b"status",
    b":version": b"version",
}
_ONLY_SPDY3 = {there: here for here, there in _ONLY_SPDY2.items()}


@dataclass(frozen=True)
class Frame:
    """One frame as it is meant; the parts that its kind does not have stay 0 or empty."""

    kind: int
    flags: int = 0
    stream_id: int = 0
    associated: int = 0
    priority: int = 0
    slot: int = 0
    fields: tuple[Field, ...] = ()
    status: int = 0
    number: int = 0
    """The id of a PING, the delta of a WINDOW_UPDATE."""
    entries: tuple[tuple[int, int, int], ...] = ()
    """Of SETTINGS: id, flags, value."""
    body: bytes = b""
    """The payload of DATA, and of kinds that have no parts here."""
    version: int = 0
    """In the frame's own header; 0 for the one that fits the connection."""

    def with_(self, **changes: object) -> Frame:
        return replace(self, **changes)

    @property
    def end(self) -> bool:
        return self.kind in (DATA, SYN_STREAM, SYN_REPLY, HEADERS) and bool(self.flags & FIN)

    def __repr__(self) -> str:
        name = NAMES[self.kind] if self.kind < len(NAMES) else f"frame {self.kind}"
        parts = []
        for part in self.__dataclass_fields__:
            value = getattr(self, part)
            if part != "kind" and value:
                long = isinstance(value, bytes) and len(value) > 60
                parts.append(f"{part}={f'{len(value)} octets' if long else repr(value)}")
        return f"{name}({', '.join(parts)})"


def _sorted(fields: Fields) -> tuple[Field, ...]:
    """In an order that does not depend on the version: the values of one name keep theirs."""
    return tuple(sorted(fields, key=lambda field: field[0]))


def syn_stream(
    stream_id: int, fields: Fields = GET, *, end: bool = True, priority: int = 0, **more: object
) -> Frame:
    flags = more.pop("flags", FIN if end else 0)
    return Frame(SYN_STREAM, flags, stream_id, priority=priority, fields=_sorted(fields), **more)


def push(stream_id: int, associated: int, fields: Fields = GET, **more: object) -> Frame:
    """A pushed stream: unidirectional, with an association."""
    flags = more.pop("flags", UNIDIRECTIONAL)
    return syn_stream(stream_id, fields, flags=flags, associated=associated, **more)


def syn_reply(stream_id: int, fields: Fields = OK, *, end: bool = False, **more: object) -> Frame:
    return Frame(SYN_REPLY, FIN if end else 0, stream_id, fields=_sorted(fields), **more)


def headers(stream_id: int, fields: Fields = (), *, end: bool = False, **more: object) -> Frame:
    return Frame(HEADERS, FIN if end else 0, stream_id, fields=_sorted(fields), **more)


def data(stream_id: int, body: bytes = b"", *, end: bool = False) -> Frame:
    return Frame(DATA, FIN if end else 0, stream_id, body=body)


def rst_stream(stream_id: int, status: int = CANCEL, **more: object) -> Frame:
    return Frame(RST_STREAM, stream_id=stream_id, status=status, **more)


def settings(*entries: tuple[int, int, int], **more: object) -> Frame:
    return Frame(SETTINGS, entries=entries, **more)


def ping(number: int, **more: object) -> Frame:
    return Frame(PING, number=number, **more)


def goaway(last: int = 0, status: int = 0, **more: object) -> Frame:
    return Frame(GOAWAY, stream_id=last, status=status, **more)


def window_update(stream_id: int, delta: int, **more: object) -> Frame:
    return Frame(WINDOW_UPDATE, stream_id=stream_id, number=delta, **more)


def other(kind: int, body: bytes = b"", **more: object) -> Frame:
    """NOOP, CREDENTIAL, and kinds that do not exist."""
    return Frame(kind, body=body, **more)


# ------------------------------------------------------------------------------------------------
# Octets.


def control(kind: int, payload: bytes, flags: int = 0, *, version: int, length: int = -1) -> bytes:
    """A control frame with this payload, and with any length in its header."""
    length = len(payload) if length < 0 else length
    return struct.pack(">HHI", 0x8000 | version, kind, flags << 24 | length) + payload


def wire_version(version: int) -> int:
    """SPDY/3.1 calls itself 3."""
    return 2 if version == SPDY2 else 3


def pairs(fields: Iterable[tuple[bytes, bytes]], version: int, count: int | None = None) -> bytes:
    """A header block before compression, pair by pair as given."""
    kind = ">H" if version == SPDY2 else ">I"
    listed = list(fields)
    out = bytearray(struct.pack(kind, len(listed) if count is None else count))
    for pair in listed:
        for text in pair:
            out += struct.pack(kind, len(text)) + text
    return bytes(out)


def merged(fields: Fields, version: int) -> list[tuple[bytes, bytes]]:
    """Values of one name joined with NUL, and the names of the version."""
    together: dict[bytes, bytes] = {}
    for name, value in fields:
        name = _ONLY_SPDY2.get(name, name) if version == SPDY2 else name
        together[name] = together[name] + b"\0" + value if name in together else value
    return sorted(together.items())


def _entry(entry: tuple[int, int, int], version: int) -> bytes:
    """SPDY/2 servers sent the id in little-endian order, and everybody followed them."""
    number, flags, value = entry
    order = "<I" if version == SPDY2 else ">I"
    word = flags << 24 | number
    return struct.pack(order, word) + struct.pack(">I", value)


class Writer:
    """Puts frames into octets; one for all that one peer says, since the blocks share a zlib."""

    def __init__(self, version: int, level: int = 6) -> None:
        self.version = version
        dictionary = dictionaries.SPDY2 if version == SPDY2 else dictionaries.SPDY3
        self.zlib = zlib.compressobj(level, zlib.DEFLATED, 15, 8, 0, dictionary)

    def __call__(self, *frames: Frame | bytes) -> bytes:
        return b"".join(f if isinstance(f, bytes) else self.octets(f) for f in frames)

    def octets(self, frame: Frame) -> bytes:
        if frame.kind == DATA:
            head = struct.pack(">II", frame.stream_id, frame.flags << 24 | len(frame.body))
            return head + frame.body
        version = self.layout(frame)
        return control(frame.kind, self.payload(frame), frame.flags, version=version)

    def layout(self, frame: Frame) -> int:
        """A frame with a version of its own has the layout of that version."""
        return frame.version or wire_version(self.version)

    def payload(self, frame: Frame) -> bytes:
        version = self.layout(frame)
        if frame.kind in (SYN_STREAM, SYN_REPLY, HEADERS):
            block = self.compress(pairs(merged(frame.fields, version), version))
            return self.head(frame) + block
        if frame.kind in (RST_STREAM, WINDOW_UPDATE):
            return struct.pack(">II", frame.stream_id, frame.status | frame.number)
        if frame.kind == SETTINGS:
            entries = b"".join(_entry(entry, version) for entry in frame.entries)
            return struct.pack(">I", len(frame.entries)) + entries
        if frame.kind == PING:
            return struct.pack(">I", frame.number)
        if frame.kind == GOAWAY:
            status = b"" if version == SPDY2 else struct.pack(">I", frame.status)
            return struct.pack(">I", frame.stream_id) + status
        return frame.body

    def head(self, frame: Frame) -> bytes:
        """What stands before the header block."""
        is_spdy2 = self.layout(frame) == SPDY2
        if frame.kind != SYN_STREAM:
            return struct.pack(">I", frame.stream_id) + bytes(2 * is_spdy2)
        priority = frame.priority << (6 if is_spdy2 else 5)
        slot = 0 if is_spdy2 else frame.slot
        return struct.pack(">IIBB", frame.stream_id, frame.associated, priority, slot)

    def compress(self, octets: bytes) -> bytes:
        return self.zlib.compress(octets) + self.zlib.flush(zlib.Z_SYNC_FLUSH)

    def with_block(self, frame: Frame, block: bytes) -> bytes:
        """The octets of a header frame with any octets for a block."""
        payload = self.head(frame) + block
        return control(frame.kind, payload, frame.flags, version=self.layout(frame))


class Reader:
    """Reads what one engine wrote."""

    def __init__(self, version: int) -> None:
        self.version = version
        self.buffer = b""
        self.zlib = zlib.decompressobj(
            zdict=dictionaries.SPDY2 if version == SPDY2 else dictionaries.SPDY3
        )

    def feed(self, octets: bytes) -> list[Frame]:
        """The frames that are complete."""
        self.buffer += octets
        found = []
        at = 0
        while len(self.buffer) - at >= 8:
            end = at + 8 + int.from_bytes(self.buffer[at + 5 : at + 8], "big")
            if len(self.buffer) < end:
                break
            found.append(self.frame(self.buffer[at:end]))
            at = end
        self.buffer = self.buffer[at:]
        return found

    def frame(self, octets: bytes) -> Frame:
        flags, payload = octets[4], octets[8:]
        if not octets[0] & 0x80:
            return Frame(DATA, flags, int.from_bytes(octets[:4], "big"), body=payload)
        version, kind = struct.unpack(">HH", octets[:4])
        assert version & 0x7FFF == wire_version(self.version)
        return self.control(kind, flags, payload)

    def control(self, kind: int, flags: int, payload: bytes) -> Frame:
        numbers = struct.unpack(f">{len(payload) // 4}I", payload[: len(payload) // 4 * 4])
        if kind == SYN_STREAM:
            assert not (numbers[0] | numbers[1]) >> 31, "a reserved bit is set"
            priority = payload[8] >> (6 if self.version == SPDY2 else 5)
            fields = self.fields(payload[10:])
            return Frame(kind, flags, *numbers[:2], priority, payload[9], fields)
        if kind in (SYN_REPLY, HEADERS):
            fields = self.fields(payload[6 if self.version == SPDY2 else 4 :])
            return Frame(kind, flags, numbers[0], fields=fields)
        if kind in (RST_STREAM, WINDOW_UPDATE):
            assert len(payload) == 8
            part = "status" if kind == RST_STREAM else "number"
            return Frame(kind, flags, numbers[0], **{part: numbers[1]})
        if kind == SETTINGS:
            assert len(payload) == 4 + 8 * numbers[0]
            entries = [self.entry(payload[at : at + 8]) for at in range(4, len(payload), 8)]
            assert [e[0] for e in entries] == sorted(e[0] for e in entries)
            return Frame(kind, flags, entries=tuple(entries))
        if kind == PING:
            (number,) = numbers
            return Frame(kind, flags, number=number)
        assert kind == GOAWAY, f"an engine sent a frame of kind {kind}"
        assert len(payload) == (4 if self.version == SPDY2 else 8)
        return Frame(kind, flags, numbers[0], status=numbers[1] if len(numbers) > 1 else 0)

    def entry(self, octets: bytes) -> tuple[int, int, int]:
        order = "little" if self.version == SPDY2 else "big"
        word = int.from_bytes(octets[:4], order)
        return word & 0xFFFFFF, word >> 24, int.from_bytes(octets[4:], "big")

    def fields(self, block: bytes) -> tuple[Field, ...]:
        octets = self.zlib.decompress(block)
        assert not self.zlib.unused_data
        size = 2 if self.version == SPDY2 else 4
        at = size
        texts: list[bytes] = []
        for _ in range(2 * int.from_bytes(octets[:size], "big")):
            begin = at + size
            at = begin + int.from_bytes(octets[at:begin], "big")
            texts.append(octets[begin:at])
        assert at == len(octets), "the block is not used up"
        names = texts[::2]
        assert names == sorted(set(names)), "names out of order, or twice"
        found = []
        for name, values in zip(names, texts[1::2], strict=True):
            name = _ONLY_SPDY3.get(name, name) if self.version == SPDY2 else name
            found += [(name, value) for value in values.split(b"\0")]
        return _sorted(found)
