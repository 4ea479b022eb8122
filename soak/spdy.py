"""Millions of SPDY streams over one session in memory: a client and a server, and what they weigh.

``python -m soak.spdy VERSION STREAMS`` is the process that is measured; `spdy` starts it.
"""

from __future__ import annotations

import gc
import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from plait.http2 import Role
from plait.spdy import (
    Connection,
    ConnectionTerminated,
    DataReceived,
    Event,
    PeerFinished,
    StreamClosed,
)
from soak.streams import MOST_GROWTH, Endurance

NAMES = {2: "SPDY/2", 3: "SPDY/3", 4: "SPDY/3.1"}
_ROUND = 20  # streams of each kind in a round
_WARM = 40  # rounds before the first measurement
_CANCEL = 5

_GET = [(b":method", b"GET"), (b":path", b"/small"), (b":scheme", b"https"), (b":host", b"here")]
_POST = [(b":method", b"POST"), (b":path", b"/sink"), (b":scheme", b"https"), (b":host", b"here")]
_OK = [(b":status", b"200 OK"), (b":version", b"HTTP/1.1")]


class Session:
    """A client and a server, and what each has to do."""

    def __init__(self, version: int) -> None:
        self.client = Connection(Role.CLIENT, version)
        self.server = Connection(Role.SERVER, version)
        self.closed = 0
        self.octets = 0
        self.refused = ""

    def settle(self, answer: Callable[[int], None] | None = None) -> None:
        """Let everything that is on its way arrive, and requests be answered."""
        while True:
            up = self.client.data_to_send()
            self.note(self.client.take_events())
            for event in self.note(self.server.receive_data(up)):
                if answer is not None and isinstance(event, PeerFinished):
                    answer(event.stream_id)
            down = self.server.data_to_send()
            self.note(self.server.take_events())
            self.note(self.client.receive_data(down))
            if not (up or down):
                return

    def note(self, events: list[Event]) -> list[Event]:
        """Count what has come to its end; nobody's session may."""
        for event in events:
            if isinstance(event, StreamClosed):
                self.closed += 1
            elif isinstance(event, DataReceived):
                self.octets += len(event.data)
            elif isinstance(event, ConnectionTerminated):
                self.refused = event.slug
        if self.refused:
            raise RuntimeError(f"an honest peer was refused: {self.refused}")
        return events

    def round(self) -> int:
        """Every kind of stream in turn; how many there were."""
        client, server = self.client, self.server
        for _ in range(_ROUND):
            client.send_request(_GET)
        self.settle(lambda stream: server.send_response(stream, _OK, b"Hello, world!"))
        for _ in range(_ROUND):
            client.send_request(_POST, bytes(1500))
        self.settle(lambda stream: server.send_response(stream, _OK, bytes(6000)))
        for _ in range(_ROUND):
            client.send_request(_GET)
        self.settle(self.push_and_answer)
        reset = [client.send_request(_GET) for _ in range(_ROUND)]
        self.settle()
        for stream in reset[::2]:
            client.reset_stream(stream, _CANCEL)
        for stream in reset[1::2]:
            server.reset_stream(stream, _CANCEL)
        self.settle()
        if client.open_streams or server.open_streams:
            raise RuntimeError(f"{client.open_streams} and {server.open_streams} streams are left")
        return 5 * _ROUND

    def push_and_answer(self, stream: int) -> None:
        """A response, and one that nobody asked for."""
        self.server.push(stream, _GET, b"pushed")
        self.server.send_response(stream, _OK, bytes(100))


def _memory(name: str) -> int:
    status = Path("/proc/self/status").read_text(encoding="ascii")
    found = re.search(rf"{name}:\s+(\d+)", status)
    assert found is not None
    return int(found[1]) * 1024


def _blocks() -> int:
    gc.collect()
    return sys.getallocatedblocks()


def _run(version: int, streams: int) -> dict[str, object]:
    """What the measured process does."""
    session = Session(version)
    for _ in range(_WARM):
        session.round()
    session.closed = 0
    blocks = _blocks()
    warm = _memory("VmRSS")
    begun = time.monotonic()
    total = 0
    while total < streams:
        total += session.round()
    seconds = time.monotonic() - begun
    peak = _memory("VmHWM")
    problems = []
    if session.closed != 2 * total:
        problems.append(f"{2 * total - session.closed} ends were not told")
    return {
        "streams": total,
        "seconds": seconds,
        "memory": [warm, peak, _memory("VmRSS")],
        "blocks": [blocks, _blocks()],
        "problems": problems,
    }


def spdy(version: int, streams: int) -> Endurance:
    """So many streams, in a process of its own."""
    command = [sys.executable, "-m", "soak.spdy", str(version), str(streams)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{NAMES[version]}: {done.stderr}")
    told = json.loads(done.stdout)
    found = Endurance(
        f"{NAMES[version]}: GET, POST, reset, pushing and pushed in turn, in memory",
        told["streams"],
        told["seconds"],
        tuple(told["memory"]),
        tuple(told["blocks"]),
        problems=told["problems"],
    )
    if found.memory[2] - found.memory[0] > MOST_GROWTH:
        grown = (found.memory[2] - found.memory[0]) / 2**20
        found.problems.append(f"{grown:.1f} MiB more than after warm-up")
    return found


def all_versions(count: int) -> list[Endurance]:
    """A tenth of the streams over SPDY/2 and over SPDY/3 each, all of them over SPDY/3.1."""
    return [spdy(version, count // (1 if version == 4 else 10)) for version in NAMES]


if __name__ == "__main__":
    json.dump(_run(int(sys.argv[1]), int(sys.argv[2])), sys.stdout)
