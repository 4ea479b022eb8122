"""TLS as RFC 9113 §9.2 wants it.

The context belongs to the caller and stays as it is, but for ALPN. What it lets pass is judged
when a handshake is over.
"""

from __future__ import annotations

import asyncio
import ssl as _ssl
from collections.abc import Sequence

# The parts of an OpenSSL cipher name (TLS 1.2) that make it an authenticated cipher with ephemeral
# keys; RFC 9113 Appendix A prohibits every other cipher suite of TLS 1.2.
_EPHEMERAL = ("ECDHE-", "DHE-")
_AUTHENTICATED = ("-GCM-", "-CCM", "CHACHA20-POLY1305")


def prepare_context(context: _ssl.SSLContext, protocols: Sequence[str] = ("h2",)) -> None:
    """Make ``context`` offer these protocols, and nothing else, by ALPN (RFC 9113 §3.2)."""
    context.set_alpn_protocols(protocols)


def negotiated_protocol(transport: asyncio.BaseTransport) -> str | None:
    """Return what ALPN agreed upon on a connection over TLS; ``None`` for nothing."""
    tls = transport.get_extra_info("ssl_object")
    return None if tls is None else tls.selected_alpn_protocol()


def weakness(transport: asyncio.BaseTransport) -> tuple[str, str] | None:
    """Return why a connection over TLS is not fit for HTTP/2, as a slug and in words."""
    tls = transport.get_extra_info("ssl_object")
    if tls is None:
        return None
    version = tls.version()
    if version == "TLSv1.3":
        return None
    # RFC 9113 §9.2: implementations MUST use TLS version 1.2 or higher.
    if version != "TLSv1.2":
        return "tls.version", f"{version} is too old for HTTP/2"
    cipher = tls.cipher()
    name = cipher[0] if cipher else "no cipher"
    # RFC 9113 §9.2.2: the prohibited cipher suites may be answered with INADEQUATE_SECURITY.
    if not is_fit_cipher(name):
        return "tls.cipher", f"{name} is prohibited for HTTP/2"
    return None


def is_fit_cipher(name: str) -> bool:
    """Whether a cipher suite of TLS 1.2, by OpenSSL's name, is not in RFC 9113 Appendix A."""
    return name.startswith(_EPHEMERAL) and any(part in name for part in _AUTHENTICATED)
