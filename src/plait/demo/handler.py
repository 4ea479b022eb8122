"""The handler of the demonstration site.

    /                       the page; its drawing is pushed or hinted ahead of it
    /ahead.svg              that drawing
    /tile/COLUMN-ROW.webp   one tile of the picture; ?delay=50 answers after 50 ms
    /slow                   lines of text that come one by one; ?lines=16&interval=200
    /static/VERSION/NAME    style and scripts of the page
    /favicon.svg            the icon

Every response says in its fields which connection and which stream it came on, and
how many requests were in flight on that connection when it was made.
"""

from __future__ import annotations

import asyncio
import html
import time
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any, Final
from urllib.parse import parse_qs

from plait.demo.assets import File, load_assets
from plait.demo.connections import ConnectionRecord, Connections
from plait.demo.hints import Hints
from plait.demo.slow import SlowText
from plait.server import BaseRequestHandler

# How long the page is held back once its drawing has been hinted. Without a pause there
# is nothing to gain by a hint: it stands in for the time a real page takes to be made.
THINKING: Final = 0.2  # seconds

# The most a visitor can ask for; each waiting request costs a timer.
MAX_DELAY: Final = 5_000  # milliseconds
MAX_LINES: Final = 500

CONTENT_SECURITY_POLICY: Final = (
    "default-src 'none'; connect-src 'self'; img-src 'self'; script-src 'self'; "
    "style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
SECURITY: Final = [
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-resource-policy", "same-origin"),
    ("referrer-policy", "no-referrer"),
    ("x-content-type-options", "nosniff"),
]
FRESH: Final = "no-store"  # what is to be seen loading is never kept
FOR_EVER: Final = "public, max-age=31536000, immutable"  # its address changes with it
FOR_THIS_VIEW: Final = "private, max-age=60"  # a hint is of use only if what it brings is kept

SLOW_TEXT: Final = (
    "This text is one HTTP/2 response.",
    "Its body is a Python function",
    "that the server calls when there is room to send.",
    "When it has nothing, it answers DATA_DEFERRED,",
    "and the server leaves the stream alone.",
    "A timer brings the next line and calls resume().",
    "Between two lines the other streams go on:",
    "none of them waits behind this one.",
    "It holds no thread and no task,",
    "only a timer.",
    "If you closed this page now,",
    "on_close would tell the handler,",
    "and the handler would stop the timer.",
    "If you read more slowly than it writes,",
    "the windows would close, and nobody would call.",
    "That was all.",
)

PLAIN: Final = "text/plain; charset=utf-8"

Body = bytes | Callable[[int], tuple[bytes | None, int]]


class BadQuery(ValueError):
    """The query asks for something that is not offered; the message is for the visitor."""


class DemoHandler(BaseRequestHandler):
    """Answers one request to the demonstration site.

    Hand the class to `HTTP2Server`; all its instances share one set of assets and one
    numbering of the connections.
    """

    assets = load_assets()
    connections = Connections()
    hints = Hints(time.monotonic)
    views = count(1)

    def __init__(self, http2: Any, stream_id: int) -> None:
        super().__init__(http2, stream_id)
        self._record: ConnectionRecord | None = None
        self._stop: Callable[[], None] | None = None

    def on_headers(self) -> None:
        """Finds what answers the request; nothing here waits for a request body."""
        self._record = self.connections.record(self.http2)
        self._record.in_flight += 1
        path, _, query = (self.path or b"").decode("latin-1").partition("?")
        if self.method not in (b"GET", b"HEAD"):
            self._refuse(405, "This site only knows GET and HEAD.", ("allow", "GET, HEAD"))
            return
        try:
            self._answer(path, query)
        except BadQuery as fault:
            self._refuse(400, str(fault))

    def on_close(self, error_code: int) -> None:  # noqa: ARG002 - any way to end is an end
        """Stops what a client that went away no longer waits for."""
        if self._stop is not None:
            self._stop()
        if self._record is not None:
            self._record.in_flight -= 1
            self._record.answered += 1

    # ------------------------------------------------------------------ what there is

    def _answer(self, path: str, query: str) -> None:
        first, _, rest = path.removeprefix("/").partition("/")
        if path == "/":
            self._start_page()
        elif path == "/ahead.svg":
            self._send_ahead(f"{path}?{query}")
        elif path == "/favicon.svg":
            self._send_file(self.assets.icon, FOR_THIS_VIEW)
        elif path == "/slow":
            self._send_slow_text(query)
        elif first == "tile":
            self._send_tile(rest, query)
        elif first == "static":
            self._send_static(rest)
        else:
            self._not_found()

    def _start_page(self) -> None:
        """Brings the drawing on its way, by push where the client takes it, then the page."""
        ahead = f"/ahead.svg?view={next(self.views)}"
        if self.push_enabled and self.method == b"GET":
            file = self.assets.ahead
            pushed = self.push(
                ahead,
                status=200,
                headers=self._fields(file.content_type, FOR_THIS_VIEW, pushed=True),
                body=file.body,
            )
            self._send_page(ahead, "pushed", pushed.stream_id)
        else:
            self.send_early_hints([f"<{ahead}>; rel=preload; as=image"])
            self.hints.sent(ahead)
            self._later(THINKING, lambda: self._send_page(ahead, "hinted", 0))

    def _send_page(self, ahead: str, delivery: str, pushed_on: int) -> None:
        picture = self.assets.picture
        page = self.assets.page.substitute(
            static=f"/static/{self.assets.version}",
            ahead=ahead,
            delivery=delivery,
            pushed_on=pushed_on,
            columns=picture.columns,
            rows=picture.rows,
            tile=picture.tile,
            count=picture.columns * picture.rows,
            width=picture.columns * picture.tile,
            height=picture.rows * picture.tile,
            alt=html.escape(picture.alt),
            thinking=round(THINKING * 1000),
        )
        self._send("text/html; charset=utf-8", FRESH, page.encode())

    def _send_ahead(self, address: str) -> None:
        """The drawing, to a client that asks: because of the hint, or not until it saw the page."""
        hint = self.hints.asked(address)
        more = []
        if hint is not None:
            told = f'hint;dur={hint.waited * 1000:.1f};desc="{hint.requests}"'
            more.append(("server-timing", told))
        file = self.assets.ahead
        self._send(file.content_type, FOR_THIS_VIEW, file.body, *more)

    def _send_tile(self, name: str, query: str) -> None:
        tile = self.assets.picture.tiles.get(name.removesuffix(".webp"))
        if tile is None or not name.endswith(".webp"):
            self._not_found()
            return
        delay = number(query, "delay", default=0, most=MAX_DELAY) / 1000
        if delay:
            self._later(delay, lambda: self._send("image/webp", FRESH, tile))
        else:
            self._send("image/webp", FRESH, tile)

    def _send_slow_text(self, query: str) -> None:
        lines = number(query, "lines", default=len(SLOW_TEXT), least=1, most=MAX_LINES)
        interval = number(query, "interval", default=200, least=1, most=MAX_DELAY) / 1000
        if self.method == b"HEAD":
            self._send(PLAIN, FRESH, None)
            return
        text = SlowText(slow_lines(lines, self._known_record), interval, self.resume)
        self._stop = text.cancel
        self._send(PLAIN, FRESH, text)

    def _send_static(self, rest: str) -> None:
        version, _, name = rest.partition("/")
        file = self.assets.static.get(name)
        if file is None or version != self.assets.version:
            self._not_found()
        else:
            self._send_file(file, FOR_EVER)

    # ------------------------------------------------------------------ how it is sent

    @property
    def _known_record(self) -> ConnectionRecord:
        assert self._record is not None  # set before anything is answered
        return self._record

    def _later(self, delay: float, act: Callable[[], None]) -> None:
        self._stop = asyncio.get_running_loop().call_later(delay, act).cancel

    def _send_file(self, file: File, cache_control: str) -> None:
        self._send(file.content_type, cache_control, file.body)

    def _not_found(self) -> None:
        self._refuse(404, "There is nothing at this address.")

    def _refuse(self, status: int, why: str, *more: tuple[str, str]) -> None:
        self._send(PLAIN, FRESH, f"{why}\n".encode(), *more, status=status)

    def _send(
        self,
        content_type: str,
        cache_control: str,
        body: Body | None,
        *more: tuple[str, str],
        status: int = 200,
    ) -> None:
        fields = self._fields(content_type, cache_control)
        fields.extend(more)
        if isinstance(body, bytes):
            fields.append(("content-length", str(len(body))))
        if self.method == b"HEAD":
            body = None
        self.send_response(status=status, headers=fields, body=body)

    def _fields(
        self, content_type: str, cache_control: str, *, pushed: bool = False
    ) -> list[tuple[str, str]]:
        """The fields of a response; a pushed one is made before its stream has a number."""
        record = self._known_record
        where = "pushed" if pushed else f"stream {self.stream_id}"
        fields = [
            ("content-type", content_type),
            ("cache-control", cache_control),
            *SECURITY,
            ("x-plait-connection", str(record.number)),
            ("x-plait-in-flight", str(record.in_flight)),
            # what a script can read of a resource that the browser itself fetched
            ("server-timing", f'plait;desc="connection {record.number}, {where}"'),
        ]
        if not pushed:
            fields.append(("x-plait-stream", str(self.stream_id)))
        return fields


def number(query: str, name: str, *, default: int, most: int, least: int = 0) -> int:
    """A whole number from the query.

    Raises:
        BadQuery: not a number, or out of bounds.
    """
    values = parse_qs(query).get(name)
    if values is None:
        return default
    text = values[-1]
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and least <= int(text) <= most):
        raise BadQuery(f"{name} must be a whole number from {least} to {most}.")
    return int(text)


def slow_lines(lines: int, record: ConnectionRecord) -> Iterator[str]:
    """The text, each line with how many other streams came and went since the last one."""
    answered = [record.answered]  # counts from now, not from the first line

    def line(number: int) -> str:
        others = record.answered - answered[0]
        answered[0] = record.answered
        return SLOW_TEXT[number % len(SLOW_TEXT)] + meanwhile(others) + "\n"

    return map(line, range(lines))


def meanwhile(others: int) -> str:
    """What happened on the connection since the last line, if anything did."""
    if others == 0:
        return ""
    return f" [{others} other stream{'' if others == 1 else 's'}]"
