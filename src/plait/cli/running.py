"""Listening, telling where, and ending well."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from plait.process.binds import Bind
from plait.process.ending import Ending, close_servers
from plait.process.errors import UserError
from plait.process.sockets import why_not
from plait.server import BaseRequestHandler, HTTP2Server, new_event_loop

Handler = Callable[[Any, int], BaseRequestHandler]


@dataclass(frozen=True, slots=True)
class Listener:
    """One address to listen on, over TLS if there is a context.

    `option` is the one that the user gave the address with.
    """

    bind: Bind
    context: ssl.SSLContext | None = None
    made_here: bool = False
    option: str = "--bind"


def serve(
    listeners: list[Listener],
    handler: Handler,
    what: str,
    graceful_timeout: float,
    note: str | None = None,
    settings: Mapping[str, Any] = MappingProxyType({}),
) -> None:
    """Serve `what` until SIGINT or SIGTERM, then let what runs end within the timeout (seconds).

    A second signal ends it at once. `note` is a line to add to those that say where it is served.
    `settings` are further arguments of `HTTP2Server`. Uses uvloop where it is installed. Raises
    `UserError` if an address cannot be had.
    """
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        runner.run(_serve(listeners, handler, what, graceful_timeout, note, settings))


async def _serve(
    listeners: list[Listener],
    handler: Handler,
    what: str,
    grace: float,
    note: str | None,
    settings: Mapping[str, Any],
) -> None:
    servers: list[HTTP2Server] = []
    with Ending() as ending:
        try:
            for listener in listeners:
                # one by one, so that those that could be had are closed if another cannot
                servers.append(_listen(listener, handler, settings))  # noqa: PERF401
            for server in servers:
                await server.start()
            for listener, server in zip(listeners, servers, strict=True):
                _announce(listener, server.addresses, what)
            if note is not None:
                say(note)
            _advise(listeners, servers)
            await ending.stop.wait()
        finally:
            await close_servers(servers, grace, ending.hurry)


def _listen(listener: Listener, handler: Handler, settings: Mapping[str, Any]) -> HTTP2Server:
    try:
        return HTTP2Server(listener.bind.address, handler, ssl=listener.context, **settings)
    except (OSError, UnicodeError) as error:
        raise UserError(why_not(listener.bind, error, listener.option)) from None


def _announce(listener: Listener, addresses: list[Any], what: str) -> None:
    protocol = "h2c" if listener.context is None else "h2"
    for place in _places(listener, addresses):
        say(f"serving {what} on {place} ({protocol})")


def _places(listener: Listener, addresses: list[Any]) -> list[str]:
    if listener.bind.path is not None:
        return [str(listener.bind)]
    scheme = "http" if listener.context is None else "https"
    # A name may stand for several addresses with one port: that is one URL.
    urls = [listener.bind.url(scheme, address[1]) for address in addresses]
    return list(dict.fromkeys(urls))


def _advise(listeners: list[Listener], servers: list[HTTP2Server]) -> None:
    clear = [pair for pair in zip(listeners, servers, strict=True) if pair[0].context is None]
    if any(listener.made_here for listener in listeners):
        say("the certificate was made just now: the browser will warn, curl needs --insecure")
    if clear:
        hint = "" if len(clear) < len(listeners) else ", so for them add --dev-cert"
        say(f"browsers speak HTTP/2 only over TLS{hint}; without it: {_curl(*clear[0])}")


def _curl(listener: Listener, server: HTTP2Server) -> str:
    [place, *_] = _places(listener, server.addresses)
    if listener.bind.path is not None:
        place = f"--unix-socket {listener.bind.path} http://localhost/"
    return f"curl --http2-prior-knowledge {place}"


def say(line: str) -> None:
    """Tell the user something, on standard output if there is one."""
    if sys.stdout is None:
        return
    # A directory's name may hold what the terminal's encoding cannot say.
    encoding = sys.stdout.encoding
    sayable = line.encode(encoding, "backslashreplace").decode(encoding)
    # Whoever started us may have stopped listening; that is no reason to stop serving.
    with contextlib.suppress(OSError):
        print(f"plait: {sayable}", flush=True)
