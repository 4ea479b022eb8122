"""The abuse budgets: every limit in one place, each with the attack that it stops.

A *token bucket* holds ``burst`` tokens and regains ``rate`` of them each second; an event of
the kind it watches takes one; the connection ends with ENHANCE_YOUR_CALM when it is empty.
A rate lets a connection of any length live; a burst lets an honest client be lively. What goes
along with honest work in proportion to it (WINDOW_UPDATE, PING, some resets) is paid for by that
work.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from .errors import ConnectionFault, ErrorCode


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What a peer may do. Bursts are counts, rates are per second.

    :raises ValueError: for a negative limit.
    """

    max_fields: int = 128
    """Fields of one section, cookie crumbs apart. Stops the field-count bomb (CVE-2026-49975)."""

    max_cookies: int = 256
    """Cookie crumbs of one section. Stops the same bomb made of crumbs; browsers keep no more than
    180 cookies for a site."""

    max_continuation_frames: int = 16
    """CONTINUATION frames of one field block. Stops the CONTINUATION flood (CVE-2024-27316)."""

    max_settings_entries: int = 32
    """Entries of one SETTINGS frame. Stops the large-SETTINGS attack (CVE-2020-11080)."""

    reset_burst: int = 1000
    reset_rate: float = 33.0
    """Streams that the peer opens and resets. Stops rapid reset (CVE-2023-44487)."""

    provoked_reset_burst: int = 1000
    provoked_reset_rate: float = 33.0
    """Streams that we reset for the peer's faults. Stops MadeYouReset (CVE-2025-8671)."""

    control_burst: int = 10_000
    control_rate: float = 330.0
    """PRIORITY, PRIORITY_UPDATE, WINDOW_UPDATE, unknown frames, interim responses, promises, and
    what comes for streams that are gone. Stops floods of frames that cost us work and the peer
    nothing (CVE-2019-9513), and bodies drawn from us octet by octet (CVE-2019-9511)."""

    empty_data_burst: int = 1000
    empty_data_rate: float = 33.0
    """DATA frames without content or END_STREAM. Stops CVE-2019-9518."""

    max_unsent_acknowledgements: int = 1000
    """PING and SETTINGS acknowledgements that wait to be sent. Stops floods by a peer that
    does not read (CVE-2019-9512, CVE-2019-9515)."""

    ping_burst: int = 10_000
    ping_rate: float = 330.0
    """PING frames received, whether or not our answers are read (CVE-2019-9512)."""

    settings_burst: int = 1000
    settings_rate: float = 33.0
    """SETTINGS frames received, whether or not our answers are read (CVE-2019-9515). No honest
    peer changes its mind that often."""

    refused_burst: int = 1000
    refused_rate: float = 33.0
    """Streams beyond the concurrency limit, each refused with REFUSED_STREAM."""

    max_held_field_octets: int = 4_194_304
    """Octets of header and trailer sections of all open streams together, 32 added for each field.
    A request beyond is refused and may be made again. Stops a hundred large sections at once."""

    max_held_frames: int = 32_768
    """DATA frames that the application has not consumed. Stops bodies that come octet by octet for
    a slow application: each frame is an object, and the windows only count octets. One that brings
    32 octets a frame fills the window of the connection first."""

    max_promises: int = 100
    """Promised streams that wait: of a server for a client that lets them not begin, of a client
    for a server that does not send them (or as many as it may have open, if that is more). Stops
    promises that pile up."""

    max_unsent_octets: int = 65_536
    """Octets of header sections and control frames that wait to be sent. Beyond them responses wait
    with their streams open, so that the concurrency limit holds; a peer that causes more
    RST_STREAM and WINDOW_UPDATE frames than that without reading them is cut off. Stops requests
    and faults whose answers nobody reads (CVE-2019-9514, CVE-2019-9517)."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative")


_KEPT_BURSTS = 10
"""Work that is kept to pay with later, in bursts."""


class TokenBucket:
    """A budget of events: ``burst`` at once, refilled at ``rate`` a second and by *work*.

    The clock is asked only once the burst is used up, so an honest peer never costs a call.
    """

    __slots__ = ("burst", "clock", "filled", "rate", "tokens", "work")

    def __init__(self, burst: int, rate: float, clock: Callable[[], float]) -> None:
        self.burst = burst
        self.rate = rate
        self.clock = clock
        self.tokens = burst
        self.filled = clock()
        self.work = 0

    def take(self, work: int = 0) -> bool:
        """Take one token; ``False`` when there is none left.

        :param work: useful work done on the connection so far. Each unit earns a token, so
            that what goes along with honest traffic is never short of them.
        """
        if self.tokens <= 0:
            now = self.clock()
            earned = max(0, work - self.work)
            gained = min(self.burst, int((now - self.filled) * self.rate) + earned)
            if gained <= 0:
                return False
            self.tokens = gained
            self.filled = now
            # What is left over counts the next time: a lot of work may be followed by a lot of
            # what goes along with it.
            self.work = max(self.work + min(earned, gained), work - _KEPT_BURSTS * self.burst)
        self.tokens -= 1
        return True


_BUDGETS = {
    "reset.flood": ("reset_burst", "reset_rate"),
    "reset.provoked": ("provoked_reset_burst", "provoked_reset_rate"),
    "control.flood": ("control_burst", "control_rate"),
    "data.empty_flood": ("empty_data_burst", "empty_data_rate"),
    "ping.flood": ("ping_burst", "ping_rate"),
    "settings.flood": ("settings_burst", "settings_rate"),
    "streams.refused_flood": ("refused_burst", "refused_rate"),
}


class Budgets:
    """The token buckets of one connection, by the slug of the refusal; made when first needed."""

    __slots__ = ("buckets", "clock", "limits")

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self.limits = limits
        self.clock = clock
        self.buckets: dict[str, TokenBucket] | None = None

    def spend(self, slug: str, work: int = 0) -> None:
        """Take a token from a budget.

        :raises ConnectionFault: ENHANCE_YOUR_CALM, when the budget is used up.
        """
        if self.buckets is None:
            self.buckets = {}
        bucket = self.buckets.get(slug)
        if bucket is None:
            burst, rate = _BUDGETS[slug]
            limits = self.limits
            bucket = TokenBucket(getattr(limits, burst), getattr(limits, rate), self.clock)
            self.buckets[slug] = bucket
        if not bucket.take(work):
            raise ConnectionFault(ErrorCode.ENHANCE_YOUR_CALM, slug, "too many of these frames")
