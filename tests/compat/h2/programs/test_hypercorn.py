"""hypercorn and Starlette, unchanged: clients see the same, whichever engine is in it."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import Any

import pytest
from wsproto.frame_protocol import FrameProtocol, Opcode

from tests.compat.h2.programs.engines import ENGINES, MODULES, same
from tests.compat.h2.programs.hypercorn_app import pattern
from tests.compat.h2.programs.serving import Served, story
from tests.compat.serving import body
from tests.http2.frames import (
    CANCEL,
    DATA,
    GET,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    Fields,
    data,
    headers,
    rst_stream,
    settings,
    window_update,
)
from tests.support.peers import require_tool
from tests.support.process import run

pytestmark = pytest.mark.interop

Both = dict[str, Served]

# A field that clients mark as never to be indexed (RFC 7541 §7.1.3).
SECRET = "authorization: Basic YTpi"


def to(path: bytes, fields: Fields = GET) -> Fields:
    return [(name, path if name == b":path" else value) for name, value in fields]


def test_each_runs_on_its_engine(hypercorns: Both) -> None:
    for engine in ENGINES:
        for secure in (False, True):
            answer = hypercorns[engine].curl("/engine", secure=secure)
            assert (answer.version, answer.body.decode()) == ("2", MODULES[engine])


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/hello", 200),
        ("/bytes?n=0", 200),
        ("/bytes?n=300000", 200),
        ("/bytes?n=300000&whole=1", 200),
        ("/nothing", 204),
        ("/missing", 404),
        ("/sink", 405),
        ("/broken", 500),
    ],
)
def test_answers(hypercorns: Both, path: str, status: int) -> None:
    seen = same(lambda engine: hypercorns[engine].curl(path))
    assert (seen.status, seen.version, seen.heads[-1][0]) == (0, "2", status)


def test_head(hypercorns: Both) -> None:
    seen = same(lambda engine: hypercorns[engine].curl("/bytes?n=1000&whole=1", "-I"))
    assert ("content-length", "1000") in seen.heads[-1][1]
    assert seen.body == b""


def test_what_the_application_is_told(hypercorns: Both) -> None:
    options = ["-X", "DELETE", "-b", "one=1; two=2", "-A", "a client"]
    for field in ("host: example.com", "X-Second: two words", "x-empty;", "te: trailers", SECRET):
        options += ["-H", field]
    seen = same(lambda e: hypercorns[e].curl("/fields?a=%20b", *options, secure=True))
    told, fields = json.loads(seen.body)
    assert told == ["DELETE", "https", "/fields", "a=%20b", "2"]
    assert dict(fields)["x-second"] == "two words"
    assert dict(fields)["authorization"] == "Basic YTpi"
    assert [value for name, value in seen.heads[-1][1] if name == "set-cookie"] == [
        "a=1; Path=/; SameSite=lax",
        "b=2; Path=/; SameSite=lax",
    ]


def test_bodies_larger_than_the_windows(hypercorns: Both, tmp_path: Path) -> None:
    octets = pattern(600_000)
    (tmp_path / "up").write_bytes(octets)
    upload = ("--data-binary", f"@{tmp_path / 'up'}")
    seen = same(lambda engine: hypercorns[engine].curl("/echo/", *upload, secure=True))
    assert seen.body == octets
    seen = same(lambda engine: hypercorns[engine].curl("/sink", *upload))
    assert json.loads(seen.body) == [len(octets), hashlib.sha256(octets).hexdigest()]


def test_an_answer_that_does_not_wait_for_the_request(hypercorns: Both) -> None:
    def look(engine: str) -> list[object]:
        fields: Fields = [(b":method", b"POST"), *to(b"/early")[1:]]
        with hypercorns[engine].raw() as client:
            client.send(headers(1, fields, end_stream=False))
            heard = story(client.until_end(1))
            client.send(rst_stream(1, CANCEL))  # hypercorn does not survive more of the request
            return [*heard, *story(client.get(b"/hello", 3))]

    seen = same(look)
    assert [entry[:2] for entry in seen] == [
        (kind, stream_id) for stream_id in (1, 3) for kind in ("headers", "data", "ended")
    ]


def test_from_http1_to_http2(hypercorns: Both) -> None:
    def look(engine: str) -> list[str]:
        url = hypercorns[engine].url("/fields")
        printed = run([require_tool("curl"), "-sSi", "--http2", "-H", "host: example.com", url])
        return [line for line in printed.splitlines() if not line.startswith("date:")]

    seen = same(look)
    assert "HTTP/1.1 101 " in seen
    assert "HTTP/2 200 " in seen


def test_hints_pushes_and_trailers(hypercorns: Both) -> None:
    fact = re.compile(r"recv (?:\(stream_id=\d+\) (?!date).*|PUSH_PROMISE.*stream_id=\d+)")

    def look(engine: str) -> list[list[str]]:
        urls = [hypercorns[engine].url(path) for path in ("/hints/", "/push/", "/trailers/")]
        told = [run([require_tool("nghttp"), "-nv", "-H", "te: trailers", url]) for url in urls]
        authority = f"127.0.0.1:{hypercorns[engine].clear}"
        return [sorted(fact.findall(each.replace(authority, "here"))) for each in told]

    hinted, pushed, trailed = ("\n".join(facts) for facts in same(look))
    assert (hinted.count(":status: 103"), hinted.count(" link: ")) == (1, 2)
    assert (pushed.count("PUSH_PROMISE"), pushed.count(":status: 200")) == (2, 3)
    assert trailed.count("x-sum: 100000") == 1


def test_both_directions_at_once(hypercorns: Both) -> None:
    def look(engine: str) -> list[object]:
        with hypercorns[engine].raw() as client:
            client.send(headers(1, to(b"/when-told/"), end_stream=False))
            heard = story(client.until(lambda frame: frame.type == DATA))
            client.send(data(1, b"", end_stream=True))
            return [*heard, *story(client.until_end(1))]

    seen = same(look)
    assert ("data", 1, b"first half, ") in seen
    assert ("data", 1, b"second half") in seen


def test_clients_that_go_away(hypercorns: Both) -> None:
    for engine in ENGINES:
        served = hypercorns[engine]
        with served.raw() as client:
            for stream_id in (1, 3):
                client.send(headers(stream_id, to(b"/forever/")))
                client.until(lambda f, which=stream_id: (f.type, f.stream_id) == (DATA, which))
            client.send(rst_stream(1, CANCEL))
            served.wait_until("gone", 1)
            client.until(lambda frame: (frame.type, frame.stream_id) == (DATA, 3))
        served.wait_until("gone", 2)


def test_a_window_that_opens_late(hypercorns: Both) -> None:
    def look(engine: str) -> tuple[bytes, bytes]:
        with hypercorns[engine].raw((INITIAL_WINDOW_SIZE, 0)) as client:
            client.send(headers(1, to(b"/bytes?n=40000")))
            client.until(lambda frame: frame.type == HEADERS)
            client.send(window_update(1, 10))
            first = body(client.until(lambda frame: frame.type == DATA))
            client.send(settings((INITIAL_WINDOW_SIZE, 70_000)))
            return first, body(client.until_end(1))

    first, rest = same(look)
    assert (len(first), first + rest) == (10, pattern(40_000))


def test_a_websocket(hypercorns: Both) -> None:
    connect: Fields = [
        (b":method", b"CONNECT"),
        (b":protocol", b"websocket"),
        *to(b"/chat")[1:],
        (b"sec-websocket-version", b"13"),
        (b"sec-websocket-protocol", b"chat"),
    ]

    def look(engine: str) -> list[Any]:
        speech = FrameProtocol(client=True, extensions=[])
        message = speech.send_data(pattern(20_000), True)
        said = [speech.send_data("hello", True), message[:9_000], message[9_000:]]
        said += [speech.ping(b"still there?"), speech.send_data("bye", True)]
        with hypercorns[engine].raw(secure=True) as client:
            client.send(headers(1, connect, end_stream=False))
            heard: list[Any] = story(client.until(lambda frame: frame.type == HEADERS))
            client.send(*(data(1, bytes(octets)) for octets in said))
            binary = bytearray()
            while not (heard and heard[-1][0] is Opcode.CLOSE):
                speech.receive_bytes(body(client.until(lambda frame: frame.type == DATA)))
                for piece in speech.received_frames():
                    if piece.opcode is Opcode.BINARY:
                        binary += piece.payload
                    else:
                        heard.append((piece.opcode, piece.payload))
        return [*sorted(heard, key=repr), bytes(binary)]

    seen = same(look)
    assert (Opcode.TEXT, "HELLO") in seen
    assert (Opcode.CLOSE, (4000, "so long")) in seen
    assert seen[-1] == pattern(20_000)[::-1]


def test_load(hypercorns: Both) -> None:
    for engine in ENGINES:
        url = hypercorns[engine].url("/hello")
        printed = run([require_tool("h2load"), "-n", "300", "-c", "3", "-m", "10", url])
        assert "300 succeeded, 0 failed, 0 errored" in printed, printed
