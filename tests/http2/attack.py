"""An attacker in front of one engine, and the application behind it.

::

    attack = Attack(facing_server(), in_one_read, reads=False)
    attack.sends(octets([headers(s, GET), rst_stream(s)]) for s in odd(20_000))
    attack.is_cut_off("reset.flood", shown=0)

The application is shown what `without_withdrawn` leaves; it answers every request at once unless
told otherwise. After each read the attacker takes what the engine has to say, or never does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from plait.http2 import ConnectionTerminated, Event, RequestReceived, without_withdrawn

from . import frames as f
from .script import Goaway, Peer

Cut = Callable[[Iterable[bytes]], Iterator[bytes]]


def odd(count: int) -> range:
    """The ids of so many requests, after that of a first one."""
    return range(3, 3 + 2 * count, 2)


def in_one_read(parts: Iterable[bytes]) -> Iterator[bytes]:
    """All at once, however much it is."""
    yield b"".join(parts)


def in_large_reads(parts: Iterable[bytes]) -> Iterator[bytes]:
    """As a socket gives it: 64 KiB at a time, cut anywhere."""
    waiting = bytearray()
    for part in parts:
        waiting += part
        if len(waiting) >= 65_536:
            yield bytes(waiting[:65_536])
            del waiting[:65_536]
    yield bytes(waiting)


def part_by_part(parts: Iterable[bytes]) -> Iterator[bytes]:
    """A read for each step of the attack."""
    yield from parts


def frame_by_frame(parts: Iterable[bytes]) -> Iterator[bytes]:
    """A read for each frame."""
    for part in parts:
        while part:
            end = 9 + int.from_bytes(part[:3], "big")
            yield part[:end]
            part = part[end:]


def octet_by_octet(parts: Iterable[bytes]) -> Iterator[bytes]:
    """A read for each octet."""
    for part in parts:
        for octet in part:
            yield bytes([octet])


class Attack:
    """Counts how far an attacker gets, and what it makes the engine keep."""

    def __init__(
        self, peer: Peer, cut: Cut = part_by_part, reads: bool = True, *, answers: bool = True
    ) -> None:
        self.peer = peer
        self.cut = cut
        self.reads = reads
        self.answers = answers
        self.sent = 0
        """Reads that the engine was given before it had enough."""
        self.shown = 0
        """Requests that the application was shown."""
        self.most_streams = 0
        self.own_streams = peer.connection.next_stream_id // 2
        self.most_unsent = 0
        self.events: list[Event] = []
        """The latest events, from the latest read that had any."""

    @property
    def read_all(self) -> bool:
        """Whether every answer was read before the next frame was sent."""
        return self.reads and self.cut in (part_by_part, frame_by_frame)

    def sends(self, parts: Iterable[bytes]) -> Attack:
        """Send until the engine has enough, or all is said."""
        connection = self.peer.connection
        for octets in self.cut(parts):
            events = connection.receive_data(octets)
            self.sent += 1
            if events:
                self.events = events
            for event in without_withdrawn(events):
                if isinstance(event, RequestReceived):
                    self.shown += 1
                    if self.answers:
                        connection.send_response(event.stream_id, 200, [("x", "y")], b"hello")
            self.most_streams = max(self.most_streams, connection.open_streams)
            self.most_unsent = max(self.most_unsent, connection.unsent_octets)
            connection.take_events()
            if connection.closed:
                break
            if self.reads:
                self.peer.pull()
                self.peer.frames.clear()
        return self

    def is_cut_off(
        self, slug: str, *, shown: int = 0, sent: int | None = None, code: int = f.ENHANCE_YOUR_CALM
    ) -> None:
        """The connection ended by GOAWAY before the attacker got further than that."""
        connection = self.peer.connection
        assert connection.closed
        end = self.events[-1]
        assert isinstance(end, ConnectionTerminated)
        assert (end.error_code, end.slug, end.remote) == (code, slug, False)
        assert self.peer.reads()[-1] == Goaway(code)
        assert self.shown <= shown
        assert sent is None or self.sent <= sent
        self.is_bounded()

    def is_bounded(self) -> None:
        """Neither streams nor output piled up."""
        limit = self.peer.connection.config.max_concurrent_streams
        assert limit is not None
        assert self.most_streams <= limit + self.own_streams
        assert self.most_unsent <= 2 * self.peer.connection.config.limits.max_unsent_octets
