"""What waits to be sent, in the order in which it leaves.

SPDY lets a sender choose its order; this is spdylay's. Each item has a number, smaller first, and
items of the same number leave in the order they came:

- PING: -10, SETTINGS: -1;
- what belongs to a stream: its priority, or the lowest if the stream is unknown;
- SYN_STREAM and GOAWAY: the lowest priority, whatever the stream's own. A push may be given the
  number of the stream that it belongs to, so that it is announced before that ends.

A DATA item goes behind its equals after each frame, so streams of one priority take turns. There
are three queues, because two of them can stand still: SYN_STREAM waits while the peer's limit of
concurrent streams is reached, DATA while the window of the session is used up.
"""

from __future__ import annotations

from collections import deque
from heapq import heappop, heappush

from ..http2.body import Body
from .constants import GOAWAY, PING, SETTINGS, SYN_STREAM
from .frames import ControlFrame, HeaderFrame
from .stream import Stream

PING_NUMBER = -10
SETTINGS_NUMBER = -1


class ControlItem:
    """A control frame that waits.

    :ivar number: its place in the order.
    :ivar stream: the stream it belongs to, if that was open when it was queued.
    :ivar body: what is sent on the stream after the frame: of a request or a response.
    :ivar answer: whether the peer caused it, and so could make such items pile up.
    :ivar withdrawn: the status of a stream that was given up before it was opened, else ``None``.
    """

    __slots__ = ("answer", "body", "frame", "number", "stream", "stream_id", "withdrawn")

    def __init__(
        self,
        frame: ControlFrame,
        number: int,
        stream_id: int = 0,
        body: DataItem | None = None,
        answer: bool = False,
    ) -> None:
        self.frame = frame
        self.number = number
        self.stream_id = stream_id
        self.stream: Stream | None = None
        self.body = body
        self.answer = answer
        self.withdrawn: int | None = None


class DataItem:
    """A body that is being sent.

    :ivar stream: the stream, while the item is in the queue.
    :ivar following: bodies and HEADERS of the same stream that are sent after it.
    :ivar chained: whether what is sent on the stream later is added to ``following``.
    :ivar deferred: the source asked to wait.
    :ivar blocked: the window of the stream is used up.
    """

    __slots__ = (
        "blocked",
        "body",
        "chained",
        "deferred",
        "following",
        "number",
        "stream",
        "stream_id",
    )

    def __init__(self, stream_id: int, body: Body, number: int, chained: bool) -> None:
        self.stream_id = stream_id
        self.body = body
        self.number = number
        self.chained = chained
        self.stream: Stream | None = None
        self.following: deque[Body | HeaderFrame] | None = None
        self.deferred = False
        self.blocked = False


Item = ControlItem | DataItem


class OutboundQueue:
    """The items that can be sent now, ordered.

    :param lowest: the number of the lowest priority.
    :ivar unsent_answers: how many of them the peer caused, or left behind by ending their streams.
    """

    __slots__ = (
        "control",
        "data",
        "lowest",
        "sequence",
        "syn_number",
        "syn_streams",
        "unsent_answers",
    )

    def __init__(self, lowest: int) -> None:
        self.lowest = lowest
        self.sequence = 0
        # heaps of (number, sequence, item)
        self.control: list[tuple[int, int, ControlItem]] = []
        self.data: list[tuple[int, int, DataItem]] = []
        # (sequence, item): ids must not go backwards, so the most urgent one hurries all before it
        self.syn_streams: deque[tuple[int, ControlItem]] = deque()
        self.syn_number = lowest
        self.unsent_answers = 0

    def add_control(self, item: ControlItem, stream: Stream | None) -> None:
        """Queue a control frame, that belongs to a stream or to none that is open."""
        self.sequence += 1
        if item.answer:
            self.unsent_answers += 1
        elif stream is not None:
            item.stream = stream
            stream.waiting += 1
        if item.frame.frame_type == SYN_STREAM:
            self.syn_streams.append((self.sequence, item))
            self.syn_number = min(self.syn_number, item.number)
        else:
            heappush(self.control, (item.number, self.sequence, item))

    def withdraw(self, stream_id: int, status: int) -> bool:
        """Give up a stream whose SYN_STREAM waits; ``False`` if none does.

        The frame takes its turn among the others, even while no stream may be opened.
        """
        for entry in self.syn_streams:
            sequence, item = entry
            if item.stream_id == stream_id:
                self.syn_streams.remove(entry)
                item.withdrawn = status
                heappush(self.control, (self.lowest, sequence, item))
                return True
        return False

    def add_data(self, item: DataItem, stream: Stream | None) -> None:
        """Queue a body, behind its equals."""
        self.sequence += 1
        item.stream = stream
        if stream is not None:
            stream.waiting += 1
        heappush(self.data, (item.number, self.sequence, item))

    def number_for(self, frame_type: int, stream_number: int) -> int:
        """Return the number of a frame, where the stream's is ``stream_number``."""
        if frame_type == PING:
            return PING_NUMBER
        if frame_type == SETTINGS:
            return SETTINGS_NUMBER
        if frame_type in (SYN_STREAM, GOAWAY):
            return self.lowest
        return stream_number

    def take(self, syn_allowed: bool, data_allowed: bool) -> Item | None:
        """Take the next item of the queues that may go on; ``None`` when they are empty."""
        first = self.control[0][:2] if self.control else None
        from_syn = False
        if syn_allowed and self.syn_streams:
            syn = (self.syn_number, self.syn_streams[0][0])
            if first is None or syn < first:
                first, from_syn = syn, True
        if data_allowed and self.data and (first is None or self.data[0][:2] < first):
            return self.taken(heappop(self.data)[2])
        if first is None:
            return None
        item = self.take_syn_stream() if from_syn else heappop(self.control)[2]
        if item.answer:
            self.unsent_answers -= 1
        return self.taken(item)

    def take_syn_stream(self) -> ControlItem:
        """Take the SYN_STREAM that waits longest."""
        item = self.syn_streams.popleft()[1]
        if not self.syn_streams:
            self.syn_number = self.lowest
        return item

    def taken(self, item: Item) -> Item:
        """An item has left the queue."""
        stream = item.stream
        if stream is not None:
            item.stream = None
            stream.waiting -= 1
            if stream.gone:
                self.unsent_answers -= 1
        return item

    def leave_behind(self, stream: Stream) -> None:
        """A stream is gone; what waits for it is only waiting to be given up."""
        stream.gone = True
        self.unsent_answers += stream.waiting

    def size(self, syn_allowed: bool, data_allowed: bool) -> int:
        """Return how many items the queues that may go on hold."""
        count = len(self.control)
        if syn_allowed:
            count += len(self.syn_streams)
        if data_allowed:
            count += len(self.data)
        return count
