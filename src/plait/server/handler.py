"""``BaseRequestHandler``: one object for each request, with the API of the ``nghttp2`` module.

The callbacks come in the order ``on_headers``, ``on_data`` (any number of times),
``on_request_done``, ``on_close``; the last one exactly once and after everything else. All run in
the event loop's thread. They may be ``async def``: then those of one stream run one after the
other, never overlapping, and the credit for received octets is given back when ``on_data`` has
finished, so a client cannot send faster than it is read.

Which callbacks a class has is looked up once, on the class.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from plait.http2.errors import ConnectionClosedError, NoSuchStreamError, UsageError
from plait.http2.sources import body_source, wrap_body
from plait.http2.submission import response_fields

from .bodies import LastWords, NotABody
from .fields import (
    Field,
    Headers,
    checked_trailers,
    field_list,
    octets,
    preload_link,
    status_code,
)
from .link import Link

if TYPE_CHECKING:
    from typing import Self

    from plait.http2.connection import Connection

    from .tasks import StreamWork

# In place of the header fields until they come: every request brings a list of its own.
_NOT_YET: Any = ()

Body = Any
"""A response body: see ``BaseRequestHandler.send_response``."""


class BaseRequestHandler:
    """Answers one request. Subclass it and override the callbacks.

    :ivar http2: the connection; opaque.
    :ivar stream_id: the stream's number; -1 on a promised handler until it is promised.
    :ivar method: the value of ``:method``; this and the next four are ``None`` before the headers.
    :ivar scheme: ``b"https"`` over TLS and ``b"http"`` without, whatever the client says.
    :ivar host: the value of ``:authority``, else of ``host``.
    :ivar path: the value of ``:path``, with the query, as it was sent.
    :ivar headers: all fields in wire order, the pseudo-header fields included; the crumbs of
        ``cookie`` joined into one field at the end.
    :ivar status: what was given to ``send_response`` or ``push``; ``None`` before.
    :ivar pushed: whether this is the handler of a pushed response.
    :ivar remote_address: the client's address.
    """

    def __init__(self, http2: Link, stream_id: int) -> None:
        self._h2_prepare(http2, stream_id)

    def _h2_prepare(self, http2: Link, stream_id: int) -> None:
        """Set every attribute to what it is before the request is known."""
        self.http2 = http2
        self.stream_id = stream_id
        self.remote_address = self.http2.remote_address
        self.scheme: bytes | None = None
        self.method: bytes | None = None
        self.host: bytes | None = None
        self.path: bytes | None = None
        self.headers: list[Field] = _NOT_YET
        self.status: int | str | None = None
        self.pushed = False
        # From here on: not for subclasses, whose own attributes must not meet these by chance.
        # The response; and whether it waits for the end of the callback that sent it.
        self._h2_fields: Any = None
        self._h2_body: Any = None
        self._h2_trailers: Any = None
        self._h2_held = False
        # Which callbacks the class overrides, whether one of them raised, whether all is over.
        self._h2_plan = 0
        self._h2_failed = False
        self._h2_closed = False
        self._h2_work: StreamWork | None = None
        # Values of the properties that may be set.
        self._h2_shown: dict[str, Any] | None = None
        self._h2_received_trailers: list[Field] | None = None

    # --- callbacks ------------------------------------------------------------------------------

    def on_headers(self) -> Any:
        """The request's header fields are complete: ``method``, ``path``, ``headers`` are set."""

    def on_data(self, data: bytes) -> Any:
        """Some octets of the request's body arrived; never empty."""

    def on_request_done(self) -> Any:
        """The request is complete."""

    def on_close(self, error_code: int) -> Any:
        """The stream has ended. ``error_code``: RFC 9113 §7, 0 when all went well.

        Called once, after everything else. Nothing can be sent any more.
        """

    def _h2_hear(self, event: Any) -> None:
        """Take an event of the stream as it is; exchanges override this, and no callback."""
        raise NotImplementedError

    def _h2_ended(self, error_code: int) -> None:
        """The stream has ended; exchanges override this, and no ``on_close``."""
        raise NotImplementedError

    def _h2_leaving(self) -> None:
        """The server wants to end; exchanges tell their hosts."""

    # --- what is known of the request -----------------------------------------------------------

    @property
    def client_address(self) -> tuple[Any, ...]:
        """The client's ``(host, port)``, with two more items for IPv6."""
        return self.remote_address

    @property
    def client_certificate(self) -> dict[str, Any] | None:
        """The client's certificate as ``ssl.SSLSocket.getpeercert()`` gives it, if it sent one."""
        transport = self.http2.transport
        certificate = None if transport is None else transport.get_extra_info("peercert")
        return certificate or None

    # The names of these four are free for subclasses to use: they may be set, and what is set
    # is neither sent nor otherwise looked at.

    @property
    def cookies(self) -> Any:
        """``None`` when there were cookies, which stand joined in ``headers``; else empty."""
        if self._h2_shown is None or "cookies" not in self._h2_shown:
            self._h2_show("cookies", [])
        return self._h2_shown["cookies"]  # type: ignore[index]  # it was made

    @cookies.setter
    def cookies(self, cookies: Any) -> None:
        self._h2_show("cookies", cookies)

    @property
    def trailers(self) -> Any:
        """The fields that came after the request's body; empty before ``on_request_done``.

        They are not among ``headers``: RFC 9110 §6.5.1 forbids to merge them.
        """
        if self._h2_shown is not None and "trailers" in self._h2_shown:
            return self._h2_shown["trailers"]
        return [] if self._h2_received_trailers is None else self._h2_received_trailers

    @trailers.setter
    def trailers(self, trailers: Any) -> None:
        self._h2_show("trailers", trailers)

    @property
    def response_headers(self) -> Any:
        """The fields of the response as octets, ``:status`` first; ``None`` before there is one."""
        if self._h2_shown is not None and "response_headers" in self._h2_shown:
            return self._h2_shown["response_headers"]
        return None if self._h2_fields is None else list(self._h2_fields)

    @response_headers.setter
    def response_headers(self, headers: Any) -> None:
        self._h2_show("response_headers", headers)

    @property
    def response_body(self) -> Any:
        """The body of the response as a body generator; ``None`` when there is none."""
        if self._h2_shown is not None and "response_body" in self._h2_shown:
            return self._h2_shown["response_body"]
        return wrap_body(self._h2_body)

    @response_body.setter
    def response_body(self, body: Any) -> None:
        self._h2_show("response_body", body)

    def _h2_show(self, name: str, value: Any) -> None:
        """Set the value of a property."""
        if self._h2_shown is None:
            self._h2_shown = {}
        self._h2_shown[name] = value

    @property
    def push_enabled(self) -> bool:
        """Whether the client takes pushed responses. Browsers do not, any more."""
        engine = self.http2.engine
        if engine is None or self._h2_closed or self.pushed:
            return False
        return engine.push_enabled

    # --- answering ------------------------------------------------------------------------------

    def send_response(
        self,
        status: int | str = 200,
        headers: Headers | None = None,
        body: Body = None,
        *,
        trailers: Headers | Callable[[], Headers] | None = None,
    ) -> None:
        """Send the response; once. From any context in the event loop's thread.

        It has no effect when the stream has ended meanwhile.

        :param status: three digits. A 1xx is an interim response: it has no body, and the final
            response is still to come.
        :param headers: pairs of ``str`` or ``bytes``.
        :param body: ``None``; ``str`` (sent as UTF-8); bytes-like; a binary file, which is read as
            the client takes it, and not closed; an asynchronous iterable of bytes; or a *body
            generator*: ``generator(n) -> (data, flag)`` with at most ``n`` octets and ``DATA_OK``,
            ``DATA_EOF`` or ``DATA_DEFERRED`` (asked again after ``resume``). It is only asked when
            the client and the socket can take more. A response to HEAD, a 204 and a 304 have none.
        :param trailers: fields to end the body with, or a function that returns them and is called
            when the body is complete.
        :raises UsageError: if the response has been sent, or ``status`` is empty.
        :raises ValueError: for a status or field that may not be sent; ``status`` stays unset then.
        """
        if self.status:
            raise UsageError("response has already been sent")
        if not status:
            raise UsageError("status must not be empty")
        self._h2_respond(status, headers, body, trailers)

    def _h2_respond(self, status: Any, headers: Any, body: Any, trailers: Any) -> None:
        """Check a response, and send it unless it is to wait."""
        code = status if type(status) is int else status_code(status)
        if code < 200 or code > 999:
            code = status_code(status)
            if body is not None or trailers is not None:
                raise ValueError(f"an interim response ({code}) has no body")
            self.send_informational(code, headers)
            return
        if self._h2_closed:
            return
        fields = response_fields(code, () if headers is None else headers)
        if trailers is not None or (body is not None and type(body) is not bytes):
            # The engine leaves a body out where a response has none; this one must not be begun.
            if code == 204 or code == 304 or self.method == b"HEAD":
                body = None
            else:
                if trailers is not None:
                    self._h2_trailers = checked_trailers(trailers, body)
                body = self._h2_source(body)
        self.status = status
        self._h2_fields = fields
        self._h2_body = body
        link = self.http2
        if link.logs_access:
            self._h2_log_access()
        if link.calling is self:
            # Within a callback of its own it waits for the callback's end: should that fail, the
            # response is dropped.
            self._h2_held = True
            return
        self._h2_submit()
        if not link.busy:
            link.flush()

    def _h2_submit(self) -> None:
        """Give the response to the engine; no effect if the stream has ended meanwhile."""
        self._h2_held = False
        engine = self.http2.engine
        if engine is None:
            return
        try:
            if self._h2_trailers is None:
                engine.send_prepared(self.stream_id, self._h2_fields, self._h2_body)
            else:
                self._h2_submit_with_trailers(engine)
        except (NoSuchStreamError, ConnectionClosedError):
            pass

    def _h2_submit_with_trailers(self, engine: Connection) -> None:
        """Give a response to the engine that ends with a trailer section (RFC 9113 §8.1)."""
        stream_id = self.stream_id
        trailers = self._h2_trailers
        body = self._h2_body
        engine.send_headers(stream_id, self._h2_fields)
        if callable(trailers):
            # they are asked for when the body has ended
            engine.send_body(stream_id, LastWords(body, self, trailers), end_stream=False)
            return
        if isinstance(body, bytes):
            engine.send_data(stream_id, body)
        elif body is not None:
            engine.send_body(stream_id, body, end_stream=False)
        engine.send_headers(stream_id, trailers, end_stream=True)

    def _h2_source(self, body: Body) -> object:
        """Return a body as octets or as a body source."""
        if body is None:
            return None
        if hasattr(type(body), "__aiter__"):
            return self.http2.start_body(self, body)
        source = body_source(body)
        if isinstance(source, bytes) or callable(source) or hasattr(source, "read"):
            return source
        return NotABody(source)

    def send_informational(self, status: int, headers: Headers | None = None) -> None:
        """Send an interim response (1xx), any number of times before the final one.

        It has no effect when the stream has ended meanwhile.

        :param headers: pairs of ``str`` or ``bytes``.
        :raises ValueError: unless ``status`` is 100, or 102 to 199; for a forbidden field.
        :raises UsageError: if the response has been sent.
        """
        code = status_code(status)
        if code >= 200:
            raise ValueError(f"{code} is not the status of an interim response")
        if self.status:
            raise UsageError("response has already been sent")
        link = self.http2
        if self._h2_closed or link.engine is None:
            return
        try:
            link.engine.send_headers(self.stream_id, [(":status", str(code)), *(headers or ())])
        except (NoSuchStreamError, ConnectionClosedError):
            return
        if not link.busy:
            link.flush()

    def send_early_hints(self, links: Iterable[str]) -> None:
        """Send 103 Early Hints (RFC 8297): the client may fetch these before the response comes.

        :param links: paths to preload, or complete ``Link`` values (they begin with ``<``).
        """
        values = [link if link.startswith("<") else preload_link(link) for link in links]
        self.send_informational(103, [("link", value) for value in values])

    def resume(self) -> None:
        """Ask a body again that was paused by ``DATA_DEFERRED``. Never an error.

        What it gives is written before this returns, except from within a callback or the body
        itself, where it is written right afterwards. Not thread-safe: use the event loop's
        ``call_soon_threadsafe`` from another thread.
        """
        link = self.http2
        engine = link.engine
        if engine is None:
            return
        engine.resume(self.stream_id)
        if not link.busy:
            link.flush()

    # --- pushing --------------------------------------------------------------------------------

    def push(
        self,
        path: str | bytes,
        method: str | bytes = "GET",
        request_headers: Headers | None = None,
        status: int | str = 200,
        headers: Headers | None = None,
        body: Body = None,
        *,
        early_hints: bool | str = False,
    ) -> Self:
        """Promise a resource, and send it, before the client asks for it. Call it first.

        Where the client does not take pushes (``push_enabled`` tells) nothing is sent, and the
        returned handler gets ``on_close(2)``.

        :param request_headers: fields of the request that the client is spared.
        :param status: with ``headers`` and ``body``: the response, as in ``send_response``.
        :param early_hints: where the client does not take pushes, send 103 Early Hints with
            ``Link: <path>; rel=preload`` instead. A ``str`` says what the resource is used as
            (``"style"``, ``"script"``, ...); ``True`` lets the ending of the path tell.
        :return: the handler of the promised stream; only its ``on_close`` is called.
        :raises UsageError: for an empty status, method or path; on a pushed handler; and when the
            stream has ended.
        :raises ValueError: for a status or field that may not be sent.
        """
        for name, given in (("status", status), ("method", method), ("path", path)):
            if not given:
                raise UsageError(f"{name} must not be empty")
        request = [
            (b":method", octets(method)),
            (b":scheme", self.scheme or b""),
            (b":authority", self.host or b""),
            (b":path", octets(path)),
            *field_list(request_headers),
        ]
        code = status_code(status)
        if code < 200:
            raise ValueError(f"an interim response ({code}) cannot be pushed")
        fields = response_fields(code, () if headers is None else headers)
        hint = bool(early_hints) and not self.push_enabled
        pushed: Any = self._h2_promise(request, status, fields, body)
        if hint:
            kind = early_hints if isinstance(early_hints, str) else None
            self.send_early_hints([preload_link(octets(path).decode(), kind)])
        return pushed  # type: ignore[no-any-return]  # made by the same factory as this one

    def _h2_promise(self, *promise: Any) -> Any:
        """Promise a request and its response on our stream."""
        return self.http2.push(self, *promise)

    def _h2_log_access(self) -> None:
        """Write the line of the access log."""
        method = self.method or b""
        path = self.path or self.host or b""
        self.http2.log.info(
            '%s - - [%s] "%s %s HTTP/2" %s - %s',
            self.remote_address[0],
            formatdate(usegmt=True),
            method.decode("utf-8", "replace"),
            path.decode("utf-8", "replace"),
            self.status,
            "P" if self.pushed else "-",
        )
