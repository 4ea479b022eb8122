"""A client's connection that never blocks: an address found, TLS agreed upon, then octets.

A ``Wire`` goes through three steps, each of which ends by the next one or by the deadline: it tries
the addresses of its server in turn, shakes hands, and carries octets until somebody closes. A
selector calls it when its socket is ready; its user is told what became of it. Only the look-up of
a name blocks, since the operating system has no other way.
"""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import ssl
import time
from collections import deque
from selectors import EVENT_READ, EVENT_WRITE, BaseSelector
from typing import TYPE_CHECKING, Any, Protocol

from .targets import UrlFetchError

if TYPE_CHECKING:
    from collections.abc import Callable

# Octets that may wait for the socket before the session is asked for no more.
ROOM = 65536
# Reads, or writes, in a row before other connections get their turn.
_TURN = 16
_IN_PROGRESS = frozenset({0, errno.EINPROGRESS, errno.EWOULDBLOCK})


class WireUser(Protocol):
    """Whom a wire tells what happens."""

    def wire_opened(self, protocol: str | None) -> None:
        """The connection is there; ALPN chose ``protocol``, if anything."""

    def wire_received(self, data: bytes) -> None:
        """Octets arrived."""

    def wire_refill(self) -> None:
        """There is room: add to ``unsent`` what can be sent, or close if all is done."""

    def wire_failed(self, error: UrlFetchError) -> None:
        """The connection never came up. The wire is closed."""

    def wire_lost(self, error: UrlFetchError) -> None:
        """The connection has ended. The wire is closed."""


class Wire:
    """One connection.

    :param user: is told what happens.
    :param address: host and port.
    :param tls: a context and the server's name, or ``None`` for plain TCP.
    :param timeout: seconds that an address may take to accept, TLS to be agreed upon, and a pause
        in which not an octet gets through; ``None`` for ever.
    """

    def __init__(
        self,
        user: WireUser,
        address: tuple[str, int],
        tls: tuple[ssl.SSLContext, str] | None,
        timeout: float | None,
    ) -> None:
        self.unsent = bytearray()
        self.deadline: float | None = None
        self.closed = False
        self._user = user
        self._address = address
        self._tls = tls
        self._timeout = timeout
        self._addresses: deque[Any] = deque()
        self._socket: socket.socket | None = None
        self._selector: BaseSelector | None = None
        self._step: Callable[[int], None] = self._connected
        # The peer takes nothing any more; what it said before can still be read.
        self._deaf = False

    def start(self, selector: BaseSelector) -> None:
        """Begin to connect."""
        self._selector = selector
        host, port = self._address
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, OverflowError, UnicodeError) as error:
            self._fail(f"Could not connect to {self._address}", error)
            return
        self._addresses.extend(found)
        self._try_next(None)

    def ready(self, events: int) -> None:
        """The socket can be read from or written to, as ``events`` say."""
        self._step(events)

    def expire(self) -> None:
        """The deadline has passed."""
        late = TimeoutError(f"nothing happened for {self._timeout:g} s")
        if self._step == self._connected:
            self._drop()
            self._try_next(late)
        elif self._step == self._shake:
            self._fail(f"TLS handshake with {self._address} failed", late)
        else:
            self._lose("timed out", late)

    def close(self) -> None:
        """Send what the socket takes at once, and end."""
        if self._step == self._carry and not self.closed:
            self._flush()
            if isinstance(self._socket, ssl.SSLSocket) and not self._deaf:
                # The peer may have gone first; that is no error any more.
                with contextlib.suppress(OSError, ValueError):
                    self._socket.unwrap()
        self._drop()
        self.closed = True

    # --- connecting ------------------------------------------------------------------------------

    def _try_next(self, reason: Exception | None) -> None:
        """Begin with the next address, or fail because of what ``reason`` says of the last."""
        while self._addresses:
            family, kind, number, _, address = self._addresses.popleft()
            try:
                fresh = socket.socket(family, kind, number)
            except OSError as error:
                reason = error
                continue
            fresh.setblocking(False)
            code = fresh.connect_ex(address)
            if code in _IN_PROGRESS:
                self._socket = fresh
                self._progress()
                self._watch(EVENT_WRITE)
                return
            fresh.close()
            reason = OSError(code, os.strerror(code))
        self._fail(f"Could not connect to {self._address}", reason)

    def _connected(self, _: int) -> None:
        plain = self._the_socket()
        code = plain.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        if code:
            self._drop()
            self._try_next(OSError(code, os.strerror(code)))
            return
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._progress()
        if self._tls is None:
            self._open(None)
            return
        context, name = self._tls
        self._watch(0)
        try:
            self._socket = context.wrap_socket(
                plain, server_hostname=name, do_handshake_on_connect=False
            )
        except (OSError, ValueError) as error:
            self._fail(f"TLS handshake with {self._address} failed", error)
            return
        self._step = self._shake
        self._shake(0)

    def _shake(self, _: int) -> None:
        secure = self._the_socket()
        assert isinstance(secure, ssl.SSLSocket)
        try:
            secure.do_handshake()
        except ssl.SSLWantReadError:
            self._watch(EVENT_READ)
        except ssl.SSLWantWriteError:
            self._watch(EVENT_WRITE)
        except OSError as error:
            # A server that finds no protocol of its own in ALPN says so in an alert (RFC 7301
            # §3.2), or goes on without. OpenSSL has a number for that alert, Python only the text.
            disagreed = "no application protocol" in str(error).lower().replace("_", " ")
            text = "NPN failed" if disagreed else f"TLS handshake with {self._address} failed"
            self._fail(text, error)
        else:
            self._open(secure.selected_alpn_protocol())

    def _open(self, protocol: str | None) -> None:
        self._step = self._carry
        self._progress()
        self._user.wire_opened(protocol)
        if not self.closed:
            self._carry(0)

    # --- carrying octets -------------------------------------------------------------------------

    def _carry(self, events: int) -> None:
        if events:
            # TLS may want to read in order to write and the other way round: try both.
            self._read()
        if not self.closed:
            self._write()

    def _read(self) -> None:
        connection = self._the_socket()
        for _ in range(_TURN):
            if self.closed:
                return
            try:
                # Room for a whole record of TLS (RFC 8446 §5.1): none of it stays behind, where
                # the selector would not know of it.
                data = connection.recv(ROOM)
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return
            except OSError as error:
                self._finish("the connection was lost", error)
                return
            if not data:
                self._finish("the server closed the connection", None)
                return
            self._progress()
            self._user.wire_received(data)

    def _finish(self, text: str, reason: Exception | None) -> None:
        """Nothing more will come; that is no loss if all is done, or the session has failed."""
        self._user.wire_refill()
        if not self.closed:
            self._lose(text, reason)

    def _write(self) -> None:
        for _ in range(_TURN):
            self._user.wire_refill()
            if self.closed:
                return
            if not self.unsent or self._deaf:
                self.unsent.clear()
                self._watch(EVENT_READ)
                return
            if not self._flush():
                break
        self._watch(EVENT_READ | EVENT_WRITE)

    def _flush(self) -> bool:
        """Send what is there; whether the socket took all of it."""
        connection = self._the_socket()
        while self.unsent and not self._deaf:
            try:
                with memoryview(self.unsent) as view:
                    sent = connection.send(view[:ROOM])
            except (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
                return False
            except OSError:
                self._deaf = True
            else:
                del self.unsent[:sent]
                self._progress()
        return True

    # --- common to all steps ---------------------------------------------------------------------

    def _the_socket(self) -> socket.socket:
        assert self._socket is not None
        return self._socket

    def _progress(self) -> None:
        if self._timeout is not None:
            self.deadline = time.monotonic() + self._timeout

    def _watch(self, events: int) -> None:
        """Be called when the socket is ready for ``events``; 0: never."""
        selector, connection = self._selector, self._the_socket()
        assert selector is not None
        known = selector.get_map().get(connection)
        if known is None:
            if events:
                selector.register(connection, events, self)
        elif not events:
            selector.unregister(connection)
        elif known.events != events:
            selector.modify(connection, events, self)

    def _drop(self) -> None:
        if self._socket is not None:
            self._watch(0)
            self._socket.close()
            self._socket = None

    def _fail(self, text: str, reason: Exception | None) -> None:
        self._end()
        self._user.wire_failed(_error(text, reason))

    def _lose(self, text: str, reason: Exception | None) -> None:
        self._end()
        self._user.wire_lost(_error(text, reason))

    def _end(self) -> None:
        self._drop()
        self.closed = True


def _error(text: str, reason: Exception | None) -> UrlFetchError:
    error = UrlFetchError(text)
    error.__cause__ = reason
    return error
