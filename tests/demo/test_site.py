"""What the site answers, asked by a client library over h2c."""

from __future__ import annotations

import asyncio
import re
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
import httpx
import pytest

from plait.demo.hints import Hint, Hints
from tests.demo.site import Site
from tests.support.process import PATIENCE

BYTES = h2.config.H2Configuration(header_encoding=None)


@pytest.fixture
def client(site: Site) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=site.url, http1=False, http2=True, timeout=PATIENCE) as client:
        yield client


def test_the_page(site, client):
    response = client.get("/")
    assert response.http_version == "HTTP/2"
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert int(response.headers["content-length"]) == len(response.content)
    assert "$" not in response.text
    assert 'data-columns="24" data-rows="16"' in response.text


def test_the_page_names_files_that_are_there(client):
    page = client.get("/").text
    addresses = re.findall(r'(?:href|src)="(/[^"]*)"', page)
    assert len(addresses) >= 4
    for address in addresses:
        response = client.get(address)
        assert response.status_code == 200, address
        assert "max-age=" in response.headers["cache-control"]


@pytest.mark.parametrize(
    ("name", "content_type"),
    [("demo.css", "text/css; charset=utf-8"), ("app.js", "text/javascript; charset=utf-8")],
)
def test_static_files_are_kept_for_ever_under_their_version(site, client, name, content_type):
    response = client.get(f"/static/{site.handler.assets.version}/{name}")
    assert response.headers["content-type"] == content_type
    assert "immutable" in response.headers["cache-control"]
    assert response.content == site.handler.assets.static[name].body
    assert client.get(f"/static/000000000000/{name}").status_code == 404


def test_every_view_of_the_page_has_a_drawing_of_its_own(client):
    first, second = client.get("/").text, client.get("/").text
    assert 'src="/ahead.svg?view=1"' in first
    assert 'src="/ahead.svg?view=2"' in second


def test_a_tile(site, client):
    response = client.get("/tile/3-4.webp")
    assert response.status_code == 200
    assert response.headers["content-type"] == "image/webp"
    assert response.headers["cache-control"] == "no-store"
    assert response.content == site.handler.assets.picture.tiles["3-4"]


def test_a_delayed_tile_is_the_same_tile(site, client):
    response = client.get("/tile/3-4.webp?delay=1&run=7")
    assert response.content == site.handler.assets.picture.tiles["3-4"]


@pytest.mark.parametrize("path", ["/", "/tile/0-0.webp", "/tile/0-0.webp?delay=1", "/slow", "/no"])
def test_every_response_has_the_fields_that_protect_the_page(client, path):
    headers = client.head(path).headers
    policy = headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("path", ["/", "/ahead.svg", "/tile/0-0.webp"])
def test_head_is_get_without_the_body(client, path):
    full, head = client.get(path), client.head(path)
    assert head.status_code == 200
    assert head.content == b""
    for name in ("content-type", "content-length", "cache-control"):
        assert head.headers[name] == full.headers[name]


def test_head_of_the_slow_text_does_not_wait(client):
    response = client.head("/slow?interval=5000")
    assert response.status_code == 200
    assert response.content == b""


@pytest.mark.parametrize(
    "path",
    ["/no", "/tile/24-0.webp", "/tile/0-0", "/tile/0-0.png", "/tile/", "/static/", "/index.html",
     "/static/../index.html", "/%2e%2e/handler.py"],
)  # fmt: skip
def test_what_is_not_there_is_404(client, path):
    response = client.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_405(client, method):
    response = client.request(method, "/", content=b"x" if method == "POST" else None)
    assert response.status_code == 405
    assert response.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    "path",
    ["/tile/0-0.webp?delay=x", "/tile/0-0.webp?delay=-1", "/tile/0-0.webp?delay=5001",
     "/tile/0-0.webp?delay=%C2%B2", "/tile/0-0.webp?delay=1234567890123", "/slow?lines=0",
     "/slow?lines=501", "/slow?interval=0", "/slow?interval=1.5"],
)  # fmt: skip
def test_what_is_not_offered_is_400_and_says_what_is(client, path):
    response = client.get(path)
    assert response.status_code == 400
    assert re.fullmatch(r"[a-z]+ must be a whole number from \d+ to \d+\.\n", response.text)


def test_connections_and_streams_are_numbered(site):
    def ask(client: httpx.Client) -> tuple[str, str]:
        headers = client.get("/favicon.svg").headers
        return headers["x-plait-connection"], headers["x-plait-stream"]

    options = {"base_url": site.url, "http1": False, "http2": True, "timeout": PATIENCE}
    with httpx.Client(**options) as one, httpx.Client(**options) as two:
        assert [ask(one), ask(one), ask(two), ask(one)] == [
            ("1", "1"),
            ("1", "3"),
            ("2", "1"),
            ("1", "5"),
        ]


def test_a_browser_can_read_the_numbers_of_what_it_fetched_itself(client):
    timing = client.get("/favicon.svg").headers["server-timing"]
    assert timing == 'plait;desc="connection 1, stream 1"'


def test_the_drawing_tells_how_long_after_its_hint_it_was_asked_for(client):
    address = re.search(r'src="(/ahead[^"]*)"', client.get("/").text)[1]
    told = [client.get(address).headers["server-timing"] for _ in range(2)]
    hints = [re.search(r'hint;dur=([0-9.]+);desc="(\d)"', timing).groups() for timing in told]
    assert float(hints[0][0]) >= 200  # this client asks when it has seen the page
    assert hints == [(hints[0][0], "1"), (hints[0][0], "2")]
    assert "hint" not in client.get("/ahead.svg?view=99").headers["server-timing"]


def test_hints_are_forgotten_from_the_oldest():
    now = 10.0
    hints = Hints(lambda: now, most=2)
    for address in ("/a", "/b", "/c"):
        hints.sent(address)
        now += 1
    assert hints.asked("/a") is None
    assert hints.asked("/b") == Hint(sent=11.0, waited=2.0, requests=1)
    now += 5
    assert hints.asked("/b") == Hint(sent=11.0, waited=2.0, requests=2)


def test_requests_that_wait_are_in_flight_together(site):
    async def ask() -> list[int]:
        options = {"base_url": site.url, "http1": False, "http2": True, "timeout": PATIENCE}
        async with httpx.AsyncClient(**options) as client:
            await client.get("/favicon.svg")  # so that there is one connection to share
            urls = [f"/tile/{column}-0.webp?delay=400" for column in range(20)]
            answers = await asyncio.gather(*(client.get(url) for url in urls))
            assert {a.headers["x-plait-connection"] for a in answers} == {"1"}
            return [int(a.headers["x-plait-in-flight"]) for a in answers]

    assert max(asyncio.run(ask())) >= 15


def test_the_slow_text_ends(client):
    response = client.get("/slow?lines=20&interval=1")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    lines = response.text.splitlines()
    assert len(lines) == 20
    assert lines[0] == "This text is one HTTP/2 response."


def test_the_slow_text_tells_what_came_and_went_meanwhile(site):
    async def ask() -> list[str]:
        options = {"base_url": site.url, "http1": False, "http2": True, "timeout": PATIENCE}
        async with (
            httpx.AsyncClient(**options) as client,
            client.stream("GET", "/slow?lines=3&interval=300") as slow,
        ):
            await client.get("/tile/0-0.webp")
            await client.get("/tile/1-0.webp")
            return (await slow.aread()).decode().splitlines()

    lines = asyncio.run(ask())
    told = [int(n) for n in re.findall(r"\[(\d+) other streams?\]", "\n".join(lines))]
    assert sum(told) == 2
    assert len(lines) == 3


def test_a_stream_that_is_reset_leaves_nothing_behind(site):
    # by a bare engine, because httpx leaves a stream open whose response it stops reading
    address = urlsplit(site.url)
    with socket.create_connection((address.hostname, address.port), PATIENCE) as connection:
        peer = h2.connection.H2Connection(BYTES)
        peer.initiate_connection()
        ask(peer, 1, "/slow?lines=500&interval=1000")
        assert fields_of(peer, connection, 1)[b"x-plait-in-flight"] == b"1"
        ask(peer, 3, "/tile/0-0.webp?delay=5000")
        peer.reset_stream(1)
        peer.reset_stream(3)
        ask(peer, 5, "/favicon.svg")
        assert fields_of(peer, connection, 5)[b"x-plait-in-flight"] == b"1"


def ask(peer: h2.connection.H2Connection, stream: int, path: str) -> None:
    fields = {":method": "GET", ":scheme": "http", ":authority": "localhost", ":path": path}
    peer.send_headers(stream, list(fields.items()), end_stream=True)


def fields_of(
    peer: h2.connection.H2Connection, connection: socket.socket, stream: int
) -> dict[bytes, bytes]:
    """Sends what is due, and returns the fields of the response on a stream."""
    while True:
        connection.sendall(peer.data_to_send())
        received = connection.recv(65536)
        assert received, "the server closed the connection"
        for event in peer.receive_data(received):
            if isinstance(event, h2.events.ResponseReceived) and event.stream_id == stream:
                return {bytes(name): bytes(value) for name, value in event.headers}
