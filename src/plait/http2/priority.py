"""RFC 9218: the priority field, a structured dictionary of which two members matter.

Members that are unknown, out of range or of the wrong type are passed over (RFC 9218 §4); a
field that is not a dictionary at all counts as absent (RFC 8941 §4.2). RFC 7540's priorities are
only told of.
"""

from __future__ import annotations

import re
from functools import lru_cache

from .events import PriorityReceived
from .frames import uint32

DEFAULT_URGENCY = 3

# RFC 8941 §3.2: members are separated by commas; each is a key, then nothing (true), or "=" and
# an item. Only integers and booleans are of interest; parameters behind ";" are not.
_MEMBER = re.compile(
    rb"[ \t]*([a-z*][a-z0-9_.*-]*)"  # key
    rb"(?:=("
    rb"-?[0-9]{1,15}(?:\.[0-9]{1,3})?|\?[01]"  # number, boolean
    rb'|"(?:[ !#-\[\]-~]|\\["\\])*"|[A-Za-z*][!-~]*?|:[A-Za-z0-9+/=]*:'  # string, token, octets
    rb"))?"
    rb"(?:;[^,]*)?[ \t]*(?:,|$)"
)


LONGEST_PRIORITY = 256
"""Octets of a field value that is read at all."""


def parse_priority(value: bytes) -> tuple[int, bool]:
    """Return ``(urgency, incremental)`` of a priority field value (RFC 9218 §4).

    :param value: the field value; several lines are joined with commas before. One of more than
        256 octets counts as absent: it is no priority, and would be expensive to read and keep.
    """
    return read_priority(value) if len(value) <= LONGEST_PRIORITY else (DEFAULT_URGENCY, False)


@lru_cache(maxsize=256)
def read_priority(value: bytes) -> tuple[int, bool]:
    """Return the same for a value that is not longer than ``LONGEST_PRIORITY``; remembered."""
    urgency = DEFAULT_URGENCY
    incremental = False
    position = 0
    while position < len(value):
        member = _MEMBER.match(value, position)
        if member is None:
            return DEFAULT_URGENCY, False
        position = member.end()
        key, item = member[1], member[2]
        if key == b"u" and item is not None and item.isdigit() and int(item) <= 7:
            urgency = int(item)
        elif key == b"i":
            if item is None or item == b"?1":
                incremental = True
            elif item == b"?0":
                incremental = False
    return urgency, incremental


def format_priority(urgency: int, incremental: bool) -> bytes:
    """Return the field value for a priority; defaults are left out (RFC 9218 §4).

    :raises ValueError: for an urgency outside 0..7.
    """
    if not 0 <= urgency <= 7:
        raise ValueError(f"urgency must lie between 0 and 7, not {urgency}")
    parts = []
    if urgency != DEFAULT_URGENCY:
        parts.append(b"u=%d" % urgency)
    if incremental:
        parts.append(b"i")
    return b", ".join(parts)


def priority_received(stream_id: int, octets: bytes, in_headers: bool) -> PriorityReceived:
    """Return the event of a priority as it stands on the wire (RFC 7540 §6.3)."""
    word = uint32(octets, 0)
    exclusive = word >> 31 == 1
    return PriorityReceived(stream_id, word & 0x7FFFFFFF, octets[4] + 1, exclusive, in_headers)
