"""The glue between an asyncio transport and exchanges in HTTP/1: a protocol for each connection.

One read is heard as far as it goes, and everything that it caused leaves in one write.

A connection goes through phases: *speaking*, perhaps *tunnelling* after 101, *lingering*
(everything is said, and the client has yet to read it), and *lost*.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from plait.http2.errors import ErrorCode, UsageError

from ..addresses import peer_address
from ..h2_exchange import peer_of
from ..linger import Linger
from ..stats import is_ordinary, refusals_line
from ..timeouts import TimeLimits
from .conversation import LINGERING, LOST, Conversation
from .refusal import Refusal, refusal_answer
from .upgrade import h2c_fields, is_settings
from .watch import Watch

if TYPE_CHECKING:
    from ..app_server import ApplicationServer
    from .request import RequestHead

_LINGERING = LINGERING
_LOST = LOST

_PROTOCOL_ERROR = int(ErrorCode.PROTOCOL_ERROR)
_CANCEL = int(ErrorCode.CANCEL)

# Seconds in which a client that broke the rules has to read what was said last.
_SHORT_PATIENCE = 1.0


class HTTP1Protocol(Conversation):
    """The asyncio protocol of one connection (it has the methods, not the base class).

    :ivar octets_in: how many octets arrived.
    :ivar refusals: how often something was refused, by slug; ``None`` when nothing was.
    """

    def __init__(self, server: ApplicationServer, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(server, loop)
        self.remote_address: tuple[Any, ...] = ("", 0)
        self.octets_in = 0
        self.refusals: dict[str, int] | None = None
        self.at_fault = False
        self.watch = Watch()
        self.linger: Linger | None = None

    @property
    def engine(self) -> HTTP1Protocol:
        """What speaks the protocol: its figures are asked of the server."""
        return self

    @property
    def open_streams(self) -> int:
        """How many requests are being answered."""
        return 0 if self.exchange is None else 1

    # --- called by the transport ----------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:
        """A client has connected, and it is said that it speaks HTTP/1."""
        self.transport = transport
        self.secure = transport.get_extra_info("sslcontext") is not None
        if self.secure:
            self.scheme = b"https"
        self.watch.begin(self.loop.time())
        self.remote_address = address = peer_address(transport)
        if self.secure:  # in clear text that was said before it was known what is spoken
            self.log.debug("connection_made, address:%s, port:%s", address[0], address[1])
        if self.peer is None:
            self.peer = peer_of(self)  # type: ignore[arg-type]  # no link, but what is asked of it
        elif self.secure:
            self.peer.tls = transport.get_extra_info("ssl_object")
        self.limit_buffer(transport)
        self.server.connection_opened(self)  # type: ignore[arg-type]
        if self.server.is_closing:
            self.begin_shutdown()

    def data_received(self, data: bytes) -> None:
        """Octets arrived."""
        self.octets_in += len(data)
        if self.phase >= _LINGERING:
            return
        if self.unheard:
            self.unheard = self.unheard[self.heard :] + data
            self.scanned = max(0, self.scanned - self.heard)
        else:
            self.unheard = data
            self.scanned = 0
        self.heard = 0
        self.run()

    def eof_received(self) -> bool:
        """The client sends nothing more; a false answer closes.

        It may have gone, or wait for answers to what it has asked (RFC 9112 §9.6), or only its
        side of a tunnel ends.
        """
        if self.secure:
            return False
        self.input_ended = True
        self.run()
        return self.phase < _LINGERING

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it
        """The connection is gone, and the exchange with it."""
        if self.transport is None:
            return
        self.log.debug("connection_lost")
        self.phase = _LOST
        self.transport = None
        if self.linger is not None:
            self.linger.cancel()
        self.server.connection_closed(self)  # type: ignore[arg-type]
        if self.refusals is not None:
            level = logging.INFO if is_ordinary(self.refusals) else logging.WARNING
            address = self.remote_address
            line = refusals_line(self.refusals)
            self.log.log(level, "refused, address:%s, port:%s: %s", address[0], address[1], line)
        self.end_exchange(_CANCEL)
        self.forget()

    def pause_writing(self) -> None:
        """The transport has enough."""
        self.paused = True

    def resume_writing(self) -> None:
        """The transport can take more."""
        self.paused = False
        self.run()

    # --- another protocol -----------------------------------------------------------------------

    def upgrade(self, head: RequestHead, settings: bytes) -> bool:
        """Go on in HTTP/2 if that is wanted here (RFC 7540 §3.2); whether it is."""
        server = self.server
        transport = self.transport
        if not server.h2c_upgrade or self.secure or transport is None or not is_settings(settings):
            return False
        if self.leaving or server.is_closing or self.input_ended:
            return False
        self.put(b"HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n")
        self.write()
        rest = self.unheard[self.heard :]
        self.forget()
        if self.deaf:
            transport.resume_reading()
        self.phase = _LOST
        self.transport = None
        self.requests_received -= 1  # it counts there
        server.connection_closed(self)  # type: ignore[arg-type]
        fields = h2c_fields(head, self.scheme)
        try:
            server.upgrade_to_h2c(transport, self.peer, fields, settings, rest, end_stream=True)
        except UsageError:
            transport.abort()
        return True

    # --- faults ---------------------------------------------------------------------------------

    def refused(self, slug: str) -> None:
        """Something of the client's was refused: its connection tells at its end."""
        if self.refusals is None:
            self.refusals = {}
        self.refusals[slug] = self.refusals.get(slug, 0) + 1

    def refuse(self, refusal: Refusal) -> None:
        """The client broke the rules: it is told so if it still waits for an answer."""
        self.refused(refusal.slug)
        self.at_fault = True
        exchange = self.exchange
        if exchange is None or not exchange.status:
            if self.body is None or exchange is not None:
                self.put(refusal_answer(refusal.status, refusal.slug))
        self.cut_off(_PROTOCOL_ERROR)

    def look(self, limits: TimeLimits, now: float) -> None:
        """See whether the client takes too long for anything."""
        if self.phase < _LINGERING:
            self.watch.look(self, limits, now)

    def time_is_up(self, slug: str) -> None:
        """The client was too slow: it is told so, and the connection ends."""
        self.refuse(Refusal(408, slug))

    def give_up(self, slug: str) -> None:
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
        """Let the next answer say that it is the last.

        An idle connection is not closed yet: a busy client, such as a proxy, has a request on its
        way now, and would not know whether it was heard.
        """
        self.leaving = True
        if self.exchange is not None:
            self.exchange.leaving()

    def say_goodbye(self) -> None:
        """Close what nothing has been asked of, now or when it is answered."""
        self.leaving = self.said_goodbye = True
        if self.exchange is None:
            self.finish()

    def terminate(self, error_code: int, message: str) -> None:  # noqa: ARG002 - nobody to tell
        """Answer nothing any more, and close."""
        self.cut_off(error_code or _CANCEL)

    def finish(self) -> None:
        """Everything is said: close when the client has read it, or stopped reading."""
        transport = self.transport
        if self.phase >= _LINGERING or transport is None:
            return
        self.write()
        self.phase = _LINGERING
        self.forget()
        if self.deaf:
            self.deaf = False
            transport.resume_reading()
        limits = self.server.time_limits
        patience = _SHORT_PATIENCE if self.at_fault else limits.write
        self.linger = Linger(self, patience, limits.write_progress)
        self.linger.begin()

    def abort(self) -> None:
        """Close the connection at once."""
        if self.transport is not None:
            self.transport.abort()

    def forget(self) -> None:
        """What was read and not heard is of no use any more."""
        self.unheard = b""
        self.heard = 0
        self.body = None
        self.out = []
        self.out_octets = 0
        self.close_file()
