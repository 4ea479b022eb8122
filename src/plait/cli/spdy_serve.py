"""`plait spdy serve`: the files of a directory over SPDY."""

from __future__ import annotations

import contextlib
import logging
import signal
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from plait._version import __version__
from plait.compat.spdylay import (
    PROTO_SPDY3_1,
    BaseSPDYRequestHandler,
    ThreadedSPDYServer,
    get_npn_protocols,
    npn_get_version,
)
from plait.process.binds import Bind
from plait.process.errors import UserError
from plait.process.sockets import why_not
from plait.server.static import FileBody, StaticFiles

from .running import say
from .spdy_trace import VERSION_NAMES, TracingSession, visible

if TYPE_CHECKING:
    from plait.compat.spdylay.streams import ServerStream

logger = logging.getLogger("plait.spdy")


@dataclass(frozen=True, slots=True)
class Service:
    """What is served, and how; `version` is `None` for the default, `grace` is in seconds."""

    files: StaticFiles
    context: ssl.SSLContext | None
    version: int | None
    made_here: bool
    verbose: bool
    grace: float
    note: str | None


class StaticSPDYHandler(BaseSPDYRequestHandler):
    """Answers from `files`, which a subclass has to set, and logs each request."""

    files: ClassVar[StaticFiles]
    server_version = f"plait/{__version__}"

    def do_GET(self) -> None:  # noqa: N802 - spdylay's way to name the methods
        """Answer any method: the files know which they take."""
        headers = [(name.encode(), value.encode()) for name, value in self.headers]
        response = self.files.respond(
            (self.command or "").encode(), (self.path or "").encode(), headers
        )
        length = None
        self.send_response(response.status)
        for name, value in response.headers:
            if name == b"content-length":
                length = int(value)
            if name != b"date":  # the handler adds one of its own
                self.send_header(name.decode("ascii"), value.decode("latin-1"))
        if isinstance(response.body, FileBody):
            self.send_file(response.body, length)
        elif response.body is not None:
            self.wfile.write(response.body)

    do_HEAD = do_OPTIONS = do_POST = do_PUT = do_PATCH = do_DELETE = do_GET  # noqa: N815

    def version_string(self) -> str:
        """Return the value of the header `server`."""
        return self.server_version

    def on_stream_close(self, stream: ServerStream, status_code: int) -> None:
        """Log the request, with the octets sent and, if it was reset, the status of that."""
        version = VERSION_NAMES[self.spdy_version]
        request = f"{stream.method or '-'} {stream.path or '-'} SPDY/{version}"
        status = (stream.status or "-").partition(" ")[0]
        logger.info(
            '%s "%s" %s %d%s',
            self.client_address[0],
            visible(request),
            status,
            stream.sent,
            f" reset with {status_code}" if status_code else "",
        )


def serve(service: Service, binds: Sequence[Bind]) -> None:
    """Serve until SIGINT or SIGTERM, then let what runs end within the grace.

    A second signal ends it at once. Raises `UserError` if an address cannot be had.
    """
    members: dict[str, Any] = {"files": service.files}
    if service.verbose:
        members["session_class"] = TracingSession
    handler = type("Handler", (StaticSPDYHandler,), members)
    stop, hurry = threading.Event(), threading.Event()
    servers: list[ThreadedSPDYServer] = []
    with _signals(stop, hurry):
        try:
            for bind in binds:
                servers.append(_listen(bind, handler, service))  # noqa: PERF401 - one by one
            for bind, server in zip(binds, servers, strict=True):
                server.start(daemon=True)
                _announce(bind, server, service)
            _advise(binds[0], servers[0], service)
            stop.wait()
        finally:
            _close(servers, service.grace, hurry)


@contextlib.contextmanager
def _signals(stop: threading.Event, hurry: threading.Event) -> Iterator[None]:
    """Set `stop` on the first signal and `hurry` on another."""

    def on_signal(*_: object) -> None:
        (hurry if stop.is_set() else stop).set()

    before = {n: signal.signal(n, on_signal) for n in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _close(servers: list[ThreadedSPDYServer], grace: float, hurry: threading.Event) -> None:
    """Shut all down at the same time; in a hurry, leave their threads to the process's end."""
    closing = [
        threading.Thread(target=server.server_close, args=(grace,), daemon=True)
        for server in servers
    ]
    for thread in closing:
        thread.start()
    while any(thread.is_alive() for thread in closing) and not hurry.wait(0.05):
        pass


def _listen(bind: Bind, handler: type[StaticSPDYHandler], service: Service) -> ThreadedSPDYServer:
    if bind.path is not None:
        raise UserError(f"cannot listen on {bind}: SPDY is served over TCP only")
    # "::" is every address of both families, where the system lets it.
    host = bind.host or ("::" if socket.has_dualstack_ipv6() else "")
    try:
        return ThreadedSPDYServer(
            (host, bind.port), handler, version=service.version, ssl_context=service.context
        )
    except (OSError, UnicodeError) as error:
        raise UserError(why_not(bind, error, "--bind")) from None


def _announce(bind: Bind, server: ThreadedSPDYServer, service: Service) -> None:
    version = service.version
    if service.context is None:
        version = version or PROTO_SPDY3_1
    names = [n for n in get_npn_protocols() if version in (None, npn_get_version(n))]
    say(f"serving {service.files.root} on {_url(bind, server, service)} ({', '.join(names)})")


def _url(bind: Bind, server: ThreadedSPDYServer, service: Service) -> str:
    return bind.url("http" if service.context is None else "https", server.server_address[1])


def _advise(bind: Bind, server: ThreadedSPDYServer, service: Service) -> None:
    if service.note is not None:
        say(service.note)
    options = ""
    if service.context is None and service.version not in (None, PROTO_SPDY3_1):
        options = f"--version {VERSION_NAMES[service.version]} "
    if service.made_here:
        options += "--insecure "
    say(f"browsers have forgotten SPDY; try: plait spdy get {options}{_url(bind, server, service)}")
