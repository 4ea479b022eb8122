"""hypercorn from its start to its end, and under load, on either engine."""

from __future__ import annotations

import os
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.compat.h2.programs.engines import ENGINES, EXCHANGED, MODULES, PACKAGE, same
from tests.compat.h2.programs.hypercorn_app import pattern
from tests.compat.h2.programs.serving import Served, hypercorn, story
from tests.compat.serving import RawClient
from tests.http2.frames import (
    DATA,
    GET,
    GOAWAY,
    PROTOCOL_ERROR,
    REFUSED_STREAM,
    RST_STREAM,
    Fields,
    data,
    error_code,
    headers,
)
from tests.support.certs import TLSFiles
from tests.support.peers import require_tool
from tests.support.process import PATIENCE, run

pytestmark = [pytest.mark.interop, pytest.mark.slow]

Both = dict[str, Served]


def to(path: bytes) -> Fields:
    return [(name, path if name == b":path" else value) for name, value in GET]


def test_a_graceful_stop(tls_files: TLSFiles) -> None:
    def look(engine: str) -> list[object]:
        patient = ("--graceful-timeout", "15")
        with hypercorn(engine, tls_files, *patient) as served, served.raw() as client:
            client.send(headers(1, to(b"/when-told/"), end_stream=False))
            client.until(lambda frame: frame.type == DATA)
            os.kill(served.process.pid, signal.SIGTERM)
            refused = next_refused(client)
            client.send(data(1, b"", end_stream=True))
            heard = story(client.until_closed())
            served.process.wait()
            assert served.process.process.returncode == 0
        return [refused, *heard]

    seen = same(look)
    assert seen[0] == 0  # hypercorn gives no other reason
    assert ("data", 1, b"second half") in seen
    assert seen[-1] == ("end", 0, 0)


def next_refused(client: RawClient) -> int:
    """Makes requests until one is reset; its error code."""
    for stream_id in range(3, 2001, 2):
        client.send(headers(stream_id, to(b"/hello")))
        last = client.until_end(stream_id)[-1]
        if last.type == RST_STREAM:
            return error_code(last)
    raise AssertionError("it does not stop")


def test_more_than_one_worker(tls_files: TLSFiles) -> None:
    for engine in ENGINES:
        with hypercorn(engine, tls_files, "--workers", "2") as served:
            found = {served.curl("/engine").body.decode() for _ in range(5)}
            assert found == {MODULES[engine]}


def test_only_so_many_streams_at_once(hypercorns: Both) -> None:
    """RFC 9113 §5.1.2 leaves the server a choice: h2 ends the connection, plait the stream."""
    seen = {}
    for engine in ENGINES:
        with hypercorns[engine].raw() as client:
            for stream_id in range(1, 203, 2):
                client.send(headers(stream_id, to(b"/when-told/"), end_stream=False))
            last = client.until(lambda frame: frame.type in (RST_STREAM, GOAWAY))[-1]
            seen[engine] = (last.type, last.stream_id, error_code(last))
            if engine == EXCHANGED:  # the others go on
                client.send(data(199, b"", end_stream=True))
                client.until(lambda frame: frame.end_stream and frame.stream_id == 199)
    assert seen[PACKAGE] == (GOAWAY, 0, PROTOCOL_ERROR)
    assert seen[EXCHANGED] == (RST_STREAM, 201, REFUSED_STREAM)


def test_large_bodies_through_windows_of_any_size(hypercorns: Both, tmp_path: Path) -> None:
    octets = pattern(2_000_000)
    (tmp_path / "up").write_bytes(octets)
    for engine in ENGINES:
        served = hypercorns[engine]
        answer = served.curl("/echo/", "--data-binary", f"@{tmp_path / 'up'}", secure=True)
        assert answer.body == octets
        for bits in ("12", "16", "20"):
            command = [require_tool("nghttp"), "-w", bits, "-W", bits, "--no-verify-peer", "-nv"]
            said = run([*command, served.url("/bytes?n=500000", secure=True)], patience=PATIENCE)
            sizes = re.findall(r"recv DATA frame <length=(\d+),", said)
            assert sum(map(int, sizes)) == 500_000


@pytest.mark.parametrize(
    ("path", "options"),
    [
        ("/hello", "-n 600 -c 10 -m 32"),
        ("/hello", "-n 200 -c 50 -m 1"),
        ("/bytes?n=70000", "-n 80 -c 4 -m 20 -w 14 -W 14"),
        ("/sink", "-n 80 -c 5 -m 20 -d {up}"),
    ],
)
def test_load(hypercorns: Both, tmp_path: Path, path: str, options: str) -> None:
    (tmp_path / "up").write_bytes(bytes(60_000))
    count = options.split()[1]
    for engine in ENGINES:
        for secure in (False, True):
            url = hypercorns[engine].url(path, secure=secure)
            how = options.format(up=tmp_path / "up").split()
            printed = run([require_tool("h2load"), *how, url], patience=60)
            assert f"{count} succeeded, 0 failed, 0 errored" in printed, printed


def test_heads_of_any_size(hypercorns: Both) -> None:
    def look(engine: str) -> list[tuple[Any, ...]]:
        heard: list[tuple[Any, ...]] = []
        with hypercorns[engine].raw() as client:
            many = [(b"x-%d" % number, b"v" * 100) for number in range(100)]
            client.send(headers(1, [*to(b"/fields"), *many]))
            heard += story(client.until_end(1))
            client.send(headers(3, [*to(b"/hello"), (b"x-large", b"v" * 12_000)]))
            heard += story(client.until_end(3))
        return heard

    seen = same(look)
    assert [entry[:2] for entry in seen if entry[0] == "headers"] == [
        ("headers", 1),
        ("headers", 3),
    ]
