"""A frame of a type that neither plait nor h2 knows, as ``UnknownFrameReceived`` carries it."""

from __future__ import annotations


class ExtensionFrame:
    """A frame of an unknown type (RFC 9113 §5.5), with the names of hyperframe's class.

    :ivar type: the type's number.
    :ivar stream_id: the stream that the frame names; 0 for the connection.
    :ivar flag_byte: its flags, an octet.
    :ivar flags: the names of the flags, of which an unknown type has none.
    :ivar body: its payload.
    """

    __slots__ = ("body", "flag_byte", "stream_id", "type")

    def __init__(self, type: int, stream_id: int, flag_byte: int = 0, body: bytes = b"") -> None:  # noqa: A002
        self.type = type
        self.stream_id = stream_id
        self.flag_byte = flag_byte
        self.body = body

    @property
    def flags(self) -> frozenset[str]:
        """The names of the flags: none."""
        return frozenset()

    @property
    def body_len(self) -> int:
        """Octets of payload."""
        return len(self.body)

    def serialize_body(self) -> bytes:
        """Return the payload."""
        return self.body

    def serialize(self) -> bytes:
        """Return the frame as it was on the wire."""
        head = (len(self.body) << 48) | (self.type << 40) | (self.flag_byte << 32) | self.stream_id
        return head.to_bytes(9, "big") + self.body

    def __repr__(self) -> str:
        shown = self.body.hex()
        body = f"<hex:{shown[:20] + '...' if len(shown) > 20 else shown}>" if shown else "None"
        return (
            f"ExtensionFrame(stream_id={self.stream_id}, flags=[]): "
            f"type={self.type}, flag_byte={self.flag_byte}, body={body}"
        )
