"""What the pages about SPDY say, beside the code; their programs, and the examples, are run."""

from __future__ import annotations

import inspect
import re
import socket
import ssl
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plait import http2, spdy
from plait.compat import install, spdylay
from plait.spdy import Connection, DataReceived, Role, StreamClosed, Version
from plait.spdy.events import Event
from plait.spdy.frames import ControlFrame
from tests.support.certs import TLSFiles
from tests.support.process import Background, run

from .documents import blocks, code_spans, table_rows
from .programs import EXAMPLES

REQUEST = [(b":method", b"GET"), (b":path", b"/there"), (b":version", b"HTTP/1.1")]


def rows(page: str, columns: int, first: str) -> Iterator[list[str]]:
    """Rows of the tables of a page that have so many columns and begin like `first`."""
    for row in table_rows(page):
        if len(row) == columns and re.fullmatch(first, row[0]):
            yield row


# --- spdy.md --------------------------------------------------------------------------------------


def numbers(names: Any) -> set[tuple[int, str]]:
    return {(int(member), member.name) for member in names}


def test_the_numbers_of_both_protocols_are_those_of_the_code() -> None:
    told: dict[str, set[tuple[int, str]]] = {"spdy": set(), "http2": set()}
    for row in table_rows("docs/spdy.md"):
        if len(row) in (4, 5):
            for at, protocol in ((0, "spdy"), (2, "http2")):
                if row[at].isdigit() and row[at + 1].isupper():
                    told[protocol].add((int(row[at]), row[at + 1]))
    known = numbers(spdy.FrameType) | numbers(spdy.SettingId) | numbers(spdy.StreamStatus)
    assert told["spdy"] == known - {(0, "OK")}
    theirs = numbers(http2.FrameType) | numbers(http2.SettingCode) | numbers(http2.ErrorCode)
    assert told["http2"] <= theirs
    frames = {number for number, _ in numbers(http2.FrameType) if number < 10}
    assert frames <= {number for number, _ in told["http2"]}


# --- spdy-engine.md -------------------------------------------------------------------------------


def attributes(kind: type) -> set[str]:
    return {name for name in dir(kind) if not name.startswith("_")}


def test_every_event_and_frame_has_its_row() -> None:
    told: dict[str, set[str]] = {}
    for row in table_rows("docs/spdy-engine.md"):
        for name in re.findall("`([A-Z][A-Za-z]+)`", row[0]):
            told[name] = set(re.findall("`([a-z_]+)`", row[-1]))
    public = [getattr(spdy, name) for name in spdy.__all__]
    kinds = [kind for kind in public if isinstance(kind, type)]
    assert told.keys() <= {kind.__name__ for kind in kinds}
    common = attributes(ControlFrame)
    for kind in kinds:
        if issubclass(kind, Event) and kind is not Event:
            assert told[kind.__name__] & attributes(kind), kind
        elif issubclass(kind, ControlFrame) and kind.frame_type:
            assert attributes(kind) - common == told[kind.__name__], kind


def test_every_call_of_the_engine_is_described() -> None:
    spans = " ".join(code_spans("docs/spdy-engine.md")) + "".join(
        blocks("docs/spdy-engine.md", "pycon")
    )
    unsaid = {name for name in attributes(Connection) if not re.search(rf"\b{name}\b", spans)}
    # facts that explain themselves, in the reference
    assert unsaid == {
        "failed",
        "goaway_received",
        "goaway_sent",
        "highest_remote_stream_id",
        "queue_size",
        "role",
        "stream_is_open",
    }


@pytest.fixture(scope="module")
def engine_page() -> dict[str, Any]:
    """What the programs of the page define."""
    names: dict[str, Any] = {}
    for text in blocks("docs/spdy-engine.md", "python"):
        exec(compile(text, "docs/spdy-engine.md", "exec"), names)
    return names


def ask(sock: socket.socket, client: Connection) -> bytes:
    """The body that comes back over a socket."""
    client.send_request(REQUEST)
    seen: list[Event] = []
    while not any(isinstance(event, StreamClosed) for event in seen):
        sock.sendall(client.data_to_send())
        seen += client.receive_data(sock.recv(65_536))
    sock.shutdown(socket.SHUT_WR)
    return b"".join(event.data for event in seen if isinstance(event, DataReceived))


def test_the_loop_of_the_engine_page(engine_page: dict[str, Any]) -> None:
    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=engine_page["serve"], args=(ours, Version.SPDY3))
    with theirs, ours:
        theirs.settimeout(10)
        thread.start()
        assert ask(theirs, Connection(Role.CLIENT, Version.SPDY3)) == b"You asked for /there"
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.parametrize("status", ["101 Switching Protocols", "403 Forbidden"])
def test_the_upgrade_of_the_engine_page(engine_page: dict[str, Any], status: str) -> None:
    asked: list[bytes] = []

    def serve(sock: socket.socket) -> None:
        asked.append(sock.recv(65_536))
        sock.sendall(f"HTTP/1.1 {status}\r\nUpgrade: SPDY/3.1\r\n\r\n".encode())
        if status.startswith("101"):
            engine_page["serve"](sock)

    ours, theirs = socket.socketpair()
    thread = threading.Thread(target=serve, args=(ours,))
    with theirs, ours:
        theirs.settimeout(10)
        thread.start()
        if status.startswith("101"):
            client, events = engine_page["upgrade"](theirs, "a.example", "/exec", "X-Some: thing")
            assert events == []
            assert ask(theirs, client) == b"You asked for /there"
        else:
            with pytest.raises(ConnectionError, match="403"):
                engine_page["upgrade"](theirs, "a.example", "/exec")
        thread.join(10)
        assert not thread.is_alive()
    assert asked[0].startswith(b"POST /exec HTTP/1.1\r\nHost: a.example\r\n")
    assert asked[0].endswith(b"\r\n\r\n")


# --- spdylay.md -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    """What the programs of the page define."""
    install("spdylay")
    names: dict[str, Any] = {"__name__": "page"}
    for text in blocks("docs/spdylay.md", "python"):
        exec(compile(text, "docs/spdylay.md", "exec"), names)
    return names


def test_every_name_is_in_the_table() -> None:
    listed = {
        span.partition("(")[0]
        for row in rows("docs/spdylay.md", 2, "`.*`")
        for span in re.findall("`(.+?)`", row[0])
    }
    assert set(spdylay.__all__) - {"__version__"} <= listed


def test_every_callback_and_method_of_a_session_is_named() -> None:
    spans = code_spans("docs/spdylay.md")
    parameters = set(inspect.signature(spdylay.Session).parameters)
    callbacks = {name for name in parameters if name.endswith("_cb")}
    assert callbacks | attributes(spdylay.Session) <= spans


def test_attributes_of_the_server_have_their_defaults() -> None:
    server = spdylay.ThreadedSPDYServer
    told = {row[0].strip("`"): row[1].strip("`") for row in rows("docs/spdylay.md", 3, "`.*`")}
    own = {
        name
        for name, value in vars(server).items()
        if not name.startswith("_") and not callable(value) and not isinstance(value, property)
    }
    for name in own - {"allow_reuse_address", "request_queue_size"}:
        default = told.pop(name)
        if name not in ("config", "logger"):
            assert default == repr(getattr(server, name)), name
    for parameter in inspect.signature(spdylay.urlfetch).parameters.values():
        if parameter.kind is parameter.KEYWORD_ONLY:
            default = parameter.default
            shown = default.__name__ if isinstance(default, type) else repr(default)
            assert told.pop(parameter.name) == shown
    plain = {name for name in told if re.fullmatch("[a-z_]+", name) and name[-3:] != "_cb"}
    assert plain <= attributes(server)


SAID = "200 OK\nb'<h1>Hello over SPDY</h1>\\n'\nclosed 0\n"


def test_server_and_client_of_the_page(
    page: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    with page["make_server"]() as server:
        server.start()
        url = f"http://127.0.0.1:{server.server_address[1]}/"
        page["urlfetch"](url, page["Print"], version=spdylay.PROTO_SPDY3_1)
        assert capsys.readouterr().out == SAID
        page["urlfetch"]([url], page["Upload"], version=spdylay.PROTO_SPDY3_1)
        assert capsys.readouterr().out == "200 OK\nb'some text'\nclosed 0\n"


def test_the_same_over_tls(
    page: dict[str, Any], tls_files: TLSFiles, capsys: pytest.CaptureFixture[str]
) -> None:
    with page["make_server"](tls_files.cert, tls_files.key) as server:
        server.start()
        url = f"https://localhost:{server.server_address[1]}/"
        context = ssl.create_default_context(cafile=str(tls_files.cert))
        page["urlfetch"](url, page["Print"], context=context)
        assert capsys.readouterr().out == SAID
        with pytest.raises(spdylay.UrlFetchError):
            page["urlfetch"](url, page["Print"])


# --- examples -------------------------------------------------------------------------------------


def command(name: str, *arguments: object) -> list[str]:
    run_it = [sys.executable, "-W", "error", "-m", "plait.compat"]
    return [*run_it, str(EXAMPLES / name), *map(str, arguments)]


def test_every_example_for_spdylay_is_run_here() -> None:
    tested = Path(__file__).read_text(encoding="utf-8")
    for example in EXAMPLES.glob("spdylay_*.py"):
        assert f'"{example.name}"' in tested


def test_two_sessions() -> None:
    said = run(command("spdylay_session.py")).splitlines()
    assert "server: stream 1 closed, 0" in said
    assert "client: 4096 octets on stream 1" in said
    assert said[-1] == "client: stream 1 closed, 0"


def test_server_and_client(tls_files: TLSFiles) -> None:
    with Background(command("spdylay_server.py", 0, tls_files.cert, tls_files.key)) as server:
        url = server.wait_for(r"https://127\.0\.0\.1:\d+/$")[0]
        fetch = command("spdylay_fetch.py", "--cafile", tls_files.cert)
        said = run([*fetch, url + "a?b", url + "notfound"])
        assert "  :status: 200 OK\n" in said
        assert "<h1>/a?b</h1>" in said
        assert "  :status: 404 Not Found\n" in said
        assert "Stream#3 closed\n" in said
    with Background(command("spdylay_server.py", 0)) as server:
        url = server.wait_for(r"http://127\.0\.0\.1:\d+/$")[0]
        assert "<h1>/</h1>" in run(command("spdylay_fetch.py", url))
