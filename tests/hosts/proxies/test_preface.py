"""The PROXY header in front of a connection: read before TLS and HTTP, or refused."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from plait.server.app_server import ApplicationServer
from plait.server.host import Cycle
from plait.server.proxies import TrustedProxies
from plait.server.timeouts import TimeLimits
from tests.hosts.proxies.test_header import AFTER, FOUR, UNIX, V6, tlv, v2
from tests.server.rawclient import LOCAL, LOOPS, PREFACE, RawClient, eventually, run
from tests.server.rawclient import settings as settings_frame
from tests.support.certs import TLSFiles

LINE = b"PROXY TCP4 192.0.2.7 198.51.100.9 4000 443\r\n"
LOCAL_LINE = b"PROXY UNKNOWN\r\n"


class Telling(Cycle):
    """Answers with what is known of the connection, and keeps the peer."""

    def __init__(self, exchange: Any, peers: list[Any]) -> None:
        self.exchange = exchange
        peers.append(exchange.peer)

    def begin(self) -> None:
        peer = self.exchange.peer
        told = f"{peer.client} {peer.server} {self.exchange.scheme.decode()}"
        self.exchange.respond(200, [], told.encode())

    def closed(self, error_code: int) -> None:
        pass


class TellingHost:
    def __init__(self) -> None:
        self.peers: list[Any] = []

    def open(self, exchange: Any) -> Cycle:
        return Telling(exchange, self.peers)

    async def startup(self) -> None:
        pass

    async def shutdown(self) -> None:
        pass


@contextlib.asynccontextmanager
async def serving(
    *trusted: str, tls: TLSFiles | None = None, address: Any = LOCAL, **options: Any
) -> AsyncIterator[tuple[ApplicationServer, TellingHost]]:
    proxies = TrustedProxies(trusted or ("127.0.0.1", "unix"))
    host = TellingHost()
    context = None if tls is None else tls.server_context()
    async with ApplicationServer(
        address, host, context, proxies=proxies, preface=proxies.preface, **options
    ) as server:
        yield server, host


async def connect(server: ApplicationServer) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    address = server.addresses[0]
    if isinstance(address, str):
        return await asyncio.open_unix_connection(address)
    return await asyncio.open_connection(*address[:2])


async def ask(
    server: ApplicationServer,
    *pieces: bytes,
    tls: ssl.SSLContext | None = None,
) -> str:
    """Send a header in pieces, then a request; return what was answered."""
    loop = asyncio.get_running_loop()
    address = server.addresses[0]
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    sock = socket.socket(family)
    sock.setblocking(False)
    await loop.sock_connect(sock, address)
    for piece in pieces if tls else pieces[:-1]:
        await loop.sock_sendall(sock, piece)
        await asyncio.sleep(0.001)
    name = "localhost" if tls else None
    reader, writer = await asyncio.open_connection(sock=sock, ssl=tls, server_hostname=name)
    client = RawClient(reader, writer)
    try:
        # all in one piece: the server must know where its part begins
        client.send(b"" if tls else pieces[-1], PREFACE, settings_frame({}), client.request(1))
        return (await client.response(1))[1].decode()
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


TOLD = "('192.0.2.7', 4000) ('198.51.100.9', 443)"


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("secure", [False, True], ids=["clear", "TLS"])
def test_who_the_client_is(loop: str, secure: bool, tls_files: TLSFiles) -> None:
    context = tls_files.client_context("h2") if secure else None
    scheme = "https" if secure else "http"

    async def main() -> None:
        async with serving(tls=tls_files if secure else None) as (server, host):
            assert await ask(server, LINE, tls=context) == f"{TOLD} {scheme}"
            assert await ask(server, v2(), tls=context) == f"{TOLD} {scheme}"
            assert await ask(server, LINE[:7], LINE[7:20], LINE[20:], tls=context)
            assert (await ask(server, v2(0x21, V6), tls=context)).startswith(
                "('2001:db8::7', 4000) ('::1', 443)"
            )
            assert (await ask(server, v2(0x31, UNIX), tls=context)).startswith(
                "('unix', 0) ('/run/front', None)"
            )
            for own in (LOCAL_LINE, v2(command=0x20), v2(0, b"")):
                told = await ask(server, own, tls=context)
                assert told.startswith("('127.0.0.1', ")
                assert f"('127.0.0.1', {server.port})" in told
            assert [peer.tls is not None for peer in host.peers] == [secure] * len(host.peers)
            stats = server.stats()
            assert stats.connections_accepted == len(host.peers) == 8
            assert stats.refusals == {}
            await eventually(lambda: server.connection_count == 0)

    run(main(), loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_tls_hello_in_the_same_segment(loop: str, tls_files: TLSFiles) -> None:
    """The header and the first octets of TLS in one piece: none of them is swallowed."""
    context = tls_files.client_context("h2")

    def talk(port: int, header: bytes) -> str | None:
        to_us, to_them = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(to_us, to_them, server_hostname="localhost")
        with socket.create_connection(("127.0.0.1", port), timeout=10) as sock:
            first = header
            while True:
                try:
                    tls.do_handshake()
                except ssl.SSLWantReadError:
                    sock.sendall(first + to_them.read())
                    first = b""
                    to_us.write(sock.recv(65536))
                else:
                    sock.sendall(to_them.read())
                    return tls.selected_alpn_protocol()

    async def main() -> None:
        async with serving(tls=tls_files) as (server, _):
            for header in (LINE, LOCAL_LINE, v2(), v2(tlvs=tlv(4, bytes(3000)))):
                assert await asyncio.to_thread(talk, server.port, header) == "h2"

    run(main(), loop)


def test_a_proxy_that_undid_tls_says_so() -> None:
    ssl_tlv = tlv(0x20, b"\x01" + bytes(4) + tlv(0x21, b"TLSv1.3"))

    async def main() -> None:
        async with serving() as (server, host):
            assert await ask(server, v2(tlvs=ssl_tlv)) == f"{TOLD} https"
            assert host.peers[0].context["proxy_header"].version == 2
            # without a client, too: a health check over TLS
            assert (await ask(server, v2(0, b"", ssl_tlv))).endswith(" https")
            assert await ask(server, v2(tlvs=tlv(2, b"a.example"))) == f"{TOLD} http"
            assert host.peers[2].context["proxy_header"].authority == b"a.example"

    run(main())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize(
    ("trusted", "octets", "slug"),
    [
        (("192.0.2.0/24",), LINE, "proxy.untrusted"),
        (("unix",), LINE, "proxy.untrusted"),
        (("*",), AFTER + bytes(20), "proxy.missing"),
        (("*",), b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "proxy.missing"),
        (("*",), PREFACE, "proxy.missing"),
        (("*",), b"PROXY TCP4 1.1.1.1 2.2.2.2 1 x\r\n", "proxy.malformed"),
        (("*",), v2(length=60_000), "proxy.length"),
        (("*",), v2(tlvs=tlv(3, bytes(4))), "proxy.checksum"),
    ],
)
def test_who_does_not_begin_with_a_header_is_refused(
    loop: str, trusted: tuple[str, ...], octets: bytes, slug: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with serving(*trusted) as (server, host):
            reader, writer = await connect(server)
            with contextlib.suppress(OSError):
                writer.write(octets)
                assert await reader.read() == b""
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            await eventually(lambda: server.connection_count == 0)
            assert server.stats().refusals == {slug: 1}
            assert server.stats().connections_accepted == 1
            assert host.peers == []

    run(main(), loop)
    [record] = [each for each in caplog.records if each.levelno == logging.WARNING]
    assert record.getMessage().startswith("refused, address:127.0.0.1, port:")
    assert slug in record.getMessage()


@pytest.mark.parametrize("loop", LOOPS)
def test_the_header_has_as_long_as_a_handshake(loop: str) -> None:
    async def main() -> None:
        async with serving(time_limits=TimeLimits(handshake=0.05)) as (server, _):
            reader, writer = await connect(server)
            writer.write(LINE[:-1])
            with contextlib.suppress(OSError):
                assert await reader.read() == b""
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            assert server.stats().refusals == {"timeout.proxy": 1}
            assert server.connection_count == 0

    run(main(), loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_connections_without_their_header_count_and_end_with_the_server(loop: str) -> None:
    async def main() -> None:
        async with serving(max_connections=1) as (server, _):
            reader, writer = await connect(server)
            await eventually(lambda: server.connection_count == 1)
            other, other_writer = await connect(server)
            with contextlib.suppress(OSError):
                assert await other.read() == b""
            assert server.stats().refusals == {"connections.limit": 1}
            other_writer.close()
            await server.close(0)
            with contextlib.suppress(OSError):
                assert await reader.read() == b""
            writer.close()
            # a client that goes away before it has said anything is no cause for complaint
            assert server.stats().refusals == {"connections.limit": 1}

    run(main(), loop)


def test_a_health_check_that_says_nothing_is_no_refusal(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        async with serving() as (server, _):
            for octets in (b"", LINE[:20]):
                _, writer = await connect(server)
                writer.write(octets)
                writer.close()
                await writer.wait_closed()
            await eventually(lambda: server.stats().connections_accepted == 2)
            await eventually(lambda: server.connection_count == 0)
            assert server.stats().refusals == {}

    run(main())
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


def test_on_a_unix_socket(tmp_path: Path) -> None:
    async def main() -> None:
        address = f"unix:{tmp_path / 'sock'}"
        async with serving("unix", address=address) as (server, _):
            assert await ask(server, LINE) == f"{TOLD} http"
            assert await ask(server, LOCAL_LINE) == f"None ('{tmp_path / 'sock'}', None) http"

    run(main())


def test_fields_are_believed_of_the_one_whom_the_header_names() -> None:
    """The header tells who has connected to the proxy; that one is asked for further proxies."""

    async def main() -> None:
        async with serving("127.0.0.1", "192.0.2.7") as (server, host):
            reader, writer = await connect(server)
            client = RawClient(reader, writer)
            request = client.request(1, "/", ("x-forwarded-for", "203.0.113.5"))
            client.send(LINE, PREFACE, settings_frame({}), request)
            assert (await client.response(1))[1].startswith(b"('203.0.113.5', 0)")
            writer.close()
            await writer.wait_closed()
        async with serving("127.0.0.1") as (server, host):
            reader, writer = await connect(server)
            client = RawClient(reader, writer)
            request = client.request(1, "/", ("x-forwarded-for", "203.0.113.5"))
            client.send(LINE, PREFACE, settings_frame({}), request)
            assert (await client.response(1))[1].startswith(f"{FOUR[0]}".encode())
            writer.close()
            await writer.wait_closed()
            assert len(host.peers) == 1

    run(main())
