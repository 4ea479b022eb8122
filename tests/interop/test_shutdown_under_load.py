"""The server is told to stop while clients are at it: nothing that was accepted is lost.

h2load goes on asking until it is sent away, so there are always requests on their way when the
signal comes. What it counts as failed never reached a handler, and may be retried.
"""

from __future__ import annotations

import re
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.interop.test_wire_faults import HELLO, frames, request
from tests.server.rawclient import ACK, DATA, END_STREAM, GOAWAY, HEADERS, PING, SETTINGS, frame
from tests.support.certs import TLSFiles
from tests.support.peers import require_tool
from tests.support.process import Background

pytestmark = pytest.mark.interop

PROGRAM = Path(__file__).with_name("departing.py")
ENDLESS = 50_000_000  # requests: h2load never comes to its end by itself


class Counts(NamedTuple):
    """Requests that reached a handler; those answered to their last octet; those that were not."""

    begun: int
    complete: int
    cut: int


@dataclass(frozen=True)
class Departing:
    """The server."""

    url: str
    port: int
    process: Background

    def stop(self) -> None:
        """Tell it to stop."""
        self.process.process.send_signal(signal.SIGTERM)

    def counts(self) -> Counts:
        """What it says when it has stopped by itself, within its deadline."""
        found = self.process.wait_for(r"begun (\d+) complete (\d+) cut (\d+)")
        assert self.process.wait(20) == 0
        assert "Traceback" not in self.process.output, self.process.output
        return Counts(*[int(n) for n in found.groups()])


@contextmanager
def departing(*options: object, tls: TLSFiles | None = None) -> Iterator[Departing]:
    secure = ["--tls", tls.cert, tls.key] if tls else []
    command = [sys.executable, PROGRAM, *secure, *[str(option) for option in options]]
    with Background(command) as process:
        port = int(process.wait_for(r"^port (\d+)$")[1])
        yield Departing(f"{'https' if tls else 'http'}://127.0.0.1:{port}/", port, process)


def interrupted_load(load: str, *options: object, tls: TLSFiles | None = None) -> None:
    """Run h2load until the server is told to stop; compare what both have counted."""
    h2load = require_tool("h2load")
    with departing(*options, tls=tls) as server:
        command = [h2load, "-n", str(ENDLESS), *load.split(), server.url]
        with Background(command) as client:
            server.process.wait_for("under way")
            server.stop()
            served = server.counts()
            assert client.wait(60) == 0
            done = client.wait_for(
                r"requests: \d+ total, (\d+) started, (\d+) done, (\d+) succeeded, (\d+) failed, "
                r"\d+ errored, (\d+) timeout"
            )
        started, _, succeeded, failed, late = [int(n) for n in done.groups()]
        assert served == Counts(succeeded, succeeded, 0), client.output
        assert succeeded <= started
        assert succeeded + failed == ENDLESS
        assert late == 0


# connections and streams of h2load; what the server is told
LOADS = {
    "small": ("-c4 -m20", ["--after", 3000]),
    "one connection": ("-c1 -m100", ["--after", 3000]),
    "many connections": ("-c60 -m5", ["--after", 3000]),
    "answers that take time": ("-c4 -m20", ["--delay", 5, "--after", 300]),
    "larger bodies": ("-c4 -m10", ["--size", 200_000, "--after", 100]),
    "larger bodies that take time": ("-c3 -m50", ["--size", 50_000, "--delay", 3, "--after", 200]),
    "small windows": ("-c3 -m10 -w12 -W14", ["--size", 30_000, "--after", 100]),
}


@pytest.mark.parametrize("name", ["small", "answers that take time", "larger bodies"])
def test_what_h2load_counts_as_failed_may_be_retried(name: str) -> None:
    load, options = LOADS[name]
    interrupted_load(load, *options)


def test_the_same_over_tls(tls_files: TLSFiles) -> None:
    interrupted_load("-c4 -m20", "--delay", 2, "--after", 300, tls=tls_files)


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", LOADS)
def test_again_and_again(name: str, tls_files: TLSFiles) -> None:
    load, options = LOADS[name]
    for turn in range(15):
        # each time at another moment
        moment = ["--after", int(options[-1]) + 97 * turn]
        interrupted_load(load, *options[:-2], *moment, tls=tls_files if turn % 3 == 2 else None)


AT_ONCE = """
import os, signal
from plait.server import BaseRequestHandler, HTTP2Server

class Hasty(HTTP2Server):
    async def start(self):
        await super().start()
        os.kill(os.getpid(), signal.SIGTERM)
        return self

Hasty(("127.0.0.1", 0), BaseRequestHandler).serve_forever()
print("stopped")
"""


def test_a_signal_in_the_very_moment_of_the_start_is_not_lost() -> None:
    with Background([sys.executable, "-c", AT_ONCE]) as process:
        process.wait_for("stopped")
        assert process.wait(20) == 0


def test_frame_by_frame() -> None:
    """RFC 9113 §6.8: first all may still come, and after the round trip of a PING no more."""
    first, second, third = range(1, 21, 2), range(21, 41, 2), range(41, 61, 2)
    with (
        departing("--delay", 100, "--after", 10) as server,
        socket.create_connection(("127.0.0.1", server.port), timeout=15) as sock,
    ):
        sock.sendall(b"".join([*HELLO, *map(request, first)]))
        server.process.wait_for("under way")
        server.stop()
        answered: set[int] = set()
        goaways: list[bytes] = []
        for kind, flags, stream_id, payload in frames(sock):
            if kind == SETTINGS and not flags & ACK:
                sock.sendall(frame(SETTINGS, ACK, 0))
            elif kind == GOAWAY:
                goaways.append(payload)
            elif kind == PING:
                # what comes before the answer is still taken, what comes after it no more
                assert not flags & ACK
                assert goaways == [(2**31 - 1).to_bytes(4, "big") + bytes(4)]
                sock.sendall(b"".join(map(request, second)))
                sock.sendall(frame(PING, ACK, 0, payload))
                sock.sendall(b"".join(map(request, third)))
            elif kind in (HEADERS, DATA):
                assert stream_id not in third
                if flags & END_STREAM:
                    answered.add(stream_id)
        assert goaways[1:] == [(39).to_bytes(4, "big") + bytes(4)]
        assert answered == {*first, *second}
        assert server.counts() == Counts(20, 20, 0)


@pytest.mark.parametrize("secure", [False, True], ids=["clear", "TLS"])
def test_curl_gets_its_download_whole(secure: bool, tls_files: TLSFiles, tmp_path: Path) -> None:
    size = 8_000_000
    target = tmp_path / "download"
    with departing("--size", size, tls=tls_files if secure else None) as server:
        curl = [require_tool("curl"), "-sSk", "--limit-rate", "8M", "-o", target]
        how = "--http2" if secure else "--http2-prior-knowledge"
        with Background([*curl, how, server.url]) as client:
            server.process.wait_for("under way")
            server.stop()
            assert client.wait(60) == 0, client.output
        assert target.stat().st_size == size
        assert server.counts() == Counts(1, 1, 0)


def test_nghttp_gets_its_downloads_whole() -> None:
    size = 30_000_000
    with departing("--size", size, "--after", 3) as server:
        command = [require_tool("nghttp"), "-ns", "-m3", server.url]
        with Background(command) as client:
            server.process.wait_for("under way")
            server.stop()
            assert client.wait(60) == 0, client.output
            whole = re.findall(r" 200 +28M ", client.output)
        assert len(whole) == 3, client.output
        assert server.counts() == Counts(3, 3, 0)
