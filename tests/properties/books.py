"""The books of a connection: every window, kept from the frames on the wire alone.

Nothing here comes from the engine. A direction has a sender and a receiver, who learn of frames
when they write or get them; so each has a window of its own, and the two differ by what is in
flight. `Books` compares both with what the engines believe.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from plait.http2 import Connection
from tests.http2 import frames as f

from .invariants import session_of

INITIAL = 65_535


class Cutter:
    """Cuts octets into frames: type, flags, stream, payload."""

    def __init__(self, *, magic: bool) -> None:
        self.buffer = b""
        self.skip = len(f.PREFACE) if magic else 0

    def feed(self, octets: bytes) -> Iterator[tuple[int, int, int, bytes]]:
        buffer = self.buffer + octets
        if self.skip:
            if len(buffer) < self.skip:
                self.buffer = buffer
                return
            buffer = buffer[self.skip :]
            self.skip = 0
        at = 0
        while len(buffer) - at >= 9:
            end = at + 9 + int.from_bytes(buffer[at : at + 3], "big")
            if len(buffer) < end:
                break
            stream = int.from_bytes(buffer[at + 5 : at + 9], "big")
            yield buffer[at + 3], buffer[at + 4], stream, buffer[at + 9 : end]
            at = end
        self.buffer = buffer[at:]


class Window:
    """One party's view of one direction. A stream's window is the initial one and a difference."""

    def __init__(self) -> None:
        self.connection = INITIAL
        self.initial = INITIAL
        self.differences: defaultdict[int, int] = defaultdict(int)

    def of(self, stream: int) -> int:
        return self.initial + self.differences[stream]

    def change(self, stream: int, octets: int) -> None:
        """Credit (positive), or DATA (negative, on stream and connection)."""
        if stream == 0:
            self.connection += octets
            return
        self.differences[stream] += octets
        if octets < 0:
            self.connection += octets


class Party:
    """What one end knows: its window for sending, and the one it gave."""

    def __init__(self, *, is_server: bool) -> None:
        self.sending = Window()
        self.giving = Window()
        self.written = Cutter(magic=not is_server)
        self.gotten = Cutter(magic=is_server)
        # Initial windows that were announced and not acknowledged; None where there is none.
        self.announced: list[int | None] = []
        self.max_frame = 16_384
        self.data_written = 0
        self.data_gotten = 0

    def writes(self, octets: bytes) -> None:
        """This end wrote; it must not write what it may not."""
        for kind, flags, stream, payload in self.written.feed(octets):
            assert len(payload) <= self.max_frame, "larger than the peer's frames may be"
            if kind == f.DATA:
                self.sending.change(stream, -len(payload))
                self.data_written += len(payload)
                if payload:
                    assert self.sending.connection >= 0, "more than the connection's window"
                    assert self.sending.of(stream) >= 0, f"more than the window of {stream}"
            elif kind == f.WINDOW_UPDATE:
                increment = int.from_bytes(payload, "big")
                assert increment > 0
                self.giving.change(stream, increment)
            elif kind == f.SETTINGS and not flags & f.ACK:
                pairs = f.parse_settings(f.Frame(kind, flags, stream, payload))
                self.announced.append(pairs.get(f.INITIAL_WINDOW_SIZE))

    def gets(self, octets: bytes) -> None:
        """Octets arrived at this end."""
        for kind, flags, stream, payload in self.gotten.feed(octets):
            if kind == f.DATA:
                self.giving.change(stream, -len(payload))
                self.data_gotten += len(payload)
            elif kind == f.WINDOW_UPDATE:
                self.sending.change(stream, int.from_bytes(payload, "big"))
            elif kind == f.SETTINGS and flags & f.ACK:
                initial = self.announced.pop(0)
                if initial is not None:
                    self.giving.initial = initial
            elif kind == f.SETTINGS:
                pairs = f.parse_settings(f.Frame(kind, flags, stream, payload))
                self.sending.initial = pairs.get(f.INITIAL_WINDOW_SIZE, self.sending.initial)
                self.max_frame = pairs.get(f.MAX_FRAME_SIZE, self.max_frame)

    def agrees_with(self, connection: Connection) -> None:
        """The engine, all of whose octets were taken, has the same windows."""
        session = session_of(connection)
        if session.closed:
            return
        assert session.out.window == self.sending.connection
        assert session.out.receive_window.available == self.giving.connection
        for stream_id, stream in session.streams.living.items():
            if stream.can_send_data():
                assert stream.send_window == self.sending.of(stream_id), stream_id
            if stream.can_receive_data():
                own = stream.receive_window
                given = session.out.stream_window if own is None else own.available
                assert given == self.giving.of(stream_id), stream_id


def check_balance(one: Party, other: Party) -> None:
    """Nothing is in flight: what one may send is what the other lets it send."""
    assert one.data_written == other.data_gotten
    assert other.data_written == one.data_gotten
    for sender, receiver in ((one, other), (other, one)):
        assert sender.sending.connection == receiver.giving.connection


def check_streams_balance(
    one: Party, other: Party, connections: tuple[Connection, Connection]
) -> None:
    """The same for every stream that lives on both sides; all SETTINGS are acknowledged."""
    tables = [session_of(connection).streams.living for connection in connections]
    for stream in tables[0].keys() & tables[1].keys():
        for sender, receiver in ((one, other), (other, one)):
            assert sender.sending.of(stream) == receiver.giving.of(stream), stream
