"""gunicorn's HTTP/2, with threads and with ASGI: clients see the same, whatever its engine is."""

from __future__ import annotations

import hashlib
import json
import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.compat.h2.programs.engines import ENGINES, MODULES, command, environment, same
from tests.compat.h2.programs.hypercorn_app import pattern
from tests.compat.h2.programs.serving import Answer, Served, story
from tests.compat.serving import body
from tests.http2.frames import (
    CANCEL,
    GET,
    GOAWAY,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    POST,
    PROTOCOL_ERROR,
    data,
    error_code,
    goaway,
    headers,
    rst_stream,
    settings,
)
from tests.support.certs import TLSFiles
from tests.support.peers import require_tool
from tests.support.process import Background, run

pytest.importorskip("gunicorn.http2", reason="gunicorn is not installed: pip install gunicorn")

pytestmark = [pytest.mark.interop, pytest.mark.slow]

Both = dict[str, Served]

# A worker and the application that it serves.
WORKERS = [("gthread", "gunicorn_app:app"), ("asgi", "hypercorn_app:app")]


@pytest.fixture(scope="module", params=WORKERS, ids=[worker for worker, _ in WORKERS])
def gunicorns(request: pytest.FixtureRequest, tls_files: TLSFiles) -> Iterator[Both]:
    """gunicorn with each engine, over HTTP/2 in clear text."""
    worker, app = request.param
    options = ["--worker-class", worker, "--bind", "127.0.0.1:0", "--no-control-socket"]
    options += ["--http-protocols", "h2,h1", "--http2-cleartext", "prior-knowledge"]
    with ExitStack() as stack:
        found, processes = {}, []
        for engine in ENGINES:
            program = command(engine, "-m", "gunicorn", *options, app)
            process = stack.enter_context(Background(program, env=environment()))
            processes.append(process)
            port = int(process.wait_for(r"Listening at: http://127\.0\.0\.1:(\d+)")[1])
            found[engine] = Served(process, port, 0, tls_files)
        yield found
        for process in processes:
            assert process.stop(signal.SIGTERM) == 0
            assert "Traceback" not in process.output, process.output


def test_each_runs_on_its_engine(gunicorns: Both) -> None:
    for engine in ENGINES:
        answer = gunicorns[engine].curl("/engine")
        assert (answer.version, answer.body.decode()) == ("2", MODULES[engine])


@pytest.mark.parametrize("path", ["/bytes?n=0", "/bytes?n=300000", "/missing", "/fields?a=b"])
def test_answers(gunicorns: Both, path: str) -> None:
    options = ("-H", "x-test: 1", "-b", "a=1; b=2", "-H", "host: example.com", "-A", "a client")
    seen = same(lambda engine: gunicorns[engine].curl(path, *options))
    assert (seen.version, seen.heads[-1][0]) == ("2", 404 if path == "/missing" else 200)


def test_bodies_larger_than_the_windows(gunicorns: Both, tmp_path: Path) -> None:
    octets = pattern(600_000)
    (tmp_path / "up").write_bytes(octets)

    def look(engine: str) -> list[Answer]:
        upload = ("--data-binary", f"@{tmp_path / 'up'}")
        return [gunicorns[engine].curl(path, *upload) for path in ("/echo/", "/sink")]

    echoed, sunk = same(look)
    assert echoed.body == octets
    assert json.loads(sunk.body) == [len(octets), hashlib.sha256(octets).hexdigest()]


def test_a_window_that_opens_late(gunicorns: Both) -> None:
    def look(engine: str) -> bytes:
        path = [(name, b"/bytes?n=40000" if name == b":path" else value) for name, value in GET]
        with gunicorns[engine].raw((INITIAL_WINDOW_SIZE, 0)) as client:
            client.send(headers(1, path))
            client.until(lambda frame: frame.type == HEADERS)
            client.send(settings((INITIAL_WINDOW_SIZE, 70_000)))
            return body(client.until_end(1))

    assert same(look) == pattern(40_000)


def test_a_request_under_way_outlives_a_goaway(gunicorns: Both) -> None:
    def look(engine: str) -> list[object]:
        path = [(name, b"/echo/" if name == b":path" else value) for name, value in POST]
        with gunicorns[engine].raw() as client:
            client.send(headers(1, path, end_stream=False), data(1, b"one, "))
            client.send(goaway(0), data(1, b"two", end_stream=True))
            heard = story(client.until_closed())
        return [entry for entry in heard if entry[0] in ("data", "ended")]

    assert same(look) == [("data", 1, b"one, two"), ("ended", 1)]


def test_resets_and_nonsense(gunicorns: Both) -> None:
    def look(engine: str) -> int:
        path = [(name, b"/engine" if name == b":path" else value) for name, value in GET]
        with gunicorns[engine].raw() as client:
            client.send(headers(1, path), rst_stream(1, CANCEL), headers(3, path))
            client.until_end(3)
            client.send(data(0, b"on no stream"))
            last = next(frame for frame in client.until_closed() if frame.type == GOAWAY)
            return error_code(last)

    assert same(look) == PROTOCOL_ERROR


def test_load(gunicorns: Both) -> None:
    for engine in ENGINES:
        url = gunicorns[engine].url("/engine")
        printed = run([require_tool("h2load"), "-n", "300", "-c", "3", "-m", "10", url])
        assert "300 succeeded, 0 failed, 0 errored" in printed, printed
