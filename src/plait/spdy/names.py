"""Header lists: what a name and a value may be, and what SPDY/2 calls its special headers."""

from __future__ import annotations

Field = tuple[bytes, bytes]
"""A header: name and value."""
