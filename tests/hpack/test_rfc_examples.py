"""The examples of RFC 7541 Appendix C, all of them."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from plait.hpack import Decoder, Encoder, Field, NeverIndexedField
from plait.hpack.integers import decode_continued, encode_integer

CUSTOM = [(b"custom-key", b"custom-header")]
PATH = [(b":path", b"/sample/path")]
SECRET = [(b"password", b"secret")]

REQUESTS: list[list[Field]] = [
    [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":path", b"/"),
        (b":authority", b"www.example.com"),
    ],
    [
        (b":method", b"GET"),
        (b":scheme", b"http"),
        (b":path", b"/"),
        (b":authority", b"www.example.com"),
        (b"cache-control", b"no-cache"),
    ],
    [
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":path", b"/index.html"),
        (b":authority", b"www.example.com"),
        (b"custom-key", b"custom-value"),
    ],
]
REQUEST_TABLES: list[list[Field]] = [
    [(b":authority", b"www.example.com")],
    [(b"cache-control", b"no-cache"), (b":authority", b"www.example.com")],
    [
        (b"custom-key", b"custom-value"),
        (b"cache-control", b"no-cache"),
        (b":authority", b"www.example.com"),
    ],
]

DATE_21: Field = (b"date", b"Mon, 21 Oct 2013 20:13:21 GMT")
DATE_22: Field = (b"date", b"Mon, 21 Oct 2013 20:13:22 GMT")
LOCATION: Field = (b"location", b"https://www.example.com")
PRIVATE: Field = (b"cache-control", b"private")
GZIP: Field = (b"content-encoding", b"gzip")
COOKIE: Field = (b"set-cookie", b"foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1")

RESPONSES: list[list[Field]] = [
    [(b":status", b"302"), PRIVATE, DATE_21, LOCATION],
    [(b":status", b"307"), PRIVATE, DATE_21, LOCATION],
    [(b":status", b"200"), PRIVATE, DATE_22, LOCATION, GZIP, COOKIE],
]
RESPONSE_TABLES: list[list[Field]] = [
    [LOCATION, DATE_21, PRIVATE, (b":status", b"302")],
    [(b":status", b"307"), LOCATION, DATE_21, PRIVATE],
    [COOKIE, GZIP, DATE_22],
]


@dataclass
class Example:
    """One connection: its blocks, what they mean, and the table after each."""

    blocks: list[str]
    lists: list[list[Field]]
    tables: list[list[Field]]
    sizes: list[int]
    table_size: int = 4096


EXAMPLES = {
    "C.2.1": Example(
        ["400a637573746f6d2d6b65790d637573746f6d2d686561646572"], [CUSTOM], [CUSTOM], [55]
    ),
    "C.2.2": Example(["040c2f73616d706c652f70617468"], [PATH], [[]], [0]),
    "C.2.3": Example(["100870617373776f726406736563726574"], [SECRET], [[]], [0]),
    "C.2.4": Example(["82"], [[(b":method", b"GET")]], [[]], [0]),
    "C.3": Example(
        [
            "828684410f7777772e6578616d706c652e636f6d",
            "828684be58086e6f2d6361636865",
            "828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565",
        ],
        REQUESTS,
        REQUEST_TABLES,
        [57, 110, 164],
    ),
    "C.4": Example(
        [
            "828684418cf1e3c2e5f23a6ba0ab90f4ff",
            "828684be5886a8eb10649cbf",
            "828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf",
        ],
        REQUESTS,
        REQUEST_TABLES,
        [57, 110, 164],
    ),
    "C.5": Example(
        [
            "4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a3231"
            "20474d546e1768747470733a2f2f7777772e6578616d706c652e636f6d",
            "4803333037c1c0bf",
            "88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a6970"
            "7738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167"
            "653d333630303b2076657273696f6e3d31",
        ],
        RESPONSES,
        RESPONSE_TABLES,
        [222, 222, 215],
        256,
    ),
    "C.6": Example(
        [
            "488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad17"
            "1863c78f0b97c8e9ae82ae43d3",
            "4883640effc1c0bf",
            "88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab77ad94e7821dd7f2e6"
            "c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007",
        ],
        RESPONSES,
        RESPONSE_TABLES,
        [222, 222, 215],
        256,
    ),
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_decoding(name: str) -> None:
    example = EXAMPLES[name]
    decoder = Decoder(example.table_size)
    rows = zip(example.blocks, example.lists, example.tables, example.sizes, strict=True)
    for block, fields, table, size in rows:
        assert decoder.decode(bytes.fromhex(block)) == fields
        assert decoder.table.fields() == table
        assert decoder.table.size == size


def test_the_never_indexed_example_comes_out_marked() -> None:
    (field,) = Decoder().decode(bytes.fromhex(EXAMPLES["C.2.3"].blocks[0]))
    assert type(field) is NeverIndexedField


@pytest.mark.parametrize("name", ["C.2.4", "C.4"])
def test_the_encoder_writes_what_the_rfc_writes(name: str) -> None:
    # The other examples do what this encoder does not: no Huffman coding, or indexing a value
    # that takes most of the table.
    example = EXAMPLES[name]
    encoder = Encoder()
    rows = zip(example.blocks, example.lists, example.tables, example.sizes, strict=True)
    for block, fields, table, size in rows:
        assert encoder.encode(fields).hex() == block
        assert encoder.table.fields() == table
        assert encoder.table.size == size


@pytest.mark.parametrize(
    ("value", "bits", "octets"), [(10, 5, "0a"), (1337, 5, "1f9a0a"), (42, 8, "2a")]
)
def test_integers(value: int, bits: int, octets: str) -> None:
    # RFC 7541 Appendix C.1
    prefix = 2**bits - 1
    out = bytearray(6)
    end = encode_integer(out, 0, 0, prefix, value)
    assert out[:end].hex() == octets
    if value >= prefix:
        assert decode_continued(bytes(out), 1, prefix) == end << 32 | value
