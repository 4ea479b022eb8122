"""One request to a WSGI application.

``begin``, ``data`` and their like, and what was posted, run in the event loop's thread; ``run``,
``post`` and ``send`` in the application's. A response with a body that comes in pieces, and a
request with one, have a condition that both threads use; other requests do without.
"""

from __future__ import annotations

import asyncio
import io
import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from plait.server.host import Cycle, name_of

from .body import ClientDisconnected, RequestBody
from .head import Head
from .mailbox import Mailbox
from .response import Response
from .service import Service, backlog_of
from .types import Environ

if TYPE_CHECKING:
    from plait.server.host import Exchange, Field

_log = logging.getLogger("plait.wsgi")

# Octets of a response that may be on their way to the event loop.
_AHEAD = 65_536

# Octets of a request's body that must be there before the application is called, or all of it. Less
# than clients may send at first (RFC 9113 §6.9.2), or they would wait for us and we for them.
_ENOUGH = 32_768

# A body whose length the client has not told is gathered beyond that, at the cost of our memory: so
# many octets of one (1 MiB, and what 1,024 pieces cost beside), and of all.
_GATHERED = 1_114_112
_GATHERED_IN_ALL = 33_554_432

# What a piece of a body costs beside its octets: a client may send it in frames of one octet.
_PIECE = 64

# Requests that wait for a thread must not use up the credit of a connection: those that have one
# could not be read, and would keep their threads for ever. So many octets may be without credit (an
# eighth of what clients have, and a quarter of what one stream may send). What comes beyond is kept
# at the cost of our memory, so many octets in all; then requests are turned away.
_BACKLOG = 262_144
_KEPT_IN_ALL = 67_108_864

# What io.BufferedReader asks for at a time when lines are read.
_READ_AHEAD = 16_384

_TEXT = (b"content-type", b"text/plain; charset=utf-8")
_FAILURE = b"Internal Server Error"
_TOO_MANY = b"Too many requests are waiting, try again"
_RETRY_AFTER = (b"retry-after", b"1")

_BytesIO = io.BytesIO


class WSGICycle(Cycle):
    """The application's side of one request; also the job of a thread."""

    __slots__ = (
        "_answer",
        "_backlog",
        "_begun",
        "_blocked",
        "_body",
        "_changed",
        "_head",
        "_kept",
        "_mailbox",
        "_measures",
        "_over",
        "_pending",
        "_submitted",
        "_timer",
        "_waiting",
        "exchange",
        "gone",
        "service",
    )

    def __init__(self, service: Service, exchange: Exchange, mailbox: Mailbox) -> None:
        self.service = service
        self.exchange = exchange
        self._mailbox = mailbox
        self.gone = False
        # The response, if it was given as a whole.
        self._head: Head | None = None
        self._answer = b""
        self._submitted = False
        self._begun = False
        self._body: RequestBody | None = None
        self._timer: asyncio.TimerHandle | None = None
        # The client has not told how long the body is. Octets of it that have come before the
        # application was called: without credit, and with.
        self._measures = True
        self._backlog = backlog_of(exchange.peer)
        self._waiting = 0
        self._kept = 0
        # The application has ended: what it has not read will not be read.
        self._over = False
        self._changed: threading.Condition | None = None
        self._pending = 0
        self._blocked = False

    # --- the exchange's side --------------------------------------------------------------------

    def begin(self) -> None:
        """Run the application, or wait until enough of the body is there."""
        exchange = self.exchange
        if exchange.method == b"CONNECT":
            # There is no way to tell WSGI applications of a tunnel.
            self._over = True
            exchange.respond(501, [_TEXT], b"CONNECT is not supported")
            return
        if exchange.complete or exchange.protocol is not None:
            # A request to switch to another protocol has no body: what would follow is not for us.
            self._submit()
            return
        expects = False
        for name, value in exchange.headers:
            if name == b"expect" and value.lower() == b"100-continue":
                expects = True
            elif name == b"content-length":
                self._measures = False
        self._changed = changed = threading.Condition(threading.Lock())
        awaited = self._go_ahead if expects else None
        self._body = RequestBody(changed, self._taken, awaited)
        if expects:
            self._submit()
        else:
            # A client that is slow to send must not keep a thread.
            self._timer = exchange.loop.call_later(self.service.body_wait, self._submit)

    def data(self, data: bytes) -> None:
        """Some of the request's body."""
        body = self._body
        if body is None or self._over:
            self.exchange.consumed(len(data))
            return
        if self._begun:
            body.feed(data)
            return
        octets = len(data)
        service = self.service
        cost = octets + _PIECE
        kept = service.kept + cost
        crowded = self._backlog.octets + octets > _BACKLOG
        gathers = self._measures and self._kept + cost <= _GATHERED and kept <= _GATHERED_IN_ALL
        if gathers or (crowded and kept <= _KEPT_IN_ALL):
            self._kept += cost
            service.kept = kept
            body.feed(data, True)
            self.exchange.consumed(octets)
        else:
            self._waiting += octets
            self._backlog.octets += octets
            body.feed(data)
            if crowded and (not self._submitted or service.pool.withdraw(self)):
                self._turn_away()
        if not gathers and not self._submitted and body.received >= _ENOUGH:
            self._submit()

    def end(self, trailers: list[Field]) -> None:
        """The request is complete. WSGI has no place for its trailers."""
        del trailers
        if self._body is not None:
            self._body.feed_end()
            if not self._submitted and not self._over:
                self._submit()

    def writable(self) -> None:
        """The client takes more."""
        changed = self._changed
        if changed is not None:
            with changed:
                self._blocked = False
                changed.notify_all()

    def closed(self, error_code: int) -> None:
        """It is over: the application is told when it reads or writes, or is never called."""
        del error_code
        self.gone = True
        if self._body is not None:
            self._body.feed_loss()
        if not self._begun:
            if self._submitted:
                self.service.pool.withdraw(self)
            self._release()
        changed = self._changed
        if changed is not None:
            with changed:
                changed.notify_all()

    def leaving(self) -> None:
        """Requests come to their end by themselves."""

    def _submit(self) -> None:
        """Have the application called."""
        self._submitted = True
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        try:
            room = self.service.pool.submit(self)
        except RuntimeError:
            _log.exception("the system has no thread for the application")
            room = False
        if not room:
            self._turn_away()

    def _turn_away(self) -> None:
        """There is no room for the request."""
        self._submitted = True
        self._settle_rest()
        self.exchange.respond(503, [_TEXT, _RETRY_AFTER], _TOO_MANY)

    def _leave_backlog(self) -> None:
        """The request has a thread, or will have none."""
        if self._waiting:
            self._backlog.octets -= self._waiting
            self._waiting = 0

    def _give_back(self) -> None:
        """Nothing is kept any more: it was read, or will not be."""
        self.service.kept -= self._kept
        self._kept = 0

    def _release(self) -> None:
        """The body is not needed any more."""
        self._body = None  # which refers to us
        self._leave_backlog()
        self._give_back()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- what was posted, in the event loop -----------------------------------------------------

    def inform(self, status: int, fields: list[Field]) -> None:
        """Send an interim response."""
        if not self.exchange.status:
            self.exchange.inform(status, fields)

    def deliver(self) -> None:
        """Send the response that was given as a whole."""
        head = self._head
        if head is not None:
            self.exchange.respond(head.status, head.fields, self._answer)

    def finish(self, trailers: list[Field] | None) -> None:
        """End the response."""
        self.exchange.finish(trailers)

    def fail(self) -> None:
        """The application has failed."""
        exchange = self.exchange
        if exchange.status:
            exchange.abort()
        else:
            exchange.respond(500, [_TEXT], _FAILURE)

    def undeliverable(self, error: Exception) -> None:
        """The exchange refused something."""
        _log.error("a response could not be sent", exc_info=error)
        self.fail()

    def send_file(
        self, head: Head, file: io.FileIO, count: int, trailers: list[Field] | None
    ) -> None:
        """Send a response whose body is a file."""
        try:
            self.exchange.start(head.status, head.fields)
        except BaseException:
            file.close()
            raise
        self.exchange.write_file(file, count)
        self.exchange.finish(trailers)

    def _write(self, data: bytes, head: Head | None) -> None:
        """Send some of the body."""
        exchange = self.exchange
        if head is not None:
            exchange.start(head.status, head.fields)
        more = exchange.write(data) if data else True
        changed = self._changed
        assert changed is not None
        with changed:
            self._pending -= len(data)
            self._blocked = not more
            changed.notify_all()

    def _settle(self) -> None:
        """Give the client credit for what the application has read."""
        if self._body is not None:
            octets = self._body.settle()
            if not self._body.paid:
                self._give_back()
            if octets:
                self.exchange.consumed(octets)

    def _settle_rest(self) -> None:
        """Give credit for what it has not read, too."""
        self._over = True
        body = self._body
        self._release()
        if body is not None:
            body.feed_loss()
            octets = body.drop()
            if octets:
                self.exchange.consumed(octets)

    # --- the application's thread ---------------------------------------------------------------

    def run(self) -> None:
        """Call the application."""
        self._begun = True
        if self.gone:
            self.post(self._release)
            return
        if self._body is not None:
            self.post(self._leave_backlog)
        response = Response(self, self.exchange.method == b"HEAD")
        try:
            response.run(self.service.app, self._environ(response))
        except ClientDisconnected:
            _log.debug("%s: the client has gone", name_of(self.exchange))
            response.fail()
        except BaseException:  # noqa: BLE001 - SystemExit too: the thread is not for it to end
            _log.exception("%s: the application raised", name_of(self.exchange))
            response.fail()
        if self._body is not None:
            self.post(self._settle_rest)

    def post(self, function: Callable[..., object], *arguments: Any) -> None:
        """Have something done in the event loop."""
        self._mailbox.post(self, function, arguments)

    def respond(self, head: Head, body: bytes) -> None:
        """Have the whole response sent."""
        self._head = head
        self._answer = body
        self._mailbox.post_answer(self)

    def send(self, data: bytes, head: Head | None) -> None:
        """Send some of the body, the head before it; wait while the client takes no more.

        :raises ClientDisconnected: if it went away.
        """
        changed = self._changed
        if changed is None:
            # The event loop sets ``gone`` before it looks for this, and we look the other way
            # round: one of us sees what the other did.
            changed = self._changed = threading.Condition(threading.Lock())
        with changed:
            while (self._pending > _AHEAD or self._blocked) and not self.gone:
                changed.wait()
            if self.gone:
                raise ClientDisconnected("the client went away before it had the whole response")
            self._pending += len(data)
        self.post(self._write, data, head)

    def _environ(self, response: Response) -> Environ:
        """Return the environ, with what only this request has."""
        environ = self.service.environs.environ(self.exchange)
        body = self._body
        if body is None:
            environ["wsgi.input"] = _BytesIO()
        else:
            environ["wsgi.input"] = io.BufferedReader(body, _READ_AHEAD)
            if body.ended and not environ["CONTENT_LENGTH"]:
                # There are applications that read nothing unless they are told how much.
                environ["CONTENT_LENGTH"] = str(body.received)
        environ["wsgi.early_hints"] = environ["plait.early_hints"] = response.early_hints
        environ["plait.trailers"] = response.set_trailers
        return environ

    def _taken(self) -> None:
        """The application has read something."""
        self.post(self._settle)

    def _go_ahead(self) -> None:
        """The application waits for a body that the client holds back (RFC 9110 §10.1.1)."""
        self.post(self.inform, 100, [])
