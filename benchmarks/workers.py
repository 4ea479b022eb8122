"""The parent's side of the worker processes, and where each variant of plait comes from."""

from __future__ import annotations

import json
import os
import pickle
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import plait
from benchmarks.machine import pinned, subject_core

ROOT = Path(__file__).parent.parent

COMPILED, PLAIN, ONE_CALL = "plait", "plait, plain", "plait, one call"


class Missing(Exception):
    """A subject cannot be measured here; the text says why, or what to install."""


def installed_variant() -> str:
    """Which plait an ordinary import finds here: compiled, plain or mixed."""
    return plait.build_info().variant


def installed_name() -> str:
    """What the installed plait is called in the table."""
    return COMPILED if installed_variant() == "compiled" else PLAIN


class Conversation:
    """A process that answers each line of JSON with one, pinned to the subjects' core.

    :ivar hello: the line that it says first.
    """

    def __init__(self, module: str, *arguments: str, path: str | None = None) -> None:
        env = {**os.environ, "PYTHONHASHSEED": "0"}
        env["PYTHONPATH"] = path or ""
        command = [sys.executable, "-m", module, *arguments]
        self._process = subprocess.Popen(
            pinned(command, subject_core()),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env=env,
        )
        try:
            self.hello = self._answer()
        except Missing:
            self.close()
            raise

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Missing(f"its process ended with status {self._process.wait()}")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def ask(self, **request: Any) -> dict[str, Any]:
        """Send one request, wait for its answer."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._answer()

    def close(self) -> None:
        """End the process by ending its input."""
        with suppress(BrokenPipeError):
            assert self._process.stdin is not None
            self._process.stdin.close()
        self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()


class Worker(Conversation):
    """One engine or codec in a process of its own."""

    def __init__(self, kind: str, name: str, path: str | None = None) -> None:
        super().__init__("benchmarks.worker", kind, name, path=path)
        if "error" in self.hello:
            self.close()
            raise Missing(f"{self.hello['error']}: pip install {name}")
        self.version: str = self.hello["version"]


@contextmanager
def plain_source() -> Iterator[str]:
    """A copy of the source alone, so that no compiled module beside it is picked up."""
    with tempfile.TemporaryDirectory() as folder:
        ignore = shutil.ignore_patterns("*.so", "*.pyd", "__pycache__", "*.c", "*.egg-info")
        shutil.copytree(ROOT / "src" / "plait", Path(folder) / "plait", ignore=ignore)
        yield folder


@contextmanager
def data_file(value: object) -> Iterator[str]:
    """What a worker is to work on, in a file that it reads itself."""
    with tempfile.NamedTemporaryFile(suffix=".pickle") as file:
        file.write(pickle.dumps(value))
        file.flush()
        yield file.name


class Workers:
    """The workers of one suite by the name they have in the table; those that are there."""

    def __init__(self, kind: str, peers: list[str]) -> None:
        self._kind = kind
        self._peers = peers
        self._stack = ExitStack()
        self.running: dict[str, Worker] = {}
        self.left_out: dict[str, str] = {}

    def __enter__(self) -> Self:
        self._start_plait()
        for peer in self._peers:
            self._start(peer, peer)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def keep(self, *labels: str) -> None:
        """Only these take part."""
        self.running = {name: self.running[name] for name in labels if name in self.running}

    def drop(self, label: str, why: str) -> None:
        """Leave one out from now on."""
        del self.running[label]
        self.left_out[label] = why

    def _start(self, label: str, name: str, path: str | None = None) -> None:
        try:
            worker = Worker(self._kind, name, path)
        except Missing as missing:
            self.left_out[label] = str(missing)
            return
        self._stack.callback(worker.close)
        self.running[label] = worker

    def _start_plait(self) -> None:
        """Both variants, each only under its true name."""
        self._start(COMPILED, "plait")
        worker = self.running.get(COMPILED)
        if worker is not None and worker.version != "compiled":
            why = f"the installed plait is {worker.version}: PLAIT_BUILD=required pip install ."
            self.drop(COMPILED, why)
        elif self._kind == "engine":
            self._start(ONE_CALL, "plait-one-call")
        folder = self._stack.enter_context(plain_source())
        self._start(PLAIN, "plait", folder)
