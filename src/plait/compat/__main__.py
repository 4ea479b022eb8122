"""``python -m plait.compat SCRIPT [ARGS]``."""

from __future__ import annotations

import sys

from plait.compat.runner import main

main(sys.argv[1:])
