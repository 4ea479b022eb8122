"""`plait spdy get` and `plait spdy serve`: what is typed, what comes out, and how it ends."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import threading
from functools import partial

import pytest

from plait.cli import main
from plait.cli.spdy_trace import TracingSession, describe_data, describe_frame, visible
from plait.compat import spdylay
from plait.compat.spdylay import ThreadedSPDYServer, frames
from plait.spdy import frames as spdy
from tests.compat.spdylay_fetching import FIN, OK_HEAD, by_hand
from tests.compat.spdylay_peer import Peer
from tests.compat.spdylay_peers import echo, handling, serving
from tests.support.process import Background

LARGE = bytes(range(256)) * 12_000  # more than waits in memory for its turn


@pytest.fixture
def complain(refused):
    """As `refused`, for `plait spdy`."""
    return partial(refused, "spdy")


@pytest.fixture
def get(capfdbinary):
    """Run `plait spdy get`; return its output, and what it says on standard error."""

    def run(*arguments, status=0):
        assert main(["spdy", "get", *map(str, arguments)]) == status
        output, said = capfdbinary.readouterr()
        return output, said.decode()

    return run


def url_of(server, path="/"):
    return f"http://127.0.0.1:{server.server_address[1]}{path}"


def answer(self):
    """A `do_` method that says what it was asked."""
    self.send_response(200)
    self.send_header("x-host", self.stream.host)
    self.wfile.write(f"{self.command} {self.path}\n".encode())


# --- wrong input --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Missing command"),
        (["fetch"], "No such command 'fetch'"),
        (["get"], "Missing argument 'URL...'"),
        (["get", "--version", "4", "http://a/"], "'4' is not one of '2', '3', '3.1'"),
        (["get", "ftp://a/"], "cannot fetch 'ftp://a/': Unsupported scheme ftp"),
        (["get", "localhost/"], "begin it with https:// or http://"),
        (["get", "localhost:8080/"], "begin it with https:// or http://"),
        (["get", "https://"], "cannot fetch 'https://': Invalid URL"),
        (["get", "http://a/", "https://[/"], "Invalid IPv6 URL"),
        (["get", "http://a/", "https://a/"], "for http and https URLs together, give --version"),
        (["get", "--plain", "https://a/"], "--plain is without TLS"),
        (["get", "http://a/", "-H", "nonsense"], "'nonsense' is not NAME: VALUE"),
        (["get", "http://a/", "-H", "a b: c"], "is not NAME: VALUE"),
        (["get", "http://a/", "-H", "a: b\x00c"], "is not NAME: VALUE"),
        (["get", "http://a/", "-X", "no way"], "'no way' is not a method"),
        (["get", "http://a/", "--timeout", "-1"], "--timeout"),
        (["get", "http://a/", "--data", "missing"], "cannot read missing: No such file"),
        (["get", "http://a/", "--data", "."], "cannot read .: Is a directory"),
        (["get", "http://a/", "http://b/", "-d", "-"], "give --data a file"),
        (["get", "http://a/", "-o", "missing/file"], "cannot write missing/file: No such file"),
        (["get", "https://a/", "--cacert", "missing"], "cannot read the certificates in missing"),
        (["get", "https://a/", "--cacert", __file__], "holds no certificate in PEM format"),
        (["get", "https://a/", "-k", "--cacert", "x"], "leave out --cacert"),
        (["serve"], "Missing argument 'DIR'"),
        (["serve", "missing"], "there is no directory 'missing'"),
        (["serve", ".", "--version", "3.2"], "'3.2' is not one of"),
        (["serve", ".", "--bind", "8080"], "is not HOST:PORT"),
        (["serve", ".", "--bind", "unix:x"], "SPDY is served over TCP only"),
        (["serve", ".", "--bind", "no.such.host.invalid:0"], "has no address"),
        (["serve", ".", "--bind", "192.0.2.1:0"], "this machine does not have that address"),
        (["serve", ".", "--keyfile", "key.pem"], "needs the certificate too"),
        (["serve", ".", "--certfile", "missing"], "cannot read the certificate missing"),
        (["serve", ".", "--plain", "--dev-cert"], "leave out the certificate"),
        (["serve", ".", "--cache-control", "a\nb"], "is not a field value"),
    ],
)
def test_wrong_arguments(complain, arguments, says):
    assert says in complain(*arguments)


def test_a_port_in_use(complain):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        line = complain("serve", ".", "-b", "127.0.0.1:0", "-b", f"127.0.0.1:{port}")
    assert f"cannot listen on 127.0.0.1:{port}: the port is in use" in line


# --- get ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("option", "version"), [("2", 2), ("3", 3), ("3.1", 4)])
def test_get_speaks_every_version(get, option, version):
    with serving(handling(do_GET=answer), version=version) as server:
        output, said = get("--version", option, url_of(server, "/a"), url_of(server, "/b?c#d"))
    assert output == b"GET /a\nGET /b?c\n"
    assert said == ""


def test_bodies_come_in_the_order_of_the_urls(get):
    second = threading.Event()

    def first_last(self):
        if self.path == "/first":
            assert second.wait(10)
            self.wfile.write(b"first ")
        else:
            self.wfile.write(LARGE)

    class Handler(handling(do_GET=first_last)):
        def on_stream_close(self, stream, status_code):
            if stream.path == "/second":
                second.set()

    # not `serving`, which wants all threads but its own to stay as they are
    where = ("127.0.0.1", 0)
    with ThreadedSPDYServer(where, Handler) as one, ThreadedSPDYServer(where, Handler) as two:
        one.start()
        two.start()
        urls = [url_of(one, "/first"), url_of(two, "/second"), url_of(one, "/third")]
        output, _ = get(*urls)
    assert output == b"first " + LARGE + LARGE


def test_headers_before_bodies(get):
    with serving(handling(do_GET=answer)) as server:
        output, _ = get("-i", "-H", "Host: example.org", url_of(server))
    head, _, body = output.decode().partition("\n\n")
    assert ":status: 200 OK" in head.splitlines()
    assert "x-host: example.org" in head.splitlines()
    assert body == "GET /\n"


def test_headers_cannot_take_over_the_terminal(get):
    def script(peer):
        peer.requests(1)
        head = [*OK_HEAD, ("title", "\x80\x9b31m\u202eé")]
        peer.send(peer.syn_reply(1, head), peer.data(1, b"", FIN))

    with by_hand(script) as origin:
        output, said = get("-i", "-v", origin)
    assert "title: \\x80\\x9b31m\\u202eé\n" in output.decode()
    assert "| title: \\x80\\x9b31m\\u202eé\n" in said


def test_a_file_to_write(get, tmp_path):
    with serving(handling(do_GET=answer)) as server:
        output, _ = get(url_of(server, "/1"), url_of(server, "/2"), "-o", tmp_path / "file")
    assert output == b""
    assert (tmp_path / "file").read_bytes() == b"GET /1\nGET /2\n"


def test_a_file_to_send(get, tmp_path):
    (tmp_path / "file").write_bytes(LARGE)
    seen = []

    def note(self):
        seen.append((self.command, dict(self.headers).get("content-length")))
        echo(self)

    with serving(handling(do_POST=note, do_PUT=note)) as server:
        output, _ = get("--data", tmp_path / "file", url_of(server), url_of(server))
        assert output == LARGE * 2
        get("-X", "PUT", "-d", "/dev/null", url_of(server))
    assert seen == [("POST", str(len(LARGE)))] * 2 + [("PUT", None)]


def test_standard_input_to_send():
    with serving(handling(do_POST=echo)) as server:
        command = [sys.executable, "-m", "plait", "spdy", "get", "-d", "-", url_of(server)]
        done = subprocess.run(command, input=LARGE, capture_output=True, check=True, timeout=20)
    assert (done.stdout == LARGE, done.stderr) == (True, b"")


def test_what_failed_is_told_line_by_line(get):
    def script(peer):
        peer.requests(3)
        peer.answer(3, b"good\n")
        peer.send(peer.rst_stream(1, spdylay.REFUSED_STREAM))

    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        with by_hand(script) as origin:
            urls = [nowhere, *(f"{origin}/{number}" for number in (1, 3, 5))]
            output, said = get(*urls, status=1)
    assert output == b"good\n"
    refused, reset, closed = said.splitlines()
    assert re.fullmatch(
        rf"plait: {nowhere}: Could not connect to \('127.0.0.1', \d+\): Connection refused", refused
    )
    assert reset == f"plait: {origin}/1: the server reset the stream: REFUSED_STREAM"
    assert closed == f"plait: {origin}/5: the server closed the connection"


def test_a_status_of_failure_is_an_answer(get):
    with serving(handling(do_GET=lambda handler: handler.send_error(404))) as server:
        output, said = get("--plain", url_of(server).removeprefix("http://"))
    assert b"<h1>Not Found</h1>" in output
    assert said == ""


def test_certificates(get, tls_files):
    with serving(handling(do_GET=answer), tls_files.cert, tls_files.key) as server:
        url = f"https://localhost:{server.server_address[1]}/"
        _, said = get(url, status=1)
        assert re.fullmatch(
            rf"plait: {url}: TLS handshake with .* failed: self-signed certificate; "
            r"--cacert FILE trusts it, --insecure anything\n",
            said,
        )
        for trust in (["--insecure"], ["--cacert", tls_files.cert]):
            output, said = get("-v", *trust, url)
            assert output == b"GET /\n"
            assert re.match(r"\[\d+\] SPDY/3\.1, server\n|\[\d+\] SPDY/3\.1, client\n", said)
        assert "SPDY/2, client" in get("-v", "-k", "--version", "2", url)[1]


def test_a_server_without_spdy(get, tls_files):
    server = by_hand(lambda peer: peer.until_end(), tls=tls_files.server_context("h2"))
    with server as origin:
        _, said = get("-k", origin, status=1)
    assert said == (
        f"plait: {origin}: NPN failed: the server chose none of spdy/3.1, spdy/3, spdy/2 by ALPN\n"
    )


def test_without_standard_streams(monkeypatch, complain):
    """As with `>&-` in a shell."""
    monkeypatch.setattr(sys, "stdin", None)
    assert complain("get", "http://a/", "-d", "-") == (
        "plait: standard input is closed: give --data a file\n"
    )
    with serving(handling(do_GET=answer)) as server, monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", None)
        assert main(["spdy", "get", "-v", "-o", "file", url_of(server)]) == 0
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["spdy", "get", "http://a/"]) == 2


def test_a_reader_that_leaves():
    with serving(handling(do_GET=lambda handler: handler.wfile.write(LARGE))) as server:
        command = [sys.executable, "-m", "plait", "spdy", "get", url_of(server)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
            program.stdout.read(1)
            program.stdout.close()
            said = program.stderr.read().decode()
            assert program.wait(20) == 1
    assert said == "plait: cannot write to standard output: Broken pipe\n"


def test_every_frame_is_one_line_in_both_directions(get):
    seen = []

    def script(peer):
        seen.extend(peer.until("SYN_STREAM"))
        peer.send(
            peer.settings((4, 0, 7), (99, 3, 1)),
            peer.ping(2),
            peer.control(77, b"\x1b[31munknown"),
            peer.syn_reply(1, OK_HEAD),
            peer.headers(1, [("x", "y")]),
            peer.data(1, b"body"),
            peer.window_update(1, 5),
            peer.data(1, b"", FIN),
        )
        peer.until_end()

    with by_hand(script) as origin:
        _, said = get("-v", origin)
    lines = said.splitlines()
    number = re.match(r"\[\d+\] ", lines[0])[0]
    assert all(line.startswith(number) for line in lines)
    host = origin.removeprefix("http://")
    expected = [
        "SPDY/3.1, client",
        "send SETTINGS <flags=0x00, length=20> MAX_CONCURRENT_STREAMS(4)=100"
        " INITIAL_WINDOW_SIZE(7)=2147483647",
        "send SYN_STREAM <stream_id=1, flags=0x01 FIN, length=*> priority=0 slot=0"
        f" | :host: {host} | :method: GET | :path: / | :scheme: http | :version: HTTP/1.1"
        " | accept: */* | user-agent: plait/*",
        "recv SETTINGS <flags=0x00, length=20> MAX_CONCURRENT_STREAMS(4)=7"
        " 99=1(0x03 PERSIST_VALUE PERSISTED)",
        "recv PING <flags=0x00, length=4> unique_id=2",
        "recv a frame of unknown type <8003004d0000000c> 1b5b33316d756e6b6e6f776e",
        "recv SYN_REPLY <stream_id=1, flags=0x00, length=*> | :status: 200 OK | :version: HTTP/1.1",
        "recv HEADERS <stream_id=1, flags=0x00, length=*> | x: y",
        "recv DATA <stream_id=1, flags=0x00, length=4>",
        "recv WINDOW_UPDATE <stream_id=1, flags=0x00, length=8> delta=5",
        "recv DATA <stream_id=1, flags=0x01 FIN, length=0>",
        "send PING <flags=0x00, length=4> unique_id=2",
        "send GOAWAY <flags=0x00, length=8> last_good_stream_id=0 status=OK(0)",
    ]
    patterns = [re.escape(number + line).replace(r"=\*>", r"=\d+>") for line in expected]
    patterns = [pattern.replace(r"plait/\*", "plait/.*") for pattern in patterns]
    assert len(lines) == len(patterns), said
    for line, pattern in zip(lines, patterns, strict=True):
        assert re.fullmatch(pattern, line)


# --- frames as text -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "text"),
    [
        (
            spdy.SynStream(4, 1, 2, 9, [(b":path", b"/")], flags=2, length=30),
            "SYN_STREAM <stream_id=4, flags=0x02 UNIDIRECTIONAL, length=30>"
            " priority=2 slot=9 associated=1 | :path: /",
        ),
        (spdy.SynReply(1, []), "SYN_REPLY <stream_id=1, flags=0x00, length=0> "),
        (
            spdy.Headers(1, [(b"a", b"\t1\x9f".replace(b"\x9f", b"\xc2\x9f"))], flags=0xFD),
            "HEADERS <stream_id=1, flags=0xfd FIN, length=0> | a: \\t1\\x9f",
        ),
        (
            spdy.RstStream(1, 3),
            "RST_STREAM <stream_id=1, flags=0x00, length=0> status=REFUSED_STREAM(3)",
        ),
        (
            spdy.RstStream(1, 2**32 - 1),
            "RST_STREAM <stream_id=1, flags=0x00, length=0> status=4294967295",
        ),
        (
            spdy.Settings([(7, 1, 65536), (2**24 - 1, 0, 0)], flags=1),
            "SETTINGS <flags=0x01 CLEAR_SETTINGS, length=0>"
            " INITIAL_WINDOW_SIZE(7)=65536(0x01 PERSIST_VALUE) 16777215=0",
        ),
        (spdy.Ping(7), "PING <flags=0x00, length=0> unique_id=7"),
        (
            spdy.Goaway(3, 2),
            "GOAWAY <flags=0x00, length=0> last_good_stream_id=3 status=INTERNAL_ERROR(2)",
        ),
        (spdy.Goaway(3, 77), "GOAWAY <flags=0x00, length=0> last_good_stream_id=3 status=77"),
        (spdy.WindowUpdate(0, 1), "WINDOW_UPDATE <stream_id=0, flags=0x00, length=0> delta=1"),
    ],
)
def test_frames_as_text(frame, text):
    assert describe_frame(frames.snapshot(frame)) == text


def test_data_as_text():
    assert describe_data(0, 1, 5) == "DATA <stream_id=1, flags=0x00, length=5>"
    assert describe_data(3, 1, 0) == "DATA <stream_id=1, flags=0x03 FIN, length=0>"


def test_no_character_leaves_its_line():
    everything = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x11000))))
    for start in range(0, len(everything), 500):
        shown = visible(everything[start : start + 500])
        assert shown.isprintable()
        assert len(shown.splitlines()) == 1
    assert visible("x" * 501) == "x" * 500 + "... (501 characters)"
    assert visible("x" * 500) == "x" * 500


def test_what_goes_wrong_is_traced(capsys):
    peer, written = Peer(3), []

    def write(session, data):
        written.append(data)
        return len(data)

    session = TracingSession(spdylay.SERVER, 3, send_cb=write)
    session.recv(peer.syn_stream(1, [("Upper", "case")]) + peer.ping(1)[:-1] + b"\x05")
    session.submit_syn_reply(0, 99, [("a", "b")])
    session.recv(peer.control(77, b"\xff" * 100) + peer.control(4, b"\xff" * 4))
    session.send()
    lines = [line.partition(" ")[2] for line in capsys.readouterr().err.splitlines()]
    assert lines[0] == "SPDY/3, server"
    assert lines[1].startswith("recv SYN_STREAM <stream_id=1, ")
    assert lines[1].endswith("| Upper: case (refused with PROTOCOL_ERROR(1))")
    assert lines[2] == "recv PING <flags=0x00, length=4> unique_id=5"
    unknown = "recv a frame of unknown type <8003004d00000064> "
    assert lines[3] == unknown + "ff" * 64 + "..."
    assert lines[4] == "recv SETTINGS(4) (unreadable, error -506) <8003000400000004> ffffffff"
    rest = sorted(lines[5:])
    assert rest[0] == "drop SYN_REPLY <stream_id=99, flags=0x00, length=0> | a: b (error -510)"
    assert [line.split(" <")[0] for line in rest[1:]] == [
        "send GOAWAY",
        "send PING",
        "send RST_STREAM",
    ]


# --- serve --------------------------------------------------------------------------------------

CLEAR = r"on (http://127\.0\.0\.1:\d+/) \(spdy/3\.1\)$"


@pytest.fixture
def site(tmp_path):
    folder = tmp_path / "site"
    folder.mkdir()
    (folder / "hello.txt").write_text("hello\n")
    (folder / "large.bin").write_bytes(LARGE)
    return folder


def serve(*arguments):
    return Background([sys.executable, "-m", "plait", "spdy", "serve", *arguments])


def test_serving_in_clear_text(site, get):
    (site.parent / "secret.txt").write_text("secret")
    with serve(site, "-b", "127.0.0.1:0", "-v") as server:
        url = server.wait_for(rf"^plait: serving {site} {CLEAR}")[1]
        server.wait_for("no index.html in .*: --listing shows what is there")
        server.wait_for(rf"try: plait spdy get {url}$")
        assert get(url + "hello.txt", url + "large.bin")[0] == b"hello\n" + LARGE
        server.wait_for(r"^\[1\] recv SYN_STREAM <stream_id=1, .* \| :path: /hello\.txt \|")
        server.wait_for(r'^INFO plait\.spdy: 127\.0\.0\.1 "GET /hello\.txt SPDY/3\.1" 200 6$')
        assert get("-H", "Range: bytes=1-3", url + "hello.txt")[0] == b"ell"
        head = get("-i", "-X", "HEAD", url + "hello.txt")[0].decode()
        assert "content-length: 6\n" in head
        assert head.count("date: ") == 1
        assert head.endswith("\n\n")
        etag = re.search("etag: (.*)", head)[1]
        unchanged = get("-i", "-H", f"If-None-Match: {etag}", url + "hello.txt")[0]
        assert unchanged.startswith(b":status: 304 Not Modified\n")
        assert b":status: 405" in get("-i", "-d", site / "large.bin", url)[0]
        assert b":status: 404" in get("-i", url)[0]
        for path in ("../secret.txt", "..%2fsecret.txt", "%00", "x/../../secret.txt"):
            assert re.match(rb":status: 40[04] ", get("-i", url + path)[0])
        assert server.stop(signal.SIGTERM) == 0
        assert "Traceback" not in server.output


def test_serving_over_tls(site, get, tls_files):
    files = ("--certfile", tls_files.cert, "--keyfile", tls_files.key)
    with serve(site, "-b", "localhost:0", "--listing", *files) as server:
        url = server.wait_for(r"on (https://localhost:\d+/) \(spdy/3\.1, spdy/3, spdy/2\)$")[1]
        output, said = get("--cacert", tls_files.cert, "-v", url)
        assert b"hello.txt" in output
        assert "SPDY/3.1, client" in said
        assert server.stop(signal.SIGINT) == 0
        assert "Traceback" not in server.output


@pytest.mark.slow
def test_serving_one_version_with_a_certificate_made_on_the_spot(site, get):
    binds = ("-b", "127.0.0.1:0", "-b", ":0")
    with serve(site, *binds, "--dev-cert", "--version", "2", "--log-level", "warning") as server:
        urls = [
            server.wait_for(rf"on (https://{host}:\d+/) \(spdy/2\)$")[1]
            for host in (r"127\.0\.0\.1", "localhost")
        ]
        server.wait_for(rf"try: plait spdy get --insecure {urls[0]}")
        output, said = get("-v", "--insecure", *(url + "hello.txt" for url in urls))
        assert output == b"hello\n" * 2
        assert "SPDY/2, client" in said
        assert server.stop(signal.SIGTERM) == 0
        assert all(line.startswith("plait: ") for line in server.lines)


@contextlib.contextmanager
def slow_reader(url):
    """A transfer that is under way, and stays so: a client that reads the beginning."""
    port = int(re.search(r":(\d+)/", url)[1])
    peer = Peer(4)
    head = [(":method", "GET"), (":path", "/large.bin"), (":version", "HTTP/1.1")]
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        wide = peer.settings((7, 0, 2**31 - 1)) + peer.window_update(0, 2**31 - 1 - 65536)
        connection.sendall(wide + peer.syn_stream(1, head, FIN))
        # more than SETTINGS, which come unasked
        octets = 0
        while octets < 2000:
            data = connection.recv(2000)
            assert data
            octets += len(data)
        yield connection


@contextlib.contextmanager
def idle_client(url):
    """A connection without a request, in use as soon as the server has spoken."""
    port = int(re.search(r":(\d+)/", url)[1])
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        assert connection.recv(20)
        yield connection


def test_what_is_under_way_is_finished(site):
    os.truncate(site / "large.bin", 20_000_000)  # more than the system's buffers hold
    with serve(site, "-b", "127.0.0.1:0") as server:
        url = server.wait_for(CLEAR)[1]
        server.wait_for("try: ")
        with slow_reader(url) as connection:
            server.process.send_signal(signal.SIGTERM)
            octets = 0
            while data := connection.recv(1 << 20):
                octets += len(data)
            assert octets > 20_000_000
        assert server.process.wait(20) == 0


@pytest.mark.slow
def test_a_second_signal_does_not_wait(site):
    os.truncate(site / "large.bin", 20_000_000)
    with serve(site, "-b", "127.0.0.1:0", "--graceful-timeout", "600") as server:
        url = server.wait_for(CLEAR)[1]
        server.wait_for("try: ")
        with slow_reader(url), idle_client(url) as idle:
            server.process.send_signal(signal.SIGINT)
            # who does nothing is sent away at once
            while idle.recv(100):
                pass
            assert server.process.poll() is None
            # and soon nobody is let in any more, though a transfer is still under way
            with contextlib.suppress(ConnectionError):
                while server.process.poll() is None:
                    socket.create_connection(idle.getpeername(), 20).close()
            assert server.process.poll() is None
            assert server.stop(signal.SIGINT) == 0
        assert "Traceback" not in server.output
