"""What must be true of every event, and of the order of a stream's events."""

from __future__ import annotations

from plait import http2

LATE = ("peer.", "stream.", "data.", "headers.")


class EventLog:
    """Raises AssertionError for an event that does not fit what came before it."""

    def __init__(self, is_server: bool) -> None:
        self.is_server = is_server
        self.open: dict[int, int] = {}  # stream to octets its content-length still promises
        self.ended: set[int] = set()  # the peer's side
        self.highest = 0
        self.is_over = False

    def take(self, events: list[http2.Event]) -> None:
        """Judges events in their order."""
        for event in events:
            assert not self.is_over, f"{event} after the end"
            assert isinstance(event, http2.Event), event
            self.judge(event)

    def judge(self, event: http2.Event) -> None:
        """Judges one event."""
        stream = getattr(event, "stream_id", None)
        if stream is not None:
            assert 0 <= stream < 2**31, event
        if isinstance(event, http2.RequestReceived):
            self.judge_request(event)
        elif isinstance(event, http2.DataReceived):
            assert type(event.data) is bytes, event
            assert stream not in self.ended, f"{event} after the end of the stream"
            assert 0 <= len(event.data) <= event.flow_controlled_length, event
            self.count(event)
        elif isinstance(event, http2.TrailersReceived):
            check_fields(event.headers, trailers=True)
            assert stream not in self.ended, f"{event} after the end of the stream"
            assert self.open.get(stream, -1) <= 0, f"{event} before the promised octets"
        elif isinstance(event, (http2.ResponseReceived, http2.InformationalResponseReceived)):
            assert not self.is_server, event
            check_fields(event.headers)
            assert stream not in self.ended, f"{event} after the end of the stream"
            low, high = (200, 999) if isinstance(event, http2.ResponseReceived) else (100, 199)
            assert low <= event.status <= high, event
        elif isinstance(event, http2.StreamReset):
            assert event.slug, event
            assert 0 <= event.error_code < 2**32, event
            self.ended.add(event.stream_id)
        elif isinstance(event, http2.StreamClosed):
            self.ended.add(event.stream_id)
        elif isinstance(event, http2.PushedStreamReceived):
            assert not self.is_server, event
            check_fields(event.headers)
        elif isinstance(event, http2.ConnectionTerminated):
            assert event.slug, event
            self.is_over = not event.remote or event.error_code != 0
        elif isinstance(event, http2.PriorityUpdated):
            assert 0 <= event.urgency <= 7, event
        elif isinstance(event, http2.WindowUpdated):
            assert 0 < event.delta < 2**31, event
        if getattr(event, "end_stream", False):
            self.ended.add(event.stream_id)

    def judge_request(self, event: http2.RequestReceived) -> None:
        """Requests come in ascending order, once each."""
        assert self.is_server, event
        assert event.stream_id & 1, event
        assert event.stream_id > self.highest, f"{event} after stream {self.highest}"
        self.highest = event.stream_id
        check_fields(event.headers)
        promised = -1
        if event.method != b"CONNECT":
            for name, value in event.headers:
                if name == b"content-length":
                    promised = int(value)
        self.open[event.stream_id] = promised
        assert not (event.end_stream and promised > 0), f"{event}: the body is missing"

    def count(self, event: http2.DataReceived) -> None:
        """DATA must be what content-length says."""
        promised = self.open.get(event.stream_id, -1)
        if promised >= 0:
            promised -= len(event.data)
            assert promised >= 0, f"{event}: more than content-length says"
            assert not (event.end_stream and promised), f"{event}: less than content-length says"
            self.open[event.stream_id] = promised


def check_fields(fields: list[tuple[bytes, bytes]], trailers: bool = False) -> None:
    """The field section of an event: bytes, lower case, pseudo-header fields first, no controls."""
    regular = trailers
    for field in fields:
        assert isinstance(field, tuple), field
        name, value = field
        assert type(name) is type(value) is bytes, field
        assert name, field
        assert name == name.lower(), field
        assert not (set(value) & {0, 10, 13}), field
        assert value == value.strip(b" \t"), field
        assert not (regular and name.startswith(b":")), f"{name!r} after a regular field"
        regular = regular or not name.startswith(b":")


def check_account(connection: http2.Connection) -> None:
    """The books inside an engine balance. Only plain Python lets us look at them."""
    session = connection._session
    out, streams = session.out, session.streams
    window = out.receive_window
    living = list(streams.living.values())
    assert 0 <= out.window < 2**31, f"a sending window of {out.window}"
    assert window.pending >= 0
    assert window.available < 2**31, f"a receiving window of {window.available}"
    if session.closed:
        assert not living, "the connection has ended, and streams live"
        assert out.scheduler.count == 0
        return
    held = sum(stream.unacknowledged for stream in living)
    assert window.available + window.pending + held == window.size, "credit leaks"
    for stream in living:
        assert -(2**31) < stream.send_window < 2**31, f"a sending window of {stream.send_window}"
        assert stream.unacknowledged >= 0
        own = stream.receive_window
        if own is not None:
            assert own.available < 2**31, f"a receiving window of {own.available}"
            if stream.can_receive_data():
                balance = own.available + own.pending + stream.unacknowledged
                assert balance == own.size, f"credit of stream {stream.id} leaks"
    check_memory(connection)
    counted = [streams.is_remote(stream.id) for stream in living if stream.counted]
    assert sum(counted) == streams.remote_count
    assert len(counted) - sum(counted) == streams.local_count
    queues = out.scheduler.queues or []
    assert sum(len(queue) for queue in queues if queue) == out.scheduler.count
    assert sum(stream.queued for stream in living) == out.scheduler.count
    for table in (session.decoder.table, out.encoder.table):
        entries = table.entries[table.first :]
        assert len(entries) == table.count
        assert sum(entry.size for entry in entries) == table.size <= table.limit
    assert session.decoder.table.limit <= session.decoder.max_allowed_table_size


def check_memory(connection: http2.Connection) -> None:
    """What an engine keeps of what it heard, beyond living streams, is little."""
    session, inbound = connection._session, connection._inbound
    blocks, streams = inbound.blocks, session.streams
    assert len(inbound.partial or b"") <= 9 + session.max_frame_size
    longest = max(connection.config.max_header_list_size, 16_384)
    assert len(blocks.fragments or b"") <= longest
    assert len(blocks.priorities or ()) <= max(session.max_streams, 100)
    assert len(streams.reset_by_us or ()) <= 512
    assert len(streams.gaps or ()) <= 16
    assert len(session.budgets.buckets or ()) < 20
