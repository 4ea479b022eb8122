"""The commands and their options."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Sequence
from typing import Any

import click

from plait import build_info
from plait.process.binds import Bind
from plait.process.errors import UserError, one_line

from .options import (
    LIMITS,
    F,
    bind_option,
    certificate_options,
    configure_logging,
    file_options,
    open_files,
    parse_binds,
    running_options,
    with_options,
)
from .run import run_command, time_limits
from .running import Listener, serve
from .spdy import spdy_group
from .tls import context_from_options


def _common_options(function: F) -> F:
    return certificate_options(running_options(with_options(function, LIMITS)))


def _show_version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(build_info())
        ctx.exit()


# What can only be an application: MODULE:OBJECT, also written as a file's name.
_TARGET = re.compile(r"[A-Za-z_./][\w./]*:[A-Za-z_][\w.]*")


# What other servers call the options of ours.
_ELSEWHERE = {
    **dict.fromkeys(("--host", "--port", "-p"), "--bind HOST:PORT"),
    "--uds": "--bind unix:PATH",
    "--fd": "--bind fd://NUMBER",
    "-w": "--workers",
    **dict.fromkeys(("--ssl-certfile", "--ssl-certificate"), "--certfile"),
    "--ssl-keyfile": "--keyfile",
    **dict.fromkeys(("--ssl-ca", "--ssl-ca-certs", "--ca-certs"), "--client-ca"),
    **dict.fromkeys(("--forwarded-allow-ips", "--proxy-headers"), "--proxies ADDRESS"),
    **dict.fromkeys(("--access-logfile", "--log-access"), "--access-log FILE"),
    **dict.fromkeys(("--access-logformat", "--access-log-fmt"), "--access-log-format"),
    **dict.fromkeys(
        ("--timeout-graceful-shutdown", "--workers-kill-timeout"), "--graceful-timeout"
    ),
    **dict.fromkeys(("--timeout-keep-alive", "--keep-alive"), "--idle-timeout"),
    "--limit-max-requests": "--max-requests",
    "--url-path-prefix": "--root-path",
}


class _Group(click.Group):
    """`plait MODULE:OBJECT` is `plait run MODULE:OBJECT`, wherever the options stand.

    And so is `plait` with nothing but options, where the application is named by the file or the
    environment.
    """

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if self._means_run(args):
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def _means_run(self, args: list[str]) -> bool:
        if not args:
            return "PLAIT_APP" in os.environ or "PLAIT_CONFIG" in os.environ
        first = args[0]
        if first in ("-h", "--help", "--version"):
            return False
        if first.startswith("-"):
            named = [each for each in args if each in self.commands]
            return not named or any(_TARGET.fullmatch(each) for each in args)
        return _TARGET.fullmatch(first) is not None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if ":" in name and name not in self.commands:
            ctx.fail(f"{name!r} is not MODULE:OBJECT, such as app:app")
        stem = name.removesuffix(".py")
        path = stem if os.sep in stem else stem.replace(".", os.sep)
        if name not in self.commands and os.path.exists(f"{path}.py"):
            module = stem.removeprefix("./").replace(os.sep, ".")
            ctx.fail(f"No such command {name!r}: to serve an application in it, write {module}:app")
        module, dot, attribute = name.rpartition(".")
        if dot and os.path.exists(f"{module.replace('.', os.sep)}.py"):
            ctx.fail(f"No such command {name!r}: is {module}:{attribute} meant?")
        return super().resolve_command(ctx, args)


@click.group(
    name="plait",
    cls=_Group,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    no_args_is_help=False,
)
@click.option(
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_show_version,
    help="Tell the version and the variant, and exit.",
)
def plait() -> None:
    """Serve over HTTP/2.

    plait app:app serves the application app of app.py: it is plait run app:app.

    Without a certificate the server speaks h2c: HTTP/2 over cleartext, with prior knowledge.
    Browsers need TLS; --dev-cert is the quick way to it.
    """


plait.add_command(run_command)
plait.add_command(spdy_group)


@plait.command("serve")
@click.argument("directory", metavar="DIR")
@bind_option("127.0.0.1:8080")
@file_options
@_common_options
def serve_command(
    directory: str, listing: bool, hidden: bool, cache_control: str, **options: Any
) -> None:
    """Serve the files in DIR."""
    from plait.server.static import static_handler

    configure_logging(options["log_level"])
    files, note = open_files(directory, listing=listing, hidden=hidden, cache_control=cache_control)
    _serve(_listeners(options), static_handler(files), files.root, options, note)


@plait.command("demo")
@bind_option("127.0.0.1:8080")
@click.option(
    "--tls-bind",
    "tls_binds",
    callback=parse_binds,
    multiple=True,
    default=("127.0.0.1:8443",),
    show_default=True,
    metavar="ADDRESS",
    help="Where to listen with TLS, in the same form. May be repeated.",
)
@_common_options
def demo_command(tls_binds: Sequence[Bind], **options: Any) -> None:
    """Serve the demonstration site.

    It is there twice: in cleartext (h2c), and for browsers over TLS, with a certificate made on
    the spot unless one is given.
    """
    from plait.demo import DemoHandler

    configure_logging(options["log_level"])
    made_here = options["certfile"] is None and options["keyfile"] is None
    context = context_from_options(
        options["certfile"],
        options["keyfile"],
        dev_cert=options["dev_cert"] or made_here,
        hosts=_hosts(tls_binds),
    )
    listeners = [Listener(bind, context, made_here, "--tls-bind") for bind in tls_binds]
    listeners += [Listener(bind) for bind in options["binds"]]
    _serve(listeners, DemoHandler, "the demonstration", options)


def _listeners(options: dict[str, Any]) -> list[Listener]:
    binds: Sequence[Bind] = options["binds"]
    made_here: bool = options["dev_cert"]
    context = context_from_options(
        options["certfile"], options["keyfile"], dev_cert=made_here, hosts=_hosts(binds)
    )
    return [Listener(bind, context, made_here) for bind in binds]


def _hosts(binds: Sequence[Bind]) -> list[str]:
    return [bind.host for bind in binds if bind.host]


def _serve(
    listeners: list[Listener],
    handler: Any,
    what: str,
    options: dict[str, Any],
    note: str | None = None,
) -> None:
    settings = {"time_limits": time_limits(options), "max_connections": options["max_connections"]}
    serve(listeners, handler, what, options["graceful_timeout"], note, settings)


def invoke(arguments: Sequence[str] | None) -> int:
    """Run the command; every fault of the user's becomes one line and status 2."""
    try:
        status = plait.main(arguments, prog_name="plait", standalone_mode=False)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "plait"
        message = one_line(error.format_message()).rstrip(".")
        if isinstance(error, click.NoSuchOption) and error.option_name in _ELSEWHERE:
            message = f"there is no {error.option_name} here: it is {_ELSEWHERE[error.option_name]}"
        print(f"{command}: {message} (see {command} --help)", file=sys.stderr)
        return 2
    except (click.ClickException, UserError) as error:
        print(f"plait: {one_line(str(error))}", file=sys.stderr)
        return 2
    except click.Abort:
        return 130
    return status if isinstance(status, int) else 0
