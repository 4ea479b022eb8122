"""Field blocks: HEADERS, PUSH_PROMISE and their CONTINUATIONs (RFC 9113 §4.3, §6.2, §6.6, §6.10).

A block is decoded whole, and always, even for a stream that is refused or gone: the HPACK tables
of both ends must stay in step. What it means depends on the stream: a request, a response (interim
or final), trailers, a promise.

Clients repeat themselves. A block of the same octets as the last, with the table unchanged in
between, has the same fields; then the last request's checked head is used again.
"""

from __future__ import annotations

from ..hpack import HeaderListTooLarge, HPACKError
from .constants import END_HEADERS, END_STREAM, PADDED, PRIORITY_FLAG
from .errors import (
    ConnectionFault,
    ErrorCode,
    StreamFault,
    frame_size,
    malformed,
    protocol_error,
    refused,
)
from .events import (
    InformationalResponseReceived,
    PushedStreamReceived,
    ResponseReceived,
    TrailersReceived,
    request_received,
    stream_closed,
)
from .fields import Field
from .frames import uint32
from .heads import (
    Head,
    MalformedError,
    check_trailers,
    loose_head,
    promised_fault,
    request_head,
    response_head,
)
from .priority import LONGEST_PRIORITY, priority_received, read_priority
from .session import Session
from .states import CLOSED, HALF_CLOSED_REMOTE, RESERVED_REMOTE
from .stream import Stream

_ENHANCE_YOUR_CALM = int(ErrorCode.ENHANCE_YOUR_CALM)
_PROTOCOL_ERROR = int(ErrorCode.PROTOCOL_ERROR)
_REFUSED_STREAM = int(ErrorCode.REFUSED_STREAM)
_SMALLEST_BLOCK_LIMIT = 16_384


class FieldBlocks:
    """Puts field blocks together and makes events of them."""

    __slots__ = (
        "checks",
        "continuations",
        "decoded_octets",
        "fragments",
        "max_continuations",
        "max_held_octets",
        "open_end_stream",
        "open_promised",
        "open_stream",
        "priorities",
        "priority",
        "repeated_block",
        "repeated_generation",
        "repeated_head",
        "session",
        "transport_scheme",
    )

    def __init__(self, session: Session) -> None:
        self.session = session
        self.max_continuations = session.config.limits.max_continuation_frames
        self.max_held_octets = session.config.limits.max_held_field_octets
        self.transport_scheme = session.config.transport_scheme
        self.checks = session.config.check_received_fields
        # The block that CONTINUATION frames are awaited for: 0 when there is none.
        self.open_stream = 0
        self.open_end_stream = False
        self.open_promised = 0
        self.fragments: bytearray | None = None
        self.continuations = 0
        # Octets of the fields of the latest request, as far as they are new objects.
        self.decoded_octets = 0
        # The last request, for one that repeats it.
        self.repeated_block: bytes | None = None
        self.repeated_generation = -1
        self.repeated_head: Head | None = None
        # PRIORITY_UPDATEs that came before their request (RFC 9218 §7.1), bounded.
        self.priorities: dict[int, tuple[int, bool]] | None = None
        # RFC 7540's priority of the block that is being read, where somebody wants to know it.
        self.priority: bytes | None = None

    # --- frames ---------------------------------------------------------------------------------

    def on_headers(self, data: bytes, start: int, length: int, flags: int, stream_id: int) -> None:
        """HEADERS (RFC 9113 §6.2)."""
        end = start + length
        if flags & (PADDED | PRIORITY_FLAG):
            if flags & PADDED:
                end = unpadded_end(data, start, length, "headers.padding")
                start += 1
            if flags & PRIORITY_FLAG:
                if end - start < 5:
                    raise frame_size("headers.length", "HEADERS is too short for its priority")
                # RFC 7540 §5.3.1: a stream cannot depend on itself. RFC 9218 §2.1: a peer that
                # does not use these priorities MUST have them ignored.
                if (
                    uint32(data, start) & 0x7FFFFFFF == stream_id
                    and not self.session.remote.no_rfc7540_priorities
                ):
                    self.self_dependent(data, start + 5, end, flags, stream_id)
                    return
                if (
                    self.session.config.report_priorities
                    and not self.session.remote.no_rfc7540_priorities
                ):
                    self.priority = data[start : start + 5]
                start += 5
        if flags & END_HEADERS:
            self.on_block(data[start:end], stream_id, (flags & END_STREAM) != 0)
        else:
            self.open_block(data[start:end], stream_id, (flags & END_STREAM) != 0, 0)

    def self_dependent(self, data: bytes, start: int, end: int, flags: int, stream_id: int) -> None:
        """HEADERS whose priority names its own stream: decoded, and the stream is reset."""
        if not flags & END_HEADERS:
            raise ConnectionFault(_PROTOCOL_ERROR, "priority.self", "a stream depends on itself")
        block = data[start:end]
        streams = self.session.streams
        if stream_id in streams.living:
            self.decode(block, [], [])
        elif streams.is_idle(stream_id) and self.session.is_server and stream_id & 1:
            self.decode(block, [], [])
            streams.open_remote(stream_id, 0)
        else:
            self.on_stray(block, stream_id)
            return
        raise StreamFault(stream_id, _PROTOCOL_ERROR, "priority.self", "depends on itself")

    def on_push_promise(
        self, data: bytes, start: int, length: int, flags: int, stream_id: int
    ) -> None:
        """PUSH_PROMISE (RFC 9113 §6.6)."""
        session = self.session
        # RFC 9113 §8.4: a client cannot push; §6.6: MUST NOT be sent once push is disabled.
        if session.is_server or session.push_refused:
            raise protocol_error("push.not_allowed", "PUSH_PROMISE is not allowed here")
        # RFC 9113 §6.6: on stream 0 it MUST be a connection error PROTOCOL_ERROR.
        if stream_id == 0:
            raise protocol_error("push.parent", "PUSH_PROMISE on stream 0")
        end = start + length
        if flags & PADDED:
            end = unpadded_end(data, start, length, "push.padding")
            start += 1
        if end - start < 4:
            raise frame_size("push.length", "PUSH_PROMISE is too short")
        promised_id = uint32(data, start) & 0x7FFFFFFF
        streams = session.streams
        if promised_id & 1 or promised_id == 0 or promised_id <= streams.highest_remote:
            message = f"stream {promised_id} cannot be promised"
            raise protocol_error("push.stream_id", message, promised_id)
        if flags & END_HEADERS:
            self.on_promise(data[start + 4 : end], stream_id, promised_id)
        else:
            self.open_block(data[start + 4 : end], stream_id, False, promised_id)

    def open_block(
        self, fragment: bytes, stream_id: int, end_stream: bool, promised_id: int
    ) -> None:
        """A block begins whose end will come with CONTINUATION."""
        self.open_stream = stream_id
        self.open_end_stream = end_stream
        self.open_promised = promised_id
        self.check_size(len(fragment))
        self.fragments = bytearray(fragment)
        self.continuations = 0

    def check_size(self, octets: int) -> None:
        """Refuse a block that outgrows the limit of the decoded list: decoded it would as well.

        It is the connection that ends, since nobody should have to decode it.
        """
        if octets > max(self.session.decoder.max_list_size, _SMALLEST_BLOCK_LIMIT):
            raise ConnectionFault(
                ErrorCode.ENHANCE_YOUR_CALM, "headers.too_large", "the field block is too large"
            )

    def on_continuation(
        self, data: bytes, start: int, length: int, flags: int, stream_id: int
    ) -> None:
        """CONTINUATION (RFC 9113 §6.10)."""
        fragments = self.fragments
        if fragments is None or stream_id != self.open_stream:
            raise protocol_error("continuation.unexpected", "CONTINUATION without a block")
        self.continuations += 1
        if self.continuations > self.max_continuations:
            raise ConnectionFault(
                ErrorCode.ENHANCE_YOUR_CALM, "continuation.flood", "the field block does not end"
            )
        self.check_size(len(fragments) + length)
        fragments += data[start : start + length]
        if not flags & END_HEADERS:
            return
        self.open_stream = 0
        self.fragments = None
        if self.open_promised:
            self.on_promise(bytes(fragments), stream_id, self.open_promised)
        else:
            self.on_block(bytes(fragments), stream_id, self.open_end_stream)

    # --- blocks ---------------------------------------------------------------------------------

    def decode(self, block: bytes, fields: list[Field], kinds: list[int]) -> str:
        """Decode a block; returns the slug of the limit it broke, or an empty string."""
        try:
            self.session.decoder.decode_into(block, fields, kinds)
        except HeaderListTooLarge as error:
            return str(error.slug)
        except HPACKError as error:
            # RFC 9113 §4.3: a decoding error MUST be a connection error COMPRESSION_ERROR.
            raise ConnectionFault(ErrorCode.COMPRESSION_ERROR, error.slug, str(error)) from None
        return ""

    def on_block(self, block: bytes, stream_id: int, end_stream: bool) -> None:
        """A whole block of HEADERS."""
        if self.priority is not None:
            self.on_prioritised_block(block, stream_id, end_stream)
            return
        session = self.session
        stream = session.streams.living.get(stream_id)
        if stream is None and session.is_server and stream_id & 1:
            if stream_id > session.streams.highest_remote:
                self.on_request(block, stream_id, end_stream)
                return
        if stream is None:
            self.on_stray(block, stream_id)
        elif session.is_server or stream.head_received:
            self.on_trailers(block, stream, end_stream)
        else:
            self.on_response(block, stream, end_stream)

    def on_prioritised_block(self, block: bytes, stream_id: int, end_stream: bool) -> None:
        """A whole block of HEADERS that had a priority, to be told behind the block's event."""
        priority = self.priority or b""
        self.priority = None
        events = self.session.events
        told = len(events)
        self.on_block(block, stream_id, end_stream)
        if len(events) > told:
            events.insert(told + 1, priority_received(stream_id, priority, True))

    def on_request(self, block: bytes, stream_id: int, end_stream: bool) -> None:
        """The head of a new request."""
        session = self.session
        decoder = session.decoder
        generation = decoder.generation
        head: Head | None = None
        slug = ""
        if (
            generation == self.repeated_generation
            and self.repeated_block is not None
            and block == self.repeated_block
        ):
            head = self.repeated_head
            self.decoded_octets = 0
        if head is None:
            fields: list[Field] = []
            kinds: list[int] = []
            slug = self.decode(block, fields, kinds)
            self.decoded_octets = decoder.list_size
            if not slug:
                try:
                    head = request_head(
                        fields,
                        kinds,
                        session.extended_connect,
                        session.config.host_may_differ,
                        self.transport_scheme,
                    )
                except MalformedError as error:
                    if self.checks:
                        slug = error.slug
                    else:
                        head = loose_head(
                            fields, kinds, session.config.host_may_differ, self.transport_scheme
                        )
                else:
                    self.repeated_generation = generation
                    # Only a block that left the table as it was means the same again.
                    self.repeated_block = block if decoder.generation == generation else None
                    self.repeated_head = head
        if session.is_beyond_goaway(stream_id):
            session.streams.highest_remote = stream_id
            session.spend_control()
            return
        self.open_request(head, stream_id, end_stream, slug)

    def open_request(self, head: Head | None, stream_id: int, end_stream: bool, slug: str) -> None:
        """Open the stream of a request, or refuse it."""
        session = self.session
        if session.out.unsent_answers > session.out.max_unsent:
            session.unread()
        streams = session.streams
        stream = streams.open_remote(stream_id, session.remote_window)
        limit = session.max_streams
        # RFC 9113 §5.1.2: beyond the limit, PROTOCOL_ERROR or REFUSED_STREAM. The peer may not
        # have seen the limit yet; refusing harms nobody, as the request can be retried.
        if 0 <= limit <= streams.remote_count:
            raise refused(stream_id)
        if head is None:
            raise malformed(stream_id, slug)
        if self.decoded_octets:
            self.hold_fields(stream, _REFUSED_STREAM)
        session.requests += 1
        stream.recv_headers()
        streams.count(stream)
        stream.head_received = True
        stream.tunnel = head.method == b"CONNECT"
        stream.headless = head.method == b"HEAD"
        if not stream.tunnel:
            stream.expected = head.content_length
        if head.priority is not None or self.priorities is not None:
            self.prioritise(stream, head)
        if end_stream:
            # RFC 9113 §8.1.1: content-length must equal the octets of all DATA.
            if stream.expected > 0:
                raise malformed(stream_id, "content_length.short")
            stream.state = HALF_CLOSED_REMOTE
        elif stream.expected > 0:
            for field in head.fields:
                if field[0] == b"expect":
                    stream.reluctant = True
        session.events.append(request_received(stream_id, head, end_stream))

    def hold_fields(self, stream: Stream, error_code: int) -> None:
        """Account for fields that the application has as long as the stream lives.

        :raises StreamFault: where all streams together have too many.
        """
        out = self.session.out
        held = out.held_field_octets
        if held and held + self.decoded_octets > self.max_held_octets:
            raise StreamFault(stream.id, error_code, "headers.held", "too many fields wait")
        stream.field_octets += self.decoded_octets
        out.held_field_octets += self.decoded_octets

    def prioritise(self, stream: Stream, head: Head) -> None:
        """Apply the request's priority; an earlier PRIORITY_UPDATE outranks it (RFC 9218 §7)."""
        priority: tuple[int, bool] | None = None
        if self.priorities is not None:
            priority = self.priorities.pop(stream.id, None)
        if priority is None and head.priority is not None:
            # Looked at here, since a call more would be felt.
            if len(head.priority) <= LONGEST_PRIORITY:
                priority = read_priority(head.priority)
        if priority is not None:
            stream.urgency, stream.incremental = priority

    def on_response(self, block: bytes, stream: Stream, end_stream: bool) -> None:
        """The head of a response, interim or final (RFC 9113 §8.1)."""
        fields: list[Field] = []
        kinds: list[int] = []
        slug = self.decode(block, fields, kinds)
        if slug:
            raise malformed(stream.id, slug)
        try:
            head = response_head(fields, kinds)
        except MalformedError as error:
            if self.checks:
                raise malformed(stream.id, error.slug) from None
            head = loose_head(fields, kinds, False)
        session = self.session
        if stream.state == RESERVED_REMOTE and session.max_streams >= 0:
            # RFC 9113 §5.1.2: pushed streams count once they send.
            if session.streams.remote_count >= session.max_streams:
                raise refused(stream.id)
        stream.recv_headers()
        session.streams.count(stream)
        if 100 <= head.status < 200:
            # RFC 9113 §8.1: an interim response with END_STREAM is malformed.
            if end_stream:
                raise malformed(stream.id, "headers.interim_end_stream")
            session.spend_control()
            session.events.append(InformationalResponseReceived(stream.id, fields, head.status))
            return
        stream.head_received = True
        if head.status >= 300:
            stream.tunnel = False
        # RFC 9110 §6.4.1: no body after HEAD, nor with 204 and 304, whatever the length says.
        # RFC 9110 §9.3.6: but any 2xx makes a tunnel.
        if stream.headless or (head.status in (204, 304) and not stream.tunnel):
            stream.expected = 0
            head.content_length = 0
        elif not stream.tunnel:
            stream.expected = head.content_length
        if end_stream and stream.expected > 0:
            raise malformed(stream.id, "content_length.short")
        session.events.append(ResponseReceived(stream.id, fields, end_stream, head.status))
        if end_stream:
            self.end(stream)

    def on_trailers(self, block: bytes, stream: Stream, end_stream: bool) -> None:
        """A trailer section."""
        fields: list[Field] = []
        kinds: list[int] = []
        slug = self.decode(block, fields, kinds)
        if not stream.can_receive_data():
            raise stream.fault("HEADERS")
        # RFC 9113 §8.5: on a connected stream anything but DATA MUST be a stream error.
        if stream.tunnel and stream.head_sent:
            raise malformed(stream.id, "headers.tunnel")
        if slug:
            raise malformed(stream.id, slug)
        if self.session.is_server:
            self.decoded_octets = self.session.decoder.list_size
            self.hold_fields(stream, _ENHANCE_YOUR_CALM)
        # RFC 9113 §8.1: a second header section that does not end the stream is malformed.
        if not end_stream:
            raise malformed(stream.id, "headers.repeated")
        try:
            check_trailers(kinds)
        except MalformedError as error:
            if self.checks:
                raise malformed(stream.id, error.slug) from None
        if stream.expected > 0 and stream.rest == 0:
            raise malformed(stream.id, "content_length.short")
        if stream.rest == 0:
            self.session.events.append(TrailersReceived(stream.id, fields))
        self.end(stream)

    def on_promise(self, block: bytes, stream_id: int, promised_id: int) -> None:
        """A promised request (RFC 9113 §8.4.1)."""
        session = self.session
        streams = session.streams
        fields: list[Field] = []
        kinds: list[int] = []
        slug = self.decode(block, fields, kinds)
        parent = streams.living.get(stream_id)
        # RFC 9113 §6.6: only on a stream that the client opened.
        if streams.is_remote(stream_id) or streams.is_idle(stream_id):
            raise protocol_error("push.parent", f"stream {stream_id} cannot promise")
        if parent is None and not streams.was_reset_by_us(stream_id):
            raise protocol_error("push.parent", f"stream {stream_id} has closed")
        # RFC 9113 §6.6: only on a stream that is open or half-closed (local).
        if parent is not None and not parent.can_receive_data():
            raise protocol_error("push.parent", f"stream {stream_id} cannot promise")
        session.spend_control()
        if session.is_beyond_goaway(promised_id):
            streams.highest_remote = promised_id
            return
        most = max(session.max_streams, session.config.limits.max_promises)
        full = len(streams.living) - streams.local_count >= most
        promised = streams.open_remote(promised_id, 0)
        promised.recv_push_promise()
        if parent is None:
            # The parent was reset by us: so is what it promised meanwhile.
            session.out.write_reset(promised, int(ErrorCode.CANCEL))
            return
        if full:
            raise refused(promised_id)
        if not slug and self.checks:
            slug = promised_fault(fields, kinds, session.config.host_may_differ)
        if slug:
            raise malformed(promised_id, slug)
        for name, value in fields:
            if name == b":method":
                promised.headless = value == b"HEAD"
        session.events.append(PushedStreamReceived(promised_id, stream_id, fields))

    def on_stray(self, block: bytes, stream_id: int) -> None:
        """HEADERS on a stream that does not live: decoded, then judged."""
        self.decode(block, [], [])
        streams = self.session.streams
        # RFC 9113 §5.1.1: a server gets odd ids in ascending order, a client no new ones here.
        if streams.is_idle(stream_id) or streams.was_skipped(stream_id):
            message = f"stream {stream_id} cannot be opened"
            raise protocol_error("headers.stream_id", message, stream_id)
        if self.session.is_beyond_goaway(stream_id) or streams.was_reset_by_us(stream_id):
            self.session.spend_control()
            return
        # RFC 9113 §5.1: after END_STREAM this MUST be a connection error.
        raise ConnectionFault(
            ErrorCode.STREAM_CLOSED,
            "headers.closed",
            f"HEADERS on closed stream {stream_id}",
            stream_id,
        )

    def end(self, stream: Stream) -> None:
        """The peer ended its side."""
        stream.recv_end_stream()
        out = self.session.out
        if stream.state == CLOSED:
            out.forget(stream)
            self.session.events.append(stream_closed(stream.id, 0))
        elif stream.rest > 0:
            out.end_response(stream)


def unpadded_end(data: bytes, start: int, length: int, slug: str) -> int:
    """Return where the content of a padded frame ends (RFC 9113 §6.1)."""
    if length < 1:
        raise frame_size(slug, "the frame is too short for its padding")
    padding = data[start]
    # RFC 9113 §6.1: padding as long as the payload or longer MUST be a PROTOCOL_ERROR.
    if padding >= length:
        raise protocol_error(slug, "the padding is longer than the frame")
    return start + length - padding
