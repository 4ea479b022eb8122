"""What the C library keeps of memory that was given back.

glibc gives the end of its heap back to the system whenever 128 KiB of it are free, and takes it
again at the next large read: bodies then cost more for the pages that come and go than for the
octets in them. When a block that had pages of its own is freed, it learns from its size: blocks
as large are taken from the heap from then on, and twice as much may be free at its end.
"""

from __future__ import annotations

# Octets of the block: the server keeps twice as much at most.
_BLOCK = 4_194_304


def keep_freed_memory() -> None:
    """Let the C library keep 8 MiB that were given back; no effect where it is not glibc."""
    bytes(_BLOCK)
