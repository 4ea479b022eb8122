"""Runs `--check` of every generator in this folder; fails when a generated file is out of date.

A generator is a script `tools/make_*.py`. Without arguments it writes its file into
the source tree; with `--check` it only compares, and exits with 1 on a difference.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def main() -> int:
    """Runs them all, and returns the exit status."""
    generators = sorted(Path(__file__).resolve().parent.glob("make_*.py"))
    failed = [
        script.name
        for script in generators
        if subprocess.run([sys.executable, str(script), "--check"], check=False).returncode
    ]
    for name in failed:
        print(f"out of date: run python tools/{name}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
