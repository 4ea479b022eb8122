"""Frames as octets (RFC 9113 §4, §6): writers append to a ``bytearray``, readers take it apart.

The writers know the layout and nothing of the rules; lengths are the caller's concern.
"""

from __future__ import annotations

from .constants import (
    ACK,
    ALTSVC,
    GOAWAY,
    ORIGIN,
    PING,
    PRIORITY_UPDATE,
    RST_STREAM,
    SETTINGS,
    WINDOW_UPDATE,
)

_EMPTY_HEADER = bytes(9)


def append_header(out: bytearray, length: int, frame_type: int, flags: int, stream_id: int) -> None:
    """Append a frame header (RFC 9113 §4.1)."""
    start = len(out)
    out += _EMPTY_HEADER
    write_header(out, start, length, frame_type, flags, stream_id)


def write_header(
    out: bytearray, start: int, length: int, frame_type: int, flags: int, stream_id: int
) -> None:
    """Fill in a frame header at ``start``, where nine octets are kept for it."""
    out[start] = (length >> 16) & 0xFF
    out[start + 1] = (length >> 8) & 0xFF
    out[start + 2] = length & 0xFF
    out[start + 3] = frame_type
    out[start + 4] = flags
    out[start + 5] = (stream_id >> 24) & 0xFF
    out[start + 6] = (stream_id >> 16) & 0xFF
    out[start + 7] = (stream_id >> 8) & 0xFF
    out[start + 8] = stream_id & 0xFF


def append_uint32(out: bytearray, value: int) -> None:
    """Append four octets, most significant first."""
    out.append((value >> 24) & 0xFF)
    out.append((value >> 16) & 0xFF)
    out.append((value >> 8) & 0xFF)
    out.append(value & 0xFF)


def uint32(data: bytes, at: int) -> int:
    """Read four octets, most significant first."""
    first = data[at]  # its own variable: typed wide, so that the shift does not reach a sign bit
    return (first << 24) | (data[at + 1] << 16) | (data[at + 2] << 8) | data[at + 3]


def append_rst_stream(out: bytearray, stream_id: int, error_code: int) -> None:
    """Append RST_STREAM (RFC 9113 §6.4)."""
    append_header(out, 4, RST_STREAM, 0, stream_id)
    append_uint32(out, error_code)


def append_settings(out: bytearray, settings: dict[int, int]) -> None:
    """Append SETTINGS (RFC 9113 §6.5)."""
    append_header(out, 6 * len(settings), SETTINGS, 0, 0)
    out += settings_payload(settings)


def settings_payload(settings: dict[int, int]) -> bytes:
    """Return the payload of SETTINGS, which HTTP2-Settings carries too (RFC 7540 §3.2.1)."""
    payload = bytearray()
    for code, value in settings.items():
        payload.append((code >> 8) & 0xFF)
        payload.append(code & 0xFF)
        append_uint32(payload, value)
    return bytes(payload)


def parse_settings(payload: bytes) -> list[tuple[int, int]]:
    """Return the entries of a SETTINGS payload, whose length is a multiple of six."""
    return [
        ((payload[at] << 8) | payload[at + 1], uint32(payload, at + 2))
        for at in range(0, len(payload) - 5, 6)
    ]


def append_settings_ack(out: bytearray) -> None:
    """Append the acknowledgement of SETTINGS (RFC 9113 §6.5)."""
    append_header(out, 0, SETTINGS, ACK, 0)


def append_ping(out: bytearray, data: bytes, ack: bool) -> None:
    """Append PING (RFC 9113 §6.7)."""
    append_header(out, 8, PING, ACK if ack else 0, 0)
    out += data


def append_goaway(out: bytearray, last_stream_id: int, error_code: int, debug: bytes) -> None:
    """Append GOAWAY (RFC 9113 §6.8)."""
    append_header(out, 8 + len(debug), GOAWAY, 0, 0)
    append_uint32(out, last_stream_id)
    append_uint32(out, error_code)
    out += debug


def append_window_update(out: bytearray, stream_id: int, increment: int) -> None:
    """Append WINDOW_UPDATE (RFC 9113 §6.9)."""
    append_header(out, 4, WINDOW_UPDATE, 0, stream_id)
    append_uint32(out, increment)


def append_altsvc(out: bytearray, stream_id: int, origin: bytes, field_value: bytes) -> None:
    """Append ALTSVC (RFC 7838 §4)."""
    append_header(out, 2 + len(origin) + len(field_value), ALTSVC, 0, stream_id)
    out.append((len(origin) >> 8) & 0xFF)
    out.append(len(origin) & 0xFF)
    out += origin
    out += field_value


def append_origin(out: bytearray, origins: list[bytes]) -> None:
    """Append ORIGIN (RFC 8336 §2)."""
    payload = bytearray()
    for origin in origins:
        payload.append((len(origin) >> 8) & 0xFF)
        payload.append(len(origin) & 0xFF)
        payload += origin
    append_header(out, len(payload), ORIGIN, 0, 0)
    out += payload


def parse_origins(payload: bytes) -> list[bytes] | None:
    """Return the entries of an ORIGIN payload, ``None`` if it is cut short."""
    origins: list[bytes] = []
    at = 0
    while at < len(payload):
        if at + 2 > len(payload):
            return None
        length = (payload[at] << 8) | payload[at + 1]
        at += 2
        if at + length > len(payload):
            return None
        origins.append(payload[at : at + length])
        at += length
    return origins


def append_priority_update(out: bytearray, stream_id: int, value: bytes) -> None:
    """Append PRIORITY_UPDATE (RFC 9218 §7.1)."""
    append_header(out, 4 + len(value), PRIORITY_UPDATE, 0, 0)
    append_uint32(out, stream_id)
    out += value
