"""The targets by name: each takes fuzz octets, and a function for a transcript if one is wanted."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from fuzz import conversation, field_blocks, octets, spdy

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent
CORPUS = FOLDER / "corpus"
CASES = FOLDER / "cases"

Target = Callable[[bytes, Callable[[str], None] | None], None]

TARGETS: dict[str, Target] = {
    "hpack": field_blocks.decode,
    "frames": octets.read,
    "server": conversation.serve,
    "client": conversation.visit,
    "spdy": spdy.converse,
}

# Targets whose input is a program of `fuzz.program`, for the mutator that knows its borders.
PROGRAMS = frozenset({"hpack", "server", "client", "spdy"})


def target_of(file: Path) -> str:
    """The target of an input, which is the name of the folder it lies in.

    Raises:
        ValueError: No folder above the file has a target's name.
    """
    for folder in file.resolve().parents:
        if folder.name in TARGETS:
            return folder.name
    raise ValueError(f"{file} lies in no folder with a target's name ({', '.join(TARGETS)})")


def inputs(folder: Path) -> list[Path]:
    """Every input below a folder of `corpus` or `cases`, in a fixed order."""
    return sorted(path for path in folder.rglob("*") if path.is_file())
