"""One corpus of byte streams, the same in every run, for replaying through both variants.

Each conversation is what one peer says to a connection, cut into reads. The written ones go
through every frame type in both roles; the mixed ones draw frames at random; the damaged ones
are either of them with octets and frames changed, moved, lost or added, and cut at random.
"""

from __future__ import annotations

import random
import struct
from dataclasses import dataclass

import hpack

from tests.http2 import frames as f

SEED = 7541

Fields = list[tuple[bytes, bytes]]


@dataclass(frozen=True)
class Conversation:
    """What a connection of the given role receives, read by read."""

    name: str
    role: str
    reads: tuple[bytes, ...]


BROWSER: Fields = [
    *f.GET,
    (b"user-agent", b"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101 Firefox/140.0"),
    (b"accept", b"text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"),
    (b"accept-encoding", b"gzip, deflate, br"),
    (b"cookie", b"a=1"),
    (b"cookie", b"b=2; c=3"),
    (b"priority", b"u=1, i"),
]
CHAT: Fields = [(b":method", b"CONNECT"), *f.GET[1:], (b":protocol", b"websocket")]
TUNNEL: Fields = [(b":method", b"CONNECT"), (b":authority", b"example.com:443")]
TRAILERS: Fields = [(b"grpc-status", b"0"), (b"x-checksum", b"\xff\xfe")]

# Field sections that RFC 9113 §8 calls malformed, each for one reason.
MALFORMED: list[Fields] = [
    f.GET[1:],
    [*f.GET, (b":path", b"/again")],
    [*f.GET, (b"Upper", b"x")],
    [*f.GET, (b"connection", b"close")],
    [*f.GET, (b"te", b"gzip")],
    [*f.GET, (b"x", b"a\r\nb")],
    [*f.GET, (b"x", b" padded ")],
    [*f.GET, (b"", b"x")],
    [(b"x", b"first"), *f.GET],
    [*f.GET, (b":unknown", b"x")],
    [*f.POST, (b"content-length", b"5")],
    [*f.POST, (b"content-length", b"5"), (b"content-length", b"6")],
    [*f.GET[:2], (b":path", b""), f.GET[3]],
    [*f.GET, (b"host", b"other.example")],
]


def greeting(*pairs: tuple[int, int]) -> bytes:
    """What a client says first."""
    return f.PREFACE + bytes(f.settings(*pairs))


def written_for_server() -> dict[str, list[bytes]]:
    """Frame by frame what clients send; each list is one connection."""
    compress = hpack.Encoder()
    huge = [*f.GET, (b"x-huge", b"h" * 40_000)]
    found: dict[str, list[bytes]] = {
        "small requests": [greeting(), *(bytes(f.headers(n, f.GET)) for n in range(1, 41, 2))],
        "a browser": [
            greeting((f.HEADER_TABLE_SIZE, 65_536), (f.INITIAL_WINDOW_SIZE, 131_072)),
            bytes(f.window_update(0, 12_517_377)),
            *(bytes(f.raw_headers(n, compress.encode(BROWSER))) for n in range(3, 43, 2)),
        ],
        "uploads": [
            greeting(),
            bytes(f.headers(1, f.POST, end_stream=False)),
            *(bytes(f.data(1, bytes([n]) * 4000, pad=n)) for n in range(20)),
            bytes(f.data(1, b"", end_stream=True)),
            bytes(f.headers(3, f.POST, end_stream=False)),
            bytes(f.data(3, b"with trailers")),
            bytes(f.headers(3, TRAILERS)),
        ],
        "continuations": [
            greeting(),
            bytes(f.headers(1, f.GET, end_headers=False)),
            bytes(f.continuation(1, b"", end_headers=False)),
            bytes(f.continuation(1, f.block(TRAILERS))),
            bytes(f.raw_headers(3, f.block(huge)[:16_000], end_headers=False)),
            bytes(f.continuation(3, f.block(huge)[16_000:32_000], end_headers=False)),
            bytes(f.continuation(3, f.block(huge)[32_000:])),
        ],
        "windows": [
            greeting((f.INITIAL_WINDOW_SIZE, 10)),
            *(bytes(f.headers(n, f.GET)) for n in (1, 3, 5, 7)),
            bytes(f.window_update(1, 5)),
            bytes(f.settings((f.INITIAL_WINDOW_SIZE, 0))),
            bytes(f.window_update(3, 70_000)),
            bytes(f.settings((f.INITIAL_WINDOW_SIZE, 2**31 - 1))),
            bytes(f.window_update(0, 2**31 - 1 - 65_535)),
            bytes(f.window_update(0, 1)),
        ],
        "settings": [
            greeting((f.MAX_FRAME_SIZE, 16_384), (f.HEADER_TABLE_SIZE, 0)),
            bytes(f.settings((f.HEADER_TABLE_SIZE, 100), (f.HEADER_TABLE_SIZE, 8192))),
            bytes(f.settings((0x7777, 1), (f.MAX_CONCURRENT_STREAMS, 0), (f.ENABLE_PUSH, 0))),
            bytes(f.headers(1, f.GET)),
            bytes(f.settings_ack()),
            bytes(f.settings((f.MAX_FRAME_SIZE, 2**24 - 1), (f.MAX_HEADER_LIST_SIZE, 64))),
            bytes(f.headers(3, f.GET)),
            bytes(f.settings((f.ENABLE_PUSH, 2))),
        ],
        "priorities": [
            greeting((f.NO_RFC7540_PRIORITIES, 1)),
            bytes(f.priority_update(5, b"u=0")),
            *(bytes(f.headers(n, f.GET, depends_on=n - 1)) for n in (1, 3, 5)),
            bytes(f.priority(7, depends_on=5)),
            bytes(f.priority_update(3, b"u=7, i")),
            bytes(f.priority_update(3, b"not a dictionary (")),
            bytes(f.priority(9, depends_on=9)),
        ],
        "resets": [
            greeting(),
            bytes(f.headers(1, f.GET)),
            bytes(f.rst_stream(1)),
            bytes(f.headers(3, f.POST, end_stream=False)),
            bytes(f.rst_stream(3, f.NO_ERROR)),
            bytes(f.data(3, b"too late")),
            bytes(f.window_update(3, 1)),
            bytes(f.rst_stream(9)),
        ],
        "pings and goodbye": [
            greeting(),
            bytes(f.ping()),
            bytes(f.ping_ack(b"unasked!")),
            bytes(f.headers(1, f.GET)),
            bytes(f.goaway(0, f.NO_ERROR, b"bye")),
            bytes(f.headers(3, f.GET)),
            bytes(f.goaway(0, 99)),
        ],
        "tunnels": [
            greeting(),
            bytes(f.headers(1, TUNNEL, end_stream=False)),
            bytes(f.data(1, b"through")),
            bytes(f.headers(3, CHAT, end_stream=False)),
            bytes(f.data(3, b"\x81\x02hi")),
            bytes(f.data(3, b"", end_stream=True)),
        ],
        "unknown frames": [
            greeting((f.ENABLE_CONNECT_PROTOCOL, 1)),
            bytes(f.Frame(0xEE, 0xFF, 77, b"what")),
            bytes(f.altsvc(0, b"https://a", b'h3=":443"')),
            bytes(f.origin(b"https://b")),
            bytes(f.headers(1, f.GET)),
            bytes(f.push_promise(1, 2, f.GET)),
        ],
        "HTTP/1": [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"],
    }
    for at, fields in enumerate(MALFORMED):
        told = [greeting(), bytes(f.headers(1, fields)), bytes(f.headers(3, f.GET))]
        found[f"malformed {at}"] = told
    return found


def written_for_client() -> dict[str, list[bytes]]:
    """What servers answer to a client that asked on the streams 1, 3, 5 and 7."""
    compress = hpack.Encoder()
    response = [(b":status", b"200"), (b"content-type", b"text/html"), (b"server", b"x")]
    first = bytes(f.settings((f.MAX_CONCURRENT_STREAMS, 100)))
    return {
        "responses": [
            first,
            bytes(f.settings_ack()),
            *(
                bytes(f.raw_headers(n, compress.encode(response), end_stream=False))
                + bytes(f.data(n, b"<html>" * n, end_stream=True, pad=n))
                for n in (1, 5, 3, 7)
            ),
        ],
        "interim and trailers": [
            first,
            bytes(f.headers(1, [(b":status", b"103"), (b"link", b"</a>")], end_stream=False)),
            bytes(f.headers(1, [(b":status", b"100")], end_stream=False)),
            bytes(f.headers(1, f.OK, end_stream=False)),
            bytes(f.data(1, b"body")),
            bytes(f.headers(1, TRAILERS)),
            bytes(f.headers(3, [(b":status", b"101")], end_stream=False)),
            bytes(f.headers(5, [(b":status", b"20x")])),
        ],
        "pushes": [
            first,
            bytes(f.push_promise(1, 2, f.GET, pad=9)),
            bytes(f.push_promise(1, 4, f.GET, end_headers=False)),
            bytes(f.continuation(1, f.block(TRAILERS))),
            bytes(f.headers(2, f.OK, end_stream=False)),
            bytes(f.data(2, b"pushed", end_stream=True)),
            bytes(f.headers(1, f.OK)),
            bytes(f.push_promise(1, 6, f.GET)),
        ],
        "services": [
            first,
            bytes(f.altsvc(0, b"https://example.com", b'h3=":443"')),
            bytes(f.altsvc(1, b"", b"clear")),
            bytes(f.origin(b"https://a.example", b"https://b.example")),
            bytes(f.priority_update(1, b"u=1")),
        ],
        "refusals": [
            first,
            bytes(f.rst_stream(7, f.REFUSED_STREAM)),
            bytes(f.goaway(5, f.NO_ERROR)),
            bytes(f.headers(5, f.OK)),
            bytes(f.goaway(1, f.ENHANCE_YOUR_CALM, b"enough")),
            bytes(f.headers(1, f.OK)),
            bytes(f.headers(2, f.OK)),
        ],
        "content-length": [
            first,
            bytes(f.headers(1, [*f.OK, (b"content-length", b"3")], end_stream=False)),
            bytes(f.data(1, b"four", end_stream=True)),
            bytes(f.headers(3, [*f.OK, (b"content-length", b"3")], end_stream=False)),
            bytes(f.data(3, b"abc", end_stream=True)),
            bytes(f.headers(5, [(b":status", b"204"), (b"content-length", b"3")])),
        ],
    }


class Mixer:
    """Draws frames that a lively peer might send, one in fifty of them out of place."""

    def __init__(self, rng: random.Random, role: str) -> None:
        self.rng = rng
        self.server = role == "server"
        self.compress = hpack.Encoder()
        self.highest = -1 if self.server else 7
        self.promised = 0
        self.open = [] if self.server else [1, 3, 5, 7]

    def conversation(self, length: int) -> list[bytes]:
        """The preface and as many frames as asked for."""
        told = [greeting() if self.server else bytes(f.settings())]
        weights = [12, 10, 8, 3, 6, 2, 1, 2, 2, 0.3]
        makers = [
            self.opening,
            self.body,
            self.padded,
            self.trailers,
            self.window,
            self.settings,
            f.ping,
            self.priority,
            self.reset,
            self.wild,
        ]
        if not self.server:
            makers[7] = self.promise
        told += [bytes(f.settings_ack()), bytes(self.opening())]
        told += [bytes(make()) for make in self.rng.choices(makers, weights, k=length)]
        return told

    def one(self) -> int:
        """A stream that is open, as far as the peer knows."""
        if not self.open or self.rng.random() < 0.01:
            return self.rng.randrange(1, max(self.highest, 2))
        return self.rng.choice(self.open[-6:])

    def ends(self, stream: int, chance: float) -> bool:
        """Whether the stream ends now; mostly it is not used again then."""
        end = self.rng.random() < chance
        if end and stream in self.open and self.rng.random() < 0.98:
            self.open.remove(stream)
        return end

    def opening(self) -> f.Frame:
        """A request on the next stream, or a response on one that is open."""
        rng = self.rng
        if self.server:
            self.highest += 2
            self.open.append(self.highest)
            stream = self.highest
        else:
            stream = self.one()
        fields = rng.choice([f.GET, f.POST, BROWSER, f.HEAD]) if self.server else f.OK
        extra = [(b"x-" + rng.choice([b"a", b"b"]), b"%d" % rng.randrange(5))]
        block = self.compress.encode([*fields, *extra])
        return f.raw_headers(stream, block, end_stream=self.ends(stream, 0.5))

    def body(self) -> f.Frame:
        """DATA of any size."""
        stream = self.one()
        size = self.rng.randrange(4000)
        return f.data(stream, bytes(size), end_stream=self.ends(stream, 0.2))

    def padded(self) -> f.Frame:
        """DATA that is mostly padding."""
        return f.data(self.one(), b"padded", pad=self.rng.randrange(200))

    def trailers(self) -> f.Frame:
        """A second section on a stream, which ends it."""
        stream = self.one()
        self.ends(stream, 1)
        return f.raw_headers(stream, self.compress.encode(TRAILERS))

    def window(self) -> f.Frame:
        """Credit for a stream or the connection."""
        stream = self.rng.choice([0, self.one()])
        return f.window_update(stream, self.rng.choice([1, 999, 70_000]))

    def settings(self) -> f.Frame:
        """One setting, with a value that is allowed."""
        code, values = self.rng.choice(
            [
                (f.HEADER_TABLE_SIZE, [0, 100, 4096, 65_536]),
                (f.MAX_CONCURRENT_STREAMS, [0, 1, 100]),
                (f.INITIAL_WINDOW_SIZE, [0, 10, 65_535, 300_000]),
                (f.MAX_FRAME_SIZE, [16_384, 20_000]),
                (99, [7]),
            ]
        )
        return f.settings((code, self.rng.choice(values)))

    def priority(self) -> f.Frame:
        """Either kind of priority signal."""
        if self.rng.random() < 0.3:
            return f.priority(self.one(), 0)
        return f.priority_update(self.one() or 1, self.rng.choice([b"u=0", b"u=7,i", b"i=?0"]))

    def promise(self) -> f.Frame:
        """A pushed stream and, sooner or later, its response."""
        self.promised += 2
        self.open.append(self.promised)
        return f.push_promise(self.rng.choice([1, 3, 5, 7]), self.promised, f.GET)

    def reset(self) -> f.Frame:
        """RST_STREAM with any code."""
        stream = self.one()
        self.ends(stream, 1)
        return f.rst_stream(stream, self.rng.randrange(14))

    def wild(self) -> f.Frame:
        """Anything."""
        rng = self.rng
        payload = rng.randbytes(rng.choice([0, 4, 5, 8, 9]))
        return f.Frame(rng.randrange(256), rng.randrange(256), rng.randrange(9), payload)


def damage(rng: random.Random, told: list[bytes]) -> list[bytes]:
    """The same conversation with one to three things wrong."""
    parts = list(told)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(parts))
        part = bytearray(parts[at])
        spot = rng.randrange(len(part)) if part else 0
        match rng.randrange(8):
            case 0 if part:
                part[spot] ^= 1 << rng.randrange(8)
            case 1 if part:
                # in the frame header, where it hurts most
                part[min(spot % 9, len(part) - 1)] = rng.choice([0, 1, 4, 8, 0x7F, 0xFF])
            case 2:
                del part[spot : spot + rng.randrange(1, 5)]
            case 3:
                part[spot:spot] = rng.randbytes(rng.randrange(1, 5))
            case 4:
                parts.insert(rng.randrange(len(parts) + 1), bytes(part))
            case 5:
                other = rng.randrange(len(parts))
                parts[at], parts[other] = parts[other], parts[at]
                continue
            case 6:
                part = part[:spot]
            case _:
                head = struct.pack(">BBI", rng.randrange(17), rng.randrange(256), rng.randrange(9))
                payload = rng.randbytes(rng.choice([0, 4, 5, 6, 8, 40]))
                part += len(payload).to_bytes(3, "big") + head + payload
        parts[at] = bytes(part)
    return parts


def cut(rng: random.Random, told: list[bytes]) -> tuple[bytes, ...]:
    """The octets of a conversation in reads that care for no frame."""
    whole = b"".join(told)
    # octet by octet where that is not too many reads
    longest = max(rng.choice([1, 7, 60, 1000, 20_000]), len(whole) // 300)
    reads = []
    while whole:
        size = rng.randrange(1, longest + 1)
        reads.append(whole[:size])
        whole = whole[size:]
    return tuple(reads)


def corpus(damaged: int = 12, drawn: int = 150) -> list[Conversation]:
    """All conversations: `damaged` variations of each, `drawn` mixed ones in each role."""
    rng = random.Random(SEED)
    found = []
    for role, written in (("server", written_for_server()), ("client", written_for_client())):
        told = [(f"{role}: {name}", reads) for name, reads in written.items()]
        told += [
            (f"{role}: mixed {n}", Mixer(rng, role).conversation(10 + n % 60)) for n in range(drawn)
        ]
        for name, reads in told:
            found.append(Conversation(name, role, tuple(reads)))
            found.append(Conversation(f"{name}, cut", role, cut(rng, reads)))
            for n in range(damaged if "mixed" not in name else 2):
                worse = cut(rng, damage(rng, reads))
                found.append(Conversation(f"{name}, damaged {n}", role, worse))
    return found


def field_blocks(count: int = 2000) -> list[bytes]:
    """Field blocks for one decoder after the other; damaged ones among them."""
    rng = random.Random(SEED + 1)
    names = [b"x-a", b"x-b", b"cookie", b"accept", b"content-type", b"x-" + b"n" * 200]
    blocks = []
    compress = hpack.Encoder()
    for at in range(count):
        if at % 40 == 0:
            compress = hpack.Encoder()
        if rng.random() < 0.05:
            compress.header_table_size = rng.choice([0, 64, 500, 4096])
        fields = [
            (rng.choice(names), rng.randbytes(rng.randrange(40)).hex().encode(), rng.random() < 0.1)
            for _ in range(rng.randrange(1, 9))
        ]
        block = bytearray(compress.encode(BROWSER + fields, huffman=rng.random() < 0.8))
        if rng.random() < 0.1:
            block[rng.randrange(len(block))] ^= 1 << rng.randrange(8)
        blocks.append(bytes(block))
    return blocks


def field_lists(count: int = 500) -> list[Fields]:
    """Field sections for one encoder after the other."""
    rng = random.Random(SEED + 2)
    names = [b"x-a", b"x-b", b"cookie", b"accept", b"authorization", b"x-" + b"n" * 200]
    return [
        BROWSER[: rng.randrange(len(BROWSER))]
        + [(rng.choice(names), rng.randbytes(rng.randrange(60))) for _ in range(rng.randrange(6))]
        for _ in range(count)
    ]
