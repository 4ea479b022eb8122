"""The server's process: started, asked, watched."""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any, Self

from soak import frames as f

_PATIENCE = 30.0  # seconds until it must listen, or end


class Subject:
    """``soak.program`` as a process of its own.

    :ivar complaints: what it wrote to standard error, by line.
    """

    def __init__(self, *options: str) -> None:
        self._command = [sys.executable, "-m", "soak.program", *options]
        self.complaints: list[str] = []

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self._command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        os.sched_setaffinity(self.process.pid, {server_core()})
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        assert self.process.stdout is not None
        found = re.match(r"ports (\d+) (\d+) (\d+)", self.process.stdout.readline())
        if found is None:
            self.process.kill()
            self._listener.join()
            raise RuntimeError("the server does not start:\n" + "\n".join(self.complaints))
        self.clear, self.secure, self.slow = [int(port) for port in found.groups()]
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
        self.process.wait()
        self._listener.join()
        for pipe in (self.process.stdout, self.process.stderr):
            assert pipe is not None
            pipe.close()

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.complaints.append(line.rstrip())

    # --- asking ---------------------------------------------------------------------------------

    def report(self, objects: bool = False) -> dict[str, Any]:
        """What it counts of itself."""
        path = b"/report?objects" if objects else b"/report"
        with socket.create_connection(("127.0.0.1", self.clear), timeout=_PATIENCE) as sock:
            wide = f.settings((f.INITIAL_WINDOW_SIZE, 2**20))
            sock.sendall(f.PREFACE + wide + f.frame(f.SETTINGS, f.ACK, 0) + f.request(1, path))
            body = b""
            with sock.makefile("rb") as file:
                while len(head := file.read(9)) == 9:
                    payload = file.read(int.from_bytes(head[:3], "big"))
                    if head[3] == f.DATA:
                        body += payload
                        if head[4] & f.END_STREAM:
                            break
        found: dict[str, Any] = json.loads(body)
        return found

    def settled(self, guests: int = 0, seconds: float = 20.0) -> dict[str, Any]:
        """Its report once nothing is open but the report's own connection, and ``guests``."""
        until = time.monotonic() + seconds
        while True:
            found = self.report()
            quiet = max(found["open"], found["connections"]) <= 1 + guests
            if quiet or time.monotonic() > until:
                return found
            time.sleep(0.05)

    # --- watching -------------------------------------------------------------------------------

    def resident(self) -> int:
        """Octets of memory that it has."""
        return self._status("VmRSS")

    def forget_peak(self) -> None:
        """Let ``peak`` begin anew (proc(5), clear_refs)."""
        with contextlib.suppress(OSError):
            Path(f"/proc/{self.process.pid}/clear_refs").write_text("5", encoding="ascii")

    def peak(self) -> int:
        """The most memory that it had at a time, since the start or ``forget_peak``."""
        return self._status("VmHWM")

    def cpu(self) -> float:
        """Seconds of processor that it has used."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text(encoding="ascii").split()
        return (int(fields[13]) + int(fields[14])) / os.sysconf("SC_CLK_TCK")

    def _status(self, name: str) -> int:
        status = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii")
        found = re.search(rf"{name}:\s+(\d+)", status)
        assert found is not None
        return int(found[1]) * 1024


def server_core() -> int:
    """The core on which the server runs, alone if there are others."""
    return min(os.sched_getaffinity(os.getpid()))


def client_cores() -> set[int]:
    """The cores for everybody else."""
    every = os.sched_getaffinity(os.getpid())
    return every - {min(every)} or every


def difference(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """What was added to counters."""
    return dict(Counter(after) - Counter(before))
