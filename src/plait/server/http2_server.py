"""``HTTP2Server``: the addresses it listens on, its connections, its beginning and its end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import ssl as _ssl
import sys
import threading
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from plait.http2 import Config

from .addresses import Address, open_listeners
from .backlog import stop_accepting
from .customs import Customs
from .handshake import Beginning, Handshake
from .heap import keep_freed_memory
from .protocol import ServerProtocol
from .stats import ServerStats, Totals
from .timeouts import IDLE_GRACE, Sweep, TimeLimits
from .tls import prepare_context

if TYPE_CHECKING:
    from .handler import BaseRequestHandler
    from .link import Link

HandlerFactory = Callable[["Link", int], "BaseRequestHandler"]
"""A subclass of ``BaseRequestHandler``, or a function ``f(http2, stream_id)`` that returns one."""

# Seconds for the last octets to leave once the deadline has passed, and for aborted transports.
_LAST_GRACE = 1.5
_ABORT_GRACE = 1.0


class HTTP2Server:
    """An HTTP/2 server on asyncio, or on uvloop where ``serve_forever`` finds it installed.

    The constructor binds and listens at once, with or without an event loop, so address errors
    come from there and connections queue from then on. Then either::

        server.serve_forever()

    or, in a running loop::

        async with HTTP2Server(("", 8080), Handler) as server:
            await server.wait_closed()

    :param address: ``(host, port)`` with ``None`` for all interfaces, ``"unix:/path"``, a path
        object, a bound socket, or a list of these. Port 0 takes a free one: see ``addresses``.
    :param RequestHandlerClass: a subclass of ``BaseRequestHandler``, or a callable
        ``f(http2, stream_id)`` that returns a handler.
    :param ssl: speak TLS with this context, whose ALPN list becomes ``["h2"]``; nothing else in it
        is changed. Without it: clear text with prior knowledge.
    :param loop: the event loop that ``serve_forever`` is to use; the caller closes it.
    :param config: what the engine announces and bears.
    :param logger: for the access log and the life of connections, at INFO; ``plait.server``.
    :param backlog: connections that may wait to be accepted.
    :param time_limits: how long clients may take; ``TimeLimits()`` by default.
    :param max_connections: how many connections may be open; further ones are closed at once.
    :param close_timeout: seconds that open streams have to finish at a graceful end.
    :param reuse_port: let several processes listen on one port (``SO_REUSEPORT``).
    :ivar closes_loop: whether ``serve_forever`` closes the loop; not if it was given.
    :raises OSError: if an address cannot be listened on.
    :raises ValueError: for what is not an address, and for a negative number.
    """

    customs: ClassVar[Customs] = Customs()
    # What makes the protocol of connections in HTTP/1; nothing does here.
    http1: Callable[..., Any] | None = None
    # What is offered by ALPN.
    alpn: tuple[str, ...] = ("h2",)

    def __init__(
        self,
        address: Address | Sequence[Address],
        RequestHandlerClass: HandlerFactory,  # noqa: N803 - the name that its users know
        ssl: _ssl.SSLContext | None = None,
        *,
        loop: asyncio.AbstractEventLoop | None = None,
        config: Config | None = None,
        logger: logging.Logger | None = None,
        backlog: int = 1024,
        time_limits: TimeLimits | None = None,
        max_connections: int | None = None,
        close_timeout: float = 10.0,
        reuse_port: bool = False,
    ) -> None:
        if max_connections is not None and max_connections < 0:
            raise ValueError("max_connections must not be negative")
        self.handler_factory = RequestHandlerClass
        self.config = Config() if config is None else config
        self.log = logging.getLogger("plait.server") if logger is None else logger
        self.time_limits = TimeLimits() if time_limits is None else time_limits
        self.max_connections = max_connections
        self.close_timeout = close_timeout
        self.plans: dict[type, int] = {}
        self.is_closing = False
        self._ssl = ssl
        self._backlog = backlog
        self._loop = loop
        self.closes_loop = loop is None
        self._servers: list[asyncio.AbstractServer] = []
        self._connections: set[ServerProtocol] = set()
        self._handshakes: set[Beginning] = set()
        self._totals = Totals()
        self._turned_away = 0
        self._sweep = Sweep(self)
        self._tasks: set[asyncio.Task[None]] = set()
        self._empty: asyncio.Event | None = None
        self._closed: asyncio.Event | None = None
        self._serving = False
        self._stopping = False
        self._interrupted = False
        if ssl is not None:
            prepare_context(ssl, self.alpn)
        # As the engine is told: the transport decides what the scheme is.
        self.engine_config = self.config
        if self.config.transport_scheme is None and not self.customs.client_scheme:
            scheme = b"http" if ssl is None else b"https"
            self.engine_config = self.config.with_(transport_scheme=scheme)
        self._listeners = open_listeners(address, backlog=backlog, reuse_port=reuse_port)
        self._addresses = [listener.address for listener in self._listeners]
        for bound in self._addresses:
            host, port = bound[:2] if isinstance(bound, tuple) else (bound, 0)
            self.log.info("listen, address:%s, port:%s", host, port)

    # --- what it is -----------------------------------------------------------------------------

    @property
    def addresses(self) -> list[tuple[Any, ...] | str]:
        """The bound addresses: ``(host, port)``, four items for IPv6, or a Unix socket's path."""
        return list(self._addresses)

    @property
    def port(self) -> int:
        """The first TCP port that is listened on; 0 if there is none."""
        for bound in self._addresses:
            if isinstance(bound, tuple):
                return int(bound[1])
        return 0

    @property
    def sockets(self) -> tuple[socket.socket, ...]:
        """The listening sockets; none once the server closes."""
        return tuple(each.sock for each in self._listeners)

    @property
    def loop(self) -> asyncio.AbstractEventLoop | None:
        """The event loop; ``None`` until there is one."""
        return self._loop

    @property
    def server(self) -> asyncio.AbstractServer | None:
        """The asyncio server of the first socket; ``None`` before ``start``."""
        return self._servers[0] if self._servers else None

    @property
    def servers(self) -> list[asyncio.AbstractServer]:
        """The asyncio servers, one for each socket; none before ``start``."""
        return list(self._servers)

    @property
    def connection_count(self) -> int:
        """How many connections are open, those among them whose TLS handshake is going on."""
        return len(self._connections) + len(self._handshakes)

    def stats(self) -> ServerStats:
        """Return what the server has done so far. It costs a step for each open connection."""
        totals = Totals()
        totals.take_over(self._totals)
        streams = 0
        for connection in self._connections:
            totals.add(connection)
            if connection.engine is not None:
                streams += connection.engine.open_streams
        return ServerStats(
            connections_accepted=totals.accepted,
            connections_open=self.connection_count,
            requests=totals.requests,
            streams_open=streams,
            octets_received=totals.octets_received,
            octets_sent=totals.octets_sent,
            refusals=totals.refusals,
        )

    # --- in a running loop ----------------------------------------------------------------------

    async def start(self) -> Self:
        """Begin to accept connections; no effect when begun.

        :raises RuntimeError: in another loop than the server's, and after ``close``.
        """
        loop = asyncio.get_running_loop()
        if self._loop is None:
            self._loop = loop
        if self._loop is not loop:
            raise RuntimeError("the server belongs to another event loop")
        if self.is_closing:
            raise RuntimeError("the server has been closed")
        if self._servers:
            return self
        keep_freed_memory()
        for listener in self._listeners:
            options: dict[str, Any] = {"sock": listener.sock, "backlog": self._backlog}
            if listener.sock.family == getattr(socket, "AF_UNIX", None):
                server = await _serve_unix(loop, self._connect, options)
            else:
                server = await loop.create_server(self._connect, **options)
            self._servers.append(server)
        return self

    async def close(self, timeout: float | None = None) -> None:  # noqa: ASYNC109
        """End gracefully: accept nobody, let open streams finish, then close what is left.

        Returns within ``timeout`` seconds and a few more, whatever the clients do. Calling it
        again waits for the end.

        :param timeout: seconds that open streams have; ``close_timeout`` by default.
        """
        if self.is_closing:
            await self.wait_closed()
            return
        self.is_closing = True
        closed = self._closed_event()
        try:
            await self._stop_accepting()
            await self._drain(self.close_timeout if timeout is None else timeout)
        finally:
            self._abort()
            for task in self._tasks:
                task.cancel()
            closed.set()
            if self._serving and self._loop is not None:
                self._loop.stop()

    async def wait_closed(self) -> None:
        """Wait until ``close`` has finished."""
        await self._closed_event().wait()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    # --- with a loop of its own -----------------------------------------------------------------

    def serve_forever(self) -> None:
        """Run an event loop until ``stop``, SIGTERM or Ctrl-C; then end gracefully.

        Without a ``loop`` of the caller's it makes one, of uvloop if that is installed, and closes
        it afterwards. Signals are watched only in the main thread, and only those that the program
        does not handle itself. A second Ctrl-C does not wait for open streams.

        :raises KeyboardInterrupt: after Ctrl-C, when everything is closed.
        :raises RuntimeError: in a running event loop: use ``async with`` there.
        """
        if asyncio._get_running_loop() is not None:
            raise RuntimeError("an event loop is running: use 'async with' or start()")
        loop = self._loop
        if loop is None:
            loop = self._loop = new_event_loop()
        asyncio.set_event_loop(loop)
        watched = self._watch_signals(loop)
        try:
            # One run of the loop, not two: uvloop loses a signal that comes between two runs.
            starting = loop.create_task(self._start_serving(loop))
            loop.run_forever()
            if starting.done():
                starting.result()
            starting.cancel()
        finally:
            self._serving = False
            for number in watched:
                loop.remove_signal_handler(number)
            try:
                self._end_loop(loop)
            finally:
                for number, handler in watched.items():
                    signal.signal(number, handler)
        if self._interrupted:
            raise KeyboardInterrupt

    def stop(self) -> None:
        """Ask ``serve_forever`` to end gracefully and return. From any thread."""
        self._stopping = True
        if self._serving and self._loop is not None:
            self._loop.call_soon_threadsafe(self._loop.stop)

    # --- called by connections ------------------------------------------------------------------

    def admits(self, transport: asyncio.Transport) -> bool:
        """Whether there is room for another connection; the transport is closed if not."""
        self._totals.accepted += 1
        if self.max_connections is None or self.connection_count < self.max_connections:
            return True
        self._totals.refused("connections.limit")
        self._turned_away += 1
        transport.abort()
        return False

    def handshake_begun(self, handshake: Beginning) -> None:
        """A client has connected, and is to make a TLS handshake, or its proxy to speak for it."""
        self._handshakes.add(handshake)
        self._begin_sweep()

    def handshake_over(self, handshake: Beginning) -> None:
        """A handshake has ended, well or badly."""
        self._handshakes.discard(handshake)
        self._tell_if_empty()

    def handshake_refused(self, address: tuple[Any, ...], slug: str, reason: str) -> None:
        """A handshake was not to our liking, or never ended."""
        self._totals.refused(slug)
        self.log.warning(
            "refused, address:%s, port:%s: %s%s",
            address[0],
            address[1],
            slug,
            f" ({reason})" if reason else "",
        )

    def protocol_for(self, transport: asyncio.Transport) -> Any:  # noqa: ARG002 - others look at it
        """Return the protocol of a connection whose TLS handshake is over."""
        assert self._loop is not None
        return ServerProtocol(self, self._loop)

    def begin_http1(
        self, connection: ServerProtocol, transport: asyncio.Transport, opening: bytes
    ) -> None:
        """A client speaks HTTP/1, and there is somebody who does, too."""
        raise NotImplementedError

    def connection_opened(self, connection: ServerProtocol) -> None:
        """A connection was made."""
        self._connections.add(connection)
        self._begin_sweep()

    def connection_closed(self, connection: ServerProtocol) -> None:
        """A connection is lost."""
        self._connections.discard(connection)
        self._totals.add(connection)
        self._tell_if_empty()

    def look_around(self, now: float) -> bool:
        """Apply the time limits to all connections; whether there are any.

        :param now: the event loop's time.
        """
        limits = self.time_limits
        for handshake in list(self._handshakes):
            handshake.look(limits.handshake, now)
        for connection in list(self._connections):
            connection.look(limits, now)
        if self._turned_away:
            self.log.warning("refused %d connections: connections.limit", self._turned_away)
            self._turned_away = 0
        return self.connection_count > 0

    def keep_task(self, task: asyncio.Task[None]) -> None:
        """Keep a task that works for a stream: it must not vanish, and ends with the server."""
        if not task.done():
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    # --- inside ---------------------------------------------------------------------------------

    async def _start_serving(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start; stop the loop if that fails, or if ``stop`` was called already."""
        try:
            await self.start()
            self._serving = True
        finally:
            if self._stopping or not self._serving:
                loop.stop()

    def _connect(self) -> Any:
        """Return the protocol of a connection that has just been made."""
        assert self._loop is not None
        if self._ssl is not None:
            return Handshake(self, self._loop, self._ssl)
        return ServerProtocol(self, self._loop)

    def _begin_sweep(self) -> None:
        assert self._loop is not None
        self._sweep.begin(self._loop)

    def _tell_if_empty(self) -> None:
        if self._empty is not None and not self.connection_count:
            self._empty.set()

    def _abort(self) -> None:
        for connection in list(self._connections):
            connection.abort()
        for handshake in list(self._handshakes):
            handshake.abort()

    def _closed_event(self) -> asyncio.Event:
        if self._closed is None:
            self._closed = asyncio.Event()
        return self._closed

    async def _stop_accepting(self) -> None:
        if self._servers and self._loop is not None:
            connect, close = self._connect, self._stop_listening
            await stop_accepting(self._loop, self.sockets, connect, self._backlog, close)
        else:
            self._stop_listening()

    def _stop_listening(self) -> None:
        for server in self._servers:
            server.close()
        for listener in self._listeners:
            listener.close()
        self._listeners = []

    async def _drain(self, seconds: float) -> None:
        """Let the connections end: by themselves, then by GOAWAY, then by force."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        for connection in list(self._connections):
            connection.begin_shutdown()
        await self._until_empty(min(seconds, IDLE_GRACE))
        for handshake in list(self._handshakes):
            handshake.abort()
        for connection in list(self._connections):
            connection.say_goodbye()
        await self._until_empty(deadline - loop.time())
        for connection in list(self._connections):
            connection.terminate(0, "the server closes")
        await self._until_empty(_LAST_GRACE)
        self._abort()
        await self._until_empty(_ABORT_GRACE)
        if self._tasks:
            for task in self._tasks:
                task.cancel()
            await asyncio.wait(self._tasks, timeout=_ABORT_GRACE)

    async def _until_empty(self, seconds: float) -> None:
        """Wait until no connection is left, ``seconds`` at most."""
        if self.connection_count and seconds > 0:
            self._empty = asyncio.Event()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._empty.wait(), seconds)

    def _watch_signals(self, loop: asyncio.AbstractEventLoop) -> dict[int, Any]:
        """Let SIGINT and SIGTERM end the loop, where nobody else handles them.

        Returns what handled them before.
        """
        watched: dict[int, Any] = {}
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                handler = signal.getsignal(number)
                if handler in (signal.default_int_handler, signal.SIG_DFL):
                    with contextlib.suppress(NotImplementedError):
                        loop.add_signal_handler(number, self._signalled, loop, number)
                        watched[number] = handler
        return watched

    def _signalled(self, loop: asyncio.AbstractEventLoop, number: int) -> None:
        self._interrupted = number == signal.SIGINT
        self._stopping = True
        # From here on signals do what they do elsewhere: the next one ends the waiting.
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(each)
        loop.stop()

    def _end_loop(self, loop: asyncio.AbstractEventLoop) -> None:
        """Close everything, and the loop if it is ours."""
        try:
            loop.run_until_complete(self.close())
        finally:
            if self.closes_loop:
                try:
                    _cancel_tasks(loop)
                    loop.run_until_complete(loop.shutdown_asyncgens())
                    loop.run_until_complete(loop.shutdown_default_executor())
                finally:
                    asyncio.set_event_loop(None)
                    loop.close()


def new_event_loop() -> asyncio.AbstractEventLoop:
    """Return a new event loop: uvloop's if it is installed, else asyncio's."""
    try:
        import uvloop
    except ImportError:
        return asyncio.new_event_loop()
    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


async def _serve_unix(
    loop: asyncio.AbstractEventLoop, make: Callable[[], Any], options: dict[str, Any]
) -> asyncio.AbstractServer:
    """Serve on a Unix socket, whose file is ours to remove: other processes may listen there."""
    if sys.version_info >= (3, 13):
        # uvloop has this since 0.22; before that it left the file alone
        with contextlib.suppress(TypeError):
            return await loop.create_unix_server(make, cleanup_socket=False, **options)
    return await loop.create_unix_server(make, **options)


def _cancel_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Cancel what the program left running, as ``asyncio.run`` does."""
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.wait(tasks))
