"""The inputs that fuzzing starts from, written by hand or taken from the tests.

The RFC's examples, the tests' conversations as octets, and one program for each known attack on
HTTP/2 servers. `python -m fuzz seeds` writes them into the corpus.
"""

from __future__ import annotations

from collections.abc import Iterator

from fuzz import program as p
from fuzz import spdy_seeds
from fuzz.conversation import ANSWERS, CONSUMES, CUTS, READS, TIGHT
from fuzz.octets import IS_CLIENT, IS_RAW
from fuzz.peer import NAMES, VALUES, Peer
from tests.http2 import frames as f
from tests.support.corpus import MALFORMED, written_for_client, written_for_server

LONGEST = 6000

# RFC 7541, Appendix C: the examples' octets.
RFC_7541 = {
    "C.2.1": ["400a637573746f6d2d6b65790d637573746f6d2d686561646572"],
    "C.2.2": ["040c2f73616d706c652f70617468"],
    "C.2.3": ["100870617373776f726406736563726574"],
    "C.2.4": ["82"],
    "C.3": [
        "828684410f7777772e6578616d706c652e636f6d",
        "828684be58086e6f2d6361636865",
        "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
    ],
    "C.4": [
        "828684418cf1e3c2e5f23a6ba0ab90f4ff",
        "828684be5886a8eb10649cbf",
        "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
    ],
    "C.5": [
        "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a3231"
        "20474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
        "4803333037c1c0bf",
    ],
    "C.6": [
        "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863"
        "c78f0b97c8e9ae82ae43d3",
        "4883640effc1c0bf",
    ],
}
# Blocks that are not HPACK, or only just.
BAD_BLOCKS = {
    "endless integer": "7fffffffffffffffffffffffffff",
    "largest integer": "00ff80feffff0f",
    "index 0": "80",
    "index beyond": "be",
    "update after a field": "8220",
    "update above the limit": "3fe21f",
    "updates": "203fe11f82",
    "end of string": "0001782f" + "0084ffffffff",
    "padding of zeros": "00810081f8",
    "padding too long": "008118ff820000ff",
    "cut short": "00057878",
    "long codes": "0081ff" + "8bfffe87ffff0ffffbe7fffe",
}

FLAG_NO_END_HEADERS, FLAG_PIECES = 0x02, 0x10
TAKES = CONSUMES | READS
SERVES = ANSWERS | TAKES
# How `Peer` reads the choice of a stream: the latest; for HEADERS the next one, or an old one.
LAST, NEXT, OLD = 0, 1, 255
IDLE = 225  # 1, which nobody has used at the start
GET = bytes([NEXT, f.END_STREAM, 0x00])
POST = bytes([NEXT, 0, 0x01])


def op(code: int, *operand: int | bytes) -> p.Operation:
    """An operation whose operand is given in parts."""
    parts = [bytes([part]) if isinstance(part, int) else part for part in operand]
    return p.Operation(code, b"".join(parts)[: p.LONGEST])


def again(times: int) -> p.Operation:
    """What was said last, that many times more."""
    return op(p.REPEAT, times - 1)


def section(fields: f.Fields) -> bytes:
    """An operand that spells out a field section, for fields short enough."""
    out = b""
    for name, value in fields:
        if len(name) < 32 and len(value) < 256:
            out += bytes([0xA0 | len(name)]) + name + bytes([len(value)]) + value
    return out


def spoken(reads: list[bytes]) -> list[p.Operation]:
    """Octets as they are."""
    whole = b"".join(reads)
    return [op(p.RAW, whole[at : at + 255]) for at in range(0, len(whole), 255)]


def hostile() -> Iterator[tuple[str, int, list[p.Operation]]]:
    """Name, flags and steps of every attack; the limits are tight, so that few frames do."""
    get, post = op(p.HEADERS, GET), op(p.HEADERS, POST)
    reset = op(p.RST_STREAM, LAST, 8)
    yield "rapid reset", TIGHT, [get, reset] * 12
    zero = op(p.WINDOW_UPDATE, LAST, 0, 0)
    yield "provoked resets", TIGHT | SERVES, [get, zero] * 12
    begun = op(p.HEADERS, NEXT, FLAG_NO_END_HEADERS, 0)
    yield "continuation flood", TIGHT, [begun, op(p.CONTINUATION, LAST, 0), again(20)]
    # one entry of 300 octets, then references to it
    large = bytes([0x81, NAMES.index(b"x-a"), VALUES.index(b"v" * 300)])
    yield "hpack bomb", 0, [op(p.HEADERS, NEXT, 1, b"\x00", large, b"\x70\xff" * 2)]
    yield "field count", 0, [op(p.HEADERS, NEXT, 1, b"\x00", b"\x5f\xff\x00" * 3)]
    crumb = bytes([0x80, NAMES.index(b"cookie"), VALUES.index(b"5")])
    yield "cookie crumbs", 0, [op(p.HEADERS, NEXT, 1, b"\x00", crumb * 50)]
    closed = op(p.SETTINGS, f.INITIAL_WINDOW_SIZE, 0)
    yield "slow read", ANSWERS, [closed, *[get] * 10, op(p.PULL, 1), closed]
    trickle = op(p.WINDOW_UPDATE, LAST, 0, 1)
    yield "slow read, one octet", ANSWERS | READS, [closed, get, get, *[trickle] * 12]
    yield "ping flood", TIGHT | READS, [op(p.PING, 0), again(20)]
    yield "ping flood, unread", TIGHT, [op(p.PING, 0), again(4), op(p.PULL, 0), again(4)]
    yield "settings flood", TIGHT, [op(p.SETTINGS), again(20)]
    yield "settings acknowledged twice", READS, [op(p.SETTINGS_ACK), op(p.SETTINGS_ACK)]
    yield "large settings", 0, [op(p.SETTINGS, b"\x63\x01" * 40)]
    yield "empty data", TIGHT | TAKES, [post, op(p.DATA, LAST, 0, 0), again(20)]
    yield "padding only", TAKES, [post, op(p.DATA, LAST, f.PADDED, 0, 200), again(9)]
    yield "priorities", TIGHT, [op(p.PRIORITY, IDLE, 224), again(20)]
    yield "priority updates", 0, [op(p.PRIORITY_UPDATE, 0, 229), again(120), get]
    yield "window updates", TIGHT, [get, op(p.WINDOW_UPDATE, LAST, 1, 1), again(20)]
    yield "unknown frames", TIGHT, [op(p.ANY_FRAME, 0xEE, 0, 224, b"what"), again(20)]
    yield "beyond the limit", TIGHT, [get] * 20
    yield "goaways", TIGHT, [op(p.GOAWAY, 224, 0, b"bye"), again(20)]
    largest = op(p.WINDOW_UPDATE, LAST, 1, 12)
    yield "window overflow", ANSWERS, [get, largest, largest]
    yield (
        "window overflow of a stream",
        ANSWERS,
        [closed, get, *[op(p.WINDOW_UPDATE, LAST, 0, 12)] * 2],
    )
    for code in (2, 4, 5, 6, 8, 9):
        for value in (0, 2, 7, 12, 14):
            yield f"setting {code}, value {value}", 0, [get, op(p.SETTINGS, code, value), get]
    for at, fields in enumerate(MALFORMED):
        yield f"malformed {at}", SERVES, [op(p.HEADERS, NEXT, 1, section(fields)), get]
    for at, path in enumerate((b"hdr", b"", b"/#x", b"http://x/", b"*")):
        fields = [*f.GET[:2], (b":path", path), f.GET[3]]
        yield f"path {at}", SERVES, [op(p.HEADERS, NEXT, 1, section(fields))]
    for value in (b"+5", b"5 ", b"5,5", b"99999999999999999999", b"4", b"6", b"5"):
        head = op(p.HEADERS, NEXT, 0, section([*f.POST, (b"content-length", value)]))
        yield f"content-length {value.decode()}", TAKES, [head, op(p.DATA, LAST, 1, 5), get]


def everyday() -> Iterator[tuple[str, int, list[p.Operation]]]:
    """What honest clients and applications do."""
    get, post = op(p.HEADERS, GET), op(p.HEADERS, POST)
    answers = [step for kind in range(7) for step in (get, op(p.RESPOND, LAST, kind))]
    yield "every answer", READS, answers
    yield (
        "sources",
        READS,
        [step for kind in range(0, 128, 9) for step in (get, op(p.RESPOND, LAST, 0x80, kind, 30))],
    )
    upload = [post, op(p.DATA, LAST, 0x80, 99), op(p.ACKNOWLEDGE, LAST, 5)]
    yield "upload", READS, [*upload * 3, op(p.DATA, LAST, 1, 9), op(p.RESPOND, LAST, 0)]
    yield "trailers", TAKES, [post, op(p.DATA, LAST, 0, 9), op(p.HEADERS, OLD, LAST, 1, 0x03)]
    pieces = op(p.HEADERS, NEXT, f.END_STREAM | FLAG_PIECES | f.PADDED, 9, 5, 0x0A)
    yield "in pieces", SERVES, [pieces, pieces]
    yield "pushes", READS, [get, op(p.PUSH, LAST), op(p.RESPOND, LAST, 0), op(p.RESPOND, 1, 0)]
    yield (
        "tunnel",
        TAKES,
        [
            op(p.HEADERS, NEXT, 0, 0x05),
            op(p.SEND_HEADERS, LAST, 0),
            op(p.DATA, LAST, 0, 99),
            op(p.SEND_DATA, LAST, 0, 4),
            op(p.DATA, LAST, 1, 0),
            op(p.SEND_DATA, LAST, 1, 0),
        ],
    )
    windows = f.settings((f.INITIAL_WINDOW_SIZE, 10), (f.MAX_FRAME_SIZE, 20_000)).payload
    yield "upgrade", READS, [op(p.UPGRADE, 0, windows.ljust(60, b"\0")), op(p.RESPOND, LAST, 1)]
    yield "upgrade too late", SERVES, [get, op(p.UPGRADE, 0, windows)]
    yield "shutdown", SERVES, [get, op(p.SHUT_DOWN), op(p.PULL), op(p.PING, 3), get, get]
    yield (
        "urgencies",
        ANSWERS,
        [
            step
            for kind in range(8)
            for step in (get, op(p.PRIORITY_UPDATE, kind, LAST), op(p.PULL, 4), op(p.PRIORITIZE, 0))
        ],
    )
    yield (
        "own settings",
        TAKES,
        [
            post,
            op(p.CHANGE_SETTINGS, 1, 4, 4, 1, 0),
            op(p.DATA, LAST, 0, 99),
            op(p.SETTINGS_ACK),
            op(p.SETTINGS_ACK),
            op(p.GROW_WINDOW, LAST, 5, 0),
            op(p.GROW_WINDOW, LAST, 5, 1),
            op(p.DATA, LAST, 0x80, 200),
        ],
    )


def visits() -> Iterator[tuple[str, int, list[p.Operation]]]:
    """What servers do to a client."""
    ask, upload = op(p.REQUEST, 0, 0), op(p.REQUEST, 0, 1, 4)
    answer = op(p.HEADERS, OLD, LAST, 0, 0x00)
    ended = op(p.DATA, LAST, 1, 99)
    yield "answers", SERVES, [ask, answer, ended, upload, answer, ended]
    yield (
        "interim",
        SERVES,
        [ask, op(p.HEADERS, OLD, LAST, 0, 0x07), op(p.HEADERS, OLD, LAST, 0, 0x08), answer],
    )
    yield (
        "trailers",
        SERVES,
        [ask, answer, op(p.DATA, LAST, 0, 9), op(p.HEADERS, OLD, LAST, 1, 0x01)],
    )
    promise = op(p.PUSH_PROMISE, LAST, 0, 0, 0x00)
    yield "promises", SERVES, [ask, promise, op(p.HEADERS, OLD, LAST, 0, 0x00), ended]
    yield "promises without end", TIGHT | SERVES, [ask, *[op(p.PUSH_PROMISE, IDLE, 0, 0, 0)] * 9]
    yield "refused", SERVES, [ask, ask, op(p.GOAWAY, 1, 0), op(p.RST_STREAM, LAST, 7), ask]
    yield "services", SERVES, [op(p.ALTSVC, 224, 9, b"https://a", b"h3"), op(p.ORIGIN, 2, b"ab")]
    yield "depends on itself", SERVES, [op(p.HEADERS, OLD, IDLE, 0x20, IDLE, 0), ask]
    yield "limits", SERVES, [op(p.SETTINGS, 3, 1), ask, ask, op(p.SETTINGS, 3, 0), ask]
    yield "upgrade", SERVES, [op(p.UPGRADE, 0), op(p.HEADERS, OLD, LAST, 1, 0x00), ask]
    yield "windows", READS, [op(p.SETTINGS, 4, 3), upload, op(p.WINDOW_UPDATE, 0, 0, 4), upload]


def field_blocks() -> Iterator[tuple[str, bytes]]:
    """Seeds of the target `hpack`; operation 4 is raw octets."""
    for name, blocks in RFC_7541.items():
        steps = [p.Operation(4, bytes.fromhex(block)) for block in blocks]
        yield f"rfc7541 {name}", p.build(b"\5\0\5\0", steps)
    for name, block in BAD_BLOCKS.items():
        yield name, p.build(b"\5\0\5\0", [p.Operation(4, bytes.fromhex(block))])
    # every symbol of the Huffman code, after short codes and after long ones
    coder = Peer(faces_server=True)
    spoken_codes = [
        coder.literal(b"x", bytes(sign for at in part for sign in (at, 0x61)), 0, True)
        for part in (range(n, n + 32) for n in range(0, 256, 32))
    ]
    steps = [p.Operation(4, block) for block in spoken_codes]
    yield "every symbol", p.build(b"\5\0\5\0", steps)
    sections = [p.Operation(kind % 4, bytes([kind])) for kind in range(64)]
    yield "templates", p.build(b"\5\0\5\0", sections)
    yield "round trips", p.build(b"\5\0\5\0", [op(7, bytes(range(n, 200, 9))) for n in range(9)])
    limits = [op(5, n) for n in (4, 2, 0, 5)]
    yield "limits", p.build(b"\5\1\5\0", [op(0, 0x20), *limits, op(0, 0xC0, 0xC5, 0x20), op(0, 2)])
    resized = [op(6, n) for n in (2, 0, 5)]
    yield "encoder", p.build(b"\5\0\5\0", [op(7, 210, b"ab9" * 9), *resized, op(7, bytes(9))])


def slug(name: str) -> str:
    """A file's name."""
    return "".join(sign if sign.isalnum() or sign in ".-+" else "-" for sign in name)


def start(flags: int, at: int) -> bytes:
    """The configuration of a program: every second one is cut, tight ones allow three streams."""
    return bytes([flags | (CUTS if at % 2 else 0), at % 10, 0, 1 if flags & TIGHT else 0])


def seeds() -> Iterator[tuple[str, str, bytes]]:
    """Target, name and octets of every seed."""
    for name, data in field_blocks():
        yield "hpack", slug(name), data
    for told, choice in ((written_for_server(), 0), (written_for_client(), IS_CLIENT)):
        for name, reads in told.items():
            data = b"".join(reads)[:LONGEST]
            yield "frames", slug(name), bytes([choice | IS_RAW | len(data) % 16 << 4]) + data
    for at, (name, flags, steps) in enumerate((*hostile(), *everyday())):
        head = start(flags, at)
        yield "server", slug(name), p.build(head, steps)
    for at, (name, flags, steps) in enumerate(visits()):
        head = start(flags, at)
        yield "client", slug(name), p.build(head, steps)
    for name, data in spdy_seeds.seeds():
        yield "spdy", name, data
