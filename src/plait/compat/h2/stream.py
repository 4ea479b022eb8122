"""The streams of a connection as programs may look at them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum, IntEnum
from typing import TYPE_CHECKING

from plait.http2 import StreamState as EngineState

if TYPE_CHECKING:
    from plait.http2 import DirectConnection


class StreamState(IntEnum):
    """The states of a stream (RFC 9113 §5.1)."""

    IDLE = 0
    RESERVED_REMOTE = 1
    RESERVED_LOCAL = 2
    OPEN = 3
    HALF_CLOSED_REMOTE = 4
    HALF_CLOSED_LOCAL = 5
    CLOSED = 6


class StreamClosedBy(Enum):
    """How a stream came to its end."""

    SEND_END_STREAM = 0
    RECV_END_STREAM = 1
    SEND_RST_STREAM = 2
    RECV_RST_STREAM = 3


_STATES = {state: StreamState[state.name] for state in EngineState}
_OPEN = (StreamState.OPEN, StreamState.HALF_CLOSED_LOCAL, StreamState.HALF_CLOSED_REMOTE)


class H2StreamStateMachine:
    """The state of a stream.

    :ivar stream_id: the stream.
    """

    __slots__ = ("_engine", "stream_id")

    def __init__(self, engine: DirectConnection, stream_id: int) -> None:
        self._engine = engine
        self.stream_id = stream_id

    @property
    def state(self) -> StreamState:
        """The state now."""
        return _STATES[self._engine.stream_state(self.stream_id)]

    @property
    def headers_sent(self) -> bool:
        """Whether this end has sent its request or its final response."""
        return self._engine.head_sent(self.stream_id)


class H2Stream:
    """One stream, as it is now; all of it is the engine's.

    :ivar stream_id: its id.
    :ivar state_machine: its state.
    """

    __slots__ = ("_engine", "state_machine", "stream_id")

    def __init__(self, engine: DirectConnection, stream_id: int) -> None:
        self._engine = engine
        self.stream_id = stream_id
        self.state_machine = H2StreamStateMachine(engine, stream_id)

    @property
    def open(self) -> bool:
        """Whether it is open or half-closed, and so counts against the limit of streams."""
        return self.state_machine.state in _OPEN

    @property
    def closed(self) -> bool:
        """Whether it has ended."""
        return self.state_machine.state is StreamState.CLOSED

    @property
    def outbound_flow_control_window(self) -> int:
        """Octets that this end may send on it; negative if the peer has shrunk the window."""
        return self._engine.send_window(self.stream_id)

    @property
    def inbound_flow_control_window(self) -> int:
        """Octets that the peer may send on it."""
        return self._engine.receive_window(self.stream_id)

    @property
    def max_outbound_frame_size(self) -> int:
        """Octets of the largest payload that the peer takes."""
        return self._engine.max_outbound_frame_size

    def __repr__(self) -> str:
        return f"<H2Stream id:{self.stream_id} state:{self.state_machine.state!r}>"


class Streams(Mapping[int, H2Stream]):
    """The streams that have not ended, by their ids. It cannot be changed."""

    __slots__ = ("_engine",)

    def __init__(self, engine: DirectConnection) -> None:
        self._engine = engine

    def __getitem__(self, stream_id: int) -> H2Stream:
        if not self._engine.stream_is_open(stream_id):
            raise KeyError(stream_id)
        return H2Stream(self._engine, stream_id)

    def __contains__(self, stream_id: object) -> bool:
        return isinstance(stream_id, int) and self._engine.stream_is_open(stream_id)

    def __iter__(self) -> Iterator[int]:
        return iter(self._engine.stream_ids())

    def __len__(self) -> int:
        return self._engine.open_streams
