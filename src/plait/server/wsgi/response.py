"""The answer of an application, as it comes; in the application's thread.

An answer that is known as a whole when its first octets are, because it is a list or as long as its
Content-Length, crosses to the event loop in one step. Any other starts with its first octets, and
goes piece by piece.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from .files import FileWrapper, octets_left, own
from .head import Head, make_head, native_fields
from .types import Application, Environ, ExcInfo

if TYPE_CHECKING:
    from plait.http2.fields import Field

    from .cycle import WSGICycle

# Octets of a file that are rather read at once, in the thread, than piece by piece in the loop.
_SMALL_FILE = 65_536


class Response:
    """What becomes of one call of the application.

    :param cycle: where the answer goes.
    :param head_only: whether the request's method was HEAD.
    """

    __slots__ = ("_complete", "_cycle", "_head", "_head_only", "_sent", "_trailers", "_written")

    def __init__(self, cycle: WSGICycle, head_only: bool) -> None:
        self._cycle = cycle
        self._head_only = head_only
        self._head: Head | None = None
        self._trailers: list[Field] | None = None
        self._written = 0
        self._sent = False
        self._complete = False

    def run(self, app: Application, environ: Environ) -> None:
        """Call the application and send what it answers; whatever it raises passes through."""
        result = app(environ, self.start_response)
        try:
            if type(result) is list or type(result) is tuple:
                self._send_whole(b"".join(result))
            elif not (isinstance(result, FileWrapper) and self._send_file(result)):
                self._send_pieces(result)
        finally:
            close = getattr(result, "close", None)
            if close is not None:
                close()

    def fail(self) -> None:
        """Answer with 500, or cut short what was begun."""
        if not self._complete:
            self._complete = True
            self._cycle.post(self._cycle.fail)

    # --- what the application calls -------------------------------------------------------------

    def start_response(
        self, status: str, headers: list[tuple[str, str]], /, exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], object]:
        """Set status and header fields; return ``write``.

        With ``exc_info`` an error page replaces what was set before, unless the head has been sent
        already: then the error is raised again (PEP 3333, "Error Handling").
        """
        if exc_info and exc_info[1] is not None:
            try:
                if self._sent or self._complete:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # the traceback refers to this frame
        elif self._head is not None:
            raise AssertionError("start_response() was called again, without exc_info")
        self._head = make_head(status, headers)
        return self.write

    def write(self, data: bytes) -> None:
        """Send some of the body: what ``start_response`` returns."""
        self._send(self._begun(), data)

    def early_hints(self, fields: Iterable[tuple[str, str]]) -> None:
        """Send a 103 response (RFC 8297).

        :raises RuntimeError: when the response has been begun.
        """
        if self._sent or self._complete:
            raise RuntimeError("the response has begun: it is too late for early hints")
        self._cycle.post(self._cycle.inform, 103, native_fields(fields))

    def set_trailers(self, fields: Iterable[tuple[str, str]]) -> None:
        """Set the fields that follow the body.

        :raises RuntimeError: when the response is complete.
        """
        if self._complete:
            raise RuntimeError("the response is complete: it is too late for trailers")
        self._trailers = native_fields(fields)

    # --- what becomes of it ---------------------------------------------------------------------

    def _begun(self) -> Head:
        """Return the head, which must have been set."""
        if self._head is None:
            raise AssertionError("the application did not call start_response()")
        return self._head

    def _bodiless(self, head: Head) -> bool:
        """Whether the response has no body, whatever the application says."""
        return self._head_only or head.status in (204, 304)

    def _send_whole(self, body: bytes) -> None:
        """Send all that there is."""
        head = self._begun()
        if self._sent or self._complete or self._trails(head):
            self._send(head, body)
            self._end()
            return
        self._check_length(head, len(body), True)
        self._respond(head, body)

    def _send_pieces(self, pieces: Iterable[bytes]) -> None:
        """Send each piece as soon as it is there."""
        for data in pieces:
            head = self._begun()
            self._send(head, data)
            if self._complete and self._bodiless(head):
                return
        self._end()

    def _send_file(self, wrapper: FileWrapper) -> bool:
        """Send a file without reading it piece by piece here; ``False`` if that cannot be done."""
        file = wrapper.file
        left = octets_left(file)
        head = self._begun()
        if left is None or self._sent or self._bodiless(head):
            return False
        count = left if head.length < 0 else head.length
        if count > left:
            return False
        if count <= _SMALL_FILE:
            self._send_whole(file.read(count))
            return True
        if head.length < 0:
            length = (b"content-length", b"%d" % count)
            head = Head(head.status, [*head.fields, length], count, head.trailing)
        twin = own(file)
        self._complete = True
        self._cycle.post(self._cycle.send_file, head, twin, count, self._trailers)
        return True

    def _trails(self, head: Head) -> bool:
        """Whether fields follow the body, or may do so."""
        return head.trailing or self._trailers is not None

    def _send(self, head: Head, data: Any) -> None:
        """Send some of the body."""
        if type(data) is not bytes:
            # What may change is copied: it leaves later, in another thread.
            if not isinstance(data, (bytes, bytearray, memoryview)):
                raise TypeError(f"a body consists of bytes, not of {type(data).__name__}")
            data = bytes(data)
        if not data:
            return
        if self._bodiless(head):
            if not self._complete:
                self._respond(head, b"")
            return
        self._written += len(data)
        self._check_length(head, self._written, False)
        if self._complete:
            raise RuntimeError("the response is complete: write() comes too late")
        if self._sent:
            self._cycle.send(data, None)
        elif self._written == head.length and not self._trails(head):
            self._respond(head, data)
        else:
            self._sent = True
            self._cycle.send(data, head)

    def _end(self) -> None:
        """The application has given everything."""
        head = self._begun()
        if self._complete:
            return
        if self._bodiless(head):
            self._respond(head, b"")
            return
        self._check_length(head, self._written, True)
        if not self._sent and not self._trailers:
            self._respond(head, b"")
            return
        self._complete = True
        if not self._sent:
            self._cycle.send(b"", head)
        self._cycle.post(self._cycle.finish, self._trailers)

    def _respond(self, head: Head, body: bytes) -> None:
        """Send the whole response."""
        self._complete = True
        self._cycle.respond(head, body)

    def _check_length(self, head: Head, octets: int, final: bool) -> None:
        """Compare the body with its Content-Length.

        A body that is longer would be taken for the next response by HTTP/1 clients, one that is
        shorter would keep them waiting; to HTTP/2 clients both are malformed (RFC 9113 §8.1.1).
        """
        length = head.length
        if length < 0 or octets == length or self._bodiless(head):
            return
        if octets > length or final:
            raise ValueError(f"the body has {octets} octets, but Content-Length says {length}")
