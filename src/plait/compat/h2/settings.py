"""The settings of one end of a connection: those in force, and those announced but not yet so.

A setting takes effect when it is acknowledged (RFC 9113 §6.5.3). ``Settings`` is a mapping whose
values are those in force; what is assigned waits behind them, in order, until ``acknowledge``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from enum import IntEnum

from plait.http2.constants import MAX_MAX_FRAME_SIZE, MAX_WINDOW, MIN_MAX_FRAME_SIZE

from .errors import ErrorCodes
from .exceptions import InvalidSettingsValueError

# What stands for "no limit" where the peer has set none: more streams than there are ids.
_UNLIMITED_STREAMS = 2**32 + 1


class SettingCodes(IntEnum):
    """The settings (RFC 9113 §6.5.2, RFC 8441 §3)."""

    HEADER_TABLE_SIZE = 0x1
    """Octets of HPACK table that the sender's decoder keeps."""
    ENABLE_PUSH = 0x2
    """Whether the sender takes pushed streams: 0 or 1."""
    MAX_CONCURRENT_STREAMS = 0x3
    """Streams that the receiver may have open."""
    INITIAL_WINDOW_SIZE = 0x4
    """Octets of credit of a new stream."""
    MAX_FRAME_SIZE = 0x5
    """Octets of payload that the sender takes in one frame."""
    MAX_HEADER_LIST_SIZE = 0x6
    """Octets of fields that the sender takes in one section; each field counts 32 more."""
    ENABLE_CONNECT_PROTOCOL = 0x8
    """Whether the sender takes extended CONNECT: 0 or 1."""


_KNOWN = {int(code): code for code in SettingCodes}


def setting_code_from_int(code: int) -> SettingCodes | int:
    """Return the member of ``SettingCodes`` with that number, or the number if there is none."""
    return _KNOWN.get(code, code)


class ChangedSetting:
    """One setting that has come into force.

    :ivar setting: which one; a plain int if h2 has no name for it.
    :ivar original_value: what it was; ``None`` if it had no value.
    :ivar new_value: what it is.
    """

    def __init__(
        self, setting: SettingCodes | int, original_value: int | None, new_value: int
    ) -> None:
        self.setting = setting
        self.original_value = original_value
        self.new_value = new_value

    def __repr__(self) -> str:
        return (
            f"ChangedSetting(setting={self.setting!s}, original_value={self.original_value}, "
            f"new_value={self.new_value})"
        )


class Settings(MutableMapping[SettingCodes | int, int]):
    """The settings of one end, by their codes.

    Reading gives the value in force. A setting that was assigned for the first time and is not
    in force yet is counted and iterated over, but reading it raises ``KeyError``.

    :param client: whether the end is a client: only there push is enabled at first.
    :param initial_values: values in force from the start, instead of the protocol's.
    :raises InvalidSettingsValueError: for an initial value that is not allowed.
    """

    def __init__(
        self, client: bool = True, initial_values: Mapping[SettingCodes, int] | None = None
    ) -> None:
        self._client = client
        # The first of a setting's values is the one in force; None where there is none yet.
        self._settings: dict[SettingCodes | int, deque[int | None]] = {
            SettingCodes.HEADER_TABLE_SIZE: deque([4096]),
            SettingCodes.ENABLE_PUSH: deque([int(client)]),
            SettingCodes.INITIAL_WINDOW_SIZE: deque([65535]),
            SettingCodes.MAX_FRAME_SIZE: deque([MIN_MAX_FRAME_SIZE]),
            SettingCodes.ENABLE_CONNECT_PROTOCOL: deque([0]),
        }
        # For each announcement, how many of a setting's values are to go when it is acknowledged.
        self._announced: deque[dict[SettingCodes | int, int]] = deque()
        for setting, value in (initial_values or {}).items():
            require_valid(setting, value)
            self._settings[setting] = deque([value])

    def acknowledge(self) -> dict[SettingCodes | int, ChangedSetting]:
        """Put the next waiting value of each setting into force.

        :returns: the settings that have got another value, by their codes.
        """
        return self._advance(dict.fromkeys(self._settings, 1))

    def _advance(
        self, steps: Mapping[SettingCodes | int, int]
    ) -> dict[SettingCodes | int, ChangedSetting]:
        """Let so many values of these settings go, where others wait behind them."""
        changed: dict[SettingCodes | int, ChangedSetting] = {}
        for setting, count in steps.items():
            values = self._settings.get(setting)
            if values is None or not 0 < count < len(values):
                continue  # taken away, or in force
            original = values[0]
            for _ in range(count):
                values.popleft()
            new = values[0]
            assert new is not None  # only the first value of all can be missing
            changed[setting] = ChangedSetting(setting, original, new)
        return changed

    def latest(self) -> dict[int, int]:
        """Return the newest value of each setting, in force or waiting. Not in h2."""
        return {
            int(setting): values[-1]
            for setting, values in self._settings.items()
            if values[-1] is not None
        }

    def announce(self, settings: Iterable[int]) -> None:
        """Take note that settings were announced, to be in force when that is acknowledged.

        Not in h2, which takes each acknowledgement for one of whatever waits.

        :param settings: their codes.
        """
        announced: dict[SettingCodes | int, int] = {}
        for number in settings:
            setting = setting_code_from_int(number)
            earlier = sum([steps.get(setting, 0) for steps in self._announced])
            announced[setting] = len(self._settings[setting]) - 1 - earlier
        self._announced.append(announced)

    def put_into_force(self) -> dict[SettingCodes | int, ChangedSetting]:
        """Put into force what was announced first and is not in force yet; see ``announce``.

        :returns: the settings that waited for it, by their codes.
        """
        return self._advance(self._announced.popleft() if self._announced else {})

    def validate_received_setting(self, setting: SettingCodes | int, value: int) -> None:
        """Check a setting that the end, which is the peer then, has announced.

        :raises InvalidSettingsValueError: if it is not allowed; a server must not enable push.
        """
        require_valid(setting, value, client=self._client)

    @property
    def header_table_size(self) -> int:
        """Octets of HPACK table."""
        return self[SettingCodes.HEADER_TABLE_SIZE]

    @header_table_size.setter
    def header_table_size(self, value: int) -> None:
        self[SettingCodes.HEADER_TABLE_SIZE] = value

    @property
    def enable_push(self) -> int:
        """Whether pushed streams are taken: 0 or 1."""
        return self[SettingCodes.ENABLE_PUSH]

    @enable_push.setter
    def enable_push(self, value: int) -> None:
        self[SettingCodes.ENABLE_PUSH] = value

    @property
    def initial_window_size(self) -> int:
        """Octets of credit of a new stream."""
        return self[SettingCodes.INITIAL_WINDOW_SIZE]

    @initial_window_size.setter
    def initial_window_size(self, value: int) -> None:
        self[SettingCodes.INITIAL_WINDOW_SIZE] = value

    @property
    def max_frame_size(self) -> int:
        """Octets of payload in one frame."""
        return self[SettingCodes.MAX_FRAME_SIZE]

    @max_frame_size.setter
    def max_frame_size(self, value: int) -> None:
        self[SettingCodes.MAX_FRAME_SIZE] = value

    @property
    def max_concurrent_streams(self) -> int:
        """Streams that the other end may have open; 2³²+1 where there is no limit."""
        return self.get(SettingCodes.MAX_CONCURRENT_STREAMS, _UNLIMITED_STREAMS)

    @max_concurrent_streams.setter
    def max_concurrent_streams(self, value: int) -> None:
        self[SettingCodes.MAX_CONCURRENT_STREAMS] = value

    @property
    def max_header_list_size(self) -> int | None:
        """Octets of fields in one section; ``None`` where there is no limit."""
        return self.get(SettingCodes.MAX_HEADER_LIST_SIZE)

    @max_header_list_size.setter
    def max_header_list_size(self, value: int) -> None:
        self[SettingCodes.MAX_HEADER_LIST_SIZE] = value

    @property
    def enable_connect_protocol(self) -> int:
        """Whether extended CONNECT is taken: 0 or 1."""
        return self[SettingCodes.ENABLE_CONNECT_PROTOCOL]

    @enable_connect_protocol.setter
    def enable_connect_protocol(self, value: int) -> None:
        self[SettingCodes.ENABLE_CONNECT_PROTOCOL] = value

    def __getitem__(self, key: SettingCodes | int) -> int:
        value = self._settings[key][0]
        if value is None:
            raise KeyError(key)
        return value

    def __setitem__(self, key: SettingCodes | int, value: int) -> None:
        require_valid(key, value)
        values = self._settings.get(key)
        if values is None:
            values = self._settings[key] = deque([None])
        values.append(value)

    def __delitem__(self, key: SettingCodes | int) -> None:
        del self._settings[key]

    def __iter__(self) -> Iterator[SettingCodes | int]:
        return iter(self._settings)

    def __len__(self) -> int:
        return len(self._settings)

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Settings):
            return self._settings == other._settings
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]  # it changes


def require_valid(setting: int, value: int, client: bool = True) -> None:
    """Raise if a setting has a value that an end of that role must not announce."""
    fault = _fault(setting, value, client)
    if fault is not None:
        raise InvalidSettingsValueError(
            f"Setting {setting} has invalid value {value}", error_code=fault
        )


def _fault(setting: int, value: int, client: bool) -> ErrorCodes | None:
    """Return the error code that a value deserves (RFC 9113 §6.5.2, RFC 8441 §3)."""
    if setting == SettingCodes.INITIAL_WINDOW_SIZE:
        return None if 0 <= value <= MAX_WINDOW else ErrorCodes.FLOW_CONTROL_ERROR
    if setting == SettingCodes.ENABLE_PUSH:
        valid = value in (0, 1) if client else value == 0
    elif setting == SettingCodes.MAX_FRAME_SIZE:
        valid = MIN_MAX_FRAME_SIZE <= value <= MAX_MAX_FRAME_SIZE
    elif setting == SettingCodes.MAX_HEADER_LIST_SIZE:
        valid = value >= 0
    elif setting == SettingCodes.ENABLE_CONNECT_PROTOCOL:
        valid = value in (0, 1)
    else:
        valid = True
    return None if valid else ErrorCodes.PROTOCOL_ERROR
