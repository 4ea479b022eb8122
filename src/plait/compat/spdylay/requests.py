"""What a program subclasses to fetch something, and the request that it makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.http2 import DATA_DEFERRED, DATA_EOF
from plait.http2.sources import body_source, wrap_body

from .constants import ERR_DEFERRED, READ_EOF
from .data import DataProvider, ReadCtrl

if TYPE_CHECKING:
    from collections.abc import Iterable

    from plait.http2.body import Read

    from .fetch import UrlFetcher
    from .session import Session
    from .targets import Target, UrlFetchError

    NV = list[tuple[str, str]]


class BaseSPDYStreamHandler:
    """One request and its response; a subclass overrides what it wants to know.

    The methods are called in the thread that called ``urlfetch``. An exception that one of them
    raises comes out of ``urlfetch``, once every connection has been closed and every other handler
    has been told.

    What is asked for may be changed in a subclass, or per object in its ``__init__``:

    :ivar request_method: ``GET`` by default.
    :ivar request_headers: further headers, or others in place of ``accept`` and ``user-agent``.
    :ivar request_body: what the request carries: ``bytes``, text (sent as UTF-8), a binary file,
        or a body source, ``source(max_octets)`` that returns ``(data, flag)`` with ``DATA_OK``,
        ``DATA_EOF`` or ``DATA_DEFERRED`` of ``plait.http2``. Files and sources are read as the
        server takes them, and not closed. ``None``: no body.

    And there are:

    :ivar url: the URL as it was given.
    :ivar fetcher: what drives the connection.
    :ivar stream_id: the stream; ``None`` until the request is about to be sent.
    """

    request_method: str = "GET"
    request_headers: Iterable[tuple[str, str]] = ()
    request_body: object = None
    stream_id: int | None = None

    def __init__(self, url: str, fetcher: UrlFetcher) -> None:
        self.url = url
        self.fetcher = fetcher

    def on_header(self, nv: list[tuple[str, str]]) -> None:
        """The response's headers, ``:status`` and ``:version`` among them, or further ones."""

    def on_data(self, data: bytes) -> None:
        """A piece of the response's body."""

    def on_error(self, error: UrlFetchError) -> None:
        """The request has ended early; ``on_close`` follows with a status other than ``OK``.

        :param error: says why; ``__cause__`` is the error behind it, if there is one.
        """

    def on_close(self, status_code: int) -> None:
        """The request is over. Called once, and nothing is called after it.

        :param status_code: ``OK``; ``REFUSED_STREAM`` if the server certainly has not acted upon
            the request; the status that the stream was reset with; or ``INTERNAL_ERROR`` when the
            connection did not last.
        """

    def resume(self) -> None:
        """Ask the body source again that returned ``DATA_DEFERRED``.

        Must be called from a method of a handler of the same ``urlfetch``.
        """
        self.fetcher.resume(self)


def request_headers(target: Target, handler: BaseSPDYStreamHandler) -> NV:
    """Return the headers that a handler asks with."""
    own = [(name.lower(), value) for name, value in handler.request_headers]
    standard = [
        (":method", handler.request_method),
        (":scheme", target.scheme),
        (":path", target.path),
        (":version", "HTTP/1.1"),
        (":host", target.authority),
        ("accept", "*/*"),
        ("user-agent", "python-spdylay"),
    ]
    octets = body_source(handler.request_body)
    if isinstance(octets, bytes):
        standard.append(("content-length", str(len(octets))))
    given = {name for name, _ in own}
    return [field for field in standard if field[0] not in given] + own


def request_provider(body: object) -> DataProvider | None:
    """Return a request's body as the session takes it."""
    source = wrap_body(body)
    if source is None:
        return None
    return DataProvider(source, _read)


def _read(_: Session, stream_id: int, length: int, control: ReadCtrl, read: Read) -> bytes | int:
    del stream_id
    data, flag = read(length)
    if flag == DATA_DEFERRED:
        return ERR_DEFERRED
    if flag == DATA_EOF:
        control.flags = READ_EOF
    return b"" if data is None else bytes(data)
