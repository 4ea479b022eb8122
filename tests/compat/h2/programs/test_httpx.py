"""httpx, unchanged, as a client of servers that know nothing of its engine."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from tests.compat.h2.programs.engines import ENGINES, EXCHANGED, HERE, PACKAGE, printed, same
from tests.compat.h2.programs.scripted import SCRIPTS, scripted
from tests.compat.h2.programs.serving import hypercorn
from tests.interop.application import pattern
from tests.interop.conftest import running
from tests.support.certs import TLSFiles
from tests.support.peers import require_tool
from tests.support.process import Background, free_port

pytestmark = pytest.mark.interop

CLIENT = HERE / "httpx_client.py"


def exchange(engine: str, url: str, ca: Path | str, *paths: str) -> list[Any]:
    said = printed(engine, CLIENT, "exchange", url, ca, *paths)
    return [json.loads(line) for line in said.splitlines()]


def check(facts: list[Any]) -> None:
    """What every server's answers have in common."""
    told = {what: rest for what, *rest in facts if what != "streams"}
    assert told["get"][:2] == told["head"][:2] == told["post"][:2] == [200, "HTTP/2"]
    assert len(told["parallel"]) == 20
    assert told["a hundred"] == [True]
    assert told["download"][1] == told["both"][0][4]
    # get, head, 20, two posts, two at once, a download; and then one that is left, and one more
    first = 2 * (1 + 1 + 20 + 2 + 2 + 1) + 1
    streams = [rest[0] for what, *rest in facts if what == "streams"]
    assert streams == [list(range(5, 45, 2)), list(range(first, first + 200, 2))]
    assert told["last stream"] == [first + 202]  # all of it on one connection


def test_of_a_server_of_plaits_own(tls_files: TLSFiles) -> None:
    paths = ("/hello", "/bytes?n=500000", "/sink")
    with running(tls=tls_files) as served:
        facts = same(lambda engine: exchange(engine, served.url, tls_files.cert, *paths))
    check(facts)


@pytest.mark.slow
def test_of_nghttpd(tmp_path: Path) -> None:
    (tmp_path / "hello").write_text("Hello, world\n")
    (tmp_path / "large").write_bytes(pattern(1_500_000))
    port = free_port()
    paths = ("/hello", "/large", "/hello")
    program = [require_tool("nghttpd"), "--no-tls", "-d", tmp_path, "--echo-upload", str(port)]
    with Background(program) as process:
        process.wait_for_port(port)
        url = f"http://127.0.0.1:{port}"
        facts = same(lambda engine: exchange(engine, url, "-", *paths))
    check(facts)


@pytest.mark.slow
def test_of_hypercorn(tls_files: TLSFiles) -> None:
    paths = ("/fields", "/bytes?n=1500000", "/sink")
    for engine in ENGINES:
        with hypercorn(engine, tls_files) as served:
            url = served.url("", secure=True)
            facts = same(lambda engine, url=url: exchange(engine, url, tls_files.cert, *paths))
        check(facts)


@pytest.fixture(scope="module")
def outcomes() -> dict[str, dict[str, list[Any]]]:
    """What came of each script, with each engine."""
    found: dict[str, dict[str, list[Any]]] = {name: {} for name in SCRIPTS}
    with scripted() as port:
        for engine in ENGINES:
            said = printed(engine, CLIENT, "faults", f"http://127.0.0.1:{port}", *SCRIPTS)
            for line in said.splitlines():
                what, *facts = json.loads(line)
                found[what].setdefault(engine, []).append(facts)
    return found


# What httpx makes of a script with each engine, where that is not the same, and why.
DIFFERENT: dict[str, tuple[list[object], list[object], str]] = {
    "goaway-before-the-end": (
        ["LocalProtocolError"],
        [200, "HTTP/2", [], 4, hashlib.sha256(b"fine").hexdigest()],
        "streams that the GOAWAY does not concern may end (RFC 9113 §6.8)",
    ),
    "too-long": (
        ["LocalProtocolError"],
        [
            "RemoteProtocolError",
            "<StreamReset stream_id:1, error_code:1, remote_reset:False>",
        ],
        "a malformed message ends its stream, not the connection (RFC 9113 §8.1.1)",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SCRIPTS)
def test_what_a_server_does_to_it(outcomes: Any, name: str) -> None:
    package, exchanged = (outcomes[name][engine] for engine in (PACKAGE, EXCHANGED))
    if name in DIFFERENT:
        assert (package.pop(0), exchanged.pop(0)) == DIFFERENT[name][:2]
    assert exchanged == package
