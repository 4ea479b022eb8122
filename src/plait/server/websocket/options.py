"""What a server allows in WebSockets, and how it keeps them alive."""

from __future__ import annotations

from dataclasses import dataclass

_DURATIONS = ("ping_interval", "ping_timeout", "close_timeout")
_COUNTS = ("max_message_size", "max_queue", "max_fragments", "max_control_frames")


@dataclass(frozen=True, kw_only=True, slots=True)
class WebSocketOptions:
    """Limits and habits of the WebSockets of one host. Seconds and octets.

    :raises ValueError: for a limit that is not above 0, and window bits that are not 9 to 15.
    """

    max_message_size: int = 16 * 1024 * 1024
    """Octets of a message that comes in, inflated; a larger one closes with 1009."""

    max_queue: int = 65_536
    """Octets of messages that wait for the application; with as many waiting nothing more is read,
    and the client gets no credit. One message may always wait."""

    max_fragments: int = 16_384
    """Frames that one message may come in: empty ones would cost work and never reach a size."""

    max_control_frames: int = 500
    """PING and PONG frames in ten seconds; more close with 1008. Each costs an answer."""

    ping_interval: float | None = 20.0
    """Of silence until we send a ping; ``None`` for none. It is looked at this often, and not as
    long as the client is made to wait, or makes us wait."""

    ping_timeout: float | None = 20.0
    """For anything to come after our ping, or the WebSocket is lost (1011, and 1006 for the
    application); ``None`` to wait for ever."""

    close_timeout: float = 10.0
    """For the client to end its side once we have ended ours; then the exchange is aborted."""

    compression: bool = True
    """Whether permessage-deflate (RFC 7692) is agreed to when a client offers it."""

    window_bits: int = 12
    """Of the window to compress in, as a logarithm: 15 takes 256 KiB for each WebSocket, 12 takes
    32 KiB and loses little. Nor may clients that let us choose use more."""

    context_takeover: bool = True
    """Whether messages are compressed with what the one before taught, which keeps the memory of
    the compressor between them."""

    def __post_init__(self) -> None:
        for name in _COUNTS:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, not {getattr(self, name)}")
        for name in _DURATIONS:
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ValueError(f"{name} must be more than 0 seconds, not {value}")
        if not 9 <= self.window_bits <= 15:
            raise ValueError(f"window_bits must be from 9 to 15, not {self.window_bits}")
