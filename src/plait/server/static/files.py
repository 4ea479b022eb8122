"""Static files as a function from request to response, with no server in it.

A file is looked at anew for each request: there is no cache to go stale and no memory that grows.
What one request costs is a few system calls; the validators let a client keep its copy.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .body import FileBody
from .conditions import NOT_MODIFIED, PROCEED, Validators, evaluate, range_applies
from .dates import format_http_date
from .listing import MAX_ENTRIES, render_listing
from .mediatypes import content_type
from .negotiation import CODINGS, accepted_codings
from .ranges import Multipart, content_range, select_ranges
from .responses import (
    ALLOW,
    METHODS,
    NO_CACHE,
    NOSNIFF,
    Headers,
    StaticResponse,
    date,
    error_response,
    from_os_error,
    redirect,
)
from .tree import BadPath, Tree, is_hidden, quote_segments, split_path

INDEX = "index.html"

# A body up to this size is read at once: one system call, and no descriptor stays open.
SMALL = 16 * 1024

# A variant this much older (in nanoseconds) than its original is taken for a leftover from before
# an edit. Archives store times in steps of two seconds and tools copy in any order, hence not zero.
_STALE_AFTER = 2_000_000_000

_LISTING_POLICY = (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'")

_FIELD_VALUE = re.compile(r"[\x21-\x7e](?:[\x20-\x7e\t]*[\x21-\x7e])?")


@dataclass(slots=True)
class _Selected:
    """The representation chosen: an open file and the fields that describe it."""

    fd: int
    info: os.stat_result
    coding: bytes | None
    vary: bool


class StaticFiles:
    """The files beneath a directory, answered as RFC 9110 says.

    Symbolic links are followed within the directory only; one that leads out is answered with 403.
    A file `NAME.br`, `NAME.zst` or `NAME.gz` beside `NAME` is sent in its place to clients that
    accept the coding, unless it is older than the original.

    :param root: the directory.
    :param listing: show directories that have no `index.html`; by default they are 404.
    :param hidden: serve names that begin with a dot; by default they are 404, but for
        `/.well-known/` (RFC 8615).
    :param cache_control: the field's value for files. The default lets clients keep a copy and
        makes them ask whether it is still good; `None` sends none.
    :raises OSError: if `root` is no directory.
    :raises ValueError: for a `cache_control` that is no field value.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        *,
        listing: bool = False,
        hidden: bool = False,
        cache_control: str | None = "no-cache",
    ) -> None:
        if cache_control is not None and not _FIELD_VALUE.fullmatch(cache_control):
            raise ValueError(f"not a field value: {cache_control!r}")
        self._tree = Tree(root)
        self._listing = listing
        self._hidden = hidden
        self._cache: Headers = []
        if cache_control is not None:
            self._cache.append((b"cache-control", cache_control.encode()))

    @property
    def root(self) -> str:
        """The directory served, an absolute path without symbolic links."""
        return self._tree.root

    def respond(
        self, method: bytes, path: bytes, headers: Iterable[tuple[bytes, bytes]]
    ) -> StaticResponse:
        """Answer one request; never raises for what the request holds.

        :param path: the value of `:path`, with the query.
        :param headers: names in lower case; pseudo-header fields may be among them.
        """
        if method == b"OPTIONS":
            return StaticResponse(204, [ALLOW, date()])
        if method not in METHODS:
            return error_response(405, extra=[ALLOW])
        try:
            response = self._find(method, path, _combine(headers))
        except BadPath as error:
            response = error_response(400, str(error))
        except OSError as error:
            response = from_os_error(error, path)
        return response.without_body() if method == b"HEAD" else response

    def _find(self, method: bytes, target: bytes, fields: Mapping[bytes, bytes]) -> StaticResponse:
        path, mark, query = target.partition(b"?")
        segments = split_path(path)
        if not self._hidden and is_hidden(segments):
            return error_response(404)
        wants_directory = not segments[-1]
        if wants_directory:
            segments.pop()
        fd, info = self._tree.open(segments)
        if stat.S_ISDIR(info.st_mode):
            try:
                if wants_directory:
                    return self._directory(method, segments, fd, fields)
                return redirect(quote_segments([*segments, ""]).encode() + mark + query)
            finally:
                os.close(fd)
        if wants_directory:
            os.close(fd)
            return error_response(404)
        return self._file(method, segments, fd, info, fields)

    def _directory(
        self, method: bytes, segments: list[str], fd: int, fields: Mapping[bytes, bytes]
    ) -> StaticResponse:
        index = [*segments, INDEX]
        try:
            index_fd, info = self._tree.open(index)
        except FileNotFoundError:
            return self._list(segments, fd) if self._listing else error_response(404)
        if stat.S_ISDIR(info.st_mode):
            os.close(index_fd)
            return error_response(404)
        return self._file(method, index, index_fd, info, fields)

    def _list(self, segments: list[str], fd: int) -> StaticResponse:
        entries = self._tree.entries(segments, fd, MAX_ENTRIES, hidden=self._hidden)
        page = render_listing(segments, entries, len(entries) == MAX_ENTRIES)
        headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-length", b"%d" % len(page)),
            _LISTING_POLICY,
            NO_CACHE,
            NOSNIFF,
            date(),
        ]
        return StaticResponse(200, headers, page)

    def _file(
        self,
        method: bytes,
        segments: list[str],
        fd: int,
        info: os.stat_result,
        fields: Mapping[bytes, bytes],
    ) -> StaticResponse:
        selected = self._select(segments, fd, info, fields)
        try:
            response = self._represent(method, segments[-1], selected, fields)
        except BaseException:
            os.close(selected.fd)
            raise
        if not isinstance(response.body, FileBody):
            os.close(selected.fd)
        return response

    def _select(
        self, segments: list[str], fd: int, info: os.stat_result, fields: Mapping[bytes, bytes]
    ) -> _Selected:
        """Choose among the file and its precompressed variants; close what is not chosen."""
        variants = self._variants(segments, info)
        if not variants:
            return _Selected(fd, info, None, vary=False)
        accepted = accepted_codings(fields.get(b"accept-encoding"))
        # The best weight first, then the smallest file; `sort` keeps our own order for the rest.
        usable = [variant for variant in variants if variant[1] in accepted]
        usable.sort(key=lambda variant: (-accepted[variant[1]], variant[0]))
        for _, coding, suffix in usable:
            try:
                variant_fd, variant_info = self._tree.open([*segments[:-1], segments[-1] + suffix])
            except OSError:
                continue
            if stat.S_ISREG(variant_info.st_mode):
                os.close(fd)
                return _Selected(variant_fd, variant_info, coding, vary=True)
            os.close(variant_fd)
        return _Selected(fd, info, None, vary=True)

    def _variants(
        self, segments: list[str], original: os.stat_result
    ) -> list[tuple[int, bytes, str]]:
        """Size, coding and suffix of the variants that seem to be there; not opened yet."""
        path = self._tree.path(segments)
        variants = []
        for coding, suffix in CODINGS:
            try:
                info = os.stat(path + suffix)
            except OSError:
                continue
            fresh = info.st_mtime_ns + _STALE_AFTER >= original.st_mtime_ns
            if fresh and stat.S_ISREG(info.st_mode):
                variants.append((info.st_size, coding, suffix))
        return variants

    def _represent(
        self, method: bytes, name: str, selected: _Selected, fields: Mapping[bytes, bytes]
    ) -> StaticResponse:
        now = int(time.time())
        info = selected.info
        etag = b'"%x-%x%s"' % (
            info.st_mtime_ns,
            info.st_size,
            b"-" + selected.coding if selected.coding else b"",
        )
        # "An origin server with a clock MUST NOT generate a Last-Modified date that is later than
        # the server's time of message origination (Date)." (RFC 9110 §8.8.2.1)
        validators = Validators(etag, min(int(info.st_mtime), now), now)
        headers = [
            (b"etag", etag),
            (b"last-modified", format_http_date(validators.modified)),
            (b"accept-ranges", b"bytes"),
            (b"date", format_http_date(now)),
            *self._cache,
        ]
        if selected.vary:
            headers.append((b"vary", b"accept-encoding"))
        verdict = evaluate(fields, validators)
        if verdict == NOT_MODIFIED:
            return StaticResponse(NOT_MODIFIED, headers)
        if verdict != PROCEED:
            return error_response(verdict)
        headers.append(NOSNIFF)
        if selected.coding:
            headers.append((b"content-encoding", selected.coding))
        ranges = None
        # "A server MUST ignore a Range header field received with a request method that is
        # unrecognized or for which range handling is not defined." (RFC 9110 §14.2): GET only.
        if method == b"GET" and b"range" in fields and range_applies(fields, validators):
            ranges = select_ranges(fields[b"range"], info.st_size)
        if ranges is None:
            headers.append((b"content-type", content_type(name)))
            return _whole(method, headers, selected.fd, info.st_size)
        return _partial(headers, selected.fd, info.st_size, content_type(name), ranges)


def _whole(method: bytes, headers: Headers, fd: int, size: int) -> StaticResponse:
    headers.append((b"content-length", b"%d" % size))
    body = _body(fd, [(0, size)], size) if method == b"GET" else None
    return StaticResponse(200, headers, body)


def _partial(
    headers: Headers, fd: int, size: int, media_type: bytes, ranges: list[tuple[int, int]]
) -> StaticResponse:
    if not ranges:
        return error_response(416, extra=[(b"content-range", b"bytes */%d" % size)])
    if len(ranges) > 1:
        multipart = Multipart(ranges, size, media_type)
        headers.append((b"content-type", multipart.content_type))
        headers.append((b"content-length", b"%d" % multipart.length))
        return StaticResponse(206, headers, _body(fd, multipart.segments, multipart.length))
    [(start, length)] = ranges
    headers.append((b"content-type", media_type))
    headers.append((b"content-range", content_range(start, length, size)))
    headers.append((b"content-length", b"%d" % length))
    return StaticResponse(206, headers, _body(fd, [(start, length)], length))


def _body(fd: int, segments: Iterable[bytes | tuple[int, int]], length: int) -> bytes | FileBody:
    if length > SMALL:
        return FileBody(fd, segments)
    return b"".join(s if isinstance(s, bytes) else _read_exactly(fd, *s) for s in segments)


def _read_exactly(fd: int, start: int, length: int) -> bytes:
    data = os.pread(fd, length, start)
    if len(data) < length:
        raise OSError(errno.EIO, "the file was cut short while it was being read")
    return data


def _combine(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    """Make one value of repeated fields, as RFC 9110 §5.3 has it."""
    fields: dict[bytes, bytes] = {}
    for name, value in headers:
        fields[name] = fields[name] + b", " + value if name in fields else value
    return fields
