"""The exchange of HTTP/1: one request and its response on a connection that has one at a time."""

from __future__ import annotations

import logging
from time import monotonic
from typing import TYPE_CHECKING, Any, BinaryIO

from plait.http2.constants import CONNECTION_FIELDS
from plait.http2.errors import ErrorCode, InvalidFieldError, UsageError

from .responses import (
    CHUNKED,
    CLOSE,
    CRLF,
    KEEP_ALIVE,
    LAST_CHUNK,
    NO_LINE,
    Rendered,
    interim_head,
    rendered,
    rendered_trailers,
)

if TYPE_CHECKING:
    from ..host import Cycle, Fields, Told
    from .link import H1Link
    from .request import RequestHead

_INTERNAL_ERROR = int(ErrorCode.INTERNAL_ERROR)

# How the body of the response is delimited (RFC 9112 §6.3); nothing before its head is sent.
_NOTHING = 0
_BODILESS = 1
_LENGTH = 2
_CHUNKS = 3
_CLOSE = 4
_TUNNEL = 5

# What applications say about the connection: that is the server's business.
# Octets of a body that are copied behind the head, rather than given by themselves.
_TOGETHER = 16_384

_FAILURE = b"Internal Server Error"
_FAILURE_FIELDS = [(b"content-type", b"text/plain; charset=utf-8")]


class H1Exchange:
    """One request; see ``host.Exchange`` for what its cycle may ask of it.

    :ivar cycle: the application's side; ``None`` before ``begin`` and after the end.
    :ivar began: ``time.monotonic()`` when the request came, if somebody observes; else 0.
    :ivar octets_out: octets of response body that the application gave.
    :ivar continued: the client does not wait (any more) for 100 before it sends the body. It is
        for the cycle to send that, when the application wants the body.
    :ivar persists: the connection may go on after the response.
    :ivar finished: all of the response was given.
    :ivar waits: ``write`` has said that there is no room.
    """

    can_push = False
    pushed = False

    __slots__ = (
        "__weakref__",
        "began",
        "closed",
        "complete",
        "continued",
        "cycle",
        "finished",
        "framing",
        "headers",
        "host",
        "http_version",
        "left",
        "link",
        "loop",
        "method",
        "octets_out",
        "path",
        "peer",
        "persists",
        "protocol",
        "scheme",
        "status",
        "waits",
    )

    def prepare(self, link: H1Link, head: RequestHead, complete: bool) -> None:
        """Set everything, as ``__init__`` would.

        :param complete: no body is to come.
        """
        self.link = link
        self.loop = link.loop
        self.peer: Any = link.peer
        self.scheme = link.scheme
        self.http_version = head.version
        self.method = head.method
        self.host = head.host
        self.path = head.path
        self.headers = head.fields[:]
        self.protocol = head.protocol
        # the client's side of a tunnel is still to come
        self.complete = complete and head.protocol is None
        self.continued = not head.expects_continue
        self.persists = head.keep_alive
        self.cycle: Cycle | None = None
        self.closed = False
        self.status = 0
        self.began = 0.0
        self.octets_out = 0
        self.finished = False
        self.waits = False
        self.framing = _NOTHING
        # Octets of a body with a Content-Length that are still to be given.
        self.left = 0

    def told(self) -> Told:
        """Return what an application is told."""
        return (
            self.http_version,
            self.method,
            self.scheme,
            self.path,
            self.headers,
            self.peer,
            False,
        )

    # --- what comes: called by the connection ---------------------------------------------------

    def begin(self) -> None:
        """Let the host answer."""
        link = self.link
        try:
            if link.observer is not None:
                self.began = monotonic()
            if link.proxies is not None:
                link.proxies.apply(self)
            cycle = link.host.open(self)
            self.cycle = cycle
            cycle.begin()
        except Exception as error:  # noqa: BLE001 - a host's fault is told, and ends one exchange
            self.failed(error)

    def data(self, data: bytes) -> None:
        """Some of the body, or out of the tunnel."""
        cycle = self.cycle
        if cycle is not None:
            try:
                cycle.data(data)
            except Exception as error:  # noqa: BLE001
                self.failed(error)

    def end(self, trailers: list[tuple[bytes, bytes]]) -> None:
        """The request has come to its end."""
        self.complete = True
        cycle = self.cycle
        if cycle is not None and not self.finished:
            try:
                cycle.end(trailers)
            except Exception as error:  # noqa: BLE001
                self.failed(error)

    def writable(self) -> None:
        """There is room."""
        cycle = self.cycle
        self.waits = False
        if cycle is not None:
            try:
                cycle.writable()
            except Exception as error:  # noqa: BLE001
                self.failed(error)

    def leaving(self) -> None:
        """The server wants to end."""
        cycle = self.cycle
        if cycle is not None:
            try:
                cycle.leaving()
            except Exception as error:  # noqa: BLE001
                self.failed(error)

    def close(self, error_code: int) -> None:
        """It is all over."""
        if self.closed:
            return
        self.closed = True
        cycle = self.cycle
        self.cycle = None
        if cycle is not None:
            try:
                cycle.closed(error_code)
            except Exception as error:  # noqa: BLE001
                self.report(error)
        observer = self.link.observer
        if observer is not None:
            observer.ended(self, error_code)

    def failed(self, error: Exception) -> None:
        """The host raised: answer with 500, or cut the response off."""
        self.report(error)
        if self.status:
            self.abort()
        else:
            self.respond(500, _FAILURE_FIELDS, _FAILURE)

    def report(self, error: Exception) -> None:
        """Log what the host raised."""
        self.link.log.log(logging.ERROR, "a host failed", exc_info=error)

    # --- what goes: called by the cycle ---------------------------------------------------------

    def respond(self, status: int, headers: Fields, body: bytes) -> None:
        """Send a whole response."""
        if self.closed:
            return
        fields = self.checked(status, headers)
        length = fields.content_length
        if self.is_bodiless(status):
            length = self.bodiless_length(status, length, len(body))
            body = b""
        elif length < 0:
            length = len(body)
        elif length != len(body):
            raise ValueError(f"content-length says {length}, and the body has {len(body)} octets")
        self.status = status
        self.octets_out = len(body)
        self.finished = True
        link = self.link
        head = fields.head(status, length, NO_LINE, self.last_lines())
        if self.octets_out <= _TOGETHER:
            link.put(head + body)
        else:
            link.put(head)
            link.put(body)
        link.run_soon()

    def start(self, status: int, headers: Fields) -> None:
        """Send the head of a response whose body follows."""
        if self.closed:
            return
        if status == 101:
            self.start_tunnel(headers)
            return
        fields = self.checked(status, headers)
        length = fields.content_length
        coding = NO_LINE
        if self.is_bodiless(status):
            self.framing = _BODILESS
            length = self.bodiless_length(status, length, 0)
        elif length >= 0:
            self.framing = _LENGTH
            self.left = length
        elif self.http_version == "1.1":
            self.framing = _CHUNKS
            coding = CHUNKED
        else:
            self.framing = _CLOSE
            self.persists = False
        self.status = status
        self.link.put(fields.head(status, length, coding, self.last_lines()))
        self.link.run_soon()

    def start_tunnel(self, headers: Fields) -> None:
        """Send 101: from here on it is octets both ways (RFC 9110 §7.8)."""
        if self.status or self.protocol is None:
            raise ValueError("there is nothing to switch to")
        head = interim_head(101, [f for f in headers if f[0].lower() not in CONNECTION_FIELDS])
        self.status = 101
        self.framing = _TUNNEL
        self.persists = False
        # RFC 9110 §7.8: the server MUST send Upgrade, and Connection with it.
        switch = b"upgrade: %b\r\nconnection: upgrade\r\n\r\n" % self.protocol
        self.link.put(head[:-2] + switch)
        self.link.begin_tunnel()
        self.link.run_soon()

    def write(self, data: bytes | memoryview) -> bool:
        """Send some of the body, or through the tunnel; whether to go on."""
        if self.closed:
            return True
        self.may_write()
        octets = data if type(data) is bytes else bytes(data)
        size = len(octets)
        framing = self.framing
        if framing == _LENGTH:
            if size > self.left:
                raise ValueError(f"{size - self.left} octets more than content-length says")
            self.left -= size
        self.octets_out += size
        if size == 0 or framing == _BODILESS:
            return True
        link = self.link
        if framing == _CHUNKS:
            link.put(b"%x\r\n" % size)
            link.put(octets)
            link.put(CRLF)
        else:
            link.put(octets)
        link.run_soon()
        if link.has_room():
            return True
        self.waits = True
        return False

    def write_file(self, file: BinaryIO, count: int | None = None) -> None:
        """Send octets of a file as the client takes them."""
        if self.closed:
            file.close()
            return
        self.may_write()
        if self.framing == _LENGTH and (count is None or count > self.left):
            count = self.left
        if self.framing == _BODILESS:
            count = 0
        self.link.send_file(file, count)
        self.link.run_soon()

    def finish(self, trailers: Fields | None = None) -> None:
        """The body, or our side of the tunnel, ends."""
        if self.closed or self.finished:
            return
        if not self.status:
            raise UsageError("there is no response to finish")
        end = b""
        if self.framing == _CHUNKS:
            end = LAST_CHUNK if trailers is None else rendered_trailers(trailers)
        self.finished = True
        # behind a file that is still being sent
        self.link.end_with(end)
        self.link.run_soon()

    def inform(self, status: int, headers: Fields) -> None:
        """Send an interim response."""
        if self.closed or self.http_version == "1.0":
            return
        if self.status:
            raise UsageError("the response has begun")
        if not (status == 100 or 102 <= status <= 199):
            raise ValueError(f"{status} is not the status of an interim response")
        if status == 100:
            # RFC 9110 §15.2.1: for who asked for it, and waits
            if self.continued:
                return
            self.continued = True
        self.link.put(interim_head(status, headers))
        self.link.run_soon()

    def promise(self, path: bytes, headers: Fields) -> None:
        """HTTP/1 has no push."""

    def consumed(self, octets: int) -> None:
        """The application has taken octets of the request's body."""
        if not self.closed:
            self.link.consumed(octets)

    def abort(self) -> None:
        """Close the connection, so that the client sees the response cut off."""
        if not self.closed:
            self.link.cut_off(_INTERNAL_ERROR)

    # --- inside ---------------------------------------------------------------------------------

    def checked(self, status: int, headers: Fields) -> Rendered:
        """Return the fields of a final response that may be sent now."""
        if self.status:
            raise UsageError("the response has begun")
        if not 200 <= status <= 999:
            raise ValueError(f"{status} is not the status of a final response")
        given = headers if type(headers) is list else list(headers)
        try:
            return rendered(given)
        except InvalidFieldError:
            # RFC 9110 §5.5: space around a value is no part of it.
            bare = [(name, value.strip(b" \t")) for name, value in given]
            for name, value in bare:
                if name.lower() == b"connection" and value.lower() == b"close":
                    self.persists = False
            return rendered([f for f in bare if f[0].lower() not in CONNECTION_FIELDS])

    def is_bodiless(self, status: int) -> bool:
        """Whether a response has no body, whatever is given (RFC 9110 §6.4.1)."""
        return self.method == b"HEAD" or status in (204, 205, 304)

    def bodiless_length(self, status: int, length: int, given: int) -> int:
        """Return the Content-Length of a response without a body."""
        # RFC 9110 §8.6: MUST NOT be sent with 204; §15.3.6: a 205 has no content.
        if status == 204:
            return -1
        if status == 205:
            return 0
        # RFC 9110 §9.3.2: the answer to HEAD has the fields of the one to GET.
        return given if length < 0 and given and status != 304 else length

    def last_lines(self) -> bytes:
        """Return what a head ends with: whether the connection goes on, and the empty line."""
        if not self.persists or not self.link.goes_on():
            self.persists = False
            return CLOSE
        # RFC 9112 §9.3: it goes on in HTTP/1.1 by itself; in 1.0 it must be said.
        return CRLF if self.http_version == "1.1" else KEEP_ALIVE

    def may_write(self) -> None:
        """Check that some of the body may be sent now."""
        if not self.status or self.finished:
            raise UsageError("there is no response to write to")
        if self.link.file is not None:
            raise UsageError("a file is being sent")

    def wrap(self, data: bytes) -> bytes:
        """Return octets of a file as they go out."""
        size = len(data)
        self.octets_out += size
        if self.framing == _LENGTH:
            self.left -= size
        return b"%x\r\n%b\r\n" % (size, data) if self.framing == _CHUNKS else data

    def needs_end(self) -> bool:
        """Whether the end of the connection would be taken for the end of the body, unless rude."""
        return self.framing == _CLOSE and not self.finished

    def is_short(self) -> bool:
        """Whether less was given than Content-Length promised."""
        return self.framing == _LENGTH and self.left > 0
