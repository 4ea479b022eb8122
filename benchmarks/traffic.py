"""What the clients say: field lists, frames, and whole client byte streams made beforehand."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from plait.hpack import Encoder

Fields = list[tuple[bytes, bytes]]

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, SETTINGS, WINDOW_UPDATE = 0, 1, 4, 8
END_STREAM, ACK, END_HEADERS = 1, 1, 4
MAX_CONCURRENT_STREAMS, INITIAL_WINDOW_SIZE = 3, 4
BIG_WINDOW = 2**30 - 1

BODY = b"Hello, world\n"
BIG_BODY = bytes(10 * 1024 * 1024)

RESPONSE: Fields = [
    (b":status", b"200"),
    (b"server", b"bench"),
    (b"date", b"Sat, 21 Nov 2026 08:00:00 GMT"),
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"13"),
]


def picture_response(number: int) -> Fields:
    """What a CDN says of a picture: most of it as ever, some of it about this one."""
    return [
        (b":status", b"200"),
        (b"server", b"cdn"),
        (b"date", b"Sat, 21 Nov 2026 08:00:%02d GMT" % (number % 60)),
        (b"content-type", b"image/webp"),
        (b"content-length", b"13"),
        (b"last-modified", b"Fri, 20 Nov 2026 %02d:15:%02d GMT" % (number % 24, number % 60)),
        (b"etag", b'"5f%06x-a1c"' % (number * 7919)),
        (b"cache-control", b"public, max-age=31536000, immutable"),
        (b"accept-ranges", b"bytes"),
        (b"vary", b"accept"),
        (b"x-cache", b"HIT"),
    ]


#: What the engines answer, in turn: to h2load always the same, to the browser 500 different ones.
RESPONSES: dict[str, list[Fields]] = {
    "h2load": [RESPONSE],
    "browser": [picture_response(number) for number in range(500)],
}

#: What h2load sends, the same for every request.
H2LOAD: Fields = [
    (b":method", b"GET"),
    (b":scheme", b"http"),
    (b":authority", b"127.0.0.1:8080"),
    (b":path", b"/hello.txt"),
    (b"user-agent", b"h2load nghttp2/1.52.0"),
]

_BROWSER_HEAD: Fields = [
    (b":method", b"GET"),
    (b":authority", b"shop.example.com"),
    (b":scheme", b"https"),
]
_BROWSER_TAIL: Fields = [
    (b"sec-ch-ua-platform", b'"Linux"'),
    (
        b"user-agent",
        b"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) "
        b"Chrome/126.0.0.0 Safari/537.36",
    ),
    (b"sec-ch-ua", b'"Not/A)Brand";v="8", "Chromium";v="126"'),
    (b"sec-ch-ua-mobile", b"?0"),
    (b"accept", b"image/avif,image/webp,image/apng,image/svg+xml,image/*,*/*;q=0.8"),
    (b"sec-fetch-site", b"same-origin"),
    (b"sec-fetch-mode", b"no-cors"),
    (b"sec-fetch-dest", b"image"),
    (b"referer", b"https://shop.example.com/catalogue/chairs?page=2"),
    (b"accept-encoding", b"gzip, deflate, br, zstd"),
    (b"accept-language", b"en-GB,en;q=0.9,de;q=0.8"),
    (b"cookie", b"session=7f3b1c90ae5d4f2e8812c07d3f6ab941"),
    (b"cookie", b"consent=necessary.analytics"),
    (b"priority", b"u=5, i"),
]


def h2load_fields(_number: int) -> Fields:
    """The fields of h2load's request, whichever it is."""
    return H2LOAD


def browser_fields(number: int) -> Fields:
    """The fields with which a browser asks for one of the 500 pictures of a page."""
    path = b"/img/chairs/%03d-thumb@2x.webp" % (number % 500)
    return [*_BROWSER_HEAD, (b":path", path), *_BROWSER_TAIL]


FIELD_LISTS = {"h2load": h2load_fields, "browser": browser_fields}


def frame(kind: int, flags: int, stream_id: int, payload: bytes) -> bytes:
    """One frame (RFC 9113 §4.1)."""
    return (
        struct.pack(">I", len(payload))[1:] + struct.pack(">BBI", kind, flags, stream_id) + payload
    )


def frames(data: bytes) -> Iterator[tuple[int, int, int, bytes]]:
    """The whole frames in `data` as (type, flags, stream, payload)."""
    at = 0
    while at + 9 <= len(data):
        length = int.from_bytes(data[at : at + 3], "big")
        if at + 9 + length > len(data):
            return
        kind, flags = data[at + 3], data[at + 4]
        yield (
            kind,
            flags,
            int.from_bytes(data[at + 5 : at + 9], "big"),
            data[at + 9 : at + 9 + length],
        )
        at += 9 + length


def client_preface(initial_window: int = BIG_WINDOW) -> bytes:
    """Magic, SETTINGS, and a connection window that never runs out, as h2load opens."""
    settings = struct.pack(">HI", INITIAL_WINDOW_SIZE, initial_window)
    credit = struct.pack(">I", BIG_WINDOW - 65535)
    return (
        PREFACE
        + frame(SETTINGS, 0, 0, settings)
        + frame(WINDOW_UPDATE, 0, 0, credit)
        + frame(SETTINGS, ACK, 0, b"")
    )


class Client:
    """Writes the requests of one connection; keeps the encoder's state and the stream numbers."""

    def __init__(self, fields: str = "h2load") -> None:
        self._fields = FIELD_LISTS[fields]
        self._encoder = Encoder()
        self._stream_id = 1
        self._number = 0

    def request(self, end_stream: bool = True) -> bytes:
        """HEADERS of the next request; without `end_stream` it stays open, waiting for a body."""
        fields = self._fields(self._number)
        if not end_stream:
            fields = [(b":method", b"POST"), *fields[1:]]
        flags = END_HEADERS | (END_STREAM if end_stream else 0)
        out = frame(HEADERS, flags, self._stream_id, self._encoder.encode(fields))
        self._stream_id += 2
        self._number += 1
        return out

    def batch(self, size: int = 32) -> bytes:
        """One read's worth of requests."""
        return b"".join([self.request() for _ in range(size)])


def small_requests(fields: str, batches: int, size: int = 32) -> list[bytes]:
    """A connection's reads: the preface with a first batch, then the others."""
    client = Client(fields)
    reads = [client.batch(size) for _ in range(batches)]
    reads[0] = client_preface() + reads[0]
    return reads


def with_open_streams(open_streams: int, batches: int, blocked: bool) -> list[bytes]:
    """Reads where `open_streams` requests stay open while small exchanges go on beside them.

    They wait for the rest of their request body; or, `blocked`, they are complete and what waits
    is their response, for a stream window that the peer does not open.
    """
    client = Client("h2load")
    opening = client_preface(100 if blocked else BIG_WINDOW)
    opening += b"".join([client.request(end_stream=blocked) for _ in range(open_streams)])
    return [opening, *[client.batch() for _ in range(batches)]]


def ended_streams(data: bytes) -> tuple[int, bytes]:
    """How many streams the whole frames in `data` end, and what is left of it after them."""
    ended = used = 0
    for kind, flags, _, payload in frames(data):
        used += 9 + len(payload)
        if kind <= HEADERS and flags & END_STREAM:
            ended += 1
    return ended, data[used:]


def octets(reads: Sequence[bytes]) -> int:
    """The length of all reads together."""
    return sum(map(len, reads))
