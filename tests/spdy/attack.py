"""An attacker in front of one SPDY engine, and the application behind it.

::

    attack = Attack(facing_server(SPDY3), in_one_read, reads=False)
    attack.sends(rapid_resets(attack.peer)).is_cut_off("reset.flood", shown=1001)

The application answers every request at once. After each read the attacker takes what the engine
has to say, or never does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from plait.spdy.events import ConnectionTerminated, Event, FrameReceived
from plait.spdy.frames import SynStream

from .script import Ended, Peer
from .wire import OK, goaway

Cut = Callable[[Iterable[bytes]], Iterator[bytes]]

IN_ONE_READ = 15_000
"""Parts of an attack that come at once."""


def in_one_read(parts: Iterable[bytes]) -> Iterator[bytes]:
    """All at once, however much it is."""
    yield b"".join(islice(parts, IN_ONE_READ))


def in_large_reads(parts: Iterable[bytes]) -> Iterator[bytes]:
    """As a socket gives it: 64 KiB at a time, cut anywhere."""
    waiting = bytearray()
    for part in parts:
        waiting += part
        while len(waiting) >= 65_536:
            yield bytes(waiting[:65_536])
            del waiting[:65_536]


def part_by_part(parts: Iterable[bytes]) -> Iterator[bytes]:
    """A read for each step of the attack."""
    yield from parts


class Attack:
    """Counts how far an attacker gets, and what it makes the engine keep."""

    def __init__(
        self, peer: Peer, cut: Cut = part_by_part, reads: bool = True, *, answers: bool = True
    ) -> None:
        self.peer = peer
        self.cut = cut
        self.reads = reads
        self.answers = answers
        self.octets = 0
        self.shown = 0
        """Requests that the application was shown."""
        self.most_streams = 0
        self.most_queued = 0
        self.events: list[Event] = []
        """Those of the latest read that had any."""

    def sends(self, parts: Iterable[bytes]) -> Attack:
        """Send until the engine has enough, or all is said."""
        connection = self.peer.connection
        for octets in self.cut(parts):
            self.octets += len(octets)
            events = connection.receive_data(octets)
            if events:
                self.events = events
            for event in events:
                if isinstance(event, FrameReceived) and isinstance(event.frame, SynStream):
                    self.shown += 1
                    if self.answers:
                        connection.send_response(event.frame.stream_id, OK, b"hello")
            self.most_streams = max(self.most_streams, connection.open_streams)
            self.most_queued = max(self.most_queued, connection.queue_size)
            if connection.failed:
                break
            if self.reads:
                self.peer.pull()
                self.peer.frames.clear()
            self.peer.events.clear()
        return self

    def is_cut_off(self, *slugs: str, shown: int = 0) -> None:
        """The session ended by GOAWAY, and before the attacker got further than that."""
        connection = self.peer.connection
        assert connection.failed, f"{self.octets} octets were taken"
        end = self.events[-1]
        assert isinstance(end, ConnectionTerminated)
        assert end.slug in slugs
        assert end == Ended()
        assert self.shown <= shown
        last = connection.highest_remote_stream_id
        assert self.peer.reads()[-1] == self.peer.as_read(goaway(last, 1))
        self.peer.hears()
        self.peer.is_dead()
