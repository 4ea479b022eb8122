"""The access log: a line for each exchange, written once for each turn of the event loop.

What clients have sent is escaped: nobody can end a line, close a quotation or write to a terminal.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

from plait.http2 import ErrorCode

from .observer import Observer

FORMATS = {
    "common": '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s',
    "combined": '%(h)s %(l)s %(u)s %(t)s "%(r)s" %(s)s %(b)s "%(f)s" "%(a)s"',
}
"""The formats that have names, besides ``json``."""

# Everything but printable ASCII, and without what would end a quotation or begin an escape.
_UNSAFE = re.compile(r"[^ !#-\[\]-~]")
_ATOM = re.compile(r"%(?:\(([A-Za-z]+|\{[!#$%&'*+\-.^_`|~0-9A-Za-z]+\}i)\)s|(%))")

# PIPE_BUF of Linux: so much a pipe takes without mixing it with what others write.
_PIPE = 4096

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

Part = Callable[["_Record"], str]


class AccessLog(Observer):
    """Writes a line for each exchange that is over.

    Lines are gathered, and written together at the end of a turn of the event loop. A file is
    opened to append, so that several processes may write to one; call ``reopen`` after it has been
    renamed. A line that cannot be written is lost, which is told once.

    :param file: a path, or ``"-"`` for standard output, or a stream for text.
    :param format: ``"common"``, ``"combined"``, ``"json"``, or atoms such as ``%(h)s``: see the
        guide on observing a server.
    :raises ValueError: for a format with atoms that there are not.
    :raises OSError: if the file cannot be opened.
    """

    def __init__(self, file: Any = "-", format: str = "combined") -> None:  # noqa: A002
        self._line: Part = _json_line if format == "json" else compile_format(format)
        self._path: str | None = None
        self._stream: Any = None
        self._fd = -1
        if file == "-":
            self._stream = sys.stdout
        elif isinstance(file, str | os.PathLike):
            self._path = os.fspath(file)
            self._fd = _open(self._path)
        else:
            self._stream = file
        self._lines: list[str] = []
        self._has_failed = False

    def ended(self, exchange: Any, error_code: int) -> None:
        """Write a line."""
        if exchange.peer is None:
            return  # a promise that was withdrawn before anybody answered it
        lines = self._lines
        if not lines:
            exchange.loop.call_soon(self.flush)
        lines.append(self._line(_Record(exchange, error_code)))

    def flush(self) -> None:
        """Write what has been gathered."""
        if not self._lines:
            return
        lines, self._lines = self._lines, []
        try:
            if self._stream is not None:
                for text in _portions(lines):
                    self._stream.write(text)
                    self._stream.flush()
            else:
                _write(self._fd, ("\n".join(lines) + "\n").encode("ascii"))
        except (OSError, ValueError) as error:
            # a disk that is full, a stream that is closed: serving goes on
            if not self._has_failed:
                self._has_failed = True
                logging.getLogger("plait.server").error("cannot write the access log: %s", error)  # noqa: TRY400
        else:
            self._has_failed = False

    def reopen(self) -> None:
        """Open the file anew, at its path. No effect on a stream.

        :raises OSError: if that is not possible; the log goes on in the old file.
        """
        self.flush()
        if self._path is not None:
            fd = _open(self._path)
            os.close(self._fd)
            self._fd = fd

    def close(self) -> None:
        """Write what is left, and close the file."""
        self.flush()
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def compile_format(text: str) -> Part:
    """Return the function that makes a line of a record.

    :param text: a name out of ``FORMATS``, or a format with at least one atom.
    :raises ValueError: for an atom that there is not, and for a format without any.
    """
    text = FORMATS.get(text, text)
    if _UNSAFE.search(text.replace('"', "").replace("\\", "").replace("\t", "")):
        raise ValueError("a format of the access log is one line of printable ASCII")
    parts: list[Part] = []
    template: list[str] = []
    at = 0
    for found in _ATOM.finditer(text):
        template += (_plain(text[at : found.start()], text), "%")
        at = found.end()
        if found[2]:
            template.append("%")
        else:
            template.append("s")
            parts.append(_part(found[1], text))
    template.append(_plain(text[at:], text))
    if not parts:
        names = ", ".join([*FORMATS, "json"])
        raise ValueError(
            f"{text!r} is no format of the access log: wanted atoms such as %(h)s, or {names}"
        )
    whole = "".join(template)

    def line(record: _Record) -> str:
        return whole % tuple([part(record) for part in parts])

    return line


def _plain(literal: str, text: str) -> str:
    if "%" in literal:
        raise ValueError(f"{text!r} has a % that begins no atom; %% is a percent sign")
    return literal


def _part(name: str, text: str) -> Part:
    if name.startswith("{"):
        field = name[1:-2].lower().encode()
        return lambda record: record.field(field)
    part = _PARTS.get(name)
    if part is None:
        known = ", ".join(_PARTS)
        raise ValueError(f"{text!r} has an atom %({name})s, which is none of {known}, {{name}}i")
    return part


# --- what there is to tell ----------------------------------------------------------------------


class _Record:
    """One exchange that is over."""

    __slots__ = ("error_code", "exchange")

    def __init__(self, exchange: Any, error_code: int) -> None:
        self.exchange = exchange
        self.error_code = error_code

    @property
    def client(self) -> str:
        client = self.exchange.peer.client
        return "unix" if client is None else str(client[0])

    @property
    def seconds(self) -> float:
        began: float = self.exchange.began
        # uvloop's own time has steps of a millisecond
        return max(0.0, time.monotonic() - began) if began else 0.0

    @property
    def protocol(self) -> str:
        return f"HTTP/{self.exchange.http_version}"

    @property
    def error(self) -> str | None:
        if not self.error_code:
            return None
        try:
            return ErrorCode(self.error_code).name
        except ValueError:
            return hex(self.error_code)

    def header(self, name: bytes) -> bytes | None:
        """The value of the first field of a name."""
        for field, value in self.exchange.headers:
            if field == name:
                return bytes(value)
        return None

    def field(self, name: bytes) -> str:
        value = self.header(name)
        return "-" if value is None else escaped(value)


def escaped(value: bytes) -> str:
    """Return octets as printable ASCII without quotation marks and backslashes."""
    text = value.decode("latin-1")
    if _UNSAFE.search(text) is None:
        return text
    return _UNSAFE.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return f"\\x{ord(found[0]):02x}"


def _request_line(record: _Record) -> str:
    exchange = record.exchange
    return f"{escaped(exchange.method)} {escaped(exchange.path) or '-'} {record.protocol}"


def _status(record: _Record) -> str:
    return str(record.exchange.status or "-")


class _Clock:
    """The time, made into text once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def __call__(self, record: _Record) -> str:  # noqa: ARG002 - like every part
        second = int(time.time())
        if second != self._second:
            self._second = second
            now = time.gmtime(second)
            # strftime would name the months as the locale does
            self._text = time.strftime(f"[%d/{_MONTHS[now.tm_mon - 1]}/%Y:%H:%M:%S +0000]", now)
        return self._text


_PARTS: dict[str, Part] = {
    "h": lambda record: escaped(record.client.encode()),
    "l": lambda _: "-",
    "u": lambda _: "-",
    "t": _Clock(),
    "r": _request_line,
    "m": lambda record: escaped(record.exchange.method),
    "U": lambda record: escaped(record.exchange.path.partition(b"?")[0]) or "-",
    "q": lambda record: escaped(record.exchange.path.partition(b"?")[2]) or "-",
    "H": lambda record: record.protocol,
    "S": lambda record: escaped(record.exchange.scheme),
    "v": lambda record: escaped(record.exchange.host or b"-"),
    "s": _status,
    "b": lambda record: str(record.exchange.octets_out or "-"),
    "B": lambda record: str(record.exchange.octets_out),
    "f": lambda record: record.field(b"referer"),
    "a": lambda record: record.field(b"user-agent"),
    "T": lambda record: str(int(record.seconds)),
    "M": lambda record: str(int(record.seconds * 1e3)),
    "D": lambda record: str(int(record.seconds * 1e6)),
    "L": lambda record: f"{record.seconds:.6f}",
    "p": lambda _: str(os.getpid()),
    "e": lambda record: record.error or "-",
}


def _json_line(record: _Record) -> str:
    exchange = record.exchange
    path, _, query = exchange.path.partition(b"?")
    now = time.time()
    whole = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(now))
    return json.dumps(
        {
            "time": f"{whole}.{int(now % 1 * 1000):03d}Z",
            "client": record.client,
            "method": _text(exchange.method),
            "scheme": _text(exchange.scheme),
            "host": _text(exchange.host),
            "path": _text(path),
            "query": _text(query),
            "protocol": record.protocol,
            "status": exchange.status or None,
            "octets": exchange.octets_out,
            "seconds": round(record.seconds, 6),
            "referer": _text(record.header(b"referer")),
            "user_agent": _text(record.header(b"user-agent")),
            "error": record.error,
        },
        separators=(",", ":"),
    )


def _text(value: bytes | None) -> str | None:
    """Return octets for JSON, which escapes everything but ASCII."""
    return None if value is None else bytes(value).decode("utf-8", "backslashreplace")


# --- files --------------------------------------------------------------------------------------


def _open(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _portions(lines: list[str]) -> Iterator[str]:
    """Join lines, as many as a pipe takes in one piece: other processes may write to it as well."""
    portion = ""
    for line in lines:
        if portion and len(portion) + len(line) >= _PIPE:
            yield portion
            portion = ""
        portion += line + "\n"
    yield portion


def _write(fd: int, data: bytes) -> None:
    """Write all of it; in one call, where nothing is in the way."""
    while data:
        data = data[os.write(fd, data) :]
