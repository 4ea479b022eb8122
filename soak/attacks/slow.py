"""One octet a second, or nothing at all. The server's time limits end these.

A server with the ordinary limits needs up to three minutes for them; ``--short`` gives it others.
"""

from __future__ import annotations

import contextlib
import ssl
import time

from soak import frames as f
from soak.attacks.base import Attack, Target, client_context, collector, expect
from soak.peer import Ended, Peer, odd

ATTACKS: list[Attack] = []
attack = collector(ATTACKS)

_GRACE = 8.0  # seconds beyond a limit in which it must have worked


def _dribble(peer: Peer, octets: bytes, limit: float, what: str, pace: float = 1.0) -> None:
    """Send an octet a second; the server must not bear it for longer than a limit."""
    until = time.monotonic() + limit + _GRACE
    for octet in octets:
        if time.monotonic() > until:
            break
        peer.send(bytes([octet]))
        peer.read_for(min(pace, limit / 4))
    while time.monotonic() < until:
        peer.read_for(0.5)
    expect(False, f"{what} was borne for longer than {limit + _GRACE:.0f} s")


def client_hello() -> bytes:
    """The first octets of a TLS handshake."""
    outgoing = ssl.MemoryBIO()
    tls = client_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with contextlib.suppress(ssl.SSLWantReadError):
        tls.do_handshake()
    return outgoing.read()


@attack("TLS handshake, one octet a second", ends=True, calls=0, patience=30)
def slow_handshake(target: Target) -> None:
    peer = target.dial(target.secure)
    _dribble(peer, client_hello(), target.limits["handshake"], "the handshake")


@attack("TLS handshake that stops", ends=True, calls=0, patience=30)
def stopped_handshake(target: Target) -> None:
    peer = target.dial(target.secure)
    peer.send(client_hello())
    _dribble(peer, b"", target.limits["handshake"], "the handshake")


@attack("no octet at all", ends=True, calls=0, patience=40)
def silent_connection(target: Target) -> None:
    peer = target.dial()
    _dribble(peer, b"", target.limits["preface"], "silence")


@attack("preface, one octet a second", ends=True, calls=0, patience=40)
def slow_preface(target: Target) -> None:
    peer = target.dial()
    _dribble(peer, f.PREFACE + bytes(1000), target.limits["preface"], "the preface")


@attack("SETTINGS not acknowledged", ends=True, calls=1, patience=40)
def no_acknowledgement(target: Target) -> None:
    peer = target.dial()
    peer.send(f.PREFACE + f.settings() + f.request(1, b"/silent"))
    _dribble(peer, b"", target.limits["settings"], "the missing acknowledgement")


@attack("a field section, one octet a second", ends=True, calls=0, patience=60)
def slow_fields(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send(f.frame(f.HEADERS, 0, 1, b""))
    _dribble(peer, f.continuation(1, bytes(1000)), target.limits["field_section"], "the section")


@attack("a PING, one octet a second", ends=True, calls=0, patience=60)
def slow_frame(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    _dribble(peer, f.ping(), target.limits["field_section"], "the frame")


@attack("100 bodies, one octet a second each", calls=100, patience=200)
def slow_bodies(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send(b"".join([f.request(n, b"/sink", method=b"POST", end=False) for n in odd(100)]))
    limit = target.limits["body"]
    until = time.monotonic() + 2 * limit + _GRACE
    with contextlib.suppress(Ended):
        while len(peer.resets) < 100 and time.monotonic() < until:
            living = [n for n in odd(100) if n not in peer.resets]
            peer.send(b"".join([f.data(n, b"x") for n in living]))
            peer.read_for(min(1.0, limit / 4))
    expect(peer.ended or len(peer.resets) == 100, f"only {len(peer.resets)} bodies were given up")


@attack("100 responses, window 0, for ever", calls=100, patience=200)
def stalled_windows(target: Target) -> None:
    peer = target.dial()
    peer.hello((f.INITIAL_WINDOW_SIZE, 0))
    peer.send(b"".join([f.request(n, b"/made") for n in odd(100)]))
    _until_given_up(peer, target.limits["write"])


@attack("100 responses, one octet of window a second each", calls=100, patience=200)
def dribbled_windows(target: Target) -> None:
    peer = target.dial()
    peer.hello((f.INITIAL_WINDOW_SIZE, 0))
    peer.send(b"".join([f.request(n, b"/made") for n in odd(100)]))
    _until_given_up(peer, target.limits["write"], dribble=True)


def _until_given_up(peer: Peer, limit: float, dribble: bool = False) -> None:
    until = time.monotonic() + 2 * limit + _GRACE
    with contextlib.suppress(Ended):
        while len(peer.resets) < 100 and time.monotonic() < until:
            if dribble:
                living = [n for n in odd(100) if n not in peer.resets]
                peer.send(b"".join([f.window_update(n, 1) for n in living]))
            peer.read_for(min(1.0, limit / 4))
    expect(peer.ended or len(peer.resets) == 100, f"only {len(peer.resets)} streams were given up")


@attack("a response whose octets are not read, for ever", calls=1, patience=200)
def stalled_socket(target: Target) -> None:
    _take_nothing(target, tls=False)


@attack("a response whose octets are not read, over TLS", calls=1, patience=200)
def stalled_socket_over_tls(target: Target) -> None:
    _take_nothing(target, tls=True)


def _take_nothing(target: Target, tls: bool) -> None:
    peer = target.dial(receive_buffer=4096, tls=tls)
    peer.hello((f.INITIAL_WINDOW_SIZE, f.MOST))
    peer.send(f.request(1, b"/made"), reading=False)
    peer.wait(target.limits["write"] + _GRACE / 2)
    # what the system still had for us, and then the end
    peer.read_for(_GRACE)
    expect(False, f"it was borne for longer than {target.limits['write'] + _GRACE / 2:.0f} s")


@attack("an idle connection", ends=True, calls=1, patience=400)
def idle(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send(f.request(1))
    _dribble(peer, b"", target.limits["idle"], "idleness")
