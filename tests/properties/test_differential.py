"""plait beside `h2` and `hpack`: the same of the same octets, or a difference with a name."""

from __future__ import annotations

import random
import re
from collections import Counter

import hpack
import pytest

from plait.hpack import Decoder, HPACKError
from tests.http2 import frames as f
from tests.support.corpus import BROWSER, corpus, damage
from tests.support.project import ROOT

from .differences import (
    GOODBYE,
    JUDGEMENTS,
    LOST,
    NAMES,
    REWRITES,
    Comparison,
    compare,
    frame_by_frame,
)
from .oracles import H2Oracle, PlaitOracle
from .profiles import FIRST_SEED, slow
from .talk import FAULTS, Talker

ROLES = ("server", "client")


def start(role: str, *frames: f.Frame | bytes) -> list[bytes]:
    """A part for each frame, after a peer's first words."""
    first = f.PREFACE if role == "server" else b""
    return [first + bytes(f.settings()), bytes(f.settings_ack()), *map(bytes, frames)]


def to_server(*frames: f.Frame | bytes) -> tuple[str, list[bytes]]:
    return "server", start("server", *frames)


def to_client(*frames: f.Frame | bytes) -> tuple[str, list[bytes]]:
    return "client", start("client", *frames)


LARGE = f.settings((f.INITIAL_WINDOW_SIZE, 2**31 - 1))
OPEN = f.headers(1, f.POST, end_stream=False)

EXAMPLES: dict[str, tuple[str, list[bytes]]] = {
    "priority tree": to_server(f.priority(5, 3)),
    "PRIORITY_UPDATE": to_server(f.headers(1, f.GET), f.priority_update(1, b"u=1")),
    "ORIGIN": to_client(f.origin(b"https://example.com")),
    "cookie crumbs": to_server(f.headers(1, [*f.GET, (b"cookie", b"a=1"), (b"cookie", b"b=2")])),
    "refused by GOAWAY": to_client(f.goaway(1)),
    "ALTSVC of a stream": to_client(f.altsvc(1, b"", b'h3=":443"')),
    GOODBYE: to_server(OPEN, f.goaway(0), f.data(1, b"still going on")),
    "stream error, connection error": to_server(f.headers(1, [*f.GET, (b"Upper", b"x")])),
    "another code": to_server(f.raw_headers(1, b"\xff\xff\xff\xff\xff\x0f")),
    "late frames": to_server(OPEN, f.window_update(1, 2**31 - 1), f.data(1, b"late")),
    "frames after the end": to_client(f.rst_stream(1), f.headers(1, f.OK)),
    "half a frame": to_server(bytes(f.data(0, b"to nobody"))[:12]),
    "frames too long": to_server(bytes(f.data(1, bytes(20_000)))[:9]),
    "SETTINGS first": ("client", [bytes(f.ping())]),
    "last words to strangers": ("server", [b"GET / HTTP/1.1\r\n\r\n"]),
    "windows of pushed streams": to_client(
        f.push_promise(1, 2, f.GET),
        f.headers(2, f.OK, end_stream=False),
        f.window_update(2, 2**31 - 1),
    ),
    "credit of its own": to_server(OPEN, *[f.data(1, b"x", pad=255)] * 300),
    "streams never opened": to_client(f.push_promise(1, 2, f.GET), f.data(2, b"x")),
    "reserved bit": to_server(f.Frame(f.WINDOW_UPDATE, 0, 0, b"\x80\0\0\x01")),
    "requests without authority": to_server(f.headers(1, f.GET[:3])),
    "grammar of fields": to_server(f.headers(1, [(b":method", b"GE T"), *f.GET[1:]])),
    "unfinished promises": to_server(OPEN, f.push_promise(1, 2, f.GET, end_headers=False)),
    "idle streams": to_server(OPEN, f.rst_stream(7)),
    "acknowledgement of nothing": to_server(f.settings_ack()),
    "PRIORITY_UPDATE out of place": to_client(f.priority_update(1, b"u=1")),
    "budgets": to_server(f.settings(*[(99, 1)] * 33)),
    "length of an empty body": to_server(f.headers(1, [*f.POST, (b"content-length", b"5")])),
    "promised method": to_client(f.push_promise(1, 2, f.POST)),
    "nothing but padding": to_server(
        f.Frame(f.HEADERS, f.PADDED, 1, b"\x01\x00"), f.continuation(1, f.block(f.GET))
    ),
    "interim response to a push": to_client(
        f.push_promise(1, 2, f.GET), f.headers(2, [(b":status", b"103")], end_stream=False)
    ),
    "windows of closed streams": to_server(
        OPEN, f.window_update(1, 70_000), f.rst_stream(1), LARGE
    ),
    "self-dependency": (
        "server",
        [f.PREFACE + bytes(f.settings((f.NO_RFC7540_PRIORITIES, 1))), bytes(f.priority(9, 9))],
    ),
    "broken ALTSVC": to_client(f.Frame(f.ALTSVC, 0, 0, b"\x00")),
}


@pytest.mark.parametrize("name", sorted(EXAMPLES))
def test_every_class_of_difference_has_an_example(name: str) -> None:
    role, parts = EXAMPLES[name]
    found = compare(role, parts)
    assert found.unnamed is None
    assert found.classes[name] == 1 or (name in REWRITES and found.classes[name])


def test_every_class_has_a_name_of_its_own_and_an_example() -> None:
    assert len(NAMES) == len(REWRITES) + len(JUDGEMENTS) + 2
    assert EXAMPLES.keys() == NAMES - {LOST}


def test_the_page_lists_the_same_classes() -> None:
    page = (ROOT / "docs" / "differences.md").read_text(encoding="utf-8")
    listed = re.findall(r"^\| ([^|]+?) \|", page, re.MULTILINE)
    rows = [name for name in listed if name not in ("class", "---")]
    assert sorted(rows) == sorted(NAMES)


def test_h2_loses_the_events_before_a_fault() -> None:
    role, parts = to_server(f.headers(1, f.GET), f.ping(), f.data(0, b"x"))
    plait, theirs = PlaitOracle(role), H2Oracle(role)
    whole = b"".join(parts)
    kinds = [item[0] for item in plait.takes(whole)]
    assert {"request", "ping", "says goaway"} <= set(kinds)
    assert [item[0] for item in theirs.takes(whole) if item[0] in ("request", "ping")] == []


# ------------------------------------------------------------------------------------------------
# Many streams.


def judge(found: Comparison, classes: Counter[str], which: object) -> None:
    part = found.unnamed
    assert part is None, (
        f"{which}: a difference without a name, in {part.octets[:60].hex()}:\n"
        f"plait: {part.plait} ({part.slug})\nh2: {part.h2} ({part.error!r})"
    )
    classes += found.classes


def compare_valid(seed: int) -> Comparison:
    role = ROLES[seed % 2]
    return compare(role, Talker(random.Random(seed), to_server=role == "server").frames(25))


def compare_faulty(seed: int) -> Comparison:
    role = ROLES[seed % 2]
    talker = Talker(random.Random(seed), to_server=role == "server")
    return compare(role, talker.frames(15, faults=1 + seed % 3))


def compare_damaged(seed: int) -> Comparison:
    role = ROLES[seed % 2]
    chance = random.Random(seed)
    parts = damage(chance, Talker(chance, to_server=role == "server").frames(15))
    return compare(role, frame_by_frame(b"".join(parts), preface=role == "server"))


def test_both_tell_the_same_of_valid_streams() -> None:
    classes: Counter[str] = Counter()
    for seed in range(100):
        judge(compare_valid(seed), classes, seed)
    # Only these are met by peers who do nothing wrong.
    honest = {*REWRITES, "nothing but padding", "interim response to a push"}
    assert set(+classes) <= honest


def test_both_tell_the_same_of_faulty_streams_or_the_difference_has_a_name() -> None:
    classes: Counter[str] = Counter()
    for seed in range(200):
        judge(compare_faulty(seed), classes, seed)
        judge(compare_damaged(seed), classes, seed)
    assert len(+classes) > 10


@pytest.mark.parametrize("role", ROLES)
def test_both_tell_the_same_of_every_single_fault_or_the_difference_has_a_name(role: str) -> None:
    classes: Counter[str] = Counter()
    for at, fault in enumerate(FAULTS):
        for seed in range(5):
            talker = Talker(random.Random(f"{at} {seed}"), to_server=role == "server")
            parts = talker.frames(4) + talker.octets(fault(talker)) + talker.octets(f.ping())
            judge(compare(role, parts), classes, (at, seed))
    assert len(+classes) > 10


def test_both_tell_the_same_of_the_corpus_or_the_difference_has_a_name() -> None:
    classes: Counter[str] = Counter()
    for told in corpus(damaged=3, drawn=20):
        parts = frame_by_frame(b"".join(told.reads), preface=told.role == "server")
        judge(compare(told.role, parts), classes, told.name)
    assert len(+classes) > 5


@slow
def test_a_great_many_differences_have_names() -> None:
    classes: Counter[str] = Counter()
    for seed in range(FIRST_SEED, FIRST_SEED + 1500):
        judge(compare_valid(seed), classes, seed)
        judge(compare_faulty(seed), classes, seed)
        judge(compare_damaged(seed), classes, seed)


# ------------------------------------------------------------------------------------------------
# HPACK: no difference is known.


def blocks(chance: random.Random) -> list[bytes]:
    """What one encoder says, damaged now and then."""
    compress = hpack.Encoder()
    names = [b"x-a", b"x-b", b"cookie", b"accept", b"x-" + b"n" * 60, b":status", b""]
    made = []
    for _ in range(10):
        if chance.random() < 0.1:
            compress.header_table_size = chance.choice([0, 64, 500, 4096])
        fields = [
            (chance.choice(names), chance.randbytes(chance.randrange(30)), chance.random() < 0.1)
            for _ in range(chance.randrange(6))
        ]
        block = bytearray(compress.encode(BROWSER + fields, huffman=chance.random() < 0.7))
        luck = chance.random()
        if luck < 0.2 and block:
            block[chance.randrange(len(block))] ^= 1 << chance.randrange(8)
        elif luck < 0.3:
            block = bytearray(chance.randbytes(chance.randrange(20)))
        elif luck < 0.35:
            del block[chance.randrange(len(block) + 1) :]
        made.append(bytes(block))
    return made


def compare_blocks(seed: int) -> bool:
    """Both decode the same fields, or both refuse; whether all was decoded."""
    ours, theirs = Decoder(max_list_size=65_536), hpack.Decoder(max_header_list_size=65_536)
    for block in blocks(random.Random(seed)):
        try:
            expected = [(bytes(n), bytes(v)) for n, v in theirs.decode(block, raw=True)]
        except hpack.HPACKError:
            with pytest.raises(HPACKError):
                ours.decode(block)
            return False
        assert [tuple(field) for field in ours.decode(block)] == expected, (seed, block.hex())
    return True


def test_both_decoders_say_the_same_of_any_block() -> None:
    whole = [compare_blocks(seed) for seed in range(150)]
    assert 10 < sum(whole) < 140


@slow
def test_both_decoders_say_the_same_of_very_many_blocks() -> None:
    for seed in range(FIRST_SEED, FIRST_SEED + 6000):
        compare_blocks(seed)
