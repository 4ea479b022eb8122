"""What is heard and said on a connection in HTTP/1: requests, their bodies, and the responses.

Requests are answered one after the other. What a client sends ahead (pipelining) waits as the
octets it is, and when that becomes much, nothing more is read. Nor is a request begun while the
client does not read the answers to those before.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from plait.http2.errors import ErrorCode

from .bodies import ChunkedBody, LengthBody
from .exchange import H1Exchange
from .heads import HeadReader, check_part
from .link import H1Link
from .refusal import Refusal

if TYPE_CHECKING:
    from ..app_server import ApplicationServer
    from .request import RequestHead

SPEAKING = 0
TUNNELLING = 1
LINGERING = 2
LOST = 3
_TUNNELLING = TUNNELLING
_LINGERING = LINGERING

_INTERNAL_ERROR = int(ErrorCode.INTERNAL_ERROR)
_CANCEL = int(ErrorCode.CANCEL)

_CR = 0x0D

# Octets that are read ahead of what can be heard.
_READ_AHEAD = 65_536

# Octets of a body that an application is given before it has consumed any, at least.
_LEAST_WINDOW = 16_384

# Octets of a body that nobody wants which are read all the same, so that the connection can go on.
_DRAINED = 65_536

# Requests, and pieces of a file, in a row before other connections have a turn.
_IN_A_ROW = 32
_HELPINGS = 16


class Conversation(H1Link):
    """The part of a connection that has to do with requests.

    :ivar phase: speaking, tunnelling after 101, lingering, or lost.
    :ivar requests_received: how many requests were.
    :ivar exchange: the request that is being answered; ``None`` between two.
    :ivar body: what is still to come of a request's body; ``None`` when nothing is.
    :ivar unheard: what was read and not heard yet, from ``heard`` on.
    :ivar unconsumed: octets of the body that the application has been given and not taken.
    :ivar deaf: nothing is read for now.
    :ivar input_ended: the client sends nothing more, and may still want its answers.
    """

    def __init__(self, server: ApplicationServer, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(server, loop)
        self.phase = SPEAKING
        self.secure = False
        self.requests_received = 0
        self.reader = HeadReader(server.config)
        self.window = max(server.config.initial_window_size, _LEAST_WINDOW)
        self.unheard = b""
        self.heard = 0
        # Up to here there is no end of a head; and an empty line before it was skipped.
        self.scanned = 0
        self.blank = False
        self.exchange: H1Exchange | None = None
        self.body: LengthBody | ChunkedBody | None = None
        self.unconsumed = 0
        self.drained = 0
        self.busy = False
        self.due = False
        self.deaf = False
        self.input_ended = False
        self.leaving = False
        self.said_goodbye = False

    # --- what the connection does ---------------------------------------------------------------

    def finish(self) -> None:
        """Everything is said: close when the client has read it, or stopped reading."""
        raise NotImplementedError

    def abort(self) -> None:
        """Close the connection at once."""
        raise NotImplementedError

    def refuse(self, refusal: Refusal) -> None:
        """The client broke the rules: it is told so if it still waits for an answer."""
        raise NotImplementedError

    def upgrade(self, head: RequestHead, settings: bytes) -> bool:
        """Go on in HTTP/2 if that is wanted here (RFC 7540 §3.2); whether it is."""
        raise NotImplementedError

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
        begun = 0
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
            elif begun == _IN_A_ROW:
                self.run_later()
                return
            elif self.may_answer() and self.begin_request():
                begun += 1
            else:
                return

    def may_answer(self) -> bool:
        """Whether the client reads its answers: what it does not must not pile up."""
        if self.has_room():
            return True
        self.write()
        return self.has_room()

    def begin_request(self) -> bool:
        """Begin with the next request if its head is there."""
        data = self.unheard
        if not data:
            if self.said_goodbye or self.input_ended:
                self.finish()
            return False
        head = self.reader.recall(data) if self.heard == 0 else None
        if head is not None:
            self.unheard = b""
            self.scanned = 0
        else:
            try:
                end = self.find_head(data)
                if end < 0:
                    if self.input_ended:
                        self.finish()
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
        # not by calling it, which costs as much as all of the rest
        exchange = H1Exchange.__new__(H1Exchange)
        exchange.prepare(self, head, self.body is None)
        self.exchange = exchange
        exchange.begin()
        return True

    def find_head(self, data: bytes) -> int:
        """Return where the head ends that is next; -1 if it has not all come yet.

        :raises Refusal: if it is too long, or cannot become a head.
        """
        if data[self.heard] == _CR and data.startswith(b"\r\n", self.heard):
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
            if self.input_ended and not self.unheard:
                self.cut_off(_CANCEL)
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
            if self.unheard or not self.input_ended or exchange.complete:
                return False
            exchange.end([])
            return True
        piece = self.unheard[self.heard : self.heard + room]
        self.move_to(self.heard + len(piece))
        self.unconsumed += len(piece)
        exchange.data(piece)
        return True

    def drain(self, body: LengthBody | ChunkedBody) -> bool:
        """Take a body that nobody wants; whether anything was there."""
        if not self.unheard:
            if self.input_ended:
                self.finish()
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
        if self.input_ended:
            return
        self.deaf = much
        if much:
            transport.pause_reading()
        else:
            transport.resume_reading()

    # --- the way out ----------------------------------------------------------------------------

    def goes_on(self) -> bool:
        """Whether another request may follow, as far as can be said when a response begins."""
        if self.leaving or (self.input_ended and not self.unheard):
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
        for _ in range(_HELPINGS):
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

    def cut_off(self, error_code: int) -> None:
        """End the exchange, whatever was said of its response, and the connection."""
        exchange = self.exchange
        rudely = exchange is not None and exchange.needs_end()
        self.end_exchange(error_code)
        if rudely:
            self.abort()
        else:
            self.finish()

    def begin_tunnel(self) -> None:
        """The protocol was switched: octets go both ways as they are."""
        self.phase = _TUNNELLING
