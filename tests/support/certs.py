"""A throwaway certificate for the tests that speak TLS."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True)
class TLSFiles:
    """A certificate for localhost, 127.0.0.1 and ::1, and its key, as PEM files."""

    cert: Path
    key: Path

    def server_context(self, *alpn: str) -> ssl.SSLContext:
        """A context that presents the certificate, offering the named protocols if any."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context

    def client_context(self, *alpn: str) -> ssl.SSLContext:
        """A context that trusts only this certificate, asking for the named protocols if any."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_verify_locations(self.cert)
        if alpn:
            context.set_alpn_protocols(list(alpn))
        return context


def make_certificate(folder: Path) -> TLSFiles:
    """Writes `cert.pem` and `key.pem` into `folder`: a server's certificate."""
    names = [
        x509.DNSName("localhost"),
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")),
        x509.IPAddress(ipaddress.ip_address("::1")),
    ]
    return self_signed(
        folder,
        "localhost",
        x509.SubjectAlternativeName(names),
        x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]),
    )


def make_client_certificate(folder: Path) -> TLSFiles:
    """Writes the same for a client whose name is "somebody"."""
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    return self_signed(folder, "somebody", usage)


def self_signed(
    folder: Path, common_name: str, *extensions: x509.ExtensionType, age: int = 0
) -> TLSFiles:
    """Writes a certificate that has signed itself, and its key; `age` is in days."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    now = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=age)
    builder = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=2))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    certificate = builder.sign(key, hashes.SHA256())
    pem = serialization.Encoding.PEM
    files = TLSFiles(folder / "cert.pem", folder / "key.pem")
    files.cert.write_bytes(certificate.public_bytes(pem))
    files.key.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return files
