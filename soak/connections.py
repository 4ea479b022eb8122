"""``python -m soak connections``: connections dropped in every rude way, and what is left of them.

The server counts its own: memory, descriptors, tasks, handlers, and every object by its type. What
there is at the end must be what there was after warm-up.
"""

from __future__ import annotations

import contextlib
import random
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from soak import frames as f
from soak.attacks.base import client_context
from soak.attacks.slow import client_hello
from soak.peer import Ended, Peer, TimeIsUp, odd
from soak.subject import Subject

MOST_GROWTH = 4 * 2**20  # octets of memory more than after warm-up
_THREADS = 4
_SILENT = 300  # connections that are left open without a word, all at once
_OURS = ("plait", "uvloop", "asyncio", "_asyncio", "ssl", "_ssl", "__main__", "soak")

Way = Callable[["Caller"], None]
WAYS: dict[str, Way] = {}


class Caller:
    """Opens connections; from many addresses, as closed ones keep their port for a minute."""

    def __init__(self, subject: Subject, seed: int) -> None:
        self.subject = subject
        self.random = random.Random(seed)
        self.hello = client_hello()

    def dial(self, port: int | None = None, tls: bool = False, **options: Any) -> Peer:
        """Connect."""
        source = f"127.0.{self.random.randrange(1, 100)}.{self.random.randrange(1, 250)}"
        if port is None:
            port = self.subject.secure if tls else self.subject.clear
        context = client_context() if tls else None
        return Peer(port, time.monotonic() + 30, context, source=source, **options)

    def coin(self) -> bool:
        """Whether to end with a reset."""
        return self.random.random() < 0.5


def way(name: str) -> Callable[[Way], Way]:
    """Put a function into the table of ways."""

    def add(function: Way) -> Way:
        WAYS[name] = function
        return function

    return add


@way("nothing said, closed")
def nothing_said(caller: Caller) -> None:
    caller.dial().close()


@way("nothing said, reset")
def nothing_said_and_reset(caller: Caller) -> None:
    caller.dial().close(rudely=True)


@way("one direction shut down")
def half_closed(caller: Caller) -> None:
    peer = caller.dial()
    try:
        peer.hello()
        peer.send(f.request(1, b"/delayed"))
        peer.sock.shutdown(socket.SHUT_WR)
        peer.read_to_the_end()
    finally:
        peer.close()


@way("in the middle of the preface")
def mid_preface(caller: Caller) -> None:
    peer = caller.dial()
    peer.send(f.PREFACE[: caller.random.randrange(1, len(f.PREFACE))])
    peer.close(caller.coin())


@way("in the middle of a frame")
def mid_frame(caller: Caller) -> None:
    peer = caller.dial()
    peer.hello()
    octets = f.request(1, b"/sink", method=b"POST", end=False) + f.data(1, bytes(3000), end=True)
    peer.send(octets[: caller.random.randrange(1, len(octets))])
    peer.close(caller.coin())


@way("in the middle of a field block")
def mid_block(caller: Caller) -> None:
    peer = caller.dial()
    peer.hello()
    peer.send(f.frame(f.HEADERS, 0, 1, f.block(f.fields_of())))
    peer.send(f.continuation(1, f.literal(b"x", b"y" * 2000)))
    peer.close(caller.coin())


@way("with requests open")
def with_open_requests(caller: Caller) -> None:
    peer = caller.dial()
    peer.hello()
    paths = (b"/silent", b"/never", b"/delayed", b"/coroutine", b"/made")
    peer.send(b"".join([f.request(n, paths[n % 5]) for n in odd(10)]))
    if caller.coin():
        peer.read_until(f.DATA)
    peer.close(caller.coin())


@way("responses not read")
def responses_unread(caller: Caller) -> None:
    peer = caller.dial(receive_buffer=4096)
    peer.hello((f.INITIAL_WINDOW_SIZE, f.MOST))
    peer.send(b"".join([f.request(n, b"/large") for n in odd(5)]), reading=False)
    peer.close(caller.coin())


@way("in the middle of a download")
def mid_download(caller: Caller) -> None:
    peer = caller.dial()
    peer.hello()
    peer.send(f.request(1, b"/made") + f.request(3, b"/coroutine"))
    peer.read_until(f.DATA, 3)
    peer.close(caller.coin())


@way("in the middle of an upload")
def mid_upload(caller: Caller) -> None:
    peer = caller.dial()
    peer.hello()
    for n in odd(3):
        peer.send(f.request(n, b"/sink", method=b"POST", end=False) + f.data(n, bytes(5000)))
    peer.close(caller.coin())


@way("in the middle of an upload to a coroutine")
def mid_upload_to_coroutine(caller: Caller) -> None:
    peer = caller.dial(caller.subject.slow)
    peer.hello()
    for n in odd(3):
        peer.send(f.request(n, b"/", method=b"POST", end=False) + f.data(n, bytes(5000)))
    peer.close(caller.coin())


@way("with pushes on their way")
def with_pushes(caller: Caller) -> None:
    peer = caller.dial()
    peer.hello((f.INITIAL_WINDOW_SIZE, 5))
    peer.send(f.request(1, b"/push_two"))
    if caller.coin():
        peer.read_until(f.PUSH_PROMISE)
    peer.close(caller.coin())


@way("after GOAWAY, with a request open")
def after_goaway(caller: Caller) -> None:
    peer = caller.dial()
    peer.hello()
    peer.send(f.request(1, b"/silent") + f.frame(f.GOAWAY, 0, 0, bytes(8)))
    peer.close(caller.coin())


@way("sent away by the server, without listening")
def sent_away(caller: Caller) -> None:
    peer = caller.dial()
    peer.hello()
    peer.send(f.request(1, b"/never") + f.frame(f.PING, 0, 0, bytes(3)))
    peer.close(caller.coin())


@way("HTTP/1.1, without listening")
def http1(caller: Caller) -> None:
    peer = caller.dial()
    peer.send(b"GET / HTTP/1.1\r\n\r\n")
    peer.close(caller.coin())


@way("in the middle of the TLS handshake")
def mid_handshake(caller: Caller) -> None:
    peer = caller.dial(caller.subject.secure)
    peer.send(caller.hello[: caller.random.randrange(1, len(caller.hello) + 1)])
    peer.close(caller.coin())


@way("after the TLS handshake, with requests open")
def after_handshake(caller: Caller) -> None:
    peer = caller.dial(tls=True)
    peer.hello()
    peer.send(f.request(1, b"/never") + f.request(3, b"/made"))
    peer.close(caller.coin())


@dataclass
class Leftovers:
    """What connections left behind.

    :ivar figures: of memory, descriptors and so on, after warm-up and at the end.
    :ivar objects: objects of plait's, the event loop's and TLS's of which there are more now.
    """

    connections: int
    seconds: float
    figures: dict[str, tuple[int, int]]
    objects: dict[str, int]
    problems: list[str] = field(default_factory=list)


def _drop(subject: Subject, each: int, seed: int) -> int:
    """Use every way so many times, in several threads."""
    trouble: list[str] = []

    def work(seed: int) -> None:
        caller = Caller(subject, seed)
        turns = [item for item in WAYS.items() for _ in range(each)]
        caller.random.shuffle(turns)
        for name, function in turns:
            try:
                function(caller)
            except Ended:
                continue
            except (TimeIsUp, OSError) as error:
                trouble.append(f"{name}: {type(error).__name__} {error}")

    threads = [threading.Thread(target=work, args=(seed + n,)) for n in range(_THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if trouble:
        raise RuntimeError("; ".join(trouble[:5]))
    return _THREADS * each * len(WAYS)


def _leave_silent(subject: Subject, seconds: float) -> int:
    """Open connections and say nothing, until the server gives them up."""
    caller = Caller(subject, 0)
    peers = [caller.dial() for _ in range(_SILENT // 2)]
    peers += [caller.dial(subject.secure) for _ in range(_SILENT // 2)]
    try:
        for peer in peers:
            peer.deadline = time.monotonic() + 2 * seconds + 20
            with contextlib.suppress(Ended):
                peer.read_to_the_end()
    finally:
        for peer in peers:
            peer.close()
    return len(peers)


def connections(
    count: int, preface: float = 10.0, tell: Callable[[str], None] = print
) -> Leftovers:
    """So many connections, about.

    :param preface: seconds that the server gives a client that says nothing.
    """
    each = max(1, count // len(WAYS) // _THREADS)
    with Subject(f"preface={preface}", f"handshake={min(preface, 5.0)}") as subject:
        _drop(subject, max(20, each // 10), 1000)
        _leave_silent(subject, preface)
        subject.settled()
        before = subject.report(objects=True)
        start = time.monotonic()
        number = _drop(subject, each, 1) + _leave_silent(subject, preface)
        seconds = time.monotonic() - start
        subject.settled()
        after = subject.report(objects=True)
        complaints = list(subject.complaints)
    found = _compared(before, after, number, seconds)
    tracebacks = [words for words in complaints if "Traceback" in words]
    if tracebacks:
        found.problems.append(f"{len(tracebacks)} tracebacks, the last: {complaints[-1]}")
    tell(line(found))
    return found


def _compared(
    before: dict[str, Any], after: dict[str, Any], number: int, seconds: float
) -> Leftovers:
    names = ("resident", "blocks", "descriptors", "tasks", "connections", "open")
    figures = {name: (before[name], after[name]) for name in names}
    more = Counter(after["objects"]) - Counter(before["objects"])
    ours = {kind: n for kind, n in more.items() if kind.partition(".")[0] in _OURS}
    found = Leftovers(number, seconds, figures, ours)
    for name in names[2:]:
        if after[name] > before[name]:
            found.problems.append(f"{after[name] - before[name]} {name} are left")
    if after["resident"] - before["resident"] > MOST_GROWTH:
        found.problems.append(f"{(after['resident'] - before['resident']) / 2**20:.1f} MiB more")
    # a few more of a kind may be the report's own
    found.problems += [f"{n} objects {kind} are left" for kind, n in ours.items() if n > 5]
    return found


def line(found: Leftovers) -> str:
    """All of it for the terminal."""
    figures = "; ".join(f"{name} {a:,} and {b:,}" for name, (a, b) in found.figures.items())
    return (
        f"{found.connections:,} connections in {found.seconds:.0f} s; after warm-up and at the "
        f"end: {figures}; more objects: {found.objects or 'none'}"
        + "".join(f"\n    !! {problem}" for problem in found.problems)
    )
