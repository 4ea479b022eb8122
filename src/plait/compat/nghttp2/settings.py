"""What the original announces, and what it tells its handlers."""

from __future__ import annotations

import logging

from plait.http2 import Config
from plait.server.customs import Customs

# MAX_CONCURRENT_STREAMS and INITIAL_WINDOW_SIZE, in this order.
ORIGINAL_SETTINGS = Config(
    max_concurrent_streams=100,
    initial_window_size=65_535,
    connection_window_size=65_535,
    announce_defaults=True,
    announce_header_list_size=False,
    enable_connect_protocol=False,
    no_rfc7540_priorities=False,
    # The attribute `host` is the last of `:authority` and `host`, hence both may be there.
    host_may_differ=True,
    # When a callback raises, the response that it has sent is dropped.
    withdrawable_responses=True,
    # The reset of an early response follows it at once.
    dropped_octets=0,
)

# Programs written for the original may count on what it told its handlers.
ORIGINAL_CUSTOMS = Customs(
    client_scheme=True,
    malformed_requests=True,
    withdrawn_requests=True,
    trailers_in_headers=True,
    connections_level=logging.INFO,
)
