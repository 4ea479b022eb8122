"""The PROXY header: what is read, what is refused, and that nothing else is touched."""

from __future__ import annotations

import socket
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plait.server.proxies.crc32c import crc32c
from plait.server.proxies.header import (
    SIGNATURE,
    ProxyHeader,
    ProxyHeaderError,
    ProxyHeaderReader,
)

AFTER = b"\x16\x03\x01\x02\x00\x01"  # a TLS hello begins like this


def read(octets: bytes, piece: int = 1 << 20) -> tuple[ProxyHeader, bytes]:
    """Read a header out of octets, at most so many at once; return it and the rest."""
    reader = ProxyHeaderReader()
    while reader.wanted:
        size = min(reader.wanted, piece)
        assert octets, f"{reader.wanted} more octets are wanted"
        reader.feed(octets[:size])
        octets = octets[size:]
    assert reader.header is not None
    return reader.header, octets


def v2(
    family: int = 0x11,
    addresses: bytes | None = None,
    tlvs: bytes = b"",
    command: int = 0x21,
    length: int | None = None,
) -> bytes:
    if addresses is None:
        addresses = socket.inet_aton("192.0.2.7") + socket.inet_aton("198.51.100.9")
        addresses += struct.pack(">HH", 4000, 443)
    size = len(addresses) + len(tlvs) if length is None else length
    return SIGNATURE + bytes((command, family)) + struct.pack(">H", size) + addresses + tlvs


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack(">BH", kind, len(value)) + value


def with_checksum(tlvs: bytes = b"", spoiled: int = 0) -> bytes:
    block = v2(tlvs=tlvs + tlv(3, bytes(4)))
    return block[:-4] + (crc32c(block) ^ spoiled).to_bytes(4, "big")


V6 = socket.inet_pton(socket.AF_INET6, "2001:db8::7") + socket.inet_pton(socket.AF_INET6, "::1")
V6 += struct.pack(">HH", 4000, 443)
UNIX = b"/run/client".ljust(108, b"\0") + b"/run/front".ljust(108, b"\0")

FOUR = (("192.0.2.7", 4000), ("198.51.100.9", 443))
SIX = (("2001:db8::7", 4000), ("::1", 443))

GOOD = {
    b"PROXY TCP4 192.0.2.7 198.51.100.9 4000 443\r\n": FOUR,
    b"PROXY TCP6 2001:db8::7 ::1 4000 443\r\n": SIX,
    b"PROXY TCP6 2001:0DB8:0::7 0:0:0:0:0:0:0:1 4000 443\r\n": SIX,
    b"PROXY TCP4 1.1.1.1 2.2.2.2 0 1\r\n": (("1.1.1.1", 0), ("2.2.2.2", 1)),
    b"PROXY TCP6 " + b" ".join([b"ffff:" * 7 + b"ffff"] * 2) + b" 65535 65535\r\n": (
        (("ffff:" * 8)[:-1], 65535),
        (("ffff:" * 8)[:-1], 65535),
    ),
    b"PROXY UNKNOWN\r\n": (None, None),
    b"PROXY UNKNOWN " + b"x" * 91 + b"\r\n": (None, None),
    v2(): FOUR,
    v2(0x21, V6): SIX,
    v2(0x31, UNIX): (("unix", 0), ("/run/front", 0)),
    v2(0x00, b""): (None, None),
    v2(command=0x20): (None, None),
    v2(0x00, b"", command=0x20): (None, None),
    v2(0x77, b"whatever", command=0x20): (None, None),
    v2(tlvs=tlv(4, bytes(3)) + tlv(0xEE, b"")): FOUR,
    v2(tlvs=tlv(4, bytes(4096 - 12 - 3))): FOUR,
    with_checksum(): FOUR,
    with_checksum(tlv(1, b"h2")): FOUR,
}


@pytest.mark.parametrize("octets", GOOD)
@pytest.mark.parametrize("piece", [1, 2, 7, 1 << 20])
def test_a_header_is_read_to_its_last_octet_and_no_further(octets: bytes, piece: int) -> None:
    header, rest = read(octets + AFTER, piece)
    assert (header.client, header.server) == GOOD[octets]
    assert header.version == (1 if octets.startswith(b"PROXY") else 2)
    assert rest == AFTER


BAD = {
    b"GET / HTTP/1.1\r\nHost: a\r\n": "proxy.missing",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n": "proxy.missing",
    b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03abcd": "proxy.missing",
    b"PROXY\tTCP4 1.1.1.1 2.2.2.2 1 1\r\n": "proxy.missing",
    b"proxy TCP4 1.1.1.1 2.2.2.2 1 1\r\n": "proxy.missing",
    SIGNATURE[:-1] + b"\r" + bytes(9): "proxy.missing",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1 1\n ": "proxy.malformed",
    b"PROXY UNKNOWN\n\r\n": "proxy.malformed",
    b"PROXY TCP5 1.1.1.1 2.2.2.2 1 1\r\n": "proxy.malformed",
    b"PROXY UDP4 1.1.1.1 2.2.2.2 1 1\r\n": "proxy.malformed",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1\r\n": "proxy.malformed",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1 1 1\r\n": "proxy.malformed",
    b"PROXY TCP4  1.1.1.1 2.2.2.2 1 1\r\n": "proxy.malformed",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 01 1\r\n": "proxy.malformed",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n": "proxy.malformed",
    b"PROXY TCP4 1.1.1.1 2.2.2.2 -1 1\r\n": "proxy.malformed",
    b"PROXY TCP4 1.1.1.01 2.2.2.2 1 1\r\n": "proxy.malformed",
    b"PROXY TCP4 1.1.1.256 2.2.2.2 1 1\r\n": "proxy.malformed",
    b"PROXY TCP4 ::1 ::1 1 1\r\n": "proxy.malformed",
    b"PROXY TCP6 1.1.1.1 2.2.2.2 1 1\r\n": "proxy.malformed",
    b"PROXY TCP6 fe80::1%eth0 ::1 1 1\r\n": "proxy.malformed",
    b"PROXY TCP4 1.1.1.\xb9 2.2.2.2 1 1\r\n": "proxy.malformed",
    b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n": "proxy.length",
    b"PROXY TCP4 " + b"1" * 200: "proxy.length",
    v2(command=0x11): "proxy.malformed",
    v2(command=0x22): "proxy.malformed",
    v2(0x12): "proxy.malformed",
    v2(0x41): "proxy.malformed",
    v2(length=11): "proxy.length",
    v2(0x21): "proxy.length",
    v2(length=4097): "proxy.length",
    v2(length=65535): "proxy.length",
    v2(tlvs=b"\x01"): "proxy.malformed",
    v2(tlvs=tlv(1, b"h2")[:-1]): "proxy.malformed",
    v2(tlvs=b"\x01\xff\xff"): "proxy.malformed",
    with_checksum(spoiled=1): "proxy.checksum",
    with_checksum(tlv(1, b"h2"), spoiled=1 << 31): "proxy.checksum",
    v2(tlvs=tlv(3, bytes(3))): "proxy.checksum",
}


@pytest.mark.parametrize("octets", BAD)
@pytest.mark.parametrize("piece", [1, 1 << 20])
def test_what_is_no_header_is_refused(octets: bytes, piece: int) -> None:
    with pytest.raises(ProxyHeaderError) as caught:
        read(octets, piece)
    assert caught.value.slug == BAD[octets]
    assert "\n" not in str(caught.value)


def test_what_else_a_proxy_tells() -> None:
    ssl = tlv(0x20, b"\x01" + bytes(4) + tlv(0x21, b"TLSv1.3"))
    header, _ = read(v2(tlvs=tlv(1, b"h2") + tlv(2, b"example.org") + ssl))
    assert (header.alpn, header.authority, header.tls) == (b"h2", b"example.org", True)
    header, _ = read(v2(tlvs=tlv(0x20, b"\x00" + bytes(4))))
    assert (header.alpn, header.authority, header.tls) == (None, None, False)
    assert not read(v2(tlvs=tlv(0x20, b"")))[0].tls
    assert not read(v2())[0].tls


def test_little_is_read_piece_by_piece() -> None:
    reader = ProxyHeaderReader()
    line = b"PROXY TCP4 192.0.2.7 198.51.100.9 54321 443\r\n"
    turns = 0
    while reader.wanted:
        size = reader.wanted
        reader.feed(line[:size])
        line = line[size:]
        turns += 1
    assert turns <= 12


@settings(max_examples=50)
@given(st.binary(max_size=200), st.sampled_from([b"", b"PROXY ", SIGNATURE, v2()[:16]]))
def test_any_octets_give_a_header_or_an_error(octets: bytes, start: bytes) -> None:
    try:
        read(start + octets + bytes(5000))
    except ProxyHeaderError as error:
        assert error.slug.startswith("proxy.")  # noqa: PT017


def test_crc32c() -> None:
    # RFC 3720 appendix B.4
    assert crc32c(bytes(32)) == 0x8A9136AA
    assert crc32c(b"\xff" * 32) == 0x62A8AB43
    assert crc32c(bytes(range(32))) == 0x46DD794E
    assert crc32c(b"123456789") == 0xE3069283 != zlib.crc32(b"123456789")
