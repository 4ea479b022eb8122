"""The frames of one WebSocket, without I/O: octets in, messages out, and the other way round.

``wsproto`` reads and writes the frames. It is asked for one at a time: what an application has not
asked for is not even inflated, so that a few octets cannot become many messages in memory.
"""

from __future__ import annotations

from typing import Any

from .deflate import Deflate
from .faults import PROTOCOL_ERROR, TOO_BIG, Fault
from .options import WebSocketOptions

PART = 0
TEXT = 1
BINARY = 2
CLOSE = 8
PING = 9
PONG = 10

NO_STATUS = 1005

# Pieces of a message that are joined into one: an object for each octet would cost fifty.
_PIECES = 1024

Event = tuple[int, Any]
"""``(PART, None)`` for some of a message, ``(TEXT, str)``, ``(BINARY, bytes)``, ``(PING, bytes)``,
``(PONG, bytes)`` or ``(CLOSE, (code, reason))``."""


class Channel:
    """Reads and writes the frames of a server's side.

    :param deflate: of permessage-deflate; ``None`` where it was not agreed on.
    :raises ImportError: if ``wsproto`` is not installed.
    """

    def __init__(self, deflate: Deflate | None, options: WebSocketOptions) -> None:
        from wsproto.frame_protocol import FrameProtocol, ParseFailed

        self._parse_failed: type[Exception] = ParseFailed
        extensions: Any = [] if deflate is None else [deflate]
        self._protocol: Any = FrameProtocol(client=False, extensions=extensions)
        self._limit = options.max_message_size
        self._max_fragments = options.max_fragments
        # The message that is coming in: pieces of it, and what many pieces were joined to.
        self._pieces: list[Any] = []
        self._joined: list[Any] = []
        self._size = 0
        self._fragments = 0

    def receive(self, data: bytes) -> None:
        """Keep octets that came."""
        self._protocol.receive_bytes(data)

    def next_event(self) -> Event | None:
        """Return what comes next; ``None`` until more octets are there.

        :raises Fault: for what the client may not send. Nothing comes after it.
        """
        try:
            for frame in self._protocol.received_frames():
                return self._event(frame)
        except self._parse_failed as error:
            raise Fault(int(getattr(error, "code", PROTOCOL_ERROR)), str(error)) from None
        return None

    def _event(self, frame: Any) -> Event:
        """Return what a frame, or a part of one, completes."""
        opcode = int(frame.opcode)
        if opcode == CLOSE:
            code, reason = frame.payload
            return CLOSE, (int(code), reason)
        if opcode & CLOSE:
            return opcode, bytes(frame.payload)
        self._count(frame)
        payload = frame.payload
        if not frame.message_finished:
            if payload:
                self._keep(payload)
            return PART, None
        if self._pieces or self._joined:
            empty = "" if opcode == TEXT else b""
            payload = empty.join((*self._joined, *self._pieces, payload))
            self._pieces = []
            self._joined = []
        self._size = 0
        self._fragments = 0
        return opcode, payload

    def _keep(self, piece: Any) -> None:
        """Keep a piece of a message until the rest has come."""
        self._pieces.append(piece)
        if len(self._pieces) == _PIECES:
            self._joined.append(piece[:0].join(self._pieces))
            self._pieces = []

    def _count(self, frame: Any) -> None:
        """See that a message stays within its limits."""
        if frame.frame_finished:
            self._fragments += 1
            if self._fragments > self._max_fragments:
                raise Fault(TOO_BIG, "message has too many fragments")
        payload = frame.payload
        self._size += len(payload)
        # of text the length in octets counts; it is only looked at where it could matter
        if isinstance(payload, str) and not payload.isascii():
            self._size += len(payload.encode()) - len(payload)
        if self._size > self._limit:
            self._pieces = self._joined = []
            raise Fault(TOO_BIG, "message is too big")

    def message(self, data: str | bytes) -> bytes:
        """Return the octets of a message to send."""
        return bytes(self._protocol.send_data(data))

    def ping(self, payload: bytes) -> bytes:
        """Return the octets of a PING frame."""
        return bytes(self._protocol.ping(payload))

    def pong(self, payload: bytes) -> bytes:
        """Return the octets of a PONG frame."""
        return bytes(self._protocol.pong(payload))

    def close(self, code: int, reason: str) -> bytes:
        """Return the octets of a CLOSE frame; 1005 is one without a code."""
        if code == NO_STATUS:
            return bytes(self._protocol.close())
        return bytes(self._protocol.close(code, reason))
