"""Servers under test as they are deployed."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from benchmarks.cputime import cpu_ns, family
from benchmarks.machine import anonymous_kib, load_core, pinned, subject_core
from benchmarks.workers import ROOT, Missing

_PATIENCE = 20.0  # seconds until a server must listen, or end

_PACKAGES = {
    "h2load": "nghttp2-client",
    "nghttpd": "nghttp2-server",
    "wrk": "wrk",
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
    """One server, its workers included, ended with the context.

    It is pinned to the subjects' core unless it is to have them all, or is itself the load.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        port: int,
        path: str | None = None,
        *,
        everywhere: bool = False,
        load: bool = False,
    ) -> None:
        self.name = name
        self.port = port
        self.everywhere = everywhere
        core = load_core() if load else subject_core()
        self._command = command if everywhere else pinned(command, core)
        self._env = {**os.environ, "PYTHONPATH": path or "", "PYTHONHASHSEED": "0"}

    def __enter__(self) -> Self:
        self._complaints = tempfile.TemporaryFile()
        self._process = subprocess.Popen(
            self._command,
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

    def signal(self, number: int) -> None:
        """Send its first process a signal."""
        self._process.send_signal(number)

    def spent_ns(self) -> int:
        """CPU time that its processes have used so far."""
        return sum(cpu_ns(pid) for pid in family(self.pid))

    def connect(self) -> socket.socket:
        """A TCP connection to it."""
        return socket.create_connection(("127.0.0.1", self.port), timeout=_PATIENCE)

    def anonymous_kib(self) -> int:
        """Its anonymous memory: heap and stacks, without the pages of programs and files."""
        return sum(anonymous_kib(pid) for pid in family(self.pid))


def nghttpd(docs: Path, *options: str, tls: tuple[str, str] | None = None) -> Server:
    """nghttpd (libnghttp2, C++) with one worker, serving a folder."""
    port = free_port()
    command = [find_program("nghttpd"), "-a", "127.0.0.1", "-d", str(docs), *options]
    command += [str(port), *tls] if tls else ["--no-tls", str(port)]
    return Server("nghttpd", command, port)


def plait_app(
    app: str,
    tls: tuple[str, str] | None = None,
    path: str | None = None,
    *,
    load: bool = False,
) -> Server:
    """A handler of `benchmarks.apps` in plait's server."""
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.apps", app, str(port), *(tls or ())]
    return Server(f"plait ({app})", command, port, path, load=load)


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
