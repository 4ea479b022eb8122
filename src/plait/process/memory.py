"""How much memory a process has."""

from __future__ import annotations

import os
import sys

SUPPORTED = sys.platform == "linux"


def resident_memory(pid: int) -> int:
    """Return the resident memory of a process in octets; 0 for one that is gone. On Linux."""
    try:
        with open(f"/proc/{pid}/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0
