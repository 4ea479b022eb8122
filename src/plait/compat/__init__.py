"""The names of plait's ancestors, so that programs written for them go on running.

``python -m plait.compat SCRIPT [ARGS]`` runs a script in which ``import nghttp2`` finds
``plait.compat.nghttp2``, ``import spdylay`` finds ``plait.compat.spdylay`` and ``import kyoukai``
finds ``plait.compat.kyoukai``; ``install`` does the same from within a program.
"""

from __future__ import annotations

from .aliases import install

__all__ = ["install"]
