"""The example programs, run as their users run them, with other people's clients."""

from __future__ import annotations

import re
import signal
import socket
import sys
from pathlib import Path

import pytest

from tests.support.certs import TLSFiles
from tests.support.peers import require_tool
from tests.support.process import Background, free_port, run
from tests.support.project import ROOT

EXAMPLES = ROOT / "examples"
LARGE = bytes(range(256)) * 4096


def command(name: str, *arguments: object) -> list[str]:
    run_it = [sys.executable, "-W", "error", "-m", "plait.compat"]
    return [*run_it, str(EXAMPLES / name), *map(str, arguments)]


def started(program: Background) -> str:
    """The address that a program prints."""
    return program.wait_for(r"^https?://127\.0\.0\.1:\d+/$")[0]


def port_of(url: str) -> str:
    return url.rstrip("/").rpartition(":")[2]


def curl(*arguments: str | Path) -> str:
    return run([require_tool("curl"), "-sS", "--http2-prior-knowledge", *arguments])


def test_every_example_is_run_here() -> None:
    tested = Path(__file__).read_text(encoding="utf-8")
    examples = sorted(EXAMPLES.glob("nghttp2_*.py"))
    assert examples
    for example in examples:
        assert f'"{example.name}"' in tested


def test_hpack() -> None:
    assert run(command("nghttp2_hpack.py")).splitlines() == [
        "b'408294e703626172400362617a0362757a'",
        "[1] (s=38) baz: buz",
        "[2] (s=38) foo: bar",
        "b'bfbe'",
        "[(b'foo', b'bar'), (b'baz', b'buz')]",
        "[(b'foo', b'bar'), (b'baz', b'buz')]",
    ]


@pytest.mark.interop
def test_hello() -> None:
    with Background(command("nghttp2_hello.py", 0)) as program:
        url = started(program)
        said = curl("-i", url)
        assert said.startswith("HTTP/2 200")
        assert "content-length: 12\r\n" in said or "content-length: 12\n" in said
        assert said.endswith("nghttp2 FTW\n")
        assert run([require_tool("nghttp"), url]) == "nghttp2 FTW\n"
        # Ctrl-C ends it as it ends any program
        assert program.stop(signal.SIGINT) == -signal.SIGINT
    assert "runner.py" not in program.output
    assert program.output.endswith("KeyboardInterrupt")


@pytest.mark.interop
def test_push() -> None:
    with Background(command("nghttp2_push.py", 0)) as program:
        url = started(program)
        said = run([require_tool("nghttp"), "-v", "--no-dep", url])
        assert said.index("recv PUSH_PROMISE frame") < said.index("recv (stream_id=1) :status: 200")
        assert "recv (stream_id=1) :path: /style.css" in said
        assert "accept: text/css" in said
        assert re.search(r"recv DATA frame <length=15, flags=0x01, stream_id=2>", said)
        assert "body{margin:0;}" in said
        assert "<p>Pushed." in said
        # a client that takes no pushes asks for it
        said = run([require_tool("nghttp"), "--no-push", "-v", url, url + "style.css"])
        assert "PUSH_PROMISE" not in said
        assert "body{margin:0;}" in said
        assert "<p>Pushed." in curl(url)


@pytest.mark.interop
def test_tls(tls_files: TLSFiles) -> None:
    with Background(command("nghttp2_tls.py", tls_files.cert, tls_files.key, 0)) as program:
        url = started(program)
        trust = ["--http2", "--cacert", str(tls_files.cert)]
        format_ = "%{http_version} %{content_type} %{size_download}"
        said = run([require_tool("curl"), "-sS", *trust, "-w", f"|{format_}", url])
        assert said == "nghttp2-python FTW|2 text/plain 18"
        said = run([require_tool("nghttp"), "-v", "--no-dep", url])
        assert "The negotiated protocol: h2" in said
        assert "recv (stream_id=1) :path: /css/style.css" in said
        assert "recv (stream_id=1) content-type: text/css" in said
        promised, answered = said.index("recv PUSH_PROMISE"), said.index("recv HEADERS")
        assert promised < answered
        assert "body{margin:0;}" in said
        assert program.wait_for(r'INFO:nghttp2:127\.0\.0\.1 - - \[.*"GET / HTTP/2" 200 - -')
        assert program.wait_for(r'"GET /css/style\.css HTTP/2" 200 - P')


@pytest.mark.interop
def test_proxy(tmp_path: Path) -> None:
    (tmp_path / "large.bin").write_bytes(LARGE)
    (tmp_path / "small.txt").write_text("small\n")
    upstream_port = free_port()
    upstream = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(upstream_port)]
    with (
        Background(upstream, cwd=tmp_path) as behind,
        Background(command("nghttp2_proxy.py", upstream_port, 0)) as program,
    ):
        behind.wait_for_port(upstream_port)
        url = started(program)
        assert run([require_tool("nghttp"), url + "small.txt"]) == "small\n"
        curl("-o", tmp_path / "received", url + "large.bin")
        assert (tmp_path / "received").read_bytes() == LARGE
        # through a small window, slowly, and several at once
        urls = [f"{url}large.bin?{number}" for number in range(4)]
        said = run([require_tool("nghttp"), "-ns", "-w12", *urls])
        assert len(re.findall(rf"200 +{len(LARGE) // 1024 // 1024}M /large\.bin\?", said)) == 4
        assert "404" in curl("-i", url + "nothing").splitlines()[0]
        behind.stop(signal.SIGTERM)
        assert "502" in curl("-i", url).splitlines()[0]


@pytest.mark.interop
def test_client_and_push() -> None:
    with Background(command("nghttp2_push.py", 0)) as program:
        port = port_of(started(program))
        said = run(command("nghttp2_client.py", port, "/", "/style.css")).splitlines()
        assert sorted(said) == [
            "/ 200",
            "/ 63 octets, error code 0",
            "/style.css (pushed) 15 octets, error code 0",
            "/style.css (pushed) 200",
            "/style.css 15 octets, error code 0",
            "/style.css 200",
        ]


@pytest.mark.interop
def test_wsgi() -> None:
    with Background(command("nghttp2_wsgi.py", 0)) as program:
        url = started(program)
        said = curl("-d", "some=data", url + "a%20path?query")
        assert said == "POST /a path by HTTP/2.0\nsome=data"
        assert run([require_tool("nghttp"), url]) == "GET / by HTTP/2.0\n"


@pytest.mark.parametrize("name", ["nghttp2_tls.py", "nghttp2_proxy.py", "nghttp2_client.py"])
def test_what_is_needed_is_told(name: str) -> None:
    said = run(command(name), status=1)
    assert f"python -m plait.compat examples/{name}" in said


def test_a_port_that_is_taken_is_an_ordinary_error() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = run(command("nghttp2_hello.py", taken.getsockname()[1]), status=1)
    assert "OSError: [Errno 98] Address already in use" in said
    assert "runner.py" not in said
