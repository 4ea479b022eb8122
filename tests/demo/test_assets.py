"""What the package carries for the site: complete, small, and asking nobody else."""

from __future__ import annotations

import re

import pytest

from plait.demo.assets import Assets, load_assets
from tests.support.project import PACKAGE

ASSETS = PACKAGE / "demo" / "assets"


@pytest.fixture(scope="module")
def assets() -> Assets:
    return load_assets()


def test_there_is_a_tile_for_every_place_and_each_is_webp(assets):
    picture = assets.picture
    places = {f"{c}-{r}" for c in range(picture.columns) for r in range(picture.rows)}
    assert picture.tiles.keys() == places
    assert 200 <= len(places) <= 400
    for name, tile in picture.tiles.items():
        assert (tile[:4], tile[8:12]) == (b"RIFF", b"WEBP"), name
        assert int.from_bytes(tile[4:8], "little") + 8 == len(tile), name


def test_the_picture_stays_small():
    assert (ASSETS / "picture.zip").stat().st_size < 600_000


def test_nothing_is_loaded_from_elsewhere():
    for path in ASSETS.rglob("*.*"):
        if path.suffix == ".zip":
            continue
        text = path.read_text("utf-8").replace('xmlns="http://www.w3.org/2000/svg"', "")
        assert not re.search(r"https?:|//[a-z]+\.|@import|\bdata:", text), path.name


def test_the_page_has_no_script_or_style_of_its_own(assets):
    page = assets.page.template
    assert re.findall(r"<script\b[^>]*>", page) == [
        '<script type="module" src="$static/app.js">',
    ]
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=", page)


def test_every_script_that_is_imported_is_there(assets):
    for name, file in assets.static.items():
        for imported in re.findall(rb'from "\./([^"]+)"', file.body):
            assert imported.decode() in assets.static, name


def test_every_element_that_a_script_names_is_in_the_page(assets):
    named = set(re.findall(rb'\$\("([a-z0-9-]+)"\)', assets.static["app.js"].body))
    assert len(named) > 15
    for name in named:
        assert f'id="{name.decode()}"' in assets.page.template


def test_the_version_is_the_same_for_the_same_files(assets):
    assert assets.version == load_assets().version
    assert re.fullmatch("[0-9a-f]{12}", assets.version)


def test_the_colours_of_arrival_are_the_same_in_style_and_script(assets):
    script = assets.static["scale.js"].body.decode()
    stops = re.findall(r"\[(\d+), (\d+), (\d+)\]", script)
    style = assets.static["demo.css"].body.decode()
    colours = ", ".join("#" + "".join(f"{int(part):02x}" for part in stop) for stop in stops)
    assert f"linear-gradient(to right, {colours})" in style
