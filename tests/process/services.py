"""`plait` as a service of several processes, and what of it is there."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time
import uuid
from pathlib import Path

from tests.support.process import PATIENCE, Background

APPLICATION = """
import os

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"VERSION %d" % os.getpid()})
"""


class Service(Background):
    """`plait` with arguments, in a folder; whatever happens, nothing of it stays behind."""

    def __init__(self, *arguments, cwd, env=None):
        self.mark = f"PLAIT_TESTS_MARK={uuid.uuid4()}"
        name, _, value = self.mark.partition("=")
        super().__init__(
            [sys.executable, "-m", "plait", *arguments],
            cwd=cwd,
            env={name: value, **(env or {})},
        )

    def __exit__(self, *details):
        super().__exit__(*details)
        deadline = time.monotonic() + PATIENCE
        while self.processes() and time.monotonic() < deadline:
            time.sleep(0.02)
        left = self.processes()
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        assert not left, self.output

    def processes(self):
        """The processes of this service that there are."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdecimal():
                with contextlib.suppress(OSError):
                    if self.mark.encode() in (folder / "environ").read_bytes().split(b"\0"):
                        found.append(int(folder.name))
        return found

    def port(self):
        """Where it serves, once it does."""
        return int(self.wait_for(r"^plait: serving .* on https?://[^ ]*:(\d+)/ ")[1])

    def wait_for_times(self, pattern, times):
        """Blocks until so many lines match."""
        deadline = time.monotonic() + PATIENCE
        while len([line for line in self.output.splitlines() if pattern in line]) < times:
            assert time.monotonic() < deadline, self.output
            time.sleep(0.02)
