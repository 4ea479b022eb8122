"""What goes through proxies whole: bodies, trailers, WebSockets, and the news of clients gone."""

from __future__ import annotations

import hashlib
import json
import socket
import time
from pathlib import Path

import pytest
from websockets.sync.client import connect

from tests.interop.application import pattern
from tests.support.certs import TLSFiles
from tests.support.process import PATIENCE

from .conftest import Instances
from .setting import PROXIES, Front, nginx, plait

pytestmark = [pytest.mark.interop, pytest.mark.slow]

MIB = pattern(1 << 20)


@pytest.mark.parametrize("behind", ["http", "https"])
@pytest.mark.parametrize("application", ["app", "wsgi"])
@pytest.mark.parametrize("name", PROXIES)
def test_bodies_both_ways(
    name: str,
    application: str,
    behind: str,
    instances: Instances,
    tls_files: TLSFiles,
    tmp_path: Path,
) -> None:
    instance = instances(application, secure=behind == "https")
    with PROXIES[name][0]([instance], tmp_path, tls_files) as front:
        for scheme, version in (("http", "1.1"), ("https", "2")):
            with front.client(scheme, version) as client:
                whole = client.post("/echo", content=MIB).raise_for_status().content
                assert digest(whole) == digest(MIB)
                pieces = (MIB[at : at + 50_000] for at in range(0, len(MIB), 50_000))
                chunked = client.post("/echo", content=pieces).raise_for_status().content
                assert digest(chunked) == digest(MIB)
                assert client.post("/echo", content=b"").content == b""


def digest(data: bytes) -> tuple[int, str]:
    return len(data), hashlib.sha256(data).hexdigest()


# --- gRPC: trailers and streams -------------------------------------------------------------------


@pytest.mark.parametrize("behind", ["http", "https"])
@pytest.mark.parametrize("name", ["haproxy", "nghttpx", "nginx"])
def test_calls_of_grpc(
    name: str, behind: str, instances: Instances, tls_files: TLSFiles, tmp_path: Path
) -> None:
    grpc = pytest.importorskip("grpc", reason="gRPC is not installed: pip install grpcio")
    instance = instances("app", secure=behind == "https")
    if name == "nginx":
        proxy = nginx([instance], tmp_path, tls_files, grpc=True)
    else:
        proxy = PROXIES[name][0]([instance], tmp_path, tls_files)
    with proxy as front, grpc.insecure_channel(f"127.0.0.1:{front.clear}") as channel:
        unary = channel.unary_unary("/plait.Test/Unary")
        for message in (b"", b"abc", MIB):
            assert unary(message, timeout=PATIENCE) == message
        chat = channel.stream_stream("/plait.Test/Chat")
        messages = [b"message %d" % number for number in range(300)]
        assert list(chat(iter(messages), timeout=PATIENCE)) == messages


# --- WebSockets -----------------------------------------------------------------------------------


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("behind", ["http", "https"])
@pytest.mark.parametrize("name", PROXIES)
def test_websockets(
    name: str, behind: str, scheme: str, instances: Instances, tls_files: TLSFiles, tmp_path: Path
) -> None:
    proxy, version = PROXIES[name]
    instance = instances("app", secure=behind == "https")
    with proxy([instance], tmp_path, tls_files) as front:
        url = front.url(scheme).replace("http", "ws", 1) + "/chat"
        secure = tls_files.client_context() if scheme == "https" else None
        with connect(url, ssl=secure, proxy=None, max_size=None) as client:
            told = json.loads(client.recv(PATIENCE))
            assert (told["http_version"], told["path"]) == (version, "/chat")
            assert told["scheme"] == scheme.replace("http", "ws")
            for message in ("a text", b"octets", MIB):
                client.send(message)
                assert client.recv(PATIENCE) == message
            assert client.ping().wait(PATIENCE)


# --- clients that go away -------------------------------------------------------------------------


def abandoned(front: Front) -> None:
    """A request whose client goes away in the middle of the response."""
    with socket.create_connection(("127.0.0.1", front.clear), PATIENCE) as client:
        client.sendall(b"GET /never HTTP/1.1\r\nhost: localhost\r\n\r\n")
        found = b""
        while b"begun\n" not in found:
            found += client.recv(10_000)


def gone(front: Front, wanted: int) -> list[str]:
    """What the application has noticed, when it has noticed so much."""
    deadline = time.monotonic() + PATIENCE
    with front.client() as client:
        while True:
            found: list[str] = client.get("/gone").raise_for_status().json()
            if len(found) >= wanted:
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.02)


@pytest.mark.parametrize("name", PROXIES)
def test_clients_that_go_away(name: str, tls_files: TLSFiles, tmp_path: Path) -> None:
    for application, noticed in (("app", "http.disconnect"), ("wsgi", "closed")):
        with (
            plait(application, "--proxies=127.0.0.1") as instance,
            PROXIES[name][0]([instance], tmp_path, tls_files) as front,
        ):
            for _ in range(3):
                abandoned(front)
            assert gone(front, 3) == [noticed] * 3


@pytest.mark.parametrize("name", ["haproxy", "nginx"])
def test_clients_of_websockets_that_go_away(name: str, tls_files: TLSFiles, tmp_path: Path) -> None:
    with (
        plait("app") as instance,
        PROXIES[name][0]([instance], tmp_path, tls_files) as front,
    ):
        url = front.url("http").replace("http", "ws", 1)
        with connect(url, proxy=None) as client:
            client.recv(PATIENCE)
            client.socket.shutdown(socket.SHUT_RDWR)
        assert gone(front, 1)[0].startswith("websocket 100")
