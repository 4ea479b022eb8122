"""The listening sockets of a process: bound once, shared by all its workers."""

from __future__ import annotations

import errno
import os
import socket
import stat
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from plait.server.addresses import Listener, open_listeners

from .binds import Bind
from .errors import UserError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from .settings import Settings

BACKLOG = 2048


class Bound:
    """What one ``--bind`` has led to.

    :ivar bind: the address as it was given.
    :ivar listeners: its sockets; several where a name stands for several addresses.
    """

    def __init__(self, bind: Bind, listeners: list[Listener]) -> None:
        self.bind = bind
        self.listeners = listeners

    @property
    def sockets(self) -> list[socket.socket]:
        """The listening sockets."""
        return [listener.sock for listener in self.listeners]

    def places(self, scheme: str) -> list[str]:
        """Return where this is, as URLs; a Unix socket is told by its path."""
        return list(dict.fromkeys(self._place(listener, scheme) for listener in self.listeners))

    def _place(self, listener: Listener, scheme: str) -> str:
        address = listener.address
        if isinstance(address, str | bytes):
            return f"unix:{os.fsdecode(address)}"
        if self.bind.descriptor is None:
            return self.bind.url(scheme, address[1])
        return Bind(address[0], address[1]).url(scheme, address[1])

    def close(self) -> None:
        """Listen no more; the files of Unix sockets that were made here are removed."""
        for listener in self.listeners:
            listener.close()

    def let_go(self) -> None:
        """Close this process's sockets; others that have them go on listening."""
        for listener in self.listeners:
            listener.sock.close()


@dataclass(frozen=True, slots=True)
class Listening:
    """All that a process listens on.

    :ivar main: for the application.
    :ivar health: where it is told whether the server serves.
    :ivar metrics: where Prometheus asks.
    """

    main: Sequence[Bound]
    health: Sequence[Bound] = ()
    metrics: Sequence[Bound] = ()

    def __iter__(self) -> Iterator[Bound]:
        return iter((*self.main, *self.health, *self.metrics))


def listen(settings: Settings) -> Listening:
    """Listen on all addresses of the settings.

    :raises UserError: if one cannot be had; none stays open then.
    """
    opened: list[list[Bound]] = []
    try:
        opened.append(open_binds(settings.binds))
        for bind, option in (
            (settings.health_bind, "--health-bind"),
            (settings.metrics, "--metrics"),
        ):
            opened.append([] if bind is None else open_binds([bind], option))
    except BaseException:
        for bound in opened:
            close_all(bound)
        raise
    return Listening(*opened)


def open_binds(binds: Iterable[Bind], option: str = "--bind") -> list[Bound]:
    """Listen on addresses.

    :param option: what the user is told to change when one cannot be had.
    :raises UserError: if one cannot be had; none stays open then.
    """
    opened: list[Bound] = []
    try:
        for bind in binds:
            opened.append(Bound(bind, _open(bind, option)))  # noqa: PERF401 - closed one by one
    except BaseException:
        close_all(opened)
        raise
    return opened


def close_all(bound: Iterable[Bound]) -> None:
    """Listen no more on any of them."""
    for each in bound:
        each.close()


def all_sockets(bound: Iterable[Bound]) -> list[socket.socket]:
    """Return the sockets of all of them."""
    return [sock for each in bound for sock in each.sockets]


def binds_of(descriptors: Iterable[int]) -> Sequence[Bind]:
    """Return the addresses that stand for inherited sockets."""
    return [Bind("", 0, descriptor=number) for number in descriptors]


def _open(bind: Bind, option: str) -> list[Listener]:
    address: Any = _inherited(bind) if bind.descriptor is not None else bind.address
    try:
        return open_listeners(address, backlog=BACKLOG)
    except (OSError, UnicodeError) as error:
        raise UserError(why_not(bind, error, option)) from None


def _inherited(bind: Bind) -> socket.socket:
    assert bind.descriptor is not None
    try:
        sock = socket.socket(fileno=bind.descriptor)
    except OSError as error:
        raise UserError(f"cannot listen on {bind}: {_not_a_socket(error)}") from None
    if sock.type != socket.SOCK_STREAM:
        # The descriptor is the caller's: it stays open.
        sock.detach()
        raise UserError(f"cannot listen on {bind}: it is no stream socket")
    # Otherwise every program that the application starts would hold the port.
    sock.set_inheritable(False)
    return sock


def _not_a_socket(error: OSError) -> str:
    if error.errno == errno.EBADF:
        return "there is no open descriptor of that number"
    if error.errno == errno.ENOTSOCK:
        return "it is no socket"
    return error.strerror or str(error)


def why_not(bind: Bind, error: OSError | UnicodeError, option: str) -> str:
    """Return what the user is told when an address cannot be had."""
    start = f"cannot listen on {bind}: "
    if isinstance(error, UnicodeError | socket.gaierror):
        return start + f"the name {bind.host!r} has no address"
    if error.errno == errno.EADDRINUSE:
        if bind.path is not None:
            file = os.path.exists(bind.path) and not stat.S_ISSOCK(os.stat(bind.path).st_mode)
            what = "a file that is no socket is there" if file else "it is in use"
            return start + f"{what}; choose another path"
        return start + f"the port is in use; choose another with {option} (0 takes a free one)"
    if error.errno in (errno.EACCES, errno.EPERM):
        if bind.path is None and bind.port < 1024:
            return start + f"no permission; choose a port above 1023 with {option}"
        return start + "no permission"
    if error.errno == errno.EADDRNOTAVAIL:
        return start + "this machine does not have that address"
    if error.errno is None:
        return start + "the path is too long for a socket"
    return start + os.strerror(error.errno)
