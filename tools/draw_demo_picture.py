"""Draws the picture of the demonstration site and cuts it into tiles.

    pip install pillow numpy
    python tools/draw_demo_picture.py            # writes src/plait/demo/assets/picture.zip
    python tools/draw_demo_picture.py --preview /tmp/picture.png

The picture is a flat plait of seven strands that come in apart and leave as one.
Nothing in it is random but a seeded fibre texture, so one version of Pillow always
gives the same file. Needed at development time only: the package carries the tiles,
in a ZIP archive (stored, not compressed again) with an `index.json` beside them.

How it is drawn: strand k runs along x, its place across is sin(θ) and its height
over the paper is sin(2θ), θ = x·ω + 2πk/7. Two strands meet where θ₁ + θ₂ = π (mod 2π);
there their heights are opposite, so one is always clearly over the other: a plait.
"""

from __future__ import annotations

import argparse
import io
import json
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Plane = NDArray[np.float32]

COLUMNS, ROWS = 24, 16
# A multiple of 16 is a whole number of WebP macroblocks: no seams between tiles.
TILE = 48
WIDTH, HEIGHT = COLUMNS * TILE, ROWS * TILE
OVERSAMPLE = 2

STRANDS = (
    (0xE8, 0x5D, 0x4A),  # vermilion
    (0xF2, 0x9E, 0x4C),  # apricot
    (0xF4, 0xD3, 0x5E),  # straw
    (0x5F, 0xB4, 0x9C),  # sea green
    (0x3D, 0x8F, 0xC4),  # azure
    (0x7A, 0x6F, 0xC9),  # violet
    (0xD9, 0x6B, 0xA0),  # rose
)
PAPER_TOP = (0x1C, 0x25, 0x45)
PAPER_BOTTOM = (0x0E, 0x14, 0x2B)

OUT = Path(__file__).resolve().parent.parent / "src/plait/demo/assets/picture.zip"
ALT = (
    "Seven coloured yarns on dark blue paper: apart on the left, "
    "they are plaited into one band towards the right."
)


def smoothstep(x: Plane, start: float, end: float) -> Plane:
    """0 before `start`, 1 after `end`, smooth between."""
    t = np.clip((x - start) / (end - start), 0.0, 1.0)
    return t * t * (3 - 2 * t)


def noise(shape: tuple[int, int], blur: float, seed: int) -> Plane:
    """Soft noise around 0 with a standard deviation of 1."""
    raw = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    soft = np.asarray(Image.fromarray(raw).filter(ImageFilter.GaussianBlur(blur)), np.float32)
    soft -= soft.mean()
    return soft / soft.std()


def blurred(plane: Plane, radius: float) -> Plane:
    """A Gaussian blur of a plane of numbers from 0 to 1."""
    image = Image.fromarray((np.clip(plane, 0, 1) * 255).astype(np.uint8))
    return np.asarray(image.filter(ImageFilter.GaussianBlur(radius)), np.float32) / 255


class Plait:
    """The strands' geometry on a grid of sample points, turned a little against the paper.

    Everything but the place across depends on the place along only, so it is worked out
    once in a fine table (`self.line`) and looked up for each point.
    """

    def __init__(self, width: int, height: int) -> None:
        y, x = np.mgrid[0:height, 0:width].astype(np.float32)
        # the unit is the height of the picture; the origin is its middle
        x, y = (x - width / 2) / height, (y - height / 2) / height
        turn = np.float32(-0.16)
        self.along = x * np.cos(turn) - y * np.sin(turn)
        self.across = x * np.sin(turn) + y * np.cos(turn)
        self.line = np.linspace(-1.2, 1.2, 8192, dtype=np.float32)
        # gathered: 0 on the left, where the strands are apart, 1 on the right
        gathered = smoothstep(self.line, -0.95, 0.22)
        self.spread = 0.46 - 0.245 * gathered
        self.thickness = 0.036 + 0.0235 * gathered
        # the strands wind slower while they are apart
        self.angle = 5.4 * self.line + 1.7 * smoothstep(self.line, -0.6, 0.8)
        self.radius = self.at(self.thickness)

    def at(self, table: Plane) -> Plane:
        """A value along the line, for each point of the grid."""
        return np.interp(self.along, self.line, table).astype(np.float32)

    def strand(self, number: int) -> Strand:
        """Where one strand runs."""
        theta = self.angle + np.float32(2 * np.pi * number / len(STRANDS))
        centre = self.spread * np.sin(theta)
        slope = np.gradient(centre, self.line)
        # in radii, summed up where the strand really runs, so that its twist stays even
        step = np.sqrt(1 + slope**2) * (self.line[1] - self.line[0])
        length = np.cumsum(step / self.thickness)
        steepness = self.at(slope)
        # the distance to a sloping line, not the distance straight up
        offset = (self.across - self.at(centre)) / np.sqrt(1 + steepness**2) / self.radius
        lift = self.at(np.sin(2 * theta) * self.thickness * 1.1)
        return Strand(offset, lift, steepness, self.at(length))


class Strand(NamedTuple):
    """One strand, for each point of the grid."""

    offset: Plane  # distance from its middle line, in radii
    lift: Plane  # height of the middle line over the paper
    slope: Plane
    length: Plane  # of the strand up to here, in radii


def draw(width: int, height: int) -> Image.Image:
    """The whole picture at `width` × `height` pixels."""
    plait = Plait(width, height)
    colour = paper(width, height)
    top = np.full((height, width), -1.0, np.float32)
    fibres = noise((height, width), 0.9, seed=7)
    for number, rgb in enumerate(STRANDS):
        strand = plait.strand(number)
        bulge = np.sqrt(np.clip(1 - strand.offset**2, 0, 1))
        inside = np.abs(strand.offset) < 1
        here = np.where(inside, strand.lift + bulge * plait.radius, -1.0)
        wins = here > top
        colour[wins] = yarn(strand, bulge, rgb, fibres)[wins]
        top = np.where(wins, here, top)
    colour = with_shadows(colour, top, plait)
    return Image.fromarray((np.clip(colour, 0, 1) * 255).astype(np.uint8))


def paper(width: int, height: int) -> Plane:
    """The ground: a quiet vertical gradient with a grain that hides banding."""
    t = np.linspace(0, 1, height, dtype=np.float32)[:, None, None]
    upper, lower = (np.array(c, np.float32) / 255 for c in (PAPER_TOP, PAPER_BOTTOM))
    ground = np.repeat(upper * (1 - t) + lower * t, width, axis=1)
    ground += noise((height, width), 1.5, seed=3)[..., None] * 0.006
    return ground.astype(np.float32)


def yarn(strand: Strand, bulge: Plane, rgb: tuple[int, int, int], fibres: Plane) -> Plane:
    """The lit surface of one strand: a round body of twisted plies, with fine fibres."""
    around = np.arcsin(np.clip(strand.offset, -1, 1))
    twist = strand.length * 2.6 + around * 1.7
    # surface normal: across the strand, then turned into the picture by its slope
    tilt = np.clip(strand.offset + 0.30 * np.cos(twist) * bulge, -1, 1)
    turn = 1 / np.sqrt(1 + strand.slope**2)
    normal_x, normal_y = -strand.slope * turn * tilt, turn * tilt
    normal_z = np.sqrt(np.clip(1 - tilt**2, 0, 1))
    light = np.clip(-0.42 * normal_x - 0.62 * normal_y + 0.66 * normal_z, 0, 1)
    # the grooves between the plies lie in their own shade
    groove = smoothstep(np.sin(twist + 0.9), 0.55, 1.0)
    strength = 0.32 + 0.80 * light - 0.16 * groove + 0.022 * fibres
    lit = np.array(rgb, np.float32) / 255 * strength[..., None]
    lit += (light**14)[..., None] * 0.14
    # a thin dark rim, so that neighbours of like colour stay apart
    rim = smoothstep(np.abs(strand.offset), 0.86, 1.0)
    return np.asarray(lit * (1 - 0.45 * rim[..., None]), np.float32)


def with_shadows(colour: Plane, top: Plane, plait: Plait) -> Plane:
    """Darkens what lies beside something higher, and the paper under the strands."""
    depth = np.clip((top + 0.10) / 0.26, 0, 1) * (top > -1)
    height = colour.shape[0]
    for radius, strength in ((height * 0.010, 1.5), (height * 0.028, 0.9)):
        shifted = np.roll(depth, (int(radius * 0.9), int(radius * 0.5)), axis=(0, 1))
        above = np.clip(blurred(shifted, radius) - depth, 0, 1)
        colour = colour * (1 - np.clip(above * strength, 0, 0.62))[..., None]
    vignette = 1 - 0.22 * smoothstep(np.hypot(plait.along / 1.5, plait.across), 0.35, 0.95)
    return np.asarray(colour * vignette[..., None], np.float32)


def encoded(tile: Image.Image) -> bytes:
    """One tile as WebP."""
    buffer = io.BytesIO()
    tile.save(buffer, "WEBP", quality=90, method=6)
    return buffer.getvalue()


def pack(picture: Image.Image, out: Path) -> int:
    """Cuts the picture and writes the archive; gives its size in octets."""
    index = {"columns": COLUMNS, "rows": ROWS, "tile": TILE, "alt": ALT}
    members = {"index.json": json.dumps(index, indent=1).encode()}
    for row in range(ROWS):
        for column in range(COLUMNS):
            x, y = column * TILE, row * TILE
            tile = picture.crop((x, y, x + TILE, y + TILE))
            members[f"{column}-{row}.webp"] = encoded(tile)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data)
    return out.stat().st_size


def main() -> None:
    """Reads the command line, draws, packs."""
    parser = argparse.ArgumentParser(description="Draw and cut the demonstration picture.")
    parser.add_argument("--out", type=Path, default=OUT, help="the archive to write")
    parser.add_argument("--preview", type=Path, help="also save the whole picture here")
    options = parser.parse_args()
    large = draw(WIDTH * OVERSAMPLE, HEIGHT * OVERSAMPLE)
    picture = large.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    if options.preview:
        picture.save(options.preview)
    size = pack(picture, options.out)
    print(f"{options.out}: {COLUMNS} × {ROWS} tiles, {size / 1000:.0f} kB")


if __name__ == "__main__":
    main()
