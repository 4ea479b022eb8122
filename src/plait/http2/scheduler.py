"""Which stream sends next (RFC 9218 §10).

Eight queues, one for each urgency; the first of the most urgent queue that holds a stream is
served one DATA frame. If it is *incremental* it then goes to the end of its queue, so that such
streams take turns; if it is not, it stays in front until it is done or must wait. A client that
gave no priority signal at all is served in turns: nobody asked for its downloads to wait for each
other. Streams that wait for credit or for their source are not in the queues.
"""

from __future__ import annotations

from collections import OrderedDict

from .stream import Stream


class Scheduler:
    """The streams that have something to send now, by urgency."""

    __slots__ = ("count", "next", "queues")

    def __init__(self) -> None:
        self.count = 0
        # The stream that sends next, once it was looked for.
        self.next: Stream | None = None
        # Most connections send small answers and never wait: the queues are made on demand.
        self.queues: list[OrderedDict[int, Stream] | None] | None = None

    def add(self, stream: Stream) -> None:
        """Queue a stream, last among those of its urgency; no effect if it is queued."""
        if stream.queued:
            return
        if self.queues is None:
            self.queues = [None] * 8
        queue = self.queues[stream.urgency]
        if queue is None:
            queue = OrderedDict()
            self.queues[stream.urgency] = queue
        queue[stream.id] = stream
        stream.queued = True
        self.count += 1
        self.next = None

    def remove(self, stream: Stream) -> None:
        """Take a stream out; no effect if it is not queued."""
        if not stream.queued or self.queues is None:
            return
        queue = self.queues[stream.urgency]
        if queue is not None:
            del queue[stream.id]
        stream.queued = False
        self.count -= 1
        self.next = None

    def first(self) -> Stream | None:
        """Return the stream that sends next; it stays queued."""
        if self.next is not None:
            return self.next
        if self.count == 0 or self.queues is None:
            return None
        for queue in self.queues:
            if queue:
                self.next = next(iter(queue.values()))
                break
        return self.next

    def rotate(self, stream: Stream) -> None:
        """A stream had its turn: an incremental one goes behind the others of its urgency."""
        if self.count > 1 and stream.incremental and stream.queued and self.queues is not None:
            queue = self.queues[stream.urgency]
            if queue is not None:
                queue.move_to_end(stream.id)
                self.next = None

    def reprioritise(self, stream: Stream, urgency: int, incremental: bool) -> None:
        """Give a stream another priority, wherever it is."""
        queued = stream.queued
        self.remove(stream)
        stream.urgency = urgency
        stream.incremental = incremental
        if queued:
            self.add(stream)
