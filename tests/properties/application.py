"""An application that decides by stream ids alone, and acts only where it is told to.

What an engine says depends on what its application does meanwhile: an answer leaves before or
after the acknowledgement of a PING, a stream that the peer resets is answered or not, credit that
has come makes one large frame of two. That is how it should be. So the application here acts at
*barriers*: places in the byte stream between which the octets may be cut at will.
"""

from __future__ import annotations

from collections.abc import Sequence

from plait.http2 import Event
from tests.support.corpus import Conversation
from tests.support.replay import APPETITES, Application

Segment = Sequence[bytes]
"""The reads between two barriers."""


class Steady(Application):
    """The application of the replayed corpus; between barriers it does nothing at all."""

    def __init__(self, role: str, number: int) -> None:
        super().__init__(Conversation("property", role, ()), number)
        self.events: list[list[Event]] = []
        self.known: list[tuple[object, ...]] = []

    def plays(self, segments: Sequence[Segment]) -> Steady:
        """Take all reads; act at the end of each segment."""
        self.attempt("start", self.start)
        for at, segment in enumerate(segments):
            self.attempt("meanwhile", lambda at=at: self.meanwhile(at))
            events: list[Event] = []
            for read in segment:
                events += self.connection.receive_data(read)
            self.events.append(events)
            self.known.append(self.facts())
            self.tell(events)
            for event in events:
                self.attempt(type(event).__name__, lambda event=event: self.answer(event))
            self.send(APPETITES[at % len(APPETITES)])
        for _ in range(20):
            self.send(65_536)
        return self

    def facts(self) -> tuple[object, ...]:
        """What the connection tells of itself to those who ask."""
        asked = self.connection
        return (
            (asked.closed, asked.drained, asked.goaway_sent, asked.settings_acknowledged),
            (asked.open_streams, asked.highest_remote_stream_id, asked.next_stream_id),
            (asked.requests_received, asked.peer_resets),
            (asked.received_octets, asked.sent_octets, asked.unsent_octets),
            (asked.unfinished_since, asked.waiting_for_peer(), asked.wants_write),
        )
