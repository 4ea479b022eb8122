"""The streams of a connection: those that live, and how little is kept of the others.

A stream that has closed leaves nothing behind but the highest id that was used. Two bounded
memories tell apart what must be told apart afterwards: the ids that we reset lately, whose late
frames are expected (RFC 9113 §5.1), and the ids that the peer skipped, which were never used.
"""

from __future__ import annotations

from collections import OrderedDict

from .constants import Role
from .states import CLOSED
from .stream import Stream, new_stream

_RESET_MEMORY = 512
"""Ids of streams that we reset: more than are in flight on any honest connection."""

_GAP_MEMORY = 16
"""Ranges of skipped ids; honest peers skip none."""


class StreamTable:
    """Living streams by id, the counts that limits apply to, and the ids used so far."""

    __slots__ = (
        "gaps",
        "highest_remote",
        "is_server",
        "left_out",
        "living",
        "local_count",
        "next_local",
        "remote_count",
        "reset_by_us",
    )

    def __init__(self, role: Role) -> None:
        self.is_server = role == Role.SERVER
        self.living: dict[int, Stream] = {}
        # Streams that count against the limits of RFC 9113 §5.1.2: open or half-closed.
        self.local_count = 0
        self.remote_count = 0
        self.highest_remote = 0
        self.next_local = 2 if self.is_server else 1
        # How many ids of ours were skipped: no streams of these were ever opened.
        self.left_out = 0
        self.reset_by_us: OrderedDict[int, None] | None = None
        self.gaps: list[tuple[int, int]] | None = None

    def is_remote(self, stream_id: int) -> bool:
        """Whether the peer opens streams of this id (RFC 9113 §5.1.1)."""
        return (stream_id & 1 == 1) == self.is_server

    def is_idle(self, stream_id: int) -> bool:
        """Whether a stream of this id has not been opened yet."""
        if self.is_remote(stream_id):
            return stream_id > self.highest_remote
        return stream_id >= self.next_local

    def open_remote(self, stream_id: int, send_window: int) -> Stream:
        """Add the peer's next stream; the caller has checked that the id is fresh."""
        expected = self.highest_remote + 2 if self.highest_remote else 2 - int(self.is_server)
        if stream_id != expected:
            if self.gaps is None:
                self.gaps = []
            if len(self.gaps) < _GAP_MEMORY:
                self.gaps.append((expected, stream_id))
        self.highest_remote = stream_id
        stream = new_stream(stream_id, send_window)
        self.living[stream_id] = stream
        return stream

    def open_local(self, send_window: int) -> Stream:
        """Add our next stream."""
        stream = new_stream(self.next_local, send_window)
        self.next_local += 2
        self.living[stream.id] = stream
        return stream

    def skip_to(self, stream_id: int) -> None:
        """Let our next stream have a later id; RFC 9113 §5.1.1: those between are closed."""
        self.left_out += (stream_id - self.next_local) // 2
        self.next_local = stream_id

    def count(self, stream: Stream) -> None:
        """A stream became open or half-closed: it counts against its limit."""
        if stream.counted:
            return
        stream.counted = True
        if self.is_remote(stream.id):
            self.remote_count += 1
        else:
            self.local_count += 1

    def forget(self, stream: Stream) -> None:
        """Drop a stream that has closed."""
        stream.close()
        self.living.pop(stream.id, None)
        if stream.counted:
            stream.counted = False
            if self.is_remote(stream.id):
                self.remote_count -= 1
            else:
                self.local_count -= 1

    def remember_reset(self, stream_id: int) -> None:
        """We reset this stream: frames may still be on their way to it."""
        if self.reset_by_us is None:
            self.reset_by_us = OrderedDict()
        self.reset_by_us[stream_id] = None
        if len(self.reset_by_us) > _RESET_MEMORY:
            self.reset_by_us.popitem(last=False)

    def was_reset_by_us(self, stream_id: int) -> bool:
        """Whether late frames for this stream are to be expected."""
        return self.reset_by_us is not None and stream_id in self.reset_by_us

    def was_skipped(self, stream_id: int) -> bool:
        """Whether the peer used a higher id without ever using this one."""
        if self.gaps is not None:
            for first, end in self.gaps:
                if first <= stream_id < end:
                    return True
        return False

    def is_open(self, stream_id: int) -> bool:
        """Whether a stream lives and has not closed."""
        stream = self.living.get(stream_id)
        return stream is not None and stream.state != CLOSED
