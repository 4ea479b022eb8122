"""The examples for no module of old, each run with other people's programs."""

from __future__ import annotations

import re
import signal
import sys
from pathlib import Path

import pytest

from tests.support.peers import require_tool
from tests.support.process import Background, free_port, run

from .programs import EXAMPLES, command, curl, nghttp, port_of, url_of

BODY = bytes(range(256)) * 8192  # 2 MiB: more than any window


def test_every_example_is_run() -> None:
    tests = [Path(__file__), Path(__file__).with_name("test_json_echo.py")]
    tested = "".join(path.read_text(encoding="utf-8") for path in tests)
    examples = {path.name for path in EXAMPLES.glob("*.py")}
    for name in examples:
        assert name.startswith(("nghttp2_", "spdylay_", "kyoukai_")) or f'"{name}"' in tested


@pytest.mark.interop
def test_hello() -> None:
    with Background(command("hello.py", 0)) as program:
        url = url_of(program)
        said = curl("-i", url)
        assert said.startswith("HTTP/2 200")
        assert said.endswith("Hello, HTTP/2!\n")
        assert nghttp(url) == "Hello, HTTP/2!\n"
        assert program.stop(signal.SIGTERM) == 0


@pytest.mark.interop
def test_early_hints() -> None:
    with Background(command("early_hints.py", 0)) as program:
        url = url_of(program)
        told = curl("-i", url)
        interim, final = told.index("HTTP/2 103"), told.index("HTTP/2 200")
        assert interim < told.index("link: </style.css>; rel=preload; as=style") < final
        assert "<h1>Early</h1>" in told
        assert curl(url + "style.css") == "h1 { color: teal }\n"
        assert curl("-o", "/dev/null", "-w", "%{http_code}", url + "nothing") == "404"
        pushed = nghttp("-v", url)
        assert "recv PUSH_PROMISE frame" in pushed
        assert re.search(r"recv \(stream_id=2\) content-type: text/css", pushed)
        assert ":status: 103" not in pushed


@pytest.mark.interop
def test_clock() -> None:
    with Background(command("clock.py", 0)) as program:
        url = url_of(program)
        with Background([require_tool("curl"), "-sSN", "--http2-prior-knowledge", url]) as client:
            first = client.wait_for(r"^data: (\d\d:\d\d:\d\d)$")[1]
            client.wait_for(rf"^data: (?!{first})")
        # the client has left: its generator ends, and the server goes on
        assert program.process.poll() is None
        assert program.stop(signal.SIGTERM) == 0
        assert "Traceback" not in program.output


@pytest.mark.interop
@pytest.mark.parametrize("name", ["asgi_hello.py", "wsgi_hello.py"])
def test_applications(name: str, tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    sent.write_bytes(BODY)
    target = f"{name.removesuffix('.py')}:app"
    plait = [sys.executable, "-W", "error", "-m", "plait", target, "--app-dir", str(EXAMPLES)]
    with Background([*plait, "--bind", "127.0.0.1:0"]) as program:
        url = program.wait_for(r"on (http://127\.0\.0\.1:\d+/)")[1]
        assert curl(url) == "Hello, you!\n"
        assert run([require_tool("curl"), "-sS", url + "caf%C3%A9"]) == "Hello, café!\n"
        assert curl("--data-binary", f"@{sent}", url) == f"{len(BODY)} octets\n"
        if name == "wsgi_hello.py":
            assert curl(url + "numbers") == "".join(f"{number}\n" for number in range(1000))
        else:
            follow = [require_tool("curl"), "-sSN", "--http2-prior-knowledge", url + "clock"]
            with Background(follow) as client:
                client.wait_for(r"^data: \d\d:\d\d:\d\d$")
        assert program.stop(signal.SIGTERM) == 0
        assert "Traceback" not in program.output


@pytest.mark.interop
def test_engine_echo(tmp_path: Path) -> None:
    sent, received = tmp_path / "sent", tmp_path / "received"
    sent.write_bytes(BODY)
    with Background(command("engine_echo.py", 0)) as program:
        url = url_of(program)
        curl("--data-binary", f"@{sent}", "-o", received, url)
        assert received.read_bytes() == BODY
        assert curl(url) == ""
        assert nghttp("-d", sent, "--trailer", "sum: 7", "-nv", url).count("END_STREAM") > 1
        many = [f"{url}?{number}" for number in range(20)]
        assert nghttp("-d", sent, "-ns", *many).count(" 200 ") == len(many)
        assert "Traceback" not in program.output


@pytest.mark.interop
def test_engine_sockets_and_engine_get(tmp_path: Path) -> None:
    sent = tmp_path / "sent"
    sent.write_bytes(BODY)
    with Background(command("engine_sockets.py", 0)) as program:
        url = url_of(program)
        assert nghttp(url + "one", url + "two").count(" on stream ") == 2
        assert curl("--data-binary", f"@{sent}", url + "three").startswith("/three on stream 1, ")
        said = run(command("engine_get.py", port_of(url), "/a", "/b", "/longer"))
        assert sorted(line.rpartition(" ")[0].rpartition(" ")[0] for line in said.splitlines()) == [
            "200 /a",
            "200 /b",
            "200 /longer",
        ]
        assert "Traceback" not in program.output


@pytest.mark.interop
def test_engine_get_from_another_server(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(BODY)
    port = free_port()
    nghttpd = [require_tool("nghttpd"), "--no-tls", "-d", str(tmp_path), str(port)]
    with Background(nghttpd) as server:
        server.wait_for_port(port)
        said = run(command("engine_get.py", port, "/large", "/nothing"))
        assert f"200 /large {len(BODY)} octets" in said
        assert "404 /nothing " in said


def test_engine_get_tells_its_usage() -> None:
    assert "PORT PATH..." in run(command("engine_get.py"), status=1)
