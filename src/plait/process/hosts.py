"""The host for an application, and the server for a host."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from plait.server import HTTP2Server

from .errors import UserError

if TYPE_CHECKING:
    import ssl

    from plait.server.host import Host
    from plait.server.proxies import TrustedProxies

    from .application import Application
    from .settings import Settings

# Seconds for calls of an application that still run when the last connection is closed.
_PATIENCE = 3.0


def host_for(application: Application, settings: Settings) -> Host:
    """Return the host that calls an application; raises `UserError`."""
    if application.interface == "wsgi":
        from plait.server.wsgi import WSGIHost

        some: dict[str, Any] = {}
        if settings.threads is not None:
            some["threads"] = settings.threads
        try:
            return WSGIHost(
                application.object,
                root_path=settings.root_path,
                multiprocess=(settings.workers or 1) > 1,
                shutdown_timeout=_PATIENCE,
                **some,
            )
        except ValueError as error:
            raise UserError(_by_option(error)) from None
    from plait.server.asgi import ASGIHost

    try:
        return ASGIHost(
            application.object,
            lifespan=settings.lifespan,
            root_path=settings.root_path,
            patience=_PATIENCE,
            websocket=settings.websocket,
        )
    except ValueError as error:
        raise UserError(_by_option(error)) from None


def _by_option(error: ValueError) -> str:
    """Return what a host does not like, by the name that it has for the user."""
    return str(error).replace("root_path", "--root-path")


def application_server(
    sockets: list[Any],
    host: Host,
    context: ssl.SSLContext | None,
    settings: Settings,
    **options: Any,
) -> HTTP2Server:
    """Return the server for a host; raises `UserError`."""
    from plait.server.app_server import ApplicationServer

    proxies = trusted_proxies(settings)
    return ApplicationServer(
        sockets,
        host,
        ssl=context,
        http1=settings.http1,
        h2c_upgrade=settings.h2c_upgrade,
        proxies=proxies,
        preface=proxies.preface if proxies is not None and settings.proxy_protocol else None,
        **options,
    )


def trusted_proxies(settings: Settings) -> TrustedProxies | None:
    """Return whom to believe about clients, if there is somebody; raises `UserError`."""
    if not settings.proxies:
        if settings.proxy_protocol:
            raise UserError("--proxy-protocol needs to know whose word counts: give --proxies")
        if settings.proxy_fields:
            raise UserError("--proxy-fields needs to know whose word counts: give --proxies")
        return None
    from plait.server.proxies import FIELDS, TrustedProxies

    try:
        TrustedProxies(settings.proxies)
    except ValueError as error:
        raise UserError(f"--proxies: {error}") from None
    try:
        return TrustedProxies(settings.proxies, fields=settings.proxy_fields or FIELDS)
    except ValueError as error:
        raise UserError(f"--proxy-fields: {error}") from None


def speaks_http1(settings: Settings) -> bool:
    """Whether applications are served in HTTP/1.1 too."""
    if settings.http1 is None:
        return find_spec("httptools") is not None
    return settings.http1


def aside_server(host: Host, sockets: list[Any]) -> HTTP2Server:
    """Return a server in clear text for answers about the one that serves."""
    from plait.server.app_server import ApplicationServer

    return ApplicationServer(sockets, host)


def check_extras(settings: Settings) -> None:
    """See that what the settings need is installed; raises `UserError`."""
    if settings.reload:
        _need("watchfiles", "--reload", "reload")
    if settings.metrics is not None:
        _need("prometheus_client", "--metrics", "metrics")
    if settings.http1:
        _need("httptools", "--http1", "http1")


def _need(package: str, what: str, extra: str) -> None:
    try:
        found = find_spec(package) is not None
    except ValueError:
        found = False  # somebody has put None for it into sys.modules
    if not found:
        name = package.replace("_", "-")
        raise UserError(f"{what} needs {name}: pip install 'plait[{extra}]'")
