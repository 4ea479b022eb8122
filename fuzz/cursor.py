"""Reads decisions from fuzz octets: whatever they are, they mean something."""

from __future__ import annotations


class Cursor:
    """Takes octets from the front; where none are left, zeros follow for ever."""

    __slots__ = ("at", "data")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def left(self) -> int:
        """How many octets are left."""
        return len(self.data) - self.at

    def octet(self) -> int:
        """The next octet."""
        self.at += 1
        return self.data[self.at - 1] if self.at <= len(self.data) else 0

    def below(self, limit: int) -> int:
        """A number from 0 up to, but without, `limit`, which is 256 at most."""
        return self.octet() % limit

    def number(self, octets: int) -> int:
        """An unsigned integer of so many octets."""
        value = 0
        for _ in range(octets):
            value = value << 8 | self.octet()
        return value

    def take(self, most: int) -> bytes:
        """Up to so many octets; fewer where the input ends."""
        taken = self.data[self.at : self.at + most]
        self.at += len(taken)
        return taken
