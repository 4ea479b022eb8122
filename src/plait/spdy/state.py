"""What the receiving and the sending side of a session share.

The parts: the streams, the queue, the windows and settings of both ends, and what has become of
the session. Faults of the peer are turned into frames here, in one place.
"""

from __future__ import annotations

from ..http2.body import Body
from ..http2.constants import Role
from ..http2.flow import ReceiveWindow
from .blocks import Deflater, Inflater
from .config import Config
from .constants import (
    DEFAULT_WINDOW,
    INITIAL_WINDOW_SIZE,
    MAX_CONCURRENT_STREAMS,
    MAX_STREAM_ID,
    SPDY2,
    SPDY3_1,
    GoawayStatus,
    StreamStatus,
    lowest_priority,
    wire_version,
)
from .errors import SessionFault, StreamFault
from .events import ConnectionTerminated, Event, PeerFinished, StreamClosed
from .frames import ControlFrame, Goaway, HeaderFrame, Ping, RstStream, WindowUpdate
from .limits import Budgets
from .queue import ControlItem, DataItem, OutboundQueue
from .stream import CLOSING, Stream

_UNLIMITED = 2**31 - 1

OCTETS_OF_WORK = 10
"""A token of a budget is earned by 2 to the power of this octets of bodies, sent or received."""


class SessionState:
    """One session of one side.

    :ivar streams: the open streams, by id.
    :ivar bodies: the body that is being sent on a stream, where there is one.
    :ivar our_streams: how many of the streams this side opened.
    :ivar next_stream_id: the id of the next stream that this side opens.
    :ivar highest_remote_id: the highest id that the peer opened a stream with.
    :ivar failing: GOAWAY ends the session: nothing goes on once it is sent.
    :ivar finishing: a stream whose last frame of the peer's has just been read.
    :ivar deaf: the peer broke a rule of the session: what it sends is ignored.
    :ivar work: honest work so far, in units that earn a token of a budget.
    """

    __slots__ = (
        "bodies",
        "budgets",
        "config",
        "deaf",
        "deflater",
        "events",
        "failing",
        "finishing",
        "flow_control",
        "goaway_received",
        "goaway_sent",
        "highest_remote_id",
        "inflater",
        "last_ping",
        "local_settings",
        "next_ping",
        "next_stream_id",
        "our_streams",
        "persisted",
        "queue",
        "receive_window",
        "remote_settings",
        "role",
        "send_window",
        "session_window",
        "streams",
        "version",
        "widest_window",
        "wire_version",
        "work",
    )

    def __init__(self, role: Role, version: int, config: Config) -> None:
        self.role = role
        self.version = version
        self.wire_version = wire_version(version)
        self.config = config
        self.flow_control = version != SPDY2
        self.session_window = version == SPDY3_1
        self.budgets = Budgets(config.limits, config.clock)
        self.deflater = Deflater(version, role)
        self.inflater = Inflater(version, config.limits)
        self.queue = OutboundQueue(lowest_priority(version))
        self.events: list[Event] = []
        self.streams: dict[int, Stream] = {}
        self.bodies: dict[int, DataItem] = {}
        self.our_streams = 0
        self.next_stream_id = 1 if role == Role.CLIENT else 2
        self.highest_remote_id = 0
        self.next_ping = self.next_stream_id
        self.last_ping = 0
        self.local_settings: dict[int, int] = {}
        self.remote_settings: dict[int, int] = {}
        self.persisted: dict[int, int] = {}
        self.send_window = DEFAULT_WINDOW
        self.receive_window = ReceiveWindow(DEFAULT_WINDOW)
        # SETTINGS has no acknowledgement: until the end, a peer may not have seen a lowered window.
        self.widest_window = DEFAULT_WINDOW
        self.goaway_sent = False
        self.goaway_received = False
        self.failing = False
        self.finishing: Stream | None = None
        self.deaf = False
        self.work = 0

    # --- what is the case -----------------------------------------------------------------------

    def is_ours(self, stream_id: int) -> bool:
        """Whether a stream of this id is opened by this side: odd ones by clients."""
        return (stream_id & 1 == 1) == (self.role == Role.CLIENT)

    def ends(self) -> bool:
        """Whether no further stream may be opened, by either side."""
        return self.goaway_sent or self.goaway_received or self.failing

    def may_open(self) -> bool:
        """Whether a SYN_STREAM leaves the queue now: to be sent, or, at the end, to be given up."""
        if self.ends():
            return True
        return self.our_streams < self.remote_settings.get(MAX_CONCURRENT_STREAMS, _UNLIMITED)

    def may_send_data(self) -> bool:
        """Whether the window of the session takes octets."""
        return not self.session_window or self.send_window > 0

    def priority_of(self, stream_id: int) -> int:
        """Return the number at which frames of a stream are queued."""
        stream = self.streams.get(stream_id)
        return self.queue.lowest if stream is None else stream.priority

    # --- streams --------------------------------------------------------------------------------

    def open_stream(self, stream_id: int, priority: int, ours: bool) -> Stream:
        """Add a stream."""
        window = self.remote_settings.get(INITIAL_WINDOW_SIZE, DEFAULT_WINDOW)
        stream = Stream(stream_id, priority, ours, window)
        self.streams[stream_id] = stream
        if ours:
            self.our_streams += 1
        return stream

    def window_of(self, stream: Stream) -> ReceiveWindow:
        """Return what the peer may send on a stream; made for the first octets."""
        window = stream.receive_window
        if window is None:
            size = self.local_settings.get(INITIAL_WINDOW_SIZE, DEFAULT_WINDOW)
            window = stream.receive_window = ReceiveWindow(size)
            window.available = self.widest_window
        return window

    def close_stream(self, stream: Stream, status: int) -> StreamClosed:
        """Forget a stream."""
        del self.streams[stream.id]
        self.drop_body(stream.id)
        self.queue.leave_behind(stream)
        if stream.ours:
            self.our_streams -= 1
        # a request of the peer's was answered; what it reset, with whatever status, earns nothing
        if stream.finished and not stream.ours:
            self.work += 1
        return StreamClosed(stream.id, int(status))

    def drop_body(self, stream_id: int) -> None:
        """Let go of what was given to be sent on a stream; HEADERS are heard of once more."""
        item = self.bodies.pop(stream_id, None)
        if item is None:
            return
        item.body = Body()
        following = item.following
        while following:
            what = following.popleft()
            if isinstance(what, HeaderFrame):
                self.add_header_frame(what)

    def finish_peer(self) -> None:
        """The peer has sent FIN on a stream, and the frame that had it has been told of."""
        stream, self.finishing = self.finishing, None
        if stream is None or stream.gone or stream.state == CLOSING:
            return
        stream.peer_done = True
        if not stream.ours:
            self.events.append(PeerFinished(stream.id))
        if stream.finished:
            self.events.append(self.close_stream(stream, StreamStatus.OK))

    def cancel_pushes(self, stream_id: int) -> list[Event]:
        """Forget the pushes of a stream that the client cancelled (SPDY/3 §3.3.1)."""
        pushes = [stream for stream in self.streams.values() if stream.associated_id == stream_id]
        return [self.close_stream(stream, StreamStatus.CANCEL) for stream in pushes]

    # --- frames that are caused -----------------------------------------------------------------

    def add_frame(self, frame: ControlFrame, stream_id: int = 0, answer: bool = False) -> None:
        """Queue a control frame that has no header block.

        :param answer: whether the peer caused it.
        """
        queue = self.queue
        number = queue.number_for(frame.frame_type, self.priority_of(stream_id))
        queue.add_control(ControlItem(frame, number, stream_id, None, answer), None)

    def add_header_frame(
        self, frame: HeaderFrame, body: DataItem | None = None, number: int | None = None
    ) -> None:
        """Queue a frame with a header block, and a body that follows it.

        :param number: its place in the queue's order, if it has another than such frames have.
        """
        queue = self.queue
        stream_id = frame.stream_id
        stream = self.streams.get(stream_id)
        if number is None:
            number = queue.number_for(frame.frame_type, self.priority_of(stream_id))
        # for a stream of the peer's that is gone: it could make such items pile up
        answer = stream is None and not self.is_ours(stream_id)
        queue.add_control(ControlItem(frame, number, stream_id, body, answer), stream)

    def add_data(self, item: DataItem) -> None:
        """Queue a body, behind its equals."""
        self.queue.add_data(item, self.streams.get(item.stream_id))

    def check_answers(self) -> None:
        """Cut off a peer that has us answer and does not read the answers.

        :raises SessionFault: if too many wait.
        """
        if self.queue.unsent_answers > self.config.limits.max_unsent_answers:
            raise SessionFault(
                GoawayStatus.PROTOCOL_ERROR,
                "answers.unread",
                "the peer does not read our answers",
            )

    def reset(self, stream_id: int, status: int, answer: bool = False) -> None:
        """Queue RST_STREAM; from now on the stream is closing."""
        frame = RstStream(stream_id, int(status), version=self.wire_version)
        self.add_frame(frame, stream_id, answer)
        stream = self.streams.get(stream_id)
        if stream is not None:
            stream.state = CLOSING
            self.drop_body(stream_id)

    def reset_for(self, fault: StreamFault) -> None:
        """Answer a fault of the peer with RST_STREAM.

        :raises SessionFault: if there have been too many.
        """
        refused = fault.status == StreamStatus.REFUSED_STREAM
        self.budgets.spend("streams.refused_flood" if refused else "reset.provoked", self.work)
        self.reset(fault.stream_id, fault.status, answer=True)

    def goaway(self, status: int) -> None:
        """Queue GOAWAY; what it says of the last good stream is fixed now."""
        shown = int(status) if self.wire_version != SPDY2 else 0
        self.add_frame(Goaway(self.highest_remote_id, shown, version=self.wire_version))

    def fail(self, fault: SessionFault) -> None:
        """Answer a fault of the peer with GOAWAY, and listen no more."""
        self.failing = True
        self.deaf = True
        self.goaway(fault.status)
        self.events.append(ConnectionTerminated(fault.status, fault.slug, fault.message))

    def answer_ping(self, unique_id: int) -> None:
        """Queue the reply to a PING."""
        self.add_frame(Ping(unique_id, version=self.wire_version), answer=True)

    def ping(self) -> int:
        """Queue a PING with the next id."""
        unique_id = self.next_ping
        following = unique_id + 2
        self.next_ping = following if following <= MAX_STREAM_ID else 2 - (unique_id & 1)
        self.add_frame(Ping(unique_id, version=self.wire_version))
        return unique_id

    # --- credit ---------------------------------------------------------------------------------

    def credit(self, window: ReceiveWindow, octets: int, stream_id: int) -> None:
        """Take octets as consumed; queue WINDOW_UPDATE when they are worth one."""
        increment = window.consume(octets)
        if increment > 0:
            frame = WindowUpdate(stream_id, increment, version=self.wire_version)
            self.add_frame(frame, stream_id, answer=True)

    def consume(self, stream_id: int, octets: int) -> None:
        """Credit octets of a stream that may be gone, and of the session."""
        if not self.flow_control:
            return
        stream = self.streams.get(stream_id)
        if stream is not None and not stream.peer_done and stream.state != CLOSING:
            self.credit(self.window_of(stream), octets, stream_id)
        if self.session_window:
            self.credit(self.receive_window, octets, 0)

    # --- wake-ups -------------------------------------------------------------------------------

    def wake(self, stream: Stream) -> None:
        """Queue the body of a stream whose window has opened."""
        item = self.bodies.get(stream.id)
        if item is not None and item.blocked and stream.send_window > 0:
            item.blocked = False
            self.add_data(item)

    def resume(self, stream_id: int) -> bool:
        """Queue a body whose source had asked to wait; whether there is one."""
        item = self.bodies.get(stream_id)
        if item is None:
            return False
        if item.deferred:
            item.deferred = False
            self.add_data(item)
            return True
        # the source calls this while it is being asked, and is about to say "deferred"
        item.body.resumed = True
        return False
