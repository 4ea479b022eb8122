"""nghttp, the client of the library whose module the API comes from."""

from __future__ import annotations

import hashlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.interop.application import pattern
from tests.interop.conftest import Served
from tests.support.peers import require_tool
from tests.support.process import PATIENCE, run

pytestmark = pytest.mark.interop

UPLOAD = pattern(1_500_000)
DIGEST = hashlib.sha256(UPLOAD).hexdigest()


@pytest.fixture(scope="module")
def upload(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path: Path = tmp_path_factory.mktemp("upload") / "upload.bin"
    path.write_bytes(UPLOAD)
    return path


def nghttp(*arguments: Any) -> str:
    return run([require_tool("nghttp"), "--no-verify-peer", *arguments])


def body(*arguments: Any) -> bytes:
    command = [require_tool("nghttp"), "--no-verify-peer", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, timeout=PATIENCE, check=True).stdout


def fields_of(printed: str) -> dict[str, str]:
    return dict(json.loads(printed))


def test_a_file_is_uploaded(either: Served, upload: Path) -> None:
    printed = nghttp("-d", upload, either.url + "/sink")
    assert json.loads(printed) == [len(UPLOAD), DIGEST]


def test_every_frame_padded_and_trailers_behind_the_body(clear: Served, upload: Path) -> None:
    options = ("-b", "200", "--trailer", "x-after: the body", "-d", upload)
    found = fields_of(nghttp(*options, clear.url + "/fields"))
    assert found["x-after"] == "the body"
    assert found["content-length"] == str(len(UPLOAD))
    assert json.loads(nghttp("-b", "255", "-d", upload, clear.url + "/sink"))[1] == DIGEST


@pytest.mark.parametrize("bits", [10, 14, 20, 30])
def test_windows_of_any_size(clear: Served, bits: int) -> None:
    size = 300_000 if bits == 10 else 3_000_000
    for length in (0, 1):
        url = f"{clear.url}/bytes?n={size}&length={length}"
        assert body("-w", bits, "-W", bits, url) == pattern(size)


def test_up_and_down_at_once_through_small_windows(either: Served, upload: Path) -> None:
    assert body("-w", 14, "-W", 14, "-d", upload, either.url + "/echo") == UPLOAD


def test_a_field_section_in_continuation_frames(clear: Served) -> None:
    printed = nghttp("--continuation", "-H", "x-last: here", clear.url + "/fields")
    found = fields_of(printed)
    assert [len(found[f"continuation-test-{n}"]) for n in range(1, 7)] == [4096] * 6
    assert found["x-last"] == "here"
    # and the other way
    told = nghttp("-nv", clear.url + "/many?count=90&size=500")
    length = re.search(r"recv HEADERS frame <length=(\d+),", told)
    assert length is not None  # of all its frames, as nghttp tells it
    assert int(length[1]) > 2 * 16_384
    assert len(re.findall(r"\) x-\d+: v{500}$", told, re.MULTILINE)) == 90


def test_pushed_responses(either: Served) -> None:
    told = nghttp("-nv", either.url + "/push?n=100000")
    assert re.findall(r"recv \(stream_id=(\d+)\) x-name: (\w+)", told) == [
        ("2", "one"),
        ("4", "two"),
    ]
    assert told.count("recv PUSH_PROMISE") == 2
    assert told.count("; END_STREAM") >= 3
    assert b"not pushing" in body("--no-push", either.url + "/push")


def test_interim_responses_and_trailers(clear: Served) -> None:
    told = nghttp("-nv", clear.url + "/interim?count=3")
    assert re.findall(r":status: (\d+)", told) == ["103"] * 3 + ["200"]
    assert "x-sum: 100000" in nghttp("-nv", clear.url + "/trailers?n=100000")


def test_priorities_and_tables_of_no_size(clear: Served) -> None:
    for options in (
        ("-p", "1"),
        ("--no-dep",),
        ("--header-table-size=0",),
        ("--encoder-header-table-size=0",),
        ("--header-table-size=100", "--header-table-size=8192"),
        ("-H", "priority: u=0, i"),
    ):
        assert nghttp("-m", "5", *options, clear.url + "/hello") == "Hello, world\n" * 5


def test_100_continue_is_waited_for_no_longer_than_needed(clear: Served, upload: Path) -> None:
    printed = nghttp("--expect-continue", "-d", upload, clear.url + "/sink")
    assert json.loads(printed)[1] == DIGEST


def test_http1_upgrade_is_told_what_is_spoken_here(clear: Served) -> None:
    assert "HTTP Upgrade failed" in nghttp("-u", clear.url + "/hello")
