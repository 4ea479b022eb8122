"""grpclib, unchanged: its server and its client, with either engine on either side."""

from __future__ import annotations

import itertools
import json
import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.compat.h2.programs.engines import (
    ENGINES,
    EXCHANGED,
    HERE,
    MODULES,
    PACKAGE,
    command,
    environment,
    printed,
)
from tests.support.process import PATIENCE, Background

grpc = pytest.importorskip("grpc", reason="the client of gRPC is not installed: pip install grpcio")
pytest.importorskip("grpclib", reason="grpclib is not installed: pip install grpclib")

pytestmark = pytest.mark.interop

SERVICE = "/plait.Test/"
LARGE = bytes(range(256)) * 4000


@pytest.fixture(scope="module")
def ports() -> Iterator[dict[str, int]]:
    """The service with each engine."""
    with ExitStack() as stack:
        found, services = {}, []
        for engine in ENGINES:
            program = command(engine, HERE / "grpc_service.py")
            services.append(stack.enter_context(Background(program, env=environment())))
            found[engine] = int(services[-1].wait_for(r"^port (\d+)$")[1])
            assert services[-1].lines[0] == MODULES[engine]
        yield found
        for service in services:
            assert service.stop(signal.SIGTERM) == 0
            wanted = service.output.count("ValueError: as the test wants it")
            assert service.output.count("Traceback") == wanted, service.output


def talk(client: str, port: int, *windows: str) -> dict[str, list[object]]:
    said = printed(client, HERE / "grpc_client.py", str(port), *windows, patience=60)
    return {what: facts for what, *facts in map(json.loads, said.splitlines())}


def check(told: dict[str, list[object]]) -> None:
    assert told["unary"] == told["at once"] == told["deadline"] == [True]
    assert told["to one"] == ["60 1770000"]
    assert told["large"] == [[300_000] * 10, True]
    assert told["in turn"] == [[f"WORD {n}" for n in range(30)], None]
    assert told["fail"] == ["FAILED_PRECONDITION", "not today: ü%"]
    assert told["crash"] == ["UNKNOWN", "Internal Server Error"]
    assert told["nothing"] == ["UNKNOWN", "Missing content-type header"]  # its server sends none
    assert told["the other half"] == ["ABORTED", "half of it"]
    sent = [["a", "1"], ["b-bin", "01fe"]]
    before, after = {"first": "'1'", "data-bin": repr(b"\x00\xff")}, {"last": "'2'"}
    assert told["metadata"] == [sent, before, after]
    assert told["enough"] == ["0"]


@pytest.mark.parametrize(("server", "client"), [(PACKAGE, EXCHANGED), (EXCHANGED, PACKAGE)])
def test_one_side_exchanged(ports: dict[str, int], server: str, client: str) -> None:
    check(talk(client, ports[server]))


@pytest.mark.slow
@pytest.mark.parametrize("windows", [(), ("70000", "66000"), ("65535", "1000000")])
def test_whichever_side_is_exchanged(ports: dict[str, int], windows: tuple[str, ...]) -> None:
    pairs = itertools.product(ENGINES, repeat=2)
    seen = {pair: talk(pair[1], ports[pair[0]], *windows) for pair in pairs}
    check(seen[PACKAGE, PACKAGE])
    for pair, facts in seen.items():
        assert facts == seen[PACKAGE, PACKAGE], pair


@pytest.mark.parametrize("engine", ENGINES)
def test_the_client_of_grpc_itself(ports: dict[str, int], engine: str) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{ports[engine]}") as channel:
        reverse = channel.unary_unary(SERVICE + "reverse")
        for message in (b"", b"abc", LARGE):
            assert reverse(message, timeout=PATIENCE) == message[::-1]
        calls = [reverse.future(b"%d" % n, timeout=PATIENCE) for n in range(100)]
        assert [call.result() for call in calls] == [(b"%d" % n)[::-1] for n in range(100)]
        numbers = channel.unary_stream(SERVICE + "count")(b"500", timeout=PATIENCE)
        assert [int(number) for number in numbers] == list(range(500))
        total = channel.stream_unary(SERVICE + "total")
        assert total(iter([b"x" * 30_000] * 40), timeout=PATIENCE) == b"40 1200000"
        chat = channel.stream_stream(SERVICE + "chat")
        assert list(chat(iter([b"y" * 200_000] * 5), timeout=PATIENCE)) == [b"Y" * 200_000] * 5
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(SERVICE + "fail")(LARGE, timeout=PATIENCE)
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert caught.value.details() == "not today: ü%"
        with pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary(SERVICE + "sleep")(b"", timeout=0.1)
        assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED


@pytest.mark.parametrize("engine", ENGINES)
def test_a_call_that_grpc_cancels(ports: dict[str, int], engine: str) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{ports[engine]}") as channel:
        report = channel.unary_unary(SERVICE + "report", response_deserializer=json.loads)
        before = report(b"", timeout=PATIENCE).get("cancelled", 0)
        hold = threading.Event()

        def silence() -> Iterator[bytes]:
            yield b"hello"
            hold.wait(PATIENCE)

        answers = channel.stream_stream(SERVICE + "chat")(silence(), timeout=PATIENCE)
        assert next(answers) == b"HELLO"
        answers.cancel()
        hold.set()
        while report(b"", timeout=PATIENCE).get("cancelled", 0) == before:
            pass
