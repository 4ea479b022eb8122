"""How small the corpus gets: numbers that must not grow."""

from __future__ import annotations

import pytest

from plait.hpack import Encoder
from tests.hpack.stories import read_stories

STORIES = read_stories()

# Octets of all the blocks of a story. nghttp2 1.52 writes as many.
OCTETS: dict[str, int] = {
    "api-calls": 1468,
    "application-answers": 1822,
    "cdn-answers": 922,
    "chrome-shop": 1273,
    "curl": 247,
    "firefox-page": 1108,
    "grpc-answers": 188,
    "grpc-calls": 748,
}


def octets(name: str) -> int:
    encoder = Encoder()
    return sum(len(encoder.encode(fields)) for fields in STORIES[name])


def test_every_story_has_its_number() -> None:
    assert STORIES.keys() == OCTETS.keys()


@pytest.mark.parametrize("name", OCTETS)
def test_the_blocks_are_no_larger_than_they_were(name: str) -> None:
    assert octets(name) <= OCTETS[name]
