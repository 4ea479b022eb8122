"""What a peer says: frames of the right length and field blocks that mostly decode.

The frames come from the tests' own builders, the field blocks from a small grammar: a list of
fields, each in any of HPACK's representations. A model of the peer's table keeps indices in it.
"""

from __future__ import annotations

from hpack.huffman import HuffmanEncoder
from hpack.huffman_constants import REQUEST_CODES, REQUEST_CODES_LENGTH

from fuzz import program as p
from fuzz.cursor import Cursor
from tests.http2 import frames as f

_huffman = HuffmanEncoder(REQUEST_CODES, REQUEST_CODES_LENGTH)

CHAT: f.Fields = [(b":method", b"CONNECT"), *f.GET[1:], (b":protocol", b"websocket")]
TUNNEL: f.Fields = [(b":method", b"CONNECT"), (b":authority", b"example.com:443")]
OPTIONS: f.Fields = [(b":method", b"OPTIONS"), f.GET[1], (b":path", b"*"), f.GET[3]]
TRAILERS: f.Fields = [(b"grpc-status", b"0"), (b"x-checksum", b"\xff\xfe")]
STATUSES = (b"200", b"204", b"304", b"404", b"100", b"103", b"101", b"500", b"20x")

REQUESTS: tuple[f.Fields, ...] = (
    f.GET,
    f.POST,
    f.HEAD,
    TRAILERS,
    CHAT,
    TUNNEL,
    OPTIONS,
    f.GET[1:],
    [*f.POST, (b"content-length", b"5")],
    [*f.POST, (b"content-length", b"0")],
    [*f.GET, (b"cookie", b"a=1"), (b"cookie", b"b=2")],
    [*f.GET, (b"priority", b"u=1, i")],
    [*f.GET, (b"host", b"example.com")],
)
RESPONSES: tuple[f.Fields, ...] = (
    f.OK,
    TRAILERS,
    [*f.OK, (b"content-length", b"5")],
    *([(b":status", status)] for status in STATUSES),
    f.GET,
)
# Names and values that some rule knows.
NAMES = (
    *(b":method", b":scheme", b":path", b":authority", b":protocol", b":status", b":unknown"),
    *(b"host", b"cookie", b"content-length", b"priority", b"te", b"connection", b"x-a"),
    *(b"transfer-encoding", b"upgrade", b"keep-alive", b"", b"Upper", b"x\x00", b"x y", b"x:y"),
    *(b"authorization", b"set-cookie", b"x-" + b"n" * 90),
)
VALUES = (
    *(b"", b"1", b"GET", b"CONNECT", b"https", b"/", b"*", b"example.com", b"user@example.com"),
    *(b"200", b"trailers", b"gzip", b" led", b"ends ", b"a\r\nb", b"a\0b", b"u=0,i", b"u=9"),
    *(b"5", b"+5", b"18446744073709551616", b"99999999999999999", b"v" * 300, b"\xff\x80"),
)
NUMBERS = (0, 1, 2, 10, 100, 4096, 16_383, 16_384, 65_535, 70_000, 2**24 - 1, 2**24)
LARGE = (2**31 - 1, 2**31, 2**32 - 1, 2**31 - 65_536)
ALL_NUMBERS = NUMBERS + LARGE
PRIORITIES = (b"u=0", b"u=7, i", b"i=?0", b"", b"(", b"u=9", b'u="x";a=1, i=?1;b', b"u=3" * 50)

_MOST_FIELDS = 30


class Peer:
    """Turns the operations of one program into octets.

    Attributes:
        streams: Ids that were used, in order; the application's too.
        highest: The highest id of a stream that this peer opened.
    """

    def __init__(self, faces_server: bool) -> None:
        self.faces_server = faces_server
        self.streams: list[int] = []
        self.highest = -1 if faces_server else 0
        self.table: list[int] = []  # sizes of the entries, newest first
        self.table_limit = 4096

    # --- choices ----------------------------------------------------------------------------

    def some_stream(self, cursor: Cursor) -> int:
        """A stream that was used lately, or any other id."""
        choice = cursor.octet()
        if choice < 224 and self.streams:
            recent = self.streams[-16:]
            return recent[-1 - choice % len(recent)]
        others = (0, 1, 2, 3, self.highest + 1, self.highest + 2, self.highest + 40, 2**31 - 1)
        return others[choice % len(others)]

    def fresh_stream(self, cursor: Cursor) -> int:
        """The id for HEADERS: mostly the next in order where this peer may open one."""
        choice = cursor.octet()
        if choice >= 160 or not self.faces_server:
            return self.some_stream(cursor)
        step = 2 if choice else 10
        # an id that cannot be is for `some_stream` to try
        self.highest = min(self.highest + step, 2**31 - 1)
        self.used(self.highest)
        return self.highest

    def used(self, stream_id: int) -> None:
        """A stream was opened."""
        if stream_id not in self.streams:
            self.streams.append(stream_id)

    # --- field blocks -----------------------------------------------------------------------

    def block(self, cursor: Cursor, templates: tuple[f.Fields, ...]) -> bytes:
        """A field block, to the end of the operand."""
        out = bytearray()
        fields = 0
        while cursor.left() and fields < _MOST_FIELDS and len(out) < 20_000:
            choice = cursor.octet()
            kind, low = choice >> 5, choice & 31
            fields += 1
            if kind < 2:
                for name, value in templates[low % len(templates)]:
                    out += self.literal(name, value, kind, False)
            elif kind == 2:
                times = cursor.octet() + 1 if low == 31 else 1
                out += f.integer(1 + (low + cursor.octet()) % 61, 7, 0x80) * times
            elif kind == 3:
                # the same entry many times: a bomb of few octets
                times = cursor.octet() * 4 + 1 if low & 16 else 1
                index = 62 + low % 16 % len(self.table) if self.table else 1 + low
                out += f.integer(index, 7, 0x80) * times
            elif kind == 4:
                name = NAMES[cursor.octet() % len(NAMES)]
                value = VALUES[cursor.octet() % len(VALUES)]
                out += self.literal(name, value, low % 3, low & 4 != 0)
            elif kind == 5:
                name = cursor.take(low)
                out += self.literal(name, cursor.take(cursor.octet()), low % 3, low & 4 != 0)
            elif kind == 6:
                out += self.size_update(ALL_NUMBERS[low % len(ALL_NUMBERS)])
            elif low & 16:
                out += self.literal(b"x-large", b"l" * (low * 500), low % 3, False)
            else:
                out += cursor.take(low)
        return bytes(out)

    def literal(self, name: bytes, value: bytes, how: int, coded: bool) -> bytes:
        """A literal: 0 without indexing, 1 with, 2 never."""
        out = (b"\x00", b"\x40", b"\x10")[how]
        if how == 1:
            self.table.insert(0, len(name) + len(value) + 32)
            self.evict()
        for text in (name, value):
            written = _huffman.encode(text) if coded else text
            out += f.integer(len(written), 7, 0x80 if coded else 0) + written
        return out

    def size_update(self, size: int) -> bytes:
        """A change of the table's size."""
        self.table_limit = min(size, 65_536)
        self.evict()
        return f.integer(size, 5, 0x20)

    def evict(self) -> None:
        """Drops the oldest entries of the model."""
        while self.table and sum(self.table) > self.table_limit:
            self.table.pop()

    # --- frames -----------------------------------------------------------------------------

    def says(self, operation: p.Operation) -> bytes:
        """The octets of one operation of the peer."""
        cursor = Cursor(operation.operand)
        code = operation.code
        if code == p.HEADERS:
            return self.headers(cursor)
        if code == p.DATA:
            return self.data(cursor)
        if code == p.PUSH_PROMISE:
            return self.push_promise(cursor)
        if code == p.CONTINUATION:
            stream = self.some_stream(cursor)
            flags = cursor.octet()
            return bytes(f.Frame(f.CONTINUATION, flags, stream, self.block(cursor, REQUESTS)))
        if code == p.ANY_FRAME:
            kind, flags = cursor.octet(), cursor.octet()
            return bytes(f.Frame(kind, flags, self.some_stream(cursor), cursor.take(255)))
        if code == p.RAW:
            return cursor.take(255)
        return bytes(self.control(code, cursor))

    def headers(self, cursor: Cursor) -> bytes:
        """HEADERS, in several frames if it says so."""
        stream = self.fresh_stream(cursor)
        flags = cursor.octet()
        templates = REQUESTS if self.faces_server else RESPONSES
        payload = b""
        if flags & f.WITH_PRIORITY:
            payload = self.some_stream(cursor).to_bytes(4, "big") + b"\x0f"
        pad = cursor.octet() if flags & f.PADDED else None
        pieces = cursor.octet() % 8 + 1 if flags & 0x10 else 1
        block = self.block(cursor, templates)
        # most blocks end, or there would be little else
        if not flags & 0x02:
            flags |= f.END_HEADERS
        return self.in_pieces(f.HEADERS, flags, stream, (payload, block), pad, pieces)

    def push_promise(self, cursor: Cursor) -> bytes:
        """PUSH_PROMISE of the next even stream, or of any."""
        stream = self.some_stream(cursor)
        flags = cursor.octet() | f.END_HEADERS
        if cursor.octet() < 200:
            self.highest = max(self.highest + 2 & ~1, 2)
            promised = self.highest
            self.used(promised)
        else:
            promised = self.some_stream(cursor)
        pad = cursor.octet() if flags & f.PADDED else None
        block = self.block(cursor, REQUESTS)
        prefix = promised.to_bytes(4, "big")
        return self.in_pieces(f.PUSH_PROMISE, flags, stream, (prefix, block), pad, 1)

    def in_pieces(
        self,
        kind: int,
        flags: int,
        stream: int,
        content: tuple[bytes, bytes],
        pad: int | None,
        pieces: int,
    ) -> bytes:
        """A frame with a field block, the rest of it in CONTINUATION frames."""
        prefix, block = content
        if pad is None:
            flags &= ~f.PADDED
        whole = len(block) <= 16_000 and pieces == 1
        size = 16_000 if len(block) > 16_000 else max(1, -(-len(block) // pieces))
        first = f.pad_payload(prefix + block[:size], pad)
        if whole:
            return bytes(f.Frame(kind, flags, stream, first))
        out = bytes(f.Frame(kind, flags & ~f.END_HEADERS, stream, first))
        for at in range(size, len(block), size):
            out += bytes(
                f.continuation(stream, block[at : at + size], end_headers=at + size >= len(block))
            )
        return out

    def data(self, cursor: Cursor) -> bytes:
        """DATA of any size."""
        stream = self.some_stream(cursor)
        flags = cursor.octet() & (f.END_STREAM | f.PADDED | 0x80)
        size = cursor.octet() * (64 if flags & 0x80 else 1)
        pad = cursor.octet() if flags & f.PADDED else None
        frame = f.data(stream, b"d" * size, end_stream=bool(flags & f.END_STREAM), pad=pad)
        if pad is not None and cursor.octet() == 1:
            # the padding claims to be longer than the frame
            frame = f.Frame(f.DATA, frame.flags, stream, b"\xff" + frame.payload[1:])
        return bytes(frame)

    def control(self, code: int, cursor: Cursor) -> f.Frame:
        """A frame without field block or body."""
        if code == p.SETTINGS:
            pairs = []
            while cursor.left() and len(pairs) < 40:
                name = cursor.below(12)
                value = ALL_NUMBERS[cursor.octet() % len(ALL_NUMBERS)]
                pairs.append((name, value))
            return f.settings(*pairs)
        if code == p.SETTINGS_ACK:
            return f.settings_ack()
        if code == p.PING:
            kind = cursor.octet()
            payload = b"plaitbye" if kind & 2 else cursor.take(8).ljust(8, b"p")
            return f.ping_ack(payload) if kind & 1 else f.ping(payload)
        if code == p.GOAWAY:
            last = self.some_stream(cursor)
            error = cursor.below(16)
            return f.goaway(last, error, cursor.take(20))
        if code == p.ORIGIN:
            return f.origin(*(cursor.take(9) for _ in range(cursor.below(4))))
        if code == p.PRIORITY_UPDATE:
            value = PRIORITIES[cursor.octet() % len(PRIORITIES)]
            return f.priority_update(self.some_stream(cursor), value + cursor.take(9))
        stream = self.some_stream(cursor)
        if code == p.RST_STREAM:
            return f.rst_stream(stream, cursor.below(16))
        if code == p.WINDOW_UPDATE:
            if cursor.octet() & 1:
                stream = 0
            return f.window_update(stream, ALL_NUMBERS[cursor.octet() % len(ALL_NUMBERS)])
        if code == p.PRIORITY:
            return f.priority(stream, self.some_stream(cursor))
        return f.altsvc(stream, cursor.take(cursor.below(12)), cursor.take(20))
