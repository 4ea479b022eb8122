"""Response bodies of every kind: what reaches the wire, and who waits for whom."""

from __future__ import annotations

import asyncio
import io
import os
import tempfile
import tracemalloc
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from plait.server import DATA_DEFERRED, DATA_EOF, DATA_OK, HTTP2Server
from tests.server.rawclient import (
    DATA,
    HEADERS,
    INITIAL_WINDOW_SIZE,
    RST_STREAM,
    WINDOW_UPDATE,
    Frame,
    Recorder,
    client_of,
    eventually,
    frame,
    recorder,
    run,
)

WIDE = {INITIAL_WINDOW_SIZE: 2**31 - 1}


def credit(octets: int, stream_id: int = 0) -> bytes:
    return frame(WINDOW_UPDATE, 0, stream_id, octets.to_bytes(4, "big"))


def exchange(
    answer: Callable[[Recorder], None], *, loop: str = "asyncio", code: int = 0
) -> list[Frame]:
    """The frames of one stream whose handler does `answer` when the request is complete."""
    kind = recorder(on_request_done=answer)

    async def main() -> list[Frame]:
        async with (
            HTTP2Server(("127.0.0.1", 0), kind) as server,
            client_of(server, WIDE) as client,
        ):
            client.send(credit(2**30), client.request(1))
            frames = await client.stream(1)
            await client.settled()
            return frames

    frames = run(main(), loop)
    assert kind.calls[-1] == (1, "close", code)
    return frames


def body_of(frames: list[Frame]) -> bytes:
    return b"".join(each.payload for each in frames if each.type == DATA)


def files(folder: Path) -> dict[str, Callable[[], Any]]:
    path = folder / "body"
    path.write_bytes(b"0123456789" * 5000)

    def temporary() -> Any:
        file = tempfile.NamedTemporaryFile()  # noqa: SIM115 - closed by the garbage collector
        file.write(path.read_bytes())
        file.seek(0)
        return file

    return {
        "BytesIO": lambda: io.BytesIO(path.read_bytes()),
        "buffered": lambda: open(path, "rb"),
        "raw": lambda: open(path, "rb", buffering=0),
        "temporary": temporary,
    }


@pytest.mark.parametrize("kind", ["BytesIO", "buffered", "raw", "temporary"])
def test_files(kind: str, tmp_path: Path) -> None:
    opened: list[Any] = []

    def answer(self: Recorder) -> None:
        opened.append(files(tmp_path)[kind]())
        self.send_response(200, body=opened[0])

    assert body_of(exchange(answer)) == b"0123456789" * 5000
    assert not opened[0].closed, "files stay their owner's"
    opened[0].close()


@pytest.mark.parametrize(
    ("body", "octets"),
    [
        ("ö", "ö".encode()),
        (b"abc", b"abc"),
        (bytearray(b"abc"), b"abc"),
        (memoryview(b"abc")[1:], b"bc"),
        (b"", b""),
        ("", b""),
        (b"x" * 100_000, b"x" * 100_000),
    ],
)
def test_octets_and_text(body: Any, octets: bytes) -> None:
    frames = exchange(lambda self: self.send_response(200, body=body))
    assert body_of(frames) == octets
    assert not frames[0].ends, "a body that is empty is a body"
    assert frames[-1].type == DATA
    assert max(len(each.payload) for each in frames) <= 16_384


def test_octets_that_change_after_they_were_given() -> None:
    def answer(self: Recorder) -> None:
        mine = bytearray(b"before")
        self.send_response(200, body=mine)
        mine[:] = b"after!"

    assert body_of(exchange(answer)) == b"before"


def test_generator_is_asked_for_what_can_be_sent() -> None:
    asked: list[int] = []
    left = [100_000]

    def generate(n: int) -> tuple[bytes, int]:
        asked.append(n)
        take = min(n, left[0])
        left[0] -= take
        return b"g" * take, DATA_OK if left[0] else DATA_EOF

    assert body_of(exchange(lambda self: self.send_response(200, body=generate))) == b"g" * 100_000
    assert asked == [16_384] * 7


def test_generator_waits_for_the_clients_credit() -> None:
    asked: list[int] = []

    def generate(n: int) -> tuple[bytes, int]:
        asked.append(n)
        return b"g" * n, DATA_OK if len(asked) < 3 else DATA_EOF

    kind = recorder(on_request_done=lambda self: self.send_response(200, body=generate))

    async def main() -> None:
        async with (
            HTTP2Server(("127.0.0.1", 0), kind) as server,
            client_of(server, {INITIAL_WINDOW_SIZE: 10}) as client,
        ):
            client.send(client.request(1))
            await client.settled()
            assert asked == [10]
            client.send(credit(5, 1))
            await client.settled()
            assert asked == [10, 5]
            client.send(credit(2, 1))
            await client.stream(1)
            assert asked == [10, 5, 2]

    run(main())


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_deferred_body_goes_on_after_resume(loop: str) -> None:
    ready: list[bytes] = []

    def answer(self: Recorder) -> None:
        def generate(n: int) -> tuple[bytes | None, int]:
            if not ready:
                return b"lost", DATA_DEFERRED
            return ready.pop(0), DATA_OK if ready else DATA_EOF

        def wake() -> None:
            ready.extend([b"one", b"two"])
            self.resume()

        self.resume()  # before there is a body: no effect
        self.send_response(200, body=generate)
        asyncio.get_running_loop().call_later(0.01, wake)

    assert body_of(exchange(answer, loop=loop)) == b"onetwo"


def test_resume_writes_before_it_returns() -> None:
    sizes: list[int] = []

    def answer(self: Recorder) -> None:
        state = {"open": False}

        def generate(n: int) -> tuple[bytes | None, int]:
            sizes.append(n)
            return (b"now", DATA_EOF) if state["open"] else (None, DATA_DEFERRED)

        def wake() -> None:
            state["open"] = True
            assert len(sizes) == 1
            self.resume()
            assert len(sizes) == 2, "resume() asked the body"
            assert self.calls[-1] == (1, "close", 0), "and the stream ended at once"
            self.resume()

        self.send_response(200, body=generate)
        asyncio.get_running_loop().call_later(0.01, wake)

    assert body_of(exchange(answer)) == b"now"


def test_resume_from_within_the_generator_is_not_lost() -> None:
    calls: list[int] = []

    def answer(self: Recorder) -> None:
        def generate(n: int) -> tuple[bytes | None, int]:
            calls.append(n)
            if len(calls) == 50:
                return b"at last", DATA_EOF
            self.resume()
            return None, DATA_DEFERRED

        self.send_response(200, body=generate)

    assert body_of(exchange(answer)) == b"at last"
    assert len(calls) == 50


def test_resume_from_on_data_lets_the_echo_flow() -> None:
    chunks: list[bytes] = []
    ended: list[bool] = []

    def on_headers(self: Recorder) -> None:
        def generate(n: int) -> tuple[bytes | None, int]:
            if chunks:
                return chunks.pop(0), DATA_OK
            return None, DATA_EOF if ended else DATA_DEFERRED

        self.send_response(200, body=generate)

    def on_data(self: Recorder, data: bytes) -> None:
        chunks.append(data.upper())
        self.resume()

    def on_request_done(self: Recorder) -> None:
        ended.append(True)
        self.resume()

    kind = recorder(on_headers=on_headers, on_data=on_data, on_request_done=on_request_done)

    async def main() -> None:
        async with HTTP2Server(("127.0.0.1", 0), kind) as server, client_of(server) as client:
            client.send(client.request(1, method="POST", end=False), client.data(1, b"one"))
            assert (await client.until(DATA)).payload == b"ONE"
            client.send(client.data(1, b"two"))
            assert (await client.until(DATA)).payload == b"TWO"
            client.send(client.data(1, b"", end=True))
            assert (await client.until(DATA)).ends
            await client.settled()

    run(main())
    assert kind.calls[-1] == (1, "close", 0)


def test_empty_answers_make_no_frames_and_do_not_block_others() -> None:
    polls: list[int] = []

    def answer(self: Recorder) -> None:
        def generate(n: int) -> tuple[bytes, int]:
            polls.append(n)
            return (b"", DATA_OK) if len(polls) < 60 else (b"end", DATA_EOF)

        if self.path == b"/slow":
            self.send_response(200, body=generate)
        else:
            self.send_response(200, body=b"quick")

    kind = recorder(on_request_done=answer)

    async def main() -> None:
        async with HTTP2Server(("127.0.0.1", 0), kind) as server, client_of(server) as client:
            client.send(client.request(1, "/slow"))
            await client.settled()
            client.send(client.request(3, "/quick"))
            assert (await client.response(3))[1] == b"quick"
            assert len(polls) < 60
            frames = await client.stream(1)
            assert [each.payload for each in frames] == [b"end"]

    run(main())


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(lambda n: 1 / 0, id="raises"),
        pytest.param(lambda n: b"abc", id="no tuple"),
        pytest.param(lambda n: (b"abc", 0, 0), id="three items"),
        pytest.param(lambda n: (b"abc", 7), id="unknown flag"),
        pytest.param(lambda n: (b"x" * (n + 1), DATA_OK), id="too much"),
        pytest.param(lambda n: ("text", DATA_EOF), id="text"),
        pytest.param(object(), id="not callable"),
        pytest.param(io.StringIO("text"), id="a text file"),
    ],
)
def test_a_body_that_breaks_its_contract_resets_its_stream(
    answer: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    frames = exchange(lambda self: self.send_response(200, body=answer), code=2)
    assert [each.type for each in frames] == [HEADERS, RST_STREAM]
    assert frames[-1].code == 2
    assert "Traceback" in capfd.readouterr().err or "Error" in capfd.readouterr().err


# --- asynchronous bodies ------------------------------------------------------------------------


@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_asynchronous_generator(loop: str) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for number in range(5):
            await asyncio.sleep(0)
            yield b"%d" % number * 20_000
            yield b""

    frames = exchange(lambda self: self.send_response(200, body=chunks()), loop=loop)
    assert body_of(frames) == b"".join(b"%d" % number * 20_000 for number in range(5))


def test_asynchronous_body_is_made_no_faster_than_it_is_read() -> None:
    made: list[int] = []
    closed: list[bool] = []

    async def chunks() -> AsyncIterator[bytes]:
        try:
            for number in range(1000):
                made.append(number)
                yield b"x" * 1000
        finally:
            closed.append(True)

    kind = recorder(on_request_done=lambda self: self.send_response(200, body=chunks()))

    async def main() -> None:
        async with (
            HTTP2Server(("127.0.0.1", 0), kind) as server,
            client_of(server, {INITIAL_WINDOW_SIZE: 2000}) as client,
        ):
            client.send(client.request(1))
            for _ in range(5):
                await client.settled()
            assert len(made) <= 4, "two were sent, one waits, one more is made"
            client.send(frame(RST_STREAM, 0, 1, (8).to_bytes(4, "big")))
            await client.settled()
            await eventually(lambda: closed)

    run(main())
    assert kind.calls[-1] == (1, "close", 8)


def test_asynchronous_body_that_fails(capfd: pytest.CaptureFixture[str]) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        yield b"some"
        raise RuntimeError("half way")

    frames = exchange(lambda self: self.send_response(200, body=chunks()), code=2)
    assert body_of(frames) == b"some"
    assert frames[-1].code == 2
    assert "half way" in capfd.readouterr().err


def test_asynchronous_body_of_something_else(capfd: pytest.CaptureFixture[str]) -> None:
    async def chunks() -> AsyncIterator[Any]:
        yield "text"

    assert exchange(lambda self: self.send_response(200, body=chunks()), code=2)[-1].code == 2
    assert "TypeError" in capfd.readouterr().err


# --- trailers -----------------------------------------------------------------------------------


def three(n: int) -> tuple[bytes, int]:
    return b"abc", DATA_EOF


@pytest.mark.parametrize("body", [b"abc", three, None, b""])
@pytest.mark.parametrize("late", [True, False])
def test_trailers_end_the_response(body: Any, late: bool) -> None:
    fields = [("X-Sum", "7"), (b"x-b", b"8")]
    trailers: Any = (lambda: fields) if late else fields
    frames = exchange(lambda self: self.send_response(200, body=body, trailers=trailers))
    assert body_of(frames) == (b"abc" if body else b"")
    assert frames[-1].type == HEADERS
    assert frames[-1].fields == [("x-sum", "7"), ("x-b", "8")]
    assert frames[-1].ends
    assert not any(each.ends for each in frames[:-1])


def test_late_trailers_know_the_body() -> None:
    total = [0]

    def generate(n: int) -> tuple[bytes, int]:
        total[0] += 1000
        return b"x" * 1000, DATA_OK if total[0] < 30_000 else DATA_EOF

    def answer(self: Recorder) -> None:
        self.send_response(200, body=generate, trailers=lambda: [("x-total", str(total[0]))])

    assert exchange(answer)[-1].fields == [("x-total", "30000")]


@pytest.mark.parametrize("body", [three, b"abc", None])
@pytest.mark.parametrize(
    ("trailers", "message"),
    [
        (lambda: 1 / 0, "ZeroDivisionError"),
        (lambda: [("connection", "x")], "InvalidFieldError"),
        (lambda: [(":status", "200")], "InvalidFieldError"),
        ([("a b", "x")], "InvalidFieldError"),
    ],
)
def test_trailers_that_cannot_be_sent(
    trailers: Any, message: str, body: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    frames = exchange(lambda self: self.send_response(200, body=body, trailers=trailers), code=2)
    assert frames[-1].code == 2
    assert message in capfd.readouterr().err


def test_trailers_that_are_refused_leave_the_response_to_be_sent() -> None:
    def answer(self: Recorder) -> None:
        with pytest.raises(ValueError, match="connection"):
            self.send_response(200, body=three, trailers=[("connection", "x")])
        self.send_response(500)

    assert exchange(answer)[0].fields == [(":status", "500")]


@pytest.mark.parametrize("trailers", [[], list])
def test_no_trailers_after_all(trailers: Any) -> None:
    frames = exchange(lambda self: self.send_response(200, body=three, trailers=trailers))
    assert body_of(frames) == b"abc"
    assert frames[-1].ends
    assert frames[-1].type == DATA


# --- backpressure -------------------------------------------------------------------------------


def resident() -> int:
    """Octets of memory this process has in RAM."""
    with open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="needs Linux's /proc")
@pytest.mark.parametrize("loop", ["asyncio", "uvloop"])
def test_a_slow_reader_makes_the_body_wait(loop: str) -> None:
    size = 300_000_000
    given = [0]

    def generate(n: int) -> tuple[bytes, int]:
        given[0] += n
        return bytes(n), DATA_OK if given[0] < size else DATA_EOF

    kind = recorder(on_request_done=lambda self: self.send_response(200, body=generate))

    async def main() -> None:
        server = HTTP2Server(("127.0.0.1", 0), kind, close_timeout=0.1)
        async with server, client_of(server, WIDE) as client:
            before = resident()
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]
            client.send(credit(2**30), client.request(1))
            stalled = -1
            while stalled != given[0]:
                stalled = given[0]
                await asyncio.sleep(0.1)
            # what fits into the sockets' buffers, and no more
            assert 0 < stalled < 32_000_000
            client.writer.transport.resume_reading()  # type: ignore[attr-defined]
            for _ in range(200):
                await client.next()
                await asyncio.sleep(0)
            assert stalled < given[0] < size / 2
            assert resident() - before < 30_000_000

    run(main(), loop)


def test_a_fast_reader_does_not_keep_others_waiting() -> None:
    def answer(self: Recorder) -> None:
        if self.path == b"/endless":
            self.send_response(200, body=lambda n: (bytes(n), DATA_OK))
        else:
            self.answer()

    kind = recorder(on_request_done=answer)

    async def main() -> None:
        server = HTTP2Server(("127.0.0.1", 0), kind, close_timeout=0.1)
        async with server, client_of(server, WIDE) as greedy, client_of(server) as other:
            greedy.send(credit(2**30), greedy.request(1, "/endless"))

            async def devour() -> None:
                while await greedy.next() is not None:
                    pass

            devouring = asyncio.ensure_future(devour())
            for number in range(1, 41, 2):
                other.send(other.request(number))
                assert (await other.response(number))[1] == b"hello"
            assert not devouring.done()
            devouring.cancel()

    run(main())


def test_a_large_body_is_not_copied_on_the_way() -> None:
    body = bytes(20_000_000)

    async def main() -> int:
        kind = recorder(on_request_done=lambda self: self.send_response(200, body=body))
        async with (
            HTTP2Server(("127.0.0.1", 0), kind) as server,
            client_of(server, WIDE) as client,
        ):
            tracemalloc.start()
            client.send(credit(2**30), client.request(1))
            await client.until(DATA)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            got = 0
            while not (each := await client.until(DATA)).ends:
                got += len(each.payload)
            return peak

    assert run(main()) < 2_000_000
