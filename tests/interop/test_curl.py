"""curl over TLS and in clear text; what the command's own tests say of it is not repeated."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from tests.interop.application import pattern
from tests.interop.conftest import Served, running
from tests.support.certs import TLSFiles
from tests.support.peers import require_tool
from tests.support.process import PATIENCE, run

pytestmark = pytest.mark.interop


def command(served: Served, *arguments: Any) -> list[str]:
    trust = ["--cacert", served.tls.cert] if served.tls else ["--http2-prior-knowledge"]
    return [str(part) for part in (require_tool("curl"), "-sS", *trust, *arguments)]


def curl(served: Served, *arguments: Any, status: int = 0) -> str:
    return run(command(served, *arguments), status=status)


def resident(served: Served) -> int:
    """Octets of memory the server has in RAM, without asking it."""
    pages = Path(f"/proc/{served.process.pid}/statm").read_text().split()[1]
    return int(pages) * os.sysconf("SC_PAGE_SIZE")


def test_bodies_larger_than_every_window(either: Served, tmp_path: Path) -> None:
    octets = pattern(5_000_000)
    (tmp_path / "up").write_bytes(octets)
    version = curl(either, "-o", tmp_path / "down", "-w", "%{http_version}",
                   either.url + "/bytes?n=5000000")  # fmt: skip
    assert version == "2"
    assert (tmp_path / "down").read_bytes() == octets
    digest = hashlib.sha256(octets).hexdigest()
    assert json.loads(curl(either, "-T", tmp_path / "up", either.url + "/sink"))[1] == digest
    curl(either, "-T", tmp_path / "up", "-o", tmp_path / "echo", either.url + "/echo")
    assert (tmp_path / "echo").read_bytes() == octets


def test_an_upload_of_unknown_length(either: Served) -> None:
    octets = pattern(2_000_000)
    done = subprocess.run(
        command(either, "-T", "-", either.url + "/sink"),
        input=octets,
        capture_output=True,
        timeout=PATIENCE,
        check=True,
    )
    assert json.loads(done.stdout) == [len(octets), hashlib.sha256(octets).hexdigest()]


def test_head_has_the_length_and_no_body(either: Served) -> None:
    head = curl(either, "-I", either.url + "/bytes?n=123456")
    assert head.startswith("HTTP/2 200")
    assert "content-length: 123456\r\n" in head
    assert head.endswith("\r\n\r\n")


def test_hundreds_of_requests_at_once(secure: Served) -> None:
    # in clear text curl 7.88 cannot: it fails against every server, nghttpd too
    before = secure.report()
    printed = curl(secure, "-Z", "--parallel-max", "300", "-o", "/dev/null",
                   "-w", "%{http_version} %{http_code}\\n",
                   f"{secure.url}/hello?x=[1-600]")  # fmt: skip
    assert [line for line in printed.splitlines() if line == "2 200"] == ["2 200"] * 600
    assert secure.report()["requests"] - before["requests"] == 601


def test_http1_is_told_what_is_spoken_here(clear: Served) -> None:
    for option in ("--http1.1", "--http1.0", "--http2"):
        answer = run([require_tool("curl"), "-sSi", option, clear.url + "/hello"])
        assert answer.startswith("HTTP/1.1 505 ")
        assert "HTTP/2 only" in answer


def test_http1_over_tls_is_closed_cleanly(secure: Served) -> None:
    # RFC 9113 §3.2: without ALPN h2 there is no HTTP/2
    assert "HTTP/2" not in curl(secure, "--http1.1", secure.url + "/hello", status=None)  # type: ignore[arg-type]
    assert curl(secure, "-o", "/dev/null", "-w", "%{http_code}", secure.url + "/hello") == "200"


def test_a_slow_download_of_a_huge_body_costs_no_memory(tls_files: TLSFiles) -> None:
    size = 4_000_000_000
    with running(tls=tls_files) as served:
        curl(served, "-o", "/dev/null", served.url + "/bytes?n=50000000")
        before = resident(served)
        slow = command(served, "--limit-rate", "2M", "-o", "/dev/null")
        slow.append(f"{served.url}/bytes?n={size}")
        downloads = [subprocess.Popen(slow) for _ in range(3)]
        try:
            for _ in range(10):
                time.sleep(0.15)
                assert resident(served) - before < 16_000_000
            assert 100_000 < served.report()["made"] - 50_000_000 < 150_000_000
        finally:
            for download in downloads:
                download.send_signal(signal.SIGKILL)
                download.wait(PATIENCE)
        while served.report()["open"]:
            time.sleep(0.02)
        assert curl(served, served.url + "/hello") == "Hello, world\n"
