"""One frozen ``Config`` for the engine: what is announced to the peer, and every limit.

The settings (RFC 9113 §6.5.2) that differ from the protocol's initial value, or are not
``None``, are announced in the first SETTINGS frame. The abuse budgets and the attacks that they
stop are described in ``plait.http2.limits``.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from .constants import (
    DEFAULT_WINDOW,
    MAX_MAX_FRAME_SIZE,
    MAX_WINDOW,
    MIN_MAX_FRAME_SIZE,
    Role,
    SettingCode,
)
from .limits import Limits


@dataclass(frozen=True, kw_only=True, slots=True)
class Config:
    """How a ``Connection`` behaves. Immutable: derive another with ``with_(...)``.

    :raises ValueError: for a value outside the range that RFC 9113 allows.
    """

    header_table_size: int = 4096
    """Octets of HPACK table that the peer may use towards us (RFC 9113 §6.5.2)."""

    encoder_table_size: int = 4096
    """Octets of HPACK table that we use at most towards the peer, whatever it allows."""

    max_concurrent_streams: int | None = 100
    """Streams the peer may have open at once; ``None`` announces no limit."""

    initial_window_size: int = 262_144
    """Octets of credit of a new stream of the peer: 256 KiB feed one upload at 25 Mbit/s over
    a round trip of 80 ms."""

    connection_window_size: int = 1_048_576
    """Octets of credit of the whole connection, at least 65,535: room for four full streams."""

    max_frame_size: int = MIN_MAX_FRAME_SIZE
    """Octets of the largest frame payload we accept: 2^14 .. 2^24-1."""

    max_header_list_size: int = 65_536
    """Octets of the largest field section we accept, 32 added for each field; announced."""

    enable_push: bool | None = None
    """Client: ``False`` announces that pushes are refused, ``True`` or ``None`` leaves them on."""

    enable_connect_protocol: bool = True
    """Server: announce extended CONNECT (RFC 8441)."""

    no_rfc7540_priorities: bool = True
    """Announce that RFC 7540's priority signals are not used (RFC 9218 §2.1)."""

    announce_defaults: bool = False
    """Announce initial window size even where it is the protocol's own initial value."""

    announce_header_list_size: bool = True
    """Announce ``max_header_list_size``; it is enforced in any case."""

    reset_unread_request: bool = True
    """Server: after a complete response to an incomplete request the stream is over, and the client
    told to stop by RST_STREAM(NO_ERROR) (RFC 9113 §8.1). Without, the application gets the rest."""

    dropped_octets: int = MAX_WINDOW
    """Server: octets of such a request that are dropped before its response ends, where it has told
    its length: by default as many as the client has credit for. There are clients that lose a
    response which ends while they send. 0: it ends at once."""

    host_may_differ: bool = False
    """Let a ``host`` field pass that is not the ``:authority`` (RFC 9113 §8.3.1: SHOULD NOT)."""

    transport_scheme: bytes | None = None
    """Server: what ``RequestReceived.scheme`` tells, ``b"https"`` or ``b"http"``: the transport
    knows, and a client that claims otherwise is not believed. ``None``: the client's word."""

    withdrawable_responses: bool = False
    """Server: write responses only when octets are asked for, not when they are submitted. Until
    then ``reset_stream`` withdraws one, and the main responses precede pushed ones."""

    check_received_fields: bool = True
    """Reset streams whose header or trailer sections are malformed (RFC 9113 §8.1.1). Without, the
    application gets whatever fields came, unchecked: for tests, and for tools that show traffic."""

    check_sent_fields: bool = True
    """Refuse to send malformed sections. Without, fields leave as they are given, names in any
    case: for tests of how a peer takes them."""

    settings_first: bool = True
    """End the connection if the peer's first frame is not SETTINGS (RFC 9113 §3.4). Without, any
    will do: for tests that have no preface."""

    report_priorities: bool = False
    """Tell RFC 7540's priorities, which the engine ignores, as ``PriorityReceived``."""

    limits: Limits = field(default_factory=Limits)
    """The abuse budgets."""

    clock: Callable[[], float] = time.monotonic
    """Seconds, monotonic: refills the budgets. Tests inject their own."""

    def __post_init__(self) -> None:
        for name, low, high in (
            ("header_table_size", 0, 2**32 - 1),
            ("encoder_table_size", 0, 2**32 - 1),
            ("initial_window_size", 0, MAX_WINDOW),
            ("connection_window_size", DEFAULT_WINDOW, MAX_WINDOW),
            ("max_frame_size", MIN_MAX_FRAME_SIZE, MAX_MAX_FRAME_SIZE),
            ("max_header_list_size", 1, 2**32 - 1),
            ("dropped_octets", 0, MAX_WINDOW),
        ):
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"{name} must lie between {low} and {high}, not {value}")
        streams = self.max_concurrent_streams
        if streams is not None and not 0 <= streams <= 2**32 - 1:
            raise ValueError(f"max_concurrent_streams must not be {streams}")

    def with_(self, **changes: Any) -> Config:
        """Return a copy with the given attributes changed; checked like a new one."""
        return replace(self, **changes)

    def first_settings(self, role: Role) -> dict[int, int]:
        """Return the settings to announce first, by code, in the order they are written."""
        settings: dict[int, int] = {}
        if self.header_table_size != 4096:
            settings[SettingCode.HEADER_TABLE_SIZE] = self.header_table_size
        if role == Role.CLIENT and self.enable_push is not None:
            settings[SettingCode.ENABLE_PUSH] = int(self.enable_push)
        if self.max_concurrent_streams is not None:
            settings[SettingCode.MAX_CONCURRENT_STREAMS] = self.max_concurrent_streams
        if self.initial_window_size != DEFAULT_WINDOW or self.announce_defaults:
            settings[SettingCode.INITIAL_WINDOW_SIZE] = self.initial_window_size
        if self.max_frame_size != MIN_MAX_FRAME_SIZE:
            settings[SettingCode.MAX_FRAME_SIZE] = self.max_frame_size
        if self.announce_header_list_size:
            settings[SettingCode.MAX_HEADER_LIST_SIZE] = self.max_header_list_size
        if role == Role.SERVER and self.enable_connect_protocol:
            settings[SettingCode.ENABLE_CONNECT_PROTOCOL] = 1
        if self.no_rfc7540_priorities:
            settings[SettingCode.NO_RFC7540_PRIORITIES] = 1
        return {int(code): value for code, value in settings.items()}
