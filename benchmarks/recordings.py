"""What the peer says in the suite `facade`, written down beforehand: the reads of a connection.

The first read opens the connection and carries the first unit of work, which is not timed; each
unit that follows takes the same number of reads. No peer sends more than the windows hold which
h2 gives by itself: 65,535 octets for a stream and for the connection.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Sequence

from benchmarks.traffic import (
    ACK,
    BODY,
    DATA,
    END_HEADERS,
    END_STREAM,
    HEADERS,
    PREFACE,
    RESPONSE,
    SETTINGS,
    WINDOW_UPDATE,
    Client,
    client_preface,
    frame,
    small_requests,
)
from plait.hpack import Encoder

MIB = 1024 * 1024

#: What is uploaded, and in DATA frames of which size, one a read.
UPLOAD = 64 * 1024
PIECE = 16 * 1024

#: How much credit the receiver of a download gives back at once.
CREDIT = 32 * 1024

UPLOAD_FIELDS = [
    (b":method", b"POST"),
    (b":scheme", b"http"),
    (b":authority", b"127.0.0.1:8080"),
    (b":path", b"/upload"),
    (b"content-type", b"application/octet-stream"),
    (b"content-length", str(UPLOAD).encode()),
]

DOWNLOAD_RESPONSE = [*RESPONSE[:-1], (b"content-length", str(MIB).encode())]

#: SETTINGS that change nothing, and the acknowledgement of the client's.
_SERVER_PREFACE = frame(SETTINGS, 0, 0, b"") + frame(SETTINGS, ACK, 0, b"")


def _data(stream_id: int, octets: int, last: bool) -> bytes:
    """DATA of zeros."""
    return frame(DATA, END_STREAM if last else 0, stream_id, bytes(octets))


def small_responses(units: int, each: int) -> list[bytes]:
    """A server's answers, each of 13 octets, to `each` requests a read."""
    encoder = Encoder()
    reads = []
    for unit in range(units):
        said = [] if unit else [_SERVER_PREFACE]
        for number in range(each):
            stream_id = 2 * (unit * each + number) + 1
            said += [
                frame(HEADERS, END_HEADERS, stream_id, encoder.encode(RESPONSE)),
                frame(DATA, END_STREAM, stream_id, BODY),
            ]
        reads.append(b"".join(said))
    return reads


def uploads(units: int, _each: int) -> list[bytes]:
    """POSTs of 64 KiB, one after the other, in four reads."""
    encoder = Encoder()
    reads = []
    for unit in range(units):
        stream_id = 2 * unit + 1
        head = frame(HEADERS, END_HEADERS, stream_id, encoder.encode(UPLOAD_FIELDS))
        pieces = UPLOAD // PIECE
        said = [_data(stream_id, PIECE, number == pieces - 1) for number in range(pieces)]
        said[0] = head + said[0] if unit else client_preface() + head + said[0]
        reads += said
    return reads


def credit(units: int, _each: int) -> list[bytes]:
    """GETs of 1 MiB, one after the other, and for each the credit that a client gives back.

    With the last read of each the connection's window is what it was at first.
    """
    client = Client()
    opening = PREFACE + frame(SETTINGS, 0, 0, b"") + frame(SETTINGS, ACK, 0, b"")
    more = struct.pack(">I", CREDIT)
    reads = []
    for unit in range(units):
        said = client.request()
        reads.append(said if unit else opening + said)
        updates = MIB // CREDIT
        for number in range(updates):
            update = frame(WINDOW_UPDATE, 0, 0, more)
            if number < updates - 1:
                update += frame(WINDOW_UPDATE, 0, 2 * unit + 1, more)
            reads.append(update)
    return reads


def downloads(units: int, _each: int) -> list[bytes]:
    """A server's answers of 1 MiB in DATA frames of 16 KiB, two a read."""
    encoder = Encoder()
    reads = []
    for unit in range(units):
        stream_id = 2 * unit + 1
        head = frame(HEADERS, END_HEADERS, stream_id, encoder.encode(DOWNLOAD_RESPONSE))
        reads.append(head if unit else _SERVER_PREFACE + head)
        frames = [_data(stream_id, PIECE, at == MIB - PIECE) for at in range(0, MIB, PIECE)]
        reads += [a + b for a, b in zip(frames[::2], frames[1::2], strict=True)]
    return reads


def requests(fields: str) -> Callable[[int, int], list[bytes]]:
    """Requests without a body, `each` a read."""

    def record(units: int, each: int) -> list[bytes]:
        return small_requests(fields, units, each)

    return record


def first_unit(reads: Sequence[bytes], units: int) -> tuple[list[bytes], list[bytes]]:
    """The reads of the first unit, which warm up, and all others."""
    size = len(reads) // units
    return list(reads[:size]), list(reads[size:])
