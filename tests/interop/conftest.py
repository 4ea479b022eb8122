"""The application of `application.py`, running beside the tests in a process of its own."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.certs import TLSFiles
from tests.support.process import Background

APPLICATION = Path(__file__).with_name("application.py")


@dataclass(frozen=True)
class Served:
    """Where the application listens, and how to ask it what it knows."""

    port: int
    process: Background
    tls: TLSFiles | None

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def report(self) -> dict[str, Any]:
        verify: Any = self.tls.client_context() if self.tls else True
        with httpx.Client(http1=False, http2=True, verify=verify, trust_env=False) as client:
            found: dict[str, Any] = json.loads(client.get(self.url + "/report").text)
            return found


@contextmanager
def running(*options: str, tls: TLSFiles | None = None) -> Iterator[Served]:
    """The application, for one test alone."""
    secure = ["--tls", tls.cert, tls.key] if tls else []
    with Background([sys.executable, APPLICATION, *secure, *options]) as process:
        yield Served(int(process.wait_for(r"^port (\d+)$")[1]), process, tls)
        assert process.process.poll() is None, process.output
        assert "Traceback" not in process.output, process.output


@pytest.fixture(scope="session")
def clear() -> Iterator[Served]:
    """The application over h2c."""
    with running() as served:
        yield served


@pytest.fixture(scope="session")
def secure(tls_files: TLSFiles) -> Iterator[Served]:
    """The application over TLS."""
    with running(tls=tls_files) as served:
        yield served


@pytest.fixture(params=["clear", "secure"])
def either(request: pytest.FixtureRequest) -> Served:
    """Both, one after the other."""
    served: Served = request.getfixturevalue(request.param)
    return served
