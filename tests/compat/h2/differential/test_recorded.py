"""What real programs said, in any cuts, to both; and every cut of streams of all kinds."""

from __future__ import annotations

import random

import pytest

from .comparison import EVERYWHERE, Comparison, explain
from .playback import SERVERS, by_frames, cuts, play, recordings
from .world import FACADE, REAL, Implementation

RECORDINGS = recordings()


# A client may say goodbye in the read in which it asks for something.
HONEST = EVERYWHERE | {
    "output before GOAWAY",
    "after a graceful GOAWAY",
    "finer exceptions",
}


def check(found: Comparison, which: object) -> None:
    """Nobody did anything wrong here, so only few differences are met."""
    assert found.unnamed is None, explain(found, which)
    assert found.classes.keys() <= HONEST, (which, found.classes)


def play_both(name: str, reads: object) -> Comparison:
    real, here = Implementation(REAL), Implementation(FACADE)
    return play(real, here, reads, client=name in SERVERS)


@pytest.mark.parametrize("name", RECORDINGS)
def test_real_programs_are_understood_in_the_same_way(name: str) -> None:
    octets = RECORDINGS[name]
    check(play_both(name, [octets]), f"{name}, in one read")
    by_frame = play_both(name, by_frames(octets))
    check(by_frame, f"{name}, frame by frame")
    assert by_frame.steps > 8
    assert not by_frame.parted or by_frame.classes["after a graceful GOAWAY"]
    for seed, mean in enumerate((40, 400, 4000)):
        check(play_both(name, cuts(octets, random.Random(seed), mean)), f"{name}, cut, {seed}")


@pytest.mark.slow
@pytest.mark.parametrize("name", RECORDINGS)
def test_real_programs_are_understood_octet_by_octet(name: str) -> None:
    octets = RECORDINGS[name]
    check(play_both(name, (octets[at : at + 1] for at in range(len(octets)))), name)
    for seed in range(30):
        check(play_both(name, cuts(octets, random.Random(seed), 200)), f"{name}, cut, {seed}")
