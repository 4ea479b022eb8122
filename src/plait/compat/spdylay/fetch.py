"""``urlfetch``: a blocking client that tells handlers what arrives.

One ``UrlFetcher`` drives one connection: a ``Wire`` under a client's ``Session``. All fetchers of a
call run in the caller's thread, over one selector, and so do the methods of the handlers. A request
ends in exactly one ``on_close``, whatever happens to it; what ended it early is told to
``on_error`` first. What never came as far as a connection is raised as well.
"""

from __future__ import annotations

import selectors
import ssl
import time
from collections import deque
from typing import TYPE_CHECKING, cast

from plait.http2.constants import MAX_WINDOW
from plait.spdy import StreamStatus

from .callbacks import Failures
from .channel import LONGEST_WAIT
from .constants import (
    CANCEL,
    CLIENT,
    FLAG_SETTINGS_NONE,
    GOAWAY_OK,
    ID_FLAG_SETTINGS_NONE,
    INTERNAL_ERROR,
    OK,
    REFUSED_STREAM,
    SETTINGS_INITIAL_WINDOW_SIZE,
    SETTINGS_MAX_CONCURRENT_STREAMS,
)
from .errors import UnsupportedVersionError
from .frames import (
    CtrlFrame,
    GoawayFrame,
    HeadersFrame,
    RstStreamFrame,
    SettingsFrame,
    SynReplyFrame,
    SynStreamFrame,
)
from .negotiation import get_npn_protocols, npn_get_version
from .requests import BaseSPDYStreamHandler, request_headers, request_provider
from .session import Session
from .targets import Target, UrlFetchError, parse_url
from .wire import ROOM, Wire

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


TIMEOUT = 60.0
"""The default of ``timeout``, in seconds."""

# How many pushes may be open before the server has heard that none is wanted; and windows of
# streams that never get in the way, since handlers take what comes at once. Programs in the field
# gain by that: spdy-transport has windows in SPDY/2 too, where nobody updates them, and in the
# other versions resets a stream whose update meets it finished, before all of it has been sent.
_SETTINGS = [
    (SETTINGS_MAX_CONCURRENT_STREAMS, ID_FLAG_SETTINGS_NONE, 100),
    (SETTINGS_INITIAL_WINDOW_SIZE, ID_FLAG_SETTINGS_NONE, MAX_WINDOW),
]
# Requests that are open at once before the server has told its limit: what SPDY/3 §2.6.4 wants it
# to allow at least. More would be refused in numbers that look like an attack.
_EARLY = 100
# Connections that are open at once; further origins wait for one to end.
_AT_ONCE = 64

__all__ = ["TIMEOUT", "BaseSPDYStreamHandler", "UrlFetchError", "UrlFetcher", "urlfetch"]


class UrlFetcher:
    """Fetches URLs over one connection; ``urlfetch`` makes one for each origin.

    :param server_address: host and port to connect to, whatever host the URLs name. The
        certificate must be for the host of the first URL.
    :param urls: all ``https``, or all ``http``.
    :param StreamHandlerClass: is called with a URL and the fetcher, for each URL.
    :param context: see ``urlfetch``, as for the other parameters.
    :raises UrlFetchError: for a URL that cannot be fetched.
    """

    def __init__(
        self,
        server_address: tuple[str, int],
        urls: Iterable[str],
        StreamHandlerClass: Callable[[str, UrlFetcher], BaseSPDYStreamHandler],  # noqa: N803
        *,
        context: ssl.SSLContext | None = None,
        version: int | None = None,
        timeout: float | None = TIMEOUT,
        session_class: type[Session] = Session,
    ) -> None:
        _check_options(version, timeout)
        self.server_address = server_address
        self._make = StreamHandlerClass
        self._context = context
        self._version = version
        self._timeout = timeout
        self._session_class = session_class
        # By identity: a handler may well compare equal to another.
        self._unfinished: dict[int, BaseSPDYStreamHandler] = {}
        self._targets: list[Target] = []
        # The requests that the session does not have yet, and how many it may have.
        self._waiting: deque[tuple[Target, BaseSPDYStreamHandler]] = deque()
        self._limit = _EARLY
        self._wire: Wire | None = None
        self._session: Session | None = None
        self._raised = Failures()
        # What the server did wrong: to the session, and on streams.
        self._fault = ""
        self._faults: dict[int, str] = {}
        self._reset_by_peer = 0
        self.failure: UrlFetchError | None = None
        for target, url in [(parse_url(url, version), url) for url in urls]:
            self.add(target, url)

    def add(self, target: Target, url: str) -> None:
        """Add a request."""
        if self._targets and self._targets[0].scheme != target.scheme:
            raise UrlFetchError("http and https do not go over the same connection")
        handler = self._make(url, self)
        self._targets.append(target)
        self._waiting.append((target, handler))
        self._unfinished[id(handler)] = handler

    def loop(self) -> None:
        """Fetch, and return when every handler has had its ``on_close``.

        :raises UrlFetchError: if the connection never came up.
        """
        run([self])

    def resume(self, handler: BaseSPDYStreamHandler) -> None:
        """Ask a handler's body source again."""
        if self._session is not None and handler.stream_id is not None:
            self._session.resume_data(handler.stream_id)

    # --- for the loop ----------------------------------------------------------------------------

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to do."""
        return not self._unfinished and (self._wire is None or self._wire.closed)

    @property
    def deadline(self) -> float | None:
        """When ``expire`` is to be called, by ``time.monotonic``."""
        return None if self._wire is None or self._wire.closed else self._wire.deadline

    def start(self, selector: selectors.BaseSelector) -> None:
        """Begin to connect."""
        first = self._targets[0]
        tls = None
        if first.scheme == "https":
            self._context = self._context or ssl.create_default_context()
            self._context.set_alpn_protocols(_offered(self._version))
            tls = (self._context, first.host)
        self._wire = Wire(self, self.server_address, tls, self._timeout)
        self._wire.start(selector)

    def expire(self) -> None:
        """The deadline has passed."""
        assert self._wire is not None
        self._wire.expire()

    def abandon(self, reason: BaseException) -> None:
        """Close, and tell the handlers; ``reason`` is what comes out of ``urlfetch``."""
        if self._wire is not None:
            self._wire.close()
        error = UrlFetchError("given up")
        error.__cause__ = reason
        self._finish_all(INTERNAL_ERROR, error)

    # --- what the wire tells ---------------------------------------------------------------------

    def wire_opened(self, protocol: str | None) -> None:
        """Begin the session."""
        scheme = self._targets[0].scheme
        version = self._version if scheme == "http" else npn_get_version(protocol)
        assert self._wire is not None
        if not version:
            self._wire.close()
            error = UrlFetchError("NPN failed")
            offered = ", ".join(_offered(self._version))
            error.__cause__ = ConnectionError(f"the server chose none of {offered} by ALPN")
            self.wire_failed(error)
            return
        session = self._session = self._session_class(
            CLIENT,
            version,
            send_cb=self._on_output,
            on_ctrl_recv_cb=self._on_frame,
            on_invalid_ctrl_recv_cb=self._on_invalid_frame,
            on_ctrl_recv_parse_error_cb=self._on_unparsable_frame,
            on_data_chunk_recv_cb=self._on_data,
            before_ctrl_send_cb=self._before_frame,
            on_ctrl_not_send_cb=self._on_frame_not_sent,
            on_stream_close_cb=self._on_stream_close,
        )
        session.submit_settings(FLAG_SETTINGS_NONE, _SETTINGS)

    def wire_received(self, data: bytes) -> None:
        """Hand octets to the session."""
        assert self._session is not None
        try:
            self._session.recv(data)
        except UnicodeDecodeError as error:
            # Headers that are not text: the session has no way to say whose they were. What a
            # handler raises never comes this way.
            assert self._wire is not None
            self._wire.close()
            fault = UrlFetchError("the server sent headers that are not UTF-8")
            fault.__cause__ = error
            self._finish_all(INTERNAL_ERROR, fault)
        self._raised.settle()

    def wire_refill(self) -> None:
        """Add to the wire what the session has to send, and close it when all is over."""
        session, wire = self._session, self._wire
        assert session is not None
        assert wire is not None
        self._submit(session)
        session.send()
        if not self._unfinished:
            session.submit_goaway(GOAWAY_OK)
            session.send()
            wire.close()
        elif not (session.want_read() or session.want_write()):
            wire.close()
            error = UrlFetchError(self._fault or "the server broke the protocol")
            self._finish_all(INTERNAL_ERROR, error)
        self._raised.settle()

    def _submit(self, session: Session) -> None:
        """Queue as many requests as the server takes at once."""
        while self._waiting and len(self._unfinished) - len(self._waiting) < self._limit:
            target, handler = self._waiting.popleft()
            body = request_provider(handler.request_body)
            session.submit_request(0, request_headers(target, handler), body, handler)

    def wire_failed(self, error: UrlFetchError) -> None:
        """The connection never came up: tell the handlers, and have it raised in the end."""
        self.failure = error
        self._finish_all(INTERNAL_ERROR, error)
        self._raised.settle()

    def wire_lost(self, error: UrlFetchError) -> None:
        """The connection has ended: tell the handlers that still wait."""
        self._finish_all(INTERNAL_ERROR, error)
        self._raised.settle()

    # --- what the session tells ------------------------------------------------------------------

    def _on_output(self, _: Session, data: bytes) -> int:
        assert self._wire is not None
        unsent = self._wire.unsent
        if len(unsent) >= ROOM:
            return 0
        unsent += data
        return len(data)

    def _on_frame(self, session: Session, frame: CtrlFrame) -> None:
        if isinstance(frame, SynReplyFrame | HeadersFrame):
            handler = self._handler(session, frame.stream_id)
            if handler is not None:
                self._raised.call(handler.on_header, frame.nv)
        elif isinstance(frame, SynStreamFrame):
            # Nobody asked for it. Cancelled at once, its data stays with the server.
            session.submit_rst_stream(frame.stream_id, CANCEL)
        elif isinstance(frame, RstStreamFrame):
            self._reset_by_peer = frame.stream_id
        elif isinstance(frame, SettingsFrame):
            limits = [v for number, _, v in frame.iv if number == SETTINGS_MAX_CONCURRENT_STREAMS]
            self._limit = limits[0] if limits else self._limit
        elif isinstance(frame, GoawayFrame):
            self._on_goaway(session, frame.last_good_stream_id)

    def _on_goaway(self, session: Session, last: int) -> None:
        """End what the server says it has not seen (SPDY/3 §2.6.6)."""
        error = UrlFetchError("the server takes no more requests (GOAWAY)")
        self._waiting.clear()
        for handler in list(self._unfinished.values()):
            if handler.stream_id is None:
                self._finish(handler, REFUSED_STREAM, error)
            elif handler.stream_id > last:
                # The request's body need not be sent any more.
                session.submit_rst_stream(handler.stream_id, CANCEL)
                self._finish(handler, REFUSED_STREAM, error)

    def _on_invalid_frame(self, session: Session, frame: CtrlFrame, status_code: int) -> None:
        name = type(frame).__name__.removesuffix("Frame")
        fault = f"the server broke the protocol: {name}, {_status_name(status_code)}"
        stream_id = getattr(frame, "stream_id", 0)
        if self._handler(session, stream_id) is None:
            self._fault = fault
        else:
            self._faults[stream_id] = fault

    def _on_unparsable_frame(
        self, _: Session, frame_type: int, head: bytes, payload: bytes, error_code: int
    ) -> None:
        del head, payload
        self._fault = f"the server sent octets that are no frame of type {frame_type}: {error_code}"

    def _on_data(self, session: Session, flags: int, stream_id: int, data: bytes) -> None:
        del flags
        handler = self._handler(session, stream_id)
        if handler is not None:
            self._raised.call(handler.on_data, data)

    def _before_frame(self, session: Session, frame: CtrlFrame) -> None:
        if isinstance(frame, SynStreamFrame):
            handler = self._handler(session, frame.stream_id)
            if handler is not None:
                handler.stream_id = frame.stream_id

    def _on_frame_not_sent(self, _: Session, frame: CtrlFrame, error_code: int) -> None:
        """End the request whose SYN_STREAM cannot be sent; they are sent in order."""
        if isinstance(frame, SynStreamFrame):
            waiting = (h for h in self._unfinished.values() if h.stream_id is None)
            handler = next(waiting, None)
            if handler is not None:
                error = UrlFetchError(f"the request cannot be sent (error {error_code})")
                self._finish(handler, INTERNAL_ERROR, error)

    def _on_stream_close(self, session: Session, stream_id: int, status_code: int) -> None:
        handler = self._handler(session, stream_id)
        if handler is None:
            return
        name = _status_name(status_code)
        if self._reset_by_peer == stream_id:
            error = UrlFetchError(f"the server reset the stream: {name}")
            self._finish(handler, status_code, error)
        elif status_code == OK:
            self._finish(handler, OK)
        else:
            text = self._faults.get(stream_id, f"the stream was reset: {name}")
            self._finish(handler, status_code, UrlFetchError(text))

    # --- handlers --------------------------------------------------------------------------------

    def _handler(self, session: Session, stream_id: int) -> BaseSPDYStreamHandler | None:
        """Return who waits for a stream."""
        found = session.get_stream_user_data(stream_id)
        return self._unfinished.get(id(found))

    def _finish(
        self, handler: BaseSPDYStreamHandler, status_code: int, error: UrlFetchError | None = None
    ) -> None:
        if self._unfinished.pop(id(handler), None) is None:
            return
        if error is not None:
            self._raised.call(handler.on_error, error)
        self._raised.call(handler.on_close, status_code)

    def _finish_all(self, status_code: int, error: UrlFetchError) -> None:
        self._waiting.clear()
        for handler in list(self._unfinished.values()):
            self._finish(handler, status_code, error)


def urlfetch(
    url_or_urls: str | Iterable[str],
    StreamHandlerClass: Callable[[str, UrlFetcher], BaseSPDYStreamHandler],  # noqa: N803
    *,
    context: ssl.SSLContext | None = None,
    version: int | None = None,
    timeout: float | None = TIMEOUT,
    session_class: type[Session] = Session,
) -> None:
    """Fetch URLs, and return when every handler has had its ``on_close``.

    There is one connection for each origin (scheme, host and port), and all are used at the same
    time, 64 at most. Redirects are responses like others. Pushes are cancelled.

    :param url_or_urls: one URL, or several. All are checked before anything is connected.
    :param StreamHandlerClass: a subclass of ``BaseSPDYStreamHandler``; one is made for each URL,
        in their order, before anything is connected.
    :param context: for TLS, such as with a client's certificate; its ALPN protocols are set here.
        By default the server's certificate is checked against the system's authorities.
    :param version: ``PROTO_SPDY2``, ``PROTO_SPDY3`` or ``PROTO_SPDY3_1``. Over TLS the only version
        that is offered; by default ALPN chooses among the three. ``http`` URLs need it, since
        without TLS nothing tells what the server speaks.
    :param timeout: seconds that each of these may take: an address to accept the connection, the
        TLS handshake, and a pause in which no octet comes or goes. ``None`` waits for ever. The
        look-up of a name takes as long as the system lets it.
    :param session_class: a subclass of ``Session`` to make the sessions of, such as one that
        writes down what they do.
    :raises UrlFetchError: for a URL of another scheme or form; when all is over, for the first
        origin that could not be connected to, whose handlers have been told by then.
    :raises UnsupportedVersionError: for another ``version``.
    """
    _check_options(version, timeout)
    urls = [url_or_urls] if isinstance(url_or_urls, str | bytes) else list(url_or_urls)
    targets = [parse_url(url, version) for url in urls]
    if context is None and any(target.scheme == "https" for target in targets):
        context = ssl.create_default_context()
    fetchers: dict[tuple[str, str, int], UrlFetcher] = {}
    for url, target in zip(urls, targets, strict=True):
        fetcher = fetchers.get(target.origin)
        if fetcher is None:
            fetcher = fetchers[target.origin] = UrlFetcher(
                (target.host, target.port),
                (),
                StreamHandlerClass,
                context=context,
                version=version,
                timeout=timeout,
                session_class=session_class,
            )
        fetcher.add(target, url)
    run(list(fetchers.values()))


def run(fetchers: list[UrlFetcher]) -> None:
    """Drive connections until all have ended.

    :raises UrlFetchError: for the first that never came up.
    """
    waiting = deque(fetcher for fetcher in fetchers if not fetcher.finished)
    active: list[UrlFetcher] = []
    with selectors.DefaultSelector() as selector:
        try:
            while waiting or active:
                while waiting and len(active) < _AT_ONCE:
                    active.append(waiting.popleft())
                    active[-1].start(selector)
                _turn(selector, active)
                active = [fetcher for fetcher in active if not fetcher.finished]
        except BaseException as reason:
            for fetcher in fetchers:
                fetcher.abandon(reason)
            raise
    for fetcher in fetchers:
        if fetcher.failure is not None:
            raise fetcher.failure


def _turn(selector: selectors.BaseSelector, active: list[UrlFetcher]) -> None:
    """Wait until something happens, and let the connections deal with it."""
    if selector.get_map():
        deadlines = [f.deadline for f in active if f.deadline is not None]
        patience = None
        if deadlines:
            patience = min(max(0.0, min(deadlines) - time.monotonic()), LONGEST_WAIT)
        for key, events in selector.select(patience):
            cast("Wire", key.data).ready(events)
    now = time.monotonic()
    for fetcher in active:
        deadline = fetcher.deadline
        if deadline is not None and deadline <= now:
            fetcher.expire()


def _check_options(version: int | None, timeout: float | None) -> None:
    if version not in (None, 2, 3, 4):
        raise UnsupportedVersionError("Unsupported SPDY version")
    if timeout is not None and not timeout > 0:
        raise ValueError(f"a timeout must be more than 0 seconds, not {timeout}")


def _offered(version: int | None) -> list[str]:
    """Return the protocols to offer by ALPN."""
    names = get_npn_protocols()
    return [name for name in names if version in (None, npn_get_version(name))]


def _status_name(status_code: int) -> str:
    try:
        return StreamStatus(status_code).name
    except ValueError:
        return f"status {status_code}"
