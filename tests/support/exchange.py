"""An exchange that keeps a record instead of sending: to test cycles without a connection.

It behaves as ``plait.server.host.Exchange`` says, in the ways that hurt: what may not be sent
raises, a response that is complete closes the cycle from within the very call that completed it
(unless the cycle is just being told something: then afterwards), and octets written beyond what
there is room for wait until ``take``.
"""

from __future__ import annotations

import asyncio
from typing import Any, BinaryIO

from plait.http2.errors import UsageError
from plait.http2.fields import outgoing_fields
from plait.server.host import Cycle, Field, Fields, Host, Peer, Told

CANCEL = 8
INTERNAL_ERROR = 2


class RecordingExchange:
    """One request, and the record of what was answered.

    :ivar sent: what was sent, in order: ``("respond", status, headers, body)``, ``("start",
        status, headers)``, ``("write", data)``, ``("file", data)``, ``("finish", trailers)``,
        ``("inform", status, headers)``, ``("promise", path, headers)``, ``("abort",)``.
    :ivar credit: how many octets were ``consumed``.
    :ivar unsent: how many octets were written and wait for ``take``.
    :ivar errors: what methods of the cycle raised.
    """

    def __init__(
        self,
        method: bytes = b"GET",
        path: bytes = b"/",
        headers: list[Field] | None = None,
        *,
        http_version: str = "2",
        scheme: bytes = b"http",
        host: bytes | None = b"example.org",
        protocol: bytes | None = None,
        complete: bool = True,
        peer: Peer | None = None,
        loop: asyncio.AbstractEventLoop | None = None,
        can_push: bool = False,
        room: int = 65_536,
    ) -> None:
        """Make a request.

        :param headers: without ``host``, which comes first by itself.
        :param complete: whether the request has no body.
        :param loop: the running one by default.
        :param room: octets that the client takes at once; what is more waits for ``take``.
        """
        self.http_version = http_version
        self.method = method
        self.scheme = scheme
        self.host = host
        self.path = path
        self.headers = [] if host is None else [(b"host", host)]
        self.headers += headers or []
        self.protocol = protocol
        self.complete = complete
        self.peer = Peer(("192.0.2.1", 50_000), ("192.0.2.2", 443), None) if peer is None else peer
        self.loop = asyncio.get_running_loop() if loop is None else loop
        self.closed = False
        self.can_push = can_push
        self.status = 0
        self.began = 0.0
        self.octets_out = 0
        self.room = room
        self.sent: list[tuple[Any, ...]] = []
        self.credit = 0
        self.unsent = 0
        self.errors: list[BaseException] = []
        self.cycle: Cycle | None = None
        self._ended = False
        self._told = False
        self._file = False
        self._inside = False
        self._close_code: int | None = None

    def told(self) -> Told:
        """What an application is told."""
        return (
            self.http_version,
            self.method,
            self.scheme,
            self.path,
            self.headers,
            self.peer,
            self.can_push,
        )

    # --- the client's side ----------------------------------------------------------------------

    def open(self, host: Host) -> Cycle:
        """Let a host answer: its cycle has begun when this returns."""
        self.cycle = host.open(self)
        self._tell("begin")
        return self.cycle

    def data(self, data: bytes) -> None:
        """Some of the request's body arrives."""
        if not self._told:
            self._tell("data", data)

    def end(self, trailers: list[Field] | None = None) -> None:
        """The request ends."""
        self.complete = True
        if not self._told:
            self._tell("end", trailers or [])
            self._over()

    def take(self, octets: int | None = None) -> None:
        """The client takes all that waits, or has room for so much more."""
        waited = self.unsent > 0 or self._file
        self.room += self.unsent if octets is None else octets
        leaves = min(self.unsent, self.room)
        self.unsent -= leaves
        self.room -= leaves
        if waited and not self.unsent and not self._ended:
            self._file = False
            self._tell("writable")
        self._over()

    def disconnect(self, error_code: int = CANCEL) -> None:
        """The client goes away, or the connection does."""
        self._close(error_code)

    def leaving(self) -> None:
        """The server wants to end."""
        self._tell("leaving")

    def _tell(self, name: str, *arguments: Any) -> None:
        """Call a method of the cycle, as a connection does."""
        outside = not self._inside
        self._inside = True
        try:
            getattr(self.cycle, name)(*arguments)
        except Exception as error:  # noqa: BLE001 - kept, as the contract says
            self.errors.append(error)
            if self.status:
                self.abort()
            else:
                self.respond(500, [], b"")
        finally:
            if outside:
                self._inside = False
        if outside and self._close_code is not None:
            self._close(self._close_code)

    def _over(self) -> None:
        """Close if both sides have come to their end."""
        if self._ended and self.complete and not self.unsent and self._close_code is None:
            self._close(0)

    def _close(self, error_code: int) -> None:
        """It is over: the cycle is told, once, and last."""
        self.closed = True
        if self._told:
            return
        if self._inside:
            self._close_code = error_code
            return
        self._told = True
        assert self.cycle is not None
        self.cycle.closed(error_code)

    # --- what was recorded ----------------------------------------------------------------------

    @property
    def body(self) -> bytes:
        """All of the response's body."""
        parts = [entry[-1] for entry in self.sent if entry[0] in ("respond", "write", "file")]
        return b"".join(parts)

    @property
    def response_headers(self) -> list[Field]:
        """The fields of the final response."""
        for entry in self.sent:
            if entry[0] in ("respond", "start"):
                return list(entry[2])
        raise AssertionError(f"there is no response in {self.sent}")

    @property
    def aborted(self) -> bool:
        """Whether the cycle gave up."""
        return ("abort",) in self.sent

    @property
    def finished(self) -> bool:
        """Whether the response is complete."""
        return self._ended and not self.aborted

    @property
    def released(self) -> bool:
        """Whether the cycle was told that it is over."""
        return self._told

    # --- Exchange -------------------------------------------------------------------------------

    def respond(self, status: int, headers: Fields, body: bytes) -> None:
        if self.closed:
            return
        fields = self._head(status, headers)
        if self.method == b"HEAD" or status in (204, 304):
            body = b""
        self._sent(("respond", status, fields, body), len(body))
        self._ended = True
        self._over()

    def start(self, status: int, headers: Fields) -> None:
        if self.closed:
            return
        self._sent(("start", status, self._head(status, headers, tunnel=True)))

    def write(self, data: bytes | memoryview) -> bool:
        if self.closed:
            return False
        self._may_write()
        self._sent(("write", bytes(data)), len(data))
        return not self.unsent

    def write_file(self, file: BinaryIO, count: int | None = None) -> None:
        with file:
            data = file.read() if count is None else file.read(count)
        if self.closed:
            return
        self._may_write()
        self._file = True
        self._sent(("file", data), len(data))

    def finish(self, trailers: Fields | None = None) -> None:
        if self.closed:
            return
        self._may_write(file=True)
        fields = None if trailers is None else outgoing_fields(trailers, False)
        self._sent(("finish", fields))
        self._ended = True
        self._over()

    def inform(self, status: int, headers: Fields) -> None:
        if self.closed or self.http_version == "1.0":
            return
        if self.status:
            raise UsageError("the response has begun")
        if not (status == 100 or 102 <= status <= 199):
            raise ValueError(f"{status} is not the status of an interim response")
        self._sent(("inform", status, list(outgoing_fields(headers, False))))

    def promise(self, path: bytes, headers: Fields) -> None:
        if not self.closed and self.can_push:
            self._sent(("promise", path, list(outgoing_fields(headers, False))))

    def consumed(self, octets: int) -> None:
        assert octets > 0
        self.credit += octets

    def abort(self) -> None:
        if not self.closed:
            self._sent(("abort",))
            self._close(INTERNAL_ERROR)

    def _head(self, status: int, headers: Fields, tunnel: bool = False) -> list[Field]:
        """Check the head of a response."""
        if self.status:
            raise UsageError("the response has begun")
        switching = status == 101 and tunnel and self.http_version == "1.1" and self.protocol
        if not switching and not 200 <= status <= 999:
            raise ValueError(f"{status} is not the status of a final response")
        fields = list(outgoing_fields(headers, False))
        self.status = status
        return fields

    def _may_write(self, file: bool = False) -> None:
        """Check that some of the body may be sent now."""
        if not self.status or self._ended:
            raise UsageError("there is no response to write to")
        if self._file and not file:
            raise UsageError("a file is being sent")

    def _sent(self, entry: tuple[Any, ...], octets: int = 0) -> None:
        """Put something on record."""
        self.sent.append(entry)
        self.octets_out += octets
        if entry[0] in ("write", "file"):
            leaves = min(octets, self.room)
            self.room -= leaves
            self.unsent += octets - leaves
