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
from functools import lru_cache
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

# Octets of a value that is escaped anew each time.
_LONG = 256

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# What one exchange, and the error code of its end, are told as.
Part = Callable[[Any, int], str]


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
        lines.append(self._line(exchange, error_code))

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
    """Return the function that makes a line of an exchange.

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

    def line(exchange: Any, error_code: int) -> str:
        return whole % tuple([part(exchange, error_code) for part in parts])

    return line


def _plain(literal: str, text: str) -> str:
    if "%" in literal:
        raise ValueError(f"{text!r} has a % that begins no atom; %% is a percent sign")
    return literal


def _part(name: str, text: str) -> Part:
    if name.startswith("{"):
        return _field(name[1:-2].lower().encode())
    part = _PARTS.get(name)
    if part is None:
        known = ", ".join(_PARTS)
        raise ValueError(f"{text!r} has an atom %({name})s, which is none of {known}, {{name}}i")
    return part


# --- what there is to tell ----------------------------------------------------------------------


def escaped(value: bytes) -> str:
    """Return octets as printable ASCII without quotation marks and backslashes."""
    # Clients send the same again and again; long values, which would fill the memory, they do not.
    return _escaped_anew(value) if len(value) > _LONG else _escaped_before(value)


def _escaped_anew(value: bytes) -> str:
    text = value.decode("latin-1")
    if _UNSAFE.search(text) is None:
        return text
    return _UNSAFE.sub(_escape, text)


_escaped_before = lru_cache(1024)(_escaped_anew)


def _escape(found: re.Match[str]) -> str:
    return f"\\x{ord(found[0]):02x}"


@lru_cache(1024)
def _host(client: str) -> str:
    return _escaped_anew(client.encode())


def _client(exchange: Any) -> str:
    client = exchange.peer.client
    return "unix" if client is None else str(client[0])


def _seconds(exchange: Any) -> float:
    began: float = exchange.began
    # uvloop's own time has steps of a millisecond
    return max(0.0, time.monotonic() - began) if began else 0.0


def _header(exchange: Any, name: bytes) -> bytes | None:
    """The value of the first field of a name."""
    for field, value in exchange.headers:
        if field == name:
            return bytes(value)
    return None


def _field(name: bytes) -> Part:
    """Return the function that tells a field."""

    def part(exchange: Any, _: int) -> str:
        for field, value in exchange.headers:
            if field == name:
                return escaped(bytes(value))
        return "-"

    return part


def _request_line(exchange: Any, _: int) -> str:
    path = escaped(exchange.path) or "-"
    return f"{escaped(exchange.method)} {path} HTTP/{exchange.http_version}"


def _error(error_code: int) -> str | None:
    if not error_code:
        return None
    try:
        return ErrorCode(error_code).name
    except ValueError:
        return hex(error_code)


class _Clock:
    """The time, made into text once a second."""

    def __init__(self) -> None:
        self._second = -1
        self._text = ""

    def __call__(self, exchange: Any, error_code: int) -> str:  # noqa: ARG002 - like every part
        second = int(time.time())
        if second != self._second:
            self._second = second
            now = time.gmtime(second)
            # strftime would name the months as the locale does
            self._text = time.strftime(f"[%d/{_MONTHS[now.tm_mon - 1]}/%Y:%H:%M:%S +0000]", now)
        return self._text


_PARTS: dict[str, Part] = {
    "h": lambda exchange, _: _host(_client(exchange)),
    "l": lambda *_: "-",
    "u": lambda *_: "-",
    "t": _Clock(),
    "r": _request_line,
    "m": lambda exchange, _: escaped(exchange.method),
    "U": lambda exchange, _: escaped(exchange.path.partition(b"?")[0]) or "-",
    "q": lambda exchange, _: escaped(exchange.path.partition(b"?")[2]) or "-",
    "H": lambda exchange, _: f"HTTP/{exchange.http_version}",
    "S": lambda exchange, _: escaped(exchange.scheme),
    "v": lambda exchange, _: escaped(exchange.host or b"-"),
    "s": lambda exchange, _: str(exchange.status or "-"),
    "b": lambda exchange, _: str(exchange.octets_out or "-"),
    "B": lambda exchange, _: str(exchange.octets_out),
    "f": _field(b"referer"),
    "a": _field(b"user-agent"),
    "T": lambda exchange, _: str(int(_seconds(exchange))),
    "M": lambda exchange, _: str(int(_seconds(exchange) * 1e3)),
    "D": lambda exchange, _: str(int(_seconds(exchange) * 1e6)),
    "L": lambda exchange, _: f"{_seconds(exchange):.6f}",
    "p": lambda *_: str(os.getpid()),
    "e": lambda _, error_code: _error(error_code) or "-",
}


# json.dumps makes an encoder for each call that wants other separators.
_json = json.JSONEncoder(separators=(",", ":")).encode


def _json_line(exchange: Any, error_code: int) -> str:
    path, _, query = exchange.path.partition(b"?")
    now = time.time()
    return _json(
        {
            "time": f"{_second(int(now))}.{int(now % 1 * 1000):03d}Z",
            "client": _client(exchange),
            "method": _text(exchange.method),
            "scheme": _text(exchange.scheme),
            "host": _text(exchange.host),
            "path": _text(path),
            "query": _text(query),
            "protocol": f"HTTP/{exchange.http_version}",
            "status": exchange.status or None,
            "octets": exchange.octets_out,
            "seconds": round(_seconds(exchange), 6),
            "referer": _text(_header(exchange, b"referer")),
            "user_agent": _text(_header(exchange, b"user-agent")),
            "error": _error(error_code),
        }
    )


@lru_cache(2)
def _second(second: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))


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
