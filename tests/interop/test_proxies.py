"""Behind proxies: nghttpx, HAProxy and nginx talk to plait, clients of any kind to them."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.interop.application import message_of, pattern
from tests.interop.conftest import Served
from tests.support.certs import TLSFiles
from tests.support.peers import require_tool
from tests.support.process import Background, free_port, run

pytestmark = pytest.mark.interop

UPLOAD = pattern(3_000_000)
DIGEST = hashlib.sha256(UPLOAD).hexdigest()


@contextmanager
def nghttpx(backend: Served, folder: Path) -> Iterator[int]:
    port = free_port()
    options = ";proto=h2" + (";tls;sni=localhost" if backend.tls else "")
    command = [
        *(require_tool("nghttpx"), "--conf=/dev/null", "--no-ocsp", "--workers=1"),
        f"--frontend=127.0.0.1,{port};no-tls",
        f"--backend=127.0.0.1,{backend.port};{options}",
    ]
    if backend.tls:
        command.append(f"--cacert={backend.tls.cert}")
    with Background(command) as proxy:
        proxy.wait_for_port(port)
        yield port


@contextmanager
def haproxy(backend: Served, folder: Path) -> Iterator[int]:
    port = free_port()
    secure = f"ssl ca-file {backend.tls.cert} alpn h2" if backend.tls else "proto h2"
    (folder / "haproxy.cfg").write_text(f"""
defaults
    mode http
    option abortonclose
    timeout connect 5s
    timeout client 20s
    timeout server 20s
frontend clients
    bind 127.0.0.1:{port}
    default_backend plait
backend plait
    server plait 127.0.0.1:{backend.port} {secure}
""")
    with Background([require_tool("haproxy"), "-db", "-f", folder / "haproxy.cfg"]) as proxy:
        proxy.wait_for_port(port)
        yield port


PROXIES = {"nghttpx": nghttpx, "haproxy": haproxy}


@pytest.fixture(params=["nghttpx", "haproxy"])
def proxy(request: pytest.FixtureRequest, either: Served, tmp_path: Path) -> Iterator[str]:
    """The URL of a proxy that takes HTTP/1.1 and h2c, and passes all on over HTTP/2."""
    with PROXIES[request.param](either, tmp_path) as port:
        yield f"http://127.0.0.1:{port}"


def curl(*arguments: Any) -> str:
    return run([require_tool("curl"), "-sS", "-H", "Expect:", *arguments])


@pytest.mark.parametrize("version", ["--http1.1", "--http2-prior-knowledge"])
def test_many_requests_of_every_kind(proxy: str, version: str, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(UPLOAD)
    # several at once only over HTTP/1.1: curl 7.88 uses no h2c connection twice
    count = 50 if version == "--http1.1" else 1
    assert curl(version, f"{proxy}/hello?x=[1-{count}]") == "Hello, world\n" * count
    assert json.loads(curl(version, "-T", tmp_path / "up", proxy + "/sink"))[1] == DIGEST
    curl(version, "-T", tmp_path / "up", "-o", tmp_path / "echo", proxy + "/echo")
    assert (tmp_path / "echo").read_bytes() == UPLOAD
    for length in (0, 1):
        url = f"{proxy}/bytes?n=3000000&length={length}"
        curl(version, "-o", tmp_path / "down", url)
        assert (tmp_path / "down").read_bytes() == pattern(3_000_000)
    head = curl(version, "-I", proxy + "/bytes?n=777")
    assert "content-length: 777\r\n" in head.lower()
    assert curl(version, "-w", "%{http_code}", proxy + "/nothing").endswith("404")
    found = dict(json.loads(curl(version, "-H", "Cookie: a=1; b=2", proxy + "/fields")))
    assert found["cookie"] == "a=1; b=2"
    assert found[":method"] == "GET"


def test_load_through_a_proxy(proxy: str) -> None:
    printed = run([require_tool("h2load"), "-n2000", "-c10", "-m10", proxy + "/hello"])
    assert "2000 succeeded, 0 failed, 0 errored" in printed


def test_a_client_that_goes_away_behind_a_proxy_frees_its_stream(
    clear: Served, tmp_path: Path
) -> None:
    with haproxy(clear, tmp_path) as port:
        url = f"http://127.0.0.1:{port}/never"
        run([require_tool("curl"), "-sS", "-m", "0.3", url], status=28)
        while clear.report()["open"]:
            time.sleep(0.02)
        assert clear.report()["closed"]["8"] >= 1


@contextmanager
def nginx(backend: Served, tls: TLSFiles, folder: Path) -> Iterator[int]:
    """nginx with `grpc_pass`, the only way in which it speaks HTTP/2 to what is behind it."""
    port = free_port()
    (folder / "nginx.conf").write_text(f"""
daemon off; master_process off; pid {folder}/pid; error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/a; proxy_temp_path {folder}/b;
    fastcgi_temp_path {folder}/c; uwsgi_temp_path {folder}/d; scgi_temp_path {folder}/e;
    client_max_body_size 0;
    server {{
        listen 127.0.0.1:{port} http2 ssl;
        ssl_certificate {tls.cert}; ssl_certificate_key {tls.key};
        location / {{ grpc_pass {"grpcs" if backend.tls else "grpc"}://127.0.0.1:{backend.port}; }}
    }}
}}
""")
    command = [require_tool("nginx"), "-e", "stderr", "-p", folder, "-c", folder / "nginx.conf"]
    with Background(command) as proxy:
        proxy.wait_for_port(port)
        yield port


def test_nginx_passes_grpc_on(either: Served, tls_files: TLSFiles, tmp_path: Path) -> None:
    grpc = {"content-type": "application/grpc", "te": "trailers"}
    with (
        nginx(either, tls_files, tmp_path) as port,
        httpx.Client(
            http1=False, http2=True, verify=tls_files.client_context(), trust_env=False,
            base_url=f"https://127.0.0.1:{port}",
        ) as client,
    ):  # fmt: skip
        for message in (b"", b"abc", pattern(500_000)):
            answer = client.post("/plait.Test/Unary", headers=grpc, content=message_of(message))
            assert answer.status_code == 200
            assert answer.content == message_of(message[::-1])
        many = b"".join(message_of(b"message %d" % n) for n in range(300))
        assert client.post("/plait.Test/Chat", headers=grpc, content=many).content == many.upper()
        failed = client.post("/plait.Test/Fail", headers=grpc, content=message_of(b""))
        assert (failed.headers["grpc-status"], failed.content) == ("9", b"")
        assert client.post("/sink", content=UPLOAD).json() == [len(UPLOAD), DIGEST]
        assert client.get("/bytes?n=3000000").content == pattern(3_000_000)
    # httpx drops trailers; nghttp shows them
    with nginx(either, tls_files, tmp_path) as port:
        (tmp_path / "message").write_bytes(message_of(b"abc"))
        told = run(
            [require_tool("nghttp"), "-nv", "--no-verify-peer", "-H", "te: trailers",
             "-H", "content-type: application/grpc", "-d", tmp_path / "message",
             f"https://127.0.0.1:{port}/plait.Test/Unary"]
        )  # fmt: skip
        assert ") grpc-status: 0" in told
