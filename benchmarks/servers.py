"""Servers under test as they are deployed, and the load put on them."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from benchmarks.cputime import cpu_ns
from benchmarks.machine import anonymous_kib, load_core, pinned, subject_core
from benchmarks.workers import ROOT, Missing

_PATIENCE = 20.0  # seconds until a server must listen, or end
_LONGEST_RUN = 120.0  # seconds for one run of h2load

_PACKAGES = {
    "h2load": "nghttp2-client",
    "nghttpd": "nghttp2-server",
    "valgrind": "valgrind",
    "callgrind_annotate": "valgrind",
}


def find_program(name: str) -> str:
    """The path of a program; raises `Missing` with the Debian package that has it."""
    folders = [os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"]
    path = shutil.which(name, path=os.pathsep.join(folders))
    if path is None:
        raise Missing(f"{name} not found: apt-get install {_PACKAGES[name]}")
    return path


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Server:
    """One server process, pinned to the subjects' core, ended with the context."""

    def __init__(
        self, name: str, command: Sequence[str], port: int, path: str | None = None
    ) -> None:
        self.name = name
        self.port = port
        self._command = command
        self._env = {**os.environ, "PYTHONPATH": path or "", "PYTHONHASHSEED": "0"}

    def __enter__(self) -> Self:
        self._complaints = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            pinned(self._command, subject_core()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._complaints,
            cwd=ROOT,
            env=self._env,
        )
        try:
            self._wait_until_it_listens()
        except Missing:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()
        self._complaints.close()

    def complaint(self) -> str:
        """The last line that it wrote to standard error."""
        self._complaints.seek(0)
        lines = self._complaints.read().decode(errors="replace").split("\n")
        return next((line for line in reversed(lines) if line.strip()), "it says nothing")

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + _PATIENCE
        while time.monotonic() < deadline and self._process.poll() is None:
            try:
                self.connect().close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise Missing(f"{self.name} does not start: {self.complaint()}")

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def connect(self) -> socket.socket:
        """A TCP connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=_PATIENCE)

    def anonymous_kib(self) -> int:
        """Its anonymous memory: heap and stacks, without the pages of programs and files."""
        return anonymous_kib(self.pid)


def nghttpd(docs: Path, *options: str, tls: tuple[str, str] | None = None) -> Server:
    """nghttpd (libnghttp2, C++) with one worker, serving a folder."""
    port = free_port()
    command = [find_program("nghttpd"), "-a", "127.0.0.1", "-d", str(docs), *options]
    command += [str(port), *tls] if tls else ["--no-tls", str(port)]
    return Server("nghttpd", command, port)


def plait_app(app: str, tls: tuple[str, str] | None = None, path: str | None = None) -> Server:
    """A handler of `benchmarks.apps` in plait's server."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.apps", app, str(port), *(tls or ())]
    return Server(f"plait ({app})", command, port, path)


def bare_transport() -> Server:
    """`benchmarks.bare`: connections with a protocol of one line."""
    port = free_port()
    return Server("bare transport", [sys.executable, "-m", "benchmarks.bare", str(port)], port)


def plait_serve(docs: Path) -> Server:
    """`plait serve DIR`."""
    port = free_port()
    command = [sys.executable, "-m", "plait", "serve", str(docs)]
    command += ["--bind", f"127.0.0.1:{port}", "--log-level", "warning"]
    return Server("plait serve", command, port)


@dataclass(frozen=True, slots=True)
class Load:
    """What one h2load run asks for."""

    requests: int
    clients: int = 10
    streams: int = 32
    path: str = "/hello.txt"
    tls: bool = False
    upload: Path | None = None

    @property
    def title(self) -> str:
        """As in h2load's own options."""
        return f"-c {self.clients} -m {self.streams}"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run cost the server, and how fast it went."""

    cpu_ns: float
    per_second: float


def run_load(server: Server, load: Load) -> Outcome:
    """One h2load run; every answer must be a success."""
    scheme = "https" if load.tls else "http"
    command = [
        find_program("h2load"),
        *("-n", str(load.requests), "-c", str(load.clients), "-m", str(load.streams)),
        # one cipher suite for all, so that TLS costs all the same
        "--tls13-ciphers=TLS_AES_128_GCM_SHA256",
        *(("-d", str(load.upload)) if load.upload else ()),
        f"{scheme}://127.0.0.1:{server.port}{load.path}",
    ]
    before = cpu_ns(server.pid)
    try:
        done = subprocess.run(
            pinned(command, load_core()),
            capture_output=True,
            text=True,
            check=False,
            timeout=_LONGEST_RUN,
        )
    except subprocess.TimeoutExpired:
        raise Missing(f"{server.name} does not answer: {server.complaint()}") from None
    spent = cpu_ns(server.pid) - before
    succeeded = re.search(r"(\d+) succeeded", done.stdout)
    ok = re.search(r"status codes: (\d+) 2xx", done.stdout)
    rate = re.search(r"([\d.]+) req/s", done.stdout)
    good = min(int(succeeded[1]), int(ok[1])) if succeeded and ok else 0
    if rate is None or good < load.requests:
        raise Missing(f"{server.name} answered {good} of {load.requests}: {server.complaint()}")
    return Outcome(spent, float(rate[1]))
