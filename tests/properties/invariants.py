"""What must be true of an engine between any two calls.

The engine's parts are found through the garbage collector's view of the objects that a connection
holds: the compiled class hides its attributes, and the engine has no reason to show them.
"""

from __future__ import annotations

import gc

from plait.http2 import Connection
from plait.http2.inbound import Inbound
from plait.http2.session import Session
from plait.http2.states import CLOSED, HALF_CLOSED_REMOTE, OPEN
from plait.http2.stream import Stream

LARGEST = 2**31 - 1


def session_of(connection: Connection) -> Session:
    """What the parts of a connection share."""
    (found,) = [held for held in gc.get_referents(connection) if isinstance(held, Session)]
    return found


def inbound_of(connection: Connection) -> Inbound:
    """The way in of a connection."""
    (found,) = [held for held in gc.get_referents(connection) if isinstance(held, Inbound)]
    return found


def check_consistent(connection: Connection) -> None:
    """Windows, counts, queues and buffers agree with each other."""
    session = session_of(connection)
    if session.closed:
        assert not session.streams.living
        assert session.out.scheduler.count == 0
        return
    check_windows(session)
    check_counts(session)
    check_queues(session)
    check_buffers(connection, session)


def check_windows(session: Session) -> None:
    """No octet of credit is lost, and none is there twice."""
    out = session.out
    assert 0 <= out.window <= LARGEST
    streams = session.streams.living.values()
    window = out.receive_window
    held = sum(stream.unacknowledged for stream in streams)
    assert window.available + window.pending + held == window.size, "the connection's window leaks"
    assert window.available >= 0
    assert window.pending >= 0
    for stream in streams:
        assert stream.send_window <= LARGEST
        assert stream.unacknowledged >= 0
        own = stream.receive_window
        if own is None:
            assert stream.unacknowledged == 0
            continue
        whole = own.available + own.pending + stream.unacknowledged
        # Nothing is credited to a stream once its peer has ended, or its request is dropped.
        less = stream.state == HALF_CLOSED_REMOTE or stream.rest > 0
        assert whole == own.size or (less and whole <= own.size)
        assert own.pending >= 0


def check_counts(session: Session) -> None:
    """The counts that limits apply to are those of the streams."""
    streams = session.streams
    remote = local = 0
    for stream_id, stream in streams.living.items():
        assert stream.id == stream_id
        assert 0 < stream.state < CLOSED
        assert stream.counted == (stream.state >= OPEN)
        if streams.is_remote(stream_id):
            assert stream_id <= streams.highest_remote
            remote += stream.counted
        else:
            assert stream_id < streams.next_local
            local += stream.counted
    assert (streams.remote_count, streams.local_count) == (remote, local)
    if session.max_streams >= 0:
        assert remote <= max(session.max_streams, session.config.max_concurrent_streams or 0)


def check_queues(session: Session) -> None:
    """The scheduler holds the streams that could send, each once and where it belongs."""
    out = session.out
    queued: dict[int, Stream] = {}
    for urgency, queue in enumerate(out.scheduler.queues or []):
        for stream_id, stream in (queue or {}).items():
            assert stream.urgency == urgency
            assert stream_id not in queued
            queued[stream_id] = stream
    assert len(queued) == out.scheduler.count
    starved = {stream.id for stream in out.starved or ()}
    for stream_id, stream in session.streams.living.items():
        assert stream.queued == (stream_id in queued)
        body = stream.body
        if body is None or stream.pending_head is not None or stream.deferred or body.reading:
            continue
        if body.has_octets() and stream.send_window > 0:
            assert stream.queued or stream_id in starved, f"stream {stream_id} is forgotten"
    for stream_id, stream in queued.items():
        assert session.streams.living[stream_id] is stream


def check_buffers(connection: Connection, session: Session) -> None:
    """What is kept for later is bounded."""
    inbound = inbound_of(connection)
    if inbound.partial is not None:
        assert 0 < len(inbound.partial) < 9 + session.max_frame_size
    blocks = inbound.blocks
    assert (blocks.fragments is not None) == (blocks.open_stream != 0)
    if blocks.fragments is not None:
        # The first frame may be larger than what a block may grow to.
        most = max(session.config.max_header_list_size, 16_384, session.max_frame_size)
        assert len(blocks.fragments) <= most
    waits = inbound.partial is not None and (len(inbound.partial) < 4 or inbound.partial[3] != 0)
    begun = not inbound.control.settings_received or blocks.open_stream != 0 or waits
    assert (connection.unfinished_since is not None) == begun
    for stream_id in session.out.pending_heads or ():
        assert session.streams.living[stream_id].pending_head is not None
    assert len(session.streams.reset_by_us or ()) <= 512
    assert len(session.streams.gaps or ()) <= 16
    most = session.max_streams if session.max_streams >= 0 else 100
    assert len(blocks.priorities or ()) <= max(most, session.config.max_concurrent_streams or 0)
    for table in (session.decoder.table, session.out.encoder.table):
        assert table.size <= table.limit
