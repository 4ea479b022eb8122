"""WSGI applications (PEP 3333) as request handlers.

``HTTP2Server(address, wsgi_app(app))`` serves ``app``. The application runs in a thread, so that
it may block; its whole answer is collected and then sent as one response.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
import traceback
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from plait.http2.constants import CONNECTION_FIELDS
from plait.server.wsgi import Application, Environ, ExcInfo
from plait.server.wsgi.environ import decoded_path

from .server import BaseRequestHandler

if TYPE_CHECKING:
    from plait.server.link import Link

# Octets of a request body that are kept in memory; longer ones go to a temporary file.
_SPOOL = 1 << 20


def wsgi_app(app: Application, *, threads: int = 32) -> Callable[[Link, int], WSGIContainer]:
    """Return a callable to be used as the ``RequestHandlerClass`` of an ``HTTP2Server``.

    :param app: the WSGI application.
    :param threads: how many requests it may work on at once; further ones wait.
    """
    executor = ThreadPoolExecutor(threads, thread_name_prefix="wsgi")
    return partial(WSGIContainer, app, executor=executor)


class WSGIContainer(BaseRequestHandler):
    """The handler of one request to a WSGI application.

    :param app: the application.
    :param executor: runs it; by default the event loop's own pool of threads.
    """

    def __init__(
        self, app: Application, http2: Link, stream_id: int, executor: Executor | None = None
    ) -> None:
        super().__init__(http2, stream_id)
        self.app = app
        self._executor = executor
        self._input = tempfile.SpooledTemporaryFile(_SPOOL)  # noqa: SIM115  # closed by _run
        self._answer: asyncio.Future[Answer] | None = None
        self._started = False

    def on_data(self, data: bytes) -> None:
        """Collect the request's body."""
        self._input.write(data)

    def on_request_done(self) -> None:
        """Run the application."""
        self._input.seek(0)
        run = partial(self._run, self.environ())
        self._answer = self.http2.loop.run_in_executor(self._executor, run)
        self._answer.add_done_callback(self._send_answer)

    def on_close(self, error_code: int) -> None:
        """Forget a run that has not begun; one that has goes on, for nobody."""
        del error_code
        if self._answer is not None:
            self._answer.cancel()
        if not self._started:
            self._input.close()

    def _run(self, environ: Environ) -> Answer:
        """Run the application, in its thread."""
        self._started = True
        with self._input:
            return run_application(self.app, environ)

    def environ(self) -> Environ:
        """Return the environment of PEP 3333 for this request."""
        path, _, query = (self.path or b"").partition(b"?")
        host, port = self._server_name()
        tls = self.http2.transport is not None and bool(
            self.http2.transport.get_extra_info("sslcontext")
        )
        client = self.client_address
        environ: Environ = {
            "REQUEST_METHOD": (self.method or b"").decode("latin-1"),
            "SCRIPT_NAME": "",
            # OPTIONS * has no path that WSGI could tell; REQUEST_URI shows it.
            "PATH_INFO": "" if path == b"*" else decoded_path(path),
            "QUERY_STRING": query.decode("latin-1"),
            "REQUEST_URI": (self.path or b"").decode("latin-1"),
            "CONTENT_TYPE": "",
            "CONTENT_LENGTH": "",
            "SERVER_NAME": host,
            "SERVER_PORT": port,
            "SERVER_PROTOCOL": "HTTP/2.0",
            "REMOTE_ADDR": str(client[0]),
            "REMOTE_PORT": str(client[1]),
            "wsgi.version": (1, 0),
            "wsgi.url_scheme": "https" if tls else "http",
            "wsgi.input": self._input,
            "wsgi.errors": sys.stderr,
            "wsgi.multithread": True,
            "wsgi.multiprocess": False,
            # What the original says; applications that ask know how to live with it.
            "wsgi.run_once": True,
        }
        self._add_fields(environ)
        return environ

    def _add_fields(self, environ: Environ) -> None:
        """Add the request's header fields."""
        for name, value in self.headers:
            # A name with an underscore would pass for another one: "x_real_ip" for "x-real-ip".
            if name[:1] == b":" or b"_" in name:
                continue
            key = name.decode("latin-1").upper().replace("-", "_")
            text = value.decode("latin-1")
            if key in ("CONTENT_TYPE", "CONTENT_LENGTH"):
                environ[key] = text
            elif f"HTTP_{key}" in environ:
                environ[f"HTTP_{key}"] += "," + text
            else:
                environ[f"HTTP_{key}"] = text
        if self.host is not None:
            environ["HTTP_HOST"] = self.host.decode("latin-1")

    def _server_name(self) -> tuple[str, str]:
        """Return the host that was asked for, and the port that is listened on."""
        transport = self.http2.transport
        bound = None if transport is None else transport.get_extra_info("sockname")
        here, port = bound[:2] if isinstance(bound, tuple) else ("localhost", "")
        named = (self.host or b"").decode("latin-1")
        host, colon, tail = named.rpartition(":")
        if not colon or not tail.isdigit():
            host, tail = named, ""
        return host or str(here), str(port or tail or "80")

    def _send_answer(self, answer: asyncio.Future[Answer]) -> None:
        """Send what the application has answered."""
        if answer.cancelled():
            return
        problem = answer.exception()
        if problem is None:
            result = answer.result()
            try:
                self.send_response(result.code, result.fields, result.body)
            except ValueError as refused:
                problem = refused
        if problem is not None:
            traceback.print_exception(problem, file=sys.stderr)
            self.send_response(
                500, [("content-type", "text/plain")], b"The application has failed.\n"
            )


class Answer:
    """The answer of an application, as it comes: status, fields, body."""

    def __init__(self) -> None:
        self.code = ""
        self.fields: list[tuple[bytes, bytes]] = []
        self._chunks: list[bytes] = []

    @property
    def body(self) -> bytes:
        """Everything that was written."""
        return b"".join(self._chunks)

    def start(
        self, status: str, headers: list[tuple[str, str]], /, exc_info: ExcInfo | None = None
    ) -> Callable[[bytes], object]:
        """Set status and header fields; return ``write``.

        With ``exc_info`` an error page replaces what was set before, unless some of the body has
        been written already: then the error is raised again (PEP 3333, "Error Handling").
        """
        if exc_info:
            try:
                if self._chunks and exc_info[1] is not None:
                    raise exc_info[1].with_traceback(exc_info[2])
            finally:
                exc_info = None  # the traceback refers to this frame
        elif self.code:
            raise AssertionError("Response already started")
        # Only the code: HTTP/2 has no reason phrase.
        self.code = status[:3]
        fields = [(n.encode("latin-1").lower(), v.encode("latin-1")) for n, v in headers]
        self.fields = [field for field in fields if field[0] not in CONNECTION_FIELDS]
        return self.write

    def write(self, data: bytes) -> None:
        """Add to the body."""
        if not self.code:
            raise AssertionError("write() before start_response()")
        if data:
            self._chunks.append(data)


def run_application(app: Application, environ: Environ) -> Answer:
    """Call ``app`` and collect its answer; whatever it raises passes through."""
    answer = Answer()
    result = app(environ, answer.start)
    try:
        for data in result:
            answer.write(data)
    finally:
        close = getattr(result, "close", None)
        if close is not None:
            close()
    if not answer.code:
        raise AssertionError("the application did not call start_response()")
    return answer
