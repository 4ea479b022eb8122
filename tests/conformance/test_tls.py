"""RFC 9113 §3.2, §3.3, §9.2: what plait and Python's `ssl` see to over TLS."""

from __future__ import annotations

import asyncio
import ssl

import pytest

from plait.client import HTTP2Client
from plait.server import BaseRequestHandler, HTTP2Server
from plait.server.tls import is_fit_cipher, prepare_context
from tests.support.certs import TLSFiles
from tests.support.peers import require_tool

PATIENCE = 10.0  # seconds
SETTINGS = b"\x04\0\0\0\0\0"  # type, flags and stream of a frame header


class Pair:
    """A TLS client and a server that talk through memory."""

    def __init__(self, client: ssl.SSLContext, server: ssl.SSLContext, name: str) -> None:
        up, down = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.client = client.wrap_bio(down, up, server_hostname=name)
        self.server = server.wrap_bio(up, down, server_side=True)

    def shake_hands(self) -> None:
        ends = [self.client, self.server]
        for _ in range(10):
            for end in ends[:]:
                try:
                    end.do_handshake()
                except ssl.SSLWantReadError:
                    continue
                ends.remove(end)
        assert ends == []


@pytest.mark.parametrize(
    ("offered", "agreed"),
    [(["h2"], "h2"), (["http/1.1", "h2"], "h2"), (["h2c"], None), (["http/1.1"], None)],
)
def test_a_server_selects_h2_and_nothing_else(
    offered: list[str], agreed: str | None, tls_files: TLSFiles
) -> None:
    # RFC 9113 §3.2: "h2c" MUST NOT be selected.
    context = tls_files.server_context("h2c", "http/1.1")
    prepare_context(context)
    pair = Pair(tls_files.client_context(*offered), context, "localhost")
    pair.shake_hands()
    assert pair.server.selected_alpn_protocol() == agreed


def test_a_client_offers_h2_and_nothing_else(tls_files: TLSFiles) -> None:
    context = tls_files.client_context("h2c", "http/1.1")

    async def run() -> None:
        async with (
            HTTP2Server(("127.0.0.1", 0), BaseRequestHandler, tls_files.server_context()) as server,
            HTTP2Client(("localhost", server.port), ssl=context) as client,
        ):
            await client.connected()

    asyncio.run(asyncio.wait_for(run(), PATIENCE))
    for spoken, agreed in (("h2", "h2"), ("h2c", None), ("http/1.1", None)):
        pair = Pair(context, tls_files.server_context(spoken), "localhost")
        pair.shake_hands()
        assert pair.client.selected_alpn_protocol() == agreed


def test_a_client_names_the_server_and_checks_its_certificate(tls_files: TLSFiles) -> None:
    # RFC 9113 §9.1.1, §9.2: SNI MUST be sent; the certificate MUST pass the checks.
    names: list[str | None] = []
    server_context = tls_files.server_context()
    server_context.sni_callback = lambda tls, name, context: names.append(name)

    async def run() -> None:
        async with HTTP2Server(("127.0.0.1", 0), BaseRequestHandler, server_context) as server:
            address = ("localhost", server.port)
            async with HTTP2Client(address, ssl=tls_files.client_context()) as client:
                await client.connected()
            stranger = HTTP2Client(address, ssl=ssl.create_default_context())
            with pytest.raises(ssl.SSLCertVerificationError):
                await stranger.connected()

    asyncio.run(asyncio.wait_for(run(), PATIENCE))
    assert names == ["localhost", "localhost"]


@pytest.mark.parametrize("side", [ssl.PROTOCOL_TLS_SERVER, ssl.PROTOCOL_TLS_CLIENT])
def test_python_compresses_nothing_and_asks_for_no_certificate_later(side: int) -> None:
    # RFC 9113 §9.2.1, §9.2.3, §10.6: compression and post-handshake authentication are off.
    context = ssl.SSLContext(side)
    if side == ssl.PROTOCOL_TLS_SERVER:
        prepare_context(context)
    assert context.options & ssl.OP_NO_COMPRESSION
    assert not context.post_handshake_auth


def test_the_cipher_suite_that_everybody_has_is_taken(tls_files: TLSFiles) -> None:
    # RFC 9113 §9.2.2: ECDHE with AES-128-GCM on P-256 MUST be supported with TLS 1.2.
    server, client = tls_files.server_context(), tls_files.client_context("h2")
    prepare_context(server)
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers("ECDHE-ECDSA-AES128-GCM-SHA256")
    client.set_ecdh_curve("prime256v1")
    pair = Pair(client, server, "localhost")
    pair.shake_hands()
    name, version, _ = pair.server.cipher()
    assert (name, version) == ("ECDHE-ECDSA-AES128-GCM-SHA256", "TLSv1.2")
    assert is_fit_cipher(name)
    assert is_fit_cipher("ECDHE-RSA-AES128-GCM-SHA256")


@pytest.mark.interop
def test_a_client_that_renegotiates_is_refused(tls_files: TLSFiles) -> None:
    # RFC 9113 §9.2.1: renegotiation MUST be disabled with TLS 1.2; OpenSSL 3 sees to it.
    openssl = require_tool("openssl")
    said: list[bytes] = []

    async def talk(port: int) -> None:
        address = f"127.0.0.1:{port}"
        client = await asyncio.create_subprocess_exec(
            *(openssl, "s_client", "-tls1_2", "-alpn", "h2", "-connect", address),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        assert client.stdin is not None
        assert client.stdout is not None
        asked = False
        while b"renegotiation:" not in b"".join(said):
            received = await client.stdout.read(65_536)
            assert received, b"".join(said).decode(errors="replace")
            said.append(received)
            # Only once the server's SETTINGS are there: s_client minds data in the middle of it.
            if not asked and SETTINGS in b"".join(said):
                asked = True
                client.stdin.write(b"R\n")  # its command for it
        client.stdin.close()
        await client.wait()

    async def run() -> None:
        async with HTTP2Server(
            ("127.0.0.1", 0), BaseRequestHandler, tls_files.server_context()
        ) as server:
            await asyncio.wait_for(talk(server.port), PATIENCE)

    asyncio.run(run())
    assert b"no renegotiation" in b"".join(said)
