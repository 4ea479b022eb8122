"""RFC 7541: what no other test shows by itself."""

from __future__ import annotations

import pytest

from plait.hpack import Decoder, Encoder, HPACKDecodingError, NeverIndexedField
from tests.http2 import frames as f
from tests.http2.frames import GET, OK
from tests.http2.script import facing_client, facing_server

LITERAL, NEVER = 0x40, 0x10


def literal(first: int, name: bytes, value: bytes) -> bytes:
    """A literal whose name is written out (RFC 7541 §6.2)."""
    return bytes([first, len(name)]) + name + bytes([len(value)]) + value


def test_equal_entries_are_kept_side_by_side() -> None:
    # RFC 7541 §2.3.2: duplicates MUST NOT be an error.
    decoder = Decoder()
    block = literal(LITERAL, b"x", b"v")
    assert decoder.decode(block * 3) == [(b"x", b"v")] * 3
    assert len(decoder.table) == 3
    assert decoder.decode(b"\xbe\xbf\xc0") == [(b"x", b"v")] * 3


def test_an_index_is_at_most_the_length_of_both_tables() -> None:
    # RFC 7541 §2.3.3.
    for entries in range(3):
        block = literal(LITERAL, b"x", b"v") * entries
        for index in range(62, 62 + entries):
            assert Decoder().decode(block + bytes([0x80 | index]))[-1] == (b"x", b"v")
        for beyond in (b"\x80", b"\x40"):
            wrong = bytes([beyond[0] | 62 + entries]) + b"\x01v"
            with pytest.raises(HPACKDecodingError):
                Decoder().decode(block + wrong)


def test_order_is_that_of_the_list_both_ways() -> None:
    # RFC 7541 §2.1: whatever the representation, by index, literal or never indexed.
    fields = [
        (b"zeta", b"1"),
        (b":status", b"200"),
        (b"authorization", b"secret"),
        (b"alpha", b"2"),
        (b"zeta", b"1"),
        (b"set-cookie", b"b"),
        (b"set-cookie", b"a"),
    ]
    encoder, decoder = Encoder(), Decoder()
    for _ in range(3):
        assert decoder.decode(encoder.encode(fields)) == fields


def test_what_came_as_never_indexed_leaves_as_never_indexed() -> None:
    # RFC 7541 §6.2.3: whoever passes the field on keeps the representation.
    came = Decoder().decode(literal(NEVER, b"x-token", b"tiny") + literal(0, b"x-plain", b"v"))
    left = Encoder().encode(came)
    again = Decoder().decode(left)
    assert again == came
    assert [isinstance(field, NeverIndexedField) for field in again] == [True, False]


def test_the_mark_passes_through_the_engine() -> None:
    token = literal(NEVER, b"x-token", b"tiny")
    asked = facing_server().sends(f.raw_headers(1, f.block(GET) + token))
    (request,) = asked.hears()
    onwards = facing_client()
    onwards.connection.send_request(request.headers)
    (frame,) = onwards.reads()
    decoded = Decoder().decode(frame.payload)
    assert decoded == [*GET, (b"x-token", b"tiny")]
    assert [type(field) is NeverIndexedField for field in decoded] == [False] * 4 + [True]
    onwards.sends(f.raw_headers(1, f.block(OK) + token))
    response = onwards.hears()[0]
    asked.connection.send_response(1, 200, response.headers[1:])
    (frame,) = asked.reads()
    assert isinstance(Decoder().decode(frame.payload)[-1], NeverIndexedField)


def test_an_oversized_block_leaves_the_tables_in_step() -> None:
    # RFC 9113 §10.5.1: it is processed to its end.
    peer = facing_server(max_header_list_size=1000)
    large = literal(LITERAL, b"x-kept", b"here") + f.block([(b"x-large", b"v" * 2000)])
    peer.sends(f.raw_headers(1, f.block(GET) + large)).loses(1, f.ENHANCE_YOUR_CALM)
    peer.sends(f.raw_headers(3, f.block(GET) + b"\xbe"))
    assert peer.hears()[0].headers[-1] == (b"x-kept", b"here")
