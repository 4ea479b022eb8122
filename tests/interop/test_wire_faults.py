"""What must not be said to a server, said over a socket; and clients that vanish.

The engine's tests have every rule. Here the process that serves is another one, and what counts
is that it answers as RFC 9113 wants, frees what it held, and goes on serving everybody else.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import time
from collections.abc import Iterator

import hpack
import pytest

from tests.interop.conftest import Served, running
from tests.server.rawclient import (
    ACK,
    DATA,
    END_HEADERS,
    END_STREAM,
    GOAWAY,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    PING,
    PREFACE,
    PRIORITY,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
    frame,
    settings,
)

PROTOCOL_ERROR, FLOW_CONTROL_ERROR, STREAM_CLOSED, FRAME_SIZE_ERROR = 1, 3, 5, 6
COMPRESSION_ERROR, ENHANCE_YOUR_CALM = 9, 11
CONTINUATION = 9


def request(stream_id: int, path: str = "/hello", *, end: bool = True, **fields: str) -> bytes:
    pairs = {":method": "GET", ":scheme": "http", ":authority": "a", ":path": path, **fields}
    block = hpack.Encoder().encode(list(pairs.items()))
    return frame(HEADERS, END_HEADERS | (END_STREAM if end else 0), stream_id, block)


def number(value: int) -> bytes:
    return struct.pack(">I", value)


@contextlib.contextmanager
def connected(served: Served, *octets: bytes) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", served.port), timeout=15) as sock:
        sock.sendall(b"".join(octets))
        yield sock


def frames(sock: socket.socket) -> Iterator[tuple[int, int, int, bytes]]:
    """Type, flags, stream and payload of each frame, up to the end of the connection."""
    with sock.makefile("rb") as file, contextlib.suppress(ConnectionResetError):
        while len(head := file.read(9)) == 9:
            payload = file.read(int.from_bytes(head[:3], "big"))
            yield head[3], head[4], int.from_bytes(head[5:], "big"), payload


HELLO = [PREFACE, settings()]

FATAL = {
    "no preface": ([b"\0" * 100], PROTOCOL_ERROR),
    "no SETTINGS first": ([PREFACE, frame(PING, 0, 0, bytes(8))], PROTOCOL_ERROR),
    "a frame too large": ([*HELLO, frame(DATA, 0, 1, bytes(16_385))], FRAME_SIZE_ERROR),
    "a short PING": ([*HELLO, frame(PING, 0, 0, bytes(6))], FRAME_SIZE_ERROR),
    "PING on a stream": ([*HELLO, frame(PING, 0, 1, bytes(8))], PROTOCOL_ERROR),
    "DATA on stream 0": ([*HELLO, frame(DATA, 0, 0, b"x")], PROTOCOL_ERROR),
    "DATA on an idle stream": ([*HELLO, frame(DATA, 0, 1, b"x")], PROTOCOL_ERROR),
    "HEADERS on an even stream": ([*HELLO, request(2)], PROTOCOL_ERROR),
    "an older stream": ([*HELLO, request(5), request(3)], PROTOCOL_ERROR),
    "a broken block": ([*HELLO, frame(HEADERS, 5, 1, b"\xff" * 40)], COMPRESSION_ERROR),
    "padding longer than the frame": (
        [*HELLO, request(1, end=False), frame(DATA, 8, 1, b"\x05abc")],
        PROTOCOL_ERROR,
    ),
    "another frame inside a block": (
        [*HELLO, frame(HEADERS, 0, 1, b"\x82"), frame(PING, 0, 0, bytes(8))],
        PROTOCOL_ERROR,
    ),
    "CONTINUATION of nothing": ([*HELLO, frame(CONTINUATION, 4, 1, b"\x82")], PROTOCOL_ERROR),
    "endless CONTINUATION": (
        [*HELLO, frame(HEADERS, 0, 1), frame(CONTINUATION, 0, 1) * 1000],
        ENHANCE_YOUR_CALM,
    ),
    "a window beyond 2^31-1": (
        [*HELLO, frame(WINDOW_UPDATE, 0, 0, number(2**31 - 1))],
        FLOW_CONTROL_ERROR,
    ),
    "an initial window beyond 2^31-1": (
        [PREFACE, settings({INITIAL_WINDOW_SIZE: 2**31})],
        FLOW_CONTROL_ERROR,
    ),
    "no increment": ([*HELLO, frame(WINDOW_UPDATE, 0, 0, number(0))], PROTOCOL_ERROR),
    "SETTINGS of odd length": ([*HELLO, frame(SETTINGS, 0, 0, b"abc")], FRAME_SIZE_ERROR),
    "an acknowledgement with content": (
        [*HELLO, frame(SETTINGS, ACK, 0, bytes(6))],
        FRAME_SIZE_ERROR,
    ),
    "a promise from a client": ([*HELLO, request(1), frame(5, 4, 1, number(2))], PROTOCOL_ERROR),
    "rapid reset": (
        [*HELLO, *(request(n) + frame(RST_STREAM, 0, n, number(8)) for n in range(1, 6001, 2))],
        ENHANCE_YOUR_CALM,
    ),
}


@pytest.mark.parametrize("name", FATAL)
def test_faults_that_end_the_connection(clear: Served, name: str) -> None:
    octets, code = FATAL[name]
    with connected(clear, *octets) as sock:
        with contextlib.suppress(OSError):
            sock.shutdown(socket.SHUT_WR)
        codes = [payload[4:8] for kind, _, _, payload in frames(sock) if kind == GOAWAY]
    # when octets of ours were never read, the system may throw the answer away
    assert codes == [number(code)] or (not codes and name == "rapid reset")
    assert clear.report()["open"] == 0


HARMLESS = {
    "nothing": b"",
    "unknown frames": frame(0xBB, 0xFF, 0, b"what") + frame(0xBC, 1, 7, b"?"),
    "unknown settings": settings({0xAAAA: 7}),
    "unknown flags": frame(PING, 0xFE, 0, bytes(8)),
    "PRIORITY of an idle stream": frame(PRIORITY, 0, 99, number(0) + b"\x10"),
    "a reserved bit": frame(WINDOW_UPDATE, 0, 1 << 31, number(5)),
    "an acknowledged PING": frame(PING, ACK, 0, b"whatever"),
}

REFUSED = {
    "upper case": request(3, **{"X-Upper": "x"}),
    "connection": request(3, connection="close"),
    "a path that is none": request(3, "hello"),
    "a length that lies": request(3, **{"content-length": "5"}),
    "a stream window beyond 2^31-1": request(3, "/never")
    + frame(WINDOW_UPDATE, 0, 3, number(2**31 - 1)),
    "no increment for a stream": request(3, "/never") + frame(WINDOW_UPDATE, 0, 3, number(0)),
}


@pytest.mark.parametrize("name", [*HARMLESS, *REFUSED])
def test_what_concerns_one_stream_at_most(clear: Served, name: str) -> None:
    octets = HARMLESS.get(name) or REFUSED.get(name, b"")
    with connected(clear, *HELLO, request(1), octets, request(5)) as sock:
        reset = set()
        answered = set()
        for kind, flags, stream_id, _ in frames(sock):
            assert kind != GOAWAY
            if kind == RST_STREAM:
                reset.add(stream_id)
            if kind == DATA and flags & END_STREAM:
                answered.add(stream_id)
            if 5 in answered:
                break
    assert answered == {1, 5}
    assert reset == ({3} if name in REFUSED else set())


def test_clients_that_vanish_in_the_middle_of_anything(clear: Served) -> None:
    talk = b"".join(
        [
            *HELLO,
            request(1),
            request(3, "/never"),
            request(5, "/echo", end=False),
            frame(DATA, 0, 5, b"x" * 5000),
            request(7, "/bytes?n=100000000"),
            request(9, "/delay?ms=50"),
        ]
    )
    abort = struct.pack("ii", 1, 0)
    for cut in range(0, len(talk), 37):
        with connected(clear, talk[:cut]) as sock:
            if cut % 2:  # RST instead of FIN
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, abort)
    wait_for_idle(clear)


def test_hundreds_of_idle_connections(clear: Served) -> None:
    with contextlib.ExitStack() as stack:
        for _ in range(400):
            stack.enter_context(connected(clear, *HELLO))
        socks = [stack.enter_context(connected(clear, *HELLO, request(1))) for _ in range(100)]
        for sock in socks:
            assert any(kind == DATA for kind, *_ in iter_some(sock))
    wait_for_idle(clear)


def iter_some(sock: socket.socket) -> Iterator[tuple[int, int, int, bytes]]:
    for each in frames(sock):
        yield each
        if each[0] == DATA:
            return


@pytest.mark.slow
def test_thousands_of_clients_killed_and_nothing_grows() -> None:
    with running() as served:
        sizes = []
        for _ in range(4):
            for n in range(1500):
                with connected(
                    served, *HELLO, request(1, "/never"), request(3, "/bytes?n=9999999")
                ):
                    if n % 100 == 0:
                        wait_for_idle(served, n + 2)
            wait_for_idle(served)
            sizes.append(served.report()["resident"])
        assert max(sizes[1:]) - sizes[0] < 4_000_000, sizes


def wait_for_idle(served: Served, most: int = 0) -> None:
    deadline = time.monotonic() + 10
    while served.report()["open"] > most:
        assert time.monotonic() < deadline
        time.sleep(0.02)
