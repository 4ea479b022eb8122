"""The exchange of HTTP/2: one stream, as a host sees it.

``Exchanges`` hands it the events of its stream as they are. What it sends goes straight to the
engine and leaves when the current read has been heard, or else once in the next turn of the event
loop: many responses then share one write.
"""

from __future__ import annotations

import asyncio
import logging
from time import monotonic
from typing import TYPE_CHECKING, Any, BinaryIO

from plait.http2.constants import CONNECTION_FIELDS
from plait.http2.errors import (
    ConnectionClosedError,
    ErrorCode,
    InvalidFieldError,
    NoSuchStreamError,
    PushDisabledError,
)
from plait.http2.events import DataReceived, RequestReceived, TrailersReceived
from plait.http2.fields import Field
from plait.http2.submission import response_fields

from .dates import date_field
from .handler import BaseRequestHandler
from .host import Cycle, Fields, Peer
from .outgoing import Outgoing

if TYPE_CHECKING:
    from .app_server import Observer, Proxies
    from .exchanges import Exchanges
    from .host import Host, Told
    from .link import Link

_INTERNAL_ERROR = int(ErrorCode.INTERNAL_ERROR)
_WEBSOCKET = b"websocket"

# What applications say for HTTP/1, and RFC 9113 §8.2.2 forbids here.


class Opener:
    """Makes the exchanges of a server: the handlers of its requests.

    :ivar host: the application.
    :ivar proxies: who may say that a request comes from somebody else; ``None`` for nobody.
    :ivar observer: who is told of every exchange that is over; ``None`` for nobody.
    """

    __slots__ = ("host", "observer", "proxies")

    def __init__(self, host: Host, proxies: Proxies | None, observer: Observer | None) -> None:
        self.host = host
        self.proxies = proxies
        self.observer = observer

    def __call__(self, http2: Link, stream_id: int) -> H2Exchange:
        """Return the exchange of a stream."""
        return H2Exchange(http2, stream_id, self)


class H2Exchange(BaseRequestHandler):
    """One stream; see ``host.Exchange`` for what its cycle may ask of it.

    :ivar cycle: the application's side; ``None`` before ``open`` and after the end.
    :ivar began: ``time.monotonic()`` when the request came, if somebody observes; else 0.
    :ivar octets_out: octets of response body that the application gave.
    """

    http_version = "2"

    def __init__(self, http2: Link, stream_id: int, opener: Opener) -> None:
        self._h2_prepare(http2, stream_id)
        self.opener = opener
        self.loop = http2.loop
        self.peer: Any = None
        self.protocol: bytes | None = None
        self.complete = False
        self.can_push = False
        self.cycle: Cycle | None = None
        self.began = 0.0
        self.octets_out = 0
        self.status = 0
        # The body that the application produces piece by piece; whether the response is over, and
        # whether it has no body to begin with.
        self._outgoing: Outgoing | None = None
        self._finished = False
        self._bodiless = False

    @property
    def closed(self) -> bool:
        """Nothing can be sent any more."""
        return self._h2_closed

    def told(self) -> Told:
        """Return what an application is told."""
        return (
            "2",
            self.method or b"",
            self.scheme or b"",
            self.path or b"",
            self.headers,
            self.peer,
            self.can_push,
        )

    # --- what comes -----------------------------------------------------------------------------

    def _h2_hear(self, event: Any) -> None:
        """Take an event of the stream."""
        try:
            if isinstance(event, RequestReceived):
                self._begin(event.end_stream)
                return
            cycle = self.cycle
            if isinstance(event, DataReceived):
                if cycle is None:
                    self.consumed(event.flow_controlled_length)
                    return
                if event.data:
                    cycle.data(event.data)
                if event.end_stream:
                    self.complete = True
                    cycle.end([])
            elif isinstance(event, TrailersReceived) and cycle is not None:
                self.complete = True
                cycle.end(event.headers)
        except Exception as error:  # noqa: BLE001 - a host's fault is told, and ends one stream
            self._failed(error)

    def _begin(self, complete: bool) -> None:
        """The request's head is there: let the host answer."""
        self.complete = complete
        link = self.http2
        peer = link.peer
        if peer is None:
            peer = link.peer = peer_of(link)
        self.peer = peer
        self.can_push = link.can_push and not self.pushed
        self._take_fields(self.headers)
        opener = self.opener
        exchange: Any = self  # its method and path are set by now
        if opener.observer is not None:
            self.began = monotonic()
        if opener.proxies is not None:
            opener.proxies.apply(exchange)
        if self.method == b"CONNECT" and self.protocol != _WEBSOCKET:
            # RFC 9110 §9.3.6, RFC 8441: nothing else is tunnelled here
            self.respond(501, [], b"")
            return
        cycle = opener.host.open(exchange)
        self.cycle = cycle
        cycle.begin()

    def _take_fields(self, received: list[Field]) -> None:
        """Keep the fields of the request without its pseudo-header fields, ``host`` first."""
        fields: list[Field] = []
        authority = self.host
        if authority is not None:
            fields.append((b"host", authority))
        for field in received:
            name = field[0]
            if name[0] == 0x3A:
                if name == b":protocol":
                    self.protocol = field[1]
            elif authority is None or name != b"host":
                fields.append(field)
        self.headers = fields
        if self.path is None:
            self.path = b""

    def _h2_ended(self, error_code: int) -> None:
        """The stream has ended."""
        if self._outgoing is not None:
            self._outgoing.close()
        cycle = self.cycle
        self.cycle = None
        if cycle is not None:
            try:
                cycle.closed(error_code)
            except Exception as error:  # noqa: BLE001
                self._report(error)
        observer = self.opener.observer
        if observer is not None:
            try:
                observer.ended(self, error_code)
            except Exception as error:  # noqa: BLE001
                self._report(error)

    def _h2_leaving(self) -> None:
        """The server wants to end."""
        cycle = self.cycle
        if cycle is not None:
            try:
                cycle.leaving()
            except Exception as error:  # noqa: BLE001
                self._failed(error)

    def _writable(self) -> None:
        """The body was taken, and there is room for more."""
        cycle = self.cycle
        if cycle is not None:
            try:
                cycle.writable()
            except Exception as error:  # noqa: BLE001
                self._failed(error)

    def _failed(self, error: Exception) -> None:
        """The host raised: answer with 500, or cut the response off."""
        self._report(error)
        if self.status:
            self.abort()
        else:
            self.respond(500, [(b"content-type", b"text/plain; charset=utf-8")], _FAILURE)

    def _report(self, error: Exception) -> None:
        """Log what the host raised."""
        self.http2.log.log(logging.ERROR, "a host failed", exc_info=error)

    # --- what goes ------------------------------------------------------------------------------

    def respond(self, status: int, headers: Fields, body: bytes) -> None:
        """Send a whole response."""
        engine = self.http2.engine
        if self._h2_closed or engine is None:
            return
        fields = self._checked(status, headers)
        try:
            engine.send_prepared(self.stream_id, fields, body)
        except (NoSuchStreamError, ConnectionClosedError):
            return
        self.status = status
        self.octets_out = len(body)
        self._finished = True
        self._leave()

    def start(self, status: int, headers: Fields) -> None:
        """Send the head of a response whose body follows."""
        engine = self.http2.engine
        if self._h2_closed or engine is None:
            return
        fields = self._checked(status, headers)
        self._bodiless = status in (204, 205, 304) or self.method == b"HEAD"
        try:
            engine.send_headers(self.stream_id, fields, self._bodiless)
            self.status = status
            if not self._bodiless:
                self._outgoing = Outgoing(self._went_down)
                engine.send_body(self.stream_id, self._outgoing, end_stream=False)
        except (NoSuchStreamError, ConnectionClosedError):
            return
        self._leave()

    def write(self, data: bytes | memoryview) -> bool:
        """Send some of the body; whether to go on."""
        outgoing = self._outgoing
        if outgoing is None or self._h2_closed:
            return True
        self.octets_out += len(data)
        link = self.http2
        engine = link.engine
        if outgoing.write(data) and engine is not None and not link.busy:
            # let the client have it now, rather than make the application wait for the next turn
            engine.resume(self.stream_id)
            link.flush()
        else:
            self._resume()
        return outgoing.has_room()

    def write_file(self, file: BinaryIO, count: int | None = None) -> None:
        """Send octets of a file, as the client takes them."""
        outgoing = self._outgoing
        if outgoing is None or self._h2_closed:
            file.close()
            if not self._h2_closed:
                self.loop.call_soon(self._writable)
            return
        self.octets_out += count or 0
        outgoing.send_file(file, count)
        self._resume()

    def finish(self, trailers: Fields | None = None) -> None:
        """The body ends."""
        outgoing = self._outgoing
        engine = self.http2.engine
        if outgoing is None or self._finished or self._h2_closed or engine is None:
            return
        fields = None if trailers is None else list(trailers)
        try:
            if fields and self.protocol is None:
                engine.send_headers(self.stream_id, fields, end_stream=True)
            else:
                engine.send_data(self.stream_id, b"", end_stream=True)
        except (NoSuchStreamError, ConnectionClosedError):
            return
        # Only now: trailers that may not be sent have raised, and the body can still end.
        self._finished = True
        outgoing.ended = True
        self._resume()

    def inform(self, status: int, headers: Fields) -> None:
        """Send an interim response."""
        self.send_informational(status, headers)

    def promise(self, path: bytes, headers: Fields) -> None:
        """Promise the response to a GET, which the host answers like a request."""
        link: Exchanges = self.http2  # type: ignore[assignment]  # streams have no other link
        engine = link.engine
        if engine is None or self._h2_closed or not self.push_enabled:
            return
        request: list[Field] = [
            (b":method", b"GET"),
            (b":scheme", self.scheme or b""),
            (b":authority", self.host or b""),
            (b":path", path),
            *headers,
        ]
        try:
            promised_id = engine.push_stream(self.stream_id, request)
        except (PushDisabledError, NoSuchStreamError, ConnectionClosedError):
            return
        promised = link.make_handler(promised_id)
        promised.pushed = True
        promised.method = b"GET"
        promised.scheme = self.scheme
        promised.host = self.host
        promised.path = path
        promised.headers = request
        link.adopt(promised)
        promised._h2_hear(RequestReceived(promised_id, request, True))
        self._leave()

    def consumed(self, octets: int) -> None:
        """The application has taken octets of the request's body."""
        engine = self.http2.engine
        if octets and engine is not None and not self._h2_closed:
            engine.acknowledge_received_data(octets, self.stream_id)
            self._leave()

    def abort(self) -> None:
        """Reset the stream."""
        engine = self.http2.engine
        if engine is not None and not self._h2_closed:
            try:
                engine.reset_stream(self.stream_id, _INTERNAL_ERROR)
            except (NoSuchStreamError, ConnectionClosedError):
                return
            self._leave()

    # --- inside ---------------------------------------------------------------------------------

    def _checked(self, status: int, headers: Fields) -> list[Field]:
        """Return the fields of a final response, dated."""
        given = headers if type(headers) is list else list(headers)
        if status == 204 or status == 205:
            # RFC 9110 §8.6: MUST NOT be sent with 204; §15.3.6: a 205 has no content either. A
            # client would find a length that is not kept malformed (RFC 9113 §8.1.1).
            given = [field for field in given if field[0].lower() != b"content-length"]
        try:
            return dated(response_fields(status, given))
        except InvalidFieldError:
            # RFC 9110 §5.5: space around a value is no part of it.
            kept = [
                (name, value.strip(b" \t"))
                for name, value in given
                if name.lower() not in CONNECTION_FIELDS
            ]
            return dated(response_fields(status, kept))

    def _resume(self) -> None:
        """The body has more, or has ended."""
        engine = self.http2.engine
        if engine is not None:
            engine.resume(self.stream_id)
            self._leave()

    def _leave(self) -> None:
        """What was said leaves soon."""
        link = self.http2
        if not link.busy:
            link.flush_soon()

    def _went_down(self) -> None:
        """The engine pulls: what the cycle says to that must wait until it has."""
        self.loop.call_soon(self._writable)


_FAILURE = b"Internal Server Error"


class _Last:
    """The latest fields that were dated, and what became of them: servers repeat themselves."""

    __slots__ = ("dated", "fields", "made")

    def __init__(self, fields: list[Field], made: Field, dated: list[Field]) -> None:
        self.fields = fields
        self.made = made
        self.dated = dated


_last = _Last([], (b"", b""), [])


def dated(fields: list[Field]) -> list[Field]:
    """Return the fields of a response with a ``date``, which an application may have given.

    The list may be returned again for the same fields: it must not be changed.
    """
    global _last  # noqa: PLW0603 - replaced as a whole
    last = _last
    made = date_field()
    if last.fields is fields and last.made is made:
        return last.dated
    for field in fields:
        if field[0] == b"date":
            return fields
    last = _Last(fields, made, [*fields, made])
    _last = last
    return last.dated


def peer_of(link: Link) -> Peer:
    """Return what is known of a connection."""
    transport = link.transport
    address = link.remote_address
    client = None if address[0] == "unix" else (str(address[0]), int(address[1]))
    if transport is None:
        return Peer(client, None, None)
    return Peer(client, server_of(transport), transport.get_extra_info("ssl_object"))


def server_of(transport: asyncio.BaseTransport) -> tuple[str, int | None] | None:
    """Return our own end of a connection."""
    name = transport.get_extra_info("sockname")
    if isinstance(name, tuple):
        return (str(name[0]), int(name[1]))
    if isinstance(name, bytes):
        name = name.decode("utf-8", "surrogateescape")
    return (name, None) if isinstance(name, str) else None
