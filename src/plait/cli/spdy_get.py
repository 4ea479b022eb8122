"""`plait spdy get`: URLs fetched over SPDY at once, and written in their order."""

from __future__ import annotations

import contextlib
import os
import ssl
import stat
import sys
import tempfile
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import IO, Self

from plait._version import __version__
from plait.compat.spdylay import (
    BaseSPDYStreamHandler,
    Session,
    UrlFetcher,
    UrlFetchError,
    urlfetch,
)
from plait.http2 import DATA_EOF, DATA_OK
from plait.process.errors import UserError, one_line

from .spdy_trace import TracingSession, visible

# Octets of a body that wait in memory for their turn; more of them wait in a file.
_SPOOL = 1 << 20


@dataclass(frozen=True, slots=True)
class Wish:
    """What is asked for: the options of the command.

    `data` and `output` are files by name, `-` standard input; `timeout` is in seconds.
    """

    urls: Sequence[str]
    version: int | None
    context: ssl.SSLContext | None
    method: str | None
    headers: Sequence[tuple[str, str]]
    data: str | None
    output: str | None
    include: bool
    verbose: bool
    timeout: float | None


class _LocalError(Exception):
    """A file of ours fails while octets are under way; the message tells the user."""


def get(wish: Wish) -> int:
    """Fetch; return 0, or 1 after a line on standard error for each transfer that failed.

    Raises `UserError` for a file that cannot be had.
    """
    downloads: list[_Download] = []
    try:
        with contextlib.ExitStack() as closing:
            output = closing.enter_context(_Output(wish.output))

            def make(url: str, fetcher: UrlFetcher) -> _Download:
                upload = None
                if wish.data is not None:
                    upload = closing.enter_context(_Upload(wish.data))
                downloads.append(_Download(url, fetcher, wish, output, upload))
                return downloads[-1]

            _fetch(wish, make)
    except _LocalError as error:
        print(f"plait: {error}", file=sys.stderr)
        return 1
    failed = [(download.url, download.error) for download in downloads if download.error]
    for url, reason in failed:
        print(f"plait: {visible(url)}: {_why(reason)}", file=sys.stderr)
    return 1 if failed else 0


def _fetch(wish: Wish, make: Callable[[str, UrlFetcher], _Download]) -> None:
    # An origin that could not be connected to is the downloads' error too.
    with contextlib.suppress(UrlFetchError):
        urlfetch(
            wish.urls,
            make,
            context=wish.context,
            version=wish.version,
            timeout=wish.timeout,
            session_class=TracingSession if wish.verbose else Session,
        )


def _why(error: UrlFetchError) -> str:
    """Return in one line why a transfer failed."""
    cause = error.__cause__
    text = one_line(visible(str(error)))
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"{text}: {cause.verify_message}; --cacert FILE trusts it, --insecure anything"
    if isinstance(cause, OSError) and cause.strerror:
        return f"{text}: {cause.strerror}"
    return f"{text}: {one_line(visible(str(cause)))}" if cause is not None else text


class _Download(BaseSPDYStreamHandler):
    """One transfer."""

    def __init__(
        self, url: str, fetcher: UrlFetcher, wish: Wish, output: _Output, upload: _Upload | None
    ) -> None:
        super().__init__(url, fetcher)
        self.error: UrlFetchError | None = None
        self._include = wish.include
        self._output = output
        self.request_method = wish.method or ("GET" if upload is None else "POST")
        headers = {"user-agent": f"plait/{__version__}"}
        if upload is not None:
            self.request_body = upload
            if upload.length is not None:
                headers["content-length"] = str(upload.length)
        given = {name for name, _ in wish.headers}
        own = [(name, value) for name, value in headers.items() if name not in given]
        self.request_headers = [*own, *wish.headers]
        output.begin(self)

    def on_header(self, nv: list[tuple[str, str]]) -> None:
        if self._include:
            lines = [f"{visible(name)}: {visible(value)}\n" for name, value in nv]
            self._output.write(self, "".join([*lines, "\n"]).encode(errors="backslashreplace"))

    def on_data(self, data: bytes) -> None:
        self._output.write(self, data)

    def on_error(self, error: UrlFetchError) -> None:
        self.error = error

    def on_close(self, status_code: int) -> None:
        del status_code
        self._output.end(self)


class _Upload:
    """The file that a request carries, opened once for each request, as a body source."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._own = path != "-"
        # Only a regular file knows its length beforehand.
        self.length: int | None = None
        try:
            self._file: IO[bytes] = open(path, "rb") if self._own else sys.stdin.buffer  # noqa: SIM115
            if self._own:
                info = os.fstat(self._file.fileno())
                self.length = info.st_size if stat.S_ISREG(info.st_mode) else None
        except OSError as error:
            raise UserError(f"cannot read {path}: {error.strerror}") from None
        except AttributeError:
            raise UserError("standard input is closed: give --data a file") from None
        self._read = getattr(self._file, "read1", self._file.read)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._own:
            self._file.close()

    def __call__(self, max_octets: int) -> tuple[bytes, int]:
        """Return the next octets, and `DATA_EOF` when there are none left."""
        try:
            data: bytes = self._read(max_octets)
        except OSError as error:
            raise _LocalError(f"cannot read {self._path}: {error.strerror}") from None
        return data, DATA_OK if data else DATA_EOF


class _Output:
    """Where bodies are written, each in its turn: the others wait, in files if they are large.

    `path` is a file to write, `None` standard output.
    """

    def __init__(self, path: str | None) -> None:
        self._name = path or "standard output"
        self._own = path is not None
        self._waiting: deque[_Download] = deque()
        self._early: dict[_Download, IO[bytes]] = {}
        self._ended: set[_Download] = set()
        self._file: IO[bytes]
        try:
            self._file = open(path, "wb") if path is not None else sys.stdout.buffer  # noqa: SIM115
        except OSError as error:
            raise UserError(f"cannot write {path}: {error.strerror}") from None
        except AttributeError:
            raise UserError("standard output is closed: give --output a file") from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        for early in self._early.values():
            early.close()
        if self._own:
            with contextlib.suppress(OSError):
                self._file.close()
        elif isinstance(error, _LocalError):
            # What is left in its buffer must not fail once more when the interpreter ends.
            _discard(self._file)

    def begin(self, download: _Download) -> None:
        """Give a download its turn after those that are there."""
        self._waiting.append(download)

    def write(self, download: _Download, data: bytes) -> None:
        """Write, or keep until it is the download's turn."""
        try:
            if self._waiting[0] is download:
                self._file.write(data)
                self._file.flush()
            else:
                self._keep(download, data)
        except OSError as error:
            raise _LocalError(f"cannot write to {self._name}: {error.strerror}") from None

    def end(self, download: _Download) -> None:
        """Let the next one have its turn."""
        self._ended.add(download)
        while self._waiting and self._waiting[0] in self._ended:
            self._waiting.popleft()
            if self._waiting:
                self._catch_up(self._waiting[0])

    def _keep(self, download: _Download, data: bytes) -> None:
        early = self._early.get(download)
        if early is None:
            early = self._early[download] = tempfile.SpooledTemporaryFile(_SPOOL)  # noqa: SIM115
        early.write(data)

    def _catch_up(self, download: _Download) -> None:
        early = self._early.pop(download, None)
        if early is None:
            return
        with early:
            early.seek(0)
            while data := early.read(_SPOOL):
                self.write(download, data)


def _discard(file: IO[bytes]) -> None:
    """Let what is written to a file that fails go nowhere."""
    with contextlib.suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, file.fileno())
        os.close(nowhere)
