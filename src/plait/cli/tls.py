"""The TLS options: a certificate from files, or one made on the spot."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from plait.process.errors import UserError
from plait.server.certificates import CertificateFileError, load_pair
from plait.server.devcert import dev_ssl_context, secure_context

if TYPE_CHECKING:
    from collections.abc import Iterable


def context_from_options(
    certfile: str | None, keyfile: str | None, *, dev_cert: bool, hosts: Iterable[str]
) -> ssl.SSLContext | None:
    """Return the context that the options ask for, `None` for cleartext; raises `UserError`."""
    if dev_cert:
        if certfile is not None or keyfile is not None:
            raise UserError("--dev-cert makes a certificate: leave out --certfile and --keyfile")
        return _development(hosts)
    if certfile is not None:
        return _from_files(certfile, keyfile)
    if keyfile is not None:
        raise UserError("--keyfile needs the certificate too: give it with --certfile")
    return None


def _development(hosts: Iterable[str]) -> ssl.SSLContext:
    try:
        return dev_ssl_context(hosts)
    except (ModuleNotFoundError, ValueError) as error:
        raise UserError(str(error)) from None


def _from_files(certfile: str, keyfile: str | None) -> ssl.SSLContext:
    context = secure_context()
    try:
        load_pair(context, certfile, keyfile)
    except CertificateFileError as error:
        raise UserError(str(error)) from None
    return context
