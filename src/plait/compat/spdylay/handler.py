"""``BaseSPDYRequestHandler``: what an application writes to answer requests."""

from __future__ import annotations

import io
import logging
import socketserver
import ssl
import sys
from typing import TYPE_CHECKING, Any, ClassVar

from .bodies import Readable, ResponseBody, SpooledBody
from .connection import ServerConnection
from .constants import READ_EOF
from .data import DataProvider, ReadCtrl
from .errors import TemporalCallbackFailureError
from .responses import (
    ERROR_CONTENT_TYPE,
    ERROR_MESSAGE_FORMAT,
    MONTHS,
    RESPONSES,
    UNKNOWN,
    WEEKDAYS,
    error_page,
    http_date,
    unfit_header,
)
from .session import Session
from .streams import ServerStream

if TYPE_CHECKING:
    from .server import ThreadedSPDYServer


class BaseSPDYRequestHandler(socketserver.BaseRequestHandler):
    """Answers the requests of one connection; subclasses have a method ``do_GET`` and so on.

    There is one object for each connection, made in the connection's thread. When a request has
    come to its end, the attributes below are set anew and the method ``do_<METHOD>`` is called,
    without arguments; the name is that of the request, whose case counts. Nothing is sent before it
    returns: ``send_response``, ``send_header``, ``wfile`` and ``send_file`` prepare a response.

    - Without ``send_response`` it is ``200 OK``.
    - An exception, and a header that cannot be sent (no ``str``, or with a control character in
      it), make it a ``500``; ``on_error`` is told. The other streams go on.
    - Where there is no such method, it is a ``501``, for HEAD too. The response to HEAD has no
      body, whatever its method wrote.
    - A body beyond ``max_body_size`` is answered with ``413`` before its end has come, headers
      beyond ``max_header_size`` with ``431``, a request that is not sent in time with ``408``, one
      that the server has no room for with ``503``.

    ``__init__`` is not for subclasses; ``setup`` and ``finish`` are, as always in ``socketserver``.

    :ivar client_address: the peer's address.
    :ivar server: the ``ThreadedSPDYServer``.
    :ivar request: the connection's socket.
    :ivar command: the request's method; ``None`` if it has none, as with the next two.
    :ivar path: its path, with the query.
    :ivar request_version: its version, as in ``HTTP/1.1``.
    :ivar headers: its headers, pairs of ``str``, names in lower case, without ``:method``,
        ``:scheme``, ``:path``, ``:version`` and ``:host``.
    :ivar rfile: its body, from the beginning: ``io.BytesIO``, or a temporary file if it is larger
        than ``max_body_memory``; ``None`` if there was no octet.
    :ivar wfile: ``io.BytesIO``; what is written to it is the response's body.
    :ivar stream: the stream, with everything that is known of the request: ``stream_id``,
        ``priority``, ``method``, ``path``, ``version``, ``scheme``, ``host``, ``headers``.
    :ivar session: the connection's ``Session``; there is one when the version is known.
    :ivar spdy_version: ``PROTO_SPDY2`` and so on; 0 before the handshake.
    """

    server_version = "Python-spdylay"
    """The first part of the header ``server``."""

    sys_version = "Python/" + sys.version.split()[0]
    """Its second part."""

    error_content_type = ERROR_CONTENT_TYPE
    """The ``content-type`` of the pages that ``send_error`` makes."""

    error_message_format = ERROR_MESSAGE_FORMAT
    """Their template, with the fields ``code``, ``reason``, ``explain``, ``server``, ``hostname``
    and ``port``."""

    responses: ClassVar[dict[int, tuple[str, str]]] = RESPONSES
    """The short and the long text of the status codes."""

    weekdayname: ClassVar[list[str]] = WEEKDAYS
    """Names of days, from Monday on."""

    monthname: ClassVar[list[str | None]] = MONTHS
    """Names of months, from 1 on."""

    session_class: type[Session] = Session
    """What the connection's session is made of."""

    server: ThreadedSPDYServer
    session: Session
    stream: ServerStream

    def __init__(
        self,
        request: Any,
        client_address: Any,
        server: ThreadedSPDYServer,
    ) -> None:
        self.spdy_version = 0
        self.command: str | None = None
        self.path: str | None = None
        self.request_version: str | None = None
        self.headers: list[tuple[str, str]] = []
        self.rfile: io.BytesIO | SpooledBody | None = None
        self.wfile = io.BytesIO()
        self._status: str | None = None
        self._response_headers: list[tuple[str, str]] = []
        self._files = ResponseBody()
        super().__init__(request, client_address, server)

    # --- what happens ---------------------------------------------------------------------------

    def handle(self) -> None:
        """Serve the connection until its end."""
        ServerConnection(self).run()

    def handle_one_request(self, stream: ServerStream) -> None:
        """Answer a request.

        :param stream: the stream that it came on. With ``refusal`` set, the request is not complete
            and the answer is that error.
        """
        self.stream = stream
        self.command = stream.method
        self.path = stream.path
        self.request_version = stream.version
        self.headers = stream.headers
        self._prepare()
        try:
            self._dispatch(stream)
            self._respond(stream)
        except Exception as problem:  # noqa: BLE001 - on_error is told
            self.report(problem, stream)
            self._prepare()
            self.send_error(500)
            self._respond(stream)
        finally:
            self._close_files()

    def _dispatch(self, stream: ServerStream) -> None:
        """Call the method for the request, or prepare the error that there is."""
        if stream.refusal is not None:
            self.rfile = None
            self.send_error(stream.refusal)
            return
        self.rfile = stream.body.file()
        if not stream.method:
            self.send_error(400)
            return
        method = getattr(self, "do_" + stream.method, None)
        if method is None:
            self.send_error(501, f"Unsupported method ({stream.method})")
        else:
            method()

    def on_error(self, problem: Exception, stream: ServerStream | None = None) -> None:
        """Learn of an error, which would be lost otherwise. By default it goes to the log.

        :param problem: what a ``do_`` method raised, or reading a file of a response; why a
            response could not be sent; ``TimeoutError`` for a peer that is too slow, ``OSError``
            for a lost connection and a failed handshake (``ssl.SSLError`` among others).
        :param stream: where it happened; ``None`` for the whole connection.
        """
        where = f"{self.client_address}" if stream is None else f"{self.client_address}, {stream}"
        log = self.server.logger
        # What was never raised, and what ends a connection, is the peer's doing.
        if stream is None or problem.__traceback__ is None:
            log.log(logging.INFO, "%s: %s: %s", where, type(problem).__name__, problem)
        else:
            log.error("error while serving %s", where, exc_info=problem)

    def on_stream_close(self, stream: ServerStream, status_code: int) -> None:
        """Learn that a stream is over. Does nothing by default.

        :param stream: ``status`` and ``sent`` tell of the response.
        :param status_code: ``OK`` if both sides came to their ends, or that of the RST_STREAM;
            ``INTERNAL_ERROR`` if the connection was lost.
        """

    def report(self, problem: Exception, stream: ServerStream | None) -> None:
        """Call ``on_error``, whose own errors go to the log."""
        try:
            self.on_error(problem, stream)
        except Exception:
            self.server.logger.exception("on_error failed to take %r", problem)

    # --- making a response ----------------------------------------------------------------------

    def send_response(self, code: int, message: str | None = None) -> None:
        """Set the status of the response; the last call counts.

        :param code: the number.
        :param message: the text; the short one of ``responses`` by default, ``???`` if there is
            none.
        """
        if message is None:
            message = self.responses.get(code, (UNKNOWN,))[0]
        self._status = f"{code} {message}"

    def send_header(self, keyword: str, value: str) -> None:
        """Add a header to the response. That it can be sent is seen to when all is prepared."""
        self._response_headers.append((keyword, value))

    def send_error(self, code: int, message: str | None = None) -> None:
        """Make an error the response: status, headers, and a page that tells about it.

        If a response has been begun, by ``send_response``, it is thrown away.

        :param code: the number.
        :param message: the text for the status and the page; as in ``send_response``.
        """
        code = int(code)
        if self._status is not None:
            self._prepare()
        short, explain = self.responses.get(code, (UNKNOWN, UNKNOWN))
        reason = short if message is None else message
        page = error_page(
            self.error_message_format,
            code=code,
            reason=reason,
            explain=explain,
            server=self.server_version,
            port=self.server.server_address[1],
        )
        self.send_response(code, reason)
        self.send_header("content-type", self.error_content_type)
        self.send_header("content-length", str(len(page)))
        self.wfile.write(page)

    def send_file(self, file: Readable, length: int | None = None) -> None:
        """Append a file to the response's body, which need not fit into memory.

        It is read piece by piece as the peer takes it, after what is in ``wfile``, and after the
        files of earlier calls. It should not let itself be waited for: the other streams of the
        connection wait too. It is closed at its end and in every other case: if the response is
        thrown away, the stream is reset, or the connection lost.

        :param file: a binary file, at the position to start from; any object with ``read(size)``.
        :param length: octets that are sent at most; everything by default. If it is right, the last
            DATA frame can be told from the others, and a frame is saved.
        """
        self._files.add(file, length)

    def version_string(self) -> str:
        """Return the value of the header ``server``."""
        return f"{self.server_version} {self.sys_version}"

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return a moment as HTTP writes it, as in ``Sun, 06 Nov 1994 08:49:37 GMT``.

        :param timestamp: seconds since the epoch; now by default.
        """
        return http_date(timestamp, self.weekdayname, self.monthname)

    @property
    def peer_certificate(self) -> dict[str, Any] | None:
        """The client's certificate as ``ssl.SSLSocket.getpeercert`` tells it; ``None`` without one.

        It is there if the server's context asks for it (``verify_mode``), and it has been checked.
        """
        if not isinstance(self.request, ssl.SSLSocket):
            return None
        return self.request.getpeercert() or None

    # --- sending it -----------------------------------------------------------------------------

    def _prepare(self) -> None:
        """Start a response from nothing."""
        self._close_files()
        self.wfile = io.BytesIO()
        self._status = None
        self._response_headers = []

    def _close_files(self) -> None:
        """Close files that will not be sent."""
        files, self._files = self._files, ResponseBody()
        try:
            files.close()
        except Exception as problem:  # noqa: BLE001 - on_error is told
            self.report(problem, self.stream)

    def _respond(self, stream: ServerStream) -> None:
        """Hand the response over to the session.

        :raises InvalidArgumentError: for a header whose name is none.
        :raises ValueError: for a header whose value cannot be sent.
        """
        if self._status is None:
            self.send_response(200)
        status = str(self._status)
        fields = [
            (":status", status),
            (":version", "HTTP/1.1"),
            ("server", self.version_string()),
            ("date", self.date_time_string()),
            *self._response_headers,
        ]
        for name, value in fields:
            reason = unfit_header(name, value)
            if reason is not None:
                raise ValueError(reason)
        for name, _ in self._response_headers:
            if name.startswith(":"):  # it would join the one that is there already
                raise ValueError(f"the header {name!r} is not for send_header to make")
        body = ResponseBody()
        if stream.method != "HEAD":
            self._files.begin_with(self.wfile.getvalue())
            body, self._files = self._files, body
        stream.status, stream.response = status, body
        provider = DataProvider(stream, self._read_response)
        try:
            self.session.submit_response(stream.stream_id, fields, provider)
        except BaseException:
            stream.status, stream.response, self._files = None, None, body
            raise

    def _read_response(
        self, session: Session, stream_id: int, length: int, control: ReadCtrl, stream: ServerStream
    ) -> bytes:
        """Give the session a piece of the response's body."""
        del session, stream_id
        assert stream.response is not None
        try:
            data, is_last = stream.response.read(length)
        except Exception as problem:
            self.report(problem, stream)
            raise TemporalCallbackFailureError from problem
        if is_last:
            control.flags = READ_EOF
        return data
