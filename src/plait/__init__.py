"""HTTP/2 for Python: an engine without I/O, and servers and clients around it."""

from __future__ import annotations

from plait._build import BuildInfo, build_info
from plait._version import __version__

__all__ = ["BuildInfo", "__version__", "build_info"]
