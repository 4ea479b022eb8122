"""Where the command begins: before it is known whether `click` is installed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit status: 0, or 2 after one line on standard error.

    `arguments` are those after the program's name; by default, the ones of this process. A second
    Ctrl-C, or one before anything is served, gives 130.
    """
    try:
        from .commands import invoke
    except ModuleNotFoundError as error:
        if error.name != "click":
            raise
        print("plait: the command needs click: pip install 'plait[cli]'", file=sys.stderr)
        return 2
    return invoke(arguments)
