"""SETTINGS of both ends and when they take effect (RFC 9113 §6.5).

What the peer announces takes effect when it arrives. What we announce takes effect when the peer
acknowledges it: until then ``LocalSettings`` keeps each announcement waiting, in order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from operator import index

from .constants import (
    DEFAULT_WINDOW,
    MAX_MAX_FRAME_SIZE,
    MAX_WINDOW,
    MIN_MAX_FRAME_SIZE,
    SettingCode,
)
from .errors import ConnectionFault, ErrorCode, UsageError

HEADER_TABLE_SIZE = int(SettingCode.HEADER_TABLE_SIZE)
ENABLE_PUSH = int(SettingCode.ENABLE_PUSH)
MAX_CONCURRENT_STREAMS = int(SettingCode.MAX_CONCURRENT_STREAMS)
INITIAL_WINDOW_SIZE = int(SettingCode.INITIAL_WINDOW_SIZE)
MAX_FRAME_SIZE = int(SettingCode.MAX_FRAME_SIZE)
MAX_HEADER_LIST_SIZE = int(SettingCode.MAX_HEADER_LIST_SIZE)
ENABLE_CONNECT_PROTOCOL = int(SettingCode.ENABLE_CONNECT_PROTOCOL)
NO_RFC7540_PRIORITIES = int(SettingCode.NO_RFC7540_PRIORITIES)

Changes = dict[int, tuple[int | None, int]]

_INITIAL = {
    HEADER_TABLE_SIZE: 4096,
    ENABLE_PUSH: 1,
    INITIAL_WINDOW_SIZE: DEFAULT_WINDOW,
    MAX_FRAME_SIZE: MIN_MAX_FRAME_SIZE,
    ENABLE_CONNECT_PROTOCOL: 0,
    NO_RFC7540_PRIORITIES: 0,
}


class Settings:
    """The settings of one end that are in force now.

    A setting that was never announced has the protocol's initial value (RFC 9113 §6.5.2);
    ``max_concurrent_streams`` and ``max_header_list_size`` are ``None`` then: no limit.
    """

    __slots__ = ("announced",)

    def __init__(self) -> None:
        # Most peers announce few: what is absent has its initial value.
        self.announced: dict[int, int] = {}

    def get(self, code: int) -> int | None:
        """Return a setting's value by its code; ``None`` where there is no initial value."""
        value = self.announced.get(code)
        return _INITIAL.get(code) if value is None else value

    @property
    def header_table_size(self) -> int:
        """Octets of HPACK table."""
        return self.announced.get(HEADER_TABLE_SIZE, 4096)

    @property
    def enable_push(self) -> bool:
        """Whether this end accepts pushed streams."""
        return self.announced.get(ENABLE_PUSH, 1) != 0

    @property
    def max_concurrent_streams(self) -> int | None:
        """Streams that the other end may have open."""
        return self.announced.get(MAX_CONCURRENT_STREAMS)

    @property
    def initial_window_size(self) -> int:
        """Octets of credit of a new stream."""
        return self.announced.get(INITIAL_WINDOW_SIZE, DEFAULT_WINDOW)

    @property
    def max_frame_size(self) -> int:
        """Octets of the largest frame payload."""
        return self.announced.get(MAX_FRAME_SIZE, MIN_MAX_FRAME_SIZE)

    @property
    def max_header_list_size(self) -> int | None:
        """Octets of the largest field section, advisory."""
        return self.announced.get(MAX_HEADER_LIST_SIZE)

    @property
    def enable_connect_protocol(self) -> bool:
        """Whether extended CONNECT may be used (RFC 8441)."""
        return self.announced.get(ENABLE_CONNECT_PROTOCOL, 0) != 0

    @property
    def no_rfc7540_priorities(self) -> bool:
        """Whether RFC 7540's priority signals are ignored (RFC 9218 §2.1)."""
        return self.announced.get(NO_RFC7540_PRIORITIES, 0) != 0

    def apply(self, code: int, value: int) -> tuple[int | None, int]:
        """Put a value into force; return the old one and it."""
        old = self.get(code)
        self.announced[code] = value
        return old, value


class LocalSettings(Settings):
    """Our own settings: in force once acknowledged."""

    __slots__ = ("acknowledged", "waiting")

    def __init__(self) -> None:
        super().__init__()
        self.waiting: deque[dict[int, int]] | None = None
        self.acknowledged = False

    def announce(self, settings: dict[int, int]) -> None:
        """Remember what was sent."""
        if self.waiting is None:
            self.waiting = deque()
        self.waiting.append(settings)

    def acknowledge(self) -> Changes | None:
        """The peer acknowledged the oldest announcement; ``None`` if there was none."""
        if not self.waiting:
            return None
        changes: Changes = {}
        for code, value in self.waiting.popleft().items():
            changes[code] = self.apply(code, value)
        if not self.waiting:
            self.waiting = None
        self.acknowledged = True
        return changes

    def largest(self, code: int) -> int:
        """Return the largest value that the peer may believe in: in force, or on its way."""
        largest = self.get(code) or 0
        for settings in self.waiting or ():
            largest = max(largest, settings.get(code, 0))
        return largest


def check_settings(settings: Mapping[int, int]) -> dict[int, int]:
    """Return settings to be announced as plain numbers.

    :raises UsageError: for a value that RFC 9113 §6.5.2 forbids.
    """
    wanted = {int(code): int(value) for code, value in settings.items()}
    for code, value in wanted.items():
        try:
            check_setting(code, value)
        except ConnectionFault as fault:
            raise UsageError(fault.message) from None
        if not 0 <= value < 2**32 or not 0 <= code < 2**16:
            raise UsageError(f"setting {code} cannot be {value}")
    return wanted


def check_error_code(error_code: int) -> int:
    """Return an error code that is to be sent as a plain number.

    :raises UsageError: if it does not fit into 32 bits (RFC 9113 §7).
    :raises TypeError: if it is no whole number.
    """
    code = index(error_code)
    if not 0 <= code < 2**32:
        raise UsageError(f"{code} is no error code")
    return code


def check_setting(code: int, value: int) -> None:
    """Check a setting's range (RFC 9113 §6.5.2, RFC 8441 §3, RFC 9218 §2.1).

    :raises ConnectionFault: with the code that the RFC demands.
    """
    if code in (ENABLE_PUSH, ENABLE_CONNECT_PROTOCOL, NO_RFC7540_PRIORITIES):
        if value > 1:
            raise ConnectionFault(
                ErrorCode.PROTOCOL_ERROR, "settings.value", f"setting {code} must be 0 or 1"
            )
    elif code == INITIAL_WINDOW_SIZE:
        if value > MAX_WINDOW:
            raise ConnectionFault(
                ErrorCode.FLOW_CONTROL_ERROR, "settings.window", "initial window above 2^31-1"
            )
    elif code == MAX_FRAME_SIZE:
        if not MIN_MAX_FRAME_SIZE <= value <= MAX_MAX_FRAME_SIZE:
            raise ConnectionFault(
                ErrorCode.PROTOCOL_ERROR, "settings.frame_size", f"frame size {value} out of range"
            )
