"""The state of one stream (SPDY/3 §2.3).

A stream begins with SYN_STREAM and is answered with SYN_REPLY; each side ends with FIN, and
RST_STREAM ends both::

                  SYN_STREAM               SYN_REPLY
        (none) ──────────────▶ opening ──────────────▶ open
                                   │                     │
                                   └──── RST_STREAM ─────┤ queued by us
                                                         ▼
                                                      closing ──▶ (none)

A unidirectional stream (a push) needs no SYN_REPLY: it is open for its sender at once. Streams
whose two sides are shut are forgotten; the highest id that was seen tells that they were.
"""

from __future__ import annotations

from ..http2.flow import ReceiveWindow

OPENING = 1
OPEN = 2
CLOSING = 3


class Stream:
    """One stream of the session.

    :ivar ours: whether this side opened it.
    :ivar state: ``OPENING``, ``OPEN`` or ``CLOSING``.
    :ivar peer_done: the peer sends no more on it.
    :ivar we_done: we send no more on it.
    :ivar send_window: octets that the peer's window still takes; unused in SPDY/2.
    :ivar receive_window: what the peer may send.
    :ivar associated_id: the stream that a push belongs to, or 0.
    :ivar waiting: how many items of the queue belong to it.
    :ivar gone: it has been forgotten.
    """

    __slots__ = (
        "associated_id",
        "gone",
        "id",
        "ours",
        "peer_done",
        "priority",
        "receive_window",
        "send_window",
        "state",
        "waiting",
        "we_done",
    )

    def __init__(self, stream_id: int, priority: int, ours: bool, send_window: int) -> None:
        self.id = stream_id
        self.priority = priority
        self.ours = ours
        self.state = OPENING
        self.peer_done = False
        self.we_done = False
        self.send_window = send_window
        self.receive_window: ReceiveWindow | None = None
        self.associated_id = 0
        self.waiting = 0
        self.gone = False

    @property
    def finished(self) -> bool:
        """Whether both sides have sent all they will."""
        return self.peer_done and self.we_done
