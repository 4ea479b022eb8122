"""What a peer may say, drawn frame by frame; and single things that it must not say.

A `Talker` keeps to RFC 9113: its streams open in order, its bodies fit the windows and their
content-length, its blocks are compressed with one table. `frames(length, faults=n)` slips `n` of
the `FAULTS` in between. Every choice comes from the `Random` that is given: one of Hypothesis,
which shrinks, or one with a seed.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

import hpack

from tests.http2 import frames as f
from tests.support.corpus import (
    BROWSER,
    CHAT,
    MALFORMED,
    TRAILERS,
    TUNNEL,
    Conversation,
    cut,
    damage,
)

CREDIT = 60_000
"""Octets of bodies in all: they fit a window that was never enlarged."""

ASKED = (1, 3, 5, 7)
"""The streams on which a client asks before a talker answers it."""

Make = Callable[[], "f.Frame | list[f.Frame]"]


class Talker:
    """Speaks as a client to a server (`to_server`), or as a server to a client."""

    def __init__(self, chance: random.Random, *, to_server: bool) -> None:
        self.chance = chance
        self.to_server = to_server
        self.compress = hpack.Encoder()
        self.credit = CREDIT
        self.next_stream = 1
        self.promised = 0
        # Streams on which a body may go on, with the octets that content-length still wants.
        self.bodies: dict[int, int | None] = {}
        # Client: requests to be answered. HEAD and CONNECT are answered without a body.
        self.unanswered: list[int] = [] if to_server else list(ASKED)
        self.closed: list[int] = []

    # --- the whole ------------------------------------------------------------------------------

    def frames(self, length: int, *, faults: int = 0) -> list[bytes]:
        """The preface, an acknowledgement, and about `length` frames; one part for each."""
        first = f.settings(*self.some_settings(self.chance.randrange(3)))
        told = [bytes(first), bytes(f.settings_ack())]
        if self.to_server:
            told[0] = f.PREFACE + told[0]
        wrong_at = [self.chance.randrange(length + 1) for _ in range(faults)]
        for at in range(length):
            for _ in range(wrong_at.count(at)):
                told += self.octets(self.fault())
            told += self.octets(self.something())
        for _ in range(wrong_at.count(length)):
            told += self.octets(self.fault())
        return told

    def octets(self, made: f.Frame | bytes | list[f.Frame]) -> list[bytes]:
        """Each frame by itself."""
        if isinstance(made, list):
            return [bytes(frame) for frame in made]
        return [bytes(made)]

    def something(self) -> f.Frame | list[f.Frame]:
        """Any next thing."""
        makers: list[Make] = [self.opens] * 4 + [self.body] * 5 + [self.ends] * 2
        makers += [self.window] * 3 + [self.settings, self.ping, self.unknown, self.late]
        if self.to_server:
            makers += [self.resets, self.priority, self.priority, self.prioritises]
        else:
            makers += [self.promises, self.promises, self.interim, self.service, self.resets]
        return self.pick(makers)()

    def pick(self, options: list | tuple) -> object:
        return options[self.chance.randrange(len(options))]

    def luck(self, percent: int) -> bool:
        return self.chance.randrange(100) < percent

    # --- messages -------------------------------------------------------------------------------

    def opens(self) -> list[f.Frame]:
        """A request, or the final head of a response."""
        if self.to_server:
            stream = self.next_stream
            self.next_stream += 4 if self.luck(10) else 2
            fields = self.pick([f.GET, f.GET, f.POST, BROWSER, f.HEAD, TUNNEL, CHAT])
            ends = self.luck(50) and fields not in (TUNNEL, CHAT)
        elif self.unanswered:
            stream = self.unanswered.pop(self.chance.randrange(len(self.unanswered)))
            fields = self.pick([f.OK, f.OK, [(b":status", b"404"), (b"server", b"x")]])
            ends = stream == ASKED[2] or self.luck(30)  # that one was a HEAD
        else:
            return self.ping_frames()
        promised: int | None = None
        if not ends and self.luck(30) and fields not in (TUNNEL, CHAT):
            promised = self.chance.randrange(500)
            fields = [*fields, (b"content-length", b"%d" % promised)]
        if self.luck(40):
            fields = [*fields, (b"x-" + self.pick([b"a", b"b"]), b"%d" % self.chance.randrange(9))]
        if ends:
            self.closed.append(stream)
        else:
            self.bodies[stream] = promised
        return self.section(stream, fields, ends)

    def section(self, stream: int, fields: f.Fields, ends: bool) -> list[f.Frame]:
        """HEADERS with CONTINUATIONs, padding and priority as it comes."""
        block = self.compress.encode(fields, huffman=self.luck(70))
        pieces = [block]
        while self.luck(15) and len(pieces) < 5:
            cut = self.chance.randrange(len(pieces[-1]) + 1)
            pieces[-1:] = [pieces[-1][:cut], pieces[-1][cut:]]
        flags = (f.END_STREAM if ends else 0) | (f.END_HEADERS if len(pieces) == 1 else 0)
        payload = pieces[0]
        if self.to_server and self.luck(15):
            flags |= f.WITH_PRIORITY
            payload = struct.pack(">IB", self.pick([0, stream + 2]), 15) + payload
        if self.luck(15):
            flags |= f.PADDED
            payload = f.pad_payload(payload, self.pick([0, 1, 30]))
        made = [f.Frame(f.HEADERS, flags, stream, payload)]
        return made + [
            f.continuation(stream, pieces[at], end_headers=at == len(pieces) - 1)
            for at in range(1, len(pieces))
        ]

    def body(self) -> f.Frame | list[f.Frame]:
        """DATA of any size, perhaps padded, perhaps the last."""
        if not self.bodies:
            return self.opens()
        stream = self.pick(list(self.bodies))
        left = self.bodies[stream]
        pad = self.pick([None, None, None, 0, 9, 255])
        most = min(self.pick([0, 1, 100, 3000, 16_000]), self.credit - 256)
        if left is not None:
            most = min(most, left)
        size = self.chance.randrange(max(most, 0) + 1)
        self.credit -= size + (0 if pad is None else pad + 1)
        if self.credit < 512:
            return self.ping()
        ends = self.luck(25) and left in (None, size)
        if ends:
            self.close(stream)
        elif left is not None:
            self.bodies[stream] = left - size
        return f.data(stream, bytes([stream % 251]) * size, end_stream=ends, pad=pad)

    def ends(self) -> f.Frame | list[f.Frame]:
        """The end of a message: what its content-length still wants, or trailers."""
        if not self.bodies:
            return self.opens()
        stream = self.pick(list(self.bodies))
        left = self.bodies[stream] or 0
        if left > self.credit - 512:
            return self.resets()
        self.close(stream)
        self.credit -= left
        if self.luck(50):
            return f.data(stream, b"e" * left, end_stream=True)
        made = [f.data(stream, b"t" * left)] if left else []
        return made + self.section(stream, TRAILERS, True)

    def close(self, stream: int) -> None:
        del self.bodies[stream]
        self.closed.append(stream)

    def interim(self) -> f.Frame | list[f.Frame]:
        """103 or 100, before the final head."""
        if not self.unanswered:
            return self.ping()
        status = self.pick([b"100", b"103"])
        return self.section(self.pick(self.unanswered), [(b":status", status)], False)

    def promises(self) -> list[f.Frame]:
        """A push, to be answered like a request."""
        parents = [s for s in (*self.unanswered, *self.bodies) if s & 1]
        if not parents:
            return self.ping_frames()
        self.promised += 2
        self.unanswered.append(self.promised)
        block = self.compress.encode(self.pick([f.GET, BROWSER]))
        payload = struct.pack(">I", self.promised) + block
        return [f.Frame(f.PUSH_PROMISE, f.END_HEADERS, self.pick(parents), payload)]

    def resets(self) -> f.Frame:
        """RST_STREAM of something that lives."""
        streams = [*self.bodies, *self.unanswered]
        if not streams:
            return self.ping()
        stream = self.pick(streams)
        if stream in self.bodies:
            self.close(stream)
        else:
            self.unanswered.remove(stream)
        return f.rst_stream(stream, self.chance.randrange(14))

    # --- everything else ------------------------------------------------------------------------

    def known(self) -> int:
        """A stream that was used, if there is one."""
        streams = [*self.bodies, *self.closed, *([] if self.to_server else ASKED)]
        return self.pick(streams) if streams else 0

    def window(self) -> f.Frame:
        stream = self.pick([0, self.known()])
        return f.window_update(stream, self.pick([1, 999, 70_000]))

    def some_settings(self, count: int) -> list[tuple[int, int]]:
        choices = [
            (f.HEADER_TABLE_SIZE, [0, 100, 4096, 65_536]),
            (f.MAX_CONCURRENT_STREAMS, [0, 1, 100]),
            (f.INITIAL_WINDOW_SIZE, [0, 10, 65_535, 300_000]),
            (f.MAX_FRAME_SIZE, [16_384, 20_000]),
            (f.MAX_HEADER_LIST_SIZE, [100, 16_384]),
            (99, [7]),
        ]
        if self.to_server:
            choices.append((f.ENABLE_PUSH, [0, 1]))
        chosen = [self.pick(choices) for _ in range(count)]
        return [(code, self.pick(values)) for code, values in chosen]

    def settings(self) -> f.Frame:
        return f.settings(*self.some_settings(self.chance.randrange(3)))

    def ping(self) -> f.Frame:
        make = self.pick([f.ping, f.ping, f.ping_ack])
        return make(b"%08d" % self.chance.randrange(10**8))

    def ping_frames(self) -> list[f.Frame]:
        return [self.ping()]

    def unknown(self) -> f.Frame:
        kind = self.pick([0x0B, 0x42, 0xEE])
        return f.Frame(kind, self.chance.randrange(256), self.known(), b"u" * self.pick([0, 1, 90]))

    def priority(self) -> f.Frame:
        """RFC 7540's signal, on any stream."""
        stream = self.known() or 1
        return f.priority(stream, self.pick([0, stream + 2]), self.chance.randrange(256))

    def prioritises(self) -> f.Frame:
        """RFC 9218's, for a stream that is open or the next."""
        target = self.pick([self.known() or 1, self.next_stream])
        return f.priority_update(target, self.pick([b"u=0", b"u=7, i", b"i=?0", b"", b"("]))

    def service(self) -> f.Frame:
        origin = self.pick([b"", b"https://example.com"])
        return self.pick([f.altsvc(0, origin, b'h3=":443"'), f.origin(b"https://a", b"https://b")])

    def late(self) -> f.Frame:
        """What may still arrive for a stream whose end this side has said."""
        if not self.closed:
            return self.ping()
        stream = self.pick(self.closed)
        return self.pick([f.window_update(stream, 5), f.priority(stream, 0)])

    # --- what must not be said ------------------------------------------------------------------

    def fault(self) -> f.Frame | list[f.Frame]:
        """One thing that is wrong."""
        return self.pick(FAULTS)(self)


def conversations(count: int = 300) -> list[Conversation]:
    """Streams for both variants: valid ones, faulty ones, damaged ones, cut into reads."""
    chance = random.Random(9113)
    found = []
    for at in range(count):
        role = ("server", "client")[at % 2]
        talker = Talker(chance, to_server=role == "server")
        parts = talker.frames(10 + at % 40, faults=at // 2 % 3)
        if at % 5 == 4:
            parts = damage(chance, parts)
        reads = cut(chance, parts) if at % 3 else tuple(parts)
        found.append(Conversation(f"{role}: talk {at}", role, reads))
    return found


def _malformed(talker: Talker) -> list[f.Frame]:
    fields = talker.pick(MALFORMED)
    if not talker.to_server:
        stream = talker.unanswered[0] if talker.unanswered else 1
        fields = [*f.OK, *fields]
        return talker.section(stream, fields, True)
    stream = talker.next_stream
    talker.next_stream += 2
    return talker.section(stream, fields, True)


def _lying_length(talker: Talker) -> list[f.Frame]:
    said, true = talker.pick([(5, 4), (5, 6), (0, 1)])
    fields = [*(f.POST if talker.to_server else f.OK), (b"content-length", b"%d" % said)]
    stream = talker.next_stream if talker.to_server else (talker.unanswered or [1])[0]
    if talker.to_server:
        talker.next_stream += 2
    elif stream in talker.unanswered:
        talker.unanswered.remove(stream)
    return [*talker.section(stream, fields, False), f.data(stream, b"x" * true, end_stream=True)]


def _on_closed(talker: Talker) -> f.Frame | list[f.Frame]:
    stream = talker.pick(talker.closed) if talker.closed else 1
    return talker.pick(
        [
            lambda: f.data(stream, b"late"),
            lambda: f.data(stream, b"late", end_stream=True),
            lambda: talker.section(stream, TRAILERS, True),
            lambda: f.rst_stream(stream),
        ]
    )()


def _wild(talker: Talker) -> f.Frame:
    chance = talker.chance
    payload = bytes(chance.randrange(256) for _ in range(talker.pick([0, 4, 5, 8, 9])))
    return f.Frame(chance.randrange(17), chance.randrange(256), chance.randrange(9), payload)


def _overrun(talker: Talker) -> list[f.Frame]:
    stream = next(iter(talker.bodies), 1)
    return [f.data(stream, bytes(16_384)) for _ in range(talker.pick([4, 17, 80]))]


FAULTS: list[Callable[[Talker], f.Frame | list[f.Frame]]] = [
    _malformed,
    _malformed,
    _malformed,
    _lying_length,
    _on_closed,
    _on_closed,
    _wild,
    _wild,
    _overrun,
    lambda talker: f.data(0, b"x"),
    lambda talker: f.data(talker.next_stream + 40, b"x"),
    lambda talker: f.headers(0, f.GET),
    lambda talker: f.headers(talker.next_stream + 41, f.GET),
    lambda talker: f.headers(2, f.GET),
    lambda talker: f.raw_headers(talker.next_stream, b"\xff\xff\xff\xff\xff\x0f"),
    lambda talker: f.raw_headers(talker.next_stream, b"\xc0"),
    lambda talker: f.raw_headers(talker.next_stream, b"\x00\x85\x00"),
    lambda talker: [f.headers(talker.next_stream, f.GET, end_headers=False), f.ping()],
    lambda talker: f.headers(talker.next_stream, f.GET, depends_on=talker.next_stream),
    lambda talker: f.continuation(1, b""),
    lambda talker: f.window_update(talker.known(), 0),
    lambda talker: f.window_update(talker.known(), 2**31 - 1),
    lambda talker: f.window_update(talker.next_stream + 40, 1),
    lambda talker: f.rst_stream(0),
    lambda talker: f.rst_stream(talker.next_stream + 40),
    lambda talker: f.settings((f.ENABLE_PUSH, 2)),
    lambda talker: f.settings((f.ENABLE_PUSH, 1)),
    lambda talker: f.settings((f.INITIAL_WINDOW_SIZE, 2**31)),
    lambda talker: f.settings((f.INITIAL_WINDOW_SIZE, 2**31 - 1)),
    lambda talker: f.settings((f.MAX_FRAME_SIZE, talker.pick([0, 2**24]))),
    lambda talker: f.settings_ack(),
    lambda talker: f.Frame(f.SETTINGS, 0, 0, b"short"),
    lambda talker: f.Frame(f.SETTINGS, f.ACK, 0, b"sixsix"),
    lambda talker: f.Frame(f.SETTINGS, 0, 1, b""),
    lambda talker: f.Frame(f.PING, 0, 0, b"short"),
    lambda talker: f.Frame(f.PING, 0, 1, b"12345678"),
    lambda talker: f.Frame(f.WINDOW_UPDATE, 0, 0, b"abc"),
    lambda talker: f.Frame(f.RST_STREAM, 0, 1, b"abc"),
    lambda talker: f.Frame(f.PRIORITY, 0, 1, b"abc"),
    lambda talker: f.Frame(f.PRIORITY, 0, 0, b"abcde"),
    lambda talker: f.priority(1, 1),
    lambda talker: f.Frame(f.GOAWAY, 0, 0, b"abc"),
    lambda talker: f.Frame(f.GOAWAY, 0, 1, bytes(8)),
    lambda talker: f.goaway(talker.pick([0, 3, 2**31 - 1]), talker.pick([0, 0, 2])),
    lambda talker: f.Frame(f.DATA, f.PADDED, talker.known() or 1, b"\x09short"),
    lambda talker: f.Frame(f.DATA, f.PADDED, talker.known() or 1, b""),
    lambda talker: f.Frame(f.DATA, 0, talker.known() or 1, bytes(20_000)),
    lambda talker: f.push_promise(1, talker.pick([2, 3, 4, 0]), f.GET),
    lambda talker: f.push_promise(1, talker.promised + 2, f.POST),
    lambda talker: f.push_promise(0, talker.promised + 2, f.GET, end_headers=False),
    lambda talker: f.headers(0, f.GET, end_headers=False),
    lambda talker: f.priority_update(talker.pick([0, 2]), b"u=1"),
    lambda talker: f.data(talker.known() or 1, b""),
]
