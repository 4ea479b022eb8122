"""The target `hpack`: field blocks through one decoder, with PyPI's `hpack` as an oracle.

Four octets of configuration, then operations as in `program`: a code chooses between a block made
by the grammar of `peer`, raw octets, a change of the table's limit, and a section that goes
through plait's encoder. What both decoders accept must be the same fields and leave the same
table; where one of them refuses, the difference must be one that is known and meant.
"""

from __future__ import annotations

from collections.abc import Callable

import hpack as oracle

from fuzz import program as p
from fuzz.cursor import Cursor
from fuzz.peer import ALL_NUMBERS, REQUESTS, Peer
from plait import hpack

Trace = Callable[[str], None]

MOST_OCTETS = 300_000
UNLIMITED = 2**40

# Refusals of plait that the oracle does not share, by slug.
STRICTER = {
    # 2**32 - 1 at most, in five octets; the oracle takes any length
    "hpack.integer",
    # RFC 7541 §4.2, §6.3: after a field, and when one is missing after a lowered limit
    "hpack.table_size",
    # RFC 7541 §5.2: padding of more than 7 bits
    "hpack.huffman_padding",
    "hpack.huffman_eos",
}


class Blocks:
    """One run: a decoder, the oracle, and an encoder with a decoder of its own behind it."""

    def __init__(self, data: bytes, trace: Trace | None) -> None:
        head, self.steps = p.parse(data)
        self.trace = trace
        self.table_size = ALL_NUMBERS[head[0] % 10]
        self.limits = (
            (None, 65_536, 2000, 100)[head[1] % 4],
            (None, 128, 5)[head[1] // 4 % 3],
            (None, 20, 1)[head[1] // 16 % 3],
        )
        self.decoder = self.new_decoder()
        # one without limits beside it must agree on all that passes them
        self.generous = hpack.Decoder(self.table_size, None)
        self.oracle: oracle.Decoder | None = oracle.Decoder(UNLIMITED)
        self.oracle.max_allowed_table_size = self.table_size
        self.oracle.header_table.maxsize = self.table_size
        self.encoder = hpack.Encoder(ALL_NUMBERS[head[2] % 10])
        self.mirror = hpack.Decoder(max(4096, self.encoder.max_table_size), None)
        self.peer = Peer(faces_server=True)
        self.octets = 0

    def new_decoder(self) -> hpack.Decoder:
        """A decoder with the limits of this run."""
        octets, fields, cookies = self.limits
        return hpack.Decoder(self.table_size, octets, fields, max_cookies=cookies)

    def run(self) -> None:
        """Every step until a block is refused for good."""
        for step in self.steps[:60]:
            cursor = Cursor(step.operand)
            kind = step.code % 8
            if kind < 4:
                lives = self.decode(self.peer.block(cursor, REQUESTS))
            elif kind == 4:
                lives = self.decode(step.operand)
            elif kind == 5:
                lives = self.lower_limit(ALL_NUMBERS[cursor.octet() % len(ALL_NUMBERS)])
            elif kind == 6:
                self.encoder.max_table_size = min(ALL_NUMBERS[cursor.octet() % 10], 4096)
                lives = True
            else:
                lives = self.round_trip(cursor)
            if not lives or self.octets > MOST_OCTETS:
                break

    def lower_limit(self, size: int) -> bool:
        """Our side announces another table size."""
        for decoder in (self.decoder, self.generous):
            decoder.max_allowed_table_size = size
        if self.oracle is not None:
            self.oracle.max_allowed_table_size = size
        return True

    def decode(self, block: bytes) -> bool:
        """Both decoders take a block; whether they may go on."""
        self.octets += len(block)
        fields, slug = decoded(self.decoder, block)
        whole, reason = decoded(self.generous, block)
        if self.trace:
            self.trace(f"{block[:80].hex()}: {slug} {fields}")
        if slug in ("hpack.list_size", "hpack.too_many_fields", "hpack.too_many_cookies"):
            assert not reason, f"a limit stopped a block that is bad: {slug}, {reason}"
            self.check_limit(slug, whole)
        else:
            assert (fields, slug) == (whole, reason), "the limits change more than they limit"
        assert self.decoder.table.fields() == self.generous.table.fields()
        self.ask_oracle(block, whole, reason)
        return not reason

    def check_limit(self, slug: str, fields: list[hpack.Field]) -> None:
        """A refused section must pass the limit that was named."""
        octets, most, cookies = self.limits
        crumbs = sum(name == b"cookie" for name, _ in fields)
        if slug == "hpack.list_size":
            assert octets is not None
            assert sum(len(name) + len(value) + 32 for name, value in fields) > octets
        elif slug == "hpack.too_many_fields":
            assert most is not None
            assert len(fields) - crumbs > most
        else:
            assert cookies is not None
            assert crumbs > cookies

    def ask_oracle(self, block: bytes, fields: list[hpack.Field], slug: str) -> None:
        """The oracle must agree, but for known differences; after one it is not asked again."""
        if self.oracle is None:
            return
        try:
            theirs = [
                (bytes(name), bytes(value)) for name, value in self.oracle.decode(block, raw=True)
            ]
        except (oracle.HPACKError, IndexError) as refusal:
            self.oracle = None
            # An empty block has no room for a size update; the next must have it.
            if block and not slug:
                raise AssertionError(f"the oracle refuses {fields}") from refusal
            return
        if slug:
            assert slug in STRICTER, f"we refuse ({slug}) what the oracle takes: {theirs}"
            self.oracle = None
            return
        assert [tuple(field) for field in fields] == theirs
        if block:
            # A lowered limit evicts at once with us, and with the next size update there.
            table = [(bytes(n), bytes(v)) for n, v in self.oracle.header_table.dynamic_entries]
            assert [tuple(field) for field in self.decoder.table.fields()] == table

    def round_trip(self, cursor: Cursor) -> bool:
        """A section through plait's encoder and back, and through the encoder's mirror."""
        section: list[hpack.Field] = []
        while cursor.left() and len(section) < 60:
            choice = cursor.octet()
            if choice < 200:
                field = REQUESTS[choice % len(REQUESTS)][0]
            else:
                field = (cursor.take(choice & 15), cursor.take(cursor.octet()))
            section.append(hpack.NeverIndexedField(*field) if choice & 16 else field)
        block = self.encoder.encode(section)
        self.octets += len(block)
        back = self.mirror.decode(block)
        assert back == section, f"{section} came back as {back}"
        for sent, came in zip(section, back, strict=True):
            if isinstance(sent, hpack.NeverIndexedField):
                assert isinstance(came, hpack.NeverIndexedField), f"{came} may be indexed"
        assert self.mirror.table.fields() == self.encoder.table.fields()
        return True


def decoded(decoder: hpack.Decoder, block: bytes) -> tuple[list[hpack.Field], str]:
    """The fields of a block, or the slug of its refusal."""
    try:
        fields = decoder.decode(block)
    except hpack.HPACKError as refusal:
        return [], refusal.slug
    assert decoder.table.size <= decoder.table.limit <= decoder.max_allowed_table_size
    return fields, ""


def decode(data: bytes, trace: Trace | None = None) -> None:
    """The target `hpack`."""
    Blocks(data, trace).run()
