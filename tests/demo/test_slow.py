"""A body that is written while it is being read."""

from __future__ import annotations

import asyncio

from plait.demo.slow import SlowText
from plait.server import DATA_DEFERRED, DATA_EOF, DATA_OK


def read_all(pieces: list[str], limit: int) -> list[tuple[bytes | None, int]]:
    """What a server gets that asks at once and again at every `resume`."""

    async def read() -> list[tuple[bytes | None, int]]:
        answers: list[tuple[bytes | None, int]] = []
        resumed = asyncio.Event()
        text = SlowText(iter(pieces), 0.001, resumed.set)
        while not answers or answers[-1][1] != DATA_EOF:
            answers.append(text(limit))
            if answers[-1][1] == DATA_DEFERRED:
                await resumed.wait()
                resumed.clear()
        return answers

    return asyncio.run(read())


def test_it_defers_until_a_piece_is_there_and_ends_after_the_last():
    assert read_all(["one\n", "two\n"], 100) == [
        (None, DATA_DEFERRED),
        (b"one\n", DATA_OK),
        (None, DATA_DEFERRED),
        (b"two\n", DATA_OK),
        (None, DATA_DEFERRED),
        (b"", DATA_EOF),
    ]


def test_it_never_gives_more_than_is_asked_for():
    answers = read_all(["äbcdef"], 3)
    chunks = [data for data, _ in answers if data]
    assert b"".join(chunks) == "äbcdef".encode()
    assert [len(chunk) for chunk in chunks] == [3, 3, 1]


def test_octets_left_at_the_end_are_given_before_the_end():
    async def read() -> list[tuple[bytes | None, int]]:
        ended = asyncio.Event()
        resumed = 0

        def count() -> None:
            nonlocal resumed
            resumed += 1
            if resumed == 2:
                ended.set()

        text = SlowText(iter(["abc"]), 0.001, count)
        await ended.wait()
        return [text(2), text(2)]

    assert asyncio.run(read()) == [(b"ab", DATA_OK), (b"c", DATA_EOF)]


def test_a_cancelled_one_never_resumes():
    async def wait() -> list[int]:
        resumed: list[int] = []
        text = SlowText(iter(["late"]), 0.001, lambda: resumed.append(1))
        text.cancel()
        await asyncio.sleep(0.02)
        return resumed

    assert asyncio.run(wait()) == []
