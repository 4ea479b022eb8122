"""Programs that run beside a test: started, waited for until ready, and always ended."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

# No program under test needs longer; a test that waits this long has failed.
PATIENCE = 20.0  # seconds


class Background:
    """A program in the background; use as a context manager.

    Standard output and error are collected together in `lines`. `wait_for` blocks until
    a line matches, so that a test waits for readiness and not for a time:

        with Background([sys.executable, "-m", "plait", "serve", folder]) as program:
            port = int(program.wait_for(r"http://127\\.0\\.0\\.1:(\\d+)")[1])
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
    ) -> None:
        """Prepares; `env` is added to the environment of the tests."""
        self.command = [str(part) for part in command]
        self.env = {**os.environ, "PYTHONUNBUFFERED": "1", **(env or {})}
        self.cwd = cwd
        self.lines: list[str] = []
        self._news = threading.Condition()
        self._at_end = False

    def __enter__(self) -> Self:
        self.process = subprocess.Popen(
            self.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=self.env,
            cwd=self.cwd,
        )
        self._reader = threading.Thread(target=self._collect, daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._reader.join(PATIENCE)
        assert self.process.stdout is not None
        self.process.stdout.close()

    @property
    def pid(self) -> int:
        """The process id."""
        return self.process.pid

    @property
    def output(self) -> str:
        """Everything printed so far."""
        with self._news:
            return "\n".join(self.lines)

    def wait_for(self, pattern: str, patience: float = PATIENCE) -> re.Match[str]:
        """Blocks until a line matches `pattern` somewhere, and returns the match.

        Raises:
            AssertionError: the program ended, or said nothing of the kind in `patience` seconds.
        """
        deadline = time.monotonic() + patience
        seen = 0
        with self._news:
            while True:
                for line in self.lines[seen:]:
                    if match := re.search(pattern, line):
                        return match
                seen = len(self.lines)
                left = deadline - time.monotonic()
                if self._at_end or left <= 0:
                    how = "ended" if self._at_end else f"was silent for {patience:g} s"
                    said = "\n".join(self.lines)
                    raise AssertionError(f"{self.command} {how} before {pattern!r}:\n{said}")
                self._news.wait(left)

    def wait_for_port(self, port: int, host: str = "127.0.0.1", patience: float = PATIENCE) -> None:
        """Blocks until `host:port` accepts connections, for programs that announce nothing."""
        deadline = time.monotonic() + patience
        while True:
            if self.process.poll() is not None:
                raise AssertionError(f"{self.command} ended:\n{self.output}")
            try:
                socket.create_connection((host, port), timeout=1).close()
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
            else:
                return

    def stop(self, number: int) -> int:
        """Sends a signal, waits for the end, and returns the exit status."""
        self.process.send_signal(number)
        return self.wait()

    def wait(self, patience: float = PATIENCE) -> int:
        """Blocks until the program has ended and all it printed is in `output`.

        Returns its exit status. What it has started and left behind may print on.
        """
        status = self.process.wait(patience)
        self._reader.join(1)
        return status

    def _collect(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            with self._news:
                self.lines.append(line.decode(errors="replace").rstrip("\r\n"))
                self._news.notify_all()
        with self._news:
            self._at_end = True
            self._news.notify_all()


def free_port(host: str = "127.0.0.1") -> int:
    """A port nobody uses now, for programs that cannot be told to choose one themselves."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port


def run(
    command: Sequence[str | Path],
    *,
    patience: float = PATIENCE,
    status: int | None = 0,
    env: Mapping[str, str] | None = None,
    cwd: str | Path | None = None,
) -> str:
    """Runs a program to its end and returns what it printed, both streams together.

    Raises:
        AssertionError: another exit status than `status` (None accepts any).
    """
    done = subprocess.run(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=patience,
        env={**os.environ, **(env or {})},
        cwd=cwd,
        check=False,
    )
    printed = done.stdout.decode(errors="replace")
    assert status is None or done.returncode == status, f"{command}: {done.returncode}\n{printed}"
    return printed
