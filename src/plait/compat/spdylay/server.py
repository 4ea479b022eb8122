"""``ThreadedSPDYServer``: SPDY with a thread for each connection."""

from __future__ import annotations

import errno
import logging
import selectors
import socket
import socketserver
import ssl
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, ClassVar

from plait.spdy import Config

from .channel import StopSignal
from .constants import PROTO_SPDY3_1
from .errors import UnsupportedVersionError
from .negotiation import get_npn_protocols, npn_get_version

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from types import TracebackType
    from typing import Self

    from .handler import BaseSPDYRequestHandler

# Seconds for closing, once the deadline for the streams has passed.
_GRACE = 1.0

# Seconds without accepting after the system had no descriptor or memory for a connection.
_PAUSE = 0.25
_EXHAUSTED = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class ThreadedSPDYServer(socketserver.ThreadingMixIn, socketserver.TCPServer):
    """A server for SPDY/2, SPDY/3 and SPDY/3.1, with a thread for each connection.

    The constructor binds and listens. Then either ``serve_forever()``, or ``start()`` for a thread
    that does it::

        with ThreadedSPDYServer(("", 3000), Handler, "cert.pem", "key.pem") as server:
            server.start()
            ...
            server.shutdown()

    Over TLS the version is negotiated by ALPN: NPN, which SPDY came with, is gone from Python's
    ``ssl``, and from most other programs. Without a certificate and a context it is SPDY in clear
    text, of one version that the peer has to know.

    The attributes of the class can be set in a subclass or on an object, before it serves. Times
    are in seconds; ``None`` is without limit.

    :param server_address: ``(host, port)``; port 0 takes a free one, see ``server_address``. The
        host may be an IPv6 address.
    :param RequestHandlerCalss: a subclass of ``BaseSPDYRequestHandler``.
    :param cert_file: the certificate and those that vouch for it, as a PEM file.
    :param key_file: its key, if it is not in ``cert_file``.
    :param version: ``PROTO_SPDY2`` and so on. In clear text, what is spoken, ``PROTO_SPDY3_1`` by
        default; over TLS, the only one that is offered, all by default.
    :param ssl_context: a context for TLS in place of the two files. Its ALPN list is set, and
        nothing else; if it asks for client certificates (``verify_mode``), they are checked.
    :ivar ctx: the context for TLS; ``None`` in clear text.
    :ivar version: as given, or its default; 0 if ALPN decides.
    :raises OSError: if the address cannot be listened on, or a file cannot be read.
    :raises UnsupportedVersionError: for another version.
    :raises ValueError: for files beside a context, and a key without a certificate.
    """

    allow_reuse_address = True

    request_queue_size = 128
    """Connections that may wait to be accepted."""

    logger: ClassVar[logging.Logger] = logging.getLogger("spdylay")
    """For errors, and at INFO for connections that are lost or turned away."""

    config: Config = Config()
    """Limits and behaviour of the sessions."""

    max_concurrent_streams = 100
    """Streams that a peer may have open on a connection; announced to it, and more are refused."""

    max_connections: int | None = 1000
    """Connections at once; further ones are closed. Each has a thread."""

    max_body_memory = 65_536
    """Octets of a request's body that stay in memory; a larger one goes to a temporary file."""

    max_body_size: int | None = 67_108_864
    """Octets of a request's body; a larger one is answered with 413."""

    max_bodies_size: int | None = 268_435_456
    """Octets of all requests' bodies that a connection holds at once, in memory and on disk; the
    request that goes beyond is answered with 503."""

    max_header_size = 262_144
    """Octets of a request's headers, all its HEADERS frames included, with 32 for each header; more
    are answered with 431."""

    handshake_timeout: float | None = 10.0
    """For the TLS handshake."""

    request_timeout: float | None = 60.0
    """For each 4096 octets of a request's body, and for its end."""

    send_timeout: float | None = 60.0
    """For each 4096 octets of a response, once the peer could take them; for a peer that does not
    read at all."""

    idle_timeout: float | None = 180.0
    """With no request, and no octet going either way."""

    shutdown_timeout = 10.0
    """For open streams, after ``shutdown``."""

    def __init__(
        self,
        server_address: tuple[str, int],
        RequestHandlerCalss: Callable[..., BaseSPDYRequestHandler],  # noqa: N803 - the original's
        cert_file: str | Path | None = None,
        key_file: str | Path | None = None,
        *,
        version: int | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        names = [name for name in get_npn_protocols() if version in (None, npn_get_version(name))]
        if not names:
            raise UnsupportedVersionError("Unsupported SPDY version")
        self.ctx = _tls_context(cert_file, key_file, ssl_context)
        if self.ctx is None:
            self.version = PROTO_SPDY3_1 if version is None else version
        else:
            self.version = version or 0
            self.ctx.set_alpn_protocols(names)
        self.stop_signal = StopSignal()
        self._is_closed = False
        self._connections: list[threading.Thread] = []
        self._lock = threading.Lock()
        # Set while nobody serves, and the thread that does.
        self._ended = threading.Event()
        self._ended.set()
        self._serving: threading.Thread | None = None
        self._started: threading.Thread | None = None
        if ":" in server_address[0]:
            self.address_family = socket.AF_INET6
        super().__init__(server_address, RequestHandlerCalss)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server_close()

    @property
    def _port(self) -> int:
        """The port that is listened on."""
        return int(self.server_address[1])

    @property
    def connections(self) -> int:
        """How many connections there are."""
        with self._lock:
            self._forget_ended()
            return len(self._connections)

    # --- serving --------------------------------------------------------------------------------

    def start(self, daemon: bool = False) -> None:
        """Run ``serve_forever`` in a new thread.

        :param daemon: let the program end without regard to that thread and those of connections.
        """
        self._begin()
        if daemon:
            self.daemon_threads = True
        self._started = threading.Thread(
            target=self.serve_forever, name=f"spdylay-server:{self._port}", daemon=daemon
        )
        self._started.start()

    def serve_forever(self, poll_interval: float = 0.5) -> None:
        """Accept connections until ``shutdown``.

        :param poll_interval: seconds between two calls of ``service_actions`` at most; ``shutdown``
            does not have to wait for it.
        """
        if self._ended.is_set():
            self._begin()
        self._serving = threading.current_thread()
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(self, selectors.EVENT_READ)
                selector.register(self.stop_signal, selectors.EVENT_READ)
                while not self.stop_signal.is_set():
                    ready = selector.select(poll_interval)
                    if ready and not self.stop_signal.is_set():
                        self._accept()
                    self.service_actions()
            self._turn_away()
        finally:
            self._serving = None
            self._ended.set()

    def _begin(self) -> None:
        """Forget an earlier end."""
        self.socket.setblocking(False)  # a peer may be gone again before it is accepted
        self.stop_signal.clear()
        self._ended.clear()

    def _turn_away(self) -> None:
        """Let those who wait to be accepted learn of the end, rather than wait on."""
        for _ in range(self.request_queue_size):
            if not self._accept():
                break

    def _accept(self) -> bool:
        """Accept a connection and have it served; return whether there still was one."""
        try:
            request, client_address = self.get_request()
        except OSError:
            return False
        if not self.verify_request(request, client_address):
            self.shutdown_request(request)
            return True
        try:
            self.process_request(request, client_address)
        except Exception:  # noqa: BLE001 - it is logged, and the others are served
            self.handle_error(request, client_address)
            self.shutdown_request(request)
        return True

    def get_request(self) -> tuple[socket.socket, Any]:
        """Accept a connection.

        :raises OSError: if there is none any more, or no descriptor for it.
        """
        try:
            return super().get_request()
        except OSError as problem:
            if problem.errno in _EXHAUSTED:
                # It stays in the queue, and so the listening socket stays ready.
                self.logger.warning("cannot accept a connection: %s", problem)
                time.sleep(_PAUSE)
            raise

    def process_request(self, request: Any, client_address: Any) -> None:
        """Serve a connection in a thread of its own, where the TLS handshake takes place too."""
        with self._lock:
            self._forget_ended()
            number = len(self._connections)
        if self.max_connections is not None and number >= self.max_connections:
            self.logger.info("%s: turned away, there are %d connections", client_address, number)
            self.shutdown_request(request)
            return
        if self.ctx is not None:
            try:
                request.getpeername()  # it may be gone again
                # Here, since whoever closes the socket later has to have the one of TLS.
                request = self.ctx.wrap_socket(
                    request, server_side=True, do_handshake_on_connect=False
                )
            except OSError as problem:
                self.logger.info("%s: %s", client_address, problem)
                self.shutdown_request(request)
                return
        thread = threading.Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name=f"spdylay-connection:{self._port}",
            daemon=self.daemon_threads,
        )
        with self._lock:
            self._connections.append(thread)
        try:
            thread.start()
        except RuntimeError:
            with self._lock:
                self._connections.remove(thread)
            self.shutdown_request(request)
            raise

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        """Serve a connection, in its thread."""
        try:
            super().process_request_thread(request, client_address)
        finally:
            if self._is_closed:  # by this connection's handler, or while that went on
                with self._lock:
                    self._connections.remove(threading.current_thread())
                    self._forget_signal()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Log what ended a connection that should not have been ended by it."""
        del request
        self.logger.error("%s: the connection failed", client_address, exc_info=sys.exception())

    # --- ending ---------------------------------------------------------------------------------

    def shutdown(self, timeout: float | None = None) -> None:
        """Come to an end: accept nothing more, send GOAWAY, and let open streams finish.

        Returns when all connections are closed, and their threads gone; at the latest a moment
        after the time is up, when a handler does not return. Handlers may call it too; so may
        whoever called ``serve_forever``, in a signal handler: there it only starts the end, and
        ``server_close`` waits for it. Harmless when repeated; ``serve_forever`` works again after
        it.

        :param timeout: seconds for the open streams, which are cut off then; ``shutdown_timeout``
            by default.
        """
        if not self._is_closed:
            deadline = self._stop_accepting(timeout)
            if deadline is not None:
                self._join(deadline + _GRACE)

    def server_close(self, timeout: float | None = None) -> None:
        """Do what ``shutdown`` does, and stop listening: at once, before open streams finish.

        Harmless when repeated.

        :param timeout: as for ``shutdown``.
        """
        if self._is_closed:
            return
        deadline = self._stop_accepting(timeout)
        self._is_closed = True
        super().server_close()
        if deadline is not None:
            self._join(deadline + _GRACE)
        with self._lock:
            self._forget_ended()
            self._forget_signal()

    def _stop_accepting(self, timeout: float | None) -> float | None:
        """Tell all threads of the end, and wait for the one that accepts.

        Returns the deadline for the others; ``None`` if this is the thread that accepts.
        """
        deadline = time.monotonic() + (self.shutdown_timeout if timeout is None else timeout)
        self.stop_signal.set(deadline)
        this = threading.current_thread()
        if self._serving is this:
            return None
        self._ended.wait()
        if self._started is not None and self._started is not this:
            self._started.join()
            self._started = None
        return deadline

    def _join(self, deadline: float) -> None:
        """Wait for the threads of connections."""
        this = threading.current_thread()
        with self._lock:
            threads = [thread for thread in self._connections if thread is not this]
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        with self._lock:
            self._forget_ended()
            busy = [thread for thread in self._connections if thread is not this]
        if busy:
            self.logger.warning("%d connections have handlers that do not return", len(busy))

    def _forget_signal(self) -> None:
        """Give the signal's descriptors back when nobody is left who waits for it."""
        if self._is_closed and not self._connections:
            self.stop_signal.close()

    def _forget_ended(self) -> None:
        """Let go of threads that are over."""
        self._connections = [thread for thread in self._connections if thread.is_alive()]


def _tls_context(
    cert_file: str | Path | None, key_file: str | Path | None, context: ssl.SSLContext | None
) -> ssl.SSLContext | None:
    """Return the context that the arguments mean; ``None`` for clear text."""
    if context is not None:
        if cert_file is not None or key_file is not None:
            raise ValueError("cert_file and key_file go into ssl_context, if there is one")
        return context
    if cert_file is None:
        if key_file is not None:
            raise ValueError("there is a key_file, but no cert_file")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.options |= ssl.OP_NO_COMPRESSION
    context.load_cert_chain(cert_file, key_file)
    return context
