"""Keeps an account of one engine from outside: of the octets it was told, of those it says.

What the peer sent may be anything, so the account of credit is an upper bound: all that was ever
given, whether the engine took it or refused it. What the engine says must be right to the octet.
"""

from __future__ import annotations

from collections import Counter

import hpack

from tests.http2 import frames as f

FRAME_HEADER = 9
FIXED_LENGTHS = {f.PRIORITY: 5, f.RST_STREAM: 4, f.PING: 8, f.WINDOW_UPDATE: 4}
ON_STREAM_0 = (f.SETTINGS, f.PING, f.GOAWAY, f.ORIGIN, f.PRIORITY_UPDATE)
NEVER_ON_STREAM_0 = (f.DATA, f.HEADERS, f.RST_STREAM, f.PUSH_PROMISE, f.CONTINUATION, f.PRIORITY)


class Ledger:
    """Raises AssertionError when the engine's output breaks RFC 9113.

    Args:
        magic: Octets that the engine hears before the first frame.
        grown: Octets by which the engine may grow its connection's window at the start.
    """

    def __init__(self, magic: int, grown: int) -> None:
        self.heard_rest = b""
        self.magic = magic
        # What the peer allows.
        self.allowed: Counter[int] = Counter({0: 65_535})
        self.initial = 65_535
        self.max_frame = 16_384
        # What the engine sent, and what it gave back.
        self.sent: Counter[int] = Counter()
        self.received: Counter[int] = Counter()
        self.given: Counter[int] = Counter()
        self.may_give: Counter[int] = Counter({0: grown})
        self.ended: set[int] = set()
        self.last_goaway = 2**31
        self.is_over = False
        self.block: tuple[int, bytes] | None = None
        self.decoder = hpack.Decoder(max_header_list_size=2**26)
        self.decoder.max_allowed_table_size = 2**32

    # --- what the engine hears --------------------------------------------------------------

    def hears(self, octets: bytes) -> None:
        """The engine is about to be told this."""
        skipped = min(self.magic, len(octets))
        self.magic -= skipped
        rest = self.heard_rest + octets[skipped:]
        at = 0
        while len(rest) - at >= FRAME_HEADER:
            length = int.from_bytes(rest[at : at + 3], "big")
            if len(rest) - at - FRAME_HEADER < length:
                break
            stream = int.from_bytes(rest[at + 5 : at + 9], "big") & 0x7FFFFFFF
            start = at + FRAME_HEADER
            at = start + length
            self.count(rest[start - 6], rest[start - 5], stream, rest[start:at])
        self.heard_rest = rest[at:]

    def count(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """One frame that the engine hears."""
        if kind == f.DATA:
            self.received[0] += len(payload)
            self.received[stream] += len(payload)
        elif kind == f.WINDOW_UPDATE and len(payload) == 4:
            self.allowed[stream] += int.from_bytes(payload, "big") & 0x7FFFFFFF
        elif kind == f.SETTINGS and not flags & f.ACK:
            self.allow(payload)

    def allow(self, payload: bytes) -> None:
        """The peer's settings."""
        for at in range(0, len(payload) - 5, 6):
            code = int.from_bytes(payload[at : at + 2], "big")
            value = int.from_bytes(payload[at + 2 : at + 6], "big")
            if code == f.INITIAL_WINDOW_SIZE:
                self.initial = max(self.initial, value)
            elif code == f.MAX_FRAME_SIZE:
                self.max_frame = max(self.max_frame, value)

    # --- what the engine says ---------------------------------------------------------------

    def says(self, octets: bytes) -> None:
        """Judges what the engine wrote in one piece."""
        at = 0
        while at < len(octets):
            assert len(octets) - at >= FRAME_HEADER, "the output ends inside a frame"
            length = int.from_bytes(octets[at : at + 3], "big")
            stream = int.from_bytes(octets[at + 5 : at + 9], "big")
            start = at + FRAME_HEADER
            at = start + length
            assert at <= len(octets), "the output ends inside a frame"
            self.judge(octets[start - 6], octets[start - 5], stream, octets[start:at])

    def judge(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """Judges one frame."""
        name = f"{f.NAMES.get(kind, kind)} on stream {stream}"
        assert not self.is_over, f"{name} after the last GOAWAY"
        assert kind in f.NAMES, f"a frame of the unknown type {kind}"
        assert stream < 2**31, f"{name}: the reserved bit"
        assert len(payload) <= self.max_frame, f"{name}: {len(payload)} octets"
        assert len(payload) == FIXED_LENGTHS.get(kind, len(payload)), f"{name}: wrong length"
        assert not (kind in ON_STREAM_0 and stream), name
        assert not (kind in NEVER_ON_STREAM_0 and not stream), name
        if kind == f.CONTINUATION or self.block is not None:
            assert kind == f.CONTINUATION, f"{name} inside a field block"
            assert self.block is not None, f"{name} outside of a field block"
            assert self.block[0] == stream, f"{name} inside another stream's block"
        if kind in (f.HEADERS, f.PUSH_PROMISE, f.CONTINUATION):
            self.judge_block(kind, flags, stream, payload)
        if kind in (f.DATA, f.HEADERS):
            assert stream not in self.ended, f"{name}, which has ended"
        if kind == f.DATA:
            self.judge_data(stream, len(payload))
        elif kind == f.WINDOW_UPDATE:
            self.judge_credit(stream, int.from_bytes(payload, "big"))
        elif kind == f.GOAWAY:
            last = int.from_bytes(payload[:4], "big")
            # RFC 9113 §6.8: endpoints MUST NOT increase the value.
            assert last <= self.last_goaway, "GOAWAY takes back what an earlier one said"
            self.last_goaway = last
        elif kind == f.SETTINGS:
            assert len(payload) % 6 == 0, name
            assert not (flags & f.ACK and payload), name
        if kind == f.RST_STREAM or (kind in (f.DATA, f.HEADERS) and flags & f.END_STREAM):
            self.ended.add(stream)

    def judge_block(self, kind: int, flags: int, stream: int, payload: bytes) -> None:
        """A field block must be whole, and decode."""
        assert not flags & (f.PADDED | f.WITH_PRIORITY), "plait sends neither"
        begun = self.block[1] if self.block is not None else b""
        block = begun + (payload[4:] if kind == f.PUSH_PROMISE else payload)
        if not flags & f.END_HEADERS:
            self.block = (stream, block)
            return
        self.block = None
        for name, _ in self.decoder.decode(block, raw=True):
            assert name == name.lower(), f"{name!r} was sent"

    def judge_data(self, stream: int, length: int) -> None:
        """No more DATA than the peer gave credit for."""
        self.sent[0] += length
        self.sent[stream] += length
        assert self.sent[0] <= self.allowed[0], "more than the connection's window"
        assert self.sent[stream] <= self.initial + self.allowed[stream], "more than the window"

    def judge_credit(self, stream: int, increment: int) -> None:
        """No more credit than was used up, or the application asked for."""
        assert 0 < increment < 2**31, f"an increment of {increment}"
        self.given[stream] += increment
        most = self.received[stream] + self.may_give[stream]
        assert self.given[stream] <= most, f"credit of stream {stream} from nowhere"
