"""``H2KyoukaiProtocol``: one connection, and the application's requests on it.

Each request is a task that runs the application. Its response goes to the engine at once if it is
of one piece; otherwise ``sending_loop`` gives it chunk by chunk, in a task of its own.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from plait.http2 import (
    Connection,
    ConnectionTerminated,
    DataReceived,
    ErrorCode,
    Event,
    NoSuchStreamError,
    RemoteSettingsChanged,
    RequestReceived,
    Role,
    StreamClosed,
    StreamReset,
    StreamStateError,
    TrailersReceived,
    UsageError,
    WindowUpdated,
    without_withdrawn,
)
from plait.server.tasks import start_task

from .environ import create_wsgi_environment
from .life import Life, engine_config
from .requests import Request, readable
from .sending import CHUNKS_AHEAD, Chunks, Head, Outgoing
from .state import REQUEST_FINISHED, H2State, StreamEnded

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from plait.http2.fields import Field

_PROTOCOL_ERROR = int(ErrorCode.PROTOCOL_ERROR)
_INTERNAL_ERROR = int(ErrorCode.INTERNAL_ERROR)

_FAILED = ([("content-type", "text/plain")], b"The application has failed.\n")


class H2KyoukaiProtocol(Life, asyncio.Protocol):
    """The asyncio protocol of one connection.

    :param component: whose ``app`` answers.
    :param parent_context: what ``app.process_request`` is given beside the request.
    :ivar conn: the engine, a ``plait.http2.Connection``.
    :ivar transport: ``None`` before the connection and after it.
    :ivar streams: the states of the requests that live, by stream.
    :ivar stream_data: chunks of longer responses on their way to ``sending_loop``, by stream.
    :ivar stream_tasks: tasks of ``sending_loop``, by stream.
    :ivar ip: the client's address; ``None`` if the system does not tell.
    :ivar client_port: the client's port.
    """

    def __init__(self, component: Any, parent_context: Any) -> None:
        super().__init__(component)
        self.parent_context = parent_context
        self.conn = Connection(Role.SERVER, engine_config())
        self.streams: dict[int, H2State] = {}
        self.stream_data: dict[int, asyncio.Queue[Any]] = {}
        self.stream_tasks: dict[int, asyncio.Task[None]] = {}
        self.logger = logging.getLogger("Kyoukai.HTTP2")
        self._requests: dict[int, asyncio.Task[None]] = {}
        self._request_class = readable(getattr(component.app, "request_class", Request))
        self._resets = 0

    # --- called by the transport ----------------------------------------------------------------

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, and every request with it."""
        self.logger.debug("connection lost: %s", exc or "in good order")
        self.transport = None
        for stream_id in list(self.streams):
            self._stream_over(stream_id, _INTERNAL_ERROR)
        self.over(exc)

    def data_received(self, data: bytes) -> None:
        """Octets arrived."""
        if self.transport is None or self.finishing:
            return
        self.octets_in += len(data)
        self.busy = True
        try:
            events = self.conn.receive_data(data)
            resets = self.conn.peer_resets
            if resets != self._resets:
                self._resets = resets
                events = without_withdrawn(events)
            for event in events:
                self._dispatch(event)
        finally:
            self.busy = False
        self.flush()

    def _dispatch(self, event: Event) -> None:
        """Call what an event asks for."""
        if isinstance(event, RequestReceived):
            self.request_received(event)
        elif isinstance(event, DataReceived):
            self.receive_data(event)
            if event.end_stream:
                self.stream_complete(StreamEnded(event.stream_id))
        elif isinstance(event, TrailersReceived):
            state = self.streams.get(event.stream_id)
            if state is not None:
                state.trailers = as_text(event.headers)
            self.stream_complete(StreamEnded(event.stream_id))
        elif isinstance(event, WindowUpdated):
            self.window_opened(event)
        elif isinstance(event, RemoteSettingsChanged):
            self.greeted()
        elif isinstance(event, ConnectionTerminated) and not event.remote:
            self.at_fault = True
            self.logger.info("closing: %s, error code %d", event.slug, event.error_code)
        else:
            self._ended(event)

    # --- requests -------------------------------------------------------------------------------

    def request_received(self, event: RequestReceived) -> None:
        """A request has begun: the application starts, while the body may still be coming."""
        stream_id = event.stream_id
        state = H2State(as_text(event.headers), stream_id, self)
        self.streams[stream_id] = state
        if event.end_stream:
            self.stream_complete(StreamEnded(stream_id))
        task = self._start(self._answer(state))
        if not task.done() and stream_id in self.streams:
            self._requests[stream_id] = task

    def receive_data(self, event: DataReceived) -> None:
        """Some of a request's body arrived."""
        state = self.streams.get(event.stream_id)
        if state is None:
            self._reset(event.stream_id, _PROTOCOL_ERROR)
        elif event.data:
            state.insert_data(event.data)

    def stream_complete(self, event: StreamEnded) -> None:
        """The request on a stream is complete."""
        state = self.streams.get(event.stream_id)
        if state is None:
            self._reset(event.stream_id, _PROTOCOL_ERROR)
        else:
            state.insert_data(REQUEST_FINISHED)

    def window_opened(self, event: WindowUpdated) -> None:
        """The client gave credit, to a stream or (stream 0) to all: what waited for it goes on."""
        del event
        self.flush()

    def consumed(self, stream_id: int, octets: int) -> None:
        """The application has taken octets of a request's body: the client may send more."""
        if octets:
            self.conn.acknowledge_received_data(octets, stream_id)
            self.flush_soon()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        return start_task(self.loop, work)

    async def _answer(self, state: H2State) -> None:
        """Run the application, and send what it returns."""
        stream_id = state.stream_id
        try:
            environ = state.environ = create_wsgi_environment(state)
            request = self._request_class(environ=environ)
            response = await self.component.app.process_request(request, self.parent_context)
            if not callable(response):
                raise TypeError(f"process_request returned {response!r}, which is no response")
            chunks = Chunks(response(environ, state.start_response))
            try:
                await self._respond(state, chunks)
            finally:
                chunks.close()
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # not the task was cancelled, but something that the application awaited
            self._failed(stream_id, error)
        except Exception as error:  # noqa: BLE001 - logged
            self._failed(stream_id, error)
        finally:
            self._requests.pop(stream_id, None)
            self.flush_soon()

    async def _respond(self, state: H2State, chunks: Chunks) -> None:
        """Send a response."""
        stream_id = state.stream_id
        first = chunks.next()
        head = Head(state)
        second = None if head.empty else chunks.next()
        if stream_id not in self.streams:
            return
        if second is None:
            body = None if head.empty else first
            self.conn.send_response(stream_id, head.status, head.fields, body)
            return
        self.conn.send_headers(stream_id, [(b":status", b"%d" % head.status), *head.fields])
        queue: asyncio.Queue[Any] = asyncio.Queue(CHUNKS_AHEAD)
        self.stream_data[stream_id] = queue
        queue.put_nowait(first)
        sender = self.stream_tasks[stream_id] = self._start(self._send(stream_id))
        chunk: bytes | None = second
        while chunk is not None:
            await queue.put(chunk)
            chunk = chunks.next()
        await queue.put(REQUEST_FINISHED)
        await sender

    async def _send(self, stream_id: int) -> None:
        """Run ``sending_loop``; if it fails, whoever fills the queue is not to wait for it."""
        try:
            await self.sending_loop(stream_id)
        except Exception as error:  # noqa: BLE001 - logged
            self._failed(stream_id, error)

    async def sending_loop(self, stream_id: int) -> None:
        """Send the chunks in ``stream_data`` as the client takes them, up to the end marker.

        The response's head must have been sent. The last chunk ends the stream, if the end marker
        stands right behind it.
        """
        queue = self.stream_data[stream_id]
        body = Outgoing()
        self.conn.send_body(stream_id, body.read)
        self.flush_soon()
        chunk = await queue.get()
        while chunk is not REQUEST_FINISHED:
            if queue.empty():
                await asyncio.sleep(0)  # whoever fills the queue may have more
            following = None if queue.empty() else queue.get_nowait()
            last = following is REQUEST_FINISHED
            if chunk or last:
                await self._hand_over(stream_id, body, chunk, last)
            if last:
                return
            chunk = await queue.get() if following is None else following
        await self._hand_over(stream_id, body, b"", True)

    async def _hand_over(self, stream_id: int, body: Outgoing, chunk: bytes, last: bool) -> None:
        """Give a chunk to the engine, and wait until it has left."""
        left = self.loop.create_future()
        body.give(chunk, last, left)
        self.conn.resume(stream_id)
        self.flush_soon()
        await left

    def _failed(self, stream_id: int, error: BaseException) -> None:
        """The application has failed: 500, or a reset if the response has begun."""
        self.logger.error("The application has failed on stream %d", stream_id, exc_info=error)
        if stream_id not in self.streams:
            return
        fields, body = _FAILED
        try:
            self.conn.send_response(stream_id, 500, fields, body)
        except StreamStateError:
            self._reset(stream_id, _INTERNAL_ERROR)
        except UsageError:
            pass  # the connection has ended

    # --- the end of streams ---------------------------------------------------------------------

    def _reset(self, stream_id: int, error_code: int) -> None:
        """Reset a stream; one that never was cannot be (RFC 9113 §5.1)."""
        try:
            self.conn.reset_stream(stream_id, error_code)
        except NoSuchStreamError:
            self.logger.debug("there is no stream %d", stream_id)
        self.flush_soon()

    def _ended(self, event: Event) -> None:
        """A stream may have ended."""
        if isinstance(event, StreamReset):
            if event.slug == "body.error":
                for _, error in self.conn.take_source_errors():
                    self.logger.error("The sending of a response has failed", exc_info=error)
            self._stream_over(event.stream_id, event.error_code or _PROTOCOL_ERROR)
        elif isinstance(event, StreamClosed):
            self._stream_over(event.stream_id, event.error_code)

    def _stream_over(self, stream_id: int, error_code: int) -> None:
        """Forget a stream; what runs for it is cancelled unless it ended in good order."""
        state = self.streams.pop(stream_id, None)
        if state is None:
            return
        self.stream_data.pop(stream_id, None)
        tasks = [self.stream_tasks.pop(stream_id, None), self._requests.pop(stream_id, None)]
        if error_code:
            state.cut_off()
            for task in tasks:
                if task is not None:
                    task.cancel()


def as_text(fields: list[Field]) -> list[tuple[str, str]]:
    """Return fields as text; octets that are no UTF-8 are kept as surrogates."""
    return [
        (name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape"))
        for name, value in fields
    ]
