"""The pattern of h2's documentation, over blocking sockets: server and client, on either engine."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.compat.h2.programs.engines import (
    ENGINES,
    HERE,
    MODULES,
    command,
    environment,
    printed,
    same,
)
from tests.compat.serving import RawClient
from tests.http2.frames import (
    CANCEL,
    GET,
    GOAWAY,
    INITIAL_WINDOW_SIZE,
    PROTOCOL_ERROR,
    data,
    error_code,
    headers,
    rst_stream,
)
from tests.support.peers import require_tool
from tests.support.process import Background, run


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """The server with each engine."""
    with ExitStack() as stack:
        found, servers = {}, []
        for engine in ENGINES:
            program = command(engine, HERE / "blocking_server.py")
            servers.append(stack.enter_context(Background(program, env=environment())))
            found[engine] = int(servers[-1].wait_for(r"^port (\d+)$")[1])
            assert servers[-1].lines[0] == MODULES[engine]
        yield found
        for server in servers:
            assert server.stop(signal.SIGTERM) == 0
            assert len(server.lines) == 2, server.output


def test_each_as_the_client_of_the_other(ports: dict[str, int]) -> None:
    def look(engine: str) -> str:
        (other,) = {*ENGINES} - {engine}
        said = printed(engine, HERE / "blocking_client.py", str(ports[other]))
        return said.replace(str(ports[other]), "PORT")

    told = same(look).splitlines()
    assert told[3].startswith("7 GET /nowhere [(':status', '404')] 0 ")
    assert told[4:7] == ["ping b'12345678'", "changed 4 65535 300000", "changed 5 16384 30000"]
    assert told[8] == "closed 11 5"
    assert told[-1] == "CLOSED"


@pytest.mark.interop
def test_nghttp_and_h2load(ports: dict[str, int], tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(bytes(200_000))

    def look(engine: str) -> tuple[str, str]:
        url = f"http://127.0.0.1:{ports[engine]}"
        load = [require_tool("h2load"), "-n", "200", "-c", "2", "-m", "20", f"{url}/1000"]
        assert "200 succeeded, 0 failed, 0 errored" in run(load)
        nghttp = require_tool("nghttp")
        upload = run([nghttp, "-d", tmp_path / "up", url])
        return upload, run([nghttp, "-w", "10", "-W", "10", f"{url}/60000"])

    uploaded, loaded = same(look)
    assert uploaded == "\0" * 200_000
    assert loaded == "5\n" * 60_000


def test_what_kills_such_servers(ports: dict[str, int]) -> None:
    def look(engine: str) -> list[int]:
        with RawClient(ports[engine], (INITIAL_WINDOW_SIZE, 10)) as client:
            path = [(name, b"/3" if name == b":path" else value) for name, value in GET]
            # a whole request and its end in one read; and one that is reset while it is answered
            client.send(headers(1, path), rst_stream(1, CANCEL))
            client.send(headers(3, path))
            client.until(lambda frame: frame.stream_id == 3)
            client.send(rst_stream(3, CANCEL), headers(5, path))
            client.until_end(5)
            client.send(data(0, b"on no stream"))
            *_, last = [frame for frame in client.until_closed() if frame.type == GOAWAY]
            return [error_code(last)]

    assert same(look) == [PROTOCOL_ERROR]
