"""The certificates of a process: files that are looked after, or one made on the spot."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.server.certificates import CertificateFileError, Certificates
from plait.server.devcert import dev_ssl_context

from .errors import UserError

if TYPE_CHECKING:
    import ssl

    from .settings import Settings


class Identity:
    """What a server shows of itself.

    :param context: serve with this; otherwise with the settings' certificates, if there are any.
    :ivar context: for the server; ``None`` for clear text.
    :raises UserError: if a certificate cannot be used.
    """

    def __init__(self, settings: Settings, context: ssl.SSLContext | None = None) -> None:
        self._certificates = None if context is not None else load_certificates(settings)
        if self._certificates is not None:
            context = self._certificates.context
        self.context = context

    def watch(self) -> None:
        """Reload files that change, from now on. In a running event loop."""
        if self._certificates is not None:
            self._certificates.watch()

    def reload(self) -> bool:
        """Read the files again; whether there are any."""
        if self._certificates is None:
            return False
        self._certificates.reload()
        return True

    def close(self) -> None:
        """Look after the files no more."""
        if self._certificates is not None:
            self._certificates.close()


def load_certificates(settings: Settings) -> Certificates | None:
    """Return the certificates that are in files; raises `UserError`."""
    if not settings.certificates:
        if settings.client_ca is not None or settings.client_cert is not None:
            raise UserError("client certificates need TLS: give a certificate with --certfile")
        return None
    if settings.dev_cert:
        raise UserError("--dev-cert makes a certificate: leave out --certfile and --keyfile")
    if settings.client_cert is not None and settings.client_ca is None:
        raise UserError("--client-cert needs the authorities: give a file with --client-ca")
    wanted = settings.client_cert or "required"
    try:
        return Certificates(
            [(each.certfile, each.keyfile) for each in settings.certificates],
            client_ca=settings.client_ca,
            client_certificates=None if settings.client_ca is None else wanted,  # type: ignore[arg-type]
        )
    except CertificateFileError as error:
        told = str(error).replace("name the key's file too", "give it with --keyfile")
        raise UserError(told) from None


def development_context(settings: Settings) -> ssl.SSLContext | None:
    """Return a context with a certificate made now, if one is wanted; raises `UserError`."""
    if not settings.dev_cert:
        return None
    if settings.certificates:
        raise UserError("--dev-cert makes a certificate: leave out --certfile and --keyfile")
    hosts = [bind.host for bind in settings.binds if bind.host]
    try:
        return dev_ssl_context(hosts)
    except (ModuleNotFoundError, ValueError) as error:
        raise UserError(str(error)) from None
