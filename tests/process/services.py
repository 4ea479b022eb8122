"""`plait` as a service of several processes, and what of it is there."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import sys
import threading
import time
import uuid
from pathlib import Path

from plait.http2 import Connection, Role
from plait.http2.events import (
    ConnectionTerminated,
    DataReceived,
    StreamReset,
)
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


class Load:
    """Requests without a pause, on connections that last and on new ones; none may fail.

    A client that is told by GOAWAY that the connection ends asks the rest of its requests on
    another one, as RFC 9113 §6.8 has it. Not all clients do: curl 7.88 and h2 fail here.

    :ivar answers: the bodies of the responses.
    :ivar faults: whatever went wrong.
    """

    def __init__(self, port):
        self.port = port
        self.answers = []
        self.faults = []
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(most,)) for most in (1, 10**9, 10**9)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._over.set()
        for thread in self._threads:
            thread.join()

    def until(self, start):
        """Go on until an answer begins so."""
        deadline = time.monotonic() + PATIENCE
        while not any(text.startswith(start) for text in self.answers[-1:]):
            assert not self.faults
            assert time.monotonic() < deadline, self.answers[-3:]
            time.sleep(0.005)

    def _ask(self, most):
        try:
            while not self._over.is_set():
                with socket.create_connection(("127.0.0.1", self.port), PATIENCE) as sock:
                    self._converse(sock, most)
        except Exception as error:  # noqa: BLE001 - the test shows it
            self.faults.append(repr(error))

    def _converse(self, sock, most):
        """Ask one request after the other until there are enough, or the server wants no more."""
        engine = Connection(Role.CLIENT)
        engine.initiate_connection()
        fields = [(b":method", b"GET"), (b":scheme", b"http"), (b":path", b"/")]
        fields.append((b":authority", b"localhost"))
        leaving = False
        while most and not leaving and not self._over.is_set():
            most -= 1
            stream_id = engine.send_request(fields)
            body, ended = b"", False
            while not ended:
                sock.sendall(engine.data_to_send())
                data = sock.recv(65_536)
                assert data or leaving, "the connection broke"
                if not data:
                    return  # this request is not among those that the server has taken
                for event in engine.receive_data(data):
                    if isinstance(event, ConnectionTerminated):
                        assert event.error_code == 0
                        leaving = True
                        ended = ended or event.last_stream_id < stream_id
                    elif isinstance(event, DataReceived):
                        body += event.data
                    assert not isinstance(event, StreamReset)
                    ended = ended or getattr(event, "end_stream", False)
            if body:
                self.answers.append(body.decode())
