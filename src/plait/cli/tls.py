"""The TLS options: a certificate from files, or one made on the spot."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from plait.server.devcert import dev_ssl_context, secure_context

from .errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable


class _Encrypted(Exception):
    """The key asks for a password."""


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
    certificate = _read(certfile, "certificate")
    if b"CERTIFICATE-----" not in certificate:
        raise UserError(f"{certfile} holds no certificate in PEM format")
    if keyfile is None:
        if b"PRIVATE KEY-----" not in certificate:
            raise UserError(f"{certfile} holds no private key: give it with --keyfile")
    elif b"PRIVATE KEY-----" not in _read(keyfile, "key"):
        raise UserError(f"{keyfile} holds no private key in PEM format")
    context = secure_context()
    try:
        context.load_cert_chain(certfile, keyfile, password=_refuse)
    except _Encrypted:
        key = keyfile or certfile
        raise UserError(
            f"the key in {key} is encrypted: decrypt it first with openssl pkey -in {key}"
        ) from None
    except ssl.SSLError as error:
        raise UserError(_reason(error, certfile, keyfile or certfile)) from None
    except OSError as error:
        raise UserError(f"cannot read {certfile}: {error.strerror}") from None
    return context


def _read(path: str, what: str) -> bytes:
    try:
        with open(path, "rb") as file:
            # A chain is some thousands of octets; a device named by mistake must not be endless.
            return file.read(1 << 20)
    except OSError as error:
        raise UserError(f"cannot read the {what} {path}: {error.strerror}") from None


def _refuse() -> str:
    # Otherwise OpenSSL asks for the password at the terminal.
    raise _Encrypted


def _reason(error: ssl.SSLError, certfile: str, keyfile: str) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"the key in {keyfile} does not belong to the certificate in {certfile}"
    reason = (error.reason or str(error)).replace("_", " ").lower()
    return f"cannot use the certificate in {certfile} with the key in {keyfile}: {reason}"
