"""Whom to believe: the client, scheme and host of requests that came through proxies."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator

import pytest

from plait.server.host import Peer
from plait.server.proxies import TrustedProxies
from tests.support.exchange import RecordingExchange

PROXY, INNER = "10.0.0.1", "10.0.0.2"
UNKNOWN = ("unknown", 0)


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    loop = asyncio.new_event_loop()
    yield loop
    loop.close()


@pytest.fixture
def seen(loop: asyncio.AbstractEventLoop):
    """What an application sees of a request with some fields."""

    def seen(
        *fields: str,
        proxies: tuple[str, ...] = ("10.0.0.0/8",),
        client: tuple[str, int] | None = (PROXY, 999),
        believed: tuple[str, ...] | None = None,
        peer: Peer | None = None,
    ) -> RecordingExchange:
        headers = []
        for text in fields:
            name, _, value = text.partition(": ")
            headers.append((name.encode(), value.encode("latin-1")))
        peer = peer or Peer(client, ("10.9.9.9", 8000), None)
        exchange = RecordingExchange(headers=headers, peer=peer, loop=loop)
        before = list(exchange.headers)
        options = {} if believed is None else {"fields": believed}
        TrustedProxies(proxies, **options).apply(exchange)
        # the fields stay where the application can see them
        others = [field for field in exchange.headers if field[0] != b"host"]
        assert others == [field for field in before if field[0] != b"host"]
        assert exchange.headers[0] == (b"host", exchange.host)
        return exchange

    return seen


# fields → client
CLIENTS: list[tuple[tuple[str, ...], tuple[str, int]]] = [
    (("x-forwarded-for: 192.0.2.1",), ("192.0.2.1", 0)),
    (("x-forwarded-for: 192.0.2.1:4711",), ("192.0.2.1", 4711)),
    (("x-forwarded-for: [2001:db8::1]:4711",), ("2001:db8::1", 4711)),
    (("x-forwarded-for: 192.0.2.1, 10.0.0.2",), ("192.0.2.1", 0)),
    # what the client itself has said of others
    (("x-forwarded-for: 203.0.113.5, 192.0.2.1, 10.0.0.2",), ("192.0.2.1", 0)),
    (("x-forwarded-for: 10.0.0.3, 192.0.2.1",), ("192.0.2.1", 0)),
    (("x-forwarded-for: what's this, 192.0.2.1",), ("192.0.2.1", 0)),
    (("x-forwarded-for: 203.0.113.5", "x-forwarded-for: 192.0.2.1"), ("192.0.2.1", 0)),
    (("x-forwarded-for: , 192.0.2.1,,",), ("192.0.2.1", 0)),
    # nobody but proxies: the first of them is the client
    (("x-forwarded-for: 10.0.0.7, 10.0.0.2",), ("10.0.0.7", 0)),
    (("x-forwarded-for: 192.0.2.1, unknown, 10.0.0.2",), UNKNOWN),
    (("x-forwarded-for: 192.0.2.1, nonsense",), UNKNOWN),
    (("x-forwarded-for: 192.0.2.1, nonsense, 10.0.0.2",), UNKNOWN),
    (("x-forwarded-for: ::ffff:10.0.0.2",), ("::ffff:10.0.0.2", 0)),
    (("x-forwarded-for: 192.0.2.1, ::ffff:10.0.0.2",), ("192.0.2.1", 0)),
    (("forwarded: for=192.0.2.1",), ("192.0.2.1", 0)),
    (('forwarded: for="[2001:db8::1]:4711"',), ("2001:db8::1", 4711)),
    (("forwarded: for=203.0.113.5, for=192.0.2.1, for=10.0.0.2",), ("192.0.2.1", 0)),
    (("forwarded: for=203.0.113.5, for=192.0.2.1", "forwarded: for=10.0.0.2"), ("192.0.2.1", 0)),
    (("forwarded: for=10.0.0.7, for=10.0.0.2",), ("10.0.0.7", 0)),
    (("forwarded: for=_hidden",), ("_hidden", 0)),
    (("forwarded: for=192.0.2.1, for=_hidden",), ("_hidden", 0)),
    (("forwarded: for=192.0.2.1, for=unknown",), UNKNOWN),
    (("forwarded: for=192.0.2.1, proto=https",), UNKNOWN),
    # a client that tries to spoil what the proxy adds
    (('forwarded: for="', "forwarded: for=192.0.2.1"), ("192.0.2.1", 0)),
    (('forwarded: for=", for=192.0.2.1',), UNKNOWN),
    (("forwarded: for=nonsense, for=192.0.2.1",), ("192.0.2.1", 0)),
    (("forwarded: for=192.0.2.1, for=nonsense",), UNKNOWN),
    (("forwarded: for=192.0.2.1;for=192.0.2.1",), UNKNOWN),
    # both
    (("forwarded: for=192.0.2.1", "x-forwarded-for: 192.0.2.1"), ("192.0.2.1", 0)),
    (('forwarded: for="192.0.2.1:7"', "x-forwarded-for: 192.0.2.1"), ("192.0.2.1", 7)),
    (("forwarded: for=192.0.2.1", "x-forwarded-for: 192.0.2.1:7"), ("192.0.2.1", 7)),
    (
        ('forwarded: for="[2001:db8::1]"', "x-forwarded-for: 2001:DB8:0::1"),
        ("2001:db8::1", 0),
    ),
    (("forwarded: for=192.0.2.1", "x-forwarded-for: 203.0.113.5"), UNKNOWN),
    (("forwarded: proto=https", "x-forwarded-for: 192.0.2.1"), UNKNOWN),
    (("forwarded: for=192.0.2.1", "x-forwarded-proto: https"), ("192.0.2.1", 0)),
]


@pytest.mark.parametrize(("fields", "client"), CLIENTS)
def test_the_client(seen, fields: tuple[str, ...], client: tuple[str, int]) -> None:
    assert seen(*fields).peer.client == client


@pytest.mark.parametrize(
    ("proxies", "client", "believed"),
    [
        (("10.0.0.0/8",), ("10.1.2.3", 1), True),
        (("10.0.0.0/8",), ("::ffff:10.1.2.3", 1), True),
        (("10.0.0.0/8",), ("11.1.2.3", 1), False),
        (("10.0.0.0/8",), None, False),
        (("10.0.0.0/8",), UNKNOWN, False),
        (("10.0.0.1",), ("10.0.0.1", 1), True),
        (("10.0.0.1",), ("10.0.0.2", 1), False),
        (("2001:db8::/32", "::1"), ("2001:db8:7::1", 1), True),
        (("2001:db8::/32", "::1"), ("::1", 1), True),
        (("fe80::/10",), ("fe80::1%eth0", 1), True),
        (("2001:db8::/32",), ("2001:db9::1", 1), False),
        (("unix",), None, True),
        (("unix",), ("10.0.0.1", 1), False),
        (("*",), ("203.0.113.9", 1), True),
        (("*",), None, True),
        ((), ("127.0.0.1", 1), False),
    ],
)
def test_only_trusted_peers_are_believed(
    seen, proxies: tuple[str, ...], client: tuple[str, int] | None, believed: bool
) -> None:
    for fields in (
        ("x-forwarded-for: 192.0.2.1", "x-forwarded-proto: https", "x-forwarded-host: other"),
        ("forwarded: for=192.0.2.1;proto=https;host=other",),
    ):
        exchange = seen(*fields, proxies=proxies, client=client)
        expected = (("192.0.2.1", 0), b"https", b"other")
        if not believed:
            expected = (client, b"http", b"example.org")
        assert (exchange.peer.client, exchange.scheme, exchange.host) == expected


def test_everybody_is_a_proxy(seen) -> None:
    fields = "x-forwarded-for: 203.0.113.5, 192.0.2.1"
    assert seen(fields, proxies=("*",)).peer.client == ("203.0.113.5", 0)


@pytest.mark.parametrize(
    ("fields", "scheme", "host", "port"),
    [
        (("x-forwarded-proto: https",), b"https", b"example.org", 8000),
        (("x-forwarded-proto: wss",), b"https", b"example.org", 8000),
        (("x-forwarded-proto: gopher",), b"http", b"example.org", 8000),
        (("x-forwarded-proto: https, http",), b"http", b"example.org", 8000),
        (
            ("x-forwarded-for: 192.0.2.1, 10.0.0.2", "x-forwarded-proto: https, http"),
            b"https", b"example.org", 8000,
        ),
        (
            ("x-forwarded-for: 10.0.0.9, 192.0.2.1", "x-forwarded-proto: https, http"),
            b"http", b"example.org", 8000,
        ),
        (
            ("x-forwarded-for: 192.0.2.1, 10.0.0.2", "x-forwarded-proto: https"),
            b"https", b"example.org", 8000,
        ),
        (
            ("x-forwarded-for: 192.0.2.1, 10.0.0.2, 10.0.0.3", "x-forwarded-proto: https, http"),
            b"http", b"example.org", 8000,
        ),
        (("x-forwarded-host: a.example:81", "x-forwarded-port: 44"), b"http", b"a.example:81", 44),
        (("x-forwarded-host: a b", "x-forwarded-port: x"), b"http", b"example.org", 8000),
        (("x-forwarded-port: 0",), b"http", b"example.org", 8000),
        (("x-forwarded-host: user@a.example",), b"http", b"example.org", 8000),
        (("forwarded: for=192.0.2.1;proto=https;host=a.example",), b"https", b"a.example", 8000),
        # what belongs to the client's hop, not to the last one's
        (
            ("forwarded: for=192.0.2.1;proto=https;host=a, for=10.0.0.2;proto=http;host=b",),
            b"https", b"a", 8000,
        ),
        (("forwarded: for=192.0.2.1;proto=https, for=203.0.113.5",), b"http", b"example.org", 8000),
        (('forwarded: for=192.0.2.1;proto=gopher;host="a b"',), b"http", b"example.org", 8000),
        (
            ("forwarded: for=192.0.2.1;proto=https", "x-forwarded-proto: http"),
            b"http", b"example.org", 8000,
        ),
    ],
)  # fmt: skip
def test_scheme_host_and_port(
    seen, fields: tuple[str, ...], scheme: bytes, host: bytes, port: int
) -> None:
    exchange = seen(*fields)
    assert (exchange.scheme, exchange.host) == (scheme, host)
    assert exchange.peer.server == ("10.9.9.9", port)


def test_a_request_without_host_gets_one(loop: asyncio.AbstractEventLoop) -> None:
    exchange = RecordingExchange(
        headers=[(b"x-forwarded-host", b"a.example"), (b"accept", b"*/*")],
        host=None,
        peer=Peer((PROXY, 1), None, None),
        loop=loop,
    )
    TrustedProxies(["10.0.0.1"]).apply(exchange)
    assert exchange.headers[0] == (b"host", b"a.example")
    assert len(exchange.headers) == 3


def test_only_the_named_fields_are_believed(seen) -> None:
    fields = (
        "forwarded: for=203.0.113.5;proto=https;host=evil",
        "x-forwarded-for: 192.0.2.1",
        "x-forwarded-host: evil",
        "x-forwarded-port: 99",
    )
    exchange = seen(*fields, believed=("X-Forwarded-For", "x-forwarded-proto"))
    assert exchange.peer.client == ("192.0.2.1", 0)
    assert (exchange.scheme, exchange.host) == (b"http", b"example.org")
    assert exchange.peer.server == ("10.9.9.9", 8000)


def test_a_client_has_one_peer_on_a_connection(seen) -> None:
    connection = Peer((PROXY, 1), ("10.9.9.9", 80), None)
    one = seen("x-forwarded-for: 192.0.2.1", peer=connection).peer
    two = seen("x-forwarded-for: 192.0.2.2", peer=connection).peer
    assert seen("x-forwarded-for: 192.0.2.1", peer=connection).peer is one
    assert two is not one is not connection
    assert one.context is not two.context
    # what is the connection's they have in common, with the proxy itself
    shared = connection.context["connection"]
    assert one.context["connection"] is two.context["connection"] is shared
    assert one.server == connection.server
    # a request of the proxy itself
    assert seen(peer=connection).peer is connection
    assert seen("x-forwarded-proto: https", peer=connection).peer is connection


def test_a_connection_remembers_no_more_than_it_should(seen) -> None:
    connection = Peer((PROXY, 1), None, None)
    for number in range(1000):
        found = seen(f"x-forwarded-for: 192.0.2.{number % 250}:{number + 1}", peer=connection)
        assert found.peer.client == (f"192.0.2.{number % 250}", number + 1)
    assert len(next(iter(connection.context.values()))) <= 64


def test_trouble_is_told_once(
    loop: asyncio.AbstractEventLoop, caplog: pytest.LogCaptureFixture
) -> None:
    proxies = TrustedProxies(["*"])
    for value in (b"nonsense", b"\r\nmore nonsense"):
        exchange = RecordingExchange(headers=[(b"x-forwarded-for", value)], loop=loop)
        proxies.apply(exchange)
        assert exchange.peer.client == UNKNOWN
    [record] = caplog.records
    assert record.levelno == logging.WARNING
    assert "a field X-Forwarded-For cannot be read" in record.getMessage()
    assert "nonsense" not in record.getMessage()


@pytest.mark.parametrize("text", ["", "10.0.0.1/8", "10.0.0", "localhost", "Unix", "10.0.0.0/33"])
def test_what_is_no_trusted_proxy(text: str) -> None:
    with pytest.raises(ValueError, match="is no trusted proxy: wanted an address") as caught:
        TrustedProxies(["127.0.0.1", text])
    assert "\n" not in str(caught.value)


def test_other_settings_that_make_no_sense() -> None:
    with pytest.raises(ValueError, match=r"are a list, not '127.0.0.1'"):
        TrustedProxies("127.0.0.1")
    with pytest.raises(ValueError, match="'x-real-ip' is not one of the fields forwarded, x-"):
        TrustedProxies(["*"], fields=["x-real-ip"])
