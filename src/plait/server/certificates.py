"""Certificates from files: chosen by the name that a client asks for, replaced while running.

A server is given one context, the *front*, which has no certificate that matters. When a client
says hello, the front hands the connection over to the context of the right certificate (SNI,
RFC 6066 §3). Which contexts there are may change between two handshakes; so new files can take the
place of old ones, and a connection keeps the certificate that it began with.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Literal, Self

from .certificate_names import dns_names, first_certificate, validity
from .devcert import secure_context

Path = str | os.PathLike[str]
Pair = Path | tuple[Path, Path | None]
"""A PEM file with a certificate, its chain and its key, or ``(certfile, keyfile)``."""

ClientCertificates = Literal["none", "optional", "required"]

_VERIFY = {
    "none": ssl.CERT_NONE,
    "optional": ssl.CERT_OPTIONAL,
    "required": ssl.CERT_REQUIRED,
}

# A chain is some thousands of octets, a list of authorities some hundred thousand; a device named
# by mistake must not be endless.
_LARGEST = 1 << 20

# What tells one version of a file from another; None for a file that is not there.
_Version = tuple[int, int, int, int] | None


class CertificateFileError(ValueError):
    """A file is missing, or does not hold what it should. One line says which and why."""


class _EncryptedKeyError(Exception):
    """The key asks for a password."""


class Certificates:
    """Certificates of a server, each with its key, and what it asks of its clients.

    Give ``context`` to one server, or to several; what the server offers by ALPN goes for all
    certificates. Then either call ``reload`` when files have changed, or let them be watched::

        certificates = Certificates([("a.pem", "a.key"), ("b.pem", "b.key")])
        server = ApplicationServer(("", 443), host, ssl=certificates.context)
        certificates.watch()  # in the event loop; until close()

    The first certificate is also for clients that name no host, or one that no certificate is for.
    A name in a certificate counts for the host of that name, a wildcard for those one label below.

    With client certificates there are no session tickets: they would let in again a client whose
    authority has been taken from the list.

    :param pairs: ``(certfile, keyfile)`` each, or the path of a file that holds both.
    :param client_ca: PEM file of the authorities that clients' certificates must come from.
    :param client_certificates: ``"required"``, ``"optional"`` or ``"none"``; by default required
        where there is a ``client_ca``.
    :param interval: seconds between two looks at the files; they are read when they have been the
        same in two looks, so that a chain is not met without its new key.
    :param logger: for what is reloaded, at INFO, and what cannot be, at ERROR; ``plait.server``.
    :ivar context: the context to serve with.
    :raises CertificateFileError: a ``ValueError``, if a file cannot be used.
    :raises ValueError: for no pair at all, and for client certificates without authorities.
    """

    def __init__(
        self,
        pairs: Sequence[Pair],
        *,
        client_ca: Path | None = None,
        client_certificates: ClientCertificates | None = None,
        interval: float = 2.0,
        logger: logging.Logger | None = None,
    ) -> None:
        self._pairs = [_split(pair) for pair in pairs]
        if not self._pairs:
            raise ValueError("TLS needs a certificate")
        if client_certificates is None:
            client_certificates = "none" if client_ca is None else "required"
        if client_certificates not in _VERIFY:
            wanted = ", ".join(_VERIFY)
            raise ValueError(f"client certificates are one of {wanted}: {client_certificates!r}")
        if (client_ca is None) != (client_certificates == "none"):
            raise ValueError("client certificates need a file of authorities, and the other way")
        if not interval > 0:
            raise ValueError(f"the interval must be more than 0 seconds, not {interval}")
        self._client_ca = None if client_ca is None else os.fspath(client_ca)
        self._verify_mode = _VERIFY[client_certificates]
        self._interval = interval
        self._log = logging.getLogger("plait.server") if logger is None else logger
        self._alpn: list[str] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._loaded = self._seen = self._versions()
        self._faults: list[str] = []
        self._default, self._by_name = self._load()
        front = secure_context(_Front)
        self._set_up(front)
        assert isinstance(front, _Front)
        front.certificates = self
        front.sni_callback = self._choose
        self.context: ssl.SSLContext = front

    # --- what it is -----------------------------------------------------------------------------

    @property
    def names(self) -> list[str]:
        """The names that there are certificates for, in order; ``*.example.org`` is a wildcard."""
        return list(self._by_name)

    def context_for(self, name: str | None) -> ssl.SSLContext:
        """Return the context of the certificate for a host.

        :param name: as clients send it; ``None`` for a client that names none.
        """
        if name is None:
            return self._default
        name = name.lower().rstrip(".")
        found = self._by_name.get(name)
        if found is None:
            # RFC 6125 §6.4.3: a wildcard stands for one whole label.
            found = self._by_name.get("*." + name.partition(".")[2])
        return self._default if found is None else found

    def untimely(self) -> list[str]:
        """Return a line for each certificate whose time is over, or has not come."""
        return [
            f"the certificate in {certfile} {fault}"
            for (certfile, _), fault in zip(self._pairs, self._faults, strict=True)
            if fault
        ]

    # --- reloading ------------------------------------------------------------------------------

    def reload(self) -> bool:
        """Read all files again, for the handshakes to come; whether that went well.

        If one of the files cannot be used everything stays as it was, and an error is logged.
        """
        self._loaded = self._seen = self._versions()
        try:
            loaded = self._load()
        except CertificateFileError as error:
            self._log.error("certificates not reloaded, the old ones stay: %s", error)
            return False
        self._default, self._by_name = loaded
        self._log.info("certificates reloaded, for: %s", ", ".join(self._by_name) or "any host")
        for line in self.untimely():
            self._log.warning("%s", line)
        return True

    def watch(self) -> None:
        """Look at the files every ``interval`` seconds from now on. In a running event loop."""
        if self._timer is None:
            self._loop = asyncio.get_running_loop()
            self._timer = self._loop.call_later(self._interval, self._look)

    def close(self) -> None:
        """Stop looking at the files."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def __enter__(self) -> Self:
        self.watch()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _look(self) -> None:
        """Reload files that have changed, once they change no more."""
        self._timer = None
        self.watch()
        versions = self._versions()
        settled = versions == self._seen
        self._seen = versions
        if settled and versions != self._loaded:
            self.reload()

    def _versions(self) -> list[_Version]:
        files = [file for pair in self._pairs for file in pair if file is not None]
        if self._client_ca is not None:
            files.append(self._client_ca)
        return [_version(file) for file in files]

    # --- contexts -------------------------------------------------------------------------------

    def _load(self) -> tuple[ssl.SSLContext, dict[str, ssl.SSLContext]]:
        """Make a context of each pair; return the default, and all by the names they are for."""
        authorities = None if self._client_ca is None else read_authorities(self._client_ca)
        contexts: list[_Certified] = []
        by_name: dict[str, ssl.SSLContext] = {}
        for certfile, keyfile in self._pairs:
            context = secure_context(_Certified)
            assert isinstance(context, _Certified)
            names = load_pair(context, certfile, keyfile)
            if authorities is not None:
                context.load_verify_locations(cadata=authorities)
            self._set_up(context)
            contexts.append(context)
            for name in names:
                # the first certificate for a name is the one
                by_name.setdefault(name, context)
        self._faults = [_untimely(context.certificate_pem) for context in contexts]
        return contexts[0], by_name

    def _set_up(self, context: ssl.SSLContext) -> None:
        """Make what the certificates have in common true of a context."""
        context.verify_mode = self._verify_mode
        if self._verify_mode != ssl.CERT_NONE:
            context.num_tickets = 0
            context.options |= ssl.OP_NO_TICKET
        if self._alpn:
            context.set_alpn_protocols(self._alpn)

    def _choose(
        self,
        tls: ssl.SSLSocket | ssl.SSLObject,
        name: str | None,
        front: ssl.SSLContext,  # noqa: ARG002 - ssl calls it
    ) -> None:
        """A client says which host it wants."""
        tls.context = self.context_for(name)

    def offer(self, protocols: Sequence[str]) -> None:
        """Offer these protocols by ALPN from now on; servers call it through their context."""
        self._alpn = list(protocols)
        for context in {self._default, *self._by_name.values()}:
            context.set_alpn_protocols(self._alpn)


# --- single files -------------------------------------------------------------------------------


class _Certified(ssl.SSLContext):
    """The context of one certificate, which ``getpeercert`` does not show to its own side.

    :ivar certificate_pem: the certificate, without its chain.
    """

    certificate_pem = ""


def load_pair(context: ssl.SSLContext, certfile: Path, keyfile: Path | None = None) -> list[str]:
    """Load a certificate and its key into a context, and return the DNS names it is for.

    :param keyfile: where the key is, if not in the same file.
    :raises CertificateFileError: if they cannot be used.
    """
    certfile = os.fspath(certfile)
    keyfile = None if keyfile is None else os.fspath(keyfile)
    pem = _read(certfile, "certificate")
    if "CERTIFICATE-----" not in pem:
        raise CertificateFileError(f"{certfile} holds no certificate in PEM format")
    if keyfile is None:
        if "PRIVATE KEY-----" not in pem:
            raise CertificateFileError(f"{certfile} holds no private key: name the key's file too")
    elif "PRIVATE KEY-----" not in _read(keyfile, "key"):
        raise CertificateFileError(f"{keyfile} holds no private key in PEM format")
    try:
        context.load_cert_chain(certfile, keyfile, password=_refuse)
        der = first_certificate(pem)
        if isinstance(context, _Certified):
            context.certificate_pem = ssl.DER_cert_to_PEM_cert(der)
        return dns_names(der)
    except _EncryptedKeyError:
        key = keyfile or certfile
        raise CertificateFileError(
            f"the key in {key} is encrypted: decrypt it first with openssl pkey -in {key}"
        ) from None
    except ssl.SSLError as error:
        raise CertificateFileError(_reason(error, certfile, keyfile or certfile)) from None
    except OSError as error:
        raise CertificateFileError(f"cannot read {certfile}: {error.strerror}") from None
    except ValueError as error:
        raise CertificateFileError(f"cannot use the certificate in {certfile}: {error}") from None


def read_authorities(path: Path) -> str:
    """Return the authorities in a PEM file, as ``load_verify_locations(cadata=...)`` takes them.

    :raises CertificateFileError: if it cannot be read, or holds none.
    """
    path = os.fspath(path)
    pem = _read(path, "authorities' certificates")
    probe = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    reason = ""
    try:
        probe.load_verify_locations(cadata=pem)
    except (ssl.SSLError, ValueError) as error:
        reason = f": {_words(error)}" if "CERTIFICATE-----" in pem else ""
    if reason or not probe.cert_store_stats()["x509"]:
        raise CertificateFileError(f"{path} holds no certificates of authorities{reason}")
    return pem


def _untimely(pem: str) -> str:
    """Return what is wrong with the time of a certificate; nothing for one that is valid now."""
    try:
        begin, end = validity(ssl.PEM_cert_to_DER_cert(pem))
    except ValueError:
        return ""  # OpenSSL has taken it: its clients will say what they think of it
    now = datetime.now(UTC)
    if now > end:
        return f"has expired on {end:%Y-%m-%d %H:%M} UTC"
    return "" if begin <= now else f"is not valid before {begin:%Y-%m-%d %H:%M} UTC"


def _split(pair: Pair) -> tuple[str, str | None]:
    if not isinstance(pair, tuple):
        return os.fspath(pair), None
    certfile, keyfile = pair
    return os.fspath(certfile), None if keyfile is None else os.fspath(keyfile)


def _version(path: str) -> _Version:
    """Return what tells this version of a file from the next, even if it only comes by a link."""
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _read(path: str, what: str) -> str:
    try:
        with open(path, "rb") as file:
            # what is not ASCII stands outside of what we look for
            return file.read(_LARGEST).decode("ascii", "ignore")
    except OSError as error:
        raise CertificateFileError(f"cannot read the {what} {path}: {error.strerror}") from None


def _refuse() -> str:
    # Otherwise OpenSSL asks for the password at the terminal.
    raise _EncryptedKeyError


def _reason(error: ssl.SSLError, certfile: str, keyfile: str) -> str:
    if error.reason == "KEY_VALUES_MISMATCH":
        return f"the key in {keyfile} does not belong to the certificate in {certfile}"
    return f"cannot use the certificate in {certfile} with the key in {keyfile}: {_words(error)}"


def _words(error: Exception) -> str:
    """Return OpenSSL's reason, as words."""
    reason = getattr(error, "reason", None) or str(error)
    return str(reason).replace("_", " ").lower()


class _Front(ssl.SSLContext):
    """The context that servers have: what they set by ALPN goes for every certificate."""

    certificates: Certificates | None = None

    def set_alpn_protocols(self, alpn_protocols: Any) -> None:
        super().set_alpn_protocols(alpn_protocols)
        if self.certificates is not None:
            self.certificates.offer(list(alpn_protocols))
