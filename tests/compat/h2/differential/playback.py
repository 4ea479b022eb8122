"""Octets that arrive in some cuts, with an application behind each of the two worlds."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.http2 import frames as f

from .application import application_for
from .comparison import Comparison, Pair
from .world import Implementation, receive

FOLDER = Path(__file__).parent / "recordings"
SERVERS = {"nghttpd", "nginx", "node-server", "hypercorn"}


def recordings() -> dict[str, bytes]:
    """What real programs said, by their names."""
    return {
        path.stem: bytes.fromhex(path.read_text(encoding="ascii"))
        for path in sorted(FOLDER.glob("*.hex"))
    }


def play(
    real: Implementation, here: Implementation, reads: Iterable[bytes], *, client: bool
) -> Comparison:
    """Each read into both; then the application, which is the same, does the same on both."""
    pair = Pair(real, here, client=client)
    application = application_for(pair.real)
    alike = all(pair.play(step) for step in application.begins())
    for read in reads:
        if not alike or not pair.play(receive(read)):
            break
        alike = all(pair.play(step) for step in application.reacts(pair.last.h2))
    return pair.finish()


def cuts(octets: bytes, chance: random.Random, mean: int) -> Iterator[bytes]:
    """The octets in pieces of any size."""
    at = 0
    while at < len(octets):
        size = 1 + int(chance.expovariate(1 / mean))
        yield octets[at : at + size]
        at += size


def by_frames(octets: bytes) -> Iterator[bytes]:
    """The octets, cut where frames end."""
    at = 0
    end = len(f.PREFACE) if octets.startswith(f.PREFACE) else 0
    while at < len(octets):
        end += 9 + int.from_bytes(octets[end : end + 3], "big")
        yield octets[at:end]
        at = end
