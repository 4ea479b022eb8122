"""What the parts of one connection share.

``Session`` holds the collaborators (streams, the way out, settings, HPACK decoder, budgets) and the
facts that several of them need. It has no behaviour beyond the end of the connection: GOAWAY in
all its forms (RFC 9113 §6.8).
"""

from __future__ import annotations

from ..hpack.decoder import Decoder
from .config import Config
from .constants import MAX_STREAM_ID, Role
from .errors import ConnectionFault, ErrorCode, StreamFault
from .events import ConnectionTerminated, Event, StreamReset
from .fields import classify
from .frames import append_goaway, append_ping
from .limits import Budgets
from .outbound import Outbound
from .settings import LocalSettings, Settings
from .states import IDLE
from .stream import Stream
from .streams import StreamTable

_REFUSED_STREAM = int(ErrorCode.REFUSED_STREAM)
_SHUTDOWN_PING = b"plaitbye"


class Session:
    """The shared state of a connection's parts."""

    __slots__ = (
        "budgets",
        "closed",
        "config",
        "decoder",
        "events",
        "extended_connect",
        "goaway_last",
        "goaway_received",
        "is_server",
        "list_size_set",
        "local",
        "max_frame_size",
        "max_held_frames",
        "max_streams",
        "out",
        "peer_resets",
        "push_refused",
        "received_frames",
        "received_octets",
        "remote",
        "remote_window",
        "requests",
        "shutting_down",
        "streams",
    )

    def __init__(self, role: Role, config: Config) -> None:
        self.config = config
        self.is_server = role == Role.SERVER
        self.streams = StreamTable(role)
        self.out = Outbound(config, self.streams)
        self.local = LocalSettings()
        self.remote = Settings()
        self.budgets = Budgets(config.limits, config.clock)
        self.decoder = Decoder(
            max_table_size=4096,
            max_list_size=config.max_header_list_size,
            max_fields=config.limits.max_fields,
            classify=classify,
            max_cookies=config.limits.max_cookies,
        )
        # The events of the current ``receive_data``.
        self.events: list[Event] = []
        # Credit of a new stream for sending, as the peer's settings say.
        self.remote_window = 65_535
        # Streams that the peer may have open, -1 for any number: enforced from the start, by
        # refusing, which is harmless to a peer that has not heard of the limit yet.
        limit = config.max_concurrent_streams
        self.max_streams = -1 if limit is None else limit
        # Frames of bodies that the application may have in hand.
        self.max_held_frames = config.limits.max_held_frames
        # The largest payload the peer may believe in.
        self.max_frame_size = 16_384
        # Server: requests may use ``:protocol`` (RFC 8441), because we said so.
        self.extended_connect = self.is_server and config.enable_connect_protocol
        # Requests of the peer that were taken.
        self.requests = 0
        # Streams that the peer cut short: it reset them, or we did for its faults.
        self.peer_resets = 0
        # Client: the peer knows that pushes are refused.
        self.push_refused = False
        # Octets of bodies, and DATA frames with content, received so far: work that pays for
        # control frames.
        self.received_octets = 0
        self.received_frames = 0
        # The last stream id of the GOAWAY we sent, -1 before any; and whether the peer sent one.
        self.goaway_last = -1
        self.goaway_received = False
        self.shutting_down = False
        self.closed = False
        # The largest section was chosen by hand, whatever is announced.
        self.list_size_set = False

    def work(self) -> int:
        """Useful work so far, in units that each pay for one control frame.

        Four for a request, one for each KiB of bodies; two for each DATA frame we sent, which a
        peer may acknowledge on its stream and on the connection, unless its own stinginess
        made the frame tiny; one for each that it sent, which it may follow with a PING.
        """
        out = self.out
        octets = out.sent_octets + self.received_octets
        streams = self.streams
        requests = self.requests if self.is_server else streams.next_local // 2 - streams.left_out
        frames = 2 * (out.sent_frames - out.dribbled) + self.received_frames
        return 4 * requests + octets // 1024 + frames

    def paid_resets(self) -> int:
        """Resets that complete exchanges have paid for: one for every two.

        A client that gives up some of its requests, however many it makes, is no attacker; one
        that gives up two of three burdens us by half more than an honest one.
        """
        return (self.requests - self.peer_resets - self.streams.remote_count) // 2

    def spend_control(self) -> None:
        """Take a frame that is of little or no use from its budget."""
        self.budgets.spend("control.flood", self.work())

    # --- faults of the peer ---------------------------------------------------------------------

    def reset_for(self, fault: StreamFault) -> None:
        """Answer a stream's fault with RST_STREAM and an event (RFC 9113 §5.4.2)."""
        stream = self.streams.living.get(fault.stream_id)
        if stream is not None:
            self.peer_resets += 1
            self.out.write_reset(stream, fault.code)
        else:
            self.out.refuse(fault.stream_id, fault.code)
        late = stream is None
        self.events.append(StreamReset(fault.stream_id, fault.code, False, fault.slug, late))
        slug = "streams.refused_flood" if fault.code == _REFUSED_STREAM else "reset.provoked"
        self.budgets.spend(slug)
        if self.out.unsent_answers > self.out.max_unsent:
            self.unread()

    def unread(self) -> None:
        """The peer causes answers and does not read them.

        :raises ConnectionFault: always.
        """
        raise ConnectionFault(
            ErrorCode.ENHANCE_YOUR_CALM, "output.unread", "too many answers wait to be read"
        )

    def fail(self, fault: ConnectionFault) -> None:
        """Answer a connection's fault with GOAWAY and an event (RFC 9113 §5.4.1)."""
        message = f"{fault.slug}: {fault.message}".encode("ascii", "replace")
        last = self.last_handled()
        self.peer_resets += len(self.streams.living)
        self.terminate(fault.code, message)
        self.events.append(
            ConnectionTerminated(fault.code, last, message, False, fault.slug, fault.stream_id)
        )

    # --- the end --------------------------------------------------------------------------------

    def terminate(self, error_code: int, debug: bytes) -> None:
        """Send a last GOAWAY; nothing is taken from the peer, nor sent, after it."""
        if self.closed:
            return
        self.out.end_responses()
        self.goaway(error_code, debug)
        self.end()

    def end(self) -> None:
        """The connection has ended."""
        self.closed = True
        self.out.drop_all()

    def last_handled(self) -> int:
        """The last stream of the peer that is handled.

        RFC 9113 §6.8: it MUST NOT increase. It may be less than was said, of streams to come.
        """
        highest = self.streams.highest_remote
        return min(self.goaway_last, highest) if self.goaway_last >= 0 else highest

    def goaway(self, error_code: int, debug: bytes, last_stream_id: int = -1) -> None:
        """Send the final GOAWAY of a graceful end: what is open goes on, nothing new is taken.

        :param last_stream_id: the last stream that is handled, -1 for the last that was opened.
        """
        # RFC 9113 §4.2: no frame is larger than the peer accepts; a goodbye is cut rather.
        debug = bytes(debug[: self.out.max_frame_size - 8])
        self.goaway_last = self.last_handled() if last_stream_id < 0 else last_stream_id
        append_goaway(self.out.buffer, self.goaway_last, error_code, debug)

    def begin_shutdown(self) -> None:
        """Announce the end, and a PING whose answer shows that the peer has heard of it."""
        if self.shutting_down or self.goaway_last >= 0:
            return
        self.shutting_down = True
        self.out.end_responses()
        append_goaway(self.out.buffer, MAX_STREAM_ID, 0, b"")
        append_ping(self.out.buffer, _SHUTDOWN_PING, False)

    def shutdown_answered(self, data: bytes) -> bool:
        """Whether this PING acknowledgement is the answer to ``begin_shutdown``'s."""
        if not self.shutting_down or data != _SHUTDOWN_PING:
            return False
        if self.goaway_last < 0:
            self.goaway(0, b"")
        return True

    def is_beyond_goaway(self, stream_id: int) -> bool:
        """Whether the peer opened this stream after our final GOAWAY: it is not handled."""
        return 0 <= self.goaway_last < stream_id

    def receive_goaway(self, last_stream_id: int, error_code: int) -> None:
        """The peer ends: our streams beyond its last were not handled and may be retried."""
        self.goaway_received = True
        if error_code:
            self.peer_resets += len(self.streams.living)
            self.end()
            return
        streams = self.streams
        refused: list[Stream] = [
            stream
            for stream in streams.living.values()
            # RFC 9113 §6.8: no stream may be opened any more: nor one whose head still waits.
            if not streams.is_remote(stream.id)
            and (stream.id > last_stream_id or stream.state == IDLE)
        ]
        for stream in refused:
            self.out.forget(stream)
            self.events.append(StreamReset(stream.id, _REFUSED_STREAM, True, "peer.goaway"))
