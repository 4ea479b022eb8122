"""The names of h2 and of plait's ancestors, so that programs written for them run on plait.

``python -m plait.compat SCRIPT [ARGS]`` runs a script in which ``import h2`` finds
``plait.compat.h2``, and so for ``nghttp2``, ``spdylay`` and ``kyoukai``; ``install`` does the same
from within a program.
"""

from __future__ import annotations

from .aliases import install

__all__ = ["install"]
