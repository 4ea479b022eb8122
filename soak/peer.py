"""The attacker's end of a connection: a socket, what was sent, and what came back."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import struct
import time
from collections import Counter
from collections.abc import Iterable, Iterator

from soak import frames as f

_READ = 262_144


class Ended(Exception):
    """The server has ended the connection."""


class TimeIsUp(Exception):
    """The server has borne the attack for as long as it was to last."""


class Peer:
    """One connection.

    :param deadline: ``time.monotonic()`` at which every method raises ``TimeIsUp``.
    :param receive_buffer: octets that the system takes for somebody who does not read.
    :param source: the address it comes from.
    :ivar frames: how many frames of each type came.
    :ivar answered: streams that were answered completely.
    :ivar resets: streams that the server reset, with the code.
    :ivar goaway: code and debug data of the latest GOAWAY.
    :ivar bodies: the first octets of all content.
    :ivar credit: octets that may still be sent on the connection.
    """

    def __init__(
        self,
        port: int,
        deadline: float,
        tls: ssl.SSLContext | None = None,
        receive_buffer: int | None = None,
        source: str = "127.0.0.1",
    ) -> None:
        self.deadline = deadline
        self.sock = socket.socket()
        if receive_buffer is not None:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source != "127.0.0.1":
            self.sock.bind((source, 0))
        self.sock.settimeout(20.0)
        self.sock.connect(("127.0.0.1", port))
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock.setblocking(False)
        self._poll = select.poll()
        self._poll.register(self.sock)
        self.frames: Counter[int] = Counter()
        self.answered: set[int] = set()
        self.resets: dict[int, int] = {}
        self.goaway: tuple[int, bytes] | None = None
        self.received = 0
        self.bodies = b""
        self.credit = 65_535
        self.ended = False
        self._rest = bytearray()
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._secure = (
            tls.wrap_bio(self._incoming, self._outgoing, server_hostname="localhost")
            if tls is not None
            else None
        )
        if self._secure is not None:
            self._shake_hands()

    # --- sending --------------------------------------------------------------------------------

    def hello(self, *pairs: tuple[int, int]) -> None:
        """The connection preface, the answer to the server's, and a wide connection window."""
        credit = f.window_update(0, 2**30)
        self.send(f.PREFACE + f.settings(*pairs) + f.frame(f.SETTINGS, f.ACK, 0) + credit)

    def send(self, octets: bytes, reading: bool = True) -> None:
        """Send; read meanwhile what comes, if ``reading``."""
        if self._secure is not None:
            self._secure.write(octets)
            octets = self._outgoing.read()
        self._send_raw(octets, reading)

    def send_all(self, chunks: Iterable[bytes], reading: bool = True, batch: int = 65_536) -> None:
        """Send many small things in batches of octets."""
        waiting = bytearray()
        for chunk in chunks:
            waiting += chunk
            if len(waiting) >= batch:
                self.send(bytes(waiting), reading)
                waiting.clear()
        if waiting:
            self.send(bytes(waiting), reading)

    def _send_raw(self, octets: bytes, reading: bool) -> None:
        view = memoryview(octets)
        while view:
            wanted = select.POLLOUT | (select.POLLIN if reading else 0)
            events = self._wait(wanted)
            if events & select.POLLIN and reading:
                self._receive()
            if events & (select.POLLERR | select.POLLHUP):
                self._at_end()
            if events & select.POLLOUT:
                try:
                    view = view[self.sock.send(view) :]
                except BlockingIOError:
                    continue
                except OSError:
                    self._at_end()

    def _wait(self, wanted: int, most: float = 1.0) -> int:
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeIsUp
        self._poll.modify(self.sock, wanted)
        found = self._poll.poll(max(1, int(min(left, most) * 1000)))
        return found[0][1] if found else 0

    # --- receiving ------------------------------------------------------------------------------

    def read_for(self, seconds: float) -> None:
        """Read whatever comes for some time."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._wait(select.POLLIN, left):
                self._receive()

    def wait(self, seconds: float) -> None:
        """Do nothing at all, and do not read, but notice a reset."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self._wait(0, left) & (select.POLLERR | select.POLLHUP):
                self._at_end()

    def read_until_answered(self, streams: Iterable[int]) -> None:
        """Read until each of the streams is answered or reset."""
        wanted = set(streams)
        while not wanted <= self.answered | self.resets.keys():
            if self._wait(select.POLLIN):
                self._receive()

    def read_until(self, kind: int, count: int = 1) -> None:
        """Read until so many frames of a type have come."""
        while self.frames[kind] < count:
            if self._wait(select.POLLIN):
                self._receive()

    def read_to_the_end(self) -> None:
        """Read until the server ends the connection; return then."""
        with contextlib.suppress(Ended):
            while True:
                if self._wait(select.POLLIN):
                    self._receive()

    def _receive(self) -> None:
        try:
            octets = self.sock.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if not octets:
            self.ended = True
            raise Ended
        if self._secure is not None:
            self._incoming.write(octets)
            octets = self._decrypted()
        self.received += len(octets)
        self._take(octets)

    def _at_end(self) -> None:
        """Nothing can be sent any more; what the server said last may still be there."""
        with contextlib.suppress(BlockingIOError):
            while True:
                self._receive()
                if not select.select([self.sock], [], [], 0)[0]:
                    break
        self.ended = True
        raise Ended

    def _take(self, octets: bytes) -> None:
        rest = self._rest
        rest += octets
        at = 0
        while len(rest) - at >= 9:
            length = rest[at] << 16 | rest[at + 1] << 8 | rest[at + 2]
            if len(rest) - at < 9 + length:
                break
            stream_id = int.from_bytes(rest[at + 5 : at + 9], "big")
            self._frame(
                rest[at + 3], rest[at + 4], stream_id, bytes(rest[at + 9 : at + 9 + length])
            )
            at += 9 + length
        del rest[:at]

    def _frame(self, kind: int, flags: int, stream_id: int, payload: bytes) -> None:
        self.frames[kind] += 1
        if kind == f.DATA and len(self.bodies) < 100:
            self.bodies += payload
        if kind in (f.DATA, f.HEADERS) and flags & f.END_STREAM:
            self.answered.add(stream_id)
        elif kind == f.RST_STREAM:
            self.resets[stream_id] = int.from_bytes(payload[:4], "big")
        elif kind == f.WINDOW_UPDATE and stream_id == 0:
            self.credit += int.from_bytes(payload, "big")
        elif kind == f.GOAWAY:
            self.goaway = int.from_bytes(payload[4:8], "big"), payload[8:]

    # --- TLS ------------------------------------------------------------------------------------

    def _shake_hands(self) -> None:
        assert self._secure is not None
        while True:
            try:
                self._secure.do_handshake()
            except ssl.SSLWantReadError:
                self._send_raw(self._outgoing.read(), False)
                if self._wait(select.POLLIN):
                    octets = self.sock.recv(_READ)
                    if not octets:
                        self.ended = True
                        raise Ended from None
                    self._incoming.write(octets)
            else:
                self._send_raw(self._outgoing.read(), False)
                return

    def _decrypted(self) -> bytes:
        assert self._secure is not None
        out = bytearray()
        try:
            while piece := self._secure.read(_READ):
                out += piece
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:
            self.ended = True
            raise Ended from None
        return bytes(out)

    # --- the end --------------------------------------------------------------------------------

    def close(self, rudely: bool = False) -> None:
        """Close; ``rudely``: with a reset instead of a FIN."""
        if rudely:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()


def odd(count: int, first: int = 1) -> Iterator[int]:
    """So many stream numbers of a client."""
    return iter(range(first, first + 2 * count, 2))
