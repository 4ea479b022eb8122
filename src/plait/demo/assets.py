"""What the demonstration site is made of, read from the package once."""

from __future__ import annotations

import hashlib
import json
import zipfile
from dataclasses import dataclass
from importlib.resources import files
from string import Template
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

TYPES = {
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}


@dataclass(frozen=True)
class File:
    """One file as it is sent."""

    content_type: str
    body: bytes


@dataclass(frozen=True)
class Picture:
    """The picture of the page, cut into tiles of `tile` × `tile` pixels.

    `tiles` maps "column-row" to a WebP file; `alt` says in words what is to be seen.
    """

    columns: int
    rows: int
    tile: int
    alt: str
    tiles: dict[str, bytes]


@dataclass(frozen=True)
class Assets:
    """Everything the site sends that does not depend on the request.

    `version` is a digest over the static files. It is part of their addresses, so that
    they can be cached for ever and still never be stale.
    """

    page: Template
    ahead: File
    icon: File
    static: dict[str, File]
    version: str
    picture: Picture


def load_assets() -> Assets:
    """Reads the files beside this module."""
    folder = files("plait.demo") / "assets"
    static = {
        item.name: read_file(item)
        for item in sorted((folder / "static").iterdir(), key=lambda item: item.name)
        if suffix(item) in TYPES
    }
    digest = hashlib.sha256()
    for name, file in static.items():
        digest.update(b"%s\0%d\0%s" % (name.encode(), len(file.body), file.body))
    return Assets(
        page=Template((folder / "index.html").read_text("utf-8")),
        ahead=read_file(folder / "ahead.svg"),
        icon=read_file(folder / "favicon.svg"),
        static=static,
        version=digest.hexdigest()[:12],
        picture=read_picture(folder / "picture.zip"),
    )


def suffix(item: Traversable) -> str:
    """The part of a file's name after the last dot."""
    return item.name.rpartition(".")[2]


def read_file(item: Traversable) -> File:
    """One file, with the type its name tells."""
    return File(TYPES[suffix(item)], item.read_bytes())


def read_picture(item: Traversable) -> Picture:
    """The tiles and what is known about them; `tools/draw_demo_picture.py` made the archive."""
    with item.open("rb") as stream, zipfile.ZipFile(stream) as archive:
        index = json.loads(archive.read("index.json"))
        tiles = {
            name.removesuffix(".webp"): archive.read(name)
            for name in archive.namelist()
            if name.endswith(".webp")
        }
    return Picture(index["columns"], index["rows"], index["tile"], index["alt"], tiles)
