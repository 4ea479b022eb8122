"""plait's clients, on the engine and on spdylay's callbacks, with spdy-transport as the server."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import pytest

from plait.spdy import ErrorCode, FrameType, GoawayStatus, StreamStatus, Version
from tests.interop.application import pattern
from tests.interop.spdy.conftest import Connect, every_version, expect_windows_kept_to
from tests.interop.spdy.node import NodeProgram

pytestmark = pytest.mark.interop

MEGABYTES = 1_000_000
DIGEST = hashlib.sha256(pattern(MEGABYTES)).hexdigest()


@every_version
def test_bodies_larger_than_the_windows_go_both_ways(
    connect: Connect, node_server: NodeProgram, version: Version
) -> None:
    client = connect()
    down = client.ask(f"/bytes?n={MEGABYTES}")
    up = client.ask("/sink", size=MEGABYTES)
    both = client.ask("/echo", size=MEGABYTES)
    client.finish(down, up, both)
    assert [down.sha256, both.sha256] == [DIGEST, DIGEST]
    found = json.loads(up.body)
    assert [found["length"], found["sha256"]] == [MEGABYTES, DIGEST]
    assert down.get("content-length") == [str(MEGABYTES)]
    assert down.complete
    assert up.complete
    assert both.complete
    expect_windows_kept_to(node_server.run("record", port=client.port), version)


def test_headers_of_one_name_empty_ones_and_utf_8(connect: Connect) -> None:
    client = connect()
    fields = [("x-dup", "a"), ("x-dup", "b"), ("x-empty", ""), ("X-Snow", "☃ and ä")]
    fields += [("set-cookie", "a"), ("set-cookie", "b")]  # which it does not join
    up = client.ask("/sink", size=0, fields=fields)
    down = client.ask("/fields")
    client.finish(up, down)
    sent = json.loads(up.body)
    assert [sent["length"], sent["fields"]["x-dup"]] == [0, "a, b"]
    assert sent["fields"]["set-cookie"] == ["a", "b"]
    assert sent["fields"]["x-empty"] == ""
    assert sent["fields"]["x-snow"] == "☃ and ä"
    assert sent["fields"][":authority"] == "localhost"
    assert down.status == "200 OK"
    assert down.get(":version") == ["HTTP/1.1"]
    assert down.get("x-twice") == ["one", "two"]
    assert down.get("set-cookie") == ["a=1", "b=2"]
    assert down.get("x-empty") == [""]
    assert down.get("x-snow") == ["☃ and ä"]
    assert down.body == b""


def test_an_empty_answer(connect: Connect) -> None:
    answer = connect().fetch("/empty")
    assert answer.status == "204 No Content"
    assert answer.body == b""
    assert (answer.finished, answer.closed) == (True, StreamStatus.OK)


def test_headers_after_the_body_go_both_ways(connect: Connect) -> None:
    client = connect()
    down = client.ask("/trailers?n=200000")
    up = client.ask("/sink", size=200_000, after=[("x-after", "the body")])
    client.finish(down, up)
    assert (bytes(down.body), down.later) == (pattern(200_000), [("x-sum", "200000")])
    found = json.loads(up.body)
    assert (found["length"], found["trailers"]) == (200_000, [{"x-after": "the body"}])


@every_version
def test_pushes_come_with_their_bodies(connect: Connect) -> None:
    client = connect()
    answer = client.fetch("/push?n=200000&count=3&mend=1")
    assert answer.body == b"pushing"
    assert [pushed.get(":path") for pushed in answer.pushes] == [
        ["/pushed/0"],
        ["/pushed/1"],
        ["/pushed/2"],
    ]
    for pushed in answer.pushes:
        assert pushed.stream_id % 2 == 0
        assert pushed.get(":status") == ["200"]
        assert pushed.get("content-type") == ["application/octet-stream"]
        assert pushed.body == pattern(200_000)
        assert pushed.complete


def test_a_push_without_the_flag_for_it_is_refused_and_nothing_else(connect: Connect) -> None:
    client = connect()
    answer = client.fetch("/push?n=200000&count=2")
    assert answer.body == b"pushing"
    assert answer.pushes == []
    assert [status for _, status in client.invalid] == [StreamStatus.PROTOCOL_ERROR] * 2
    assert client.fetch("/bytes?n=100000").body == pattern(100_000)
    record = json.loads(client.fetch("/record").body)
    assert record["resets"] == {"PROTOCOL_ERROR": 2}


@every_version
def test_resets_from_either_side_while_others_go_on(connect: Connect) -> None:
    client = connect()
    going = client.ask("/echo", size=MEGABYTES)
    cancelled = client.ask("/bytes?n=10000000", enough=(200_000, StreamStatus.CANCEL))
    silent = client.ask("/never", enough=(1, StreamStatus.INTERNAL_ERROR))
    failing = client.ask("/reset?n=100000&code=INTERNAL_ERROR")
    refused = client.ask("/reset?n=0&code=REFUSED_STREAM")
    unread = client.ask("/reset?n=1&code=CANCEL", size=MEGABYTES)
    client.finish(going, cancelled, silent, failing, refused, unread)
    assert going.sha256 == DIGEST
    assert cancelled.closed == StreamStatus.CANCEL
    assert silent.closed == StreamStatus.INTERNAL_ERROR
    assert (len(failing.body), failing.closed) == (100_000, StreamStatus.INTERNAL_ERROR)
    assert refused.closed == StreamStatus.REFUSED_STREAM
    assert unread.closed == StreamStatus.CANCEL
    assert client.fetch("/bytes?n=10").body == pattern(10)


def test_pings_go_both_ways(connect: Connect) -> None:
    client = connect()
    answer = client.fetch("/ping")
    assert answer.body == b'"three"'
    assert client.pings == [2, 4, 6]
    client.ping()
    client.run(lambda: len(client.pings) == 4)
    assert client.pings == [2, 4, 6, 1]


def test_more_requests_than_streams_wait_for_their_turn(
    connect: Connect, node_server: NodeProgram, version: Version
) -> None:
    client = connect()
    client.run(lambda: bool(client.settings))
    most = 50 if version == Version.SPDY2 else 60
    assert (4, 1, most) in client.settings[0]
    answers = [client.ask(f"/together?n={most}") for _ in range(4 * most)]
    client.finish(*answers)
    assert {bytes(answer.body) for answer in answers} == {b"together"}
    record = node_server.run("record", port=client.port)
    assert (record["most"], record["open"]) == (most, 0)


def test_a_small_window_is_kept_to(connect: Connect, version: Version) -> None:
    client = connect(initial_window_size=1000)
    # where SPDY has no flow control, the peer has it all the same
    client.generous = version == Version.SPDY2
    answers = [client.ask("/bytes?n=30000") for _ in range(5)]
    client.finish(*answers)
    assert [bytes(answer.body) for answer in answers] == [pattern(30_000)] * 5


def test_an_unknown_frame_is_ignored(connect: Connect) -> None:
    client = connect()
    assert client.fetch("/forwarded").body == b'"forwarded"'
    assert client.unknown == [b"\0\0\0\x09192.0.2.1"]


def test_priorities_order_what_is_sent(connect: Connect, version: Version) -> None:
    client = connect()
    lowest = 3 if version == Version.SPDY2 else 7
    later = client.ask("/sink", size=30_000, priority=lowest)
    sooner = client.ask("/sink", size=30_000, priority=0)
    client.finish(later, sooner)
    record = json.loads(client.fetch("/record", priority=1).body)
    assert record["turns"] == [3, 1]
    # as the peer turns three bits into a weight
    seen = (6, 0, 2) if version == Version.SPDY2 else (7, 0, 1)
    assert record["priorities"] == {
        str(2 * i + 1): priority * 5 + 1 for i, priority in enumerate(seen)
    }


def test_the_server_says_goodbye(connect: Connect, version: Version) -> None:
    client = connect()
    answer = client.ask("/goaway")
    if version == Version.SPDY2:  # its eight octets are those of SPDY/3
        client.run(lambda: bool(client.unparsable))
        assert client.unparsable == [(FrameType.GOAWAY, ErrorCode.INVALID_FRAME)]
        return
    client.run(lambda: False)
    assert client.at_end
    assert answer.body == b"goodbye"
    assert client.goaway == (answer.stream_id, GoawayStatus.OK)


def test_the_client_says_goodbye(
    connect: Connect, node_server: NodeProgram, version: Version
) -> None:
    client = connect()
    client.fetch("/bytes?n=1")
    client.say_goodbye()
    if version == Version.SPDY2:  # it looks for the eight octets of SPDY/3
        client.flush()
        record = await_record(node_server, client.port, "errors")
        assert record["errors"] == ["GOAWAY OOB"]
        return
    client.run(lambda: False)
    assert client.at_end
    record = node_server.run("record", port=client.port)
    assert record["goaway"] == {"last": 0, "code": "OK"}


def await_record(server: NodeProgram, port: int, name: str) -> dict[str, Any]:
    """What the server saw, once it has seen such a thing."""
    while True:
        record: dict[str, Any] = server.run("record", port=port)
        if record[name]:
            return record
        time.sleep(0.01)
