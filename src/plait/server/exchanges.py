"""The streams of a connection and their handlers: which callback an event causes.

There is no task, future or queue on the way of a request whose handler is synchronous.
"""

from __future__ import annotations

import asyncio
import sys
import traceback
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from plait.http2.connection import Connection
from plait.http2.errors import ErrorCode
from plait.http2.events import (
    DataReceived,
    RequestReceived,
    StreamClosed,
    StreamReset,
    TrailersReceived,
)
from plait.http2.fields import outgoing_fields

from .bodies import AsyncBody
from .handler import BaseRequestHandler
from .inlet import Inlet
from .pushes import Pushes
from .tasks import ASYNC, CLOSE, DATA, DONE, HEADERS, HOSTED, StreamWork, callback_plan, start_task

if TYPE_CHECKING:
    from plait.http2.fields import Field

    from .http2_server import HTTP2Server

_PROTOCOL_ERROR = int(ErrorCode.PROTOCOL_ERROR)
_INTERNAL_ERROR = int(ErrorCode.INTERNAL_ERROR)
_ASYNC = ASYNC
_ON_HEADERS = HEADERS
_ON_DATA = DATA
_ON_DONE = DONE
_ON_CLOSE = CLOSE
_HOSTED = HOSTED


class Exchanges(Inlet):
    """The part of a connection that has to do with handlers.

    :ivar streams: the handlers of the streams that live, by stream number.
    :ivar refusals: how often something was refused, by slug; ``None`` when nothing was.
    """

    def __init__(self, server: HTTP2Server, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop, server.log)
        self.server = server
        self.handler_factory = server.handler_factory
        # The class of the latest handler, and its callbacks.
        self.planned: type | None = None
        self.plan = 0
        self.streams: dict[int, BaseRequestHandler] = {}
        self.highest_stream_id = 0
        self.pushes: Pushes | None = None
        self.refusals: dict[str, int] | None = None

    def refused(self, slug: str) -> None:
        """Something of the client's was refused: its connection tells at its end."""
        if self.refusals is None:
            self.refusals = {}
        self.refusals[slug] = self.refusals.get(slug, 0) + 1

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
        if handler._h2_plan & _HOSTED:
            handler._h2_hear(event)
            return
        if handler._h2_plan & _ASYNC:
            self.work_of(handler).deliver(event)
            return
        if handler._h2_plan & _ON_HEADERS:
            self.call(handler, _ON_HEADERS, b"")
        if event.end_stream:
            self.request_done(handler)

    def data_arrived(self, event: DataReceived) -> None:
        """Some of a request's body arrived."""
        handler = self.streams.get(event.stream_id)
        if handler is None:
            return
        if handler._h2_plan & _HOSTED:
            handler._h2_hear(event)
            return
        if handler._h2_plan & _ASYNC:
            self.work_of(handler).deliver(event)
            return
        if event.data and handler._h2_plan & _ON_DATA and not handler._h2_failed:
            self.call(handler, _ON_DATA, event.data)
        if event.flow_controlled_length and self.engine is not None:
            self.engine.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        if event.end_stream:
            self.request_done(handler)

    def request_done(self, handler: BaseRequestHandler) -> None:
        """The request is complete."""
        if handler._h2_plan & _ON_DONE and not handler._h2_failed:
            self.call(handler, _ON_DONE, b"")

    def call(self, handler: BaseRequestHandler, callback: int, data: bytes) -> None:
        """Call a callback; a response that it sent leaves when it has ended well."""
        self.calling = handler
        try:
            if callback == _ON_HEADERS:
                handler.on_headers()
            elif callback == _ON_DATA:
                handler.on_data(data)
            else:
                handler.on_request_done()
        except BaseException as error:  # noqa: BLE001
            self.callback_failed(handler, error)
        self.calling = None
        if handler._h2_held:
            handler._h2_submit()

    def stream_closed(self, event: StreamClosed) -> None:
        """A stream ended in good order, or as we wanted."""
        self.answered += 1
        self.close_stream(event.stream_id, event.error_code)

    def trailers_received(self, event: TrailersReceived) -> None:
        """The request ends with trailers."""
        handler = self.streams.get(event.stream_id)
        if handler is None:
            return
        if handler._h2_plan & _HOSTED:
            handler._h2_hear(event)
            return
        if handler._h2_plan & _ASYNC:
            self.work_of(handler).deliver(event)
            return
        self.keep_trailers(handler, event.headers)
        self.request_done(handler)

    def keep_trailers(self, handler: BaseRequestHandler, fields: list[Field]) -> None:
        """Let a handler know the trailers of its request."""
        handler._h2_received_trailers = fields
        if self.server.customs.trailers_in_headers:
            handler.headers.extend(fields)

    def stream_reset(self, event: StreamReset) -> None:
        """A stream ended before its time."""
        stream_id = event.stream_id
        if event.slug == "body.error":
            self.report_sources()
        elif not event.remote_reset:
            self.refused(event.slug)
            fresh = stream_id & 1 and stream_id > self.highest_stream_id
            if fresh and event.error_code == _PROTOCOL_ERROR:
                # A malformed request was never announced as one.
                if self.server.customs.malformed_requests:
                    self.new_handler(stream_id)
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

    def report_sources(self) -> None:
        """Print what body sources have raised."""
        if self.engine is not None:
            for _, error in self.engine.take_source_errors():
                traceback.print_exception(error, file=sys.stderr)

    def close_stream(self, stream_id: int, error_code: int) -> None:
        """A stream has ended: its handler is told once."""
        handler = self.streams.pop(stream_id, None)
        if handler is None:
            return
        handler._h2_closed = True
        if handler._h2_work is not None:
            handler._h2_work.close(error_code)
        elif handler._h2_plan & _HOSTED:
            handler._h2_ended(error_code)
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

    # --- what is sent ---------------------------------------------------------------------------

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
