"""CRC-32C (Castagnoli, RFC 3720 appendix B.4), which the standard library lacks."""

from __future__ import annotations

_POLYNOMIAL = 0x82F63B78  # reflected


def _table() -> tuple[int, ...]:
    found = []
    for octet in range(256):
        value = octet
        for _ in range(8):
            value = value >> 1 ^ (_POLYNOMIAL if value & 1 else 0)
        found.append(value)
    return tuple(found)


_TABLE = _table()


def crc32c(data: bytes) -> int:
    """Return the checksum of ``data``, 32 bits."""
    value = 0xFFFFFFFF
    for octet in data:
        value = value >> 8 ^ _TABLE[(value ^ octet) & 0xFF]
    return value ^ 0xFFFFFFFF
