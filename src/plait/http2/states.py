"""The states of a stream (RFC 9113 §5.1); ``stream`` draws how one leads to another.

Plain ints, in the order of a stream's life: what compares them many times for each request is
compiled, and an ``IntEnum`` costs ten times as much there.
"""

from __future__ import annotations

IDLE = 0
RESERVED_LOCAL = 1
RESERVED_REMOTE = 2
OPEN = 3
HALF_CLOSED_LOCAL = 4
HALF_CLOSED_REMOTE = 5
CLOSED = 6

STATE_NAMES = (
    "idle",
    "reserved (local)",
    "reserved (remote)",
    "open",
    "half-closed (local)",
    "half-closed (remote)",
    "closed",
)
