"""The state of a connection as programs may look at it."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plait.http2 import DirectConnection


class ConnectionState(Enum):
    """How far a connection has come."""

    IDLE = 0
    CLIENT_OPEN = 1
    SERVER_OPEN = 2
    CLOSED = 3


class H2ConnectionStateMachine:
    """The state of a connection."""

    __slots__ = ("_client_side", "_ended", "_engine")

    def __init__(self, engine: DirectConnection, client_side: bool) -> None:
        self._engine = engine
        self._client_side = client_side
        self._ended = False

    @property
    def state(self) -> ConnectionState:
        """The state now; ``CLOSED`` as soon as GOAWAY was sent or received."""
        engine = self._engine
        if self._ended or engine.closed:
            return ConnectionState.CLOSED
        if self._client_side:
            begun = engine.next_stream_id > 1
            return ConnectionState.CLIENT_OPEN if begun else ConnectionState.IDLE
        begun = engine.highest_remote_stream_id > 0
        return ConnectionState.SERVER_OPEN if begun else ConnectionState.IDLE

    def end(self) -> None:
        """GOAWAY was sent or received."""
        self._ended = True
