"""The site in Chromium over TLS, which is what it was made for.

The screenshots go to `artifacts/` or to the folder that `PLAIT_ARTIFACTS` names;
`docs/images/demo.png` is the first of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.demo.site import Site, running_site
from tests.support.certs import TLSFiles, make_certificate
from tests.support.chromium import running_chromium
from tests.support.project import ROOT

pytestmark = pytest.mark.interop

TILES = 384

RESULT = """async () => {
    const { slow, ...found } = await plaitDemo.run;
    return { ...found, ahead: await plaitDemo.ahead };
}"""


@pytest.fixture(scope="module")
def browser(tls_files: TLSFiles) -> Iterator[Browser]:
    with running_chromium(tls_files) as browser:
        yield browser


@pytest.fixture(scope="module")
def shared_site(tls_files: TLSFiles) -> Iterator[Site]:
    with running_site(tls_files.server_context()) as site:
        yield site


@contextmanager
def opened(browser: Browser) -> Iterator[Page]:
    """An empty page, of a browser that knows nothing yet; it must not complain to the end."""
    complaints: list[str] = []
    with browser.new_context(viewport={"width": 1280, "height": 1000}) as context:
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        yield page
    assert complaints == []


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with opened(browser) as page:
        yield page


@dataclass(frozen=True)
class Shown:
    """A page where all is there, and what its scripts found: to look at, not to change."""

    page: Page
    found: Any


@pytest.fixture(scope="module")
def shown(browser: Browser, shared_site: Site) -> Iterator[Shown]:
    with opened(browser) as page:
        yield Shown(page, loaded(page, shared_site))


def picture_of(page: Page, name: str, *, full_page: bool = False) -> Path:
    folder = Path(os.environ.get("PLAIT_ARTIFACTS") or ROOT / "artifacts")
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    page.screenshot(path=path, full_page=full_page)
    assert path.stat().st_size > 50_000
    return path


def loaded(page: Page, site: Site) -> Any:
    """Opens the page, and returns what its scripts found when all was there."""
    page.goto(f"{site.url}/")
    return page.evaluate(RESULT)


def test_every_tile_comes_by_h2_on_one_connection(shown):
    tiles = shown.found["tiles"]
    assert len({(tile["column"], tile["row"]) for tile in tiles}) == TILES
    assert {tile["protocol"] for tile in tiles} == {"h2"}
    assert len({tile["connection"] for tile in tiles}) == 1
    streams = {tile["stream"] for tile in tiles}
    assert len(streams) == TILES
    assert all(stream % 2 for stream in streams)
    # what the browser's own clock and counters say, not the page
    protocols = shown.page.evaluate(
        "performance.getEntries().filter(e => 'nextHopProtocol' in e).map(e => e.nextHopProtocol)"
    )
    assert len(protocols) > TILES
    assert set(protocols) == {"h2"}


@pytest.mark.slow
def test_many_streams_are_open_at_once(page, shared_site):
    page.goto(f"{shared_site.url}/")
    page.select_option("select[name=delay]", "200")
    page.evaluate("plaitDemo.run.then(() => null)")
    page.click("button")
    found = page.evaluate(RESULT)
    assert found["inFlight"] >= 50
    # 384 waits of 200 ms on six connections of HTTP/1.1
    assert found["total"] < 12_800


def test_the_picture_that_arrives_is_the_whole_picture(shown):
    page = shown.page
    empty = page.evaluate(
        """() => {
            const canvas = document.getElementById("picture");
            const { width, height } = canvas;
            const pixels = canvas.getContext("2d").getImageData(0, 0, width, height).data;
            return pixels.filter((value, place) => place % 4 === 3 && value !== 255).length;
        }"""
    )
    assert empty == 0
    assert page.text_content("#fact-tiles") == str(TILES)
    assert page.text_content("#fact-protocol") == "h2"
    assert page.text_content("#fact-connections") == "1"
    assert page.text_content("#fact-streams") == str(TILES)
    assert page.text_content("#bar-computed-text") == "≥ 3,200 ms"
    page.wait_for_function("document.getElementById('slow').textContent.includes('\\n')")
    picture_of(page, "demo.png")
    picture_of(page, "demo-whole.png", full_page=True)


@pytest.mark.slow
def test_the_slow_text_comes_in_pieces_on_the_same_connection(page, shared_site):
    found = loaded(page, shared_site)
    slow = page.evaluate("plaitDemo.run.then((found) => found.slow)")
    assert [slow["connection"]] == found["connections"]
    assert slow["stream"] not in {tile["stream"] for tile in found["tiles"]}
    assert len(slow["arrivals"]) >= 10
    assert slow["arrivals"][-1] - slow["arrivals"][0] > 1_000
    text = page.text_content("#slow")
    assert text is not None
    assert "This text is one HTTP/2 response." in text
    assert "That was all." in text
    assert "other streams]" in text  # tiles came and went between its lines


def test_the_drawing_is_hinted_and_the_page_says_so(page, shared_site):
    # Chromium may pass over the hint of the first page it ever opens
    for _ in range(4):
        ahead = loaded(page, shared_site)["ahead"]
        assert ahead["delivery"] == "hinted"
        assert page.evaluate("document.getElementById('ahead').naturalWidth") == 480
        if ahead["used"]:
            break
        assert page.text_content("#ahead-badge") == "Hinted"
    assert 0 < ahead["waited"] < 200
    assert ahead["again"] is False
    assert page.text_content("#ahead-badge") == "Hinted, and taken up"
    # it crossed the network once, for the hint; the page found it in the cache
    sources = page.evaluate(
        "performance.getEntriesByType('resource').filter(e => e.name.includes('/ahead.svg'))"
        ".map(e => [e.initiatorType, e.transferSize])"
    )
    assert sources == [["early-hints", 0]]


@pytest.mark.slow
def test_with_a_certificate_nobody_trusts_it_all_still_works(browser, tmp_path):
    # what a visitor of `plait demo` sees who clicks the warning away
    unknown = make_certificate(tmp_path).server_context()
    with running_site(unknown) as site, browser.new_context(ignore_https_errors=True) as context:
        page = context.new_page()
        for _ in range(4):
            found = loaded(page, site)
            assert found["protocols"] == ["h2"]
            assert len(found["connections"]) == 1
            if found["ahead"]["used"]:
                break
        # the hint is acted on, but Chromium keeps nothing that came so
        assert found["ahead"]["again"] is True
        assert "It then asked again" in (page.text_content("#ahead-text") or "")


@pytest.mark.slow
def test_loading_again_really_loads_again(page, shared_site):
    first = loaded(page, shared_site)
    page.select_option("select[name=delay]", "mixed")
    page.select_option("select[name=order]", "centre")
    page.check("input[name=tint]")
    page.click("button")
    second = page.evaluate(RESULT)
    before = {tile["stream"] for tile in first["tiles"]}
    after = {tile["stream"] for tile in second["tiles"]}
    assert len(after) == TILES
    assert not before & after
    # each waits its own time, so they do not arrive in the order they were asked for
    in_order = sorted(second["tiles"], key=lambda tile: tile["stream"])
    arrivals = [tile["arrived"] for tile in in_order]
    assert arrivals != sorted(arrivals)
    picture_of(page, "demo-arrival.png")


def test_a_tile_tells_what_brought_it(shown):
    page = shown.page
    page.focus("#picture")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowDown")
    text = page.text_content("#readout")
    assert text is not None
    assert text.startswith("Tile 1, 2: h2, connection ")
    page.hover("#picture", position={"x": 12, "y": 12})
    text = page.text_content("#readout")
    assert text is not None
    assert text.startswith("Tile 1, 1: h2, connection ")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "width", "scheme"),
    [("phone", 360, "light"), ("phone-dark", 390, "dark"), ("tablet", 768, "dark")],
)
def test_it_fits_narrow_screens(browser, shared_site, name, width, scheme):
    viewport = {"width": width, "height": 800}
    with browser.new_context(viewport=viewport, color_scheme=scheme) as context:
        page = context.new_page()
        loaded(page, shared_site)
        assert page.evaluate("document.documentElement.scrollWidth") == width
        picture_of(page, f"demo-{name}.png", full_page=True)


def test_everything_that_can_be_used_has_a_name(shown):
    nameless = shown.page.evaluate(
        """() => [...document.querySelectorAll("select, input, button, canvas, img, section, form")]
            .filter((e) => !(e.labels?.length || e.getAttribute("aria-label")
                || e.getAttribute("aria-labelledby") || e.hasAttribute("alt")
                || e.textContent.trim()))
            .map((e) => e.outerHTML.slice(0, 80))"""
    )
    assert nameless == []
