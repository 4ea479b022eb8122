"""The glue between an asyncio transport and the engine: one ``ServerProtocol`` a connection.

One read is one ``receive_data``, one walk over its events, and one write of everything that the
callbacks caused. There is no task, future or queue on the way of a request whose handler is
synchronous.

A connection goes through phases: *opening* until its first octets say that it speaks HTTP/2,
*speaking*, *lingering* (everything is said; octets that still arrive are thrown away so that the
system does not answer them with a reset that would destroy what the client has not read yet), and
*lost*.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import traceback
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from plait.http2.connection import Connection
from plait.http2.constants import Role
from plait.http2.errors import ErrorCode
from plait.http2.events import (
    ConnectionTerminated,
    DataReceived,
    Event,
    RequestReceived,
    SettingsAcknowledged,
    StreamClosed,
    StreamReset,
    TrailersReceived,
    WindowUpdated,
)
from plait.http2.fields import outgoing_fields

from .bodies import AsyncBody
from .handler import BaseRequestHandler
from .outlet import Outlet
from .preface import HTTP1, HTTP2, http1_answer, judge_opening
from .pushes import Pushes
from .tasks import ASYNC, CLOSE, DATA, DONE, HEADERS, StreamWork, callback_plan, start_task
from .tls import negotiated_protocol, weakness

if TYPE_CHECKING:
    from plait.http2.fields import Field

    from .http2_server import HTTP2Server

_OPENING = 0
_SPEAKING = 1
_LINGERING = 2
_LOST = 3

# Seconds that a client has to read what was said last.
_LINGER = 1.0

_NO_ERROR = int(ErrorCode.NO_ERROR)
_PROTOCOL_ERROR = int(ErrorCode.PROTOCOL_ERROR)
_INTERNAL_ERROR = int(ErrorCode.INTERNAL_ERROR)
_ASYNC = ASYNC
_ON_HEADERS = HEADERS
_ON_DATA = DATA
_ON_DONE = DONE
_ON_CLOSE = CLOSE


class ServerProtocol(Outlet):
    """The asyncio protocol of one connection (it has the methods, not the base class).

    :ivar streams: the handlers of the streams that live, by stream number.
    """

    def __init__(self, server: HTTP2Server, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop, server.log)
        self.server = server
        self.handler_factory = server.handler_factory
        # The class of the latest handler, and its callbacks.
        self.planned: type | None = None
        self.plan = 0
        self.streams: dict[int, BaseRequestHandler] = {}
        self.phase = _OPENING
        self.highest_stream_id = 0
        self.pushes: Pushes | None = None
        self.opening = b""
        self.timer: asyncio.TimerHandle | None = None

    # --- called by the transport ----------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A client has connected; over TLS the handshake is over.

        TCP_NODELAY needs no call: event loops set it on every TCP connection.
        """
        self.transport = transport
        server = self.server
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            self.remote_address = peer
        else:
            self.remote_address = ("unix", 0)
        address = self.remote_address
        self.log.info("connection_made, address:%s, port:%s", address[0], address[1])
        self.limit_buffer(transport)
        server.connection_opened(self)
        self.engine = Connection(Role.SERVER, server.config)
        self.timer = self.loop.call_later(server.settings_timeout, self.settings_timed_out)
        self.secure = transport.get_extra_info("sslcontext") is not None
        if self.secure:
            self.begin_secure(transport)
        if server.is_closing:
            self.finish()

    def begin_secure(self, transport: asyncio.Transport) -> None:
        """Check what TLS negotiated, and begin with our SETTINGS at once."""
        protocol = negotiated_protocol(transport)
        if protocol != "h2":
            self.log.info(
                "closing: the client %s; only h2 is spoken here",
                "negotiated no protocol by ALPN" if protocol is None else f"chose {protocol}",
            )
            self.finish()
            return
        self.log.info("alpn, protocol:%s", protocol)
        self.phase = _SPEAKING
        reason = weakness(transport)
        if reason is not None:
            self.log.info("closing: %s", reason)
            self.terminate(int(ErrorCode.INADEQUATE_SECURITY), reason)
            return
        self.begin()

    def begin(self) -> None:
        """Write our first SETTINGS."""
        assert self.engine is not None
        self.engine.initiate_connection()
        self.flush()

    def data_received(self, data: bytes) -> None:
        """Octets arrived."""
        if self.phase != _SPEAKING and not self.opens(data):
            return
        engine = self.engine
        if engine is None:
            return
        self.busy = True
        self.logs_access = self.log.isEnabledFor(logging.INFO)
        try:
            for event in engine.receive_data(data):
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
        self.log.info("connection_lost")
        self.phase = _LOST
        self.cancel_timers()
        engine = self.engine
        self.engine = None
        self.server.connection_closed(self)
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

    # --- the beginning and the end --------------------------------------------------------------

    def opens(self, data: bytes) -> bool:
        """Whether the connection speaks HTTP/2, as far as its first octets tell.

        In clear text our SETTINGS wait for them, so that a client of HTTP/1.1 can be answered.
        """
        if self.phase != _OPENING or self.engine is None:
            return False
        self.opening += data
        verdict = judge_opening(self.opening)
        if verdict == HTTP1:
            self.log.info("closing: the client speaks HTTP/1.x; only HTTP/2 is spoken here")
            if self.transport is not None:
                self.transport.write(http1_answer(self.opening))
            self.finish()
        elif verdict == HTTP2:
            self.phase = _SPEAKING
            self.engine.initiate_connection()
            if len(self.opening) > len(data):
                # the earlier octets were held back; on failure there is nobody to answer
                self.data_received(self.opening[: -len(data)])
            self.opening = b""
            return self.phase == _SPEAKING
        return False

    def settings_timed_out(self) -> None:
        """The client has not acknowledged our SETTINGS in time."""
        self.timer = None
        self.terminate(int(ErrorCode.SETTINGS_TIMEOUT), "SETTINGS were not acknowledged")

    def begin_shutdown(self) -> None:
        """Let the client finish what it has begun (RFC 9113 §6.8)."""
        if self.phase == _OPENING:
            self.finish()
        elif self.phase == _SPEAKING and self.engine is not None:
            self.engine.begin_shutdown()
            self.flush()

    def finish_idle(self) -> None:
        """End the connection if no stream is open, even if it did not answer our PING."""
        if self.phase == _SPEAKING and not self.streams:
            self.terminate(_NO_ERROR, "")

    def terminate(self, error_code: int, message: str) -> None:
        """Send GOAWAY, and close."""
        if self.phase > _SPEAKING or self.engine is None:
            return
        self.phase = _SPEAKING
        self.engine.initiate_connection()
        self.engine.terminate(error_code, message.encode())
        self.flush()

    def finish(self) -> None:
        """Everything is said: close when the client has read it, or its time is over."""
        if self.phase >= _LINGERING or self.transport is None:
            return
        self.phase = _LINGERING
        self.cancel_timers()
        transport = self.transport
        if self.secure or not transport.can_write_eof():
            transport.close()
        else:
            transport.write_eof()
        self.timer = self.loop.call_later(_LINGER, self.abort)

    def abort(self) -> None:
        """Close the connection at once."""
        if self.transport is not None:
            self.transport.abort()

    def cancel_timers(self) -> None:
        """Forget what was to be called later."""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        if self.again is not None:
            self.again.cancel()
            self.again = None

    # --- events ---------------------------------------------------------------------------------

    def request_received(self, event: RequestReceived) -> None:
        """A request has begun, and perhaps is complete."""
        stream_id = event.stream_id
        handler = self.new_handler(stream_id)
        if handler is None:
            return
        handler.method = event.method
        handler.scheme = event.scheme
        handler.host = event.authority
        handler.path = event.path
        handler.headers = event.headers
        if event.has_cookies:
            self.join_cookies(handler)
        if handler._h2_plan & _ASYNC:
            self.work_of(handler).deliver(event)
            return
        if handler._h2_plan & _ON_HEADERS:
            self.calling = handler
            try:
                handler.on_headers()
            except BaseException as error:  # noqa: BLE001
                self.callback_failed(handler, error)
            self.calling = None
            if handler._h2_held:
                handler._h2_submit()
        if event.end_stream:
            self.request_done(handler)

    def data_arrived(self, event: DataReceived) -> None:
        """Some of a request's body arrived."""
        handler = self.streams.get(event.stream_id)
        if handler is None:
            return
        if handler._h2_plan & _ASYNC:
            self.work_of(handler).deliver(event)
            return
        if event.data and handler._h2_plan & _ON_DATA and not handler._h2_failed:
            self.calling = handler
            try:
                handler.on_data(event.data)
            except BaseException as error:  # noqa: BLE001
                self.callback_failed(handler, error)
            self.calling = None
            if handler._h2_held:
                handler._h2_submit()
        if event.flow_controlled_length and self.engine is not None:
            self.engine.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        if event.end_stream:
            self.request_done(handler)

    def request_done(self, handler: BaseRequestHandler) -> None:
        """The request is complete."""
        if handler._h2_plan & _ON_DONE and not handler._h2_failed:
            self.calling = handler
            try:
                handler.on_request_done()
            except BaseException as error:  # noqa: BLE001
                self.callback_failed(handler, error)
            self.calling = None
            if handler._h2_held:
                handler._h2_submit()

    def rare_event(self, event: Event) -> None:
        """Act upon the events that are not part of every request."""
        if isinstance(event, StreamClosed):
            self.stream_closed(event)
        elif isinstance(event, StreamReset):
            self.stream_reset(event)
        elif isinstance(event, TrailersReceived):
            self.trailers_received(event)
        elif isinstance(event, SettingsAcknowledged):
            if self.timer is not None:
                self.timer.cancel()
                self.timer = None
        elif isinstance(event, ConnectionTerminated) and not event.remote:
            self.log.info("closing: %s, error code %d", event.slug, event.error_code)

    def stream_closed(self, event: StreamClosed) -> None:
        """A stream ended in good order, or as we wanted."""
        self.close_stream(event.stream_id, event.error_code)

    def trailers_received(self, event: TrailersReceived) -> None:
        """The request ends with trailers: they join the other fields."""
        handler = self.streams.get(event.stream_id)
        if handler is None:
            return
        if handler._h2_plan & _ASYNC:
            self.work_of(handler).deliver(event)
            return
        handler.headers.extend(event.headers)
        self.request_done(handler)

    def stream_reset(self, event: StreamReset) -> None:
        """A stream ended before its time."""
        stream_id = event.stream_id
        fresh = stream_id & 1 and stream_id > self.highest_stream_id
        if fresh and event.error_code == _PROTOCOL_ERROR and not event.remote_reset:
            # A malformed request, never announced as one: its handler only learns of its end.
            self.new_handler(stream_id)
        if event.slug == "body.error" and self.engine is not None:
            for _, error in self.engine.take_source_errors():
                traceback.print_exception(error, file=sys.stderr)
        self.close_stream(stream_id, event.error_code)

    # --- handlers -------------------------------------------------------------------------------

    def new_handler(self, stream_id: int) -> BaseRequestHandler | None:
        """Make the handler of a stream; ``None`` when that raised and the stream was reset."""
        self.highest_stream_id = stream_id
        try:
            handler = self.make_handler(stream_id)
        except BaseException as error:  # noqa: BLE001
            self.report(error)
            if self.engine is not None:
                self.engine.reset_stream(stream_id, _INTERNAL_ERROR)
            return None
        self.streams[stream_id] = handler
        return handler

    def make_handler(self, stream_id: int) -> BaseRequestHandler:
        """Call the factory, and see which callbacks the handler has."""
        handler = self.handler_factory(self, stream_id)
        if not isinstance(handler, BaseRequestHandler):
            raise TypeError(f"{handler!r} is not a BaseRequestHandler")
        if type(handler) is not self.planned:
            self.look_up_plan(type(handler))
        handler._h2_plan = self.plan
        return handler

    def look_up_plan(self, handler_class: type[BaseRequestHandler]) -> None:
        """Look up which callbacks a class has; once for the whole server."""
        plan = self.server.plans.get(handler_class)
        if plan is None:
            plan = callback_plan(handler_class, BaseRequestHandler)
            self.server.plans[handler_class] = plan
        self.planned = handler_class
        self.plan = plan

    def join_cookies(self, handler: BaseRequestHandler) -> None:
        """Make one field of the crumbs (RFC 9113 §8.2.3), and put it last."""
        fields: list[Field] = []
        crumbs: list[bytes] = []
        for field in handler.headers:
            if field[0] == b"cookie":
                crumbs.append(field[1])
            else:
                fields.append(field)
        fields.append((b"cookie", b"; ".join(crumbs)))
        handler.headers = fields
        handler.cookies = None

    def work_of(self, handler: BaseRequestHandler) -> StreamWork:
        """Return what runs asynchronously for a handler."""
        work = handler._h2_work
        if work is None:
            work = StreamWork(self, handler)
            handler._h2_work = work
        return work

    def start_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Start a task that the server knows of."""
        task = start_task(self.loop, work)
        self.server.keep_task(task)
        return task

    def start_body(self, handler: BaseRequestHandler, body: Any) -> AsyncBody:
        """Return the body source for an asynchronous iterable, which it starts to read."""
        source = AsyncBody(body, handler.resume)
        self.work_of(handler).pump(source)
        return source

    def consumed(self, event: DataReceived) -> None:
        """A coroutine has finished with some octets: the client may send more."""
        if event.flow_controlled_length and self.engine is not None:
            self.engine.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            self.flush()

    def callback_failed(self, handler: BaseRequestHandler, error: BaseException) -> None:
        """A callback raised: report it and reset its stream. Others are not concerned."""
        handler._h2_failed = True
        handler._h2_held = False
        self.calling = None
        self.report(error)
        if self.engine is not None:
            self.engine.reset_stream(handler.stream_id, _INTERNAL_ERROR)

    def report(self, error: BaseException) -> None:
        """Print a traceback; let an exit pass, from where no transport can swallow it."""
        if isinstance(error, KeyboardInterrupt | SystemExit):
            self.loop.call_soon(_leave, error)
            return
        traceback.print_exception(error, file=sys.stderr)

    def close_stream(self, stream_id: int, error_code: int) -> None:
        """A stream has ended: its handler is told once."""
        handler = self.streams.pop(stream_id, None)
        if handler is None:
            return
        handler._h2_closed = True
        if handler._h2_work is not None:
            handler._h2_work.close(error_code)
        elif handler._h2_plan & _ON_CLOSE:
            self.call_on_close(handler, error_code)
        if type(handler._h2_body) is not bytes:
            # A body is often a method of its handler: the two must not keep each other alive.
            handler._h2_body = None

    def call_on_close(self, handler: BaseRequestHandler, error_code: int) -> None:
        """Call ``on_close``; an ``async def`` runs as a task."""
        handler._h2_work = None
        try:
            result = handler.on_close(error_code)
            if result is not None and asyncio.iscoroutine(result):
                self.start_task(result)
        except BaseException as error:  # noqa: BLE001
            self.report(error)

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

    def send_trailers(self, engine: Connection) -> None:
        """Ask for the trailers of the bodies that have just ended, and send them."""
        due = self.due_trailers
        self.due_trailers = None
        for stream_id, trailers in due or ():
            if not engine.stream_is_open(stream_id):
                continue
            try:
                fields = outgoing_fields(trailers(), False)
                if fields:
                    engine.send_headers(stream_id, fields, end_stream=True)
                else:
                    engine.send_data(stream_id, b"", end_stream=True)
            except BaseException as error:  # noqa: BLE001
                self.report(error)
                engine.reset_stream(stream_id, _INTERNAL_ERROR)

    # --- pushing --------------------------------------------------------------------------------

    def push(
        self,
        parent: BaseRequestHandler,
        request: list[Field],
        status: int | str,
        fields: list[Field],
        body: object,
    ) -> BaseRequestHandler:
        """Promise ``request`` on the stream of ``parent`` and submit its response."""
        if self.pushes is None:
            self.pushes = Pushes(self)
        return self.pushes.promise(parent, request, status, fields, body)

    def adopt(self, handler: BaseRequestHandler) -> None:
        """Take up the handler of a promised stream."""
        self.streams[handler.stream_id] = handler


def _leave(error: BaseException) -> None:
    """Leave the event loop."""
    raise error
