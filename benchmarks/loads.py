"""The load put on a server: h2load for HTTP/2, wrk for HTTP/1.1."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.machine import load_core, pinned
from benchmarks.servers import Server, find_program
from benchmarks.workers import Missing

_LONGEST_RUN = 120.0  # seconds


@dataclass(frozen=True, slots=True)
class Load:
    """What one run asks for.

    ``http1`` is keep-alive without pipelining, by wrk, which counts seconds and not requests: it
    runs for one second.
    """

    requests: int
    clients: int = 10
    streams: int = 32
    path: str = "/hello.txt"
    tls: bool = False
    upload: Path | None = None
    content_type: str = ""
    te: str = ""
    http1: bool = False

    @property
    def title(self) -> str:
        """As in h2load's own options."""
        return f"-c {self.clients} -m {self.streams}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run cost the server, and how fast it went."""

    cpu_ns: float
    per_second: float
    requests: int


def run_load(server: Server, load: Load) -> Outcome:
    """One run; every answer must be a success."""
    return _wrk(server, load) if load.http1 else _h2load(server, load)


def lost_requests(server: Server, load: Load) -> int:
    """How many of a run's requests were not answered, or not with success."""
    printed = _run(server, _h2load_command(server, load))
    return load.requests - _good(printed)


def _h2load_command(server: Server, load: Load) -> list[str]:
    scheme = "https" if load.tls else "http"
    return [
        find_program("h2load"),
        *("-n", str(load.requests), "-c", str(load.clients), "-m", str(load.streams)),
        # one cipher suite for all, so that TLS costs all the same
        "--tls13-ciphers=TLS_AES_128_GCM_SHA256",
        *(("-d", str(load.upload)) if load.upload else ()),
        *(("-H", f"content-type: {load.content_type}") if load.content_type else ()),
        *(("-H", f"te: {load.te}") if load.te else ()),
        f"{scheme}://127.0.0.1:{server.port}{load.path}",
    ]


def _run(server: Server, command: Sequence[str]) -> str:
    """What the program printed. A server that has all cores shares them with it."""
    try:
        done = subprocess.run(
            command if server.everywhere else pinned(command, load_core()),
            capture_output=True,
            text=True,
            check=False,
            timeout=_LONGEST_RUN,
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"{server.name} does not answer: {server.complaint()}") from None
    return done.stdout


def _good(printed: str) -> int:
    """The requests that h2load saw answered with success."""
    succeeded = re.search(r"(\d+) succeeded", printed)
    ok = re.search(r"status codes: (\d+) 2xx", printed)
    return min(int(succeeded[1]), int(ok[1])) if succeeded and ok else 0


def _h2load(server: Server, load: Load) -> Outcome:
    command = _h2load_command(server, load)
    before = server.spent_ns()
    printed = _run(server, command)
    spent = server.spent_ns() - before
    good = _good(printed)
    rate = re.search(r"([\d.]+) req/s", printed)
    if rate is None or good < load.requests:
        raise Missing(f"{server.name} answered {good} of {load.requests}: {server.complaint()}")
    return Outcome(spent, float(rate[1]), load.requests)


def _wrk(server: Server, load: Load) -> Outcome:
    url = f"http://127.0.0.1:{server.port}{load.path}"
    command = [find_program("wrk"), "-t", "1", "-c", str(load.clients), "-d", "1s", url]
    before = server.spent_ns()
    printed = _run(server, command)
    spent = server.spent_ns() - before
    answered = re.search(r"(\d+) requests in", printed)
    rate = re.search(r"Requests/sec:\s+([\d.]+)", printed)
    wrong = re.search(r"(Non-2xx.*|Socket errors:.*)", printed)
    if answered is None or rate is None or not int(answered[1]) or wrong:
        why = wrong[1] if wrong else server.complaint()
        raise Missing(f"{server.name} did not answer every request of wrk: {why}")
    return Outcome(spent, float(rate[1]), int(answered[1]))
