"""What programs hand to ``Session``, checked, in the form that the engine takes."""

from __future__ import annotations

from collections.abc import Iterable

from plait.spdy.constants import MAX_STREAM_ID, MAX_WINDOW

from .errors import InvalidArgumentError

NV = Iterable[tuple[str, str]]
"""Headers: name and value of each."""

IV = Iterable[tuple[int, int, int]]
"""Settings: identifier, flags and value of each."""

# What the original says of every argument that it refuses.
INVALID = "Invalid argument"

_MAX_PRIORITY = 0xFF
_MAX_WORD = 0xFFFF_FFFF


def fields_of(nv: NV) -> list[tuple[bytes, bytes]]:
    """Return headers as octets.

    :raises InvalidArgumentError: for ``None`` as a name or value, or text without a UTF-8 form.
    :raises TypeError: for a name or value that is no ``str``.
    """
    pairs = list(nv)
    try:
        return [(name.encode(), value.encode()) for name, value in pairs]
    except UnicodeEncodeError as problem:
        raise InvalidArgumentError(INVALID) from problem
    except AttributeError:
        if any(None in pair for pair in pairs):
            raise InvalidArgumentError(INVALID) from None
        raise TypeError("the names and values of headers are str") from None


def priority_of(pri: int, lowest: int) -> int:
    """Return a priority, where numbers beyond the lowest one mean the lowest.

    :raises InvalidArgumentError: for a number outside 0 to 255.
    """
    if not 0 <= pri <= _MAX_PRIORITY:
        raise InvalidArgumentError(f"a priority is 0 to {lowest}, not {pri}")
    return min(pri, lowest)


def check_stream_id(stream_id: int) -> None:
    """Refuse what is no stream's number on the wire.

    :raises InvalidArgumentError: for a number outside 0 to 2^31-1.
    """
    if not 0 <= stream_id <= MAX_STREAM_ID:
        raise InvalidArgumentError(f"a stream's number is 0 to {MAX_STREAM_ID}, not {stream_id}")


def check_status(status_code: int) -> None:
    """Refuse what is no status on the wire.

    :raises InvalidArgumentError: for a number outside 0 to 2^32-1.
    """
    if not 0 <= status_code <= _MAX_WORD:
        raise InvalidArgumentError(f"a status is 0 to {_MAX_WORD}, not {status_code}")


def check_delta(delta_window_size: int) -> None:
    """Refuse what no window can grow by.

    :raises InvalidArgumentError: for a number outside 1 to 2^31-1.
    """
    if not 1 <= delta_window_size <= MAX_WINDOW:
        raise InvalidArgumentError
