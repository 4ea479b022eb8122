r"""The state of one stream (RFC 9113 §5.1).

::

                               idle
       send PUSH_PROMISE      /  |  \      recv PUSH_PROMISE
              ┌──────────────┘   │   └──────────────┐
     reserved (local)            │ HEADERS   reserved (remote)
              │ send HEADERS     │                  │ recv HEADERS
              │                open                 │
              │   recv ES ┌─────┴─────┐ send ES     │
              ▼           ▼           ▼             ▼
         half-closed (remote)     half-closed (local)
              │ send ES, RST          │ recv ES, RST
              └────────► closed ◄─────┘

Each transition is a method. A transition that the diagram lacks raises: ``StreamStateError``
when our own caller asked for it, ``StreamFault`` when the peer's frame did.
"""

from __future__ import annotations

from .body import Body
from .errors import ConnectionFault, ErrorCode, PeerFault, StreamFault, StreamStateError
from .flow import ReceiveWindow
from .states import (
    CLOSED,
    HALF_CLOSED_LOCAL,
    HALF_CLOSED_REMOTE,
    IDLE,
    OPEN,
    RESERVED_LOCAL,
    RESERVED_REMOTE,
    STATE_NAMES,
)

_STREAM_CLOSED = int(ErrorCode.STREAM_CLOSED)
_PROTOCOL_ERROR = int(ErrorCode.PROTOCOL_ERROR)


class Stream:
    """One stream: state, windows, and what waits to be sent on it."""

    __slots__ = (
        "body",
        "counted",
        "deferred",
        "expected",
        "field_octets",
        "head_received",
        "head_sent",
        "headless",
        "held_frames",
        "id",
        "incremental",
        "pending_head",
        "queued",
        "receive_window",
        "reluctant",
        "rest",
        "send_window",
        "sent_octets",
        "state",
        "tunnel",
        "unacknowledged",
        "urgency",
    )

    def __init__(self, stream_id: int, send_window: int) -> None:
        self.begin(stream_id, send_window)

    def begin(self, stream_id: int, send_window: int) -> None:
        """Set everything; ``new_stream`` calls it without ``__init__``."""
        self.id = stream_id
        self.state = IDLE
        # Octets we may send; negative after a SETTINGS that shrank the window.
        self.send_window = send_window
        # Octets of DATA sent.
        self.sent_octets = 0
        # Made when the first DATA frame arrives.
        self.receive_window: ReceiveWindow | None = None
        # Octets delivered to the application and not yet given back.
        self.unacknowledged = 0
        # The DATA frames they came in, and octets of the message's fields: what it costs to wait.
        self.held_frames = 0
        self.field_octets = 0
        # Octets of body that content-length still promises; -1 when it promises nothing.
        self.expected = -1
        # It came with ``expect``: the client may send nothing before we let it.
        self.reluctant = False
        # A CONNECT that was not refused: neither side's end says anything of the other's.
        self.tunnel = False
        # The request is HEAD: the response has no body, whatever its content-length says.
        self.headless = False
        # Whether it counts against a limit of concurrent streams.
        self.counted = False
        self.head_received = False
        self.head_sent = False
        # All of the response was sent but its end, which comes with that of the request, or when
        # this many octets of it have come; 0 otherwise.
        self.rest = 0
        # What waits to be sent: a body, and for a pushed response its header section.
        self.body: Body | None = None
        self.pending_head: list[tuple[bytes, bytes]] | None = None
        # Whether the scheduler holds the stream, and whether its source asked to wait.
        self.queued = False
        self.deferred = False
        # RFC 9218 §4. Without any signal from the client a stream is served in turn.
        self.urgency = 3
        self.incremental = True

    # --- what we send ---------------------------------------------------------------------------

    def send_headers(self) -> None:
        """We send a header section."""
        if self.state == IDLE:
            self.state = OPEN
        elif self.state == RESERVED_LOCAL:
            self.state = HALF_CLOSED_REMOTE
        elif self.state != OPEN and self.state != HALF_CLOSED_REMOTE:
            raise self.misuse("HEADERS")

    def send_end_stream(self) -> None:
        """We end our side."""
        if self.state == OPEN:
            self.state = HALF_CLOSED_LOCAL
        elif self.state == HALF_CLOSED_REMOTE:
            self.state = CLOSED
        else:
            raise self.misuse("END_STREAM")

    def send_push_promise(self) -> None:
        """We promise this stream."""
        if self.state != IDLE:
            raise self.misuse("PUSH_PROMISE")
        self.state = RESERVED_LOCAL

    def can_send_data(self) -> bool:
        """Whether our side is open for DATA."""
        return self.state == OPEN or self.state == HALF_CLOSED_REMOTE

    # --- what the peer sends --------------------------------------------------------------------

    def recv_headers(self) -> None:
        """The peer sent a header section."""
        if self.state == IDLE:
            self.state = OPEN
        elif self.state == RESERVED_REMOTE:
            self.state = HALF_CLOSED_LOCAL
        elif self.state != OPEN and self.state != HALF_CLOSED_LOCAL:
            raise self.fault("HEADERS")

    def recv_end_stream(self) -> None:
        """The peer ended its side."""
        if self.state == OPEN:
            self.state = HALF_CLOSED_REMOTE
        elif self.state == HALF_CLOSED_LOCAL:
            self.state = CLOSED
        else:
            raise self.fault("END_STREAM")

    def recv_push_promise(self) -> None:
        """The peer promised this stream."""
        if self.state != IDLE:
            raise self.fault("PUSH_PROMISE")
        self.state = RESERVED_REMOTE

    def can_receive_data(self) -> bool:
        """Whether the peer's side is open."""
        return self.state == OPEN or self.state == HALF_CLOSED_LOCAL

    # --- both -----------------------------------------------------------------------------------

    def close(self) -> None:
        """RST_STREAM, either way, or the end of the connection: everything waiting is dropped."""
        self.state = CLOSED
        self.body = None
        self.pending_head = None

    def misuse(self, what: str) -> StreamStateError:
        """Return the error for a caller that asked for what the state does not allow."""
        return StreamStateError(
            f"stream {self.id} is {STATE_NAMES[self.state]}: no {what} may be sent"
        )

    def fault(self, what: str) -> PeerFault:
        """Return the fault of a peer that sent what the state does not allow."""
        if self.state < OPEN:
            # RFC 9113 §5.1: on idle and reserved streams this is an error of the connection.
            message = f"{what} on stream {self.id}, which is {STATE_NAMES[self.state]}"
            return ConnectionFault(_PROTOCOL_ERROR, "stream.state", message, self.id)
        # RFC 9113 §5.1: half-closed (remote) and closed answer with STREAM_CLOSED.
        late = self.state == HALF_CLOSED_REMOTE or self.state == CLOSED
        code = _STREAM_CLOSED if late else _PROTOCOL_ERROR
        message = f"{what} on stream {self.id}, which is {STATE_NAMES[self.state]}"
        return StreamFault(self.id, code, "stream.closed" if late else "stream.state", message)


def new_stream(stream_id: int, send_window: int) -> Stream:
    """Return an idle stream.

    This and not the constructor, whose arguments would become objects in the compiled module.
    """
    stream = Stream.__new__(Stream)
    stream.begin(stream_id, send_window)
    return stream
