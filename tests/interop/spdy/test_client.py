"""spdy-transport as the client, of plait's engine and of ThreadedSPDYServer."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

import pytest

from plait.spdy import Version
from tests.interop.application import pattern
from tests.interop.spdy.conftest import every_version, expect_windows_kept_to

pytestmark = pytest.mark.interop

MEGABYTES = 1_000_000
DIGEST = hashlib.sha256(pattern(MEGABYTES)).hexdigest()

Ports = dict[Version, int]
Exchange = Callable[..., Any]


def get(path: str, **more: Any) -> dict[str, Any]:
    return {"path": path, **more}


def post(path: str, size: int, **more: Any) -> dict[str, Any]:
    return {"path": path, "method": "POST", "size": size, **more}


def digest(size: int) -> str:
    return hashlib.sha256(pattern(size)).hexdigest()


@every_version
def test_bodies_larger_than_the_windows_go_both_ways(
    exchange: Exchange, plait_servers: Ports, version: Version
) -> None:
    found = exchange(
        plait_servers[version],
        get(f"/bytes?n={MEGABYTES}"),
        post("/sink", MEGABYTES),
        post("/echo", MEGABYTES),
        options={"windowSize": 100_000},
    )
    down, up, both = found["results"]
    assert [down["sha256"], both["sha256"]] == [DIGEST, DIGEST]
    assert [down["ended"], up["ended"], both["ended"]] == [True, True, True]
    sent = json.loads(up["text"])
    assert [sent["length"], sent["sha256"]] == [MEGABYTES, DIGEST]
    assert found["record"]["errors"] == []
    expect_windows_kept_to(found["record"], version)


def test_headers_of_one_name_empty_ones_and_utf_8(
    exchange: Exchange, plait_servers: Ports, version: Version
) -> None:
    fields = {"x-dup": ["a", "b"], "x-empty": "", "X-Snow": "☃ and ä"}
    found = exchange(
        plait_servers[version],
        get("/fields"),
        post("/sink", 0, headers=fields),
        get("/empty"),
        post("/sink", 10, headers=fields, after={"x-after": "body"}),
    )
    down, up, empty, both = found["results"]
    assert down["fields"]["x-twice"] == "one, two"
    assert down["fields"]["set-cookie"] == ["a=1", "b=2"]
    assert down["fields"]["x-empty"] == ""
    assert down["fields"]["x-snow"] == "☃ and ä"
    sent = json.loads(up["text"])
    assert sent["length"] == 0
    for field in (["x-dup", "a"], ["x-dup", "b"], ["x-empty", ""], ["x-snow", "☃ and ä"]):
        assert field in sent["fields"]
    assert (empty["status"], empty["length"], empty["ended"]) == (204, 0, True)
    sent = json.loads(both["text"])
    assert ["x-after", "body"] in sent["fields"] + sent["later"]


def test_headers_after_the_body_go_both_ways(
    exchange: Exchange, native_servers: Ports, version: Version
) -> None:
    found = exchange(
        native_servers[version],
        get("/trailers?n=200000"),
        post("/sink", 200_000, after={"x-after": "the body"}),
    )
    down, up = found["results"]
    assert (down["length"], down["sha256"]) == (200_000, digest(200_000))
    assert down["trailers"] == [{"x-sum": "200000"}]
    sent = json.loads(up["text"])
    assert (sent["length"], sent["later"]) == (200_000, [["x-after", "the body"]])


@every_version
def test_pushes_come_with_their_bodies(
    exchange: Exchange, native_servers: Ports, version: Version
) -> None:
    found = exchange(
        native_servers[version],
        get("/push?n=200000&count=3"),
        get("/push?n=200000&count=2", refuse=True),
    )
    taken, refused = found["results"]
    assert [taken["text"], refused["text"]] == ["pushing", "pushing"]
    assert sorted(pushed["path"] for pushed in taken["pushes"]) == [
        "/pushed/0",
        "/pushed/1",
        "/pushed/2",
    ]
    for pushed in taken["pushes"]:
        assert pushed["id"] % 2 == 0
        assert pushed["request"]["x-name"] == pushed["path"][-1]
        assert (pushed["status"], pushed["ended"]) == (200, True)
        assert (pushed["length"], pushed["sha256"]) == (200_000, digest(200_000))
    assert refused["pushes"] == []


@every_version
def test_resets_from_either_side_while_others_go_on(
    exchange: Exchange, native_servers: Ports, version: Version
) -> None:
    found = exchange(
        native_servers[version],
        post("/echo", MEGABYTES),
        get("/bytes?n=10000000", abort={"at": 200_000, "code": "CANCEL"}),
        get("/never", abort={"at": 1, "code": "INTERNAL_ERROR"}),
        get("/reset?n=100000&code=INTERNAL_ERROR"),
        get("/reset?n=0&code=REFUSED_STREAM"),
        post("/sink", 0, part=100_000, code="CANCEL"),
        post("/echo", 0, part=100_000, code="CANCEL"),
    )
    going, cancelled, silent, failing, refused, *uploads = found["results"]
    assert (going["sha256"], going["errors"]) == (DIGEST, [])
    assert 200_000 <= cancelled["length"] < 10_000_000
    assert silent["length"] == 7
    assert (failing["length"], failing["errors"]) == (100_000, ["Got RST: INTERNAL_ERROR"])
    assert refused["errors"] == ["Got RST: REFUSED_STREAM"]
    assert [upload["ended"] for upload in uploads] == [False, False]
    # Node's word for its library, which may write once more when it has ended its own side.
    assert set(found["record"]["errors"]) <= {"write after end"}


def test_pings_go_both_ways(exchange: Exchange, native_servers: Ports, version: Version) -> None:
    found = exchange(native_servers[version], get("/ping"), pings=3)
    assert found["results"][0]["text"] == "three"
    assert found["pings"] == 3
    # three that were asked, three that were answered
    assert found["record"]["frames"]["PING"] == 6


def test_many_streams_at_once(exchange: Exchange, plait_servers: Ports, version: Version) -> None:
    paths = [get(f"/bytes?n={n}") for n in range(200)]
    found = exchange(plait_servers[version], *paths, wave=90)
    assert [one["sha256"] for one in found["results"]] == [digest(n) for n in range(200)]


def test_streams_beyond_the_limit_are_refused_and_nothing_else(
    exchange: Exchange, native_servers: Ports, version: Version
) -> None:
    # the peer does not look at MAX_CONCURRENT_STREAMS, which is 200
    found = exchange(native_servers[version], *[get("/hold?refusals=50")] * 250)
    assert found["record"]["settings"][0]["max_concurrent_streams"] == 200
    served, refused = found["results"][:200], found["results"][200:]
    assert {(one["status"], one["text"], one["ended"]) for one in served} == {(200, "held", True)}
    assert [one["errors"] for one in refused] == [["Got RST: REFUSED_STREAM"]] * 50


@every_version
def test_a_small_window_is_kept_to(
    exchange: Exchange, plait_servers: Ports, version: Version
) -> None:
    # one below 65536 has the peer send a negative WINDOW_UPDATE in SPDY/3.1
    window = 65_536 if version == Version.SPDY3_1 else 1000
    size = 30 * window
    found = exchange(
        plait_servers[version],
        *[get(f"/bytes?n={size}", hold=20)] * 3,
        options={"windowSize": window},
        hold=20,
    )
    assert [one["sha256"] for one in found["results"]] == [digest(size)] * 3
    expect_windows_kept_to(found["record"], version)


def test_an_unknown_frame_is_ignored(
    exchange: Exchange, plait_servers: Ports, version: Version
) -> None:
    found = exchange(plait_servers[version], get("/bytes?n=5"), forwarded="192.0.2.1")
    assert found["results"][0]["length"] == 5


def test_priorities_arrive(exchange: Exchange, plait_servers: Ports, version: Version) -> None:
    weights = (1, 16, 36)
    found = exchange(plait_servers[version], *[post("/sink", 1, weight=w) for w in weights])
    seen = [json.loads(one["text"])["priority"] for one in found["results"]]
    # the peer fills three bits in SPDY/2 too
    assert seen == ([0, 1, 3] if version == Version.SPDY2 else [0, 3, 7])


def test_the_server_says_goodbye(
    exchange: Exchange, native_servers: Ports, version: Version
) -> None:
    found = exchange(native_servers[version], get("/goaway"))
    (answer,) = found["results"]
    if version == Version.SPDY2:  # it looks for the eight octets of SPDY/3
        assert found["record"]["errors"] == ["GOAWAY OOB"]
        return
    assert answer["text"] == "goodbye"
    assert found["record"]["goaway"] == {"last": 1, "code": "OK"}


def test_the_client_says_goodbye(
    exchange: Exchange, plait_servers: Ports, version: Version
) -> None:
    found = exchange(plait_servers[version], get("/bytes?n=5"), goaway=True)
    assert found["results"][0]["ended"]
    assert found["record"]["closed"]
