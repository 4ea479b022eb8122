"""The programs that stand in the README and the guides, run and asked by other people's clients."""

from __future__ import annotations

import asyncio
import hashlib
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from plait.http2 import Connection, ConnectionTerminated, Role, SettingsAcknowledged
from plait.server import BaseRequestHandler, HTTP2Server
from tests.support.certs import TLSFiles
from tests.support.peers import require_tool
from tests.support.process import Background, free_port, run

from .documents import PAGES, blocks
from .programs import curl, nghttp

TEXT = b"some octets\n"


def namespace(page: str, name: str = "page") -> dict[str, Any]:
    """What the Python blocks of a page define, one after the other; none of them runs a server."""
    names: dict[str, Any] = {"__name__": name, "__file__": __file__}
    for number, block in enumerate(blocks(page, "python")):
        exec(compile(block, f"{page}, block {number}", "exec"), names)
    return names


@contextmanager
def program(text: str, folder: Path, port: int) -> Iterator[Background]:
    """Runs a block as a program, on another port than the one that it says."""
    for said in ("8080", "8443"):
        text = text.replace(said, str(port))
    script = folder / "program.py"
    script.write_text(text)
    with Background([sys.executable, "-W", "error", script]) as running:
        running.wait_for_port(port)
        yield running
    assert "Traceback" not in running.output


# --- README.md, index.md, start.md ----------------------------------------------------------------


@pytest.mark.interop
@pytest.mark.parametrize("page", ["README.md", "docs/index.md"])
def test_the_first_server(page: str, tmp_path: Path) -> None:
    text, *_ = blocks(page, "python")
    assert sum(bool(line.strip()) for line in text.splitlines()) <= 10
    (request,) = [block for block in blocks(page, "sh") if block.startswith("curl")]
    port = free_port()
    with program(text, tmp_path, port):
        command = request.replace("curl", f"{require_tool('curl')} -sS").replace("8080", str(port))
        said = run(command.split())
        assert said == "Hello over HTTP/2, /world\n"


def test_the_first_commands_are_the_two() -> None:
    text = PAGES["README.md"].read_text(encoding="utf-8")
    first = blocks("README.md", "sh")[0]
    commands = [line.partition("#")[0].strip() for line in first.splitlines()]
    assert commands == ["make serve", "make test"]
    order = [
        "make serve",
        "HTTP2Server(",
        "What it is, and what it is not",
        "<!-- figures -->",
        "<!-- /figures -->",
        "demo.png",
        "## Install",
        "## Documentation",
        "## How it is built",
        "## Licence",
    ]
    places = [text.index(part) for part in order]
    assert places == sorted(places)


@pytest.mark.interop
def test_getting_started(tmp_path: Path) -> None:
    clear, secure, client = blocks("docs/start.md", "python")
    port = free_port()
    with program(clear, tmp_path, port):
        url = f"http://127.0.0.1:{port}/"
        assert curl(url) == nghttp(url) == "Hello, HTTP/2!\n"
        old = run([require_tool("curl"), "-sSi", "--http1.1", url])
        assert old.startswith("HTTP/1.1 505 ")
        script = tmp_path / "client.py"
        script.write_text(client.replace("8080", str(port)))
        said = run([sys.executable, "-W", "error", script])
        assert said.splitlines() == ["b'200'", "b'Hello, HTTP/2!\\n'"]
    with program(secure, tmp_path, port):
        url = f"https://127.0.0.1:{port}/"
        said = run([require_tool("curl"), "-sSk", "-w", "%{http_version}", url])
        assert said == "Hello, browser!\n2"


# --- server.md ------------------------------------------------------------------------------------


async def ask(handler: Any, *arguments: str, tool: Any = curl, path: str = "/") -> str:
    """Serves `handler`, and returns what a client says of it."""
    async with HTTP2Server(("127.0.0.1", 0), handler) as server:
        url = f"http://127.0.0.1:{server.port}{path}"
        said: str = await asyncio.to_thread(tool, *arguments, url)
        return said


@pytest.fixture(scope="module")
def guide() -> dict[str, Any]:
    return namespace("docs/server.md")


ANSWERS = {
    "Echo": (["-d", "some text"], "some text"),
    "Download": ([], Path(__file__).read_text(encoding="utf-8")),
    "Numbers": ([], "".join(f"{number}\n" for number in range(1, 101))),
    "Slow": ([], "one\ntwo\nthree\n"),
    "Lines": ([], "line 0\nline 1\nline 2\n"),
    "Upload": (["-d", "x" * 40_000], "40000 octets\n"),
    "Page": ([], '<link rel="stylesheet" href="/style.css"><h1>Hi</h1>\n'),
}


@pytest.mark.interop
@pytest.mark.parametrize("name", ANSWERS)
def test_handlers_of_the_guide_answer(guide: dict[str, Any], name: str) -> None:
    arguments, answer = ANSWERS[name]
    assert asyncio.run(ask(guide[name], *arguments)) == answer


def test_every_handler_of_the_guide_is_asked(guide: dict[str, Any]) -> None:
    handlers = {
        name
        for name, thing in guide.items()
        if isinstance(thing, type)
        and issubclass(thing, BaseRequestHandler)
        and thing is not BaseRequestHandler
    }
    assert handlers == {*ANSWERS, "Summed", "Static"}


@pytest.mark.interop
def test_trailers_of_the_guide(guide: dict[str, Any]) -> None:
    said = asyncio.run(ask(guide["Summed"], "-nv", tool=nghttp))
    assert f"sha256: {hashlib.sha256(3 * TEXT).hexdigest()}" in said


@pytest.mark.interop
def test_push_and_hint_of_the_guide(guide: dict[str, Any]) -> None:
    pushed = asyncio.run(ask(guide["Page"], "-nv", tool=nghttp))
    assert pushed.index("recv PUSH_PROMISE frame") < pushed.index(":status: 200")
    hinted = asyncio.run(ask(guide["Page"], "-i"))
    assert "link: </style.css>; rel=preload; as=style" in hinted


@pytest.mark.interop
def test_static_files_of_the_guide(
    guide: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plait.server.static import static_handler

    (tmp_path / "some.txt").write_text("some text")
    monkeypatch.chdir(tmp_path)
    said = asyncio.run(ask(static_handler("."), "-i", path="/some.txt"))
    assert "content-type: text/plain" in said
    assert issubclass(guide["Static"], BaseRequestHandler)


def test_main_of_the_guide(guide: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    asyncio.run(guide["main"]())
    assert capsys.readouterr().out.startswith("listening on port ")


@pytest.mark.interop
def test_tls_of_the_guide(guide: dict[str, Any], tls_files: TLSFiles) -> None:
    async def main() -> str:
        async with guide["secure_server"](tls_files.cert, tls_files.key) as server:
            url = f"https://localhost:{server.port}/"
            command = [require_tool("curl"), "-sS", "--cacert", tls_files.cert, url]
            return await asyncio.to_thread(run, [*command, "-w", "%{http_version}"])

    assert asyncio.run(main()).endswith("</h1>\n2")


# --- engine.md, client.md, command.md -------------------------------------------------------------


@pytest.mark.interop
def test_the_loop_of_the_engine_guide() -> None:
    names = namespace("docs/engine.md")
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=names["run"], args=(ours,))
    thread.start()
    client = Connection(Role.CLIENT)
    client.initiate_connection()
    seen: list[Any] = []
    with theirs, ours:
        while not any(isinstance(event, SettingsAcknowledged) for event in seen):
            theirs.sendall(client.data_to_send())
            seen += client.receive_data(theirs.recv(65_536))
        client.terminate()
        theirs.sendall(client.data_to_send())
        thread.join(10)
        assert not thread.is_alive()
    assert not any(isinstance(event, ConnectionTerminated) for event in seen)


def test_the_client_guide(capsys: pytest.CaptureFixture[str]) -> None:
    names = namespace("docs/client.md")
    page = namespace("docs/server.md")["Page"]
    css = b"h1 { color: teal }\n"

    async def main() -> None:
        async with HTTP2Server(("127.0.0.1", 0), page) as server:
            await names["main"]("127.0.0.1", server.port)
            async with names["HTTP2Client"](("127.0.0.1", server.port)) as client:
                answered = asyncio.Event()
                handler = names["WithPushes"]()
                handler.on_close = lambda error_code: answered.set()
                client.send_request(handler=handler)
                await answered.wait()
            async with names["NoPush"](("127.0.0.1", server.port)) as client:
                client.send_request(handler=names["WithPushes"]())

    asyncio.run(main())
    lines = capsys.readouterr().out.splitlines()
    assert lines.count("200 b'text/html'") == 5
    assert lines.count("200 b'text/css'") == 1
    assert lines.count(f"{len(css)} octets") == 1


@pytest.mark.interop
def test_the_handler_of_the_command_page(tmp_path: Path) -> None:
    (text,) = blocks("docs/command.md", "python")
    (tmp_path / "app.py").write_text(text)
    command = [sys.executable, "-m", "plait", "run", "app:Hello", "--bind", "127.0.0.1:0"]
    with Background(command, cwd=tmp_path) as running:
        url = running.wait_for(r"http://127\.0\.0\.1:\d+/")[0]
        assert curl(url) == "Hello from app.py\n"
