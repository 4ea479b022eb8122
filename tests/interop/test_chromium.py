"""Chromium's network stack over TLS: what scripts of a page can do with one connection."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.interop.application import pattern
from tests.interop.conftest import Served
from tests.support.certs import TLSFiles
from tests.support.chromium import running_chromium

pytestmark = pytest.mark.interop


@pytest.fixture(scope="module")
def shared_page(secure: Served, tls_files: TLSFiles) -> Iterator[Page]:
    """A page of the application's."""
    with running_chromium(tls_files) as browser:
        page = browser.new_page()
        page.goto(secure.url + "/")
        yield page


@pytest.fixture
def page(shared_page: Page) -> Page:
    shared_page.evaluate("performance.clearResourceTimings()")
    return shared_page


def protocols(page: Page) -> set[str]:
    found: Any = page.evaluate(
        "performance.getEntriesByType('resource').map((entry) => entry.nextHopProtocol)"
    )
    return set(found)


HASH = """
const sha = async (octets) => Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256',
    octets))).map((octet) => octet.toString(16).padStart(2, '0')).join('');
"""


def test_a_large_download_and_a_large_upload(page: Page) -> None:
    size = 6_000_000
    octets = pattern(size)
    found = page.evaluate(
        f"""async () => {{ {HASH}
            const octets = await (await fetch('/bytes?n={size}')).arrayBuffer();
            const sink = await fetch('/sink', {{method: 'POST', body: octets}});
            const echo = await fetch('/echo', {{method: 'POST', body: octets.slice(0, 5000000)}});
            return [await sha(octets), await sink.json(), await sha(await echo.arrayBuffer())];
        }}"""
    )
    digest = hashlib.sha256(octets).hexdigest()
    assert found == [digest, [size, digest], hashlib.sha256(octets[:5_000_000]).hexdigest()]
    assert protocols(page) == {"h2"}


def test_a_hundred_fetches_at_once_on_one_connection(page: Page, secure: Served) -> None:
    before = secure.report()
    texts = page.evaluate(
        """() => Promise.all(Array.from({length: 150}, async (_, n) =>
            (await fetch(`/delay?ms=${100 + n % 7}`, {cache: 'no-store'})).text()))"""
    )
    assert texts == [f"/delay?ms={100 + n % 7}" for n in range(150)]
    assert protocols(page) == {"h2"}
    after = secure.report()
    assert after["requests"] - before["requests"] == 151
    assert after["connections"] - before["connections"] == 1  # that of the report


def test_aborted_fetches_end_their_streams_and_no_other(page: Page, secure: Served) -> None:
    before = secure.report()
    found = page.evaluate(
        """async () => {
            const ends = [];
            for (let turn = 0; turn < 20; turn++) {
                const stopper = new AbortController();
                // without the cache, which may try to complete what it has got
                const answer = await fetch('/bytes?n=500000000',
                                           {signal: stopper.signal, cache: 'no-store'});
                const reader = answer.body.getReader();
                await reader.read();
                stopper.abort();
                ends.push(await reader.read().then(() => 'read', (error) => error.name));
            }
            return [ends, await (await fetch('/hello')).text()];
        }"""
    )
    assert found == [["AbortError"] * 20, "Hello, world\n"]
    after, reports = wait_for_idle(secure)
    assert after["closed"]["8"] - before["closed"].get("8", 0) == 20
    # each report comes by a connection of its own
    assert after["connections"] - before["connections"] == reports
    assert after["made"] - before["made"] < 20 * 30_000_000


def test_an_event_source(page: Page, secure: Served) -> None:
    found = page.evaluate(
        """() => new Promise((done) => {
            const source = new EventSource('/events?count=5&interval=30');
            const heard = [];
            source.onmessage = (event) => {
                heard.push([event.lastEventId, event.data, performance.now()]);
                if (heard.length === 5) { source.close(); done(heard); }
            };
        })"""
    )
    assert [each[:2] for each in found] == [[str(n), f"event {n}"] for n in range(5)]
    assert found[-1][2] - found[0][2] > 80
    wait_for_idle(secure)


def test_a_reader_that_pauses_holds_the_server_back(page: Page, secure: Served) -> None:
    before = secure.report()
    page.evaluate(
        """async () => {
            window.answer = await fetch('/bytes?n=2000000000');
            window.reader = window.answer.body.getReader();
            await window.reader.read();
        }"""
    )
    made = -1
    while made != (made := secure.report()["made"]):
        time.sleep(0.2)
    assert made - before["made"] < 100_000_000
    # other streams of the connection still go
    assert page.evaluate("fetch('/hello').then((r) => r.text())") == "Hello, world\n"
    page.evaluate("window.reader.cancel()")
    wait_for_idle(secure)


def wait_for_idle(served: Served) -> tuple[dict[str, Any], int]:
    """The first report that tells of no open stream, and how many were asked for."""
    deadline = time.monotonic() + 10
    for reports in count(1):
        report = served.report()
        if not report["open"]:
            return report, reports
        assert time.monotonic() < deadline
        time.sleep(0.02)
    raise AssertionError
