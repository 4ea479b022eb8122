"""permessage-deflate (RFC 7692): what is agreed on, and messages inflated within a limit.

This is an extension in the sense of ``wsproto``, whose own inflates without a limit, and takes a
control frame between two fragments for the end of a compressed message.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import Any

from .faults import INVALID_DATA, POLICY, PROTOCOL_ERROR, TOO_BIG, Fault
from .options import WebSocketOptions

_TAIL = b"\x00\x00\xff\xff"
_CONTROL = 8
_TEXT = 1
_BINARY = 2
_FLAGS = ("server_no_context_takeover", "client_no_context_takeover")
_BITS = ("server_max_window_bits", "client_max_window_bits")
# Blocks with BFINAL in one message: nobody has a reason to send two, and each costs an inflater.
_MAX_FINALS = 16


@dataclass(frozen=True)
class Agreement:
    """What server and client compress with."""

    server_bits: int
    client_bits: int
    server_takeover: bool
    client_takeover: bool
    text: str


def agree(offers: list[str], options: WebSocketOptions) -> Agreement | None:
    """Agree to the first offer of permessage-deflate that can be met (RFC 7692 §5.1).

    :param offers: the members of ``Sec-WebSocket-Extensions``.
    """
    if options.compression:
        for offer in offers:
            parameters = _parameters(offer)
            if parameters is not None:
                return _answer(parameters, options)
    return None


def _parameters(offer: str) -> dict[str, int | None] | None:
    """Return the parameters of an offer; ``None`` if it must be declined (RFC 7692 §7.1)."""
    name, *rest = (part.strip() for part in offer.split(";"))
    if name.lower() != "permessage-deflate":
        return None
    found: dict[str, int | None] = {}
    for part in rest:
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if len(value) >= 2 and value[0] == value[-1] == '"':
            value = value[1:-1]
        if key in found:
            return None
        if not equals and key in (*_FLAGS, _BITS[1]):
            found[key] = None
        elif key in _BITS and value in ("8", "9", "10", "11", "12", "13", "14", "15"):
            found[key] = int(value)
        else:
            return None
    # zlib cannot compress in a window of 256 octets
    return None if found.get("server_max_window_bits") == 8 else found


def _answer(parameters: dict[str, int | None], options: WebSocketOptions) -> Agreement:
    """Answer an offer that can be met."""
    asked = parameters.get("server_max_window_bits")
    server_bits = min(asked or 15, options.window_bits)
    server_takeover = options.context_takeover and _FLAGS[0] not in parameters
    client_takeover = options.context_takeover and _FLAGS[1] not in parameters
    text = ["permessage-deflate"]
    if not server_takeover:
        text.append(_FLAGS[0])
    if not client_takeover:
        text.append(_FLAGS[1])
    text.append(f"{_BITS[0]}={server_bits}")
    client_bits = 15
    if _BITS[1] in parameters:
        # RFC 7692 §7.1.2.2: a client that does not mention it cannot be told
        client_bits = min(parameters[_BITS[1]] or 15, max(options.window_bits, 9))
        text.append(f"{_BITS[1]}={client_bits}")
    return Agreement(server_bits, client_bits, server_takeover, client_takeover, "; ".join(text))


class Deflate:
    """Inflates what comes in and deflates what goes out. One for each WebSocket.

    :param limit: octets that a message may inflate to.
    """

    def __init__(self, agreement: Agreement, limit: int) -> None:
        self._agreement = agreement
        self._limit = limit
        self._compressor: Any = None
        self._inflater: Any = None
        self._compressed = False
        self._control = False
        self._left = limit
        self._finals = 0

    def enabled(self) -> bool:
        """Whether it takes part: always, for it is only made when it was agreed on."""
        return True

    def frame_inbound_header(
        self, _decoder: object, opcode: int, rsv: Any, _length: int
    ) -> tuple[bool, bool, bool]:
        """A frame begins; called again if its header was not complete."""
        self._control = bool(opcode & _CONTROL)
        if opcode in (_TEXT, _BINARY):
            self._compressed = rsv.rsv1
            self._left = self._limit
            self._finals = 0
        elif rsv.rsv1:
            # RFC 7692 §6.1: only the first fragment of a message has the bit
            raise Fault(PROTOCOL_ERROR, "compressed bit on a frame that begins no message")
        return (True, False, False)

    def frame_inbound_payload_data(self, _decoder: object, data: bytes) -> bytes:
        """Some of a frame's payload came."""
        return self._inflate(data) if self._compressed and not self._control else data

    def frame_inbound_complete(self, _decoder: object, fin: bool) -> bytes | None:
        """A frame ended."""
        if self._control or not fin or not self._compressed:
            return None
        rest = self._inflate(_TAIL)
        if not self._agreement.client_takeover:
            self._inflater = None
        return rest

    def _inflate(self, data: bytes) -> bytes:
        """Inflate some more of a message, and no further than its limit."""
        found = b""
        while True:
            if self._inflater is None:
                self._inflater = zlib.decompressobj(-max(self._agreement.client_bits, 9))
            inflater = self._inflater
            try:
                # never 0, which would be no limit at all
                more: bytes = inflater.decompress(data, self._left + 1)
            except zlib.error:
                raise Fault(INVALID_DATA, "compressed data is damaged") from None
            self._left -= len(more)
            if self._left < 0:
                raise Fault(TOO_BIG, "message is too big")
            found += more
            if not inflater.eof:
                return found
            # RFC 7692 §7.2.3.4: a block with BFINAL, which others may follow
            self._finals += 1
            if self._finals > _MAX_FINALS:
                raise Fault(POLICY, "too many final blocks in a compressed message")
            data = inflater.unused_data
            self._inflater = None
            if not data:
                return found

    def frame_outbound(
        self, _protocol: object, opcode: int, rsv: Any, data: bytes, _fin: bool
    ) -> tuple[Any, bytes]:
        """Deflate the payload of a frame; a message of ours is always one frame."""
        if opcode & _CONTROL or not data:
            # nothing deflates to nothing from the second time on, which inflates to a fault
            return rsv, data
        compressor = self._compressor
        if compressor is None:
            compressor = zlib.compressobj(wbits=-self._agreement.server_bits, memLevel=5)
        if self._agreement.server_takeover:
            self._compressor = compressor
        deflated = compressor.compress(data) + compressor.flush(zlib.Z_SYNC_FLUSH)
        return rsv._replace(rsv1=True), deflated[:-4]
