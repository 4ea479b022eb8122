"""`plait spdy`: SPDY tried by hand, as a client and as a server."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Sequence
from typing import Any

import click

from plait.compat.spdylay import (
    PROTO_SPDY2,
    PROTO_SPDY3,
    PROTO_SPDY3_1,
    UrlFetchError,
)
from plait.compat.spdylay.targets import parse_url
from plait.process.errors import UserError

from .options import (
    F,
    bind_option,
    certificate_options,
    configure_logging,
    file_options,
    open_files,
    running_options,
    seconds_option,
)
from .tls import context_from_options

_VERSIONS = {"2": PROTO_SPDY2, "3": PROTO_SPDY3, "3.1": PROTO_SPDY3_1}
_TOKEN = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")


def _version_option(text: str) -> Callable[[F], F]:
    return click.option(
        "--version", type=click.Choice(tuple(_VERSIONS)), metavar="2|3|3.1", help=text
    )


def _parse_headers(
    ctx: click.Context, param: click.Parameter, texts: Sequence[str]
) -> list[tuple[str, str]]:
    headers = []
    for text in texts:
        name, colon, value = text.partition(":")
        value = value.strip()
        if not colon or not _TOKEN.fullmatch(name) or not value.isprintable():
            raise click.BadParameter(f"{text!r} is not NAME: VALUE", ctx, param)
        # What HTTP calls Host has a name of its own here.
        name = name.lower()
        headers.append((":host" if name == "host" else name, value))
    return headers


def _parse_method(ctx: click.Context, param: click.Parameter, text: str | None) -> str | None:
    if text is not None and not _TOKEN.fullmatch(text):
        raise click.BadParameter(f"{text!r} is not a method", ctx, param)
    return text


@click.group("spdy", no_args_is_help=False)
def spdy_group() -> None:
    """Speak SPDY/2, SPDY/3 or SPDY/3.1.

    Over TLS the version is agreed upon by ALPN. SPDY's own way, NPN, is gone from Python.
    """


@spdy_group.command("get")
@click.argument("urls", metavar="URL...", nargs=-1, required=True)
@_version_option("Over TLS the only version to offer, by default all; in cleartext 3.1 by default.")
@click.option("--plain", is_flag=True, help="In cleartext; URLs need no http:// then.")
@click.option("-i", "--include", is_flag=True, help="Write the headers before each body.")
@click.option("-v", "--verbose", is_flag=True, help="Write each frame to standard error.")
@click.option("-o", "--output", metavar="FILE", help="Write to FILE, not to standard output.")
@click.option("-X", "--method", callback=_parse_method, help="GET by default, POST with --data.")
@click.option(
    "-H",
    "--header",
    "headers",
    callback=_parse_headers,
    multiple=True,
    metavar="NAME: VALUE",
    help="A further header. May be repeated.",
)
@click.option("-d", "--data", metavar="FILE", help="Send FILE with the request, - standard input.")
@click.option("--cacert", metavar="FILE", help="Trust the certificates in FILE, in PEM, only.")
@click.option("-k", "--insecure", is_flag=True, help="Trust any certificate.")
@seconds_option("--timeout", 60, "How long connecting, or a pause, may take; 0 for ever.")
def get_command(urls: Sequence[str], plain: bool, version: str | None, **options: Any) -> int:
    """Fetch URLs, all at once, and write their bodies in order.

    The exit status is 0 if all have been answered, whatever the answers say, 1 if a transfer
    failed, 2 for wrong input.
    """
    from .spdy_get import Wish, get

    if options["data"] == "-" and len(urls) > 1:
        raise UserError("standard input can go to one URL only: give --data a file")
    urls = [_checked_url(url, plain=plain) for url in urls]
    clear = [url for url in urls if url.lower().startswith("http:")]
    number = _VERSIONS[version] if version else None
    if clear and number is None:
        if len(clear) < len(urls):
            raise UserError("for http and https URLs together, give --version")
        number = PROTO_SPDY3_1
    return get(
        Wish(
            urls=urls,
            version=number,
            context=_client_context(options["cacert"], insecure=options["insecure"]),
            method=options["method"],
            headers=options["headers"],
            data=options["data"],
            output=options["output"],
            include=options["include"],
            verbose=options["verbose"],
            timeout=options["timeout"] or None,
        )
    )


def _checked_url(url: str, *, plain: bool) -> str:
    """Return a URL that can be fetched; raises `UserError`."""
    if plain and "://" not in url:
        url = f"http://{url}"
    if "://" not in url:
        raise UserError(f"cannot fetch {url!r}: begin it with https:// or http://")
    try:
        target = parse_url(url, PROTO_SPDY3_1)
    except UrlFetchError as error:
        raise UserError(f"cannot fetch {url!r}: {error}") from None
    if plain and target.scheme == "https":
        raise UserError(f"--plain is without TLS, {url!r} is with it: write http://")
    return url


def _client_context(cacert: str | None, *, insecure: bool) -> ssl.SSLContext:
    if cacert is not None and insecure:
        raise UserError("--insecure trusts any certificate: leave out --cacert")
    try:
        context = ssl.create_default_context(cafile=cacert)
    except ssl.SSLError:
        raise UserError(f"{cacert} holds no certificate in PEM format") from None
    except OSError as error:
        raise UserError(f"cannot read the certificates in {cacert}: {error.strerror}") from None
    if cacert is not None:
        # Newer Pythons want extensions that certificates made by hand rarely have.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


@spdy_group.command("serve")
@click.argument("directory", metavar="DIR")
@bind_option("127.0.0.1:8080")
@_version_option(
    "In cleartext the version to speak, 3.1 by default; over TLS the only one to take."
)
@click.option(
    "--plain", is_flag=True, help="In cleartext, which is the default without TLS options."
)
@certificate_options
@file_options
@running_options
@click.option("-v", "--verbose", is_flag=True, help="Write each frame to standard error.")
def serve_command(
    directory: str,
    listing: bool,
    hidden: bool,
    cache_control: str,
    version: str | None,
    plain: bool,
    **options: Any,
) -> None:
    """Serve the files in DIR over SPDY."""
    from .spdy_serve import Service, serve

    configure_logging(options["log_level"])
    files, note = open_files(directory, listing=listing, hidden=hidden, cache_control=cache_control)
    tls = (options["certfile"], options["keyfile"])
    if plain and (options["dev_cert"] or any(tls)):
        raise UserError("--plain is without TLS: leave out the certificate")
    context = context_from_options(
        *tls,
        dev_cert=options["dev_cert"],
        hosts=[bind.host for bind in options["binds"] if bind.host],
    )
    service = Service(
        files,
        context,
        _VERSIONS[version] if version else None,
        made_here=options["dev_cert"],
        verbose=options["verbose"],
        grace=options["graceful_timeout"],
        note=note,
    )
    serve(service, options["binds"])
