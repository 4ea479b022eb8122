"""The glue between an asyncio transport and exchanges in HTTP/1: a protocol for each connection.

One read is heard as far as it goes, and everything that it caused leaves in one write. Requests
are answered one after the other: what a client sends ahead (pipelining) waits as the octets it is,
and when that becomes much, nothing more is read.

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
from .bodies import ChunkedBody, LengthBody
from .exchange import H1Exchange
from .heads import HeadReader, check_part
from .outlet import Outlet
from .refusal import Refusal, refusal_answer
from .upgrade import h2c_fields, is_settings
from .watch import Watch

if TYPE_CHECKING:
    from ..app_server import ApplicationServer
    from ..host import Peer
    from .request import RequestHead

_SPEAKING = 0
_TUNNELLING = 1
_LINGERING = 2
_LOST = 3

_PROTOCOL_ERROR = int(ErrorCode.PROTOCOL_ERROR)
_INTERNAL_ERROR = int(ErrorCode.INTERNAL_ERROR)
_CANCEL = int(ErrorCode.CANCEL)

# Octets that are read ahead of what can be heard.
_READ_AHEAD = 65_536

# Octets of a body that an application is given before it has consumed any, at least.
_LEAST_WINDOW = 16_384

# Octets of a body that nobody wants which are read all the same, so that the connection can go on.
_DRAINED = 65_536

# Seconds in which a client that broke the rules has to read what was said last.
_SHORT_PATIENCE = 1.0


class HTTP1Protocol(Outlet):
    """The asyncio protocol of one connection (it has the methods, not the base class).

    :ivar peer: what is known of the connection; a trusted proxy may have told it before.
    :ivar octets_in: how many octets arrived.
    :ivar requests_received: how many requests did.
    :ivar refusals: how often something was refused, by slug; ``None`` when nothing was.
    """

    def __init__(self, server: ApplicationServer, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.server = server
        self.log = server.log
        self.phase = _SPEAKING
        self.secure = False
        self.scheme = b"http"
        self.peer: Peer | None = None
        self.remote_address: tuple[Any, ...] = ("", 0)
        self.octets_in = 0
        self.requests_received = 0
        self.refusals: dict[str, int] | None = None
        self.reader = HeadReader(server.config)
        self.window = max(server.config.initial_window_size, _LEAST_WINDOW)
        # What was read and not heard yet; from where, and how far no end of a head is in it.
        self.unheard = b""
        self.heard = 0
        self.scanned = 0
        self.blank = False
        # The request that is being answered, and its body as far as that is still to come.
        self.exchange: H1Exchange | None = None
        self.body: LengthBody | ChunkedBody | None = None
        self.unconsumed = 0
        self.drained = 0
        self.busy = False
        self.due = False
        self.deaf = False
        self.leaving = False
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
        self.log.info("connection_made, address:%s, port:%s", address[0], address[1])
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
        """The client has gone, or its side of a tunnel ends; a false answer closes."""
        exchange = self.exchange
        if self.phase != _TUNNELLING or exchange is None or exchange.complete or self.secure:
            return False
        self.busy = True
        exchange.end([])
        self.busy = False
        self.run()
        return self.phase == _TUNNELLING

    def connection_lost(self, error: Exception | None) -> None:  # noqa: ARG002 - asyncio calls it
        """The connection is gone, and the exchange with it."""
        if self.transport is None:
            return
        self.log.info("connection_lost")
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

    # --- the way in -----------------------------------------------------------------------------

    def run_soon(self) -> None:
        """Go on once in the next turn of the event loop, however often this is called."""
        if not self.busy and not self.due:
            self.due = True
            self.loop.call_soon(self.run_due)

    def run_due(self) -> None:
        """The next turn has come."""
        self.due = False
        self.run()

    def run(self) -> None:
        """Hear what was read as far as that goes, and write what it caused."""
        if self.busy or self.phase >= _LINGERING:
            return
        self.busy = True
        try:
            self.advance()
            self.write()
            while not self.paused and self.go_on():
                self.advance()
                self.write()
        finally:
            self.busy = False
        if self.deaf or self.unheard:
            self.regulate()

    def go_on(self) -> bool:
        """Let a response go on that waited for room; whether there may be more to do."""
        exchange = self.exchange
        if exchange is None:
            return False
        if self.file is not None:
            return self.write_from_file(self.file)
        if not exchange.waits:
            return False
        exchange.writable()
        if exchange.waits:
            self.run_later()
        return not exchange.waits

    def run_later(self) -> None:
        """Leave a turn to others."""
        if not self.due:
            self.due = True
            self.loop.call_soon(self.run_due)

    def advance(self) -> None:
        """Take one step after the other until something has to be waited for."""
        while self.phase < _LINGERING:
            exchange = self.exchange
            if exchange is not None:
                if exchange.finished and self.file is None:
                    self.end_response(exchange)
                elif self.phase == _TUNNELLING:
                    if not self.hear_tunnel(exchange):
                        return
                elif self.body is None or not self.hear_body(self.body):
                    return
            elif self.body is not None:
                if not self.drain(self.body):
                    return
            elif not self.may_answer() or not self.begin_request():
                return

    def may_answer(self) -> bool:
        """Whether the client reads its answers: what it does not must not pile up."""
        if not self.has_room():
            self.write()
        return self.has_room()

    def begin_request(self) -> bool:
        """Begin with the next request if its head is there."""
        data = self.unheard
        if not data:
            if self.leaving:
                self.finish()
            return False
        try:
            end = self.find_head(data)
            if end < 0:
                return False
            octets = data if self.heard == 0 and end == len(data) else data[self.heard : end]
            head = self.reader.read(octets)
        except Refusal as refusal:
            self.refuse(refusal)
            return False
        self.move_to(end)
        self.blank = False
        self.requests_received += 1
        if head.chunked:
            self.body = ChunkedBody(self.server.config)
        elif head.content_length > 0:
            self.body = LengthBody(head.content_length)
        if head.settings is not None and self.upgrade(head, head.settings):
            return False
        exchange = self.exchange = H1Exchange(self, head)
        exchange.begin()
        return True

    def find_head(self, data: bytes) -> int:
        """Return where the head ends that is next; -1 if it has not all come yet.

        :raises Refusal: if it is too long, or cannot become a head.
        """
        if data.startswith(b"\r\n", self.heard):
            # RFC 9112 §2.2: at least one empty line before a request SHOULD be ignored.
            if self.blank:
                raise Refusal(400, "http1.request_line")
            self.blank = True
            self.move_to(self.heard + 2)
            if not self.unheard:
                return -1
        start = self.heard
        end = data.find(b"\r\n\r\n", self.scanned)
        if 0 <= end <= start + self.reader.max_octets:
            return end + 4
        check_part(data, start, self.scanned, self.reader.max_octets)
        self.scanned = max(start, len(data) - 3)
        return -1

    def move_to(self, heard: int) -> None:
        """Everything up to here has been heard."""
        if heard >= len(self.unheard):
            self.unheard = b""
            heard = 0
        self.heard = self.scanned = heard

    def hear_body(self, body: LengthBody | ChunkedBody) -> bool:
        """Give the exchange what is there of its body; whether anything was."""
        room = self.window - self.unconsumed
        if not self.unheard or room <= 0:
            return False
        try:
            self.move_to(body.take(self.unheard, self.heard, room))
        except Refusal as refusal:
            self.refuse(refusal)
            return False
        exchange = self.exchange
        assert exchange is not None
        exchange.continued = True
        if body.complete:
            self.body = None
        if body.piece:
            self.unconsumed += len(body.piece)
            exchange.data(body.piece)
        if body.complete:
            exchange.end(body.trailers)
        return True

    def hear_tunnel(self, exchange: H1Exchange) -> bool:
        """Give the exchange what came out of the tunnel; whether anything did."""
        room = self.window - self.unconsumed
        if not self.unheard or room <= 0:
            return False
        piece = self.unheard[self.heard : self.heard + room]
        self.move_to(self.heard + len(piece))
        self.unconsumed += len(piece)
        exchange.data(piece)
        return True

    def drain(self, body: LengthBody | ChunkedBody) -> bool:
        """Take a body that nobody wants; whether anything was there."""
        if not self.unheard:
            return False
        start = self.heard
        try:
            end = body.take(self.unheard, start, _DRAINED)
        except Refusal as refusal:
            self.refuse(refusal)
            return False
        self.move_to(end)
        self.drained += end - start
        if body.complete:
            self.body = None
        elif self.drained >= _DRAINED:
            self.finish()
        return True

    def consumed(self, octets: int) -> None:
        """The application has taken some of the body."""
        full = self.unconsumed >= self.window
        self.unconsumed = max(0, self.unconsumed - octets)
        if self.unheard or full:
            self.run_soon()

    def regulate(self) -> None:
        """Read nothing more while there is much to hear, and go on when there is not."""
        much = len(self.unheard) - self.heard >= _READ_AHEAD or (
            len(self.unheard) > 0 and self.unconsumed >= self.window
        )
        transport = self.transport
        if transport is None or much == self.deaf or self.phase >= _LINGERING:
            return
        self.deaf = much
        if much:
            transport.pause_reading()
        else:
            transport.resume_reading()

    # --- the way out ----------------------------------------------------------------------------

    def goes_on(self) -> bool:
        """Whether another request may follow, as far as can be said when a response begins."""
        if self.leaving or self.server.is_closing:
            return False
        body = self.body
        if body is None:
            return True
        exchange = self.exchange
        # an application that has begun to answer may still take it
        if exchange is not None and exchange.continued and not exchange.finished:
            return True
        return exchange is not None and self.may_drain(exchange, body)

    def write_from_file(self, file: Any) -> bool:
        """Write some of the file; whether it has come to its end."""
        exchange = self.exchange
        assert exchange is not None
        for _ in range(16):
            data = b""
            try:
                data = self.read_piece(file)
            except Exception as error:  # noqa: BLE001 - a file of the host's
                exchange.failed(error)
                return False
            if not data:
                self.close_file()
                if not exchange.finished:
                    exchange.writable()
                return True
            self.put(exchange.wrap(data))
            self.write()
            if self.paused:
                return False
        self.run_later()
        return False

    def end_response(self, exchange: H1Exchange) -> None:
        """All of a response was given: the next request may come, or the connection ends."""
        if exchange.is_short():
            self.log.error("a response has %d octets less than content-length", exchange.left)
            self.end_exchange(_INTERNAL_ERROR)
            self.finish()
            return
        self.end_exchange(0)
        self.drained = 0
        if not exchange.persists or not self.may_drain(exchange, self.body):
            self.finish()

    def may_drain(self, exchange: H1Exchange, body: LengthBody | ChunkedBody | None) -> bool:
        """Whether what is left of the request is little enough to be thrown away."""
        if body is None:
            return True
        # RFC 9110 §10.1.1: after a final answer the client may send the body or not: nobody knows.
        if not exchange.continued:
            return False
        return not isinstance(body, LengthBody) or body.left <= _DRAINED

    def end_exchange(self, error_code: int) -> None:
        """The exchange is over."""
        exchange = self.exchange
        if exchange is None:
            return
        self.exchange = None
        self.unconsumed = 0
        self.behind = b""
        self.close_file()
        exchange.close(error_code)

    def cut_off_response(self, rudely: bool) -> None:
        """Something went wrong: what was said of a response is all there is.

        :param rudely: only a reset shows the client that there should be more.
        """
        self.end_exchange(_INTERNAL_ERROR)
        if rudely:
            self.abort()
        else:
            self.finish()

    def begin_tunnel(self) -> None:
        """The protocol was switched: octets go both ways as they are."""
        self.phase = _TUNNELLING

    def upgrade(self, head: RequestHead, settings: bytes) -> bool:
        """Go on in HTTP/2 if that is wanted here (RFC 7540 §3.2); whether it is."""
        server = self.server
        transport = self.transport
        if not server.h2c_upgrade or self.secure or transport is None or not is_settings(settings):
            return False
        if self.leaving or server.is_closing:
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
        self.end_exchange(_PROTOCOL_ERROR)
        self.finish()

    def look(self, limits: TimeLimits, now: float) -> None:
        """See whether the client takes too long for anything."""
        if self.phase < _LINGERING:
            self.watch.look(self, limits, now)

    def time_is_up(self, slug: str) -> None:
        """The client was too slow: it is told so, and the connection ends."""
        self.refuse(Refusal(408, slug))

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
        """Answer what has been asked, and nothing more."""
        self.leaving = True
        if self.exchange is not None:
            self.exchange.leaving()
        elif self.requests_received and not self.unheard and self.body is None:
            self.finish()

    def say_goodbye(self) -> None:
        """Close what nothing has been asked of."""
        if self.exchange is None:
            self.finish()

    def terminate(self, error_code: int, message: str) -> None:  # noqa: ARG002 - nobody to tell
        """Answer nothing any more, and close."""
        self.end_exchange(error_code or _CANCEL)
        self.finish()

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
        self.linger = Linger(self, patience, limits.write_progress)  # type: ignore[arg-type]
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
