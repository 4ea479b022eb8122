"""gRPC's own client: an exchange that stands and falls with trailers and with streaming."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator

import pytest

from tests.interop.application import pattern
from tests.interop.conftest import Served

grpc = pytest.importorskip("grpc", reason="the client of gRPC is not installed: pip install grpcio")

pytestmark = pytest.mark.interop

PATIENCE = 20.0


@pytest.fixture
def channel(either: Served) -> Iterator[grpc.Channel]:
    target = f"localhost:{either.port}"
    if either.tls is None:
        channel = grpc.insecure_channel(f"127.0.0.1:{either.port}")
    else:
        credentials = grpc.ssl_channel_credentials(either.tls.cert.read_bytes())
        channel = grpc.secure_channel(target, credentials)
    with channel:
        yield channel


def test_unary_calls(channel: grpc.Channel) -> None:
    call = channel.unary_unary("/plait.Test/Unary")
    for message in (b"", b"abc", pattern(1_000_000)):
        assert call(message, timeout=PATIENCE) == message[::-1]
    calls = [call.future(b"%d" % n, timeout=PATIENCE) for n in range(300)]
    assert [each.result() for each in calls] == [(b"%d" % n)[::-1] for n in range(300)]


def test_a_call_that_fails_has_a_status_and_a_message(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/plait.Test/Fail")(b"", timeout=PATIENCE)
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert caught.value.details() == "not today"


def test_what_is_not_there_is_unimplemented(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary("/plait.Test/Nothing")(b"", timeout=PATIENCE)
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_stream_of_answers(channel: grpc.Channel) -> None:
    answers = channel.unary_stream("/plait.Test/Count")(b"5000", timeout=PATIENCE)
    assert [int(answer) for answer in answers] == list(range(5000))
    assert answers.code() is grpc.StatusCode.OK


def test_a_conversation_one_message_at_a_time(channel: grpc.Channel) -> None:
    said: queue.Queue[bytes | None] = queue.Queue()
    answers = channel.stream_stream("/plait.Test/Chat")(iter(said.get, None), timeout=PATIENCE)
    for n in range(50):
        said.put(b"word %d" % n)
        assert next(answers) == b"WORD %d" % n
    said.put(None)
    assert list(answers) == []
    assert answers.code() is grpc.StatusCode.OK


def test_large_messages_both_ways_at_once(channel: grpc.Channel) -> None:
    message = b"x" * 400_000
    answers = channel.stream_stream("/plait.Test/Chat")(iter([message] * 20), timeout=PATIENCE)
    assert list(answers) == [message.upper()] * 20


def test_a_cancelled_call_is_closed_in_the_server(channel: grpc.Channel, either: Served) -> None:
    before = either.report()
    hold = threading.Event()

    def silence() -> Iterator[bytes]:
        yield b"hello"
        hold.wait(PATIENCE)

    answers = channel.stream_stream("/plait.Test/Chat")(silence(), timeout=PATIENCE)
    assert next(answers) == b"HELLO"
    answers.cancel()
    hold.set()
    while either.report()["open"] > before["open"]:
        time.sleep(0.02)
    assert either.report()["closed"]["8"] > before["closed"].get("8", 0)
