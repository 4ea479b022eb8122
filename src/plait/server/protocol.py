"""The glue between an asyncio transport and the engine: one ``ServerProtocol`` a connection.

One read is one ``receive_data``, one walk over its events, and one write of everything that the
callbacks caused.

A connection goes through phases: *opening* until its first octets say that it speaks HTTP/2,
*speaking*, *lingering* (everything is said, and the client has yet to read it), and *lost*.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from plait.http2.connection import Connection
from plait.http2.constants import Role
from plait.http2.errors import ErrorCode
from plait.http2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RemoteSettingsChanged,
    RequestReceived,
    StreamClosed,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from plait.http2.progress import without_withdrawn

from .addresses import peer_address
from .exchanges import Exchanges
from .linger import Linger
from .preface import HTTP1, HTTP2, http1_answer, judge_opening
from .stats import is_ordinary, refusals_line
from .timeouts import TimeLimits, Watch
from .tls import negotiated_protocol, weakness

if TYPE_CHECKING:
    from plait.http2.fields import Field

    from .http2_server import HTTP2Server

_OPENING = 0
_SPEAKING = 1
_LINGERING = 2
_LOST = 3

# Octets of a read that is not worth a look at what it costs.
_SMALL_READ = 4096

# Seconds in which a client that broke the rules has to read what was said last.
_SHORT_PATIENCE = 1.0

# Seconds in which a client that has just connected may ask before it is told of a graceful end.
_FIRST_REQUESTS = 0.25

_INTERNAL_ERROR = int(ErrorCode.INTERNAL_ERROR)
_CANCEL = int(ErrorCode.CANCEL)


class ServerProtocol(Exchanges):
    """The asyncio protocol of one connection (it has the methods, not the base class).

    :ivar octets_in: how many octets arrived.
    """

    def __init__(self, server: HTTP2Server, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(server, loop)
        self.phase = _OPENING
        self.octets_in = 0
        self.peer_resets = 0
        self.opening = b""
        self.leaving = False
        self.at_fault = False
        self.watch = Watch()
        self.linger: Linger | None = None

    # --- called by the transport ----------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A client has connected; over TLS the handshake is over.

        TCP_NODELAY needs no call: event loops set it on every TCP connection.
        """
        server = self.server
        self.secure = transport.get_extra_info("sslcontext") is not None
        if self.secure or self.peer is not None or server.admits(transport):
            self.begin_connection(transport)

    def begin_connection(self, transport: asyncio.Transport) -> None:
        """The connection is admitted."""
        server = self.server
        self.transport = transport
        self.watch.begin(self.loop.time())
        self.remote_address = address = peer_address(transport)
        if self.peer is not None and self.peer.client is not None:
            self.remote_address = address = self.peer.client
        level = server.customs.connections_level
        self.log.log(level, "connection_made, address:%s, port:%s", address[0], address[1])
        self.limit_buffer(transport)
        server.connection_opened(self)
        self.engine = Connection(Role.SERVER, server.engine_config)
        if self.secure:
            self.begin_secure(transport)
        if server.is_closing:
            self.begin_shutdown()

    def begin_secure(self, transport: asyncio.Transport) -> None:
        """Check what TLS negotiated, and begin with our SETTINGS at once."""
        protocol = negotiated_protocol(transport)
        if protocol != "h2":
            self.refused("tls.alpn")
            self.log.info(
                "closing: the client %s; only h2 is spoken here",
                "negotiated no protocol by ALPN" if protocol is None else f"chose {protocol}",
            )
            self.finish()
            return
        self.log.log(self.server.customs.connections_level, "alpn, protocol:%s", protocol)
        self.phase = _SPEAKING
        weak = weakness(transport)
        if weak is not None:
            slug, reason = weak
            self.refused(slug)
            self.log.info("closing: %s", reason)
            self.terminate(int(ErrorCode.INADEQUATE_SECURITY), f"{slug}: {reason}")
            return
        self.begin()

    def begin(self) -> None:
        """Write our first SETTINGS."""
        assert self.engine is not None
        self.engine.initiate_connection()
        self.flush()

    def data_received(self, data: bytes) -> None:
        """Octets arrived."""
        self.octets_in += len(data)
        if self.phase != _SPEAKING:
            data = self.opened(data)
            if not data:
                return
        if len(data) > _SMALL_READ or self.unheard:
            self.hear_in_turns(data)
        else:
            self.hear(data)

    def hear(self, data: bytes) -> None:
        """Take octets that are HTTP/2."""
        engine = self.engine
        if engine is None:
            return
        self.busy = True
        self.logs_access = self.log.isEnabledFor(logging.INFO)
        try:
            events = engine.receive_data(data)
            if len(events) > 1:
                events = self.without_withdrawn(engine, events)
            for event in events:
                if isinstance(event, RequestReceived):
                    self.request_received(event)
                elif isinstance(event, DataReceived):
                    self.data_arrived(event)
                elif isinstance(event, WindowUpdated):
                    continue
                else:
                    self.rare_event(event)
        finally:
            self.busy = False
        self.flush()

    def eof_received(self) -> bool:
        """The client has gone: a false answer lets the transport close itself."""
        return False

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it
        """The connection is gone, and every stream with it."""
        if self.transport is None:
            return  # it was not admitted
        self.log.log(self.server.customs.connections_level, "connection_lost")
        self.phase = _LOST
        self.cancel_timers()
        self.unheard = b""
        self.server.connection_closed(self)
        if self.refusals is not None:
            level = logging.INFO if is_ordinary(self.refusals) else logging.WARNING
            address = self.remote_address
            line = refusals_line(self.refusals)
            self.log.log(level, "refused, address:%s, port:%s: %s", address[0], address[1], line)
        engine = self.engine
        self.engine = None
        try:
            streams = list(self.streams)
            for stream_id in streams:
                self.close_stream(stream_id, _INTERNAL_ERROR)
            if self.pushes is not None:
                self.pushes.close_refused()
        finally:
            # what the engine holds, bodies above all, is not to wait for the garbage collector
            del engine
            self.transport = None

    # --- the beginning --------------------------------------------------------------------------

    def opened(self, data: bytes) -> bytes:
        """Return all octets so far if they are HTTP/2, as far as the first tell; else none.

        In clear text our SETTINGS wait for them, so that a client of HTTP/1.1 can be answered.
        """
        engine = self.engine
        if self.phase != _OPENING or engine is None:
            return b""
        self.opening += data
        verdict = judge_opening(self.opening)
        if verdict == HTTP1 and self.server.http1 is not None:
            self.hand_over()
            return b""
        if verdict == HTTP1:
            self.refused("preface.http1")
            self.log.info("closing: the client speaks HTTP/1.x; only HTTP/2 is spoken here")
            if self.transport is not None:
                self.transport.write(http1_answer(self.opening))
            self.finish()
        if verdict != HTTP2:
            return b""
        self.phase = _SPEAKING
        engine.initiate_connection()
        if self.leaving:
            self.begin_shutdown()
        opening = self.opening
        self.opening = b""
        return opening

    def hand_over(self) -> None:
        """The client speaks HTTP/1: another protocol has the transport from here on."""
        transport = self.transport
        if transport is None:
            return
        opening = self.opening
        self.opening = b""
        self.octets_in = 0
        self.phase = _LOST
        self.engine = None
        self.transport = None
        self.hear_no_more()
        self.server.begin_http1(self, transport, opening)

    def begin_upgraded(
        self, transport: asyncio.Transport, fields: list[Field], settings: bytes, complete: bool
    ) -> None:
        """A request in HTTP/1.1 becomes stream 1 (RFC 7540 §3.2).

        :raises UsageError: if the request or the settings are not valid.
        """
        self.begin_connection(transport)
        engine = self.engine
        assert engine is not None
        self.phase = _SPEAKING
        self.busy = True
        try:
            events = engine.receive_upgrade(fields, settings, complete)
            engine.initiate_connection()
            for event in events:
                if isinstance(event, RequestReceived):
                    self.request_received(event)
        finally:
            self.busy = False
        self.flush()

    # --- events ---------------------------------------------------------------------------------

    def without_withdrawn(self, engine: Connection, events: list[Event]) -> list[Event]:
        """Leave out the requests that the client took back as soon as it had made them."""
        resets = engine.peer_resets
        if resets == self.peer_resets:
            return events
        self.peer_resets = resets
        if self.server.customs.withdrawn_requests:
            return events
        kept = without_withdrawn(events)
        if len(kept) < len(events):
            known = {id(event) for event in kept}
            for event in events:
                if isinstance(event, StreamReset) and id(event) not in known:
                    if not event.remote_reset:
                        self.refused(event.slug)
        return kept

    def rare_event(self, event: Event) -> None:
        """Act upon the events that are not part of every request."""
        if isinstance(event, StreamClosed):
            self.stream_closed(event)
        elif isinstance(event, StreamReset):
            self.stream_reset(event)
        elif isinstance(event, TrailersReceived):
            self.trailers_received(event)
        elif isinstance(event, RemoteSettingsChanged):
            if self.engine is not None:
                self.can_push = self.engine.push_enabled
            if self.watch.greeted is None:
                self.watch.greeted = self.loop.time()
        elif isinstance(event, ConnectionTerminated) and not event.remote:
            self.at_fault = True
            self.refused(event.slug)
            self.log.info("closing: %s, error code %d", event.slug, event.error_code)

    # --- time limits ----------------------------------------------------------------------------

    def look(self, limits: TimeLimits, now: float) -> None:
        """See whether the client takes too long for anything."""
        if self.phase <= _SPEAKING:
            self.watch.look(self, limits, now)

    def time_is_up(self, slug: str, error_code: ErrorCode) -> None:
        """The client was too slow: the connection ends."""
        self.refused(slug)
        self.at_fault = True
        self.terminate(int(error_code), f"{slug}: the time is up")

    def give_up(self, stream_id: int, slug: str) -> None:
        """The client was too slow: a stream ends."""
        if self.engine is not None:
            self.refused(slug)
            self.engine.reset_stream(stream_id, _CANCEL)
            self.flush()

    def cut_off(self, slug: str) -> None:
        """The client does not read: nothing can be said to it any more."""
        self.refused(slug)
        self.abort()

    def retire(self, slug: str) -> None:
        """The connection has lasted long enough: it ends gracefully."""
        self.refused(slug)
        self.watch.ending = self.loop.time()
        self.begin_shutdown()

    # --- the end --------------------------------------------------------------------------------

    def begin_shutdown(self) -> None:
        """Let the client finish what it has begun (RFC 9113 §6.8)."""
        self.leaving = True
        for handler in list(self.streams.values()):
            handler._h2_leaving()
        engine = self.engine
        if engine is None or self.phase != _SPEAKING:
            return
        if engine.requests_received or self.watch.ending is not None:
            self.announce_end()
        else:
            # HAProxy does not send what it connected for when it is told of the end before, and
            # cannot tell its own clients that they may ask again.
            self.loop.call_later(_FIRST_REQUESTS, self.announce_end)

    def announce_end(self) -> None:
        """Tell the client that the connection ends."""
        if self.phase == _SPEAKING and self.engine is not None:
            self.engine.begin_shutdown()
            self.flush()

    def say_goodbye(self) -> None:
        """Take nothing new, although the client did not answer our PING."""
        if self.phase == _OPENING:
            self.finish()
        elif self.phase == _SPEAKING and self.engine is not None:
            if not self.engine.goaway_sent:
                self.engine.send_goaway()
            self.flush()

    def terminate(self, error_code: int, message: str) -> None:
        """Send GOAWAY, and close."""
        if self.phase > _SPEAKING or self.engine is None:
            return
        self.phase = _SPEAKING
        self.engine.initiate_connection()
        self.engine.terminate(error_code, message.encode())
        self.flush()

    def finish(self) -> None:
        """Everything is said: close when the client has read it, or stopped reading."""
        if self.phase >= _LINGERING or self.transport is None:
            return
        self.phase = _LINGERING
        self.cancel_timers()
        self.hear_no_more()
        limits = self.server.time_limits
        if self.at_fault:
            self.linger = Linger(self, _SHORT_PATIENCE, limits.write_progress)
        else:
            self.linger = Linger(self, limits.write, limits.write_progress)
        self.linger.begin()

    def abort(self) -> None:
        """Close the connection at once."""
        if self.transport is not None:
            self.transport.abort()

    def cancel_timers(self) -> None:
        """Forget what was to be called later."""
        if self.linger is not None:
            self.linger.cancel()
        if self.again is not None:
            self.again.cancel()
            self.again = None

    # --- writing --------------------------------------------------------------------------------

    def flush(self) -> None:
        """Write what the engine has to send, and report the streams that ended by it."""
        if self.busy or self.phase != _SPEAKING:
            return
        engine = self.engine
        if engine is None:
            return
        self.busy = True
        try:
            while True:
                self.write(engine)
                if self.due_trailers is not None:
                    self.send_trailers(engine)
                    continue
                events = engine.take_events()
                if not events and (self.pushes is None or not self.pushes.refused):
                    break
                for event in events:
                    if isinstance(event, StreamClosed):
                        self.stream_closed(event)
                    elif isinstance(event, StreamReset):
                        self.stream_reset(event)
                if self.pushes is not None:
                    self.pushes.close_refused()
        finally:
            self.busy = False
        if engine.closed or engine.drained:
            self.finish()
        elif self.paused:
            self.hold_back(engine)
