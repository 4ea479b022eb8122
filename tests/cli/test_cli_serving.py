"""The command from outside: a process of its own, and curl and nghttp as clients."""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.peers import require_tool
from tests.support.process import Background, run

pytestmark = pytest.mark.interop

CLEAR = r"on (http://127\.0\.0\.1:\d+/) \(h2c\)"
SECURE = r"on (https://127\.0\.0\.1:\d+/) \(h2\)"

APPLICATION = """
from plait.server import BaseRequestHandler, DATA_EOF

class Handler(BaseRequestHandler):
    def on_headers(self):
        self.send_response(200, [("content-type", "text/plain")], self.method + b" " + self.path)

class Greeter(BaseRequestHandler):
    def __init__(self, greeting, http2, stream_id):
        super().__init__(http2, stream_id)
        self.greeting = greeting

    def on_headers(self):
        self.send_response(body=lambda n: (self.greeting, DATA_EOF))

def factory(http2, stream_id):
    return Greeter(b"made by a function", http2, stream_id)
"""


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "index.html").write_text("<!DOCTYPE html><title>home</title>")
    (folder / "hello.txt").write_text("hello\n")
    return folder


@pytest.fixture
def curl():
    """Run curl over HTTP/2 with prior knowledge; returns what it printed."""
    program = require_tool("curl")

    def fetch(*arguments, status=0):
        return run(
            [program, "--silent", "--show-error", "--http2-prior-knowledge", *arguments],
            status=status,
        )

    return fetch


def plait(*arguments, cwd=None):
    return Background([sys.executable, "-m", "plait", *arguments], cwd=cwd)


def test_serve_over_cleartext(site, curl):
    with plait("serve", site, "-b", "127.0.0.1:0") as server:
        url = server.wait_for(CLEAR)[1]
        server.wait_for(rf"--dev-cert; without it: curl --http2-prior-knowledge {url}$")
        server.wait_for(rf"^plait: serving {site} on {url} ")
        assert curl(url + "hello.txt") == "hello\n"
        assert curl("-w", "%{http_version} %{content_type}", url) == (
            "<!DOCTYPE html><title>home</title>2 text/html; charset=utf-8"
        )
        server.wait_for(r'INFO .*127\.0\.0\.1 - - \[.* GMT\] "GET /hello\.txt HTTP/2" 200 - -$')


def test_a_directory_without_index_is_listed_only_if_asked_for(site, curl):
    (site / "index.html").unlink()
    with plait("serve", site, "-b", "127.0.0.1:0") as server:
        server.wait_for("no index.html in .*: --listing shows what is there")
        assert curl(server.wait_for(CLEAR)[1]) == "404 Not Found\n"
    with plait("serve", site, "-b", "127.0.0.1:0", "--listing") as server:
        assert 'href="./hello.txt"' in curl(server.wait_for(CLEAR)[1])
        assert "no index.html" not in server.output


def test_methods_ranges_and_conditions_over_the_wire(site, curl):
    with plait("serve", site, "-b", "127.0.0.1:0") as server:
        url = server.wait_for(CLEAR)[1] + "hello.txt"
        head = curl("--head", url)
        assert head.startswith("HTTP/2 200")
        assert "content-length: 6\r\n" in head
        assert head.endswith("\r\n\r\n")
        etag = re.search(r"etag: (\S+)", head)[1]
        assert curl("-w", "%{http_code}", "-H", f"if-none-match: {etag}", url) == "304"
        assert curl("-r", "1-3", url) == "ell"
        assert "bytes */6" in curl("-i", "-r", "9-", url)
        assert "hello" not in curl("-X", "OPTIONS", "-i", url)
        refused = curl("-i", "--data-binary", "@" + str(site / "hello.txt"), url)
        assert refused.startswith("HTTP/2 405")
        assert "allow: GET, HEAD, OPTIONS\r\n" in refused
        # the refusal of a large upload must reach the client although it is not read
        (site / "large").write_bytes(bytes(5_000_000))
        assert "HTTP/2 405" in curl("-i", "--data-binary", "@" + str(site / "large"), url)


def test_no_path_leads_out(site, curl):
    (site.parent / "secret.txt").write_text("secret")
    with plait("serve", site, "-b", "127.0.0.1:0") as server:
        url = server.wait_for(CLEAR)[1]
        for path in (
            "../secret.txt",
            "..%2fsecret.txt",
            "%2e%2e/secret.txt",
            "/../secret.txt",
            "x/../../secret.txt",
            "..%5csecret.txt",
            "%00/../secret.txt",
            "/etc/passwd",
            "%2fetc/passwd",
        ):
            answer = curl("--path-as-is", "-w", " %{http_code}", url + path)
            assert answer.rpartition(" ")[2] in ("400", "404"), path
            assert "secret" not in answer


def test_a_large_file_is_never_whole_in_memory(site, curl, tmp_path):
    block = bytes(range(256)) * 4096
    with open(site / "large.bin", "wb") as file:
        file.writelines(block for _ in range(96))
    with plait("serve", site, "-b", "127.0.0.1:0") as server:
        url = server.wait_for(CLEAR)[1]
        curl(url + "hello.txt")
        before = peak_memory(server.pid)
        curl("-o", tmp_path / "copy", url + "large.bin")
        with open(tmp_path / "copy", "rb") as file:
            copy = hashlib.file_digest(file, "sha256").digest()
        assert copy == hashlib.sha256(block * 96).digest()
        assert peak_memory(server.pid) - before < 16 * 1024
        assert open_files(server.pid, site) == []


def peak_memory(pid):
    """The most memory that the process ever had, in KiB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s+(\d+) kB", status)[1])


def open_files(pid, folder):
    """The files in the folder that the process has open."""
    found = []
    for link in Path(f"/proc/{pid}/fd").iterdir():
        # one that is closed while we look is not open
        with contextlib.suppress(FileNotFoundError):
            found.append(str(link.readlink()))
    return [path for path in found if path.startswith(str(folder))]


def test_a_client_that_leaves_does_not_keep_the_file_open(site, curl):
    (site / "large.bin").write_bytes(bytes(20_000_000))
    with plait("serve", site, "-b", "127.0.0.1:0") as server:
        url = server.wait_for(CLEAR)[1]
        curl("-o", "/dev/null", "--limit-rate", "100k", "-m", "1", url + "large.bin", status=28)
        assert curl(url + "hello.txt") == "hello\n"
        deadline = time.monotonic() + 10
        while open_files(server.pid, site) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert open_files(server.pid, site) == []


def test_nghttp_fetches_many_at_once(site):
    nghttp = require_tool("nghttp")
    for number in range(50):
        (site / f"{number}.txt").write_text(f"file {number}\n")
    with plait("serve", site, "-b", "127.0.0.1:0") as server:
        url = server.wait_for(CLEAR)[1]
        fetched = run([nghttp, *(f"{url}{number}.txt" for number in range(50))])
        assert sorted(fetched.splitlines()) == sorted(f"file {number}" for number in range(50))


def test_tls_with_a_certificate_made_on_the_spot(site, curl):
    nghttp = require_tool("nghttp")
    with plait("serve", site, "-b", "127.0.0.1:0", "--dev-cert") as server:
        url = server.wait_for(SECURE)[1]
        server.wait_for("certificate was made just now")
        assert "2 hello" in curl("--insecure", "-w", "%{http_version} hello", url)
        assert run([nghttp, "--no-verify-peer", url + "hello.txt"]).endswith("hello\n")
        assert "browsers" not in server.output


def test_tls_with_files(site, curl, tls_files):
    files = ("--certfile", tls_files.cert, "--keyfile", tls_files.key)
    with plait("serve", site, "-b", "localhost:0", *files) as server:
        url = server.wait_for(r"on (https://localhost:\d+/) \(h2\)")[1]
        assert curl("--cacert", tls_files.cert, url + "hello.txt") == "hello\n"
    both = tls_files.cert.parent / "both.pem"
    both.write_bytes(tls_files.key.read_bytes() + tls_files.cert.read_bytes())
    with plait("serve", site, "-b", "127.0.0.1:0", "--certfile", both) as server:
        url = server.wait_for(SECURE)[1]
        assert curl("--cacert", tls_files.cert, url + "hello.txt") == "hello\n"


def test_several_addresses_at_once(site, curl, tmp_path):
    path = tmp_path / "plait.sock"
    binds = ("-b", "127.0.0.1:0", "-b", "[::1]:0", "-b", f"unix:{path}", "-b", ":0")
    with plait("serve", site, *binds) as server:
        server.wait_for(r"without it: curl")
        assert curl(server.wait_for(CLEAR)[1] + "hello.txt") == "hello\n"
        assert curl(server.wait_for(r"(http://\[::1\]:\d+/)")[1] + "hello.txt") == "hello\n"
        assert curl(server.wait_for(r"(http://localhost:\d+/)")[1] + "hello.txt") == "hello\n"
        server.wait_for(f"on unix:{path} \\(h2c\\)")
        assert curl("--unix-socket", path, "http://localhost/hello.txt") == "hello\n"
        assert server.stop(signal.SIGTERM) == 0
    assert not path.exists()


def test_the_advice_for_a_unix_socket_works(site):
    require_tool("curl")
    with plait("serve", site, "-b", "unix:plait.sock", cwd=site) as server:
        command = server.wait_for(r"without it: (curl .*)$")[1]
        assert "<title>home</title>" in run(command.split(), cwd=site)


def test_run_takes_classes_and_functions_from_the_current_directory(tmp_path, curl):
    (tmp_path / "application.py").write_text(APPLICATION)
    with plait("run", "application:Handler", "-b", "127.0.0.1:0", cwd=tmp_path) as server:
        url = server.wait_for(rf"serving application:Handler {CLEAR}")[1]
        assert curl("-X", "PURGE", url + "some/path?q") == "PURGE /some/path?q"
    with plait("run", "application:factory", "-b", "127.0.0.1:0", cwd=tmp_path) as server:
        assert curl(server.wait_for(CLEAR)[1]) == "made by a function"


def test_the_demonstration_is_there_in_clear_and_over_tls(curl):
    with plait("demo", "-b", "127.0.0.1:0", "--tls-bind", "127.0.0.1:0") as server:
        secure, clear = server.wait_for(SECURE)[1], server.wait_for(CLEAR)[1]
        for url in (secure, clear):
            assert "<html" in curl("--insecure", url).lower()


@pytest.mark.slow
def test_limits_reach_the_server(site):
    options = ("--max-connections", "1", "--idle-timeout", "1", "-b", "127.0.0.1:0")
    with plait("serve", site, *options) as server:
        port = int(server.wait_for(r"http://127\.0\.0\.1:(\d+)/")[1])
        with socket.create_connection(("127.0.0.1", port), 10) as first:
            first.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(3) + b"\4" + bytes(5))
            assert first.recv(9)[3] == 4  # SETTINGS
            with (
                socket.create_connection(("127.0.0.1", port), 10) as second,
                contextlib.suppress(ConnectionError),
            ):
                assert second.recv(100) == b""
            server.wait_for("refused 1 connections: connections.limit")
            server.wait_for(r"refused, address:127\.0\.0\.1, port:\d+: timeout\.\w+")


def test_log_levels(site, curl):
    with plait("serve", site, "-b", "127.0.0.1:0", "--log-level", "WARNING") as server:
        curl(server.wait_for(CLEAR)[1])
        assert server.stop(signal.SIGINT) == 0
        assert all(line.startswith("plait: ") for line in server.lines)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_with_status_0(site, curl, number):
    with plait("serve", site, "-b", "127.0.0.1:0") as server:
        curl(server.wait_for(CLEAR)[1])
        assert server.stop(number) == 0
        assert "Traceback" not in server.output


def slow_download(site, url, tmp_path, size, rate):
    """A download too large for the system's buffers, started and known to be under way."""
    (site / "slow.bin").touch()
    os.truncate(site / "slow.bin", size)
    target = tmp_path / "slow.bin"
    process = subprocess.Popen(
        [
            require_tool("curl"),
            *("--silent", "--http2-prior-knowledge", "--limit-rate", rate),
            *("--output", target, url + "slow.bin"),
        ]
    )
    while not target.exists() or not target.stat().st_size:
        assert process.poll() is None
        time.sleep(0.02)
    return process


def test_what_is_under_way_is_finished(site, tmp_path):
    with plait("serve", site, "-b", "127.0.0.1:0") as server:
        url = server.wait_for(CLEAR)[1]
        download = slow_download(site, url, tmp_path, 60_000_000, "30M")
        assert server.stop(signal.SIGTERM) == 0
        assert download.wait(20) == 0
        assert (tmp_path / "slow.bin").stat().st_size == 60_000_000


@pytest.mark.parametrize("hurry", ["second signal", "timeout"])
def test_patience_with_what_is_under_way_ends(site, tmp_path, hurry):
    patience = "60" if hurry == "second signal" else "0"
    options = ("--graceful-timeout", patience, "-b", "127.0.0.1:0")
    with plait("serve", site, *options) as server:
        url = server.wait_for(CLEAR)[1]
        download = slow_download(site, url, tmp_path, 300_000_000, "10M")
        if hurry == "second signal":
            server.process.send_signal(signal.SIGINT)
            wait_until_refused(url)
        started = time.monotonic()
        assert server.stop(signal.SIGINT) == 0
        # without a second signal the last octets still have a moment to leave
        assert time.monotonic() - started < (1.5 if hurry == "second signal" else 8)
        assert download.wait(20) != 0
        assert "Traceback" not in server.output


def wait_until_refused(url):
    """Block until nothing listens there any more."""
    port = int(re.search(r":(\d+)/", url)[1])
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except ConnectionRefusedError:
            return
        time.sleep(0.02)
