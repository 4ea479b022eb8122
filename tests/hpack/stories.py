"""Header lists as real programs send them, one JSON file for each connection's direction."""

from __future__ import annotations

import json
from pathlib import Path

from plait.hpack import Field

FOLDER = Path(__file__).with_name("corpus")


def read_stories() -> dict[str, list[list[Field]]]:
    """Name of a story to its field lists, in the order they are sent."""
    return {path.stem: _read(path) for path in sorted(FOLDER.glob("*.json"))}


def _read(path: Path) -> list[list[Field]]:
    story = json.loads(path.read_text(encoding="utf-8"))
    return [[(n.encode(), v.encode()) for n, v in fields] for fields in story["lists"]]
