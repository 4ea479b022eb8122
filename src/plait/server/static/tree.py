"""The served directory: names from a request to open files, and no way out.

A path is split before it is decoded, so an encoded slash cannot make a segment. The segments are
then walked from the root with one `openat` each that follows no symbolic link: nothing that is
renamed or linked meanwhile can lead elsewhere. Only if a link is met is the path resolved, checked
against the root, and the *resolved* path walked in the same way. What is not a regular file is not
opened at all: opening a FIFO or a device has effects. All this needs a POSIX system.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from urllib.parse import quote, unquote_to_bytes

_DIRECTORY = os.O_DIRECTORY | os.O_NOFOLLOW | getattr(os, "O_PATH", os.O_RDONLY)
# Non-blocking, should a FIFO take the file's place between the look and the opening.
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK

_HEX = frozenset(b"0123456789abcdefABCDEF")
_FORBIDDEN = frozenset("/\\\0")

# Everything that RFC 3986 §3.3 lets stand in a segment as it is.
_SEGMENT_SAFE = "!$&'()*+,;=:@~"


class BadPath(ValueError):
    """The request's path can name nothing; the message says why."""


class OutsideRoot(PermissionError):
    """A symbolic link leads out of the served directory."""


def split_path(path: bytes) -> list[str]:
    """Return the decoded segments of an absolute path; `""` at the end for a closing slash.

    Empty and `.` segments are dropped. Names are decoded as the file system's names are, so any
    octets work. Raises `BadPath` for a path without a leading slash, a broken percent sign, `..`
    (a client resolves those before it sends), and an encoded slash, backslash or NUL.
    """
    if not path.startswith(b"/"):
        raise BadPath("the path must begin with a slash")
    segments = []
    pieces = path[1:].split(b"/")
    for piece in pieces:
        segment = _decode(piece)
        if segment and segment != ".":
            segments.append(segment)
    if not segments or pieces[-1] in (b"", b"."):
        segments.append("")
    return segments


def _decode(piece: bytes) -> str:
    start = piece.find(b"%")
    while start >= 0:
        if len(piece) < start + 3 or not _HEX.issuperset(piece[start + 1 : start + 3]):
            raise BadPath("the path has a percent sign without two hexadecimal digits")
        start = piece.find(b"%", start + 3)
    segment = os.fsdecode(unquote_to_bytes(piece))
    if segment == "..":
        raise BadPath("the path must not contain '..'")
    if not _FORBIDDEN.isdisjoint(segment):
        raise BadPath("a name in the path contains a slash, a backslash or NUL")
    return segment


def quote_segments(segments: Sequence[str]) -> str:
    """Return segments as an absolute path for a URL, the inverse of `split_path`."""
    return "/" + "/".join(quote(os.fsencode(s), safe=_SEGMENT_SAFE) for s in segments)


def is_hidden(segments: Sequence[str]) -> bool:
    """Tell whether a name begins with a dot; `/.well-known/` is meant to be seen (RFC 8615)."""
    visible_from = 1 if segments[:1] == [".well-known"] else 0
    return any(segment.startswith(".") for segment in segments[visible_from:])


class Tree:
    """A directory and everything beneath it.

    Raises `OSError` if `root` does not exist or is no directory. A `root` that is itself a symbolic
    link is followed once, here.
    """

    __slots__ = ("_inside", "root")

    def __init__(self, root: str | os.PathLike[str]) -> None:
        self.root = os.path.realpath(os.fspath(root), strict=True)
        if not os.path.isdir(self.root):
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), os.fspath(root))
        self._inside = self.root.rstrip("/") + "/"

    def open(self, segments: Sequence[str]) -> tuple[int, os.stat_result]:
        """Open what `segments` name; return the descriptor and what `fstat` says of it.

        Of a directory only its place is opened (`O_PATH`), which needs no right to read it.
        Raises `OSError`: among them `FileNotFoundError` for what is neither a regular file nor a
        directory, and `OutsideRoot`.
        """
        try:
            return self._walk(segments)
        except OSError as error:
            # ENOTDIR is what Linux says of a link where a directory has to be, ELOOP what others
            # say, and what `_walk` says of a link at the end.
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
        return self._walk(self._resolve(segments))

    def entries(
        self, segments: Sequence[str], fd: int, limit: int, *, hidden: bool
    ) -> list[tuple[str, os.stat_result]]:
        """Return name and status of up to `limit` entries of the directory that `open` gave.

        What cannot be asked for is left out: neither file nor directory, a link that is broken or
        leads out of the root, and unless `hidden` is true, a name that begins with a dot.
        """
        found = []
        directory = os.open(".", os.O_RDONLY | os.O_DIRECTORY, dir_fd=fd)
        try:
            for name in os.listdir(directory):
                if hidden or not name.startswith("."):
                    info = self._status([*segments, name], directory)
                    if info is not None:
                        found.append((name, info))
                if len(found) == limit:
                    break
        finally:
            os.close(directory)
        return found

    def _status(self, segments: list[str], directory: int) -> os.stat_result | None:
        try:
            info = os.stat(segments[-1], dir_fd=directory, follow_symlinks=False)
            if stat.S_ISLNK(info.st_mode):
                self._resolve(segments)
                info = os.stat(segments[-1], dir_fd=directory)
        except OSError:
            return None
        return info if stat.S_ISREG(info.st_mode) or stat.S_ISDIR(info.st_mode) else None

    def path(self, segments: Sequence[str]) -> str:
        """Return the unresolved path of `segments`, for a look that decides nothing."""
        return self._inside + "/".join(segments)

    def _resolve(self, segments: Sequence[str]) -> list[str]:
        # Not strict: whether the target exists must not show if it lies outside.
        real = os.path.realpath(self.path(segments))
        if real == self.root:
            return []
        if not real.startswith(self._inside):
            raise OutsideRoot(errno.EACCES, "the link leads out of the served directory", real)
        return real[len(self._inside) :].split("/")

    def _walk(self, segments: Sequence[str]) -> tuple[int, os.stat_result]:
        parent = os.open(self.root, _DIRECTORY)
        try:
            for segment in segments[:-1]:
                child = os.open(segment, _DIRECTORY, dir_fd=parent)
                os.close(parent)
                parent = child
            return _open_last(segments[-1] if segments else ".", parent)
        finally:
            os.close(parent)


def _open_last(name: str, parent: int) -> tuple[int, os.stat_result]:
    mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
    if stat.S_ISDIR(mode):
        flags = _DIRECTORY
    elif stat.S_ISREG(mode):
        flags = _FILE
    else:
        raise FileNotFoundError(errno.ENOENT, "not a regular file", name)
    fd = os.open(name, flags, dir_fd=parent)
    info = os.fstat(fd)
    if stat.S_IFMT(info.st_mode) != stat.S_IFMT(mode):
        os.close(fd)
        raise FileNotFoundError(errno.ENOENT, "replaced while it was being opened", name)
    return fd, info
