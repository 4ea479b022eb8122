"""Options that several commands have."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from plait.process.binds import Bind, parse_bind
from plait.process.errors import UserError

if TYPE_CHECKING:
    from plait.server.static import StaticFiles

_LEVELS = ("critical", "error", "warning", "info", "debug")

F = TypeVar("F", bound=Callable[..., Any])


class WholeNumber(click.IntRange):
    """Click's range, in words for those who do not program."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Return the number; what is none, or lies outside, is the user's mistake."""
        try:
            number = int(value)
        except ValueError:
            self.fail(f"{value!r} is not a whole number", param, ctx)
        if self.min is not None and number < self.min:
            self.fail(f"{number} is too small: the least is {self.min:g}", param, ctx)
        if self.max is not None and number > self.max:
            self.fail(f"{number} is too large: the most is {self.max:g}", param, ctx)
        return number


def parse_binds(
    ctx: click.Context, param: click.Parameter, texts: Sequence[str]
) -> tuple[Bind, ...]:
    """Read what was given with `--bind`."""
    try:
        return tuple(parse_bind(text) for text in texts)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx, param) from None


def bind_option(default: str) -> Callable[[F], F]:
    """Where to listen."""
    return click.option(
        "-b",
        "--bind",
        "binds",
        callback=parse_binds,
        multiple=True,
        default=(default,),
        show_default=True,
        metavar="ADDRESS",
        help="Where to listen: HOST:PORT, [IPV6]:PORT, :PORT for every interface, unix:PATH, or "
        "fd://NUMBER; port 0 takes a free one. May be repeated.",
    )


def seconds_option(name: str, default: int, text: str, *, least: int = 0) -> Callable[[F], F]:
    """A whole number of seconds."""
    return click.option(
        name,
        type=WholeNumber(least, 86_400),
        default=default,
        show_default=True,
        metavar="SECONDS",
        help=text,
    )


LIMITS = (
    seconds_option("--idle-timeout", 180, "How long a connection may be idle; 0 for ever."),
    seconds_option("--body-timeout", 60, "How long 4 KiB of a request may take; 0 for ever."),
    seconds_option("--write-timeout", 60, "How long 4 KiB of a response may take; 0 for ever."),
    click.option(
        "--max-connections",
        type=WholeNumber(1),
        metavar="NUMBER",
        help="How many connections an address may have open; any number by default.",
    ),
)
_CERTIFICATE = (
    click.option("--certfile", metavar="FILE", help="Certificate chain for TLS, in PEM."),
    click.option("--keyfile", metavar="FILE", help="Its key, if it is not in the same file."),
    click.option("--dev-cert", is_flag=True, help="TLS with a certificate made on the spot."),
)
_RUNNING = (
    click.option(
        "--log-level",
        type=click.Choice(_LEVELS, case_sensitive=False),
        default="info",
        show_default=True,
        help="What goes to standard error.",
    ),
    seconds_option("--graceful-timeout", 5, "How long requests may go on after Ctrl-C."),
)
_FILES = (
    click.option("--listing/--no-listing", help="List directories that have no index.html."),
    click.option("--hidden/--no-hidden", help="Serve names that begin with a dot."),
    click.option(
        "--cache-control",
        metavar="VALUE",
        default="no-cache",
        show_default=True,
        help="The header field for files.",
    ),
)


def with_options(function: F, options: Sequence[Callable[[F], F]]) -> F:
    """Add options to a command, which `--help` shows in their order."""
    for option in reversed(options):
        function = option(function)
    return function


def certificate_options(function: F) -> F:
    """Which certificate to serve with."""
    return with_options(function, _CERTIFICATE)


def certificate_paths(function: F) -> F:
    """Which certificates to serve with, any number of them."""
    several = [
        click.option(
            name,
            f"{name.removeprefix('--')}s",
            multiple=True,
            metavar="FILE",
            help=f"{text} May be repeated.",
        )
        for name, text in (
            ("--certfile", "Certificate chain for TLS, in PEM."),
            ("--keyfile", "Its key, if it is not in the same file."),
        )
    ]
    return with_options(function, (*several, _CERTIFICATE[-1]))


def running_options(function: F) -> F:
    """What is logged, and how serving ends."""
    return with_options(function, _RUNNING)


def file_options(function: F) -> F:
    """How to serve files."""
    return with_options(function, _FILES)


def open_files(
    directory: str, *, listing: bool, hidden: bool, cache_control: str
) -> tuple[StaticFiles, str | None]:
    """Return the files that the options ask for, and a hint for the user if there is one.

    Raises `UserError`.
    """
    from plait.server.static import StaticFiles

    try:
        files = StaticFiles(directory, listing=listing, hidden=hidden, cache_control=cache_control)
    except FileNotFoundError:
        raise UserError(f"there is no directory {directory!r}") from None
    except NotADirectoryError:
        raise UserError(f"{directory!r} is not a directory") from None
    except OSError as error:
        raise UserError(f"cannot serve {directory!r}: {error.strerror}") from None
    except ValueError:
        raise UserError(f"--cache-control: {cache_control!r} is not a field value") from None
    if not os.access(files.root, os.X_OK):
        raise UserError(f"no permission to read {directory!r}")
    note = None
    if not listing and not os.path.exists(os.path.join(files.root, "index.html")):
        note = f"there is no index.html in {directory}: --listing shows what is there"
    return files, note


def configure_logging(level: str) -> None:
    """Send what is logged to standard error."""
    logging.basicConfig(level=level.upper(), format="%(levelname)s %(name)s: %(message)s")
