"""HTTP/1.1 and HTTP/2 on one port, with real sockets and real clients."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import socket
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from plait.server import ApplicationServer, Cycle, new_event_loop
from tests.support.certs import TLSFiles, make_certificate
from tests.support.peers import require_tool

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


class Answer(Cycle):
    """Says how the request came, and repeats its body."""

    def __init__(self, exchange: Any) -> None:
        self.exchange = exchange
        self.pieces = [b"%b %b\n" % (exchange.http_version.encode(), exchange.scheme)]

    def begin(self) -> None:
        if self.exchange.complete:
            self.end([])
        else:
            self.exchange.inform(100, ())

    def data(self, data: bytes) -> None:
        self.pieces.append(data)
        self.exchange.consumed(len(data))

    def end(self, trailers: list[tuple[bytes, bytes]]) -> None:
        if self.exchange.path == b"/stream":
            self.exchange.start(200, [])
            for piece in self.pieces:
                self.exchange.write(piece)
            self.exchange.finish()
        else:
            self.exchange.respond(200, [], b"".join(self.pieces))

    def writable(self) -> None:
        pass

    def closed(self, error_code: int) -> None:
        pass

    def leaving(self) -> None:
        pass


class AnswerHost:
    def open(self, exchange: Any) -> Cycle:
        return Answer(exchange)

    async def startup(self) -> None:
        pass

    async def shutdown(self) -> None:
        pass


@contextlib.contextmanager
def served(address: Any = ("127.0.0.1", 0), loop: Any = None, **options: Any) -> Iterator[Any]:
    """A server in a thread of its own."""
    loop = loop or new_event_loop()
    server = ApplicationServer(address, AnswerHost(), loop=loop, http1=True, **options)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join(30)
        loop.close()


def exchange_raw(sock: socket.socket, sent: bytes) -> bytes:
    """Send something, and read until the server closes."""
    received = b""
    with sock:
        sock.settimeout(30)
        sock.sendall(sent)
        while piece := sock.recv(65_536):
            received += piece
    return received


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> TLSFiles:
    return make_certificate(tmp_path_factory.mktemp("certs"))


@pytest.mark.parametrize("make_loop", [asyncio.new_event_loop, new_event_loop])
def test_a_python_client_reuses_its_connection(make_loop: Any) -> None:
    with served(loop=make_loop()) as server:
        client = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        body = bytes(300_000)
        for length in (True, False):
            client.request("POST", "/stream", body if length else iter([body]))
            response = client.getresponse()
            assert response.status == 200
            assert response.read() == b"1.1 http\n" + body
        client.request("GET", "/")
        assert client.getresponse().read() == b"1.1 http\n"
        assert server.stats().connections_accepted == 1
        assert server.stats().requests == 3
        client.close()


def test_the_clients_first_octets_choose_the_version(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    with served([("127.0.0.1", 0), ("::1", 0), f"unix:{path}"]) as server:
        last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
        for kind, address in (
            (socket.AF_INET, server.addresses[0]),
            (socket.AF_INET6, server.addresses[1]),
            (socket.AF_UNIX, str(path)),
        ):
            sock = socket.socket(kind)
            sock.connect(address)
            assert exchange_raw(sock, GET + last).count(b"\r\n\r\n1.1 http\n") == 2
        # what is not HTTP is told so, and closed
        sock = socket.create_connection(server.addresses[0])
        assert exchange_raw(sock, b"GET  / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400 ")


def test_over_tls_alpn_chooses(files: TLSFiles) -> None:
    with served(ssl=files.server_context()) as server:
        for alpn in ((), ("http/1.1",), ("http/1.1", "h2")):
            sock = socket.create_connection(("127.0.0.1", server.port))
            context = files.client_context(*alpn)
            tls = context.wrap_socket(sock, server_hostname="localhost", suppress_ragged_eofs=True)
            if tls.selected_alpn_protocol() == "h2":
                tls.close()
                assert "h2" in alpn
                continue
            last = GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
            received = exchange_raw(tls, GET + last)
            assert received.count(b"\r\n\r\n1.1 https\n") == 2


def test_the_end_of_the_server_lets_an_idle_client_go() -> None:
    with served() as server:
        sock = socket.create_connection(("127.0.0.1", server.port))
        sock.settimeout(30)
        sock.sendall(GET)
        received = b""
        while not received.endswith(b"1.1 http\n"):
            received += sock.recv(65_536)
        server.stop()
        assert sock.recv(1) == b""
        sock.close()


@pytest.mark.interop
def test_curl(tmp_path: Path, files: TLSFiles) -> None:
    curl = require_tool("curl")
    upload = tmp_path / "upload"
    upload.write_bytes(b"x" * 3_000_000)

    def ask(*arguments: str) -> str:
        command = [curl, "-sS", "--max-time", "30", *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    with served(h2c_upgrade=True) as server, served(ssl=files.server_context()) as secure:
        url = f"http://127.0.0.1:{server.port}/"
        tls = f"https://localhost:{secure.port}/"
        assert ask("--http1.1", url) == "1.1 http\n"
        assert ask("--http1.0", url, url + "stream") == "1.0 http\n" * 2
        assert ask("--http2", url) == "2 http\n"
        assert ask("--http2", "-d", "body", url) == "1.1 http\nbody"
        assert ask("--http2-prior-knowledge", url) == "2 http\n"
        for more in ([], ["-H", "Transfer-Encoding: chunked"], ["-H", "Expect: 100-continue"]):
            answer = ask("--http1.1", "-T", str(upload), *more, url + "stream")
            assert len(answer) == 9 + 3_000_000
        head = ask("--http1.1", "-I", url)
        assert head.startswith("HTTP/1.1 200 OK")
        assert "content-length: 9" in head
        verify = ["--cacert", str(files.cert)]
        assert ask(*verify, "--http1.1", tls) == "1.1 https\n"
        assert ask(*verify, "--http2", tls) == "2 https\n"


@pytest.mark.slow
@pytest.mark.interop
def test_wrk_gets_an_answer_to_every_request() -> None:
    wrk = require_tool("wrk")
    with served() as server:
        command = [wrk, "-c", "32", "-t", "1", "-d", "3s", f"http://127.0.0.1:{server.port}/"]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "Requests/sec" in done.stdout
    assert "Non-2xx" not in done.stdout
    assert "Socket errors" not in done.stdout


def test_http1_may_be_left_out() -> None:
    loop = new_event_loop()
    server = ApplicationServer(("127.0.0.1", 0), AnswerHost(), loop=loop, http1=False)
    assert server.http1 is None
    assert server.alpn == ("h2",)
    for sock in server.sockets:
        sock.close()
    loop.close()
