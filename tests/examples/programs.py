"""Running the programs of `examples/` and of the documentation as their readers run them."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.support.peers import require_tool
from tests.support.process import Background, run
from tests.support.project import ROOT

EXAMPLES = ROOT / "examples"


def command(name: str, *arguments: object) -> list[str]:
    """The command line of an example."""
    return [sys.executable, "-W", "error", str(EXAMPLES / name), *map(str, arguments)]


def url_of(program: Background) -> str:
    """The address that a program prints when it is ready."""
    return program.wait_for(r"^http://127\.0\.0\.1:\d+/$")[0]


def port_of(url: str) -> str:
    return url.rstrip("/").rpartition(":")[2]


def curl(*arguments: str | Path) -> str:
    return run([require_tool("curl"), "-sS", "--http2-prior-knowledge", *arguments])


def nghttp(*arguments: str | Path) -> str:
    return run([require_tool("nghttp"), *arguments])
