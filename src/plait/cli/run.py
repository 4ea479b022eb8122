"""`plait run`: an application served, by one process or by workers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import click

from plait.process import Bind, Certificate, Settings, UserError, check, parse_bind, run
from plait.server import TimeLimits
from plait.server.websocket import WebSocketOptions

from .config import Options, options_of
from .options import (
    LIMITS,
    F,
    WholeNumber,
    bind_option,
    certificate_paths,
    configure_logging,
    running_options,
    seconds_option,
    with_options,
)
from .running import say


def _number_option(
    name: str,
    text: str,
    default: int | None = None,
    unit: str = "NUMBER",
    most: int | None = None,
) -> Callable[[F], F]:
    least = 0 if default == 0 else 1
    return click.option(
        name,
        type=WholeNumber(least, most),
        default=default,
        show_default=default is not None,
        metavar=unit,
        help=text,
    )


def _address(ctx: click.Context, param: click.Parameter, text: str | None) -> Bind | None:
    if text is None:
        return None
    try:
        return parse_bind(text)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


_APPLICATION = (
    click.option(
        "--interface",
        type=click.Choice(("auto", "asgi", "wsgi", "handler")),
        default="auto",
        show_default=True,
        help="How the application is called.",
    ),
    click.option("--factory", is_flag=True, help="OBJECT is a function that returns it."),
    click.option("--app-dir", metavar="DIR", help="Where MODULE is looked for first; here."),
    click.option(
        "--lifespan",
        type=click.Choice(("auto", "on", "off")),
        default="auto",
        show_default=True,
        help="Whether an ASGI application is told of beginning and end.",
    ),
    click.option("--root-path", default="", metavar="PATH", help="Where it is mounted."),
    _number_option("--threads", "That a WSGI application runs in.", most=10_000),
)
_PROCESSES = (
    _number_option("--workers", "Processes that serve; without it this one does."),
    _number_option("--max-requests", "Replace a worker after about so many."),
    _number_option("--max-requests-jitter", "And up to so many more, at random.", 0),
    click.option(
        "--max-memory",
        type=WholeNumber(1),
        metavar="MIB",
        help="Replace a worker that has more resident memory.",
    ),
    seconds_option("--shutdown-delay", 0, "How long to go on accepting after SIGTERM."),
    click.option("--reload", is_flag=True, help="Begin afresh when its files change."),
    click.option("--reload-dir", "reload_dirs", multiple=True, metavar="DIR", help="Watch DIR."),
    click.option(
        "--reload-include", multiple=True, metavar="PATTERN", help="Files that count; *.py."
    ),
    click.option(
        "--reload-exclude", multiple=True, metavar="PATTERN", help="Files that do not count."
    ),
)
_PROTOCOLS = (
    click.option(
        "--http1/--no-http1",
        default=None,
        help="Speak HTTP/1.1 too; by default where httptools is installed.",
    ),
    click.option("--h2c-upgrade", is_flag=True, help="From HTTP/1.1 to h2c by Upgrade."),
)
_WEBSOCKETS = (
    _number_option("--ws-max-size", "Of a WebSocket message.", 16_777_216, "OCTETS"),
    _number_option("--ws-max-queue", "Of messages that wait.", 65_536, "OCTETS"),
    _number_option("--ws-max-fragments", "Frames of a message.", 16_384),
    _number_option("--ws-max-control-frames", "Pings and pongs in ten seconds.", 500),
    seconds_option("--ws-ping-interval", 20, "Between pings of a WebSocket; 0 for none."),
    seconds_option("--ws-ping-timeout", 20, "Until a pong must come; 0 for never."),
    seconds_option("--ws-close-timeout", 10, "Until the client must close too.", least=1),
    click.option(
        "--ws-compression/--no-ws-compression",
        default=None,
        help="Agree to permessage-deflate; it is done by default.",
    ),
    click.option(
        "--ws-window-bits",
        type=WholeNumber(9, 15),
        default=12,
        show_default=True,
        metavar="BITS",
        help="Of the window to compress in.",
    ),
    click.option(
        "--ws-context-takeover/--no-ws-context-takeover",
        default=None,
        help="Compress with what the message before taught; it is done by default.",
    ),
)
_TLS = (
    click.option("--client-ca", metavar="FILE", help="Authorities of client certificates, in PEM."),
    click.option(
        "--client-cert",
        type=click.Choice(("optional", "required")),
        help="Whether clients need one; with --client-ca they do.",
    ),
)
_EDGE = (
    click.option(
        "--proxies",
        multiple=True,
        metavar="ADDRESS",
        help="A proxy, or a network of them, whose word about clients is believed; "
        "unix for any on a Unix socket. May be repeated.",
    ),
    click.option(
        "--proxy-fields",
        multiple=True,
        metavar="FIELD",
        help="A header field in which it is believed; Forwarded and four X-Forwarded-* by "
        "default. May be repeated.",
    ),
    click.option("--proxy-protocol", is_flag=True, help="They send a PROXY header first."),
    click.option("--health", metavar="PATH", help="A path that tells whether it serves."),
    click.option(
        "--health-bind", callback=_address, metavar="ADDRESS", help="An address that tells it."
    ),
)
_OBSERVING = (
    click.option(
        "--access-log", metavar="FILE", help="A line about each request; - for standard output."
    ),
    click.option(
        "--access-log-format",
        default="combined",
        show_default=True,
        metavar="FORMAT",
        help="common, combined, json, or atoms such as %(h)s.",
    ),
    click.option(
        "--metrics",
        callback=_address,
        metavar="ADDRESS",
        help="An address that tells Prometheus, at /metrics.",
    ),
)
_CONFIGURATION = (
    click.option("--config", metavar="FILE", help="Take what is not given from a TOML file."),
    click.option("--check-config", is_flag=True, help="Load everything, tell it, and exit."),
)


def run_options(function: F) -> F:
    """Every option of the command."""
    function = with_options(function, (*_EDGE, *_OBSERVING, *LIMITS, *_CONFIGURATION))
    function = running_options(certificate_paths(with_options(function, _TLS)))
    function = with_options(function, (*_APPLICATION, *_PROCESSES, *_PROTOCOLS, *_WEBSOCKETS))
    return bind_option("127.0.0.1:8080")(function)


@click.command("run")
@click.argument("target", metavar="MODULE:OBJECT", required=False)
@run_options
@click.pass_context
def run_command(ctx: click.Context, /, **_: Any) -> int:
    """Serve an application: ASGI, WSGI, or a request handler of plait's.

    MODULE is looked for in the current directory first. plait MODULE:OBJECT is the same. Every
    option has an environment variable (--max-requests: PLAIT_MAX_REQUESTS) and a key in the
    file of --config (max-requests); the command line comes first, then the environment.
    """
    options = options_of(ctx)
    if options.values["target"] is None:
        raise click.UsageError("Missing argument 'MODULE:OBJECT'", ctx)
    configure_logging(options.values["log_level"])
    settings = settings_of(options)
    if options.values["check_config"]:
        return check(settings, say)
    return run(settings, say, lambda: settings_of(options_of(ctx)))


def settings_of(options: Options) -> Settings:
    """Return the settings that options stand for; raises `UserError`."""
    values = options.values
    same = (
        *("target", "interface", "factory", "workers", "max_requests", "max_requests_jitter"),
        *("max_memory", "graceful_timeout", "shutdown_delay", "reload", "reload_dirs"),
        *("reload_exclude", "lifespan", "root_path", "threads", "http1", "h2c_upgrade"),
        *("client_ca", "client_cert", "dev_cert", "proxies", "proxy_fields", "proxy_protocol"),
        *("health", "health_bind", "access_log", "access_log_format", "metrics"),
        *("max_connections", "log_level"),
    )
    if values["target"] is None:
        raise UserError("the configuration names no application: app is missing")
    return Settings(
        **{name: values[name] for name in same},
        app_dir=values["app_dir"] or "",
        # by default, what systemd hands over; only then the address in --help
        binds=values["binds"] if "binds" in options.given else (),
        reload_include=values["reload_include"] or ("*.py",),
        websocket=_websockets(values),
        certificates=_certificates(values),
        time_limits=time_limits(values),
    )


def _websockets(options: dict[str, Any]) -> WebSocketOptions:
    return WebSocketOptions(
        max_message_size=options["ws_max_size"],
        max_queue=options["ws_max_queue"],
        max_fragments=options["ws_max_fragments"],
        max_control_frames=options["ws_max_control_frames"],
        ping_interval=options["ws_ping_interval"] or None,
        ping_timeout=options["ws_ping_timeout"] or None,
        close_timeout=options["ws_close_timeout"],
        compression=options["ws_compression"] is not False,
        window_bits=options["ws_window_bits"],
        context_takeover=options["ws_context_takeover"] is not False,
    )


def time_limits(options: dict[str, Any]) -> TimeLimits:
    """Return the time limits that options stand for."""
    return TimeLimits(
        idle=options["idle_timeout"] or None,
        body=options["body_timeout"] or None,
        write=options["write_timeout"] or None,
    )


def _certificates(options: dict[str, Any]) -> tuple[Certificate, ...]:
    if "certificates" in options:
        return tuple(Certificate(certfile=c, keyfile=k) for c, k in options["certificates"])
    certfiles: Sequence[str] = options["certfiles"]
    keyfiles: Sequence[str] = options["keyfiles"]
    if keyfiles and not certfiles:
        raise UserError("--keyfile needs the certificate too: give it with --certfile")
    if keyfiles and len(keyfiles) != len(certfiles):
        raise UserError(
            f"there are {len(certfiles)} --certfile and {len(keyfiles)} --keyfile: "
            "give a key for each, or none where the keys are in the same files"
        )
    keys: Sequence[str | None] = keyfiles or [None] * len(certfiles)
    return tuple(
        Certificate(certfile=certfile, keyfile=keyfile)
        for certfile, keyfile in zip(certfiles, keys, strict=True)
    )
