"""`ThreadedSPDYServer` over TLS: what is negotiated, who is let in, who is not waited for."""

from __future__ import annotations

import contextlib
import ssl
from pathlib import Path
from queue import Queue
from typing import Any

import pytest

from plait.compat import spdylay
from tests.support.certs import TLSFiles, make_client_certificate

from .spdylay_peers import Client, connected, echo, handling, logged, ok, port_of, serving

NAMES = {"spdy/2": 2, "spdy/3": 3, "spdy/3.1": 4}
LARGE = bytes(range(256)) * 2048


@pytest.mark.parametrize("name", NAMES)
def test_the_version_is_negotiated(tls_files: TLSFiles, name: str) -> None:
    notes: Queue[Any] = Queue()

    def do_put(self: Any) -> None:
        notes.put((self.spdy_version, type(self.request), self.peer_certificate))
        echo(self)

    with serving(handling(do_PUT=do_put), tls_files.cert, tls_files.key) as server:
        assert isinstance(server.ctx, ssl.SSLContext)
        assert server.version == 0
        tls = tls_files.client_context(name, "http/1.1")
        with Client(port_of(server), NAMES[name], tls=tls) as client:
            assert client.socket.selected_alpn_protocol() == name  # type: ignore[attr-defined]
            for stream_id in [client.request("/", "PUT", LARGE) for _ in range(2)]:
                assert client.answer(stream_id).body == LARGE
    assert notes.get_nowait() == (NAMES[name], ssl.SSLSocket, None)


def test_the_newest_version_is_preferred(tls_files: TLSFiles) -> None:
    with serving(handling(), tls_files.cert, tls_files.key) as server:
        tls = tls_files.client_context("spdy/2", "spdy/3", "spdy/3.1")
        with Client(port_of(server), tls=tls) as client:
            assert client.socket.selected_alpn_protocol() == "spdy/3.1"  # type: ignore[attr-defined]


def test_over_tls_a_version_is_the_only_one(tls_files: TLSFiles) -> None:
    files = (tls_files.cert, tls_files.key)
    with serving(handling(do_GET=ok()), *files, version=spdylay.PROTO_SPDY3) as server:
        tls = tls_files.client_context("spdy/3.1", "spdy/3")
        with Client(port_of(server), 3, tls=tls) as client:
            assert client.socket.selected_alpn_protocol() == "spdy/3"  # type: ignore[attr-defined]
            assert client.get().body == b"fine"


@pytest.mark.parametrize("names", [[], ["h2", "http/1.1"]])
def test_without_a_common_version_the_connection_ends(
    tls_files: TLSFiles, names: list[str]
) -> None:
    handler = handling()
    with serving(handler, tls_files.cert, tls_files.key) as server:
        tls = tls_files.client_context(*names)
        # some versions of OpenSSL end the handshake themselves
        with contextlib.suppress(ssl.SSLError), Client(port_of(server), tls=tls) as client:
            client.until_end()
            assert client.frames == []
        kind = logged(handler, "error")[1]
    assert issubclass(kind, OSError)


def test_a_handshake_that_fails_is_told_of(tls_files: TLSFiles) -> None:
    handler = handling(do_GET=ok())
    with serving(handler, tls_files.cert, tls_files.key) as server:
        with connected(server) as raw:
            raw.sendall(b"GET / HTTP/1.1\r\n\r\n")
            while raw.recv(1000):
                pass
        assert issubclass(logged(handler, "error")[1], ssl.SSLError)
        with Client(port_of(server), tls=tls_files.client_context("spdy/3.1")) as client:
            assert client.get().body == b"fine"


def test_handshakes_wait_for_nobody(tls_files: TLSFiles) -> None:
    """A peer that does not shake hands holds up no other, and is cut off in the end."""
    handler = handling(do_GET=ok())
    files = (tls_files.cert, tls_files.key)
    with serving(handler, *files) as server, connected(server) as silent:
        with Client(port_of(server), tls=tls_files.client_context("spdy/3.1")) as client:
            assert client.get().body == b"fine"
        server.handshake_timeout = 0.05
        with connected(server) as late:
            assert late.recv(1) == b""
        assert logged(handler, "error")[1] is TimeoutError
        server.shutdown()  # does not wait for the first one either
        assert silent.recv(1) == b""


def test_client_certificates(tls_files: TLSFiles, tmp_path: Path) -> None:
    client_files = make_client_certificate(tmp_path)
    context = tls_files.server_context()
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(client_files.cert)
    handler = handling(
        do_GET=lambda self: self.wfile.write(str(self.peer_certificate["subject"]).encode())
    )
    with serving(handler, ssl_context=context) as server:
        assert server.ctx is context
        tls = tls_files.client_context("spdy/3.1")
        with contextlib.suppress(OSError), Client(port_of(server), tls=tls) as client:
            client.until_end()
        assert issubclass(logged(handler, "error")[1], ssl.SSLError)
        tls.load_cert_chain(client_files.cert, client_files.key)
        with Client(port_of(server), tls=tls) as client:
            assert client.get().body == b"((('commonName', 'somebody'),),)"
