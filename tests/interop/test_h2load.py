"""h2load: nothing fails under load, and the server does not grow."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.interop.conftest import Served, running
from tests.support.peers import require_tool
from tests.support.process import run

pytestmark = pytest.mark.interop


def load(served: Served, path: str, requests: int, *options: str, patience: float = 60) -> None:
    """Run h2load; every request must have been answered with 2xx."""
    printed = run(
        [require_tool("h2load"), "-n", str(requests), *options, served.url + path],
        patience=patience,
    )
    counts = re.search(
        r"requests: (\d+) total, \d+ started, (\d+) done, (\d+) succeeded, (\d+) failed, "
        r"(\d+) errored, (\d+) timeout",
        printed,
    )
    assert counts is not None, printed
    assert [int(n) for n in counts.groups()] == [requests, requests, requests, 0, 0, 0], printed
    # h2load takes an interim response for the final one
    assert f"{requests} 3xx" in printed if "interim" in path else f"{requests} 2xx" in printed


@pytest.mark.parametrize("options", ["-c10 -m32", "-c1 -m1", "-c100 -m10", "-c1 -m300"])
def test_small_requests(either: Served, options: str) -> None:
    load(either, "/hello", 1000 if options == "-c1 -m1" else 4000, *options.split())


def test_small_windows_and_larger_bodies(either: Served) -> None:
    load(either, "/bytes?n=70000", 400, "-c4", "-m20", "-w14", "-W14")


def test_uploads(either: Served, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(bytes(100_000))
    load(either, "/echo", 300, "-c5", "-m20", "-d", str(tmp_path / "up"))


def test_trailers_and_interim_responses_under_load(clear: Served) -> None:
    load(clear, "/trailers", 2000, "-c5", "-m20")
    load(clear, "/interim?count=2", 2000, "-c5", "-m20")


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_million_requests_on_one_connection() -> None:
    with running() as served:
        load(served, "/hello", 100_000, "-c1", "-m100", patience=200)
        before = served.report()
        load(served, "/hello", 1_000_000, "-c1", "-m100", patience=800)
        after = served.report()
        assert after["requests"] - before["requests"] == 1_000_001
        assert after["open"] == 0
        assert after["resident"] - before["resident"] < 2_000_000


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_thousands_of_connections_leave_nothing_behind() -> None:
    with running() as served:
        for _ in range(4):  # until the allocator has found its shape
            load(served, "/hello", 20_000, "-c500", "-m10", patience=200)
        before = served.report()
        for _ in range(5):
            load(served, "/hello", 20_000, "-c500", "-m10", patience=200)
        after = served.report()
        assert after["open"] == 0
        assert after["resident"] - before["resident"] < 3_000_000
