"""The certificate made on the spot: what is in it, and that a client can be told to trust it."""

from __future__ import annotations

import datetime
import os
import ssl
import stat
import subprocess
import sys
import tempfile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from plait.server import devcert


def names_in(cert_pem):
    extension = x509.load_pem_x509_certificate(cert_pem).extensions
    names = extension.get_extension_for_class(x509.SubjectAlternativeName).value
    return [str(name.value) for name in names]


def shake_hands(server_context, client_context, host):
    """A TLS handshake in memory; returns the client's side."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server, server_hostname=host)
    waiting = [client, server]
    for _ in range(10):
        for side in list(waiting):
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            waiting.remove(side)
        if not waiting:
            return client
    raise AssertionError("the handshake did not end")


def test_it_names_this_machine_and_the_hosts_asked_for():
    cert, _ = devcert.make_dev_certificate(
        ["192.0.2.7", "Box.Example", "localhost", "bücher.example"]
    )
    names = names_in(cert)
    for name in ("localhost", "127.0.0.1", "::1", "192.0.2.7", "box.example"):
        assert names.count(name) == 1
    assert "xn--bcher-kva.example" in names


def test_the_host_name_of_the_machine_is_in_it(monkeypatch):
    monkeypatch.setattr(devcert.socket, "gethostname", lambda: "workbench")
    assert "workbench" in names_in(devcert.make_dev_certificate()[0])


@pytest.mark.parametrize("hostname", ["", "x" * 64, "a..b"])
def test_a_host_name_that_fits_no_certificate_is_left_out(monkeypatch, hostname):
    monkeypatch.setattr(devcert.socket, "gethostname", lambda: hostname)
    assert names_in(devcert.make_dev_certificate()[0]) == ["localhost", "127.0.0.1", "::1"]


def test_a_host_that_is_none_is_an_error():
    with pytest.raises(ValueError, match="neither a host name nor an IP address"):
        devcert.make_dev_certificate(["a..b"])


def test_key_and_dates():
    cert_pem, key_pem = devcert.make_dev_certificate(days=3)
    certificate = x509.load_pem_x509_certificate(cert_pem)
    key = serialization.load_pem_private_key(key_pem, password=None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    assert key.curve.name == "secp256r1"
    assert key.public_key() == certificate.public_key()
    now = datetime.datetime.now(datetime.UTC)
    assert certificate.not_valid_before_utc < now
    left = certificate.not_valid_after_utc - now
    assert datetime.timedelta(days=2, hours=23) < left <= datetime.timedelta(days=3)
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.value.ca is False


def test_each_certificate_is_another():
    assert devcert.make_dev_certificate() != devcert.make_dev_certificate()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "box.example"])
def test_a_client_that_trusts_it_is_satisfied_even_if_strict(monkeypatch, host):
    pair = devcert.make_dev_certificate(["box.example"])
    monkeypatch.setattr(devcert, "make_dev_certificate", lambda hosts: pair)
    client_context = ssl.create_default_context(cadata=pair[0].decode())
    client_context.verify_flags |= ssl.VERIFY_X509_STRICT
    client = shake_hands(devcert.dev_ssl_context(), client_context, host)
    assert client.version() == "TLSv1.3"


@pytest.mark.parametrize(
    ("limit", "version"), [(ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")]
)
def test_tls_1_2_gets_a_suite_that_http2_allows(limit, version):
    client_context = ssl.create_default_context()
    client_context.check_hostname = False
    client_context.verify_mode = ssl.CERT_NONE
    client_context.maximum_version = limit
    client = shake_hands(devcert.dev_ssl_context(), client_context, None)
    assert client.version() == version
    suite = client.cipher()[0]
    assert "GCM" in suite or "CHACHA20" in suite
    if version == "TLSv1.2":
        assert suite.startswith("ECDHE-")


def test_the_key_is_never_readable_by_others_and_leaves_no_file(monkeypatch, tmp_path):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    modes = []

    class Watching(ssl.SSLContext):
        def load_cert_chain(self, certfile, *rest):
            modes.append(stat.S_IMODE(os.stat(certfile).st_mode))
            super().load_cert_chain(certfile, *rest)

    monkeypatch.setattr(devcert, "secure_context", lambda: Watching(ssl.PROTOCOL_TLS_SERVER))
    old_mask = os.umask(0)
    try:
        devcert.dev_ssl_context()
    finally:
        os.umask(old_mask)
    assert modes == [0o600]
    assert list(tmp_path.iterdir()) == []


def test_without_cryptography_the_error_says_what_to_install():
    code = (
        "import sys; sys.modules['cryptography'] = None\n"
        "from plait.server.devcert import dev_ssl_context\n"
        "try: dev_ssl_context()\n"
        "except ModuleNotFoundError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.count("\n") == 1
    assert "pip install 'plait[cli]'" in done.stdout
