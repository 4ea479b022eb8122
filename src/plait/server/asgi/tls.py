"""What an application can learn of TLS: the ``tls`` extension (ASGI TLS 0.2)."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .types import TLSExtension

_VERSIONS = {"TLSv1": 0x0301, "TLSv1.1": 0x0302, "TLSv1.2": 0x0303, "TLSv1.3": 0x0304}

# RFC 4514 §3, for the names that OpenSSL gives. What has no short name there keeps OpenSSL's,
# which are the descriptors that are registered for LDAP.
_KEYWORDS = {
    "commonName": "CN",
    "localityName": "L",
    "stateOrProvinceName": "ST",
    "organizationName": "O",
    "organizationalUnitName": "OU",
    "countryName": "C",
    "streetAddress": "STREET",
    "domainComponent": "DC",
    "userId": "UID",
}
_ESCAPED = frozenset('"+,;<>\\')


def tls_extension(tls: ssl.SSLObject) -> TLSExtension:
    """Return the extension for one connection."""
    certificate = tls.getpeercert(binary_form=True)
    subject = (tls.getpeercert() or {}).get("subject", ()) if certificate else ()
    cipher = tls.cipher()
    return {
        # whoever makes the contexts knows it; a plain `ssl.SSLContext` does not tell
        "server_cert": getattr(tls.context, "certificate_pem", None),
        "client_cert_chain": _chain(tls, certificate),
        "client_cert_name": distinguished_name(subject) if certificate else None,
        "client_cert_error": None,
        "tls_version": _VERSIONS.get(tls.version() or ""),
        "cipher_suite": None if cipher is None else _suite(tls.context, cipher[0]),
    }


def _chain(tls: Any, certificate: bytes | None) -> list[str]:
    """Return the client's certificates as PEM."""
    if not certificate:
        return []
    chain = [certificate]
    if hasattr(tls, "get_unverified_chain"):  # Python 3.13: what the client sent
        chain = tls.get_unverified_chain() or chain
    return [ssl.DER_cert_to_PEM_cert(octets) for octets in chain]


def _suite(context: ssl.SSLContext, name: str) -> int | None:
    """Return the number of a cipher suite: the low half of OpenSSL's."""
    for known in context.get_ciphers():
        if known["name"] == name:
            return int(known["id"]) & 0xFFFF
    return None


def distinguished_name(subject: Any) -> str:
    """Write a subject, as ``getpeercert`` gives it, as RFC 4514 says: the last part first."""
    parts = []
    for relative in reversed(subject):
        pairs = [f"{_KEYWORDS.get(kind, kind)}={_escaped(value)}" for kind, value in relative]
        parts.append("+".join(pairs))
    return ",".join(parts)


def _escaped(value: str) -> str:
    """Escape what has a meaning in a name (RFC 4514 §2.4)."""
    out = []
    for at, character in enumerate(value):
        if character == "\0":
            out.append("\\00")
            continue
        first, last = at == 0, at == len(value) - 1
        special = character in _ESCAPED or (character == "#" and first)
        if special or (character == " " and (first or last)):
            out.append("\\")
        out.append(character)
    return "".join(out)
