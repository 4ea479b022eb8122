"""What can be asked of a connection at any time, and its settings. The rest is the engine's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from plait.http2 import Role, UsageError

from .exceptions import NoAvailableStreamIDError
from .faults import gone
from .machine import H2ConnectionStateMachine
from .settings import SettingCodes, Settings
from .stream import Streams

if TYPE_CHECKING:
    from plait.http2 import DirectConnection

    from .config import H2Configuration
    from .incoming import Incoming

_NO_LIMIT = 2**31 - 1


class FieldTables:
    """What programs set of h2's ``decoder``, an object of hpack."""

    __slots__ = ("_engine",)

    def __init__(self, engine: DirectConnection) -> None:
        self._engine = engine

    @property
    def max_header_list_size(self) -> int:
        """Octets of the largest field section that is taken, 32 added for each field.

        As with hpack, setting it to 0 means no limit.
        """
        return self._engine.max_received_list_size

    @max_header_list_size.setter
    def max_header_list_size(self, octets: int) -> None:
        try:
            self._engine.max_received_list_size = octets or _NO_LIMIT
        except UsageError as error:
            raise ValueError(str(error)) from None


class ConnectionView:
    """The part of an ``H2Connection`` that sends and receives nothing."""

    HIGHEST_ALLOWED_STREAM_ID = 2**31 - 1
    """The highest id of a stream (RFC 9113 §5.1.1)."""
    DEFAULT_MAX_HEADER_LIST_SIZE = 2**16
    """Octets of the largest field section, unless ``local_settings`` says otherwise."""

    _incoming: Incoming

    def __init__(self, config: H2Configuration, engine: DirectConnection) -> None:
        client = config.client_side
        self.config = config
        self._engine = engine
        self.local_settings = Settings(
            client=client,
            initial_values={
                SettingCodes.MAX_CONCURRENT_STREAMS: 100,
                SettingCodes.MAX_HEADER_LIST_SIZE: self.DEFAULT_MAX_HEADER_LIST_SIZE,
            },
        )
        self.remote_settings = Settings(client=not client)
        self.state_machine = H2ConnectionStateMachine(engine, client)
        self.streams = Streams(engine)
        self.decoder = FieldTables(engine)
        self.max_inbound_frame_size = self.local_settings.max_frame_size

    # --- windows --------------------------------------------------------------------------------

    def local_flow_control_window(self, stream_id: int) -> int:
        """Return how many octets may be sent on a stream; negative if the peer shrank the window.

        Of a stream that the latest octets have reset it is said what it was at first: the program
        has not seen the event yet, and is told when it sends.

        :raises StreamClosedError: if it has ended.
        :raises NoSuchStreamError: if there never was one.
        """
        engine = self._engine
        if not engine.stream_is_open(stream_id):
            if stream_id in self._incoming.lately_reset:
                return min(self.remote_settings.initial_window_size, engine.send_window())
            raise gone(engine, stream_id)
        return min(engine.send_window(stream_id), engine.send_window())

    def remote_flow_control_window(self, stream_id: int) -> int:
        """Return how many octets the peer may send on a stream; as the one above otherwise."""
        engine = self._engine
        if not engine.stream_is_open(stream_id):
            if stream_id in self._incoming.lately_reset:
                return min(self.local_settings.initial_window_size, engine.receive_window())
            raise gone(engine, stream_id)
        return min(engine.receive_window(stream_id), engine.receive_window())

    @property
    def inbound_flow_control_window(self) -> int:
        """Octets that the peer may send on the connection."""
        return self._engine.receive_window()

    @property
    def outbound_flow_control_window(self) -> int:
        """Octets that may be sent on the connection."""
        return self._engine.send_window()

    # --- streams --------------------------------------------------------------------------------

    def get_next_available_stream_id(self) -> int:
        """Return the id for the next stream that this end opens; the same until it is used.

        :raises NoAvailableStreamIDError: if they are used up.
        """
        stream_id = self._engine.next_stream_id
        if stream_id > self.HIGHEST_ALLOWED_STREAM_ID:
            raise NoAvailableStreamIDError("Exhausted allowed stream IDs")
        return stream_id

    @property
    def max_outbound_frame_size(self) -> int:
        """Octets of the largest payload that the peer takes."""
        return self._engine.max_outbound_frame_size

    @property
    def open_inbound_streams(self) -> int:
        """How many streams that the peer opened are open or half-closed."""
        return self._engine.open_streams_of(Role.SERVER if self.config.client_side else Role.CLIENT)

    @property
    def open_outbound_streams(self) -> int:
        """How many streams that this end opened are open or half-closed."""
        return self._engine.open_streams_of(Role.CLIENT if self.config.client_side else Role.SERVER)

    @property
    def highest_inbound_stream_id(self) -> int:
        """The highest stream that the peer has opened, 0 before any."""
        return self._engine.highest_remote_stream_id

    @property
    def highest_outbound_stream_id(self) -> int:
        """The highest stream that this end has opened, 0 before any."""
        return max(0, self._engine.next_stream_id - 2)
