"""What a SPDY peer may do: every limit in one place, each with the attack that it stops.

The budgets are token buckets as in HTTP/2 (``plait.http2.limits``): a *burst* at once, refilled
at a *rate* a second and by honest work. SPDY has no ENHANCE_YOUR_CALM: who exceeds one gets
GOAWAY with PROTOCOL_ERROR, and the event names the limit by its slug.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..http2.limits import TokenBucket
from .constants import GoawayStatus
from .errors import SessionFault


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a peer may do. Sizes are octets, bursts are counts, rates are per second.

    :raises ValueError: for a negative limit.
    """

    max_fields: int = 256
    """Headers of one block, after values are split at NUL. Stops the field-count bomb."""

    max_block_octets: int = 65_536
    """Octets of one header block when inflated. A block beyond costs its stream: RST_STREAM with
    FRAME_TOO_LARGE. Stops zlib bombs; what is beyond is inflated piece by piece and thrown away,
    since later blocks depend on it."""

    max_inflated_octets: int = 33_554_432
    """Octets that are inflated of one block, kept or not. A block beyond ends the session."""

    wasted_burst: int = 67_108_864
    wasted_rate: float = 1_048_576.0
    """Octets inflated and thrown away, on one session. Stops bombs that come one after another."""

    max_control_octets: int = 131_072
    """Length of a control frame. Stops frames of absurd length, before they are collected."""

    max_settings_entries: int = 32
    """Entries of one SETTINGS frame. Stops the large-SETTINGS attack (CVE-2020-11080)."""

    reset_burst: int = 1000
    reset_rate: float = 33.0
    """Streams that the peer opens and resets. Stops rapid reset (CVE-2023-44487)."""

    provoked_reset_burst: int = 1000
    provoked_reset_rate: float = 33.0
    """Streams that we reset for the peer's faults. Stops MadeYouReset (CVE-2025-8671)."""

    refused_burst: int = 1000
    refused_rate: float = 33.0
    """Streams beyond the concurrency limit, each refused with REFUSED_STREAM."""

    control_burst: int = 10_000
    control_rate: float = 330.0
    """WINDOW_UPDATE, HEADERS, NOOP, CREDENTIAL, unknown frames, and what comes for streams that are
    gone. Stops floods of frames that cost us work and the peer nothing."""

    empty_data_burst: int = 1000
    empty_data_rate: float = 33.0
    """DATA frames without content or FIN (CVE-2019-9518)."""

    ping_burst: int = 10_000
    ping_rate: float = 330.0
    """PING frames received (CVE-2019-9512)."""

    settings_burst: int = 1000
    settings_rate: float = 33.0
    """SETTINGS frames received (CVE-2019-9515)."""

    max_unsent_answers: int = 1000
    """PING replies, RST_STREAM and WINDOW_UPDATE frames that the peer caused and that wait to be
    sent. Stops floods by a peer that does not read."""

    max_open_streams: int = 10_000
    """Streams of the peer that are open at once, where SETTINGS announced no lower limit. More are
    refused with REFUSED_STREAM."""

    max_window_excess: int = 16_384
    """Octets beyond a window that are borne, with ``Config.enforce_windows``. A sender in wide use,
    spdy-transport, sends a chunk of 8 KiB as long as the window is not empty."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")


_BUDGETS = {
    "control.flood": ("control_burst", "control_rate"),
    "data.empty_flood": ("empty_data_burst", "empty_data_rate"),
    "ping.flood": ("ping_burst", "ping_rate"),
    "reset.flood": ("reset_burst", "reset_rate"),
    "reset.provoked": ("provoked_reset_burst", "provoked_reset_rate"),
    "settings.flood": ("settings_burst", "settings_rate"),
    "streams.refused_flood": ("refused_burst", "refused_rate"),
}


class Budgets:
    """The token buckets of one session, by the slug of the refusal; made when first needed.

    :ivar wasted: octets inflated for nothing, less what time has forgiven.
    """

    __slots__ = ("buckets", "clock", "limits", "wasted", "wasted_at")

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self.limits = limits
        self.clock = clock
        self.buckets: dict[str, TokenBucket] = {}
        self.wasted = 0.0
        self.wasted_at = 0.0

    def spend(self, slug: str, work: int = 0) -> None:
        """Take a token from a budget.

        :param work: useful work done on the session so far; each unit earns a token.
        :raises SessionFault: when the budget is used up.
        """
        bucket = self.buckets.get(slug)
        if bucket is None:
            burst, rate = _BUDGETS[slug]
            limits = self.limits
            bucket = TokenBucket(getattr(limits, burst), getattr(limits, rate), self.clock)
            self.buckets[slug] = bucket
        if not bucket.take(work):
            raise SessionFault(GoawayStatus.PROTOCOL_ERROR, slug, "too many of these frames")

    def waste(self, octets: int) -> None:
        """Count octets that were inflated and thrown away.

        :raises SessionFault: when they are too many.
        """
        now = self.clock()
        forgiven = (now - self.wasted_at) * self.limits.wasted_rate
        self.wasted = max(0.0, self.wasted - forgiven) + octets
        self.wasted_at = now
        if self.wasted > self.limits.wasted_burst:
            raise SessionFault(
                GoawayStatus.PROTOCOL_ERROR, "block.wasted", "too much was inflated for nothing"
            )
