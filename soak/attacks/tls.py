"""The doors: TLS and what precedes HTTP/2."""

from __future__ import annotations

import contextlib

from soak import frames as f
from soak.attacks.base import Attack, Target, collector, expect
from soak.attacks.slow import client_hello
from soak.peer import Ended, Peer

ATTACKS: list[Attack] = []
attack = collector(ATTACKS)


def _sent_away(peer: Peer, octets: bytes, what: str) -> None:
    with contextlib.suppress(Ended):
        peer.send(octets)
        peer.read_for(5)
    expect(peer.ended, f"{what}: the connection goes on")
    peer.close()


@attack("what is not HTTP/2, in clear text", ends=True, calls=0)
def other_protocols(target: Target) -> None:
    for what, octets in {
        "HTTP/1.1": b"GET / HTTP/1.1\r\nHost: soak.example\r\n\r\n",
        "a preface of HTTP/2 with a wrong end": f.PREFACE[:-2] + b"xx" + bytes(50),
        "TLS": client_hello(),
        "zeros": bytes(10_000),
        "a method without end": b"A" * 100_000,
    }.items():
        _sent_away(target.dial(), octets, what)


@attack("what is not TLS, on the port of TLS", ends=True, calls=0)
def not_tls(target: Target) -> None:
    for what, octets in {
        "HTTP/2 in clear text": f.PREFACE + f.settings(),
        "zeros": bytes(10_000),
        "a record of another version": b"\x16\x09\x09\x40\x00" + bytes(16_384),
        "an alert": b"\x15\x03\x03\x00\x02\x02\x28",
    }.items():
        _sent_away(target.dial(target.secure), octets, what)


@attack("500 handshakes begun and left", calls=0)
def handshakes_left(target: Target) -> None:
    hello = client_hello()
    for _ in range(500):
        peer = target.dial(target.secure)
        peer.send(hello)
        peer.close()
        target.peers.pop()


@attack("200 handshakes begun and held", calls=0, connections=200)
def handshakes_held(target: Target) -> None:
    hello = client_hello()
    peers = []
    for _ in range(200):
        peer = target.dial(target.secure)
        peer.send(hello)
        peers.append(peer)
    peers[0].wait(2)


@attack("200 connections, 100 requests open on each", calls=20_000, connections=200)
def many_open(target: Target) -> None:
    peers = []
    for _ in range(200):
        peer = target.dial()
        peer.hello()
        peer.send(b"".join([f.request(n, b"/silent") for n in range(1, 201, 2)]))
        peers.append(peer)
    peers[0].read_for(2)


@attack("2,000 connections opened and dropped", calls=0)
def opened_and_dropped(target: Target) -> None:
    for n in range(2000):
        peer = target.dial()
        peer.send(f.PREFACE[: n % 25])
        peer.close(rudely=n % 2 == 0)
        target.peers.pop()
