"""What can be asked of a connection at any time: facts, counters, and what waits for the peer."""

from __future__ import annotations

from .config import Config
from .inbound import Inbound
from .outbound import Outbound
from .progress import waiting_streams
from .session import Session
from .settings import Settings
from .streams import StreamTable
from .submission import Submission


class ConnectionView:
    """The part of a ``Connection`` that changes nothing."""

    __slots__ = ("_inbound", "_out", "_session", "_streams", "_submission", "config")

    def __init__(self, session: Session) -> None:
        self.config: Config = session.config
        self._session = session
        self._streams: StreamTable = session.streams
        self._out: Outbound = session.out
        self._inbound = Inbound(session)
        self._submission = Submission(session)

    # --- the end --------------------------------------------------------------------------------

    @property
    def closed(self) -> bool:
        """The connection has ended: write what ``data_to_send`` gives and close the transport."""
        return self._session.closed

    @property
    def drained(self) -> bool:
        """A GOAWAY was sent or received, and no stream is open any more."""
        session = self._session
        ending = session.goaway_last >= 0 or session.goaway_received
        return session.closed or (ending and not self._streams.living)

    @property
    def goaway_sent(self) -> bool:
        """The final GOAWAY was sent: nothing new is taken from the peer."""
        return self._session.goaway_last >= 0

    # --- settings -------------------------------------------------------------------------------

    @property
    def local_settings(self) -> Settings:
        """Our settings that the peer has acknowledged."""
        return self._session.local

    @property
    def remote_settings(self) -> Settings:
        """The peer's settings."""
        return self._session.remote

    @property
    def settings_acknowledged(self) -> bool:
        """Whether the peer has acknowledged our first SETTINGS."""
        return self._session.local.acknowledged

    @property
    def max_outbound_frame_size(self) -> int:
        """Octets of the largest payload that the peer accepts."""
        return self._out.max_frame_size

    @property
    def push_enabled(self) -> bool:
        """Whether the peer accepts pushed streams now (server role).

        Not while it leaves a hundred promised responses, or much output, unread.
        """
        return self._submission.push_enabled()

    # --- streams --------------------------------------------------------------------------------

    @property
    def open_streams(self) -> int:
        """How many streams are open, half-closed or reserved."""
        return len(self._streams.living)

    @property
    def highest_remote_stream_id(self) -> int:
        """The highest stream that the peer has opened."""
        return self._streams.highest_remote

    @property
    def next_stream_id(self) -> int:
        """The id of the next stream that this end opens."""
        return self._streams.next_local

    @property
    def can_open_stream(self) -> bool:
        """Whether ``send_request`` may open a stream now (client role)."""
        return self._submission.can_open_stream()

    def stream_is_open(self, stream_id: int) -> bool:
        """Whether a stream lives: opened or promised, and not closed."""
        return self._streams.is_open(stream_id)

    def local_flow_control_window(self, stream_id: int) -> int:
        """Return how many octets may be sent on a stream now; 0 for the connection's window."""
        if stream_id == 0:
            return max(0, self._out.window)
        return max(0, min(self._submission.living(stream_id).send_window, self._out.window))

    def remote_flow_control_window(self, stream_id: int) -> int:
        """Return how many octets the peer may send on a stream now."""
        window = self._submission.living(stream_id).receive_window
        available = self._session.out.stream_window if window is None else window.available
        return max(0, min(available, self._out.receive_window.available))

    # --- what waits for the peer ----------------------------------------------------------------

    @property
    def unfinished_since(self) -> float | None:
        """When the peer began what it has not finished, by ``Config.clock``; ``None``: nothing.

        That is the preface with its first SETTINGS (from ``initiate_connection`` on), a frame
        other than DATA, or a field block whose CONTINUATION is awaited. Further octets of the
        same frame or block do not move the time.
        """
        inbound = self._inbound
        if inbound.unfinished is None or self._session.closed:
            return None
        return inbound.unfinished_since

    def waiting_for_peer(self) -> list[tuple[int, int, int]]:
        """Return ``(stream_id, kind, octets)`` for each stream on which it is the peer's turn.

        ``kind`` is ``WAITS_FOR_BODY``: the peer's message is incomplete, although it has credit
        to send (of a request only until its response begins); ``octets`` have arrived so far, with
        padding. Or ``WAITS_FOR_CREDIT``: a body could go on, but the window of the stream or the
        connection is used up; ``octets`` were sent so far. A second look tells whether there was
        progress. It costs a step for each open stream.
        """
        return waiting_streams(self._session)

    # --- counters -------------------------------------------------------------------------------

    @property
    def requests_received(self) -> int:
        """Requests of the peer that were told as ``RequestReceived`` (server role)."""
        return self._session.requests

    @property
    def peer_resets(self) -> int:
        """Streams that the peer cut short: it reset them, or committed a fault.

        When it has grown, ``without_withdrawn`` is worth calling.
        """
        return self._session.peer_resets

    @property
    def received_octets(self) -> int:
        """Octets of bodies received."""
        return self._session.received_octets

    @property
    def unsent_octets(self) -> int:
        """Octets that are ready and wait for ``data_to_send``, bodies in their streams apart."""
        return len(self._out.buffer) + self._out.segment_octets

    @property
    def sent_octets(self) -> int:
        """Octets of bodies sent, or taken to be sent."""
        return self._out.sent_octets
