"""The inputs that fuzzing `spdy` starts from: conversations, floods, and spdylay's octets."""

from __future__ import annotations

from collections.abc import Iterator

from fuzz import program
from fuzz import spdy as s
from fuzz.program import Operation as Op

SERVERS = {"spdy-2": 0, "spdy-3": 2, "spdy-3.1": 4}

REQUEST, PART, LAST = Op(s.SYN_STREAM, b"\xf0\1\5"), Op(s.DATA, b"\1\0body"), Op(s.DATA, b"\1\1end")
NEW, OPEN = Op(s.SYN_STREAM, b"\x64\1\5"), Op(s.SYN_STREAM, b"\x64\0\5")
PULL = Op(s.PULL)
BODY, SOURCE, WAITING = b"\x3f", b"\xff" + bytes(range(33, 60)), b"\xff\x21\x05\x21\x05\x21\x00"

# What a server meets, and the octets of configuration behind the first.
FOR_SERVERS: dict[str, tuple[int, bytes, list[Op]]] = {
    "request": (s.ANSWERS, b"\0\0\0", [NEW, PULL]),
    "requests": (s.ANSWERS, b"\1\0\0", [NEW, NEW, NEW, PULL, NEW, Op(s.PING, b"\1"), PULL]),
    "upload": (s.ANSWERS, b"\2\0\0", [OPEN, PART, Op(s.HEADERS, b"\1\0\1\2\1"), LAST, PULL]),
    "answer": (0, b"\0\0\0", [NEW, Op(s.RESPOND, b"\1\x3d"), PULL, Op(s.RESUME, b"\1")]),
    "source": (0, b"\4\0\0", [NEW, Op(s.RESPOND, b"\1" + SOURCE), PULL]),
    "deferred source": (
        *(0, b"\1\0\0"),
        [NEW, Op(s.RESPOND, b"\1" + WAITING), PULL, Op(s.RESUME, b"\1"), PULL],
    ),
    "broken source": (0, b"\1\0\0", [NEW, Op(s.RESPOND, b"\1\xff\x1e\x1e\x1e"), PULL]),
    "trailers": (
        *(0, b"\1\0\0"),
        [
            NEW,
            Op(s.REPLY, b"\1"),
            Op(s.SEND_DATA, b"\0\1\x40"),
            Op(s.MORE_HEADERS, b"\0\1\xff"),
            PULL,
        ],
    ),
    "push": (0, b"\1\0\0", [NEW, Op(s.PUSH, b"\1\4\x40"), Op(s.RESPOND, b"\1\x40"), PULL]),
    "pushes cancelled": (
        *(0, b"\1\0\0"),
        [NEW, Op(s.PUSH, b"\1\4" + WAITING), PULL, Op(s.RST_STREAM, b"\1\5"), PULL],
    ),
    "credit": (
        *(0, b"\1\0\0"),
        [
            *(NEW, Op(s.RESPOND, b"\1\x3f"), PULL, Op(s.WINDOW_UPDATE, b"\1\xdc")),
            *(Op(s.WINDOW_UPDATE, b"\0\x80\xff\xff"), PULL, Op(s.WINDOW_UPDATE, b"\1\xdc"), PULL),
        ],
    ),
    "window overflows": (0, b"\1\0\0", [OPEN, *[Op(s.WINDOW_UPDATE, b"\1\xdc")] * 2]),
    "session overflows": (0, b"\1\0\0", [OPEN, *[Op(s.WINDOW_UPDATE, b"\0\xdc")] * 2]),
    "settings": (
        *(0, b"\1\0\0"),
        [NEW, Op(s.RESPOND, b"\1\x3f"), PULL, Op(s.SETTINGS, b"\2\7\0\5\4\1\xdc"), PULL],
    ),
    "windows of an octet": (
        *(s.MANUAL, b"\3\2\0"),
        [OPEN, PART, Op(s.CONSUME), PULL, PART, PART, Op(s.CONSUME), PULL],
    ),
    "beyond the windows": (
        *(s.MANUAL | s.TIGHT, b"\1\3\0"),
        [OPEN, Op(s.DATA, b"\1\x0c"), Op(s.DATA, b"\1\x0e"), PULL],
    ),
    "too many streams": (s.TIGHT, b"\1\0\3", [OPEN] * 8 + [PULL]),
    "goaway": (s.ANSWERS, b"\1\0\0", [OPEN, Op(s.GOAWAY), NEW, LAST, PULL, Op(s.SAY, b"\xc8")]),
    "our goaway": (s.ANSWERS, b"\1\0\0", [OPEN, Op(s.SAY, b"\xc8"), PULL, NEW, LAST, PULL]),
    "fail": (s.ANSWERS, b"\1\0\0", [OPEN, Op(s.SAY, b"\xf0\1"), NEW, PULL, LAST, PULL]),
    "reset by both": (0, b"\1\0\0", [OPEN, Op(s.RESET, b"\1\5"), PART, Op(s.RST_STREAM, b"\1\5")]),
    "ids go backwards": (0, b"\1\0\0", [NEW, NEW, NEW, Op(s.SYN_STREAM, b"\3\1\2")]),
    "invalid headers": (0, b"\1\0\0", [Op(s.SYN_STREAM, b"\x64\1\2\7\1"), NEW, PULL]),
    "malformed block": (0, b"\1\0\0", [Op(s.PAIRS, b"\0\x64\1\1\0\0\0\1\0\0"), NEW]),
    "broken block": (0, b"\1\0\0", [NEW, Op(s.BLOCK, b"\0\x64\1\1\7\xff\xff"), NEW]),
    "large block": (s.TIGHT, b"\1\0\0", [Op(s.SYN_STREAM, b"\x64\1\1\2\7"), NEW, PULL]),
    "bomb": (s.TIGHT, b"\1\0\0", [Op(s.SYN_STREAM, b"\x64\1\1\2\x08"), NEW, PULL]),
    "many bombs": (
        *(s.TIGHT, b"\1\0\0"),
        [Op(s.PAIRS, b"\0\x64\1\1" + bytes(240) + b"\xff") for _ in range(5)],
    ),
    "other version": (
        0,
        b"\1\0\0",
        [Op(s.SYN_STREAM, b"\x64\xe1\2\4"), Op(s.ANY_FRAME, b"\6\0\2")],
    ),
    "no version": (0, b"\1\0\0", [Op(s.SYN_STREAM, b"\x64\xe1\1\4")]),
    "noop": (
        s.TIGHT,
        b"\1\0\0",
        [Op(s.ANY_FRAME, b"\5\0\4abc"), Op(s.ANY_FRAME, b"\x0a\0\4" + bytes(9))],
    ),
    "absurd length": (
        0,
        b"\1\0\0",
        [Op(s.ANY_FRAME, b"\1\x80\4\xff\xff"), Op(s.OCTETS, bytes(99))],
    ),
    "pings of ours": (0, b"\1\0\0", [Op(s.SAY, b"\0"), PULL, Op(s.PING, b"\2"), Op(s.PING, b"\2")]),
}

FLOODS: dict[str, Op] = {
    "ping": Op(s.PING, b"\1"),
    "settings": Op(s.SETTINGS, b"\1\4\0\5"),
    "empty data": Op(s.DATA, b"\1\0"),
    "window update": Op(s.WINDOW_UPDATE, b"\1\1"),
    "unknown frames": Op(s.ANY_FRAME, b"\x0d\0\4"),
    "resets": Op(s.RST_STREAM, b"\x0d\5"),
}

# What a client meets after its first request.
FOR_CLIENTS: dict[str, list[Op]] = {
    "reply": [Op(s.SYN_REPLY, b"\1\0\3"), PART, LAST, PULL],
    "push": [Op(s.SYN_STREAM, b"\x64\x12\1\2"), Op(s.SYN_REPLY, b"\1\1\3"), Op(s.DATA, b"\2\1x")],
    "push refused": [Op(s.SYN_STREAM, b"\x64\2\1"), Op(s.SYN_STREAM, b"\x64\x10\1\2"), PULL],
    "two replies": [Op(s.SYN_REPLY, b"\1\0\3"), Op(s.SYN_REPLY, b"\1\0\3"), PULL],
    "headers first": [Op(s.HEADERS, b"\1\0\3"), PULL],
    "data first": [PART],
    "requests that wait": [
        *(Op(s.SETTINGS, b"\1\4\0\1"), Op(s.REQUEST, b"\0\4\0"), Op(s.REQUEST, b"\0\4\0"), PULL),
        *(Op(s.SYN_REPLY, b"\1\1\3"), PULL, Op(s.GOAWAY), PULL),
    ],
    "persisted": [Op(s.SETTINGS, b"\1\4\1\7"), PULL],
}

# spdylay's octets: what a client says, and a server.
GOLDEN = {
    "client 2": (
        "800200010100002a000000010000000040003830dfa251b2001000efff0002000161000162000375726c00012f"
        "000000ffff800200010000001c00000003000000000000000800f7ff0001000163000164000000ffff"
        "0000000301000003787878"
        "80020003000000080000000300000005800200060000000400000001"
    ),
    "client 3": (
        "8003000101000036000000010000000020003830e3c6a7c2001c00e3ff00000002000000053a70617468000000"
        "012f00000001610000000162000000ffff800300010000002200000003000000000000000e00f1ff0000000100"
        "0000016300000001640000" + "00ffff"
        "000000030100000378787880030003000000080000000300000005800300060000000400000001"
    ),
    "server 2": (
        "800200020100001c00000001000038eadfa251b2626064608308323003132b000000ffff"
        "8002000700000004000000038002000401000014000000020400000000000064070000010001000080020009"
        "000000080000000100001000"
    ),
    "server 3": (
        "800300020100001d0000000138eae3c6a7c202a62346507ab482275266602205000000ffff"
        "80030007000000080000000300000002800300040100001400000002000000040000006401000007000100008003"
        "0009000000080000000100001000"
    ),
}


def seeds() -> Iterator[tuple[str, bytes]]:
    """Name and octets."""
    for version, kind in SERVERS.items():
        for name, (flags, config, steps) in FOR_SERVERS.items():
            if SERVERS[version] or name in ("request", "upload", "settings", "malformed block"):
                if version != "spdy-3" or name in ("credit", "window overflows", "broken block"):
                    yield named(version, name), program.build(bytes([kind | flags]) + config, steps)
    for at, (name, flood) in enumerate(FLOODS.items()):
        version, kind = list(SERVERS.items())[at % 3]
        head = bytes([kind | s.TIGHT]) + b"\1\0\0"
        steps = [OPEN, flood, Op(s.REPEAT, b"\x3b"), PULL]
        yield named(version, f"flood of {name}"), program.build(head, steps)
    for at, (name, steps) in enumerate(FOR_CLIENTS.items()):
        version, kind = list(SERVERS.items())[at % 3]
        begin = [Op(s.REQUEST, b"\0\4" + WAITING), PULL]
        head = bytes([kind + 1, 1, 0, 0])
        yield named(version, f"client {name}"), program.build(head, begin + steps)
    for name, text in GOLDEN.items():
        kind = (name.startswith("server")) + (0 if name.endswith("2") else 2)
        yield named("golden", name), bytes([kind | s.RAW, 1, 0, 0]) + bytes.fromhex(text)


def named(*parts: str) -> str:
    """The name of a file."""
    return "-".join(parts).replace(" ", "-")
