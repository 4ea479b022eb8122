"""Octets on their way to the transport.

Control frames and field blocks are appended to one buffer when they are caused, since HPACK
demands an order. Large payloads are not copied: they stand between the buffered frames as segments.
"""

from __future__ import annotations

from ..hpack.encoder import Encoder
from .body import Octets
from .config import Config
from .constants import CONTINUATION, END_HEADERS, END_STREAM, HEADERS, PRIORITY_FLAG, PUSH_PROMISE
from .fields import Field, identical
from .frames import append_header, append_uint32, write_header

COPY_MAX = 4096
"""Payloads up to this many octets are copied behind their frame header: cheaper than a segment."""

DRIBBLE_MAX = 1024
"""A frame that a window cuts down to fewer octets than this is no work to be paid for."""

_REPEATED_MAX = 4096
"""Octets of a field block that is kept for repetition."""

_FRAME_HEADER = bytes(9)


class Output:
    """Octets that wait in ``buffer`` and ``segments``, and the field blocks among them."""

    __slots__ = (
        "buffer",
        "encoder",
        "max_frame_size",
        "max_unsent",
        "priority",
        "repeated_added",
        "repeated_block",
        "repeated_fields",
        "segment_octets",
        "segments",
        "unsent_acknowledgements",
        "unsent_answers",
    )

    def __init__(self, config: Config) -> None:
        self.encoder = Encoder(config.encoder_table_size)
        # The last field block that left the table as it was, and what it was made of.
        self.repeated_fields: list[Field] | None = None
        self.repeated_block = b""
        self.repeated_added = 0
        self.buffer = bytearray()
        self.segments: list[Octets] | None = None
        self.segment_octets = 0
        # Octets of the largest payload, from the peer's SETTINGS.
        self.max_frame_size = 16_384
        # Acknowledgements, and octets of answers of other kinds, since octets were last taken.
        self.unsent_acknowledgements = 0
        self.unsent_answers = 0
        # While more octets than this wait in the buffer, heads of responses wait as well.
        self.max_unsent = config.limits.max_unsent_octets
        # RFC 7540's priority of the next HEADERS frame, five octets or none: only set within
        # ``DirectConnection.send_headers_frame``.
        self.priority = b""

    # --- field blocks ---------------------------------------------------------------------------

    def write_headers(self, stream_id: int, fields: list[Field], end_stream: bool) -> None:
        """Append HEADERS, and CONTINUATION where the block is large (RFC 9113 §6.2, §6.10)."""
        buffer = self.buffer
        start = len(buffer)
        buffer += _FRAME_HEADER
        flags = END_STREAM if end_stream else 0
        if self.priority:
            buffer += self.priority
            flags |= PRIORITY_FLAG
        self.append_block(buffer, fields)
        length = len(buffer) - start - 9
        if length <= self.max_frame_size:
            write_header(buffer, start, length, HEADERS, flags | END_HEADERS, stream_id)
        else:
            self.split_block(start, HEADERS, flags, stream_id)

    def append_block(self, buffer: bytearray, fields: list[Field]) -> None:
        """Append a field block; servers repeat themselves, and then it is at hand.

        The same fields make the same block as long as the table stays as it is. They are the
        same if they are the same objects: outgoing fields are remembered.
        """
        encoder = self.encoder
        added = encoder.table.added
        if (
            self.repeated_fields is not None
            and self.repeated_added == added
            and identical(fields, self.repeated_fields)
        ):
            buffer += self.repeated_block
            return
        start = len(buffer)
        encoder.encode_into(buffer, fields)
        length = len(buffer) - start
        # A block that begins with a size update (001xxxxx, RFC 7541 §6.3) is not for repetition.
        if encoder.table.added == added and 0 < length < _REPEATED_MAX and buffer[start] >> 5 != 1:
            self.repeated_fields = fields
            self.repeated_block = bytes(buffer[start:])
            self.repeated_added = added

    def resize_table(self, size: int) -> None:
        """The peer's HPACK table has another size: the next block must say so."""
        self.encoder.max_table_size = size
        self.repeated_fields = None

    def write_push_promise(self, stream_id: int, promised_id: int, fields: list[Field]) -> None:
        """Append PUSH_PROMISE (RFC 9113 §6.6)."""
        buffer = self.buffer
        start = len(buffer)
        buffer += _FRAME_HEADER
        append_uint32(buffer, promised_id)
        self.encoder.encode_into(buffer, fields)
        length = len(buffer) - start - 9
        if length <= self.max_frame_size:
            write_header(buffer, start, length, PUSH_PROMISE, END_HEADERS, stream_id)
        else:
            self.split_block(start, PUSH_PROMISE, 0, stream_id)

    def split_block(self, start: int, frame_type: int, flags: int, stream_id: int) -> None:
        """Turn an overlong frame at ``start`` into one and its CONTINUATIONs."""
        buffer = self.buffer
        most = self.max_frame_size
        write_header(buffer, start, most, frame_type, flags, stream_id)
        rest = bytes(buffer[start + 9 + most :])
        del buffer[start + 9 + most :]
        for at in range(0, len(rest), most):
            piece = rest[at : at + most]
            last = END_HEADERS if at + most >= len(rest) else 0
            append_header(buffer, len(piece), CONTINUATION, last, stream_id)
            buffer += piece

    # --- taking the octets ----------------------------------------------------------------------

    def take(self) -> bytes:
        """Take all octets that wait."""
        self.unsent_acknowledgements = 0
        self.unsent_answers = 0
        buffer = self.buffer
        if self.segments is None:
            if len(buffer) == 0:
                return b""
            self.buffer = bytearray()
            return bytes(buffer)
        return b"".join(self.take_segments())

    def take_segments(self) -> list[Octets]:
        """Take all octets that wait, large payloads as they were given."""
        self.unsent_acknowledgements = 0
        self.unsent_answers = 0
        segments: list[Octets] = self.segments if self.segments is not None else []
        if len(self.buffer) > 0:
            segments.append(bytes(self.buffer))
            self.buffer = bytearray()
        self.segments = None
        self.segment_octets = 0
        return segments
