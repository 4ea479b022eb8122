"""The attacks, in the order in which they are tried. Each module holds those of one kind."""

from __future__ import annotations

from soak.attacks import fields, floods, messages, reading, slow, tls
from soak.attacks.base import Attack, Target

__all__ = ["ATTACKS", "Attack", "Target"]

ATTACKS: list[Attack] = [
    *floods.ATTACKS,
    *fields.ATTACKS,
    *messages.ATTACKS,
    *reading.ATTACKS,
    *tls.ATTACKS,
    *slow.ATTACKS,
]
