"""hypercorn beside the tests, and what clients see of it."""

from __future__ import annotations

import json
import re
import signal
import subprocess
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.compat.h2.programs.engines import command, environment
from tests.compat.serving import RawClient
from tests.http2.frames import DATA, GOAWAY, HEADERS, PUSH_PROMISE, RST_STREAM, Frame, error_code
from tests.support.certs import TLSFiles
from tests.support.peers import require_tool
from tests.support.process import PATIENCE, Background

# What may be in the log: what a route does on purpose, and what asyncio 3.11 says of connections
# that are cancelled at the end.
BROKEN = re.compile(
    r"^(?:RuntimeError: as the test wants it|asyncio\.exceptions\.CancelledError)$", re.MULTILINE
)


@dataclass(frozen=True)
class Served:
    """A program that listens in clear text and with TLS."""

    process: Background
    clear: int
    secure: int
    tls: TLSFiles

    def url(self, path: str, *, secure: bool = False) -> str:
        where = f"https://localhost:{self.secure}" if secure else f"http://127.0.0.1:{self.clear}"
        return where + path

    def raw(self, *their_settings: tuple[int, int], secure: bool = False) -> RawClient:
        if secure:
            return RawClient(self.secure, *their_settings, tls=self.tls.client_context("h2"))
        return RawClient(self.clear, *their_settings)

    def curl(self, path: str, *options: str | Path, secure: bool = False) -> Answer:
        how = ["--cacert", self.tls.cert] if secure else ["--http2-prior-knowledge"]
        return curl(*how, *options, self.url(path, secure=secure))

    def report(self) -> dict[str, int]:
        found: dict[str, int] = json.loads(self.curl("/report").body)
        return found

    def wait_until(self, name: str, count: int) -> None:
        """Asks for the report until something has happened so often."""
        for _ in range(500):
            if self.report().get(name) == count:
                return
        raise AssertionError(f"{name} is not {count}: {self.report()}")


@dataclass(frozen=True)
class Answer:
    """What curl printed of a response.

    :ivar version: of HTTP, for the last of the responses.
    :ivar heads: status and fields of the interim responses and the final one, without dates.
    :ivar status: curl's own.
    """

    version: str
    heads: list[tuple[int, list[tuple[str, str]]]]
    body: bytes
    status: int


def curl(*options: str | Path) -> Answer:
    made = [require_tool("curl"), "-sS", "-i", *map(str, options)]
    done = subprocess.run(made, capture_output=True, timeout=PATIENCE, check=False)
    rest, heads, version = done.stdout, [], ""
    while found := re.match(rb"HTTP/([\d.]+) (\d+)[^\r]*\r\n((?:[^\r]+\r\n)*)\r\n", rest):
        lines = [line.partition(": ") for line in found[3].decode().splitlines()]
        fields = [(name, value) for name, _, value in lines if name.lower() != "date"]
        version = found[1].decode()
        heads.append((int(found[2]), fields))
        rest = rest[found.end() :]
    return Answer(version, heads, rest, done.returncode)


@contextmanager
def hypercorn(engine: str, tls: TLSFiles, *options: str) -> Iterator[Served]:
    """hypercorn as its users start it, serving `hypercorn_app`."""
    arguments = ["--certfile", tls.cert, "--keyfile", tls.key]
    arguments += ["--bind", "127.0.0.1:0", "--insecure-bind", "127.0.0.1:0"]
    arguments += ["--keep-alive", "60", *options]
    program = command(engine, "-m", "hypercorn", *arguments, "hypercorn_app:app")
    with Background(program, env=environment()) as process:
        secure = int(process.wait_for(r"Running on https://127\.0\.0\.1:(\d+)")[1])
        clear = int(process.wait_for(r"Running on http://127\.0\.0\.1:(\d+)")[1])
        yield Served(process, clear, secure, tls)
        if process.process.poll() is None:
            assert process.stop(signal.SIGTERM) == 0
        faults = process.output.count("Traceback (most recent call last)")
        assert faults == len(BROKEN.findall(process.output)), process.output


def story(frames: Iterable[Frame]) -> list[tuple[Any, ...]]:
    """What the frames say, whatever their sizes, to whom a date says nothing."""
    told: list[tuple[Any, ...]] = []
    for frame in frames:
        if frame.type == DATA:
            if told and told[-1][:2] == ("data", frame.stream_id):
                told[-1] = ("data", frame.stream_id, told[-1][2] + frame.payload)
            elif frame.payload:
                told.append(("data", frame.stream_id, frame.payload))
        elif frame.type in (HEADERS, PUSH_PROMISE):
            kind = "headers" if frame.type == HEADERS else "promise"
            fields = [field for field in frame.fields or () if field[0] != b"date"]
            told.append((kind, frame.stream_id, frame.promised, fields))
        elif frame.type in (RST_STREAM, GOAWAY):
            told.append(("end", frame.stream_id, error_code(frame)))
        if frame.end_stream:
            told.append(("ended", frame.stream_id))
    return told
