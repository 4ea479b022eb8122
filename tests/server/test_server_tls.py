"""TLS: what is negotiated, what is refused, and how a refused client is let go."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest

from plait.server import HTTP2Server
from plait.server.tls import is_fit_cipher, prepare_context, weakness
from tests.server.rawclient import (
    GOAWAY,
    LOCAL,
    LOOPS,
    SETTINGS,
    client_of,
    eventually,
    recorder,
    run,
)
from tests.support.certs import TLSFiles, make_client_certificate


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_h2_over_tls(loop: str, version: ssl.TLSVersion, tls_files: TLSFiles) -> None:
    kind = recorder()

    async def main() -> None:
        context = tls_files.client_context("h2")
        context.maximum_version = version
        async with (
            HTTP2Server(LOCAL, kind, tls_files.server_context()) as server,
            client_of(server, tls=context) as client,
        ):
            client.send(client.request(1))
            assert (await client.response(1))[1] == b"hello"

    run(main(), loop)
    assert kind.handlers[0].client_certificate is None


def test_our_settings_need_no_octet_of_the_client(tls_files: TLSFiles) -> None:
    async def main() -> None:
        async with (
            HTTP2Server(LOCAL, recorder(), tls_files.server_context()) as server,
            client_of(server, tls=tls_files.client_context("h2"), greet=False) as client,
        ):
            first = await client.next()
            assert first is not None
            assert first.type == SETTINGS

    run(main())


def test_a_large_body_over_tls(tls_files: TLSFiles) -> None:
    body = bytes(range(256)) * 4000
    kind = recorder(on_request_done=lambda self: self.send_response(200, body=body))

    async def main() -> None:
        async with (
            HTTP2Server(LOCAL, kind, tls_files.server_context()) as server,
            client_of(server, {4: 2**31 - 1}, tls=tls_files.client_context("h2")) as client,
        ):
            client.send(bytes.fromhex("000004080000000000") + (2**30).to_bytes(4, "big"))
            client.send(client.request(1))
            assert (await client.response(1))[1] == body

    run(main())


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("offer", [(), ("http/1.1",)])
def test_a_client_without_h2_gets_a_clean_close(
    loop: str, offer: tuple[str, ...], tls_files: TLSFiles, caplog: pytest.LogCaptureFixture
) -> None:
    context = tls_files.client_context(*offer)
    kind = recorder()

    def talk(port: int) -> bytes:
        """With a blocking socket: it tells a close_notify (b"") from a connection cut off."""
        with (
            socket.create_connection(("127.0.0.1", port), timeout=10) as plain,
            context.wrap_socket(
                plain, server_hostname="localhost", suppress_ragged_eofs=False
            ) as secure,
        ):
            return secure.recv(1000)

    async def main() -> None:
        async with HTTP2Server(LOCAL, kind, tls_files.server_context()) as server:
            assert await asyncio.to_thread(talk, server.port) == b""
            await eventually(lambda: server.connection_count == 0)

    with caplog.at_level(logging.INFO, "plait.server"):
        run(main(), loop)
    assert any("only h2 is spoken here" in record.getMessage() for record in caplog.records)
    assert kind.calls == []


def test_the_context_is_left_alone_but_for_alpn(tls_files: TLSFiles) -> None:
    context = tls_files.server_context("http/1.1")
    keys = ("minimum_version", "maximum_version", "options", "verify_mode", "security_level")
    before = [getattr(context, key, None) for key in keys], context.get_ciphers()
    prepare_context(context)
    assert ([getattr(context, key, None) for key in keys], context.get_ciphers()) == before


@pytest.mark.parametrize("loop", LOOPS)
def test_a_prohibited_cipher_suite(loop: str, tls_files: TLSFiles) -> None:
    async def main() -> None:
        server_context = tls_files.server_context()
        server_context.set_ciphers("ECDHE+AES128+SHA256:ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
        client_context = tls_files.client_context("h2")
        client_context.set_ciphers("ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0")
        client_context.maximum_version = ssl.TLSVersion.TLSv1_2
        async with (
            HTTP2Server(LOCAL, recorder(), server_context) as server,
            client_of(server, tls=client_context, greet=False) as client,
        ):
            frames = await client.rest()
            assert [each.type for each in frames if each.type != 8] == [SETTINGS, GOAWAY]
            assert frames[-1].code == 0xC
            assert b"ECDHE-ECDSA-AES128-SHA is prohibited" in frames[-1].payload

    run(main(), loop)


@pytest.mark.parametrize(
    ("name", "fit"),
    [
        ("ECDHE-RSA-AES128-GCM-SHA256", True),
        ("ECDHE-ECDSA-CHACHA20-POLY1305", True),
        ("DHE-RSA-AES256-GCM-SHA384", True),
        ("DHE-RSA-AES256-CCM", True),
        ("ECDHE-ECDSA-AES128-CCM8", True),
        ("ECDHE-ARIA128-GCM-SHA256", True),
        ("DHE-PSK-AES128-GCM-SHA256", True),
        ("AES128-GCM-SHA256", False),
        ("ECDHE-RSA-AES128-SHA256", False),
        ("DHE-RSA-AES128-SHA", False),
        ("ADH-AES128-GCM-SHA256", False),
        ("RSA-PSK-AES128-GCM-SHA256", False),
        ("PSK-CHACHA20-POLY1305", False),
        ("ECDHE-RSA-DES-CBC3-SHA", False),
        ("NULL-SHA256", False),
    ],
)
def test_cipher_suites_of_appendix_a(name: str, fit: bool) -> None:
    assert is_fit_cipher(name) == fit


def test_every_suite_openssl_has_is_judged_by_what_it_is() -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
    judged = 0
    for suite in context.get_ciphers():
        if suite["protocol"] != "TLSv1.3" and "auth" in suite:
            ephemeral = suite["kea"] in ("kx-ecdhe", "kx-dhe", "kx-ecdhe-psk", "kx-dhe-psk")
            fit = suite["aead"] and ephemeral and suite["auth"] != "auth-null"
            assert is_fit_cipher(suite["name"]) == fit, suite
            judged += 1
    assert judged > 30


class FakeTransport:
    """As much of a transport as `weakness` looks at."""

    def __init__(self, version: str | None, cipher: tuple[str, str, int] | None) -> None:
        self._version = version
        self._cipher = cipher

    def get_extra_info(self, name: str) -> Any:
        return self if self._version else None

    def version(self) -> str | None:
        return self._version

    def cipher(self) -> tuple[str, str, int] | None:
        return self._cipher


@pytest.mark.parametrize(
    ("version", "cipher", "reason"),
    [
        (None, None, None),
        ("TLSv1.3", ("TLS_AES_128_GCM_SHA256", "TLSv1.3", 128), None),
        ("TLSv1.2", ("ECDHE-RSA-AES128-GCM-SHA256", "TLSv1.2", 128), None),
        ("TLSv1.2", None, ("tls.cipher", "no cipher is prohibited for HTTP/2")),
        (
            "TLSv1.1",
            ("ECDHE-RSA-AES128-SHA", "TLSv1.0", 128),
            ("tls.version", "TLSv1.1 is too old for HTTP/2"),
        ),
    ],
)
def test_what_makes_a_connection_unfit(version: Any, cipher: Any, reason: Any) -> None:
    transport: Any = FakeTransport(version, cipher)
    assert weakness(transport) == reason


@pytest.mark.parametrize("loop", LOOPS)
def test_client_certificates_reach_the_handler(
    loop: str, tls_files: TLSFiles, tmp_path: Path
) -> None:
    theirs = make_client_certificate(tmp_path)
    seen: list[Any] = []
    kind = recorder(on_headers=lambda self: seen.append(self.client_certificate))

    async def main() -> None:
        server_context = tls_files.server_context()
        server_context.verify_mode = ssl.CERT_OPTIONAL
        server_context.load_verify_locations(theirs.cert)
        client_context = tls_files.client_context("h2")
        client_context.load_cert_chain(theirs.cert, theirs.key)
        async with HTTP2Server(LOCAL, kind, server_context) as server:
            async with client_of(server, tls=client_context) as client:
                client.send(client.request(1))
                await client.response(1)
            assert kind.handlers[0].client_certificate is None, "the connection is gone"

    run(main(), loop)
    (certificate,) = seen
    assert certificate["subject"] == ((("commonName", "somebody"),),)


@pytest.mark.parametrize("loop", LOOPS)
def test_clear_text_on_a_tls_port_harms_nobody(loop: str, tls_files: TLSFiles) -> None:
    async def main() -> None:
        async with HTTP2Server(LOCAL, recorder(), tls_files.server_context()) as server:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            async with asyncio.timeout(10):
                with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                    await reader.readexactly(1000)
            writer.close()
            context = tls_files.client_context("h2")
            async with client_of(server, tls=context) as client:
                client.send(client.request(1))
                assert (await client.response(1))[1] == b"hello"

    run(main(), loop)


@pytest.mark.parametrize("loop", LOOPS)
def test_graceful_end_over_tls(loop: str, tls_files: TLSFiles) -> None:
    async def main() -> None:
        server = HTTP2Server(LOCAL, recorder(), tls_files.server_context())
        await server.start()
        async with client_of(server, tls=tls_files.client_context("h2")) as client:
            closing = asyncio.ensure_future(server.close())
            frames = await client.rest()
            assert [each.type for each in frames].count(GOAWAY) == 2
            client.writer.close()
            await asyncio.wait_for(closing, 5)

    run(main(), loop)
