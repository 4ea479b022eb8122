"""The life of a connection: its beginning, what it writes, its limits of time, its end."""

from __future__ import annotations

import asyncio
from typing import Any, cast

from plait.http2 import Config, Connection, ErrorCode
from plait.http2.events import Event
from plait.server.linger import Linger
from plait.server.timeouts import TimeLimits, Watch
from plait.server.tls import negotiated_protocol, weakness

# Octets asked of the engine at a time, and times in a row before other connections have a turn.
_APPETITE = 131_072
_HELPINGS = 16

# Seconds that a client which broke the rules has for reading what was said last.
_SHORT_PATIENCE = 1.0

_DEFAULT_CONFIG = Config(enable_connect_protocol=False)


def engine_config() -> Config:
    """Return what the engine announces and bears: plait's defaults, without tunnels."""
    return _DEFAULT_CONFIG


class Life:
    """The part of a connection that has to do with its transport.

    :ivar octets_in: how many octets arrived.
    :ivar octets_out: how many were given to the transport.
    :ivar secure: the transport speaks TLS.
    :ivar at_fault: the client broke the rules.
    :ivar finishing: everything is said; the client has yet to read it.
    :ivar busy: octets are being read; what they cause is written afterwards.
    """

    conn: Connection
    logger: Any

    def __init__(self, component: Any) -> None:
        self.component = component
        self.loop: asyncio.AbstractEventLoop = running_loop(component.app)
        self.transport: asyncio.Transport | None = None
        self.ip: str | None = None
        self.client_port: int | None = None
        self.scheme = "https"
        self.secure = False
        self.at_fault = False
        self.finishing = False
        self.busy = False
        self.octets_in = 0
        self.octets_out = 0
        self.time_limits: TimeLimits = getattr(component, "time_limits", None) or TimeLimits()
        self._paused = False
        self._soon: asyncio.Handle | None = None
        self._linger: Linger | None = None
        self._watch = Watch()
        self._known = False

    # --- the beginning --------------------------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        """A client has connected; over TLS the handshake is over."""
        self.transport = transport
        self._learn_address(transport)
        transport.set_write_buffer_limits(_APPETITE)
        self._watch.begin(self.loop.time())
        self.secure = transport.get_extra_info("sslcontext") is not None
        self._tell("connection_made", protocol=self)
        opened = getattr(self.component, "connection_opened", None)
        if opened is not None:
            opened(self)
        if not self.secure:
            self.scheme = "http"
            self.logger.warning("HTTP/2 connection established over a non-TLS stream!")
        elif negotiated_protocol(transport) != "h2":
            self.logger.info("closing: the client did not choose h2 by ALPN")
            self.close(ErrorCode.PROTOCOL_ERROR)
            return
        self.conn.initiate_connection()
        weak = weakness(transport)
        if weak is not None:
            self.logger.info("closing: %s", weak[1])
            self.close(ErrorCode.INADEQUATE_SECURITY)
        self.flush()

    def _learn_address(self, transport: Any) -> None:
        """Look where the client is."""
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple) and len(peer) > 1:
            self.ip, self.client_port = peer[:2]
        else:
            self.logger.warning("The address of a client is not known")

    @property
    def server_name(self) -> str:
        """The name of the server, for requests that name none."""
        return str(self.component.get_server_name())

    @property
    def server_port(self) -> str:
        """The port that is listened on."""
        bound = self.transport.get_extra_info("sockname") if self.transport else None
        return str(bound[1] if isinstance(bound, tuple) else getattr(self.component, "port", ""))

    def _tell(self, signal: str, **named: Any) -> None:
        """Dispatch a signal of the component, if it has it."""
        found = getattr(self.component, signal, None)
        if found is not None:
            found.dispatch(**named)

    # --- writing --------------------------------------------------------------------------------

    def pause_writing(self) -> None:
        """The transport has enough: nothing is pulled from the engine, nor from the application."""
        self._paused = True

    def resume_writing(self) -> None:
        """The transport can take more."""
        self._paused = False
        self.flush()

    def raw_write(self, data: bytes) -> None:
        """Write octets; a transport that has broken meanwhile does not matter."""
        if self.transport is None:
            return
        self.octets_out += len(data)
        try:
            self.transport.write(data)
        except OSError as problem:
            self.logger.debug("writing: %s", problem)

    def flush_soon(self) -> None:
        """Flush when everything that is ready to run has had its turn, in one piece."""
        if self._soon is None and not self.busy and self.transport is not None:
            self._soon = self.loop.call_soon(self._flush_now)

    def _flush_now(self) -> None:
        self._soon = None
        self.flush()

    def flush(self) -> None:
        """Write what the engine has to send, and see which streams ended by it."""
        if self.busy or self.finishing:
            return
        self.busy = True
        try:
            again = self._pull()
            while events := self.conn.take_events():
                for event in events:
                    self._ended(event)
                again = self._pull() or again
        finally:
            self.busy = False
        if self.conn.closed or self.conn.drained:
            self._finish()
        elif again:
            self.flush_soon()

    def _pull(self) -> bool:
        """Write until there is nothing, or the transport has enough; tell if there may be more."""
        for _ in range(_HELPINGS):
            if self.transport is None or (self._paused and not self.conn.closed):
                return False
            data = self.conn.data_to_send(_APPETITE)
            if not data:
                return False
            self.raw_write(data)
        return True

    def _ended(self, event: Event) -> None:
        """A stream may have ended."""
        raise NotImplementedError

    # --- the end --------------------------------------------------------------------------------

    def eof_received(self) -> bool:
        """The client has gone: a false answer lets the transport close itself."""
        return False

    def close(self, error_code: int = 0) -> None:
        """Send GOAWAY with a code, and close. Called again, do nothing."""
        self.conn.terminate(int(error_code))
        self.flush()

    def begin_shutdown(self) -> None:
        """Let the client finish what it has begun (RFC 9113 §6.8), then close."""
        self.conn.begin_shutdown()
        self.flush()

    def abort(self) -> None:
        """Close the connection at once."""
        if self.transport is not None:
            self.transport.abort()

    def waiting_octets(self) -> int:
        """Return how many octets the transport holds that the system has not taken."""
        return 0 if self.transport is None else self.transport.get_write_buffer_size()

    def _finish(self) -> None:
        """Everything is said: close when the client has read it, or stopped reading."""
        if self.finishing or self.transport is None:
            return
        self.finishing = True
        limits = self.time_limits
        patience = _SHORT_PATIENCE if self.at_fault else limits.write
        self._linger = Linger(cast("Any", self), patience, limits.write_progress)
        self._linger.begin()

    def over(self, error: Exception | None) -> None:
        """The connection is lost."""
        self.finishing = True
        if self._linger is not None:
            self._linger.cancel()
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        self._tell("connection_lost", protocol=self, exc=error)
        closed = getattr(self.component, "connection_closed", None)
        if closed is not None:
            closed(self)

    # --- limits of time -------------------------------------------------------------------------

    def greeted(self) -> None:
        """The client's settings have come."""
        if self._watch.greeted is None:
            self._watch.greeted = self.loop.time()

    def look(self, limits: TimeLimits, now: float) -> None:
        """See whether the client takes too long for anything."""
        if not self.finishing:
            self._watch.look(cast("Any", Looked(self)), limits, now)

    def ends_from(self, now: float) -> None:
        """The connection is ending since ``now``."""
        self._watch.ending = now


class Looked:
    """A connection as the limits of time see it, and what they do to it."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self.engine = life.conn
        self.server = life.component
        self.octets_in = life.octets_in
        self.octets_out = life.octets_out
        self.waiting_octets = life.waiting_octets

    def time_is_up(self, slug: str, error_code: ErrorCode) -> None:
        """The client was too slow: the connection ends."""
        self._life.logger.info("closing: %s", slug)
        self._life.at_fault = True
        self._life.close(error_code)

    def give_up(self, stream_id: int, slug: str) -> None:
        """The client was too slow: a stream ends."""
        self._life.logger.info("stream %d: %s", stream_id, slug)
        self.engine.reset_stream(stream_id, int(ErrorCode.CANCEL))
        self._life.flush()

    def cut_off(self, slug: str) -> None:
        """The client does not read: nothing can be said to it any more."""
        self._life.logger.info("closing: %s", slug)
        self._life.abort()

    def retire(self, slug: str) -> None:
        """The connection has lasted long enough."""
        self._life.logger.debug("closing: %s", slug)
        self._life.ends_from(self._life.loop.time())
        self._life.begin_shutdown()

    def say_goodbye(self) -> None:
        """Take nothing new, although the client did not answer our PING."""
        if not self.engine.goaway_sent:
            self.engine.send_goaway()
        self._life.flush()

    def terminate(self, error_code: int, message: str) -> None:
        """End it now."""
        del message
        self._life.close(error_code)


def running_loop(app: Any) -> asyncio.AbstractEventLoop:
    """Return the application's event loop if it runs, else the one that does."""
    loop = getattr(app, "loop", None)
    if isinstance(loop, asyncio.AbstractEventLoop) and loop.is_running():
        return loop
    return asyncio.get_running_loop()
