"""One frozen ``Config`` for the engine: what is announced to the peer, and every limit."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .constants import DATA_CHUNK, MAX_FRAME_LENGTH, MAX_WINDOW, SettingId
from .limits import Limits


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """How an engine behaves.

    :raises ValueError: for a value outside its range.
    """

    max_concurrent_streams: int | None = None
    """Streams that the peer may have open at once, announced in a first SETTINGS frame; ``None``
    announces nothing (``limits.max_open_streams`` holds all the same)."""

    initial_window_size: int | None = None
    """Octets of window of each stream (SPDY/3 §2.6.8), announced in a first SETTINGS frame;
    ``None`` leaves 65536. SPDY/2 has no flow control."""

    persisted_settings: Mapping[int, int] = field(default_factory=dict)
    """What this server asked to keep on an earlier session (``Connection.persisted_settings``),
    sent back in a first SETTINGS frame of a client (SPDY/3 §2.6.4)."""

    manual_credit: bool = False
    """``False``: what arrives is credited back to the peer at once, as spdylay does. ``True``:
    when the application calls ``Connection.consume``, which holds a fast peer back."""

    enforce_windows: bool = True
    """Whether a peer that sends more than its window, and ``limits.max_window_excess`` besides, is
    cut off: FLOW_CONTROL_ERROR for a stream, GOAWAY for the session."""

    max_data_octets: int = DATA_CHUNK
    """Octets of the largest DATA frame that is made of a body. Smaller ones let the frames of other
    streams come between; larger ones cost less."""

    limits: Limits = field(default_factory=Limits)
    """The abuse budgets."""

    clock: Callable[[], float] = time.monotonic
    """Seconds that never go back; for the budgets."""

    def __post_init__(self) -> None:
        window = self.initial_window_size
        if window is not None and not 0 <= window <= MAX_WINDOW:
            raise ValueError(f"initial_window_size must be 0 to {MAX_WINDOW}, not {window}")
        streams = self.max_concurrent_streams
        if streams is not None and not 0 <= streams <= 0xFFFFFFFF:
            raise ValueError(f"max_concurrent_streams must be 0 to 2^32-1, not {streams}")
        if not 1 <= self.max_data_octets <= MAX_FRAME_LENGTH:
            raise ValueError(f"max_data_octets must be 1 to {MAX_FRAME_LENGTH}")
        for number, value in self.persisted_settings.items():
            if number not in _SETTINGS or not 0 <= value <= 0xFFFFFFFF:
                raise ValueError(f"there is no setting {number} with the value {value}")

    def with_(self, **changes: Any) -> Config:
        """Return a copy with the given attributes changed; checked like a new one."""
        return replace(self, **changes)


_SETTINGS = frozenset(int(number) for number in SettingId)
