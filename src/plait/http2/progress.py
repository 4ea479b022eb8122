"""What a peer keeps waiting, and what it has taken back: for the owner of time limits.

The engine has no timers. Whoever has asks every few seconds which streams wait for the peer and how
far each has come, and ends those on which too little moves.
"""

from __future__ import annotations

from .events import ConnectionTerminated, Event, RequestReceived, StreamReset
from .session import Session

WAITS_FOR_BODY = 1
"""The peer's message is incomplete, although it has credit to send."""

WAITS_FOR_CREDIT = 2
"""Octets could be sent, but the peer gives no credit."""


def waiting_streams(session: Session) -> list[tuple[int, int, int]]:
    """Return ``(stream_id, kind, octets)`` for each stream on which it is the peer's turn."""
    waiting: list[tuple[int, int, int]] = []
    out = session.out
    for stream in session.streams.living.values():
        body = stream.body
        window = stream.receive_window
        if body is not None and body.has_octets() and not stream.deferred:
            if stream.pending_head is None and (stream.send_window <= 0 or out.window <= 0):
                waiting.append((stream.id, WAITS_FOR_CREDIT, stream.sent_octets))
                continue
        answered = session.is_server and stream.head_sent and stream.rest == 0
        if answered or not stream.can_receive_data():
            continue
        if window is None:
            waiting.append((stream.id, WAITS_FOR_BODY, 0))
        elif window.available > 0 and out.receive_window.available > 0:
            waiting.append((stream.id, WAITS_FOR_BODY, window.received))
    return waiting


def without_withdrawn(events: list[Event]) -> list[Event]:
    """Return the events of one ``receive_data`` without requests that it began and ended early.

    A request that is reset in the same read, by the peer or for its fault, or whose connection
    ended with it, needs no application to be started. Only worth calling when
    ``Connection.peer_resets`` has grown. What such a stream held of the windows has been credited.

    :param events: as ``receive_data`` returned them; the list is not changed.
    """
    begun: set[int] = set()
    ended: set[int] = set()
    for event in events:
        if isinstance(event, RequestReceived):
            begun.add(event.stream_id)
        elif isinstance(event, StreamReset):
            ended.add(event.stream_id)
        elif isinstance(event, ConnectionTerminated):
            if event.error_code or not event.remote:
                ended |= begun
    withdrawn = begun & ended
    if not withdrawn:
        return events
    return [event for event in events if getattr(event, "stream_id", 0) not in withdrawn]
