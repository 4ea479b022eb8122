"""What can be asked of a session without changing it."""

from __future__ import annotations

from ..http2.constants import Role
from .constants import Version
from .outbound import Outbound
from .state import SessionState


class ConnectionView:
    """The queries of a ``Connection``."""

    _state: SessionState
    _outbound: Outbound

    @property
    def role(self) -> Role:
        """This side."""
        return self._state.role

    @property
    def version(self) -> Version:
        """The version of the protocol."""
        return Version(self._state.version)

    @property
    def lowest_priority(self) -> int:
        """The number of the least urgent priority: 3 in SPDY/2, else 7."""
        return self._state.queue.lowest

    @property
    def queue_size(self) -> int:
        """How many frames wait; a body counts for one, and not while it waits itself."""
        return self._outbound.queue_size()

    @property
    def open_streams(self) -> int:
        """How many streams are open, of both sides."""
        return len(self._state.streams)

    @property
    def highest_remote_stream_id(self) -> int:
        """The id of the last stream that the peer opened; 0 if there was none."""
        return self._state.highest_remote_id

    @property
    def local_settings(self) -> dict[int, int]:
        """What this side has announced, by ``SettingId``."""
        return dict(self._state.local_settings)

    @property
    def remote_settings(self) -> dict[int, int]:
        """What the peer has announced, by ``SettingId``."""
        return dict(self._state.remote_settings)

    @property
    def persisted_settings(self) -> dict[int, int]:
        """What the server asked this client to keep for later sessions (SPDY/3 §2.6.4).

        To be given to the next session with this server as ``Config.persisted_settings``.
        """
        return dict(self._state.persisted)

    @property
    def goaway_sent(self) -> bool:
        """Whether GOAWAY has been sent."""
        return self._state.goaway_sent

    @property
    def goaway_received(self) -> bool:
        """Whether the peer sent GOAWAY."""
        return self._state.goaway_received

    @property
    def failed(self) -> bool:
        """Whether the session ends by a GOAWAY of this side that is queued or sent."""
        return self._state.failing

    def stream_is_open(self, stream_id: int) -> bool:
        """Whether a stream is open, or closing."""
        return stream_id in self._state.streams
