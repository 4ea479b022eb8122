"""A certificate made on the spot, for development.

Browsers speak HTTP/2 only over TLS, so trying it out needs a certificate. This one is signed by
itself: a client has to be told to accept it. It is valid for some days and exists only in memory.
Needs the package `cryptography` (`pip install 'plait[cli]'`), imported when it is needed.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import socket
import ssl
import tempfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cryptography import x509

LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")
VALID_DAYS = 14

# "Deployments of HTTP/2 that use TLS 1.2 MUST disable compression [and] renegotiation", and should
# not use the cipher suites of RFC 9113, Appendix A: what remains is ephemeral and authenticated.
_TLS12_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20"


def secure_context(kind: type[ssl.SSLContext] = ssl.SSLContext) -> ssl.SSLContext:
    """Return a server's TLS context as RFC 9113 §9.2 wants it, still without a certificate.

    :param kind: the class to make it of.
    """
    context = kind(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(_TLS12_CIPHERS)
    return context


def dev_ssl_context(hosts: Iterable[str] = ()) -> ssl.SSLContext:
    """Return a server's TLS context with a certificate made now; see `make_dev_certificate`."""
    cert_pem, key_pem = make_dev_certificate(hosts)
    context = secure_context()
    # OpenSSL, as Python has it, loads from files only. This one is readable by its owner alone
    # (mode 0600 from the start) and gone when the block ends.
    with tempfile.NamedTemporaryFile(prefix="plait-", suffix=".pem") as file:
        file.write(key_pem + cert_pem)
        file.flush()
        context.load_cert_chain(file.name)
    return context


def make_dev_certificate(
    hosts: Iterable[str] = (), *, days: int = VALID_DAYS
) -> tuple[bytes, bytes]:
    """Make a self-signed certificate and its key, and return both in PEM.

    It names `localhost`, 127.0.0.1, ::1 and this machine's host name. The key is ECDSA on P-256.

    :param hosts: more host names and IP addresses to name.
    :param days: how long it is valid from now on; it is valid since an hour ago.
    :raises ModuleNotFoundError: with a message for the user, if `cryptography` is not installed.
    :raises ValueError: for a host that is neither an address nor a name.
    """
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives import hashes, serialization
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
    except ModuleNotFoundError:
        message = "a development certificate needs cryptography: pip install 'plait[cli]'"
        raise ModuleNotFoundError(message, name="cryptography") from None
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "plait development certificate")])
    now = datetime.datetime.now(datetime.UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        # An hour back, for clients whose clock is behind.
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=days))
    )
    public_key_id = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    server_auth = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    # No authority: whoever trusts this certificate trusts it for these names and nothing else.
    not_an_authority = x509.BasicConstraints(ca=False, path_length=None)
    certificate = (
        builder.add_extension(x509.SubjectAlternativeName(_names(hosts)), critical=False)
        .add_extension(not_an_authority, critical=True)
        .add_extension(_signing_only(), critical=True)
        .add_extension(server_auth, critical=False)
        .add_extension(public_key_id, critical=False)
        .sign(key, hashes.SHA256())
    )
    key_pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return certificate.public_bytes(serialization.Encoding.PEM), key_pem


def _signing_only() -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=False,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )


def _names(hosts: Iterable[str]) -> list[x509.GeneralName]:
    names = [_general_name(host) for host in (*LOCAL_HOSTS, *hosts)]
    # Some machines have a host name that no certificate can hold.
    with contextlib.suppress(ValueError):
        names.append(_general_name(socket.gethostname()))
    return list(dict.fromkeys(names))


def _general_name(host: str) -> x509.GeneralName:
    from cryptography import x509

    with contextlib.suppress(ValueError):
        return x509.IPAddress(ipaddress.ip_address(host.partition("%")[0]))
    try:
        ascii_name = host.encode("idna").decode("ascii").lower()
    except UnicodeError:
        ascii_name = ""
    if not ascii_name:
        raise ValueError(f"neither a host name nor an IP address: {host!r}")
    return x509.DNSName(ascii_name)
