"""The header of the PROXY protocol, versions 1 and 2, without I/O.

It stands before everything else on a connection, TLS included, and whatever follows it belongs to
somebody else. So the reader says how many octets it can do with: never more than there can be of
the header. A header of version 2 tells its length in its first 16 octets. One of version 1 ends
with a line end, and is read in small pieces.

Source: "The PROXY protocol", versions 1 & 2, HAProxy's ``doc/proxy-protocol.txt``.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field

from .crc32c import crc32c

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
_V1 = b"PROXY "

# The shortest header there is: "PROXY UNKNOWN\r\n". One of version 2 has 16 octets at least.
_FIRST = 15
_FIXED = 16
# §2.1: the longest line, its end included.
_LONGEST_V1 = 107
# What may follow the fixed part: addresses take 216 octets at most, the rest is TLVs, of which the
# largest is a client's name. The field could say 65,535.
_LONGEST_V2 = 4096

_LOCAL, _PROXY = 0x20, 0x21
_UNSPECIFIED = 0x00
_TCP4, _TCP6, _UNIX = 0x11, 0x21, 0x31
_ADDRESSES = {_UNSPECIFIED: 0, _TCP4: 12, _TCP6: 36, _UNIX: 216}

TLV_ALPN = 0x01
TLV_AUTHORITY = 0x02
TLV_CRC32C = 0x03
TLV_SSL = 0x20
_CLIENT_SSL = 0x01

Endpoint = tuple[str, int]


class ProxyHeaderError(ValueError):
    """A header that is none.

    :ivar slug: why, as it is counted.
    """

    def __init__(self, slug: str, text: str) -> None:
        super().__init__(text)
        self.slug = slug


@dataclass(frozen=True, kw_only=True, slots=True)
class ProxyHeader:
    """What a proxy tells of a connection.

    :ivar version: 1 or 2.
    :ivar client: address and port; ``("unix", 0)`` for a Unix socket at the proxy; ``None`` where
        the proxy tells none, or connected for itself, to see whether we are well.
    :ivar server: what the client had connected to, in the same way.
    :ivar tlvs: what else it told in version 2, by type.
    """

    version: int
    client: Endpoint | None = None
    server: Endpoint | None = None
    tlvs: dict[int, bytes] = field(default_factory=dict)

    @property
    def tls(self) -> bool:
        """Whether the client spoke TLS to the proxy, which undid it."""
        ssl = self.tlvs.get(TLV_SSL)
        return bool(ssl and ssl[0] & _CLIENT_SSL)

    @property
    def alpn(self) -> bytes | None:
        """What client and proxy agreed upon."""
        return self.tlvs.get(TLV_ALPN)

    @property
    def authority(self) -> bytes | None:
        """The host that the client asked the proxy for, by SNI above all."""
        return self.tlvs.get(TLV_AUTHORITY)


class ProxyHeaderReader:
    """Reads one header.

    :ivar wanted: how many octets it can take now, 1 at least; 0 when the header is complete.
    :ivar header: the header, once it is complete.
    """

    def __init__(self) -> None:
        self.wanted = _FIRST
        self.header: ProxyHeader | None = None
        self._data = b""

    def feed(self, data: bytes) -> None:
        """Take some octets, ``wanted`` of them at most.

        :raises ProxyHeaderError: if they are not of a header.
        """
        assert 0 < len(data) <= self.wanted
        self._data += data
        got = self._data
        if got.startswith(_V1):
            self._more_of_line(got)
        elif got.startswith(SIGNATURE):
            self._more_of_block(got)
        elif _V1.startswith(got) or SIGNATURE.startswith(got):
            self.wanted = _FIRST - len(got)
        else:
            raise ProxyHeaderError("proxy.missing", "no PROXY header")

    def _more_of_line(self, got: bytes) -> None:
        line, end, _ = got.partition(b"\n")
        if end:
            self.wanted = 0
            self.header = _read_line(line)
        elif len(got) < _FIRST:
            self.wanted = _FIRST - len(got)
        elif len(got) >= _LONGEST_V1:
            raise ProxyHeaderError("proxy.length", "a line that is too long")
        else:
            self.wanted = min(_least_left(got), _LONGEST_V1 - len(got))

    def _more_of_block(self, got: bytes) -> None:
        if len(got) < _FIXED:
            self.wanted = _FIXED - len(got)
            return
        (length,) = struct.unpack_from(">H", got, 14)
        if length > _LONGEST_V2:
            raise ProxyHeaderError("proxy.length", f"{length} octets are too many")
        self.wanted = _FIXED + length - len(got)
        if not self.wanted:
            self.header = _read_block(got)


# --- version 1 ----------------------------------------------------------------------------------


def _least_left(line: bytes) -> int:
    """Return how many octets at least must follow those of a line that has not ended."""
    if line.endswith(b"\r"):
        return 1
    if line.startswith(b"PROXY TCP"):
        # six words with a space between them; each that is missing has an octet or more
        return 2 + 2 * max(0, 5 - line.count(b" "))
    return 2


def _read_line(line: bytes) -> ProxyHeader:
    if not line.endswith(b"\r"):
        raise ProxyHeaderError("proxy.malformed", "a line without CR")
    try:
        words = line[:-1].decode("ascii").split(" ")
        if words[1] == "UNKNOWN":
            # §2.1: whatever follows is to be ignored
            return ProxyHeader(version=1)
        _, family, source, destination, source_port, destination_port = words
        kind = _FAMILIES[family]
        return ProxyHeader(
            version=1,
            client=(_address(kind, source), _port(source_port)),
            server=(_address(kind, destination), _port(destination_port)),
        )
    except (KeyError, ValueError):
        raise ProxyHeaderError("proxy.malformed", "a line that makes no sense") from None


_Kind = type[ipaddress.IPv4Address] | type[ipaddress.IPv6Address]

_FAMILIES: dict[str, _Kind] = {"TCP4": ipaddress.IPv4Address, "TCP6": ipaddress.IPv6Address}


def _address(kind: _Kind, text: str) -> str:
    if "%" in text:
        raise ValueError("a scope is of no use elsewhere")
    return str(kind(text))


def _port(text: str) -> int:
    if not text.isdigit() or len(text) > 5 or str(int(text)) != text or int(text) > 65_535:
        raise ValueError("not a port")
    return int(text)


# --- version 2 ----------------------------------------------------------------------------------


def _read_block(block: bytes) -> ProxyHeader:
    command, family = block[12], block[13]
    if command == _LOCAL:
        # §2.2: whatever it holds is to be discarded, but it must be whole
        return ProxyHeader(version=2)
    if command != _PROXY:
        raise ProxyHeaderError("proxy.malformed", f"version and command {command:#04x}")
    if family not in _ADDRESSES:
        raise ProxyHeaderError("proxy.malformed", f"address family {family:#04x}")
    end = _FIXED + _ADDRESSES[family]
    if len(block) < end:
        raise ProxyHeaderError("proxy.length", "shorter than its addresses")
    client, server = _read_addresses(family, block[_FIXED:end])
    return ProxyHeader(version=2, client=client, server=server, tlvs=_read_tlvs(block, end))


def _read_addresses(family: int, data: bytes) -> tuple[Endpoint | None, Endpoint | None]:
    if family == _UNSPECIFIED:
        return None, None
    if family == _UNIX:
        return ("unix", 0), (_path(data[108:]), 0)
    kind = ipaddress.IPv4Address if family == _TCP4 else ipaddress.IPv6Address
    size = (len(data) - 4) // 2
    client_port, server_port = struct.unpack_from(">HH", data, 2 * size)
    return (
        (str(kind(data[:size])), client_port),
        (str(kind(data[size : 2 * size])), server_port),
    )


def _path(data: bytes) -> str:
    """Return the path of a Unix socket, padded with NUL."""
    return data.partition(b"\x00")[0].decode("utf-8", "replace") or "unix"


def _read_tlvs(block: bytes, at: int) -> dict[int, bytes]:
    found: dict[int, bytes] = {}
    while at < len(block):
        if at + 3 > len(block):
            raise ProxyHeaderError("proxy.malformed", "a TLV that is cut off")
        kind, length = struct.unpack_from(">BH", block, at)
        at += 3
        if at + length > len(block):
            raise ProxyHeaderError("proxy.malformed", "a TLV that is cut off")
        if kind == TLV_CRC32C:
            _check(block, at, length)
        found[kind] = block[at : at + length]
        at += length
    return found


def _check(block: bytes, at: int, length: int) -> None:
    """Compare the checksum, which is made with zeros in its own place (§2.2.4)."""
    zeroed = block[:at] + bytes(4) + block[at + 4 :]
    if length != 4 or crc32c(zeroed) != int.from_bytes(block[at : at + 4], "big"):
        raise ProxyHeaderError("proxy.checksum", "the checksum is wrong")
