"""Queued frames become octets, one at a time and when the transport asks for them.

A frame is checked when its turn comes, not when it is queued: the stream may have ended since.
What must not be sent is given up, with an error that says why; DATA and WINDOW_UPDATE without a
word. State changes only once a frame has been sent as a whole (``frame_sent``), except that a
stream is open from the moment its SYN_STREAM is taken.
"""

from __future__ import annotations

from collections import deque

from ..http2.body import Body, Octets
from .constants import (
    FLAG_FIN,
    FLAG_UNIDIRECTIONAL,
    GOAWAY,
    HEADERS,
    MAX_FRAME_LENGTH,
    SYN_REPLY,
    SYN_STREAM,
    WINDOW_UPDATE,
    ErrorCode,
    StreamStatus,
)
from .errors import FrameTooLargeError
from .events import BodyFailed, Event, StreamClosed
from .frames import (
    ControlFrame,
    HeaderFrame,
    Ping,
    RstStream,
    SynStream,
    data_header,
    fixed_length,
    serialize,
)
from .queue import ControlItem, DataItem
from .state import OCTETS_OF_WORK, SessionState
from .stream import CLOSING, OPEN, Stream


class Outgoing:
    """A frame whose turn it is.

    :ivar data: its octets; none if it was given up.
    :ivar frame: the control frame; ``None`` for DATA.
    :ivar stream_id: the stream of a DATA frame.
    :ivar flags: the flags of a DATA frame.
    :ivar length: octets of the payload of a DATA frame.
    :ivar error: 0, or the ``ErrorCode`` that says why the frame is given up.
    """

    __slots__ = ("data", "error", "flags", "frame", "item", "length", "stream_id")

    def __init__(
        self,
        data: bytes,
        frame: ControlFrame | None,
        item: ControlItem | DataItem,
        error: int = 0,
        stream_id: int = 0,
        flags: int = 0,
        length: int = 0,
    ) -> None:
        self.data = data
        self.frame = frame
        self.item = item
        self.error = error
        self.stream_id = stream_id
        self.flags = flags
        self.length = length


class Outbound:
    """The sending side of a session.

    :ivar starved: bodies whose source gave nothing without asking to wait; they are asked again
        after the queue was empty once.
    """

    __slots__ = ("starved", "state")

    def __init__(self, state: SessionState) -> None:
        self.state = state
        self.starved: deque[DataItem] = deque()

    # --- the next frame -------------------------------------------------------------------------

    def next_frame(self) -> Outgoing | None:
        """Take the next frame that can be sent or has to be given up; ``None`` if there is none."""
        state = self.state
        queue = state.queue
        if self.is_over():
            return self.next_given_up()
        while True:
            item = queue.take(state.may_open(), state.may_send_data())
            if item is None:
                self.feed_starved()
                return None
            if isinstance(item, DataItem):
                outgoing = self.take_data(item)
            else:
                outgoing = self.take_control(item)
            if outgoing is not None:
                return outgoing

    def next_given_up(self) -> Outgoing | None:
        """Take the next frame that a session which is over leaves behind."""
        self.starved.clear()
        while (item := self.state.queue.take(True, True)) is not None:
            if isinstance(item, ControlItem) and item.frame.frame_type != WINDOW_UPDATE:
                return self.give_up(item, self.refusal(item) or ErrorCode.GOAWAY_ALREADY_SENT)
        return None

    def is_over(self) -> bool:
        """Whether the GOAWAY of a failed session has been sent: nothing goes on after it."""
        return self.state.failing and self.state.goaway_sent

    def feed_starved(self) -> None:
        """Let the sources that gave nothing be asked again."""
        while self.starved:
            self.state.add_data(self.starved.popleft())

    def frame_sent(self, outgoing: Outgoing) -> list[Event]:
        """Change what a sent frame changes, and return the streams that closed by it."""
        item = outgoing.item
        if isinstance(item, DataItem):
            return self.data_sent(item, outgoing)
        if outgoing.error:
            return self.given_up(item, outgoing.error)
        return self.control_sent(item)

    # --- control frames -------------------------------------------------------------------------

    def take_control(self, item: ControlItem) -> Outgoing | None:
        """Check and serialise a control frame; ``None`` if it is dropped without a word."""
        frame = item.frame
        error = self.refusal(item)
        if error:
            return None if frame.frame_type == WINDOW_UPDATE else self.give_up(item, error)
        if isinstance(frame, HeaderFrame):
            try:
                data = self.with_block(frame)
            except FrameTooLargeError:
                return self.give_up(item, ErrorCode.FRAME_TOO_LARGE)
            if isinstance(frame, SynStream):
                stream = self.state.open_stream(frame.stream_id, frame.priority, ours=True)
                stream.associated_id = frame.associated_stream_id
        else:
            data = serialize(frame)
        return Outgoing(data, frame, item)

    def give_up(self, item: ControlItem, error: int) -> Outgoing:
        """Return a frame that is not sent; its length is told where it does not take a block."""
        frame = item.frame
        if not isinstance(frame, HeaderFrame):
            serialize(frame)
        return Outgoing(b"", frame, item, int(error))

    def with_block(self, frame: HeaderFrame) -> bytes:
        """Serialise a frame with its header block; the compression's state goes on by it.

        :raises FrameTooLargeError: before that state has changed.
        """
        most = MAX_FRAME_LENGTH - fixed_length(frame.frame_type, frame.version)
        return serialize(frame, self.state.deflater.block(frame.fields, most))

    def refusal(self, item: ControlItem) -> int:
        """Return why a frame must not be sent now; 0 if it may."""
        state = self.state
        frame = item.frame
        frame_type = frame.frame_type
        if isinstance(frame, SynStream):
            if item.withdrawn is not None:
                return ErrorCode.STREAM_CLOSING
            if state.ends():
                return ErrorCode.SYN_STREAM_NOT_ALLOWED
            associated = frame.associated_stream_id
            if associated and associated not in state.streams:
                return ErrorCode.STREAM_CLOSED
        elif isinstance(frame, HeaderFrame):
            return self.stream_refusal(frame_type, state.streams.get(frame.stream_id))
        elif frame_type == GOAWAY:
            if state.goaway_sent:
                return ErrorCode.GOAWAY_ALREADY_SENT
        elif frame_type == WINDOW_UPDATE:
            if item.stream_id == 0:
                return 0 if state.session_window else ErrorCode.INVALID_STREAM_ID
            stream = state.streams.get(item.stream_id)
            if stream is None or stream.state == CLOSING:
                return ErrorCode.STREAM_CLOSED
        return 0

    def stream_refusal(self, frame_type: int, stream: Stream | None) -> int:
        """Return why a frame must not be sent on a stream; ``frame_type`` 0 is DATA."""
        if stream is None:
            return ErrorCode.STREAM_CLOSED
        if stream.we_done:
            return ErrorCode.STREAM_SHUT_WR
        if stream.state == CLOSING:
            return ErrorCode.STREAM_CLOSING
        if frame_type == SYN_REPLY:
            if stream.ours:
                return ErrorCode.INVALID_STREAM_ID
            if stream.state == OPEN:
                return ErrorCode.INVALID_STREAM_STATE
        elif not stream.ours and stream.state != OPEN:
            return ErrorCode.INVALID_STREAM_STATE
        return 0

    def given_up(self, item: ControlItem, error: int) -> list[Event]:
        """A frame was not sent: a stream that it would have opened has failed."""
        frame = item.frame
        if item.body is not None:
            self.forget(item.body)
        if frame.frame_type == SYN_STREAM and error != ErrorCode.FRAME_TOO_LARGE:
            status = StreamStatus.INTERNAL_ERROR if item.withdrawn is None else item.withdrawn
            return [StreamClosed(item.stream_id, int(status))]
        return []

    def control_sent(self, item: ControlItem) -> list[Event]:
        """A control frame has been sent."""
        state = self.state
        frame = item.frame
        if isinstance(frame, HeaderFrame):
            return self.header_frame_sent(item, frame)
        if isinstance(frame, RstStream):
            stream = state.streams.get(frame.stream_id)
            if stream is not None:
                return [state.close_stream(stream, frame.status)]
        elif frame.frame_type == GOAWAY:
            state.goaway_sent = True
        elif isinstance(frame, Ping) and state.is_ours(frame.unique_id):
            state.last_ping = frame.unique_id
        return []

    def header_frame_sent(self, item: ControlItem, frame: HeaderFrame) -> list[Event]:
        """SYN_STREAM, SYN_REPLY or HEADERS has been sent."""
        state = self.state
        stream = state.streams.get(frame.stream_id)
        if stream is None:
            return []
        if frame.frame_type != HEADERS and stream.state != CLOSING:
            if frame.frame_type == SYN_REPLY or frame.flags & FLAG_UNIDIRECTIONAL:
                stream.state = OPEN
        if frame.frame_type == SYN_STREAM and frame.flags & FLAG_UNIDIRECTIONAL:
            stream.peer_done = True
        if frame.flags & FLAG_FIN:
            return self.finish(stream)
        if item.body is not None and stream.state != CLOSING:
            item.body.number = stream.priority
            state.bodies.setdefault(stream.id, item.body)
            state.add_data(item.body)
        return []

    def finish(self, stream: Stream) -> list[Event]:
        """This side sends no more on a stream."""
        stream.we_done = True
        if stream.finished:
            return [self.state.close_stream(stream, StreamStatus.OK)]
        return []

    # --- DATA -----------------------------------------------------------------------------------

    def queue_body(self, stream_id: int, body: Body, number: int, *, chained: bool = True) -> None:
        """Queue a body; a chained one behind the body that the stream already has."""
        if chained and self.append(stream_id, body):
            return
        item = DataItem(stream_id, body, number, chained)
        if chained:
            self.state.bodies[stream_id] = item
        self.state.add_data(item)

    def append(self, stream_id: int, what: Body | HeaderFrame) -> bool:
        """Let something follow the body that a stream has; ``False`` if it has none."""
        present = self.state.bodies.get(stream_id)
        if present is None or not present.chained:
            return False
        if present.following is None:
            present.following = deque()
        present.following.append(what)
        return True

    def take_data(self, item: DataItem) -> Outgoing | None:
        """Make a DATA frame of the next octets; ``None`` if there is nothing to send now."""
        state = self.state
        stream_id = item.stream_id
        stream = state.streams.get(stream_id)
        if self.stream_refusal(0, stream) or self.is_behind(item):
            self.forget(item)
            return None
        assert stream is not None
        most = state.config.max_data_octets
        body = item.body
        if state.flow_control and body.has_octets():
            if stream.send_window <= 0:
                item.blocked = True
                state.bodies[stream_id] = item
                return None
            most = min(most, stream.send_window)
            if state.session_window:
                most = min(most, state.send_window)
        octets = self.ask(item, most)
        if octets is None:
            return None
        ended = not body.has_octets()
        fin = ended and body.ends
        length = len(octets)
        if state.flow_control:
            stream.send_window -= length
            state.send_window -= length
        state.work += length >> OCTETS_OF_WORK
        flags = FLAG_FIN if fin else 0
        data = data_header(stream_id, flags, length) + octets
        return Outgoing(data, None, item, 0, stream_id, flags, length)

    def is_behind(self, item: DataItem) -> bool:
        """Whether another body of the stream is waiting: this one must not overtake it."""
        other = self.state.bodies.get(item.stream_id)
        return other is not None and other is not item and (other.deferred or other.blocked)

    def forget(self, item: DataItem) -> None:
        """A body is done, or given up."""
        if self.state.bodies.get(item.stream_id) is item:
            self.state.drop_body(item.stream_id)

    def ask(self, item: DataItem, most: int) -> Octets | None:
        """Return the next octets of a body; ``None`` if it waits or failed."""
        state = self.state
        stream_id = item.stream_id
        try:
            octets = item.body.take(most)
        except Exception as error:  # noqa: BLE001 - the application's source may raise anything
            state.reset(stream_id, StreamStatus.INTERNAL_ERROR)
            state.events.append(BodyFailed(stream_id, error))
            return None
        except BaseException:
            state.reset(stream_id, StreamStatus.INTERNAL_ERROR)
            raise
        if octets is None:
            if item.body.resumed:
                self.starved.append(item)
            else:
                item.deferred = True
                state.bodies[stream_id] = item
        return octets

    def data_sent(self, item: DataItem, outgoing: Outgoing) -> list[Event]:
        """A DATA frame has been sent: its body goes behind its equals, or is done."""
        state = self.state
        stream = state.streams.get(item.stream_id)
        body = item.body
        if stream is None or stream.state == CLOSING:
            self.forget(item)
            return []
        if outgoing.flags & FLAG_FIN:
            events = self.finish(stream)
            self.forget(item)
            return events
        if body.has_octets():
            if body.starved:
                body.starved = False
                self.starved.append(item)
            else:
                state.add_data(item)
        else:
            self.advance(item)
        return []

    def advance(self, item: DataItem) -> None:
        """A body is done: go on with what follows it."""
        following = item.following
        while following:
            what = following.popleft()
            if isinstance(what, Body):
                item.body = what
                self.state.add_data(item)
                return
            self.state.add_header_frame(what)
        self.forget(item)

    # --- what may be expected -------------------------------------------------------------------

    def queue_size(self) -> int:
        """Return how many frames wait, without bodies that wait for something themselves."""
        state = self.state
        if self.is_over():
            return 0
        return state.queue.size(True, state.may_send_data()) + len(self.starved)

    def want_write(self) -> bool:
        """Whether there is something to be sent."""
        state = self.state
        if state.failing:
            return not state.goaway_sent
        if state.ends() and not state.streams:
            return False
        return (
            state.queue.size(state.may_open(), state.may_send_data()) > 0 or len(self.starved) > 0
        )

    def want_read(self) -> bool:
        """Whether something may still come that matters."""
        state = self.state
        if self.is_over():
            return False
        return not state.ends() or bool(state.streams)
