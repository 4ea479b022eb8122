"""What the server knows of one stream: the request, and how far it and its response are."""

from __future__ import annotations

from .bodies import RequestBody, ResponseBody
from .frames import SynStreamFrame

PROGRESS = 4096
"""Octets that count as progress; less than that, within a time limit, is silence."""

_ATTRIBUTES = {
    ":method": "method",
    ":path": "path",
    ":version": "version",
    ":scheme": "scheme",
    ":host": "host",
}

# Of a number: Python refuses to read thousands, and these are more than there are octets.
_MOST_DIGITS = 40

# What an entry costs besides its octets, as HTTP/2 counts it (RFC 9113 §10.5.1).
_ENTRY_OCTETS = 32


class ServerStream:
    """A request and its stream.

    :ivar stream_id: the stream's number.
    :ivar priority: 0 is the most urgent, 3 (SPDY/2) or 7 the least.
    :ivar method: ``:method``; ``None`` if the request has none, as with the next four.
    :ivar path: ``:path``.
    :ivar version: ``:version``.
    :ivar scheme: ``:scheme``.
    :ivar host: ``:host``.
    :ivar headers: everything else, and what came in HEADERS frames: pairs of ``str``, names in
        lower case.
    :ivar body: the request's body, as far as it has come.
    :ivar status: the response's ``:status``, as in ``200 OK``; ``None`` before there is one.
    :ivar sent: octets of the response's body that have been sent.
    :ivar is_complete: the request has come to its end.
    :ivar is_closed: the stream is over.
    :ivar refusal: the status code of an error that the request is answered with before it has come
        to its end.
    :ivar response: the response's body while it is being sent.
    :ivar active: when the peer last moved this stream.
    """

    def __init__(self, frame: SynStreamFrame, in_memory: int, now: float) -> None:
        self.stream_id = frame.stream_id
        self.priority = frame.pri
        self.method: str | None = None
        self.path: str | None = None
        self.version: str | None = None
        self.scheme: str | None = None
        self.host: str | None = None
        self.headers: list[tuple[str, str]] = []
        self.header_size = 0
        self.body = RequestBody(in_memory)
        self.status: str | None = None
        self.sent = 0
        self.is_complete = False
        self.is_closed = False
        self.refusal: int | None = None
        self.response: ResponseBody | None = None
        self.active = now
        self._progress = 0
        for name, value in frame.nv:
            attribute = _ATTRIBUTES.get(name)
            if attribute is None:
                continue
            if getattr(self, attribute) is not None:
                self.refusal = 400  # which of the two is meant? No two programs agree
            setattr(self, attribute, value)
        self.add_headers(frame.nv)

    def __repr__(self) -> str:
        return f"<stream {self.stream_id}: {self.method} {self.path}>"

    def add_headers(self, nv: list[tuple[str, str]]) -> None:
        """Append headers; the names that have attributes of their own are left out."""
        for name, value in nv:
            self.header_size += len(name) + len(value) + _ENTRY_OCTETS
            if name not in _ATTRIBUTES:
                self.headers.append((name, value))

    def announced_size(self) -> int:
        """Return what ``content-length`` says; 0 when it says nothing that can be understood."""
        for name, value in self.headers:
            if name == "content-length" and value.isascii() and value.isdigit():
                return int(value[:_MOST_DIGITS])
        return 0

    def progress(self, octets: int, now: float) -> None:
        """Count octets that went either way."""
        self._progress += octets
        if self._progress >= PROGRESS:
            self.restart(now)

    def restart(self, now: float) -> None:
        """Begin to wait from now on."""
        self._progress = 0
        self.active = now

    def close(self) -> None:
        """Give back what the response holds.

        :raises Exception: what closing a file of the response raises.
        """
        self.is_closed = True
        if self.response is not None:
            self.response.close()
