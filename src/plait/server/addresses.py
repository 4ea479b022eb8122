"""Where a server listens: addresses as programs write them, and the sockets for them."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
import stat
from collections.abc import Sequence
from typing import Any

Address = tuple[str | None, int] | str | os.PathLike[str] | socket.socket
"""``(host, port)``, ``"unix:/path"``, a path of a Unix socket, or a bound socket."""

# Another port is tried this often when the one that the system chose is taken elsewhere.
_TRIES = 20

# A host name may resolve to addresses that this machine does not have; the others will do.
_ABSENT = (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT, errno.EPROTONOSUPPORT)


def peer_address(transport: asyncio.BaseTransport | None) -> tuple[Any, ...]:
    """Return the address of a client: ``(host, port, ...)``, or ``("unix", 0)``.

    The system does not tell that of a client that has gone: then it is ``("unknown", 0)``.
    """
    if transport is not None:
        peer = transport.get_extra_info("peername")
        if isinstance(peer, tuple):
            return peer
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family == getattr(socket, "AF_UNIX", None):
            return ("unix", 0)
    return ("unknown", 0)


class Listener:
    """A listening socket, and the file that it made if it is a Unix socket of ours.

    :ivar sock: the socket.
    """

    def __init__(self, sock: socket.socket, path: str | None = None) -> None:
        self.sock = sock
        self._path = path
        self._file = None if path is None else _identity(path)

    @property
    def address(self) -> tuple[Any, ...] | str:
        """What ``getsockname`` tells: ``(host, port, ...)``, or the path of a Unix socket."""
        name: tuple[Any, ...] | str = self.sock.getsockname()
        return name

    def close(self) -> None:
        """Close the socket and remove its file, unless somebody has replaced that."""
        self.sock.close()
        if self._path is not None:
            with contextlib.suppress(OSError):
                if _identity(self._path) == self._file:
                    os.unlink(self._path)
            self._path = None


def open_listeners(
    address: Address | Sequence[Address], *, backlog: int, reuse_port: bool = False
) -> list[Listener]:
    """Listen on one address, or on a list of them.

    Port 0 takes a free port; the addresses that one host name stands for share it. An IPv6 socket
    takes no IPv4 connections: ``None`` as the host means both kinds, on two sockets.

    :param backlog: connections that may wait to be accepted.
    :raises OSError: if an address cannot be listened on; nothing stays open then.
    :raises TypeError, ValueError: for what is not an address.
    """
    addresses: list[Any] = list(address) if isinstance(address, list) else [address]
    if not addresses:
        raise ValueError("no address to listen on")
    opened: list[Listener] = []
    try:
        for each in addresses:
            opened += _open(each, reuse_port)
        for listener in opened:
            listener.sock.setblocking(False)
            listener.sock.listen(backlog)
    except BaseException:
        for listener in opened:
            if listener.sock not in addresses:
                listener.close()
        raise
    return opened


def _identity(path: str) -> tuple[int, int]:
    """Return what tells one file from another of the same name."""
    found = os.stat(path)
    return found.st_dev, found.st_ino


def _open(address: Address, reuse_port: bool) -> list[Listener]:
    """Bind what one address stands for."""
    if isinstance(address, socket.socket):
        if address.type != socket.SOCK_STREAM:
            raise ValueError(f"{address!r} is not a stream socket")
        return [Listener(address)]
    if isinstance(address, os.PathLike):
        return [_open_unix(os.fspath(address))]
    if isinstance(address, str):
        if not address.startswith("unix:") or len(address) == len("unix:"):
            raise ValueError(f"not an address: {address!r}; wanted (host, port) or 'unix:PATH'")
        return [_open_unix(address[len("unix:") :])]
    host, port = address
    if not 0 <= port <= 65_535:
        # the system would take it modulo 65,536
        raise ValueError(f"{port} is not a port")
    return [Listener(sock) for sock in _open_tcp(host or None, port, reuse_port)]


def _open_unix(path: str) -> Listener:
    """Listen at a path; a socket there that nobody listens on any more is replaced."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        try:
            sock.bind(path)
        except OSError as error:
            if error.errno != errno.EADDRINUSE or not _is_stale(path):
                raise OSError(error.errno, f"{error.strerror}: {path}") from None
            os.unlink(path)
            sock.bind(path)
    except BaseException:
        sock.close()
        raise
    return Listener(sock, path)


def _is_stale(path: str) -> bool:
    """Whether a path is a socket that nobody listens on."""
    if not stat.S_ISSOCK(os.stat(path).st_mode):
        return False
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(path)
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def _open_tcp(host: str | None, port: int, reuse_port: bool) -> list[socket.socket]:
    """Bind every address that ``host`` stands for, all to one port."""
    for attempt in range(_TRIES):
        try:
            return _bind_all(host, port, reuse_port)
        except OSError as error:
            if port != 0 or error.errno != errno.EADDRINUSE or attempt == _TRIES - 1:
                raise
    raise AssertionError("the last attempt returns or raises")


def _bind_all(host: str | None, port: int, reuse_port: bool) -> list[socket.socket]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    bound: list[socket.socket] = []
    absent: OSError | None = None
    try:
        for family, kind, protocol, _, where in dict.fromkeys(found):
            if bound:
                where = (where[0], bound[0].getsockname()[1], *where[2:])
            try:
                bound.append(_bind(family, kind, protocol, where, reuse_port))
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise
                absent = error
    except BaseException:
        for sock in bound:
            sock.close()
        raise
    if not bound:
        raise absent or OSError(f"{host!r} stands for no address")
    return bound


def _bind(
    family: int, kind: int, protocol: int, where: tuple[Any, ...], reuse_port: bool
) -> socket.socket:
    sock = socket.socket(family, kind, protocol)
    try:
        if os.name == "posix":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if reuse_port:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        try:
            sock.bind(where)
        except OSError as error:
            text = f"{error.strerror}: {where[0]}, port {where[1]}"
            raise OSError(error.errno, text) from None
    except BaseException:
        sock.close()
        raise
    return sock
