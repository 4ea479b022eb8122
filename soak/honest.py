"""The honest client beside the attack, a process of its own: ``python -m soak.honest PORT FILE``.

It asks for 13 octets every few milliseconds and for 100 KB now and then, one request at a time on
one connection, and writes (time, seconds, kind) of each into a file. A request that fails counts as
endless, and a new connection is made.
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import struct
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from soak import frames as f
from soak.subject import client_cores

_RECORD = struct.Struct("ddi")
_PACE = 0.003  # seconds between requests
_LARGE_EVERY = 10  # requests
_PATIENCE = 10.0  # seconds after which a request has failed
FAILED = float("inf")

SMALL, LARGE = 0, 1


class Client:
    """One connection, one request at a time."""

    def __init__(self, port: int) -> None:
        self.sock = socket.create_connection(("127.0.0.1", port), timeout=_PATIENCE)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stream_id = 1
        self.rest = bytearray()
        wide = f.settings((f.INITIAL_WINDOW_SIZE, f.MOST)) + f.window_update(0, 2**30)
        self.sock.sendall(f.PREFACE + wide + f.frame(f.SETTINGS, f.ACK, 0))
        self.credit = 0

    def ask(self, path: bytes) -> bool:
        """Whether the request was answered completely."""
        stream_id = self.stream_id
        self.stream_id += 2
        self.sock.sendall(f.request(stream_id, path))
        rest = self.rest
        while True:
            at = 0
            while len(rest) - at >= 9:
                length = rest[at] << 16 | rest[at + 1] << 8 | rest[at + 2]
                if len(rest) - at < 9 + length:
                    break
                kind, flags = rest[at + 3], rest[at + 4]
                number = int.from_bytes(rest[at + 5 : at + 9], "big")
                at += 9 + length
                if kind == f.DATA:
                    self.consumed(length)
                if number == stream_id and kind in (f.DATA, f.HEADERS) and flags & f.END_STREAM:
                    del rest[:at]
                    return True
                if kind == f.GOAWAY or (kind == f.RST_STREAM and number == stream_id):
                    return False
            del rest[:at]
            octets = self.sock.recv(262_144)
            if not octets:
                return False
            rest += octets

    def consumed(self, octets: int) -> None:
        """Give credit back now and then."""
        self.credit += octets
        if self.credit > 2**28:
            self.sock.sendall(f.window_update(0, self.credit))
            self.credit = 0


def main(port: int, path: str) -> None:
    """Ask until terminated."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    client: Client | None = None
    number = 0
    with open(path, "ab", buffering=0) as file:
        while True:
            number += 1
            kind = LARGE if number % _LARGE_EVERY == 0 else SMALL
            began = time.monotonic()
            try:
                if client is None:
                    client = Client(port)
                good = client.ask(b"/honest/large" if kind == LARGE else b"/honest/small")
            except OSError:
                good = False
            took = time.monotonic() - began
            if not good:
                client, took = None, FAILED
            file.write(_RECORD.pack(began, took, kind))
            time.sleep(_PACE)


@dataclass(frozen=True)
class Latencies:
    """Seconds of the requests of a span of time."""

    requests: int
    failed: int
    p50: float
    p99: float


class Honest:
    """The client as its parent sees it."""

    def __init__(self, port: int, file: Path) -> None:
        self.port = port
        self.file = file

    def __enter__(self) -> Self:
        self.file.touch()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "soak.honest", str(self.port), str(self.file)],
            stdin=subprocess.DEVNULL,
        )
        os.sched_setaffinity(self.process.pid, client_cores())
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait()

    def between(self, start: float, end: float) -> list[float]:
        """How long its requests took in a span of ``time.monotonic()``."""
        octets = self.file.read_bytes()
        whole = len(octets) // _RECORD.size * _RECORD.size
        records = _RECORD.iter_unpack(octets[:whole])
        return [took for began, took, _ in records if start <= began < end]


def latencies(times: list[float]) -> Latencies | None:
    """Sum up; a failed request is longer than all that were answered."""
    if not times:
        return None
    ordered = sorted(times)
    failed = ordered.count(FAILED)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return Latencies(len(ordered), failed, statistics.median(ordered), p99)


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2])
