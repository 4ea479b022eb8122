"""`urlfetch` and `plait spdy get`, with spdy-transport as the server."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from plait.cli import main
from plait.compat.spdylay import OK
from plait.spdy import Version
from tests.compat.spdylay_fetching import fetch, noting
from tests.interop.application import pattern
from tests.interop.spdy.conftest import NAMES, every_version
from tests.interop.spdy.node import NodeProgram

pytestmark = pytest.mark.interop

SIZE = 300_000  # octets: more than any window
BODY = pattern(SIZE)


def origin(server: NodeProgram, version: Version) -> str:
    return f"http://127.0.0.1:{server.about['ports'][NAMES[version]]}"


@every_version
def test_bodies_in_both_directions(node_server: NodeProgram, version: Version) -> None:
    where = origin(node_server, version)
    done = fetch([f"{where}/bytes?n={SIZE}"] * 3, version=version)
    # no window is ever updated on a stream that was forgotten before its end had left: `node.py`
    assert [made.status for made in done] == [OK] * 3
    assert [made.data == BODY for made in done] == [True] * 3
    post = noting(request_method="POST", request_body=BODY)
    told, echoed = fetch([f"{where}/sink", f"{where}/echo"], post, version=version)
    assert json.loads(told.data)["sha256"] == hashlib.sha256(BODY).hexdigest()
    assert echoed.data == BODY


@every_version
def test_all_that_a_response_may_have(node_server: NodeProgram, version: Version) -> None:
    where = origin(node_server, version)
    paths = ["empty", "fields", "trailers?n=1000", "push?count=3&n=5000&mend=1", "nowhere"]
    done = fetch([f"{where}/{path}" for path in paths], version=version)
    assert [made.status for made in done] == [OK] * len(paths)
    empty, fields, trailers, pushing, nowhere = done
    assert dict(empty.nv[0])[":status"].startswith("204")
    assert ("x-snow", "☃ and ä") in fields.nv[0]
    assert [value for name, value in fields.nv[0] if name == "x-twice"] == ["one", "two"]
    assert (trailers.data == pattern(1000), trailers.nv[1]) == (True, [("x-sum", "1000")])
    assert (pushing.data, len(pushing.nv)) == (b"pushing", 1)
    assert dict(nowhere.nv[0])[":status"].startswith("404")


@every_version
def test_more_requests_than_the_server_takes_at_once(
    node_server: NodeProgram, version: Version
) -> None:
    """Its limit may come too late for some, which it refuses."""
    where = origin(node_server, version)
    done = fetch([f"{where}/bytes?n=10"] * 150, version=version)
    refused = [made for made in done if made.status != OK]
    assert {made.data for made in done if made.status == OK} == {pattern(10)}
    assert {made.why for made in refused} <= {"the server reset the stream: REFUSED_STREAM"}
    assert len(done) - len(refused) >= 50


@every_version
def test_a_reset_in_the_middle(node_server: NodeProgram, version: Version) -> None:
    where = origin(node_server, version)
    broken, whole = fetch(
        [f"{where}/reset?n=1000&code=INTERNAL_ERROR", f"{where}/bytes?n={SIZE}"], version=version
    )
    assert (broken.status, broken.why) == (6, "the server reset the stream: INTERNAL_ERROR")
    assert whole.data == BODY


@every_version
def test_the_command(node_server: NodeProgram, version: Version, capfdbinary: Any) -> None:
    urls = [f"{origin(node_server, version)}/{path}" for path in ("bytes?n=60000", "nowhere")]
    assert main(["spdy", "get", "-v", "--version", NAMES[version], *urls]) == 0
    output, said = capfdbinary.readouterr()
    assert output == pattern(60_000)
    assert said.startswith(b"[")
    assert b"recv SYN_REPLY <stream_id=3, " in said
