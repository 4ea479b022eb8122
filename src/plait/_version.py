"""The version of plait, in one place: packaging, ``build_info()`` and the command read it here."""

from __future__ import annotations

__version__ = "0.1.0"
