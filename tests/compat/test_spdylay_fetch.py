"""`urlfetch` with a server: what is asked, what handlers learn, several origins, TLS."""

from __future__ import annotations

import io
import ssl
import threading
from typing import Any

import pytest

from plait.compat import spdylay
from plait.compat.spdylay import (
    INTERNAL_ERROR,
    OK,
    BaseSPDYStreamHandler,
    ThreadedSPDYServer,
    UrlFetcher,
    UrlFetchError,
    urlfetch,
)
from plait.compat.spdylay import fetch as fetch_module
from plait.http2 import DATA_DEFERRED, DATA_EOF, DATA_OK
from tests.support.certs import TLSFiles, make_client_certificate

from .spdylay_fetching import FIN, OK_HEAD, Connected, by_hand, fetch, noting
from .spdylay_peer import every_version
from .spdylay_peers import echo, handling, ok, serving

LARGE = bytes(range(256)) * 1200  # more than any window


def url_of(server: Any, path: str = "/") -> str:
    host, port = server.server_address[:2]
    return f"{'http' if server.ctx is None else 'https'}://{host}:{port}{path}"


def tell(self: Any) -> None:
    """A `do_` method that says what it was asked."""
    self.send_response(200)
    self.send_header("x-host", self.stream.host)
    self.wfile.write(f"{self.command} {self.path}".encode())


# --- what is asked, and what comes back -------------------------------------------------------


@pytest.mark.parametrize("timeout", [1e7, float("inf")])
def test_a_time_limit_may_be_longer_than_selectors_know(timeout):
    with serving(handling(do_GET=tell)) as server:
        (done,) = fetch([url_of(server)], version=4, timeout=timeout)
    assert done.status == OK


@every_version
def test_several_urls_share_a_connection(version):
    with serving(handling(do_GET=tell), version=version) as server:
        urls = [url_of(server, path) for path in ("/a", "/b?c=d", "/e#f")]
        done = fetch(urls, version=version)
    assert [made.url for made in done] == urls
    assert [made.stream_id for made in done] == [1, 3, 5]
    assert [made.status for made in done] == [OK] * 3
    assert [made.data for made in done] == [b"GET /a", b"GET /b?c=d", b"GET /e"]
    assert not any(made.errors for made in done)
    ((*head,),) = done[0].nv
    assert (":status", "200 OK") in head
    assert (":version", "HTTP/1.1") in head
    assert all(type(text) is str for field in head for text in field)


@every_version
def test_the_request_is_the_original_one(version):
    seen = []

    def script(peer: Connected) -> None:
        seen.extend(peer.until("SYN_STREAM"))
        peer.answer(1)
        seen.extend(peer.until_end())

    with by_hand(script, version) as origin:
        (done,) = fetch(f"{origin}/x/y?a=b&c#fragment", version=version)
    settings, request, goaway = seen
    assert settings == ("SETTINGS", 0, [(4, 0, 100), (7, 0, 2**31 - 1)])
    assert request[:5] == ("SYN_STREAM", 1, FIN, 0, 0)
    names = {b"host": b":host", b"method": b":method", b"scheme": b":scheme", b"url": b":path"}
    names = {**names, b"version": b":version"} if version == 2 else {}
    assert sorted((names.get(name, name), value) for name, value in request[5]) == [
        (b":host", origin.removeprefix("http://").encode()),
        (b":method", b"GET"),
        (b":path", b"/x/y?a=b&c"),
        (b":scheme", b"http"),
        (b":version", b"HTTP/1.1"),
        (b"accept", b"*/*"),
        (b"user-agent", b"python-spdylay"),
    ]
    assert goaway[0] == "GOAWAY"
    assert (done.status, done.data) == (OK, b"fine")


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("http://127.0.0.1:{}", "127.0.0.1:{}", "/"),
        ("http://127.0.0.1:{}?q", "127.0.0.1:{}", "/?q"),
        ("http://user:secret@127.0.0.1:{}/", "127.0.0.1:{}", "/"),
        ("http://LOCALHOST:{}/A;b=c", "localhost:{}", "/A;b=c"),
        ("http://127.0.0.1:{}/é b%20c", "127.0.0.1:{}", "/%C3%A9%20b%20c"),
        ("http://127.0.0.1:{}/\r\nx: y", "127.0.0.1:{}", "/x:%20y"),
    ],
)
def test_urls_as_headers(url, host, path):
    with serving(handling(do_GET=tell), version=4) as server:
        port = server.server_address[1]
        (done,) = fetch(url.format(port), version=4)
    assert done.data.decode() == f"GET {path}"
    assert dict(done.nv[0])["x-host"] == host.format(port)


def test_headers_of_a_trailer_come_as_well():
    def script(peer: Connected) -> None:
        peer.requests(1)
        peer.send(peer.syn_reply(1, OK_HEAD), peer.data(1, b"body"))
        peer.send(peer.headers(1, [("sum", "7")]), peer.data(1, b"", FIN))

    with by_hand(script) as origin:
        (done,) = fetch(origin, version=4)
    assert done.nv == [OK_HEAD, [("sum", "7")]]
    assert (done.data, done.status) == (b"body", OK)


@every_version
def test_large_bodies_in_both_directions(version):
    with serving(handling(do_POST=echo), version=version) as server:
        post = noting(request_method="POST", request_body=LARGE)
        done = fetch([url_of(server)] * 3, post, version=version)
    assert [made.data == LARGE for made in done] == [True] * 3


def upload(body: Any, *, method: str = "PUT", headers: Any = (), version: int = 4) -> Any:
    """What the server gets: the method and headers of a request, and its body."""
    seen = []

    def take(self: Any) -> None:
        data = b"" if self.rfile is None else self.rfile.getvalue()
        seen.append((self.command, dict(self.headers), data))
        self.send_response(200)

    members = {f"do_{method}": take}
    with serving(handling(**members), version=version) as server:
        handler = noting(request_method=method, request_headers=headers, request_body=body)
        (done,) = fetch(url_of(server), handler, version=version)
    assert done.status == OK
    return seen[0]


@pytest.mark.parametrize(
    ("body", "sent", "length"),
    [
        (b"octets", b"octets", "6"),
        (b"", b"", "0"),
        ("text é", b"text \xc3\xa9", "7"),
        (bytearray(b"buffer"), b"buffer", "6"),
        (io.BytesIO(LARGE), LARGE, None),
        (lambda most: (b"source", DATA_EOF), b"source", None),
        (None, b"", None),
    ],
    ids=["bytes", "empty", "text", "buffer", "file", "source", "none"],
)
def test_request_bodies(body, sent, length):
    method, headers, data = upload(staticmethod(body) if callable(body) else body)
    assert (method, data == sent) == ("PUT", True)
    assert headers.get("content-length") == length


def test_headers_stand_beside_or_in_place_of_the_usual_ones():
    own = [("User-Agent", "me"), ("x-one", "1"), ("x-one", "2"), ("content-length", "4")]
    _, headers, data = upload(b"four", headers=own)
    assert data == b"four"
    assert headers["user-agent"] == "me"
    assert headers["accept"] == "*/*"
    assert headers["content-length"] == "4"
    assert "x-one" in headers


def test_a_body_that_waits_for_the_response():
    """A request's body that is made of what the response to it says."""

    class Talk(noting()):
        request_method = "POST"

        def __init__(self, url: str, fetcher: Any) -> None:
            super().__init__(url, fetcher)
            self.heard = [b"first"]
            self.request_body = self.speak

        def speak(self, most: int) -> tuple[bytes | None, int]:
            if not self.heard:
                return None, DATA_DEFERRED
            said = self.heard.pop()
            return said, DATA_EOF if said == b"end" else DATA_OK

        def on_data(self, data: bytes) -> None:
            super().on_data(data)
            self.heard.append(b"end" if data == b"re: second" else b"second")
            self.resume()

    def script(peer: Connected) -> None:
        peer.requests(1)
        peer.send(peer.syn_reply(1, OK_HEAD))
        flags = 0
        while not flags & FIN:
            _, _, flags, payload = peer.until("DATA")[-1]
            peer.send(peer.data(1, b"re: " + payload, flags))

    with by_hand(script) as origin:
        (done,) = fetch(origin, Talk, version=4)
    assert done.data == b"re: firstre: secondre: end"
    assert done.status == OK


def test_a_handler_before_its_request_and_without_one():
    handler = BaseSPDYStreamHandler("https://example.org/", UrlFetcher(("", 0), [], noting()))
    assert handler.stream_id is None
    handler.resume()
    handler.on_header([])
    handler.on_data(b"")
    handler.on_error(UrlFetchError())
    handler.on_close(OK)


def test_nothing_to_fetch():
    urlfetch([], noting())
    UrlFetcher(("127.0.0.1", 1), [], noting()).loop()


# --- several origins ----------------------------------------------------------------------------


def test_each_origin_has_one_connection_and_all_go_on_at_once():
    both = threading.Barrier(2)

    def meet(self: Any) -> None:
        both.wait(10)
        tell(self)

    one, two = handling(do_GET=meet), handling(do_GET=meet)
    # not `serving`, which wants all threads but its own to stay as they are
    where = ("127.0.0.1", 0)
    with (
        ThreadedSPDYServer(where, one, version=3) as first,
        ThreadedSPDYServer(where, two, version=3) as second,
    ):
        first.start()
        second.start()
        urls = [url_of(first, "/a"), url_of(second, "/b"), url_of(first, "/c"), url_of(second)]
        done = fetch((url for url in urls), version=3)
    assert [made.url for made in done] == urls
    assert [made.data for made in done] == [b"GET /a", b"GET /b", b"GET /c", b"GET /"]
    assert [made.stream_id for made in done] == [1, 1, 3, 3]
    assert done[0].fetcher is done[2].fetcher is not done[1].fetcher


def test_more_origins_than_connections_at_once(monkeypatch):
    monkeypatch.setattr(fetch_module, "_AT_ONCE", 1)
    with serving(handling(do_GET=ok()), version=4) as server:
        port = server.server_address[1]
        done = fetch([f"http://{host}:{port}" for host in ("127.0.0.1", "localhost")], version=4)
    assert [made.data for made in done] == [b"fine"] * 2


def test_an_origin_that_is_not_there_does_not_keep_the_others():
    with serving(handling(do_GET=ok()), version=4) as gone:
        nowhere = url_of(gone)
    handler = noting()
    lost = pytest.raises(UrlFetchError, match=r"^Could not connect to \('127\.0\.0\.1', ")
    with serving(handling(do_GET=ok()), version=4) as server, lost as told:
        fetch([nowhere, url_of(server)], handler, version=4)
    assert isinstance(told.value.__cause__, ConnectionRefusedError)
    lost, good = handler.made
    assert (lost.status, lost.errors) == (INTERNAL_ERROR, [told.value])
    assert (lost.stream_id, lost.nv) == (None, [])
    assert (good.status, good.data) == (OK, b"fine")


def test_a_name_without_an_address():
    handler = noting()
    with pytest.raises(UrlFetchError, match=r"^Could not connect to .*no\.such\.host\.invalid"):
        fetch("https://no.such.host.invalid/", handler)
    assert handler.made[0].status == INTERNAL_ERROR


def test_the_driver_object_takes_any_address():
    handler = noting()
    with serving(handling(do_GET=tell), version=2) as server:
        urls = ["http://example.org/a", "http://example.com:81/b"]
        fetcher = UrlFetcher(server.server_address, urls, handler, version=2)
        assert [made.fetcher for made in handler.made] == [fetcher] * 2
        fetcher.loop()
        fetcher.loop()  # has nothing left to do
    hosts = [dict(made.nv[0])["x-host"] for made in handler.made]
    assert hosts == ["example.org", "example.com:81"]


# --- wrong arguments ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("ftp://127.0.0.1/", "Unsupported scheme ftp"),
        ("/path", "Unsupported scheme "),
        ("http://127.0.0.1:1/", "Unsupported scheme http: without TLS a version must be given"),
        ("https:///path", "Invalid URL 'https:///path': no host"),
        ("https://:443/", "Invalid URL 'https://:443/': no host"),
        ("https://a:99999/", "Invalid URL 'https://a:99999/': Port out of range 0-65535"),
        ("https://[::1/", "Invalid URL 'https://[::1/': Invalid IPv6 URL"),
        ("https://a b/", "Invalid URL 'https://a b/': not a host name"),
        ("https://é..b/", "Invalid URL 'https://é..b/'"),
    ],
)
def test_every_url_is_checked_before_anything_happens(url, message):
    handler = noting()
    with pytest.raises(UrlFetchError) as told:
        urlfetch(["https://127.0.0.1:1/", url], handler)
    assert str(told.value).startswith(message)
    assert handler.made == []
    with pytest.raises(UrlFetchError):
        UrlFetcher(("127.0.0.1", 1), [url], handler)


def test_other_wrong_arguments():
    with pytest.raises(TypeError, match="a URL is text, not bytes"):
        urlfetch([b"https://example.org/"], noting())  # type: ignore[list-item]
    with pytest.raises(TypeError, match="a URL is text, not bytes"):
        urlfetch(b"https://example.org/", noting())  # type: ignore[arg-type]
    for version in (0, 1, 5):
        with pytest.raises(spdylay.UnsupportedVersionError):
            urlfetch([], noting(), version=version)
    for timeout in (0, -1.0):
        with pytest.raises(ValueError, match="a timeout must be more than 0 seconds"):
            urlfetch([], noting(), timeout=timeout)
    with pytest.raises(UrlFetchError, match="http and https do not go over the same connection"):
        UrlFetcher(("", 1), ["http://a/", "https://a/"], noting(), version=4)


def test_headers_that_cannot_be_sent_come_out():
    with serving(handling(do_GET=ok()), version=4) as server:
        handler = noting(request_headers=[("näme", "x")])
        with pytest.raises(spdylay.InvalidArgumentError):
            fetch(url_of(server), handler, version=4)
    assert handler.made[0].status == INTERNAL_ERROR


# --- TLS ----------------------------------------------------------------------------------------


def test_alpn_prefers_the_newest_version_and_takes_the_one_given(tls_files: TLSFiles):
    versions = []

    def note(self: Any) -> None:
        versions.append(self.spdy_version)
        self.send_response(200)

    names = []
    with serving(handling(do_GET=note), tls_files.cert, tls_files.key) as server:
        server.ctx.sni_callback = lambda connection, name, context: names.append(name)
        url = f"https://localhost:{server.server_address[1]}/"
        context = tls_files.client_context()
        for version in (None, 2, 3, 4):
            (done,) = fetch(url, context=context, version=version)
            assert done.status == OK
    assert versions == [4, 2, 3, 4]
    assert names == ["localhost"] * 4


def test_a_certificate_is_checked_by_default(tls_files: TLSFiles):
    handler = noting()
    with serving(handling(do_GET=ok()), tls_files.cert, tls_files.key) as server:
        url = f"https://localhost:{server.server_address[1]}/"
        with pytest.raises(UrlFetchError, match=r"^TLS handshake with .* failed$") as told:
            fetch(url, handler)
        assert isinstance(told.value.__cause__, ssl.SSLCertVerificationError)
        assert handler.made[0].errors == [told.value]
        # the certificate names localhost, not what the URL says
        elsewhere = UrlFetcher(
            server.server_address,
            ["https://example.org/"],
            noting(),
            context=tls_files.client_context(),
        )
        with pytest.raises(UrlFetchError) as told:
            elsewhere.loop()
        assert "Hostname mismatch" in str(told.value.__cause__)


def test_a_client_certificate_comes_with_the_context(tls_files: TLSFiles, tmp_path):
    somebody = make_client_certificate(tmp_path)
    asking = tls_files.server_context()
    asking.verify_mode = ssl.CERT_REQUIRED
    asking.load_verify_locations(somebody.cert)
    seen = []

    def note(self: Any) -> None:
        seen.append(self.peer_certificate)
        self.send_response(200)

    with serving(handling(do_GET=note), ssl_context=asking) as server:
        url = f"https://localhost:{server.server_address[1]}/"
        context = tls_files.client_context()
        context.load_cert_chain(somebody.cert, somebody.key)
        (done,) = fetch(url, context=context)
        assert done.status == OK
        assert seen[0]["subject"] == ((("commonName", "somebody"),),)
        (refused,) = fetch(url, context=tls_files.client_context())
        assert refused.status == INTERNAL_ERROR
        assert refused.why == "the connection was lost"


@pytest.mark.parametrize("offered", [(), ("h2", "http/1.1"), ("spdy/2",)])
def test_a_server_without_spdy(tls_files: TLSFiles, offered):
    handler = noting()
    server = by_hand(lambda peer: peer.until_end(), tls=tls_files.server_context(*offered))
    with server as origin, pytest.raises(UrlFetchError, match=r"^NPN failed$") as told:
        fetch(origin, handler, context=tls_files.client_context(), version=3)
    assert "the server chose none of spdy/3 by ALPN" in str(told.value.__cause__)
    assert handler.made[0].status == INTERNAL_ERROR


def test_large_bodies_over_tls(tls_files: TLSFiles):
    with serving(handling(do_POST=echo), tls_files.cert, tls_files.key) as server:
        url = f"https://localhost:{server.server_address[1]}/"
        post = noting(request_method="POST", request_body=LARGE)
        done = fetch([url] * 3, post, context=tls_files.client_context())
    assert [made.data == LARGE for made in done] == [True] * 3


def test_a_session_class_of_ones_own():
    made = []

    class Session(spdylay.Session):
        def __init__(self, *arguments: Any, **options: Any) -> None:
            super().__init__(*arguments, **options)
            made.append(self)

    with serving(handling(do_GET=ok()), version=4) as server:
        fetch(url_of(server), version=4, session_class=Session)
    assert len(made) == 1


def test_answers_may_come_in_any_order():
    def script(peer: Connected) -> None:
        peer.requests(2)
        peer.answer(3, b"second")
        peer.answer(1, b"first")

    with by_hand(script) as origin:
        done = fetch([f"{origin}/1", f"{origin}/2"], version=4)
    assert [made.data for made in done] == [b"first", b"second"]
    assert [made.status for made in done] == [OK, OK]
