"""The cycle of an HTTP request: one call of the application, and its response.

A small request costs one object, one scope and one task that has ended when it was made: ``send``
keeps the head until the body comes, and a whole response is one ``Exchange.respond``. What does
not wait returns one and the same object, which can be awaited any number of times.

The response goes through phases: the head is *expected*, *held*, or sent and the *body* follows,
then perhaps *trailers*; then it is finished.
"""

from __future__ import annotations

import asyncio
import logging
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import quote

from plait.server.host import name_of

from .application import Application
from .done import DONE
from .errors import ClientDisconnected, MessageError, is_disconnect
from .fields import checked_fields
from .request import RequestCycle
from .scope import http_scope
from .task import failure, start

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from plait.server.host import Exchange

    from .types import Message

logger = logging.getLogger("plait.asgi")

_EXPECTED = 0
_HELD = 1
_BODY = 2
_TRAILERS = 3

# What a path may have in it as it stands, percent signs and a query included (RFC 3986 §3.3).
_IN_TARGETS = "/?%:@!$&'()*+,;=-._~"

_running_loop = asyncio._get_running_loop

_ERROR_BODY = b"Internal Server Error"
_ERROR_FIELDS = [
    (b"content-type", b"text/plain; charset=utf-8"),
    (b"content-length", b"%d" % len(_ERROR_BODY)),
]


class HTTPCycle(RequestCycle):
    """One request, and ``receive`` and ``send`` of the call that answers it."""

    __slots__ = (
        "_declared",
        "_headers",
        "_late",
        "_phase",
        "_promised_trailers",
        "_silent",
        "_status",
        "_trailers",
        "_written",
    )

    def __init__(self, application: Application, exchange: Exchange) -> None:
        self._prepare(application, exchange)
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
        # Something was sent after the response was complete.
        self._late = False

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
        elif not self._finished and not self._over:
            logger.error(
                "%s: the application returned without %s", name_of(self._exchange), self._lack()
            )
            self._give_up()

    def _failed(self, error: BaseException) -> None:
        """The application raised: it is reported, and the response ends one way or the other."""
        if is_disconnect(error) and self._over:
            logger.debug("%s: the client has gone", name_of(self._exchange))
        else:
            logger.error("%s: the application raised", name_of(self._exchange), exc_info=error)
        if not self._finished and not self._over:
            self._give_up()

    def _give_up(self) -> None:
        """End a response that the application will not end."""
        began = self._phase > _HELD
        complete = self._phase == _TRAILERS and not self._silent
        self._finish()
        if complete:
            self._exchange.finish()
        elif began:
            self._exchange.abort()
        else:
            self._exchange.respond(500, _ERROR_FIELDS, _ERROR_BODY)

    def _lack(self) -> str:
        """Say what a response lacks."""
        if self._phase == _EXPECTED:
            return "a response"
        return "trailers" if self._phase == _TRAILERS else "the end of the body"

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
        if self._finished:
            return self._too_late(kind)
        if self._over and (self._error_code or not self._silent):
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
        return DONE

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
            return DONE
        size = len(body)
        if self._declared >= 0:
            self._count(size, last)
        if last and phase == _HELD and not self._promised_trailers:
            self._respond(body)
            self._finish()
            return DONE
        if phase == _HELD:
            self._begin_body()
        if size and not self._exchange.write(body):
            self._blocked = True
        if last:
            self._end_body()
        elif self._blocked:
            return self._room()
        return DONE

    def _respond(self, body: bytes) -> None:
        """Send the whole response."""
        try:
            self._exchange.respond(self._status, self._headers, body)
        except ValueError as error:
            raise MessageError(f"http.response.start: {error}") from error

    def _begin_body(self) -> None:
        """Send the head of a response whose body follows."""
        try:
            self._exchange.start(self._status, self._headers)
        except ValueError as error:
            raise MessageError(f"http.response.start: {error}") from error
        self._phase = _BODY
        self._expecting = True

    def _end_body(self) -> None:
        """All of the body was sent."""
        if self._promised_trailers:
            self._phase = _TRAILERS
            return
        self._finish()
        self._exchange.finish()

    def _say_nothing(self, last: bool) -> None:
        """Send the response to HEAD, say; its content is dropped."""
        if self._phase == _HELD:
            self._respond(b"")
            self._expecting = True
        self._phase = _TRAILERS if last else _BODY
        if last and not self._promised_trailers:
            self._finish()

    def _count(self, size: int, last: bool) -> None:
        """Check the size of the content against ``content-length``."""
        written = self._written + size
        if written > self._declared or (last and written < self._declared):
            raise MessageError(
                f"http.response.body: content-length says {self._declared} octets, "
                f"and these are {'' if last else 'at least '}{written}"
            )
        self._written = written

    def _too_late(self, kind: Any) -> Awaitable[None]:
        """Ignore what is sent after the end, as the specification says."""
        if not self._late:
            self._late = True
            logger.warning("%s: %r after the response was complete", name_of(self._exchange), kind)
        return asyncio.sleep(0)  # who sends for ever must not stop the event loop

    def _misplaced(self, kind: str) -> MessageError:
        """Return the error for a message that comes at the wrong time."""
        phase = self._phase
        if phase == _EXPECTED:
            when = "before http.response.start"
        elif phase == _TRAILERS:
            when = "after the body was complete, where http.response.trailers belongs"
        else:
            when = "when the body had not come to its end"
        return MessageError(f"{kind} {when}")

    # --- extensions -----------------------------------------------------------------------------

    def _trailer_fields(self, message: dict[str, Any]) -> None:
        """Send the trailers, or keep them until there are no more."""
        if self._phase != _TRAILERS:
            if not self._promised_trailers:
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
        self._finish()

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
        fields = checked_fields(message.get("headers"), "http.response.push").given
        if self._exchange.can_push:
            try:
                self._exchange.promise(quote(path, safe=_IN_TARGETS).encode(), fields)
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
        file, size = regular_file(path)
        try:
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
        if self._over and not self._finished:
            raise ClientDisconnected


def octets_of(body: Any) -> bytes:
    """Return a body that is not ``bytes`` as what it may be."""
    if isinstance(body, (bytes, bytearray, memoryview)):
        return bytes(body)
    raise MessageError(f"http.response.body: the body is {type(body).__name__}, not bytes")


def regular_file(path: str) -> tuple[BinaryIO, int]:
    """Return an open file and its size; to open a pipe, or another file that is none, may block."""
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            raise MessageError(f"http.response.pathsend: {path!r} is not a regular file")
        file = Path(path).open("rb")  # noqa: SIM115 - the exchange closes it
    except OSError as error:
        raise MessageError(f"http.response.pathsend: {error}") from error
    return file, os.fstat(file.fileno()).st_size
