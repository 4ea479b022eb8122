"""The cycle of an HTTP request: one call of the application.

A small request costs one object, one scope and one task that has ended when it was made: ``send``
keeps the head until the body comes, and a whole response is one ``Exchange.respond``. What does
not wait returns one and the same object, which can be awaited any number of times.

The response goes through phases: the head is *expected*, *held*, or sent and the *body* follows,
then perhaps *trailers*; then it is *complete*.
"""

from __future__ import annotations

import asyncio
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from plait.server.host import Cycle

from .application import Application
from .errors import ClientDisconnected, MessageError, is_disconnect
from .fields import checked_fields
from .scope import http_scope
from .task import failure, start

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from plait.server.host import Exchange, Field

    from .types import Message

logger = logging.getLogger("plait.asgi")

_EXPECTED = 0
_HELD = 1
_BODY = 2
_TRAILERS = 3
_COMPLETE = 4

_running_loop = asyncio._get_running_loop
_NOTHING = iter(())
next(_NOTHING, None)

_ERROR_BODY = b"Internal Server Error"
_ERROR_FIELDS = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"%d" % len(_ERROR_BODY)),
]


class Done:
    """What ``send`` returns when there is nothing to wait for.

    It can be awaited, and passes for a coroutine, so that it can be made a task as well.
    """

    __slots__ = ()

    def __await__(self) -> Any:
        """Return an iterator that has come to its end."""
        return _NOTHING

    def send(self, value: Any) -> Any:  # noqa: ARG002 - what coroutines have
        """End at once."""
        raise StopIteration

    def throw(self, error: Any, value: Any = None, traceback: Any = None) -> Any:  # noqa: ARG002
        """Raise what is thrown in."""
        raise error if value is None else value

    def close(self) -> None:
        """Nothing is open."""


_DONE = Done()


class HTTPCycle(Cycle):
    """One request, and ``receive`` and ``send`` of the call that answers it."""

    __slots__ = (
        "_application",
        "_blocked",
        "_chunks",
        "_declared",
        "_ended",
        "_error_code",
        "_exchange",
        "_expecting",
        "_headers",
        "_over",
        "_phase",
        "_promised_trailers",
        "_silent",
        "_starter",
        "_status",
        "_told",
        "_trailers",
        "_waiting",
        "_written",
    )

    def __init__(self, application: Application, exchange: Exchange) -> None:
        self._application = application
        self._exchange = exchange
        self._starter: asyncio.Handle | None = None
        # The request: what has arrived and was not taken; whether it has ended; whether the
        # application knows that.
        self._chunks: list[bytes] | None = None
        self._ended = exchange.complete
        self._told = False
        # Something of the body has come, or the client was told that it is expected.
        self._expecting = self._ended
        # The response.
        self._phase = _EXPECTED
        self._status = 0
        self._headers: list[Any] = []
        self._promised_trailers = False
        self._trailers: list[Any] | None = None
        # It has no content whatever the application sends.
        self._silent = False
        # Octets of the body: as content-length says (-1: it does not), and as they were sent.
        self._declared = -1
        self._written = 0
        # The exchange takes no more for now; it is over, and how it ended.
        self._blocked = False
        self._over = False
        self._error_code = 0
        # Futures of the calls of receive and send that wait.
        self._waiting: list[asyncio.Future[None]] | None = None

    # --- called by the exchange -----------------------------------------------------------------

    def begin(self) -> None:
        """Start the application.

        A request with a body waits for the next turn of the event loop: by then a short body is
        there, and the application does not have to wait for it.
        """
        if self._ended:
            self._run()
        else:
            self._starter = self._exchange.loop.call_soon(self._run)

    def data(self, data: bytes) -> None:
        """Keep some of the body until the application takes it."""
        if self._phase == _COMPLETE:
            self._exchange.consumed(len(data))
            return
        self._expecting = True
        if self._chunks is None:
            self._chunks = [data]
        else:
            self._chunks.append(data)
        if self._waiting is not None:
            self._wake()

    def end(self, trailers: list[Field]) -> None:  # noqa: ARG002 - ASGI has no way to tell them
        """The request is complete."""
        self._ended = True
        if self._starter is not None:
            self._starter.cancel()
            self._run()
        elif self._waiting is not None:
            self._wake()

    def writable(self) -> None:
        """Let the calls of ``send`` that wait go on."""
        self._blocked = False
        if self._waiting is not None:
            self._wake()

    def closed(self, error_code: int) -> None:
        """Tell the application, if it listens. It may go on: it is not cancelled."""
        self._over = True
        self._error_code = error_code
        self._chunks = None
        if self._starter is not None:
            self._starter.cancel()
            self._starter = None
        if self._waiting is not None:
            self._wake()

    def leaving(self) -> None:
        """A response may take as long as the server lets it."""

    # --- the application ------------------------------------------------------------------------

    def _run(self) -> None:
        """Call the application."""
        self._starter = None
        application = self._application
        exchange = self._exchange
        try:
            scope = http_scope(exchange, application)
            task = start(exchange.loop, application.app(scope, self.receive, self.send))
        except Exception as error:  # noqa: BLE001 - whatever the application raises
            self._failed(error)
            return
        if task.done():
            self._ran(task)
        else:
            application.running.add(task)
            task.add_done_callback(self._ran_later)

    def _ran_later(self, task: asyncio.Task[Any]) -> None:
        """The application has ended, after a while."""
        self._application.running.discard(task)
        self._ran(task)

    def _ran(self, task: asyncio.Task[Any]) -> None:
        """The application has ended."""
        error = failure(task)
        if error is not None:
            self._failed(error)
        elif self._phase != _COMPLETE and not self._over:
            logger.error("%s: the application returned without %s", self._name(), self._lack())
            self._give_up()

    def _failed(self, error: BaseException) -> None:
        """The application raised: it is reported, and the response ends one way or the other."""
        if is_disconnect(error) and self._over:
            logger.debug("%s: the client has gone", self._name())
        else:
            logger.error("%s: the application raised", self._name(), exc_info=error)
        if self._phase != _COMPLETE and not self._over:
            self._give_up()

    def _give_up(self) -> None:
        """End a response that the application will not end."""
        began = self._phase > _HELD
        complete = self._phase == _TRAILERS and not self._silent
        self._complete()
        if complete:
            self._exchange.finish()
        elif began:
            self._exchange.abort()
        else:
            self._exchange.respond(500, _ERROR_FIELDS, _ERROR_BODY)

    def _name(self) -> str:
        """Say which request this is, for the log."""
        method = self._exchange.method.decode("ascii", "backslashreplace")
        return f"{method} {self._exchange.path.decode('ascii', 'backslashreplace')}"

    def _lack(self) -> str:
        """Say what a response lacks."""
        if self._phase == _EXPECTED:
            return "a response"
        return "trailers" if self._phase == _TRAILERS else "the end of the body"

    # --- receive --------------------------------------------------------------------------------

    async def receive(self) -> Message:
        """Return the next message of the request: some of the body, or that it is over."""
        while True:
            if self._over or self._phase == _COMPLETE:
                return {"type": "http.disconnect"}
            if self._chunks is not None:
                return self._take()
            if self._ended and not self._told:
                self._told = True
                return {"type": "http.request", "body": b"", "more_body": False}
            if not self._expecting:
                self._expect()
            await self._future()

    def _take(self) -> dict[str, Any]:
        """Hand over what has arrived of the body; only now the client may send as much again."""
        chunks = self._chunks
        assert chunks is not None
        self._chunks = None
        body = chunks[0] if len(chunks) == 1 else b"".join(chunks)
        more = not self._ended
        self._told = not more
        self._exchange.consumed(len(body))
        return {"type": "http.request", "body": body, "more_body": more}

    def _expect(self) -> None:
        """The application waits for the body: the client may wait to be told so."""
        exchange = self._exchange
        self._expecting = True
        if self._phase <= _HELD:
            for name, value in exchange.headers:
                if name == b"expect" and value.lower() == b"100-continue":
                    exchange.inform(100, ())

    # --- send -----------------------------------------------------------------------------------

    def send(self, message: Message) -> Awaitable[None]:
        """Take a message of the response; await what this returns before sending the next.

        What a thread makes of it is for `run_coroutine_threadsafe`: it happens in the loop.
        """
        if _running_loop() is None:
            return self._send_later(message)
        return self._send(message if type(message) is dict else dict(message))

    async def _send_later(self, message: Message) -> None:
        """Send when this is awaited."""
        await self._send(dict(message))

    def _send(self, message: dict[str, Any]) -> Awaitable[None]:
        """Act upon a message; what is returned is awaited by the application."""
        kind = message.get("type")
        if self._over and self._phase != _COMPLETE and (self._error_code or not self._silent):
            raise ClientDisconnected
        if kind == "http.response.body":
            return self._body(message)
        if kind == "http.response.start":
            self._start(message)
        elif kind == "http.response.trailers":
            self._trailer_fields(message)
        elif kind == "http.response.early_hint":
            self._early_hint(message)
        elif kind == "http.response.push":
            self._push(message)
        elif kind == "http.response.pathsend":
            self._pathsend(message)
        else:
            raise MessageError(f"there is no message {kind!r} of a response")
        return _DONE

    def _start(self, message: dict[str, Any]) -> None:
        """Keep the head: it goes with the first octets of the body."""
        if self._phase != _EXPECTED:
            raise self._misplaced("http.response.start")
        status = message.get("status")
        if not isinstance(status, int) or status < 200 or status > 999:
            raise MessageError(f"http.response.start: status {status!r} is none from 200 to 999")
        fields = checked_fields(message.get("headers"), "http.response.start")
        self._status = status
        self._headers = fields.given
        self._promised_trailers = bool(message.get("trailers", False))
        self._silent = (
            status == 204 or status == 304 or status == 205 or self._exchange.method == b"HEAD"
        )
        self._declared = -1 if self._silent else fields.length
        self._phase = _HELD

    def _body(self, message: dict[str, Any]) -> Awaitable[None]:
        """Send some of the body."""
        body = message.get("body", b"")
        if type(body) is not bytes:
            body = octets_of(body)
        phase = self._phase
        if phase != _HELD and phase != _BODY:
            raise self._misplaced("http.response.body")
        last = not message.get("more_body", False)
        if self._silent:
            self._say_nothing(last)
            return _DONE
        size = len(body)
        if self._declared >= 0:
            self._count(size, last)
        if last and phase == _HELD and not self._promised_trailers:
            self._respond(body)
            return _DONE
        if phase == _HELD:
            self._begin_body()
        if size and not self._exchange.write(body):
            self._blocked = True
        if last:
            self._end_body()
        elif self._blocked:
            return self._room()
        return _DONE

    def _respond(self, body: bytes) -> None:
        """Send the whole response."""
        self._phase = _COMPLETE
        try:
            self._exchange.respond(self._status, self._headers, body)
        except ValueError as error:
            self._phase = _HELD
            raise MessageError(f"http.response.start: {error}") from error
        if self._chunks is not None or self._waiting is not None:
            self._complete()

    def _begin_body(self) -> None:
        """Send the head of a response whose body follows."""
        try:
            self._exchange.start(self._status, self._headers)
        except ValueError as error:
            raise MessageError(f"http.response.start: {error}") from error
        self._phase = _BODY

    def _end_body(self) -> None:
        """All of the body was sent."""
        if self._promised_trailers:
            self._phase = _TRAILERS
            return
        self._complete()
        self._exchange.finish()

    def _complete(self) -> None:
        """The response is complete: nothing more of the request is wanted."""
        self._phase = _COMPLETE
        chunks = self._chunks
        if chunks is not None:
            self._chunks = None
            self._exchange.consumed(sum(map(len, chunks)))
        if self._waiting is not None:
            self._wake()

    def _say_nothing(self, last: bool) -> None:
        """Send the response to HEAD, say; its content is dropped."""
        trailers = self._promised_trailers and last
        if self._phase == _HELD:
            if last and not trailers:
                self._respond(b"")
                return
            self._respond(b"")
        self._phase = _COMPLETE if last and not trailers else _TRAILERS if last else _BODY
        if self._phase == _COMPLETE:
            self._complete()

    def _count(self, size: int, last: bool) -> None:
        """Check the size of the content against ``content-length``."""
        written = self._written + size
        if written > self._declared or (last and written < self._declared):
            raise MessageError(
                f"http.response.body: content-length says {self._declared} octets, "
                f"and these are {'' if last else 'at least '}{written}"
            )
        self._written = written

    def _misplaced(self, kind: str) -> MessageError:
        """Return the error for a message that comes at the wrong time."""
        phase = self._phase
        if phase == _EXPECTED:
            when = "before http.response.start"
        elif phase == _COMPLETE:
            when = "after the response was complete"
        elif phase == _TRAILERS:
            when = "after the body was complete, where http.response.trailers belongs"
        else:
            when = "when the body had not come to its end"
        return MessageError(f"{kind} {when}")

    # --- extensions -----------------------------------------------------------------------------

    def _trailer_fields(self, message: dict[str, Any]) -> None:
        """Send the trailers, or keep them until there are no more."""
        if self._phase != _TRAILERS:
            if self._phase != _COMPLETE and not self._promised_trailers:
                raise MessageError("http.response.trailers, which the start did not announce")
            raise self._misplaced("http.response.trailers")
        fields = checked_fields(message.get("headers"), "http.response.trailers").given
        if self._trailers is not None:
            fields = self._trailers + fields
        if message.get("more_trailers", False):
            self._trailers = fields
            return
        if not self._silent:
            try:
                self._exchange.finish(fields)
            except ValueError as error:
                raise MessageError(f"http.response.trailers: {error}") from error
        self._complete()

    def _early_hint(self, message: dict[str, Any]) -> None:
        """Send 103 Early Hints."""
        if self._phase > _HELD:
            raise MessageError("http.response.early_hint after the head of the response was sent")
        links = list(message.get("links", ()))
        for link in links:
            if not isinstance(link, bytes):
                raise MessageError(f"http.response.early_hint: the link {link!r} is not of bytes")
        if links:
            try:
                self._exchange.inform(103, [(b"link", link) for link in links])
            except ValueError as error:
                raise MessageError(f"http.response.early_hint: {error}") from error

    def _push(self, message: dict[str, Any]) -> None:
        """Promise another resource; no effect where the client takes none."""
        path = message.get("path")
        if not isinstance(path, str) or not path.startswith("/"):
            raise MessageError(f"http.response.push: {path!r} is not a path")
        if self._phase == _COMPLETE:
            raise self._misplaced("http.response.push")
        fields = checked_fields(message.get("headers"), "http.response.push").given
        if self._exchange.can_push:
            try:
                self._exchange.promise(path.encode(), fields)
            except ValueError as error:
                raise MessageError(f"http.response.push: {error}") from error

    def _pathsend(self, message: dict[str, Any]) -> None:
        """Send a file as the whole body."""
        if self._phase != _HELD:
            raise self._misplaced("http.response.pathsend")
        path = message.get("path")
        if not isinstance(path, str):
            raise MessageError(f"http.response.pathsend: {path!r} is not a path")
        if self._silent:
            self._say_nothing(True)
            return
        try:
            file = Path(path).open("rb")  # noqa: SIM115 - the exchange closes it
        except OSError as error:
            raise MessageError(f"http.response.pathsend: {error}") from error
        try:
            size = os.fstat(file.fileno()).st_size
            if self._declared >= 0:
                self._count(size, True)
            self._begin_body()
        except BaseException:
            file.close()
            raise
        self._exchange.write_file(file, size)
        self._end_body()

    # --- waiting --------------------------------------------------------------------------------

    async def _room(self) -> None:
        """Wait until the exchange takes more."""
        while self._blocked and not self._over:
            await self._future()
        if self._over and self._phase != _COMPLETE:
            raise ClientDisconnected

    def _future(self) -> asyncio.Future[None]:
        """Return what is done when something has changed.

        Each call that waits has one of its own, since whoever waits may be cancelled.
        """
        future = self._exchange.loop.create_future()
        if self._waiting is None:
            self._waiting = [future]
        else:
            self._waiting.append(future)
        return future

    def _wake(self) -> None:
        """Let those who wait see what has changed."""
        waiting = self._waiting
        self._waiting = None
        if waiting is not None:
            for future in waiting:
                if not future.done():
                    future.set_result(None)


def octets_of(body: Any) -> bytes:
    """Return a body that is not ``bytes`` as what it may be."""
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    raise MessageError(f"http.response.body: the body is {type(body).__name__}, not bytes")
