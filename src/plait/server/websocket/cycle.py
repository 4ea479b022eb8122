"""The ASGI cycle of a WebSocket: one call of the application.

It goes through phases. While it is *asked* for, the application decides. It gets *open*, or
the application *denies* it with a response of its own; in the end it is *settled*: the application
has nothing to say any more. How an open one goes on, ``Tunnel`` knows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from plait.server.asgi.errors import ClientDisconnected, MessageError, is_disconnect
from plait.server.asgi.scope import common_scope
from plait.server.asgi.task import failure, start
from plait.server.host import Cycle

from .channel import TEXT, Channel
from .deflate import Deflate
from .faults import ABNORMAL, INTERNAL_ERROR, NORMAL, SERVICE_RESTART
from .handshake import Handshake
from .options import WebSocketOptions
from .tunnel import Tunnel

if TYPE_CHECKING:
    from plait.server.asgi.application import Application
    from plait.server.asgi.types import Message
    from plait.server.host import Exchange, Field

logger = logging.getLogger("plait.websocket")

_ASKED = 0
_OPEN = 1
_DENIED = 2
_SETTLED = 3

_ERROR = b"Internal Server Error"
_TEXT_FIELDS = [(b"content-type", b"text/plain; charset=utf-8")]
_GONE = "the client has disconnected: the message is lost"
# What the handshake says itself, and what is not for a response without content.
_OURS = frozenset((b"connection", b"content-length", b"date", b"transfer-encoding", b"upgrade"))


class WebSocketCycle(Cycle):
    """One WebSocket, and ``receive`` and ``send`` of the call that it is for."""

    __slots__ = (
        "_application",
        "_denial",
        "_early",
        "_exchange",
        "_full",
        "_handshake",
        "_lost",
        "_options",
        "_over",
        "_phase",
        "_refusal_code",
        "_told_connect",
        "_told_end",
        "_tunnel",
        "_waiting",
    )

    def __init__(
        self,
        application: Application,
        exchange: Exchange,
        handshake: Handshake,
        options: WebSocketOptions,
    ) -> None:
        self._application = application
        self._exchange = exchange
        self._handshake = handshake
        self._options = options
        self._phase = _ASKED
        self._tunnel: Tunnel | None = None
        # What the client sent before it was answered.
        self._early: list[bytes] = []
        # The head of the response that denies it, until some of its body is there.
        self._denial: tuple[int, list[Field]] | None = None
        self._full = False
        self._over = False
        # It ended, and not by the application. What that is told if it never opened.
        self._lost = False
        self._refusal_code = ABNORMAL
        self._told_connect = False
        self._told_end = False
        self._waiting: list[asyncio.Future[None]] = []

    # --- called by the exchange -----------------------------------------------------------------

    def begin(self) -> None:
        """Call the application."""
        exchange = self._exchange
        application = self._application
        scope = common_scope(exchange, application)
        scope["type"] = "websocket"
        scope["scheme"] = "wss" if exchange.scheme in (b"https", b"wss") else "ws"
        scope["subprotocols"] = self._handshake.subprotocols
        scope["extensions"]["websocket.http.response"] = {}
        try:
            task = start(exchange.loop, application.app(scope, self.receive, self.send))
        except Exception as error:  # noqa: BLE001 - whatever the application raises
            self._ended(error)
            return
        if task.done():
            self._ended(failure(task))
        else:
            application.running.add(task)
            task.add_done_callback(self._ended_later)

    def data(self, data: bytes) -> None:
        """Take what the client sends; before it was answered it waits, and gets no credit."""
        if self._tunnel is not None:
            self._tunnel.feed(data)
        elif self._phase == _ASKED:
            self._early.append(data)
        else:
            self._exchange.consumed(len(data))

    def end(self, trailers: list[Field]) -> None:  # noqa: ARG002 - a tunnel has none
        """The client's side has ended."""
        if self._tunnel is not None:
            self._tunnel.input_ended()
        elif self._phase == _ASKED:
            self._lost = True
            self._settle()
            self._exchange.respond(400, _TEXT_FIELDS, b"the client has ended its side")

    def writable(self) -> None:
        """Let the calls of ``send`` that wait go on."""
        self._full = False
        if self._tunnel is not None:
            self._tunnel.writable()
        else:
            self._wake()

    def closed(self, error_code: int) -> None:  # noqa: ARG002 - the verdict says more
        """Tell the application, if it listens. It may go on: it is not cancelled."""
        self._over = True
        self._early = []
        if self._tunnel is not None:
            self._tunnel.exchange_closed()
        self._wake()

    def leaving(self) -> None:
        """The client should go, and come again."""
        if self._tunnel is not None:
            self._tunnel.close(SERVICE_RESTART, "")
        elif self._phase == _ASKED:
            self._refusal_code = SERVICE_RESTART
            self._lost = True
            self._settle()
            self._exchange.respond(503, _TEXT_FIELDS, b"the server is about to end")

    # --- the application's end ------------------------------------------------------------------

    def _ended_later(self, task: asyncio.Task[Any]) -> None:
        """The application has ended, after a while."""
        self._application.running.discard(task)
        self._ended(failure(task))

    def _ended(self, error: BaseException | None) -> None:
        """The application has ended: so must the WebSocket."""
        path = self._exchange.path.decode("ascii", "backslashreplace")
        if error is not None:
            if is_disconnect(error) and self._is_gone():
                logger.debug("WebSocket %s: the application did not expect its end", path)
            elif isinstance(error, asyncio.CancelledError):
                logger.warning("WebSocket %s: the application was cancelled", path)
            else:
                logger.error("WebSocket %s: the application raised", path, exc_info=error)
        elif self._phase in (_ASKED, _DENIED) and not self._over:
            lack = "an answer" if self._phase == _ASKED else "the end of the body"
            logger.error("WebSocket %s: the application ended without %s", path, lack)
        phase = self._phase
        if phase != _SETTLED:
            self._lost = self._is_gone()
        self._settle()
        if self._tunnel is not None:
            code = NORMAL if error is None else INTERNAL_ERROR
            self._tunnel.close(code, "", drop=True)
        elif phase == _ASKED or (phase == _DENIED and self._denial is not None):
            self._exchange.respond(500, _TEXT_FIELDS, _ERROR)
        elif phase == _DENIED:
            self._exchange.abort()

    def _settle(self) -> None:
        """The application has nothing to say any more."""
        self._phase = _SETTLED
        early = sum(map(len, self._early))
        self._early = []
        if early:
            self._exchange.consumed(early)
        self._wake()

    # --- receive --------------------------------------------------------------------------------

    async def receive(self) -> Message:
        """Return the next message: that a WebSocket is wanted, what came, or that it is over."""
        if not self._told_connect:
            self._told_connect = True
            return {"type": "websocket.connect"}
        while True:
            tunnel = self._tunnel
            if tunnel is not None:
                taken = tunnel.take()
                if taken is not None:
                    kind = "text" if taken[0] == TEXT else "bytes"
                    return {"type": "websocket.receive", kind: taken[1]}
                if tunnel.verdict is not None:
                    return self._disconnect(*tunnel.verdict)
            elif self._over or self._phase == _SETTLED:
                return self._disconnect(self._refusal_code, "")
            future = self._exchange.loop.create_future()
            self._waiting.append(future)
            await future

    def _disconnect(self, code: int, reason: str) -> Message:
        """Tell that it is over."""
        self._told_end = True
        return {"type": "websocket.disconnect", "code": code, "reason": reason}

    # --- send -----------------------------------------------------------------------------------

    async def send(self, message: Message) -> None:
        """Act upon a message of the application; return when the client can take another.

        :raises MessageError: for a wrong one.
        :raises ClientDisconnected: if it is over.
        """
        kind: Any = message.get("type")
        action = _ACTIONS.get(kind)
        if action is None:
            raise MessageError(f"there is no message {kind!r} of a WebSocket")
        action(self, message)
        while self._is_full():
            future = self._exchange.loop.create_future()
            self._waiting.append(future)
            await future

    def _is_full(self) -> bool:
        """Whether the client must take something first."""
        tunnel = self._tunnel
        if tunnel is not None:
            return tunnel.full and tunnel.verdict is None
        return self._full and not self._over

    def _is_gone(self) -> bool:
        """Whether it ended, and not by the application."""
        return self._over or (self._tunnel is not None and self._tunnel.verdict is not None)

    def _expect(self, phase: int, kind: str) -> None:
        """Check that a message comes at its time."""
        if self._phase == phase:
            if self._over and kind != "websocket.close":
                raise ClientDisconnected(_GONE)
        elif self._phase == _ASKED:
            raise MessageError(f"{kind} before websocket.accept")
        elif self._phase == _SETTLED and self._lost:
            raise ClientDisconnected(_GONE)
        elif self._phase == _OPEN:
            raise MessageError(f"{kind} after websocket.accept")
        elif self._phase == _DENIED:
            raise MessageError(f"{kind} after websocket.http.response.start")
        else:
            raise MessageError(f"{kind} after the WebSocket was closed or denied")

    def _accept(self, message: Message) -> None:
        """Open it."""
        self._expect(_ASKED, "websocket.accept")
        handshake = self._handshake
        headers = handshake.headers + _headers(message, ours=True)
        subprotocol = message.get("subprotocol")
        if subprotocol is not None:
            if subprotocol not in handshake.subprotocols:
                raise MessageError(
                    f"websocket.accept: the client does not offer the subprotocol {subprotocol!r}"
                )
            headers.append((b"sec-websocket-protocol", subprotocol.encode("ascii")))
        self._try_start("websocket.accept", handshake.status, headers)
        self._phase = _OPEN
        agreement = handshake.agreement
        limit = self._options.max_message_size
        deflate = None if agreement is None else Deflate(agreement, limit)
        channel = Channel(deflate, self._options)
        self._tunnel = Tunnel(self._exchange, channel, self._options, self._wake)
        early = self._early
        self._early = []
        for data in early:
            self._tunnel.feed(data)
        if self._over:
            self._tunnel.exchange_closed()

    def _message(self, message: Message) -> None:
        """Send a message to the client."""
        self._expect(_OPEN, "websocket.send")
        tunnel = self._tunnel
        assert tunnel is not None
        data = message.get("text")
        if data is None:
            data = message.get("bytes")
            if not isinstance(data, (bytes, bytearray, memoryview)):
                raise MessageError("websocket.send has neither text nor bytes")
        elif message.get("bytes") is not None:
            raise MessageError("websocket.send has both text and bytes")
        elif not isinstance(data, str):
            raise MessageError(f"websocket.send: text is not {type(data).__name__}")
        if tunnel.verdict is not None:
            raise ClientDisconnected(_GONE)
        try:
            tunnel.send(data if isinstance(data, str) else bytes(data))
        except ValueError as error:
            raise MessageError(f"websocket.send: {error}") from error

    def _close(self, message: Message) -> None:
        """Close it, or refuse it with 403."""
        tunnel = self._tunnel
        if tunnel is None:
            self._expect(_ASKED, "websocket.close")
            self._settle()
            self._exchange.respond(403, _TEXT_FIELDS, b"Forbidden")
            return
        self._expect(_OPEN, "websocket.close")
        code, reason = _closing(message)
        if self._told_end:
            raise ClientDisconnected(_GONE)
        # What it has not been told yet, the application cannot know: that is no fault of its own.
        self._phase = _SETTLED
        tunnel.close(code, reason, drop=True)

    def _denial_start(self, message: Message) -> None:
        """Keep the head of the response that denies it."""
        kind = "websocket.http.response.start"
        self._expect(_ASKED, kind)
        status = message.get("status")
        # A 2xx would open the tunnel in HTTP/2.
        if not isinstance(status, int) or not 300 <= status <= 999:
            raise MessageError(f"{kind}: status {status!r} denies nothing, which 300 to 999 do")
        self._denial = (status, _headers(message, ours=False))
        self._phase = _DENIED

    def _denial_body(self, message: Message) -> None:
        """Send some of the body of the response that denies it."""
        kind = "websocket.http.response.body"
        self._expect(_DENIED, kind)
        body = message.get("body", b"")
        if not isinstance(body, (bytes, bytearray, memoryview)):
            raise MessageError(f"{kind}: the body is not of bytes")
        body = bytes(body)
        last = not message.get("more_body", False)
        head = self._denial
        if last and head is not None:
            try:
                self._exchange.respond(*head, body)
            except ValueError as error:
                raise MessageError(f"{kind}: {error}") from error
            self._denial = None
            self._settle()
            return
        if head is not None:
            self._try_start(kind, *head)
            self._denial = None
        if body and not self._exchange.write(body):
            self._full = True
        if last:
            self._settle()
            self._exchange.finish()

    def _try_start(self, kind: str, status: int, headers: list[Field]) -> None:
        """Send the head of a response; a wrong one is the application's fault."""
        try:
            self._exchange.start(status, headers)
        except ValueError as error:
            raise MessageError(f"{kind}: {error}") from error

    def _wake(self) -> None:
        """Let whoever waits look again."""
        waiting = self._waiting
        if waiting:
            self._waiting = []
            for future in waiting:
                if not future.done():
                    future.set_result(None)


_ACTIONS: dict[str, Callable[[WebSocketCycle, Message], None]] = {
    "websocket.accept": WebSocketCycle._accept,
    "websocket.send": WebSocketCycle._message,
    "websocket.close": WebSocketCycle._close,
    "websocket.http.response.start": WebSocketCycle._denial_start,
    "websocket.http.response.body": WebSocketCycle._denial_body,
}


def _headers(message: Message, *, ours: bool) -> list[Field]:
    """Return the fields of a message.

    :param ours: the handshake has fields of its own, which these may not be.
    """
    kind = message["type"]
    found: list[Field] = []
    for field in message.get("headers") or ():
        name, value = field
        if not isinstance(name, bytes) or not isinstance(value, bytes):
            raise MessageError(f"{kind}: the header {field!r} is not of bytes")
        lowered = name.lower()
        if ours and (lowered in _OURS or lowered.startswith((b":", b"sec-websocket-"))):
            raise MessageError(f"{kind}: the header {name!r} is not for applications to set")
        found.append((lowered, value))
    return found


def _closing(message: Message) -> tuple[int, str]:
    """Return code and reason of ``websocket.close``."""
    code = message.get("code")
    code = NORMAL if code is None else code
    reason = message.get("reason") or ""
    # RFC 6455 §7.4: 1004 to 1006 and 1015 are never sent, and 3000 to 4999 are for applications.
    registered = code in (1000, 1001, 1002, 1003) or code in range(1007, 1015)
    if not isinstance(code, int) or not (registered or 3000 <= code <= 4999):
        raise MessageError(f"websocket.close: {code!r} is no code to close with")
    if not isinstance(reason, str):
        raise MessageError("websocket.close: the reason is not text")
    return code, reason
