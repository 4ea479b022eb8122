"""Exits with 0 when the compiled variant can be built here, and otherwise says why not."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import setup

try:
    setup.check_compiler()
except setup.CannotCompileError as reason:
    sys.exit(str(reason))
