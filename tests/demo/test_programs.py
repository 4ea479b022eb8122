"""The site as nghttp and curl see it: what is pushed, what is hinted, what trickles."""

from __future__ import annotations

import re
import subprocess
import time

import pytest

from tests.support.peers import require_tool
from tests.support.process import PATIENCE, run

pytestmark = pytest.mark.interop


def test_a_client_that_takes_pushes_is_pushed_the_drawing(site):
    printed = run([require_tool("nghttp"), "-nv", f"{site.url}/"])
    assert "recv PUSH_PROMISE frame" in printed
    assert ":path: /ahead.svg?view=1" in printed
    assert re.search(r"recv \(stream_id=2\) content-type: image/svg\+xml", printed)
    assert re.search(
        r'recv \(stream_id=2\) server-timing: plait;desc="connection 1, pushed"', printed
    )
    assert ":status: 103" not in printed
    page = run([require_tool("nghttp"), f"{site.url}/"])
    assert 'data-delivery="pushed" data-pushed-on="2"' in page


def test_a_client_that_does_not_is_hinted_it_before_the_page(site):
    printed = run([require_tool("nghttp"), "-nv", "--no-push", f"{site.url}/"])
    statuses = re.findall(r"recv \(stream_id=13\) :status: (\d+)", printed)
    assert statuses == ["103", "200"]
    assert "link: </ahead.svg?view=1>; rel=preload; as=image" in printed
    assert "PUSH_PROMISE" not in printed
    page = run([require_tool("nghttp"), "--no-push", f"{site.url}/"])
    assert 'data-delivery="hinted"' in page


def test_head_of_the_page_pushes_nothing(site):
    printed = run([require_tool("nghttp"), "-nv", "-H", ":method: HEAD", f"{site.url}/"])
    assert "PUSH_PROMISE" not in printed


def test_the_slow_text_comes_in_pieces(site):
    curl = require_tool("curl")
    command = [curl, "-sN", "--http2-prior-knowledge", f"{site.url}/slow?lines=4&interval=150"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        arrivals = []
        for line in process.stdout:
            arrivals.append(time.monotonic())
            assert line.endswith(b"\n")
        assert process.wait(PATIENCE) == 0
    assert len(arrivals) == 4
    assert arrivals[-1] - arrivals[0] > 0.3


def test_curl_gets_a_row_of_tiles_on_one_connection_at_once(secure_site, tls_files):
    told = "tile %header{x-plait-connection} %header{x-plait-in-flight} %{http_version}\\n"
    printed = run(
        [require_tool("curl"), "-sZ", "--http2", "--cacert", tls_files.cert, "-w", told,
         "-o", "/dev/null", f"{secure_site.url}/tile/[0-23]-0.webp?delay=500"],
    )  # fmt: skip
    answers = re.findall(r"tile (\d+) (\d+) (\S+)", printed)
    assert len(answers) == 24
    assert {(connection, version) for connection, _, version in answers} == {("1", "2")}
    assert max(int(in_flight) for _, in_flight, _ in answers) > 8


def test_over_tls(secure_site, tls_files):
    printed = run(
        [require_tool("curl"), "-s", "--http2", "--cacert", tls_files.cert, "-o", "/dev/null",
         "-w", "%{http_version} %{http_code} %{content_type}", f"{secure_site.url}/tile/0-0.webp"],
    )  # fmt: skip
    assert printed == "2 200 image/webp"
