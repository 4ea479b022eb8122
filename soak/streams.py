"""``python -m soak streams``: millions of streams over one connection, and memory at the end."""

from __future__ import annotations

import itertools
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from soak import frames as f
from soak.peer import Ended, Peer, TimeIsUp, odd
from soak.subject import Subject, difference

MOST_GROWTH = 2 * 2**20  # octets of memory more than after warm-up
_ROUND = 60  # streams of each kind in a round of the mixed load


@dataclass
class Endurance:
    """What a long load came to.

    :ivar memory: the resident octets after warm-up, the most on the way, and at the end.
    :ivar blocks: blocks of Python's allocator after warm-up and at the end.
    """

    name: str
    streams: int
    seconds: float
    memory: tuple[int, int, int]
    blocks: tuple[int, int]
    notes: str = ""
    problems: list[str] = field(default_factory=list)


def _measured(
    subject: Subject, name: str, warm: Callable[[], int], load: Callable[[], int]
) -> Endurance:
    """Run a load after its warm-up and compare."""
    warm()
    before = subject.settled()
    resident = subject.resident()
    subject.forget_peak()
    start = time.monotonic()
    streams = load()
    seconds = time.monotonic() - start
    peak = subject.peak()
    after = subject.settled()
    memory = resident, peak, subject.resident()
    found = Endurance(name, streams, seconds, memory, (before["blocks"], after["blocks"]))
    if memory[2] - memory[0] > MOST_GROWTH:
        found.problems.append(f"{(memory[2] - memory[0]) / 2**20:.1f} MiB more than after warm-up")
    if after["open"] > 1 or after["connections"] > 1:
        found.problems.append(f"{after['open'] - 1} handlers are left")
    refused = difference(before["refusals"], after["refusals"])
    if refused:
        found.problems.append(f"an honest client was refused: {refused}")
    if subject.complaints:
        found.problems.append(f"on standard error: {subject.complaints[-1]}")
    return found


def small_requests(subject: Subject, count: int) -> Endurance:
    """h2load, a hundred streams at a time."""

    def load(requests: int) -> int:
        command = ["h2load", "-n", str(requests), "-c1", "-m100"]
        url = f"http://127.0.0.1:{subject.clear}/small"
        done = subprocess.run([*command, url], capture_output=True, text=True, check=True)
        found = re.search(r"(\d+) succeeded", done.stdout)
        if found is None or int(found[1]) != requests:
            raise RuntimeError(f"not every request was answered:\n{done.stdout}")
        return requests

    return _measured(
        subject,
        "GET by h2load -c1 -m100",
        lambda: load(max(20_000, count // 100)),
        lambda: load(count),
    )


def mixed(subject: Subject, count: int) -> Endurance:
    """Every kind of stream over one connection, in turn."""

    def load(streams: int) -> int:
        peer = Peer(subject.clear, time.monotonic() + 3600)
        try:
            return _mixed_rounds(peer, streams)
        except (Ended, TimeIsUp):
            raise RuntimeError(f"the connection ended: {peer.goaway}") from None
        finally:
            peer.close()

    return _measured(
        subject,
        "GET, POST, reset, pushing and pushed in turn",
        lambda: load(max(5_000, count // 20)),
        lambda: load(count),
    )


def _mixed_rounds(peer: Peer, streams: int) -> int:
    """Go on until so many streams, pushed ones included, have come and gone."""
    peer.hello((f.MAX_CONCURRENT_STREAMS, 1000), (f.INITIAL_WINDOW_SIZE, 2**20))
    body = b"x" * 1500
    total = 0
    for first in itertools.count(1, 8 * (_ROUND // 4)):
        if total >= streams:
            return total
        quarter = _ROUND // 4
        get = list(odd(quarter, first))
        post = list(odd(quarter, first + 2 * quarter))
        reset = list(odd(quarter, first + 4 * quarter))
        pushing = list(odd(quarter, first + 6 * quarter))
        said = [f.request(n) for n in get]
        for n in post:
            said.append(f.request(n, b"/sink", method=b"POST", end=False))
            said += [f.data(n, body), f.data(n, body, end=True)]
        said += [f.request(n, b"/never") + f.rst_stream(n) for n in reset]
        said += [f.request(n, b"/push_two") for n in pushing]
        pushed = 2 * quarter
        before = peer.frames[f.PUSH_PROMISE]
        peer.send(b"".join(said))
        peer.read_until_answered([*get, *post, *pushing])
        peer.read_until(f.PUSH_PROMISE, before + pushed)
        promised = range(2 + 2 * before, 2 + 2 * (before + pushed), 2)
        peer.read_until_answered(promised)
        if peer.resets:
            raise RuntimeError(f"the server reset streams: {peer.resets}")
        peer.answered.clear()
        total += 4 * quarter + pushed
    raise AssertionError


def streams(count: int, mixed_count: int, tell: Callable[[str], None] = print) -> list[Endurance]:
    """Both loads, each against a server of its own."""
    found = []
    for load, number in ((small_requests, count), (mixed, mixed_count)):
        if load is small_requests and shutil.which("h2load") is None:
            tell("h2load not found: apt-get install nghttp2-client")
            continue
        with Subject() as subject:
            found.append(load(subject, number))
            tell(line(found[-1]))
    return found


def line(found: Endurance) -> str:
    """One load for the terminal."""
    warm, peak, end = [octets / 2**20 for octets in found.memory]
    return (
        f"{found.name}: {found.streams:,} streams in {found.seconds:.0f} s; memory {warm:.2f} MiB "
        f"after warm-up, {peak:.2f} at most, {end:.2f} at the end; blocks {found.blocks[0]:,} and "
        f"{found.blocks[1]:,}" + "".join(f"\n    !! {problem}" for problem in found.problems)
    )
